//! Two finished runs on the same input against each other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{clean, demo_raw, flags, integers, run, stderr, stdout, table, texts};

/// Runs a recipe on the demo's pages.
fn cleaned(folder: &Path, name: &str, recipe: &str, more: &[&str]) -> PathBuf {
    let raw = demo_raw(folder);
    let path = folder.join(format!("{name}.toml"));
    fs::write(&path, recipe).unwrap();
    let out = folder.join(format!("out-{name}"));
    clean(&[&raw], &out, &[&["--quiet", "--recipe", path.to_str().unwrap()], more].concat(), 0);
    out
}

fn diff(arguments: &[&str]) -> String {
    let output = run(&[&["diff"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

const A: &str = "pipeline = [\"language\", \"gopher_quality\"]\n";
const B: &str = "pipeline = [\"language\", \"c4_quality\", \"exact_dedup\"]\n";

#[test]
fn every_document_is_in_one_cell() {
    let folder = tempfile::tempdir().unwrap();
    let a = cleaned(folder.path(), "a", A, &[]);
    let b = cleaned(folder.path(), "b", B, &["--threads", "1"]);
    let list = folder.path().join("differing.jsonl");
    let arguments =
        [a.to_str().unwrap(), b.to_str().unwrap(), "--ids", list.to_str().unwrap(), "--format", "json"];
    let json: serde_json::Value = serde_json::from_str(&diff(&arguments)).unwrap();

    // The same from the ledgers, by hand.
    let (one, other) = (table(&a, "ledger"), table(&b, "ledger"));
    let kept = [flags(&one, "kept"), flags(&other, "kept")];
    let both = |wanted: [bool; 2]| {
        (0..kept[0].len()).filter(|row| [kept[0][*row], kept[1][*row]] == wanted).count() as u64
    };
    let counts = |name: &str| json[name]["documents"].as_u64().unwrap();
    assert_eq!(counts("input"), 260);
    assert_eq!(counts("kept_by_both"), both([true, true]));
    assert_eq!(counts("only_a"), both([true, false]));
    assert_eq!(counts("only_b"), both([false, true]));
    assert_eq!(counts("neither"), both([false, false]));
    assert!(counts("only_a") > 0 && counts("only_b") > 0, "{json:#}");
    let same = both([true, true]) + both([false, false]);
    assert_eq!(json["agreement"].as_f64(), Some(same as f64 / 260.0));
    let sizes = [integers(&one, "kept_bytes"), integers(&other, "kept_bytes")];
    let rewritten = (0..260).filter(|row| kept[0][*row] && kept[1][*row] && sizes[0][*row] != sizes[1][*row]);
    assert_eq!(json["rewritten"]["documents"].as_u64().unwrap(), rewritten.count() as u64);

    // The cells hold every document once, by first reasons, differing ones first.
    let cells = json["cells"].as_array().unwrap();
    let sum = |key: &str| cells.iter().map(|cell| cell[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("documents"), sum("bytes")), (260, json["input"]["bytes"].as_u64().unwrap()));
    let reasons = [texts(&one, "reason"), texts(&other, "reason")];
    for cell in cells {
        let reason = |key: &str| cell[key].as_str().map(str::to_owned);
        let (a, b) = (reason("a"), reason("b"));
        let n = reasons[0].iter().zip(&reasons[1]).filter(|(x, y)| **x == a && **y == b).count();
        assert_eq!(cell["documents"].as_u64().unwrap(), n as u64, "{a:?} {b:?}");
    }
    assert!(cells[0]["a"].is_null() != cells[0]["b"].is_null());
    let sample = &cells[0]["samples"][0];
    assert!(sample["id"].is_string() && sample["text"].is_string() && sample["path"].is_string(), "{sample}");

    // The list names every document that is treated differently.
    let lines = fs::read_to_string(&list).unwrap();
    let listed = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let differing = listed.clone().filter(|line| line["reason_a"].is_null() != line["reason_b"].is_null());
    assert_eq!(differing.count() as u64, counts("only_a") + counts("only_b"));
    assert_eq!(
        listed.count() as u64,
        counts("only_a") + counts("only_b") + json["rewritten"]["documents"].as_u64().unwrap()
    );
}

#[test]
fn the_tables_are_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let a = cleaned(folder.path(), "a", A, &[]);
    let b = cleaned(folder.path(), "b", B, &[]);
    let text = diff(&[a.to_str().unwrap(), b.to_str().unwrap()]);
    for part in
        ["kept by both", "A only", "Cohen's kappa", "different outcome: A", "same outcome: A", "c4_quality."]
    {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let same = diff(&[a.to_str().unwrap(), a.to_str().unwrap()]);
    assert!(same.contains("100.00%") && !same.contains("different outcome"), "{same}");
}

#[test]
fn documents_dropped_for_a_named_reason_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let a = cleaned(folder.path(), "a", A, &[]);
    let c = cleaned(folder.path(), "c", "pipeline = []\n", &[]);
    let (a, c) = (a.to_str().unwrap(), c.to_str().unwrap());
    let json = |more: &[&str]| -> serde_json::Value {
        serde_json::from_str(&diff(&[&[a, c, "--format", "json"], more].concat())).unwrap()
    };
    let documents = |json: &serde_json::Value, name: &str| json[name]["documents"].as_u64().unwrap();
    let reasons = texts(&table(Path::new(a), "ledger"), "reason");
    let n =
        |prefix: &str| reasons.iter().flatten().filter(|reason| reason.starts_with(prefix)).count() as u64;
    let (all, some) =
        (json(&[]), json(&["--without", "language", "--without", "gopher_quality.too_few_words"]));
    let left_out = n("language.") + n("gopher_quality.too_few_words");
    assert!(left_out > 0 && documents(&some, "input") == 260 - left_out, "{some:#}");
    assert_eq!(documents(&some, "kept_by_both"), documents(&all, "kept_by_both"));
    let output = run(&["diff", a, c, "--without", "langage"]);
    assert!(stderr(&output).contains("no run has such a stage or reason"), "{}", stderr(&output));
}

#[test]
fn several_runs_are_a_matrix() {
    let folder = tempfile::tempdir().unwrap();
    let a = cleaned(folder.path(), "a", A, &[]);
    let b = cleaned(folder.path(), "b", B, &[]);
    let c = cleaned(folder.path(), "c", "pipeline = []\n", &[]);
    let outs = [&a, &b, &c].map(|out| out.to_str().unwrap());
    let text = diff(&outs);
    assert!(text.starts_with("| | kept | a | b | c |\n"), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&diff(&[&outs[..], &["--format", "json"]].concat())).unwrap();
    let pairs = json.as_array().unwrap();
    assert_eq!(pairs.len(), 3);
    let agreement = |one: &str, other: &str| {
        let pair: serde_json::Value = serde_json::from_str(&diff(&[one, other, "--format", "json"])).unwrap();
        pair["agreement"].clone()
    };
    assert_eq!(pairs[1]["agreement"], agreement(outs[0], outs[2]));
}

#[test]
fn runs_that_cannot_be_compared_are_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let a = cleaned(folder.path(), "a", A, &[]);
    let other = folder.path().join("other.jsonl");
    fs::write(&other, "{\"text\": \"another page\"}\n").unwrap();
    let out = folder.path().join("out-other");
    let recipe = folder.path().join("a.toml");
    clean(&[&other], &out, &["--quiet", "--recipe", recipe.to_str().unwrap()], 0);
    let refused = |other: &Path| {
        let output = run(&["diff", a.to_str().unwrap(), other.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2));
        stderr(&output)
    };
    let message = refused(&out);
    assert!(message.contains("other input") && message.contains("on the same input"), "{message}");
    assert!(refused(folder.path()).contains("no finished run"));
    let b = cleaned(folder.path(), "b", B, &["--text-column", "body"]);
    assert!(refused(&b).contains("text_column"));
}

#[test]
fn the_agreement_script_prints_the_matrix() {
    let folder = tempfile::tempdir().unwrap();
    let raw = demo_raw(folder.path());
    let recipes = [("a", A), ("b", B), ("c", "pipeline = []\n")].map(|(name, text)| {
        let path = folder.path().join(format!("{name}.toml"));
        fs::write(&path, text).unwrap();
        path
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/agreement/run.sh");
    let mut command = Command::new("sh");
    command.env("CORPUS", env!("CARGO_BIN_EXE_corpus")).arg(script).arg(&raw);
    let output = command.arg(folder.path().join("runs")).args(&recipes).output().unwrap();
    let table = stdout(&output);
    assert_eq!(table.matches("| | kept | a | b | c |").count(), 2, "{table}{}", stderr(&output));
    let listed = stdout(&run(&["plan", "--list"]));
    assert!(listed.lines().any(|name| name == "default"), "{listed}");
    for name in listed.lines() {
        assert_eq!(run(&["plan", name]).status.code(), Some(0), "{name}");
    }
}
