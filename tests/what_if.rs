//! What another setting would decide, from a ledger, against a run that decides it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ListArray, StringArray};
use serde_json::Value;

use crate::support::{clean, demo_raw, integers, numbers, real_data, run, stderr, stdout, table, texts};

const PIPELINE: &str = "pipeline = [\"language\", \"gopher_repetition\", \"gopher_quality\", \"c4_quality\", \
     \"fineweb_quality\", \"bad_words\", \"exact_dedup\", \"minhash\", \"tokenize\"]\n";

fn cleaned(raw: &Path, folder: &Path, name: &str, recipe: &str, more: &[&str]) -> PathBuf {
    let path = folder.join(format!("{name}.toml"));
    fs::write(&path, recipe).unwrap();
    let out = folder.join(name);
    clean(&[raw], &out, &[&["--quiet", "--recipe", path.to_str().unwrap()], more].concat(), 0);
    out
}

fn what_if(out: &Path, settings: &[&str]) -> Value {
    let output = run(&[&["what-if", out.to_str().unwrap(), "--format", "json"], settings].concat());
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

/// Of every document, its bytes and its first reason before dedup.
fn decisions(out: &Path) -> Vec<(u64, Option<String>)> {
    let ledger = table(out, "ledger");
    let first = ledger.iter().flat_map(|batch| {
        let all: &ListArray = batch.column_by_name("reasons").unwrap().as_any().downcast_ref().unwrap();
        let first = |row: usize| {
            let of_row = all.value(row);
            let of_row: &StringArray = of_row.as_any().downcast_ref().unwrap();
            of_row.iter().flatten().find(|reason| !reason.ends_with(".duplicate")).map(str::to_owned)
        };
        (0..batch.num_rows()).map(first).collect::<Vec<_>>()
    });
    integers(&ledger, "bytes").into_iter().map(|bytes| bytes.unwrap() as u64).zip(first).collect()
}

/// Documents and bytes, by first reason.
type Counts = BTreeMap<String, (u64, u64)>;

fn counts<'a>(documents: impl Iterator<Item = (&'a u64, &'a String)>) -> Counts {
    let mut counts = Counts::new();
    for (bytes, reason) in documents {
        let entry = counts.entry(reason.clone()).or_default();
        *entry = (entry.0 + 1, entry.1 + bytes);
    }
    counts
}

fn told(json: &Value, side: &str) -> Counts {
    let changes = json[side].as_array().unwrap().iter();
    let count = |change: &Value, key: &str| change[key].as_u64().unwrap();
    changes
        .map(|change| {
            let reason = change["reason"].as_str().unwrap().to_owned();
            (reason, (count(change, "documents"), count(change, "bytes")))
        })
        .collect()
}

/// Settings, and the recipe that has them.
const CASES: [(&[&str], &str); 7] = [
    (&["gopher_quality.too_few_words=80"], "[gopher_quality]\ntoo_few_words = 80\n"),
    (
        &["too_many_bullets=0.01", "gopher_quality.too_few_words=off", "c4_quality.curly_bracket=off"],
        "[gopher_quality]\ntoo_few_words = \"off\"\ntoo_many_bullets = 0.01\n[c4_quality]\ncurly_bracket = \"off\"\n",
    ),
    (&["-fineweb_quality", "too_few_sentences=2"], "[c4_quality]\ntoo_few_sentences = 2\n"),
    (&["low_confidence=0.9"], "[language]\nlow_confidence = 0.9\n"),
    (
        &["gopher_quality.en.too_few_words=100", "bad_words.action=tag"],
        "[gopher_quality.en]\ntoo_few_words = 100\n[bad_words]\naction = \"tag\"\n",
    ),
    (&["gopher_repetition=off", "gopher_quality=off", "minhash=off"], ""),
    // What stands behind another text is open.
    (
        &["c4_quality.terminal_punctuation=true", "gopher_quality.too_few_words=90"],
        "[gopher_quality]\ntoo_few_words = 90\n[c4_quality]\nterminal_punctuation = true\n",
    ),
];

/// The pipeline without the filters that settings switch off.
fn pipeline(settings: &[&str]) -> String {
    let off =
        settings.iter().filter_map(|setting| setting.strip_suffix("=off").or(setting.strip_prefix('-')));
    off.filter(|name| !name.contains('.'))
        .fold(PIPELINE.to_owned(), |all, name| all.replace(&format!("\"{name}\", "), ""))
}

fn sums(counts: &Counts) -> (u64, u64) {
    counts.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

/// Exactly what a run drops and lets pass anew; no more than that where documents are open, and with them no less.
fn agrees(told_of: &Value, dropped: &Counts, passed: &Counts, settings: &[&str]) {
    let open = told_of["open"].as_array().unwrap().iter();
    let (mut open_passed, mut open_dropped) = (0, 0);
    for change in open {
        let passed = change["passed"].as_u64().unwrap();
        open_passed += passed;
        open_dropped += change["documents"].as_u64().unwrap() - passed;
    }
    for (side, expected, open) in
        [("newly_dropped", dropped, open_passed), ("newly_passed", passed, open_dropped)]
    {
        let found = told(told_of, side);
        match open {
            0 => assert_eq!(&found, expected, "{settings:?}"),
            _ => {
                let (found, all) = (sums(&found), sums(expected));
                assert!(
                    (found.0..=found.0 + open).contains(&all.0),
                    "{settings:?}: {found:?} {open} {all:?}"
                );
            }
        }
    }
}

fn agrees_with_a_second_run(raw: &Path, folder: &Path) {
    let old = cleaned(raw, folder, "old", PIPELINE, &[]);
    let before = decisions(&old);
    let early = cleaned(raw, folder, "early", PIPELINE, &["--signals", "early"]);
    let mut changed = 0;
    for (settings, tables) in CASES {
        let recipe = format!("{}{tables}", pipeline(settings));
        let new = cleaned(raw, folder, "new", &recipe, &[]);
        let after = decisions(&new);
        let pairs = || before.iter().zip(&after);
        let dropped =
            pairs().filter_map(|(old, new)| Some((&new.0, new.1.as_ref()?)).filter(|_| old.1.is_none()));
        let passed =
            pairs().filter_map(|(old, new)| Some((&old.0, old.1.as_ref()?)).filter(|_| new.1.is_none()));
        let (dropped, passed) = (counts(dropped), counts(passed));
        changed += dropped.len() + passed.len();

        let told_of = what_if(&old, settings);
        agrees(&told_of, &dropped, &passed, settings);
        let n_passed = after.iter().filter(|(_, reason)| reason.is_none()).count() as u64;
        let open = sums(&told(&told_of, "open"));
        let would_pass = told_of["would_pass"]["documents"].as_u64().unwrap();
        assert!((would_pass..=would_pass + open.0).contains(&n_passed), "{settings:?}: {told_of:#}");
        // A recipe file says the same as settings.
        let file = folder.join("new.toml");
        let by_recipe = what_if(&old, &["--recipe", file.to_str().unwrap()]);
        for side in ["newly_dropped", "newly_passed", "open", "would_pass"] {
            assert_eq!(by_recipe[side], told_of[side], "{settings:?}");
        }

        // A run that stopped at the first failure knows less, and nothing wrong.
        agrees(&what_if(&early, settings), &dropped, &passed, settings);
        fs::remove_dir_all(&new).unwrap();
    }
    assert!(changed >= 5, "{changed} changes are too few to tell");
}

#[test]
fn the_ledger_decides_as_a_second_run_does() {
    let folder = tempfile::tempdir().unwrap();
    agrees_with_a_second_run(&demo_raw(folder.path()), folder.path());
}

#[test]
fn the_ledger_decides_as_a_second_run_does_on_real_pages() {
    let Some(data) = real_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    agrees_with_a_second_run(&data.join("raw/web_pages.jsonl.zst"), folder.path());
}

#[test]
fn samples_and_estimates_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let out = cleaned(&demo_raw(folder.path()), folder.path(), "out", PIPELINE, &[]);
    let json = what_if(&out, &["gopher_quality.too_few_words=120", "--sample", "3"]);
    let change = &json["newly_dropped"][0];
    assert_eq!(change["reason"], "gopher_quality.too_few_words");
    assert_eq!(change["samples"].as_array().unwrap().len(), 3);
    let sample = &change["samples"][0];
    let ledger = table(&out, "ledger");
    let at = texts(&ledger, "id").iter().position(|id| id.as_deref() == sample["id"].as_str()).unwrap();
    let words = numbers(&ledger, "gopher_quality.words")[at].unwrap();
    assert!((50.0..120.0).contains(&words) && sample["text"].as_str().unwrap().len() > 20, "{sample}");
    // Documents in `clean/` have their tokens counted.
    let sum: i64 = integers(&ledger, "tokens").into_iter().flatten().sum();
    assert!(json["input"]["tokens_estimate"].as_i64().unwrap() > sum);
    let text = stdout(&run(&["what-if", out.to_str().unwrap(), "too_few_words=120"]));
    for part in ["gopher_quality.too_few_words = 120  (was 50)", "newly dropped", "≈ tokens", "│ "] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let nothing = stdout(&run(&["what-if", out.to_str().unwrap(), "gopher_quality.too_few_words=50"]));
    assert!(!nothing.contains("by first reason"), "{nothing}");
}

#[test]
fn duplicates_of_what_falls_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("raw.jsonl");
    let sentence = |i: usize| format!("This is sentence number {i} of a page about the weather and the sea.");
    let page = (0..12).map(sentence).collect::<Vec<_>>().join(" ");
    let longer = format!("{page} And with that the page ends.");
    let other = (100..140).map(sentence).collect::<Vec<_>>().join(" ");
    let rows = [&page, &longer, &page, &other].map(|text| serde_json::json!({ "text": text }).to_string());
    fs::write(&pages, rows.join("\n")).unwrap();
    let out = cleaned(
        &pages,
        folder.path(),
        "out",
        "pipeline = [\"gopher_quality\", \"exact_dedup\", \"minhash\"]\n",
        &[],
    );
    let words = numbers(&table(&out, "ledger"), "gopher_quality.words");
    let limit = words[1].unwrap() - 1.0;
    // The longest is kept: nothing else falls with a bound above the others.
    let json = what_if(&out, &[&format!("gopher_quality.too_few_words={limit}")]);
    assert_eq!(
        (&json["newly_dropped"][0]["documents"], &json["newly_dropped"][0]["duplicates"]),
        (&2.into(), &2.into())
    );
    assert_eq!(json["may_return"]["documents"], 0);
    let json = what_if(&out, &[&format!("gopher_quality.too_many_words={limit}")]);
    assert_eq!(json["newly_dropped"][0]["documents"], 2, "{json:#}");
    assert_eq!(json["may_return"]["documents"], 2, "{json:#}");
    let sample = &json["newly_dropped"][0]["samples"][0];
    assert!(sample["bound"].as_str().unwrap().ends_with(&limit.to_string()), "{sample}");
}

#[test]
fn what_cannot_be_told_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let out = cleaned(&demo_raw(folder.path()), folder.path(), "out", PIPELINE, &[]);
    for (setting, parts) in [
        ("gopher_quality.too_few_word=80", ["too_few_word=80: unknown key", "did you mean `too_few_words`?"]),
        ("goper_quality=off", ["no filter and no check `goper_quality`", "did you mean `gopher_quality`?"]),
        ("too_few_words=several", ["too_few_words=several:", "takes a number"]),
        ("words.splitter=uax29", ["changes what all filters measure", "corpus clean"]),
        ("dclm_quality.odd_page_length=9", ["no `dclm_quality`", "run `corpus clean` again"]),
    ] {
        let output = run(&["what-if", out.to_str().unwrap(), setting]);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{setting}: {message}");
        assert!(parts.iter().all(|part| message.contains(part)), "{setting}: {message}");
    }
    let absent = run(&["what-if", folder.path().join("absent").to_str().unwrap(), "too_few_words=80"]);
    assert!(stderr(&absent).contains("holds no finished run"), "{}", stderr(&absent));
}
