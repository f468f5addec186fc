//! What a caller asks of a run.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use plan::{Recipe, Rejected};
use shards::{Inputs, ReadOptions};
use tokens::Tokenizer;

use crate::error::EngineError;
use crate::ordered::Room;
use crate::recall::Memory;
use crate::share::Share;

/// A run, fully described.
#[derive(Clone)]
pub struct CleanOptions {
    pub inputs: Vec<PathBuf>,
    pub out: PathBuf,
    /// Where a run whose output is an object store keeps what is unfinished. `None`: the system's temporary folder.
    pub scratch: Option<PathBuf>,
    pub recipe: Recipe,
    pub read: ReadOptions,
    /// Finished output folders; what is like a document that they keep is dropped.
    pub against: Vec<PathBuf>,
    pub threads: NonZeroUsize,
    /// Anonymous memory, in bytes.
    pub memory: u64,
    /// Every check on every document, not only up to the first failure.
    pub all_signals: bool,
    pub rejected: Rejected,
    pub signatures: bool,
    /// `None`: the embedded default.
    pub tokenizer: Option<Tokenizer>,
    /// Replace a finished run, or another one that is not finished.
    pub fresh: bool,
    /// What a finished run on the same input remembers: what it decides is not measured again. Never changes a byte.
    pub memory_of: Option<Arc<Memory>>,
    /// Sweep only this share of the input: other machines sweep the rest.
    pub share: Option<Share>,
    /// Uncompressed input of a segment, at most about so many bytes: [`SEGMENT_BYTES`], except in tests.
    pub segment_bytes: u64,
    /// Set from outside to stop at a checkpoint.
    pub stop: Arc<AtomicBool>,
}

/// Blocks, buffers and tables of a run without large documents.
const LEAST_BESIDE_MODELS: u64 = 256 << 20;

/// Memory that a byte of a block takes until its segment has it: read, parsed, measured, rewritten, waiting for its turn;
/// of one long document, too. Measured: benches/hostile/README.md.
pub(crate) const OF_A_BYTE: u64 = 14;

impl CleanOptions {
    /// The shards that this run sweeps, ascending.
    pub(crate) fn shards(&self, inputs: &Inputs) -> Vec<u32> {
        match self.share {
            Some(share) => share.shards(inputs),
            None => (0..inputs.shards.len() as u32).collect(),
        }
    }

    /// The same with the memory that the recipe's models leave: they are held for the whole run.
    ///
    /// Errors: too little is left to work in.
    pub(crate) fn beside_models(&self) -> Result<CleanOptions, EngineError> {
        let models: u64 = self.recipe.models.values().map(|model| model.len() as u64).sum();
        let needed = models + LEAST_BESIDE_MODELS;
        if models > 0 && needed > self.memory {
            let mib = |bytes: u64| bytes.div_ceil(1 << 20);
            return Err(EngineError::Models {
                models: mib(models),
                allowed: self.memory >> 20,
                needed: mib(needed),
            });
        }
        Ok(CleanOptions { memory: self.memory - models, ..self.clone() })
    }

    /// What blocks may take: no more threads than have a block to work on, whatever its size.
    pub(crate) fn room(&self) -> Room {
        let blocks =
            usize::try_from(self.memory / OF_A_BYTE / ReadOptions::BLOCK_BYTES as u64).unwrap_or(usize::MAX);
        let threads = NonZeroUsize::new(blocks).map_or(NonZeroUsize::MIN, |blocks| blocks.min(self.threads));
        Room { threads, bytes: self.memory }
    }

    /// Threads that the memory keeps at work, and the memory for all, if that is more.
    pub fn idle(&self) -> Option<(NonZeroUsize, u64)> {
        let needed = self.threads.get() as u64 * OF_A_BYTE * ReadOptions::BLOCK_BYTES as u64;
        (needed > self.memory).then(|| (self.room().threads, needed))
    }

    pub(crate) fn unless_stopped(&self) -> Result<(), EngineError> {
        if self.stop.load(Ordering::Relaxed) { Err(EngineError::Stopped) } else { Ok(()) }
    }
}
