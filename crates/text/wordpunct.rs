//! Words as NLTK's `WordPunctTokenizer` finds them: `\w+|[^\w\s]+` with the classes of Python's `re`.

use crate::characters::{is_ascii_space, is_space, is_word_character};

/// Replaces `words` by the byte ranges of runs of word characters and runs of other marks; white space parts them.
/// `text` is shorter than 4 GiB.
pub fn split_wordpunct(text: &str, words: &mut Vec<(u32, u32)>) {
    words.clear();
    let bytes = text.as_bytes();
    let (mut at, mut start, mut open) = (0, 0, SPACE);
    while at < bytes.len() {
        let byte = bytes[at];
        let (class, length) = if byte.is_ascii() {
            (CLASSES[byte as usize], 1)
        } else {
            let c = text[at..].chars().next().unwrap_or(' ');
            (class_of(c), c.len_utf8())
        };
        if class != open {
            if open != SPACE {
                words.push((start as u32, at as u32));
            }
            (start, open) = (at, class);
        }
        at += length;
    }
    if open != SPACE {
        words.push((start as u32, at as u32));
    }
}

const SPACE: u8 = 0;
const WORD: u8 = 1;
const MARK: u8 = 2;

fn class_of(c: char) -> u8 {
    match c {
        _ if is_word_character(c) => WORD,
        _ if is_space(c) => SPACE,
        _ => MARK,
    }
}

const CLASSES: [u8; 128] = {
    let mut classes = [MARK; 128];
    let mut at = 0;
    while at < 128 {
        let byte = at as u8;
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            classes[at] = WORD;
        } else if is_ascii_space(byte) {
            classes[at] = SPACE;
        }
        at += 1;
    }
    classes
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<&str> {
        let mut ranges = vec![(7, 7)];
        split_wordpunct(text, &mut ranges);
        ranges.iter().map(|&(start, end)| &text[start as usize..end as usize]).collect()
    }

    /// Character by character.
    fn naive(text: &str) -> Vec<String> {
        let (mut words, mut last): (Vec<String>, u8) = (Vec::new(), SPACE);
        for c in text.chars() {
            let class = class_of(c);
            match words.last_mut() {
                Some(word) if class == last && class != SPACE => word.push(c),
                _ if class != SPACE => words.push(c.to_string()),
                _ => {}
            }
            last = class;
        }
        words
    }

    // Expected values are NLTK's (3.8.1).
    #[test]
    fn marks_in_a_row_are_one_word() {
        assert_eq!(words("Don't pay $3.50..."), ["Don", "'", "t", "pay", "$", "3", ".", "50", "..."]);
        assert_eq!(words("a_b\u{A0}½x\u{1C}—“é”"), ["a_b", "½x", "—“", "é", "”"]);
        // A combining mark is no word character for `re`.
        assert_eq!(
            words("e\u{301}t हिन्दी"),
            ["e", "\u{301}", "t", "ह", "\u{93F}", "न", "\u{94D}", "द", "\u{940}"]
        );
        assert_eq!(words(""), [""; 0]);
        assert_eq!(words(" \u{2003}\n"), [""; 0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn words_are_the_naive_ones(text in "[a1_.'é\u{301}世½ \n\u{85}\u{A0}\u{200B}…“]{0,24}|\\PC{0,24}") {
            prop_assert_eq!(words(&text), naive(&text));
        }
    }
}
