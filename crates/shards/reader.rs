//! Reads one shard as numbered blocks of whole records.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use crate::block::{Block, Payload};
use crate::inputs::{Format, Shard};
use crate::location::is_remote;
use crate::mapped::MappedFile;
use crate::parquet_input::ParquetFile;
use crate::record_head::Layout;
use crate::stream::{Cut, Stream};
use crate::warc::RecordStream;
use crate::{Damage, Fault, ReadOptions, RecordCounts, RestartPoint, ShardError, jsonl};

/// The one reader of a shard. It may move between threads, not be shared.
pub struct ShardReader {
    options: ReadOptions,
    shard: u32,
    path: Arc<Path>,
    relative: Arc<str>,
    source: Source,
    /// What the next block is numbered.
    index: u64,
    row: u64,
    offset: u64,
    done: bool,
}

enum Source {
    Mapped(Format, MappedFile),
    Stream(Format, Box<Stream>),
    Parquet(Box<ParquetFile>),
    Records(Box<RecordStream>),
}

/// A payload with what is known of it.
struct Next {
    payload: Payload,
    rows: u64,
    bytes: u64,
    records: RecordCounts,
    damage: Damage,
}

impl Next {
    fn new(payload: Payload, rows: u64, bytes: u64) -> Self {
        Self { payload, rows, bytes, records: RecordCounts::new(), damage: Damage::default() }
    }
}

impl ShardReader {
    /// Errors: the file cannot be opened; no such text column.
    pub fn open(shard: &Shard, options: &ReadOptions) -> Result<Self, ShardError> {
        Self::open_at(shard, options, &RestartPoint::default())
    }

    /// At a place that [`Self::place`] has told.
    pub fn open_at(shard: &Shard, options: &ReadOptions, place: &RestartPoint) -> Result<Self, ShardError> {
        let path: Arc<Path> = Arc::from(shard.path.as_path());
        let source = match (shard.format, shard.compression) {
            (Format::Parquet, _) => {
                let open = || ParquetFile::open(&path, options);
                Source::Parquet(Box::new(unless_it_panics(&path, open)?))
            }
            (Format::Warc, compression) => {
                Source::Records(Box::new(RecordStream::open(&path, Layout::Warc, compression, place)?))
            }
            (Format::Arc, compression) => {
                Source::Records(Box::new(RecordStream::open(&path, Layout::Arc, compression, place)?))
            }
            (format, None) if !options.no_mmap && !is_remote(&path) => {
                let mut file = MappedFile::open(&path)?;
                if place.block > 0 {
                    file.go_to(place.stored);
                }
                Source::Mapped(format, file)
            }
            (format, None) if place.block > 0 => {
                Source::Stream(format, Box::new(Stream::open_at(&path, place.stored)?))
            }
            (format, compression) => Source::Stream(format, Box::new(Stream::open(&path, compression)?)),
        };
        let relative = Arc::from(shard.relative.as_str());
        let options = options.clone();
        Ok(Self {
            options,
            shard: shard.index,
            path,
            relative,
            source,
            index: place.block,
            row: place.row,
            offset: place.offset,
            done: false,
        })
    }

    /// The next block; none at the end and after an error. What came before an error stays valid.
    pub fn next_block(&mut self) -> Result<Option<Block>, ShardError> {
        if self.done {
            return Ok(None);
        }
        let next = self.next_payload();
        self.done = !matches!(next, Ok(Some(_)));
        let Some(Next { payload, rows, bytes, records, damage }) = next? else { return Ok(None) };
        let block = Block {
            shard: self.shard,
            index: self.index,
            first_row: self.row,
            rows,
            offset: self.offset,
            bytes,
            records,
            damage,
            path: self.path.clone(),
            relative: self.relative.clone(),
            payload,
        };
        self.index += 1;
        self.row += rows;
        self.offset += bytes;
        Ok(Some(block))
    }

    /// Where the next block begins; none if it can only be read behind those before it.
    pub fn place(&self) -> Option<RestartPoint> {
        let (stored, skip) = match &self.source {
            Source::Mapped(_, file) => (file.position(), 0),
            Source::Stream(_, stream) => (stream.place()?, 0),
            Source::Records(stream) => stream.place(&self.options)?,
            Source::Parquet(_) => return None,
        };
        let dump = match &self.source {
            Source::Records(stream) => stream.dump().map(str::to_owned),
            _ => None,
        };
        Some(RestartPoint { block: self.index, row: self.row, offset: self.offset, stored, skip, dump })
    }

    /// Bytes on disk that were read so far, for progress: at most the size of the file.
    pub fn consumed(&self) -> u64 {
        match &self.source {
            Source::Mapped(_, file) => file.position(),
            Source::Stream(_, stream) => stream.position(),
            Source::Parquet(file) => file.position(),
            Source::Records(stream) => stream.position(),
        }
    }

    fn next_payload(&mut self) -> Result<Option<Next>, ShardError> {
        let options = &self.options;
        let is_whole = |format: &Format| matches!(format, Format::Text | Format::Html);
        let (format, cut) = match &mut self.source {
            Source::Mapped(format, file) if is_whole(format) => (*format, file.whole(options)?),
            Source::Mapped(format, file) => (*format, file.next_cut(options)?),
            Source::Stream(format, stream) if is_whole(format) => (*format, stream.whole(options)?),
            Source::Stream(format, stream) => (*format, stream.next_cut(options)?),
            Source::Parquet(file) => {
                let next = unless_it_panics(&self.path, || file.next_batch(options))?;
                return Ok(next.map(|(columns, bytes)| {
                    let rows = columns.batch.num_rows() as u64;
                    Next::new(Payload::Columns(columns), rows, bytes)
                }));
            }
            Source::Records(stream) => {
                return Ok(stream.next_records(options)?.map(|mut found| {
                    let rows = found.places.iter().filter(|place| place.kind.is_document()).count() as u64;
                    let (records, damage) = (found.counts(), std::mem::take(&mut found.damage));
                    let bytes = found.taken;
                    Next { payload: Payload::Records(Box::new(found)), rows, bytes, records, damage }
                }));
            }
        };
        Ok(cut.map(|cut| match (cut, format) {
            (Cut::TooLarge { length, taken }, _) => Next::new(Payload::TooLarge(length), 1, taken),
            (Cut::Whole(bytes), Format::Text | Format::Html) => {
                let length = bytes.len() as u64;
                let is_page = format == Format::Html;
                let payload = if is_page { Payload::Page(bytes) } else { Payload::Document(bytes) };
                Next::new(payload, 1, length)
            }
            (Cut::Whole(bytes), _) => {
                let (rows, length) = (jsonl::records(&bytes).count() as u64, bytes.len() as u64);
                Next::new(Payload::Lines(bytes), rows, length)
            }
        }))
    }
}

/// Damage may be such that the library which decodes a file panics; that is the end of this file, not of the run.
fn unless_it_panics<T>(path: &Path, read: impl FnOnce() -> Result<T, ShardError>) -> Result<T, ShardError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(ShardError::new(path, None, Fault::Undecodable)))
}
