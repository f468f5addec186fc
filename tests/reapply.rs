//! `corpus apply --recipe`: the run of another recipe, from what the ledger remembers, with the bytes of a run from scratch.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;

use crate::resume::killed;
use crate::support::{assert_same, clean, corpus, demo_raw, real_data, run, stderr, tree};

const PIPELINE: &str = "pipeline = [\"language\", \"gopher_repetition\", \"gopher_quality\", \"c4_quality\", \
     \"fineweb_quality\", \"bad_words\", \"exact_dedup\", \"minhash\", \"tokenize\", \"pack\"]\n";
/// Texts that change before, between and behind the filters, and one that looks at all documents.
const REWRITING: &str = "pipeline = [\"repair\", \"language\", \"gopher_repetition\", \"c4_quality\", \"gopher_quality\", \
     \"sentence_dedup\", \"fineweb_quality\", \"exact_dedup\", \"bad_words\", \"minhash\", \"mask_pii\", \"tokenize\", \"pack\"]\n";

/// A run's recipe, flags of it, the other recipe, and whether the ledger decides every readable document, some, or none.
const CASES: [(&str, &[&str], &str, Share); 12] = [
    (PIPELINE, &[], "[gopher_quality]\ntoo_few_words = 90\n", Share::All),
    (
        PIPELINE,
        &[],
        "[gopher_quality]\ntoo_few_words = \"off\"\n[c4_quality]\ncurly_bracket = \"off\"\n",
        Share::All,
    ),
    (PIPELINE, &[], "[gopher_quality.en]\ntoo_few_words = 100\n[bad_words]\naction = \"tag\"\n", Share::All),
    (PIPELINE, &[], "[minhash]\nmin_similarity = 0.9\n[sample]\nseed = 7\n", Share::All),
    (PIPELINE, &["--signals", "early"], "[gopher_quality]\ntoo_few_words = 30\n", Share::Some),
    (PIPELINE, &["--rejected", "all", "--no-signatures"], "[language]\nlow_confidence = 0.9\n", Share::All),
    (PIPELINE, &[], "[language]\nlanguages = [\"de\", \"en\"]\n", Share::Some),
    (PIPELINE, &[], "[c4_quality]\nterminal_punctuation = true\n", Share::Some),
    (PIPELINE, &[], "[words]\nsplitter = \"uax29\"\n", Share::None),
    (PIPELINE, &["--segment-bytes", "64KiB"], "[fineweb_quality]\ntoo_many_short_lines = 0.5\n", Share::All),
    (REWRITING, &[], "[fineweb_quality]\ntoo_many_short_lines = 0.5\n", Share::All),
    (REWRITING, &[], "[gopher_repetition]\nduplicate_lines = 0.1\n", Share::Some),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Share {
    All,
    Some,
    None,
}

fn recipe(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn cleaned(raw: &Path, out: PathBuf, recipe: &Path, flags: &[&str]) -> PathBuf {
    clean(&[raw], &out, &[&["--quiet", "--recipe", recipe.to_str().unwrap()], flags].concat(), 0);
    out
}

fn apply(out: &Path, recipe: &Path) {
    let output = run(&["apply", out.to_str().unwrap(), "--recipe", recipe.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

/// Documents that the ledger decided, and those with usable text.
fn remembered(out: &Path) -> (u64, u64) {
    let json = |name: &str| -> Value { serde_json::from_slice(&fs::read(out.join(name)).unwrap()).unwrap() };
    let report = json("report.json");
    let stages = report["tally"]["stages"].as_array().unwrap();
    let unusable = stages[0]["dropped"]["documents"].as_u64().unwrap();
    let documents = report["tally"]["input"]["documents"].as_u64().unwrap();
    (json("manifest.json")["timing"]["remembered"].as_u64().unwrap_or(0), documents - unusable)
}

/// Every `step`th case.
fn gives_the_bytes_of_a_run_from_scratch(raw: &Path, folder: &Path, step: usize) {
    for (number, (pipeline, flags, tables, share)) in CASES.into_iter().enumerate().step_by(step) {
        let old = recipe(folder, "old.toml", pipeline);
        let new = recipe(folder, "new.toml", &format!("{pipeline}{tables}"));
        let out = cleaned(raw, folder.join(format!("out-{number}")), &old, flags);
        let before = tree(&out);
        apply(&out, &new);
        let from_scratch = cleaned(raw, folder.join("scratch"), &new, flags);
        assert!(tree(&out) != before, "{tables}: nothing changed");
        assert_same(&tree(&out), &tree(&from_scratch));
        let (known, all) = remembered(&out);
        let found = match known {
            0 => Share::None,
            known if known >= all => Share::All,
            _ => Share::Some,
        };
        assert_eq!(found, share, "{tables}: {known} of {all}");
        fs::remove_dir_all(&from_scratch).unwrap();
        fs::remove_dir_all(&out).unwrap();
    }
}

#[test]
fn a_run_decided_anew_has_the_bytes_of_one_from_scratch() {
    let folder = tempfile::tempdir().unwrap();
    gives_the_bytes_of_a_run_from_scratch(&demo_raw(folder.path()), folder.path(), 1);
}

#[test]
fn a_run_decided_anew_has_the_bytes_of_one_from_scratch_on_real_pages() {
    let Some(data) = real_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    gives_the_bytes_of_a_run_from_scratch(&data.join("raw/web_pages.jsonl.zst"), folder.path(), 3);
}

#[test]
fn a_killed_decision_leaves_the_old_run_or_becomes_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let raw = demo_raw(folder.path());
    let old = recipe(folder.path(), "old.toml", PIPELINE);
    let new = recipe(folder.path(), "new.toml", &format!("{PIPELINE}[gopher_quality]\ntoo_few_words = 90\n"));
    let done = cleaned(&raw, folder.path().join("done"), &old, &["--segment-bytes", "64KiB"]);
    let old_tree = tree(&done);
    let start = Instant::now();
    apply(&done, &new);
    let (seconds, new_tree) = (start.elapsed(), tree(&done));
    for step in 0..12 {
        let out =
            cleaned(&raw, folder.path().join(format!("killed-{step}")), &old, &["--segment-bytes", "64KiB"]);
        let mut command = corpus();
        command.args(["apply", "--recipe"]).args([&new, &out]);
        killed(command, seconds * step / 11);
        if !out.join(".work/takedown/journal.json").exists() {
            let mut left = tree(&out);
            left.retain(|name, _| !name.starts_with(".work"));
            assert!(left == old_tree || left == new_tree, "step {step}");
        }
        apply(&out, &new);
        assert_same(&tree(&out), &new_tree);
    }
}

#[test]
fn what_cannot_be_decided_anew_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let raw = demo_raw(folder.path());
    let old = recipe(folder.path(), "old.toml", PIPELINE);
    let new = recipe(folder.path(), "new.toml", &format!("{PIPELINE}[gopher_quality]\ntoo_few_words = 90\n"));
    let out = cleaned(&raw, folder.path().join("out"), &old, &[]);
    let said = |args: &[&Path], code: i32| -> String {
        let args: Vec<&str> = args.iter().map(|arg| arg.to_str().unwrap()).collect();
        let output = run(&[&["apply"], args.as_slice()].concat());
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        stderr(&output)
    };
    let flag = Path::new("--recipe");
    assert!(said(&[&out, flag, &old], 0).contains("nothing was done"));
    assert!(said(&[folder.path(), flag, &new], 2).contains("holds no finished run"));
    let moved = folder.path().join("moved");
    fs::rename(&raw, &moved).unwrap();
    assert!(said(&[&out, flag, &new], 2).contains("--raw"));
    // Another input is not that of the run.
    fs::write(moved.join("more/pages-2.jsonl"), "{\"text\": \"Another page.\"}\n").unwrap();
    let message = said(&[&out, flag, &new, Path::new("--raw"), &moved], 2);
    assert!(message.contains("pages-2.jsonl"), "{message}");
    assert!(!out.join(".work").exists());
}
