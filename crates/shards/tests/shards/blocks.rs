//! Cutting loses and repeats nothing, whichever way the bytes come.
use proptest::prelude::*;
use shards::{Block, Damage, Fault, Problem, ReadOptions, Shard, discover, estimate};

use crate::support::*;

/// The same data mapped, read, as two gzip members and as two zstd frames.
fn four_ways(data: &[u8]) -> Vec<(Folder, Shard, bool)> {
    let half = data.len() / 2;
    let members = [gzip(&data[..half]), gzip(&data[half..])].concat();
    let frames = [zstd(&data[..half]), zstd(&data[half..])].concat();
    let files = [("a.jsonl", data.to_vec(), false), ("a.jsonl", data.to_vec(), true)];
    let packed = [("a.jsonl.gz", members, false), ("a.jsonl.zst", frames, false)];
    let make = |(name, bytes, no_mmap): (&str, Vec<u8>, bool)| {
        let folder = Folder::new(&[(name, &bytes)]);
        let mut shard = folder.shard();
        shard.relative = "a.jsonl".to_owned();
        (folder, shard, no_mmap)
    };
    files.into_iter().chain(packed).map(make).collect()
}

/// Reads the four ways, checks that they agree in every block, and returns the rows.
fn agreed(data: &[u8], options: &ReadOptions) -> arrow::array::RecordBatch {
    let mut first = None;
    for (_folder, shard, no_mmap) in four_ways(data) {
        let options = ReadOptions { no_mmap, ..options.clone() };
        let (blocks, error) = blocks(&shard, &options);
        assert!(error.is_none(), "{error:?}");
        let places: Vec<_> =
            blocks.iter().map(|block: &Block| (block.rows, block.offset, block.bytes)).collect();
        let seen = (places, parse(&blocks, &options));
        let first = first.get_or_insert_with(|| seen.clone());
        assert_eq!(*first, seen, "{:?} no_mmap {no_mmap}", shard.path);
    }
    first.unwrap().1
}

fn small_blocks(block_bytes: usize) -> ReadOptions {
    ReadOptions { block_bytes, ..ReadOptions::default() }
}

#[test]
fn line_ends_blank_lines_and_byte_order_marks_are_no_records() {
    let data = b"\xEF\xBB\xBF{\"text\":\"a\"}\r\n\r\n \t\n{\"text\":\"b\"}\n\n{\"text\":\"c\"}";
    for block_bytes in [1, 5, 16, 17, 1000] {
        let batch = agreed(data, &small_blocks(block_bytes));
        assert_eq!(column(&batch, "text"), ["a", "b", "c"], "{block_bytes}");
        assert_eq!(column(&batch, "id"), ["a.jsonl#0", "a.jsonl#1", "a.jsonl#2"]);
    }
}

#[test]
fn an_empty_shard_has_no_blocks() {
    for data in [b"".as_slice(), b"\xEF\xBB\xBF", b"\n"] {
        assert_eq!(agreed(data, &ReadOptions::default()).num_rows(), 0);
    }
}

#[test]
fn blocks_of_eight_mebibytes_hold_whole_records() {
    let mut data = Vec::new();
    for i in 0..40u64 {
        let length = 300_000 + i * 37_919 % 400_000;
        data.extend(format!("{{\"text\":\"{}\"}}\n", "x".repeat(length as usize)).into_bytes());
    }
    // One record that is longer than a block.
    data.extend(format!("{{\"text\":\"{}\"}}\n{{\"text\":\"end\"}}", "y".repeat(9 << 20)).into_bytes());
    let options = ReadOptions::default();
    let batch = agreed(&data, &options);
    assert_eq!(batch.num_rows(), 42);
    assert!(problems(&batch).iter().all(|problem| *problem == Problem::None));
    let folder = Folder::new(&[("a.jsonl", &data)]);
    let (blocks, _) = blocks(&folder.shard(), &options);
    assert_eq!(blocks.iter().map(|block| block.bytes).sum::<u64>(), data.len() as u64);
    assert!(blocks.iter().all(|block| block.bytes <= 8 << 20 || block.rows == 1));
    assert!(blocks.len() <= 5, "{}", blocks.len());
}

#[test]
fn a_block_may_end_exactly_with_a_record() {
    let record = b"{\"text\":\"0123456789\"}\n";
    let data = record.repeat(6);
    for block_bytes in [record.len() - 1, record.len(), record.len() + 1, 2 * record.len(), 6 * record.len()]
    {
        assert_eq!(agreed(&data, &small_blocks(block_bytes)).num_rows(), 6);
        assert_eq!(agreed(&data[..data.len() - 1], &small_blocks(block_bytes)).num_rows(), 6);
    }
}

#[test]
fn records_over_the_limit_are_counted_and_skipped() {
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(5_000));
    let at_limit = format!("{{\"text\":\"{}\"}}", "y".repeat(189));
    assert_eq!(at_limit.len(), 200);
    let over = format!("{{\"text\":\"{}\"}}", "z".repeat(190));
    let data =
        [&long, r#"{"text":"a"}"#, &at_limit, &over, &long, &long, r#"{"text":"b"}"#, &long].join("\n");
    use Problem::{None, TooLarge};
    for block_bytes in [7, 100, 202, 300, 4_096, 5_013, 100_000] {
        let options = ReadOptions { max_document: 200, ..small_blocks(block_bytes) };
        let batch = agreed(data.as_bytes(), &options);
        assert_eq!(
            problems(&batch),
            [TooLarge, None, None, TooLarge, TooLarge, TooLarge, None, TooLarge],
            "{block_bytes}"
        );
        assert_eq!(column(&batch, "bytes"), ["5011", "1", "189", "201", "5011", "5011", "1", "5011"]);
        assert_eq!(column(&batch, "id")[7], "a.jsonl#7");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn cutting_loses_and_repeats_nothing(
        lines in prop::collection::vec(prop_oneof![
            "[a-z\\\\n\"é😀]{0,60}".prop_map(|text| serde_json::json!({ "text": text, "n": 1 }).to_string()),
            Just(String::new()),
            Just("  \r".to_owned()),
            "[a-z]{1,90}",
        ], 0..30),
        ends in any::<bool>(),
        block_bytes in 1usize..400,
        max_document in 1u64..120,
    ) {
        let mut data = String::from("{\"text\":\"first\"}\n") + &lines.join("\n");
        if ends {
            data.push('\n');
        }
        let records: Vec<&str> = data.split('\n').filter(|line| !line.trim().is_empty()).collect();
        let options = ReadOptions { max_document, ..small_blocks(block_bytes) };
        let batch = agreed(data.as_bytes(), &options);
        let expected: Vec<(String, Problem)> = records.iter().map(|record| {
            let value = serde_json::from_str::<serde_json::Value>(record).ok();
            match value.as_ref().and_then(|value| value["text"].as_str()) {
                _ if record.len() as u64 > max_document => ("-".to_owned(), Problem::TooLarge),
                None => ("-".to_owned(), Problem::Malformed),
                Some(text) if text.trim().is_empty() => (text.to_owned(), Problem::Empty),
                Some(text) => (text.to_owned(), Problem::None),
            }
        }).collect();
        let found: Vec<_> = column(&batch, "text").into_iter().zip(problems(&batch)).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_torn_stream_gives_what_came_before_the_break() {
    // Digits of a product, so that the packed bytes are as many as to fill several reads.
    let line =
        |i: u64| format!("{{\"text\":\"{:x}{:x}\"}}\n", (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15), i);
    let data: String = (0..40_000).map(line).collect();
    for (name, packed) in [("a.jsonl.gz", gzip(data.as_bytes())), ("a.jsonl.zst", zstd(data.as_bytes()))] {
        let folder = Folder::new(&[(name, &packed[..packed.len() * 3 / 4])]);
        let options = small_blocks(100_000);
        let (blocks, error) = blocks(&folder.shard(), &options);
        let batch = parse(&blocks, &options);
        assert!((5_000..40_000).contains(&batch.num_rows()), "{name}: {} rows", batch.num_rows());
        assert!(problems(&batch).iter().all(|problem| *problem == Problem::None), "whole records only");
        let error = error.expect("the break is told");
        assert!(matches!(error.fault, Fault::Broken { .. }), "{error}");
        let read: u64 = blocks.iter().map(|block| block.bytes).sum();
        assert!(error.offset.is_some_and(|offset| offset >= read && offset < data.len() as u64), "{error}");
        let entry = error.quarantined();
        assert!(entry.path.ends_with(name) && entry.offset == error.offset && !entry.remedy.is_empty());
    }
}

#[test]
fn damage_inside_a_stream_is_told() {
    let data: String = (0..20_000).map(|i| format!("{{\"text\":\"{}\"}}\n", i * i)).collect();
    for (name, mut packed) in [("a.jsonl.gz", gzip(data.as_bytes())), ("a.jsonl.zst", zstd(data.as_bytes()))]
    {
        let middle = packed.len() / 2;
        packed[middle..middle + 40].fill(0xFF);
        let folder = Folder::new(&[(name, &packed)]);
        let (_, error) = blocks(&folder.shard(), &ReadOptions::default());
        assert!(matches!(error.expect("damage").fault, Fault::Broken { .. }), "{name}");
    }
}

#[test]
fn a_bomb_is_quarantined() {
    let mut data = b"{\"text\":\"a\"}\n".to_vec();
    data.resize(100 << 20, b' ');
    let folder = Folder::new(&[("a.jsonl.zst", &zstd(&data))]);
    let (_, error) = blocks(&folder.shard(), &ReadOptions::default());
    assert!(matches!(error.expect("a bomb").fault, Fault::Bomb { .. }));
    // The same bytes, not compressed, are read.
    let folder = Folder::new(&[("a.jsonl", &data[..70 << 20])]);
    let batch = read(&folder.shard(), &ReadOptions::default());
    assert_eq!(problems(&batch), [Problem::None, Problem::TooLarge]);
}

/// What is read before it, and where it is found, does not depend on how much is read at once.
#[test]
fn a_bomb_is_found_at_the_same_place() {
    let spaces = " ".repeat(200 << 20);
    let lines = "{\"text\":\"a\"}\n".repeat(300) + &spaces;
    let page = |text: &str| {
        format!("WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: {}\r\n\r\n{text}\r\n\r\n", text.len())
    };
    let crawl = page("a").repeat(300) + &page(&spaces);
    for (name, packed) in [
        ("a.jsonl.gz", gzip(lines.as_bytes())),
        ("a.jsonl.zst", zstd(lines.as_bytes())),
        ("a.warc.gz", gzip(crawl.as_bytes())),
        ("a.warc.zst", zstd(crawl.as_bytes())),
    ] {
        let folder = Folder::new(&[(name, &packed)]);
        let found = [30_011, 1 << 20, 8 << 20].map(|block_bytes| {
            let (blocks, error) = blocks(&folder.shard(), &small_blocks(block_bytes));
            let mut damage = Damage::default();
            let rows: u64 = blocks.iter().map(|block| block.rows).sum();
            blocks.into_iter().for_each(|block| damage.merge(block.damage));
            (rows, error.map(|error| error.to_string()), damage)
        });
        assert_eq!((&found[0], &found[0]), (&found[1], &found[2]), "{name}");
        let why = found[0].1.clone().or(found[0].2.first.as_ref().map(|first| first.why.clone()));
        assert!(found[0].0 >= 300 && why.is_some(), "{name}: {found:?}");
    }
}

#[test]
fn a_file_that_shrinks_is_told_before_its_pages_are_touched() {
    let data = b"{\"text\":\"a\"}\n".repeat(10_000);
    let folder = Folder::new(&[("a.jsonl", &data)]);
    let options = small_blocks(1_000);
    let mut reader = shards::ShardReader::open(&folder.shard(), &options).unwrap();
    drop(reader.next_block().unwrap());
    std::fs::OpenOptions::new()
        .write(true)
        .open(folder.path().join("a.jsonl"))
        .unwrap()
        .set_len(50_000)
        .unwrap();
    let error = reader.next_block().err().expect("the file shrank");
    assert!(
        error.to_string().contains("130000 to 50000 bytes") && error.to_string().contains("--no-mmap"),
        "{error}"
    );
}

#[test]
fn estimates_are_near_and_the_same_for_every_compression() {
    let texts: u64 = (0..3_000).map(|i| 500 + i % 7 * 100).sum();
    let line = |i: u64| {
        format!("{{\"id\":{i},\"text\":\"{}\"}}\n", "word\\n ".repeat((500 + i as usize % 7 * 100) / 6))
    };
    let data: String = (0..3_000).map(line).collect();
    for (_folder, shard, _) in four_ways(data.as_bytes()) {
        let folder = shard.path.parent().unwrap();
        let inputs = discover(&[folder], &[]).unwrap();
        let guess = estimate(&inputs, &ReadOptions::default());
        let off = |guess: u64, truth: u64| guess.abs_diff(truth) as f64 / truth as f64;
        assert!(off(guess.text_bytes, texts) < 0.05, "{guess:?} {texts} {:?}", shard.path);
        assert!(off(guess.documents, 3_000) < 0.05, "{guess:?}");
        assert_eq!(guess, estimate(&inputs, &ReadOptions::default()));
    }
}
