//! What is on the disk of a run at work, and whether somebody still works on it.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use report::Live;
use serde::Serialize;
use serde_json::{Value, json};

use crate::training;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// No run has begun here.
    Nothing,
    Running,
    /// Of a finished run, models are being trained.
    Training,
    /// Nobody works on it, and it is not finished.
    Stopped,
    Finished,
}

pub(crate) struct Now {
    pub state: State,
    /// Of a run that is not finished.
    pub live: Option<Live>,
}

impl Now {
    /// What changes from second to second.
    pub fn as_json(&self, out: &Path) -> Value {
        let training = training::at_work(out).map(|training| {
            let last = |curve: &report::Curve| {
                let point = curve.points.last().copied().unwrap_or_default();
                json!({ "arm": curve.arm, "seed": curve.seed, "tokens": point.tokens, "loss": point.loss })
            };
            let runs: Vec<Value> = training.curves.iter().map(last).collect();
            json!({ "note": training.note, "tokens": training.tokens, "runs": runs })
        });
        let live = self.live.as_ref().map(|live| {
            let Live { run, phase, .. } = live;
            let reasons = run.reasons.0.iter().zip(&run.tally.checks);
            let reasons = reasons.filter(|(_, check)| check.first.documents > 0);
            let reasons: Vec<Value> = reasons
                .map(|(reason, check)| json!({ "reason": reason.full_name(), "documents": check.first.documents }))
                .collect();
            json!({
                "phase": phase,
                "done_bytes": live.done_bytes,
                "total_bytes": live.total_bytes,
                "bytes_per_second": live.bytes_per_second(),
                "seconds_left": live.seconds_left(),
                "seconds": live.seconds,
                "memory_bytes": live.memory_bytes,
                "documents": run.tally.input.documents,
                "text_bytes": run.tally.input.bytes,
                "kept_documents": run.tally.kept.documents,
                "kept_bytes": run.tally.kept.bytes,
                "quarantined": run.inputs.quarantined,
                "reasons": reasons,
            })
        });
        json!({ "state": self.state, "live": live, "training": training })
    }
}

/// A run tells every second; one that was silent for so long is no more.
const SILENCE: Duration = Duration::from_secs(10);

pub(crate) fn look(out: &Path) -> Now {
    let mut found: Option<Live> = None;
    let mut is_at_work = false;
    for entry in fs::read_dir(out.join(".work")).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if !(name.starts_with("live") && name.ends_with(".json")) {
            continue;
        }
        // A file that is being replaced is there at the next look.
        let Some(live) = fs::read(&path).ok().and_then(|json| serde_json::from_slice::<Live>(&json).ok())
        else {
            continue;
        };
        is_at_work |= is_alive(&live, &path);
        match &mut found {
            // Shares of one input, swept by several processes.
            Some(sum) => sum.merge(&live),
            None => found = Some(live),
        }
    }
    let state = match found {
        Some(_) if is_at_work => State::Running,
        Some(_) => State::Stopped,
        None if !out.join("report.json").exists() => State::Nothing,
        None if training::folder_at_work(out).is_some() => State::Training,
        None => State::Finished,
    };
    Now { state, live: found }
}

fn is_alive(live: &Live, path: &Path) -> bool {
    let told = fs::metadata(path).and_then(|metadata| metadata.modified());
    // A clock that is behind that of the disk has seen it just now.
    let age = told.ok().and_then(|told| SystemTime::now().duration_since(told).ok()).unwrap_or_default();
    !live.has_ended && age < SILENCE
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn tell(out: &Path, name: &str, live: &Live) {
        fs::create_dir_all(out.join(".work")).unwrap();
        fs::write(out.join(".work").join(name), serde_json::to_vec(live).unwrap()).unwrap();
    }

    #[test]
    fn a_run_is_at_work_as_long_as_it_tells() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        assert_eq!(look(out).state, State::Nothing);
        tell(out, "live.json", &Live::default());
        assert_eq!(look(out).state, State::Running);
        let file = fs::File::options().write(true).open(out.join(".work/live.json")).unwrap();
        file.set_modified(SystemTime::now() - 2 * SILENCE).unwrap();
        assert_eq!(look(out).state, State::Stopped);
        tell(out, "live.json", &Live { has_ended: true, ..Live::default() });
        assert_eq!(look(out).state, State::Stopped);
        fs::remove_dir_all(out.join(".work")).unwrap();
        fs::write(out.join("report.json"), "{}").unwrap();
        assert_eq!(look(out).state, State::Finished);
    }

    #[test]
    fn shares_are_one_run() {
        let folder = tempfile::tempdir().unwrap();
        let live = Live { done_bytes: 10, total_bytes: 100, ..Live::default() };
        tell(folder.path(), "live-1.json", &live);
        tell(
            folder.path(),
            "live-2.json",
            &Live { done_bytes: 30, total_bytes: 60, has_ended: true, ..live },
        );
        let now = look(folder.path());
        let sum = now.live.unwrap();
        assert_eq!((now.state, sum.done_bytes, sum.total_bytes), (State::Running, 40, 160));
    }
}
