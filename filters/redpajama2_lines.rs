//! RedPajama-V2's signals of lines, line by line.

use std::ops::Range;

use document::Signal;
use text::bare_words::BareWords;
use text::characters::is_space;
use text::python::{is_numeric, is_upper};
use text::rounding::round_to;

use crate::redpajama2::{PRECISION, Scores};

/// The scores of a line, rounded as published.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Line {
    /// Characters of the line, its line feed included.
    pub chars: usize,
    /// `rps_lines_javascript_counts`
    pub javascript: usize,
    /// `rps_lines_ending_with_terminal_punctution_mark`
    pub is_punctuated: bool,
    /// `rps_lines_num_words`
    pub words: usize,
    /// `rps_lines_uppercase_letter_fraction`
    pub capitals: f64,
    /// `rps_lines_numerical_chars_fraction`
    pub numbers: f64,
    /// `rps_lines_start_with_bulletpoint`
    pub is_bullet: bool,
    /// For `rps_doc_frac_lines_end_with_ellipsis`.
    pub ends_in_ellipsis: bool,
}

/// The lines of a text: each up to its line feed.
pub fn lines(text: &str) -> Vec<Line> {
    let mut bare = BareWords::default();
    text.split_inclusive('\n').map(|line| measure_line(line, &mut bare)).collect()
}

const TERMINAL: [char; 4] = ['.', '!', '?', '”'];

/// Bullet, triangles, circle, squares, en dash.
const BULLETS: [char; 10] = ['•', '‣', '▶', '◀', '◦', '■', '□', '▪', '▫', '–'];

/// Appends the normalised words of the line to `bare`.
pub(crate) fn measure_line(line: &str, bare: &mut BareWords) -> Line {
    let first = bare.words().len();
    bare.push(line);
    let words = &bare.words()[first..];
    let text = bare.text();
    let range = match (words.first(), words.last()) {
        (Some((start, _)), Some((_, end))) => *start as usize..*end as usize,
        _ => 0..0,
    };
    let is_javascript = |word: &&(u32, u32)| &text[word.0 as usize..word.1 as usize] == "javascript";
    let (chars, capitals) = count(line, is_upper, |byte| byte.is_ascii_uppercase());
    let (bare_chars, numbers) = count(&text[range], is_numeric, |byte| byte.is_ascii_digit());
    let end = line.trim_end_matches(is_space);
    Line {
        chars,
        javascript: words.iter().filter(is_javascript).count(),
        is_punctuated: end.ends_with(TERMINAL),
        words: words.len(),
        capitals: share(capitals, chars),
        numbers: share(numbers, bare_chars),
        is_bullet: line.trim_start_matches(is_space).starts_with(BULLETS),
        ends_in_ellipsis: end.ends_with("...") || end.ends_with('…'),
    }
}

/// Characters, and how many of them are in a class.
fn count(text: &str, is_in: impl Fn(char) -> bool, is_in_ascii: impl Fn(u8) -> bool) -> (usize, usize) {
    if text.is_ascii() {
        (text.len(), text.bytes().filter(|byte| is_in_ascii(*byte)).count())
    } else {
        let add = |(chars, found), c| (chars + 1, found + is_in(c) as usize);
        text.chars().fold((0, 0), add)
    }
}

fn share(numerator: usize, denominator: usize) -> f64 {
    round_to(numerator as f64 / denominator.max(1) as f64, PRECISION)
}

#[derive(Default)]
pub(crate) struct LineSums {
    lines: usize,
    javascript: usize,
    punctuated: usize,
    words: usize,
    capitals: f64,
    numbers: f64,
    bullets: usize,
    ellipses: usize,
}

impl LineSums {
    pub(crate) fn add(&mut self, line: &Line) {
        self.lines += 1;
        self.javascript += line.javascript;
        self.punctuated += line.is_punctuated as usize;
        self.words += line.words;
        self.capitals += line.capitals;
        self.numbers += line.numbers;
        self.bullets += line.is_bullet as usize;
        self.ellipses += line.ends_in_ellipsis as usize;
    }

    /// Means over lines; none without lines.
    pub(crate) fn write(&self, scores: &mut Scores) {
        let counts = [
            (Signal::RpsLineJavascript, self.javascript),
            (Signal::RpsPunctuatedLines, self.punctuated),
            (Signal::RpsLineWords, self.words),
            (Signal::RpsBulletLines, self.bullets),
            (Signal::RpsEllipsisLines, self.ellipses),
        ];
        for (signal, count) in counts {
            scores.ratio(signal, count, self.lines);
        }
        if self.lines > 0 {
            scores.set(Signal::RpsLineCapitals, self.capitals / self.lines as f64);
            scores.set(Signal::RpsLineNumbers, self.numbers / self.lines as f64);
        }
    }
}

/// The spans of lines in characters, as the reference gives them.
pub fn spans(lines: &[Line]) -> impl Iterator<Item = Range<usize>> + '_ {
    lines.iter().scan(0, |at, line| {
        let start = *at;
        *at += line.chars;
        Some(start..*at)
    })
}
