//! Blocks again, with the duplicates known: the final files of every segment, and token ids for packing.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use document::Tally;
use plan::Plan;
use report::{MixSummary, Sample};
use serde::{Deserialize, Serialize};
use shards::{ParquetSink, Receipt, SinkOptions};
use tokens::{Cache, Version};

use crate::counting;
use crate::error::EngineError;
use crate::events::{Event, GoesOn, Phase, Progress};
use crate::finish::{Block, Finished, Finisher, Heldout};
use crate::live::Live;
use crate::options::{CleanOptions, OF_A_BYTE};
use crate::ordered::ordered;
use crate::samples;
use crate::sampling::Sampled;
use crate::spool::{Spool, SpoolPoint};
use crate::steps::Steps;
use crate::work::{SegmentReceipt, Work, file_numbers, read_frame};

/// What the pack phase counts and gathers beside the files: of a segment, and of all.
#[derive(Serialize, Deserialize)]
pub(crate) struct Packed {
    pub tally: Tally,
    pub heldout: Vec<Heldout>,
    /// Candidates and duplicates by source.
    pub sources: BTreeMap<String, (u64, u64)>,
    /// Id and excerpt of the documents in the clusters that are shown.
    pub excerpts: BTreeMap<u64, (String, String)>,
    /// Dropped documents that the report shows.
    pub samples: Vec<Sample>,
    /// In the control sample and trained on.
    pub control_documents: u64,
    /// What weights did.
    pub mix: MixSummary,
    /// The token ids up to here.
    pub spooled: SpoolPoint,
}

impl Packed {
    fn empty(plan: &Plan) -> Packed {
        Packed {
            tally: counting::empty(plan),
            heldout: Vec::new(),
            sources: BTreeMap::new(),
            excerpts: BTreeMap::new(),
            samples: Vec::new(),
            control_documents: 0,
            mix: MixSummary::default(),
            spooled: SpoolPoint::default(),
        }
    }

    fn add_sources(&mut self, sources: &BTreeMap<String, (u64, u64)>) {
        for (source, (candidates, duplicates)) in sources {
            let entry = self.sources.entry(source.clone()).or_default();
            entry.0 += candidates;
            entry.1 += duplicates;
        }
    }

    /// Adds the next segment.
    fn add(&mut self, plan: &Plan, segment: Packed) {
        self.tally.merge(&segment.tally);
        self.heldout.extend(segment.heldout);
        self.add_sources(&segment.sources);
        self.excerpts.extend(segment.excerpts);
        self.samples.extend(segment.samples);
        samples::keep_shown(plan, &mut self.samples);
        self.control_documents += segment.control_documents;
        let MixSummary { repeated, copies, left_out } = segment.mix;
        self.mix.repeated += repeated;
        self.mix.copies += copies;
        self.mix.left_out += left_out;
        self.spooled = segment.spooled;
    }
}

enum Item {
    Block {
        file: Arc<File>,
        segment: usize,
        frame: (u64, u64),
        first: u64,
    },
    /// `longest`: bytes of its longest frame.
    End {
        segment: usize,
        longest: u64,
    },
}

enum Done {
    Block { segment: usize, finished: Box<Finished> },
    End { segment: usize },
}

/// Dropped documents per reason that the report shows.
pub(crate) const SHOWN_PER_REASON: usize = 12;

/// Packs what is not packed yet; returns the files, what was gathered, and the token ids.
pub(crate) fn pack_shards(
    finisher: &Finisher<'_>,
    receipts: &[SegmentReceipt],
    options: &CleanOptions,
    work: &Work,
    tell: &(dyn Fn(Event) + Sync),
    live: &Live,
) -> Result<(Vec<Receipt>, Packed, Spool), EngineError> {
    let steps = Steps::new(work, &options.out);
    let mut outputs = Vec::new();
    let mut packed = Packed::empty(finisher.plan);
    for receipt in receipts {
        for (check, lines) in packed.tally.checks.iter_mut().zip(&receipt.lines) {
            check.lines += lines;
        }
    }
    let mut n_done = 0;
    while n_done < receipts.len()
        && let Some((files, segment)) = steps.done::<Packed>(&step_name(n_done))?
        && segment.spooled.is_held(work)
    {
        outputs.extend(files);
        packed.add(finisher.plan, segment);
        n_done += 1;
    }
    let mut done_bytes: u64 = receipts[..n_done].iter().map(|receipt| receipt.raw_bytes).sum();
    if n_done > 0 {
        let (phase, segments) = (Phase::Pack, n_done);
        tell(Event::GoesOn(GoesOn { phase, segments, bytes: done_bytes, next: None }));
    }
    let mut spool = Spool::open(work, packed.spooled)?;
    let mut items = items(receipts, &finisher.resolution.bases, n_done);
    let mut shown: Vec<u64> = Vec::new();
    for (kept, members) in &finisher.resolution.largest {
        shown.push(*kept);
        shown.extend(members.iter().take(4));
    }
    shown.sort_unstable();
    let total: u64 = receipts.iter().map(|receipt| receipt.raw_bytes).sum();
    let progress = |done_bytes: u64, tally: &Tally, more: &Tally| {
        let documents = tally.input.documents + more.input.documents;
        let kept = tally.kept.documents + more.kept.documents;
        tell(Event::Progress(Progress {
            phase: Phase::Pack,
            done_bytes,
            total_bytes: total,
            documents,
            kept,
        }));
    };
    progress(done_bytes, &packed.tally, &Tally::default());
    live.count_anew(packed.tally.clone());
    let footer = vec![(tokens::FOOTER_RECIPE_HASH.to_owned(), finisher.plan.hash.clone())];
    let numbers = file_numbers(receipts);
    let mut files: Option<SegmentFiles> = None;
    let mut open = Packed::empty(finisher.plan);
    let mut open_rows = 0;
    ordered(
        options.room(),
        || {
            options.unless_stopped()?;
            let item = items.next(work)?;
            Ok(item.map(|item| match &item {
                // Half of what it was before it was compressed, or less.
                Item::Block { frame: (_, length), .. } => (2 * OF_A_BYTE * *length, item),
                // One of it may be a document that is written now, alone.
                Item::End { longest, .. } => (OF_A_BYTE * longest, item),
            }))
        },
        Cache::default,
        |item, cache| match item {
            Item::End { segment, .. } => Ok::<_, EngineError>(Done::End { segment }),
            Item::Block { file, segment, frame, first } => {
                let receipt = &receipts[segment];
                let path = work.blocks(receipt.shard, receipt.part);
                let records = read_frame(&file, &path, frame, None)?;
                let block = Block { records: &records, shard: receipt.shard, first };
                let mut finished = finisher.finish(block, &shown, cache)?;
                finished.rejected.choose(options.rejected)?;
                Ok(Done::Block { segment, finished: Box::new(finished) })
            }
        },
        |done| {
            match done {
                Done::Block { segment, mut finished } => {
                    let number = numbers[segment].unwrap_or(segment);
                    let files = files.get_or_insert_with(|| {
                        SegmentFiles::new((number, options.rejected), &options.out, &footer)
                    });
                    for document in &finished.tokens {
                        open.control_documents += u64::from(document.control == Some(Version::Original));
                        match document.copies {
                            0 => open.mix.left_out += 1,
                            copies => {
                                open.mix.repeated += u64::from(copies > 1);
                                open.mix.copies += u64::from(copies) - 1;
                                spool.add(document)?;
                            }
                        }
                    }
                    open.tally.merge(&finished.tally);
                    live.add(&finished.tally, &[]);
                    open.add_sources(&finished.sources);
                    let excerpts = finished.excerpts.iter();
                    open.excerpts.extend(excerpts.map(|(d, id, text)| (*d, (id.clone(), text.clone()))));
                    files.write(&mut finished)?;
                    open_rows += finished.ledger.num_rows() as u64;
                    open.heldout.extend(finished.heldout);
                    let SegmentReceipt { raw_bytes, rows, .. } = receipts[segment];
                    let part = (raw_bytes as f64 * open_rows as f64 / rows.max(1) as f64) as u64;
                    progress(done_bytes + part, &packed.tally, &open.tally);
                }
                Done::End { segment } => {
                    done_bytes += receipts[segment].raw_bytes;
                    open_rows = 0;
                    let mut committed = Vec::new();
                    if let Some(files) = files.take()
                        && let Some(sample) = files.commit(&mut committed)?
                    {
                        for batch in sample.batches() {
                            samples::add_samples(finisher.plan, &packed.samples, &mut open.samples, &batch?);
                        }
                    }
                    open.spooled = spool.point()?;
                    let whole = std::mem::replace(&mut open, Packed::empty(finisher.plan));
                    steps.commit(&step_name(segment), &committed, &whole)?;
                    outputs.extend(committed);
                    packed.add(finisher.plan, whole);
                    progress(done_bytes, &packed.tally, &open.tally);
                }
            }
            Ok(())
        },
    )?;
    Ok((outputs, packed, spool))
}

fn step_name(segment: usize) -> String {
    format!("segment-{segment:05}")
}

/// Frames of all segments in order, each segment followed by its end.
struct Items<'a> {
    receipts: &'a [SegmentReceipt],
    bases: &'a [u64],
    segment: usize,
    frame: usize,
    first: u64,
    file: Option<Arc<File>>,
}

fn items<'a>(receipts: &'a [SegmentReceipt], bases: &'a [u64], segment: usize) -> Items<'a> {
    Items { receipts, bases, segment, frame: 0, first: 0, file: None }
}

impl Items<'_> {
    fn next(&mut self, work: &Work) -> Result<Option<Item>, EngineError> {
        let Some(receipt) = self.receipts.get(self.segment) else { return Ok(None) };
        let Some((offset, length, rows)) = receipt.frames.get(self.frame) else {
            let segment = self.segment;
            let longest = receipt.frames.iter().map(|(_, length, _)| *length).max().unwrap_or(0);
            (self.segment, self.frame, self.file) = (segment + 1, 0, None);
            return Ok(Some(Item::End { segment, longest }));
        };
        let file = match &self.file {
            Some(file) => file.clone(),
            None => {
                let path = work.blocks(receipt.shard, receipt.part);
                let file = Arc::new(File::open(&path).map_err(EngineError::io(path))?);
                self.first = self.bases[self.segment];
                self.file.insert(file).clone()
            }
        };
        let first = self.first;
        self.frame += 1;
        self.first += u64::from(*rows);
        Ok(Some(Item::Block { file, segment: self.segment, frame: (*offset, *length), first }))
    }
}

/// The open files of a segment.
struct SegmentFiles<'a> {
    number: usize,
    out: &'a Path,
    footer: &'a [(String, String)],
    clean: Option<ParquetSink>,
    ledger: Option<ParquetSink>,
    /// All that are dropped, where all are written; else `sampled` is written at the end.
    rejected: Option<ParquetSink>,
    sampled: Sampled,
    limit: plan::Rejected,
}

impl<'a> SegmentFiles<'a> {
    fn new(
        (number, limit): (usize, plan::Rejected),
        out: &'a Path,
        footer: &'a [(String, String)],
    ) -> SegmentFiles<'a> {
        let (clean, ledger, rejected) = (None, None, None);
        SegmentFiles { number, out, footer, clean, ledger, rejected, sampled: Sampled::default(), limit }
    }

    fn sink(&self, folder: &str, batch: &RecordBatch, rows: usize) -> Result<ParquetSink, EngineError> {
        let path = self.out.join(format!("{folder}/{:05}.parquet", self.number));
        let options =
            SinkOptions { row_group_rows: rows, footer: self.footer.to_vec(), ..SinkOptions::default() };
        Ok(ParquetSink::create(&path, batch.schema(), &options)?)
    }

    fn write(&mut self, finished: &mut Finished) -> Result<(), EngineError> {
        if self.clean.is_none() {
            self.clean = Some(self.sink("clean", &finished.clean, 5_000)?);
            self.ledger = Some(self.sink("ledger", &finished.ledger, 100_000)?);
            if let Some(batch) = finished.rejected.batches().next() {
                self.rejected = Some(self.sink("rejected", &batch?, 5_000)?);
            }
        }
        if let (Some(clean), Some(ledger)) = (&mut self.clean, &mut self.ledger) {
            clean.write(&finished.clean)?;
            ledger.write(&finished.ledger)?;
        }
        let mut rejected = std::mem::take(&mut finished.rejected);
        if let (plan::Rejected::All, Some(sink)) = (self.limit, &mut self.rejected) {
            for batch in rejected.batches() {
                sink.write(&batch?)?;
            }
            rejected.choose(SHOWN)?;
            return self.sampled.add(rejected, SHOWN);
        }
        self.sampled.add(rejected, self.limit)
    }

    /// Commits the files of the segment; returns the rejected documents that the report shows.
    fn commit(mut self, outputs: &mut Vec<Receipt>) -> Result<Option<Sampled>, EngineError> {
        let Some(mut rejected) = self.rejected else { return Ok(None) };
        for open in [self.clean, self.ledger].into_iter().flatten() {
            outputs.push(open.commit()?);
        }
        // Now that nothing else is open: one of the sample may be long.
        if self.limit != plan::Rejected::All {
            self.sampled.choose(self.limit)?;
            for batch in self.sampled.batches() {
                rejected.write(&batch?)?;
            }
        }
        outputs.push(rejected.commit()?);
        self.sampled.choose(SHOWN)?;
        Ok(Some(self.sampled))
    }
}

/// What a report shows of a segment at most.
const SHOWN: plan::Rejected = plan::Rejected::Sample(SHOWN_PER_REASON);
