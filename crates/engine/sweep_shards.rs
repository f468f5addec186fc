//! The sweep over all shards: blocks to workers, results in order into segments.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::Instant;

use arrow::array::RecordBatch;
use document::Batch;
use plan::{Carried, Flags, Plan, Scratch, Signed, SweepOptions, Swept};
use shards::{Block, Inputs, Parsed, Quarantined, ReadOptions};

use crate::carried;
use crate::counting;
use crate::error::EngineError;
use crate::events::{Phase, Progress};
use crate::finish;
use crate::live::Live;
use crate::options::{CleanOptions, OF_A_BYTE};
use crate::ordered::ordered;
use crate::ranking::ranks;
use crate::repeats::{self, Found};
use crate::resolve::URL_DEDUP;
use crate::segment_writer::{Counted, Done, SegmentWriter};
use crate::sidecar::Sidecars;
use crate::signatures::SignatureRecord;
use crate::source::{Item, Left, Source};
use crate::urls::UrlRecord;
use crate::work::{SegmentReceipt, Work, frames};

/// What is done to every block.
pub(crate) struct Job<'a> {
    pub sweep: &'a SweepOptions,
    pub sidecars: &'a Sidecars,
    /// What the passes before have found.
    pub found: &'a Found,
    /// Not the sweep, but the pass before it that looks for what this stage removes.
    pub parts_of: Option<usize>,
    /// Told what is counted in the sweep.
    pub live: &'a Live,
}

/// Segments that are swept, by shard.
pub(crate) type Receipts = BTreeMap<u32, Vec<SegmentReceipt>>;

/// Sweeps (or does a pass before) what is not swept yet of the shards that are the keys of `done`; returns the receipts of all their segments.
pub(crate) fn sweep_shards(
    inputs: &Inputs,
    plan: &Plan,
    options: &CleanOptions,
    job: &Job<'_>,
    work: &Work,
    done: Receipts,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Receipts, EngineError> {
    let size = |shard: u32| inputs.shards[shard as usize].size;
    let total = done.keys().map(|shard| size(*shard)).sum();
    let left: Vec<Left> = done.iter().filter_map(|(shard, done)| Left::after(*shard, done)).collect();
    let finished = total - left.iter().map(|left| size(left.shard)).sum::<u64>();
    for left in &left {
        shards::remove_leftovers(&work.shard(left.shard))?;
    }
    let mut source = Source::new(inputs, options, &left, finished);
    let carries = job.parts_of.is_some() || plan.minhash.carried() != Carried::Nothing;
    let looks_at_urls = job.parts_of.is_none() && plan.stage(URL_DEDUP).is_some();
    let live = job.parts_of.is_none().then_some(job.live);
    if let Some(live) = live {
        live.add_swept(work, done.values().flatten())?;
    }
    let mut writer = SegmentWriter { work, plan, carries, looks_at_urls, live, receipts: done, open: None };
    let consumed = source.consumed.clone();
    let mut documents = 0;
    let mut kept = 0;
    let start = Instant::now();
    let clock = || start.elapsed().as_nanos() as u64;
    ordered(
        options.room(),
        || {
            options.unless_stopped()?;
            let item = source.next()?;
            Ok(item.map(|item| match &item {
                Item::Block(block) => (OF_A_BYTE * block.bytes, item),
                Item::End(_) => (0, item),
            }))
        },
        Scratch::default,
        |item, scratch| match item {
            Item::End(end) => Ok(Done::End(end)),
            Item::Block(block) => {
                let result = catch_unwind(AssertUnwindSafe(|| {
                    sweep_block(&block, plan, options, job, scratch, &clock)
                }));
                // What a long document needed is not kept.
                if block.bytes > ReadOptions::BLOCK_BYTES as u64 || result.is_err() {
                    *scratch = Scratch::default();
                }
                result.unwrap_or_else(|_| Ok(panicked(&block, inputs)))
            }
        },
        |done| {
            if let Done::Block { rows, swept, .. } = &done {
                documents += rows;
                kept += swept.survivors;
            }
            writer.add(done)?;
            let done_bytes = consumed.load(Ordering::Relaxed);
            let phase = if job.parts_of.is_some() { Phase::Repeats } else { Phase::Sweep };
            progress(Progress { phase, done_bytes, total_bytes: total, documents, kept });
            Ok(())
        },
    )?;
    Ok(writer.receipts)
}

fn panicked(block: &Block, inputs: &Inputs) -> Done {
    let path = inputs.shards.get(block.shard as usize).map(|shard| shard.path.display().to_string());
    Done::Panicked {
        shard: block.shard,
        end_row: block.first_row + block.rows,
        quarantined: Quarantined {
            path: path.unwrap_or_default(),
            why: format!(
                "rows {} to {} made the program panic",
                block.first_row,
                block.first_row + block.rows
            ),
            offset: Some(block.offset),
            remedy: "this is a bug: please report it with these rows; they were left out".to_owned(),
        },
    }
}

fn sweep_block(
    block: &Block,
    plan: &Plan,
    options: &CleanOptions,
    job: &Job<'_>,
    scratch: &mut Scratch,
    clock: &dyn Fn() -> u64,
) -> Result<Done, EngineError> {
    let start = clock();
    let Parsed { records, extraction, extract_nanos } = block.parse(&options.read)?;
    let records = job.sidecars.join(records)?;
    let batch =
        Batch::try_new(records).map_err(|error| arrow::error::ArrowError::SchemaError(error.to_string()))?;
    let parsed = clock();
    let repeated = job.found.of(block)?;
    let (shard, bytes, rows) = (block.shard, block.bytes, batch.len() as u64);
    let end_row = block.first_row + block.rows;
    if let Some(stage) = job.parts_of {
        let (carried, survivors) =
            repeats::look(plan, stage, block.first_row, &batch, &repeated, job.sweep, scratch);
        return Ok(Done::Block {
            shard,
            end_row,
            bytes,
            rows,
            frames: vec![(Vec::new(), rows as u32)],
            signatures: Vec::new(),
            urls: Vec::new(),
            signed: 0,
            carried,
            swept: Box::new(Counted { survivors, ..Counted::default() }),
            crawled: Box::default(),
        });
    }
    let memory = options.memory_of.as_deref();
    let remembered = memory.map(|memory| memory.of(block, &batch)).transpose()?.unwrap_or_default();
    let n_remembered = remembered.len();
    let Swept { records, signed, near, lines, missing, found, mut nanos } =
        plan.sweep(&batch, (&repeated, &remembered), job.sweep, scratch, clock)?;
    let swept = clock();
    let frames = frames(&records)?;
    let column = |name: &str| records.column_by_name(name);
    let flags = column("flags").and_then(|c| c.as_any().downcast_ref::<arrow::array::UInt8Array>());
    let Some(flags) = flags else {
        return Err(arrow::error::ArrowError::SchemaError("swept block".to_owned()).into());
    };
    let ranks = ranks(&plan.minhash.keep, &records);
    let signatures = signed.iter().map(|one| SignatureRecord {
        row: one.position,
        flags: Flags(flags.value(one.position as usize)),
        is_original: one.is_original,
        rank: ranks[one.position as usize],
        exact: one.exact,
        near: one.near.map(|place| near[place as usize].clone()),
    });
    let signatures = signatures.collect();
    let urls = urls(plan, &records, &signed);
    nanos.push((parsed - start).saturating_sub(extract_nanos));
    nanos.push(clock() - swept);
    nanos.push(extract_nanos);
    let survivors = flags.values().iter().filter(|flags| Flags(**flags).has(Flags::SURVIVES)).count() as u64;
    let counted = finish::Block { records: &records, shard, first: 0 };
    let tally = counting::count_swept(plan, counted, &lines)?;
    let swept =
        Box::new(Counted { lines, missing, found, nanos, survivors, extraction, n_remembered, tally });
    let crawled = Box::new((block.records.clone(), block.damage.clone()));
    let carried = carried::chunk(plan.minhash.carried(), &signed);
    let signed = signed.len() as u64;
    Ok(Done::Block { shard, end_row, bytes, rows, frames, signatures, urls, signed, carried, swept, crawled })
}

/// The addresses of a block's candidates.
fn urls(plan: &Plan, records: &RecordBatch, signed: &[Signed]) -> Vec<UrlRecord> {
    if plan.stage(URL_DEDUP).is_none() {
        return Vec::new();
    }
    let ranks = ranks(&plan.url_dedup.keep, records);
    let record = |one: &Signed| {
        Some(UrlRecord { row: one.position, hash: one.url?, rank: ranks[one.position as usize] })
    };
    signed.iter().filter_map(record).collect()
}
