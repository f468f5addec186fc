//! Token ids on their way from documents to sequences: one file of ids, one entry per document in memory.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use tokens::Version;

use crate::error::EngineError;
use crate::finish::DocumentTokens;

/// Where a document's ids lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub shard: u32,
    pub row: u64,
    pub control: Option<Version>,
    pub text_bytes: u64,
    /// First id in the file, and number of ids.
    pub start: u64,
    pub ids: u32,
}

pub(crate) struct Spool {
    path: PathBuf,
    file: BufWriter<File>,
    written: u64,
    pub entries: Vec<Entry>,
}

impl Spool {
    pub fn create(path: &Path) -> Result<Spool, EngineError> {
        let file = File::create(path).map_err(EngineError::io(path))?;
        let file = BufWriter::with_capacity(1 << 20, file);
        Ok(Spool { path: path.to_path_buf(), file, written: 0, entries: Vec::new() })
    }

    pub fn add(&mut self, document: &DocumentTokens) -> Result<(), EngineError> {
        let bytes: Vec<u8> = document.ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        self.file.write_all(&bytes).map_err(EngineError::io(&self.path))?;
        self.entries.push(Entry {
            shard: document.shard,
            row: document.row,
            control: document.control,
            text_bytes: document.text_bytes,
            start: self.written,
            ids: document.ids.len() as u32,
        });
        self.written += document.ids.len() as u64;
        Ok(())
    }

    /// Ends writing; the ids can be read.
    pub fn finish(self) -> Result<Spooled, EngineError> {
        let file = self.file.into_inner().map_err(|error| EngineError::io(&self.path)(error.into_error()))?;
        drop(file);
        let map = match self.written {
            0 => None,
            _ => {
                let file = File::open(&self.path).map_err(EngineError::io(&self.path))?;
                // SAFETY: the file lies in the run's own locked work folder and is not written any more.
                Some(unsafe { Mmap::map(&file) }.map_err(EngineError::io(&self.path))?)
            }
        };
        Ok(Spooled { entries: self.entries, map })
    }
}

/// A finished spool.
pub(crate) struct Spooled {
    pub entries: Vec<Entry>,
    map: Option<Mmap>,
}

impl Spooled {
    /// Tokens `range` of a document whose ids have `first` before them.
    pub fn tokens(&self, entry: &Entry, first: u32, range: Range<u32>, out: &mut Vec<u32>) {
        out.clear();
        if range.start == 0 && range.end > 0 {
            out.push(first);
        }
        let id = |token: u32| 4 * (entry.start as usize + token.saturating_sub(1) as usize);
        let bytes = self.map.as_deref().and_then(|map| map.get(id(range.start)..id(range.end)));
        out.extend(bytes.unwrap_or_default().as_chunks::<4>().0.iter().map(|id| u32::from_le_bytes(*id)));
    }
}
