//! Reads the Parquet files of a run back, batch by batch.
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowSelection};

use crate::ShardError;
use crate::parquet_footer::parquet_builder;

/// Batches of at most `rows` rows with the named top-level columns (in the file's order), or all of them.
///
/// Errors: not a Parquet file; later, per batch: damaged. A name that the file lacks is left out.
pub fn read_table(path: &Path, columns: Option<&[&str]>, rows: usize) -> Result<Table, ShardError> {
    table(path, columns, rows, None)
}

fn table(
    path: &Path,
    columns: Option<&[&str]>,
    rows: usize,
    selection: Option<RowSelection>,
) -> Result<Table, ShardError> {
    let builder = parquet_builder(path)?;
    let mask = match columns {
        None => ProjectionMask::all(),
        Some(columns) => {
            let root = builder.parquet_schema().root_schema().get_fields();
            let wanted = (0..root.len()).filter(|&index| columns.contains(&root[index].name()));
            ProjectionMask::roots(builder.parquet_schema(), wanted)
        }
    };
    let builder = match selection {
        Some(selection) => builder.with_row_selection(selection),
        None => builder,
    };
    let reader = builder
        .with_projection(mask)
        .with_batch_size(rows.max(1))
        .build()
        .map_err(|source| ShardError::parquet(path, 0, source))?;
    Ok(Table { path: path.to_path_buf(), reader, row: 0 })
}

/// Some rows of a file, by ascending number, with the named columns or all of them.
pub fn read_rows(
    path: &Path,
    columns: Option<&[&str]>,
    rows: &[u64],
) -> Result<Vec<RecordBatch>, ShardError> {
    let ranges = rows.iter().map(|row| *row as usize..*row as usize + 1);
    let (_, n_rows) = footer(path)?;
    let selection = RowSelection::from_consecutive_ranges(ranges, n_rows as usize);
    table(path, columns, rows.len(), Some(selection))?.collect()
}

/// The key-values of a file's footer, in order, and its number of rows.
pub fn footer(path: &Path) -> Result<(Vec<(String, String)>, u64), ShardError> {
    let builder = parquet_builder(path)?;
    let file = builder.metadata().file_metadata();
    let pairs = file.key_value_metadata().into_iter().flatten();
    let pairs = pairs.map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default()));
    Ok((pairs.collect(), file.num_rows().max(0) as u64))
}

/// The batches of a file.
pub struct Table {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    row: u64,
}

impl Iterator for Table {
    type Item = Result<RecordBatch, ShardError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        self.row += batch.as_ref().map_or(0, RecordBatch::num_rows) as u64;
        Some(batch.map_err(|source| ShardError::batch(&self.path, self.row, source)))
    }
}
