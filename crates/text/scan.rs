//! The one pass that measures a document: text in, signals out.
//!
//! What each signal counts is said by [`Signal::about`]; lengths are code points.
//! A text without words, lines or characters has 0 for every ratio.

use std::collections::HashSet;

use document::{Signal, SignalSet, Signals};
use memchr::memmem::Finder;

use crate::characters::count_chars;
use crate::dclm::Dclm;
use crate::line_scan::python_lines;
use crate::long_words::{LongGrams, LongWords, Scale};
use crate::repetition::{NGrams, Parts, Vocabulary, WordFacts};
use crate::stop_words::StopWords;
use crate::words::Splitter;

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
    /// Of a long text, instead of `spans` and `vocabulary`.
    long: Option<LongWords>,
    pub(crate) scale: Scale,
    pub(crate) parts: Parts,
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
            long: None,
            scale: Scale::default(),
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
        self.long = None;
    }

    /// Does not hold the words of a long text until they are asked for again.
    pub fn let_go_of_long(&mut self) {
        self.long = None;
    }

    /// As [`Scanner::forget`]; the words of that text are known. `words` holds others then.
    pub fn begin_with(&mut self, words: &mut Vec<(u32, u32)>) {
        self.forget();
        std::mem::swap(&mut self.spans, words);
        self.has_words = true;
    }

    /// The words of the text that is scanned, if they were needed yet and it is not long.
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
        let (needs_words, needs_count) =
            (needs.intersects(grams.union(self.word_signals)), needs.contains(Signal::NewlinesPerWord));
        if text.len() > self.scale.long_bytes {
            if self.long.is_none() && (needs_words || needs_count) {
                self.long = Some(LongWords::read_by(text, self.scale, *splitter, |_| true));
            }
        } else if needs_words {
            self.read_words(text, splitter);
        } else if needs_count {
            self.split_words(text, splitter);
        }
        if needs.intersects(self.line_signals) {
            let newlines = self.lines(text, chars, &mut asked, |_, _| ());
            if needs_count {
                let words = self.long.as_ref().map_or(self.spans.len(), LongWords::len);
                asked.ratio(Signal::NewlinesPerWord, newlines, words);
            }
        }
        if needs.intersects(self.word_signals) {
            self.words(text, stop_words, &mut asked);
        }
        if needs.intersects(self.top_signals) {
            let tops = match &self.long {
                Some(words) => top_of_long(words),
                None => self.n_grams.top(&self.vocabulary),
            };
            for (signal, top) in TOP.into_iter().zip(tops) {
                asked.ratio(signal, top, chars);
            }
        }
        if needs.intersects(self.duplicate_signals) {
            let duplicates = match &self.long {
                Some(words) => words.duplicates(),
                None => self.n_grams.duplicates(text, &self.spans, &self.vocabulary, |_, _| ()),
            };
            for (signal, duplicate) in DUPLICATES.into_iter().zip(duplicates) {
                asked.ratio(signal, duplicate, chars);
            }
        }
        if needs.intersects(self.dclm.signals()) {
            self.dclm.measure(text, self.scale, &mut asked);
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

    /// Where ellipses begin, those of three characters first, and their bytes: three in both.
    pub(crate) fn ellipses(&self, text: &str) -> impl Iterator<Item = usize> {
        self.three_dots.find_iter(text.as_bytes()).chain(self.ellipsis.find_iter(text.as_bytes()))
    }

    fn words(&mut self, text: &str, stop_words: Option<&StopWords>, asked: &mut Asked) {
        let mut tally = Tally::default();
        let all = match &self.long {
            Some(words) => {
                let mut stops = HashSet::new();
                for word in words.iter() {
                    tally.add(&WordFacts::of(word), 1);
                    if stop_words.is_some_and(|list| list.contains(word)) {
                        stops.insert(word);
                    }
                }
                tally.stops = stops.len();
                words.len()
            }
            None => {
                for (word, (start, end)) in self.vocabulary.distinct.iter().map(|word| (word, word.span)) {
                    tally.add(word, word.count as usize);
                    let is_stop = |list: &StopWords| list.contains(&text[start as usize..end as usize]);
                    tally.stops += usize::from(stop_words.is_some_and(is_stop));
                }
                self.spans.len()
            }
        };
        let Tally { words, chars, alphabetic, stops } = tally;
        asked.set(Signal::AllWords, all);
        asked.set(Signal::Words, words);
        asked.ratio(Signal::MeanWordLength, chars, words);
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

/// What words sum up to.
#[derive(Default)]
struct Tally {
    /// Without symbols, and the code points of those.
    words: usize,
    chars: usize,
    alphabetic: usize,
    /// Distinct ones.
    stops: usize,
}

impl Tally {
    fn add(&mut self, word: &WordFacts, count: usize) {
        if !word.is_symbol {
            self.words += count;
            self.chars += count * word.chars as usize;
        }
        if word.is_alphabetic {
            self.alphabetic += count;
        }
    }
}

/// As [`NGrams::top`].
fn top_of_long(words: &LongWords) -> [usize; 3] {
    let mut grams = LongGrams::new(words);
    [2, 3, 4].map(|n| {
        grams.lengthen();
        grams.top_or_first().map_or(0, |top| (top.chars + n - 1) * top.count)
    })
}

/// Where number signs are.
pub(crate) fn hashes(text: &str) -> impl Iterator<Item = usize> {
    memchr::memchr_iter(b'#', text.as_bytes())
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
