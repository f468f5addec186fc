//! The references run on Python 3.11, whose Unicode is version 14: characters that came later are unassigned there, so
//! they are no letters, no marks, and have neither case nor decomposition. Two old ones keep what they were then.

use unicode_general_category::{GeneralCategory, get_general_category};

/// General category in Unicode 14.
pub fn general_category(c: char) -> GeneralCategory {
    match c {
        AHOM_SIGN_RA => GeneralCategory::NonspacingMark,
        _ if is_newer(c) => GeneralCategory::Unassigned,
        _ => get_general_category(c),
    }
}

/// Assigned after Unicode 14, up to 18.
pub fn is_newer(c: char) -> bool {
    let c = c as u32;
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

#[rustfmt::skip]
const NEWER: &[(u32, u32)] = &[
    (0x558, 0x558), (0x58B, 0x58C), (0x5C8, 0x5C9), (0x88F, 0x88F), (0x897, 0x897), (0xB53, 0xB54), (0xC5C,
    0xC5C), (0xCDC, 0xCDC), (0xCF3, 0xCF3), (0xECE, 0xECE), (0x1ACF, 0x1AF0), (0x1B4E, 0x1B4F), (0x1B7F, 0x1B7F),
    (0x1C89, 0x1C8A), (0x208F, 0x208F), (0x209D, 0x209F), (0x20C1, 0x20C4), (0x2427, 0x2429), (0x2B96, 0x2B96),
    (0x2E60, 0x2E63), (0x2FFC, 0x2FFF), (0x31E4, 0x31E5), (0x31EF, 0x31EF), (0xA7CB, 0xA7CF), (0xA7D2, 0xA7D2),
    (0xA7D4, 0xA7D4), (0xA7DA, 0xA7DD), (0xA7E2, 0xA7E2), (0xA7F1, 0xA7F1), (0xAB6C, 0xAB6D), (0xFBC3, 0xFBD2),
    (0xFD90, 0xFD91), (0xFDC8, 0xFDCE), (0x105C0, 0x105F3), (0x107BB, 0x107BF), (0x10940, 0x10959), (0x10D40,
    0x10D65), (0x10D69, 0x10D85), (0x10D8E, 0x10D8F), (0x10EC2, 0x10EC7), (0x10EC9, 0x10EEE), (0x10EF0, 0x10EFF),
    (0x1123F, 0x11241), (0x11380, 0x11389), (0x1138B, 0x1138B), (0x1138E, 0x1138E), (0x11390, 0x113B5), (0x113B7,
    0x113C0), (0x113C2, 0x113C2), (0x113C5, 0x113C5), (0x113C7, 0x113CA), (0x113CC, 0x113D5), (0x113D7, 0x113D8),
    (0x113E1, 0x113E2), (0x116D0, 0x116E3), (0x11B00, 0x11B0A), (0x11B60, 0x11B67), (0x11BC0, 0x11BE1), (0x11BF0,
    0x11BF9), (0x11DB0, 0x11DDB), (0x11DE0, 0x11DE9), (0x11DF0, 0x11DF1), (0x11F00, 0x11F10), (0x11F12, 0x11F3A),
    (0x11F3E, 0x11F5A), (0x1246F, 0x1246F), (0x12475, 0x1247F), (0x12550, 0x12686), (0x1342F, 0x1342F), (0x13439,
    0x13455), (0x13460, 0x143FA), (0x16100, 0x16139), (0x16D40, 0x16D79), (0x16EA0, 0x16EB8), (0x16EBB, 0x16ED3),
    (0x16FF2, 0x16FF6), (0x187F8, 0x187FF), (0x18CD6, 0x18CDA), (0x18CFF, 0x18CFF), (0x18D09, 0x18D20), (0x18D80,
    0x18DF2), (0x18E00, 0x19191), (0x191A0, 0x191D2), (0x1B123, 0x1B128), (0x1B132, 0x1B132), (0x1B155, 0x1B155),
    (0x1B168, 0x1B168), (0x1CC00, 0x1CCFC), (0x1CD00, 0x1CEB3), (0x1CEBA, 0x1CED0), (0x1CED2, 0x1CED4), (0x1CEDD,
    0x1CEFD), (0x1D127, 0x1D128), (0x1D1EB, 0x1D1FF), (0x1D250, 0x1D281), (0x1D2C0, 0x1D2D3), (0x1D6A6, 0x1D6A6),
    (0x1DB00, 0x1DB1C), (0x1DF1F, 0x1DF81), (0x1DF90, 0x1DF96), (0x1DFCD, 0x1DFFF), (0x1E030, 0x1E06D), (0x1E08F,
    0x1E08F), (0x1E4D0, 0x1E4F9), (0x1E5D0, 0x1E5FA), (0x1E5FF, 0x1E5FF), (0x1E6C0, 0x1E6DE), (0x1E6E0, 0x1E6F5),
    (0x1E6FE, 0x1E6FF), (0x1F1AE, 0x1F1AE), (0x1F6D8, 0x1F6D9), (0x1F6DC, 0x1F6DC), (0x1F774, 0x1F77F), (0x1F7D9,
    0x1F7DB), (0x1F7F1, 0x1F7FF), (0x1F8B2, 0x1F8BB), (0x1F8C0, 0x1F8C1), (0x1F8D0, 0x1F8D8), (0x1FA54, 0x1FA57),
    (0x1FA75, 0x1FA77), (0x1FA87, 0x1FA8F), (0x1FAAD, 0x1FAAF), (0x1FABB, 0x1FABF), (0x1FAC6, 0x1FAC6), (0x1FAC8,
    0x1FAC8), (0x1FACC, 0x1FACF), (0x1FADA, 0x1FADD), (0x1FADF, 0x1FADF), (0x1FAE8, 0x1FAEB), (0x1FAEF, 0x1FAEF),
    (0x1FAF7, 0x1FAFA), (0x1FBCB, 0x1FBEF), (0x1FBFA, 0x1FBFA), (0x2B739, 0x2B73F), (0x2B81E, 0x2B81E), (0x2CEA2,
    0x2CEAD), (0x2EBF0, 0x2EE5D), (0x31350, 0x33479), (0x3D000, 0x3FC3F),
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
        let count =
            |wanted: &[GeneralCategory]| all().filter(|c| wanted.contains(&general_category(*c))).count();
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
    fn newer_characters_are_unassigned() {
        assert_eq!(NEWER.iter().map(|(first, last)| last - first + 1).sum::<u32>(), 28_111);
        assert!(NEWER.is_sorted());
        assert_eq!(general_category('\u{1C89}'), GeneralCategory::Unassigned);
        assert_eq!(general_category('\u{1C88}'), GeneralCategory::LowercaseLetter);
        assert!(!is_newer('\u{1C88}') && !is_newer('a') && is_newer('\u{3FC3F}') && !is_newer('\u{3FC40}'));
    }
}
