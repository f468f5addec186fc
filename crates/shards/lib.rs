//! Containers in, files out: finds the input, cuts it into blocks of whole records, parses them into columns,
//! and writes Parquet files that are complete or absent.

mod arrow_columns;
mod block;
#[cfg(test)]
mod cases;
mod columns;
mod crawl;
mod detect;
mod error;
mod estimate;
mod fingerprint;
mod gzip;
mod http;
mod inputs;
mod jsonl;
mod list_file;
mod location;
mod manifest;
mod mapped;
mod media;
mod metadata;
mod model_file;
mod options;
mod pages;
mod parquet_footer;
mod parquet_input;
mod parquet_lists;
mod parquet_pages;
mod parquet_texts;
mod pieces;
mod publication;
mod raw_json;
mod reader;
mod record_head;
mod restart_point;
mod sidecar;
mod sink;
mod source;
#[cfg(feature = "stores")]
mod store;
#[cfg(not(feature = "stores"))]
#[path = "store_absent.rs"]
mod store;
mod stream;
mod table;
mod thrift;
mod unpacked;
mod warc;
mod warcinfo;

pub use block::{Block, Parsed};
pub use columns::{INPUT_COLUMNS, input_schema};
pub use crawl::{Damage, Extraction, RecordCounts};
pub use document::Problem;
pub use error::{Fault, InputError, ShardError, StoreError};
pub use estimate::{Estimate, estimate};
pub use fingerprint::{Fingerprint, fingerprint, hash_bytes};
pub use inputs::{Compression, Format, Inputs, Shard, discover};
pub use list_file::{read_list, read_list_lossy};
pub use location::is_remote;
pub use manifest::{InputFile, Manifest, OutputFile, Quarantined, Skipped, TakedownRecord};
pub use model_file::read_model;
pub use options::{KeepColumn, KeepType, NumberField, ReadOptions};
pub use publication::Publication;
pub use reader::ShardReader;
pub use restart_point::RestartPoint;
pub use sidecar::{read_numbers, sidecar_files};
pub use sink::{AtomicFile, ParquetSink, Receipt, SinkOptions, remove_leftovers, sync_folder};
pub use source::read_file;
pub use store::{Created, RemoteFolder};
pub use table::{Table, footer, read_rows, read_table};
