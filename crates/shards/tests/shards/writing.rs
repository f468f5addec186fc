//! Files out: complete or absent, the same bytes every time, and back.
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use shards::*;

use crate::support::*;

fn batch(rows: std::ops::Range<i32>) -> RecordBatch {
    let text: ArrayRef = Arc::new(StringArray::from_iter_values(rows.clone().map(|i| format!("text {i}"))));
    let n: ArrayRef = Arc::new(Int32Array::from_iter_values(rows));
    RecordBatch::try_from_iter([("text", text), ("n", n)]).unwrap()
}

fn options() -> SinkOptions {
    SinkOptions {
        row_group_rows: 400,
        footer: vec![("corpus.recipe_hash".to_owned(), "abc".to_owned())],
        ..SinkOptions::default()
    }
}

fn written(path: &std::path::Path, cuts: &[i32]) -> Receipt {
    let mut sink = ParquetSink::create(path, batch(0..1).schema(), &options()).unwrap();
    for pair in cuts.windows(2) {
        sink.write(&batch(pair[0]..pair[1])).unwrap();
    }
    sink.commit().unwrap()
}

#[test]
fn what_was_written_is_read_back() {
    let folder = Folder::new(&[]);
    let path = folder.path().join("clean/00000.parquet");
    let receipt = written(&path, &[0, 1000]);
    let size = std::fs::metadata(&path).unwrap().len();
    let found = fingerprint(&path).unwrap();
    assert_eq!((receipt.rows, receipt.bytes, &receipt.xxh3_128), (1000, size, &found.xxh3_128));
    assert_eq!(receipt.output_file(folder.path()).path, "clean/00000.parquet");
    let batches: Vec<RecordBatch> = read_table(&path, None, 300).unwrap().map(Result::unwrap).collect();
    assert_eq!(concat_batches(&batches[0].schema(), &batches).unwrap(), batch(0..1000));
    let only: Vec<RecordBatch> =
        read_table(&path, Some(&["n", "absent"]), 1000).unwrap().map(Result::unwrap).collect();
    assert_eq!((only[0].num_columns(), only[0].num_rows()), (1, 1000));
    let (pairs, rows) = footer(&path).unwrap();
    assert!(pairs.contains(&("corpus.recipe_hash".to_owned(), "abc".to_owned())) && rows == 1000);
}

#[test]
fn the_same_batches_give_the_same_bytes() {
    let folder = Folder::new(&[]);
    let one = written(&folder.path().join("one.parquet"), &[0, 3, 399, 402, 1000]);
    let two = written(&folder.path().join("two.parquet"), &[0, 3, 399, 402, 1000]);
    assert_eq!((one.bytes, &one.xxh3_128), (two.bytes, &two.xxh3_128));
}

#[test]
fn nothing_is_there_before_it_is_complete() {
    let folder = Folder::new(&[]);
    let path = folder.path().join("a.parquet");
    let files = || {
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>()
    };
    let mut sink = ParquetSink::create(&path, batch(0..1).schema(), &options()).unwrap();
    sink.write(&batch(0..1000)).unwrap();
    assert!(!path.exists() && files().len() == 1, "{:?}", files());
    drop(sink);
    assert!(files().is_empty(), "{:?}", files());
    // What a killed run leaves.
    folder.write(".tmp-abc", b"half");
    folder.write("kept.parquet", b"whole");
    remove_leftovers(folder.path()).unwrap();
    assert_eq!(files(), ["kept.parquet"]);
    remove_leftovers(&folder.path().join("absent")).unwrap();
}

#[cfg(unix)]
#[test]
fn files_are_readable_by_whoever_may_read_others() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new(&[]);
    let path = folder.path().join("a.json");
    AtomicFile::write_all_of(&path, b"{}").unwrap();
    let plain = folder.write("plain", b"");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&path), mode(&plain));
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = Folder::new(&[("file", b"x".as_slice())]);
    let error = AtomicFile::create(&folder.path().join("file/a.parquet")).err().unwrap();
    assert!(error.to_string().contains("file/a.parquet: cannot create it"), "{error}");
}

#[test]
fn a_manifest_comes_back_and_its_order_is_fixed() {
    let folder = Folder::new(&[]);
    let path = folder.path().join("manifest.json");
    let mut manifest = Manifest {
        version: Manifest::VERSION,
        corpus: "0.1.0".to_owned(),
        complete: true,
        ..Manifest::default()
    };
    manifest.inputs.push(InputFile {
        path: "a.jsonl".to_owned(),
        size: 3,
        xxh3_128: hash_bytes(b"abc"),
        version: None,
    });
    manifest.quarantined.push(Quarantined {
        path: "b".to_owned(),
        why: "w".to_owned(),
        offset: Some(9),
        remedy: "r".to_owned(),
    });
    manifest.settings.insert("threads_free".to_owned(), true.into());
    manifest.rates.insert("control".to_owned(), 0.1 + 0.2);
    manifest.write(&path).unwrap();
    let first = std::fs::read(&path).unwrap();
    let back = Manifest::read(&path).unwrap();
    assert_eq!(back, manifest);
    back.write(&path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), first);
    let keys: Vec<String> = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&first)
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(keys.first().map(String::as_str), Some("version"));
    assert_eq!(keys.last().map(String::as_str), Some("timing"));
    folder.write("manifest.json", b"{}");
    assert!(Manifest::read(&path).unwrap_err().to_string().contains("--fresh"));
}
