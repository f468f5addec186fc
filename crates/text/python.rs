//! What `str` methods of CPython 3.11 (Unicode 14) say of numbers and of case; the classes that rules share are in
//! [`crate::characters`].

use unicode_general_category::GeneralCategory;

use crate::unicode14::{general_category, is_newer, lower};

/// `str.isnumeric` for one character: any number, the ideographs for numbers among them.
pub fn is_numeric(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_digit();
    }
    use GeneralCategory::*;
    match general_category(c) {
        DecimalNumber | LetterNumber | OtherNumber => true,
        OtherLetter => IDEOGRAPHS.contains(c),
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
        let is_title = !c.is_ascii() && general_category(c) == GeneralCategory::TitlecaseLetter;
        if c.is_lowercase() && !is_newer(c) || is_title {
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
        if c.is_ascii() { out.push(c.to_ascii_lowercase()) } else { out.extend(lower(c)) }
    }
}

/// Letters that stand for numbers.
const IDEOGRAPHS: &str = "\
    㐅㒃㠪㭍一七万三九二五亖亿什仟仨伍佰億兆兩八六十千卄卅卌叁参參叄四壱壹幺廾廿弌弍弎弐拾捌柒漆玖百肆萬貮貳贰阡陆陌陸零\u{F96B}\u{F973}\u{F978}\u{F9B2}\u{F9D1}\u{F9D3}\u{F9FD}𠀁𠁤𠃢𠄡𠤪𠦃𠦌𠦜𠫪𠫽𠬙𢎐𢦘𣬛𦉭\u{2F890}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::characters::{is_alphabetic, is_word_character};

    /// Number of characters in the class, and the sum of the squares of their code points.
    fn print(is_in: impl Fn(char) -> bool) -> (usize, u64) {
        let all = (0..=0x10FFFF).filter_map(char::from_u32).filter(|&c| is_in(c));
        all.fold((0, 0), |(count, sum), c| (count + 1, sum + (c as u64).pow(2)))
    }

    // Expected values are those of CPython 3.11.
    #[test]
    fn classes_are_pythons() {
        assert_eq!(print(|c| is_word_character(c) && c != '_'), (133547, 2018352511804435));
        assert_eq!(print(is_alphabetic), (131756, 2009738055251554));
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
