//! Dolma's taggers `c4_v1` and `c4_v2`: which lines are no sentences, and what drops the page.
//!
//! The line rules cut lines with their line feeds, as Dolma's mixer replaces spans; the page rules look at the text
//! before that. The naughty words are LDNOOBW's English list: a word is what stands between white space (`word,` is not
//! found), a phrase is found anywhere. With `v2` the reference computes spans on the text in lower case, where İ is
//! two characters, so its spans may be some characters late: [`line_spans`] gives them so, but lines are cut whole.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use document::{
    Check, Document, FilterSpec, Judge, LineEdits, LineFilter, OptionSpec, Piece, Raised, Settings, Signal,
    Signals, at_most,
};
use text::characters::{count_chars, is_space, strip};

use crate::bad_words::{fold, imported};

const UNPUNCTUATED: usize = 4;
const SHORT: usize = 5;

pub const FILTER: FilterSpec = FilterSpec {
    name: "dolma_c4",
    source: "Dolma 1.2.1, c4_v1 and c4_v2; limits of configs/c4-replication/mixer.yaml",
    about: "Which lines are sentences, and is it free of code, filler and listed words, by Dolma's version of C4?",
    checks: &[
        Check::new("curly_brace", at_most(Signal::DolmaHasCurlyBrace, 0.5), "Program code.")
            .known_as(&[("dolma", "c4_v2__c4_v2__has_curly_brace")]),
        Check::new(
            "lorem_ipsum",
            at_most(Signal::DolmaHasLoremIpsum, 0.5),
            "Filler text: the page is a template.",
        )
        .known_as(&[("dolma", "c4_v2__c4_v2__has_lorem_ipsum")]),
        Check::new(
            "javascript",
            at_most(Signal::DolmaHasJavascript, 0.5),
            "A note that scripts should be switched on.",
        )
        .known_as(&[("dolma", "c4_v2__c4_v2__has_javascript")]),
        Check::new(
            "naughty_word",
            at_most(Signal::DolmaHasNaughtyWord, 0.5),
            "A listed word; many of them are innocent in most texts.",
        )
        .known_as(&[("dolma", "c4_v2__c4_v2__has_naughty_word")]),
        Check::line("no_ending_punctuation", "The line does not end like a sentence.").known_as(&[
            ("dolma", "c4_v2__c4_v2__lines_with_no_ending_punctuation"),
            ("dolma", "c4_rules__c4_v1__lines_with_no_ending_punctuation"),
        ]),
        Check::line("too_few_words_in_line", "A menu entry or a button, not a sentence.")
            .known_as(&[("dolma", "c4_v2__c4_v2__lines_with_too_few_words")]),
    ],
    signals: &[
        Signal::DolmaLines,
        Signal::DolmaUnpunctuatedLines,
        Signal::DolmaUnpunctuatedChars,
        Signal::DolmaShortLines,
        Signal::DolmaShortLineChars,
    ],
    options: &[OptionSpec {
        key: "version",
        default: r#""v2""#,
        allowed: &["v1", "v2"],
        is_path: false,
        why: "v1: `javascript` must be a word between white space; v2: it is found anywhere",
    }],
    judge: Judge::Lines(build),
};

const MIN_WORDS: usize = 3;

/// Phrases before the listed ones.
const PHRASES: [&str; 2] = ["lorem ipsum", "javascript"];

struct DolmaC4 {
    is_v2: bool,
    phrases: AhoCorasick,
    /// By phrase: it is one word.
    is_word: Vec<bool>,
    /// Of lines.
    is_off: [bool; 2],
}

fn build(settings: &Settings) -> Result<Box<dyn LineFilter>, String> {
    let phrases: Vec<&str> = PHRASES.into_iter().chain(imported("en")?).collect();
    let automaton = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .ascii_case_insensitive(true)
        .build(&phrases)
        .map_err(|error| error.to_string())?;
    Ok(Box::new(DolmaC4 {
        is_v2: settings.text("version") != "v1",
        phrases: automaton,
        is_word: phrases.iter().map(|phrase| !phrase.contains(' ')).collect(),
        is_off: [UNPUNCTUATED, SHORT].map(|check| settings.off.contains(FILTER.checks[check].reason)),
    }))
}

impl LineFilter for DolmaC4 {
    fn judge_lines(
        &self,
        document: &Document<'_>,
        edits: &mut LineEdits,
        signals: &mut Signals,
        _: &mut Raised,
        buffer: &mut String,
    ) {
        let text = document.text;
        edits.clear(FILTER.checks.len());
        let (mut lines, mut chars) = (0, [0; 2]);
        let mut counts = [0_u32; 2];
        for line in dolma_lines(text, self.is_v2) {
            lines += 1;
            let mut is_cut = false;
            for (kind, failed) in line.fails.into_iter().enumerate() {
                counts[kind] += u32::from(failed);
                chars[kind] += if failed { line.span.len() } else { 0 };
                if failed && !self.is_off[kind] {
                    edits.lines[UNPUNCTUATED + kind] += u32::from(!is_cut);
                    is_cut = true;
                }
            }
            if !is_cut {
                keep(line.bytes, &mut edits.pieces);
            }
        }
        signals.set(Signal::DolmaLines, f64::from(lines));
        signals.set(Signal::DolmaUnpunctuatedLines, f64::from(counts[0]));
        signals.set(Signal::DolmaUnpunctuatedChars, chars[0] as f64);
        signals.set(Signal::DolmaShortLines, f64::from(counts[1]));
        signals.set(Signal::DolmaShortLineChars, chars[1] as f64);
        let found = self.find(fold(text, buffer));
        signals.set(Signal::DolmaHasLoremIpsum, f64::from(found.lorem_ipsum));
        signals.set(Signal::DolmaHasJavascript, f64::from(found.javascript));
        signals.set(Signal::DolmaHasNaughtyWord, f64::from(found.naughty));
        signals.set(Signal::DolmaHasCurlyBrace, f64::from(text.contains('{')));
    }
}

#[derive(Default)]
struct Found {
    lorem_ipsum: bool,
    javascript: bool,
    naughty: bool,
}

impl DolmaC4 {
    /// `text` is in lower case, but for ASCII.
    fn find(&self, text: &str) -> Found {
        let mut found = Found::default();
        for hit in self.phrases.find_overlapping_iter(text) {
            let phrase = hit.pattern().as_usize();
            let counts = || stands_alone(text, hit.start(), hit.end());
            match phrase {
                0 => found.lorem_ipsum = true,
                1 => found.javascript |= self.is_v2 || counts(),
                _ => found.naughty |= !self.is_word[phrase] || counts(),
            }
        }
        found
    }
}

fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    text[..start].chars().next_back().is_none_or(is_space) && text[end..].chars().next().is_none_or(is_space)
}

/// Adds a line to the kept pieces, to the one before if it touches that.
fn keep(line: Range<usize>, pieces: &mut Vec<Piece>) {
    match pieces.last_mut() {
        Some(last) if last.range.end == line.start => last.range.end = line.end,
        _ => pieces.push(Piece::kept(line, false)),
    }
}

/// A line with its line feed.
struct Line {
    bytes: Range<usize>,
    /// In characters, as the reference counts them.
    span: Range<usize>,
    /// No ending punctuation; too few words.
    fails: [bool; 2],
}

fn dolma_lines(text: &str, is_v2: bool) -> impl Iterator<Item = Line> + '_ {
    let mut chars = 0;
    text.split('\n').map(move |line| {
        let start = line.as_ptr() as usize - text.as_ptr() as usize;
        let end = (start + line.len() + 1).min(text.len());
        let first = chars;
        // The one character that lower case makes longer.
        let longer = if is_v2 && !line.is_ascii() { line.matches('İ').count() } else { 0 };
        chars += count_chars(&text[start..end]) + longer;
        let line = strip(line);
        let words = line.split(is_space).filter(|word| !word.is_empty());
        let fails = [!line.ends_with(['.', '?', '!', '"']), words.take(MIN_WORDS).count() < MIN_WORDS];
        Line { bytes: start..end, span: first..chars, fails }
    })
}

/// The reference's spans, in characters: lines without ending punctuation, and with too few words.
pub fn line_spans(text: &str, is_v2: bool) -> [Vec<Range<usize>>; 2] {
    let mut spans = [Vec::new(), Vec::new()];
    for line in dolma_lines(text, is_v2) {
        for (spans, _) in spans.iter_mut().zip(line.fails).filter(|(_, failed)| *failed) {
            spans.push(line.span.clone());
        }
    }
    spans
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "dolma_c4_tests.rs"]
mod tests;
