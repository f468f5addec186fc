//! Real pages: every text as serde_json reads it, every other field still there.
use std::path::PathBuf;

use arrow::array::{Array, AsArray};
use serde_json::{Map, Value};
use shards::{Problem, ReadOptions, discover};

use crate::support::*;

#[test]
fn real_records_are_read_as_serde_json_reads_them() {
    let Some(data) = std::env::var_os("CORPUS_TEST_DATA").map(PathBuf::from) else {
        assert!(std::env::var_os("CORPUS_REQUIRE_DATA").is_none(), "CORPUS_TEST_DATA is not set");
        return eprintln!("skipped: CORPUS_TEST_DATA is not set");
    };
    let path = data.join("data/raw/web_pages.jsonl.zst");
    let shard = discover(&[&path], &[]).unwrap().shards.remove(0);
    let raw = zstd::decode_all(std::fs::File::open(&path).unwrap()).unwrap();
    let batch = read(&shard, &ReadOptions::default());
    assert!(problems(&batch).iter().all(|problem| *problem == Problem::None));
    let cells = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().clone();
    let (texts, ids, urls, metadata) = (cells("text"), cells("id"), cells("url"), cells("metadata"));
    let lines: Vec<&[u8]> = raw.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert_eq!((lines.len(), batch.num_rows()), (5_761, 5_761));
    for (row, line) in lines.into_iter().enumerate() {
        let mut record: Map<String, Value> = serde_json::from_slice(line).unwrap();
        assert_eq!(record.shift_remove("text").as_ref().and_then(Value::as_str), Some(texts.value(row)));
        assert_eq!(record.shift_remove("id").as_ref().and_then(Value::as_str), Some(ids.value(row)));
        let url = record.shift_remove("url");
        assert_eq!(url.as_ref().and_then(Value::as_str), urls.is_valid(row).then(|| urls.value(row)));
        for name in ["date", "dump", "file_path"] {
            record.shift_remove(name);
        }
        assert_eq!(serde_json::to_string(&record).unwrap(), metadata.value(row), "order and all");
    }
}
