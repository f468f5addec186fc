//! Decisions on real web pages against those of the reference (datatrove 0.10), document by document.
//! Rules that need no words must agree everywhere; the reference's words are spaCy's, ours UAX 29's, so the others
//! need not. Needs `CORPUS_TEST_DATA`; prints the table and the speed of one thread.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use document::{
    Document, FilterSpec, Judge, LineEdits, OptionValue, Raised, Scope, Settings, SignalSet, Signals, Test,
};
use serde_json::Value;
use text::{Scanner, Splitter, StopWords};

/// The reference's reasons and ours, in order; those before the mark need no words.
const REASONS: &[(&str, usize, &[(&str, &str)])] = &[
    (
        "gopher_repetition",
        4,
        &[
            ("dup_para_frac", "duplicate_paragraphs"),
            ("dup_para_char_frac", "duplicate_paragraph_chars"),
            ("dup_line_frac", "duplicate_lines"),
            ("dup_line_char_frac", "duplicate_line_chars"),
            ("top_2_gram", "frequent_2_gram"),
            ("top_3_gram", "frequent_3_gram"),
            ("top_4_gram", "frequent_4_gram"),
            ("duplicated_5_n_grams", "duplicate_5_grams"),
            ("duplicated_6_n_grams", "duplicate_6_grams"),
            ("duplicated_7_n_grams", "duplicate_7_grams"),
            ("duplicated_8_n_grams", "duplicate_8_grams"),
            ("duplicated_9_n_grams", "duplicate_9_grams"),
            ("duplicated_10_n_grams", "duplicate_10_grams"),
        ],
    ),
    (
        "gopher_quality",
        0,
        &[
            ("gopher_short_doc", "too_few_words"),
            ("gopher_long_doc", "too_many_words"),
            ("gopher_below_avg_threshold", "odd_word_length"),
            ("gopher_above_avg_threshold", "odd_word_length"),
            ("gopher_too_many_hashes", "too_many_hashes"),
            ("gopher_too_many_ellipsis", "too_many_ellipses"),
            ("gopher_too_many_bullets", "too_many_bullets"),
            ("gopher_too_many_end_ellipsis", "too_many_ellipsis_lines"),
            ("gopher_below_alpha_threshold", "too_few_alphabetic_words"),
            ("gopher_enough_stop_words", "too_few_stop_words"),
        ],
    ),
    ("c4_quality", 2, C4),
    ("c4_quality_no_punct", 2, C4),
    ("c4_paragraph", 1, &[("< 3 paragraphs", "too_few_paragraphs")]),
    (
        "fineweb_quality",
        4,
        &[
            ("empty", "no_lines"),
            ("line_punct_ratio", "too_few_punctuated_lines"),
            ("short_line_ratio", "too_many_short_lines"),
            ("char_dup_ratio", "duplicate_line_characters"),
            ("list_ratio", "too_many_newlines"),
        ],
    ),
];

const C4: &[(&str, &str)] = &[
    ("lorem_ipsum", "lorem_ipsum"),
    ("curly_bracket", "curly_bracket"),
    ("too_few_sentences", "too_few_sentences"),
];

/// First reason, and the kept text of a line filter.
fn judge(
    spec: &FilterSpec,
    punctuation: bool,
    text: &str,
    scanner: &mut Scanner,
    stops: &StopWords,
) -> (&'static str, String) {
    let mut settings = Settings { splitter: "uax29".into(), ..Settings::default() };
    settings.options.insert("terminal_punctuation".into(), OptionValue::Bool(punctuation));
    for (key, number) in [
        ("min_words_per_line", 3.0),
        ("max_word_length", 1000.0),
        ("min_paragraphs", 3.0),
        ("min_characters", 200.0),
    ] {
        settings.options.insert(key.into(), OptionValue::Number(number));
    }
    let (mut signals, mut raised, mut buffer) = (Signals::default(), Raised::default(), String::new());
    let mut kept = text.to_owned();
    match spec.judge {
        Judge::Bounds => {
            let needs = spec.columns().into_iter().collect();
            scanner.scan(text, needs, &Splitter::Uax29, Some(stops), &mut signals);
        }
        Judge::Document(build) => {
            build(&settings).unwrap().judge(&mut Document::new(text), &mut signals, &mut raised, &mut buffer);
        }
        Judge::Lines(build) => {
            let mut edits = LineEdits::default();
            build(&settings).unwrap().judge_lines(
                &Document::new(text),
                &mut edits,
                &mut signals,
                &mut raised,
                &mut buffer,
            );
            edits.apply(text, &mut kept);
        }
    }
    let failed = spec.checks.iter().enumerate().find(|(index, check)| {
        check.scope == Scope::Document
            && match check.test {
                Test::Own => raised.contains(*index),
                Test::Bound(signal, bound) => !bound.keeps(signals.get(signal).unwrap()),
            }
    });
    (failed.map_or("keep", |(_, check)| check.reason), kept)
}

fn open(path: &Path) -> impl Iterator<Item = Value> + use<> {
    let file = std::fs::File::open(path).unwrap();
    let lines = BufReader::new(zstd::Decoder::new(file).unwrap()).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap_or(Value::Null))
}

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("CORPUS_TEST_DATA").map(PathBuf::from);
    if folder.is_none() {
        assert!(std::env::var_os("CORPUS_REQUIRE_DATA").is_none(), "CORPUS_TEST_DATA is not set");
        println!("skipped: CORPUS_TEST_DATA is not set");
    }
    folder
}

#[test]
fn decisions_are_those_of_the_reference() {
    let Some(folder) = data() else { return };
    let pages = open(&folder.join("data/raw/web_pages.jsonl.zst"));
    let golden = open(&folder.join("golden/datatrove.filters.jsonl.zst"));
    let (mut scanner, stops) = (Scanner::new(), StopWords::new(filters::stop_words("en").unwrap()));
    // Same keep or drop; same reason; other decision without words; other kept text.
    let mut counts = vec![[0; 4]; REASONS.len()];
    let (mut documents, mut examples) = (0, Vec::new());
    for (page, golden) in pages.zip(golden) {
        let Some(text) = page["text"].as_str() else { continue };
        assert_eq!(page["id"], golden["id"]);
        documents += 1;
        for ((key, without_words, reasons), counts) in REASONS.iter().zip(&mut counts) {
            let spec = filters::find(key.trim_end_matches("_no_punct")).unwrap();
            let (reason, kept) = judge(spec, *key == "c4_quality", text, &mut scanner, &stops);
            let theirs = golden[*key].as_str().unwrap();
            let place = reasons.iter().position(|(name, _)| *name == theirs);
            let theirs = place.map_or(theirs, |place| reasons[place].1);
            counts[0] += ((reason == "keep") == (theirs == "keep")) as usize;
            counts[1] += (reason == theirs) as usize;
            let needs_no_words =
                |reason: &str| reasons[..*without_words].iter().any(|(_, name)| *name == reason);
            let differs = (needs_no_words(reason) || needs_no_words(theirs)) && reason != theirs;
            let chars = golden[format!("{key}_text_chars")].as_u64();
            let is_other =
                reason == "keep" && chars.is_some_and(|chars| chars as usize != kept.chars().count());
            counts[2] += differs as usize;
            counts[3] += is_other as usize;
            if differs || is_other {
                examples.push(format!(
                    "{key}: {reason}, not {theirs}, {} {chars:?}: {}",
                    kept.chars().count(),
                    page["id"]
                ));
            }
        }
    }
    println!(
        "{documents} documents        same decision  same reason  wordless rules differ  kept text differs"
    );
    for ((key, ..), [decision, reason, wordless, kept]) in REASONS.iter().zip(&counts) {
        let percent = |count: usize| 100.0 * count as f64 / documents as f64;
        println!(
            "{key:22} {:10.2} % {:10.2} % {wordless:17} {kept:17}",
            percent(*decision),
            percent(*reason)
        );
        assert!(percent(*decision) > 95.0, "{key}");
    }
    examples.iter().take(20).for_each(|example| println!("{example}"));
    assert!(examples.is_empty());
}

#[test]
fn speed_of_one_thread_is_printed() {
    let Some(folder) = data() else { return };
    let pages: Vec<Value> = open(&folder.join("data/raw/web_pages.jsonl.zst")).collect();
    let texts: Vec<&str> = pages.iter().filter_map(|page| page["text"].as_str()).collect();
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let (mut scanner, stops) = (Scanner::new(), StopWords::new(filters::stop_words("en").unwrap()));
    let time = |name: &str, work: &mut dyn FnMut(&str)| {
        let start = Instant::now();
        texts.iter().for_each(|text| work(text));
        let took: Duration = start.elapsed();
        println!("{name:40} {:8.1} MB/s", bytes as f64 / took.as_secs_f64() / 1e6);
    };
    let mut signals = Signals::default();
    let mut all = SignalSet::EMPTY;
    for name in ["gopher_repetition", "gopher_quality", "fineweb_quality"] {
        let needs = filters::find(name).unwrap().columns().into_iter().collect();
        all = all.union(needs);
        time(name, &mut |text| scanner.scan(text, needs, &Splitter::Uax29, Some(&stops), &mut signals));
    }
    time("all three in one scan", &mut |text| {
        scanner.scan(text, all, &Splitter::Uax29, Some(&stops), &mut signals)
    });
    let mut words = Vec::new();
    time("words (uax29)", &mut |text| Splitter::Uax29.split(text, &mut words));
    time("sentences (uax29)", &mut |text| drop(Splitter::Uax29.sentences(text)));
    let settings = Settings { splitter: "uax29".into(), ..Settings::default() };
    let mut buffer = String::new();
    for (name, judge) in filters::FILTERS.iter().map(|filter| (filter.name, filter.judge)) {
        match judge {
            Judge::Document(build) if name == "language" => {
                let mut settings = settings.clone();
                settings.options.insert("languages".into(), OptionValue::List(vec!["en".into()]));
                let filter = build(&settings).unwrap();
                time(name, &mut |text| {
                    filter.judge(&mut Document::new(text), &mut signals, &mut Raised::default(), &mut buffer)
                });
            }
            Judge::Lines(build) => {
                let filter = build(&settings).unwrap();
                let mut edits = LineEdits::default();
                time(name, &mut |text| {
                    filter.judge_lines(
                        &Document::new(text),
                        &mut edits,
                        &mut signals,
                        &mut Raised::default(),
                        &mut buffer,
                    )
                });
            }
            _ => {}
        }
    }
}
