//! The unit of work: some whole records of one shard, cut by the reader and parsed by a worker.
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use document::Problem;

use crate::columns::Rows;
use crate::mapped::MappedRange;
use crate::parquet_texts::ColumnRows;
use crate::warc::Records;
use crate::{Damage, Extraction, ReadOptions, RecordCounts, ShardError, arrow_columns, jsonl, pages};

/// Numbered within its shard from 0, in input order; the same for any way of reading the same records.
pub struct Block {
    /// [`crate::Shard::index`].
    pub shard: u32,
    pub index: u64,
    /// Number of its first record in the shard.
    pub first_row: u64,
    pub rows: u64,
    /// Bytes of uncompressed input before this block in the shard.
    pub offset: u64,
    /// Bytes of uncompressed input in this block: records with their line feeds; the columns of a Parquet batch.
    pub bytes: u64,
    /// Of a crawl file: its records, documents or not.
    pub records: RecordCounts,
    /// Of a crawl file: what could not be read since the block before.
    pub damage: Damage,
    pub(crate) path: Arc<Path>,
    pub(crate) relative: Arc<str>,
    pub(crate) payload: Payload,
}

pub(crate) enum Payload {
    Lines(Bytes),
    Document(Bytes),
    /// A file that is one page.
    Page(Bytes),
    Records(Box<Records>),
    /// One record that was skipped, by its length.
    TooLarge(u64),
    Columns(ColumnRows),
}

pub(crate) enum Bytes {
    Mapped(MappedRange),
    Owned(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(range) => range,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// A block's rows.
pub struct Parsed {
    /// In the columns of [`crate::input_schema`].
    pub records: RecordBatch,
    pub extraction: Extraction,
    /// Of the time: what extraction took. Not reproducible.
    pub extract_nanos: u64,
}

impl Block {
    /// One row per document: the part that costs time, free of I/O.
    ///
    /// Errors: Parquet columns that cannot be converted. A bad record is a row with a problem, never an error.
    pub fn parse(&self, options: &ReadOptions) -> Result<Parsed, ShardError> {
        let records = self.rows as usize;
        match &self.payload {
            Payload::Lines(bytes) => {
                let mut rows = Rows::new(options, &self.relative, records, bytes.len());
                jsonl::parse(bytes, self.first_row, options, &mut rows);
                rows.finish(&self.path)
            }
            Payload::Document(bytes) => {
                let mut rows = Rows::new(options, &self.relative, records, bytes.len());
                match simdutf8::basic::from_utf8(bytes) {
                    Ok(text) => rows.text_row(self.first_row, text),
                    Err(_) => rows.bare_row(self.first_row, bytes.len() as u64, Problem::NotUtf8),
                }
                rows.finish(&self.path)
            }
            Payload::Page(bytes) => {
                let mut rows = Rows::new(options, &self.relative, records, 0);
                pages::parse_file(bytes, self.first_row, &mut rows);
                rows.finish(&self.path)
            }
            Payload::Records(crawl) => {
                let mut rows = Rows::new(options, &self.relative, records, 0);
                pages::parse(crawl, self.first_row, options, &mut rows);
                rows.finish(&self.path)
            }
            Payload::TooLarge(length) => {
                let mut rows = Rows::new(options, &self.relative, records, 0);
                rows.bare_row(self.first_row, *length, Problem::TooLarge);
                rows.finish(&self.path)
            }
            Payload::Columns(columns) => {
                let mut rows = Rows::new(options, &self.relative, records, self.bytes as usize);
                arrow_columns::convert(columns, self.first_row, options, &mut rows, &self.path)?;
                rows.finish(&self.path)
            }
        }
    }
}
