//! Tests of `repeats`.

use std::collections::HashMap;

use document::{Document, LineEdits, LineFilter, Raised, Signals};
use text::stable_hash::rehash;

use super::*;
use crate::work::SegmentReceipt;

/// A stage that looks for parts.
struct Parts {
    keeps_first: bool,
}

impl LineFilter for Parts {
    fn judge_lines(
        &self,
        _: &Document<'_>,
        _: &mut LineEdits,
        _: &mut Signals,
        _: &mut Raised,
        _: &mut String,
    ) {
    }
}

impl RepeatFilter for Parts {
    fn keeps_first(&self) -> bool {
        self.keeps_first
    }
}

/// Parts of two shards of two segments of two blocks each, some thousand in a block.
fn written(pass: &Work) -> (Receipts, Vec<(u64, u64)>) {
    let (mut receipts, mut all) = (Receipts::new(), Vec::new());
    for shard in 0..2_u32 {
        std::fs::create_dir_all(pass.shard(shard)).unwrap();
        for segment in 0..2_u32 {
            let path = pass.carried(shard, segment);
            let mut file = AtomicFile::create(&path).unwrap();
            let mut receipt = SegmentReceipt { shard, part: segment, ..SegmentReceipt::default() };
            for block in 0..2_u32 {
                let first_row = u64::from(segment * 2 + block) * 100;
                let part = |n: u32| Part {
                    position: n / 40,
                    part: n % 40,
                    // A tenth of the parts is one; the others stand one to three times.
                    hash: rehash(u64::from(if n.is_multiple_of(10) { 0 } else { n * (1 + shard) }), 5),
                };
                let parts: Vec<Part> = (0..4_000).map(part).collect();
                let document = |part: &Part| u64::from(shard) * 400 + first_row + u64::from(part.position);
                all.extend(parts.iter().map(|p| (p.hash, document(p) << PART_BITS | u64::from(p.part))));
                let (bytes, n) = chunk(first_row, &parts);
                receipt.carried.push((receipt.carried_bytes, n));
                receipt.carried_bytes += bytes.len() as u64;
                receipt.end_row = first_row + 100;
                file.write_all(&bytes).unwrap();
            }
            file.commit(0).unwrap();
            receipts.entry(shard).or_default().push(receipt);
        }
    }
    (receipts, all)
}

fn found(pass: &Work) -> Vec<u64> {
    let mut found = Found::default();
    assert!(found.add(3, pass).unwrap());
    let OfStage { list, file, .. } = &found.0[0];
    assert_eq!(list.bases, [0, 400]);
    let mut bytes = vec![0; (list.places * PLACE_BYTES) as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect()
}

#[test]
fn any_memory_finds_what_a_table_finds() {
    let folder = tempfile::tempdir().unwrap();
    let pass = Work { folder: folder.path().to_owned() };
    let (receipts, all) = written(&pass);
    for keeps_first in [true, false] {
        let mut table: HashMap<u64, Vec<u64>> = HashMap::new();
        all.iter().for_each(|(hash, place)| table.entry(*hash).or_default().push(*place));
        let skipped = usize::from(keeps_first);
        let gone = table.into_values().filter(|places| places.len() > 1);
        let mut expected: Vec<u64> = gone.flat_map(|places| places.into_iter().skip(skipped)).collect();
        expected.sort_unstable();
        assert!(expected.len() > 10_000);
        for memory in [1 << 30, 1 << 19, 1 << 17, 40_000] {
            find(&receipts, &pass, &Parts { keeps_first }, memory, &|_, _| Ok(())).unwrap();
            assert!(found(&pass) == expected, "{keeps_first} {memory}");
        }
    }
    assert!(std::fs::read_dir(folder.path()).unwrap().count() == 3, "runs are removed");
    let refused = find(&receipts, &pass, &Parts { keeps_first: true }, 10_000, &|_, _| Ok(()));
    assert!(matches!(refused, Err(EngineError::Memory { .. })));
}
