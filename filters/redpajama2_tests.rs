//! The quality signals of RedPajama-V2 on small texts; whole pages: tests/parity_redpajama2.rs.

use document::{Bound, Language};

use super::*;
use crate::testing::{drops, keeps, limits_are_exact, numbered_words, settings};

fn measure(text: &str, language: Option<Language>) -> Signals {
    let mut signals = Signals::default();
    let mut document = Document { language, ..Document::new(text) };
    let filter = build(&settings(&FILTER)).unwrap();
    filter.judge(&mut document, &mut signals, &mut Raised::default(), &mut String::new());
    signals
}

fn get(text: &str, signal: Signal) -> Option<f64> {
    measure(text, None).get(signal)
}

// Expected values are the reference's.
#[test]
fn words_are_normalised_and_raw() {
    let text = "The and/or QUICK fox... {don't}\n\n• 12 foxes!";
    assert_eq!(get(text, Signal::RpsWords), Some(8.0));
    assert_eq!(get(text, Signal::RpsStopWords), Some(0.1875));
    assert_eq!(get(text, Signal::RpsAllCapsWords), Some(0.0625));
    assert_eq!(get(text, Signal::RpsNoAlphaWords), Some(0.5));
    assert_eq!(get(text, Signal::RpsSymbolsPerWord), Some(0.0625));
    assert_eq!(get(text, Signal::RpsCurlyBrackets), Some(0.04545455));
    assert_eq!(get(text, Signal::RpsSentences), Some(2.0));
    assert_eq!(get(text, Signal::RpsBulletLines), Some(0.33333333));
    assert_eq!(get("été", Signal::RpsMeanWordLength), Some(5.0));
}

#[test]
fn sentences_begin_at_words() {
    let sentences = |text| get(text, Signal::RpsSentences);
    assert_eq!(sentences("... ! ?"), Some(0.0));
    assert_eq!(sentences("A line\nwithout an end. (Next) one?! 3.14"), Some(4.0));
    assert_eq!(sentences("«Да.» - нет"), Some(2.0));
}

#[test]
fn n_grams_that_come_again() {
    let text = "one two three four five, six. One two three four five: seven";
    assert_eq!(get(text, Signal::RpsTop2Gram), Some(0.26086957));
    assert_eq!(get(text, Signal::RpsDuplicate5Grams), Some(0.82608696));
    assert_eq!(get(text, Signal::RpsDuplicate6Grams), Some(0.0));
    assert_eq!(get("a b c", Signal::RpsTop2Gram), Some(0.0));
    assert_eq!(get("x x", Signal::RpsUnigramEntropy), Some(0.0));
    assert_eq!(get("x y z", Signal::RpsUnigramEntropy), Some(1.09861229));
}

#[test]
fn listed_words_and_phrases() {
    assert_eq!(get("Ass, asses; a ball-licking: Ball licking!", Signal::RpsBadWords), Some(2.0));
    assert_eq!(get("Lorem, ipsum", Signal::RpsLoremIpsum), Some(0.09090909));
    let german = Language { code: "deu", short: "de", score: 1.0 };
    let signals = measure("die Ass und eine", Some(german));
    assert_eq!(signals.get(Signal::RpsStopWords), Some(0.75));
    assert_eq!(signals.get(Signal::RpsBadWords), None);
    let polish = Language { code: "pol", short: "pl", score: 1.0 };
    assert_eq!(measure("tak", Some(polish)).get(Signal::RpsStopWords), None);
}

#[test]
fn what_the_reference_leaves_open_is_not_set() {
    let signals = measure("", None);
    assert_eq!(signals.get(Signal::RpsWords), Some(0.0));
    assert_eq!(signals.get(Signal::RpsDuplicate5Grams), Some(0.0));
    for signal in [Signal::RpsMeanWordLength, Signal::RpsSymbolsPerWord, Signal::RpsBulletLines] {
        assert_eq!(signals.get(signal), None);
    }
    // Marks are raw words, and no normalised ones.
    let signals = measure("!!", None);
    assert_eq!(signals.get(Signal::RpsNoAlphaWords), Some(1.0));
    assert_eq!((signals.get(Signal::RpsStopWords), signals.get(Signal::RpsUniqueWords)), (Some(0.0), None));
}

#[test]
fn lines_keep_their_line_feeds() {
    let text = "1 Javascript, JAVASCRIPT\n\n  – “No.”  ";
    let lines = lines(text);
    let spans: Vec<_> = spans(&lines).collect();
    assert_eq!(spans, [0..25, 25..26, 26..37]);
    assert_eq!((lines[0].javascript, lines[0].words, lines[0].numbers), (2, 3, 0.04347826));
    assert_eq!((lines[0].capitals, lines[1].capitals), (0.44, 0.0));
    assert!(lines[2].is_bullet && lines[2].is_punctuated && !lines[1].is_punctuated);
}

#[test]
fn checks_are_proposals() {
    limits_are_exact(&FILTER);
    assert!(FILTER.checks.iter().all(|check| check.is_off));
    keeps(&FILTER, &numbered_words(0, 60));
    drops(&FILTER, "odd_word_count", &numbered_words(0, 49));
    keeps(&FILTER, &numbered_words(0, 50));
    drops(&FILTER, "odd_word_length", &"ab cd ".repeat(50));
    drops(&FILTER, "too_many_bullets", &"• one two three\n".repeat(20));
    drops(&FILTER, "frequent_2_gram", &"same words ".repeat(40));
    assert_eq!(FILTER.checks[0].test, between(Signal::RpsWords, 50.0, 10_000.0));
    assert!(matches!(FILTER.checks[2].test, document::Test::Bound(_, Bound::AtMost(0.1))));
}
