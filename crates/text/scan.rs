//! The one pass that measures a document: text in, signals out.
//!
//! What each signal counts is said by [`Signal::about`]; lengths are code points.
//! A text without words, lines or characters has 0 for every ratio.

use std::ops::Range;

use document::{Signal, SignalSet, Signals};
use memchr::memmem::Finder;

use crate::characters::{count_chars, is_space, is_terminal, strip};
use crate::dclm::Dclm;
use crate::lines::{split_lines, split_paragraphs};
use crate::repetition::{NGrams, Parts, Vocabulary};
use crate::words::Splitter;

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

/// Scratch space of the scan; a worker keeps one, and no document costs an allocation once it has grown.
#[derive(Clone, Debug)]
pub struct Scanner {
    pub(crate) spans: Vec<(u32, u32)>,
    pub(crate) vocabulary: Vocabulary,
    /// `spans` are those of the text that is scanned.
    has_words: bool,
    /// `vocabulary` is, too.
    has_vocabulary: bool,
    pub(crate) n_grams: NGrams,
    parts: Parts,
    three_dots: Finder<'static>,
    ellipsis: Finder<'static>,
    paragraph_signals: SignalSet,
    line_signals: SignalSet,
    python_line_signals: SignalSet,
    top_signals: SignalSet,
    duplicate_signals: SignalSet,
    word_signals: SignalSet,
    dclm: Dclm,
}

impl Default for Scanner {
    fn default() -> Self {
        Scanner::new()
    }
}

pub(crate) const TOP: [Signal; 3] = [Signal::Top2Gram, Signal::Top3Gram, Signal::Top4Gram];

pub(crate) const DUPLICATES: [Signal; 6] = [
    Signal::Duplicate5Grams,
    Signal::Duplicate6Grams,
    Signal::Duplicate7Grams,
    Signal::Duplicate8Grams,
    Signal::Duplicate9Grams,
    Signal::Duplicate10Grams,
];

/// Lines of at most so many characters are short (FineWeb).
const SHORT_LINE: usize = 30;

/// Writes the signals that are asked for, and no others.
pub(crate) struct Asked<'s> {
    pub needs: SignalSet,
    pub signals: &'s mut Signals,
}

impl Asked<'_> {
    pub fn set(&mut self, signal: Signal, value: usize) {
        self.ratio(signal, value, 1);
    }

    pub fn ratio(&mut self, signal: Signal, numerator: usize, denominator: usize) {
        if self.needs.contains(signal) {
            self.signals.set_ratio(signal, numerator, denominator);
        }
    }
}

impl Scanner {
    pub fn new() -> Scanner {
        use Signal::*;
        Scanner {
            spans: Vec::new(),
            vocabulary: Vocabulary::default(),
            has_words: false,
            has_vocabulary: false,
            n_grams: NGrams::default(),
            parts: Parts::default(),
            three_dots: Finder::new("..."),
            ellipsis: Finder::new("…"),
            paragraph_signals: SignalSet::from_iter([DuplicateParagraphs, DuplicateParagraphChars]),
            line_signals: SignalSet::from_iter([
                DuplicateLines,
                DuplicateLineChars,
                NonBlankLines,
                PunctuatedLines,
                ShortLines,
                DuplicateNonBlankLineChars,
                NewlinesPerWord,
            ]),
            python_line_signals: SignalSet::from_iter([BulletLines, EllipsisLines]),
            top_signals: SignalSet::from_iter(TOP),
            duplicate_signals: SignalSet::from_iter(DUPLICATES),
            word_signals: SignalSet::from_iter([
                AllWords,
                Words,
                MeanWordLength,
                HashesPerWord,
                EllipsesPerWord,
                AlphabeticWords,
                StopWords,
            ]),
            dclm: Dclm::default(),
        }
    }

    /// The signals that a scan can measure.
    pub fn signals(&self) -> SignalSet {
        [
            self.line_signals,
            self.python_line_signals,
            self.top_signals,
            self.duplicate_signals,
            self.word_signals,
            self.dclm.signals(),
        ]
        .into_iter()
        .fold(self.paragraph_signals, SignalSet::union)
    }

    /// Measures those of `needs` that are signals of the scan, and leaves all others as they are.
    /// Without `stop_words` their signal stays as it is, too.
    pub fn scan(
        &mut self,
        text: &str,
        needs: SignalSet,
        splitter: &Splitter,
        stop_words: Option<&StopWords>,
        signals: &mut Signals,
    ) {
        self.forget();
        self.scan_more(text, needs, splitter, stop_words, signals);
    }

    /// Another text is scanned from now on.
    pub fn forget(&mut self) {
        self.has_words = false;
        self.has_vocabulary = false;
    }

    /// As [`Scanner::forget`]; the words of that text are known. `words` holds others then.
    pub fn begin_with(&mut self, words: &mut Vec<(u32, u32)>) {
        std::mem::swap(&mut self.spans, words);
        self.has_words = true;
        self.has_vocabulary = false;
    }

    /// The words of the text that is scanned, if they were needed yet.
    pub fn known_words(&self) -> Option<&[(u32, u32)]> {
        self.has_words.then_some(&*self.spans)
    }

    /// As [`Scanner::scan`], of the very text and splitter that were scanned last or since [`Scanner::forget`]: its words
    /// are not split again.
    pub fn scan_more(
        &mut self,
        text: &str,
        needs: SignalSet,
        splitter: &Splitter,
        stop_words: Option<&StopWords>,
        signals: &mut Signals,
    ) {
        let mut asked = Asked { needs, signals };
        let chars = count_chars(text);
        if needs.intersects(self.paragraph_signals) {
            self.paragraphs(text, chars, &mut asked, |_| ());
        }
        if needs.intersects(self.python_line_signals) {
            python_lines(text, &mut asked, |_, _| ());
        }
        let grams = self.top_signals.union(self.duplicate_signals);
        if needs.intersects(grams.union(self.word_signals)) {
            self.read_words(text, splitter);
        } else if needs.contains(Signal::NewlinesPerWord) {
            self.split_words(text, splitter);
        }
        if needs.intersects(self.line_signals) {
            let newlines = self.lines(text, chars, &mut asked, |_, _| ());
            if needs.contains(Signal::NewlinesPerWord) {
                asked.ratio(Signal::NewlinesPerWord, newlines, self.spans.len());
            }
        }
        if needs.intersects(self.word_signals) {
            self.words(text, stop_words, &mut asked);
        }
        if needs.intersects(self.top_signals) {
            for (signal, top) in TOP.into_iter().zip(self.n_grams.top(&self.vocabulary)) {
                asked.ratio(signal, top, chars);
            }
        }
        if needs.intersects(self.duplicate_signals) {
            let duplicates = self.n_grams.duplicates(text, &self.spans, &self.vocabulary, |_, _| ());
            for (signal, duplicate) in DUPLICATES.into_iter().zip(duplicates) {
                asked.ratio(signal, duplicate, chars);
            }
        }
        if needs.intersects(self.dclm.signals()) {
            self.dclm.measure(text, &mut asked);
        }
    }

    fn split_words(&mut self, text: &str, splitter: &Splitter) {
        if !self.has_words {
            splitter.split(text, &mut self.spans);
            self.has_words = true;
        }
    }

    pub(crate) fn read_words(&mut self, text: &str, splitter: &Splitter) {
        self.split_words(text, splitter);
        if !self.has_vocabulary {
            self.vocabulary.read(text, &self.spans);
            self.has_vocabulary = true;
        }
    }

    /// `found` is told those that are duplicates.
    pub(crate) fn paragraphs(
        &mut self,
        text: &str,
        chars: usize,
        asked: &mut Asked,
        mut found: impl FnMut(&str),
    ) {
        self.parts.reset();
        let (mut paragraphs, mut duplicates, mut duplicate_chars) = (0, 0, 0);
        let text = strip(text);
        for paragraph in split_paragraphs(text) {
            paragraphs += 1;
            let start = paragraph.as_ptr() as usize - text.as_ptr() as usize;
            if self.parts.is_duplicate(text, start, start + paragraph.len()) {
                duplicates += 1;
                duplicate_chars += count_chars(paragraph);
                found(paragraph);
            }
        }
        asked.ratio(Signal::DuplicateParagraphs, duplicates, paragraphs);
        asked.ratio(Signal::DuplicateParagraphChars, duplicate_chars, chars);
    }

    /// Gopher's lines (between runs of line feeds) and FineWeb's (not blank), which share a table.
    /// Returns the number of line feeds. `found` is told those that are duplicates, short, or end without punctuation.
    pub(crate) fn lines(
        &mut self,
        text: &str,
        chars: usize,
        asked: &mut Asked,
        mut found: impl FnMut(Signal, Range<usize>),
    ) -> usize {
        self.parts.reset();
        // The empty parts before leading and after trailing line feeds; the second duplicates the first.
        let empty =
            if text.is_empty() { 1 } else { text.starts_with('\n') as usize + text.ends_with('\n') as usize };
        let (mut lines, mut duplicates, mut duplicate_chars) = (empty, empty / 2, 0);
        let (mut non_blank, mut punctuated, mut short, mut duplicate_non_blank_chars) = (0, 0, 0, 0);
        let (mut newlines, mut start) = (0, 0);
        let mut ends = memchr::memchr_iter(b'\n', text.as_bytes());
        loop {
            let line_end = ends.next();
            let end = line_end.unwrap_or(text.len());
            if start < end {
                let line = &text[start..end];
                let line_chars = count_chars(line);
                let is_duplicate = self.parts.is_duplicate(text, start, end);
                lines += 1;
                duplicates += is_duplicate as usize;
                duplicate_chars += if is_duplicate { line_chars } else { 0 };
                if is_duplicate {
                    found(Signal::DuplicateLines, start..end);
                }
                if !line.trim_start_matches(is_space).is_empty() {
                    non_blank += 1;
                    let (is_punctuated, is_short) = (line.ends_with(is_terminal), line_chars <= SHORT_LINE);
                    punctuated += is_punctuated as usize;
                    short += is_short as usize;
                    duplicate_non_blank_chars += if is_duplicate { line_chars } else { 0 };
                    for (is_one, signal) in [
                        (is_duplicate, Signal::DuplicateNonBlankLineChars),
                        (!is_punctuated, Signal::PunctuatedLines),
                        (is_short, Signal::ShortLines),
                    ] {
                        if is_one {
                            found(signal, start..end);
                        }
                    }
                }
            }
            if line_end.is_none() {
                break;
            }
            newlines += 1;
            start = end + 1;
        }
        if empty > 1 {
            found(Signal::DuplicateLines, text.len()..text.len());
        }
        asked.ratio(Signal::DuplicateLines, duplicates, lines);
        asked.ratio(Signal::DuplicateLineChars, duplicate_chars, chars);
        asked.set(Signal::NonBlankLines, non_blank);
        asked.ratio(Signal::PunctuatedLines, punctuated, non_blank);
        asked.ratio(Signal::ShortLines, short, non_blank);
        asked.ratio(Signal::DuplicateNonBlankLineChars, duplicate_non_blank_chars, chars - newlines);
        newlines
    }

    /// Where ellipses begin, those of three characters first, and their bytes: three in both.
    pub(crate) fn ellipses(&self, text: &str) -> impl Iterator<Item = usize> {
        self.three_dots.find_iter(text.as_bytes()).chain(self.ellipsis.find_iter(text.as_bytes()))
    }

    fn words(&mut self, text: &str, stop_words: Option<&StopWords>, asked: &mut Asked) {
        let all = self.spans.len();
        let (mut words, mut word_chars, mut alphabetic, mut stops) = (0, 0, 0, 0);
        for word in &self.vocabulary.distinct {
            let count = word.count as usize;
            if !word.is_symbol {
                words += count;
                word_chars += count * word.chars as usize;
            }
            if word.is_alphabetic {
                alphabetic += count;
            }
            if let Some(list) = stop_words {
                stops += list.contains(&text[word.span.0 as usize..word.span.1 as usize]) as usize;
            }
        }
        asked.set(Signal::AllWords, all);
        asked.set(Signal::Words, words);
        asked.ratio(Signal::MeanWordLength, word_chars, words);
        asked.ratio(Signal::AlphabeticWords, alphabetic, all);
        if stop_words.is_some() {
            asked.set(Signal::StopWords, stops);
        }
        if asked.needs.contains(Signal::HashesPerWord) {
            asked.ratio(Signal::HashesPerWord, hashes(text).count(), all);
        }
        if asked.needs.contains(Signal::EllipsesPerWord) {
            asked.ratio(Signal::EllipsesPerWord, self.ellipses(text).count(), all);
        }
    }
}

/// Where number signs are.
pub(crate) fn hashes(text: &str) -> impl Iterator<Item = usize> {
    memchr::memchr_iter(b'#', text.as_bytes())
}

/// Bullets and ellipses at the borders of Python's lines (Gopher). `found` is told the lines.
pub(crate) fn python_lines(text: &str, asked: &mut Asked, mut found: impl FnMut(Signal, Range<usize>)) {
    let (mut lines, mut bullets, mut ellipses) = (0, 0, 0);
    for range in split_lines(text) {
        let line = &text[range.clone()];
        lines += 1;
        let is_bullet = line.trim_start_matches(is_space).starts_with(['•', '-']);
        let line = line.trim_end_matches(is_space);
        let is_cut = line.ends_with("...") || line.ends_with('…');
        bullets += is_bullet as usize;
        ellipses += is_cut as usize;
        for (is_one, signal) in [(is_bullet, Signal::BulletLines), (is_cut, Signal::EllipsisLines)] {
            if is_one {
                found(signal, range.clone());
            }
        }
    }
    asked.ratio(Signal::BulletLines, bullets, lines);
    asked.ratio(Signal::EllipsisLines, ellipses, lines);
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
