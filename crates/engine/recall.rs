//! The ledger of a finished run on the same input, asked block by block what it knows under another recipe.

use std::path::{Path, PathBuf};

use arrow::array::{Array, Int32Array, Int64Array};
use document::{Batch, ReasonId, Tally};
use plan::{Obstacle, Plan, Recall, Recipe, Remembered};
use report::Run;
use shards::{Block, Manifest, ShardError, footer, read_rows};

use crate::error::EngineError;

/// What a finished run remembers.
#[derive(Debug)]
pub struct Memory {
    recall: Recall,
    files: Vec<LedgerFile>,
    /// Lines that the run removed, by reason of the plan at hand.
    lines: Vec<(ReasonId, u64)>,
}

/// A file of the ledger: consecutive documents of one shard.
#[derive(Debug)]
struct LedgerFile {
    path: PathBuf,
    shard: u32,
    first_row: u64,
    rows: u64,
}

impl Memory {
    /// The ledger of the run in `out`, which `theirs` decided, for the recipe of `ours`.
    ///
    /// # Errors
    /// The ledger cannot be read; or (inner) the recipes differ in what it cannot tell.
    pub fn open(
        out: &Path,
        theirs: (&Recipe, &Plan),
        ours: (&Recipe, &Plan),
        run: &Run,
    ) -> Result<Result<Memory, Vec<Obstacle>>, EngineError> {
        let recall = match Recall::new(theirs, ours, run.is_early) {
            Ok(recall) => recall,
            Err(obstacles) => return Ok(Err(obstacles)),
        };
        let mut files = Vec::new();
        for output in Manifest::read(&out.join("manifest.json"))?.outputs {
            if output.path.starts_with("ledger/") {
                files.extend(LedgerFile::open(out.join(output.path))?);
            }
        }
        let lines = ours.1.reasons.0.iter().enumerate().filter_map(|(at, reason)| {
            let theirs = run.reasons.find(&reason.full_name())?;
            Some((ReasonId(at as u8), run.tally.checks.get(theirs.0 as usize)?.lines))
        });
        let lines = lines.filter(|_| recall.same_lines).collect();
        Ok(Ok(Memory { recall, files, lines }))
    }

    /// What is known of the documents of a block.
    pub(crate) fn of(&self, block: &Block, batch: &Batch) -> Result<Remembered, EngineError> {
        let rows = batch.rows().values();
        let mut remembered = Remembered(vec![None; rows.len()]);
        let (Some(&first), Some(&last)) = (rows.first(), rows.last()) else { return Ok(remembered) };
        for file in self.files.iter().filter(|file| file.shard == block.shard) {
            let (from, to) = (first.max(file.first_row), (last + 1).min(file.first_row + file.rows));
            let wanted: Vec<u64> = (from..to).map(|row| row - file.first_row).collect();
            if wanted.is_empty() {
                continue;
            }
            let tables = read_rows(&file.path, Some(&self.recall.columns()), &wanted)?;
            let known = tables.iter().flat_map(|table| self.recall.rows(table));
            for (row, known) in (from..to).zip(known) {
                if let Ok(position) = rows.binary_search(&row) {
                    remembered.0[position] = known;
                }
            }
        }
        Ok(remembered)
    }

    /// Counts the lines of documents that were not measured again.
    pub(crate) fn count_lines(&self, tally: &mut Tally) {
        for (reason, lines) in &self.lines {
            tally.checks[reason.0 as usize].lines = *lines;
        }
    }
}

impl LedgerFile {
    /// `None`: an empty file, or one in which rows are missing, so that a row's place is not known by its number.
    fn open(path: PathBuf) -> Result<Option<LedgerFile>, ShardError> {
        let (_, rows) = footer(&path)?;
        let place = |row: u64| -> Result<Option<(i32, i64)>, ShardError> {
            let tables = read_rows(&path, Some(&["shard", "row"]), &[row])?;
            Ok(tables.first().and_then(|table| {
                let shards: &Int32Array = table.column_by_name("shard")?.as_any().downcast_ref()?;
                let rows: &Int64Array = table.column_by_name("row")?.as_any().downcast_ref()?;
                (!shards.is_empty()).then(|| (shards.value(0), rows.value(0)))
            }))
        };
        if rows == 0 {
            return Ok(None);
        }
        let (Some((shard, first)), Some((_, last))) = (place(0)?, place(rows - 1)?) else { return Ok(None) };
        let is_whole = last - first + 1 == rows as i64;
        let file = LedgerFile { path, shard: shard as u32, first_row: first as u64, rows };
        Ok(is_whole.then_some(file))
    }
}
