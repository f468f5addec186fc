//! Shingles: n consecutive words, hashed as datatrove does (xxh64, seed 0, of the words joined by one space).

use sha1::{Digest, Sha1};
use unicode_segmentation::UnicodeSegmentation;
use xxhash_rust::xxh32::xxh32;
use xxhash_rust::xxh64::xxh64;

/// Words per shingle, as in datatrove, FineWeb and most published pipelines.
pub const SHINGLE_WORDS: usize = 5;

/// How a shingle becomes a number; the four of datatrove's `HashConfig`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShingleHash {
    #[default]
    Xxh64,
    Xxh32,
    /// The first eight bytes of the digest, little-endian: FineWeb's.
    Sha1In64,
    /// The first four.
    Sha1In32,
}

/// Buffers that a worker keeps from document to document.
#[derive(Default)]
pub struct ShingleScratch {
    hashes: Vec<u64>,
    joined: Vec<u8>,
}

impl ShingleScratch {
    /// Gives the hashes that were made last for another buffer, without a copy.
    pub fn exchange(&mut self, hashes: &mut Vec<u64>) {
        std::mem::swap(&mut self.hashes, hashes);
    }
}

/// The hashes of all shingles of `n` words, in text order and with repeats; none if there are fewer words.
///
/// `words` are byte ranges into `normalized`, ascending and disjoint; a range outside of it counts as empty.
pub fn shingle_hashes<'s>(
    normalized: &str,
    words: &[(u32, u32)],
    n: usize,
    scratch: &'s mut ShingleScratch,
) -> &'s [u64] {
    hashes_by(|shingle| xxh64(shingle, 0), normalized, words, n, scratch)
}

/// [`shingle_hashes`] by another hash.
pub fn shingle_hashes_by<'s>(
    hash: ShingleHash,
    normalized: &str,
    words: &[(u32, u32)],
    n: usize,
    scratch: &'s mut ShingleScratch,
) -> &'s [u64] {
    match hash {
        ShingleHash::Xxh64 => shingle_hashes(normalized, words, n, scratch),
        ShingleHash::Xxh32 => {
            hashes_by(|shingle| u64::from(xxh32(shingle, 0)), normalized, words, n, scratch)
        }
        ShingleHash::Sha1In64 => hashes_by(sha1_start, normalized, words, n, scratch),
        ShingleHash::Sha1In32 => {
            hashes_by(|shingle| sha1_start(shingle) & u64::from(u32::MAX), normalized, words, n, scratch)
        }
    }
}

fn sha1_start(shingle: &[u8]) -> u64 {
    Sha1::digest(shingle).iter().take(8).rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[inline(always)]
fn hashes_by<'s>(
    hash: impl Fn(&[u8]) -> u64,
    normalized: &str,
    words: &[(u32, u32)],
    n: usize,
    scratch: &'s mut ShingleScratch,
) -> &'s [u64] {
    let text = normalized.as_bytes();
    let ShingleScratch { hashes, joined } = scratch;
    hashes.clear();
    if n == 0 || words.len() < n {
        return hashes;
    }
    hashes.reserve(words.len() + 1 - n);
    // Words `plain_from..=last` are one space apart, so that joining them gives a slice of the text itself.
    let mut plain_from = 0;
    for last in 0..words.len() {
        if last > 0 && !one_space_apart(text, words[last - 1], words[last]) {
            plain_from = last;
        }
        let Some(first) = (last + 1).checked_sub(n) else { continue };
        if plain_from <= first {
            hashes.push(hash(slice(text, (words[first].0, words[last].1))));
            continue;
        }
        joined.clear();
        for (at, word) in words[first..=last].iter().enumerate() {
            if at > 0 {
                joined.push(b' ');
            }
            joined.extend_from_slice(slice(text, *word));
        }
        hashes.push(hash(joined));
    }
    hashes
}

/// Words of a normalised text, by UAX-29 in each run between spaces, as byte ranges that replace `words`.
///
/// A run of ASCII letters and digits between spaces is one word there, and normalising leaves little else.
pub fn normalized_words(normalized: &str, words: &mut Vec<(u32, u32)>) {
    words.clear();
    let mut start = 0;
    for run in normalized.split(' ') {
        if !run.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            words.extend(run.unicode_word_indices().map(|(at, word)| range(start + at, word.len())));
        } else if !run.is_empty() {
            words.push(range(start, run.len()));
        }
        start += run.len() + 1;
    }
}

fn range(start: usize, bytes: usize) -> (u32, u32) {
    // Documents are far below 4 GiB (64 MiB by default); a range beyond saturates and counts as empty.
    (u32::try_from(start).unwrap_or(u32::MAX), u32::try_from(start + bytes).unwrap_or(u32::MAX))
}

fn slice(text: &[u8], (start, end): (u32, u32)) -> &[u8] {
    text.get(start as usize..end as usize).unwrap_or_default()
}

fn one_space_apart(text: &[u8], before: (u32, u32), after: (u32, u32)) -> bool {
    after.0.checked_sub(before.1) == Some(1) && text.get(before.1 as usize) == Some(&b' ')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn joined(normalized: &str, words: &[(u32, u32)], n: usize) -> Vec<u64> {
        let words: Vec<&str> = words.iter().map(|w| &normalized[w.0 as usize..w.1 as usize]).collect();
        words.windows(n).map(|w| xxh64(w.join(" ").as_bytes(), 0)).collect()
    }

    #[test]
    fn fewer_words_than_a_shingle_give_none() {
        let mut words = Vec::new();
        let mut scratch = ShingleScratch::default();
        normalized_words("one two three four", &mut words);
        assert!(shingle_hashes("one two three four", &words, 5, &mut scratch).is_empty());
        assert_eq!(shingle_hashes("one two three four", &words, 4, &mut scratch).len(), 1);
        assert!(shingle_hashes("", &[], 0, &mut scratch).is_empty());
    }

    #[test]
    fn words_that_touch_are_joined_by_a_space() {
        let text = "东京 dogs 5";
        let words = [(0, 3), (3, 6), (7, 10), (10, 11), (12, 13)];
        let mut scratch = ShingleScratch::default();
        assert_eq!(shingle_hashes(text, &words, 5, &mut scratch), [xxh64("东 京 dog s 5".as_bytes(), 0)]);
    }

    #[test]
    fn hashes_of_the_reference() {
        // "the quick brown fox aged" by datatrove's own functions.
        let text = "the quick brown fox aged";
        let (mut words, mut scratch) = (Vec::new(), ShingleScratch::default());
        normalized_words(text, &mut words);
        let mut by = |hash| shingle_hashes_by(hash, text, &words, 5, &mut scratch)[0];
        assert_eq!(by(ShingleHash::Xxh64), 1_011_826_756_027_247_215);
        assert_eq!(by(ShingleHash::Xxh32), 3_363_255_405);
        assert_eq!(by(ShingleHash::Sha1In64), 5_866_754_418_644_110_765);
        assert_eq!(by(ShingleHash::Sha1In32), 1_941_720_493);
    }

    #[test]
    fn words_of_cjk_and_latin() {
        let mut words = Vec::new();
        let text = "the cafe 东京  привет";
        normalized_words(text, &mut words);
        let found: Vec<&str> = words.iter().map(|w| &text[w.0 as usize..w.1 as usize]).collect();
        assert_eq!(found, ["the", "cafe", "东", "京", "привет"]);
    }

    proptest! {
        #[test]
        fn equals_joined_words(text in "([a-c0]{1,3}| |é|东|ا|‘|\\PC){0,40}", n in 1_usize..6) {
            let mut normalized = String::new();
            crate::normalize::simplify_text(&text, &mut normalized);
            let mut words = Vec::new();
            normalized_words(&normalized, &mut words);
            let whole: Vec<&str> = normalized.split(' ').flat_map(str::unicode_words).collect();
            let cut: Vec<&str> = words.iter().map(|w| &normalized[w.0 as usize..w.1 as usize]).collect();
            prop_assert_eq!(cut, whole);
            let mut scratch = ShingleScratch::default();
            prop_assert_eq!(shingle_hashes(&normalized, &words, n, &mut scratch), joined(&normalized, &words, n));
        }
    }
}
