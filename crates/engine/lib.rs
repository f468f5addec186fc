//! One machine: the threads and files around `plan`, `dedup` and `tokens`.
//!
//! **Invariants:** results never depend on the number of threads or on the order in which blocks
//! arrive; what exists under `out/` is complete, and the manifest is written last.

mod apply;
mod carried;
mod clean;
mod counting;
mod error;
mod finish;
mod names;
mod ordered;
mod pack_shards;
mod ranking;
mod resolve;
mod rows;
mod sampling;
mod sequences;
mod sidecar;
mod spool;
mod summary;
mod sweep_shards;
mod work;

pub use apply::{ApplyOptions, Copy, ListError, RemovalList, Takedown, apply};
pub use clean::{CleanOptions, Outcome, Phase, Progress, clean};
pub use error::EngineError;
