//! Parquet in: row groups become batches of whole rows.
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, FieldRef, Fields, Schema};
use arrow::error::ArrowError;
use parquet::arrow::FieldLevels;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader};
use parquet::errors::ParquetError;

use crate::arrow_columns::{Column, Texts, find_field, is_text, list_columns};
use crate::parquet_footer::read_footer;
use crate::parquet_pages::{Group, row_bytes};
use crate::parquet_texts::{ColumnRows, levels_of_bytes, with_texts};
use crate::source::Source;
use crate::{Fault, ReadOptions, ShardError};

/// Texts that repeat take little room on disk and much when they are read.
const MOST_ROWS: u64 = 2_048;

pub(crate) struct ParquetFile {
    path: Arc<Path>,
    file: Source,
    /// With the schema in whose types the columns are handed out.
    metadata: ArrowReaderMetadata,
    levels: FieldLevels,
    /// The row group that is opened next.
    group: usize,
    reader: Option<ParquetRecordBatchReader>,
    /// Rows that the open group must still have.
    left: u64,
    /// Read, but not yet handed out.
    pending: Option<ColumnRows>,
    row: u64,
    /// Compressed bytes of the row groups opened so far.
    position: u64,
}

impl ParquetFile {
    pub fn open(path: &Arc<Path>, options: &ReadOptions) -> Result<Self, ShardError> {
        let file = Source::open(path).map_err(|source| ShardError::io(path, "open it", source))?;
        let metadata = read_footer(&file)
            .map_err(|source| file.failure(path).unwrap_or_else(|| ShardError::parquet(path, 0, source)))?;
        let schema = Schema::new(metadata.schema().fields().iter().map(viewed).collect::<Fields>());
        let as_views = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        let metadata =
            ArrowReaderMetadata::try_new(metadata.metadata().clone(), as_views).unwrap_or(metadata);
        check_text_column(metadata.schema().fields(), &options.text_column)
            .map_err(|fault| ShardError::new(path, None, fault))?;
        let levels = levels_of_bytes(metadata.parquet_schema(), metadata.schema().fields())
            .map_err(|source| ShardError::parquet(path, 0, source))?;
        Ok(Self {
            path: path.clone(),
            file,
            metadata,
            levels,
            group: 0,
            reader: None,
            left: 0,
            pending: None,
            row: 0,
            position: 0,
        })
    }

    pub fn position(&self) -> u64 {
        self.position
    }

    /// Some rows, and the bytes of their texts.
    pub fn next_batch(&mut self, options: &ReadOptions) -> Result<Option<(ColumnRows, u64)>, ShardError> {
        let path = self.path.clone();
        let error = |source| ShardError::arrow(&path, source);
        let found = match self.pending.take() {
            Some(found) => found,
            None => match self.read_batch()? {
                Some(batch) => {
                    with_texts(batch, self.metadata.schema().fields(), &options.text_column).map_err(error)?
                }
                None => return Ok(None),
            },
        };
        let lengths = text_lengths(&found.batch, options).map_err(error)?;
        let rows = fitting(&with_other_texts(&found.batch, &lengths, options), options.block_bytes as u64);
        let bytes = lengths[..rows].iter().sum();
        if rows < lengths.len() {
            self.pending = Some(found.slice(rows, lengths.len() - rows));
        }
        self.row += rows as u64;
        Ok(Some((found.slice(0, rows), bytes)))
    }

    fn read_batch(&mut self) -> Result<Option<RecordBatch>, ShardError> {
        loop {
            if let Some(batch) = self.reader.as_mut().and_then(Iterator::next) {
                let batch = batch.map_err(|source| {
                    // Damage, unless the store failed.
                    let failure = self.file.failure(&self.path);
                    failure.unwrap_or_else(|| ShardError::batch(&self.path, self.row, source))
                })?;
                self.left = self.left.saturating_sub(batch.num_rows() as u64);
                if batch.num_rows() > 0 {
                    return Ok(Some(batch));
                }
            } else if self.left > 0 {
                let early = format!("a row group ends {} rows early", self.left);
                return Err(ShardError::parquet(&self.path, self.row, ParquetError::General(early)));
            } else if self.group < self.metadata.metadata().num_row_groups() {
                self.reader = Some(self.open_group()?);
            } else {
                return Ok(None);
            }
        }
    }

    fn open_group(&mut self) -> Result<ParquetRecordBatchReader, ShardError> {
        let group = self.metadata.metadata().row_group(self.group);
        let row_bytes =
            row_bytes(group).map_err(|source| ShardError::parquet(&self.path, self.row, source))?;
        // Whatever the size of a block: of damage, the decoder makes what depends on how many rows it decodes at once.
        let rows = (ReadOptions::BLOCK_BYTES as u64 / row_bytes).clamp(1, MOST_ROWS) as usize;
        self.position += group.compressed_size().max(0) as u64;
        let file = self.file.try_clone().map_err(|source| ShardError::io(&self.path, "read it", source))?;
        let metadata = self.metadata.metadata().clone();
        let pages = Group { file: Arc::new(file), metadata, index: self.group, rows_at_once: rows };
        let reader = ParquetRecordBatchReader::try_new_with_row_groups(&self.levels, &pages, rows, None)
            .map_err(|source| {
                let failure = self.file.failure(&self.path);
                failure.unwrap_or_else(|| ShardError::parquet(&self.path, self.row, source))
            })?;
        self.left = group.num_rows().max(0) as u64;
        self.group += 1;
        Ok(reader)
    }
}

/// A field whose texts are read as views: of one that stands in a thousand rows there is one copy, as in the file.
fn viewed(field: &FieldRef) -> FieldRef {
    let of_value = |value: &DataType| match value {
        DataType::Utf8 | DataType::LargeUtf8 => Some(DataType::Utf8View),
        DataType::Binary | DataType::LargeBinary => Some(DataType::BinaryView),
        _ => None,
    };
    let read_as = match field.data_type() {
        DataType::Struct(inner) => Some(DataType::Struct(inner.iter().map(viewed).collect())),
        DataType::Dictionary(_, value) => of_value(value),
        other => of_value(other),
    };
    match read_as {
        Some(data_type) => Arc::new(field.as_ref().clone().with_data_type(data_type)),
        None => field.clone(),
    }
}

/// How many of the first rows fit into a block: at least one.
fn fitting(lengths: &[u64], block_bytes: u64) -> usize {
    let mut bytes = 0;
    for (row, length) in lengths.iter().enumerate() {
        if row > 0 && bytes + length > block_bytes {
            return row;
        }
        bytes += length;
    }
    lengths.len()
}

/// Lengths of the text and of all that becomes metadata beside it, which repeats as little in the file as the text.
fn with_other_texts(batch: &RecordBatch, lengths: &[u64], options: &ReadOptions) -> Vec<u64> {
    let mut all = lengths.to_vec();
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    for (_, column) in columns.filter(|(field, _)| *field.name() != options.text_column) {
        let texts = Texts::of(column);
        for (row, all) in all.iter_mut().enumerate().filter(|(row, _)| column.is_valid(*row)) {
            *all += texts.get(row).map_or(0, |text| text.len() as u64);
        }
    }
    all
}

fn text_lengths(batch: &RecordBatch, options: &ReadOptions) -> Result<Vec<u64>, ArrowError> {
    let Some(column) = Column::find(batch, &options.text_column)? else {
        return Ok(vec![0; batch.num_rows()]);
    };
    let text = Texts::of(&column.array);
    let length = |row| text.get(row).filter(|_| !column.is_null(row)).map_or(0, |text| text.len() as u64);
    Ok((0..batch.num_rows()).map(length).collect())
}

fn check_text_column(fields: &Fields, path: &str) -> Result<(), Fault> {
    let column = path.to_owned();
    match find_field(fields, path) {
        None => {
            let mut found = Vec::new();
            list_columns(fields, "", &mut found);
            Err(Fault::MissingColumn { column, found })
        }
        Some(field) if is_text(field.data_type()) => Ok(()),
        Some(field) => Err(Fault::ColumnType { column, found: field.data_type().to_string() }),
    }
}
