//! Ids and places of the documents that others name as their kept twin: in a file, in the order of the documents, of which
//! a part is read when one is asked for. Only every [`APART`]th document is known in memory.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use arrow::array::{StringArray, UInt64Array};

use crate::against::Against;
use crate::error::EngineError;
use crate::resolve::{OTHERS, Resolution};
use crate::work::{SegmentReceipt, Work, visit_documents};

/// Names that are read for one.
const APART: usize = 64;

/// Where a document stands in the input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Name {
    pub id: String,
    /// Shard and row; none if it is of another corpus.
    pub place: Option<(u32, u64)>,
}

/// The names of all kept twins.
pub(crate) struct Names {
    path: PathBuf,
    file: File,
    /// Document and offset of every [`APART`]th name.
    firsts: Vec<(u64, u64)>,
    end: u64,
}

impl Names {
    /// Reads ids only, of the blocks that hold a kept twin.
    pub fn find(
        resolution: &Resolution,
        receipts: &[SegmentReceipt],
        work: &Work,
        against: &Against,
    ) -> Result<Names, EngineError> {
        let mut names = NameWriter::create(work.names())?;
        let twins = resolution.kept_twins();
        let own = twins.iter().take_while(|document| *document < OTHERS);
        let own = merged(own, resolution.control.kept(&resolution.bases));
        visit_documents(work, receipts, own, &["row", "id"], |document, receipt, block, row| {
            let ids = block.column_by_name("id").and_then(|c| c.as_any().downcast_ref::<StringArray>());
            let places = block.column_by_name("row").and_then(|c| c.as_any().downcast_ref::<UInt64Array>());
            let (Some(ids), Some(places)) = (ids, places) else {
                return Err(arrow::error::ArrowError::SchemaError("swept block: id".to_owned()).into());
            };
            names.push(document, ids.value(row), Some((receipt.shard, places.value(row))))
        })?;
        let others = twins.iter().skip_while(|document| *document < OTHERS);
        against.ids(others.map(|document| document - OTHERS), |document, id| {
            names.push(document + OTHERS, id, None)
        })?;
        names.finish()
    }

    pub fn get(&self, document: u64) -> Result<Option<Name>, EngineError> {
        let after = self.firsts.partition_point(|(first, _)| *first <= document);
        let Some((_, start)) = after.checked_sub(1).and_then(|at| self.firsts.get(at)) else {
            return Ok(None);
        };
        let end = self.firsts.get(after).map_or(self.end, |(_, offset)| *offset);
        let mut bytes = vec![0; (end - start) as usize];
        self.file.read_exact_at(&mut bytes, *start).map_err(EngineError::io(&self.path))?;
        let mut rest = bytes.as_slice();
        while let Some((of, name)) = read(&mut rest) {
            if of == document {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

/// Documents of two ascending lists, each once, ascending.
fn merged(a: impl Iterator<Item = u64>, b: impl Iterator<Item = u64>) -> impl Iterator<Item = u64> {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    std::iter::from_fn(move || {
        let next = [a.peek(), b.peek()].into_iter().flatten().min().copied()?;
        a.next_if_eq(&next);
        b.next_if_eq(&next);
        Some(next)
    })
}

/// Writes ascending names: document, shard, row and length of the id, little-endian, then the id.
struct NameWriter {
    names: Names,
    writer: BufWriter<File>,
    written: usize,
}

/// The shard of what is of another corpus.
const ELSEWHERE: u32 = u32::MAX;

impl NameWriter {
    fn create(path: PathBuf) -> Result<NameWriter, EngineError> {
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(true).open(&path);
        let file = file.map_err(EngineError::io(&path))?;
        let writer = BufWriter::new(file.try_clone().map_err(EngineError::io(&path))?);
        Ok(NameWriter { names: Names { path, file, firsts: Vec::new(), end: 0 }, writer, written: 0 })
    }

    fn push(&mut self, document: u64, id: &str, place: Option<(u32, u64)>) -> Result<(), EngineError> {
        let Names { path, firsts, end, .. } = &mut self.names;
        if self.written.is_multiple_of(APART) {
            firsts.push((document, *end));
        }
        self.written += 1;
        let (shard, row) = place.unwrap_or((ELSEWHERE, 0));
        let head: [&[u8]; 4] = [
            &document.to_le_bytes(),
            &shard.to_le_bytes(),
            &row.to_le_bytes(),
            &(id.len() as u32).to_le_bytes(),
        ];
        let mut record = head.concat();
        record.extend_from_slice(id.as_bytes());
        *end += record.len() as u64;
        self.writer.write_all(&record).map_err(EngineError::io(&*path))
    }

    fn finish(mut self) -> Result<Names, EngineError> {
        self.writer.flush().map_err(EngineError::io(&self.names.path))?;
        Ok(self.names)
    }
}

fn read(bytes: &mut &[u8]) -> Option<(u64, Name)> {
    let document = u64::from_le_bytes(*bytes.split_off(..8)?.first_chunk()?);
    let shard = u32::from_le_bytes(*bytes.split_off(..4)?.first_chunk()?);
    let row = u64::from_le_bytes(*bytes.split_off(..8)?.first_chunk()?);
    let length = u32::from_le_bytes(*bytes.split_off(..4)?.first_chunk()?);
    let id = String::from_utf8_lossy(bytes.split_off(..length as usize)?).into_owned();
    Some((document, Name { id, place: (shard != ELSEWHERE).then_some((shard, row)) }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn two_lists_are_one() {
        let of = |a: &[u64], b: &[u64]| merged(a.iter().copied(), b.iter().copied()).collect::<Vec<_>>();
        assert_eq!(of(&[1, 3, 5], &[0, 3, 9]), [0, 1, 3, 5, 9]);
        assert_eq!(of(&[], &[2]), [2]);
        assert_eq!(of(&[2], &[]), [2]);
    }

    #[test]
    fn a_name_is_found_wherever_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        for n in [0, 1, 63, 64, 65, 1_000] {
            let mut writer = NameWriter::create(folder.path().join("names")).unwrap();
            // Every third document, some of another corpus, ids of any length.
            let document = |at: u64| if at < n / 2 { 3 * at } else { OTHERS + 3 * at };
            let name = |at: u64| Name {
                id: "é".repeat(at as usize % 5),
                place: (at < n / 2).then_some((at as u32 % 7, 1 << 40 | at)),
            };
            (0..n).for_each(|at| writer.push(document(at), &name(at).id, name(at).place).unwrap());
            let names = writer.finish().unwrap();
            assert_eq!(names.firsts.len() as u64, n.div_ceil(APART as u64));
            for at in 0..n {
                assert_eq!(names.get(document(at)).unwrap(), Some(name(at)), "{at} of {n}");
                assert_eq!(names.get(document(at) + 1).unwrap(), None);
            }
            assert_eq!(names.get(u64::MAX).unwrap(), None);
        }
    }
}
