//! Classes of characters that the published rules use: punctuation, terminal punctuation, letters, white space.
//!
//! The two punctuation sets are datatrove's, as code point ranges.

use unicode_general_category::GeneralCategory;

use crate::unicode14::general_category;

/// 129 code points: ASCII punctuation, control characters but tab and line feed, some typographic and CJK marks.
pub const PUNCTUATION: &[(u32, u32)] = &[
    (0x0000, 0x0008),
    (0x000B, 0x001F),
    (0x0021, 0x002F),
    (0x003A, 0x0040),
    (0x005B, 0x0060),
    (0x007B, 0x009F),
    (0x00AB, 0x00AB),
    (0x00B4, 0x00B4),
    (0x00BB, 0x00BB),
    (0x2013, 0x2014),
    (0x2019, 0x2019),
    (0x201C, 0x201E),
    (0x2026, 0x2026),
    (0x2236, 0x2236),
    (0x2501, 0x2501),
    (0x25BA, 0x25BA),
    (0x3001, 0x3002),
    (0x3008, 0x300D),
    (0x3010, 0x3011),
    (0xFF01, 0xFF01),
    (0xFF05, 0xFF05),
    (0xFF08, 0xFF09),
    (0xFF0C, 0xFF0C),
    (0xFF0E, 0xFF0E),
    (0xFF11, 0xFF11),
    (0xFF1A, 0xFF1B),
    (0xFF1F, 0xFF1F),
    (0xFF5E, 0xFF5E),
];

/// 159 code points that end a sentence in some script; no quotes, no ellipsis.
pub const TERMINAL_PUNCTUATION: &[(u32, u32)] = &[
    (0x0021, 0x0021),
    (0x002E, 0x002E),
    (0x003F, 0x003F),
    (0x0589, 0x0589),
    (0x061D, 0x061F),
    (0x06D4, 0x06D4),
    (0x0700, 0x0702),
    (0x07F9, 0x07F9),
    (0x0837, 0x0837),
    (0x0839, 0x0839),
    (0x083D, 0x083E),
    (0x0964, 0x0965),
    (0x104A, 0x104B),
    (0x1362, 0x1362),
    (0x1367, 0x1368),
    (0x166E, 0x166E),
    (0x1735, 0x1736),
    (0x17D4, 0x17D6),
    (0x17D9, 0x17DA),
    (0x1803, 0x1803),
    (0x1809, 0x1809),
    (0x1944, 0x1945),
    (0x1AA8, 0x1AAB),
    (0x1B5A, 0x1B5B),
    (0x1B5E, 0x1B5F),
    (0x1B7D, 0x1B7E),
    (0x1C3B, 0x1C3C),
    (0x1C7E, 0x1C7F),
    (0x203C, 0x203D),
    (0x2047, 0x2049),
    (0x2E2E, 0x2E2E),
    (0x2E3C, 0x2E3C),
    (0x2E53, 0x2E54),
    (0x3002, 0x3002),
    (0xA4FF, 0xA4FF),
    (0xA60E, 0xA60F),
    (0xA6F3, 0xA6F3),
    (0xA6F7, 0xA6F7),
    (0xA876, 0xA877),
    (0xA8CE, 0xA8CF),
    (0xA92F, 0xA92F),
    (0xA9C8, 0xA9C9),
    (0xAA5D, 0xAA5F),
    (0xAAF0, 0xAAF1),
    (0xABEB, 0xABEB),
    (0xFE52, 0xFE52),
    (0xFE56, 0xFE57),
    (0xFF01, 0xFF01),
    (0xFF0E, 0xFF0E),
    (0xFF1F, 0xFF1F),
    (0xFF61, 0xFF61),
    (0x10A56, 0x10A57),
    (0x10F55, 0x10F59),
    (0x10F86, 0x10F89),
    (0x11047, 0x11048),
    (0x110BE, 0x110C1),
    (0x11141, 0x11143),
    (0x111C5, 0x111C6),
    (0x111CD, 0x111CD),
    (0x111DE, 0x111DF),
    (0x11238, 0x11239),
    (0x1123B, 0x1123C),
    (0x112A9, 0x112A9),
    (0x1144B, 0x1144C),
    (0x115C2, 0x115C3),
    (0x115C9, 0x115D7),
    (0x11641, 0x11642),
    (0x1173C, 0x1173E),
    (0x11944, 0x11944),
    (0x11946, 0x11946),
    (0x11A42, 0x11A43),
    (0x11A9B, 0x11A9C),
    (0x11C41, 0x11C42),
    (0x11EF7, 0x11EF8),
    (0x11F43, 0x11F44),
    (0x16A6E, 0x16A6F),
    (0x16AF5, 0x16AF5),
    (0x16B37, 0x16B38),
    (0x16B44, 0x16B44),
    (0x16E98, 0x16E98),
    (0x1BC9F, 0x1BC9F),
    (0x1DA88, 0x1DA88),
];

/// 128 code points of the numeric type Digit: digits that are not decimal.
const OTHER_DIGITS: &[(u32, u32)] = &[
    (0x00B2, 0x00B3),
    (0x00B9, 0x00B9),
    (0x1369, 0x1371),
    (0x19DA, 0x19DA),
    (0x2070, 0x2070),
    (0x2074, 0x2079),
    (0x2080, 0x2089),
    (0x2460, 0x2468),
    (0x2474, 0x247C),
    (0x2488, 0x2490),
    (0x24EA, 0x24EA),
    (0x24F5, 0x24FD),
    (0x24FF, 0x24FF),
    (0x2776, 0x277E),
    (0x2780, 0x2788),
    (0x278A, 0x2792),
    (0x10A40, 0x10A43),
    (0x10E60, 0x10E68),
    (0x11052, 0x1105A),
    (0x1F100, 0x1F10A),
];

/// Python's `str.isspace`: Unicode white space and U+001C to U+001F.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1C}'..='\u{1F}')
}

/// [`is_space`] for a byte of ASCII.
pub(crate) const fn is_ascii_space(byte: u8) -> bool {
    matches!(byte, 9..=13 | 28..=32)
}

/// Python's `str.strip`.
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Python's `str.isalpha` for one character: general category L.
pub fn is_alphabetic(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    use GeneralCategory::*;
    matches!(
        general_category(c),
        UppercaseLetter | LowercaseLetter | TitlecaseLetter | ModifierLetter | OtherLetter
    )
}

/// General category P: punctuation of any kind, without symbols.
pub fn is_punctuation(c: char) -> bool {
    use GeneralCategory::*;
    matches!(
        general_category(c),
        ConnectorPunctuation
            | DashPunctuation
            | OpenPunctuation
            | ClosePunctuation
            | InitialPunctuation
            | FinalPunctuation
            | OtherPunctuation
    )
}

/// Python's `str.isalnum` for one character: general categories L and N.
pub fn is_alphanumeric(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    use GeneralCategory::*;
    is_alphabetic(c) || matches!(general_category(c), DecimalNumber | LetterNumber | OtherNumber)
}

/// `\w` of Python's `re`.
pub fn is_word_character(c: char) -> bool {
    c == '_' || is_alphanumeric(c)
}

/// A mark: an accent, or the sign of a vowel as in Indic scripts.
pub fn is_mark(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    !c.is_ascii() && matches!(general_category(c), NonspacingMark | SpacingMark | EnclosingMark)
}

/// `\d` of Python's `re`: general category Nd.
pub fn is_decimal(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_digit();
    }
    general_category(c) == GeneralCategory::DecimalNumber
}

/// Python's `str.isdigit` for one character: decimal digits, and those in superscripts, circles and the like.
pub fn is_digit(c: char) -> bool {
    is_decimal(c) || !c.is_ascii() && is_in(OTHER_DIGITS, c)
}

/// In [`TERMINAL_PUNCTUATION`].
pub fn is_terminal(c: char) -> bool {
    if c.is_ascii() { matches!(c, '!' | '.' | '?') } else { is_in(TERMINAL_PUNCTUATION, c) }
}

/// In [`PUNCTUATION`] or [`TERMINAL_PUNCTUATION`]; a word of such characters only is a symbol.
pub fn is_symbol(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_punctuation() || c.is_ascii_control() && c != '\t' && c != '\n'
    } else {
        is_in(PUNCTUATION, c) || is_in(TERMINAL_PUNCTUATION, c)
    }
}

/// Length in code points.
pub fn count_chars(text: &str) -> usize {
    text.chars().count()
}

fn is_in(ranges: &[(u32, u32)], c: char) -> bool {
    let c = c as u32;
    let next = ranges.partition_point(|&(first, _)| first <= c);
    next > 0 && c <= ranges[next - 1].1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(ranges: &[(u32, u32)]) -> u32 {
        ranges.iter().map(|(first, last)| last - first + 1).sum()
    }

    #[test]
    fn the_sets_have_their_published_sizes() {
        assert_eq!(size(PUNCTUATION), 129);
        assert_eq!(size(TERMINAL_PUNCTUATION), 159);
        assert_eq!(size(OTHER_DIGITS), 128);
        assert!([PUNCTUATION, TERMINAL_PUNCTUATION, OTHER_DIGITS].iter().all(|set| set.is_sorted()));
    }

    #[test]
    fn short_cuts_for_ascii_agree_with_the_tables() {
        for c in (0..128u8).map(char::from) {
            assert_eq!(is_terminal(c), is_in(TERMINAL_PUNCTUATION, c), "{c:?}");
            assert_eq!(is_symbol(c), is_in(PUNCTUATION, c) || is_terminal(c), "{c:?}");
            assert_eq!(is_ascii_space(c as u8), is_space(c), "{c:?}");
        }
    }

    #[test]
    fn letters_and_spaces_are_pythons() {
        assert!(is_alphabetic('é') && is_alphabetic('世') && is_alphabetic('ª'));
        // Alphabetic for Unicode, not for Python: a Roman numeral, a vowel sign.
        assert!(!is_alphabetic('Ⅷ') && !is_alphabetic('\u{93E}') && !is_alphabetic('5'));
        assert!(['é', 'Ⅷ', '²', '½', '٣'].into_iter().all(is_alphanumeric) && !is_alphanumeric('\u{93E}'));
        assert!(is_word_character('_') && !is_word_character('-'));
        assert!(is_decimal('٣') && !is_decimal('²') && is_digit('²') && !is_digit('½') && !is_digit('Ⅷ'));
        let spaces = (0..=0x10FFFF).filter_map(char::from_u32).filter(|&c| is_space(c)).count();
        assert_eq!(spaces, 29);
        assert_eq!(strip("\u{1F}\u{A0} a b\u{2029}\n"), "a b");
        assert!(!is_symbol('\u{2018}') && is_symbol('\u{2019}'));
        // Assigned in Unicode 15 and 16.
        assert!(!is_alphabetic('\u{1C8A}') && !is_alphabetic('\u{31350}'));
        let words = (0..=0x10FFFF).filter_map(char::from_u32).filter(|&c| is_word_character(c)).count();
        assert_eq!(words, 131_756 + 1_791 + 1);
    }
}
