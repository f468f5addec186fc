//! `out/.work/`: what a sweep leaves for the later steps. Segments are the points of restart.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::ipc::CompressionType;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use dedup::{BandKeys, Sketch};
use plan::{Flags, Near};
use serde::{Deserialize, Serialize};
use shards::{AtomicFile, Damage, Extraction, Quarantined, RecordCounts};

use crate::EngineError;

/// Uncompressed input of one segment, in bytes: 256 MiB.
pub const SEGMENT_BYTES: u64 = 256 << 20;

/// What a committed segment of the sweep holds. Written last: its existence makes the segment complete.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SegmentReceipt {
    pub segment: u32,
    pub shard: u32,
    /// Blocks of the shard before the end of this segment.
    pub end_block: u64,
    pub rows: u64,
    /// Uncompressed bytes of records.
    pub raw_bytes: u64,
    /// Offset, length and rows of each block's frame.
    pub frames: Vec<(u64, u64, u32)>,
    pub signed: u64,
    /// Offset of each block's chunk of what is carried, and of how many candidates it is.
    pub carried: Vec<(u64, u32)>,
    /// Lines removed, by reason.
    pub lines: Vec<u64>,
    /// Documents judged without a number, by own column of the recipe.
    pub missing: Vec<u64>,
    /// Time by stage and step; not reproducible.
    pub nanos: Vec<u64>,
    /// Of a crawl file: its records by type, and what could not be read of it.
    pub records: RecordCounts,
    pub damage: Damage,
    pub extraction: Extraction,
    /// The shard ends here.
    pub ends_shard: bool,
    pub quarantined: Vec<Quarantined>,
}

/// The folder of intermediate files.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub folder: PathBuf,
}

impl Work {
    pub fn receipt(&self, segment: u32) -> PathBuf {
        self.folder.join(format!("sweep/{segment:05}.json"))
    }

    pub fn blocks(&self, segment: u32) -> PathBuf {
        self.folder.join(format!("sweep/{segment:05}.blocks"))
    }

    pub fn signatures(&self, segment: u32) -> PathBuf {
        self.folder.join(format!("sweep/{segment:05}.signatures"))
    }

    pub fn carried(&self, segment: u32) -> PathBuf {
        self.folder.join(format!("sweep/{segment:05}.carried"))
    }

    pub fn token_ids(&self) -> PathBuf {
        self.folder.join("token-ids")
    }

    /// Receipts of the segments that are complete, in order.
    pub fn receipts(&self) -> Result<Vec<SegmentReceipt>, EngineError> {
        let mut receipts = Vec::new();
        loop {
            let path = self.receipt(receipts.len() as u32);
            match fs::read(&path) {
                Ok(bytes) => match serde_json::from_slice(&bytes) {
                    Ok(receipt) => receipts.push(receipt),
                    Err(_) => return Ok(receipts),
                },
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(receipts),
                Err(error) => return Err(EngineError::io(path)(error)),
            }
        }
    }

    pub fn commit(&self, receipt: &SegmentReceipt) -> Result<(), EngineError> {
        let json = serde_json::to_vec(receipt).map_err(std::io::Error::other);
        let path = self.receipt(receipt.segment);
        AtomicFile::write_all_of(&path, &json.map_err(EngineError::io(&path))?)?;
        Ok(())
    }
}

/// A block's rows as one self-contained Arrow IPC stream, lz4.
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
    let reader = StreamReader::try_new(bytes.as_slice(), None)?;
    let schema = reader.schema();
    let chosen = columns.map(|names| names.iter().filter_map(|name| schema.index_of(name).ok()).collect());
    let mut reader = match chosen {
        Some(projection) => StreamReader::try_new(bytes.as_slice(), Some(projection))?,
        None => reader,
    };
    match reader.next() {
        Some(batch) => Ok(batch?),
        None => Ok(RecordBatch::new_empty(reader.schema())),
    }
}

/// Finds ascending documents (numbered over all segments) in the swept blocks: `visit` gets the segment, the named
/// columns of the block, and the document's row in it. Reads only blocks that hold one.
pub(crate) fn visit_documents(
    work: &Work,
    receipts: &[SegmentReceipt],
    documents: &[u64],
    columns: &[&str],
    mut visit: impl FnMut(&SegmentReceipt, &RecordBatch, usize) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let mut documents = documents.iter().peekable();
    let mut first = 0;
    for receipt in receipts {
        if documents.peek().is_none_or(|next| **next >= first + receipt.rows) {
            first += receipt.rows;
            continue;
        }
        let path = work.blocks(receipt.segment);
        let file = File::open(&path).map_err(EngineError::io(&path))?;
        for (offset, length, rows) in &receipt.frames {
            let end = first + u64::from(*rows);
            if documents.peek().is_some_and(|next| **next < end) {
                let block = read_frame(&file, &path, (*offset, *length), Some(columns))?;
                while let Some(document) = documents.next_if(|next| **next < end) {
                    visit(receipt, &block, (document - first) as usize)?;
                }
            }
            first = end;
        }
    }
    Ok(())
}

/// A signature as the resolve step reads it. 256 bytes on disk.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SignatureRecord {
    /// Row within the segment.
    pub row: u32,
    pub flags: Flags,
    pub is_original: bool,
    /// The lower, the rather kept of a cluster.
    pub rank: u64,
    pub exact: u128,
    pub near: Option<Near>,
}

const ORIGINAL: u8 = 1;
const HAS_NEAR: u8 = 2;

impl SignatureRecord {
    pub const SIZE: usize = 256;

    pub fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        let mut record = [0; Self::SIZE];
        record[..4].copy_from_slice(&self.row.to_le_bytes());
        record[4] = self.flags.0;
        record[5] = (u8::from(self.is_original) * ORIGINAL) | (u8::from(self.near.is_some()) * HAS_NEAR);
        record[8..16].copy_from_slice(&self.rank.to_le_bytes());
        record[16..32].copy_from_slice(&self.exact.to_le_bytes());
        if let Some(near) = &self.near {
            for (to, key) in record[32..144].chunks_exact_mut(8).zip(near.bands) {
                to.copy_from_slice(&key.to_le_bytes());
            }
            record[144..].copy_from_slice(&near.sketch.0);
        }
        out.write_all(&record)
    }

    pub fn read(record: &[u8; Self::SIZE]) -> SignatureRecord {
        let word = |at: usize| -> u64 {
            (0..8).fold(0, |value, byte| value | u64::from(record[at + byte]) << (8 * byte))
        };
        let near = (record[5] & HAS_NEAR != 0).then(|| {
            let bands: BandKeys = std::array::from_fn(|band| word(32 + 8 * band));
            Near { bands, sketch: Sketch(std::array::from_fn(|i| record[144 + i])) }
        });
        SignatureRecord {
            row: word(0) as u32,
            flags: Flags(record[4]),
            is_original: record[5] & ORIGINAL != 0,
            rank: word(8),
            exact: u128::from(word(16)) | u128::from(word(24)) << 64,
            near,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_record_reads_back() {
        for near in [
            None,
            Some(Near {
                bands: std::array::from_fn(|i| i as u64 * 0x0123_4567_89ab),
                sketch: Sketch([7; 112]),
            }),
        ] {
            let record = SignatureRecord {
                row: 70_000,
                flags: Flags(Flags::EXACT | Flags::CONTROL),
                is_original: near.is_none(),
                rank: 1 << 40,
                exact: 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff,
                near,
            };
            let mut bytes = Vec::new();
            assert!(record.write(&mut bytes).is_ok());
            let bytes: [u8; SignatureRecord::SIZE] = bytes.try_into().unwrap_or([0; 256]);
            assert_eq!(SignatureRecord::read(&bytes), record);
        }
    }
}
