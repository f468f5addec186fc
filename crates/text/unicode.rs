//! Properties of characters as of Unicode 14: what CPython 3.11 knew, on which the reference decisions were made.
//!
//! The standard library and the crates follow newer versions. A character assigned later counts as unassigned, and
//! two old ones keep the properties they had then; otherwise the newer tables say the same.

use unicode_general_category::{GeneralCategory, get_general_category};

/// General category.
pub fn category(c: char) -> GeneralCategory {
    match get_general_category(c) {
        _ if c == AHOM_SIGN_RA => GeneralCategory::NonspacingMark,
        GeneralCategory::Unassigned => GeneralCategory::Unassigned,
        _ if is_newer(c) => GeneralCategory::Unassigned,
        category => category,
    }
}

/// True if `c` was assigned after Unicode 14.
pub fn is_newer(c: char) -> bool {
    let c = u32::from(c);
    let next = NEWER.partition_point(|&(first, _)| first <= c);
    next > 0 && c <= NEWER[next - 1].1
}

/// Lower case, one character at a time; of sigma the form that does not end a word.
pub fn lower(c: char) -> impl Iterator<Item = char> {
    let is_newer = is_newer(c);
    std::iter::once(c).filter(move |_| is_newer).chain(c.to_lowercase().filter(move |_| !is_newer))
}

/// Calls `each` with every character of the canonical decomposition.
pub fn decompose(c: char, mut each: impl FnMut(char)) {
    if is_newer(c) { each(c) } else { unicode_normalization::char::decompose_canonical(c, each) }
}

/// Canonical combining class.
pub fn combining_class(c: char) -> u8 {
    if is_newer(c) { 0 } else { unicode_normalization::char::canonical_combining_class(c) }
}

/// Unicode's rule for the lower case of a sigma between `before` and `after`: it is final after a cased letter and
/// not before one, where case-ignorable characters do not count.
pub fn is_final_sigma(before: &str, after: &str) -> bool {
    meets_cased(before.chars().rev()) && !meets_cased(after.chars())
}

/// The standard library knows which characters are cased or ignorable but tells only through its own rule
/// for sigma, so one character at a time is tried in it.
fn meets_cased(chars: impl Iterator<Item = char>) -> bool {
    for c in chars {
        match c {
            PHARYNGEAL => return true,
            AHOM_SIGN_RA => continue,
            _ if is_newer(c) => return false,
            _ => {}
        }
        if String::from_iter([c, 'Σ']).to_lowercase().ends_with('ς') {
            return true;
        }
        if !String::from_iter(['A', c, 'Σ']).to_lowercase().ends_with('ς') {
            return false;
        }
    }
    false
}

/// A lower-case letter until Unicode 16, then one without case.
const PHARYNGEAL: char = '\u{295}';
/// A non-spacing mark until Unicode 15, then a spacing one.
const AHOM_SIGN_RA: char = '\u{1171E}';

/// Everything that Unicode 15 to 18 assigned and that has a property which the rules look at. Gaps that are still
/// unassigned are run over.
const NEWER: &[(u32, u32)] = &[
    (0x05C8, 0x05C9),
    (0x0897, 0x0897),
    (0x0CF3, 0x0CF3),
    (0x0ECE, 0x0ECE),
    (0x1ACF, 0x1AF0),
    (0x1B4E, 0x1B4F),
    (0x1B7F, 0x1B7F),
    (0x1C89, 0x1C8A),
    (0x2427, 0x2429),
    (0x2FFC, 0x2FFF),
    (0x31E4, 0x31EF),
    (0xA7CB, 0xA7CF),
    (0xA7D2, 0xA7D2),
    (0xA7D4, 0xA7D4),
    (0xA7DA, 0xA7F1),
    (0x105C0, 0x105F3),
    (0x10D40, 0x10D8F),
    (0x10EC2, 0x10EFF),
    (0x1123F, 0x11241),
    (0x11380, 0x113E2),
    (0x116D0, 0x116E3),
    (0x11B00, 0x11BF9),
    (0x11DD9, 0x11DD9),
    (0x11F00, 0x11F5A),
    (0x1342F, 0x1342F),
    (0x13439, 0x143FA),
    (0x16100, 0x16139),
    (0x16D40, 0x16D79),
    (0x16EA0, 0x16ED3),
    (0x16FF2, 0x16FF3),
    (0x18CFF, 0x18CFF),
    (0x1B132, 0x1B132),
    (0x1B155, 0x1B155),
    (0x1CC00, 0x1CEB3),
    (0x1D127, 0x1D128),
    (0x1D250, 0x1D2D3),
    (0x1DF25, 0x1DF2A),
    (0x1E030, 0x1E08F),
    (0x1E4D0, 0x1E6FF),
    (0x1F6DC, 0x1F6DC),
    (0x1F774, 0x1F77F),
    (0x1F7D9, 0x1F7D9),
    (0x1F8B2, 0x1F8C1),
    (0x1FA75, 0x1FA77),
    (0x1FA87, 0x1FA8F),
    (0x1FAAD, 0x1FAAF),
    (0x1FABB, 0x1FABF),
    (0x1FAC6, 0x1FACF),
    (0x1FADA, 0x1FADF),
    (0x1FAE8, 0x1FAE9),
    (0x1FAF7, 0x1FAF8),
    (0x1FBCB, 0x1FBEF),
    (0x2B739, 0x2B739),
    (0x2EBF0, 0x2EE5D),
    (0x31350, 0x323AF),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = char> {
        (0..=0x10FFFF).filter_map(char::from_u32)
    }

    /// Numbers of characters, counted with CPython 3.11's `unicodedata` (14.0.0).
    #[test]
    fn as_many_characters_have_each_property() {
        use GeneralCategory::*;
        let count = |wanted: &[GeneralCategory]| all().filter(|c| wanted.contains(&category(*c))).count();
        let letters = [UppercaseLetter, LowercaseLetter, TitlecaseLetter, ModifierLetter, OtherLetter];
        assert_eq!(count(&letters), 131_756);
        assert_eq!(count(&[NonspacingMark, SpacingMark, EnclosingMark]), 2_408);
        assert_eq!(count(&[NonspacingMark]), 1_950);
        assert_eq!(count(&[DecimalNumber, LetterNumber, OtherNumber]), 1_791);
        assert_eq!(all().filter(|&c| !lower(c).eq([c])).count(), 1_433);
        assert_eq!(all().filter(|&c| combining_class(c) != 0).count(), 912);
        let decomposes = |c: char| {
            let mut parts = Vec::new();
            decompose(c, |part| parts.push(part));
            parts != [c]
        };
        assert_eq!(all().filter(|&c| decomposes(c)).count(), 13_233);
        let is_cased = |c: char| is_final_sigma(c.encode_utf8(&mut [0; 4]), "");
        assert_eq!(all().filter(|&c| is_cased(c)).count(), 4_253);
        let is_ignorable = |c: &char| is_final_sigma(&format!("A{c}"), "") && !is_cased(*c);
        assert_eq!(all().filter(is_ignorable).count(), 2_602);
    }

    #[test]
    fn ranges_are_in_order() {
        assert!(NEWER.is_sorted() && NEWER.iter().all(|(first, last)| first <= last));
        assert!(is_newer('\u{1C8A}') && !is_newer('\u{1C88}') && !is_newer('a'));
    }
}
