//! The sweep over all shards: blocks to workers, results in order into segments.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::Instant;

use document::Batch;
use plan::{Carried, Flags, Plan, Scratch, SweepOptions, Swept};
use shards::{
    AtomicFile, Block, Damage, Extraction, Inputs, Parsed, Quarantined, RecordCounts, ShardError, ShardReader,
};

use crate::carried;
use crate::clean::{CleanOptions, Phase, Progress};
use crate::error::EngineError;
use crate::ordered::ordered;
use crate::ranking::ranks;
use crate::sidecar::Sidecars;
use crate::work::{SEGMENT_BYTES, SegmentReceipt, SignatureRecord, Work, frame};

enum Item {
    Block(Box<Block>),
    /// The segment is complete; so is the shard if `ends_shard`, with the error that ended it early.
    End {
        shard: u32,
        end_block: u64,
        ends_shard: bool,
        error: Option<ShardError>,
    },
}

enum Done {
    Block {
        bytes: u64,
        rows: u64,
        frame: Vec<u8>,
        signatures: Vec<u8>,
        signed: u64,
        /// What is carried, and of how many candidates.
        carried: (Vec<u8>, u32),
        swept: Counted,
        /// Records by type, and what could not be read of them.
        crawled: Box<(RecordCounts, Damage)>,
    },
    Panicked {
        quarantined: Quarantined,
    },
    End {
        shard: u32,
        end_block: u64,
        ends_shard: bool,
        error: Option<ShardError>,
    },
}

/// What is counted of a swept block.
struct Counted {
    lines: Vec<u64>,
    missing: Vec<u64>,
    nanos: Vec<u64>,
    survivors: u64,
    extraction: Extraction,
}

/// Sweeps what is not swept yet; returns the receipts of all segments, in input order.
pub(crate) fn sweep_shards(
    inputs: &Inputs,
    plan: &Plan,
    options: &CleanOptions,
    sweep: &SweepOptions,
    sidecars: &Sidecars,
    work: &Work,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<SegmentReceipt>, EngineError> {
    let done = work.receipts()?;
    let mut source = Source::after(&done, inputs, options);
    let mut writer = SegmentWriter { work, plan, receipts: done, open: None };
    let total = inputs.size();
    let consumed = source.consumed.clone();
    let mut documents = 0;
    let mut kept = 0;
    let start = Instant::now();
    let clock = || start.elapsed().as_nanos() as u64;
    ordered(
        options.threads,
        || match options.stop.load(Ordering::Relaxed) {
            true => Err(EngineError::Stopped),
            false => source.next(),
        },
        Scratch::default,
        |item, scratch| match item {
            Item::End { shard, end_block, ends_shard, error } => {
                Ok(Done::End { shard, end_block, ends_shard, error })
            }
            Item::Block(block) => {
                let result = catch_unwind(AssertUnwindSafe(|| {
                    sweep_block(&block, plan, options, (sweep, sidecars), scratch, &clock)
                }));
                result.unwrap_or_else(|_| {
                    *scratch = Scratch::default();
                    Ok(panicked(&block, inputs))
                })
            }
        },
        |done| {
            if let Done::Block { rows, swept, .. } = &done {
                documents += rows;
                kept += swept.survivors;
            }
            writer.add(done)?;
            let done_bytes = consumed.load(Ordering::Relaxed);
            progress(Progress { phase: Phase::Sweep, done_bytes, total_bytes: total, documents, kept });
            Ok(())
        },
    )?;
    Ok(writer.receipts)
}

fn panicked(block: &Block, inputs: &Inputs) -> Done {
    let path = inputs.shards.get(block.shard as usize).map(|shard| shard.path.display().to_string());
    Done::Panicked {
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
    (sweep, sidecars): (&SweepOptions, &Sidecars),
    scratch: &mut Scratch,
    clock: &dyn Fn() -> u64,
) -> Result<Done, EngineError> {
    let start = clock();
    let Parsed { records, extraction, extract_nanos } = block.parse(&options.read)?;
    let records = sidecars.join(records)?;
    let batch =
        Batch::try_new(records).map_err(|error| arrow::error::ArrowError::SchemaError(error.to_string()))?;
    let parsed = clock();
    let Swept { records, signed, lines, missing, mut nanos } = plan.sweep(&batch, sweep, scratch, clock)?;
    let swept = clock();
    let frame = frame(&records)?;
    let column = |name: &str| records.column_by_name(name);
    let flags = column("flags").and_then(|c| c.as_any().downcast_ref::<arrow::array::UInt8Array>());
    let Some(flags) = flags else {
        return Err(arrow::error::ArrowError::SchemaError("swept block".to_owned()).into());
    };
    let ranks = ranks(&plan.minhash.keep, &records);
    let mut signatures = Vec::with_capacity(signed.len() * SignatureRecord::SIZE);
    for one in &signed {
        let row = one.position as usize;
        let record = SignatureRecord {
            row: one.position,
            flags: Flags(flags.value(row)),
            is_original: one.is_original,
            rank: ranks[row],
            exact: one.exact,
            near: one.near.as_deref().cloned(),
        };
        record.write(&mut signatures).map_err(EngineError::io("memory"))?;
    }
    nanos.push((parsed - start).saturating_sub(extract_nanos));
    nanos.push(clock() - swept);
    nanos.push(extract_nanos);
    let survivors = flags.values().iter().filter(|flags| Flags(**flags).has(Flags::SURVIVES)).count() as u64;
    let swept = Counted { lines, missing, nanos, survivors, extraction };
    let crawled = Box::new((block.records.clone(), block.damage.clone()));
    let carried = carried::chunk(plan.minhash.carried(), &signed);
    let (bytes, rows, signed) = (block.bytes, batch.len() as u64, signed.len() as u64);
    Ok(Done::Block { bytes, rows, frame, signatures, signed, carried, swept, crawled })
}

/// Names of the steps that [`SegmentReceipt::nanos`] times after the plan's stages.
pub(crate) const STEPS: [&str; 4] = ["sampling keys", "parse", "write", report::EXTRACT];

/// Reads shard after shard, and says where segments end.
struct Source<'a> {
    inputs: &'a Inputs,
    options: &'a CleanOptions,
    shard: usize,
    reader: Option<ShardReader>,
    /// Blocks of the shard that earlier segments hold.
    skip: u64,
    end_block: u64,
    /// Uncompressed bytes in the open segment; `None`: no segment is open.
    segment_bytes: Option<u64>,
    waiting: Option<Block>,
    consumed: std::sync::Arc<std::sync::atomic::AtomicU64>,
    finished_bytes: u64,
}

impl<'a> Source<'a> {
    fn after(receipts: &[SegmentReceipt], inputs: &'a Inputs, options: &'a CleanOptions) -> Source<'a> {
        let (shard, skip) = match receipts.last() {
            None => (0, 0),
            Some(last) if last.ends_shard => (last.shard as usize + 1, 0),
            Some(last) => (last.shard as usize, last.end_block),
        };
        let finished_bytes = inputs.shards.iter().take(shard).map(|shard| shard.size).sum();
        Source {
            inputs,
            options,
            shard,
            reader: None,
            skip,
            end_block: skip,
            segment_bytes: None,
            waiting: None,
            consumed: Default::default(),
            finished_bytes,
        }
    }

    fn next(&mut self) -> Result<Option<Item>, EngineError> {
        loop {
            if let Some(block) = self.waiting.take() {
                return Ok(Some(self.hand_out(block)));
            }
            let Some(shard) = self.inputs.shards.get(self.shard) else { return Ok(None) };
            if self.reader.is_none() {
                match ShardReader::open(shard, &self.options.read) {
                    Ok(reader) => self.reader = Some(reader),
                    Err(error) => return Ok(Some(self.end_shard(Some(error)))),
                }
            }
            let Some(reader) = &mut self.reader else { continue };
            let next = reader.next_block();
            self.consumed.store(self.finished_bytes + reader.consumed(), Ordering::Relaxed);
            match next {
                Ok(Some(block)) if block.index < self.skip => {}
                Ok(Some(block)) if self.segment_bytes.is_some_and(|bytes| bytes >= SEGMENT_BYTES) => {
                    self.waiting = Some(block);
                    self.segment_bytes = None;
                    let (shard, end_block) = (self.shard as u32, self.end_block);
                    return Ok(Some(Item::End { shard, end_block, ends_shard: false, error: None }));
                }
                Ok(Some(block)) => return Ok(Some(self.hand_out(block))),
                Ok(None) if self.segment_bytes.is_none() => self.next_shard(),
                Ok(None) => return Ok(Some(self.end_shard(None))),
                Err(error) => return Ok(Some(self.end_shard(Some(error)))),
            }
        }
    }

    fn hand_out(&mut self, block: Block) -> Item {
        self.segment_bytes = Some(self.segment_bytes.unwrap_or(0) + block.bytes);
        self.end_block = block.index + 1;
        Item::Block(Box::new(block))
    }

    fn end_shard(&mut self, error: Option<ShardError>) -> Item {
        let item = Item::End { shard: self.shard as u32, end_block: self.end_block, ends_shard: true, error };
        self.next_shard();
        item
    }

    fn next_shard(&mut self) {
        self.finished_bytes += self.inputs.shards.get(self.shard).map_or(0, |shard| shard.size);
        self.shard += 1;
        self.reader = None;
        self.segment_bytes = None;
        self.skip = 0;
        self.end_block = 0;
    }
}

/// Appends results to the open segment, and commits it at its end.
struct SegmentWriter<'a> {
    work: &'a Work,
    plan: &'a Plan,
    receipts: Vec<SegmentReceipt>,
    open: Option<Open>,
}

struct Open {
    blocks: AtomicFile,
    signatures: AtomicFile,
    /// Only where the recipe wants something carried.
    carried: Option<AtomicFile>,
    at: u64,
    carried_at: u64,
    receipt: SegmentReceipt,
}

impl SegmentWriter<'_> {
    fn open(&mut self) -> Result<&mut Open, EngineError> {
        if self.open.is_none() {
            let segment = self.receipts.len() as u32;
            self.open = Some(Open {
                blocks: AtomicFile::create(&self.work.blocks(segment))?,
                signatures: AtomicFile::create(&self.work.signatures(segment))?,
                carried: match self.plan.minhash.carried() {
                    Carried::Nothing => None,
                    _ => Some(AtomicFile::create(&self.work.carried(segment))?),
                },
                at: 0,
                carried_at: 0,
                receipt: SegmentReceipt {
                    segment,
                    lines: vec![0; self.plan.reasons.0.len()],
                    missing: vec![0; self.plan.own_columns().len()],
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
        let open = self.open()?;
        match done {
            Done::Block { bytes, rows, frame, signatures, signed, carried, swept, crawled } => {
                open.blocks.write_all(&frame).map_err(EngineError::io(&folder))?;
                // Rows are numbered within the block; the segment numbers them on.
                let first = open.receipt.rows as u32;
                for record in signatures.as_chunks::<{ SignatureRecord::SIZE }>().0 {
                    let mut record = SignatureRecord::read(record);
                    record.row += first;
                    record.write(&mut open.signatures).map_err(EngineError::io(&folder))?;
                }
                open.receipt.frames.push((open.at, frame.len() as u64, rows as u32));
                open.at += frame.len() as u64;
                if let (Some(file), (chunk, candidates)) = (&mut open.carried, carried) {
                    file.write_all(&chunk).map_err(EngineError::io(&folder))?;
                    open.receipt.carried.push((open.carried_at, candidates));
                    open.carried_at += chunk.len() as u64;
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
                open.receipt.extraction.merge(swept.extraction);
                let (records, damage) = *crawled;
                for (kind, n) in records {
                    *open.receipt.records.entry(kind).or_default() += n;
                }
                open.receipt.damage.merge(damage);
            }
            Done::Panicked { quarantined } => open.receipt.quarantined.push(quarantined),
            Done::End { shard, end_block, ends_shard, error } => {
                let Some(mut open) = self.open.take() else { return Ok(()) };
                open.receipt.shard = shard;
                open.receipt.end_block = end_block;
                open.receipt.ends_shard = ends_shard;
                open.receipt.quarantined.extend(error.map(|error| error.quarantined()));
                open.blocks.commit(open.receipt.rows)?;
                open.signatures.commit(open.receipt.signed)?;
                if let Some(carried) = open.carried {
                    carried.commit(open.receipt.signed)?;
                }
                self.work.commit(&open.receipt)?;
                let SegmentReceipt { segment, rows, raw_bytes, .. } = open.receipt;
                tracing::info!(shard, segment, rows, raw_bytes, "segment swept");
                self.receipts.push(open.receipt);
            }
        }
        Ok(())
    }
}
