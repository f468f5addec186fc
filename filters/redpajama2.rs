//! The quality signals of RedPajama-V2: 22 of the document, 6 of its lines, which the ledger has as means over lines.
//!
//! They carry the names under which RedPajama-V2 publishes them. Where it gives none (no words, no lines), the ledger
//! has none. There are two kinds of words: raw ones, by NLTK's `WordPunctTokenizer`, and normalised ones, without ASCII
//! punctuation, in lower case and NFD, so that an accented letter counts as two characters. The reference ships no
//! thresholds: the checks are off, with the limits of the example on its dataset card.
//!
//! Quirks that are kept: punctuation is deleted before words are split (`and/or` is `andor`); stop words are compared
//! with raw words and so case-sensitive; an entry of the word list that holds punctuation is never found. Documents
//! whose language is unknown count as English; stop words are known for RedPajama-V2's five languages, the list of
//! bad words for English (of the other lists the reference only finds entries in lower case, which ours all are).

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use document::{
    Check, Document, Filter, FilterSpec, Judge, Raised, Settings, Signal, Signals, at_most, between,
};
use memchr::memmem::Finder;
use memchr::{memchr_iter, memchr2_iter};
use text::StopWords;
use text::bare_words::BareWords;
use text::characters::count_chars;
use text::grams::{Grams, Parts};
use text::python::is_upper_word;
use text::rounding::round_to;
use text::wordpunct::split_wordpunct;

use crate::bad_words::imported;
pub use crate::redpajama2_lines::{Line, lines, spans};
use crate::redpajama2_lines::{LineSums, measure_line};
use crate::scratch::Pool;

/// Decimals of every score.
pub(crate) const PRECISION: usize = 8;

pub const FILTER: FilterSpec = FilterSpec {
    name: "redpajama2",
    source: "RedPajama-V2 (Weber et al. 2024), together's quality signals; limits: example of its dataset card",
    about: "What are its RedPajama-V2 quality signals? Drops nothing unless a recipe sets limits.",
    checks: &[
        Check::new("odd_word_count", between(Signal::RpsWords, 50.0, 10_000.0), "A stub or a dump.")
            .known_as(&[("redpajama", "rps_doc_word_count")])
            .optional(),
        Check::new(
            "odd_word_length",
            between(Signal::RpsMeanWordLength, 3.0, 10.0),
            "Words of prose are neither short nor long.",
        )
        .known_as(&[("redpajama", "rps_doc_mean_word_length")])
        .optional(),
        Check::new(
            "too_many_symbols",
            at_most(Signal::RpsSymbolsPerWord, 0.1),
            "Hash signs and ellipses: tags and teasers.",
        )
        .known_as(&[("redpajama", "rps_doc_symbol_to_word_ratio")])
        .optional(),
        Check::new("too_many_bullets", at_most(Signal::RpsBulletLines, 0.9), "A list, not a text.")
            .known_as(&[("redpajama", "rps_lines_start_with_bulletpoint")])
            .optional(),
        Check::new(
            "frequent_2_gram",
            at_most(Signal::RpsTop2Gram, 0.2),
            "One pair of words fills too much of the text.",
        )
        .known_as(&[("redpajama", "rps_doc_frac_chars_top_2gram")])
        .optional(),
    ],
    signals: &[
        Signal::RpsUniqueWords,
        Signal::RpsUnigramEntropy,
        Signal::RpsTop3Gram,
        Signal::RpsTop4Gram,
        Signal::RpsDuplicate5Grams,
        Signal::RpsDuplicate6Grams,
        Signal::RpsDuplicate7Grams,
        Signal::RpsDuplicate8Grams,
        Signal::RpsDuplicate9Grams,
        Signal::RpsDuplicate10Grams,
        Signal::RpsLoremIpsum,
        Signal::RpsBadWords,
        Signal::RpsStopWords,
        Signal::RpsAllCapsWords,
        Signal::RpsNoAlphaWords,
        Signal::RpsSentences,
        Signal::RpsCurlyBrackets,
        Signal::RpsEllipsisLines,
        Signal::RpsLineWords,
        Signal::RpsPunctuatedLines,
        Signal::RpsLineCapitals,
        Signal::RpsLineNumbers,
        Signal::RpsLineJavascript,
    ],
    options: &[],
    judge: Judge::Document(build),
};

/// For n = 2 to 10.
const GRAMS: [Signal; 9] = [
    Signal::RpsTop2Gram,
    Signal::RpsTop3Gram,
    Signal::RpsTop4Gram,
    Signal::RpsDuplicate5Grams,
    Signal::RpsDuplicate6Grams,
    Signal::RpsDuplicate7Grams,
    Signal::RpsDuplicate8Grams,
    Signal::RpsDuplicate9Grams,
    Signal::RpsDuplicate10Grams,
];

macro_rules! stop_words {
    ($($language:literal)*) => {
        const STOP_WORDS: &[(&str, &str)] =
            &[$(($language, include_str!(concat!("../rules/lists/stopwords_json/", $language, ".txt"))),)*];
    };
}

stop_words! { "de" "en" "es" "fr" "it" }

/// Signs that count as symbols, beside the hash sign.
const ELLIPSES: [&str; 2] = ["...", "…"];

struct RedPajama {
    stop_words: BTreeMap<&'static str, StopWords>,
    bad_words: AhoCorasick,
    ellipses: [Finder<'static>; 2],
    lorem_ipsum: Finder<'static>,
    pool: Pool<Scratch>,
}

#[derive(Default)]
struct Scratch {
    raw_words: Vec<(u32, u32)>,
    bare: BareWords,
    words: Parts,
    grams: Grams,
}

fn build(_: &Settings) -> Result<Box<dyn Filter>, String> {
    let bad_words = AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(imported("en")?);
    Ok(Box::new(RedPajama {
        stop_words: STOP_WORDS.iter().map(|(language, list)| (*language, StopWords::new(list))).collect(),
        bad_words: bad_words.map_err(|error| error.to_string())?,
        ellipses: ELLIPSES.map(Finder::new),
        lorem_ipsum: Finder::new("lorem ipsum"),
        pool: Pool::new(),
    }))
}

impl Filter for RedPajama {
    fn judge(&self, document: &mut Document<'_>, signals: &mut Signals, _: &mut Raised, _: &mut String) {
        let language = document.language.map_or("en", |language| language.short);
        let mut scores = Scores(signals);
        self.pool.lend(|scratch| {
            scratch.bare.clear();
            let mut sums = LineSums::default();
            for line in document.text.split_inclusive('\n') {
                sums.add(&measure_line(line, &mut scratch.bare));
            }
            sums.write(&mut scores);
            self.raw_words(document.text, language, scratch, &mut scores);
            self.words(language, scratch, &mut scores);
        });
    }
}

impl RedPajama {
    fn raw_words(&self, text: &str, language: &str, scratch: &mut Scratch, scores: &mut Scores) {
        split_wordpunct(text, &mut scratch.raw_words);
        let stop_words = self.stop_words.get(language);
        let (mut stops, mut capitals, mut alphabetic, mut sentences) = (0, 0, 0, 0);
        let mut in_sentence = false;
        for &(start, end) in &scratch.raw_words {
            let word = &text[start as usize..end as usize];
            stops += stop_words.is_some_and(|list| list.contains(word)) as usize;
            capitals += is_upper_word(word) as usize;
            alphabetic += word.bytes().any(|byte| byte.is_ascii_alphabetic()) as usize;
            // `\b[^.!?]+[.!?]*`: after the end of a sentence, the next boundary is where a word begins.
            if is_wordlike(word) {
                sentences += !in_sentence as usize;
                in_sentence = true;
            } else if word.contains(['.', '!', '?']) {
                in_sentence = false;
            }
        }
        let words = scratch.raw_words.len();
        let has_words = !scratch.bare.words().is_empty();
        scores.count(Signal::RpsSentences, sentences);
        if stop_words.is_some() {
            scores.ratio_or_zero(Signal::RpsStopWords, if has_words { stops } else { 0 }, words);
        }
        scores.ratio(Signal::RpsAllCapsWords, capitals, words);
        if words > 0 {
            scores.set(Signal::RpsNoAlphaWords, 1.0 - alphabetic as f64 / words as f64);
        }
        let bytes = text.as_bytes();
        let ellipses: usize = self.ellipses.iter().map(|sign| sign.find_iter(bytes).count()).sum();
        scores.ratio(Signal::RpsSymbolsPerWord, memchr_iter(b'#', bytes).count() + ellipses, words);
        let brackets = memchr2_iter(b'{', b'}', bytes).count();
        scores.ratio_or_zero(Signal::RpsCurlyBrackets, brackets, count_chars(text));
    }

    /// What is measured on the normalised words.
    fn words(&self, language: &str, scratch: &mut Scratch, scores: &mut Scores) {
        let Scratch { bare, words, grams, .. } = scratch;
        words.read(bare.text(), bare.words().iter().copied());
        let count = words.numbers.len();
        let chars: usize = words.distinct.iter().map(|word| word.count as usize * word.chars as usize).sum();
        scores.count(Signal::RpsWords, count);
        scores.ratio(Signal::RpsMeanWordLength, chars, count);
        scores.ratio(Signal::RpsUniqueWords, words.distinct.len(), count);
        if count > 0 {
            let share = |occurrences: u32| occurrences as f64 / count as f64;
            let terms = words.distinct.iter().map(|word| -share(word.count) * share(word.count).ln());
            scores.set(Signal::RpsUnigramEntropy, terms.sum());
        }
        grams.begin(words);
        for signal in GRAMS {
            grams.lengthen();
            let n = grams.n();
            let repeated = if n < 5 {
                grams.top().map_or(0, |top| words.chars(top.first..top.first + n) * top.count)
            } else {
                grams.covered().map(|range| words.chars(range)).sum()
            };
            scores.ratio_or_zero(signal, repeated, chars);
        }
        let text = bare.text();
        let lorem_ipsum = self.lorem_ipsum.find_iter(text.as_bytes()).count();
        // The normalised text has a blank between words.
        scores.ratio_or_zero(Signal::RpsLoremIpsum, lorem_ipsum, chars + count.saturating_sub(1));
        if language == "en" {
            let hits = self.bad_words.find_overlapping_iter(text);
            let whole = hits.filter(|hit| stands_alone(text.as_bytes(), hit.start(), hit.end()));
            scores.count(Signal::RpsBadWords, whole.count());
        }
    }
}

/// A raw word is all word characters or none.
fn is_wordlike(word: &str) -> bool {
    match word.as_bytes() {
        [first, ..] if first.is_ascii() => first.is_ascii_alphanumeric() || *first == b'_',
        _ => word.chars().next().is_some_and(text::characters::is_word_character),
    }
}

fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    (start == 0 || text[start - 1] == b' ') && text.get(end).is_none_or(|byte| *byte == b' ')
}

/// Signals, rounded as the reference rounds.
pub(crate) struct Scores<'s>(&'s mut Signals);

impl Scores<'_> {
    pub(crate) fn set(&mut self, signal: Signal, value: f64) {
        self.0.set(signal, round_to(value, PRECISION));
    }

    fn count(&mut self, signal: Signal, count: usize) {
        self.0.set(signal, count as f64);
    }

    /// None where there is nothing to divide by.
    pub(crate) fn ratio(&mut self, signal: Signal, numerator: usize, denominator: usize) {
        if denominator > 0 {
            self.set(signal, numerator as f64 / denominator as f64);
        }
    }

    fn ratio_or_zero(&mut self, signal: Signal, numerator: usize, denominator: usize) {
        self.set(signal, numerator as f64 / denominator.max(1) as f64);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "redpajama2_tests.rs"]
mod tests;
