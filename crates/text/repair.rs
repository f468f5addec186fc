//! Text that programs damaged on its way, put right: encoding, control and invisible characters, line endings, NFC.
//!
//! Clean text costs one look at each byte. What is done, in this order, until nothing changes:
//! [`Fault::Mojibake`] (`mojibake.rs`); then character by character [`Fault::C1Control`] (ftfy `fix_c1_controls`),
//! [`Fault::LineEnding`] (ftfy `fix_line_breaks`), [`Fault::ControlCharacter`] (ftfy `remove_control_chars` and
//! `remove_terminal_escapes`), [`Fault::ByteOrderMark`] and [`Fault::ZeroWidth`] (ours); then [`Fault::Composition`]
//! (Unicode NFC). Quotes, ligatures, widths and entities are left as they are.

use std::sync::LazyLock;

use memchr::memchr_iter;
use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, is_nfc_quick};

use crate::composition::nfc;
use crate::mojibake::{self, WINDOWS_1252};

/// What can be wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    Mojibake,
    C1Control,
    LineEnding,
    ControlCharacter,
    ByteOrderMark,
    ZeroWidth,
    Composition,
}

pub const FAULTS: usize = 7;

/// Which faults are put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults(u8);

impl Faults {
    pub const ALL: Faults = Faults((1 << FAULTS) - 1);

    pub fn without(self, fault: Fault) -> Faults {
        Faults(self.0 & !(1 << fault as u8))
    }

    fn has(self, fault: Fault) -> bool {
        self.0 >> fault as u8 & 1 == 1
    }
}

/// How often each fault was put right: runs of mojibake, characters or line breaks, stretches that were not composed.
pub type Counts = [u32; FAULTS];

/// Removing one fault may uncover another, such as a zero-width space within mojibake. Every level of mojibake at least
/// doubles the bytes, so this is more than the levels of any text.
const ROUNDS: usize = 32;

/// Writes the repaired text into `out`. `None`: there is nothing to repair, and `out` is not touched.
pub fn repair(text: &str, faults: Faults, out: &mut String) -> Option<Counts> {
    let first = suspect(text, 0)?;
    // Many scripts write marks, mostly in order.
    let is_odd = |(at, c): (usize, char)| {
        is_odd(c) && (!('À'..='ô').contains(&c) || mojibake::may_begin(text, first + at))
    };
    if is_nfc_quick(text[first..].chars()) == IsNormalized::Yes && !text[first..].char_indices().any(is_odd) {
        return None;
    }
    let mut counts = Counts::default();
    let (mut from, mut to) = (text.to_owned(), String::with_capacity(text.len()));
    for _ in 0..ROUNDS {
        let before = counts;
        if faults.has(Fault::Mojibake) {
            to.clear();
            counts[Fault::Mojibake as usize] += lines(&from, &mut to);
            std::mem::swap(&mut from, &mut to);
        }
        to.clear();
        characters(&from, faults, &mut to, &mut counts);
        std::mem::swap(&mut from, &mut to);
        if faults.has(Fault::Composition) {
            to.clear();
            counts[Fault::Composition as usize] += compose(&from, &mut to);
            std::mem::swap(&mut from, &mut to);
        }
        if counts == before {
            break;
        }
    }
    (counts != Counts::default()).then(|| {
        *out = from;
        counts
    })
}

/// Where the first character is that may be part of a fault, from `at` on, which is a boundary of characters.
fn suspect(text: &str, mut at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let suspects = &*SUSPECTS;
    loop {
        // Whole chunks of harmless ASCII, without a branch within.
        while let Some(chunk) = bytes[at..].first_chunk::<64>() {
            let is_odd = |byte: u8| (byte.wrapping_sub(0x20) >= 0x5F) & (byte != b'\n') & (byte != b'\t');
            if chunk.iter().fold(false, |odd, byte| odd | is_odd(*byte)) {
                break;
            }
            at += 64;
        }
        let end = text.ceil_char_boundary((at + 64).min(text.len()));
        for (offset, c) in text[at..end].char_indices() {
            let code = c as u32;
            let is_suspect = match code {
                0..=0xFFFF => suspects[code as usize / 64] >> (code % 64) & 1 == 1,
                // Pictographs have no decomposition.
                0x1F000..=0x1FFFF => false,
                _ => is_suspect(c),
            };
            if is_suspect && (!('À'..='ô').contains(&c) || mojibake::may_begin(text, at + offset)) {
                return Some(at + offset);
            }
        }
        at = end;
        if at == text.len() {
            return None;
        }
    }
}

/// One bit for each character of the basic plane.
static SUSPECTS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let mut bits = vec![0; 0x1_0000 / 64];
    for c in (0..0x1_0000).filter_map(char::from_u32).filter(|c| is_suspect(*c)) {
        bits[c as usize / 64] |= 1 << (c as u32 % 64);
    }
    bits
});

fn is_suspect(c: char) -> bool {
    is_odd(c) || !is_settled(c)
}

/// Suspect of something else than composition.
fn is_odd(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{9F}' | '\u{C2}'..='\u{F4}')
        || is_line_end(c)
        || is_control(c)
        || is_invisible(c)
}

/// Cannot change in NFC, nor join what stands before it.
fn is_settled(c: char) -> bool {
    canonical_combining_class(c) == 0 && is_nfc_quick(std::iter::once(c)) == IsNormalized::Yes
}

fn lines(text: &str, out: &mut String) -> u32 {
    let (mut start, mut repaired) = (0, 0);
    for end in memchr_iter(b'\n', text.as_bytes()).chain([text.len()]) {
        let line = &text[start..end];
        match line.is_ascii() {
            true => out.push_str(line),
            false => repaired += mojibake::repair_line(line, out),
        }
        if end < text.len() {
            out.push('\n');
        }
        start = end + 1;
    }
    repaired
}

fn characters(text: &str, faults: Faults, out: &mut String, counts: &mut Counts) {
    let mut count = |fault: Fault| counts[fault as usize] += 1;
    let (mut at, mut copied) = (0, 0);
    while let Some(found) = suspect(text, at) {
        let Some(c) = text[found..].chars().next() else { break };
        let mut end = found + c.len_utf8();
        let rest = &text[end..];
        let written = match c {
            '\u{80}'..='\u{9F}'
                if faults.has(Fault::C1Control) && !is_control(WINDOWS_1252[c as usize - 0x80]) =>
            {
                count(Fault::C1Control);
                Some(WINDOWS_1252[c as usize - 0x80])
            }
            _ if is_line_end(c) && faults.has(Fault::LineEnding) => {
                count(Fault::LineEnding);
                // Of a pair the line feed stays.
                (c != '\r' || !rest.starts_with('\n')).then_some('\n')
            }
            _ if is_control(c) && faults.has(Fault::ControlCharacter) => {
                count(Fault::ControlCharacter);
                end += if c == '\x1B' { terminal_escape(rest) } else { 0 };
                None
            }
            '\u{FEFF}' if faults.has(Fault::ByteOrderMark) => {
                count(Fault::ByteOrderMark);
                None
            }
            '\u{200B}'..='\u{200D}' | '\u{2060}' if faults.has(Fault::ZeroWidth) => {
                let before = text[copied..found].chars().next_back().or_else(|| out.chars().next_back());
                match is_needed(c, before, rest.chars().next()) {
                    true => Some(c),
                    false => {
                        count(Fault::ZeroWidth);
                        None
                    }
                }
            }
            _ => Some(c),
        };
        out.push_str(&text[copied..found]);
        out.extend(written);
        (at, copied) = (end, end);
    }
    out.push_str(&text[copied..]);
}

/// Bytes of `[1;31m` behind an escape character.
fn terminal_escape(rest: &str) -> usize {
    let Some(parameters) = rest.strip_prefix('[') else { return 0 };
    let end = parameters.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
    match end.bytes().next() {
        Some(byte) if byte.is_ascii_alphabetic() => rest.len() - end.len() + 1,
        _ => 0,
    }
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\r' | '\u{2028}' | '\u{2029}')
}

/// ftfy's list, and the C1 controls that Windows-1252 has no character for.
fn is_control(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{8}' | '\u{B}' | '\u{E}'..='\u{1F}' | '\u{7F}' | '\u{81}' | '\u{8D}' | '\u{8F}' | '\u{90}' | '\u{9D}'
            | '\u{206A}'..='\u{206F}' | '\u{FFF9}'..='\u{FFFC}'
    )
}

/// Zero-width space, non-joiner and joiner, word joiner, byte order mark.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}')
}

/// Whether a zero-width character means something between its neighbours.
fn is_needed(c: char, before: Option<char>, after: Option<char>) -> bool {
    let (Some(before), after) = (before, after.unwrap_or(' ')) else { return false };
    match c {
        // Where words are written without spaces it is their boundary.
        '\u{200B}' => is_unspaced(before) || is_unspaced(after),
        '\u{200C}' => is_joining(before) && !is_invisible(after),
        '\u{200D}' => {
            is_joining(before) && !is_invisible(after) || is_pictograph(before) && is_pictograph(after)
        }
        _ => false,
    }
}

/// Scripts of South-East Asia that need a zero-width space: Thai, Lao, Tibetan, Myanmar, Khmer and their neighbours.
fn is_unspaced(c: char) -> bool {
    matches!(
        c as u32,
        0x0E00..=0x109F | 0x1780..=0x17FF | 0x1950..=0x19FF | 0x1A20..=0x1AAF | 0x1B00..=0x1BFF | 0xA980..=0xA9FF
            | 0xAA00..=0xAA7F
    )
}

/// Scripts whose letters change form with their neighbours: Arabic, Syriac, N'Ko, Mandaic, those of India, Myanmar,
/// Khmer, Mongolian, and the plane's later ones.
fn is_joining(c: char) -> bool {
    matches!(
        c as u32,
        0x0600..=0x08FF | 0x0900..=0x0DFF | 0x1000..=0x109F | 0x1780..=0x18AF | 0x1A20..=0x1CFF | 0xA800..=0xABFF
            | 0xFB50..=0xFDFF | 0xFE70..=0xFEFC | 0x10A00..=0x11FFF | 0x1E900..=0x1E95F
    )
}

/// Part of an emoji: signs, skin tones, variation selectors, key caps, tags.
fn is_pictograph(c: char) -> bool {
    matches!(c as u32, 0x20E3 | 0x2190..=0x2BFF | 0xFE0F | 0x1F000..=0x1FAFF | 0xE0020..=0xE007F)
}

/// Appends the NFC of a text; returns how many stretches between settled characters it changed.
fn compose(text: &str, out: &mut String) -> u32 {
    let (mut copied, mut changed) = (0, 0);
    let mut chars = text.char_indices().peekable();
    let mut start = 0;
    while let Some((at, c)) = chars.next() {
        if c.is_ascii() || is_settled(c) {
            start = at;
            continue;
        }
        // From the last settled character to the next.
        let mut end = at + c.len_utf8();
        while let Some((next, c)) = chars.next_if(|(_, c)| !is_settled(*c)) {
            end = next + c.len_utf8();
        }
        let stretch = &text[start..end];
        let kept = out.len() + (start - copied);
        out.push_str(&text[copied..start]);
        nfc(stretch, out);
        changed += u32::from(&out[kept..] != stretch);
        (copied, start) = (end, end);
    }
    out.push_str(&text[copied..]);
    changed
}

#[cfg(test)]
#[path = "repair_tests.rs"]
mod tests;
