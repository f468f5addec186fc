//! The sweep over all shards: blocks to workers, results in order into segments.

use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use arrow::array::RecordBatch;
use document::{Batch, FoundItems, Tally};
use plan::{Carried, Flags, Plan, Scratch, Signed, SweepOptions, Swept};
use shards::{AtomicFile, Block, Damage, Extraction, Inputs, Parsed, Quarantined, ReadOptions, RecordCounts};

use crate::carried;
use crate::clean::{CleanOptions, Phase, Progress};
use crate::counting;
use crate::error::EngineError;
use crate::finish;
use crate::live::Live;
use crate::ordered::ordered;
use crate::ranking::ranks;
use crate::repeats::{self, Found};
use crate::resolve::URL_DEDUP;
use crate::sidecar::Sidecars;
use crate::signatures::{SignatureRecord, SignatureWriter};
use crate::source::{End, Item, Left, Source};
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

enum Done {
    Block {
        shard: u32,
        end_row: u64,
        bytes: u64,
        rows: u64,
        /// With the rows of each.
        frames: Vec<(Vec<u8>, u32)>,
        signatures: Vec<SignatureRecord>,
        urls: Vec<UrlRecord>,
        signed: u64,
        /// What is carried, and of how many candidates.
        carried: (Vec<u8>, u32),
        swept: Box<Counted>,
        /// Records by type, and what could not be read of them.
        crawled: Box<(RecordCounts, Damage)>,
    },
    Panicked {
        shard: u32,
        end_row: u64,
        quarantined: Quarantined,
    },
    End(Box<End>),
}

/// What is counted of a swept block.
#[derive(Default)]
struct Counted {
    lines: Vec<u64>,
    missing: Vec<u64>,
    found: Vec<FoundItems>,
    nanos: Vec<u64>,
    survivors: u64,
    extraction: Extraction,
    n_remembered: u64,
    tally: Tally,
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
    // A document that is longer than a block takes up to ten times its size: one at a time, so that memory does not grow
    // with the threads, and what it needed is not kept.
    let large = Mutex::new(());
    ordered(
        options.threads,
        || {
            options.unless_stopped()?;
            source.next()
        },
        Scratch::default,
        |item, scratch| match item {
            Item::End(end) => Ok(Done::End(end)),
            Item::Block(block) => {
                let is_large = block.bytes > ReadOptions::BLOCK_BYTES as u64;
                let _alone = is_large.then(|| large.lock().unwrap_or_else(PoisonError::into_inner));
                let result = catch_unwind(AssertUnwindSafe(|| {
                    sweep_block(&block, plan, options, job, scratch, &clock)
                }));
                if is_large || result.is_err() {
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
    let Swept { records, signed, lines, missing, found, mut nanos } =
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
        near: one.near.as_deref().cloned(),
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

/// Names of the steps that [`SegmentReceipt::nanos`] times after the plan's stages.
pub(crate) const STEPS: [&str; 4] = ["sampling keys", "parse", "write", report::EXTRACT];

/// Appends results to the open segment, and commits it at its end.
struct SegmentWriter<'a> {
    work: &'a Work,
    plan: &'a Plan,
    carries: bool,
    looks_at_urls: bool,
    /// `None`: it is a pass before the sweep.
    live: Option<&'a Live>,
    receipts: Receipts,
    open: Option<Open>,
}

struct Open {
    blocks: AtomicFile,
    signatures: SignatureWriter,
    /// Only where the recipe wants something carried.
    carried: Option<AtomicFile>,
    /// Only where the recipe looks at addresses.
    urls: Option<AtomicFile>,
    at: u64,
    receipt: SegmentReceipt,
    tally: Tally,
}

impl SegmentWriter<'_> {
    fn open(&mut self, shard: u32) -> Result<&mut Open, EngineError> {
        if self.open.is_none() {
            let part = self.receipts.get(&shard).map_or(0, Vec::len) as u32;
            self.open = Some(Open {
                blocks: AtomicFile::create(&self.work.blocks(shard, part))?,
                signatures: SignatureWriter::create(&self.work.signatures(shard, part))?,
                carried: match self.carries {
                    true => Some(AtomicFile::create(&self.work.carried(shard, part))?),
                    false => None,
                },
                urls: match self.looks_at_urls {
                    true => Some(AtomicFile::create(&self.work.urls(shard, part))?),
                    false => None,
                },
                at: 0,
                tally: counting::empty(self.plan),
                receipt: SegmentReceipt {
                    urls: self.looks_at_urls.then_some(0),
                    shard,
                    part,
                    lines: vec![0; self.plan.reasons.0.len()],
                    missing: vec![0; self.plan.own_columns().len()],
                    found: vec![FoundItems::default(); self.plan.item_sets().count()],
                    nanos: vec![0; self.plan.stages.len() + STEPS.len()],
                    ..SegmentReceipt::default()
                },
            });
        }
        match &mut self.open {
            Some(open) => Ok(open),
            None => unreachable!("it was opened above"),
        }
    }

    fn add(&mut self, done: Done) -> Result<(), EngineError> {
        let folder = self.work.folder.clone();
        match done {
            Done::Block {
                shard,
                end_row,
                bytes,
                rows,
                frames,
                signatures,
                urls,
                signed,
                carried,
                swept,
                crawled,
            } => {
                if let Some(live) = self.live {
                    live.add(&swept.tally, &swept.nanos);
                }
                let open = self.open(shard)?;
                open.receipt.end_row = end_row;
                open.tally.merge(&swept.tally);
                for (frame, rows) in frames {
                    open.blocks.write_all(&frame).map_err(EngineError::io(&folder))?;
                    open.receipt.frames.push((open.at, frame.len() as u64, rows));
                    open.at += frame.len() as u64;
                }
                // Rows are numbered within the block; the segment numbers them on.
                let first = open.receipt.rows as u32;
                for record in signatures {
                    open.signatures.push(SignatureRecord { row: record.row + first, ..record })?;
                }
                if let Some(file) = &mut open.urls {
                    let mut bytes = Vec::new();
                    urls.iter().for_each(|url| UrlRecord { row: url.row + first, ..*url }.write(&mut bytes));
                    file.write_all(&bytes).map_err(EngineError::io(&folder))?;
                    *open.receipt.urls.get_or_insert(0) += urls.len() as u64;
                }
                if let (Some(file), (chunk, candidates)) = (&mut open.carried, carried) {
                    file.write_all(&chunk).map_err(EngineError::io(&folder))?;
                    open.receipt.carried.push((open.receipt.carried_bytes, candidates));
                    open.receipt.carried_bytes += chunk.len() as u64;
                }
                open.receipt.rows += rows;
                open.receipt.raw_bytes += bytes;
                open.receipt.signed += signed;
                let sum = |total: &mut [u64], part: &[u64]| {
                    total.iter_mut().zip(part).for_each(|(a, b)| *a += b);
                };
                sum(&mut open.receipt.lines, &swept.lines);
                sum(&mut open.receipt.missing, &swept.missing);
                sum(&mut open.receipt.nanos, &swept.nanos);
                open.receipt.found.iter_mut().zip(&swept.found).for_each(|(all, part)| all.merge(part));
                open.receipt.extraction.merge(swept.extraction);
                open.receipt.remembered += swept.n_remembered;
                let (records, damage) = *crawled;
                for (kind, n) in records {
                    *open.receipt.records.entry(kind).or_default() += n;
                }
                open.receipt.damage.merge(damage);
            }
            Done::Panicked { shard, end_row, quarantined } => {
                if let Some(live) = self.live {
                    live.quarantine(std::slice::from_ref(&quarantined));
                }
                let receipt = &mut self.open(shard)?.receipt;
                receipt.end_row = end_row;
                receipt.quarantined.push(quarantined);
            }
            Done::End(end) => self.commit(*end)?,
        }
        Ok(())
    }

    /// A shard without documents has a segment, too: its receipt says that it is swept.
    fn commit(&mut self, end: End) -> Result<(), EngineError> {
        let End { shard, input, end_block, place, ends_shard, error } = end;
        self.open(shard)?;
        let Some(Open { blocks, signatures, carried, urls, mut receipt, tally, .. }) = self.open.take()
        else {
            return Ok(());
        };
        (receipt.input, receipt.end_block, receipt.place, receipt.ends_shard) =
            (input, end_block, place, ends_shard);
        let broken: Vec<Quarantined> = error.iter().map(|error| error.quarantined()).collect();
        if let Some(live) = self.live {
            live.quarantine(&broken);
            let path = self.work.tally(shard, receipt.part);
            let json = serde_json::to_vec(&tally).map_err(std::io::Error::other);
            json.and_then(|json| std::fs::write(&path, json)).map_err(EngineError::io(path))?;
        }
        receipt.quarantined.extend(broken);
        blocks.commit(receipt.rows)?;
        signatures.commit()?;
        if let Some(carried) = carried {
            carried.commit(receipt.signed)?;
        }
        if let Some(urls) = urls {
            urls.commit(receipt.urls.unwrap_or(0))?;
        }
        self.work.commit(&receipt)?;
        let SegmentReceipt { part, rows, raw_bytes, .. } = receipt;
        tracing::info!(shard, part, rows, raw_bytes, "segment swept");
        self.receipts.entry(shard).or_default().push(receipt);
        Ok(())
    }
}
