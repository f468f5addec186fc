//! Blocks again, with the duplicates known: the final files of every segment, and token ids for packing.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{
    ArrayRef, FixedSizeBinaryBuilder, FixedSizeListBuilder, Int32Builder, Int64Builder, RecordBatch,
    UInt64Array, UInt64Builder,
};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema};
use document::{Tally, Verdict};
use plan::Flags;
use report::Sample;
use shards::{ParquetSink, Receipt, SinkOptions};
use tokens::{Cache, Version};

use crate::clean::{CleanOptions, Phase, Progress};
use crate::counting;
use crate::error::EngineError;
use crate::finish::{Block, Finished, Finisher, Heldout};
use crate::ordered::ordered;
use crate::sampling;
use crate::spool::Spool;
use crate::summary;
use crate::signatures::SignatureFile;
use crate::work::{SegmentReceipt, Work, read_frame};

/// What the pack phase leaves beside the files of its segments.
pub(crate) struct PackedSegments {
    pub outputs: Vec<Receipt>,
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
}

enum Item {
    Block { file: Arc<File>, segment: usize, frame: (u64, u64), first: u64 },
    End { segment: usize },
}

enum Done {
    Block(Box<Finished>),
    End { segment: usize },
}

/// Dropped documents per reason that the report shows.
pub(crate) const SHOWN_PER_REASON: usize = 12;

pub(crate) fn pack_shards(
    finisher: &Finisher<'_>,
    receipts: &[SegmentReceipt],
    options: &CleanOptions,
    work: &Work,
    spool: &mut Spool,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<PackedSegments, EngineError> {
    let mut items = items(receipts, &finisher.resolution.bases);
    let mut shown: Vec<u64> = Vec::new();
    for (kept, members) in &finisher.resolution.largest {
        shown.push(*kept);
        shown.extend(members.iter().take(4));
    }
    shown.sort_unstable();
    let total: u64 = receipts.iter().map(|receipt| receipt.raw_bytes).sum();
    let mut done_bytes = 0;
    let mut packed = PackedSegments {
        outputs: Vec::new(),
        tally: counting::empty(finisher.plan),
        heldout: Vec::new(),
        sources: BTreeMap::new(),
        excerpts: BTreeMap::new(),
        samples: Vec::new(),
        control_documents: 0,
    };
    for receipt in receipts {
        for (check, lines) in packed.tally.checks.iter_mut().zip(&receipt.lines) {
            check.lines += lines;
        }
    }
    let footer = vec![(tokens::FOOTER_RECIPE_HASH.to_owned(), finisher.plan.hash.clone())];
    let mut files: Option<SegmentFiles> = None;
    ordered(
        options.threads,
        || match options.stop.load(Ordering::Relaxed) {
            true => Err(EngineError::Stopped),
            false => items.next(work),
        },
        Cache::default,
        |item, cache| match item {
            Item::End { segment } => Ok(Done::End { segment }),
            Item::Block { file, segment, frame, first } => {
                let receipt = &receipts[segment];
                let records = read_frame(&file, &work.blocks(receipt.segment), frame, None)?;
                let block = Block { records: &records, shard: receipt.shard, first };
                let mut finished = finisher.finish(block, &shown, cache)?;
                let chosen = UInt64Array::from(sampling::choose(&finished.rejected_keys, options.rejected));
                finished.rejected = take_record_batch(&finished.rejected, &chosen)?;
                finished.rejected_keys =
                    chosen.values().iter().map(|index| finished.rejected_keys[*index as usize]).collect();
                Ok(Done::Block(Box::new(finished)))
            }
        },
        |done| {
            match done {
                Done::Block(finished) => {
                    let open = match &mut files {
                        Some(open) => open,
                        None => {
                            files.insert(SegmentFiles::new(packed.outputs.len() / 3, &options.out, &footer))
                        }
                    };
                    for document in &finished.tokens {
                        packed.control_documents += u64::from(document.control == Some(Version::Original));
                        spool.add(document)?;
                    }
                    packed.tally.merge(&finished.tally);
                    for (source, (candidates, duplicates)) in &finished.sources {
                        let entry = packed.sources.entry(source.clone()).or_default();
                        entry.0 += candidates;
                        entry.1 += duplicates;
                    }
                    let excerpts = finished.excerpts.iter();
                    packed.excerpts.extend(excerpts.map(|(d, id, text)| (*d, (id.clone(), text.clone()))));
                    open.write(&finished)?;
                    packed.heldout.extend(finished.heldout);
                }
                Done::End { segment } => {
                    done_bytes += receipts[segment].raw_bytes;
                    if let Some(open) = files.take() {
                        let sample = open.commit(options.rejected, &mut packed.outputs)?;
                        if let Some(sample) = sample {
                            summary::add_samples(finisher.plan, &mut packed.samples, &sample);
                        }
                    }
                }
            }
            let documents = packed.tally.input.documents;
            let kept = packed.tally.kept.documents;
            progress(Progress { phase: Phase::Pack, done_bytes, total_bytes: total, documents, kept });
            Ok(())
        },
    )?;
    Ok(packed)
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

fn items<'a>(receipts: &'a [SegmentReceipt], bases: &'a [u64]) -> Items<'a> {
    Items { receipts, bases, segment: 0, frame: 0, first: 0, file: None }
}

impl Items<'_> {
    fn next(&mut self, work: &Work) -> Result<Option<Item>, EngineError> {
        let Some(receipt) = self.receipts.get(self.segment) else { return Ok(None) };
        let Some((offset, length, rows)) = receipt.frames.get(self.frame) else {
            let segment = self.segment;
            (self.segment, self.frame, self.file) = (segment + 1, 0, None);
            return Ok(Some(Item::End { segment }));
        };
        let file = match &self.file {
            Some(file) => file.clone(),
            None => {
                let path = work.blocks(receipt.segment);
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
    rejected: Vec<RecordBatch>,
    rejected_keys: Vec<(Verdict, u64)>,
}

impl<'a> SegmentFiles<'a> {
    fn new(number: usize, out: &'a Path, footer: &'a [(String, String)]) -> SegmentFiles<'a> {
        SegmentFiles {
            number,
            out,
            footer,
            clean: None,
            ledger: None,
            rejected: Vec::new(),
            rejected_keys: Vec::new(),
        }
    }

    fn sink(&self, folder: &str, batch: &RecordBatch, rows: usize) -> Result<ParquetSink, EngineError> {
        let path = self.out.join(format!("{folder}/{:05}.parquet", self.number));
        let options =
            SinkOptions { row_group_rows: rows, footer: self.footer.to_vec(), ..SinkOptions::default() };
        Ok(ParquetSink::create(&path, batch.schema(), &options)?)
    }

    fn write(&mut self, finished: &Finished) -> Result<(), EngineError> {
        if self.clean.is_none() {
            self.clean = Some(self.sink("clean", &finished.clean, 5_000)?);
            self.ledger = Some(self.sink("ledger", &finished.ledger, 100_000)?);
        }
        if let (Some(clean), Some(ledger)) = (&mut self.clean, &mut self.ledger) {
            clean.write(&finished.clean)?;
            ledger.write(&finished.ledger)?;
        }
        self.rejected.push(finished.rejected.clone());
        self.rejected_keys.extend(&finished.rejected_keys);
        Ok(())
    }

    /// Commits the files of the segment; returns the rejected documents that the report shows.
    fn commit(
        self,
        rejected: plan::Rejected,
        outputs: &mut Vec<Receipt>,
    ) -> Result<Option<RecordBatch>, EngineError> {
        let Some(first) = self.rejected.first() else { return Ok(None) };
        let all = concat_batches(&first.schema(), &self.rejected)?;
        let chosen = UInt64Array::from(sampling::choose(&self.rejected_keys, rejected));
        let chosen = take_record_batch(&all, &chosen)?;
        let mut sink = self.sink("rejected", &chosen, 5_000)?;
        sink.write(&chosen)?;
        let shown = sampling::choose(&self.rejected_keys, plan::Rejected::Sample(SHOWN_PER_REASON));
        let sample = take_record_batch(&all, &UInt64Array::from(shown))?;
        for open in [self.clean, self.ledger].into_iter().flatten() {
            outputs.push(open.commit()?);
        }
        outputs.push(sink.commit()?);
        Ok(Some(sample))
    }
}

/// `signatures/`: exact hash, band keys and sketch of every kept document, by segment.
pub(crate) fn write_signatures(
    finisher: &Finisher<'_>,
    receipts: &[SegmentReceipt],
    work: &Work,
    out: &Path,
) -> Result<Vec<Receipt>, EngineError> {
    let item = || Arc::new(Field::new("item", DataType::UInt64, false));
    let schema = Arc::new(Schema::new(vec![
        Field::new("shard", DataType::Int32, false),
        Field::new("row_in_segment", DataType::Int64, false),
        Field::new("exact", DataType::FixedSizeBinary(16), false),
        Field::new("bands", DataType::FixedSizeList(item(), dedup::BANDS as i32), true),
        Field::new("sketch", DataType::FixedSizeBinary(dedup::VALUES as i32), true),
    ]));
    let footer = vec![(tokens::FOOTER_RECIPE_HASH.to_owned(), finisher.plan.hash.clone())];
    let plain = ["exact", "bands.list.item", "sketch"].map(str::to_owned).to_vec();
    let options = SinkOptions { row_group_rows: 100_000, plain, footer, ..SinkOptions::default() };
    let mut outputs = Vec::new();
    for (number, (receipt, base)) in receipts.iter().zip(&finisher.resolution.bases).enumerate() {
        let file = SignatureFile::open(work.signatures(receipt.segment), receipt.signed)?;
        let mut shards = Int32Builder::new();
        let mut rows = Int64Builder::new();
        let mut exact = FixedSizeBinaryBuilder::new(16);
        let mut bands =
            FixedSizeListBuilder::new(UInt64Builder::new(), dedup::BANDS as i32).with_field(item());
        let mut sketch = FixedSizeBinaryBuilder::new(dedup::VALUES as i32);
        let mut twins = finisher.resolution.twins(*base, receipt.rows).map(|(document, _)| document).peekable();
        for group in 0..file.n_groups() {
            let (hashes, keys) = (file.exact(group)?, file.bands(group)?);
            let (rows_of_group, sketches) = (file.rows(group)?, file.sketches(group)?);
            for (at, state) in file.states(group)?.into_iter().enumerate() {
                let document = base + u64::from(rows_of_group[at]);
                if !state.is_candidate() {
                    continue;
                }
                let is_duplicate = twins.next_if_eq(&document).is_some();
                if is_duplicate || !state.flags.has(Flags::SURVIVES) {
                    continue;
                }
                shards.append_value(receipt.shard as i32);
                rows.append_value(i64::from(rows_of_group[at]));
                exact.append_value(hashes[at].to_le_bytes())?;
                bands.values().append_slice(&keys[at]);
                bands.append(state.has_near());
                match state.has_near() {
                    true => sketch.append_value(sketches[at].0)?,
                    false => sketch.append_null(),
                }
            }
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(shards.finish()),
            Arc::new(rows.finish()),
            Arc::new(exact.finish()),
            Arc::new(bands.finish()),
            Arc::new(sketch.finish()),
        ];
        let path = out.join(format!("signatures/{number:05}.parquet"));
        let mut sink = ParquetSink::create(&path, schema.clone(), &options)?;
        sink.write(&RecordBatch::try_new(schema.clone(), columns)?)?;
        outputs.push(sink.commit()?);
    }
    Ok(outputs)
}
