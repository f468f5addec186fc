//! `out/.work/`: what a sweep leaves for the later steps. Segments are the points of restart.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use arrow::array::RecordBatch;
use arrow::ipc::CompressionType;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use document::FoundItems;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shards::{AtomicFile, Damage, Extraction, Fingerprint, Quarantined, RecordCounts, RestartPoint};

use crate::EngineError;
use crate::signatures::SignatureRecord;
use crate::urls::UrlRecord;

/// Uncompressed input of one segment, in bytes: 256 MiB.
pub const SEGMENT_BYTES: u64 = 256 << 20;

/// What a committed segment of the sweep holds. Written last: its existence makes the segment complete.
///
/// A segment is known by its shard and its place in it, so that several machines can sweep at the same time; over all
/// segments they are numbered when all are there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SegmentReceipt {
    pub shard: u32,
    /// RestartPoint among the segments of the shard.
    pub part: u32,
    pub input: Stamp,
    /// Blocks of the shard before the end of this segment.
    pub end_block: u64,
    /// Where the shard can be read on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<RestartPoint>,
    pub rows: u64,
    /// Rows of the shard up to here.
    #[serde(default)]
    pub end_row: u64,
    /// Uncompressed bytes of records.
    pub raw_bytes: u64,
    /// Offset, length and rows of each frame.
    pub frames: Vec<(u64, u64, u32)>,
    pub signed: u64,
    /// Offset of each block's chunk of what is carried, and of how many candidates it is.
    pub carried: Vec<(u64, u32)>,
    pub carried_bytes: u64,
    /// Addresses, if any are looked at.
    #[serde(default)]
    pub urls: Option<u64>,
    /// Lines removed, by reason.
    pub lines: Vec<u64>,
    /// Documents judged without a number, by own column of the recipe.
    pub missing: Vec<u64>,
    /// What was found, by set of items of the plan.
    #[serde(default)]
    pub found: Vec<FoundItems>,
    /// Time by stage and step; not reproducible.
    pub nanos: Vec<u64>,
    /// Of a crawl file: its records by type, and what could not be read of it.
    pub records: RecordCounts,
    pub damage: Damage,
    pub extraction: Extraction,
    /// Documents that an earlier run's ledger decided.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub remembered: u64,
    /// The shard ends here.
    pub ends_shard: bool,
    pub quarantined: Vec<Quarantined>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// An input file as it was when its sweep began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub size: u64,
    /// Since 1970; a file of the same size and time is taken for the same without reading it.
    pub modified_nanos: u64,
    pub xxh3_128: String,
    /// Of an object of a store, which is not read for the hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Stamp {
    /// Reads the whole file.
    pub fn of(path: &Path) -> Result<Stamp, EngineError> {
        let modified_nanos = if shards::is_remote(path) { 0 } else { modified_nanos(path)? };
        let found = shards::fingerprint(path).map_err(EngineError::Reading)?;
        let Fingerprint { size, xxh3_128, version } = found;
        Ok(Stamp { size, modified_nanos, xxh3_128, version })
    }

    /// The file is still what it was.
    pub fn is_of(&self, path: &Path) -> Result<bool, EngineError> {
        if shards::is_remote(path) {
            return Ok(Stamp::of(path)? == *self);
        }
        let size = fs::metadata(path).map_err(EngineError::io(path))?.len();
        let is_untouched = size == self.size && modified_nanos(path)? == self.modified_nanos;
        Ok(is_untouched || (size == self.size && Stamp::of(path)?.xxh3_128 == self.xxh3_128))
    }
}

fn modified_nanos(path: &Path) -> Result<u64, EngineError> {
    let modified =
        fs::metadata(path).and_then(|metadata| metadata.modified()).map_err(EngineError::io(path))?;
    Ok(modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64))
}

/// The folder of intermediate files.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub folder: PathBuf,
}

impl Work {
    pub fn sweep(&self) -> PathBuf {
        self.folder.join("sweep")
    }

    /// Of the passes before the sweep, and of that for a stage.
    pub fn passes(&self) -> PathBuf {
        self.folder.join("passes")
    }

    pub fn pass(&self, stage: &str) -> Work {
        Work { folder: self.passes().join(stage) }
    }

    /// Where the pack phase leaves receipts, and token ids.
    pub fn pack(&self) -> PathBuf {
        self.folder.join("pack")
    }

    /// Where the segments of a shard lie.
    pub fn shard(&self, shard: u32) -> PathBuf {
        self.sweep().join(format!("{shard:05}"))
    }

    pub fn receipt(&self, shard: u32, part: u32) -> PathBuf {
        self.shard(shard).join(format!("{part:05}.json"))
    }

    pub fn blocks(&self, shard: u32, part: u32) -> PathBuf {
        self.shard(shard).join(format!("{part:05}.blocks"))
    }

    pub fn signatures(&self, shard: u32, part: u32) -> PathBuf {
        self.shard(shard).join(format!("{part:05}.signatures"))
    }

    /// Names of kept twins.
    pub fn names(&self) -> PathBuf {
        self.folder.join("twins.names")
    }

    /// A table of another corpus.
    pub fn against(&self, table: usize) -> PathBuf {
        self.folder.join(format!("against-{table:05}.signatures"))
    }

    pub fn carried(&self, shard: u32, part: u32) -> PathBuf {
        self.shard(shard).join(format!("{part:05}.carried"))
    }

    /// What was counted of a segment, for whoever watches the run.
    pub fn tally(&self, shard: u32, part: u32) -> PathBuf {
        self.shard(shard).join(format!("{part:05}.tally"))
    }

    pub fn urls(&self, shard: u32, part: u32) -> PathBuf {
        self.shard(shard).join(format!("{part:05}.urls"))
    }

    /// Receipts of a shard's first segments, as far as they are complete, in order. A receipt whose files are absent or
    /// short (a disk that lied, a copy that broke off) counts as none, and so do those behind it.
    pub fn receipts(&self, shard: u32) -> Result<Vec<SegmentReceipt>, EngineError> {
        let mut receipts: Vec<SegmentReceipt> = Vec::new();
        loop {
            let path = self.receipt(shard, receipts.len() as u32);
            let Some(receipt) = read_json::<SegmentReceipt>(&path)? else { return Ok(receipts) };
            if !self.is_whole(&receipt)? {
                tracing::warn!(path = %path.display(), "a swept segment is not whole: it is swept again");
                return Ok(receipts);
            }
            let ends_shard = receipt.ends_shard;
            receipts.push(receipt);
            if ends_shard {
                return Ok(receipts);
            }
        }
    }

    /// The same of several shards.
    pub fn swept(&self, shards: &[u32]) -> Result<BTreeMap<u32, Vec<SegmentReceipt>>, EngineError> {
        shards.iter().map(|shard| Ok((*shard, self.receipts(*shard)?))).collect()
    }

    fn is_whole(&self, receipt: &SegmentReceipt) -> Result<bool, EngineError> {
        let SegmentReceipt { shard, part, .. } = *receipt;
        let blocks = receipt.frames.last().map_or(0, |(offset, length, _)| offset + length);
        let signatures = receipt.signed * SignatureRecord::BYTES;
        if let Some(urls) = receipt.urls
            && !has_size(&self.urls(shard, part), urls * UrlRecord::BYTES)?
        {
            return Ok(false);
        }
        Ok(has_size(&self.blocks(shard, part), blocks)?
            && has_size(&self.signatures(shard, part), signatures)?
            && (receipt.carried.is_empty() || has_size(&self.carried(shard, part), receipt.carried_bytes)?))
    }

    pub fn commit(&self, receipt: &SegmentReceipt) -> Result<(), EngineError> {
        write_json(&self.receipt(receipt.shard, receipt.part), receipt)
    }
}

/// The number that the files of each segment get: segments without records have none.
pub(crate) fn file_numbers(receipts: &[SegmentReceipt]) -> Vec<Option<usize>> {
    let mut numbers = 0..;
    receipts.iter().map(|receipt| if receipt.frames.is_empty() { None } else { numbers.next() }).collect()
}

/// The value that a file holds; none if the file is absent or holds something else.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, EngineError> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(EngineError::io(path)(error)),
    }
}

/// Writes a value whole or not at all, so that it outlasts a loss of power, and with it the names of the files that were
/// committed to the folder before.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), EngineError> {
    let json = serde_json::to_vec(value).map_err(std::io::Error::other).map_err(EngineError::io(path))?;
    AtomicFile::write_all_of(path, &json)?;
    Ok(shards::sync_folder(path.parent().unwrap_or(Path::new(".")))?)
}

pub(crate) fn has_size(path: &Path, size: u64) -> Result<bool, EngineError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len() == size),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(EngineError::io(path)(error)),
    }
}

/// Rows of a frame at most, which is what the pack phase takes at once: a row costs it more than 1 KB, whatever its text.
const FRAME_ROWS: usize = 1 << 16;

/// A block's rows as frames, with the rows of each; one at least.
pub(crate) fn frames(records: &RecordBatch) -> Result<Vec<(Vec<u8>, u32)>, EngineError> {
    let n = records.num_rows();
    let part = |start: usize| {
        let rows = FRAME_ROWS.min(n - start);
        Ok((frame(&records.slice(start, rows))?, rows as u32))
    };
    (0..n.max(1)).step_by(FRAME_ROWS).map(part).collect()
}

/// Rows as one self-contained Arrow IPC stream, lz4.
pub(crate) fn frame(records: &RecordBatch) -> Result<Vec<u8>, EngineError> {
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &records.schema(), options)?;
    writer.write(records)?;
    Ok(writer.into_inner()?)
}

/// Reads a frame back: all columns, or the named ones in their order.
pub(crate) fn read_frame(
    file: &File,
    path: &Path,
    (offset, length): (u64, u64),
    columns: Option<&[&str]>,
) -> Result<RecordBatch, EngineError> {
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, offset).map_err(EngineError::io(path))?;
    of_frame(&bytes, columns)
}

/// The rows of a frame: all columns, or the named ones in their order.
pub(crate) fn of_frame(bytes: &[u8], columns: Option<&[&str]>) -> Result<RecordBatch, EngineError> {
    let reader = StreamReader::try_new(bytes, None)?;
    let schema = reader.schema();
    let chosen = columns.map(|names| names.iter().filter_map(|name| schema.index_of(name).ok()).collect());
    let mut reader = match chosen {
        Some(projection) => StreamReader::try_new(bytes, Some(projection))?,
        None => reader,
    };
    match reader.next() {
        Some(batch) => Ok(batch?),
        None => Ok(RecordBatch::new_empty(reader.schema())),
    }
}

/// Finds ascending documents (numbered over all segments) in the swept blocks: `visit` gets the document, the segment, the
/// named columns of the block, and the document's row in it. Reads only blocks that hold one.
pub(crate) fn visit_documents(
    work: &Work,
    receipts: &[SegmentReceipt],
    documents: impl IntoIterator<Item = u64>,
    columns: &[&str],
    mut visit: impl FnMut(u64, &SegmentReceipt, &RecordBatch, usize) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let mut documents = documents.into_iter().peekable();
    let mut first = 0;
    for receipt in receipts {
        if documents.peek().is_none_or(|next| *next >= first + receipt.rows) {
            first += receipt.rows;
            continue;
        }
        let path = work.blocks(receipt.shard, receipt.part);
        let file = File::open(&path).map_err(EngineError::io(&path))?;
        for (offset, length, rows) in &receipt.frames {
            let end = first + u64::from(*rows);
            if documents.peek().is_some_and(|next| *next < end) {
                let block = read_frame(&file, &path, (*offset, *length), Some(columns))?;
                while let Some(document) = documents.next_if(|next| *next < end) {
                    visit(document, receipt, &block, (document - first) as usize)?;
                }
            }
            first = end;
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray, UInt64Array};
    use arrow::compute::concat_batches;

    use super::*;

    #[test]
    fn many_rows_lie_in_several_frames() {
        for (n, expected) in [(0, vec![0]), (3, vec![3]), (FRAME_ROWS + 2, vec![FRAME_ROWS as u32, 2])] {
            let numbers: ArrayRef = Arc::new((0..n as u64).collect::<UInt64Array>());
            let texts: ArrayRef = Arc::new((0..n).map(|n| Some(n.to_string())).collect::<StringArray>());
            let records = RecordBatch::try_from_iter([("row", numbers), ("text", texts)]).unwrap();
            let frames = frames(&records).unwrap();
            assert_eq!(frames.iter().map(|(_, rows)| *rows).collect::<Vec<_>>(), expected);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("blocks");
            fs::write(&path, frames.iter().flat_map(|(frame, _)| frame.clone()).collect::<Vec<_>>()).unwrap();
            let file = File::open(&path).unwrap();
            let mut at = 0;
            let parts = frames.iter().map(|(frame, _)| {
                let length = frame.len() as u64;
                at += length;
                read_frame(&file, &path, (at - length, length), None).unwrap()
            });
            let parts: Vec<RecordBatch> = parts.collect();
            assert_eq!(concat_batches(&records.schema(), &parts).unwrap(), records);
        }
    }
}
