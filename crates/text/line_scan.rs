//! What the scan measures of lines and paragraphs.

use std::ops::Range;

use document::Signal;

use crate::characters::{count_chars, is_space, is_terminal, strip};
use crate::lines::{split_lines, split_paragraphs};
use crate::scan::{Asked, Scanner};

/// Lines of at most so many characters are short (FineWeb).
const SHORT_LINE: usize = 30;

impl Scanner {
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
