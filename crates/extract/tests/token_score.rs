//! Token F1, as benches/extraction/measure.py counts it.

use std::collections::HashMap;

/// Runs of letters, digits and `_`, lower-cased; CJK letters one by one.
pub fn tokens(text: &str) -> Vec<String> {
    let is_wide = |c: char| {
        matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}' | '\u{ac00}'..='\u{d7af}')
    };
    let (mut tokens, mut word) = (Vec::new(), String::new());
    for character in text.chars().flat_map(char::to_lowercase).chain([' ']) {
        let is_part = character.is_alphanumeric() || character == '_';
        if is_part && !is_wide(character) {
            word.push(character);
            continue;
        }
        if !word.is_empty() {
            tokens.push(std::mem::take(&mut word));
        }
        if is_wide(character) {
            tokens.push(character.to_string());
        }
    }
    tokens
}

/// The harmonic mean of precision and recall of two bags.
pub fn f1(found: &[String], truth: &[String]) -> f64 {
    let mut left: HashMap<&str, usize> = HashMap::new();
    for token in truth {
        *left.entry(token).or_default() += 1;
    }
    let mut common = 0;
    for token in found {
        if let Some(count) = left.get_mut(token.as_str()).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    if found.is_empty() && truth.is_empty() {
        return 1.0;
    }
    2.0 * common as f64 / (found.len() + truth.len()) as f64
}

#[test]
fn counted_by_hand() {
    let f1 = |found: &str, truth: &str| f1(&tokens(found), &tokens(truth));
    assert_eq!(tokens("Ab_1, Ж! 新闻x"), ["ab_1", "ж", "新", "闻", "x"]);
    assert_eq!(f1("a b c d", "A B x y"), 0.5);
    assert_eq!(f1("a a", "a"), 2.0 / 3.0);
    assert_eq!((f1("", "a"), f1("", ""), f1("a", "a")), (0.0, 1.0, 1.0));
}
