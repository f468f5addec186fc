//! Tests of `normalize`.

use super::*;
use crate::characters::is_space;
use proptest::prelude::*;

fn simplified(text: &str) -> String {
    let mut out = String::from("left over");
    simplify_text(text, &mut out);
    out
}

/// The five steps one after the other, each over the whole text.
fn in_steps(text: &str) -> String {
    let mut numbers = String::new();
    let mut lower = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            'Σ' if is_final_sigma(&text[..at], &text[at + c.len_utf8()..]) => lower.push('ς'),
            _ => lower.extend(crate::unicode14::lower(c)),
        }
    }
    let mut at = 0;
    while at < lower.len() {
        if !is_digit(lower[at]) {
            numbers.push(lower[at]);
            at += 1;
            continue;
        }
        let digits = |from: usize| lower[from..].iter().take_while(|c| is_digit(**c)).count();
        at += digits(at);
        if at < lower.len() && is_decimal_separator(lower[at]) && digits(at + 1) > 0 {
            at += 1 + digits(at + 1);
        }
        numbers.push('0');
    }
    let spaced: String = numbers.chars().map(|c| if is_punctuation(c) { ' ' } else { c }).collect();
    let single = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    let bare = nfd(&single).into_iter().filter(|c| general_category(*c) != GeneralCategory::NonspacingMark);
    bare.collect::<String>().trim_matches(is_space).to_string()
}

fn nfd(text: &str) -> Vec<char> {
    let mut parts = Vec::new();
    text.chars().for_each(|c| decompose(c, |part| parts.push(part)));
    for run in parts.split_mut(|c| combining_class(*c) == 0) {
        run.sort_by_key(|c| combining_class(*c));
    }
    parts
}

#[test]
fn examples_of_the_reference() {
    assert_eq!(
        simplified(
            "The quick brown fox — aged 3.14 — jumps over the lazy dog's back!\n\nÉcole d'été, 1,000 fois."
        ),
        "the quick brown fox aged 0 jumps over the lazy dog s back ecole d ete 0 fois"
    );
    assert_eq!(simplified("1|2|3"), "0 0 0");
    assert_eq!(simplified("1,000,000"), "0 0");
    assert_eq!(simplified("3. and 3.x 3..4 a3.5b"), "0 and 0 x 0 0 a0b");
    assert_eq!(simplified(""), "");
    assert_eq!(simplified(" \t\n "), "");
}

#[test]
fn unicode_corners() {
    assert_eq!(simplified("ΟΔΟΣ ΣΑΣ Σ' Α.Σ"), "οδος σας σ α ς");
    assert_eq!(simplified("İstanbul"), "istanbul");
    assert_eq!(simplified("٣٫٥ ٣.x １２"), "0 0 x 0");
    assert_eq!(simplified("\u{308} x \u{308} y \u{308}"), "x  y");
    assert_eq!(simplified("한국"), String::from_iter(nfd("한국")));
    assert_eq!(simplified("5،"), "0،");
    assert_eq!(simplified(&"각".repeat(1000)), String::from_iter(nfd(&"각".repeat(1000))));
    // Marks that are written change places, but not across a mark that is not.
    assert_eq!(simplified("x\u{1D165}\u{1B44}"), "x\u{1B44}\u{1D165}");
    assert_eq!(simplified("x\u{1D165}\u{34F}\u{1B44}y"), "x\u{1D165}\u{1B44}y");
    // Assigned after Unicode 14: no mark, no letter, no digit but for the rule of numbers.
    assert_eq!(simplified("\u{897}a \u{1C89} \u{105C9} \u{10D41}"), "\u{897}a \u{1C89} \u{105C9} 0");
}

#[test]
fn every_character_alone_and_in_context() {
    for c in (0..=0x10FFFF).filter_map(char::from_u32) {
        for text in [String::from(c), format!("a{c}b"), format!("4{c}2.5"), format!("{c} Σ{c}")] {
            assert_eq!(simplified(&text), in_steps(&text), "U+{:04X}", u32::from(c));
        }
    }
}

#[test]
fn punctuation_has_the_published_size() {
    assert_eq!((0..=0x10FFFF).filter_map(char::from_u32).filter(|c| is_punctuation(*c)).count(), 129);
}

proptest! {
    #[test]
    fn equals_the_steps(text in "([a-zA-Z0-9 .,'\n]|[ΣσΑ ́é٣٫\u{1B44}\u{1D165}\u{34F}\u{897}]|\\PC){0,60}") {
        prop_assert_eq!(simplified(&text), in_steps(&text));
    }
}
