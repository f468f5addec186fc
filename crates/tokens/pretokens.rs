//! Cuts text into the pretokens of GPT-2, by hand instead of by its regular expression:
//! `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
//! Source: Radford et al. 2019, `encoder.py`.
use crate::blocks;
use std::sync::LazyLock;

/// The four kinds of character that the expression tells apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    Other = 0,
    Letter = 1,
    Number = 2,
    Space = 3,
}

/// The end of the pretoken that starts at `start`, as a byte offset; `start < text.len()`.
/// `start` must be 0 or an end that an earlier call returned.
#[inline]
pub fn pretoken_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let first = bytes[start];
    if first == b'\'' {
        let suffix = contraction_bytes(&bytes[start + 1..]);
        if suffix > 0 {
            return start + 1 + suffix;
        }
    }
    if first == b' ' {
        let Some((kind, width)) = kind_at(bytes, start + 1) else { return start + 1 };
        if kind != Kind::Space {
            return run_end(bytes, start + 1 + width, kind);
        }
    }
    match kind_at(bytes, start) {
        Some((Kind::Space, width)) => space_end(bytes, start, width),
        Some((kind, width)) => run_end(bytes, start + width, kind),
        None => bytes.len(),
    }
}

/// Writes where the next pretokens from `start` on end, as many as are found before fewer than a block's fit into
/// `ends`, and at least one; returns how many.
pub fn next_ends(text: &str, start: usize, ends: &mut [usize]) -> usize {
    let (mut at, mut n) = (start, 0);
    while at < text.len() && n + blocks::BYTES <= ends.len() {
        let starts = text.as_bytes()[at..].first_chunk().and_then(blocks::starts).unwrap_or(1);
        let mut rest = starts & (starts - 1);
        let block = at;
        if rest == 0 {
            at = pretoken_end(text, at);
            ends[n] = at;
            n += 1;
        }
        while rest != 0 {
            at = block + rest.trailing_zeros() as usize;
            rest &= rest - 1;
            ends[n] = at;
            n += 1;
        }
    }
    n
}

/// The pretokens of `text` in order; joined they are `text`.
pub fn pretokens(text: &str) -> impl Iterator<Item = &str> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        if start == text.len() {
            return None;
        }
        at = pretoken_end(text, start);
        Some(&text[start..at])
    })
}

/// Length of `s`, `t`, `m`, `d`, `re`, `ve` or `ll` at the start of `after`, else 0.
pub fn contraction_bytes(after: &[u8]) -> usize {
    match after {
        [b's' | b't' | b'm' | b'd', ..] => 1,
        [b'r' | b'v', b'e', ..] | [b'l', b'l', ..] => 2,
        _ => 0,
    }
}

/// White space up to the end of the text is one pretoken; before a word, its last character is left over.
fn space_end(bytes: &[u8], start: usize, width: usize) -> usize {
    let (mut last, mut end) = (start, start + width);
    while let Some((Kind::Space, width)) = kind_at(bytes, end) {
        last = end;
        end += width;
    }
    if end == bytes.len() || last == start { end } else { last }
}

#[inline]
fn run_end(bytes: &[u8], mut at: usize, kind: Kind) -> usize {
    if kind == Kind::Letter {
        at += ascii_letters(bytes, at);
    }
    while let Some((next, width)) = kind_at(bytes, at) {
        if next != kind {
            break;
        }
        at += width;
    }
    at
}

/// Number of ASCII letters from `at` on, eight bytes at a time; may stop short near the end of the text.
#[inline]
fn ascii_letters(bytes: &[u8], at: usize) -> usize {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut n = 0;
    while let Some(chunk) = bytes[at + n..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        // The high bit of a byte of `letters` is set where `a..=z` holds after folding case.
        let folded = (word | (ONES * 0x20)) & !HIGH;
        let at_least_a = folded + ONES * (0x80 - b'a' as u64);
        let above_z = folded + ONES * (0x7f - b'z' as u64);
        let letters = at_least_a & !above_z & !word & HIGH;
        let run = ((letters ^ HIGH).trailing_zeros() / 8) as usize;
        n += run;
        if run < 8 {
            break;
        }
    }
    n
}

/// Kind and width in bytes of the character at `at`, a character border; None at the end.
#[inline]
pub fn kind_at(bytes: &[u8], at: usize) -> Option<(Kind, usize)> {
    let first = *bytes.get(at)?;
    if first < 0x80 {
        return Some((ASCII[first as usize], 1));
    }
    Some(wide_kind(&bytes[at..]))
}

const ASCII: [Kind; 128] = {
    let mut kinds = [Kind::Other; 128];
    let mut byte = 0u8;
    while byte < 128 {
        kinds[byte as usize] = match byte {
            b'a'..=b'z' | b'A'..=b'Z' => Kind::Letter,
            b'0'..=b'9' => Kind::Number,
            b'\t'..=b'\r' | b' ' => Kind::Space,
            _ => Kind::Other,
        };
        byte += 1;
    }
    kinds
};

fn wide_kind(bytes: &[u8]) -> (Kind, usize) {
    let tail = |i: usize| u32::from(bytes.get(i).copied().unwrap_or(0x80) & 0x3f);
    let first = u32::from(bytes[0]);
    let (scalar, width) = match first {
        0xf0.. => ((first & 7) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4),
        0xe0.. => ((first & 15) << 12 | tail(1) << 6 | tail(2), 3),
        _ => ((first & 31) << 6 | tail(1), 2),
    };
    (KINDS.of(scalar), width)
}

static KINDS: LazyLock<KindTable> = LazyLock::new(KindTable::new);

/// A kind per code point, in pages of 256 of which equal ones are stored once.
struct KindTable {
    page_of: Vec<u8>,
    pages: Vec<[Kind; 256]>,
}

impl KindTable {
    fn new() -> KindTable {
        let mut flat = vec![Kind::Other; 0x11_0000];
        for (pattern, kind) in [(r"\p{L}", Kind::Letter), (r"\p{N}", Kind::Number), (r"\s", Kind::Space)] {
            for (first, last) in class_ranges(pattern) {
                flat[first as usize..=last as usize].fill(kind);
            }
        }
        let mut table = KindTable { page_of: Vec::new(), pages: Vec::new() };
        for page in flat.as_chunks::<256>().0 {
            let known = table.pages.iter().position(|p| p == page).unwrap_or_else(|| {
                table.pages.push(*page);
                table.pages.len() - 1
            });
            table.page_of.push(known as u8);
        }
        debug_assert!(table.pages.len() < 256);
        table
    }

    #[inline]
    fn of(&self, scalar: u32) -> Kind {
        let page = self.page_of.get(scalar as usize >> 8).copied().unwrap_or(0);
        self.pages[page as usize][scalar as usize & 255]
    }
}

/// The code point ranges of a Unicode class, from the tables of the regex engine.
fn class_ranges(pattern: &str) -> Vec<(u32, u32)> {
    use regex_syntax::hir::{Class, HirKind};
    match regex_syntax::parse(pattern).map(|hir| hir.into_kind()) {
        Ok(HirKind::Class(Class::Unicode(class))) => {
            class.ranges().iter().map(|r| (r.start() as u32, r.end() as u32)).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(text: &str) -> Vec<&str> {
        pretokens(text).collect()
    }

    #[test]
    fn cuts_as_the_expression_says() {
        assert_eq!(cut("Hello world's 42nd  day!"), ["Hello", " world", "'s", " 42", "nd", " ", " day", "!"]);
        assert_eq!(cut(" 's ''s we'LL I'll"), [" '", "s", " ''", "s", " we", "'", "LL", " I", "'ll"]);
        assert_eq!(cut("a \n b\n\nc  "), ["a", " \n", " b", "\n", "\n", "c", "  "]);
        assert_eq!(cut("\u{a0}x\u{3000}\u{3000}y"), ["\u{a0}", "x", "\u{3000}", "\u{3000}", "y"]);
        assert_eq!(cut("ß4²Ⅷ中文 новости"), ["ß", "4²Ⅷ", "中文", " новости"]);
        assert_eq!(cut("averyveryverylongword"), ["averyveryverylongword"]);
    }

    #[test]
    fn knows_every_class_of_unicode() {
        for scalar in ('\u{80}'..=char::MAX).step_by(7) {
            let kind = KINDS.of(scalar as u32);
            assert_eq!(kind == Kind::Space, scalar.is_whitespace(), "{scalar:?}");
            assert!(kind != Kind::Letter || scalar.is_alphabetic(), "{scalar:?}");
        }
        let count = |kind| (0..0x11_0000).filter(|&c| KINDS.of(c) == kind).count();
        assert!(count(Kind::Letter) > 130_000 && count(Kind::Number) > 1_800);
    }

    proptest! {
        #[test]
        fn pretokens_join_to_the_text(text in "[a-zA-Z' \n\u{85}é中0-9²!\u{1f600}]{0,60}|\\PC{0,40}") {
            prop_assert_eq!(pretokens(&text).collect::<String>(), text.clone());
            prop_assert!(pretokens(&text).all(|p| !p.is_empty()));
        }
    }
}
