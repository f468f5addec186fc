//! What the default `bad_words` rule finds on labelled data, and how much of LDNOOBW the lists hold.
//! The table it prints is the one in `rules/lists/bad_words/README.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use document::{Document, Filter, FilterSpec, Judge, Language, Raised, Settings, Signal, Signals, Test};

fn spec() -> &'static FilterSpec {
    filters::find("bad_words").unwrap()
}

fn data() -> Option<PathBuf> {
    let data = std::env::var_os("CORPUS_TEST_DATA").map(|path| PathBuf::from(path).join("data"));
    if data.is_none() {
        assert!(std::env::var_os("CORPUS_REQUIRE_DATA").is_none(), "CORPUS_TEST_DATA is not set");
        println!("skipped: CORPUS_TEST_DATA is not set");
    }
    data
}

fn filter() -> Box<dyn Filter> {
    let mut settings = Settings::default();
    settings.options.insert("builtin".into(), document::OptionValue::Bool(true));
    match spec().judge {
        Judge::Document(build) => build(&settings).unwrap(),
        _ => unreachable!("bad_words judges documents"),
    }
}

/// Distinct entries by severity, and the verdict of the default bounds.
fn judge(filter: &dyn Filter, language: &'static str, text: &str) -> ([f64; 3], bool) {
    let mut document = Document::new(text);
    document.language = Some(Language { code: language, short: language, score: 1.0 });
    let mut signals = Signals::default();
    filter.judge(&mut document, &mut signals, &mut Raised::default(), &mut String::new());
    let drops = spec().checks.iter().any(|check| match check.test {
        Test::Bound(signal, bound) => !bound.keeps(signals.get(signal).unwrap()),
        Test::Own => false,
    });
    let counts = [Signal::BadWordsMild, Signal::BadWordsObscene, Signal::BadWordsSevere];
    (counts.map(|signal| signals.get(signal).unwrap()), drops)
}

const LANGUAGES: &[(&str, &str)] = &[
    ("arabic", "ar"),
    ("dutch", "nl"),
    ("french", "fr"),
    ("german", "de"),
    ("hindi", "hi"),
    ("italian", "it"),
    ("mandarin", "zh"),
    ("polish", "pl"),
    ("portuguese", "pt"),
    ("spanish", "es"),
    ("en", "en"),
];

#[derive(Default)]
struct Row {
    documents: usize,
    bad: usize,
    dropped: usize,
    dropped_bad: usize,
    obscene: usize,
    obscene_bad: usize,
}

fn percent(part: usize, whole: usize) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{:.1}", 100.0 * part as f64 / whole as f64) }
}

#[test]
fn precision_and_recall() {
    let Some(data) = data() else { return };
    let filter = filter();
    let mut rows: BTreeMap<(&str, &str), Row> = BTreeMap::new();
    for file in ["davidson", "hatecheck_en", "hatecheck_multilingual", "toxic_spans_civil"] {
        let packed = std::fs::read(data.join(format!("toxicity/{file}.jsonl.zst"))).unwrap();
        let lines = zstd::decode_all(packed.as_slice()).unwrap();
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let record: serde_json::Value = serde_json::from_slice(line).unwrap();
            let name = record["lang"].as_str().unwrap();
            let language = LANGUAGES.iter().find(|(long, _)| *long == name).expect(name).1;
            let label = record["label"].as_str().unwrap();
            let ([_, obscene, severe], drops) = judge(&*filter, language, record["text"].as_str().unwrap());
            let listed = obscene + severe > 0.0;
            let sets: &[(&str, bool)] = if file == "davidson" {
                &[("davidson: hate", label == "hate"), ("davidson: hate or offensive", label != "neither")]
            } else {
                &[(file, matches!(label, "hateful" | "toxic"))]
            };
            for (set, bad) in sets {
                let row = rows.entry((set, language)).or_default();
                row.documents += 1;
                row.bad += usize::from(*bad);
                row.dropped += usize::from(drops);
                row.dropped_bad += usize::from(drops && *bad);
                row.obscene += usize::from(listed);
                row.obscene_bad += usize::from(listed && *bad);
            }
        }
    }
    println!(
        "| data set (positive label) | language | documents | positive | dropped | precision % | recall % | precision %, any 2 or 3 | recall %, any 2 or 3 |"
    );
    println!("|---|---|--:|--:|--:|--:|--:|--:|--:|");
    for ((set, language), row) in &rows {
        println!(
            "| {set} | {language} | {} | {} | {} | {} | {} | {} | {} |",
            row.documents,
            row.bad,
            row.dropped,
            percent(row.dropped_bad, row.dropped),
            percent(row.dropped_bad, row.bad),
            percent(row.obscene_bad, row.obscene),
            percent(row.obscene_bad, row.bad),
        );
    }
    assert_eq!(rows.len(), 14);
    // What is dropped is nearly always labelled offensive where people wrote it.
    let written = &rows[&("davidson: hate or offensive", "en")];
    assert!(written.dropped > 500 && written.dropped_bad * 100 >= written.dropped * 90);
    let templates = &rows[&("hatecheck_en", "en")];
    // Templates of one sentence: a list finds a slur here and there, never the meaning.
    assert!(templates.obscene_bad * 10 >= templates.bad);
}

#[test]
fn every_entry_of_ldnoobw_is_listed() {
    let Some(data) = data() else { return };
    println!("| language | LDNOOBW entries | in our list % | severity 1 | 2 | 3 | added by us |");
    println!("|---|--:|--:|--:|--:|--:|--:|");
    let lists = concat!(env!("CARGO_MANIFEST_DIR"), "/../rules/lists/bad_words");
    let files = std::fs::read_dir(lists).unwrap().map(|file| file.unwrap().path());
    let files: BTreeSet<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|e| e == "txt")).collect();
    assert_eq!(files.len(), 26);
    for file in files {
        let list = std::fs::read_to_string(&file).unwrap();
        let language = file.file_stem().unwrap().to_str().unwrap();
        let name = if language == "tl" { "fil" } else { language };
        let reference = std::fs::read_to_string(data.join("wordlists/ldnoobw").join(name)).unwrap();
        let reference: BTreeSet<String> = reference
            .lines()
            .map(|line| line.trim().to_lowercase())
            .filter(|line| !line.is_empty())
            .collect();
        let ours: BTreeSet<&str> = list.lines().filter_map(|line| line.split('\t').nth(1)).collect();
        let held = reference.iter().filter(|word| ours.contains(word.as_str())).count();
        let severity = |mark: &str| list.lines().filter(|line| line.starts_with(mark)).count();
        println!(
            "| {language} | {} | {} | {} | {} | {} | {} |",
            reference.len(),
            percent(held, reference.len()),
            severity("1\t"),
            severity("2\t"),
            severity("3\t"),
            list.lines().filter(|line| line.ends_with("\tadded")).count(),
        );
        assert_eq!(held, reference.len(), "{language}");
    }
}
