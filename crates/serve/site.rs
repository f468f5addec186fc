//! What the pages show of an output folder.

use std::path::{Path, PathBuf};

use report::Run;
use serde_json::Value;

use crate::ledger::Ledger;
use crate::live::{self, Now, State};
use crate::training;

/// What the verbs of the command line know to do, as JSON. An error is told in words: what is wrong, and what to do.
pub trait Verbs: Send + Sync + 'static {
    /// What every published recipe says of a page (text or HTML), and what it marks in it.
    fn judge(&self, page: &[u8]) -> Result<Value, String>;
    /// A document of the ledger, by shard and row: reasons, signals, text with marks, kept twin.
    fn document(&self, shard: i32, row: i64) -> Result<Value, String>;
}

pub(crate) struct Site {
    pub out: PathBuf,
    pub verbs: Box<dyn Verbs>,
    pub ledger: Ledger,
}

impl Site {
    pub fn new(out: &Path, verbs: Box<dyn Verbs>) -> Site {
        Site { out: out.to_path_buf(), verbs, ledger: Ledger::new(out) }
    }

    /// How far the run is.
    pub fn now(&self) -> Now {
        live::look(&self.out)
    }

    /// The run so far, or as it ended; an empty one before it has begun.
    ///
    /// Errors: a finished run that cannot be read.
    pub fn run(&self) -> Result<Run, String> {
        let now = self.now();
        if let (State::Running | State::Stopped, Some(live)) = (now.state, now.live) {
            return Ok(live.run);
        }
        let mut run = match std::fs::read(self.out.join("report.json")) {
            Ok(json) => serde_json::from_slice(&json)
                .map_err(|error| format!("{}/report.json: {error}", self.out.display()))?,
            Err(_) => Run::default(),
        };
        if let Some(training) = training::at_work(&self.out) {
            run.training = Some(training);
        }
        Ok(run)
    }
}
