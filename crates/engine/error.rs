//! Why a run could not be done, with what to do about it.

use std::path::PathBuf;

use shards::{InputError, ShardError};
use tokens::TokenizerError;

use crate::share::Share;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Shard(#[from] ShardError),
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    #[error("columns do not fit together: {0}; this is a bug, please report it")]
    Arrow(#[from] arrow::error::ArrowError),
    #[error("{}: {source}; check permissions and free space, then run the same command again: it goes on where it stopped", .path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{} holds {what}; give another folder, or --fresh to replace what the manifest lists", .path.display())]
    OtherRun { path: PathBuf, what: String },
    #[error("{} holds {what}, which is not finished; give another folder, or --fresh to start over", .path.display())]
    OtherUnfinished { path: PathBuf, what: String },
    #[error("--shard {share}: other sweeps into {} divide the input by {of}; all must divide it alike", .path.display())]
    OtherShares { path: PathBuf, share: Share, of: u32 },
    #[error("{} is a file, not a folder; give another output folder", .0.display())]
    NoFolder(PathBuf),
    /// The input was readable a moment ago.
    #[error("{0}. What was swept is kept: run the same command again to go on")]
    Reading(ShardError),
    #[error("{} is used by another run; wait for it, remove {} if the machine of that run is gone, or divide the input with --shard", .out.display(), .lock.display())]
    Locked { out: PathBuf, lock: PathBuf },
    #[error(
        "resolving duplicates of {documents} documents needs about {needed} MiB; --memory allows {allowed}: raise it"
    )]
    Memory { documents: u64, needed: u64, allowed: u64 },
    #[error(
        "the recipe's models take {models} MiB of memory; --memory allows {allowed}: give at least {needed}MiB, or a smaller model (.ftz)"
    )]
    Models { models: u64, allowed: u64, needed: u64 },
    #[error(
        "{} is used by another run, begun by {owner}; wait for it, or remove {} if that run is gone", .out.display(), .lock.display()
    )]
    LockedRemote { out: PathBuf, lock: PathBuf, owner: String },
    #[error(
        "{}: a share of the input is swept into a folder that all machines see; give such a folder, then copy it", .0.display()
    )]
    ShareRemote(PathBuf),
    #[error("--against {}: {why}", .folder.display())]
    Against { folder: PathBuf, why: String },
    #[error("[column.{column}]: {why}")]
    Sidecar { column: String, why: String },
    #[error("{}: {why}", .path.display())]
    Export { path: PathBuf, why: String },
    #[error("{} holds no finished run; `corpus clean raw/ {}` makes one", .path.display(), .path.display())]
    NotFinished { path: PathBuf },
    #[error("{}: a takedown was interrupted while files were exchanged; run `corpus apply` without --dry-run: it completes that first", .path.display())]
    TakedownPending { path: PathBuf },
    #[error("{} has no addresses, since an older version made it; clean again, or name documents by their ids", .path.display())]
    NoAddresses { path: PathBuf },
    #[error("the input is not that of {}: {path} differs; clean with the recipe into another folder, or give that input with --raw", .out.display())]
    OtherInput { out: PathBuf, path: String },
    #[error("{} had documents removed by `corpus apply --remove`, which another recipe would bring back; clean with it into another folder, then remove them there", .path.display())]
    TakenDown { path: PathBuf },
    #[error("{}: the recipe in manifest.json cannot be read: {why}", .path.display())]
    BadManifest { path: PathBuf, why: String },
    #[error("stopped at a checkpoint; run the same command again to go on")]
    Stopped,
}

impl EngineError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> EngineError {
        let path = path.into();
        move |source| EngineError::Io { path, source }
    }
}
