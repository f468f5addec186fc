//! Plain files, mapped: blocks are ranges of the file, cut at line feeds without copying.
use std::fs::File;
use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;

use crate::block::Bytes;
use crate::stream::{BYTE_ORDER_MARK, Cut};
use crate::{Fault, ReadOptions, ShardError};

/// Part of a mapped file. Its pages leave memory when it is dropped.
pub(crate) struct MappedRange {
    map: Arc<Mmap>,
    range: Range<usize>,
}

impl Deref for MappedRange {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.map[self.range.clone()]
    }
}

impl Drop for MappedRange {
    fn drop(&mut self) {
        release(&self.map, self.range.clone());
    }
}

/// Lets go of the pages of a range, so that resident memory does not grow with the file.
fn release(map: &Mmap, range: Range<usize>) {
    if range.is_empty() {
        return;
    }
    #[cfg(unix)]
    // SAFETY: the map is read-only and backed by a file, so a page that is needed again is read again.
    let _ =
        unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, range.len()) };
}

pub(crate) struct MappedFile {
    path: Arc<Path>,
    file: File,
    map: Option<Arc<Mmap>>,
    position: usize,
}

impl MappedFile {
    pub fn open(path: &Arc<Path>) -> Result<Self, ShardError> {
        let opened = File::open(path).map_err(|source| ShardError::io(path, "open it", source))?;
        let size = size_of(&opened, path)?;
        // SAFETY: the map is only read. Bytes that change or vanish meanwhile are the user's choice:
        // sizes are checked before each block, and `no_mmap` reads instead.
        let map = match size {
            0 => None,
            _ => {
                Some(unsafe { Mmap::map(&opened) }.map_err(|source| ShardError::io(path, "map it", source))?)
            }
        };
        let map = map.map(Arc::new);
        let marked = map.as_ref().is_some_and(|map| map.starts_with(BYTE_ORDER_MARK));
        let position = if marked { BYTE_ORDER_MARK.len() } else { 0 };
        Ok(Self { path: path.clone(), file: opened, map, position })
    }

    /// Bytes of the file that were cut so far.
    pub fn position(&self) -> u64 {
        self.position as u64
    }

    /// To a place that [`Self::position`] has told.
    pub fn go_to(&mut self, position: u64) {
        self.position = self.map.as_ref().map_or(0, |map| map.len().min(position as usize));
    }

    pub fn next_cut(&mut self, options: &ReadOptions) -> Result<Option<Cut>, ShardError> {
        let Some(map) = &self.map else { return Ok(None) };
        if self.position == map.len() {
            return Ok(None);
        }
        self.check_size(map.len())?;
        let window = options.block_bytes;
        let rest = &map[self.position..];
        let whole_lines =
            |range: Range<usize>| Cut::Whole(Bytes::Mapped(MappedRange { map: map.clone(), range }));
        if rest.len() <= window {
            let cut = whole_lines(self.position..map.len());
            self.position = map.len();
            return Ok(Some(cut));
        }
        let start = self.position;
        if let Some(line_feed) = memchr::memrchr(b'\n', &rest[..window]) {
            self.position += line_feed + 1;
            return Ok(Some(whole_lines(start..self.position)));
        }
        let length = record_length(map, start, window);
        self.position = (start + length + 1).min(map.len());
        let taken = (self.position - start) as u64;
        if length > options.longest_record() {
            return Ok(Some(Cut::TooLarge { length: length as u64, taken }));
        }
        Ok(Some(whole_lines(start..self.position)))
    }

    /// The whole file as one document.
    pub fn whole(&mut self, options: &ReadOptions) -> Result<Option<Cut>, ShardError> {
        let Some(map) = &self.map else { return Ok(None) };
        if self.position == map.len() {
            return Ok(None);
        }
        self.check_size(map.len())?;
        let range = self.position..map.len();
        self.position = map.len();
        if range.len() > options.longest_record() {
            let length = range.len() as u64;
            return Ok(Some(Cut::TooLarge { length, taken: length }));
        }
        Ok(Some(Cut::Whole(Bytes::Mapped(MappedRange { map: map.clone(), range }))))
    }

    fn check_size(&self, expected: usize) -> Result<(), ShardError> {
        let (expected, found) = (expected as u64, size_of(&self.file, &self.path)?);
        if found < expected {
            let fault = Fault::Shrunk { expected, found };
            return Err(ShardError::new(&self.path, Some(self.position()), fault));
        }
        Ok(())
    }
}

/// Length up to the next line feed or the end, in constant resident memory.
fn record_length(map: &Mmap, start: usize, window: usize) -> usize {
    let mut at = start;
    while at < map.len() {
        let end = (at + window).min(map.len());
        if let Some(line_feed) = memchr::memchr(b'\n', &map[at..end]) {
            return at + line_feed - start;
        }
        release(map, at..end);
        at = end;
    }
    map.len() - start
}

fn size_of(file: &File, path: &Path) -> Result<u64, ShardError> {
    let metadata = file.metadata().map_err(|source| ShardError::io(path, "ask for its size", source))?;
    Ok(metadata.len())
}
