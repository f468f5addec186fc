//! Spans of sentences that other documents hold, too: of each the first copy stays. C4's, as datatrove removes them.
//!
//! The reference numbers spans by the sentences that are not blank and removes by all sentences; a blank one can only be
//! the last. The white space before a sentence belongs to it.

use std::ops::Range;

use document::{
    Check, Document, FilterSpec, Form, Judge, LineEdits, LineFilter, OptionSpec, Piece, Raised, RepeatFilter,
    Settings, Signal, Signals, Test, at_least,
};
use text::Splitter;
use text::characters::{is_space, strip};
use text::normalize::simplify_text;
use text::shingles::{ShingleScratch, shingle_hashes};

use crate::pieces::{measure_left, trim_start};
use crate::scratch::Pool;

const REPEATED: usize = 0;
const NOTHING_LEFT: usize = 1;

pub const FILTER: FilterSpec = FilterSpec {
    name: "sentence_dedup",
    source: "Raffel et al. 2020 (C4), 2.2; datatrove SentenceDedup",
    about: "Which spans of sentences stand in a document before it, and is enough left without them?",
    checks: &[
        Check::line("repeated_sentence", "It is in a span that stands earlier in the input."),
        Check::new("nothing_left", Test::Own, "Every sentence was in a repeated span."),
        Check::new("too_few_words", at_least(Signal::WordsLeft, 50.0), "Too little is left without them."),
        Check::new(
            "too_few_sentences",
            at_least(Signal::SentencesLeft, 3.0),
            "Too little is left without them.",
        ),
    ],
    signals: &[Signal::RepeatedParts, Signal::RepeatedBytes],
    options: &[OptionSpec {
        key: "sentences",
        default: "3",
        allowed: &[],
        is_path: false,
        why: "so many consecutive sentences are a span",
    }],
    judge: Judge::Repeats(build),
};

struct Sentences {
    span: usize,
    splitter: Splitter,
    scratch: Pool<Scratch>,
}

#[derive(Default)]
struct Scratch {
    words: Vec<(u32, u32)>,
    sentences: Vec<Range<usize>>,
    /// The normal forms of sentences, a space between them, and where each is.
    normal: String,
    places: Vec<(u32, u32)>,
    shingles: ShingleScratch,
}

fn build(settings: &Settings) -> Result<Box<dyn RepeatFilter>, String> {
    let splitter = Splitter::Spacy;
    if settings.splitter != splitter.name() {
        return Err(format!(
            "sentence_dedup needs the sentences of [words] splitter = \"{}\", not \"{}\"; paragraph_dedup needs none",
            splitter.name(),
            settings.splitter
        ));
    }
    match settings.number("sentences") {
        Some(span) if span >= 1.0 && span.fract() == 0.0 => {
            Ok(Box::new(Sentences { span: span as usize, splitter, scratch: Pool::new() }))
        }
        _ => Err("sentences must be a whole number from 1 on".to_owned()),
    }
}

impl Sentences {
    /// Byte ranges of the sentences, each with the white space before it. What follows the last one is in none.
    fn read(&self, text: &str, words: &mut Vec<(u32, u32)>, sentences: &mut Vec<Range<usize>>) {
        sentences.clear();
        let mut start = 0;
        self.splitter.each_sentence(text, words, |range| {
            let end = text[..range.end].strip_suffix(' ').unwrap_or(&text[..range.end]);
            // The reference swallows a space behind a word; longer white space is a word of its own.
            let end = if end.ends_with(is_space) { range.end } else { end.len() };
            sentences.push(start..end);
            start = end;
        });
    }
}

impl LineFilter for Sentences {
    fn judge_lines(
        &self,
        document: &Document<'_>,
        edits: &mut LineEdits,
        signals: &mut Signals,
        raised: &mut Raised,
        buffer: &mut String,
    ) {
        if document.repeated.is_empty() {
            edits.form = Form::Whole;
            return;
        }
        self.scratch.lend(|Scratch { words, sentences, .. }| {
            self.read(document.text, words, sentences);
            let mut repeated = document.repeated.iter().map(|span| *span as usize).peekable();
            let mut gone_until = 0;
            for (number, sentence) in sentences.drain(..).enumerate() {
                while let Some(span) = repeated.next_if(|span| *span <= number) {
                    gone_until = span + self.span;
                }
                if number < gone_until {
                    edits.lines[REPEATED] += 1;
                } else {
                    edits.pieces.push(Piece::kept(sentence, false));
                }
            }
            trim_start(document.text, &mut edits.pieces);
            measure_left(
                document.text,
                (edits, edits.lines[REPEATED]),
                self.splitter,
                words,
                signals,
                buffer,
            );
            if buffer.is_empty() {
                raised.raise(NOTHING_LEFT);
            }
        });
    }
}

impl RepeatFilter for Sentences {
    fn hash_parts(&self, document: &Document<'_>, buffer: &mut String, each: &mut dyn FnMut(u32, u64)) {
        self.scratch.lend(|Scratch { words, sentences, normal, places, shingles }| {
            self.read(document.text, words, sentences);
            normal.clear();
            places.clear();
            for sentence in sentences.drain(..) {
                let sentence = strip(&document.text[sentence]);
                if !sentence.is_empty() {
                    simplify_text(sentence, buffer);
                    let start = normal.len() as u32;
                    normal.push_str(buffer);
                    places.push((start, normal.len() as u32));
                    normal.push(' ');
                }
            }
            let hashes = shingle_hashes(normal, places, self.span, shingles);
            for (number, (hash, span)) in hashes.iter().zip(places.windows(self.span)).enumerate() {
                if span.iter().any(|(start, end)| start < end) {
                    each(number as u32, *hash);
                }
            }
        });
    }

    fn keeps_first(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::FILTER;
    use crate::testing::{hashes, reasons_without, settings, text_without};

    const TEXT: &str = "First one here.  Second,\n\nand long? Third! Fourth (in brackets.) Fifth.\n";

    #[test]
    fn spans_are_numbered_by_their_first_sentence() {
        let all = hashes(&FILTER, &settings(&FILTER), TEXT);
        assert_eq!(all.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 1, 2]);
        // Case, marks and numbers do not count, and neither does what stands before.
        let other =
            hashes(&FILTER, &settings(&FILTER), "Zero. SECOND and long. third? Fourth - in brackets.");
        assert_eq!(other.iter().map(|(_, hash)| *hash).collect::<Vec<_>>()[1], all[1].1);
        assert_eq!(hashes(&FILTER, &settings(&FILTER), "One. Two."), []);
        // Marks alone are nothing to look for.
        assert_eq!(hashes(&FILTER, &settings(&FILTER), "! a ! a ! a").len(), 2);
        assert_eq!(hashes(&FILTER, &settings(&FILTER), ""), []);
    }

    #[test]
    fn spans_overlap_and_what_is_left_is_as_the_reference_leaves_it() {
        // The outcomes are datatrove 0.10's.
        for (repeated, kept, sentences) in [
            (&[0][..], "Fourth (in brackets.) Fifth.\n", 3),
            (&[1], "First one here. Fifth.\n", 3),
            (&[0, 1], "Fifth.\n", 4),
            (&[0, 2], "", 5),
            (&[], TEXT, 0),
        ] {
            let (text, lines) = text_without(&FILTER, &settings(&FILTER), TEXT, repeated);
            assert_eq!((text.as_str(), lines[0]), (kept, sentences), "{repeated:?}");
        }
    }

    #[test]
    fn a_text_that_lost_a_span_needs_50_words_and_3_sentences() {
        let none: [&str; 0] = [];
        let text = |sentences: usize| {
            format!("{}Tail of it. And more. Last.", "Seven words are in this sentence. ".repeat(sentences))
        };
        let reasons =
            |text: &str, repeated: &[u32]| reasons_without(&FILTER, &settings(&FILTER), text, repeated);
        assert_eq!(reasons("Short.", &[]), none);
        assert_eq!(reasons(&text(9), &[9]), none);
        assert_eq!(reasons(&text(7), &[7]), ["too_few_words"]);
        let long = format!("{}. One. Two. Three.", "word ".repeat(60));
        assert_eq!(reasons(&long, &[1]), ["too_few_sentences"]);
        assert_eq!(reasons(&text(0), &[0]), ["nothing_left", "too_few_words", "too_few_sentences"]);
    }
}
