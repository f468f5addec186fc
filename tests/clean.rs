//! raw/ -> out/: every document once, bytes conserved, pieces decode back, a second run does nothing.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use arrow::array::{Array, ListArray, StringArray};
use tokens::{StoredDocument, Tokenizer, Version, documents, read_sequences};

use crate::support::{
    clean, demo_raw, flags as flags_of, integers, real_data, run, shards_of, stderr, stdout, table, texts,
};

#[test]
fn documents_that_fail_two_reasons_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    clean(&[&demo_raw(folder.path())], &out, &["--quiet", "--segment-bytes", "64KiB"], 0);
    let mut expected: BTreeMap<(String, String), u64> = BTreeMap::new();
    for batch in table(&out, "ledger") {
        let all: &ListArray = batch.column_by_name("reasons").unwrap().as_any().downcast_ref().unwrap();
        for reasons in all.iter().flatten() {
            let reasons: &StringArray = reasons.as_any().downcast_ref().unwrap();
            for (at, reason) in reasons.iter().flatten().enumerate() {
                for other in reasons.iter().flatten().skip(at + 1) {
                    *expected.entry((reason.to_owned(), other.to_owned())).or_default() += 1;
                }
            }
        }
    }
    let run: report::Run = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    let name = |reason: u8| run.reasons.0[usize::from(reason)].full_name();
    let found: BTreeMap<(String, String), u64> = (run.tally.overlap.iter())
        .flat_map(|(a, others)| others.iter().map(|(b, n)| ((name(*a), name(*b)), *n)))
        .collect();
    assert!(expected.len() > 10, "{expected:?}");
    assert_eq!(found, expected);
}

/// Asserts what holds for every output folder.
pub fn check_invariants(out: &Path) {
    let ledger = table(out, "ledger");
    let kept = flags_of(&ledger, "kept");
    let bytes = integers(&ledger, "bytes");
    let kept_bytes = integers(&ledger, "kept_bytes");
    let rows = integers(&ledger, "row");
    let shards = shards_of(&ledger);
    // Every row of every shard exactly once, in order.
    let mut next: BTreeMap<i32, i64> = BTreeMap::new();
    for (shard, row) in shards.iter().zip(&rows) {
        let expected = next.entry(*shard).or_default();
        assert_eq!(*row, Some(*expected), "shard {shard}");
        *expected += 1;
    }
    // read = kept text + text cut from kept documents + dropped documents.
    let run: report::Run = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    let tally = &run.tally;
    let dropped: i64 =
        bytes.iter().zip(&kept).filter(|(_, kept)| !**kept).map(|(bytes, _)| bytes.unwrap()).sum();
    let cut: i64 = tally.stages.iter().map(|stage| stage.cut_bytes).sum();
    let read: i64 = bytes.iter().flatten().sum();
    assert_eq!(read, tally.kept.bytes as i64 + cut + dropped);
    assert_eq!(tally.input.documents, kept.len() as u64);
    // clean/ holds exactly the kept documents, with the text that the ledger counts.
    let clean = table(out, "clean");
    let clean_texts = texts(&clean, "text");
    let expected: Vec<i64> =
        kept_bytes.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(bytes, _)| bytes.unwrap()).collect();
    let found: Vec<i64> = clean_texts.iter().map(|text| text.as_ref().unwrap().len() as i64).collect();
    assert_eq!(found, expected);
    // Nothing intermediate is left.
    assert!(!out.join(".work").exists());
    if run.tokens.is_some() {
        check_tokens(out, &clean_texts, &ledger, &kept);
    }
}

/// The pieces of every kept, trained-on document decode to its text.
fn check_tokens(
    out: &Path,
    clean_texts: &[Option<String>],
    ledger: &[arrow::array::RecordBatch],
    kept: &[bool],
) {
    let tokenizer = Tokenizer::from_json(&fs::read_to_string(out.join("tokenizer.json")).unwrap()).unwrap();
    let heldout = flags_of(ledger, "heldout");
    let excluded = flags_of(ledger, "excluded");
    let rows = integers(ledger, "row");
    let tokens = integers(ledger, "tokens");
    let shards = shards_of(ledger);
    let mut files: Vec<_> = fs::read_dir(out.join("tokens")).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with("train-"));
    let mut batches = Vec::new();
    for path in files {
        batches.extend(shards::read_table(&path, None, 1000).unwrap().map(Result::unwrap));
    }
    let sequences = batches.iter().flat_map(|batch| read_sequences(batch).unwrap());
    let stored: HashMap<(i32, i64), StoredDocument> =
        documents(sequences).into_iter().map(|document| ((document.shard, document.row), document)).collect();
    let mut n_trained = 0;
    let mut text = clean_texts.iter();
    for index in (0..kept.len()).filter(|index| kept[*index]) {
        let text = text.next().unwrap().as_ref().unwrap();
        let document = stored.get(&(shards[index], rows[index].unwrap()));
        if heldout[index] || excluded[index] {
            assert!(document.is_none(), "a held-out document is trained on");
            continue;
        }
        let document = document.expect("a kept document is packed");
        assert_eq!(document.version, Version::Kept);
        let ids: Vec<u32> =
            document.ids.iter().copied().filter(|id| *id != tokenizer.end_of_text()).collect();
        assert_eq!(String::from_utf8(tokenizer.decode_bytes(&ids)).unwrap(), *text);
        assert_eq!(tokens[index], Some(ids.len() as i64));
        n_trained += 1;
    }
    assert_eq!(stored.len(), n_trained);
}

#[test]
fn the_demo_sample_comes_out_as_labelled_and_a_second_run_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let raw = demo_raw(folder.path());
    let out = folder.path().join("out");
    let first = clean(&[&raw], &out, &[], 0);
    check_invariants(&out);
    assert!(stdout(&first).contains("gopher_quality"), "{}", stdout(&first));
    let before = fs::metadata(out.join("manifest.json")).unwrap().modified().unwrap();
    let second = clean(&[&raw], &out, &[], 0);
    assert!(stderr(&second).contains("nothing was done"), "{}", stderr(&second));
    assert_eq!(fs::metadata(out.join("manifest.json")).unwrap().modified().unwrap(), before);

    // Another recipe on the same folder is refused with the difference; --fresh replaces it.
    let recipe = folder.path().join("other.toml");
    fs::write(&recipe, "pipeline = [\"language\", \"gopher_quality\"]\n").unwrap();
    let flags = ["--recipe", recipe.to_str().unwrap()];
    let refused = clean(&[&raw], &out, &flags, 2);
    assert!(stderr(&refused).contains("another recipe"), "{}", stderr(&refused));
    fs::write(out.join("mine.txt"), "not the program's").unwrap();
    clean(&[&raw], &out, &[&flags[..], &["--fresh"]].concat(), 0);
    check_invariants(&out);
    assert!(out.join("mine.txt").exists(), "--fresh removes only what the manifest lists");
    assert!(!out.join("tokens").join("train-00000.parquet").exists());
}

#[test]
fn json_on_standard_output_is_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let raw = demo_raw(folder.path());
    let out = folder.path().join("out");
    let output = clean(&[&raw], &out, &["--format", "json", "--quiet"], 0);
    let run: report::Run = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(run.tally.input.documents, 260);
    assert!(stderr(&output).is_empty(), "{}", stderr(&output));
}

#[test]
fn inspect_explain_and_report_read_what_a_run_left() {
    let folder = tempfile::tempdir().unwrap();
    let raw = demo_raw(folder.path());
    let out = folder.path().join("out");
    clean(&[&raw], &out, &["--quiet"], 0);
    let out = out.to_str().unwrap();
    let output = run(&["inspect", out, "--reason", "minhash.duplicate", "--sample", "2"]);
    assert!(stdout(&output).contains("kept instead"), "{}{}", stdout(&output), stderr(&output));
    let output = run(&["inspect", out, "--id", "essay/lichen-growth"]);
    assert!(stdout(&output).contains("kept"), "{}{}", stdout(&output), stderr(&output));
    let output = run(&["inspect", out, "--reason", "no_such_reason"]);
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["explain", "too_few_words", "--out", out]);
    assert!(stdout(&output).contains("Rae et al."), "{}", stdout(&output));
    assert!(stdout(&output).contains("documents first"), "{}", stdout(&output));
    let output = run(&["explain", "too_few_word"]);
    assert!(stderr(&output).contains("did you mean `too_few_words`"), "{}", stderr(&output));
    let output = run(&["report", out]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = run(&["filters", "--format", "json"]);
    let filters: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let quality =
        filters.as_array().unwrap().iter().find(|filter| filter["name"] == "gopher_quality").unwrap();
    let check = &quality["checks"][0];
    assert!(check["reason"].is_string() && check["why"].is_string() && quality["source"].is_string());
    assert_eq!((&check["signal"], &check["bound"]), (&"words".into(), &"≥ 50".into()));
}

#[test]
fn real_pages_are_cleaned_whole() {
    let Some(data) = real_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    clean(&[&data.join("raw/web_pages.jsonl.zst")], &out, &["--quiet"], 0);
    check_invariants(&out);
    let run: report::Run = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(run.tally.input.documents, 5_761);
    // Of English pages; FineWeb's chain keeps 1,718 of all pages before dedup.
    assert!((900..1_700).contains(&run.tally.kept.documents), "{}", run.tally.kept.documents);
}

#[test]
fn any_subset_and_order_of_stages_runs() {
    let folder = tempfile::tempdir().unwrap();
    let raw = demo_raw(folder.path());
    let cases: [(&str, &[&str]); 7] = [
        ("pipeline = []", &[]),
        (
            "pipeline = [\"minhash\", \"language\", \"c4_quality\", \"tokenize\", \"pack\"]",
            &["--rejected", "all"],
        ),
        ("pipeline = [\"c4_quality\", \"exact_dedup\", \"gopher_quality\"]", &["--signals", "early"]),
        (
            "pipeline = [\"gopher_quality\", \"tokenize\"]\n[words]\nsplitter = \"whitespace\"",
            &["--no-signatures"],
        ),
        (
            "pipeline = [\"bad_words\", \"tokenize\", \"pack\"]\n[bad_words]\naction = \"tag\"",
            &["--rejected", "none"],
        ),
        ("pipeline = [\"exact_dedup\", \"minhash\"]\n[minhash]\nkeep = \"first\"\nverify = \"none\"", &[]),
        // A stage that makes texts longer, before and after one that makes them shorter.
        (
            "pipeline = [\"mask_pii\", \"c4_quality\", \"symbol_lines\", \"minhash\", \"tokenize\", \"pack\"]",
            &[],
        ),
    ];
    for (number, (text, flags)) in cases.iter().enumerate() {
        let recipe = folder.path().join(format!("{number}.toml"));
        fs::write(&recipe, format!("{text}\n")).unwrap();
        let out = folder.path().join(format!("out-{number}"));
        let recipe = recipe.to_str().unwrap();
        clean(&[&raw], &out, &[&["--quiet", "--recipe", recipe], *flags].concat(), 0);
        check_invariants(&out);
        let run: report::Run = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
        if text.contains("pack") {
            // Documents like a held-out one are left out of training, whichever dedup stage is missing; few are.
            let kept = table(&out, "ledger").iter().map(|batch| batch.num_rows()).sum::<usize>();
            let excluded =
                flags_of(&table(&out, "ledger"), "excluded").into_iter().filter(|flag| *flag).count();
            assert!(excluded < kept / 4, "{excluded} of {kept} are excluded");
        }
        if number == 4 {
            // Tagged, not dropped: the ledger has the counts.
            assert_eq!(
                run.tally.checks.iter().map(|check| check.any.documents).sum::<u64>(),
                7,
                "input only"
            );
            let ledger = table(&out, "ledger");
            assert!(ledger.iter().all(|batch| batch.column_by_name("bad_words.bad_words_severe").is_some()));
        }
    }
}
