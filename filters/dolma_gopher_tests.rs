//! Dolma's Gopher rules at their limits; whole pages: tests/parity_dolma.rs.

use document::OptionValue;

use super::*;
use crate::testing::{drops, keeps, limits_are_exact, numbered_words, settings};

fn measure(text: &str, version: &str) -> Signals {
    let mut signals = Signals::default();
    let mut settings = settings(&FILTER);
    settings.options.insert("version".into(), OptionValue::Text(version.into()));
    let filter = build(&settings).unwrap();
    filter.judge(&mut Document::new(text), &mut signals, &mut Raised::default(), &mut String::new());
    signals
}

fn get(text: &str, signal: Signal) -> Option<f64> {
    measure(text, "v1").get(signal)
}

/// `count` different words in lines of ten, after eight that are required.
fn prose(count: usize) -> String {
    let lines = (0..count / 10).map(|line| numbered_words(line * 10, 10));
    format!("the be to of and that have with\n{}", lines.collect::<Vec<_>>().join("\n"))
}

// Expected values are the reference's.
#[test]
fn words_stand_between_white_space() {
    let text = "The #tag, wait… 12 of\u{A0}a";
    assert_eq!(get(text, Signal::DolmaWords), Some(6.0));
    assert_eq!(get(text, Signal::DolmaCharacters), Some(23.0));
    assert_eq!(get(text, Signal::DolmaMedianWordLength), Some(2.5));
    assert_eq!(get(text, Signal::DolmaSymbolsPerWord), Some(0.33333));
    assert_eq!(get(text, Signal::DolmaAlphaWords), Some(0.83333));
    assert_eq!(get(text, Signal::DolmaRequiredWords), Some(1.0));
    assert_eq!(get("the the THE", Signal::DolmaRequiredWords), Some(2.0));
}

#[test]
fn blank_lines_count_in_the_first_version_only() {
    let text = "a b\n\n\n* c\n\na b\nd…\n";
    let shares = |version| {
        let signals = measure(text, version);
        [Signal::DolmaDuplicateLines, Signal::DolmaBulletLines, Signal::DolmaEllipsisLines]
            .map(|signal| signals.get(signal))
    };
    assert_eq!(shares("v1"), [Some(0.75), Some(0.125), Some(0.125)]);
    assert_eq!(shares("v2"), [Some(0.4), Some(0.2), Some(0.2)]);
    // The divisor has no white space.
    assert_eq!(get("a b\na b", Signal::DolmaDuplicateLineChars), Some(1.5));
}

#[test]
fn occurrences_of_repeated_n_grams_are_all_counted() {
    let text = "aa bb aa bb aa cc";
    assert_eq!(get(text, Signal::DolmaTop2Gram), Some(0.66667));
    assert_eq!(get("aa b cc", Signal::DolmaTop2Gram), Some(0.6));
    let twice = "a b c d e x a b c d e";
    assert_eq!(get(twice, Signal::DolmaDuplicate5Grams), Some(0.28571));
    assert_eq!(get(twice, Signal::DolmaDuplicate6Grams), Some(0.0));
    assert_eq!(get("a b c d e", Signal::DolmaDuplicate6Grams), None);
}

/// A long text is measured by other means: above a million bytes, here of words that come again in many ways.
#[test]
fn a_long_text_is_measured_as_a_short_one() {
    let mut state = 1_u64;
    let mut text = String::new();
    while text.len() <= PIECE_BYTES {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let word = ["a", "b", "ab", "né", "#x…", "of", "12", "the"][(state >> 61) as usize];
        text.push_str(word);
        text.push_str(if state >> 40 & 31 == 0 { "\n" } else { " " });
    }
    let required = StopWords::new(crate::stop_words("en").unwrap());
    let gopher = DolmaGopher { counts_blank_lines: true, required, pool: Pool::new() };
    let (mut long, mut short) = (Signals::default(), Signals::default());
    let chars = gopher.long(&text, &mut Scores(&mut long));
    let mut scratch = Scratch::default();
    assert_eq!(gopher.words(&text, &mut scratch, &mut Scores(&mut short)), chars);
    n_grams(&mut scratch, &mut Scores(&mut short));
    for &signal in Signal::ALL {
        assert_eq!(long.get(signal), short.get(signal), "{}", signal.name());
    }
    assert!(
        long.get(Signal::DolmaDuplicate5Grams) > Some(0.5)
            && long.get(Signal::DolmaDuplicate10Grams) < Some(0.1)
    );
    let judged = measure(&text, "v1");
    assert_eq!(judged.get(Signal::DolmaTop4Gram), long.get(Signal::DolmaTop4Gram));
}

#[test]
fn an_empty_text_has_zeros_and_no_n_grams() {
    for text in ["", " \n "] {
        let signals = measure(text, "v1");
        assert_eq!(signals.get(Signal::DolmaWords), Some(0.0));
        assert_eq!(signals.get(Signal::DolmaMedianWordLength), Some(0.0));
        assert_eq!(signals.get(Signal::DolmaTop2Gram), None);
    }
    assert_eq!(get("", Signal::DolmaDuplicateLines), Some(0.0));
}

#[test]
fn limits_are_kept() {
    limits_are_exact(&FILTER);
    keeps(&FILTER, &prose(50));
    drops(&FILTER, "odd_word_count", &prose(40));
    drops(&FILTER, "odd_median_word_length", &format!("{} {}", prose(10), "ab cd ".repeat(60)));
    drops(&FILTER, "too_many_symbols", &format!("{} {}", prose(100), "#tag ".repeat(13)));
    drops(&FILTER, "too_few_alphabetic_words", &format!("{} {}", prose(100), "12345 ".repeat(30)));
    drops(&FILTER, "too_few_stop_words", &numbered_words(0, 60));
    drops(&FILTER, "too_many_bullets", &prose(500).replace('\n', "\n-"));
    drops(&FILTER, "too_many_ellipsis_lines", &prose(400).replace('\n', "…\n"));
    drops(&FILTER, "duplicate_lines", &format!("{0}\n{0}", prose(100)));
}

#[test]
fn frequent_n_grams_are_dropped_unless_as_published() {
    let text = format!("{} {}", prose(60), "hello world ".repeat(10));
    drops(&FILTER, "frequent_2_gram", &text);
}
