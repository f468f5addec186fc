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
fn every_item_that_has_an_ngram_is_named() {
    let mut settings = settings(8.0);
    // The question again in another set, and a form that many questions are set in.
    let form = "Choose the best of the answers that are given below this line";
    let forms: String = (0..40).map(|n| format!("{form}: {n} apples or {n} pears?\n")).collect();
    settings.lists.insert("lines.txt".into(), format!("{LINES}{}\n{forms}", question()).into());
    let filter = build(&settings).unwrap();
    let sets: Vec<(u64, u64)> = filter.sets().iter().map(|set| (set.items, set.too_short)).collect();
    assert_eq!(sets, [(2, 1), (43, 0)]);
    let found = |text: &str| {
        let (mut signals, mut found) = (Signals::default(), Vec::new());
        let mut document = Document::new(text);
        filter.judge(&mut document, &mut signals, &mut Raised::default(), &mut String::new());
        filter.found_items(&document, &signals, &mut |set, line| found.push((set, line)));
        found
    };
    assert_eq!(found(&question()), [(0, 1), (1, 3)]);
    assert_eq!(found("A page of its own, of more than eight words in a row."), []);
    // Of a form some items are named, and of its question the right one.
    let of_form = found(&format!("{form}: 30 apples or 30 pears?"));
    assert_eq!(of_form[..MOST_HOLDERS], (4..20).map(|line| (1, line)).collect::<Vec<_>>());
    assert_eq!(of_form[MOST_HOLDERS..], [(1, 34)]);
    assert_eq!(measured(&settings, &question()), [19.0, 19.0 / 28.0, 1.0, 1.0]);
}

/// The first question.
fn question() -> String {
    let record: serde_json::Value = serde_json::from_str(QUESTIONS.lines().next().unwrap()).unwrap();
    record["question"].as_str().unwrap().to_owned()
}

/// What of 520 planted items, ten of each length from 9 to 60 words, is found, by edit: benches/README.md has the table.
#[test]
fn planted_items_are_found_as_their_edits_let_them() {
    let items: Vec<Vec<String>> = (0..520).map(|n| words(n, 9 + n % 52)).collect();
    let lines: String = items.iter().map(|words| format!("{}.\n", words.join(" "))).collect();
    let build = |ngram: f64| {
        let mut settings = settings(ngram);
        settings.lists.insert("lines.txt".into(), lines.as_str().into());
        build(&settings).unwrap()
    };
    let filters = [build(13.0), build(8.0)];
    let edits: [(&str, Edit, [u32; 2]); 13] = [
        ("as it is", |words| words.join(" "), [520, 520]),
        ("upper case", |words| words.join(" ").to_uppercase(), [520, 520]),
        ("other marks", |words| words.join(" ").replace([',', '?'], " —"), [520, 520]),
        ("without accents", |words| words.join(" ").replace('é', "e").replace('ö', "o"), [520, 520]),
        (
            "accents apart",
            |words| words.join(" ").replace('é', "e\u{301}").replace('ö', "o\u{308}"),
            [520, 520],
        ),
        (
            "quoted, 6 words a line",
            |words| words.chunks(6).map(|w| w.join(" ")).collect::<Vec<_>>().join("\n> "),
            [520, 520],
        ),
        ("its first half", |words| words[..words.len() / 2].join(" "), [350, 452]),
        ("other numbers", |words| changed(words, |_, word| word.parse::<u32>().is_ok()), [350, 478]),
        ("one word changed", |words| changed(words, |at, _| at == words.len() / 2), [350, 450]),
        (
            "one word left out",
            |words| [&words[..words.len() / 3], &words[words.len() / 3 + 1..]].concat().join(" "),
            [410, 480],
        ),
        ("every 20th word changed", |words| changed(words, |at, _| at % 20 == 19), [520, 520]),
        ("every 13th word changed", |words| changed(words, |at, _| at % 13 == 12), [40, 520]),
        ("every 8th word changed", |words| changed(words, |at, _| at % 8 == 7), [0, 0]),
    ];
    let mut all_found = Vec::new();
    for (edit, apply, _) in edits {
        let mut found = [0, 0];
        for (number, item) in items.iter().enumerate() {
            let page = |part: usize| words(10_000 + 2 * number + part, 120).join(" ");
            let text = format!("{}. {} {}", page(0), apply(item), page(1));
            for (filter, found) in filters.iter().zip(&mut found) {
                let mut signals = Signals::default();
                let mut document = Document::new(&text);
                filter.judge(&mut document, &mut signals, &mut Raised::default(), &mut String::new());
                let mut all = Vec::new();
                filter.found_items(&document, &signals, &mut |set, line| all.push((set, line as usize)));
                *found += u32::from(all.contains(&(1, number + 1)));
                assert!(all.len() <= 1, "{edit}: no other item is found");
            }
        }
        eprintln!("| {edit} | {} | {} |", found[0], found[1]);
        all_found.push((edit, found));
    }
    assert_eq!(all_found, edits.map(|(edit, _, expected)| (edit, expected)));
}

type Edit = fn(&[String]) -> String;

/// Words that a generator draws, some of them numbers, and marks behind some.
fn words(seed: usize, n: usize) -> Vec<String> {
    const WORDS: &str = "river stone market teacher garden window letter engine farmer island winter bottle ladder \
        pencil orange castle morning butter carpet doctor finger guitar hammer jacket kitchen lemon mirror needle \
        ocean pocket rabbit saddle tunnel valley wagon yellow zebra café Köln over under before after never \
        carries opens counts sells paints finds leaves twelve many few old new heavy quiet bright";
    let all: Vec<&str> = WORDS.split_whitespace().collect();
    let word = |at: usize| {
        let draw = rehash(seed as u64, at as u64) as usize;
        let word = match draw % 11 {
            0 => (draw / 11 % 900 + 10).to_string(),
            _ => all[draw / 11 % all.len()].to_owned(),
        };
        word + ["", "", "", "", "", "", "", ",", "?"][draw / 11_000 % 9]
    };
    (0..n).map(word).collect()
}

/// The words, some of them changed.
fn changed(words: &[String], is_changed: impl Fn(usize, &str) -> bool) -> String {
    let word = |(at, word): (usize, &String)| match is_changed(at, word.trim_end_matches([',', '?'])) {
        true => "77777".to_owned(),
        false => word.clone(),
    };
    words.iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn wrong_settings_are_named() {
    let error = |settings: &Settings| build(settings).err().unwrap();
    assert!(error(&settings(1.0)).contains("ngram = 1: write a whole number of words from 2 to 64"));
    let mut broken = settings(13.0);
    broken.lists.insert("questions.jsonl".into(), format!("{QUESTIONS}\n{{\"question\": \"no end").into());
    assert!(error(&broken).starts_with("questions.jsonl, line 5"), "{}", error(&broken));
}
