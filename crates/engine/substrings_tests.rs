//! What the pass finds is what comparing every window with all others finds, whatever the memory.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use shards::AtomicFile;
use text::stable_hash::rehash;

use super::*;
use crate::repeats::bases;
use crate::work::SegmentReceipt;

const ROWS: u64 = 25;

/// Some texts repeat others, in part or whole; some pieces stand in a hundred of them between others each time.
fn text(document: u64) -> String {
    let mut text = String::new();
    for piece in 0..rehash(document, 1) % 12 {
        let kind = rehash(document, 2 + piece);
        let words = |seed: u64, n: u64| (0..n).map(|at| rehash(at, seed) % 1_000).collect::<Vec<u64>>();
        let (seed, n) = match kind % 5 {
            0 | 1 => (kind, 9),
            2 => (kind >> 32 & 15, 14),
            3 => (kind >> 32 & 1, 7),
            _ => (kind >> 32 & 63, 40),
        };
        words(seed, n).iter().for_each(|word| text.push_str(&format!("é{word} ")));
    }
    if document.is_multiple_of(41) { "ab".repeat(400 + document as usize) } else { text }
}

fn written(pass: &Work, search: &Search) -> (Receipts, Vec<String>) {
    let (mut receipts, mut texts) = (Receipts::new(), Vec::new());
    for shard in 0..2_u32 {
        std::fs::create_dir_all(pass.shard(shard)).unwrap();
        for part in 0..2_u32 {
            let path = pass.carried(shard, part);
            let mut file = AtomicFile::create(&path).unwrap();
            let mut receipt = SegmentReceipt { shard, part, ..SegmentReceipt::default() };
            for block in 0..3_u64 {
                let first_row = (u64::from(part) * 3 + block) * ROWS;
                let first = texts.len();
                texts.extend((0..ROWS).map(|row| text(first as u64 + row)));
                let ((bytes, n), survivors) = chunk(search, first_row, |each| {
                    (0..).zip(&texts[first..]).for_each(|(position, text)| each(position, text));
                });
                assert_eq!(survivors, ROWS);
                receipt.carried.push((receipt.carried_bytes, n));
                receipt.carried_bytes += bytes.len() as u64;
                receipt.end_row = first_row + ROWS;
                file.write_all(&bytes).unwrap();
            }
            file.commit(0).unwrap();
            receipts.entry(shard).or_default().push(receipt);
        }
    }
    (receipts, texts)
}

/// By comparing every window with all others.
fn expected(texts: &[String], search: &Search) -> Vec<Range> {
    let mut windows: HashMap<&[u8], Vec<u64>> = HashMap::new();
    for (text, document) in texts.iter().zip(0_u64..) {
        let all = text.as_bytes().windows(search.window_bytes as usize).zip(document << PART_BITS..);
        all.for_each(|(window, place)| windows.entry(window).or_default().push(place));
    }
    let mut gone: BTreeMap<u64, u64> = BTreeMap::new();
    for places in windows.into_values() {
        let goes = |place: &&u64| match search.keeps_first {
            true => **place - places[0] >= search.window_bytes,
            false => places.len() > 1,
        };
        gone.extend(places.iter().filter(goes).map(|place| (*place, place + search.window_bytes)));
    }
    let mut ranges = Vec::new();
    gone.into_iter().for_each(|range| push(&mut ranges, range));
    ranges
}

#[test]
fn any_memory_finds_what_comparing_all_finds() {
    for keeps_first in [true, false] {
        let search = Search { window_bytes: 60, keeps_first };
        let folder = tempfile::tempdir().unwrap();
        let pass = Work { folder: folder.path().to_owned() };
        let (receipts, texts) = written(&pass, &search);
        let expected = expected(&texts, &search);
        assert!(expected.len() > 300, "{}", expected.len());
        let runs: u64 =
            receipts.values().flatten().flat_map(|r| &r.carried).map(|(_, n)| u64::from(*n)).sum();
        let bases = bases(&receipts);
        let find = |memory| super::find(&receipts, &pass, (&search, &bases), memory, &|_, _| Ok(()));
        let of_reads = |reads| runs * 2 * Run::BYTES as u64 * 11 / 10 / reads + 64;
        for (reads, memory) in [(1, 1 << 30), (3, of_reads(3)), (7, of_reads(7))] {
            let events = find(memory).unwrap();
            let path = folder.path().join("found");
            let places = events.merge(&path, joined()).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!(bytes.len() as u64, places * 8);
            let found: Vec<Range> =
                bytes.as_chunks::<RANGE>().0.iter().map(|range| numbers::<2>(range).into()).collect();
            assert!(found == expected, "{keeps_first} {reads}");
        }
        // The runs of one key do not fit.
        assert!(matches!(find(of_reads(40)), Err(EngineError::Memory { .. })));
    }
}
