//! The ledger of a finished run, document by document, in bounded memory.

use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};

use ::report::ComparedDocument;
use arrow::array::{Array, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray};
use shards::{Manifest, Table, read_table};
use text::stable_hash::hash_id;

use crate::inspect::{column, files};

/// Rows in memory at a time.
const ROWS: usize = 20_000;

/// A document of a ledger.
pub struct Row<'l> {
    /// Shard and row.
    pub place: (i32, i64),
    pub id: &'l str,
    pub bytes: u64,
    pub kept_bytes: u64,
    /// The first reason; `None`: kept.
    pub reason: Option<&'l str>,
}

/// The documents with the smallest hash of their id, so the same ones every time.
#[derive(Default)]
pub struct Samples(BinaryHeap<(u64, (i32, i64), String)>);

impl Samples {
    /// Takes a document if it is one of the first `most`.
    pub fn add(&mut self, place: (i32, i64), id: &str, most: usize) {
        self.insert(hash_id(id, 0), place, most, || id.to_owned());
    }

    pub fn merge(&mut self, other: Samples, most: usize) {
        for (hash, place, id) in other.0 {
            self.insert(hash, place, most, || id);
        }
    }

    fn insert(&mut self, hash: u64, place: (i32, i64), most: usize, id: impl FnOnce() -> String) {
        let is_full = self.0.len() >= most;
        if !is_full || self.0.peek().is_some_and(|largest| (hash, place) < (largest.0, largest.1)) {
            self.0.push((hash, place, id()));
            if is_full {
                self.0.pop();
            }
        }
    }

    /// With the paths of their files, still without text.
    pub fn named(self, manifest: &Manifest) -> Vec<ComparedDocument> {
        let path = |shard: i32| manifest.inputs.get(shard as usize).map_or("", |file| file.path.as_str());
        let sorted = self.0.into_sorted_vec().into_iter();
        let named = sorted.map(|(_, (shard, row), id)| ComparedDocument {
            path: path(shard).to_owned(),
            row: row as u64,
            id,
            text: None,
        });
        named.collect()
    }
}

/// A ledger, read row by row, in order of (shard, row).
pub struct Ledger {
    files: std::vec::IntoIter<PathBuf>,
    table: Option<Table>,
    batch: Option<LedgerBatch>,
    at: usize,
}

struct LedgerBatch {
    shard: Int32Array,
    row: Int64Array,
    id: StringArray,
    bytes: Int64Array,
    kept_bytes: Int64Array,
    kept: BooleanArray,
    reason: StringArray,
}

impl LedgerBatch {
    const COLUMNS: [&str; 7] = ["shard", "row", "id", "bytes", "kept_bytes", "kept", "reason"];

    fn of(batch: &RecordBatch) -> anyhow::Result<LedgerBatch> {
        Ok(LedgerBatch {
            shard: column::<Int32Array>(batch, "shard")?.clone(),
            row: column::<Int64Array>(batch, "row")?.clone(),
            id: column::<StringArray>(batch, "id")?.clone(),
            bytes: column::<Int64Array>(batch, "bytes")?.clone(),
            kept_bytes: column::<Int64Array>(batch, "kept_bytes")?.clone(),
            kept: column::<BooleanArray>(batch, "kept")?.clone(),
            reason: column::<StringArray>(batch, "reason")?.clone(),
        })
    }
}

impl Ledger {
    /// Of a finished run's folder.
    pub fn open(out: &Path) -> anyhow::Result<Ledger> {
        let mut ledger = Ledger { files: files(out, "ledger")?.into_iter(), table: None, batch: None, at: 0 };
        ledger.fill()?;
        Ok(ledger)
    }

    /// Makes `batch` hold the row at `at`, if there is one left.
    fn fill(&mut self) -> anyhow::Result<()> {
        while self.batch.as_ref().is_none_or(|batch| self.at >= batch.row.len()) {
            (self.batch, self.at) = (None, 0);
            if let Some(batch) = self.table.as_mut().and_then(Iterator::next) {
                self.batch = Some(LedgerBatch::of(&batch?)?);
            } else if let Some(path) = self.files.next() {
                self.table = Some(read_table(&path, Some(&LedgerBatch::COLUMNS), ROWS)?);
            } else {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The document at hand; `None` after the last.
    pub fn row(&self) -> Option<Row<'_>> {
        let (batch, at) = (self.batch.as_ref()?, self.at);
        let reason = (!batch.kept.value(at)).then(|| match batch.reason.is_valid(at) {
            true => batch.reason.value(at),
            false => "",
        });
        Some(Row {
            place: (batch.shard.value(at), batch.row.value(at)),
            id: batch.id.value(at),
            bytes: batch.bytes.value(at).max(0) as u64,
            kept_bytes: batch.kept_bytes.value(at).max(0) as u64,
            reason,
        })
    }

    pub fn advance(&mut self) -> anyhow::Result<()> {
        self.at += 1;
        self.fill()
    }
}
