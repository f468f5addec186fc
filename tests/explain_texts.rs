//! `corpus inspect`: where in its text a document fails, and a cluster beside its kept document.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{clean, corpus, run, stderr, stdout};

/// Of the repetition, lines alone.
const RECIPE: &str = r#"pipeline = ["c4_quality", "gopher_repetition", "gopher_quality", "bad_words", "exact_dedup", "minhash"]
[gopher_repetition]
duplicate_line_chars = "off"
frequent_2_gram = "off"
frequent_3_gram = "off"
frequent_4_gram = "off"
duplicate_5_grams = "off"
duplicate_6_grams = "off"
duplicate_7_grams = "off"
duplicate_8_grams = "off"
duplicate_9_grams = "off"
duplicate_10_grams = "off"
[gopher_quality]
too_few_words = 20
"#;

fn sentence(number: usize) -> String {
    let words =
        ["river", "stone", "winter", "garden", "letter", "window", "market", "bridge", "candle", "island"];
    let word = |at: usize| words[(number * 7 + at * at * 3) % words.len()];
    format!(
        "The {} by the {} was {number} years older than any {} in the {}.",
        word(0),
        word(1),
        word(2),
        word(3)
    )
}

fn page(from: usize, count: usize) -> String {
    (from..from + count).map(sentence).collect::<Vec<_>>().join("\n")
}

fn cleaned(folder: &Path, pages: &[(&str, String)]) -> PathBuf {
    let raw = folder.join("raw.jsonl");
    let rows = pages.iter().map(|(id, text)| json!({ "id": id, "text": text }).to_string());
    fs::write(&raw, rows.collect::<Vec<_>>().join("\n")).unwrap();
    let recipe = folder.join("recipe.toml");
    fs::write(&recipe, RECIPE).unwrap();
    let out = folder.join("out");
    clean(&[&raw], &out, &["--quiet", "--recipe", recipe.to_str().unwrap(), "--rejected", "all"], 0);
    out
}

fn inspect(out: &Path, flags: &[&str]) -> String {
    let output = run(&[&["inspect", out.to_str().unwrap()], flags].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn what_failed_is_marked_in_the_text() {
    let folder = tempfile::tempdir().unwrap();
    let repeated = format!("{}\n{}", page(0, 8), page(0, 6));
    let cut = format!("Please enable JavaScript.\n{}", page(20, 2));
    let out = cleaned(folder.path(), &[("repeated", repeated), ("cut", cut), ("kept", page(40, 30))]);
    let text = inspect(&out, &["--id", "repeated"]);
    assert!(
        text.contains("dropped: gopher_repetition.duplicate_lines: 0.4286, kept would be ≤ 0.3"),
        "{text}"
    );
    let marked = format!("   │ [[{}]]  ← duplicate_lines", sentence(0));
    assert_eq!(text.matches(&marked).count(), 1, "{text}");
    assert!(!text.contains(&format!("[[{}]]", sentence(7))), "{text}");
    let text = inspect(&out, &["--id", "cut"]);
    assert!(text.contains("Please enable [[JavaScript]].  ← javascript"), "{text}");
    assert!(text.contains("c4_quality.too_few_sentences: 2, kept would be ≥ 5"), "{text}");

    let json: Value =
        serde_json::from_str(&inspect(&out, &["--id", "repeated", "--format", "json"])).unwrap();
    let marks = json["marks"].as_array().unwrap();
    let lines: Vec<_> = marks.iter().filter(|mark| mark["reason"] == "duplicate_lines").collect();
    assert_eq!(lines.len(), 6);
    for mark in lines {
        let range = mark["start"].as_u64().unwrap() as usize..mark["end"].as_u64().unwrap() as usize;
        assert_eq!(mark["text"].as_str(), Some(&json["text"].as_str().unwrap()[range]));
        assert_eq!((&mark["stage"], &mark["is_original"]), (&"gopher_repetition".into(), &true.into()));
    }
    let kept: Value = serde_json::from_str(&inspect(&out, &["--id", "kept", "--format", "json"])).unwrap();
    assert_eq!(kept["marks"], json!([]));
}

#[test]
fn what_a_later_stage_saw_is_shown_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("Sign in\n{}\n{}", page(0, 8), page(0, 6));
    let out = cleaned(folder.path(), &[("page", text), ("kept", page(40, 30))]);
    let text = inspect(&out, &["--id", "page"]);
    assert!(text.contains("   │ [[Sign in]]  ← too_few_words_in_line"), "{text}");
    let (_, rest) = text.split_once("   what was left of it before gopher_repetition:\n").unwrap();
    assert!(rest.contains("]]  ← duplicate_lines") && !rest.contains("Sign in"), "{text}");
}

#[test]
fn a_cluster_is_shown_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let kept = page(0, 30);
    let near = kept.replace("years older", "months older").replacen("months older", "years older", 29);
    let out = cleaned(
        folder.path(),
        &[
            ("near", near),
            ("kept", format!("{kept}\nAnd so it goes on.")),
            ("same", format!("{kept}\nAnd so it goes on.")),
            ("other", page(60, 20)),
        ],
    );
    for id in ["near", "kept", "same"] {
        let output = corpus()
            .args(["inspect", out.to_str().unwrap(), "--cluster", id])
            .env("COLUMNS", "140")
            .output()
            .unwrap();
        let text = stdout(&output);
        assert!(text.starts_with("── kept ── kept of 3 documents\n"), "{text}{}", stderr(&output));
        assert!(text.contains("── same ── exact_dedup.duplicate, same text"), "{text}");
        let line = text.lines().find(|line| line.contains("[[months]]")).unwrap();
        assert!(line.contains("[[years]]") && line.chars().count() <= 140, "{line}");
        assert!(text.contains("[[And so it goes on.]]"), "{text}");
    }
    let json: Value =
        serde_json::from_str(&inspect(&out, &["--cluster", "near", "--format", "json"])).unwrap();
    assert_eq!((&json["kept"], &json["dropped"]), (&"kept".into(), &2.into()));
    assert!(json["members"][0]["similarity"].as_f64().unwrap() > 0.7, "{json:#}");
    let alone = run(&["inspect", out.to_str().unwrap(), "--cluster", "other"]);
    assert_eq!(alone.status.code(), Some(2));
    assert!(stderr(&alone).contains("in no cluster"), "{}", stderr(&alone));
}
