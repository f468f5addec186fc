//! Running the binary, and reading what it leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use arrow::array::{Array, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};

/// The binary, with nothing of the caller's environment that would change what it prints.
pub fn corpus() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corpus"));
    command.env_remove("RUST_LOG").env_remove("RAYON_NUM_THREADS").env("NO_COLOR", "1");
    command
}

/// Runs `corpus` with arguments.
pub fn run<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Output {
    corpus().args(args).output().unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// `corpus clean` with flags; asserts the exit code.
pub fn clean(inputs: &[&Path], out: &Path, flags: &[&str], code: i32) -> Output {
    let output = corpus().arg("clean").args(inputs).arg(out).args(flags).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}{}", stdout(&output), stderr(&output));
    output
}

/// A temporary folder, in memory where that can be had: most of what these runs cost is the wait for a disk.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Copies of the demo's pages as JSONL: each copy has its number in every text.
pub fn demo_pages(copies: std::ops::Range<u32>) -> Vec<u8> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/cli/demo/raw/pages.jsonl");
    let lines = fs::read(source).unwrap();
    let mut pages = Vec::new();
    for copy in copies {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            // Valid records get their copy's number in the text; damaged ones stay as they are.
            match std::str::from_utf8(line)
                .ok()
                .and_then(|l| serde_json::from_str::<serde_json::Value>(l).ok())
            {
                Some(mut record) if record["text"].is_string() => {
                    let text = format!("Copy {copy} of this page.\n{}", record["text"].as_str().unwrap());
                    record["text"] = text.into();
                    pages.extend(record.to_string().bytes());
                }
                _ => pages.extend(line),
            }
            pages.push(b'\n');
        }
    }
    pages
}

/// The same files with the same bytes.
pub fn assert_same(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, bytes) in expected {
        assert!(found[name] == *bytes, "{name} differs");
    }
}

/// The demo's raw folder, written out.
pub fn demo_raw(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/cli/demo/raw");
    let raw = folder.join("raw");
    fs::create_dir_all(raw.join("more")).unwrap();
    for name in ["pages.jsonl", "more/pages-2.jsonl", "notes.md"] {
        fs::copy(source.join(name), raw.join(name)).unwrap();
    }
    raw
}

/// Real data for tests; `None`, said aloud, where there is none. With `CORPUS_REQUIRE_DATA=1` that is a failure.
pub fn real_data() -> Option<PathBuf> {
    match std::env::var("CORPUS_TEST_DATA") {
        Ok(path) => Some(PathBuf::from(path).join("data")),
        Err(_) if std::env::var("CORPUS_REQUIRE_DATA").is_ok_and(|flag| flag == "1") => {
            panic!("CORPUS_REQUIRE_DATA=1, but CORPUS_TEST_DATA names no folder")
        }
        Err(_) => {
            eprintln!("skipped: CORPUS_TEST_DATA is not set");
            None
        }
    }
}

/// All rows of the Parquet files of a folder, in order.
pub fn table(out: &Path, folder: &str) -> Vec<RecordBatch> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(out.join(folder)).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
        .iter()
        .flat_map(|path| shards::read_table(path, None, 10_000).unwrap().map(Result::unwrap))
        .collect()
}

pub fn texts(batches: &[RecordBatch], name: &str) -> Vec<Option<String>> {
    let cells = |batch: &RecordBatch| -> Vec<Option<String>> {
        let column: &StringArray = batch.column_by_name(name).unwrap().as_any().downcast_ref().unwrap();
        column.iter().map(|cell| cell.map(str::to_owned)).collect()
    };
    batches.iter().flat_map(cells).collect()
}

pub fn integers(batches: &[RecordBatch], name: &str) -> Vec<Option<i64>> {
    let cells = |batch: &RecordBatch| -> Vec<Option<i64>> {
        let column: &Int64Array = batch.column_by_name(name).unwrap().as_any().downcast_ref().unwrap();
        column.iter().collect()
    };
    batches.iter().flat_map(cells).collect()
}

/// The shard of every ledger row.
pub fn shards_of(ledger: &[RecordBatch]) -> Vec<i32> {
    let cells = |batch: &RecordBatch| -> Vec<i32> {
        let column: &Int32Array = batch.column_by_name("shard").unwrap().as_any().downcast_ref().unwrap();
        column.values().to_vec()
    };
    ledger.iter().flat_map(cells).collect()
}

pub fn numbers(batches: &[RecordBatch], name: &str) -> Vec<Option<f64>> {
    let cells = |batch: &RecordBatch| -> Vec<Option<f64>> {
        let column: &Float64Array = batch.column_by_name(name).unwrap().as_any().downcast_ref().unwrap();
        column.iter().collect()
    };
    batches.iter().flat_map(cells).collect()
}

pub fn flags(batches: &[RecordBatch], name: &str) -> Vec<bool> {
    let cells = |batch: &RecordBatch| -> Vec<bool> {
        let column: &BooleanArray = batch.column_by_name(name).unwrap().as_any().downcast_ref().unwrap();
        column.iter().map(|cell| cell.unwrap()).collect()
    };
    batches.iter().flat_map(cells).collect()
}

/// Every file under a folder with its bytes; manifest and report without what timing changes.
pub fn tree(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![out.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(out).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = match name.as_str() {
                "report.html" => Vec::new(),
                "manifest.json" | "report.json" => {
                    let mut json: serde_json::Value =
                        serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                    let object = json.as_object_mut().unwrap();
                    object.remove("timing");
                    object.remove("peak_memory_bytes");
                    serde_json::to_vec(&json).unwrap()
                }
                _ => fs::read(&path).unwrap(),
            };
            files.insert(name, bytes);
        }
    }
    files
}
