//! The signatures of a segment on disk: columns in groups of records, so that resolve reads the band that it works
//! on and nothing else. 254 bytes per signature.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use dedup::{BANDS, BandKeys, Sketch, VALUES};
use plan::{Flags, Near};
use shards::{AtomicFile, Receipt};

use crate::EngineError;

/// What the sweep says of a form of a document's text.
#[derive(Clone, Debug, PartialEq)]
pub struct SignatureRecord {
    /// Row within the segment.
    pub row: u32,
    pub flags: Flags,
    /// The text as it came, where the recipe has changed it.
    pub is_original: bool,
    /// The lower, the rather kept of a cluster.
    pub rank: u64,
    pub exact: u128,
    pub near: Option<Near>,
}

/// Records of a group; the last one of a segment has fewer.
const GROUP: u64 = 1 << 16;

/// Of [`Column::State`].
const ORIGINAL: u8 = 1;
const HAS_NEAR: u8 = 2;

/// One value per record.
#[derive(Clone, Copy)]
enum Column {
    Row,
    Flags,
    State,
    Rank,
    Exact,
    Band(usize),
    Sketch,
}

impl Column {
    /// Bytes of a value, and of the values of all columns before it.
    fn place(self) -> (u64, u64) {
        match self {
            Column::Row => (4, 0),
            Column::Flags => (1, 4),
            Column::State => (1, 5),
            Column::Rank => (8, 6),
            Column::Exact => (16, 14),
            Column::Band(band) => (8, 30 + 8 * band as u64),
            Column::Sketch => (VALUES as u64, 30 + 8 * BANDS as u64),
        }
    }

    fn bytes(self, record: &SignatureRecord, out: &mut Vec<u8>) {
        let near = record.near.as_ref();
        match self {
            Column::Row => out.extend(record.row.to_le_bytes()),
            Column::Flags => out.push(record.flags.0),
            Column::State => {
                out.push((u8::from(record.is_original) * ORIGINAL) | (u8::from(near.is_some()) * HAS_NEAR))
            }
            Column::Rank => out.extend(record.rank.to_le_bytes()),
            Column::Exact => out.extend(record.exact.to_le_bytes()),
            Column::Band(band) => out.extend(near.map_or(0, |near| near.bands[band]).to_le_bytes()),
            Column::Sketch => out.extend(near.map_or(Sketch::EMPTY, |near| near.sketch).0),
        }
    }
}

impl SignatureRecord {
    /// Size on disk.
    pub const BYTES: u64 = 30 + (8 * BANDS + VALUES) as u64;
}

fn columns() -> impl Iterator<Item = Column> {
    let before = [Column::Row, Column::Flags, Column::State, Column::Rank, Column::Exact];
    before.into_iter().chain((0..BANDS).map(Column::Band)).chain([Column::Sketch])
}

/// Writes a segment's signatures. Holds up to a group of them.
pub struct SignatureWriter {
    file: AtomicFile,
    path: PathBuf,
    group: Vec<SignatureRecord>,
    records: u64,
}

impl SignatureWriter {
    /// # Errors
    /// When the file cannot be written; so below.
    pub fn create(path: &Path) -> Result<Self, EngineError> {
        Ok(Self { file: AtomicFile::create(path)?, path: path.to_owned(), group: Vec::new(), records: 0 })
    }

    /// In order of rows.
    pub fn push(&mut self, record: SignatureRecord) -> Result<(), EngineError> {
        self.group.push(record);
        self.records += 1;
        if self.group.len() as u64 == GROUP { self.flush() } else { Ok(()) }
    }

    /// Puts the file in its place.
    pub fn commit(mut self) -> Result<Receipt, EngineError> {
        self.flush()?;
        Ok(self.file.commit(self.records)?)
    }

    fn flush(&mut self) -> Result<(), EngineError> {
        let mut bytes = Vec::with_capacity(self.group.len() * SignatureRecord::BYTES as usize);
        for column in columns() {
            self.group.iter().for_each(|record| column.bytes(record, &mut bytes));
        }
        self.group.clear();
        self.file.write_all(&bytes).map_err(EngineError::io(&self.path))
    }
}

/// Reads a segment's signatures.
pub struct SignatureFile {
    file: File,
    path: PathBuf,
    records: u64,
}

impl SignatureFile {
    /// `records` is what its writer has written.
    ///
    /// # Errors
    /// When the file cannot be read; so below.
    pub fn open(path: PathBuf, records: u64) -> Result<Self, EngineError> {
        let file = File::open(&path).map_err(EngineError::io(&path))?;
        Ok(Self { file, path, records })
    }

    /// Groups of up to 65,536 records.
    pub fn n_groups(&self) -> u64 {
        self.records.div_ceil(GROUP)
    }

    fn read(&self, group: u64, column: Column) -> Result<Vec<u8>, EngineError> {
        let records = GROUP.min(self.records - group * GROUP);
        let (width, before) = column.place();
        let mut bytes = vec![0; (records * width) as usize];
        let at = group * GROUP * SignatureRecord::BYTES + records * before;
        self.file.read_exact_at(&mut bytes, at).map_err(EngineError::io(&self.path))?;
        Ok(bytes)
    }

    /// The states of a group's records.
    pub fn states(&self, group: u64) -> Result<Vec<State>, EngineError> {
        let (flags, states) = (self.read(group, Column::Flags)?, self.read(group, Column::State)?);
        let state = |(flags, state): (u8, u8)| State { flags: Flags(flags), state };
        Ok(flags.into_iter().zip(states).map(state).collect())
    }

    /// Of a group's records the rows; likewise below.
    pub fn rows(&self, group: u64) -> Result<Vec<u32>, EngineError> {
        let bytes = self.read(group, Column::Row)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|row| u32::from_le_bytes(*row)).collect())
    }

    /// The lower, the rather kept.
    pub fn ranks(&self, group: u64) -> Result<Vec<u64>, EngineError> {
        self.words(group, Column::Rank)
    }

    /// Hashes of the texts.
    pub fn exact(&self, group: u64) -> Result<Vec<u128>, EngineError> {
        let bytes = self.read(group, Column::Exact)?;
        Ok(bytes.as_chunks::<16>().0.iter().map(|hash| u128::from_le_bytes(*hash)).collect())
    }

    /// Keys of one band; 0 where there is none.
    pub fn band(&self, group: u64, band: usize) -> Result<Vec<u64>, EngineError> {
        self.words(group, Column::Band(band))
    }

    /// Keys of all bands.
    pub fn bands(&self, group: u64) -> Result<Vec<BandKeys>, EngineError> {
        let mut keys = Vec::new();
        for band in 0..BANDS {
            let column = self.band(group, band)?;
            keys.resize(column.len(), [0; BANDS]);
            keys.iter_mut().zip(column).for_each(|(keys, key): (&mut BandKeys, u64)| keys[band] = key);
        }
        Ok(keys)
    }

    /// For estimates of similarity.
    pub fn sketches(&self, group: u64) -> Result<Vec<Sketch>, EngineError> {
        let bytes = self.read(group, Column::Sketch)?;
        Ok(bytes.as_chunks::<VALUES>().0.iter().map(|values| Sketch(*values)).collect())
    }

    fn words(&self, group: u64, column: Column) -> Result<Vec<u64>, EngineError> {
        let bytes = self.read(group, column)?;
        Ok(bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect())
    }
}

/// What kind of record it is.
#[derive(Clone, Copy)]
pub struct State {
    pub flags: Flags,
    state: u8,
}

impl State {
    /// Deduplication looks at the text as the recipe leaves it, not at the original beside it.
    pub fn is_candidate(self) -> bool {
        self.state & ORIGINAL == 0
    }

    /// The text of a control document as it came.
    pub fn is_control(self) -> bool {
        self.state & ORIGINAL != 0 && self.flags.has(Flags::CONTROL)
    }

    /// Its text has shingles.
    pub fn has_near(self) -> bool {
        self.state & HAS_NEAR != 0
    }

    /// Near deduplication looks at it.
    pub fn is_near_candidate(self) -> bool {
        self.is_candidate() && self.has_near() && self.flags.has(Flags::NEAR)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn columns_read_back() {
        let record = |n: u64| SignatureRecord {
            row: n as u32,
            flags: Flags(if n.is_multiple_of(3) { Flags::EXACT | Flags::CONTROL } else { Flags::NEAR }),
            is_original: n.is_multiple_of(5),
            rank: n << 40,
            exact: u128::from(n) << 70,
            near: (!n.is_multiple_of(2)).then(|| Near {
                bands: std::array::from_fn(|band| n * band as u64),
                sketch: Sketch([n as u8; VALUES]),
            }),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signatures");
        let mut writer = SignatureWriter::create(&path).unwrap();
        let n = GROUP + 1_000;
        (0..n).for_each(|n| writer.push(record(n)).unwrap());
        assert_eq!(writer.commit().unwrap().rows, n);

        let file = SignatureFile::open(path, n).unwrap();
        assert_eq!(file.n_groups(), 2);
        for (group, at, number) in [(0, 0, 0), (0, 7, 7), (0, 65_535, 65_535), (1, 999, n - 1)] {
            let wanted = record(number);
            let state = file.states(group).unwrap()[at];
            assert_eq!(state.flags, wanted.flags);
            assert_eq!(
                (state.is_candidate(), state.has_near()),
                (!wanted.is_original, wanted.near.is_some())
            );
            assert_eq!(file.rows(group).unwrap()[at], wanted.row);
            assert_eq!(file.ranks(group).unwrap()[at], wanted.rank);
            assert_eq!(file.exact(group).unwrap()[at], wanted.exact);
            if let Some(near) = wanted.near {
                assert_eq!(file.bands(group).unwrap()[at], near.bands);
                assert_eq!(file.band(group, 13).unwrap()[at], near.bands[13]);
                assert_eq!(file.sketches(group).unwrap()[at], near.sketch);
            }
        }
    }
}
