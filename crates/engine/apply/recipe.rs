//! Another decision on a finished run: the run that its input and another recipe would give, in its place.
//!
//! The new run is made in `.work/takedown/new`, with what the ledger remembers, and exchanged as a takedown is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use plan::{Plan, Recipe};
use shards::{InputFile, Inputs, Manifest};

use super::{Journal, complete_exchange, takedown_folder};
use crate::clean::{clean_inputs, discover};
use crate::error::EngineError;
use crate::events::{Ended, Event, Outcome};
use crate::identity;
use crate::lock::Lock;
use crate::options::CleanOptions;
use crate::prepare::unless_absent;
use crate::recall::Memory;

/// Decides the finished run in `options.out` anew. `options` are those of the run, but for its recipe.
///
/// Stopped or killed, the old run stands, and the same call goes on; from the journal on, the new one does.
///
/// `theirs` is what the run was decided by; `None` if its lists or models are no longer known: every document is measured
/// again then.
pub fn apply_recipe(
    plan: &Plan,
    options: &CleanOptions,
    theirs: Option<(&Recipe, &Plan)>,
    tell: &(dyn Fn(Event) + Sync),
) -> Result<Outcome, EngineError> {
    let start = Instant::now();
    let options = &options.beside_models()?;
    let out = &options.out;
    let inputs = discover(options, std::slice::from_ref(out))?;
    if !out.join("manifest.json").exists() {
        return Err(EngineError::NotFinished { path: out.clone() });
    }
    let staged = takedown_folder(out).join("new");
    let (lock, ()) = Lock::take(out, None, |_| complete_exchange(out))?;
    let old = match decidable(out, &inputs) {
        Ok(old) => old,
        Err(error) => {
            // The folder is as it was: what an interrupted decision has left there stays.
            if !staged.exists() {
                lock.remove_work()?;
            }
            return Err(error);
        }
    };
    let memory =
        theirs.map(|theirs| memory(out, theirs, (&options.recipe, plan), tell)).transpose()?.flatten();
    let manifest = unless_absent(fs::read(staged.join("manifest.json"))).map_err(EngineError::io(&staged))?;
    let is_another = manifest.is_some_and(|json| {
        let found: Option<Manifest> = serde_json::from_slice(&json).ok();
        found.is_none_or(|found| found.recipe_hash != plan.hash)
    });
    if is_another || !staged.join(".work").join("run.json").exists() && !staged.join("manifest.json").exists()
    {
        // What an interrupted takedown, or a decision that was never put in place, left there.
        unless_absent(fs::remove_dir_all(&staged)).map_err(EngineError::io(&staged))?;
    }
    let fresh = !staged.join("manifest.json").exists();
    let memory_of = memory.map(Arc::new);
    let new = CleanOptions { out: staged.clone(), fresh, share: None, memory_of, ..options.clone() };
    let Ended::Finished(outcome) = clean_inputs(plan, &new, inputs, start, tell)? else {
        return Err(EngineError::NotFinished { path: staged });
    };
    // What the ledger remembers is of the bytes that it saw.
    if let Err(other) = same_input(out, &old, &outcome.manifest.inputs) {
        lock.remove_work()?;
        return Err(other);
    }
    let mut moved: Vec<String> = outcome.manifest.outputs.iter().map(|file| file.path.clone()).collect();
    for name in &moved {
        let folder = out.join(name).parent().map_or_else(|| out.clone(), |folder| folder.to_path_buf());
        fs::create_dir_all(&folder).map_err(EngineError::io(&folder))?;
    }
    moved.push("manifest.json".to_owned());
    let stays: BTreeSet<&String> = moved.iter().collect();
    let gone = old.outputs.into_iter().map(|file| file.path).filter(|path| !stays.contains(path)).collect();
    Journal { moved, gone }.write(out)?;
    complete_exchange(out)?;
    lock.remove_work()?;
    Ok(*outcome)
}

/// The finished run in `out`, if it is of this input and nothing was removed from it.
fn decidable(out: &Path, inputs: &Inputs) -> Result<Manifest, EngineError> {
    let old = Manifest::read(&out.join("manifest.json"))?;
    if !old.complete {
        return Err(EngineError::NotFinished { path: out.to_path_buf() });
    }
    if !old.takedowns.is_empty() {
        return Err(EngineError::TakenDown { path: out.to_path_buf() });
    }
    same_input(out, &old, &identity::files(inputs))?;
    Ok(old)
}

fn same_input(out: &Path, old: &Manifest, new: &[InputFile]) -> Result<(), EngineError> {
    match identity::other_file(&old.inputs, new) {
        Some(path) => Err(EngineError::OtherInput { out: out.to_path_buf(), path }),
        None => Ok(()),
    }
}

/// What the run in `out` remembers, if its ledger can tell anything.
fn memory(
    out: &Path,
    theirs: (&Recipe, &Plan),
    ours: (&Recipe, &Plan),
    tell: &(dyn Fn(Event) + Sync),
) -> Result<Option<Memory>, EngineError> {
    let path = out.join("report.json");
    let bytes = fs::read(&path).map_err(EngineError::io(&path))?;
    let run = serde_json::from_slice(&bytes).map_err(|error| EngineError::io(&path)(error.into()))?;
    match Memory::open(out, theirs, ours, &run)? {
        Ok(memory) => Ok(Some(memory)),
        Err(obstacles) => {
            tell(Event::NotRemembered(obstacles));
            Ok(None)
        }
    }
}
