//! Numbers beside the documents: Parquet files with an id and a column, to be joined to the input.
use std::path::{Path, PathBuf};

use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;

use crate::arrow_columns::{Column, find_field, is_text, list_columns};
use crate::inputs::Format;
use crate::parquet_footer::parquet_builder;
use crate::{Fault, InputError, ShardError, discover};

const ROWS: usize = 8_192;

/// The files that a side-car's path, folder or pattern names, in an order that does not depend on the machine.
pub fn sidecar_files(pattern: &Path) -> Result<Vec<PathBuf>, InputError> {
    let found = discover(&[pattern], &[])?;
    let damaged = found.quarantined.first().map(|file| PathBuf::from(&file.path));
    let other = found.shards.iter().find(|shard| shard.format != Format::Parquet);
    match damaged.or(other.map(|shard| shard.path.clone())) {
        Some(path) => Err(InputError::Sidecar(path)),
        None => Ok(found.shards.into_iter().map(|shard| shard.path).collect()),
    }
}

/// Calls `each` with the id and the number of every row that has both. Ids are texts or integers; what is not
/// finite is no number.
pub fn read_numbers(
    path: &Path,
    id: &str,
    column: &str,
    each: &mut dyn FnMut(&str, f64),
) -> Result<(), ShardError> {
    let error = |fault| ShardError::new(path, None, fault);
    let builder = parquet_builder(path)?;
    let schema = builder.schema().clone();
    let field = |name: &str| -> Result<&FieldRef, Fault> {
        find_field(schema.fields(), name).ok_or_else(|| {
            let mut found = Vec::new();
            list_columns(schema.fields(), "", &mut found);
            Fault::SidecarColumn { column: name.to_owned(), found }
        })
    };
    let check = |name: &str, wanted: &'static str, fits: &dyn Fn(&DataType) -> bool| -> Result<(), Fault> {
        let found = field(name)?.data_type();
        let found = match found {
            DataType::Dictionary(_, value) => value,
            other => other,
        };
        match fits(found) {
            true => Ok(()),
            false => Err(Fault::SidecarType { column: name.to_owned(), found: found.to_string(), wanted }),
        }
    };
    check(id, "texts or integers", &|found| is_text(found) || found.is_integer()).map_err(error)?;
    check(column, "numbers", &DataType::is_numeric).map_err(error)?;
    let root = builder.parquet_schema().root_schema().get_fields();
    let is_wanted =
        |name: &str| [id, column].iter().any(|path| *path == name || path.split('.').next() == Some(name));
    let wanted = (0..root.len()).filter(|index| is_wanted(root[*index].name()));
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
    let reader = builder.with_projection(mask).with_batch_size(ROWS).build();
    let mut row = 0;
    for batch in reader.map_err(|source| ShardError::parquet(path, 0, source))? {
        let batch = batch.map_err(|source| ShardError::batch(path, row, source))?;
        let find = |name: &str, read_as: Option<&DataType>| -> Result<Option<Column>, ArrowError> {
            let Some(mut found) = Column::find(&batch, name)? else { return Ok(None) };
            if let Some(data_type) = read_as {
                found.array = cast(&found.array, data_type)?;
            }
            Ok(Some(found))
        };
        let id_type = match field(id).map_err(error)?.data_type() {
            found if found.is_integer() => Some(&DataType::Utf8),
            _ => None,
        };
        let ids = find(id, id_type).map_err(|source| ShardError::arrow(path, source))?;
        let numbers =
            find(column, Some(&DataType::Float64)).map_err(|source| ShardError::arrow(path, source))?;
        if let (Some(ids), Some(numbers)) = (ids, numbers) {
            for index in 0..batch.num_rows() {
                if let (Some(id), Some(number)) = (ids.text(index), numbers.number(index)) {
                    each(id, number);
                }
            }
        }
        row += batch.num_rows() as u64;
    }
    Ok(())
}
