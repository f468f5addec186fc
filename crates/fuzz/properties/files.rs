//! What holds for any bytes that lie in a file of the input.

use std::fs;
use std::path::Path;

use arrow::array::RecordBatch;
use shards::{Damage, Format, ReadOptions, RecordCounts, ShardReader, discover};

/// Names decide only where the content does not.
const NAMES: [&str; 8] =
    ["a.jsonl", "a.jsonl.gz", "a.parquet", "a.warc", "a.warc.gz", "a.html", "a.jsonl.zst", "a.jsonl.lz4"];

/// The first byte chooses the name and how much of the file is read at once, the rest is the file.
pub fn check(bytes: &[u8]) {
    let Some((choice, content)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir().unwrap_or_else(|error| unreachable!("{error}"));
    let path = folder.path().join(NAMES[usize::from(choice & 7)]);
    fs::write(&path, content).unwrap_or_else(|error| unreachable!("{error}"));
    let max_document = 1 << 20;
    let whole = ReadOptions { max_document, ..ReadOptions::default() };
    let cut = ReadOptions {
        max_document,
        block_bytes: 1 << (choice >> 4),
        no_mmap: choice & 8 != 0,
        ..ReadOptions::default()
    };
    let [whole, cut] = [&whole, &cut].map(|options| read(&path, options));
    match (whole, cut) {
        (Some((rows, None)), Some((cut, None))) => assert_eq!(rows, cut, "cut at other places"),
        // A fault takes the whole of what was being read with it.
        (Some((_, Some(one))), Some((_, Some(other)))) => assert!(!one.is_empty() && !other.is_empty()),
        (None, None) => {}
        (one, other) => unreachable!("{one:?} and {other:?}"),
    }
}

/// The rows of the file as text, behind them what was counted, and why it could not be read to its end; none if it is no
/// input.
fn read(path: &Path, options: &ReadOptions) -> Option<(Vec<String>, Option<String>)> {
    let shard = discover(&[path], &[]).ok()?.shards.pop()?;
    let mut rows = Vec::new();
    let (mut counts, mut damage) = (RecordCounts::new(), Damage::default());
    let mut reader = match ShardReader::open(&shard, options) {
        Ok(reader) => reader,
        Err(error) => return Some((rows, Some(error.to_string()))),
    };
    loop {
        let block = match reader.next_block() {
            Ok(Some(block)) => block,
            Ok(None) => break,
            Err(error) => return Some((rows, Some(error.to_string()))),
        };
        assert!(shard.format == Format::Parquet || reader.consumed() <= shard.size);
        assert_eq!(block.first_row, rows.len() as u64);
        match block.parse(options) {
            Ok(parsed) => add(&parsed.records, &mut rows),
            Err(error) => return Some((rows, Some(error.to_string()))),
        }
        assert_eq!(rows.len() as u64, block.first_row + block.rows);
        block.records.into_iter().for_each(|(kind, records)| *counts.entry(kind).or_default() += records);
        damage.merge(block.damage);
    }
    assert!(reader.next_block().is_ok_and(|block| block.is_none()), "nothing comes behind the end");
    rows.push(format!("{counts:?}, {damage:?}"));
    Some((rows, None))
}

fn add(records: &RecordBatch, rows: &mut Vec<String>) {
    let shown = (0..records.num_rows()).map(|row| format!("{:?}", records.slice(row, 1).columns()));
    rows.extend(shown);
}
