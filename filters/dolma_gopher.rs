//! Dolma's taggers `gopher_v1` and `gopher_v2`, with the thresholds of its published mixes.
//!
//! Words stand between white space, lengths are code points, and the divisor of most shares of characters is the
//! characters of the words alone. Scores are rounded to 5 decimals before they are judged, as the mixer reads them. The
//! published mixes name `…most_common_2gram` where the tagger writes `…2grams`, so their three rules on frequent n-grams
//! never fire: to decide as published, switch those three checks off, as the recipe `dolma` does.

use std::collections::BTreeMap;

use document::{
    Check, Document, Filter, FilterSpec, Judge, OptionSpec, Raised, Settings, Signal, Signals, at_least,
    at_most, between,
};
use text::characters::count_chars;
use text::characters::is_alphabetic;
use text::grams::{Grams, Parts};
use text::long_words::{LongGrams, LongWords};
use text::pieces::PIECE_BYTES;
use text::rounding::round_to;
use text::{Splitter, StopWords};

use crate::scratch::Pool;

/// `TAGGER_SCORE_PRECISION`
const PRECISION: usize = 5;

macro_rules! dolma {
    ($name:literal) => {
        &[("dolma", concat!("gopher_rules__gopher_v1__", $name))]
    };
}

pub const FILTER: FilterSpec = FilterSpec {
    name: "dolma_gopher",
    source: "Dolma 1.2.1, gopher_v1 and gopher_v2; limits of configs/dolma-v1_6/mixing/cc-head.yaml",
    about: "Is it prose that does not repeat itself, by Dolma's version of Gopher's rules?",
    checks: &[
        Check::new("odd_word_count", between(Signal::DolmaWords, 50.0, 100_000.0), "A stub or a dump.")
            .known_as(dolma!("word_count")),
        Check::new(
            "odd_median_word_length",
            between(Signal::DolmaMedianWordLength, 3.0, 10.0),
            "Words of prose are neither short nor long.",
        )
        .known_as(dolma!("median_word_length")),
        Check::new(
            "too_many_symbols",
            at_most(Signal::DolmaSymbolsPerWord, 0.1),
            "Hash signs and ellipses: tags and teasers.",
        )
        .known_as(dolma!("symbol_to_word_ratio")),
        Check::new(
            "too_few_alphabetic_words",
            at_least(Signal::DolmaAlphaWords, 0.8),
            "Numbers and marks, not words.",
        )
        .known_as(dolma!("fraction_of_words_with_alpha_character")),
        Check::new(
            "too_few_stop_words",
            at_least(Signal::DolmaRequiredWords, 2.0),
            "Not running text in English.",
        )
        .known_as(dolma!("required_word_count")),
        Check::new("too_many_bullets", at_most(Signal::DolmaBulletLines, 0.9), "A list, not a text.")
            .known_as(dolma!("fraction_of_lines_starting_with_bullet_point")),
        Check::new(
            "too_many_ellipsis_lines",
            at_most(Signal::DolmaEllipsisLines, 0.3),
            "Teasers, cut short.",
        )
        .known_as(dolma!("fraction_of_lines_ending_with_ellipsis")),
        Check::new(
            "duplicate_lines",
            at_most(Signal::DolmaDuplicateLines, 0.3),
            "Many lines stand more than once.",
        )
        .known_as(dolma!("fraction_of_duplicate_lines")),
        Check::new(
            "duplicate_line_chars",
            at_most(Signal::DolmaDuplicateLineChars, 0.3),
            "Much of the text is in lines that stand more than once.",
        )
        .known_as(dolma!("fraction_of_characters_in_duplicate_lines")),
        Check::new(
            "frequent_2_gram",
            at_most(Signal::DolmaTop2Gram, 0.2),
            "One pair of words fills too much of the text.",
        )
        .known_as(dolma!("fraction_of_characters_in_most_common_2gram")),
        Check::new(
            "frequent_3_gram",
            at_most(Signal::DolmaTop3Gram, 0.18),
            "One run of three words fills too much of the text.",
        )
        .known_as(dolma!("fraction_of_characters_in_most_common_3gram")),
        Check::new(
            "frequent_4_gram",
            at_most(Signal::DolmaTop4Gram, 0.16),
            "One run of four words fills too much of the text.",
        )
        .known_as(dolma!("fraction_of_characters_in_most_common_4gram")),
        Check::new(
            "duplicate_5_grams",
            at_most(Signal::DolmaDuplicate5Grams, 0.15),
            "Many runs of five words come again.",
        )
        .known_as(dolma!("fraction_of_characters_in_duplicate_5grams")),
        Check::new(
            "duplicate_6_grams",
            at_most(Signal::DolmaDuplicate6Grams, 0.14),
            "Many runs of six words come again.",
        )
        .known_as(dolma!("fraction_of_characters_in_duplicate_6grams")),
        Check::new(
            "duplicate_7_grams",
            at_most(Signal::DolmaDuplicate7Grams, 0.13),
            "Many runs of seven words come again.",
        )
        .known_as(dolma!("fraction_of_characters_in_duplicate_7grams")),
        Check::new(
            "duplicate_8_grams",
            at_most(Signal::DolmaDuplicate8Grams, 0.12),
            "Many runs of eight words come again.",
        )
        .known_as(dolma!("fraction_of_characters_in_duplicate_8grams")),
        Check::new(
            "duplicate_9_grams",
            at_most(Signal::DolmaDuplicate9Grams, 0.11),
            "Many runs of nine words come again.",
        )
        .known_as(dolma!("fraction_of_characters_in_duplicate_9grams")),
        Check::new(
            "duplicate_10_grams",
            at_most(Signal::DolmaDuplicate10Grams, 0.1),
            "Many runs of ten words come again.",
        )
        .known_as(dolma!("fraction_of_characters_in_duplicate_10grams")),
    ],
    signals: &[Signal::DolmaCharacters],
    options: &[OptionSpec {
        key: "version",
        default: r#""v1""#,
        allowed: &["v1", "v2"],
        is_path: false,
        why: "v1: blank lines are lines, and duplicates of each other; v2: they are none",
    }],
    judge: Judge::Document(build),
};

/// For n = 2 to 10.
const GRAMS: [Signal; 9] = [
    Signal::DolmaTop2Gram,
    Signal::DolmaTop3Gram,
    Signal::DolmaTop4Gram,
    Signal::DolmaDuplicate5Grams,
    Signal::DolmaDuplicate6Grams,
    Signal::DolmaDuplicate7Grams,
    Signal::DolmaDuplicate8Grams,
    Signal::DolmaDuplicate9Grams,
    Signal::DolmaDuplicate10Grams,
];

struct DolmaGopher {
    counts_blank_lines: bool,
    required: StopWords,
    pool: Pool<Scratch>,
}

#[derive(Default)]
struct Scratch {
    spans: Vec<(u32, u32)>,
    words: Parts,
    lines: Parts,
    grams: Grams,
    /// Length and count of each distinct word.
    lengths: Vec<(u32, u32)>,
    /// Characters in the words before each word, and in all.
    ends: Vec<usize>,
}

fn build(settings: &Settings) -> Result<Box<dyn Filter>, String> {
    Ok(Box::new(DolmaGopher {
        counts_blank_lines: settings.text("version") != "v2",
        required: StopWords::new(crate::stop_words("en").unwrap_or_default()),
        pool: Pool::new(),
    }))
}

impl Filter for DolmaGopher {
    fn judge(&self, document: &mut Document<'_>, signals: &mut Signals, _: &mut Raised, _: &mut String) {
        let mut scores = Scores(signals);
        self.pool.lend(|scratch| {
            scores.set(Signal::DolmaCharacters, count_chars(document.text), 1);
            let chars = if document.text.len() > PIECE_BYTES {
                self.long(document.text, &mut scores)
            } else {
                let chars = self.words(document.text, scratch, &mut scores);
                n_grams(scratch, &mut scores);
                chars
            };
            self.lines(document.text, chars, &mut scratch.lines, &mut scores);
        });
    }
}

impl DolmaGopher {
    /// Returns the number of characters in words.
    fn words(&self, text: &str, scratch: &mut Scratch, scores: &mut Scores) -> usize {
        let Scratch { spans, words, lengths, ends, .. } = scratch;
        Splitter::Whitespace.split(text, spans);
        words.read(text, spans.iter().copied());
        let mut sums = Sums::default();
        lengths.clear();
        for part in &words.distinct {
            let word = &text[part.span.0 as usize..part.span.1 as usize];
            sums.add(word, part.count as usize, &self.required);
            lengths.push((part.chars, part.count));
        }
        ends.clear();
        ends.push(0);
        let mut chars = 0;
        for number in &words.numbers {
            chars += words.distinct[*number as usize].chars as usize;
            ends.push(chars);
        }
        scores.words(sums, lengths);
        chars
    }

    /// As [`DolmaGopher::words`] and [`n_grams`], of a text so long that its words are not kept.
    fn long(&self, text: &str, scores: &mut Scores) -> usize {
        let words = LongWords::read(text, Splitter::Whitespace, |_| true);
        let (mut sums, mut lengths) = (Sums::default(), BTreeMap::new());
        for word in words.iter() {
            sums.add(word, 1, &self.required);
            *lengths.entry(count_chars(word) as u32).or_default() += 1;
        }
        scores.words(sums, &mut lengths.into_iter().collect::<Vec<_>>());
        let (count, all) = (words.len(), words.chars());
        let mut grams = LongGrams::new(&words);
        for (signal, n) in GRAMS.into_iter().zip(2..).take_while(|(_, n)| *n <= count) {
            grams.lengthen();
            if n < 5 {
                let top = grams.top_or_first().map_or(0, |top| top.chars * top.count);
                scores.set(signal, top, all);
            } else {
                // So many n-grams hold a word.
                let holding = |at: usize| at.min(count - n) - at.saturating_sub(n - 1) + 1;
                let in_all = words.iter().enumerate().map(|(at, word)| count_chars(word) * holding(at)).sum();
                scores.set(signal, grams.occurrence_chars().sum(), in_all);
            }
        }
        all
    }

    fn lines(&self, text: &str, chars: usize, lines: &mut Parts, scores: &mut Scores) {
        let (mut bullets, mut ellipses) = (0, 0);
        let pieces = text.split('\n').map(|line| {
            let start = line.as_ptr() as usize - text.as_ptr() as usize;
            (start, start + line.len())
        });
        // Between runs of line feeds there is an empty line at most at the borders of the text.
        let is_line = |&(start, end): &(usize, usize)| {
            self.counts_blank_lines || start < end || start == 0 || end == text.len()
        };
        let spans = pieces.filter(is_line).map(|(start, end)| {
            let line = &text[start..end];
            bullets += line.starts_with(['*', '-']) as usize;
            ellipses += line.ends_with('…') as usize;
            (start as u32, end as u32)
        });
        lines.read(text, spans);
        let copies = lines.distinct.iter().filter(|line| line.count > 1);
        let (duplicates, duplicate_chars) = copies.fold((0, 0), |(count, chars), line| {
            (count + line.count as usize, chars + line.count as usize * line.chars as usize)
        });
        // The reference leaves an empty text without lines.
        let count = if text.is_empty() { 0 } else { lines.numbers.len() };
        scores.set(Signal::DolmaBulletLines, bullets, count);
        scores.set(Signal::DolmaEllipsisLines, ellipses, count);
        scores.set(Signal::DolmaDuplicateLines, duplicates, count);
        scores.set(Signal::DolmaDuplicateLineChars, duplicate_chars, chars);
    }
}

/// Frequent and repeated n-grams; none where the text has fewer words than n.
fn n_grams(scratch: &mut Scratch, scores: &mut Scores) {
    let Scratch { words, grams, ends, .. } = scratch;
    grams.begin(words);
    for (signal, n) in GRAMS.into_iter().zip(2..) {
        if words.numbers.len() < n {
            break;
        }
        grams.lengthen();
        let chars = |at: usize| ends[at + n] - ends[at];
        if n < 5 {
            let (first, count) = grams.top().map_or((0, 1), |top| (top.first, top.count));
            scores.set(signal, chars(first) * count, ends[words.numbers.len()]);
        } else {
            let all = (0..=words.numbers.len() - n).map(chars).sum();
            scores.set(signal, grams.occurrences().map(chars).sum(), all);
        }
    }
}

/// Twice the median of `count` lengths; 0 of none.
fn doubled_median(lengths: &mut [(u32, u32)], count: usize) -> usize {
    lengths.sort_unstable();
    let at = |rank: usize| {
        let mut seen = 0;
        let mut lengths = lengths.iter();
        let found = lengths.find(|(_, count)| {
            seen += *count as usize;
            rank < seen
        });
        found.map_or(0, |(length, _)| *length as usize)
    };
    at(count.saturating_sub(1) / 2) + at(count / 2)
}

/// What words sum up to.
#[derive(Default)]
struct Sums {
    words: usize,
    symbols: usize,
    alphabetic: usize,
    required: usize,
}

impl Sums {
    fn add(&mut self, word: &str, count: usize, required: &StopWords) {
        self.words += count;
        self.symbols += if word.contains(['#', '…']) { count } else { 0 };
        self.alphabetic += if word.chars().any(is_alphabetic) { count } else { 0 };
        self.required += if required.contains(word) { count } else { 0 };
    }
}

/// Signals, rounded as the reference rounds.
struct Scores<'s>(&'s mut Signals);

impl Scores<'_> {
    /// `lengths`: of words, and how often each comes.
    fn words(&mut self, Sums { words, symbols, alphabetic, required }: Sums, lengths: &mut [(u32, u32)]) {
        self.set(Signal::DolmaWords, words, 1);
        self.set(Signal::DolmaMedianWordLength, doubled_median(lengths, words), 2);
        self.set(Signal::DolmaSymbolsPerWord, symbols, words);
        self.set(Signal::DolmaAlphaWords, alphabetic, words);
        self.set(Signal::DolmaRequiredWords, required, 1);
    }

    fn set(&mut self, signal: Signal, numerator: usize, denominator: usize) {
        self.0.set(signal, round_to(numerator as f64 / denominator.max(1) as f64, PRECISION));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "dolma_gopher_tests.rs"]
mod tests;
