//! Character classes as CPython 3.11 has them (Unicode 14): `str.isalnum`, `isalpha`, `isnumeric`, `isupper`, `re`'s `\w`.
//!
//! White space is [`crate::characters::is_space`].

use unicode_general_category::{GeneralCategory, get_general_category};

/// `\w` of `re`: a letter, a number or an underscore. Combining marks are none.
pub fn is_word_character(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() || c == '_' } else { is_letter_or_number(c) }
}

/// `str.isalpha` for one character.
pub fn is_alpha(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { crate::characters::is_alphabetic(c) && !is_newer(c) }
}

/// `str.isnumeric` for one character: any number, the ideographs for numbers among them.
pub fn is_numeric(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_digit();
    }
    use GeneralCategory::*;
    match get_general_category(c) {
        DecimalNumber | LetterNumber | OtherNumber => !is_newer(c),
        OtherLetter => IDEOGRAPHS.binary_search(&c).is_ok(),
        _ => false,
    }
}

/// `str.isupper` for one character.
pub fn is_upper(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_uppercase() } else { c.is_uppercase() && !is_newer(c) }
}

/// `str.isupper`: there is an upper-case letter, and none in lower or title case.
pub fn is_upper_word(word: &str) -> bool {
    let mut found = false;
    for c in word.chars() {
        if c.is_lowercase() && !is_newer(c) || is_title(c) {
            return false;
        }
        found |= is_upper(c);
    }
    found
}

/// Appends `str.lower` of `word`, which no cased letter touches.
pub fn push_lower(word: &str, out: &mut String) {
    // A final sigma depends on its neighbours, which only the standard library's folding looks at.
    if word.contains('Σ') {
        out.push_str(&word.to_lowercase());
        return;
    }
    for c in word.chars() {
        if c.is_ascii() {
            out.push(c.to_ascii_lowercase());
        } else if is_newer(c) {
            out.push(c);
        } else {
            out.extend(c.to_lowercase());
        }
    }
}

fn is_title(c: char) -> bool {
    !c.is_ascii() && get_general_category(c) == GeneralCategory::TitlecaseLetter
}

fn is_letter_or_number(c: char) -> bool {
    use GeneralCategory::*;
    let is_any = matches!(
        get_general_category(c),
        UppercaseLetter
            | LowercaseLetter
            | TitlecaseLetter
            | ModifierLetter
            | OtherLetter
            | DecimalNumber
            | LetterNumber
            | OtherNumber
    );
    is_any && !is_newer(c)
}

/// A letter or number that came after Unicode 14.
fn is_newer(c: char) -> bool {
    let c = c as u32;
    if c < 0x558 {
        return false;
    }
    let next = NEWER.partition_point(|&(first, _)| first <= c);
    next > 0 && c <= NEWER[next - 1].1
}

/// Unassigned in Unicode 14, and since then letters and numbers for the most part.
const NEWER: &[(u32, u32)] = &[
    (0x558, 0x558),
    (0x58B, 0x58C),
    (0x88F, 0x88F),
    (0xC5C, 0xC5C),
    (0xCDC, 0xCDC),
    (0x1C89, 0x1C8A),
    (0x208F, 0x208F),
    (0x209D, 0x209F),
    (0xA7CB, 0xA7CF),
    (0xA7D2, 0xA7D2),
    (0xA7D4, 0xA7D4),
    (0xA7DA, 0xA7F1),
    (0xAB6C, 0xAB6D),
    (0x105C0, 0x105F3),
    (0x107BB, 0x107BF),
    (0x10940, 0x10959),
    (0x10D40, 0x10D85),
    (0x10EC2, 0x10EEE),
    (0x1123F, 0x11240),
    (0x11380, 0x113D3),
    (0x116D0, 0x116E3),
    (0x11B0A, 0x11BF9),
    (0x11DB0, 0x11DF1),
    (0x11F02, 0x11F59),
    (0x1246F, 0x1246F),
    (0x12475, 0x1247F),
    (0x12550, 0x12686),
    (0x1342F, 0x1342F),
    (0x13441, 0x143FA),
    (0x16100, 0x16139),
    (0x16D40, 0x16D79),
    (0x16EA0, 0x16ED3),
    (0x16FF2, 0x16FF6),
    (0x187F8, 0x187FF),
    (0x18CD6, 0x18CFF),
    (0x18D09, 0x191D2),
    (0x1B123, 0x1B132),
    (0x1B155, 0x1B155),
    (0x1B168, 0x1B168),
    (0x1CCF0, 0x1CCF9),
    (0x1D2C0, 0x1D2D3),
    (0x1D6A6, 0x1D6A6),
    (0x1DF1F, 0x1DFFF),
    (0x1E030, 0x1E06D),
    (0x1E4D0, 0x1E6FF),
    (0x2B739, 0x2B73F),
    (0x2B81E, 0x2B81E),
    (0x2CEA2, 0x2CEAD),
    (0x2EBF0, 0x2EE5D),
    (0x31350, 0x3FC3F),
];

/// Letters that stand for numbers.
const IDEOGRAPHS: &[char] = &[
    '㐅',
    '㒃',
    '㠪',
    '㭍',
    '一',
    '七',
    '万',
    '三',
    '九',
    '二',
    '五',
    '亖',
    '亿',
    '什',
    '仟',
    '仨',
    '伍',
    '佰',
    '億',
    '兆',
    '兩',
    '八',
    '六',
    '十',
    '千',
    '卄',
    '卅',
    '卌',
    '叁',
    '参',
    '參',
    '叄',
    '四',
    '壱',
    '壹',
    '幺',
    '廾',
    '廿',
    '弌',
    '弍',
    '弎',
    '弐',
    '拾',
    '捌',
    '柒',
    '漆',
    '玖',
    '百',
    '肆',
    '萬',
    '貮',
    '貳',
    '贰',
    '阡',
    '陆',
    '陌',
    '陸',
    '零',
    '\u{F96B}',
    '\u{F973}',
    '\u{F978}',
    '\u{F9B2}',
    '\u{F9D1}',
    '\u{F9D3}',
    '\u{F9FD}',
    '𠀁',
    '𠁤',
    '𠃢',
    '𠄡',
    '𠤪',
    '𠦃',
    '𠦌',
    '𠦜',
    '𠫪',
    '𠫽',
    '𠬙',
    '𢎐',
    '𢦘',
    '𣬛',
    '𦉭',
    '\u{2F890}',
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Number of characters in the class, and the sum of the squares of their code points.
    fn print(is_in: impl Fn(char) -> bool) -> (usize, u64) {
        let all = (0..=0x10FFFF).filter_map(char::from_u32).filter(|&c| is_in(c));
        all.fold((0, 0), |(count, sum), c| (count + 1, sum + (c as u64).pow(2)))
    }

    // Expected values are those of CPython 3.11.
    #[test]
    fn classes_are_pythons() {
        assert_eq!(print(|c| is_word_character(c) && c != '_'), (133547, 2018352511804435));
        assert_eq!(print(is_alpha), (131756, 2009738055251554));
        assert_eq!(print(is_numeric), (1872, 8996976990742));
        assert_eq!(print(is_upper), (1951, 9777195726478));
    }

    #[test]
    fn words_in_capitals() {
        assert!(is_upper_word("A1") && is_upper_word("ΣÉ_") && is_upper_word("Ⅷ"));
        assert!(!is_upper_word("") && !is_upper_word("1") && !is_upper_word("Ab") && !is_upper_word("Aǅ"));
    }

    #[test]
    fn lower_case() {
        let lower = |word| {
            let mut out = String::new();
            push_lower(word, &mut out);
            out
        };
        assert_eq!(lower("ΟΔΟΣ ÀB İ"), "οδος àb i\u{307}");
        assert_eq!(lower("\u{A7DA}X"), "\u{A7DA}x");
    }
}
