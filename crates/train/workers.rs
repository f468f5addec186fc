//! Threads for runs, and their speed.

use crate::{DeviceKind, Options, TrainError};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Each worker trains one run at a time and spreads its micro-batches over its lanes.
///
/// A lane is a pool of one thread, so that no operation splits its sums by the number of cores.
pub struct Workers(Vec<Vec<ThreadPool>>);

impl Workers {
    pub fn new(options: &Options, n_arms: usize) -> Result<Self, TrainError> {
        let seeds = options.seeds.unwrap_or(options.preset.training().seeds).max(1) as usize;
        let threads = if options.device == DeviceKind::Cpu { options.threads.max(1) } else { 1 };
        let n_workers = threads.min(n_arms * seeds).max(1);
        let lane = || ThreadPoolBuilder::new().num_threads(1).build();
        let lanes = |_| (0..threads / n_workers).map(|_| lane()).collect::<Result<Vec<_>, _>>();
        let workers = (0..n_workers).map(lanes).collect::<Result<Vec<_>, _>>();
        workers.map(Workers).map_err(|e| TrainError::Refused(format!("threads cannot be started: {e}")))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Runs `work` once per worker, on the worker's first lane, all at the same time.
    pub fn each<T: Send>(&self, work: impl Fn(usize, &[ThreadPool]) -> T + Sync) -> Vec<T> {
        std::thread::scope(|scope| {
            let work = &work;
            let handles: Vec<_> = self
                .0
                .iter()
                .enumerate()
                // With several lanes the caller only waits and adds; with one it is the lane.
                .map(|(i, lanes)| {
                    scope.spawn(move || {
                        if let [lane] = &lanes[..] { lane.install(|| work(i, lanes)) } else { work(i, lanes) }
                    })
                })
                .collect();
            handles.into_iter().filter_map(|handle| handle.join().ok()).collect()
        })
    }
}

/// Speed and time left over all runs.
pub struct Clock {
    started: Instant,
    left: AtomicUsize,
    done: AtomicUsize,
}

impl Clock {
    pub fn new(n_tokens: usize) -> Self {
        Clock { started: Instant::now(), left: AtomicUsize::new(n_tokens), done: AtomicUsize::new(0) }
    }

    /// Tokens that an earlier call trained on.
    pub fn skip(&self, n_tokens: usize) {
        self.left.fetch_sub(n_tokens, Ordering::Relaxed);
    }

    /// Tokens that have to be trained on once more.
    pub fn add(&self, n_tokens: usize) {
        self.left.fetch_add(n_tokens, Ordering::Relaxed);
    }

    /// Tokens per second since the start, and seconds left.
    pub fn advance(&self, n_tokens: usize) -> (f64, f64) {
        let done = self.done.fetch_add(n_tokens, Ordering::Relaxed) + n_tokens;
        let left = self.left.fetch_sub(n_tokens, Ordering::Relaxed).saturating_sub(n_tokens);
        let rate = done as f64 / self.started.elapsed().as_secs_f64().max(1e-9);
        (rate, left as f64 / rate)
    }
}
