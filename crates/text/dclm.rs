//! DCLM's measurements, on its own words and lines; what each counts is said by [`Signal::about`].
//!
//! Whoever has no words or no lines fails, so those ratios are 1 there.

use document::{Signal, SignalSet};
use memchr::memmem::Finder;

use crate::characters::{is_alphabetic, is_alphanumeric, strip};
use crate::grams::{Grams, Parts};
use crate::long_words::{LongGrams, LongWords, Scale};
use crate::scan::Asked;
use crate::words::{Splitter, count_fasttext_words};

const WORDS: [Signal; 5] = [
    Signal::DclmWords,
    Signal::DclmMeanWordLength,
    Signal::DclmSymbolsPerWord,
    Signal::DclmUnalphabeticWords,
    Signal::DclmStopWords,
];

const LINES: [Signal; 2] = [Signal::DclmBulletLines, Signal::DclmEllipsisLines];

/// Share of the copies, and of their characters, among the parts between separators.
const COPIES: [(&str, Signal, Signal); 2] = [
    ("\n", Signal::DclmDuplicateLines, Signal::DclmDuplicateLineChars),
    ("\n\n", Signal::DclmDuplicateParagraphs, Signal::DclmDuplicateParagraphChars),
];

/// By n, from 2 on.
const GRAMS: [Signal; 9] = [
    Signal::DclmTop2Gram,
    Signal::DclmTop3Gram,
    Signal::DclmTop4Gram,
    Signal::DclmRepeated5Grams,
    Signal::DclmRepeated6Grams,
    Signal::DclmRepeated7Grams,
    Signal::DclmRepeated8Grams,
    Signal::DclmRepeated9Grams,
    Signal::DclmRepeated10Grams,
];

/// Of these n-grams the most frequent one counts, of longer ones all that come again.
const LONGEST_TOP: usize = 4;

const STOP_WORDS: [&str; 8] = ["the", "be", "to", "of", "and", "that", "have", "with"];

#[derive(Clone, Debug)]
pub(crate) struct Dclm {
    spans: Vec<(u32, u32)>,
    parts: Parts,
    grams: Grams,
    ellipses: [Finder<'static>; 3],
    word_signals: SignalSet,
    line_signals: SignalSet,
    gram_signals: SignalSet,
    copy_signals: SignalSet,
}

impl Default for Dclm {
    fn default() -> Dclm {
        Dclm {
            spans: Vec::new(),
            parts: Parts::default(),
            grams: Grams::default(),
            ellipses: ["...", ". . .", "…"].map(Finder::new),
            word_signals: WORDS.into_iter().collect(),
            line_signals: LINES.into_iter().collect(),
            gram_signals: GRAMS.into_iter().collect(),
            copy_signals: COPIES.into_iter().flat_map(|(_, share, chars)| [share, chars]).collect(),
        }
    }
}

impl Dclm {
    pub fn signals(&self) -> SignalSet {
        self.word_signals.union(self.line_signals).union(self.gram_signals).union(self.copy_signals)
    }

    pub fn measure(&mut self, text: &str, scale: Scale, asked: &mut Asked) {
        if asked.needs.intersects(self.word_signals) {
            self.words(text, asked);
        }
        if asked.needs.intersects(self.line_signals) {
            lines(text, asked);
        }
        if asked.needs.intersects(self.copy_signals) {
            for (separator, share, chars) in COPIES {
                self.copies(text, separator, share, chars, asked);
            }
        }
        if asked.needs.intersects(self.gram_signals) {
            self.grams(text, scale, asked);
        }
    }

    fn words(&mut self, text: &str, asked: &mut Asked) {
        asked.set(Signal::DclmWords, count_fasttext_words(text));
        let (mut words, mut chars, mut unalphabetic, mut stops) = (0, 0, 0, 0);
        Splitter::Whitespace.each_words(text, &mut self.spans, |spans| {
            words += spans.len();
            for &(start, end) in spans {
                let word = &text[start as usize..end as usize];
                let is_stop = |stop: &&str| word.eq_ignore_ascii_case(stop);
                chars += word.chars().count();
                unalphabetic += usize::from(!word.chars().any(is_alphabetic));
                stops += usize::from(word.len() <= 4 && STOP_WORDS.iter().any(is_stop));
            }
        });
        let symbols = memchr::memchr_iter(b'#', text.as_bytes()).count()
            + self.ellipses.iter().map(|ellipsis| ellipsis.find_iter(text.as_bytes()).count()).sum::<usize>();
        asked.ratio(Signal::DclmMeanWordLength, chars, words);
        asked.set(Signal::DclmStopWords, stops);
        for (signal, count) in
            [(Signal::DclmSymbolsPerWord, symbols), (Signal::DclmUnalphabeticWords, unalphabetic)]
        {
            if words == 0 { asked.set(signal, 1) } else { asked.ratio(signal, count, words) }
        }
    }

    fn copies(&mut self, text: &str, separator: &str, share: Signal, chars: Signal, asked: &mut Asked) {
        self.parts.read(text, parts(text, separator));
        let (mut all, mut all_chars, mut copies, mut copy_chars) = (0, 0, 0, 0);
        for part in &self.parts.distinct {
            let (count, chars) = (part.count as usize, part.count as usize * part.chars as usize);
            (all, all_chars) = (all + count, all_chars + chars);
            if count > 1 {
                (copies, copy_chars) = (copies + count, copy_chars + chars);
            }
        }
        if all == 0 {
            asked.set(share, 1);
            asked.set(chars, 1);
        } else {
            asked.ratio(share, copies, all);
            asked.ratio(chars, copy_chars, all_chars);
        }
    }

    fn grams(&mut self, text: &str, scale: Scale, asked: &mut Asked) {
        if text.len() > scale.long_bytes {
            return grams_of_long(text, scale, asked);
        }
        Splitter::Uax29.split(text, &mut self.spans);
        let begins_well = |&(start, _): &(u32, u32)| text[start as usize..].starts_with(is_alphanumeric);
        self.parts.read(text, self.spans.iter().copied().filter(begins_well));
        let all: usize = self.parts.chars(0..self.parts.numbers.len());
        self.grams.begin(&self.parts);
        for signal in GRAMS {
            self.grams.lengthen();
            let chars = if self.grams.n() <= LONGEST_TOP { self.top_chars() } else { self.covered_chars() };
            asked.ratio(signal, chars, all);
        }
    }

    fn top_chars(&self) -> usize {
        let count = self.grams.top().map_or(0, |top| top.count);
        let tops = self.grams.repeated().filter(|gram| gram.count == count);
        let chars = tops.map(|gram| self.parts.chars(gram.first..gram.first + self.grams.n()));
        chars.max().unwrap_or(0) * count
    }

    fn covered_chars(&self) -> usize {
        self.grams.covered().map(|words| self.parts.chars(words)).sum()
    }
}

fn grams_of_long(text: &str, scale: Scale, asked: &mut Asked) {
    let words = LongWords::read_by(text, scale, Splitter::Uax29, |word| word.starts_with(is_alphanumeric));
    let all = words.chars();
    let mut grams = LongGrams::new(&words);
    for (signal, n) in GRAMS.into_iter().zip(2..) {
        grams.lengthen();
        let chars = match grams.top() {
            Some(top) if n <= LONGEST_TOP => top.longest * top.count,
            _ => grams.covered_chars(),
        };
        asked.ratio(signal, chars, all);
    }
}

/// What stands between separators, stripped, if anything is left.
fn parts(text: &str, separator: &str) -> impl Iterator<Item = (u32, u32)> {
    text.split(separator).map(strip).filter(|part| !part.is_empty()).map(|part| {
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        (start as u32, (start + part.len()) as u32)
    })
}

fn lines(text: &str, asked: &mut Asked) {
    let (mut lines, mut bullets, mut ellipses) = (0, 0, 0);
    for line in text.split('\n').map(strip).filter(|line| !line.is_empty()) {
        lines += 1;
        bullets += line.starts_with(['●', '•', '*', '-']) as usize;
        ellipses += ["...", ". . .", "…"].iter().any(|ellipsis| line.ends_with(ellipsis)) as usize;
    }
    asked.ratio(Signal::DclmBulletLines, bullets, lines);
    asked.ratio(Signal::DclmEllipsisLines, ellipses, lines);
}

#[cfg(test)]
#[path = "dclm_tests.rs"]
mod tests;
