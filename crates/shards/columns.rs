//! The columns that every kind of input is parsed into.
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch, StringBuilder, UInt8Builder,
    UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use document::{NUMBER_PREFIX, Problem};

use crate::block::Parsed;
use crate::{Extraction, KeepType, NumberField, ReadOptions, ShardError};

/// Columns before the kept ones, see [`input_schema`].
pub const INPUT_COLUMNS: usize = 11;

/// `row, bytes, text, id, url, date, dump, file_path, source, metadata, problem`, then the kept columns, then numbers.
///
/// `row` counts from 0 in the shard. `bytes` is the length of the text, or of the raw record where there is
/// none. `id` is never null. `source` is there for reports; it stays in `metadata` too, unless it is kept.
pub fn input_schema(options: &ReadOptions) -> SchemaRef {
    let mut fields = document::input_schema();
    fields.extend(options.keep.iter().map(|keep| Field::new(&keep.path, keep.kind.data_type(), true)));
    let number =
        |field: &NumberField| Field::new(format!("{NUMBER_PREFIX}{}", field.name), DataType::Float64, true);
    fields.extend(options.numbers.iter().map(number));
    Arc::new(Schema::new(fields))
}

/// The fields with a string column of their own, in the order of [`Rows::strings`].
pub(crate) const STRING_FIELDS: [&str; 5] = ["url", "date", "dump", "file_path", "source"];
pub(crate) const SOURCE: usize = 4;

pub(crate) enum Kept {
    Utf8(StringBuilder),
    Float64(Float64Builder),
    Int64(Int64Builder),
    Bool(BooleanBuilder),
}

/// Builds one input batch. Every record appends exactly one value to every column.
pub(crate) struct Rows<'a> {
    pub options: &'a ReadOptions,
    pub relative: &'a str,
    extraction: Extraction,
    extract_nanos: u64,
    row: UInt64Builder,
    bytes: UInt64Builder,
    problem: UInt8Builder,
    pub text: StringBuilder,
    pub id: StringBuilder,
    pub strings: [StringBuilder; 5],
    pub metadata: StringBuilder,
    pub kept: Vec<Kept>,
    pub numbers: Vec<Float64Builder>,
}

impl<'a> Rows<'a> {
    pub fn new(options: &'a ReadOptions, relative: &'a str, records: usize, text_bytes: usize) -> Self {
        let kept = options.keep.iter().map(|keep| match keep.kind {
            KeepType::Utf8 => Kept::Utf8(StringBuilder::new()),
            KeepType::Float64 => Kept::Float64(Float64Builder::with_capacity(records)),
            KeepType::Int64 => Kept::Int64(Int64Builder::with_capacity(records)),
            KeepType::Bool => Kept::Bool(BooleanBuilder::with_capacity(records)),
        });
        Self {
            options,
            relative,
            extraction: Extraction::default(),
            extract_nanos: 0,
            row: UInt64Builder::with_capacity(records),
            bytes: UInt64Builder::with_capacity(records),
            problem: UInt8Builder::with_capacity(records),
            text: StringBuilder::with_capacity(records, text_bytes),
            id: StringBuilder::with_capacity(records, records * 32),
            strings: std::array::from_fn(|_| StringBuilder::with_capacity(records, records * 32)),
            metadata: StringBuilder::with_capacity(records, records * 64),
            kept: kept.collect(),
            numbers: options.numbers.iter().map(|_| Float64Builder::with_capacity(records)).collect(),
        }
    }

    /// The columns that every row has: the last step of a row.
    pub fn finish_row(&mut self, row: u64, bytes: u64, problem: Problem) {
        self.row.append_value(row);
        self.bytes.append_value(bytes);
        self.problem.append_value(problem as u8);
    }

    pub fn default_id(&mut self, row: u64) {
        self.id.append_value(format!("{}#{row}", self.relative));
    }

    /// A whole row of which nothing but its place and length is known.
    pub fn bare_row(&mut self, row: u64, bytes: u64, problem: Problem) {
        self.text.append_null();
        self.bare_fields(row);
        self.finish_row(row, bytes, problem);
    }

    /// A row that is nothing but text.
    pub fn text_row(&mut self, row: u64, text: &str) {
        self.text.append_value(text);
        self.bare_fields(row);
        let problem = if is_blank(text) { Problem::Empty } else { Problem::None };
        self.finish_row(row, text.len() as u64, problem);
    }

    fn bare_fields(&mut self, row: u64) {
        self.default_id(row);
        self.strings.iter_mut().for_each(StringBuilder::append_null);
        self.metadata.append_null();
        for kept in &mut self.kept {
            kept.append_null();
        }
        self.numbers.iter_mut().for_each(Float64Builder::append_null);
    }

    /// The text of a page, as the options say.
    pub fn extract(&mut self, html: &[u8], charset: Option<&str>) -> extract::Page {
        let start = Instant::now();
        let page = extract::extract(html, charset, &self.options.extract);
        self.extract_nanos += start.elapsed().as_nanos() as u64;
        let (html_bytes, text_bytes) = (html.len() as u64, page.text.len() as u64);
        self.extraction.merge(Extraction { pages: 1, html_bytes, text_bytes });
        page
    }

    /// Offsets of a text column are 32 bits.
    pub fn has_room_for(&self, text: impl AsRef<[u8]>) -> bool {
        self.text.values_slice().len() + text.as_ref().len() <= i32::MAX as usize
    }

    pub fn finish(mut self, path: &Path) -> Result<Parsed, ShardError> {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.row.finish()),
            Arc::new(self.bytes.finish()),
            Arc::new(self.text.finish()),
            Arc::new(self.id.finish()),
        ];
        columns.extend(self.strings.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef));
        columns.push(Arc::new(self.metadata.finish()));
        columns.push(Arc::new(self.problem.finish()));
        columns.extend(self.kept.iter_mut().map(Kept::finish));
        columns.extend(self.numbers.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef));
        let records = RecordBatch::try_new(input_schema(self.options), columns)
            .map_err(|source| ShardError::arrow(path, source))?;
        Ok(Parsed { records, extraction: self.extraction, extract_nanos: self.extract_nanos })
    }
}

impl Kept {
    pub fn append_null(&mut self) {
        match self {
            Self::Utf8(column) => column.append_null(),
            Self::Float64(column) => column.append_null(),
            Self::Int64(column) => column.append_null(),
            Self::Bool(column) => column.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Utf8(column) => Arc::new(column.finish()),
            Self::Float64(column) => Arc::new(column.finish()),
            Self::Int64(column) => Arc::new(column.finish()),
            Self::Bool(column) => Arc::new(column.finish()),
        }
    }
}

/// White space only, in the sense of Unicode.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}
