//! One gzip member: RFC 1952, so that damage is known by its member and what follows can still be read.
use flate2::{Crc, Decompress, FlushDecompress, Status};

pub(crate) const DAMAGED: &str = "is damaged";
pub(crate) const WRONG_CHECKSUM: &str = "has another checksum than its content";

/// A header with longer names than this is damage.
pub(crate) const LONGEST_HEADER: usize = 64 << 10;

/// So many bytes tell whether a member begins here.
pub(crate) const TRIAL_BYTES: usize = 4 << 10;

/// Bytes of the header at the start; none: it does not end here; an error: it is no header.
pub(crate) fn header_length(bytes: &[u8]) -> Option<Result<usize, ()>> {
    const MAGIC: [u8; 3] = [0x1F, 0x8B, 8];
    let known = bytes.len().min(MAGIC.len());
    if bytes[..known] != MAGIC[..known] {
        return Some(Err(()));
    }
    let flags = *bytes.get(3)?;
    if flags & 0xE0 != 0 {
        return Some(Err(()));
    }
    let mut at = 10;
    if flags & 4 != 0 {
        let length = [*bytes.get(at)?, *bytes.get(at + 1)?];
        at += 2 + usize::from(u16::from_le_bytes(length));
    }
    // Name and comment end with a zero.
    for flag in [8, 16] {
        if flags & flag != 0 {
            at += memchr::memchr(0, bytes.get(at..)?)? + 1;
        }
    }
    at += usize::from(flags & 2);
    (at <= bytes.len()).then_some(Ok(at))
}

/// Where a member of a crawl file begins: it unpacks, and what comes out is the head of a record.
pub(crate) fn find_member(bytes: &[u8], is_all: bool) -> Option<usize> {
    memchr::memmem::find_iter(bytes, [0x1F, 0x8B, 8].as_slice()).find(|at| {
        let packed = &bytes[*at..];
        if !is_all && packed.len() < TRIAL_BYTES {
            return false;
        }
        let Some(Ok(length)) = header_length(packed) else { return false };
        let mut head = Vec::new();
        let packed = &packed[length..packed.len().min(length + TRIAL_BYTES)];
        let unpacked = Member::new().unpack(packed, &mut head, 256);
        unpacked.is_ok()
            && (head.starts_with(b"WARC/") || memchr::memmem::find(&head, b"://").is_some_and(|at| at < 16))
    })
}

pub(crate) struct Member {
    inflate: Decompress,
    checksum: Crc,
    /// All but its trailer has been read.
    is_unpacked: bool,
}

/// What one step did.
pub(crate) struct Step {
    pub taken: usize,
    pub is_end: bool,
}

/// What is wrong, and where in the packed bytes of this step.
pub(crate) struct Broken {
    pub what: &'static str,
    pub taken: usize,
}

impl Member {
    /// Behind its header.
    pub fn new() -> Self {
        Self { inflate: Decompress::new(false), checksum: Crc::new(), is_unpacked: false }
    }

    /// Unpacks until `out` is that long, `packed` is used up or the member ends.
    pub fn unpack(&mut self, packed: &[u8], out: &mut Vec<u8>, length: usize) -> Result<Step, Broken> {
        let mut taken = 0;
        if !self.is_unpacked {
            let (before, read, written) = (out.len(), self.inflate.total_in(), self.inflate.total_out());
            out.resize(length.max(before), 0);
            let status = self.inflate.decompress(packed, &mut out[before..], FlushDecompress::None);
            out.truncate(before + (self.inflate.total_out() - written) as usize);
            self.checksum.update(&out[before..]);
            taken = (self.inflate.total_in() - read) as usize;
            match status {
                Ok(Status::StreamEnd) => self.is_unpacked = true,
                Ok(_) => return Ok(Step { taken, is_end: false }),
                Err(_) => return Err(Broken { what: DAMAGED, taken }),
            }
        }
        let Some(trailer) = packed.get(taken..taken + 8) else { return Ok(Step { taken, is_end: false }) };
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| trailer[at + byte]));
        if word(0) != self.checksum.sum() || word(4) != self.inflate.total_out() as u32 {
            return Err(Broken { what: WRONG_CHECKSUM, taken });
        }
        Ok(Step { taken: taken + 8, is_end: true })
    }
}
