//! Where in a text a signal comes from: the very parts that the scan counts for it.

use std::ops::Range;

use document::{Signal, SignalSet, Signals};

use crate::characters::count_chars;
use crate::line_scan::python_lines;
use crate::scan::{Asked, DUPLICATES, Scanner, TOP, hashes};
use crate::words::Splitter;

impl Scanner {
    /// Calls `found` with the byte range of each part of the text that a signal counts, for the signals that count parts:
    /// copies of lines and paragraphs, n-grams, bullets, ellipses, number signs, short lines; and lines without final
    /// punctuation, which [`Signal::PunctuatedLines`] misses. N-grams may overlap.
    pub fn marks(
        &mut self,
        text: &str,
        signal: Signal,
        splitter: &Splitter,
        mut found: impl FnMut(Range<usize>),
    ) {
        let mut signals = Signals::default();
        let mut asked = Asked { needs: SignalSet::from_iter([signal]), signals: &mut signals };
        let chars = count_chars(text);
        match signal {
            Signal::DuplicateParagraphs | Signal::DuplicateParagraphChars => {
                self.paragraphs(text, chars, &mut asked, |paragraph| {
                    let start = paragraph.as_ptr() as usize - text.as_ptr() as usize;
                    found(start..start + paragraph.len());
                });
            }
            Signal::DuplicateLines
            | Signal::DuplicateLineChars
            | Signal::DuplicateNonBlankLineChars
            | Signal::PunctuatedLines
            | Signal::ShortLines => {
                let counted =
                    if signal == Signal::DuplicateLineChars { Signal::DuplicateLines } else { signal };
                self.lines(text, chars, &mut asked, |of, range| {
                    if of == counted {
                        found(range);
                    }
                });
            }
            Signal::BulletLines | Signal::EllipsisLines => {
                python_lines(text, &mut asked, |of, range| {
                    if of == signal {
                        found(range);
                    }
                });
            }
            Signal::HashesPerWord => hashes(text).for_each(|at| found(at..at + 1)),
            Signal::EllipsesPerWord => self.ellipses(text).for_each(|at| found(at..at + 3)),
            _ => self.n_gram_marks(text, signal, splitter, found),
        }
    }

    fn n_gram_marks(
        &mut self,
        text: &str,
        signal: Signal,
        splitter: &Splitter,
        mut found: impl FnMut(Range<usize>),
    ) {
        let top = TOP.iter().position(|top| *top == signal);
        let duplicate = DUPLICATES.iter().position(|duplicate| *duplicate == signal);
        if top.is_none() && duplicate.is_none() {
            return;
        }
        self.forget();
        self.read_words(text, splitter);
        let Scanner { spans, vocabulary, n_grams, .. } = self;
        let range = |at: usize, n: usize| spans[at].0 as usize..spans[at + n - 1].1 as usize;
        if let Some(place) = top {
            let n = place + 2;
            let Some((first, _)) = n_grams.most_frequent(vocabulary)[place] else { return };
            let gram = &vocabulary.words[first as usize..first as usize + n];
            let same = vocabulary.words.windows(n).enumerate().filter(|(_, words)| *words == gram);
            same.for_each(|(at, _)| found(range(at, n)));
        }
        if let Some(place) = duplicate {
            n_grams.duplicates(text, spans, vocabulary, |n, at| {
                if n == place + 5 {
                    found(range(at, n));
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the ratio of a signal counts, by its marks, and by the signal.
    fn counted(text: &str, signal: Signal) -> (usize, usize) {
        let mut scanner = Scanner::new();
        let mut marks = Vec::new();
        scanner.marks(text, signal, &Splitter::Spacy, |range| marks.push(range));
        let mut signals = Signals::default();
        let all = [signal, Signal::AllWords, Signal::NonBlankLines];
        scanner.scan(text, all.into_iter().collect(), &Splitter::Spacy, None, &mut signals);
        let value = |signal| signals.get(signal).unwrap_or(0.0);
        let times = |whole: f64| (value(signal) * whole).round() as usize;
        let chars = count_chars(text) as f64;
        // N-grams are measured without what stands between their words, or with one space.
        let solid = |range: &Range<usize>| {
            let mut words = Vec::new();
            Splitter::Spacy.split(text, &mut words);
            let inside =
                words.iter().filter(|word| range.start <= word.0 as usize && word.1 as usize <= range.end);
            inside.map(|word| count_chars(&text[word.0 as usize..word.1 as usize])).collect::<Vec<_>>()
        };
        let sum = |chars: &dyn Fn(&Range<usize>) -> usize| marks.iter().map(chars).sum::<usize>();
        match signal {
            Signal::DuplicateLineChars | Signal::DuplicateParagraphChars => {
                (sum(&|range| count_chars(&text[range.clone()])), times(chars))
            }
            Signal::HashesPerWord | Signal::EllipsesPerWord => (marks.len(), times(value(Signal::AllWords))),
            Signal::ShortLines => (marks.len(), times(value(Signal::NonBlankLines))),
            Signal::PunctuatedLines => {
                let lines = value(Signal::NonBlankLines);
                (lines as usize - marks.len(), times(lines))
            }
            signal if TOP.contains(&signal) => {
                (sum(&|range| solid(range).iter().sum::<usize>() + solid(range).len() - 1), times(chars))
            }
            signal if DUPLICATES.contains(&signal) => (sum(&|range| solid(range).iter().sum()), times(chars)),
            // A share of something that has no signal of its own: whether there is anything.
            _ => (usize::from(!marks.is_empty()), usize::from(value(signal) > 0.0)),
        }
    }

    const ALL: [Signal; 19] = [
        Signal::DuplicateParagraphs,
        Signal::DuplicateParagraphChars,
        Signal::DuplicateLines,
        Signal::DuplicateLineChars,
        Signal::DuplicateNonBlankLineChars,
        Signal::PunctuatedLines,
        Signal::ShortLines,
        Signal::BulletLines,
        Signal::EllipsisLines,
        Signal::HashesPerWord,
        Signal::EllipsesPerWord,
        Signal::Top2Gram,
        Signal::Top3Gram,
        Signal::Top4Gram,
        Signal::Duplicate5Grams,
        Signal::Duplicate6Grams,
        Signal::Duplicate7Grams,
        Signal::Duplicate9Grams,
        Signal::Duplicate10Grams,
    ];

    #[test]
    fn what_is_counted_is_pointed_at() {
        let text = "\n- One two three four five six.\n\n\n# One two three four five six.\nshort…\n";
        for signal in ALL {
            let (marks, value) = counted(text, signal);
            assert_eq!(marks, value, "{signal:?}");
        }
    }

    proptest! {
        /// Few different words and lines, so that much comes again.
        #[test]
        fn marks_add_up_to_the_signal(text in "([ab]{1,2}[ .]|c\n|\n\n|- a b c\n|é… |#|d e f g h i j ){0,40}") {
            for signal in ALL {
                let (marks, value) = counted(&text, signal);
                prop_assert_eq!(marks, value, "{:?} of {:?}", signal, &text);
            }
        }
    }
}
