//! Which lines are prose, and are there enough of them?
//!
//! Lines are Python's, or the sentences of the text. Line rules come first; page rules look at the lines that survive them, in the reference's order: only the first
//! of `lorem_ipsum` and `curly_bracket` to be met is raised. `terminal_punctuation` is off as in FineWeb; the C4
//! paper has it on. Citation marks (`[1]`, `[edit]`) are cut out of kept lines, without stripping the line again.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use document::{
    Check, Document, FilterSpec, Found, Judge, LineEdits, LineFilter, OptionSpec, OptionValue, Piece, Raised,
    Separator, Settings, Signal, Signals, Test, at_least,
};
use memchr::memchr;
use regex::Regex;
use text::characters::{is_space, strip};
use text::lines::split_lines;
use text::unicode14::is_newer;
use text::words::Splitter;

const LOREM_IPSUM: usize = 0;
const CURLY_BRACKET: usize = 1;
const TOO_LONG_WORD: usize = 3;
const NO_TERMINAL_PUNCTUATION: usize = 4;
const TOO_FEW_WORDS_IN_LINE: usize = 5;
const JAVASCRIPT: usize = 6;
const POLICY: usize = 7;

const CHECKS: &[Check] = &[
    Check::new("lorem_ipsum", Test::Own, "Filler text: the page is a template.")
        .shown_by(Signal::LoremIpsum)
        .known_as(&[("datatrove", "lorem_ipsum")]),
    Check::new("curly_bracket", Test::Own, "Program code has curly brackets, prose has none.")
        .shown_by(Signal::CurlyBrackets)
        .known_as(&[("datatrove", "curly_bracket")]),
    Check::new("too_few_sentences", at_least(Signal::Sentences, 5.0), "Too little is left to be a text.")
        .known_as(&[("datatrove", "too_few_sentences")]),
    Check::line("too_long_word", "A word longer than any: encoded data.")
        .known_as(&[("datatrove", "line-filter-too_long_word")]),
    Check::line("no_terminal_punctuation", "The line does not end like a sentence.")
        .known_as(&[("datatrove", "line-filter-no_terminal_punc")]),
    Check::line("too_few_words_in_line", "A menu entry or a button, not a sentence.")
        .known_as(&[("datatrove", "line-filter-too_few_words")]),
    Check::line("javascript", "A note that scripts should be switched on.")
        .known_as(&[("datatrove", "line-filter-javascript")]),
    Check::line("policy", "A cookie notice or a link to terms of use.")
        .known_as(&[("datatrove", "line-filter-policy")]),
];

pub const FILTER: FilterSpec = FilterSpec {
    name: "c4_quality",
    source: "Raffel et al. 2020 (C4), 2.2; as in datatrove",
    about: "Which lines are prose, and are there enough of them?",
    checks: CHECKS,
    signals: &[Signal::LoremIpsum, Signal::CurlyBrackets, Signal::CutLines],
    options: &[
        OptionSpec {
            key: "terminal_punctuation",
            default: "false",
            allowed: &[],
            is_path: false,
            why: "true: a line must end in . ? ! \" or ', and not in an ellipsis (C4; FineWeb leaves it out)",
        },
        OptionSpec {
            key: "split_paragraph",
            default: "true",
            allowed: &[],
            is_path: false,
            why: "false: judge sentences instead of lines, and join them by spaces; needs the words of spacy",
        },
        OptionSpec {
            key: "min_words_per_line",
            default: "3",
            allowed: &[],
            is_path: false,
            why: "lines of fewer words are cut; -1: none is",
        },
        OptionSpec {
            key: "max_word_length",
            default: "1000",
            allowed: &[],
            is_path: false,
            why: "lines with a longer word (in characters) are cut; -1: none is",
        },
    ],
    judge: Judge::Lines(build),
};

const POLICY_PHRASES: &str = include_str!("../rules/lists/policy_phrases.txt");

/// Lower-case phrases: two of their own, then those of the policy rule.
const PHRASES: [&str; 2] = ["lorem ipsum", "javascript"];

struct C4Quality {
    splitter: Splitter,
    terminal_punctuation: bool,
    by_sentence: bool,
    min_words: usize,
    max_word_length: usize,
    phrases: AhoCorasick,
    is_off: [bool; CHECKS.len()],
}

fn build(settings: &Settings) -> Result<Box<dyn LineFilter>, String> {
    let splitter = Splitter::from_name(&settings.splitter).ok_or_else(|| {
        format!("splitter {:?}: write one of {}", settings.splitter, Splitter::NAMES.join(", "))
    })?;
    let by_sentence = settings.options.get("split_paragraph") == Some(&OptionValue::Bool(false));
    if by_sentence && splitter != Splitter::Spacy {
        return Err("split_paragraph = false needs [words] splitter = \"spacy\"".to_owned());
    }
    let limit = |key: &str, none: usize| match settings.number(key) {
        Some(number) if number >= 0.0 => number as usize,
        _ => none,
    };
    let phrases = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .ascii_case_insensitive(true)
        .build(PHRASES.into_iter().chain(POLICY_PHRASES.lines().filter(|phrase| !phrase.is_empty())))
        .map_err(|error| error.to_string())?;
    let mut is_off = [false; CHECKS.len()];
    for (off, check) in is_off.iter_mut().zip(CHECKS) {
        *off = settings.off.contains(check.reason);
    }
    Ok(Box::new(C4Quality {
        splitter,
        terminal_punctuation: settings.bool("terminal_punctuation"),
        by_sentence,
        min_words: limit("min_words_per_line", 0),
        max_word_length: limit("max_word_length", usize::MAX),
        phrases,
        is_off,
    }))
}

static CITATIONS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\[\d*\]|\[edit\]|\[citation needed\]").ok());

/// The Kelvin sign, the one character beyond ASCII whose lower case is in a phrase.
const KELVIN: char = '\u{212A}';

impl LineFilter for C4Quality {
    fn judge_lines(
        &self,
        document: &Document<'_>,
        edits: &mut LineEdits,
        signals: &mut Signals,
        raised: &mut Raised,
        buffer: &mut String,
    ) {
        let found = self.walk(document, edits, buffer, |_, _| ());
        signals.set(Signal::Sentences, found.sentences as f64);
        signals.set(Signal::LoremIpsum, f64::from(found.page.lorem_ipsum));
        signals.set(Signal::CurlyBrackets, f64::from(found.page.curly_bracket));
        signals.set_ratio(Signal::CutLines, found.cut, found.lines);
        if let Some(check) = found.page.first {
            raised.raise(check);
        }
    }

    fn point(&self, document: &Document<'_>, found: &mut Found<'_>) {
        self.walk(document, &mut LineEdits::default(), &mut String::new(), |check, line| {
            found(check, self.cause(check, document.text, line));
        });
    }
}

/// What a text's lines are.
#[derive(Default)]
struct Walked {
    lines: usize,
    cut: usize,
    sentences: usize,
    page: Page,
}

impl C4Quality {
    /// Judges line by line. `found` is told the lines that a check removes or meets.
    fn walk(
        &self,
        document: &Document<'_>,
        edits: &mut LineEdits,
        buffer: &mut String,
        mut found: impl FnMut(usize, Range<usize>),
    ) -> Walked {
        let text = document.text;
        edits.clear(CHECKS.len());
        let has_phrases = self.phrases.is_match(text) || text.contains(KELVIN);
        let mut all = Walked::default();
        // Lines end in white space, at which no word of spaCy's knows of its neighbours.
        let known = document.words.filter(|_| self.splitter == Splitter::Spacy);
        let mut next_word = 0;
        let mut has_pieces_of_lines = self.by_sentence;
        let mut judge = |range: Range<usize>, edits: &mut LineEdits| {
            all.lines += 1;
            let line = strip(&text[range]);
            let start = line.as_ptr() as usize - text.as_ptr() as usize;
            let first_piece = edits.pieces.len();
            let kept = without_citations(line, start, &mut edits.pieces, buffer);
            let is_cited = kept.len() < line.len();
            let phrases = if has_phrases || is_cited { self.phrases_in(kept) } else { Phrases::default() };
            let mut here = Page::default();
            let failed = self.failed_line_rule(line, kept, phrases, &mut here);
            for (is_met, check) in [(here.lorem_ipsum, LOREM_IPSUM), (here.curly_bracket, CURLY_BRACKET)] {
                if is_met {
                    found(check, start..start + line.len());
                }
            }
            all.page.merge(here);
            match failed {
                None if self.by_sentence => all.sentences += 1,
                None => {
                    let words = known.filter(|_| !is_cited);
                    has_pieces_of_lines |= is_cited;
                    all.sentences += match words {
                        Some(words) => {
                            let words = words_within(words, start..start + line.len(), &mut next_word);
                            self.splitter.sentences_of(line, words, start)
                        }
                        None => self.splitter.sentences(kept, &mut edits.spans),
                    }
                }
                Some(check) => {
                    edits.lines[check] += 1;
                    edits.pieces.truncate(first_piece);
                    all.cut += 1;
                    found(check, start..start + line.len());
                }
            }
        };
        if self.by_sentence {
            edits.separator = Separator::Space;
            let mut words = std::mem::take(&mut edits.spans);
            self.splitter.each_sentence(text, &mut words, |range| judge(range, edits));
            edits.spans = words;
        } else {
            split_lines(text).for_each(|range| judge(range, edits));
        }
        // A cut citation may leave a blank at the borders.
        crate::pieces::strip(text, &mut edits.pieces);
        if let Some(words) = known.filter(|_| !has_pieces_of_lines) {
            edits.keep_words(words);
        }
        all
    }

    /// What of a line a check means: the phrase or the bracket if it is found there, else the line.
    fn cause(&self, check: usize, text: &str, line: Range<usize>) -> Range<usize> {
        let part = &text[line.clone()];
        let is_meant = |pattern: usize| match check {
            LOREM_IPSUM => pattern == 0,
            JAVASCRIPT => pattern == 1,
            POLICY => pattern > 1,
            _ => false,
        };
        let mut hits = self.phrases.find_overlapping_iter(part);
        let range = match check {
            CURLY_BRACKET => memchr(b'{', part.as_bytes()).map(|at| at..at + 1),
            _ => hits.find(|hit| is_meant(hit.pattern().as_usize())).map(|hit| hit.range()),
        };
        range.map_or(line.clone(), |range| line.start + range.start..line.start + range.end)
    }
}

/// What the page rules met, and the first of them that applies.
#[derive(Default)]
struct Page {
    lorem_ipsum: bool,
    curly_bracket: bool,
    first: Option<usize>,
}

impl Page {
    fn merge(&mut self, line: Page) {
        self.lorem_ipsum |= line.lorem_ipsum;
        self.curly_bracket |= line.curly_bracket;
        self.first = self.first.or(line.first);
    }
}

/// Kinds of phrases in a line.
#[derive(Clone, Copy, Default)]
struct Phrases {
    lorem_ipsum: bool,
    javascript: bool,
    policy: bool,
}

impl C4Quality {
    /// The rules in the reference's order; page rules see only what the rules before them let pass.
    fn failed_line_rule(&self, line: &str, kept: &str, phrases: Phrases, page: &mut Page) -> Option<usize> {
        let fails = |check: usize, failed: bool| failed && !self.is_off[check];
        // A line of few bytes holds no word of more characters.
        let has_long_word = line.len() > self.max_word_length
            && line.split(is_space).any(|word| word.chars().count() > self.max_word_length);
        if fails(TOO_LONG_WORD, has_long_word) {
            return Some(TOO_LONG_WORD);
        }
        if self.terminal_punctuation && fails(NO_TERMINAL_PUNCTUATION, !ends_like_a_sentence(kept)) {
            return Some(NO_TERMINAL_PUNCTUATION);
        }
        let words = line.split(is_space).filter(|word| !word.is_empty());
        if fails(TOO_FEW_WORDS_IN_LINE, words.take(self.min_words).count() < self.min_words) {
            return Some(TOO_FEW_WORDS_IN_LINE);
        }
        if phrases.lorem_ipsum {
            page.lorem_ipsum = true;
            self.meet(LOREM_IPSUM, page);
        }
        if fails(JAVASCRIPT, phrases.javascript) {
            return Some(JAVASCRIPT);
        }
        if memchr(b'{', kept.as_bytes()).is_some() {
            page.curly_bracket = true;
            self.meet(CURLY_BRACKET, page);
        }
        fails(POLICY, phrases.policy).then_some(POLICY)
    }

    fn meet(&self, check: usize, page: &mut Page) {
        if page.first.is_none() && !self.is_off[check] {
            page.first = Some(check);
        }
    }

    fn phrases_in(&self, line: &str) -> Phrases {
        if line.contains(KELVIN) {
            return self.phrases_in(&line.replace(KELVIN, "k"));
        }
        let mut phrases = Phrases::default();
        for hit in self.phrases.find_overlapping_iter(line) {
            match hit.pattern().as_usize() {
                0 => phrases.lorem_ipsum = true,
                1 => phrases.javascript = true,
                _ => phrases.policy = true,
            }
        }
        phrases
    }
}

fn ends_like_a_sentence(line: &str) -> bool {
    line.ends_with(['.', '?', '!', '"', '\'']) && !line.ends_with("...")
}

/// Those of `words` that lie in `range`; the next range is behind it, and so are its words from `next` on.
fn words_within<'w>(words: &'w [(u32, u32)], range: Range<usize>, next: &mut usize) -> &'w [(u32, u32)] {
    let skipped = words[*next..].iter().take_while(|word| (word.0 as usize) < range.start).count();
    let rest = &words[*next + skipped..];
    let within = rest.iter().take_while(|word| word.1 as usize <= range.end).count();
    *next += skipped + within;
    &rest[..within]
}

/// The line without citation marks, in `buffer` if there were any; adds its pieces of the text.
fn without_citations<'a>(
    line: &'a str,
    start: usize,
    pieces: &mut Vec<Piece>,
    buffer: &'a mut String,
) -> &'a str {
    let mut at = 0;
    if let (Some(_), Some(citations)) = (memchr(b'[', line.as_bytes()), CITATIONS.as_ref()) {
        buffer.clear();
        // Digits that are newer than the reference's are none for it.
        let is_known = |mark: &regex::Match<'_>| !mark.as_str().chars().any(is_newer);
        for mark in citations.find_iter(line).filter(is_known) {
            buffer.push_str(&line[at..mark.start()]);
            pieces.push(Piece::kept(start + at..start + mark.start(), at == 0));
            at = mark.end();
        }
    }
    pieces.push(Piece::kept(start + at..start + line.len(), at == 0));
    if at == 0 {
        return line;
    }
    buffer.push_str(&line[at..]);
    buffer
}

#[cfg(test)]
#[path = "c4_quality_tests.rs"]
mod tests;
