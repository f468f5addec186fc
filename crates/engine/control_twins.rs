//! Which documents of the control sample are alike as they came, whatever filters made of them. Deduplication compares what
//! filters keep; whoever asks what a filter is worth has to know what it would have compared without it.

use std::sync::atomic::Ordering;

use dedup::{Failure, Options, Verdicts, Verify};
use plan::{Plan, VerifyBy};

use crate::error::EngineError;
use crate::options::CleanOptions;
use crate::resolve::is_near;
use crate::signature_columns::{Candidates, SignatureColumns};
use crate::signatures::SignatureFile;
use crate::work::{SegmentReceipt, Work};

#[derive(Debug, Default)]
pub(crate) struct ControlTwins {
    found: Candidates,
    verdicts: Verdicts,
    /// Of each candidate, how many are alike, itself included.
    sizes: Vec<u32>,
}

impl ControlTwins {
    /// By the recipe's way of deduplication, or by both where it has none. Nothing is known where `memory` is too little.
    pub fn find(
        plan: &Plan,
        receipts: &[SegmentReceipt],
        work: &Work,
        clean: &CleanOptions,
        memory: u64,
    ) -> Result<ControlTwins, EngineError> {
        let open = |r: &SegmentReceipt| SignatureFile::open(work.signatures(r.shard, r.part), r.signed);
        let files: Vec<SignatureFile> = receipts.iter().map(open).collect::<Result<_, _>>()?;
        let is_exact = plan.stage("exact_dedup").is_some();
        let is_any = !is_exact && !is_near(plan);
        let columns = SignatureColumns::open_control(files, is_exact || is_any, is_near(plan) || is_any)?;
        let held = columns.found.len() as u64 * 2 * size_of::<u32>() as u64;
        let options = Options {
            min_similarity: plan.minhash.min_similarity,
            verify: match plan.minhash.verify {
                VerifyBy::Nothing => Verify::Nothing,
                VerifyBy::Sketch | VerifyBy::Text => Verify::Sketch,
            },
            progress: &|_| !clean.stop.load(Ordering::Relaxed),
            memory: memory.saturating_sub(held),
        };
        let verdicts = match dedup::resolve(&columns, &options) {
            Ok(verdicts) => verdicts,
            Err(Failure::Memory(_)) => return Ok(ControlTwins::default()),
            Err(Failure::Stopped) => return Err(EngineError::Stopped),
            Err(Failure::Read(error)) => return Err(error),
        };
        let mut sizes = vec![1; verdicts.len()];
        verdicts.duplicates().for_each(|(_, twin)| sizes[twin.of as usize] += 1);
        for (candidate, twin) in verdicts.duplicates() {
            sizes[candidate as usize] = sizes[twin.of as usize];
        }
        Ok(ControlTwins { found: columns.found, verdicts, sizes })
    }

    /// Of the control documents among `first..first + n`, ascending: the document that stands for those that are alike,
    /// if it is another one, and how many they are.
    pub fn alike<'t>(
        &'t self,
        bases: &'t [u64],
        first: u64,
        n: u64,
    ) -> impl Iterator<Item = (u64, Option<u64>, u32)> + 't {
        let start = if self.sizes.is_empty() { 0 } else { self.found.from(bases, first) };
        let candidates = start..self.sizes.len() as u32;
        let documents = candidates.map_while(move |candidate| {
            let document = self.found.document(bases, candidate)?;
            (document < first + n).then_some((document, candidate))
        });
        documents.map(|(document, candidate)| {
            let twin = self.verdicts.get(candidate).and_then(|twin| self.found.document(bases, twin.of));
            (document, twin, self.sizes[candidate as usize])
        })
    }

    /// The documents that stand for others, ascending.
    pub fn kept<'t>(&'t self, bases: &'t [u64]) -> impl Iterator<Item = u64> + 't {
        let stands =
            |candidate: &u32| self.sizes[*candidate as usize] > 1 && self.verdicts.get(*candidate).is_none();
        (0..self.sizes.len() as u32)
            .filter(stands)
            .filter_map(|candidate| self.found.document(bases, candidate))
    }
}
