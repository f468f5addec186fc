//! Prefixes, suffixes and infixes: what is split off the borders of a chunk, and where it is cut inside.
//!
//! The reference joins regular expressions; the leftmost match wins, so of all suffixes the longest.

use super::classes::{ALPHA, BEFORE_PERIOD, Classes, ICON, LOWER, PREFIX, QUOTE, SUFFIX, UPPER};

/// Currencies of several characters.
const CURRENCIES: [&str; 3] = ["US$", "C$", "A$"];

/// Split off behind a digit. The reference's list lacks a space between `тб` and `كم`.
#[rustfmt::skip]
const UNITS: &[&str] = &[
    "%", "km", "km²", "km³", "m", "m²", "m³", "dm", "dm²", "dm³", "cm", "cm²", "cm³", "mm", "mm²", "mm³", "ha", "µm",
    "nm", "yd", "in", "ft", "kg", "g", "mg", "µg", "t", "lb", "oz", "m/s", "km/h", "kmh", "mph", "hPa", "Pa", "mbar",
    "mb", "MB", "kb", "KB", "gb", "GB", "tb", "TB", "T", "G", "M", "K",
    "км", "км²", "км³", "м", "м²", "м³", "дм", "дм²", "дм³", "см", "см²", "см³", "мм", "мм²", "мм³", "нм", "кг", "г",
    "мг", "м/с", "км/ч", "кПа", "Па", "мбар", "Кб", "КБ", "кб", "Мб", "МБ", "мб", "Гб", "ГБ", "гб", "Тб", "ТБ",
    "тб\u{643}\u{645}",
    "كم²", "كم³", "م", "م²", "م³", "سم", "سم²", "سم³", "مم", "مم²", "مم³", "كم", "غرام", "جرام", "جم", "كغ", "ملغ",
    "كوب", "اكواب",
];

/// Bytes of the longest unit.
const LONGEST_UNIT: usize = 10;

/// Bytes of the prefix; 0: none.
pub fn prefix(text: &str, classes: Classes) -> usize {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return 0 };
    if classes.of(first) & PREFIX != 0 {
        return first.len_utf8();
    }
    match first {
        '+' if !chars.next().is_some_and(|next| next.is_ascii_digit()) => 1,
        '.' => at_least_two(text.bytes().take_while(|&byte| byte == b'.').count()),
        'U' | 'C' | 'A' => {
            CURRENCIES.iter().find(|currency| text.starts_with(**currency)).map_or(0, |found| found.len())
        }
        _ => 0,
    }
}

/// Bytes of the suffix; 0: none. Nothing before `text` is looked at.
pub fn suffix(text: &str, classes: Classes) -> usize {
    if let [.., before, last] = text.as_bytes()
        && last.is_ascii_alphanumeric()
        && before.is_ascii_alphanumeric()
    {
        return behind_digit(text, classes);
    }
    let mut chars = text.chars().rev();
    let Some(last) = chars.next() else { return 0 };
    let before = chars.next();
    match last {
        '.' => {
            let dots = text.bytes().rev().take_while(|&byte| byte == b'.').count();
            if dots >= 2 {
                return dots;
            }
            let second = chars.next();
            let is_split = classes.is(before, BEFORE_PERIOD)
                || classes.is(before, UPPER) && classes.is(second, UPPER)
                || second == Some('°') && matches!(before, Some('F' | 'f' | 'C' | 'c' | 'K' | 'k'));
            is_split as usize
        }
        '…' if before == Some('…') => 2 * '…'.len_utf8(),
        '+' => before.is_some_and(|before| before.is_ascii_digit()) as usize,
        's' | 'S' if matches!(before, Some('\'' | '’')) => 1 + before.map_or(0, char::len_utf8),
        _ if classes.of(last) & SUFFIX != 0 => last.len_utf8(),
        _ => behind_digit(text, classes),
    }
}

/// A unit or currency behind the last digit.
fn behind_digit(text: &str, classes: Classes) -> usize {
    let from = text.len().saturating_sub(LONGEST_UNIT + 1);
    let Some(digit) = text.as_bytes()[from..].iter().rposition(u8::is_ascii_digit) else { return 0 };
    let tail = &text[from + digit + 1..];
    if tail.is_empty() {
        return 0;
    }
    let mut chars = tail.chars();
    let is_currency = matches!((chars.next(), chars.next()), (Some(c), None) if is_currency(c, classes));
    let is_known = is_currency || CURRENCIES.contains(&tail) || UNITS.contains(&tail);
    if is_known { tail.len() } else { 0 }
}

/// Single prefixes that are no suffixes are the currencies, `%`, `=` and `§`.
fn is_currency(c: char, classes: Classes) -> bool {
    classes.of(c) & (PREFIX | SUFFIX) == PREFIX && !matches!(c, '%' | '=' | '§')
}

fn at_least_two(count: usize) -> usize {
    if count >= 2 { count } else { 0 }
}

/// The first infix at or behind byte `from`: its bytes.
pub fn infix(text: &str, from: usize, classes: Classes) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii_alphanumeric() {
            at += 1;
            continue;
        }
        let Some(c) = text[at..].chars().next() else { break };
        let length = infix_at(text, at, c, classes);
        if length > 0 {
            return Some((at, at + length));
        }
        at += c.len_utf8();
    }
    None
}

/// Bytes of the infix that begins with `c`, the character at byte `at`; 0: none.
fn infix_at(text: &str, at: usize, c: char, classes: Classes) -> usize {
    let class = classes.of(c);
    if class & ALPHA != 0 && class & ICON == 0 {
        return 0;
    }
    let rest = &text[at..];
    let before = text[..at].chars().next_back();
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let behind = |bytes: usize| rest[bytes..].chars().next();
    let width = c.len_utf8();
    if class & ICON != 0 || c == '…' {
        return width;
    }
    let next = behind(width);
    let joins_digits = || is_digit(before) && (is_digit(next) || next == Some('-'));
    let before_word = || is_digit(before) || classes.is(before, ALPHA);
    let hyphen = |longest: usize| {
        let run = rest.chars().take_while(|&other| other == c).take(longest).count();
        let found = (1..=run).find(|count| classes.is(behind(count * width), ALPHA));
        if before_word() { found.unwrap_or(0) * width } else { 0 }
    };
    match c {
        '.' => {
            let dots = at_least_two(rest.bytes().take_while(|&byte| byte == b'.').count());
            let joins = dots == 0 && classes.is(before, LOWER | QUOTE) && classes.is(next, UPPER | QUOTE);
            if joins { 1 } else { dots }
        }
        '+' | '*' | '^' => joins_digits() as usize,
        '-' if joins_digits() => 1,
        ',' => (classes.is(before, ALPHA) && classes.is(next, ALPHA)) as usize,
        '-' => hyphen(3),
        '—' => hyphen(2),
        '–' | '~' => hyphen(1),
        ':' | '<' | '>' | '=' | '/' => (before_word() && classes.is(next, ALPHA)) as usize,
        _ => 0,
    }
}
