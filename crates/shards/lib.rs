//! Containers in, files out: finds the input, cuts it into blocks of whole records, parses them into columns,
//! and writes Parquet files that are complete or absent.

mod block;
mod columns;
mod detect;
mod error;
mod estimate;
mod fingerprint;
mod inputs;
mod jsonl;
mod list_file;
mod manifest;
mod mapped;
mod model_file;
mod options;
mod parquet_input;
mod raw_json;
mod reader;
mod sidecar;
mod sink;
mod stream;
mod table;

pub use block::Block;
pub use columns::{INPUT_COLUMNS, input_schema};
pub use document::Problem;
pub use error::{Fault, InputError, ShardError};
pub use estimate::{Estimate, estimate};
pub use fingerprint::{Fingerprint, fingerprint, hash_bytes};
pub use inputs::{Compression, Format, Inputs, Shard, discover};
pub use list_file::{read_list, read_list_lossy};
pub use manifest::{InputFile, Manifest, OutputFile, Quarantined, Skipped, TakedownRecord};
pub use model_file::read_model;
pub use options::{KeepColumn, KeepType, NumberField, ReadOptions};
pub use reader::ShardReader;
pub use sidecar::{read_numbers, sidecar_files};
pub use sink::{AtomicFile, ParquetSink, Receipt, SinkOptions, remove_leftovers, sync_folder};
pub use table::{Table, footer, read_table};
