//! How far a run is that has not ended: what `engine` tells about every second, and a server shows.

use serde::{Deserialize, Serialize};

use crate::Run;

/// A run at work, or where it was stopped: `out/.work/live.json`, of a share `live-<share>.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Live {
    /// `repeats`, `sweep`, `resolve`, `pack`, `sequences` or `upload`.
    pub phase: String,
    /// Of the phase; of a sweep, of the input as stored.
    pub done_bytes: u64,
    pub total_bytes: u64,
    /// What was done when this process began the phase, and how long ago that is.
    pub begun_bytes: u64,
    pub phase_seconds: f64,
    /// Since this process began.
    pub seconds: f64,
    /// Resident set of the process now, where the system tells.
    pub memory_bytes: Option<u64>,
    /// The process works no more.
    pub has_ended: bool,
    /// What is known so far. The sweep counts documents before duplicates are looked for; the pack phase counts them anew.
    pub run: Run,
}

impl Live {
    /// Of the phase, in this process.
    pub fn bytes_per_second(&self) -> Option<f64> {
        let done = self.done_bytes.saturating_sub(self.begun_bytes);
        (self.phase_seconds > 0.0 && done > 0).then(|| done as f64 / self.phase_seconds)
    }

    /// To the end of the phase, as fast as until now.
    pub fn seconds_left(&self) -> Option<f64> {
        let left = self.total_bytes.saturating_sub(self.done_bytes);
        self.bytes_per_second().map(|rate| left as f64 / rate)
    }

    /// Adds another share of the same run, at work at the same time.
    pub fn merge(&mut self, other: &Live) {
        self.done_bytes += other.done_bytes;
        self.total_bytes += other.total_bytes;
        self.begun_bytes += other.begun_bytes;
        self.phase_seconds = self.phase_seconds.max(other.phase_seconds);
        self.seconds = self.seconds.max(other.seconds);
        self.memory_bytes = self.memory_bytes.zip(other.memory_bytes).map(|(a, b)| a + b);
        self.has_ended &= other.has_ended;
        self.run.tally.merge(&other.run.tally);
        self.run.timing.threads += other.run.timing.threads;
        for (name, nanos) in &other.run.timing.stage_nanos {
            *self.run.timing.stage_nanos.entry(name.clone()).or_default() += nanos;
        }
        let known = self.run.inputs.quarantined.clone();
        let more = other.run.inputs.quarantined.iter().filter(|note| !known.contains(note)).cloned();
        self.run.inputs.quarantined.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_of_what_this_process_has_done() {
        let live = Live {
            done_bytes: 600,
            total_bytes: 1_000,
            begun_bytes: 400,
            phase_seconds: 10.0,
            ..Live::default()
        };
        assert_eq!((live.bytes_per_second(), live.seconds_left()), (Some(20.0), Some(20.0)));
        assert_eq!(Live::default().seconds_left(), None);
        let mut both = live.clone();
        both.merge(&live);
        assert_eq!((both.bytes_per_second(), both.seconds_left()), (Some(40.0), Some(20.0)));
    }
}
