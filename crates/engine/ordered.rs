//! Work in parallel, results in order: one source, many workers, one commit at a time.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

struct State<O, E> {
    /// Items handed out so far.
    issued: u64,
    /// Results committed so far.
    committed: u64,
    pending: BTreeMap<u64, O>,
    is_committing: bool,
    is_done: bool,
    error: Option<E>,
}

/// Runs `work` on what `source` yields, on `threads` threads, and hands results to `commit` in the
/// order of the source. Whoever needs an item next reads it; whoever finishes the next result in line
/// commits it. At most 3 items per thread are in flight, so memory stays bounded whatever the order
/// in which they finish. The first error stops everything and is returned.
pub(crate) fn ordered<I, O, S, E>(
    threads: NonZeroUsize,
    source: impl FnMut() -> Result<Option<I>, E> + Send,
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(I, &mut S) -> Result<O, E> + Sync,
    commit: impl FnMut(O) -> Result<(), E> + Send,
) -> Result<(), E>
where
    O: Send,
    E: Send,
{
    let window = 3 * threads.get() as u64;
    let source = Mutex::new(source);
    let commit = Mutex::new(commit);
    let moved = Condvar::new();
    let state = Mutex::new(State {
        issued: 0,
        committed: 0,
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
            Ok(Some(item)) => {
                lock(&state).issued += 1;
                Some((number, item))
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
            moved.notify_all();
        }
        guard.is_committing = false;
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.get() {
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
    use super::*;

    fn run(threads: usize, n: u64, fail_at: Option<u64>) -> (Vec<u64>, Result<(), u64>) {
        let mut next = 0..n;
        let mut out = Vec::new();
        let result = ordered(
            NonZeroUsize::new(threads).unwrap(),
            || Ok(next.next()),
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
    fn an_error_stops_everything() {
        let (out, result) = run(3, 500, Some(100));
        assert_eq!(result, Err(100));
        assert!(out.len() <= 110);
    }
}
