//! Unicode NFC of stretches that may be one letter with millions of marks, which are ordered in the space of their bytes.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, compose, decompose_canonical};

/// Stretches of real text have some dozens of bytes; for those up to this many, the crate's buffers are small.
const LONG: usize = 1024;

/// Appends the NFC of a text.
pub(crate) fn nfc(text: &str, out: &mut String) {
    match text.len() > LONG {
        true => long(text, out),
        false => out.extend(text.nfc()),
    }
}

/// The three steps of the standard (UAX-15, 1.3): decomposed, marks in canonical order, composed.
fn long(text: &str, out: &mut String) {
    let mut parts = String::with_capacity(text.len());
    text.chars().for_each(|c| decompose_canonical(c, |part| parts.push(part)));
    let mut ordered = Vec::with_capacity(parts.len());
    let mut rest = &*parts;
    while let Some(start) = rest.find(is_mark) {
        let marks = &rest[start..];
        let end = marks.find(|c| !is_mark(c)).unwrap_or(marks.len());
        ordered.extend_from_slice(&rest.as_bytes()[..start]);
        order(&marks[..end], &mut ordered);
        rest = &marks[end..];
    }
    ordered.extend_from_slice(rest.as_bytes());
    drop(parts);
    // Whole characters change places, so that this is UTF-8.
    composed(std::str::from_utf8(&ordered).unwrap_or_default(), out);
}

fn is_mark(c: char) -> bool {
    canonical_combining_class(c) != 0
}

/// Appends marks by class, those of one class in the order of the text.
fn order(marks: &str, out: &mut Vec<u8>) {
    let mut places = [0; 256];
    for mark in marks.chars() {
        places[usize::from(canonical_combining_class(mark))] += mark.len_utf8();
    }
    // From the bytes of a class to where it begins, and then to where it goes on.
    let mut end = out.len();
    for of_class in &mut places {
        end += *of_class;
        *of_class = end - *of_class;
    }
    out.resize(end, 0);
    for mark in marks.chars() {
        let at = &mut places[usize::from(canonical_combining_class(mark))];
        mark.encode_utf8(&mut out[*at..]);
        *at += mark.len_utf8();
    }
}

/// Appends a text in canonical order, with marks joined to the letter before them.
fn composed(ordered: &str, out: &mut String) {
    // The last character of class 0 and where it lies; the class of what was left behind it.
    let mut letter: Option<(char, usize)> = None;
    let mut between = None;
    for c in ordered.chars() {
        let class = canonical_combining_class(c);
        if let Some((first, at)) = letter
            && between.is_none_or(|between| between < class)
            && let Some(joined) = compose(first, c)
        {
            out.replace_range(at..at + first.len_utf8(), joined.encode_utf8(&mut [0; 4]));
            letter = Some((joined, at));
            continue;
        }
        between = Some(class);
        if class == 0 {
            (letter, between) = (Some((c, out.len())), None);
        }
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn equals_the_crates(text: &str) {
        let mut out = String::from("left over");
        long(text, &mut out);
        let expected: String = text.nfc().collect();
        assert_eq!(out.strip_prefix("left over"), Some(&*expected), "{}", text.escape_unicode());
    }

    #[test]
    fn every_character_behind_a_letter_and_between_marks() {
        for c in (0..=0x10FFFF).filter_map(char::from_u32) {
            equals_the_crates(&format!("{c}\u{301}a{c}\u{323}e\u{301}{c}{c}\u{1100}{c}\u{9C7}{c}\u{9BE}"));
        }
    }

    #[test]
    fn marks_without_end() {
        for marks in ["\u{301}\u{316}", "\u{344}\u{F73}", "\u{327}\u{302}\u{301}"] {
            let text = format!("c{}d", marks.repeat(LONG));
            equals_the_crates(&text);
            let (mut short, mut whole) = (String::new(), String::new());
            long(&text, &mut whole);
            nfc(&text, &mut short);
            assert_eq!(short, whole);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn is_the_crates_nfc(
            text in "([aeo가각é\u{1E69}\u{212B}]|[\u{300}-\u{345}]|[\u{5B0}\u{5C1}\u{5E9}\u{FB2C}\u{9C7}\u{9BE}\u{F71}-\u{F84}]|\\p{M}|\\PC){0,40}"
        ) {
            equals_the_crates(&text);
        }
    }
}
