//! Results of the sweep, in input order, become segments.

use std::io::Write;

use document::{FoundItems, Tally};
use plan::Plan;
use shards::{AtomicFile, Damage, Extraction, Quarantined, RecordCounts};

use crate::counting;
use crate::error::EngineError;
use crate::live::Live;
use crate::signatures::{SignatureRecord, SignatureWriter};
use crate::source::End;
use crate::sweep_shards::Receipts;
use crate::urls::UrlRecord;
use crate::work::{SegmentReceipt, Work};

/// What became of a block, or of a segment.
pub(crate) enum Done {
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
pub(crate) struct Counted {
    pub lines: Vec<u64>,
    pub missing: Vec<u64>,
    pub found: Vec<FoundItems>,
    pub nanos: Vec<u64>,
    pub survivors: u64,
    pub extraction: Extraction,
    pub n_remembered: u64,
    pub tally: Tally,
}

/// Names of the steps that [`SegmentReceipt::nanos`] times after the plan's stages.
pub(crate) const STEPS: [&str; 4] = ["sampling keys", "parse", "write", report::EXTRACT];

/// Appends results to the open segment, and commits it at its end.
pub(crate) struct SegmentWriter<'a> {
    pub work: &'a Work,
    pub plan: &'a Plan,
    pub carries: bool,
    pub looks_at_urls: bool,
    /// `None`: it is a pass before the sweep.
    pub live: Option<&'a Live>,
    /// Of what was swept before, and then of all.
    pub receipts: Receipts,
    pub open: Option<Open>,
}

pub(crate) struct Open {
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

    pub fn add(&mut self, done: Done) -> Result<(), EngineError> {
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
