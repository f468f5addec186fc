//! Tests of `eval_overlap`: planted items, whole and edited, and what must not be found.

use document::OptionValue;

use super::*;
use crate::testing;

const QUESTIONS: &str = r#"{"question": "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How many clips did she sell?", "answer": {"steps": ["48 / 2 = 24 clips in May", "Altogether she sold 48 and 24, which makes 72 clips in the two months of spring."]}}
{"question": "Too short to look for?"}

{"question": "The quick brown fox jumps over eight lazy dogs."}"#;
const LINES: &str = "A man is seen standing on a ladder beside a house and holding a brush in one hand.\n\
    在一个阳光明媚的早晨小明和他的朋友们去公园里放风筝\n";

fn settings(ngram: f64) -> Settings {
    let mut settings = testing::settings(&FILTER);
    let sets = ["questions.jsonl", "lines.txt"].map(str::to_owned);
    settings.lists = sets.iter().cloned().zip([QUESTIONS, LINES].map(Into::into)).collect();
    settings.options.insert("sets".into(), OptionValue::List(sets.to_vec()));
    settings.options.insert("ngram".into(), OptionValue::Number(ngram));
    settings
}

/// N-grams, share, set, item.
fn measured(settings: &Settings, text: &str) -> [f64; 4] {
    let (mut signals, mut raised) = (Signals::default(), Raised::default());
    let filter = build(settings).unwrap();
    filter.judge(&mut Document::new(text), &mut signals, &mut raised, &mut String::new());
    [Signal::EvalNgrams, Signal::EvalShare, Signal::EvalSet, Signal::EvalItem]
        .map(|s| signals.get(s).unwrap())
}

#[test]
fn copies_are_found_whatever_their_layout() {
    let settings = settings(13.0);
    let copy = "From a forum:\n> NATALIA sold clips (to 48 of her friends)\n> in April; and then she sold half\n> \
        as many clips in May! How many clips did she sell?\nI think 72.";
    let [ngrams, share, set, item] = measured(&settings, copy);
    assert_eq!((ngrams, set, item), (14.0, 1.0, 1.0));
    assert!(share > 0.5 && share < 1.0, "{share}");
    assert_eq!(testing::reasons(&FILTER, &settings, copy), ["contaminated"]);
    // An answer deep in the record; the other file; a script without spaces.
    let answer = "Altogether she sold 48 and 24, which makes 72 clips in the two months of spring.";
    assert_eq!(measured(&settings, answer)[2..], [1.0, 1.0]);
    let line = "... a man is seen standing on a ladder beside a house and holding a broom";
    assert_eq!(measured(&settings, line)[2..], [2.0, 1.0]);
    assert_eq!(
        measured(&settings, "早上好。在一个阳光明媚的早晨，小明和他的朋友们都来了。")[2..],
        [2.0, 2.0]
    );
}

#[test]
fn short_items_are_found_whole_or_not_at_all() {
    let settings = settings(13.0);
    let fox = "See: the quick brown fox jumps over eight lazy dogs, as they say.";
    assert_eq!(measured(&settings, fox), [1.0, 1.0, 1.0, 4.0]);
    assert_eq!(measured(&settings, "the quick brown fox jumps over eight lazy cats"), [0.0; 4]);
    assert_eq!(measured(&settings, "Too short to look for?"), [0.0; 4]);
    assert_eq!(measured(&settings, ""), [0.0; 4]);
    assert_eq!(testing::reasons(&FILTER, &settings, "A page of its own."), Vec::<&str>::new());
}

#[test]
fn fewer_words_find_edited_copies() {
    let edited =
        "Natalia sold clips to 48 of her classmates in April, and then sold half as many clips in May.";
    assert_eq!(measured(&settings(13.0), edited)[0], 0.0);
    let edited = "Natalia sold clips to 48 of her pals in April, and then she sold half as many in May.";
    assert_eq!(measured(&settings(13.0), edited)[0], 0.0);
    let [ngrams, _, set, item] = measured(&settings(8.0), edited);
    assert_eq!((ngrams, set, item), (2.0, 1.0, 1.0));
}

#[test]
fn wrong_settings_are_named() {
    let error = |settings: &Settings| build(settings).err().unwrap();
    assert!(error(&settings(1.0)).contains("ngram = 1: write a whole number of words from 2 to 64"));
    let mut broken = settings(13.0);
    broken.lists.insert("questions.jsonl".into(), format!("{QUESTIONS}\n{{\"question\": \"no end").into());
    assert!(error(&broken).starts_with("questions.jsonl, line 5"), "{}", error(&broken));
}
