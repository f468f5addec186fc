//! Words and sentences of held-out text, without any language's rules: white space and punctuation alone.

use std::collections::{BTreeMap, BTreeSet};

/// The most frequent words of a text hold its sentences together, in any language that writes spaces; of few words a
/// quarter.
const FUNCTION_WORDS: usize = 50;
/// Sentences are taken between these numbers of words, and so many of one document.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=32;
const PER_DOCUMENT: usize = 16;

/// Words of held-out text with their frequency.
pub struct Vocabulary {
    counts: BTreeMap<String, usize>,
    /// By falling frequency.
    ranked: Vec<String>,
    function_words: BTreeSet<String>,
}

impl Vocabulary {
    pub fn new(texts: &[String]) -> Self {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for word in texts.iter().flat_map(|text| text.split_whitespace()).filter(|word| is_plain(word)) {
            *counts.entry(word.to_lowercase()).or_default() += 1;
        }
        let mut ranked: Vec<String> = counts.keys().cloned().collect();
        ranked.sort_by_key(|word| std::cmp::Reverse(counts[word]));
        let function_words = ranked.iter().take(FUNCTION_WORDS.min(ranked.len() / 4)).cloned().collect();
        Vocabulary { counts, ranked, function_words }
    }

    pub fn is_function_word(&self, word: &str) -> bool {
        self.function_words.contains(&word.to_lowercase())
    }

    /// Other words as frequent as `word`, to a quarter, and about as long, to a byte.
    pub fn like(&self, word: &str) -> Vec<&str> {
        let Some(&count) = self.counts.get(word) else { return Vec::new() };
        let is_like = |other: &&String| {
            let n = self.counts[*other];
            *other != word
                && other.len().abs_diff(word.len()) <= 1
                && 4 * n <= 5 * count
                && 4 * count <= 5 * n
        };
        self.ranked.iter().filter(is_like).map(String::as_str).collect()
    }

    /// All words, the most frequent first.
    pub fn words(&self) -> &[String] {
        &self.ranked
    }
}

/// Letters and digits alone.
pub fn is_plain(word: &str) -> bool {
    word.chars().all(char::is_alphanumeric)
}

/// A sentence and the document that it is of.
pub struct Sentence<'t> {
    pub document: usize,
    pub words: Vec<&'t str>,
}

/// Sentences of all texts, the first of each, then the second: words up to a full stop, within a line.
pub fn sentences(texts: &[String]) -> Vec<Sentence<'_>> {
    let mut found = Vec::new();
    for (document, text) in texts.iter().enumerate() {
        let mut n = 0;
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let is_end = |word: &&str| word.ends_with(['.', '!', '?']);
            for words in words.split_inclusive(is_end) {
                if n < PER_DOCUMENT && LENGTHS.contains(&words.len()) && words.last().is_some_and(is_end) {
                    found.push((n, Sentence { document, words: words.to_vec() }));
                    n += 1;
                }
            }
        }
    }
    found.sort_by_key(|(n, sentence)| (*n, sentence.document));
    found.into_iter().map(|(_, sentence)| sentence).collect()
}
