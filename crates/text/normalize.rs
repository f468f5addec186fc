//! The normal form on which shingles are cut: datatrove's `simplify_text` with its defaults.
//!
//! Lower case, numbers to `0`, punctuation to spaces, single spaces, no diacritics; in that order.

use std::sync::LazyLock;

use unicode_general_category::{GeneralCategory, get_general_category};

use crate::blocks::{BYTES, Block};
use crate::unicode14::{combining_class, decompose, general_category, is_final_sigma, lower};

/// Writes the normal form of `text` into `out`, replacing what was there; `out`'s allocation is reused.
///
/// Same result as datatrove 0.10's `simplify_text(text)` under CPython 3.11.
/// Words are separated by one space; two occur only where a word consisted of combining marks alone.
pub fn simplify_text(text: &str, out: &mut String) {
    let mut form = Form::new(std::mem::take(out).into_bytes(), text.len());
    let mut at = 0;
    while at < text.len() {
        at = form.ascii_run(text.as_bytes(), at);
        at = form.wide_run(text, at);
    }
    *out = form.finish();
}

/// Where a number is that has been written as `0`: `\d+(?:[.,…]\d+)?`, one decimal part at most.
#[derive(Clone, Copy, PartialEq)]
enum Number {
    Outside,
    Whole,
    /// A decimal separator that is part of the number only if a digit follows.
    Separator(char),
    Fraction,
}

struct Form {
    /// Written up to `len`; always at least the unread input plus `SLACK` longer than that.
    buffer: Vec<u8>,
    len: usize,
    /// The last character was a space, or nothing was written yet: another space is not written.
    spaced: bool,
    number: Number,
    /// Where a run of characters began that canonical ordering may move, if one was written last.
    run: Option<usize>,
}

/// Room for what one step may write beyond the bytes it reads: a block, or a held separator, a space and one character.
const SLACK: usize = BYTES + 32;

/// Bytes up to a digit or wide character from which on a block is worth its reading.
const PLAIN_BYTES: usize = 8;

impl Form {
    fn new(mut buffer: Vec<u8>, input_bytes: usize) -> Self {
        buffer.resize(input_bytes + SLACK, 0);
        Form { buffer, len: 0, spaced: true, number: Number::Outside, run: None }
    }

    /// Reads ASCII from `at` on; returns where it stopped: at a wide character or the end.
    fn ascii_run(&mut self, bytes: &[u8], mut at: usize) -> usize {
        self.end_run();
        // Between wide characters stands a space, most often, and no block of ASCII.
        while let Some(block) = bytes[at..].first_chunk::<BYTES>() {
            let is_near = block[..PLAIN_BYTES].iter().any(|byte| !byte.is_ascii());
            let classes = if is_near { None } else { Some(Block::of(block)) };
            let plain = classes.map_or(0, |classes| (classes.digit | classes.wide).trailing_zeros() as usize);
            match classes {
                Some(classes) if plain >= PLAIN_BYTES && self.number == Number::Outside => {
                    self.letters_and_gaps(block, classes.letter, plain);
                    at += plain;
                }
                _ => {
                    let next = self.ascii_bytes(&bytes[..at + PLAIN_BYTES], at);
                    if next < at + PLAIN_BYTES {
                        return next;
                    }
                    at = next;
                }
            }
        }
        self.ascii_bytes(bytes, at)
    }

    /// The first `n` bytes of a block, neither digits nor wide: letters, with a bit in `letter`, and what becomes a space.
    fn letters_and_gaps(&mut self, block: &[u8; BYTES], letter: u64, n: usize) {
        let mut mapped = [0; 2 * BYTES];
        for (mapped, byte) in mapped.iter_mut().zip(block) {
            let lower = byte | 0x20;
            *mapped = if lower.wrapping_sub(b'a') < 26 { lower } else { b' ' };
        }
        let gaps = !letter & (u64::MAX >> (BYTES - n));
        // A gap behind a gap is left out: what is between such is moved as a whole, and overwritten from its end on.
        let mut left_out = gaps & (gaps << 1 | u64::from(self.spaced));
        let mut from = 0;
        loop {
            let to = n.min(left_out.trailing_zeros() as usize);
            if let (Some(part), Some(place)) =
                (mapped[from..].first_chunk::<BYTES>(), self.buffer[self.len..].first_chunk_mut::<BYTES>())
            {
                *place = *part;
            }
            self.len += to - from;
            if to == n {
                break;
            }
            from = to + 1;
            left_out &= left_out - 1;
        }
        self.spaced = gaps >> (n - 1) & 1 == 1;
    }

    /// Reads ASCII byte by byte.
    fn ascii_bytes(&mut self, bytes: &[u8], mut at: usize) -> usize {
        let (mut len, mut spaced) = (self.len, self.spaced);
        while let Some(&byte) = bytes.get(at).filter(|byte| byte.is_ascii()) {
            let mapped = ASCII[usize::from(byte)];
            if mapped == b'0' || self.number != Number::Outside {
                (self.len, self.spaced) = (len, spaced);
                self.lowered(char::from(byte.to_ascii_lowercase()));
                (len, spaced) = (self.len, self.spaced);
            } else {
                // Without a branch: word ends are what a branch predictor cannot learn.
                let space = mapped == b' ';
                self.buffer[len] = mapped;
                len += usize::from(!(space && spaced));
                spaced = space;
            }
            at += 1;
        }
        (self.len, self.spaced) = (len, spaced);
        at
    }

    /// Reads wide characters from `at` on; returns where it stopped: at an ASCII character or the end.
    fn wide_run(&mut self, text: &str, mut at: usize) -> usize {
        let wide = &*WIDE;
        for c in text[at..].chars() {
            if c.is_ascii() {
                break;
            }
            let next = at + c.len_utf8();
            match wide.get(c as usize - 0x80).copied().unwrap_or(SLOW) {
                _ if self.number != Number::Outside || self.run.is_some() => self.any(c, text, at),
                SLOW => self.any(c, text, at),
                SPACE => self.space(),
                NOTHING => self.spaced = self.len == 0,
                mapped => {
                    // Four bytes always; what is behind the character is overwritten.
                    if let Some(place) = self.buffer[self.len..].first_chunk_mut() {
                        *place = mapped.to_le_bytes();
                    }
                    self.len += (mapped >> 24) as usize;
                    self.spaced = false;
                }
            }
            at = next;
            self.make_room(text.len() - at);
        }
        at
    }

    /// The general path: any character `c` of `text`, at byte `at`.
    fn any(&mut self, c: char, text: &str, at: usize) {
        if c == 'Σ' {
            let is_final = is_final_sigma(&text[..at], &text[at + c.len_utf8()..]);
            return self.lowered(if is_final { 'ς' } else { 'σ' });
        }
        for lower in lower(c) {
            self.lowered(lower);
        }
    }

    /// Takes a lower-case character through the number rule.
    fn lowered(&mut self, c: char) {
        if is_digit(c) {
            match self.number {
                Number::Outside => {
                    self.end_run();
                    self.write('0');
                    self.number = Number::Whole;
                }
                Number::Separator(_) => self.number = Number::Fraction,
                Number::Whole | Number::Fraction => {}
            }
            return;
        }
        if self.number == Number::Whole && is_decimal_separator(c) {
            self.number = Number::Separator(c);
            return;
        }
        self.end_number();
        self.simple(c);
    }

    fn end_number(&mut self) {
        if let Number::Separator(separator) = self.number {
            self.simple(separator);
        }
        self.number = Number::Outside;
    }

    /// Punctuation and white space to a space, everything else decomposed without its marks.
    fn simple(&mut self, c: char) {
        if is_gap(c) {
            return self.space();
        }
        self.spaced = self.len == 0;
        decompose(c, |part| {
            let is_movable = combining_class(part) != 0;
            if !is_movable {
                self.end_run();
            }
            if general_category(part) != GeneralCategory::NonspacingMark {
                if is_movable {
                    self.run.get_or_insert(self.len);
                }
                self.write(part);
            }
        });
    }

    /// Puts a run into canonical order, now that a character follows which none moves across.
    fn end_run(&mut self) {
        let Some(start) = self.run.take() else { return };
        let run = std::str::from_utf8(&self.buffer[start..self.len]).unwrap_or_default();
        let mut run: Vec<char> = run.chars().collect();
        run.sort_by_key(|c| combining_class(*c));
        self.len = start;
        run.into_iter().for_each(|c| self.write(c));
    }

    fn space(&mut self) {
        self.end_run();
        if !self.spaced {
            self.write(' ');
            self.spaced = true;
        }
    }

    fn write(&mut self, c: char) {
        let bytes = c.len_utf8();
        c.encode_utf8(&mut self.buffer[self.len..self.len + bytes]);
        self.len += bytes;
        self.spaced = false;
    }

    /// Keeps the buffer long enough where characters decompose into more bytes than they had (Hangul).
    fn make_room(&mut self, unread: usize) {
        if self.buffer.len() < self.len + unread + SLACK {
            self.buffer.resize(self.len + 2 * unread + 2 * SLACK, 0);
        }
    }

    fn finish(mut self) -> String {
        self.end_number();
        self.end_run();
        self.buffer.truncate(self.len);
        while self.buffer.last() == Some(&b' ') {
            self.buffer.pop();
        }
        String::from_utf8(self.buffer).unwrap_or_default()
    }
}

/// ASCII to its normal form: letters lower, digits `0`, all else a space.
const ASCII: [u8; 128] = {
    let mut table = [b' '; 128];
    let mut byte = 0;
    while byte < 128 {
        let this = byte as u8;
        if this.is_ascii_digit() {
            table[byte] = b'0';
        } else if this.is_ascii_alphabetic() {
            table[byte] = this.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

/// Values of `WIDE` that are not characters.
const SLOW: u32 = 0;
const SPACE: u32 = 1;
const NOTHING: u32 = 2;

/// What becomes of each character from U+0080 to U+FFFF outside a number, as UTF-8, first byte lowest, with its length in
/// the highest byte; computed once by the general rules.
static WIDE: LazyLock<Vec<u32>> = LazyLock::new(|| {
    (0x80..=0xFFFF)
        .map(|code| char::from_u32(code).map_or(SLOW, |c| simple_image(c).unwrap_or(SLOW)))
        .collect()
});

fn encoded(c: char) -> u32 {
    let mut bytes = [0; 4];
    let n = c.encode_utf8(&mut bytes).len();
    u32::from_le_bytes(bytes) | (n as u32) << 24
}

fn simple_image(c: char) -> Option<u32> {
    let mut lowers = lower(c);
    let first = lowers.next()?;
    if c == 'Σ' || is_digit(first) || is_decimal_separator(first) {
        return None;
    }
    if is_gap(first) {
        return Some(SPACE);
    }
    let mut image = Some(NOTHING);
    for lower in std::iter::once(first).chain(lowers) {
        decompose(lower, |part| {
            if general_category(part) != GeneralCategory::NonspacingMark {
                let ordered = combining_class(part) == 0 && image == Some(NOTHING);
                image = (ordered && u32::from(part) <= 0xFFFF).then(|| encoded(part));
            }
        });
    }
    image
}

/// The 129 code points that datatrove turns into spaces.
fn is_punctuation(c: char) -> bool {
    matches!(c,
        '\0'..='\u{08}' | '\u{0B}'..='\u{1F}' | '!'..='/' | ':'..='@' | '['..='`' | '{'..='\u{9F}'
        | '«' | '´' | '»' | '\u{2013}' | '\u{2014}' | '\u{2019}' | '\u{201C}'..='\u{201E}' | '…' | '∶'
        | '━' | '►' | '、' | '。' | '〈'..='」' | '【' | '】' | '！' | '％' | '（' | '）' | '，'
        | '．' | '１' | '：' | '；' | '？' | '～')
}

fn is_gap(c: char) -> bool {
    is_punctuation(c) || c.is_whitespace()
}

/// `\p{Nd}` of the reference's engine, which follows Unicode 17 whatever Python's version.
fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
        || (c.is_numeric() && get_general_category(c) == GeneralCategory::DecimalNumber)
        || matches!(c, '\u{11DE0}'..='\u{11DE9}')
}

fn is_decimal_separator(c: char) -> bool {
    matches!(c, '.' | ',' | '،' | '٫' | '\u{2396}' | '\u{2397}' | '\u{2398}')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#[path = "normalize_tests.rs"]
mod tests;
