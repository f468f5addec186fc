//! One object: read from its start by ranges that are fetched ahead, or at any place by blocks.
use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::path::Path as Key;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::blocks::Blocks;
use super::{Seen, Store, client, failure, location, locked, permits, runtime, wait_for};
use crate::error::{StoreError, StoreErrorKind};

/// Ranges grow from the first to the largest, so that little is fetched of what is only looked at.
const FIRST_RANGE: u64 = 1 << 20;
const LARGEST_RANGE: u64 = 8 << 20;
const MOST_AHEAD: usize = 6;
/// Objects behind this one whose first range is fetched early.
const FOLLOWERS: usize = 4;

/// Bytes that one reader holds at most.
pub(crate) const READ_AHEAD: u64 = LARGEST_RANGE * (MOST_AHEAD as u64 + 1) + FIRST_RANGE * FOLLOWERS as u64;

/// Pieces of a body that wait to be read, where a server gives no ranges.
const WAITING_PIECES: usize = 64;

/// A reader of an object in the version that was first seen.
pub(crate) struct Object {
    store: Arc<Store>,
    key: Key,
    seen: Arc<Seen>,
    /// Where `current` ends in the object.
    position: u64,
    current: Bytes,
    /// Asked for, in order.
    ahead: VecDeque<Task>,
    /// Where the next range begins, and how long it is.
    next: u64,
    length: u64,
    /// The one body of a server that gives no ranges.
    whole: Option<mpsc::Receiver<Result<Bytes, StoreError>>>,
    blocks: OnceLock<Arc<Blocks>>,
}

/// A fetch that is given up when nobody waits for it.
pub(crate) struct Task(JoinHandle<Result<Bytes, StoreError>>);

impl Task {
    pub fn start(
        store: &Arc<Store>,
        key: &Key,
        seen: &Arc<Seen>,
        range: std::ops::Range<u64>,
    ) -> Result<Task, StoreError> {
        let (store, key, seen) = (store.clone(), key.clone(), seen.clone());
        Ok(Task(runtime()?.spawn(async move { store.fetch(&key, &seen, range).await })))
    }

    pub fn wait(mut self) -> Result<Bytes, StoreError> {
        runtime()?.block_on(&mut self.0).unwrap_or_else(|error| {
            let why = format!("a fetch was given up ({error})");
            Err(StoreError::new(why, failure::UNREACHABLE))
        })
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Object {
    pub fn open_at(path: &Path, at: u64) -> Result<Self, StoreError> {
        let (store, key) = Store::of(&location(path)?)?;
        let seen = wait_for(store.look(&key))?;
        let mut object = Self::of(store, key, seen);
        object.position = at;
        if let Some(task) = locked(&object.seen.early).take().filter(|_| at == 0) {
            object.next = FIRST_RANGE.min(object.len());
            object.length = 2 * FIRST_RANGE;
            object.ahead.push_back(task);
        }
        object.fetch_followers()?;
        Ok(object)
    }

    /// Starts to fetch what will be read after this one, so that small objects do not wait for one another.
    fn fetch_followers(&self) -> Result<(), StoreError> {
        let mut seen = self.seen.clone();
        for _ in 0..FOLLOWERS {
            let Some((store, key)) = seen.follower.get() else { break };
            let Some(next) = store.seen(key) else { break };
            let mut early = locked(&next.early);
            if early.is_none() && next.size > 0 {
                *early = Some(Task::start(store, key, &next, 0..FIRST_RANGE.min(next.size))?);
            }
            drop(early);
            seen = next;
        }
        Ok(())
    }

    fn of(store: Arc<Store>, key: Key, seen: Arc<Seen>) -> Self {
        Self {
            store,
            key,
            seen,
            position: 0,
            current: Bytes::new(),
            ahead: VecDeque::new(),
            next: 0,
            length: FIRST_RANGE,
            whole: None,
            blocks: OnceLock::new(),
        }
    }

    pub fn len(&self) -> u64 {
        self.seen.size
    }

    /// Another reader of the same version, from the start; blocks are shared.
    pub fn again(&self) -> Self {
        let again = Self::of(self.store.clone(), self.key.clone(), self.seen.clone());
        let _ = again.blocks.set(self.blocks().clone());
        again
    }

    pub fn blocks(&self) -> &Arc<Blocks> {
        self.blocks.get_or_init(|| Arc::new(Blocks::new(&self.store, &self.key, &self.seen)))
    }

    /// Asks for the next ranges; how many depends on how many were read.
    fn fetch_ahead(&mut self) -> Result<(), StoreError> {
        while self.whole.is_none() && self.ahead.len() < self.depth() && self.next < self.len() {
            let end = (self.next + self.length).min(self.len());
            self.ahead.push_back(Task::start(&self.store, &self.key, &self.seen, self.next..end)?);
            self.next = end;
            self.length = (2 * self.length).min(LARGEST_RANGE);
        }
        Ok(())
    }

    fn depth(&self) -> usize {
        if self.length < LARGEST_RANGE { 2 } else { MOST_AHEAD }
    }

    /// The bytes behind `position`; some, unless the object ends there.
    fn advance(&mut self) -> Result<Bytes, StoreError> {
        if let Some(head) = self.seen.head().as_ref()
            && self.ahead.is_empty()
            && self.position < head.len() as u64
        {
            return Ok(head.slice(self.position as usize..));
        }
        if self.whole.is_some() {
            return self.next_piece();
        }
        self.next = self.next.max(self.position);
        self.fetch_ahead()?;
        let Some(task) = self.ahead.pop_front() else { return Ok(Bytes::new()) };
        match task.wait() {
            Err(error) if error.kind == StoreErrorKind::NoRanges => {
                self.ahead.clear();
                self.whole = Some(self.read_whole()?);
                self.next_piece()
            }
            found => found,
        }
    }

    fn next_piece(&mut self) -> Result<Bytes, StoreError> {
        self.whole.as_mut().and_then(mpsc::Receiver::blocking_recv).unwrap_or(Ok(Bytes::new()))
    }

    /// Streams the object from `position` on; after a break it is sent again, and what was read before is left out.
    fn read_whole(&self) -> Result<mpsc::Receiver<Result<Bytes, StoreError>>, StoreError> {
        let (sender, receiver) = mpsc::channel(WAITING_PIECES);
        let (store, key, seen) = (self.store.clone(), self.key.clone(), self.seen.clone());
        let mut given = self.position;
        runtime()?.spawn(async move {
            for attempt in 1.. {
                let broken = match store.stream(&key, &seen, &mut given, &sender).await {
                    Ok(()) => return,
                    Err(error) => error,
                };
                if attempt > client::retries() {
                    let _ = sender.send(Err(broken)).await;
                    return;
                }
                tokio::time::sleep(client::pause(attempt)).await;
            }
        });
        Ok(receiver)
    }
}

impl Store {
    async fn stream(
        &self,
        key: &Key,
        seen: &Seen,
        given: &mut u64,
        sender: &mpsc::Sender<Result<Bytes, StoreError>>,
    ) -> Result<(), StoreError> {
        let _permit = permits().acquire().await;
        let wrong = |error| failure::of(self.scheme, &error);
        let found = self.client.get_opts(key, seen.options()).await.map_err(wrong)?;
        let (mut body, mut at) = (found.into_stream(), 0);
        while let Some(piece) = body.next().await {
            let mut piece = piece.map_err(wrong)?;
            let start = at;
            at += piece.len() as u64;
            if at <= *given {
                continue;
            }
            let known = given.saturating_sub(start) as usize;
            piece = piece.slice(known..);
            *given = at;
            if sender.send(Ok(piece)).await.is_err() {
                return Ok(());
            }
        }
        if at < seen.size { Err(failure::short(at, seen.size)) } else { Ok(()) }
    }
}

impl Read for Object {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() && self.position < self.len() {
            self.current = self.advance()?;
            self.position += self.current.len() as u64;
        }
        let n = buffer.len().min(self.current.len());
        buffer[..n].copy_from_slice(&self.current.split_to(n));
        Ok(n)
    }
}
