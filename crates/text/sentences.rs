//! Counts the sentences of Unicode Standard Annex 29 without looking at every character's property.

use unicode_segmentation::UnicodeSegmentation;

use crate::characters::{is_alphabetic, is_space};

/// Number of sentences of `text`, blank ones left out. The time is linear in the text.
///
/// A sentence ends at a line end, or after a terminator. So the text is searched for these; what follows one decides,
/// by a few lines for ASCII, and by `unicode-segmentation` on the stretch around it where other characters take part.
pub(crate) fn count_sentences(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut sentences = Sentences { text, start: 0, count: 0 };
    // From `clean` on no terminator is pending.
    let (mut clean, mut at) = (0, 0);
    while let Some(skip) = bytes[at..].iter().position(|&byte| STOPS[byte as usize]) {
        at += skip;
        let next = match bytes[at] {
            b'\n' | b'\r' => Next::Ends(line_end(bytes, at)),
            byte if byte.is_ascii() => after_terminator(bytes, clean, at),
            _ => match text[at..].chars().next() {
                Some(c) if is_quiet(c) || is_letter(c) => {
                    at += c.len_utf8();
                    continue;
                }
                _ => Next::Unclear,
            },
        };
        at = match next {
            Next::Ends(at) => {
                sentences.end(at);
                at
            }
            Next::Continues(at) => at,
            Next::Unclear => {
                // All is decided by what lies between an ASCII character outside of any mark and the next letter.
                let first =
                    bytes[clean..at].iter().rposition(u8::is_ascii).map_or(clean, |from| clean + from);
                let border = text[at..].char_indices().skip(1).find(|&(_, c)| c == '\n' || is_letter(c));
                let (resume, end) = border
                    .map_or((text.len(), text.len()), |(skip, c)| (at + skip, at + skip + c.len_utf8()));
                if resume - at <= LONGEST {
                    for (start, _) in text[first..end].split_sentence_bound_indices().skip(1) {
                        sentences.end(first + start);
                    }
                }
                resume
            }
        };
        clean = at;
    }
    sentences.end(text.len());
    sentences.count
}

/// So many bytes of marks and digits without a letter are no sentences. The standard's answer would cost the square.
const LONGEST: usize = 2048;

/// Lower, Upper or OLetter of the standard: no rule looks beyond one.
fn is_letter(c: char) -> bool {
    is_alphabetic(c) && !matches!(c, '\u{FF9E}' | '\u{FF9F}')
}

struct Sentences<'t> {
    text: &'t str,
    start: usize,
    count: usize,
}

impl Sentences<'_> {
    fn end(&mut self, end: usize) {
        let is_blank = self.text[self.start..end].trim_start_matches(is_space).is_empty();
        self.count += !is_blank as usize;
        self.start = end;
    }
}

/// Line ends, terminators, and bytes beyond ASCII.
const STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        stops[byte] = matches!(byte as u8, b'\n' | b'\r' | b'.' | b'!' | b'?' | 128..);
        byte += 1;
    }
    stops
};

/// Certainly neither a terminator nor a line end: scripts and symbols without any.
fn is_quiet(c: char) -> bool {
    matches!(c, '\u{A0}'..='\u{588}' | '\u{620}'..='\u{6D3}' | '\u{2010}'..='\u{2023}' | '…'
        | '\u{2050}'..='\u{2BFF}' | '\u{3040}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}')
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    at + if bytes[at..].starts_with(b"\r\n") { 2 } else { 1 }
}

enum Next {
    /// A sentence begins here.
    Ends(usize),
    /// No sentence begins up to here.
    Continues(usize),
    /// Characters beyond ASCII take part.
    Unclear,
}

/// Rules SB6 to SB11 for the terminator at `at`, where all before `clean` is settled.
fn after_terminator(bytes: &[u8], clean: usize, at: usize) -> Next {
    let before = (at > clean).then(|| bytes[at - 1]);
    let is_full_stop = bytes[at] == b'.';
    let mut has_blank = false;
    let mut next = at + 1;
    match bytes.get(next) {
        Some(b'0'..=b'9') if is_full_stop => return Next::Continues(next),
        Some(b'A'..=b'Z') if is_full_stop => match before {
            Some(before) if before.is_ascii_alphabetic() => return Next::Continues(next),
            Some(128..) => return Next::Unclear,
            _ => {}
        },
        _ => {}
    }
    if is_full_stop {
        let decides = |byte: &u8| {
            byte.is_ascii_alphabetic() || matches!(byte, b'\n' | b'\r' | b'.' | b'!' | b'?' | 128..)
        };
        match bytes[next..].iter().position(decides).map(|skip| next + skip) {
            Some(found) if bytes[found].is_ascii_lowercase() => return Next::Continues(found),
            Some(found) if !bytes[found].is_ascii() => return Next::Unclear,
            _ => {}
        }
    }
    while let Some(&byte) = bytes.get(next) {
        match byte {
            b',' | b'-' | b':' | b';' => return Next::Continues(next),
            b'.' | b'!' | b'?' => return Next::Continues(next),
            b'\n' | b'\r' => return Next::Ends(line_end(bytes, next)),
            b'\t' | 0x0B | 0x0C | b' ' => has_blank = true,
            b'"' | b'\'' | b'(' | b')' | b'[' | b']' | b'{' | b'}' if !has_blank => {}
            128.. => return Next::Unclear,
            _ => return Next::Ends(next),
        }
        next += 1;
    }
    Next::Continues(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by_the_standard(text: &str) -> usize {
        text.split_sentence_bounds().filter(|sentence| !sentence.trim_matches(is_space).is_empty()).count()
    }

    #[test]
    fn quiet_characters_end_nothing() {
        for c in ('\0'..=char::MAX).filter(|&c| is_quiet(c)) {
            for text in [format!("a{c}B"), format!("a{c} B")] {
                assert_eq!(text.split_sentence_bounds().count(), 1, "{c:?}");
            }
        }
    }

    #[test]
    fn letters_are_borders() {
        let count = |text: String| text.split_sentence_bounds().count();
        for c in ('\0'..=char::MAX).filter(|&c| is_letter(c)) {
            let is_lower = count(format!("a. {c}B")) == 1;
            assert!(is_lower || count(format!("a. {c}b")) == 2, "{c:?}");
            assert_eq!(count(format!("a{c}b")), 1, "{c:?}");
        }
    }

    #[test]
    fn time_is_linear_in_marks() {
        for mark in [".)", ".", ")", "»", ".»", ". ", "« "] {
            assert!(count_sentences(&format!("a.{}b", mark.repeat(400_000))) < 3, "{mark}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn ascii_is_counted_as_by_the_standard(
            text in r#"[aB1.!?,(\])"' \n\r_\t\x1c]{0,24}|[aB. "]{0,16}|[ -~\n]{0,40}|[\x00-\x7f]{0,16}"#
        ) {
            prop_assert_eq!(count_sentences(&text), by_the_standard(&text));
        }

        #[test]
        fn all_is_counted_as_by_the_standard(
            text in "[aB1.!?,( \n\réÉ“”»\u{301}\u{AD}。ａ世\u{85}\u{2028}\u{200B}اﬀ؟\u{2024}…\u{A0}\u{1C}]{0,24}|[aB. é“\u{301}]{0,16}|\\PC{0,24}"
        ) {
            prop_assert_eq!(count_sentences(&text), by_the_standard(&text));
        }
    }
}
