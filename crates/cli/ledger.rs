//! The ledger of a finished run, document by document, in bounded memory.

use std::path::{Path, PathBuf};

use arrow::array::{Array, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray};
use shards::{Table, read_table};

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
