//! Folders with files in them, and batches as plain rows.
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{UInt8Type, UInt64Type};
use shards::{
    Block, Problem, ReadOptions, RestartPoint, Shard, ShardError, ShardReader, discover, input_schema,
};
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
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// All blocks of a shard, and the error that ended it. Checks that reading on from the places between gives the same.
pub fn blocks(shard: &Shard, options: &ReadOptions) -> (Vec<Block>, Option<ShardError>) {
    let (blocks, places, error) = match blocks_from(shard, options, &RestartPoint::default()) {
        Ok(found) => found,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let shown = |block: &Block| {
        let place = (block.index, block.first_row, block.rows, block.offset, block.bytes);
        (place, block.records.clone(), block.damage.clone())
    };
    let rows = |block: &Block| block.parse(options).map(|parsed| parsed.records).ok();
    // A few of them: each reads all that is behind it.
    for (n, place) in places.iter().enumerate().step_by(1 + places.len() / 4) {
        let Some(place) = place else { continue };
        let (behind, _, end) = blocks_from(shard, options, place).unwrap();
        let expected = &blocks[n + 1..];
        assert_eq!(
            behind.iter().map(shown).collect::<Vec<_>>(),
            expected.iter().map(shown).collect::<Vec<_>>(),
            "behind {place:?}"
        );
        assert!(behind.iter().zip(expected).all(|(a, b)| rows(a) == rows(b)), "behind {place:?}");
        assert_eq!(end.map(|end| end.to_string()), error.as_ref().map(ShardError::to_string));
    }
    (blocks, error)
}

/// Blocks, the places behind each of them, and the error that ended it.
pub type Read = (Vec<Block>, Vec<Option<RestartPoint>>, Option<ShardError>);

pub fn blocks_from(shard: &Shard, options: &ReadOptions, place: &RestartPoint) -> Result<Read, ShardError> {
    let mut reader = ShardReader::open_at(shard, options, place)?;
    let (mut blocks, mut places) = (Vec::new(), Vec::new());
    loop {
        match reader.next_block() {
            Ok(Some(block)) => {
                blocks.push(block);
                places.push(reader.place());
            }
            Ok(None) => return Ok((blocks, places, None)),
            Err(error) => {
                assert!(reader.next_block().unwrap().is_none(), "nothing comes after an error");
                return Ok((blocks, places, Some(error)));
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
