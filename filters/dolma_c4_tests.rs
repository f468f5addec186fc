//! Dolma's C4 rules; whole pages: tests/parity_dolma.rs.

use document::OptionValue;

use super::*;
use crate::testing::{drops, drops_with, keeps, keeps_with, limits_are_exact, settings};

fn with(key: &str, value: &str) -> Settings {
    let mut settings = settings(&FILTER);
    settings.options.insert(key.into(), OptionValue::Text(value.into()));
    settings
}

/// The kept text and the measurements.
fn judge(settings: &Settings, text: &str) -> (String, Signals) {
    let (mut edits, mut signals, mut kept) = (LineEdits::default(), Signals::default(), String::new());
    let document = Document::new(text);
    let filter = build(settings).unwrap();
    filter.judge_lines(&document, &mut edits, &mut signals, &mut Raised::default(), &mut String::new());
    edits.apply(text, &mut kept);
    (kept, signals)
}

#[test]
fn pages_are_dropped_for_a_word() {
    limits_are_exact(&FILTER);
    keeps(&FILTER, "A sound sentence stands here.");
    keeps(&FILTER, "");
    drops(&FILTER, "curly_brace", "if (x) {");
    drops(&FILTER, "lorem_ipsum", "LOREM IPSUM dolor sit.");
    drops(&FILTER, "javascript", "Enable JavaScript, please.");
    drops(&FILTER, "naughty_word", "A DILDO here.");
    // A phrase is found anywhere, a word between white space only.
    drops(&FILTER, "naughty_word", "xball lickingx");
    keeps(&FILTER, "A dildo, here.");
    let first = with("version", "v1");
    keeps_with(&FILTER, &first, "Enable JavaScript, please.");
    drops_with(&FILTER, &first, "javascript", "Enable JavaScript please.");
    // The Kelvin sign in lower case is a k.
    drops(&FILTER, "naughty_word", "\u{212A}ike");
}

#[test]
fn lines_are_cut_with_their_line_feeds() {
    let text = "One two three.\nMenu\n\nStop here.\n  \"Quoted it is\" \nfour five six";
    let (kept, signals) = judge(&settings(&FILTER), text);
    assert_eq!(kept, "One two three.\n  \"Quoted it is\" \n");
    assert_eq!(signals.get(Signal::DolmaLines), Some(6.0));
    assert_eq!(signals.get(Signal::DolmaUnpunctuatedLines), Some(3.0));
    assert_eq!(signals.get(Signal::DolmaUnpunctuatedChars), Some(19.0));
    assert_eq!(signals.get(Signal::DolmaShortLines), Some(3.0));
    let mut only_punctuation = settings(&FILTER);
    only_punctuation.off.insert("too_few_words_in_line".into());
    assert_eq!(judge(&only_punctuation, text).0, "One two three.\nStop here.\n  \"Quoted it is\" \n");
    let mut none = only_punctuation;
    none.off.insert("no_ending_punctuation".into());
    assert_eq!(judge(&none, text).0, text);
}

#[test]
fn spans_are_the_references() {
    let spans = |text, is_v2| {
        line_spans(text, is_v2)
            .map(|spans| spans.iter().map(|span| (span.start, span.end)).collect::<Vec<_>>())
    };
    let text = "İ a\nb";
    assert_eq!(spans(text, false), [[(0, 4), (4, 5)], [(0, 4), (4, 5)]]);
    assert_eq!(spans(text, true), [[(0, 5), (5, 6)], [(0, 5), (5, 6)]]);
    assert_eq!(spans("", false), [[(0, 0)], [(0, 0)]]);
    assert_eq!(spans("Yes it is.\n", true), [[(11, 11)], [(11, 11)]]);
}
