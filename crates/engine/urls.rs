//! The addresses of a segment's candidates on disk, as hashes: 20 bytes each, beside the signatures, of runs that look at
//! them.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use crate::error::EngineError;

/// Of one candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UrlRecord {
    /// Row within the segment.
    pub row: u32,
    pub hash: u64,
    /// The lower, the rather kept.
    pub rank: u64,
}

impl UrlRecord {
    /// Size on disk.
    pub const BYTES: u64 = 20;

    pub fn write(self, out: &mut Vec<u8>) {
        out.extend(self.row.to_le_bytes());
        out.extend(self.hash.to_le_bytes());
        out.extend(self.rank.to_le_bytes());
    }

    fn read(bytes: [u8; Self::BYTES as usize]) -> UrlRecord {
        let word = |at: usize| bytes[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
        UrlRecord { row: word(0) as u32, hash: word(4), rank: word(12) }
    }
}

/// Calls `each` with all records of a file, ascending by row.
pub(crate) fn each_url(
    path: &Path,
    records: u64,
    mut each: impl FnMut(UrlRecord),
) -> Result<(), EngineError> {
    let file = File::open(path).map_err(EngineError::io(path))?;
    let mut reader = BufReader::with_capacity(1 << 17, file);
    for _ in 0..records {
        let mut bytes = [0; UrlRecord::BYTES as usize];
        reader.read_exact(&mut bytes).map_err(EngineError::io(path))?;
        each(UrlRecord::read(bytes));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn records_read_back() {
        let records = [(0, 1, u64::MAX), (7, u64::MAX - 3, 0), (u32::MAX, 1 << 40, 2)]
            .map(|(row, hash, rank)| UrlRecord { row, hash, rank });
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut bytes = Vec::new();
        records.iter().for_each(|record| record.write(&mut bytes));
        std::fs::write(file.path(), bytes).unwrap();
        let mut found = Vec::new();
        each_url(file.path(), 3, |record| found.push(record)).unwrap();
        assert_eq!(found, records);
        assert!(each_url(file.path(), 4, |_| ()).is_err());
    }
}
