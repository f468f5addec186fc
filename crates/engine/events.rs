//! What a run tells while it goes, and how it ends.

use plan::Obstacle;
use report::Run;
use shards::{Inputs, Manifest};

use crate::sweep_shards::Receipts;
use crate::work::SegmentReceipt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A pass before the sweep, for a stage that removes what stands in other documents.
    Repeats,
    Sweep,
    Resolve,
    Pack,
    Sequences,
    Upload,
}

impl Phase {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Repeats => "repeats",
            Phase::Sweep => "sweep",
            Phase::Resolve => "resolve",
            Phase::Pack => "pack",
            Phase::Sequences => "sequences",
            Phase::Upload => "upload",
        }
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub phase: Phase,
    pub done_bytes: u64,
    pub total_bytes: u64,
    pub documents: u64,
    /// Kept so far: before dedup in the sweep, after it in the pack phase.
    pub kept: u64,
}

/// What a run tells while it goes.
#[derive(Clone, Debug)]
pub enum Event {
    Progress(Progress),
    GoesOn(GoesOn),
    /// Nothing of the finished run's ledger decides by the recipe at hand: every document is measured again.
    NotRemembered(Vec<Obstacle>),
}

/// What of a phase an earlier run has done.
#[derive(Clone, Debug)]
pub struct GoesOn {
    pub phase: Phase,
    pub segments: usize,
    /// Uncompressed bytes of these segments.
    pub bytes: u64,
    /// The input file that is next; none if all are done.
    pub next: Option<String>,
}

impl GoesOn {
    pub(crate) fn after(done: &Receipts, inputs: &Inputs) -> Option<GoesOn> {
        let segments = done.values().map(Vec::len).sum();
        let left = done.iter().find(|(_, receipts)| receipts.last().is_none_or(|last| !last.ends_shard));
        (segments > 0).then(|| GoesOn {
            phase: Phase::Sweep,
            segments,
            bytes: done.values().flatten().map(|receipt| receipt.raw_bytes).sum(),
            next: left.map(|(shard, _)| inputs.shards[*shard as usize].relative.clone()),
        })
    }
}

/// How a run ended.
#[derive(Debug)]
pub enum Ended {
    Finished(Box<Outcome>),
    /// A share of the input is swept; others are not, or are at work still.
    Swept(SweptShare),
}

#[derive(Clone, Copy, Debug)]
pub struct SweptShare {
    pub files: usize,
    pub documents: u64,
    /// Uncompressed.
    pub bytes: u64,
    /// Files of the whole input that are not swept to their end.
    pub files_left: usize,
    /// It is not the sweep yet but a pass before it: the same command goes on when the passes of all shares are done.
    pub is_pass: bool,
}

impl SweptShare {
    pub(crate) fn of(swept: &Receipts, files_left: usize, is_pass: bool) -> SweptShare {
        let sum = |count: fn(&SegmentReceipt) -> u64| swept.values().flatten().map(count).sum();
        SweptShare {
            files: swept.len(),
            documents: sum(|receipt| receipt.rows),
            bytes: sum(|receipt| receipt.raw_bytes),
            files_left,
            is_pass,
        }
    }
}

/// What became of a run.
#[derive(Debug)]
pub struct Outcome {
    pub run: Run,
    pub manifest: Manifest,
    /// The folder already held this very run: nothing was done.
    pub was_done: bool,
}
