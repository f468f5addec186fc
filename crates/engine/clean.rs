//! `corpus clean`: sweep, resolve, pack, and what a run leaves to be read.

use std::fs::{self, File, OpenOptions};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use plan::{Plan, Recipe, Rejected, SweepOptions};
use report::Run;
use shards::{AtomicFile, InputFile, Inputs, Manifest, ReadOptions, Receipt};
use text::stable_hash::key_limit;
use tokens::Tokenizer;

use crate::error::EngineError;
use crate::finish::Finisher;
use crate::names::names;
use crate::pack_shards::{pack_shards, write_signatures};
use crate::remote_out;
use crate::resolve::resolve;
use crate::sequences::{Packed, Packer};
use crate::sidecar::Sidecars;
use crate::spool::Spool;
use crate::summary;
use crate::sweep_shards::sweep_shards;
use crate::work::Work;

/// A run, fully described.
#[derive(Clone)]
pub struct CleanOptions {
    pub inputs: Vec<PathBuf>,
    pub out: PathBuf,
    /// Where a run whose output is an object store keeps what is unfinished. `None`: the system's temporary folder.
    pub scratch: Option<PathBuf>,
    pub recipe: Recipe,
    pub read: ReadOptions,
    pub threads: NonZeroUsize,
    /// Anonymous memory, in bytes.
    pub memory: u64,
    /// Every check on every document, not only up to the first failure.
    pub all_signals: bool,
    pub rejected: Rejected,
    pub signatures: bool,
    /// `None`: the embedded default.
    pub tokenizer: Option<Tokenizer>,
    /// Replace a finished run.
    pub fresh: bool,
    /// Set from outside to stop at a checkpoint.
    pub stop: Arc<AtomicBool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Sweep,
    Resolve,
    Pack,
    Sequences,
    Upload,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub phase: Phase,
    pub done_bytes: u64,
    pub total_bytes: u64,
    pub documents: u64,
    /// Kept so far: before dedup in the sweep, after it in the pack phase.
    pub kept: u64,
}

/// What became of a run.
#[derive(Debug)]
pub struct Outcome {
    pub run: Run,
    pub manifest: Manifest,
    /// The folder already held this very run: nothing was done.
    pub was_done: bool,
}

/// Cleans, deduplicates and packs. What exists under `out/` afterwards is complete; the manifest comes last.
pub fn clean(
    plan: &Plan,
    options: &CleanOptions,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Outcome, EngineError> {
    match shards::is_remote(&options.out) {
        true => remote_out::clean(plan, options, progress),
        false => clean_folder(plan, options, std::slice::from_ref(&options.out), progress),
    }
}

/// The same for a folder of this machine; what lies below `exclude` is no input.
pub(crate) fn clean_folder(
    plan: &Plan,
    options: &CleanOptions,
    exclude: &[PathBuf],
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Outcome, EngineError> {
    let start = Instant::now();
    let inputs = shards::discover(&options.inputs, exclude)?;
    let tokenizer = match (&options.tokenizer, options.recipe.has_stage("tokenize")) {
        (_, false) => None,
        (Some(tokenizer), true) => Some(tokenizer.clone()),
        (None, true) => Some(Tokenizer::default_32k()?),
    };
    let mut manifest = identity(plan, options, &inputs, tokenizer.as_ref())?;
    let manifest_path = options.out.join("manifest.json");
    let mut replaced = None;
    if manifest_path.exists() {
        let found = Manifest::read(&manifest_path)?;
        match difference(&found, &manifest) {
            None if found.complete && !options.fresh => return already_done(options, found),
            Some(what) if !options.fresh => {
                return Err(EngineError::OtherRun { path: options.out.clone(), what });
            }
            _ => replaced = Some(found),
        }
    }
    let sidecars = Sidecars::load(&options.recipe, options.memory.saturating_sub(inputs.read_ahead()))?;
    if let Some(found) = replaced {
        remove_outputs(&options.out, &found)?;
    }
    fs::create_dir_all(&options.out).map_err(EngineError::io(&options.out))?;
    let _lock = Lock::take(&options.out)?;
    let work = Work { folder: options.out.join(".work") };
    prepare(&work, &options.out, &manifest)?;

    let estimate = shards::estimate(&inputs, &options.read);
    let rates = rates(&options.recipe, estimate);
    let sweep = SweepOptions {
        all_signals: options.all_signals,
        seed: options.recipe.number("sample", "seed") as u64,
        control_below: key_limit(rates.control),
        heldout_from: key_limit(1.0 - rates.heldout),
        rejected: options.rejected,
    };
    let sweep_start = Instant::now();
    let receipts = sweep_shards(&inputs, plan, options, &sweep, &sidecars, &work, progress)?;
    drop(sidecars);
    let sweep_seconds = sweep_start.elapsed().as_secs_f64();

    let resolve_start = Instant::now();
    progress(Progress { phase: Phase::Resolve, done_bytes: 0, total_bytes: 1, documents: 0, kept: 0 });
    let resolution = resolve(plan, &receipts, &work, options.memory)?;
    let names = names(&resolution, &receipts, &work)?;
    let resolve_seconds = resolve_start.elapsed().as_secs_f64();

    let pack_start = Instant::now();
    let packs = options.recipe.has_stage("pack");
    let finisher =
        Finisher { plan, resolution: &resolution, names: &names, tokenizer: tokenizer.as_ref(), packs };
    let mut spool = Spool::create(&work.token_ids())?;
    let mut segments = pack_shards(&finisher, &receipts, options, &work, &mut spool, progress)?;
    let mut outputs = std::mem::take(&mut segments.outputs);
    if options.signatures {
        outputs.extend(write_signatures(&finisher, &receipts, &work, &options.out)?);
    }
    let mut train = Packed::default();
    let mut control = Packed::default();
    if let (Some(tokenizer), true) = (&tokenizer, packs) {
        let spooled = spool.finish()?;
        let total_bytes = spooled.entries.len() as u64;
        progress(Progress { phase: Phase::Sequences, done_bytes: 0, total_bytes, documents: 0, kept: 0 });
        let packer = Packer::new(tokenizer, &options.recipe, &plan.hash, options.threads);
        let folder = options.out.join("tokens");
        let mut receipts;
        (receipts, train) = packer.pack(&spooled, false, &folder)?;
        outputs.append(&mut receipts);
        (receipts, control) = packer.pack(&spooled, true, &folder)?;
        outputs.append(&mut receipts);
        outputs.extend(packer.heldout(&segments.heldout, &folder)?);
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
        segments: &segments,
        packed: (train, control),
        tokenizer: tokenizer.as_ref().filter(|_| packs),
        rates,
        seconds,
        wall_seconds: start.elapsed().as_secs_f64(),
    })?;
    complete(&mut manifest, options, &inputs, &receipts, outputs, rates, &run)?;
    fs::remove_dir_all(&work.folder).map_err(EngineError::io(&work.folder))?;
    Ok(Outcome { run, manifest, was_done: false })
}

/// Shares of the documents that are sampled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    pub control: f64,
    pub heldout: f64,
}

/// Fewer held-out documents than this measure nothing: a small corpus gives up to a tenth for them.
const FEWEST_HELDOUT: f64 = 20.0;

fn rates(recipe: &Recipe, estimate: shards::Estimate) -> Rates {
    let control = recipe.number("sample", "control_bytes") / estimate.text_bytes.max(1) as f64;
    let documents = estimate.documents.max(1) as f64;
    let share = recipe.number("sample", "heldout_share");
    let wanted = recipe.number("sample", "heldout_documents");
    let least = if share > 0.0 { FEWEST_HELDOUT.min(wanted) / documents } else { 0.0 };
    Rates { control: control.min(1.0), heldout: share.min(wanted / documents).max(least.min(0.1)) }
}

/// The manifest as far as it is known before a run: what makes two runs the same.
fn identity(
    plan: &Plan,
    options: &CleanOptions,
    inputs: &Inputs,
    tokenizer: Option<&Tokenizer>,
) -> Result<Manifest, EngineError> {
    let mut files = Vec::new();
    for shard in &inputs.shards {
        let fingerprint = shards::fingerprint(&shard.path)?;
        let shards::Fingerprint { size, xxh3_128, version } = fingerprint;
        files.push(InputFile { path: shard.relative.clone(), size, xxh3_128, version });
    }
    let keep: Vec<String> = options.read.keep.iter().map(|keep| keep.path.clone()).collect();
    let rejected = match options.rejected {
        Rejected::All => "all",
        Rejected::Sample(_) => "sample",
        Rejected::None => "none",
    };
    let settings = [
        ("signals", if options.all_signals { "all" } else { "early" }.into()),
        ("rejected", rejected.into()),
        ("signatures", options.signatures.into()),
        ("text_column", options.read.text_column.clone().into()),
        ("id_column", options.read.id_column.clone().into()),
        ("max_document", options.read.max_document.into()),
        ("keep", keep.into()),
        ("tokenizer", tokenizer.map(|tokenizer| tokenizer.hash()).into()),
    ];
    Ok(Manifest {
        version: Manifest::VERSION,
        corpus: env!("CARGO_PKG_VERSION").to_owned(),
        recipe: plan.resolved.clone(),
        recipe_hash: plan.hash.clone(),
        inputs: files,
        skipped: inputs.skipped.clone(),
        quarantined: inputs.quarantined.clone(),
        settings: settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        ..Manifest::default()
    })
}

/// What of a found manifest is not of this run.
fn difference(found: &Manifest, wanted: &Manifest) -> Option<String> {
    if found.corpus != wanted.corpus || found.version != wanted.version {
        return Some(format!("a run of corpus {}, this is {}", found.corpus, wanted.corpus));
    }
    if found.recipe_hash != wanted.recipe_hash {
        let line = found.recipe.lines().zip(wanted.recipe.lines()).find(|(a, b)| a != b);
        let (a, b) = line.unwrap_or(("…", "…"));
        return Some(format!("a run with another recipe (there `{a}`, here `{b}`)"));
    }
    if found.inputs != wanted.inputs {
        let other = wanted.inputs.iter().find(|file| !found.inputs.contains(file));
        let other = other.or(found.inputs.iter().find(|file| !wanted.inputs.contains(file)));
        let path = other.map_or("order", |file| file.path.as_str());
        return Some(format!("a run on other input ({path} differs)"));
    }
    let other = wanted.settings.iter().find(|(key, value)| found.settings.get(*key) != Some(value));
    other.map(|(key, value)| format!("a run with another setting: {key} is {value} here"))
}

fn already_done(options: &CleanOptions, manifest: Manifest) -> Result<Outcome, EngineError> {
    let path = options.out.join("report.json");
    let bytes = fs::read(&path).map_err(EngineError::io(&path))?;
    let run = serde_json::from_slice(&bytes).map_err(|error| EngineError::io(&path)(error.into()))?;
    Ok(Outcome { run, manifest, was_done: true })
}

/// Removes what a manifest lists, and nothing else.
fn remove_outputs(out: &Path, manifest: &Manifest) -> Result<(), EngineError> {
    let listed = manifest.outputs.iter().map(|output| output.path.as_str());
    // The manifest goes first: from then on the folder is no finished run.
    for name in ["manifest.json"].into_iter().chain(listed) {
        let path = out.join(name);
        unless_absent(fs::remove_file(&path)).map_err(EngineError::io(path))?;
    }
    Ok(())
}

/// Folders of a run's Parquet files.
const FOLDERS: [&str; 5] = ["clean", "rejected", "ledger", "signatures", "tokens"];

/// Makes the work folder: empties it if it is of another run, and removes what an unfinished run left.
fn prepare(work: &Work, out: &Path, manifest: &Manifest) -> Result<(), EngineError> {
    let path = work.folder.join("run.json");
    let found = Manifest::read(&path).ok();
    if found.is_some() {
        // No manifest stands in `out/`, so files of these names are an unfinished run's: they are written again.
        for folder in FOLDERS.map(|folder| out.join(folder)) {
            shards::remove_leftovers(&folder)?;
            remove_parquet(&folder)?;
        }
        shards::remove_leftovers(out)?;
    }
    let sweep = work.folder.join("sweep");
    if found.is_none_or(|found| difference(&found, manifest).is_some()) {
        unless_absent(fs::remove_dir_all(&sweep)).map_err(EngineError::io(&sweep))?;
    }
    fs::create_dir_all(&sweep).map_err(EngineError::io(&sweep))?;
    shards::remove_leftovers(&sweep)?;
    manifest.write(&path)?;
    Ok(())
}

/// What is not there need not be removed.
fn unless_absent<T>(result: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
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

/// Writes what is read by people, then the manifest, which makes the run complete.
fn complete(
    manifest: &mut Manifest,
    options: &CleanOptions,
    inputs: &Inputs,
    receipts: &[crate::work::SegmentReceipt],
    mut outputs: Vec<Receipt>,
    rates: Rates,
    run: &Run,
) -> Result<(), EngineError> {
    let out = &options.out;
    let listed: Vec<String> = outputs.iter().map(|receipt| receipt.output_file(out).path).collect();
    let card = report::render_card(run, &listed);
    outputs.push(AtomicFile::write_all_of(&out.join("README.md"), card.as_bytes())?);
    manifest.outputs = outputs.iter().map(|receipt| receipt.output_file(out)).collect();
    // Their bytes hold times, so that their hashes would differ from run to run.
    for (name, text) in
        [("report.json", report::render_json(run)), ("report.html", report::render_dashboard(run))]
    {
        let text = text.map_err(|error| EngineError::io(out.join(name))(error.into()))?;
        let mut output = AtomicFile::write_all_of(&out.join(name), text.as_bytes())?.output_file(out);
        (output.bytes, output.xxh3_128) = (0, String::new());
        manifest.outputs.push(output);
    }
    manifest.outputs.sort_by(|a, b| a.path.cmp(&b.path));
    manifest.quarantined = summary::quarantined(inputs, receipts);
    manifest.rates.insert("control".to_owned(), rates.control);
    manifest.rates.insert("heldout".to_owned(), rates.heldout);
    manifest.timing.insert("seconds".to_owned(), run.timing.wall_seconds.into());
    manifest.timing.insert("threads".to_owned(), run.timing.threads.into());
    manifest.complete = true;
    manifest.write(&out.join("manifest.json"))?;
    Ok(())
}

/// Held while a run works on `out/`; two runs exclude each other. The system releases it with the process.
struct Lock {
    _file: File,
}

impl Lock {
    fn take(out: &Path) -> Result<Lock, EngineError> {
        let folder = out.join(".work");
        fs::create_dir_all(&folder).map_err(EngineError::io(&folder))?;
        let path = folder.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(EngineError::io(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(fs::TryLockError::WouldBlock) => {
                Err(EngineError::Locked { out: out.to_path_buf(), lock: path })
            }
            Err(fs::TryLockError::Error(error)) => Err(EngineError::io(path)(error)),
        }
    }
}
