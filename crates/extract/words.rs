//! Hashes of words and texts: all that comparing them needs.

/// Words of a title that count.
const MAX_WORDS: usize = 64;

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

fn step(hash: u64, value: u64) -> u64 {
    // FNV's step, then the high bits are brought down.
    let hash = (hash ^ value).wrapping_mul(0x0000_0100_0000_01b3);
    hash ^ (hash >> 29)
}

/// Lower-cased words; a letter of a script without spaces is one.
pub(crate) fn hash_words(text: &str) -> Vec<u64> {
    let mut words = Vec::new();
    let mut word = SEED;
    for character in text.chars().chain([' ']) {
        if character.is_alphanumeric() && character < '\u{2e80}' {
            if character.is_ascii() {
                word = step(word, u64::from(character.to_ascii_lowercase()));
            } else {
                word = character.to_lowercase().fold(word, |word, lower| step(word, u64::from(lower)));
            }
            continue;
        }
        if word != SEED {
            words.push(std::mem::replace(&mut word, SEED));
        }
        if character.is_alphanumeric() {
            words.push(step(SEED, u64::from(character)));
        }
        if words.len() >= MAX_WORDS {
            break;
        }
    }
    words
}

/// Equal texts, equal hashes.
pub(crate) fn hash_text(text: &str) -> u64 {
    let mut chunks = text.as_bytes().chunks_exact(8);
    let mut hash = step(SEED, text.len() as u64);
    for chunk in &mut chunks {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(chunk);
        hash = step(hash, u64::from_le_bytes(bytes));
    }
    chunks.remainder().iter().fold(hash, |hash, byte| step(hash, u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::{hash_text, hash_words};

    #[test]
    fn words_are_compared_without_case_and_signs() {
        assert_eq!(hash_words("Über 'das' Land"), hash_words("über das, LAND!"));
        assert_eq!(
            hash_words("新闻 news"),
            [hash_words("新"), hash_words("闻"), hash_words("NEWS")].concat()
        );
        assert_eq!(hash_words(" ,. "), [0u64; 0]);
        assert_eq!(hash_words(&"a ".repeat(1000)).len(), 64);
    }

    #[test]
    fn texts_differ() {
        assert_ne!(hash_text("12345678a"), hash_text("12345678b"));
        assert_ne!(hash_text("aaaaaaaabbbbbbbb"), hash_text("bbbbbbbbaaaaaaaa"));
        assert_ne!(hash_text("\0"), hash_text(""));
    }
}
