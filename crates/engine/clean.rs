//! `corpus clean`: sweep, resolve, pack, and what a run leaves to be read.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use plan::{Plan, Recipe, SweepOptions};
use shards::{AtomicFile, Inputs, Manifest};
use text::stable_hash::key_limit;
use tokens::Tokenizer;

use crate::against::Against;
use crate::complete::complete;
use crate::error::EngineError;
use crate::events::{Ended, Event, GoesOn, Outcome, Phase, Progress};
use crate::finish::Finisher;
use crate::identity::{self, identity, look};
use crate::kept_signatures::write_signatures;
use crate::live::Live;
use crate::lock::Lock;
use crate::mixer::Mixer;
use crate::names::Names;
use crate::options::CleanOptions;
use crate::pack_shards::pack_shards;
use crate::prepare::{Prepared, prepare};
use crate::remote_out;
use crate::resolve::resolve;
use crate::sequences::{Packer, Sequences};
use crate::sidecar::Sidecars;
use crate::steps::Steps;
use crate::summary;
use crate::sweep::{Reached, Sweep};
use crate::work::{SegmentReceipt, Work};

/// Cleans, deduplicates and packs. What exists under `out/` afterwards is complete; the manifest comes last.
///
/// A share of the input is swept only, unless it is the last one: then the run goes on.
pub fn clean(
    plan: &Plan,
    options: &CleanOptions,
    tell: &(dyn Fn(Event) + Sync),
) -> Result<Ended, EngineError> {
    let options = &options.beside_models()?;
    match shards::is_remote(&options.out) {
        true => remote_out::clean(plan, options, tell),
        false => clean_folder(plan, options, std::slice::from_ref(&options.out), tell),
    }
}

/// The same for a folder of this machine; what lies below `exclude` is no input.
pub(crate) fn clean_folder(
    plan: &Plan,
    options: &CleanOptions,
    exclude: &[PathBuf],
    tell: &(dyn Fn(Event) + Sync),
) -> Result<Ended, EngineError> {
    let start = Instant::now();
    clean_inputs(plan, options, discover(options, exclude)?, start, tell)
}

/// The input, without the score files of the recipe that lie in it.
pub(crate) fn discover(options: &CleanOptions, exclude: &[PathBuf]) -> Result<Inputs, EngineError> {
    let sidecars = options.recipe.sidecars.values().flat_map(|sidecar| &sidecar.files);
    let inputs = shards::discover(&options.inputs, exclude)?;
    Ok(inputs.without_sidecars(sidecars.map(PathBuf::as_path))?)
}

/// The same for an input that is listed already; `start` is when that began.
pub(crate) fn clean_inputs(
    plan: &Plan,
    options: &CleanOptions,
    inputs: Inputs,
    start: Instant,
    tell: &(dyn Fn(Event) + Sync),
) -> Result<Ended, EngineError> {
    let tokenizer = match (&options.tokenizer, options.recipe.has_stage("tokenize")) {
        (_, false) => None,
        (Some(tokenizer), true) => Some(tokenizer.clone()),
        (None, true) => Some(Tokenizer::default_32k()?),
    };
    let against = Against::open(&options.against, plan, &options.recipe)?;
    let mut manifest = identity(plan, options, &inputs, tokenizer.as_ref(), &against);
    let work = Work { folder: options.out.join(".work") };
    crate::apply::recover(&options.out)?;
    if let identity::Found::This(found) = look(options, &inputs, &manifest)? {
        if work.folder.exists() {
            // A run was killed when all was done but this. A folder that cannot be written stays as it is.
            let lock = Lock::take(&options.out, None, |_| Ok(()));
            let _ = lock.and_then(|(lock, ())| lock.remove_work());
        }
        return already_done(options, *found);
    }
    if options.out.exists() && !options.out.is_dir() {
        return Err(EngineError::NoFolder(options.out.clone()));
    }
    let sidecars = Sidecars::load(&options.recipe, options.memory.saturating_sub(inputs.read_ahead()))?;
    let (lock, prepared) = Lock::take(&options.out, options.share, |is_alone| {
        prepare(&work, options, &inputs, &mut manifest, is_alone)
    })?;
    let done = match prepared {
        Prepared::Unfinished(done) => done,
        Prepared::Finished(found) => {
            if let Some(lock) = lock.alone(|| Ok(true))? {
                lock.remove_work()?;
            }
            return already_done(options, *found);
        }
    };

    let live = Live::start(plan, &work, options.share, summary::begun(plan, options, &inputs));
    if options.share.is_none() {
        live.alone();
    }
    let tell = &|event| {
        if let Event::Progress(progress) = &event {
            live.at(*progress);
        }
        tell(event);
    };
    let progress = |progress| tell(Event::Progress(progress));
    let rate = |name: &str| manifest.rates.get(name).copied().unwrap_or(0.0);
    let rates = Rates { control: rate("control"), heldout: rate("heldout") };
    let settings = SweepOptions {
        all_signals: options.all_signals,
        seed: options.recipe.number("sample", "seed") as u64,
        control_below: key_limit(rates.control),
        heldout_from: key_limit(1.0 - rates.heldout),
        rejected: options.rejected,
    };
    if let Some(goes_on) = GoesOn::after(&done, &inputs) {
        tell(Event::GoesOn(goes_on));
    }
    let sweep_start = Instant::now();
    let sweep = Sweep {
        plan,
        options,
        inputs: &inputs,
        work: &work,
        settings: &settings,
        live: &live,
        progress: &progress,
    };
    let (lock, swept) = match sweep.run(lock, done, &sidecars)? {
        Reached::All(lock, swept) => (lock, swept),
        Reached::Share(share) => return Ok(Ended::Swept(share)),
    };
    drop(sidecars);
    let sweep_seconds = sweep_start.elapsed().as_secs_f64();
    for (file, receipts) in manifest.inputs.iter_mut().zip(swept.values()) {
        let first = receipts.first().map(|first| first.input.clone()).unwrap_or_default();
        (file.xxh3_128, file.version) = (first.xxh3_128, first.version);
    }
    let receipts: Vec<SegmentReceipt> = swept.into_values().flatten().collect();

    let resolve_start = Instant::now();
    let resolution = resolve(plan, &receipts, &work, options, &against, &|done_bytes, total_bytes| {
        progress(Progress { phase: Phase::Resolve, done_bytes, total_bytes, documents: 0, kept: 0 });
    })?;
    let names = Names::find(&resolution, &receipts, &work, &against)?;
    let resolve_seconds = resolve_start.elapsed().as_secs_f64();

    let pack_start = Instant::now();
    let packs = options.recipe.has_stage("pack");
    let mix = Mixer::of(&options.recipe);
    let finisher =
        Finisher { plan, resolution: &resolution, names: &names, tokenizer: tokenizer.as_ref(), packs, mix };
    let (mut outputs, mut packed, spool) = pack_shards(&finisher, &receipts, options, &work, tell, &live)?;
    if let Some(memory) = &options.memory_of {
        memory.count_lines(&mut packed.tally);
    }
    if options.signatures {
        outputs.extend(write_signatures(&finisher, &receipts, options, &work)?);
    }
    let mut train = Sequences::default();
    let mut control = Sequences::default();
    if let (Some(tokenizer), true) = (&tokenizer, packs) {
        let spooled = spool.finish()?;
        let total_bytes = spooled.entries.len() as u64;
        progress(Progress { phase: Phase::Sequences, done_bytes: 0, total_bytes, documents: 0, kept: 0 });
        let packer = Packer::new(tokenizer, &options.recipe, &plan.hash, (options.threads, &options.stop));
        let folder = options.out.join("tokens");
        let steps = Steps::new(&work, &options.out);
        let mut files;
        (files, train) = packer.pack(&spooled, false, &folder, &steps)?;
        outputs.append(&mut files);
        (files, control) = packer.pack(&spooled, true, &folder, &steps)?;
        outputs.append(&mut files);
        outputs.extend(packer.heldout(&packed.heldout, &folder)?);
    }
    if let Some(tokenizer) = &tokenizer {
        let path = options.out.join("tokenizer.json");
        outputs.push(AtomicFile::write_all_of(&path, tokenizer.to_json().as_bytes())?);
    }
    let pack_seconds = pack_start.elapsed().as_secs_f64();

    let seconds = [sweep_seconds, resolve_seconds, pack_seconds];
    let run = summary::run(summary::Facts {
        plan,
        options,
        inputs: &inputs,
        receipts: &receipts,
        resolution: &resolution,
        names: &names,
        segments: &packed,
        packed: (train, control),
        tokenizer: tokenizer.as_ref().filter(|_| packs),
        rates,
        seconds,
        wall_seconds: start.elapsed().as_secs_f64(),
    })?;
    complete(&mut manifest, options, &inputs, &receipts, outputs, &run)?;
    live.end();
    lock.remove_work()?;
    Ok(Ended::Finished(Box::new(Outcome { run, manifest, was_done: false })))
}

/// Shares of the documents that are sampled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    pub control: f64,
    pub heldout: f64,
}

/// Fewer held-out documents than this measure nothing: a small corpus gives up to a tenth for them.
const FEWEST_HELDOUT: f64 = 20.0;

pub(crate) fn rates(recipe: &Recipe, estimate: shards::Estimate) -> Rates {
    let control = recipe.number("sample", "control_bytes") / estimate.text_bytes.max(1) as f64;
    let documents = estimate.documents.max(1) as f64;
    let share = recipe.number("sample", "heldout_share");
    let wanted = recipe.number("sample", "heldout_documents");
    let least = if share > 0.0 { FEWEST_HELDOUT.min(wanted) / documents } else { 0.0 };
    Rates { control: control.min(1.0), heldout: share.min(wanted / documents).max(least.min(0.1)) }
}

fn already_done(options: &CleanOptions, manifest: Manifest) -> Result<Ended, EngineError> {
    let path = options.out.join("report.json");
    let bytes = fs::read(&path).map_err(EngineError::io(&path))?;
    let run = serde_json::from_slice(&bytes).map_err(|error| EngineError::io(&path)(error.into()))?;
    Ok(Ended::Finished(Box::new(Outcome { run, manifest, was_done: true })))
}
