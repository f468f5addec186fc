//! Crawls: WARC, WET and ARC files in every packing, whole, flawed and torn.
use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;
use shards::{Damage, Format, Problem, ReadOptions, RecordCounts, Shard, discover};

use crate::support::*;

/// Records by type, what was lost, and rows by problem.
fn summary(shard: &Shard, options: &ReadOptions) -> (RecordCounts, Damage, BTreeMap<&'static str, usize>) {
    let (blocks, error) = blocks(shard, options);
    assert!(error.is_none(), "{error:?}");
    let (mut counts, mut damage, mut rows) = (RecordCounts::new(), Damage::default(), BTreeMap::new());
    for block in &blocks {
        for (name, n) in &block.records {
            *counts.entry(name.clone()).or_default() += n;
        }
        damage.merge(block.damage.clone());
    }
    if !blocks.is_empty() {
        for problem in problems(&parse(&blocks, options)) {
            let name = if problem == Problem::None { "text" } else { problem.reason() };
            *rows.entry(name).or_default() += 1;
        }
    }
    (counts, damage, rows)
}

#[test]
fn samples() {
    let Some(data) = std::env::var_os("CORPUS_TEST_DATA").map(PathBuf::from) else { return };
    let inputs = discover(&[data.join("data/crawl")], &[]).unwrap();
    for shard in &inputs.shards {
        let (counts, damage, rows) = summary(shard, &ReadOptions::default());
        println!("{} {:?} {:?}\n   {counts:?}\n   {rows:?}", shard.relative, shard.format, shard.compression);
        if damage.places > 0 { println!("   {:?}", damage.quarantined()); }
    }
    for s in &inputs.skipped { println!("skipped {} {}", s.path, s.why); }
    for s in &inputs.quarantined { println!("quarantined {} {}", s.path, s.why); }
}
