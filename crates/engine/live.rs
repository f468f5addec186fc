//! `out/.work/live.json`: how far a run is, written about every second for whoever watches (`corpus serve`).
//!
//! No result depends on it: what cannot be written is not told.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use document::Tally;
use plan::Plan;
use report::Run;
use shards::Quarantined;

use crate::error::EngineError;
use crate::events::Progress;
use crate::segment_writer::STEPS;
use crate::share::Share;
use crate::work::{SegmentReceipt, Work, read_json};
use crate::{memory, summary};

/// Time between two tellings.
const BEAT: Duration = Duration::from_secs(1);

/// A run, watched.
pub(crate) struct Live {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Of what is timed in the sweep.
    names: Vec<&'static str>,
}

struct Shared {
    path: PathBuf,
    /// What the path is replaced by.
    unfinished: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    live: report::Live,
    start: Instant,
    phase_start: Instant,
}

impl Live {
    /// `run`: what is known before anything is read.
    pub fn start(plan: &Plan, work: &Work, share: Option<Share>, run: Run) -> Live {
        let name = share.map_or("live.json".to_owned(), |share| format!("live-{}.json", share.number));
        let now = Instant::now();
        let state =
            State { live: report::Live { run, ..report::Live::default() }, start: now, phase_start: now };
        let shared = Shared {
            path: work.folder.join(&name),
            // Not as leftovers are called: another share, which is about to begin, clears the folder of those.
            unfinished: work.folder.join(format!("{name}.next")),
            state: Mutex::new(state),
            changed: Condvar::new(),
        };
        let names = plan.stages.iter().map(|stage| stage.name).chain(STEPS).collect();
        let live = Live { shared: Arc::new(shared), thread: Mutex::new(None), names };
        live.go_on();
        live
    }

    /// Tells from now on.
    pub fn go_on(&self) {
        self.state().live.has_ended = false;
        let shared = self.shared.clone();
        let thread = std::thread::spawn(move || {
            let mut state = lock(&shared.state);
            while !state.live.has_ended {
                state.write(&shared);
                state = shared.changed.wait_timeout(state, BEAT).unwrap_or_else(PoisonError::into_inner).0;
            }
            state.write(&shared);
        });
        *lock(&self.thread) = Some(thread);
    }

    /// Tells no more, and says so: nothing is written afterwards.
    pub fn end(&self) {
        self.state().live.has_ended = true;
        self.shared.changed.notify_all();
        if let Some(thread) = lock(&self.thread).take() {
            let _ = thread.join();
        }
    }

    /// No other run works here: what others have told is of no use any more. Who watches reads whatever has such a name,
    /// and shares of an earlier, larger number may have left some, so none is named here.
    pub fn alone(&self) {
        let folder = self.shared.path.parent().map(fs::read_dir);
        for path in folder.into_iter().flatten().flatten().flatten().map(|entry| entry.path()) {
            let is_live = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("live"));
            if is_live && path != self.shared.path {
                let _ = fs::remove_file(path);
            }
        }
    }

    pub fn at(&self, progress: Progress) {
        let mut state = self.state();
        let Progress { phase, done_bytes, total_bytes, .. } = progress;
        if state.live.phase != phase.name() {
            state.phase_start = Instant::now();
            (state.live.phase, state.live.begun_bytes) = (phase.name().to_owned(), done_bytes);
        }
        (state.live.done_bytes, state.live.total_bytes) = (done_bytes, total_bytes);
    }

    /// What a block adds.
    pub fn add(&self, tally: &Tally, nanos: &[u64]) {
        let mut state = self.state();
        state.live.run.tally.merge(tally);
        for (name, nanos) in self.names.iter().zip(nanos) {
            *state.live.run.timing.stage_nanos.entry((*name).to_owned()).or_default() += nanos;
        }
    }

    /// What the segments add that are swept already.
    pub fn add_swept<'r>(
        &self,
        work: &Work,
        receipts: impl IntoIterator<Item = &'r SegmentReceipt>,
    ) -> Result<(), EngineError> {
        for receipt in receipts {
            let tally: Option<Tally> = read_json(&work.tally(receipt.shard, receipt.part))?;
            self.add(&tally.unwrap_or_default(), &receipt.nanos);
            self.quarantine(&receipt.quarantined);
        }
        Ok(())
    }

    pub fn quarantine(&self, files: &[Quarantined]) {
        let notes = files.iter().map(summary::note);
        self.state().live.run.inputs.quarantined.extend(notes);
    }

    /// Counts anew, from here.
    pub fn count_anew(&self, tally: Tally) {
        self.state().live.run.tally = tally;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end();
    }
}

impl State {
    fn write(&mut self, shared: &Shared) {
        let live = &mut self.live;
        live.seconds = self.start.elapsed().as_secs_f64();
        live.phase_seconds = self.phase_start.elapsed().as_secs_f64();
        live.run.timing.wall_seconds = live.seconds;
        live.memory_bytes = memory::resident();
        live.run.peak_memory_bytes = memory::peak_memory();
        // Replaced at once, so that no reader sees half of it; whether it outlasts a loss of power does not matter.
        let written = serde_json::to_vec(live).map(|json| fs::write(&shared.unfinished, json));
        if matches!(written, Ok(Ok(()))) {
            let _ = fs::rename(&shared.unfinished, &shared.path);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
