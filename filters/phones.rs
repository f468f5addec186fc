//! Where are telephone numbers in a text? By the forms of numbering plans, without a database of them.
//!
//! A run of digits counts if it has one of these forms:
//! - international (ITU-T E.164): `+` and a country code that is assigned, 8 to 15 digits in all, `(0)` allowed; of the
//!   code 1 a number of the North American plan;
//! - North American (NANP): `415-555-2671`, `(415) 555-2671`, `415.555.2671`, `1-800-555-2671`; area code and exchange begin
//!   with 2 to 9 and are no service codes such as 911;
//! - French: five pairs, `01 23 45 67 89`;
//! - with a trunk 0 and three groups, as in Britain, Germany, Australia, Japan: `020 7946 0958`, `(030) 1234 5678`; 9 to
//!   11 digits;
//! - any 7 to 15 digits behind a word that announces them: `Tel.: 555-2671`, `call 5552671`.
//!
//! Numbers that touch a letter, a currency sign or another number's full stop are none; nor are dates, `978-…` of books,
//! and what stands behind `#`, `=` or `/`.

use std::ops::Range;

/// Most groups of digits that are looked at together.
const GROUPS: usize = 8;
/// E.164: 15 digits; the prefix `00` and a trunk 0 come on top.
const MOST_DIGITS: usize = 18;

/// Calls `found` with the range of every telephone number, from left to right.
pub(crate) fn phones(text: &str, mut found: impl FnMut(Range<usize>)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !matches!(bytes[at], b'0'..=b'9' | b'+' | b'(') {
            at += 1;
            continue;
        }
        let run = Run::read(bytes, at);
        match run.phone(text) {
            Some(range) => {
                at = range.end;
                found(range);
            }
            // Groups further on may begin a number; digits in the middle of a group do not.
            None => at = run.next.max(at + 1),
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Group {
    start: usize,
    end: usize,
    /// In brackets.
    is_enclosed: bool,
    /// What stands before it: 0 for nothing.
    separator: u8,
}

impl Group {
    fn len(&self) -> usize {
        self.end - self.start
    }
}

/// Groups of digits with separators between, as far as they might be one number.
struct Run {
    start: usize,
    has_plus: bool,
    groups: [Group; GROUPS],
    count: usize,
    /// Where to look for the next run if this is none.
    next: usize,
}

impl Run {
    fn read(bytes: &[u8], start: usize) -> Run {
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
        let has_plus = byte(start) == b'+' || (byte(start) == b'(' && byte(start + 1) == b'+');
        let mut run = Run { start, has_plus, groups: [Group::default(); GROUPS], count: 0, next: start };
        let mut at = start + usize::from(byte(start) == b'+');
        let mut digits = 0;
        while run.count < GROUPS {
            let (separator, opening) = separator(bytes, at, run.count == 0);
            let from = opening;
            let mut end = from;
            while byte(end).is_ascii_digit() && end - from <= MOST_DIGITS {
                end += 1;
            }
            if end == from || (run.count > 0 && separator == 0) || digits + (end - from) > MOST_DIGITS {
                break;
            }
            let is_enclosed = from > 0
                && (bytes[from - 1] == b'('
                    || (bytes[from - 1] == b'+' && from > 1 && bytes[from - 2] == b'('));
            let is_enclosed = match is_enclosed && byte(end) != b')' {
                // The bracket is around more than this number's first group.
                true if run.count == 0 => {
                    run.start = from - usize::from(has_plus);
                    false
                }
                true => break,
                false => is_enclosed,
            };
            digits += end - from;
            run.groups[run.count] = Group { start: from, end, is_enclosed, separator };
            run.count += 1;
            at = end;
        }
        let first = run.groups[0];
        // Past the whole first group, however long.
        let mut next = first.end.max(start);
        while byte(next).is_ascii_digit() {
            next += 1;
        }
        run.next = next;
        run
    }

    fn phone(&self, text: &str) -> Option<Range<usize>> {
        let bytes = text.as_bytes();
        // Most runs end here: years, prices, quantities.
        let digits: usize = self.groups[..self.count].iter().map(Group::len).sum();
        if digits < 7 || !may_precede(text, self.start) {
            return None;
        }
        for count in (1..=self.count).rev() {
            let groups = &self.groups[..count];
            let last = groups[count - 1];
            let end = last.end + usize::from(last.is_enclosed && bytes.get(last.end) == Some(&b')'));
            if may_follow(text, end) && self.is_phone(text, groups) {
                return Some(self.start..end);
            }
        }
        None
    }

    fn is_phone(&self, text: &str, groups: &[Group]) -> bool {
        let bytes = text.as_bytes();
        let mut digits = [0_u8; MOST_DIGITS];
        let mut n = 0;
        for (index, group) in groups.iter().enumerate() {
            // `+44 (0)20`: the zero is not dialled.
            if self.has_plus && index > 0 && group.is_enclosed && &bytes[group.start..group.end] == b"0" {
                continue;
            }
            for byte in &bytes[group.start..group.end] {
                if n == digits.len() {
                    return false;
                }
                digits[n] = byte - b'0';
                n += 1;
            }
        }
        let digits = &digits[..n];
        if self.has_plus {
            return is_international(digits);
        }
        if is_date(groups) || digits.iter().all(|digit| *digit == digits[0]) {
            return false;
        }
        has_national_form(groups, digits)
            || (7..=15).contains(&n)
                && groups.iter().all(|group| group.len() <= 12)
                && is_announced(text, self.start)
    }
}

/// North American, French, or with a trunk zero.
fn has_national_form(groups: &[Group], digits: &[u8]) -> bool {
    let (lengths, count) = lengths(groups);
    let lengths = &lengths[..count];
    if count < 3 {
        return false;
    }
    let separators = || groups[1..].iter().map(|group| group.separator);
    let is_uniform = separators().all(|separator| separator == groups[1].separator);
    // North America.
    let national = match (lengths, digits) {
        ([1, 3, 3, 4], [1, rest @ ..]) if !groups[0].is_enclosed => Some(rest),
        ([3, 3, 4], all) => Some(all),
        _ => None,
    };
    if let Some(national) = national
        && is_north_american(national)
    {
        let area = groups[lengths.len() - 3];
        // With blanks alone it may be any three numbers.
        return area.is_enclosed
            || (is_uniform && separators().all(|separator| separator == b'-' || separator == b'.'));
    }
    // France.
    if lengths == [2, 2, 2, 2, 2] && digits[0] == 0 && digits[1] != 0 && is_uniform {
        let pairs: Vec<u8> = digits.chunks(2).map(|pair| pair[0] * 10 + pair[1]).collect();
        // Drawn numbers come in order.
        return separators().all(|separator| matches!(separator, b' ' | b'.' | b'-'))
            && !(pairs.is_sorted() && pairs[4] <= 50);
    }
    // A trunk zero.
    let [first, second, third] = lengths else { return false };
    (3..=5).contains(first)
        && (3..=4).contains(second)
        && (3..=4).contains(third)
        && digits[0] == 0
        && digits[1] != 0
        && (10..=11).contains(&digits.len())
        && (is_uniform || groups[0].is_enclosed)
        && separators().all(|separator| separator == b' ' || separator == b'-')
}

/// What separates groups at `at`, as one byte (0: nothing that does), and where the next digits begin.
fn separator(bytes: &[u8], at: usize, is_first: bool) -> (u8, usize) {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    if is_first {
        let open = at + usize::from(byte(at) == b'(');
        return (0, open + usize::from(byte(open) == b'+' && open > at));
    }
    let mut next = at;
    let mut kind = 0;
    if byte(next) == b')' {
        (kind, next) = (b' ', next + 1);
    }
    match byte(next) {
        b' ' => {
            (kind, next) = (b' ', next + 1);
            if matches!(byte(next), b'-' | b'/') && byte(next + 1) == b' ' {
                (kind, next) = (byte(next), next + 2);
            }
        }
        b'-' | b'.' | b'/' => (kind, next) = (byte(next), next + 1),
        0xC2 if byte(next + 1) == 0xA0 => (kind, next) = (b' ', next + 2),
        // Hyphens and dashes.
        0xE2 if byte(next + 1) == 0x80 && (0x90..=0x93).contains(&byte(next + 2)) => {
            (kind, next) = (b'-', next + 3)
        }
        _ => {}
    }
    if byte(next) == b'(' {
        (kind, next) = (if kind == 0 { b'(' } else { kind }, next + 1);
    }
    (kind, next)
}

fn lengths(groups: &[Group]) -> ([usize; GROUPS], usize) {
    let mut lengths = [0; GROUPS];
    lengths.iter_mut().zip(groups).for_each(|(length, group)| *length = group.len());
    (lengths, groups.len())
}

fn is_international(digits: &[u8]) -> bool {
    match digits {
        [1, national @ ..] => national.len() == 10 && is_north_american(national),
        // National numbers there have 10 digits, and begin with 3 to 9.
        [7, national @ ..] => national.len() == 10 && national[0] >= 3,
        _ => (9..=15).contains(&digits.len()) && has_country_code(digits),
    }
}

/// Ten digits, `NXX NXX XXXX`.
fn is_north_american(digits: &[u8]) -> bool {
    let is_service = |three: &[u8]| three[1] == 1 && three[2] == 1;
    digits.len() == 10
        && digits[0] >= 2
        && digits[3] >= 2
        && !is_service(&digits[..3])
        && !is_service(&digits[3..6])
        && digits[1] != 9
}

/// Assigned country codes of two and three digits (ITU-T E.164, list of 2016 with later changes); 1 and 7 are elsewhere.
fn has_country_code(digits: &[u8]) -> bool {
    let [a, b, c, ..] = *digits else { return false };
    let two = a * 10 + b;
    match two {
        20 | 27 | 30..=34 | 36 | 39..=41 | 43..=49 | 51..=58 | 60..=66 | 81 | 82 | 84 | 86 | 90..=95 | 98 => {
            true
        }
        21 => matches!(c, 1 | 2 | 3 | 6 | 8),
        22..=24 => true,
        25 => c != 9,
        26 => c != 9,
        29 => matches!(c, 0 | 1 | 7 | 8 | 9),
        35 | 42 => c != 2 || two == 35,
        37 => true,
        38 => !matches!(c, 4 | 8),
        50 | 59 => true,
        67 => !matches!(c, 1),
        68 => c != 4,
        69 => c <= 2,
        80 => matches!(c, 0 | 8),
        85 => matches!(c, 0 | 2 | 3 | 5 | 6),
        87 => matches!(c, 0 | 8),
        88 => matches!(c, 0 | 1 | 2 | 3 | 6 | 8),
        96 => c != 9,
        97 => !matches!(c, 8 | 9),
        99 => matches!(c, 2..=6 | 8),
        _ => false,
    }
}

/// `2014-05-06`, `06.05.2014`, `2010-2014`.
fn is_date(groups: &[Group]) -> bool {
    let (lengths, count) = lengths(groups);
    matches!(&lengths[..count], [4, 1..=2, 1..=2] | [1..=2, 1..=2, 4] | [4, 4] | [1..=2, 1..=2, 2])
}

fn may_precede(text: &str, start: usize) -> bool {
    let Some(before) = text[..start].chars().next_back() else { return true };
    !before.is_alphanumeric()
        && !matches!(
            before,
            '.' | '-'
                | '/'
                | '_'
                | '='
                | '#'
                | '$'
                | '€'
                | '£'
                | '¥'
                | '%'
                | '+'
                | '@'
                | '\\'
                | '&'
                | '*'
                | '~'
                | ','
        )
}

fn may_follow(text: &str, end: usize) -> bool {
    let mut after = text[end..].chars();
    let Some(next) = after.next() else { return true };
    if next.is_alphanumeric() {
        return false;
    }
    match next {
        '_' | '=' | '%' | '@' | '$' | '€' | '£' | '°' | '\\' | '&' | '*' => false,
        // `650-685-8100.com`.
        '.' => !after.next().is_some_and(|c| c.is_ascii_digit() || c.is_ascii_lowercase()),
        ',' | '-' | '/' | ':' => !after.next().is_some_and(|c| c.is_ascii_digit()),
        _ => true,
    }
}

/// Words that stand before a telephone number, in lower case.
const ANNOUNCING: [&str; 24] = [
    "tel",
    "telephone",
    "phone",
    "phones",
    "fax",
    "telefax",
    "mobile",
    "mob",
    "cell",
    "cellphone",
    "call",
    "ph",
    "hotline",
    "helpline",
    "whatsapp",
    "sms",
    "telefon",
    "telefono",
    "teléfono",
    "téléphone",
    "tél",
    "tlf",
    "handy",
    "móvil",
];

/// One of these words stands before `start`, with at most a colon or the like, and a word such as `us at`, between.
fn is_announced(text: &str, start: usize) -> bool {
    let from = text.floor_char_boundary(start.saturating_sub(40));
    let before = text[from..start].trim_end_matches([' ', '\u{A0}', ':', '.', ')', '(', '-', '–', '\t']);
    let words = before.rsplit(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).take(3);
    for (index, word) in words.enumerate() {
        let lower = word.to_lowercase();
        if ANNOUNCING.contains(&lower.as_str()) {
            // What lies between must not begin a new sentence or hold a number.
            let at = word.as_ptr() as usize - before.as_ptr() as usize;
            return index == 0
                || !before[at + word.len()..]
                    .contains(|c: char| matches!(c, '.' | ';') || c.is_ascii_digit());
        }
        if !matches!(lower.as_str(), "us" | "at" | "on" | "me" | "no" | "nr" | "number" | "free" | "or") {
            return false;
        }
    }
    false
}

#[cfg(test)]
#[path = "phones_tests.rs"]
mod tests;
