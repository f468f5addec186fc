//! What happens to one batch: every document is measured, judged and signed.

mod judge;

use std::collections::BTreeMap;

use arrow::array::{Array, Float64Array};
use arrow::error::ArrowError;
use document::{Batch, Document, FoundItems, LineEdits, Problem, ReasonId, Signals, Verdict};
use text::scan::Scanner;
use text::stable_hash::{hash_id, hash128, sampling_key};

use crate::explain::Watch;
use crate::plan::Plan;
use crate::recall::{Known, Remembered};
use crate::repeated::Repeated;
use crate::signer::{Signer, near_of};
use crate::swept::{Flags, Measured, Near, Row, Signed, Swept};
use judge::Judged;

pub(crate) use judge::To;

/// What the engine decides about a sweep, equal for all batches of a run.
#[derive(Clone, Copy, Debug)]
pub struct SweepOptions {
    /// Evaluate every check on every document of a wanted language; else stop at the first failure.
    pub all_signals: bool,
    pub seed: u64,
    /// Control documents have a sampling key below this.
    pub control_below: u64,
    /// Held-out documents have a sampling key of at least this.
    pub heldout_from: u64,
    pub rejected: Rejected,
}

impl SweepOptions {
    /// Every check of every document, and no sample: of a page by itself.
    pub(crate) const EVERY_CHECK: SweepOptions = SweepOptions {
        all_signals: true,
        seed: 0,
        control_below: 0,
        heldout_from: u64::MAX,
        rejected: Rejected::None,
    };
}

/// Nobody compares models on one document of more bytes, and a row of so many tokens takes ten times their memory to write.
const LONGEST_HELDOUT: usize = 8 << 20;

/// Whose original text is carried on for `rejected/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    All,
    /// In each block, this many per first reason, those with the smallest hash of their id.
    Sample(usize),
    None,
}

/// Everything a worker keeps from document to document.
#[derive(Default)]
pub struct Scratch {
    scanner: Scanner,
    signals: Signals,
    edits: LineEdits,
    /// The text after line filters, and the next one while it is made.
    kept: String,
    next: String,
    buffer: String,
    signer: Signer,
    stage_bytes: Vec<u64>,
}

/// The block being swept.
pub(crate) struct Block<'b> {
    measured: Measured<'b>,
    repeated: &'b Repeated,
    /// Of each of the recipe's own columns, in its order.
    numbers: Vec<Option<&'b Float64Array>>,
    missing: Vec<u64>,
    found: Vec<FoundItems>,
    signed: Vec<Signed>,
    near: Vec<Near>,
    lines: Vec<u64>,
    nanos: Vec<u64>,
    clock: &'b dyn Fn() -> u64,
    pub watch: Option<Box<Watch<'b>>>,
}

impl<'b> Block<'b> {
    fn of(plan: &'b Plan, batch: &'b Batch, repeated: &'b Repeated, clock: &'b dyn Fn() -> u64) -> Self {
        let own = plan.own_columns().iter();
        let numbers = own.map(|(column, _)| batch.number(&column.name)).collect();
        Block { numbers, ..Block::new(plan, batch.len(), repeated, clock) }
    }

    /// Without numbers that come with the documents.
    pub fn new(plan: &'b Plan, rows: usize, repeated: &'b Repeated, clock: &'b dyn Fn() -> u64) -> Self {
        let own = plan.own_columns();
        Block {
            measured: Measured::new(plan, rows),
            repeated,
            numbers: vec![None; own.len()],
            missing: vec![0; own.len()],
            found: vec![FoundItems::default(); plan.item_sets().count()],
            signed: Vec::new(),
            near: Vec::new(),
            lines: vec![0; plan.reasons.0.len()],
            nanos: vec![0; plan.stages.len() + 1],
            clock,
            watch: None,
        }
    }

    /// Keeps what near-dedup needs of a text apart: most documents of a block may have none.
    fn place(&mut self, near: Option<Near>) -> Option<u32> {
        let place = self.near.len() as u32;
        near.map(|near| {
            self.near.push(near);
            place
        })
    }
}

impl Plan {
    /// Sweeps a batch, of which a pass before has found what is repeated, and an earlier run what it remembers. `clock`
    /// gives nanoseconds and only serves the timing of stages.
    pub fn sweep(
        &self,
        batch: &Batch,
        (repeated, remembered): (&Repeated, &Remembered),
        options: &SweepOptions,
        scratch: &mut Scratch,
        clock: &dyn Fn() -> u64,
    ) -> Result<Swept, ArrowError> {
        let mut block = Block::of(self, batch, repeated, clock);
        let mut rows = Vec::with_capacity(batch.len());
        let mut arena = String::new();
        for index in 0..batch.len() {
            let bytes = batch.bytes().value(index);
            scratch.stage_bytes.clear();
            let row = match usable(batch, index) {
                Ok(document) => {
                    let place = (index as u32, remembered.of(index as u32));
                    self.document(document, place, options, scratch, &mut block, &mut arena)
                }
                Err(problem) => unusable(problem, bytes),
            };
            block.measured.end_document(index, &scratch.stage_bytes, row.kept_bytes);
            rows.push(row);
        }
        choose_rejected(batch, options.rejected, &mut rows);
        let records = block.measured.finish(batch, &rows, &arena)?;
        let Block { signed, near, lines, missing, found, nanos, .. } = block;
        Ok(Swept { records, signed, near, lines, missing, found, nanos })
    }

    /// Calls `each` with position and form of every document that reaches a stage, as the stages before it leave it.
    pub(crate) fn each_reaching(
        &self,
        stage: usize,
        batch: &Batch,
        repeated: &Repeated,
        options: &SweepOptions,
        scratch: &mut Scratch,
        mut each: impl FnMut(u32, &Document<'_>, &mut String),
    ) {
        // A document that fails a check does not reach the stage: what else it fails does not matter.
        let options = SweepOptions { all_signals: false, ..*options };
        let mut block = Block::of(self, batch, repeated, &|| 0);
        for index in 0..batch.len() {
            let Ok(document) = usable(batch, index) else { continue };
            let to = To { position: index as u32, end: stage, known: None, rewrites: true };
            let judged = self.judge(document, to, &options, scratch, &mut block);
            if judged.verdict.is_keep() {
                let Scratch { kept, buffer, .. } = &mut *scratch;
                let text: &str = if judged.is_rewritten { kept } else { document.text };
                each(index as u32, &Document { text, language: judged.language, ..document }, buffer);
            }
        }
    }

    fn document(
        &self,
        document: Document<'_>,
        (position, known): (u32, Option<&Known>),
        options: &SweepOptions,
        scratch: &mut Scratch,
        block: &mut Block<'_>,
        arena: &mut String,
    ) -> Row {
        let original = document.text;
        let start = (block.clock)();
        let key = known.and_then(|known| known.sampling_key).unwrap_or_else(|| {
            sampling_key(scratch.signer.shingles(original, &self.splitter), original, options.seed)
        });
        let mut flags = Flags::default();
        if key >= options.heldout_from && original.len() <= LONGEST_HELDOUT {
            flags.0 |= Flags::HELDOUT;
        } else if key < options.control_below {
            flags.0 |= Flags::CONTROL;
        }
        let is_sample = flags.has(Flags::CONTROL | Flags::HELDOUT);
        if is_sample {
            if known.is_some() {
                scratch.signer.shingles(original, &self.splitter);
            }
            let near = scratch.signer.sign(&self.minhash, &self.splitter).as_ref().map(near_of);
            let near = block.place(near);
            let exact = hash128(original.as_bytes());
            block.signed.push(Signed {
                position,
                is_original: true,
                exact,
                near,
                url: None,
                carried: Vec::new(),
            });
        }
        scratch.signer.let_go_of_long();
        block.nanos[self.stages.len()] += (block.clock)() - start;

        // A control document's text is wanted whatever the verdict: an arm without the stage that dropped it has it so.
        let is_compared = options.all_signals && flags.has(Flags::CONTROL);
        let rewrites = is_compared || !known.is_some_and(|known| known.is_gone);
        let to = To { position, end: self.stages.len(), known, rewrites };
        let Judged { verdict, language, is_rewritten, url, exact, near, carried } =
            self.judge(document, to, options, scratch, block);
        if url.is_some() {
            flags.0 |= Flags::URL;
        }
        if exact.is_some() {
            flags.0 |= Flags::EXACT;
        }
        if near.is_some() {
            flags.0 |= Flags::NEAR;
        }
        if verdict.is_keep() {
            flags.0 |= Flags::SURVIVES;
        }
        // Survivors are signed without a dedup stage, too: near-duplicates of held-out documents are not trained on.
        if url.is_some() || exact.is_some() || near.is_some() || verdict.is_keep() {
            let start = (block.clock)();
            let Scratch { signer, kept, .. } = &mut *scratch;
            let text: &str = if is_rewritten { kept } else { original };
            let exact = exact.unwrap_or_else(|| hash128(text.as_bytes()));
            let near = near.unwrap_or_else(|| {
                if is_rewritten || known.is_some() || signer.is_let_go {
                    signer.shingles(text, &self.splitter);
                }
                let signature =
                    verdict.is_keep().then(|| signer.sign(&self.minhash, &self.splitter)).flatten();
                signature.as_ref().map(near_of)
            });
            let near = block.place(near);
            block.signed.push(Signed { position, is_original: false, exact, near, url, carried });
            signer.let_go_of_long();
            block.nanos[self.stages.len()] += (block.clock)() - start;
        }
        let kept_bytes = if is_rewritten { scratch.kept.len() } else { original.len() } as u64;
        let rewritten = (is_rewritten && (verdict.is_keep() || is_compared)).then(|| {
            let start = arena.len();
            arena.push_str(&scratch.kept);
            start..arena.len()
        });
        Row {
            verdict,
            language,
            rewritten,
            kept_bytes,
            sampling_key: key,
            flags,
            carries_original: is_sample,
        }
    }
}

/// A row's document, if it has a usable text.
fn usable(batch: &Batch, index: usize) -> Result<Document<'_>, Problem> {
    let (texts, urls) = (batch.strings("text"), batch.strings("url"));
    let problem = batch.problems().value(index);
    match Problem::ALL.into_iter().find(|known| *known as u8 == problem) {
        Some(problem) => Err(problem),
        None if texts.is_null(index) => Err(Problem::NoText),
        None => {
            let url = urls.is_valid(index).then(|| urls.value(index));
            Ok(Document { url, ..Document::new(texts.value(index)) })
        }
    }
}

fn unusable(problem: Problem, bytes: u64) -> Row {
    let mut verdict = Verdict::default();
    verdict.add(Plan::input_reason(problem));
    Row {
        verdict,
        language: None,
        rewritten: None,
        kept_bytes: bytes,
        sampling_key: 0,
        flags: Flags::default(),
        carries_original: true,
    }
}

/// Decides whose original text is carried on: survivors' (dedup may still drop them), and a sample
/// of the dropped.
fn choose_rejected(batch: &Batch, rejected: Rejected, rows: &mut [Row]) {
    let mut by_reason: BTreeMap<ReasonId, Vec<(u64, usize)>> = BTreeMap::new();
    for (index, row) in rows.iter_mut().enumerate() {
        match (rejected, row.verdict.first()) {
            (Rejected::None, _) => {}
            (Rejected::All, _) | (_, None) => row.carries_original = true,
            (Rejected::Sample(_), Some(reason)) => {
                let hash = hash_id(batch.strings("id").value(index), 0);
                by_reason.entry(reason).or_default().push((hash, index));
            }
        }
    }
    if let Rejected::Sample(n) = rejected {
        for mut documents in by_reason.into_values() {
            documents.sort_unstable();
            for (_, index) in documents.into_iter().take(n) {
                rows[index].carries_original = true;
            }
        }
    }
}
