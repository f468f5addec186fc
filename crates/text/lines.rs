//! Lines as Python sees them: `str.splitlines`, which knows more line ends than `\n`.

use std::ops::Range;

/// Byte ranges of the lines of `text`, without their ends, as Python's `str.splitlines`: `\n`, `\r`, `\r\n`,
/// U+000B, U+000C, U+001C to U+001E, U+0085, U+2028, U+2029. A final line end opens no further line.
pub fn split_lines(text: &str) -> SplitLines<'_> {
    SplitLines { bytes: text.as_bytes(), at: 0 }
}

/// See [`split_lines`].
#[derive(Clone, Debug)]
pub struct SplitLines<'t> {
    bytes: &'t [u8],
    at: usize,
}

/// Bytes that end a line or may begin a character that does.
const STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let list = [0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0xC2, 0xE2];
    let mut i = 0;
    while i < list.len() {
        stops[list[i]] = true;
        i += 1;
    }
    stops
};

impl Iterator for SplitLines<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        if self.at == self.bytes.len() {
            return None;
        }
        let start = self.at;
        let mut at = start;
        while let Some(skip) = self.bytes[at..].iter().position(|&byte| STOPS[byte as usize]) {
            at += skip;
            let length = end_length(&self.bytes[at..]);
            if length > 0 {
                self.at = at + length;
                return Some(start..at);
            }
            at += 1;
        }
        self.at = self.bytes.len();
        Some(start..self.bytes.len())
    }
}

/// Bytes of the line end that `bytes` begin with; 0 if they begin with none.
fn end_length(bytes: &[u8]) -> usize {
    match bytes {
        [b'\r', b'\n', ..] => 2,
        [0x0A..=0x0D | 0x1C..=0x1E, ..] => 1,
        [0xC2, 0x85, ..] => 2,
        [0xE2, 0x80, 0xA8 | 0xA9, ..] => 3,
        _ => 0,
    }
}

/// The parts between runs of at least two line feeds, as Python's `re.split(r"\n{2,}", text)`.
pub fn split_paragraphs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(at) = memchr::memmem::find(text.as_bytes(), b"\n\n") else {
            return rest.take();
        };
        rest = Some(text[at..].trim_start_matches('\n'));
        Some(&text[..at])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<&str> {
        split_lines(text).map(|range| &text[range]).collect()
    }

    // Expected values are Python's.
    #[test]
    fn every_line_end_counts() {
        assert_eq!(lines("a\nb\r\nc\rd\u{B}e\u{C}f\u{1C}g\u{1D}h\u{1E}i\u{85}j\u{2028}k\u{2029}l").len(), 12);
        assert_eq!(lines("a\u{1F}b\tc\u{2027}d\u{A0}é"), ["a\u{1F}b\tc\u{2027}d\u{A0}é"]);
    }

    #[test]
    fn a_final_line_end_opens_no_line() {
        assert_eq!(lines(""), [""; 0]);
        assert_eq!(lines("\n"), [""]);
        assert_eq!(lines("a\n\nb\r\n"), ["a", "", "b"]);
        assert_eq!(lines("a\n\r\n"), ["a", ""]);
        assert_eq!(lines("a\r\u{85}"), ["a", ""]);
    }

    #[test]
    fn paragraphs_are_split_at_two_or_more_line_feeds() {
        let parts = |text| split_paragraphs(text).collect::<Vec<_>>();
        assert_eq!(parts(""), [""]);
        assert_eq!(parts("a\nb\n\nc\n\n\n\nd"), ["a\nb", "c", "d"]);
        assert_eq!(parts("\n\na\n\n"), ["", "a", ""]);
        assert_eq!(parts("\n\n"), ["", ""]);
    }
}
