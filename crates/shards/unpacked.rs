//! The content of a file, unpacked in steps of its own: what comes out, and where it is refused, is the same however
//! much is asked for at once.
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Fault;
use crate::inputs::Compression;
use crate::source::Source;

/// Room for reads from the disk, and what is unpacked at once.
pub(crate) const STEP_BYTES: usize = 128 << 10;

/// So many bytes may come out before the ratio is looked at, and at most so many for one that went in.
const FREE_BYTES: u64 = 64 << 20;
pub(crate) const LARGEST_RATIO: u64 = 1_000;

/// Far more came out than belongs into so many packed bytes.
pub(crate) fn bomb(given: u64, read: u64) -> Option<Fault> {
    (given > FREE_BYTES && given > LARGEST_RATIO * read).then_some(Fault::Bomb { read, given })
}

/// The next step ends at a multiple of its length, wherever the last one ended.
pub(crate) fn step_after(given: u64) -> usize {
    STEP_BYTES - given as usize % STEP_BYTES
}

pub(crate) struct Unpacked {
    source: Box<dyn Read + Send>,
    compression: Option<Compression>,
    /// Bytes on disk that were read so far.
    consumed: Arc<AtomicU64>,
    /// Bytes that came out so far, all of them given but the rest of `step`.
    given: u64,
    /// The last step where less of it was asked for, and how much of it is given.
    step: Vec<u8>,
    taken: usize,
    /// What the last step ended with: the end of the file where it is none.
    ended: Option<Option<Fault>>,
}

impl Unpacked {
    /// A file, from a place on where it is not compressed.
    pub fn open(path: &Path, compression: Option<Compression>, at: u64) -> io::Result<Self> {
        let consumed = Arc::new(AtomicU64::new(0));
        Self::new(open_file(path, at, &consumed)?, compression, consumed)
    }

    pub fn new(
        packed: Box<dyn Read + Send>,
        compression: Option<Compression>,
        consumed: Arc<AtomicU64>,
    ) -> io::Result<Self> {
        let source = unpacked(packed, compression)?;
        Ok(Self { source, compression, consumed, given: 0, step: Vec::new(), taken: 0, ended: None })
    }

    /// Somebody can begin in its middle.
    pub fn is_plain(&self) -> bool {
        self.compression.is_none()
    }

    /// Bytes on disk that were read so far.
    pub fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    /// Reads until `bytes` is that long; false if nothing more comes. Before a fault all is given that came before it;
    /// behind it comes nothing.
    pub fn fill(&mut self, bytes: &mut Vec<u8>, length: usize) -> Result<bool, Fault> {
        loop {
            let rest = &self.step[self.taken..];
            let rest = &rest[..rest.len().min(length.saturating_sub(bytes.len()))];
            bytes.extend_from_slice(rest);
            self.taken += rest.len();
            if bytes.len() >= length {
                return Ok(true);
            }
            if let Some(end) = &mut self.ended {
                return end.take().map_or(Ok(false), Err);
            }
            self.step.clear();
            self.taken = 0;
            if length - bytes.len() >= step_after(self.given) {
                self.unpack(bytes);
            } else {
                let mut step = std::mem::take(&mut self.step);
                self.unpack(&mut step);
                self.step = step;
            }
        }
    }

    /// One step.
    fn unpack(&mut self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut end = start;
        out.resize(start + step_after(self.given), 0);
        while end < out.len() && self.ended.is_none() {
            match self.source.read(&mut out[end..]) {
                Ok(0) => self.ended = Some(None),
                Ok(n) => end += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    self.ended = Some(Some(match self.compression {
                        Some(compression) => Fault::broken(compression.name(), source),
                        None => Fault::io("read it", source),
                    }));
                }
            }
        }
        out.truncate(end);
        self.given += (end - start) as u64;
        if !self.is_plain() && self.ended.is_none() {
            self.ended = bomb(self.given, self.consumed()).map(Some);
        }
    }
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
    let mut buffered = BufReader::with_capacity(STEP_BYTES, packed);
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
