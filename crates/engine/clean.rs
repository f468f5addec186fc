//! `corpus clean`: sweep, resolve, pack, and what a run leaves to be read.

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use plan::{Obstacle, Plan, Recipe, Rejected, SweepOptions};
use report::Run;
use shards::{AtomicFile, Inputs, Manifest, ReadOptions, Receipt};
use text::stable_hash::key_limit;
use tokens::Tokenizer;

use crate::against::Against;
use crate::error::EngineError;
use crate::finish::Finisher;
use crate::identity::{self, identity, look};
use crate::kept_signatures::write_signatures;
use crate::live::Live;
use crate::lock::Lock;
use crate::mixer::Mixer;
use crate::names::Names;
use crate::pack_shards::pack_shards;
use crate::prepare::{FOLDERS, Prepared, prepare};
use crate::recall::Memory;
use crate::remote_out;
use crate::repeats::{Found, find, passes};
use crate::resolve::resolve;
use crate::sequences::{Packer, Sequences};
use crate::share::Share;
use crate::sidecar::Sidecars;
use crate::steps::Steps;
use crate::summary;
use crate::sweep_shards::{Job, Receipts, sweep_shards};
use crate::work::{SegmentReceipt, Work};

/// A run, fully described.
#[derive(Clone)]
pub struct CleanOptions {
    pub inputs: Vec<PathBuf>,
    pub out: PathBuf,
    /// Where a run whose output is an object store keeps what is unfinished. `None`: the system's temporary folder.
    pub scratch: Option<PathBuf>,
    pub recipe: Recipe,
    pub read: ReadOptions,
    /// Finished output folders; what is like a document that they keep is dropped.
    pub against: Vec<PathBuf>,
    pub threads: NonZeroUsize,
    /// Anonymous memory, in bytes.
    pub memory: u64,
    /// Every check on every document, not only up to the first failure.
    pub all_signals: bool,
    pub rejected: Rejected,
    pub signatures: bool,
    /// `None`: the embedded default.
    pub tokenizer: Option<Tokenizer>,
    /// Replace a finished run, or another one that is not finished.
    pub fresh: bool,
    /// What a finished run on the same input remembers: what it decides is not measured again. Never changes a byte.
    pub memory_of: Option<Arc<Memory>>,
    /// Sweep only this share of the input: other machines sweep the rest.
    pub share: Option<Share>,
    /// Uncompressed input of a segment, at most about so many bytes: [`SEGMENT_BYTES`], except in tests.
    pub segment_bytes: u64,
    /// Set from outside to stop at a checkpoint.
    pub stop: Arc<AtomicBool>,
}

/// Blocks, buffers and tables of a run without large documents.
const LEAST_BESIDE_MODELS: u64 = 256 << 20;

impl CleanOptions {
    /// The shards that this run sweeps, ascending.
    pub(crate) fn shards(&self, inputs: &Inputs) -> Vec<u32> {
        match self.share {
            Some(share) => share.shards(inputs),
            None => (0..inputs.shards.len() as u32).collect(),
        }
    }

    /// The same with the memory that the recipe's models leave: they are held for the whole run.
    ///
    /// Errors: too little is left to work in.
    pub(crate) fn beside_models(&self) -> Result<CleanOptions, EngineError> {
        let models: u64 = self.recipe.models.values().map(|model| model.len() as u64).sum();
        let needed = models + LEAST_BESIDE_MODELS;
        if models > 0 && needed > self.memory {
            let mib = |bytes: u64| bytes.div_ceil(1 << 20);
            return Err(EngineError::Models {
                models: mib(models),
                allowed: self.memory >> 20,
                needed: mib(needed),
            });
        }
        Ok(CleanOptions { memory: self.memory - models, ..self.clone() })
    }

    pub(crate) fn unless_stopped(&self) -> Result<(), EngineError> {
        if self.stop.load(Ordering::Relaxed) { Err(EngineError::Stopped) } else { Ok(()) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A pass before the sweep, for a stage that removes what stands in other documents.
    Repeats,
    Sweep,
    Resolve,
    Pack,
    Sequences,
    Upload,
}

impl Phase {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Repeats => "repeats",
            Phase::Sweep => "sweep",
            Phase::Resolve => "resolve",
            Phase::Pack => "pack",
            Phase::Sequences => "sequences",
            Phase::Upload => "upload",
        }
    }
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

/// What a run tells while it goes.
#[derive(Clone, Debug)]
pub enum Event {
    Progress(Progress),
    GoesOn(GoesOn),
    /// Nothing of the finished run's ledger decides by the recipe at hand: every document is measured again.
    NotRemembered(Vec<Obstacle>),
}

/// What of a phase an earlier run has done.
#[derive(Clone, Debug)]
pub struct GoesOn {
    pub phase: Phase,
    pub segments: usize,
    /// Uncompressed bytes of these segments.
    pub bytes: u64,
    /// The input file that is next; none if all are done.
    pub next: Option<String>,
}

impl GoesOn {
    fn after(done: &Receipts, inputs: &Inputs) -> Option<GoesOn> {
        let segments = done.values().map(Vec::len).sum();
        let left = done.iter().find(|(_, receipts)| receipts.last().is_none_or(|last| !last.ends_shard));
        (segments > 0).then(|| GoesOn {
            phase: Phase::Sweep,
            segments,
            bytes: done.values().flatten().map(|receipt| receipt.raw_bytes).sum(),
            next: left.map(|(shard, _)| inputs.shards[*shard as usize].relative.clone()),
        })
    }
}

/// How a run ended.
#[derive(Debug)]
pub enum Ended {
    Finished(Box<Outcome>),
    /// A share of the input is swept; others are not, or are at work still.
    Swept(SweptShare),
}

#[derive(Clone, Copy, Debug)]
pub struct SweptShare {
    pub files: usize,
    pub documents: u64,
    /// Uncompressed.
    pub bytes: u64,
    /// Files of the whole input that are not swept to their end.
    pub files_left: usize,
    /// It is not the sweep yet but a pass before it: the same command goes on when the passes of all shares are done.
    pub is_pass: bool,
}

impl SweptShare {
    fn of(swept: &Receipts, files_left: usize, is_pass: bool) -> SweptShare {
        let sum = |count: fn(&SegmentReceipt) -> u64| swept.values().flatten().map(count).sum();
        SweptShare {
            files: swept.len(),
            documents: sum(|receipt| receipt.rows),
            bytes: sum(|receipt| receipt.raw_bytes),
            files_left,
            is_pass,
        }
    }
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
    let sidecars = options.recipe.sidecars.values().flat_map(|sidecar| &sidecar.files);
    let inputs =
        shards::discover(&options.inputs, exclude)?.without_sidecars(sidecars.map(PathBuf::as_path))?;
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
    let (mut lock, prepared) = Lock::take(&options.out, options.share, |is_alone| {
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
    let sweep = SweepOptions {
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
    let all_shards: Vec<u32> = (0..inputs.shards.len() as u32).collect();
    let ended = |receipts: &Vec<SegmentReceipt>| receipts.last().is_some_and(|last| last.ends_shard);
    let mut found = Found::default();
    for (stage, name, code) in passes(plan) {
        let pass = work.pass(name);
        if !found.add(stage, &pass)? {
            let done = pass.swept(&options.shards(&inputs))?;
            let parts_of = Some(stage);
            let job = Job { sweep: &sweep, sidecars: &sidecars, found: &found, parts_of, live: &live };
            let swept = sweep_shards(&inputs, plan, options, &job, &pass, done, &progress)?;
            // Whoever is the last to be done finds what is repeated; others wait for it.
            let files_left = lock.at_the_door(|| {
                let all = pass.swept(&all_shards)?;
                let left = all.values().filter(|receipts| !ended(receipts)).count();
                if left == 0 && !found.add(stage, &pass)? {
                    find(&all, &pass, code, options.memory, &|done_bytes, total_bytes| {
                        let phase = Phase::Repeats;
                        progress(Progress { phase, done_bytes, total_bytes, documents: 0, kept: 0 });
                        options.unless_stopped()
                    })?;
                    found.add(stage, &pass)?;
                }
                Ok(left)
            })?;
            if files_left > 0 {
                return Ok(Ended::Swept(SweptShare::of(&swept, files_left, true)));
            }
        }
    }
    let job = Job { sweep: &sweep, sidecars: &sidecars, found: &found, parts_of: None, live: &live };
    let mut swept = sweep_shards(&inputs, plan, options, &job, &work, done, &progress)?;
    for (_, name, _) in passes(plan) {
        for (shard, receipts) in work.pass(name).swept(&options.shards(&inputs))? {
            let stamp =
                |receipts: &[SegmentReceipt]| receipts.first().map(|first| first.input.xxh3_128.clone());
            if stamp(&receipts) != swept.get(&shard).and_then(|receipts| stamp(receipts)) {
                let what = identity::other_input(&inputs.shards[shard as usize].relative);
                return Err(EngineError::OtherUnfinished { path: options.out.clone(), what });
            }
        }
    }
    drop((sidecars, found));
    let sweep_seconds = sweep_start.elapsed().as_secs_f64();
    if options.share.is_some() {
        let mut all = Receipts::new();
        // Nothing is written into a folder that another share may be about to remove.
        live.end();
        let alone = lock.alone(|| {
            all = work.swept(&all_shards)?;
            Ok(all.values().all(ended))
        })?;
        let files_left = all.values().filter(|receipts| !ended(receipts)).count();
        lock = match alone {
            Some(lock) => lock,
            None => return Ok(Ended::Swept(SweptShare::of(&swept, files_left, false))),
        };
        live.alone();
        live.go_on();
        swept = all;
    }
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

/// Where the input lies, for whoever decides anew. Patterns stay patterns.
fn places(inputs: &[PathBuf]) -> Vec<String> {
    let place = |path: &PathBuf| match shards::is_remote(path) {
        true => path.clone(),
        false => std::path::absolute(path).unwrap_or_else(|_| path.clone()),
    };
    inputs.iter().map(|path| place(path).display().to_string()).collect()
}

/// Writes what is read by people, then the manifest, which makes the run complete.
fn complete(
    manifest: &mut Manifest,
    options: &CleanOptions,
    inputs: &Inputs,
    receipts: &[SegmentReceipt],
    mut outputs: Vec<Receipt>,
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
    manifest.records = summary::records(inputs, receipts);
    manifest.timing.insert("seconds".to_owned(), run.timing.wall_seconds.into());
    manifest.timing.insert("threads".to_owned(), run.timing.threads.into());
    manifest.timing.insert("input".to_owned(), places(&options.inputs).into());
    let remembered: u64 = receipts.iter().map(|receipt| receipt.remembered).sum();
    if options.memory_of.is_some() {
        manifest.timing.insert("remembered".to_owned(), remembered.into());
    }
    manifest.complete = true;
    // What it lists lasts before it does.
    for folder in FOLDERS.map(|folder| out.join(folder)).iter().filter(|folder| folder.is_dir()) {
        shards::sync_folder(folder)?;
    }
    shards::sync_folder(out)?;
    manifest.write(&out.join("manifest.json"))?;
    shards::sync_folder(out)?;
    Ok(())
}
