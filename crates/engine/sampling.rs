//! Which dropped documents are shown: per first reason, those with the smallest hash of their id.

use std::collections::BTreeMap;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use document::{ReasonId, Verdict};
use plan::Rejected;

use crate::error::EngineError;
use crate::work::{frame, of_frame};

/// Dropped documents in the order of the input, by blocks of which there is one at least.
#[derive(Debug, Default)]
pub(crate) struct Sampled {
    blocks: Vec<Rows>,
    /// Of each document its verdict, and the hash of its id.
    keys: Vec<(Verdict, u64)>,
    /// Documents that were left when some were let go last.
    chosen: usize,
}

#[derive(Debug)]
enum Rows {
    Plain(RecordBatch),
    /// Long texts that are held: compressed until they are wanted.
    Frame(Vec<u8>, usize),
}

/// So many bytes of a block are worth compressing.
const LONG_BYTES: usize = 4 << 20;

impl Rows {
    fn held(self) -> Result<Rows, EngineError> {
        match self {
            Rows::Plain(batch) if batch.get_array_memory_size() > LONG_BYTES => {
                let mut bytes = frame(&batch)?;
                bytes.shrink_to_fit();
                Ok(Rows::Frame(bytes, batch.num_rows()))
            }
            held => Ok(held),
        }
    }

    fn len(&self) -> usize {
        match self {
            Rows::Plain(batch) => batch.num_rows(),
            Rows::Frame(_, rows) => *rows,
        }
    }

    fn batch(&self) -> Result<RecordBatch, EngineError> {
        match self {
            Rows::Plain(batch) => Ok(batch.clone()),
            Rows::Frame(bytes, _) => of_frame(bytes, None),
        }
    }
}

impl Sampled {
    pub fn of(batch: RecordBatch, keys: Vec<(Verdict, u64)>) -> Sampled {
        Sampled { blocks: vec![Rows::Plain(batch)], keys, chosen: 0 }
    }

    /// The documents, block by block.
    pub fn batches(&self) -> impl Iterator<Item = Result<RecordBatch, EngineError>> + '_ {
        self.blocks.iter().map(Rows::batch)
    }

    /// Adds more; and lets go what `limit` will not keep in the end, now and then.
    pub fn add(&mut self, more: Sampled, limit: Rejected) -> Result<(), EngineError> {
        for rows in more.blocks {
            self.blocks.push(rows.held()?);
        }
        self.keys.extend(more.keys);
        if self.keys.len() > 2 * self.chosen + LET_GO_FROM { self.choose(limit) } else { Ok(()) }
    }

    /// Leaves what is to be kept of all.
    pub fn choose(&mut self, limit: Rejected) -> Result<(), EngineError> {
        let chosen = choose(&self.keys, limit);
        self.keys = chosen.iter().map(|index| self.keys[*index as usize]).collect();
        self.chosen = chosen.len();
        let (mut chosen, mut start) = (chosen.into_iter().peekable(), 0);
        for rows in &mut self.blocks {
            let end = start + rows.len() as u64;
            let here = std::iter::from_fn(|| chosen.next_if(|index| *index < end)).map(|index| index - start);
            let here = UInt64Array::from_iter_values(here);
            if here.len() < rows.len() {
                let left = Rows::Plain(take_record_batch(&rows.batch()?, &here)?);
                *rows = if matches!(rows, Rows::Frame(..)) { left.held()? } else { left };
            }
            start = end;
        }
        let mut is_first = true;
        self.blocks.retain(|rows| std::mem::take(&mut is_first) || rows.len() > 0);
        Ok(())
    }
}

/// So many rows more than there were after the last time are worth a look at which to let go.
const LET_GO_FROM: usize = 1_000;

/// Indices to keep, ascending. `keys`: verdict and hash of the id of each dropped document.
pub(crate) fn choose(keys: &[(Verdict, u64)], rejected: Rejected) -> Vec<u64> {
    let n = match rejected {
        Rejected::All => return (0..keys.len() as u64).collect(),
        Rejected::None => return Vec::new(),
        Rejected::Sample(n) => n,
    };
    let mut by_reason: BTreeMap<ReasonId, Vec<(u64, u64)>> = BTreeMap::new();
    for (index, (verdict, hash)) in keys.iter().enumerate() {
        if let Some(reason) = verdict.first() {
            by_reason.entry(reason).or_default().push((*hash, index as u64));
        }
    }
    let mut chosen: Vec<u64> = Vec::new();
    for mut documents in by_reason.into_values() {
        documents.sort_unstable();
        chosen.extend(documents.iter().take(n).map(|(_, index)| index));
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_of_samples_is_the_sample() {
        let keys: Vec<(Verdict, u64)> = (0..1000_u64)
            .map(|i| {
                let mut verdict = Verdict::default();
                verdict.add(ReasonId((i % 7) as u8));
                (verdict, i.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            })
            .collect();
        let whole = choose(&keys, Rejected::Sample(10));
        assert_eq!(whole.len(), 70);
        let (a, b) = keys.split_at(431);
        let mut parts: Vec<u64> = choose(a, Rejected::Sample(10));
        parts.extend(choose(b, Rejected::Sample(10)).iter().map(|index| index + 431));
        let chosen: Vec<_> = parts.iter().map(|index| keys[*index as usize]).collect();
        let again: Vec<u64> =
            choose(&chosen, Rejected::Sample(10)).iter().map(|index| parts[*index as usize]).collect();
        assert_eq!(again, whole);

        // The same of batches, some of which are let go on the way.
        let batch = |range: std::ops::Range<usize>| {
            let numbers = UInt64Array::from_iter_values(range.clone().map(|number| number as u64));
            let rows = RecordBatch::try_from_iter([("number", std::sync::Arc::new(numbers) as _)]).unwrap();
            Sampled::of(rows, keys[range].to_vec())
        };
        let mut sampled = Sampled::default();
        for start in (0..1000).step_by(25) {
            sampled.add(batch(start..start + 25), Rejected::Sample(10)).unwrap();
            if start % 150 == 0 {
                sampled.choose(Rejected::Sample(10)).unwrap();
            }
        }
        sampled.choose(Rejected::Sample(10)).unwrap();
        let numbers = |sampled: &Sampled| -> Vec<u64> {
            let batches: Vec<RecordBatch> = sampled.batches().map(Result::unwrap).collect();
            let column =
                |rows: &RecordBatch| rows.column(0).as_any().downcast_ref::<UInt64Array>().unwrap().clone();
            batches.iter().flat_map(|rows| column(rows).values().to_vec()).collect()
        };
        assert_eq!(numbers(&sampled), whole);
        assert_eq!(sampled.keys.len(), 70);

        // Long ones come back from their frames.
        let many = UInt64Array::from_iter_values(0..LONG_BYTES as u64 / 4);
        let rows = RecordBatch::try_from_iter([("number", std::sync::Arc::new(many) as _)]).unwrap();
        let keys = keys.iter().copied().cycle().take(rows.num_rows()).collect();
        let mut long = Sampled::default();
        long.add(Sampled::of(rows, keys), Rejected::All).unwrap();
        assert!(matches!(long.blocks[..], [Rows::Frame(..)]));
        long.choose(Rejected::Sample(10)).unwrap();
        assert!(matches!(long.blocks[..], [Rows::Plain(_)]) && numbers(&long).len() == 70);
    }
}
