//! A guess at how much text the input holds, from the first bytes of a few shards.
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use arrow::array::ArrayBuilder;

use crate::columns::Rows;
use crate::inputs::{Compression, Format, Inputs, Shard};
use crate::parquet_footer::read_footer;
use crate::pieces::Pieces;
use crate::record_head::Layout;
use crate::source::Source;
use crate::unpacked::unpacked;
use crate::warc::RecordStream;
use crate::{ReadOptions, jsonl, pages};

/// Of the whole input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Estimate {
    /// UTF-8 bytes of all texts.
    pub text_bytes: u64,
    pub documents: u64,
}

const SHARDS: usize = 8;
const SAMPLE_BYTES: u64 = 1 << 20;
/// Nothing says how much a hostile file unpacks to.
const MOST_UNPACKED: u64 = 64 << 20;

/// Deterministic: the same shards and options give the same numbers. Shards that cannot be read count as none.
///
/// The sample is the first MiB on disk of up to 8 shards, spread evenly; each kind of file is scaled by its own.
pub fn estimate(inputs: &Inputs, options: &ReadOptions) -> Estimate {
    let n = inputs.shards.len();
    let taken = n.min(SHARDS);
    let chosen = (0..taken).map(|i| &inputs.shards[i * n / taken]);
    let samples: Vec<(&Shard, Sample)> =
        chosen.filter_map(|shard| Some((shard, Sample::take(shard, options)?))).collect();
    let (mut text_bytes, mut documents) = (0, 0);
    for shard in &inputs.shards {
        let same = |(other, _): &&(&Shard, Sample)| kind(other) == kind(shard);
        let mut sample: Sample = samples.iter().filter(same).map(|(_, sample)| *sample).sum();
        if sample.disk_bytes == 0 {
            sample = samples.iter().map(|(_, sample)| *sample).sum();
        }
        let scaled =
            |part: u64| u128::from(part) * u128::from(shard.size) / u128::from(sample.disk_bytes.max(1));
        text_bytes += scaled(sample.text_bytes);
        documents +=
            if matches!(shard.format, Format::Text | Format::Html) { 1 } else { scaled(sample.documents) };
    }
    Estimate { text_bytes: text_bytes as u64, documents: documents as u64 }
}

fn kind(shard: &Shard) -> (Format, Option<Compression>) {
    (shard.format, shard.compression)
}

#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    disk_bytes: u64,
    text_bytes: u64,
    documents: u64,
}

impl std::iter::Sum for Sample {
    fn sum<I: Iterator<Item = Self>>(samples: I) -> Self {
        samples.fold(Self::default(), |a, b| Self {
            disk_bytes: a.disk_bytes + b.disk_bytes,
            text_bytes: a.text_bytes + b.text_bytes,
            documents: a.documents + b.documents,
        })
    }
}

impl Sample {
    fn take(shard: &Shard, options: &ReadOptions) -> Option<Self> {
        if shard.format == Format::Parquet {
            return Self::of_footer(&shard.path, shard.size, &options.text_column);
        }
        if let Format::Warc | Format::Arc = shard.format {
            return Self::of_records(shard, options);
        }
        let (bytes, disk_bytes) = first_bytes(shard)?;
        if shard.format == Format::Html {
            let page = extract::extract(&bytes, None, &options.extract);
            return Some(Self { disk_bytes, text_bytes: page.text.len() as u64, documents: 1 });
        }
        if shard.format == Format::Text {
            return Some(Self { disk_bytes, text_bytes: bytes.len() as u64, documents: 1 });
        }
        // Whole records only, unless there is no end of one.
        let end = memchr::memrchr(b'\n', &bytes).map_or(bytes.len(), |line_feed| line_feed + 1);
        let whole = if disk_bytes < shard.size { &bytes[..end] } else { &bytes[..] };
        let mut rows = Rows::new(options, "", 0, whole.len());
        jsonl::parse(whole, 0, options, &mut rows);
        let documents = jsonl::records(whole).count() as u64;
        let text_bytes = rows.text.values_slice().len() as u64;
        let share = whole.len() as f64 / bytes.len().max(1) as f64;
        Some(Self { disk_bytes: (disk_bytes as f64 * share) as u64, text_bytes, documents })
    }

    fn of_records(shard: &Shard, options: &ReadOptions) -> Option<Self> {
        let layout = if shard.format == Format::Arc { Layout::Arc } else { Layout::Warc };
        let packed = packed_start(shard)?;
        let disk_bytes = packed.len() as u64;
        let pieces = Pieces::new(Box::new(Cursor::new(packed)), shard.compression, Arc::default()).ok()?;
        let mut stream = RecordStream::new(&Arc::from(shard.path.as_path()), layout, pieces);
        let (mut text_bytes, mut documents, mut unpacked) = (0, 0, 0);
        while unpacked < MOST_UNPACKED
            && let Ok(Some(records)) = stream.next_records(options)
        {
            let mut rows = Rows::new(options, "", 0, 0);
            pages::parse(&records, 0, options, &mut rows);
            text_bytes += rows.text.values_slice().len() as u64;
            documents += rows.text.len() as u64;
            unpacked += records.taken;
        }
        Some(Self { disk_bytes, text_bytes, documents })
    }

    fn of_footer(path: &Path, size: u64, text_column: &str) -> Option<Self> {
        let footer = read_footer(&Source::open(path).ok()?).ok()?;
        let (mut text_bytes, mut documents) = (0, 0);
        for group in footer.metadata().row_groups() {
            documents += group.num_rows().max(0) as u64;
            let text = group.columns().iter().filter(|column| column.column_path().string() == text_column);
            text_bytes += text.map(|column| column.uncompressed_size().max(0) as u64).sum::<u64>();
        }
        Some(Self { disk_bytes: size, text_bytes, documents })
    }
}

/// What the first bytes of a shard unpack to, and how many bytes on disk that was.
fn first_bytes(shard: &Shard) -> Option<(Vec<u8>, u64)> {
    let packed = packed_start(shard)?;
    let disk_bytes = packed.len() as u64;
    if shard.compression.is_none() {
        return Some((packed, disk_bytes));
    }
    let mut bytes = Vec::new();
    // The end of the sample tears the stream: what came before counts.
    let unpacked = unpacked(Box::new(Cursor::new(packed)), shard.compression).ok()?;
    let _ = unpacked.take(MOST_UNPACKED).read_to_end(&mut bytes);
    Some((bytes, disk_bytes))
}

fn packed_start(shard: &Shard) -> Option<Vec<u8>> {
    let mut packed = Vec::new();
    Source::open(&shard.path).ok()?.take(SAMPLE_BYTES).read_to_end(&mut packed).ok()?;
    Some(packed)
}
