//! Bad input is normal: a verdict, a quarantine or a clear refusal, never a panic.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use classify::fasttext::fixture::Parts;
use shards::{Manifest, ParquetSink, SinkOptions};

use crate::clean::check_invariants;
use crate::support::{clean, demo_raw, stderr, table, texts};

fn good_line(id: &str) -> String {
    format!("{{\"id\":\"{id}\",\"text\":\"{}\"}}\n", "A plain sentence stands here. ".repeat(3))
}

fn manifest(out: &Path) -> Manifest {
    Manifest::read(&out.join("manifest.json")).unwrap()
}

#[test]
fn bad_records_are_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("raw.jsonl");
    let mut bytes = good_line("good").into_bytes();
    bytes.extend(b"{\"id\":\"cut off\n");
    bytes.extend(b"{\"id\":\"surrogate\",\"text\":\"a \\ud800 b\"}\r\n");
    bytes.extend(b"{\"id\":\"bytes\",\"text\":\"a \xff b\"}\n");
    bytes
        .extend(b"{\"id\":\"number\",\"text\":7}\n{\"id\":\"none\"}\n{\"id\":\"empty\",\"text\":\"  \"}\n\n");
    bytes.extend(format!("{{\"id\":\"large\",\"text\":\"{}\"}}\n", "x".repeat(3 << 20)).into_bytes());
    bytes.extend(b"{\"text\":\"the last line has no id and no line feed\"}");
    fs::write(&raw, bytes).unwrap();
    let out = folder.path().join("out");
    clean(&[&raw], &out, &["--max-document", "1MiB", "--quiet"], 0);
    check_invariants(&out);
    let ledger = table(&out, "ledger");
    let reasons: Vec<String> = texts(&ledger, "reason").into_iter().map(Option::unwrap_or_default).collect();
    let expected = [
        "input.malformed",
        "input.not_utf8",
        "input.not_utf8",
        "input.no_text",
        "input.no_text",
        "input.empty",
        "input.too_large",
    ];
    assert_eq!(reasons[1..8], expected);
    assert_eq!(texts(&ledger, "id")[8].as_deref(), Some("raw.jsonl#8"));
}

#[test]
fn bad_shards_are_quarantined_and_named_and_the_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let raw = demo_raw(folder.path());
    let text = fs::read(raw.join("pages.jsonl")).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&text).unwrap();
    let gz = encoder.finish().unwrap();
    fs::write(raw.join("truncated.jsonl.gz"), &gz[..gz.len() / 2]).unwrap();
    let zst = zstd::encode_all(text.as_slice(), 3).unwrap();
    fs::write(raw.join("truncated.jsonl.zst"), &zst[..zst.len() / 2]).unwrap();
    fs::write(raw.join("array.json"), "[{\"text\":\"a\"},\n{\"text\":\"b\"}]").unwrap();
    fs::write(raw.join("picture.png"), b"\x89PNG\r\n\x1a\n\0\0\0").unwrap();
    fs::write(raw.join("empty.jsonl"), "").unwrap();
    fs::write(raw.join(".hidden.jsonl"), "not read").unwrap();
    std::os::unix::fs::symlink(raw.join("gone"), raw.join("dangling.jsonl")).unwrap();
    let schema = std::sync::Arc::new(Schema::new(vec![Field::new("body", DataType::Utf8, true)]));
    let column: ArrayRef = std::sync::Arc::new(StringArray::from(vec!["a"]));
    let batch = RecordBatch::try_new(schema.clone(), vec![column]).unwrap();
    let mut sink =
        ParquetSink::create(&raw.join("no-text.parquet"), schema, &SinkOptions::default()).unwrap();
    sink.write(&batch).unwrap();
    sink.commit().unwrap();

    let out = folder.path().join("out");
    let output = clean(&[&raw], &out, &[], 1);
    check_invariants(&out);
    let manifest = manifest(&out);
    let quarantined: Vec<&str> =
        manifest.quarantined.iter().map(|q| q.path.rsplit('/').next().unwrap()).collect();
    for name in
        ["array.json", "dangling.jsonl", "no-text.parquet", "truncated.jsonl.gz", "truncated.jsonl.zst"]
    {
        assert!(quarantined.contains(&name), "{name} in {quarantined:?}");
    }
    assert!(manifest.skipped.iter().any(|s| s.path.ends_with("picture.png")), "{:?}", manifest.skipped);
    assert!(!stderr(&output).contains(".hidden"));
    let notes = stderr(&output);
    assert!(notes.contains("body") && notes.contains("--text-column"), "{notes}");
    // As many quarantined shards as allowed: done.
    clean(&[&raw], &folder.path().join("out2"), &["--quiet", "--max-quarantined", "5"], 0);
}

#[test]
fn parquet_with_a_nested_text_column_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pages.parquet");
    let inner: ArrayRef =
        std::sync::Arc::new(StringArray::from(vec![Some("one text"), None, Some("another")]));
    let score: ArrayRef = std::sync::Arc::new(Int64Array::from(vec![1, 2, 3]));
    let field = std::sync::Arc::new(Field::new("body", DataType::Utf8, true));
    let nested: ArrayRef = std::sync::Arc::new(arrow::array::StructArray::from(vec![(field, inner)]));
    let schema = std::sync::Arc::new(Schema::new(vec![
        Field::new("page", nested.data_type().clone(), true),
        Field::new("score", DataType::Int64, true),
    ]));
    let batch = RecordBatch::try_new(schema.clone(), vec![nested, score]).unwrap();
    let mut sink = ParquetSink::create(&path, schema, &SinkOptions::default()).unwrap();
    sink.write(&batch).unwrap();
    sink.commit().unwrap();
    let recipe = folder.path().join("keep.toml");
    fs::write(&recipe, "pipeline = [\"exact_dedup\"]\n[columns]\nkeep = [\"score:int64\"]\n").unwrap();
    let out = folder.path().join("out");
    let flags = ["--text-column", "page.body", "--quiet", "--recipe", recipe.to_str().unwrap()];
    clean(&[&path], &out, &flags, 0);
    let kept = table(&out, "clean");
    assert_eq!(texts(&kept, "text"), [Some("one text".to_owned()), Some("another".to_owned())]);
    assert_eq!(crate::support::integers(&kept, "score"), [Some(1), Some(3)]);
}

#[test]
fn nothing_readable_is_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("raw");
    fs::create_dir(&raw).unwrap();
    fs::write(raw.join("a.bin"), [0, 1, 2, 255]).unwrap();
    let out = folder.path().join("out");
    let output = clean(&[&raw], &out, &[], 2);
    assert!(stderr(&output).contains("a.bin"), "{}", stderr(&output));
    assert!(!out.exists(), "a refused run leaves nothing");
    let missing: PathBuf = folder.path().join("no such folder");
    let output = clean(&[&missing], &out, &[], 2);
    assert!(stderr(&output).contains("no such file or folder"), "{}", stderr(&output));
}

#[test]
fn globs_and_several_inputs_are_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let raw = demo_raw(folder.path());
    let pattern = raw.join("**/*.jsonl");
    let out = folder.path().join("out");
    clean(&[&pattern, &raw.join("notes.md")], &out, &["--quiet"], 0);
    assert_eq!(manifest(&out).inputs.len(), 3);
    check_invariants(&out);
}

#[test]
fn a_model_that_leaves_too_little_memory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (raw, out) = (folder.path().join("raw.jsonl"), folder.path().join("out"));
    fs::write(&raw, good_line("a")).unwrap();
    let recipe = folder.path().join("mine.toml");
    fs::write(&recipe, "pipeline = [\"fasttext_language\"]\n[fasttext_language]\nmodel = \"large.bin\"\n")
        .unwrap();
    // A small model with 300 MB of rows that no word has, which take no room on the disk.
    let bytes = Parts::two_languages().bytes();
    let header = [3_i64.to_le_bytes(), 2_i64.to_le_bytes()].concat();
    let at = bytes.windows(16).position(|window| window == header).unwrap();
    let rows = 3 + 37_500_000_i64;
    let behind_rows = at + 16 + 3 * 8;
    let mut file = fs::File::create(folder.path().join("large.bin")).unwrap();
    file.write_all(&bytes[..at]).unwrap();
    file.write_all(&rows.to_le_bytes()).unwrap();
    file.write_all(&bytes[at + 8..behind_rows]).unwrap();
    file.seek(SeekFrom::Start((at + 16) as u64 + rows as u64 * 8)).unwrap();
    file.write_all(&bytes[behind_rows..]).unwrap();
    drop(file);
    let flags = ["--quiet", "--recipe", recipe.to_str().unwrap(), "--memory"];
    let refused = clean(&[&raw], &out, &[&flags[..], &["512MiB"]].concat(), 2);
    let message = stderr(&refused);
    assert!(message.contains("models take 287 MiB") && message.contains("at least 543MiB"), "{message}");
    assert!(!out.exists(), "a refused run leaves nothing");
    clean(&[&raw], &out, &[&flags[..], &["543MiB"]].concat(), 0);
}

/// One document of 24 MB that the language filter keeps, and 16 of 4 MB, which eight threads would all hold at once.
#[test]
fn long_documents_take_the_memory_that_is_promised() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("raw.jsonl");
    let mut file = fs::File::create(&raw).unwrap();
    for (seed, bytes) in std::iter::once(24 << 20).chain([4 << 20; 16]).enumerate() {
        writeln!(file, "{{\"text\":\"{}\"}}", prose(seed as u64 + 1, bytes)).unwrap();
    }
    let out = folder.path().join("out");
    let run = crate::support::corpus()
        .args(["clean", "--quiet", "--memory", "512MiB", "--threads", "8"])
        .args([&raw, &out])
        .env("RAYON_NUM_THREADS", "8")
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", stderr(&run));
    check_invariants(&out);
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    let unwanted =
        texts(&table(&out, "ledger"), "reason").into_iter().flatten().filter(|r| r.starts_with("language"));
    assert_eq!(unwanted.count(), 0, "what is dropped for its language is not measured");
    let peak = report["peak_memory_bytes"].as_u64().unwrap();
    assert!(peak <= (512 + 256) << 20, "{} MiB", peak >> 20);
}

/// English words in sentences of chance.
fn prose(seed: u64, bytes: usize) -> String {
    const WORDS: [&str; 16] = [
        "the", "house", "of", "many", "people", "who", "were", "never", "there", "and", "what", "they",
        "could", "have", "seen", "before",
    ];
    let mut state = seed;
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(WORDS[(state >> 60) as usize]);
        text.push_str(if state >> 40 & 15 == 0 { ". " } else { " " });
    }
    text
}
