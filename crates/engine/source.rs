//! Reads shard after shard, and says where segments end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shards::{Block, Inputs, RestartPoint, ShardError, ShardReader};

use crate::error::EngineError;
use crate::options::CleanOptions;
use crate::work::{SegmentReceipt, Stamp};

pub(crate) enum Item {
    Block(Box<Block>),
    End(Box<End>),
}

/// A segment is complete.
pub(crate) struct End {
    pub shard: u32,
    pub input: Stamp,
    pub end_block: u64,
    pub place: Option<RestartPoint>,
    /// So is the shard, with what is wrong with its bytes.
    pub ends_shard: bool,
    pub error: Option<ShardError>,
}

/// A shard that is not swept to its end.
pub(crate) struct Left {
    pub shard: u32,
    /// Blocks that its complete segments hold.
    blocks: u64,
    /// Where they end, if it can be read from there on.
    place: RestartPoint,
    /// Known from its complete segments.
    input: Option<Stamp>,
}

impl Left {
    pub fn after(shard: u32, receipts: &[SegmentReceipt]) -> Option<Left> {
        match receipts.last() {
            None => Some(Left { shard, blocks: 0, place: RestartPoint::default(), input: None }),
            Some(last) if last.ends_shard => None,
            Some(last) => {
                let place = last.place.clone().filter(|place| place.block == last.end_block);
                let (blocks, place, input) = (last.end_block, place.unwrap_or_default(), last.input.clone());
                Some(Left { shard, blocks, place, input: Some(input) })
            }
        }
    }
}

pub(crate) struct Source<'a> {
    inputs: &'a Inputs,
    options: &'a CleanOptions,
    left: &'a [Left],
    open: Option<Open>,
    waiting: Option<Block>,
    /// Bytes on disk of the input that were read, or need not be.
    pub consumed: Arc<AtomicU64>,
    finished_bytes: u64,
}

struct Open {
    reader: ShardReader,
    input: Stamp,
    end_block: u64,
    /// Uncompressed bytes in the open segment; `None`: no segment is open.
    segment_bytes: Option<u64>,
}

impl<'a> Source<'a> {
    /// `finished_bytes`: of the input that is swept already.
    pub fn new(
        inputs: &'a Inputs,
        options: &'a CleanOptions,
        left: &'a [Left],
        finished_bytes: u64,
    ) -> Source<'a> {
        let consumed = Arc::new(AtomicU64::new(finished_bytes));
        Source { inputs, options, left, open: None, waiting: None, consumed, finished_bytes }
    }

    /// Errors: the system does not give what the input held a moment ago. What is wrong with the bytes themselves is an
    /// item.
    pub fn next(&mut self) -> Result<Option<Item>, EngineError> {
        loop {
            let Some(Left { shard, blocks, .. }) = self.left.first() else { return Ok(None) };
            let open = match &mut self.open {
                Some(open) => open,
                None => match self.open()? {
                    Ok(open) => self.open.insert(open),
                    Err(end) => return Ok(Some(self.end_shard(end))),
                },
            };
            if let Some(block) = self.waiting.take() {
                return Ok(Some(open.hand_out(block)));
            }
            let place = open.reader.place();
            let next = open.reader.next_block();
            self.consumed.store(self.finished_bytes + open.reader.consumed(), Ordering::Relaxed);
            let end = |ends_shard, error| End {
                shard: *shard,
                input: open.input.clone(),
                end_block: open.end_block,
                place: place.clone(),
                ends_shard,
                error,
            };
            match next {
                Ok(Some(block)) if block.index < *blocks => {}
                Ok(Some(block)) if open.is_full(self.options.segment_bytes) => {
                    let end = end(false, None);
                    self.waiting = Some(block);
                    open.segment_bytes = None;
                    return Ok(Some(Item::End(Box::new(end))));
                }
                Ok(Some(block)) => return Ok(Some(open.hand_out(block))),
                Ok(None) => {
                    let end = end(true, None);
                    return Ok(Some(self.end_shard(end)));
                }
                Err(error) if error.is_of_the_system() => return Err(EngineError::Reading(error)),
                Err(error) => {
                    let end = end(true, Some(error));
                    return Ok(Some(self.end_shard(end)));
                }
            }
        }
    }

    /// Opens the next shard, or tells what is wrong with it.
    fn open(&self) -> Result<Result<Open, End>, EngineError> {
        let left = &self.left[0];
        let shard = &self.inputs.shards[left.shard as usize];
        let input = match &left.input {
            Some(input) => input.clone(),
            None => Stamp::of(&shard.path)?,
        };
        let end_block = left.blocks;
        match ShardReader::open_at(shard, &self.options.read, &left.place) {
            Ok(reader) => Ok(Ok(Open { reader, input, end_block, segment_bytes: None })),
            Err(error) if error.is_of_the_system() => Err(EngineError::Reading(error)),
            Err(error) => {
                let shard = left.shard;
                Ok(Err(End { shard, input, end_block, place: None, ends_shard: true, error: Some(error) }))
            }
        }
    }

    fn end_shard(&mut self, end: End) -> Item {
        self.finished_bytes += self.inputs.shards[end.shard as usize].size;
        self.left = &self.left[1..];
        self.open = None;
        Item::End(Box::new(end))
    }
}

impl Open {
    fn hand_out(&mut self, block: Block) -> Item {
        self.segment_bytes = Some(self.segment_bytes.unwrap_or(0) + block.bytes);
        self.end_block = block.index + 1;
        Item::Block(Box::new(block))
    }

    fn is_full(&self, segment_bytes: u64) -> bool {
        self.segment_bytes.is_some_and(|bytes| bytes >= segment_bytes)
    }
}
