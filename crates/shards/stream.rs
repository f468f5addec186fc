//! Compressed files, and plain ones that must not be mapped: one reader, blocks of whole records.
use std::path::Path;
use std::sync::Arc;

use crate::block::Bytes;
use crate::inputs::Compression;
use crate::unpacked::Unpacked;
use crate::{ReadOptions, ShardError};

pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What the cutters give: some whole records, or one that was skipped.
pub(crate) enum Cut {
    Whole(Bytes),
    /// `taken` counts its line feed too.
    TooLarge {
        length: u64,
        taken: u64,
    },
}

pub(crate) struct Stream {
    path: Arc<Path>,
    source: Unpacked,
    /// Bytes that came out so far.
    given: u64,
    /// Read, but not yet cut.
    carry: Vec<u8>,
    /// No more bytes come: the end was reached, or the source failed.
    ended: bool,
    failure: Option<ShardError>,
}

impl Stream {
    pub fn open(path: &Arc<Path>, compression: Option<Compression>) -> Result<Self, ShardError> {
        let mut stream = Self::at(path, compression, 0)?;
        let mut start = Vec::new();
        stream.fill(&mut start, BYTE_ORDER_MARK.len());
        stream.carry = if start == BYTE_ORDER_MARK { Vec::new() } else { start };
        Ok(stream)
    }

    /// At a place that [`Self::place`] has told.
    pub fn open_at(path: &Arc<Path>, at: u64) -> Result<Self, ShardError> {
        Self::at(path, None, at)
    }

    fn at(path: &Arc<Path>, compression: Option<Compression>, at: u64) -> Result<Self, ShardError> {
        let source = Unpacked::open(path, compression, at)
            .map_err(|source| ShardError::io(path, "open it", source))?;
        Ok(Self { path: path.clone(), source, given: at, carry: Vec::new(), ended: false, failure: None })
    }

    /// Bytes on disk that were read so far.
    pub fn position(&self) -> u64 {
        self.source.consumed()
    }

    /// Where the next block begins in the file; none if nobody can begin there.
    pub fn place(&self) -> Option<u64> {
        let is_readable = self.source.is_plain() && self.failure.is_none();
        is_readable.then(|| self.given - self.carry.len() as u64)
    }

    /// The same cuts as those of a mapped file.
    pub fn next_cut(&mut self, options: &ReadOptions) -> Result<Option<Cut>, ShardError> {
        let window = options.block_bytes;
        let mut bytes = std::mem::take(&mut self.carry);
        // One byte more than the window tells whether this is the end.
        bytes.reserve(window + 1 - bytes.len().min(window));
        self.fill(&mut bytes, window + 1);
        if bytes.len() <= window {
            self.drop_torn_record(&mut bytes);
            return self.last(bytes);
        }
        if let Some(line_feed) = memchr::memrchr(b'\n', &bytes[..window]) {
            self.carry = bytes.split_off(line_feed + 1);
            return Ok(Some(Cut::Whole(Bytes::Owned(bytes))));
        }
        self.long_record(bytes, window, options.longest_record())
    }

    /// The whole stream as one document.
    pub fn whole(&mut self, options: &ReadOptions) -> Result<Option<Cut>, ShardError> {
        let mut bytes = std::mem::take(&mut self.carry);
        let longest = options.longest_record();
        self.fill(&mut bytes, longest + 1);
        if bytes.len() <= longest {
            return match self.failure.take() {
                Some(failure) => Err(failure),
                None => self.last(bytes),
            };
        }
        let mut length = bytes.len() as u64;
        while !self.ended {
            bytes.clear();
            self.fill(&mut bytes, options.block_bytes);
            length += bytes.len() as u64;
        }
        Ok(Some(Cut::TooLarge { length, taken: length }))
    }

    /// The record at the start of `bytes` has no end in the window: keeps it, or skips it in constant memory.
    fn long_record(
        &mut self,
        mut bytes: Vec<u8>,
        window: usize,
        longest: usize,
    ) -> Result<Option<Cut>, ShardError> {
        let mut searched = window;
        // Bytes of the record that are counted, but no longer held.
        let mut skipped = 0;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &bytes[searched..]) {
                let end = searched + at;
                self.carry = bytes.split_off(end + 1);
                let length = skipped + end as u64;
                return Ok(Some(record_of(bytes, length, length + 1, longest)));
            }
            if self.ended {
                let length = skipped + bytes.len() as u64;
                return match self.failure.take() {
                    Some(failure) => Err(failure),
                    None => Ok(Some(record_of(bytes, length, length, longest))),
                };
            }
            if bytes.len() > longest {
                skipped += bytes.len() as u64;
                bytes.clear();
            }
            searched = bytes.len();
            self.fill(&mut bytes, searched + window);
        }
    }

    /// What is left at the end. A failure is told once, after it.
    fn last(&mut self, bytes: Vec<u8>) -> Result<Option<Cut>, ShardError> {
        match (bytes.is_empty(), self.failure.take()) {
            (true, Some(failure)) => Err(failure),
            (true, None) => Ok(None),
            (false, failure) => {
                self.failure = failure;
                Ok(Some(Cut::Whole(Bytes::Owned(bytes))))
            }
        }
    }

    /// After a failure the last line may lack its end.
    fn drop_torn_record(&self, bytes: &mut Vec<u8>) {
        if self.failure.is_some() {
            bytes.truncate(memchr::memrchr(b'\n', bytes).map_or(0, |line_feed| line_feed + 1));
        }
    }

    /// Reads until `bytes` is that long, or nothing more comes.
    fn fill(&mut self, bytes: &mut Vec<u8>, length: usize) {
        let before = bytes.len();
        if self.ended || before >= length {
            return;
        }
        let filled = self.source.fill(bytes, length);
        self.given += (bytes.len() - before) as u64;
        self.ended = !matches!(filled, Ok(true));
        self.failure = filled.err().map(|fault| ShardError::new(&self.path, Some(self.given), fault));
    }
}

fn record_of(bytes: Vec<u8>, length: u64, taken: u64, longest: usize) -> Cut {
    if length > longest as u64 { Cut::TooLarge { length, taken } } else { Cut::Whole(Bytes::Owned(bytes)) }
}
