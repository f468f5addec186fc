//! One machine: the threads and files around `plan`, `dedup` and `tokens`.
//!
//! **Invariants:** results never depend on the number of threads or on the order in which blocks
//! arrive; what exists under `out/` is complete, and the manifest is written last.

mod carried;
mod clean;
mod counting;
mod error;
mod finish;
mod names;
mod ordered;
mod pack_shards;
mod ranking;
mod remote_out;
mod resolve;
mod rows;
mod sampling;
mod sequences;
mod sidecar;
mod spool;
mod summary;
mod sweep_shards;
mod work;

pub use clean::{CleanOptions, Outcome, Phase, Progress, clean};
pub use error::EngineError;
