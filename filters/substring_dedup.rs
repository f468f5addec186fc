//! Substrings that stand elsewhere, too, in other documents or in the same, wherever they begin and end.
//!
//! Lee et al. look for 50 tokens of their BPE, which are some 200 bytes of English: that is the default here, in bytes of
//! UTF-8, so that it depends on no tokenizer. A character goes whole or not at all. A window of `min_length` bytes that
//! overlaps its first copy stays with it under `keep = "first"`, so that of a text that repeats itself the beginning is left.
//! RefinedWeb cuts substrings after near-duplicates are dropped: to do so, clean `out/clean` a second time.

use document::{
    Check, Document, FilterSpec, Form, Judge, LineEdits, LineFilter, OptionSpec, Piece, Raised, RepeatFilter,
    Settings, Signal, Signals, Test, at_least,
};
use text::Splitter;
use text::characters::strip;

use crate::pieces::measure_left;

const REPEATED: usize = 0;
const NOTHING_LEFT: usize = 1;

pub const FILTER: FilterSpec = FilterSpec {
    name: "substring_dedup",
    source: "Lee et al. 2022, 4.1 (ExactSubstr); datatrove ESRangeRemover",
    about: "Which bytes stand elsewhere, at least so many in a row, and is enough left without them?",
    checks: &[
        Check::edit("repeated_substring", "It stands elsewhere, too, with at least as many bytes around it."),
        Check::new("nothing_left", Test::Own, "All of it stands elsewhere, too."),
        Check::new("too_few_words", at_least(Signal::WordsLeft, 50.0), "Too little is left without them."),
    ],
    signals: &[Signal::RepeatedParts, Signal::RepeatedBytes],
    options: &[
        OptionSpec {
            key: "min_length",
            default: "200",
            allowed: &[],
            is_path: false,
            why: "bytes of UTF-8 that must be the same in a row: about 50 tokens of English, which the paper found \
                  rarely to be the same by chance",
        },
        OptionSpec {
            key: "keep",
            default: "\"first\"",
            allowed: &["first", "none"],
            is_path: false,
            why: "which copy of a substring stays: the first in input order, or none, as in the paper",
        },
    ],
    judge: Judge::Repeats(build),
};

struct Substrings {
    min_bytes: u32,
    keeps_first: bool,
    splitter: Splitter,
}

/// Shorter ones are phrases of the language.
const SHORTEST: f64 = 20.0;
const LONGEST: f64 = 60_000.0;

fn build(settings: &Settings) -> Result<Box<dyn RepeatFilter>, String> {
    match settings.number("min_length") {
        Some(bytes) if (SHORTEST..=LONGEST).contains(&bytes) && bytes.fract() == 0.0 => {
            Ok(Box::new(Substrings {
                min_bytes: bytes as u32,
                keeps_first: settings.text("keep") == "first",
                splitter: Splitter::from_name(&settings.splitter).unwrap_or(Splitter::Spacy),
            }))
        }
        _ => Err(format!("min_length must be a whole number from {SHORTEST} to {LONGEST}")),
    }
}

impl LineFilter for Substrings {
    fn judge_lines(
        &self,
        document: &Document<'_>,
        edits: &mut LineEdits,
        signals: &mut Signals,
        raised: &mut Raised,
        buffer: &mut String,
    ) {
        let text = document.text;
        let mut end = 0;
        for range in document.repeated.as_chunks::<2>().0 {
            let [from, to] = range.map(|at| (at as usize).min(text.len()));
            // What is cut of a character is not the character.
            let (from, to) = (text.ceil_char_boundary(from), text.floor_char_boundary(to));
            if end <= from && from < to {
                edits.pieces.push(Piece::kept(end..from, false));
                edits.lines[REPEATED] += 1;
                end = to;
            }
        }
        if end == 0 {
            edits.form = Form::Whole;
            return;
        }
        edits.pieces.push(Piece::kept(end..text.len(), false));
        let mut words = Vec::new();
        measure_left(text, (edits, edits.lines[REPEATED]), self.splitter, &mut words, signals, buffer);
        if strip(buffer).is_empty() {
            raised.raise(NOTHING_LEFT);
        }
    }
}

impl RepeatFilter for Substrings {
    fn min_bytes(&self) -> Option<u32> {
        Some(self.min_bytes)
    }

    fn keeps_first(&self) -> bool {
        self.keeps_first
    }
}

#[cfg(test)]
mod tests {
    use super::FILTER;
    use crate::testing::{reasons_without, settings, text_without};

    #[test]
    fn ranges_go_without_the_characters_that_they_cut() {
        let kept = |text: &str, ranges: &[u32]| text_without(&FILTER, &settings(&FILTER), text, ranges);
        assert_eq!(kept("abcdefgh", &[2, 5]), ("abfgh".to_owned(), vec![1, 0, 0]));
        assert_eq!(kept("abcdefgh", &[0, 2, 6, 8]), ("cdef".to_owned(), vec![2, 0, 0]));
        // "é" has two bytes, "日" three.
        assert_eq!(kept("éabé日", &[1, 5]), ("éé日".to_owned(), vec![1, 0, 0]));
        assert_eq!(kept("é日b", &[1, 4]), ("é日b".to_owned(), vec![0, 0, 0]));
        assert_eq!(kept("é日b", &[1, 5]), ("éb".to_owned(), vec![1, 0, 0]));
        assert_eq!(kept("abc", &[]), ("abc".to_owned(), vec![0, 0, 0]));
        assert_eq!(kept("abc", &[0, 3]).0, "");
    }

    #[test]
    fn a_text_that_lost_something_needs_50_words() {
        let none: [&str; 0] = [];
        let reasons = |text: &str, ranges: &[u32]| reasons_without(&FILTER, &settings(&FILTER), text, ranges);
        assert_eq!(reasons("Short.", &[]), none);
        assert_eq!(reasons("Gone.  \n", &[0, 5]), ["nothing_left", "too_few_words"]);
        let text = |words: usize| format!("gone {}", crate::testing::numbered_words(0, words));
        assert_eq!(reasons(&text(50), &[0, 5]), none);
        assert_eq!(reasons(&text(49), &[0, 5]), ["too_few_words"]);
    }
}
