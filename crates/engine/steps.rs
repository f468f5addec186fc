//! The steps of the pack phase that are done: a receipt for each, so that a stopped run does none twice.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shards::Receipt;

use crate::error::EngineError;
use crate::work::{Work, has_size, read_json, write_json};

pub(crate) struct Steps<'a> {
    folder: PathBuf,
    out: &'a Path,
}

/// Written last: its existence says that the step is done, and its files are there.
#[derive(Serialize, Deserialize)]
struct Step<T> {
    /// Paths relative to the output folder.
    outputs: Vec<Receipt>,
    counted: T,
}

impl<'a> Steps<'a> {
    pub fn new(work: &Work, out: &'a Path) -> Steps<'a> {
        Steps { folder: work.pack(), out }
    }

    /// The files of a step and what it counted; none if it is not done, or a file is absent or short.
    pub fn done<T: DeserializeOwned>(&self, name: &str) -> Result<Option<(Vec<Receipt>, T)>, EngineError> {
        let Some(Step { mut outputs, counted }) = read_json::<Step<T>>(&self.receipt(name))? else {
            return Ok(None);
        };
        for output in &mut outputs {
            output.path = self.out.join(&output.path);
            if !has_size(&output.path, output.bytes)? {
                return Ok(None);
            }
        }
        Ok(Some((outputs, counted)))
    }

    pub fn commit<T: Serialize>(
        &self,
        name: &str,
        outputs: &[Receipt],
        counted: &T,
    ) -> Result<(), EngineError> {
        let relative = |receipt: &Receipt| Receipt {
            path: receipt.path.strip_prefix(self.out).unwrap_or(&receipt.path).to_path_buf(),
            ..receipt.clone()
        };
        write_json(&self.receipt(name), &Step { outputs: outputs.iter().map(relative).collect(), counted })
    }

    /// Does a step, unless it is done.
    pub fn once<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        step: impl FnOnce() -> Result<(Vec<Receipt>, T), EngineError>,
    ) -> Result<(Vec<Receipt>, T), EngineError> {
        if let Some(done) = self.done(name)? {
            return Ok(done);
        }
        let (outputs, counted) = step()?;
        self.commit(name, &outputs, &counted)?;
        Ok((outputs, counted))
    }

    fn receipt(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }
}
