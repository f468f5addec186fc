//! Folders with files in them, and batches as plain rows.
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{UInt8Type, UInt64Type};
use shards::{Block, Problem, ReadOptions, Shard, ShardError, ShardReader, discover, input_schema};
use tempfile::TempDir;

pub struct Folder(pub TempDir);

impl Folder {
    pub fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, bytes) in files {
            folder.write(name, bytes);
        }
        folder
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The only shard in the folder.
    pub fn shard(&self) -> Shard {
        let inputs = discover(&[self.path()], &[]).unwrap();
        assert_eq!(inputs.shards.len(), 1, "{inputs:?}");
        inputs.shards[0].clone()
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// All blocks of a shard, and the error that ended it.
pub fn blocks(shard: &Shard, options: &ReadOptions) -> (Vec<Block>, Option<ShardError>) {
    let mut reader = match ShardReader::open(shard, options) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut blocks = Vec::new();
    loop {
        match reader.next_block() {
            Ok(Some(block)) => blocks.push(block),
            Ok(None) => return (blocks, None),
            Err(error) => {
                assert!(reader.next_block().unwrap().is_none(), "nothing comes after an error");
                return (blocks, Some(error));
            }
        }
    }
}

/// The parsed blocks one after the other. Checks what every block promises.
pub fn parse(blocks: &[Block], options: &ReadOptions) -> RecordBatch {
    let (mut row, mut offset) = (0, 0);
    let mut batches = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        assert_eq!((block.index, block.first_row, block.offset), (index as u64, row, offset));
        let batch = block.parse(options).unwrap().records;
        assert_eq!(batch.num_rows() as u64, block.rows);
        row += block.rows;
        offset += block.bytes;
        batches.push(batch);
    }
    let all = concat_batches(&input_schema(options), &batches).unwrap();
    let rows: Vec<u64> = all.column(0).as_primitive::<UInt64Type>().values().to_vec();
    assert_eq!(rows, (0..row).collect::<Vec<_>>(), "rows are numbered without a gap");
    all
}

pub fn read(shard: &Shard, options: &ReadOptions) -> RecordBatch {
    let (blocks, error) = blocks(shard, options);
    assert!(error.is_none(), "{error:?}");
    parse(&blocks, options)
}

/// A column as text: null is `-`.
pub fn column(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = batch.column_by_name(name).unwrap();
    let options = arrow::util::display::FormatOptions::default().with_null("-");
    let shown = arrow::util::display::ArrayFormatter::try_new(column, &options).unwrap();
    (0..batch.num_rows()).map(|row| shown.value(row).to_string()).collect()
}

pub fn problems(batch: &RecordBatch) -> Vec<Problem> {
    let column = batch.column_by_name("problem").unwrap().as_primitive::<UInt8Type>();
    let named = |number: &u8| {
        Problem::ALL.into_iter().find(|problem| *problem as u8 == *number).unwrap_or(Problem::None)
    };
    column.values().iter().map(named).collect()
}
