//! Compressed files, and plain ones that must not be mapped: one reader, blocks of whole records.
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::block::Bytes;
use crate::inputs::Compression;
use crate::source::Source;
use crate::{Fault, ReadOptions, ShardError};

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

/// So many bytes may come out before the ratio is looked at, and at most so many for one that went in.
pub(crate) const FREE_BYTES: u64 = 64 << 20;
pub(crate) const LARGEST_RATIO: u64 = 1_000;

/// Room for reads from the disk.
const BUFFER_BYTES: usize = 128 << 10;

/// Uncompressed bytes of a file.
pub(crate) fn open_plain(
    path: &Path,
    compression: Option<Compression>,
    consumed: &Arc<AtomicU64>,
) -> io::Result<Box<dyn Read + Send>> {
    unpacked(open_file(path, 0, consumed)?, compression)
}

/// The bytes of a file from a place on as they lie on disk, counted.
pub(crate) fn open_file(path: &Path, at: u64, consumed: &Arc<AtomicU64>) -> io::Result<Box<dyn Read + Send>> {
    consumed.store(at, Ordering::Relaxed);
    Ok(Box::new(Counted { source: Source::open_at(path, at)?, consumed: consumed.clone() }))
}

/// Uncompressed bytes of packed ones.
pub(crate) fn unpacked(
    packed: Box<dyn Read + Send>,
    compression: Option<Compression>,
) -> io::Result<Box<dyn Read + Send>> {
    let mut buffered = BufReader::with_capacity(BUFFER_BYTES, packed);
    Ok(match compression {
        None => Box::new(buffered),
        Some(Compression::Gzip) => Box::new(flate2::bufread::MultiGzDecoder::new(buffered)),
        Some(Compression::Zstd) => match dictionary(&mut buffered)? {
            Some(dictionary) => {
                Box::new(zstd::stream::read::Decoder::with_dictionary(buffered, &dictionary)?)
            }
            None => Box::new(zstd::stream::read::Decoder::with_buffer(buffered)?),
        },
        Some(Compression::Lz4) => Box::new(Lz4Frames(lz4_flex::frame::FrameDecoder::new(buffered))),
    })
}

/// A longer dictionary is none.
const LONGEST_DICTIONARY: usize = 16 << 20;

/// Crawls packed by record share a dictionary, which lies in a frame of its own before them, as it is or packed:
/// https://iipc.github.io/warc-specifications/specifications/warc-zstd/
fn dictionary(packed: &mut BufReader<Box<dyn Read + Send>>) -> io::Result<Option<Vec<u8>>> {
    const DICTIONARY_FRAME: [u8; 4] = 0x184D_2A5D_u32.to_le_bytes();
    const PACKED: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
    let Some((DICTIONARY_FRAME, [a, b, c, d, ..])) =
        packed.fill_buf()?.split_first_chunk::<4>().map(|(m, r)| (*m, r))
    else {
        return Ok(None);
    };
    let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
    if length > LONGEST_DICTIONARY {
        return Ok(None);
    }
    packed.consume(8);
    let mut dictionary = Vec::new();
    packed.take(length as u64).read_to_end(&mut dictionary)?;
    if dictionary.starts_with(&PACKED) {
        let mut unpacked = Vec::new();
        let decoder = zstd::stream::read::Decoder::with_buffer(dictionary.as_slice())?;
        decoder.take(LONGEST_DICTIONARY as u64).read_to_end(&mut unpacked)?;
        dictionary = unpacked;
    }
    Ok(Some(dictionary))
}

/// The decoder ends with a frame; the file may go on.
struct Lz4Frames(lz4_flex::frame::FrameDecoder<BufReader<Box<dyn Read + Send>>>);

impl Read for Lz4Frames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.0.read(buffer)?;
            if n > 0 || buffer.is_empty() || self.0.get_mut().fill_buf()?.is_empty() {
                return Ok(n);
            }
        }
    }
}

struct Counted {
    source: Source,
    consumed: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(buffer)?;
        self.consumed.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

pub(crate) struct Stream {
    path: Arc<Path>,
    compression: Option<Compression>,
    source: Box<dyn Read + Send>,
    /// Bytes on disk that were read so far.
    consumed: Arc<AtomicU64>,
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
        let consumed = Arc::new(AtomicU64::new(0));
        let source = open_plain(path, compression, &consumed)
            .map_err(|source| ShardError::io(path, "open it", source))?;
        let (path, carry) = (path.clone(), Vec::new());
        let mut stream =
            Self { path, compression, source, consumed, given: 0, carry, ended: false, failure: None };
        let mut start = Vec::new();
        stream.fill(&mut start, BYTE_ORDER_MARK.len());
        stream.carry = if start == BYTE_ORDER_MARK { Vec::new() } else { start };
        Ok(stream)
    }

    /// At a place that [`Self::place`] has told.
    pub fn open_at(path: &Arc<Path>, at: u64) -> Result<Self, ShardError> {
        let consumed = Arc::new(AtomicU64::new(0));
        let source =
            open_file(path, at, &consumed).map_err(|source| ShardError::io(path, "open it", source))?;
        let (path, carry, compression) = (path.clone(), Vec::new(), None);
        Ok(Self { path, compression, source, consumed, given: at, carry, ended: false, failure: None })
    }

    /// Bytes on disk that were read so far.
    pub fn position(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    /// Where the next block begins in the file; none if nobody can begin there.
    pub fn place(&self) -> Option<u64> {
        let is_readable = self.compression.is_none() && self.failure.is_none();
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
        let read = self.source.by_ref().take((length - before) as u64).read_to_end(bytes);
        self.given += (bytes.len() - before) as u64;
        if let Err(source) = read {
            self.fail(match self.compression {
                Some(compression) => Fault::broken(compression.name(), source),
                None => Fault::io("read it", source),
            });
        } else if bytes.len() < length {
            self.ended = true;
        }
        let (given, read) = (self.given, self.position());
        if self.compression.is_some() && given > FREE_BYTES && given > LARGEST_RATIO * read {
            bytes.truncate(before);
            self.fail(Fault::Bomb { read, given });
        }
    }

    fn fail(&mut self, fault: Fault) {
        self.ended = true;
        self.failure = Some(ShardError::new(&self.path, Some(self.given), fault));
    }
}

fn record_of(bytes: Vec<u8>, length: u64, taken: u64, longest: usize) -> Cut {
    if length > longest as u64 { Cut::TooLarge { length, taken } } else { Cut::Whole(Bytes::Owned(bytes)) }
}
