//! Token ids on their way from documents to sequences: one file of ids, one of documents. A document's entry stays in
//! memory, too.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokens::Version;

use crate::error::EngineError;
use crate::finish::DocumentTokens;
use crate::work::Work;

/// Where a document's ids lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Entry {
    pub shard: u32,
    pub row: u64,
    pub control: Option<Version>,
    pub text_bytes: u64,
    /// First id in the file, and number of ids.
    pub start: u64,
    pub ids: u32,
    /// Times that it is packed.
    pub copies: u8,
}

const ENTRY_BYTES: usize = 32;
const ID_BYTES: u64 = 4;

impl Entry {
    fn bytes(&self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..8].copy_from_slice(&self.row.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.text_bytes.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.shard.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.ids.to_le_bytes());
        bytes[24] = match self.control {
            None => 0,
            Some(Version::Original) => 1,
            Some(Version::Kept) => 2,
        };
        bytes[25] = self.copies;
        bytes
    }

    fn read(bytes: &[u8; ENTRY_BYTES], start: u64) -> Entry {
        let number = |at: usize, size: usize| -> u64 {
            bytes[at..at + size].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
        };
        Entry {
            row: number(0, 8),
            text_bytes: number(8, 8),
            shard: number(16, 4) as u32,
            ids: number(20, 4) as u32,
            control: match bytes[24] {
                0 => None,
                1 => Some(Version::Original),
                _ => Some(Version::Kept),
            },
            copies: bytes[25],
            start,
        }
    }
}

/// A place in the spool that can be gone back to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SpoolPoint {
    pub documents: u64,
    pub ids: u64,
}

impl SpoolPoint {
    /// The files reach as far as this.
    pub fn is_held(&self, work: &Work) -> bool {
        let reaches = |name, bytes: u64| {
            bytes == 0 || fs::metadata(work.pack().join(name)).is_ok_and(|file| file.len() >= bytes)
        };
        reaches(IDS, self.ids * ID_BYTES) && reaches(DOCUMENTS, self.documents * ENTRY_BYTES as u64)
    }
}

const IDS: &str = "token-ids";
const DOCUMENTS: &str = "token-documents";

pub(crate) struct Spool {
    ids: Appended,
    documents: Appended,
    written: u64,
    entries: Vec<Entry>,
    /// Of some ids.
    bytes: Vec<u8>,
}

/// A long document has millions.
const IDS_AT_ONCE: usize = 1 << 18;

impl Spool {
    /// Goes on at a point; what was written after it is dropped.
    pub fn open(work: &Work, point: SpoolPoint) -> Result<Spool, EngineError> {
        let folder = work.pack();
        fs::create_dir_all(&folder).map_err(EngineError::io(&folder))?;
        let ids = Appended::open(folder.join(IDS), point.ids * ID_BYTES)?;
        let mut documents = Appended::open(folder.join(DOCUMENTS), point.documents * ENTRY_BYTES as u64)?;
        let mut entries = Vec::with_capacity(point.documents as usize);
        let mut written = 0;
        for bytes in documents.before()?.as_chunks::<ENTRY_BYTES>().0 {
            let entry = Entry::read(bytes, written);
            written += u64::from(entry.ids);
            entries.push(entry);
        }
        Ok(Spool { ids, documents, written, entries, bytes: Vec::new() })
    }

    pub fn add(&mut self, document: &DocumentTokens) -> Result<(), EngineError> {
        for ids in document.ids.chunks(IDS_AT_ONCE) {
            self.bytes.clear();
            self.bytes.extend(ids.iter().flat_map(|id| id.to_le_bytes()));
            self.ids.write(&self.bytes)?;
        }
        let entry = Entry {
            shard: document.shard,
            row: document.row,
            control: document.control,
            text_bytes: document.text_bytes,
            start: self.written,
            ids: document.ids.len() as u32,
            copies: document.copies,
        };
        self.documents.write(&entry.bytes())?;
        self.entries.push(entry);
        self.written += document.ids.len() as u64;
        Ok(())
    }

    /// Documents added so far.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The document that was added as number `index` is packed once more. Not on the disk: only for what is finished at once.
    pub fn repeat(&mut self, index: usize) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.copies = entry.copies.saturating_add(1);
        }
    }

    /// What was added so far is on the disk.
    pub fn point(&mut self) -> Result<SpoolPoint, EngineError> {
        self.ids.sync()?;
        self.documents.sync()?;
        Ok(SpoolPoint { documents: self.entries.len() as u64, ids: self.written })
    }

    /// Ends writing; the ids can be read.
    pub fn finish(mut self) -> Result<Spooled, EngineError> {
        self.point()?;
        Ok(Spooled { entries: self.entries, ids: self.ids })
    }
}

/// A file that grows at its end.
struct Appended {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Appended {
    /// Cuts the file to a length.
    fn open(path: PathBuf, length: u64) -> Result<Appended, EngineError> {
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let file = file.and_then(|mut file| {
            file.set_len(length)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        });
        let file = BufWriter::with_capacity(1 << 20, file.map_err(EngineError::io(&path))?);
        Ok(Appended { path, file })
    }

    /// All bytes; the next ones go behind them.
    fn before(&mut self) -> Result<Vec<u8>, EngineError> {
        let mut bytes = Vec::new();
        let file = self.file.get_mut();
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut bytes));
        read.map_err(EngineError::io(&self.path))?;
        Ok(bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        self.file.write_all(bytes).map_err(EngineError::io(&self.path))
    }

    fn sync(&mut self) -> Result<(), EngineError> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_data());
        synced.map_err(EngineError::io(&self.path))
    }
}

/// A finished spool. Its ids are read and not mapped: their pages would count as the program's until the system wants them.
pub(crate) struct Spooled {
    pub entries: Vec<Entry>,
    ids: Appended,
}

impl Spooled {
    /// Tokens `range` of a document whose ids have `first` before them.
    pub fn tokens(
        &self,
        entry: &Entry,
        first: u32,
        range: Range<u32>,
        out: &mut Vec<u32>,
    ) -> Result<(), EngineError> {
        out.clear();
        if range.start == 0 && range.end > 0 {
            out.push(first);
        }
        let id = |token: u32| entry.start + u64::from(token.saturating_sub(1));
        let (start, end) = (id(range.start), id(range.end));
        let mut bytes = vec![0; (end.saturating_sub(start) * ID_BYTES) as usize];
        let file = self.ids.file.get_ref();
        file.read_exact_at(&mut bytes, start * ID_BYTES).map_err(EngineError::io(&self.ids.path))?;
        out.extend(bytes.as_chunks::<4>().0.iter().map(|id| u32::from_le_bytes(*id)));
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn document(row: u64, control: Option<Version>) -> DocumentTokens {
        let ids = (0..row as u32 + 2).map(|id| id * 7 + row as u32).collect();
        DocumentTokens { shard: 3, row, control, text_bytes: 1 << 33, copies: row as u8 % 4, ids }
    }

    fn add(spool: &mut Spool, rows: Range<u64>) {
        for row in rows {
            let control = [None, Some(Version::Original), Some(Version::Kept)][row as usize % 3];
            spool.add(&document(row, control)).unwrap();
        }
    }

    #[test]
    fn a_spool_goes_on_at_a_point_as_if_nothing_had_happened() {
        let folder = tempfile::tempdir().unwrap();
        let [whole, broken] = ["whole", "broken"].map(|name| Work { folder: folder.path().join(name) });
        let mut spool = Spool::open(&whole, SpoolPoint::default()).unwrap();
        add(&mut spool, 0..20);
        let expected = spool.finish().unwrap();

        let mut spool = Spool::open(&broken, SpoolPoint::default()).unwrap();
        add(&mut spool, 0..9);
        let point = spool.point().unwrap();
        add(&mut spool, 9..14);
        drop(spool);
        assert!(point.is_held(&broken));
        let mut spool = Spool::open(&broken, point).unwrap();
        add(&mut spool, 9..20);
        let found = spool.finish().unwrap();
        assert_eq!(found.entries, expected.entries);
        let ids = |spooled: &Spooled| fs::read(&spooled.ids.path).unwrap();
        assert_eq!(ids(&found), ids(&expected));
        for entry in &found.entries {
            let all = document(entry.row, entry.control).ids;
            let tokens = |range: Range<u32>| {
                let mut out = vec![7];
                found.tokens(entry, 5, range, &mut out).unwrap();
                out
            };
            assert_eq!(tokens(0..entry.ids + 1), [&[5], &all[..]].concat());
            assert_eq!(tokens(2..entry.ids + 1), all[1..]);
            assert_eq!((tokens(0..0), tokens(0..1)), (vec![], vec![5]));
        }
        let beyond = SpoolPoint { documents: 21, ..SpoolPoint::default() };
        assert!(!beyond.is_held(&broken));
    }
}
