//! Work in parallel, results in order: one source, many workers, one commit at a time.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

struct State<O, E> {
    /// Items handed out so far.
    issued: u64,
    /// Results committed so far.
    committed: u64,
    /// Memory that each item takes that was handed out and not committed, in order, and all of them.
    costs: VecDeque<u64>,
    taken: u64,
    pending: BTreeMap<u64, O>,
    is_committing: bool,
    is_done: bool,
    error: Option<E>,
}

/// What work may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub threads: NonZeroUsize,
    /// Of memory.
    pub bytes: u64,
}

/// Runs `work` on what `source` yields, on as many threads as there are, and hands results to `commit` in the
/// order of the source. Whoever needs an item next reads it; whoever finishes the next result in line
/// commits it. The source says what memory an item takes from when it is handed out until its result is committed:
/// items wait for those before them where there is not enough. At most 3 items per thread are in flight.
/// The first error stops everything and is returned.
pub(crate) fn ordered<I, O, S, E>(
    room: Room,
    source: impl FnMut() -> Result<Option<(u64, I)>, E> + Send,
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(I, &mut S) -> Result<O, E> + Sync,
    commit: impl FnMut(O) -> Result<(), E> + Send,
) -> Result<(), E>
where
    O: Send,
    E: Send,
{
    let window = 3 * room.threads.get() as u64;
    let source = Mutex::new(source);
    let commit = Mutex::new(commit);
    let moved = Condvar::new();
    let state = Mutex::new(State {
        issued: 0,
        committed: 0,
        costs: VecDeque::new(),
        taken: 0,
        pending: BTreeMap::new(),
        is_committing: false,
        is_done: false,
        error: None,
    });
    let fail = |error: E| {
        let mut state = lock(&state);
        state.error.get_or_insert(error);
        state.is_done = true;
        moved.notify_all();
    };
    let next = || -> Option<(u64, I)> {
        let mut source = lock(&source);
        let mut waiting = lock(&state);
        while !waiting.is_done && waiting.issued >= waiting.committed + window {
            waiting = moved.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        if waiting.is_done {
            return None;
        }
        let number = waiting.issued;
        drop(waiting);
        match source() {
            Ok(Some((cost, item))) => {
                let is_full = |state: &State<O, E>| state.taken > 0 && state.taken + cost > room.bytes;
                let mut waiting = lock(&state);
                while !waiting.is_done && is_full(&waiting) {
                    waiting = moved.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                }
                waiting.issued += 1;
                waiting.taken += cost;
                waiting.costs.push_back(cost);
                (!waiting.is_done).then_some((number, item))
            }
            Ok(None) => {
                lock(&state).is_done = true;
                None
            }
            Err(error) => {
                fail(error);
                None
            }
        }
    };
    let finish = |number: u64, result: O| {
        let mut guard = lock(&state);
        guard.pending.insert(number, result);
        if guard.is_committing {
            return;
        }
        guard.is_committing = true;
        loop {
            let committed = guard.committed;
            let Some(result) = guard.pending.remove(&committed).filter(|_| guard.error.is_none()) else {
                break;
            };
            drop(guard);
            let outcome = lock(&commit)(result);
            if let Err(error) = outcome {
                fail(error);
            }
            guard = lock(&state);
            guard.committed += 1;
            guard.taken -= guard.costs.pop_front().unwrap_or(0);
            moved.notify_all();
        }
        guard.is_committing = false;
    };
    std::thread::scope(|scope| {
        for _ in 0..room.threads.get() {
            scope.spawn(|| {
                let mut scratch = scratch();
                while let Some((number, item)) = next() {
                    match work(item, &mut scratch) {
                        Ok(result) => finish(number, result),
                        Err(error) => fail(error),
                    }
                }
            });
        }
    });
    match state.into_inner().unwrap_or_else(PoisonError::into_inner).error {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn run(threads: usize, n: u64, fail_at: Option<u64>) -> (Vec<u64>, Result<(), u64>) {
        let mut next = 0..n;
        let mut out = Vec::new();
        let result = ordered(
            Room { threads: NonZeroUsize::new(threads).unwrap(), bytes: 10 },
            || Ok(next.next().map(|item| (item % 17, item))),
            || (),
            |item, ()| {
                // Uneven work, so that results arrive out of order.
                let spin = (item * 7919) % 97 * 200;
                let sum = (0..spin).fold(item, |a, b| std::hint::black_box(a ^ b) ^ b);
                if Some(item) == fail_at { Err(item) } else { Ok(sum) }
            },
            |result| {
                out.push(result);
                Ok(())
            },
        );
        (out, result)
    }

    #[test]
    fn results_come_in_order_for_any_number_of_threads() {
        for threads in [1, 2, 7] {
            let (out, result) = run(threads, 500, None);
            assert!(result.is_ok());
            assert_eq!(out, (0..500).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_more_is_in_flight_than_there_is_room_for() {
        let (taken, most, alone) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let cost = |item: u64| if item % 10 == 9 { 500 } else { item % 4 };
        let mut items = 0..300_u64;
        let room = Room { threads: NonZeroUsize::new(6).unwrap(), bytes: 7 };
        let result: Result<(), ()> = ordered(
            room,
            || Ok(items.next().map(|item| (cost(item), item))),
            || (),
            |item, ()| {
                let now = taken.fetch_add(cost(item), Ordering::SeqCst) + cost(item);
                std::thread::yield_now();
                if cost(item) > room.bytes {
                    assert_eq!(now, cost(item), "what is too large for the room is alone");
                    alone.fetch_add(1, Ordering::SeqCst);
                } else {
                    most.fetch_max(now, Ordering::SeqCst);
                }
                Ok(item)
            },
            |item| {
                taken.fetch_sub(cost(item), Ordering::SeqCst);
                Ok(())
            },
        );
        assert!(result.is_ok() && most.into_inner() <= room.bytes && alone.into_inner() == 30);
    }

    #[test]
    fn an_error_stops_everything() {
        let (out, result) = run(3, 500, Some(100));
        assert_eq!(result, Err(100));
        assert!(out.len() <= 110);
    }
}
