//! Scores beside the documents: the numbers of a recipe's side-cars in memory, and their join to a batch by id.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use document::NUMBER_PREFIX;
use plan::{ColumnRecipe, Recipe};
use text::stable_hash::hash128;

use crate::error::EngineError;

/// The numbers of one column by id: 24 bytes a row, sorted by the 128-bit hash of the id.
struct Numbers {
    name: String,
    rows: Vec<Row>,
}

/// High and low half of the id's hash, and the number: halves, since a `u128` would be padded to 32 bytes.
type Row = (u64, u64, f64);

const ROW_BYTES: u64 = size_of::<Row>() as u64;

/// All side-cars of a recipe.
#[derive(Default)]
pub(crate) struct Sidecars(Vec<Numbers>);

impl Sidecars {
    /// Reads them whole, before the first byte of the input.
    ///
    /// Errors: a file that cannot be read or has no such column; more rows than `memory` bytes hold; an id with two
    /// different numbers.
    pub fn load(recipe: &Recipe, memory: u64) -> Result<Sidecars, EngineError> {
        let mut left = memory;
        let mut all = Vec::new();
        for column in recipe.columns() {
            let files = column.from.as_ref().and_then(|from| recipe.sidecars.get(from));
            if let Some(files) = files {
                let numbers = Numbers::load(column, &files.files, left, memory)?;
                left = left.saturating_sub(numbers.rows.len() as u64 * ROW_BYTES);
                all.push(numbers);
            }
        }
        Ok(Sidecars(all))
    }

    /// The batch with a column for each side-car; ids that a side-car lacks have none.
    pub fn join(&self, records: RecordBatch) -> Result<RecordBatch, EngineError> {
        if self.0.is_empty() {
            return Ok(records);
        }
        let ids = records.column_by_name("id").and_then(|ids| ids.as_any().downcast_ref::<StringArray>());
        let mut fields: Vec<_> = records.schema().fields().iter().cloned().collect();
        let mut columns = records.columns().to_vec();
        for numbers in &self.0 {
            let found: Float64Array =
                ids.into_iter().flatten().map(|id| numbers.get(hash128(id?.as_bytes()))).collect();
            let name = format!("{NUMBER_PREFIX}{}", numbers.name);
            fields.push(Arc::new(Field::new(name, DataType::Float64, true)));
            columns.push(Arc::new(found) as ArrayRef);
        }
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    }
}

impl Numbers {
    fn load(
        column: &ColumnRecipe,
        files: &[std::path::PathBuf],
        left: u64,
        memory: u64,
    ) -> Result<Numbers, EngineError> {
        let error = |why: String| EngineError::Sidecar { column: column.name.clone(), why };
        let mut n = 0;
        for path in files {
            n += shards::footer(path)?.1;
        }
        if n.saturating_mul(ROW_BYTES) > left {
            return Err(error(format!(
                "{n} rows take {} MiB of memory; --memory allows {}: raise it, or join the numbers to the input beforehand",
                (n * ROW_BYTES) >> 20,
                memory >> 20
            )));
        }
        let mut rows: Vec<Row> = Vec::with_capacity(n as usize);
        for path in files {
            shards::read_numbers(path, &column.id, &column.field, &mut |id, number| {
                let hash = hash128(id.as_bytes());
                rows.push(((hash >> 64) as u64, hash as u64, number));
            })?;
        }
        rows.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
        rows.dedup();
        if let Some(pair) = rows.windows(2).find(|pair| (pair[0].0, pair[0].1) == (pair[1].0, pair[1].1)) {
            let id = id_of(column, files, (pair[0].0, pair[0].1))?;
            return Err(error(format!(
                "the id `{id}` has two numbers, {} and {}: leave one row for each id",
                pair[0].2, pair[1].2
            )));
        }
        Ok(Numbers { name: column.name.clone(), rows })
    }

    fn get(&self, hash: u128) -> Option<f64> {
        let key = ((hash >> 64) as u64, hash as u64);
        let at = self.rows.binary_search_by_key(&key, |row| (row.0, row.1)).ok()?;
        Some(self.rows[at].2)
    }
}

/// The id of a hash, looked up again: only hashes are kept.
fn id_of(
    column: &ColumnRecipe,
    files: &[impl AsRef<Path>],
    (high, low): (u64, u64),
) -> Result<String, EngineError> {
    let wanted = u128::from(high) << 64 | u128::from(low);
    let mut found = String::new();
    for path in files {
        shards::read_numbers(path.as_ref(), &column.id, &column.field, &mut |id, _| {
            if hash128(id.as_bytes()) == wanted {
                id.clone_into(&mut found);
            }
        })?;
    }
    Ok(found)
}
