//! Any place of an object: blocks that are fetched once, the next ones ahead, the least lately used forgotten. Parquet
//! is read so, where each column has a place of its own.
use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use object_store::path::Path as Key;

use super::object::Task;
use super::{Seen, Store, locked};
use crate::StoreError;

const BLOCK: u64 = 2 << 20;
/// Together 48 MiB.
const MOST: usize = 24;
/// Fetched behind the one that is wanted.
const AHEAD: u64 = 2;

pub(crate) struct Blocks {
    store: Arc<Store>,
    key: Key,
    seen: Arc<Seen>,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    blocks: HashMap<u64, Block>,
    clock: u64,
    failure: Option<StoreError>,
}

struct Block {
    /// On its way, until somebody waits for it.
    task: Option<Task>,
    bytes: Bytes,
    used: u64,
}

impl Blocks {
    pub fn new(store: &Arc<Store>, key: &Key, seen: &Arc<Seen>) -> Self {
        let (store, key, seen) = (store.clone(), key.clone(), seen.clone());
        Self { store, key, seen, cache: Mutex::default() }
    }

    /// The bytes of a range; less of them at the end of the object.
    pub fn bytes(&self, start: u64, length: usize) -> Result<Bytes, StoreError> {
        let end = (start + length as u64).min(self.seen.size);
        let first = self.piece(start, end)?;
        if start + first.len() as u64 >= end {
            return Ok(first);
        }
        let mut joined = Vec::with_capacity((end - start) as usize);
        joined.extend_from_slice(&first);
        while start + (joined.len() as u64) < end {
            joined.extend_from_slice(&self.piece(start + joined.len() as u64, end)?);
        }
        Ok(joined.into())
    }

    /// Why the last block did not come; readers of Parquet turn errors into words.
    pub fn failure(&self) -> Option<StoreError> {
        locked(&self.cache).failure.clone()
    }

    /// What the block at `at` holds of a range; none behind the end.
    fn piece(&self, at: u64, end: u64) -> Result<Bytes, StoreError> {
        if at >= end {
            return Ok(Bytes::new());
        }
        let block = self.block(at / BLOCK)?;
        let within = (at % BLOCK) as usize;
        Ok(block.slice(within..block.len().min(within + (end - at) as usize)))
    }

    fn block(&self, number: u64) -> Result<Bytes, StoreError> {
        // One reader at a time waits: the lock is held on purpose, since others would fetch the same.
        let mut cache = locked(&self.cache);
        cache.clock += 1;
        let now = cache.clock;
        for wanted in number..=number + AHEAD {
            let start = wanted * BLOCK;
            if start < self.seen.size && !cache.blocks.contains_key(&wanted) {
                let range = start..(start + BLOCK).min(self.seen.size);
                let task = Some(Task::start(&self.store, &self.key, &self.seen, range)?);
                cache.blocks.insert(wanted, Block { task, bytes: Bytes::new(), used: now });
            }
        }
        let Some(block) = cache.blocks.get_mut(&number) else { return Ok(Bytes::new()) };
        block.used = now;
        if let Some(task) = block.task.take() {
            match task.wait() {
                Ok(bytes) => block.bytes = bytes,
                Err(error) => {
                    cache.blocks.remove(&number);
                    cache.failure = Some(error.clone());
                    return Err(error);
                }
            }
        }
        let bytes = block.bytes.clone();
        while cache.blocks.len() > MOST {
            let oldest = cache.blocks.iter().min_by_key(|(_, block)| block.used).map(|(number, _)| *number);
            oldest.map(|number| cache.blocks.remove(&number));
        }
        Ok(bytes)
    }
}

/// Reads on from a place.
pub(crate) struct BlockReader {
    pub blocks: Arc<Blocks>,
    pub at: u64,
}

impl Read for BlockReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // No further than the block: what it holds is at hand.
        let left = (BLOCK - self.at % BLOCK) as usize;
        let bytes = self.blocks.bytes(self.at, buffer.len().min(left))?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }
}
