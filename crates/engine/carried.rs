//! What some recipes want of every signed candidate in resolve besides its record: all shingles, or all values of
//! the signature. A chunk per block in a file per segment, read back piece by piece, so that memory stays small.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use dedup::datatrove::BandRow;
use dedup::minhash::ROWS;
use dedup::{BANDS, jaccard};
use plan::{Carried, Signed};

use crate::error::EngineError;
use crate::work::{SegmentReceipt, Work};

/// The chunk of a block, and of how many candidates it is.
///
/// Shingles: the number of each candidate's (u32), then the hashes (u64) of one candidate after the other.
/// Signatures: band after band the eight values (u64) of one candidate after the other. All little-endian.
pub(crate) fn chunk(kind: Carried, signed: &[Signed]) -> (Vec<u8>, u32) {
    let mut bytes = Vec::new();
    let holders = || signed.iter().map(|one| one.carried.as_slice()).filter(|carried| !carried.is_empty());
    match kind {
        Carried::Nothing => return (bytes, 0),
        Carried::Signature => {
            for band in 0..BANDS {
                let values = holders().flat_map(|values| &values[band * ROWS..(band + 1) * ROWS]);
                bytes.extend(values.flat_map(|value| value.to_le_bytes()));
            }
        }
        Carried::Shingles => {
            bytes.extend(holders().flat_map(|hashes| (hashes.len() as u32).to_le_bytes()));
            for hashes in holders() {
                bytes.extend(hashes.iter().flat_map(|hash| hash.to_le_bytes()));
            }
        }
    }
    (bytes, holders().count() as u32)
}

/// Runs what reads files inside an algorithm that cannot fail; the first error is found afterwards.
#[derive(Default)]
pub(crate) struct Guarded(Mutex<Option<EngineError>>);

impl Guarded {
    pub fn or_default<T: Default>(&self, result: Result<T, EngineError>) -> T {
        result.unwrap_or_else(|error| {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            T::default()
        })
    }

    pub fn finish(self) -> Result<(), EngineError> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

/// Adds the rows of one band; `holders` are the candidates with a signature, in input order.
pub(crate) fn band_rows(
    band: usize,
    holders: &[u32],
    receipts: &[SegmentReceipt],
    work: &Work,
    rows: &mut Vec<BandRow>,
) -> Result<(), EngineError> {
    let mut holders = holders.iter();
    for receipt in receipts.iter().filter(|receipt| !receipt.carried.is_empty()) {
        let path = work.carried(receipt.shard, receipt.part);
        let file = File::open(&path).map_err(EngineError::io(&path))?;
        for (offset, candidates) in &receipt.carried {
            let bytes_per_band = *candidates as usize * ROWS * 8;
            let mut bytes = vec![0; bytes_per_band];
            let at = offset + (band * bytes_per_band) as u64;
            file.read_exact_at(&mut bytes, at).map_err(EngineError::io(&path))?;
            let values = bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
            let values: Vec<u64> = values.collect();
            let values = values.as_chunks::<ROWS>().0.iter().copied();
            rows.extend(values.zip(holders.by_ref().copied()));
        }
    }
    Ok(())
}

/// Where the shingles of every candidate lie. Takes 12 bytes per candidate.
pub(crate) struct ShingleSets {
    /// First candidate, and file; only segments that hold candidates.
    segments: Vec<(u32, PathBuf)>,
    starts: Vec<u64>,
    counts: Vec<u32>,
}

impl ShingleSets {
    /// `holders` as in [`band_rows`], of so many candidates.
    pub fn open(
        candidates: usize,
        holders: &[u32],
        receipts: &[SegmentReceipt],
        work: &Work,
    ) -> Result<Self, EngineError> {
        let mut sets =
            ShingleSets { segments: vec![], starts: vec![0; candidates], counts: vec![0; candidates] };
        let mut holders = holders.iter().peekable();
        for receipt in receipts.iter().filter(|receipt| !receipt.carried.is_empty()) {
            let path = work.carried(receipt.shard, receipt.part);
            let file = File::open(&path).map_err(EngineError::io(&path))?;
            if let Some(first) = holders.peek() {
                sets.segments.push((**first, path.clone()));
            }
            for (offset, candidates) in &receipt.carried {
                let mut counts = vec![0; *candidates as usize * 4];
                file.read_exact_at(&mut counts, *offset).map_err(EngineError::io(&path))?;
                let mut at = offset + counts.len() as u64;
                for (count, holder) in counts.as_chunks::<4>().0.iter().zip(holders.by_ref()) {
                    let count = u32::from_le_bytes(*count);
                    (sets.starts[*holder as usize], sets.counts[*holder as usize]) = (at, count);
                    at += u64::from(count) * 8;
                }
            }
        }
        Ok(sets)
    }

    /// The Jaccard similarity of two candidates, in constant memory.
    pub fn jaccard(&self, a: u32, b: u32) -> Result<f64, EngineError> {
        let failed = Guarded::default();
        let similarity = jaccard(self.hashes(a, &failed)?, self.hashes(b, &failed)?);
        failed.finish()?;
        Ok(similarity)
    }

    fn hashes<'f>(&self, candidate: u32, failed: &'f Guarded) -> Result<Hashes<'f>, EngineError> {
        let after = self.segments.partition_point(|(first, _)| *first <= candidate);
        let path = after.checked_sub(1).map_or_else(PathBuf::new, |index| self.segments[index].1.clone());
        let file = File::open(&path).map_err(EngineError::io(&path))?;
        let (at, left) = (self.starts[candidate as usize], self.counts[candidate as usize] as usize);
        Ok(Hashes { file, path, at, left, buffer: Vec::new(), next: 0, failed })
    }
}

/// The hashes of one candidate, some thousands at a time.
struct Hashes<'f> {
    file: File,
    path: PathBuf,
    at: u64,
    /// Hashes in the file from `at` on.
    left: usize,
    buffer: Vec<u8>,
    next: usize,
    failed: &'f Guarded,
}

impl Hashes<'_> {
    const AT_ONCE: usize = 4096;

    fn refill(&mut self) -> std::io::Result<()> {
        let hashes = self.left.min(Self::AT_ONCE);
        self.buffer.resize(hashes * 8, 0);
        self.next = 0;
        self.left -= hashes;
        self.file.read_exact_at(&mut self.buffer, self.at)?;
        self.at += self.buffer.len() as u64;
        Ok(())
    }
}

impl Iterator for Hashes<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.next == self.buffer.len() / 8 {
            if self.left == 0 {
                return None;
            }
            if let Err(error) = self.refill() {
                self.failed.or_default(Err(EngineError::io(&self.path)(error)))
            }
        }
        let hash = self.buffer.as_chunks::<8>().0.get(self.next).map(|bytes| u64::from_le_bytes(*bytes));
        self.next += 1;
        hash
    }
}
