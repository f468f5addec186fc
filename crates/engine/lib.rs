//! One machine: the threads and files around `plan`, `dedup` and `tokens`.
//!
//! **Invariants:** results never depend on the number of threads or on the order in which blocks
//! arrive; what exists under `out/` is complete, and the manifest is written last.

mod against;
mod apply;
mod carried;
mod clean;
mod complete;
mod control_twins;
mod counting;
mod error;
mod events;
mod export;
mod finish;
mod identity;
mod kept_signatures;
mod live;
mod lock;
mod memory;
mod mixer;
mod names;
mod options;
mod ordered;
mod pack_shards;
mod prepare;
mod ranking;
mod recall;
mod remote_out;
mod repeats;
mod resolve;
mod rows;
mod samples;
mod sampling;
mod segment_writer;
mod sequences;
mod share;
mod sidecar;
mod signature_columns;
pub mod signatures;
mod source;
mod spool;
mod steps;
mod substrings;
mod summary;
mod sweep;
mod sweep_shards;
mod urls;
mod work;

pub use apply::{
    ApplyOptions, Copy, ListError, RemovalList, STAGE as TAKEDOWN, Takedown, apply, apply_recipe, finished,
};
pub use clean::clean;
pub use error::EngineError;
pub use events::{Ended, Event, GoesOn, Outcome, Phase, Progress, SweptShare};
pub use export::{Exported, SplitCounts, export_tokens};
pub use memory::peak_memory;
pub use options::CleanOptions;
pub use recall::Memory;
pub use share::Share;
pub use signature_columns::SignatureColumns;
pub use work::SEGMENT_BYTES;
