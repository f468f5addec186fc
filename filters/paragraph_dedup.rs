//! Paragraphs, which are lines, that other documents hold, too. CCNet's.
//!
//! Blank lines and those of marks alone are no paragraphs: they go with the paragraph before them.

use document::{
    Check, Document, FilterSpec, Form, Judge, LineEdits, LineFilter, OptionSpec, Piece, Raised, RepeatFilter,
    Settings, Signal, Signals, Test, at_least,
};
use text::Splitter;
use text::characters::{is_decimal, strip};
use xxhash_rust::xxh64::xxh64;

use crate::pieces::{measure_left, strip as strip_pieces};

const REPEATED: usize = 0;
const NOTHING_LEFT: usize = 1;

pub const FILTER: FilterSpec = FilterSpec {
    name: "paragraph_dedup",
    source: "Wenzek et al. 2020 (CCNet), 3.1 and normalize_for_dedup",
    about: "Which paragraphs stand in other documents, and is enough left without them?",
    checks: &[
        Check::line("repeated_paragraph", "Its normal form stands elsewhere, too."),
        Check::new("nothing_left", Test::Own, "Every paragraph stands elsewhere, too."),
        Check::new("too_few_words", at_least(Signal::WordsLeft, 50.0), "Too little is left without them.")
            .optional(),
    ],
    signals: &[Signal::RepeatedParts, Signal::RepeatedBytes, Signal::SentencesLeft],
    options: &[
        OptionSpec {
            key: "keep",
            default: "\"first\"",
            allowed: &["first", "none"],
            is_path: false,
            why: "which of equal paragraphs stays: the first in input order, or none, as in CCNet's published runs",
        },
        OptionSpec {
            key: "form",
            default: "\"ccnet\"",
            allowed: &["ccnet", "exact"],
            is_path: false,
            why: "what is compared: lower case, digits as 0, without control characters and CCNet's list of marks; or \
                  the paragraph as it is, as in Dolma",
        },
    ],
    judge: Judge::Repeats(build),
};

struct Paragraphs {
    splitter: Splitter,
    keeps_first: bool,
    is_exact: bool,
}

fn build(settings: &Settings) -> Result<Box<dyn RepeatFilter>, String> {
    Ok(Box::new(Paragraphs {
        splitter: Splitter::from_name(&settings.splitter).unwrap_or(Splitter::Spacy),
        keeps_first: settings.text("keep") == "first",
        is_exact: settings.text("form") == "exact",
    }))
}

/// CCNet's list, whose marks are deleted. ASCII marks stay.
const MARKS: &str = "，。、„”“«»１」「《》´∶：？！（）；–—．～’…━〈〉【】％►";

impl Paragraphs {
    /// Writes what is compared of a line; nothing for one that is no paragraph.
    fn normalize(&self, line: &str, out: &mut String) {
        out.clear();
        let line = strip(line);
        if self.is_exact {
            return out.push_str(line);
        }
        for c in line.chars() {
            if c.is_ascii_graphic() || c == ' ' {
                out.push(if c.is_ascii_digit() { '0' } else { c.to_ascii_lowercase() });
            } else if !c.is_ascii() {
                let is_control = c <= '\u{9f}';
                let lower = c.to_lowercase().filter(|c| !is_control && !MARKS.contains(*c));
                out.extend(lower.map(|c| if is_decimal(c) { '0' } else { c }));
            }
        }
    }
}

impl LineFilter for Paragraphs {
    fn judge_lines(
        &self,
        document: &Document<'_>,
        edits: &mut LineEdits,
        signals: &mut Signals,
        raised: &mut Raised,
        buffer: &mut String,
    ) {
        let text = document.text;
        if document.repeated.is_empty() {
            edits.form = Form::Whole;
            return;
        }
        let mut repeated = document.repeated.iter().peekable();
        let (mut start, mut is_gone) = (0, false);
        for (number, line) in text.split('\n').enumerate() {
            if repeated.next_if(|other| **other as usize == number).is_some() {
                is_gone = true;
                edits.lines[REPEATED] += 1;
            } else if is_gone {
                self.normalize(line, buffer);
                is_gone = buffer.is_empty();
            }
            if !is_gone {
                edits.pieces.push(Piece::kept(start..start + line.len(), true));
            }
            start += line.len() + 1;
        }
        strip_pieces(text, &mut edits.pieces);
        let mut words = Vec::new();
        measure_left(text, (edits, edits.lines[REPEATED]), self.splitter, &mut words, signals, buffer);
        if buffer.is_empty() {
            raised.raise(NOTHING_LEFT);
        }
    }
}

impl RepeatFilter for Paragraphs {
    fn hash_parts(&self, document: &Document<'_>, buffer: &mut String, each: &mut dyn FnMut(u32, u64)) {
        for (number, line) in (0..).zip(document.text.split('\n')) {
            self.normalize(line, buffer);
            if !buffer.is_empty() {
                each(number, xxh64(buffer.as_bytes(), 0));
            }
        }
    }

    fn keeps_first(&self) -> bool {
        self.keeps_first
    }
}

#[cfg(test)]
mod tests {
    use document::OptionValue;

    use super::FILTER;
    use crate::testing::{hashes, reasons_without, settings, text_without};

    #[test]
    fn paragraphs_are_compared_in_ccnets_form() {
        let all = hashes(
            &FILTER,
            &settings(&FILTER),
            "One 12 — two!\n\n  ONE 45  two!\u{7}\none ٣٤  “two!”\nÉté\nete\n…",
        );
        let numbers: Vec<u32> = all.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [0, 2, 3, 4, 5], "a blank line and one of marks are no paragraphs");
        assert!(all[0].1 == all[1].1 && all[1].1 == all[2].1);
        assert!(all[3].1 != all[4].1, "accents stay");
        let mut exact = settings(&FILTER);
        exact.options.insert("form".to_owned(), OptionValue::Text("exact".to_owned()));
        let all = hashes(&FILTER, &exact, "a 1\n a 1\nA 1\n\na 2");
        assert!(all[0].1 == all[1].1 && all[0].1 != all[2].1 && all[0].1 != all[3].1 && all.len() == 4);
    }

    #[test]
    fn blank_lines_go_with_the_paragraph_before_them() {
        let text = "menu\n\nOne.\n\nTwo.\n…\n\nThree.\nfooter\n";
        let kept = |repeated: &[u32]| text_without(&FILTER, &settings(&FILTER), text, repeated);
        assert_eq!(kept(&[0, 8]), ("One.\n\nTwo.\n…\n\nThree.".to_owned(), vec![2, 0, 0]));
        assert_eq!(kept(&[4]).0, "menu\n\nOne.\n\nThree.\nfooter");
        assert_eq!(kept(&[]).0, text);
        assert_eq!(kept(&[0, 2, 4, 7, 8]).0, "");
    }

    #[test]
    fn a_document_without_paragraphs_of_its_own_is_dropped() {
        let none: [&str; 0] = [];
        let reasons =
            |text: &str, repeated: &[u32]| reasons_without(&FILTER, &settings(&FILTER), text, repeated);
        assert_eq!(reasons("a\nb", &[0, 1])[0], "nothing_left");
        assert!(!reasons("a\nb", &[0]).contains(&"nothing_left"));
        assert_eq!(reasons("a\nb", &[]), none);
    }
}
