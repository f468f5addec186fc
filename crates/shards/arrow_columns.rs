//! Columns of any names and types become those of every other kind of input.
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StructArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type, Int64Type};
use arrow::error::ArrowError;
use arrow_json::writer::{EncoderOptions, make_encoder};
use document::Problem;

use crate::columns::{Kept, Rows, SOURCE, STRING_FIELDS, is_blank};
use crate::parquet_texts::ColumnRows;
use crate::{ReadOptions, ShardError};

pub(crate) fn find_field<'f>(fields: &'f Fields, path: &str) -> Option<&'f FieldRef> {
    if let Some((_, field)) = fields.find(path) {
        return Some(field);
    }
    let (head, below) = path.split_once('.')?;
    match fields.find(head)?.1.data_type() {
        DataType::Struct(inner) => find_field(inner, below),
        _ => None,
    }
}

pub(crate) fn list_columns(fields: &Fields, prefix: &str, found: &mut Vec<String>) {
    for field in fields {
        match field.data_type() {
            DataType::Struct(inner) => list_columns(inner, &format!("{prefix}{}.", field.name()), found),
            _ => found.push(format!("{prefix}{}", field.name())),
        }
    }
}

pub(crate) fn is_text(data_type: &DataType) -> bool {
    use DataType::*;
    match data_type {
        Utf8 | LargeUtf8 | Utf8View | Binary | LargeBinary | BinaryView => true,
        Dictionary(_, value) => is_text(value),
        _ => false,
    }
}

/// Appends a row for every row of the columns.
pub(crate) fn convert(
    columns: &ColumnRows,
    first_row: u64,
    options: &ReadOptions,
    rows: &mut Rows<'_>,
    path: &Path,
) -> Result<(), ShardError> {
    try_convert(columns, first_row, options, rows).map_err(|source| ShardError::arrow(path, source))
}

fn try_convert(
    found: &ColumnRows,
    first_row: u64,
    options: &ReadOptions,
    rows: &mut Rows<'_>,
) -> Result<(), ArrowError> {
    let batch = &found.batch;
    let columns = Columns::find(batch, options)?;
    let rest = columns.rest(batch)?;
    let rest_field = Arc::new(Field::new("metadata", rest.data_type().clone(), false));
    let encoding = EncoderOptions::default();
    let mut encoder = make_encoder(&rest_field, &rest, &encoding)?;
    let mut metadata = Vec::new();
    for (index, row) in (0..batch.num_rows()).zip(first_row..) {
        let text = columns.text.as_ref().and_then(|column| column.bytes(index));
        let length = text.map_or(0, <[u8]>::len);
        if length > options.longest_record() {
            rows.bare_row(row, length as u64, Problem::TooLarge);
            continue;
        }
        let page = text.filter(|_| options.text_is_html).map(|html| {
            // Bytes may be of any encoding, texts are UTF-8.
            let is_text = found.has_text || columns.text.as_ref().is_some_and(Column::is_utf8);
            rows.extract(html, is_text.then_some("utf-8")).text
        });
        let text = page.as_ref().map(String::as_bytes).or(text);
        let length = text.map_or(0, <[u8]>::len);
        let is_not_utf8 = found.is_not_utf8(index);
        let text = text.filter(|text| rows.has_room_for(text) && !is_not_utf8);
        let problem = match text.map(std::str::from_utf8) {
            _ if is_not_utf8 => Problem::NotUtf8,
            None if length > 0 => Problem::TooLarge,
            None => Problem::NoText,
            Some(Err(_)) => Problem::NotUtf8,
            Some(Ok(text)) if is_blank(text) => Problem::Empty,
            Some(Ok(_)) => Problem::None,
        };
        rows.text.append_option(text.and_then(|text| std::str::from_utf8(text).ok()));
        match columns.id.as_ref().and_then(|column| column.text(index)).filter(|id| !id.is_empty()) {
            Some(id) => rows.id.append_value(id),
            None => rows.default_id(row),
        }
        for (column, out) in columns.strings.iter().zip(&mut rows.strings) {
            out.append_option(column.as_ref().and_then(|column| column.text(index)));
        }
        for (column, out) in columns.kept.iter().zip(&mut rows.kept) {
            append(column.as_ref().filter(|column| !column.is_null(index)), index, out);
        }
        for (column, out) in columns.numbers.iter().zip(&mut rows.numbers) {
            out.append_option(column.as_ref().and_then(|column| column.number(index)));
        }
        metadata.clear();
        encoder.encode(index, &mut metadata);
        let metadata = std::str::from_utf8(&metadata).ok().filter(|metadata| *metadata != "{}");
        rows.metadata.append_option(metadata);
        rows.finish_row(row, length as u64, problem);
    }
    Ok(())
}

fn append(column: Option<&Column>, index: usize, out: &mut Kept) {
    let value = |column: &Column| column.array.clone();
    match out {
        Kept::Utf8(out) => out.append_option(column.and_then(|column| column.text(index))),
        Kept::Float64(out) => {
            out.append_option(column.map(|column| value(column).as_primitive::<Float64Type>().value(index)));
        }
        Kept::Int64(out) => {
            out.append_option(column.map(|column| value(column).as_primitive::<Int64Type>().value(index)));
        }
        Kept::Bool(out) => out.append_option(column.map(|column| value(column).as_boolean().value(index))),
    }
}

/// The columns of a batch that go into columns of ours, converted to the types that are read from them.
struct Columns {
    text: Option<Column>,
    id: Option<Column>,
    strings: Vec<Option<Column>>,
    kept: Vec<Option<Column>>,
    numbers: Vec<Option<Column>>,
    /// Paths of all that is not left over.
    taken: Vec<String>,
}

impl Columns {
    fn find(batch: &RecordBatch, options: &ReadOptions) -> Result<Self, ArrowError> {
        let mut taken = Vec::new();
        let mut find = |path: &str, fits: fn(&DataType) -> bool, read_as: Option<&DataType>, takes: bool| {
            let Some(mut column) = Column::find(batch, path)? else { return Ok(None) };
            if !fits(column.array.data_type()) {
                return Ok(None);
            }
            if let Some(data_type) = read_as {
                column.array = cast(&column.array, data_type)?;
            }
            if takes {
                taken.push(path.to_owned());
            }
            Ok::<_, ArrowError>(Some(column))
        };
        let text = find(&options.text_column, is_text, None, true)?;
        let id = match find(&options.id_column, is_text, None, true)? {
            None => find(&options.id_column, DataType::is_integer, Some(&DataType::Utf8), true)?,
            found => found,
        };
        let mut strings = Vec::new();
        for (index, name) in STRING_FIELDS.iter().enumerate() {
            strings.push(find(name, is_text, None, index != SOURCE)?);
        }
        let mut kept = Vec::new();
        for keep in &options.keep {
            let data_type = keep.kind.data_type();
            let column = match data_type {
                DataType::Float64 => find(&keep.path, DataType::is_numeric, Some(&data_type), true)?,
                DataType::Int64 => find(&keep.path, DataType::is_integer, Some(&data_type), true)?,
                DataType::Boolean => find(&keep.path, |found| *found == DataType::Boolean, None, true)?,
                _ => find(&keep.path, is_text, None, true)?,
            };
            kept.push(column);
        }
        let mut numbers = Vec::new();
        for number in &options.numbers {
            numbers.push(find(&number.path, DataType::is_numeric, Some(&DataType::Float64), false)?);
        }
        Ok(Self { text, id, strings, kept, numbers, taken })
    }

    fn rest(&self, batch: &RecordBatch) -> Result<StructArray, ArrowError> {
        let whole = StructArray::from(batch.clone());
        let paths: Vec<&str> = self.taken.iter().map(String::as_str).collect();
        without(&whole, &paths)
    }
}

/// A struct, less the fields at `paths`.
fn without(array: &StructArray, paths: &[&str]) -> Result<StructArray, ArrowError> {
    let (mut fields, mut arrays) = (Vec::<FieldRef>::new(), Vec::<ArrayRef>::new());
    for (field, column) in array.fields().iter().zip(array.columns()) {
        if paths.contains(&field.name().as_str()) {
            continue;
        }
        let below: Vec<&str> = paths
            .iter()
            .filter_map(|path| path.strip_prefix(field.name().as_str())?.strip_prefix('.'))
            .collect();
        match column.as_struct_opt() {
            Some(inner) if !below.is_empty() => {
                let inner = without(inner, &below)?;
                fields.push(Arc::new(field.as_ref().clone().with_data_type(inner.data_type().clone())));
                arrays.push(Arc::new(inner));
            }
            _ => {
                fields.push(field.clone());
                arrays.push(column.clone());
            }
        }
    }
    StructArray::try_new_with_length(fields.into(), arrays, array.nulls().cloned(), array.len())
}

/// A column, wherever it is nested, with the nulls of all that it lies in.
pub(crate) struct Column {
    pub array: ArrayRef,
    nulls: Option<NullBuffer>,
}

impl Column {
    /// Finds the column of that very name, else follows the dots. Dictionaries are unpacked.
    pub fn find(batch: &RecordBatch, path: &str) -> Result<Option<Self>, ArrowError> {
        let whole = StructArray::from(batch.clone());
        let Some(mut found) = Self::find_in(&whole, path) else { return Ok(None) };
        if let DataType::Dictionary(_, value) = found.array.data_type() {
            let value = value.as_ref().clone();
            found.array = cast(&found.array, &value)?;
        }
        Ok(Some(found))
    }

    fn find_in(fields: &StructArray, path: &str) -> Option<Self> {
        if let Some(array) = fields.column_by_name(path) {
            let nulls = NullBuffer::union(fields.nulls(), array.nulls());
            return Some(Self { array: array.clone(), nulls });
        }
        let (head, below) = path.split_once('.')?;
        let inner = Self::find_in(fields.column_by_name(head)?.as_struct_opt()?, below)?;
        let nulls = NullBuffer::union(fields.nulls(), inner.nulls.as_ref());
        Some(Self { array: inner.array, nulls })
    }

    pub fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    fn is_utf8(&self) -> bool {
        matches!(self.array.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
    }

    fn bytes(&self, row: usize) -> Option<&[u8]> {
        if self.is_null(row) { None } else { Texts::of(&self.array).get(row) }
    }

    /// Of a column that was cast to f64; none where it is not finite.
    pub fn number(&self, row: usize) -> Option<f64> {
        let number = (!self.is_null(row)).then(|| self.array.as_primitive::<Float64Type>().value(row));
        number.filter(|number| number.is_finite())
    }

    pub fn text(&self, row: usize) -> Option<&str> {
        self.bytes(row).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }
}

/// The values of any column that may hold text.
pub(crate) struct Texts<'a>(&'a dyn Array);

impl<'a> Texts<'a> {
    pub fn of(array: &'a ArrayRef) -> Self {
        Self(array.as_ref())
    }

    pub fn get(&self, row: usize) -> Option<&'a [u8]> {
        Some(match self.0.data_type() {
            DataType::Utf8 => self.0.as_string::<i32>().value(row).as_bytes(),
            DataType::LargeUtf8 => self.0.as_string::<i64>().value(row).as_bytes(),
            DataType::Utf8View => self.0.as_string_view().value(row).as_bytes(),
            DataType::Binary => self.0.as_binary::<i32>().value(row),
            DataType::LargeBinary => self.0.as_binary::<i64>().value(row),
            DataType::BinaryView => self.0.as_binary_view().value(row),
            _ => return None,
        })
    }
}
