//! Parquet that is damaged, or says of itself what would take more memory than there is.
use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::{DataType, Field};
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use shards::{Fault, ReadOptions, ShardReader, fingerprint};

use crate::parquet::{parquet_of, strings, written};
use crate::support::*;

#[test]
fn a_damaged_file_is_an_error_with_what_came_before() {
    let texts: Vec<String> =
        (0..4_000).map(|i: u64| format!("{:x}", i.wrapping_mul(0x9E37_79B9_7F4A_7C15)).repeat(20)).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![("text", Arc::new(StringArray::from(texts)))];
    let mut bytes = parquet_of(columns, 1_000);
    let torn = Folder::new(&[("a.parquet", &bytes[..bytes.len() - 10])]);
    assert!(matches!(
        ShardReader::open(&torn.shard(), &ReadOptions::default()).err().unwrap().fault,
        Fault::Parquet { .. }
    ));
    // The header of a page in the last row group.
    let tail = bytes.len() * 7 / 8;
    bytes[tail - 200_000..tail].fill(0xFF);
    let folder = Folder::new(&[("a.parquet", &bytes)]);
    let (blocks, error) = blocks(&folder.shard(), &ReadOptions::default());
    let error = error.expect("damage");
    assert!(error.to_string().contains("a.parquet"), "{error}");
    assert!(blocks.iter().map(|block| block.rows).sum::<u64>() >= 1_000);
    assert_eq!(fingerprint(&folder.shard().path).unwrap().size, bytes.len() as u64);
}

#[test]
fn a_page_that_unpacks_to_a_thousand_times_its_bytes_is_refused() {
    let batch = |length| {
        let text: ArrayRef = Arc::new(StringArray::from(vec!["a".repeat(length)]));
        RecordBatch::try_from_iter([("text", text)]).unwrap()
    };
    let codecs = [Compression::ZSTD(ZstdLevel::default()), Compression::GZIP(GzipLevel::default())];
    for (codec, length, is_refused) in
        [(codecs[0], 65 << 20, true), (codecs[0], 60 << 20, false), (codecs[1], 65 << 20, true)]
    {
        let properties = WriterProperties::builder().set_compression(codec).set_dictionary_enabled(false);
        let folder = Folder::new(&[("a.parquet", &written(&batch(length), properties.build()))]);
        let (_, error) = blocks(&folder.shard(), &ReadOptions::default());
        let message = error.map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(message.contains("bytes says that it unpacks to 68157"), is_refused, "{message}");
        assert_eq!(message.is_empty(), !is_refused, "{message}");
    }
}

/// The decoder goes into them by recursion: thousands would end the process.
#[test]
fn groups_within_groups_are_counted_before_they_are_decoded() {
    for (groups, is_refused) in [(25, false), (101, true)] {
        let nested = (0..groups).fold(Arc::new(strings(&[Some("b")])) as ArrayRef, |inner, _| {
            let field = Field::new("a", inner.data_type().clone(), true);
            Arc::new(StructArray::from(vec![(Arc::new(field), inner)]))
        });
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("text", Arc::new(strings(&[Some("a")]))),
            ("nested", nested),
            ("last", Arc::new(strings(&[Some("c")]))),
        ];
        let folder = Folder::new(&[("a.parquet", &parquet_of(columns, 10))]);
        let (blocks, error) = blocks(&folder.shard(), &ReadOptions::default());
        let message = error.map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(message.contains("columns in more than 100 groups"), is_refused, "{message}");
        assert_eq!(blocks.len(), usize::from(!is_refused), "{message}");
    }
}

/// The decoder would make room for two billion row groups.
#[test]
fn a_list_longer_than_the_file_is_refused() {
    let whole = parquet_of(vec![("text", Arc::new(strings(&[Some("a")])))], 10);
    let length = u32::from_le_bytes(*whole[..whole.len() - 4].last_chunk().unwrap()) as usize;
    let metadata = &whole[whole.len() - 8 - length..whole.len() - 8];
    // Field 3, one row, then field 4, a list of one struct.
    let at = metadata.windows(4).position(|bytes| bytes == [0x16, 0x02, 0x19, 0x1C]).unwrap() + 3;
    let billions = [0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0x07];
    let metadata = [&metadata[..at], &billions, &metadata[at + 1..]].concat();
    let length = (metadata.len() as u32).to_le_bytes();
    let folder = Folder::new(&[("a.parquet", &[b"PAR1", &*metadata, &length, b"PAR1"].concat())]);
    let error = ShardReader::open(&folder.shard(), &ReadOptions::default()).err().unwrap().to_string();
    assert!(error.contains("lists longer than the file"), "{error}");
}

/// The decoder makes room for as many values as it decodes at once, and nulls take none in the file.
#[test]
fn values_of_a_fixed_length_take_bounded_memory() {
    for (length, is_refused) in [(1_000_000, false), (2_000_000, true)] {
        let nulls = FixedSizeBinaryArray::new_null(length, 3);
        let columns: Vec<(&str, ArrayRef)> =
            vec![("text", Arc::new(strings(&[Some("a"); 3]))), ("key", Arc::new(nulls))];
        let folder = Folder::new(&[("a.parquet", &parquet_of(columns, 10))]);
        let (blocks, error) = blocks(&folder.shard(), &ReadOptions::default());
        let message = error.map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(message.contains("have 2000000 bytes each"), is_refused, "{message}");
        let rows: u64 = blocks.iter().map(|block| block.rows).sum();
        assert_eq!(rows, if is_refused { 0 } else { 3 }, "{message}");
    }
}

/// Nulls take no room in the file, however many a row has.
#[test]
fn lists_of_millions_of_nulls_are_refused() {
    let read_of = |values: i32, rows: usize, version| {
        let nulls = Arc::new(Int8Array::new_null(values as usize));
        let mut offsets = vec![values; rows + 1];
        offsets[0] = 0;
        let item = Arc::new(Field::new("item", DataType::Int8, true));
        let lists = ListArray::new(item, arrow::buffer::OffsetBuffer::new(offsets.into()), nulls, None);
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("text", Arc::new(StringArray::from(vec!["a"; rows])) as ArrayRef, true),
            ("nulls", Arc::new(lists) as ArrayRef, true),
        ]);
        let properties = WriterProperties::builder().set_writer_version(version).build();
        let folder = Folder::new(&[("a.parquet", &written(&batch.unwrap(), properties))]);
        let (blocks, error) = blocks(&folder.shard(), &ReadOptions::default());
        let read: u64 = blocks.iter().map(|block| block.rows).sum();
        (read, error.map(|error| error.to_string()).unwrap_or_default())
    };
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        assert_eq!(read_of(1_000_000, 3, version), (3, String::new()));
        let (read, message) = read_of(9_000_000, 1_000, version);
        assert!(read == 0 && message.contains("lists with more values than are read at once"), "{message}");
    }
}

/// Of files that have them, as Spark writes and pyarrow can.
#[test]
fn checksums_of_pages_are_compared() {
    let (_, file) = include_bytes!("../../../fuzz/cases/files/parquet_page_checksum").split_first().unwrap();
    let texts = |file: &[u8]| {
        let folder = Folder::new(&[("a.parquet", file)]);
        let options = ReadOptions::default();
        let (blocks, error) = blocks(&folder.shard(), &options);
        error.map_or_else(|| Ok(column(&parse(&blocks, &options), "text")), |error| Err(error.to_string()))
    };
    assert_eq!(texts(file).unwrap(), ["Some words of a page.", "Others of another one."]);
    let mut damaged = file.to_vec();
    damaged[file.windows(5).position(|bytes| bytes == b"words").unwrap()] = b'l';
    let error = texts(&damaged).unwrap_err();
    assert!(error.contains("checksum"), "{error}");
}
