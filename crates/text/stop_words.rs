//! A list of stop words.

use crate::characters::strip;

/// Stop words of one language, case-sensitive.
#[derive(Clone, Debug, Default)]
pub struct StopWords {
    /// In the order of their buckets.
    words: Vec<Box<str>>,
    /// Where each bucket begins, and the last one ends.
    buckets: Vec<usize>,
}

impl StopWords {
    const BUCKETS: usize = 256;

    /// `list` holds one word per line; blank lines are left out.
    pub fn new(list: &str) -> StopWords {
        let mut words: Vec<Box<str>> =
            list.lines().map(strip).filter(|w| !w.is_empty()).map(Box::from).collect();
        words.sort_unstable_by(|a, b| (Self::bucket(a), a).cmp(&(Self::bucket(b), b)));
        words.dedup();
        let start = |bucket| words.partition_point(|word| Self::bucket(word) < bucket);
        let buckets = (0..=Self::BUCKETS).map(start).collect();
        StopWords { words, buckets }
    }

    pub fn contains(&self, word: &str) -> bool {
        let bucket = Self::bucket(word);
        let words = match self.buckets.get(bucket..bucket + 2) {
            Some(&[start, end]) => &self.words[start..end],
            _ => &[],
        };
        words.iter().any(|known| **known == *word)
    }

    fn bucket(word: &str) -> usize {
        let byte = |byte: Option<&u8>| byte.map_or(0, |byte| usize::from(*byte));
        let (first, last) = (byte(word.as_bytes().first()), byte(word.as_bytes().last()));
        (first * 31 + last * 7 + word.len()) % Self::BUCKETS
    }
}
