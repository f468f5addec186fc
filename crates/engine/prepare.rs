//! Before a run: what an earlier one left in the output folder is kept, or removed, or in the way.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use shards::{Inputs, Manifest};

use crate::clean::rates;
use crate::error::EngineError;
use crate::identity::{Found, difference, look, other_input};
use crate::options::CleanOptions;
use crate::sweep_shards::Receipts;
use crate::work::Work;

/// What a run goes on from.
pub(crate) enum Prepared {
    /// Segments that are swept, of the shards that this run sweeps.
    Unfinished(Receipts),
    /// Another process has finished this very run in the meantime.
    Finished(Box<Manifest>),
}

/// Folders of a run's Parquet files.
pub(crate) const FOLDERS: [&str; 5] = ["clean", "rejected", "ledger", "signatures", "tokens"];

/// Done while no other run comes or goes. Sets the rates of `manifest`: those that the first run computed.
pub(crate) fn prepare(
    work: &Work,
    options: &CleanOptions,
    inputs: &Inputs,
    manifest: &mut Manifest,
    is_alone: bool,
) -> Result<Prepared, EngineError> {
    let out = &options.out;
    let replaced = work.folder.join("replaced.json");
    match look(options, inputs, manifest)? {
        Found::This(found) => return Ok(Prepared::Finished(found)),
        // From now on the folder is no finished run; what the manifest lists is remembered until it is gone.
        Found::Other => {
            fs::rename(out.join("manifest.json"), &replaced).map_err(EngineError::io(&replaced))?;
        }
        Found::Nothing => {}
    }
    shards::remove_leftovers(&work.folder)?;
    if is_alone {
        for folder in FOLDERS.map(|folder| out.join(folder)).iter().chain([out]) {
            shards::remove_leftovers(folder)?;
        }
    }
    if replaced.exists() {
        remove_outputs(out, &Manifest::read(&replaced)?)?;
        start_over(work)?;
        fs::remove_file(&replaced).map_err(EngineError::io(&replaced))?;
    }
    share_alike(work, options, is_alone)?;
    let path = work.folder.join("run.json");
    let found = if path.exists() { Some(Manifest::read(&path)) } else { None };
    if let Some(Ok(found)) = &found {
        let swept = work.swept(&options.shards(inputs))?;
        let mut what = difference(found, manifest);
        for work in passes(work)?.iter().chain([work]) {
            if what.is_none() {
                what = changed(&work.swept(&options.shards(inputs))?, inputs)?;
            }
        }
        match what {
            None => {
                manifest.rates = found.rates.clone();
                return Ok(Prepared::Unfinished(swept));
            }
            Some(what) if !(options.fresh && is_alone) && has_swept(work)? => {
                return Err(EngineError::OtherUnfinished { path: out.clone(), what });
            }
            Some(_) => {}
        }
    }
    match found {
        // Nobody can say what it was of.
        Some(Err(error)) if !options.fresh => return Err(error.into()),
        // No manifest stands here, so files of these names are the unfinished run's.
        Some(_) => FOLDERS.iter().try_for_each(|folder| remove_parquet(&out.join(folder)))?,
        None => {}
    }
    start_over(work)?;
    let rates = rates(&options.recipe, shards::estimate(inputs, &options.read));
    manifest.rates =
        BTreeMap::from([("control".to_owned(), rates.control), ("heldout".to_owned(), rates.heldout)]);
    fs::create_dir_all(work.sweep()).map_err(EngineError::io(work.sweep()))?;
    manifest.write(&path)?;
    shards::sync_folder(&work.folder)?;
    work.swept(&options.shards(inputs)).map(Prepared::Unfinished)
}

/// Those that were begun.
fn passes(work: &Work) -> Result<Vec<Work>, EngineError> {
    let folder = work.passes();
    let entries = unless_absent(fs::read_dir(&folder)).map_err(EngineError::io(&folder))?;
    let pass = |entry: std::io::Result<fs::DirEntry>| Ok(Work { folder: entry?.path() });
    entries.into_iter().flatten().map(pass).collect::<Result<_, _>>().map_err(EngineError::io(folder))
}

fn has_swept(work: &Work) -> Result<bool, EngineError> {
    let entries = unless_absent(fs::read_dir(work.sweep())).map_err(EngineError::io(work.sweep()))?;
    Ok(!passes(work)?.is_empty() || entries.is_some_and(|mut entries| entries.next().is_some()))
}

/// A file that is swept, at least in part, and is no longer what it was.
fn changed(swept: &Receipts, inputs: &Inputs) -> Result<Option<String>, EngineError> {
    for (shard, receipts) in swept {
        let shard = &inputs.shards[*shard as usize];
        if let Some(last) = receipts.last()
            && !last.input.is_of(&shard.path)?
        {
            return Ok(Some(other_input(&shard.relative)));
        }
    }
    Ok(None)
}

/// All sweeps at work divide the input by the same number.
fn share_alike(work: &Work, options: &CleanOptions, is_alone: bool) -> Result<(), EngineError> {
    let Some(share) = options.share else { return Ok(()) };
    let path = work.folder.join("shares");
    let found = unless_absent(fs::read_to_string(&path)).map_err(EngineError::io(&path))?;
    let found: Option<u32> = found.and_then(|text| text.trim().parse().ok());
    match found {
        Some(of) if of == share.of => Ok(()),
        Some(of) if !is_alone => Err(EngineError::OtherShares { path: options.out.clone(), share, of }),
        _ => {
            shards::AtomicFile::write_all_of(&path, share.of.to_string().as_bytes())?;
            Ok(())
        }
    }
}

fn start_over(work: &Work) -> Result<(), EngineError> {
    for folder in [work.passes(), work.sweep(), work.pack()] {
        unless_absent(fs::remove_dir_all(&folder)).map_err(EngineError::io(&folder))?;
    }
    Ok(())
}

/// Removes what a manifest lists, and nothing else.
fn remove_outputs(out: &Path, manifest: &Manifest) -> Result<(), EngineError> {
    for output in &manifest.outputs {
        let path = out.join(&output.path);
        unless_absent(fs::remove_file(&path)).map_err(EngineError::io(path))?;
    }
    Ok(())
}

fn remove_parquet(folder: &Path) -> Result<(), EngineError> {
    for entry in unless_absent(fs::read_dir(folder)).map_err(EngineError::io(folder))?.into_iter().flatten() {
        let path = entry.map_err(EngineError::io(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "parquet") {
            fs::remove_file(&path).map_err(EngineError::io(&path))?;
        }
    }
    Ok(())
}

/// What is not there need not be removed.
pub(crate) fn unless_absent<T>(result: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}
