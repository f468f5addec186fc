//! A whole experiment: reads the corpus, settles the plan, spreads the runs over threads, writes the result.

use crate::arms::{ArmSpec, Library};
use crate::data::Corpus;
use crate::eval::EvalSet;
use crate::extension;
use crate::findings::{self, ArmFacts, Findings};
use crate::lock::Lock;
use crate::model::layout;
use crate::models::small_tokenizer;
use crate::outcome::{Outcome, RunScore, conclude};
use crate::own_text::read_own_heldout;
use crate::plan::Config;
use crate::runs::{Experiment, write_json};
use crate::samples::Sample;
use crate::speed::measure;
use crate::training::{Arithmetic, Setting, n_parameters};
use crate::workers::Workers;
use crate::{Options, Progress, TrainError};
use burn::tensor::Device;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How long speed is measured for a budget, per worker.
const MEASURED: Duration = Duration::from_secs(3);

/// Trains the arms of the default run; see [`train_arms`].
///
/// # Errors
/// As [`train_arms`].
pub fn train(
    options: &Options,
    progress: &(dyn Fn(Progress<'_>) + Sync),
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    train_arms(options, &ArmSpec::default_run(), progress, stop)
}

/// Trains every arm with every seed and compares them; goes on where an identical call was stopped.
///
/// `progress` is called after every step, from several threads. `stop` is looked at before every step.
///
/// # Errors
/// When files are missing or damaged, the smallest arm has too little text, the device is not there, the budget is
/// too short; `TrainError::Stopped` when `stop` was raised.
pub fn train_arms(
    options: &Options,
    arms: &[ArmSpec],
    progress: &(dyn Fn(Progress<'_>) + Sync),
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    let device = options.device.open()?;
    let corpus = read(options)?;
    let library = Library::new(&corpus, small_tokenizer(&corpus.tokenizer)?);
    let workers = Workers::new(options, arms.len())?;
    let root = options.out.join("train");
    let config = settle(options, arms, &corpus, &library, &workers, &device, &root)?;
    let session = Session { options, config: &config, corpus: &corpus, library: &library, device: &device };
    session.run(&workers, progress, stop, None)
}

/// What an output folder holds, with the user's own held-out texts.
pub fn read(options: &Options) -> Result<Corpus, TrainError> {
    let mut corpus = Corpus::read(&options.out)?;
    let document_bytes = options.preset.training().document_bytes;
    if let Some(path) = &options.heldout {
        corpus.heldout.push(read_own_heldout(path, document_bytes)?);
    }
    if corpus.heldout.iter().all(|set| set.documents.is_empty()) {
        return Err(TrainError::Refused(
            "no document was held out, so nothing can be scored: raise [sample] heldout_share in the recipe and \
             clean again, or give texts of your own with --heldout"
                .to_owned(),
        ));
    }
    Ok(corpus)
}

/// What the runs of a call have in common.
pub struct Session<'a> {
    pub options: &'a Options,
    pub config: &'a Config,
    pub corpus: &'a Corpus,
    pub library: &'a Library<'a>,
    pub device: &'a Device,
}

/// Of an ablation: its arms, and who is told of every finished run.
pub type Told<'a> = (&'a [ArmFacts], &'a (dyn Fn(&Outcome) + Sync));

impl Session<'_> {
    /// Trains what is left of the runs; of an ablation the outcome is written after each.
    ///
    /// # Errors
    /// As [`train_arms`].
    pub fn run(
        &self,
        workers: &Workers,
        progress: &(dyn Fn(Progress<'_>) + Sync),
        stop: &AtomicBool,
        told: Option<Told<'_>>,
    ) -> Result<Outcome, TrainError> {
        let Session { options, config, corpus, library, device } = *self;
        let folder = options.out.join("train").join(config.hash());
        if let Some(outcome) = finished(&folder, config).filter(|_| !options.fresh) {
            return Ok(outcome);
        }
        let lock = Lock::take(&folder)?;
        if options.fresh {
            lock.clear()?;
        }
        // Another process may have finished it just now.
        if let Some(outcome) = finished(&folder, config) {
            lock.remove()?;
            return Ok(outcome);
        }
        write_json(&folder.join("config.json"), config)?;
        let t = &config.training;
        let set =
            |set| EvalSet::new(set, library.tokenizer(), t.document_bytes, t.curve_bytes, t.final_bytes);
        let sets: Vec<EvalSet> = corpus.heldout.iter().map(set).collect();
        let setting = Setting {
            model: &config.model,
            training: &config.training,
            steps: config.steps,
            end_of_text: library.tokenizer().end_of_text(),
            sets: &sets,
            arithmetic: Arithmetic::new(&config.model, device),
            device,
            stop,
        };
        let (planned, parameters) = (config.runs(), n_parameters(&layout(&config.model)));
        let of = |runs: &[RunScore]| -> Result<Outcome, TrainError> {
            let of_plan = |run: &&RunScore| run.seed < config.training.seeds;
            let first: Vec<RunScore> = runs.iter().filter(of_plan).cloned().collect();
            let mut outcome = conclude(config, parameters, &sets, &first, &[]);
            if let Some((facts, _)) = told {
                // Decided by the planned runs, when all of them are finished.
                let extra = config.extra.filter(|_| first.len() == planned.len());
                let extended = extra.map_or(Vec::new(), |extra| extension::open(&outcome.comparisons, extra));
                if !extended.is_empty() {
                    outcome = conclude(config, parameters, &sets, runs, &extended);
                }
                let findings = Findings {
                    runs_done: runs.len(),
                    runs: planned.len() + extension::runs(config, &extended).len(),
                    extra: config.extra,
                    extended,
                    arms: facts.to_vec(),
                    ..Findings::default()
                };
                findings::conclude(&mut outcome, findings);
            }
            write_json(&folder.join("samples.json"), &side_by_side(runs))?;
            write_json(&folder.join("result.json"), &outcome)?;
            Ok(outcome)
        };
        let on_run = |runs: &[RunScore]| match told {
            Some((_, told)) => of(runs).map(|outcome| told(&outcome)),
            None => Ok(()),
        };
        let on_run = &on_run;
        let name_language = options.name_language;
        let experiment =
            Experiment { config, library, setting, folder: &folder, progress, on_run, name_language };
        let mut outcome = of(&experiment.run_all(workers, &planned)?)?;
        let extended = outcome.ablation.as_ref().map_or(&[][..], |findings| &findings.extended);
        let more = extension::runs(config, extended);
        if !more.is_empty() {
            outcome = of(&experiment.run_all(workers, &[planned.clone(), more].concat())?)?;
        }
        lock.remove()?;
        Ok(outcome)
    }
}

/// The outcome of all runs, if they are finished, with those that this plan allows beyond it.
fn finished(folder: &Path, config: &Config) -> Option<Outcome> {
    let outcome: Outcome = serde_json::from_slice(&std::fs::read(folder.join("result.json")).ok()?).ok()?;
    let is_whole = outcome
        .ablation
        .as_ref()
        .is_none_or(|ablation| ablation.runs_done == ablation.runs && ablation.extra == config.extra);
    is_whole.then_some(outcome)
}

fn settle(
    options: &Options,
    arms: &[ArmSpec],
    corpus: &Corpus,
    library: &Library<'_>,
    workers: &Workers,
    device: &Device,
    root: &Path,
) -> Result<Config, TrainError> {
    let request = Config::request(options, arms, corpus, library);
    let Some(budget) = options.budget else { return request.settle(library) };
    if let Some(earlier) = earlier_answer(root, &request).filter(|_| !options.fresh) {
        return Ok(earlier);
    }
    let rate = measured(&request, library, workers, device)?;
    request.fit(budget.as_secs_f64(), workers.len(), rate, corpus.heldout.len())?.settle(library)
}

/// Tokens per second of one worker of these runs while all work.
///
/// # Errors
/// When there is no arm, or the first has no text.
pub fn measured(
    config: &Config,
    library: &Library<'_>,
    workers: &Workers,
    device: &Device,
) -> Result<f64, TrainError> {
    let first = config.arms.first().ok_or_else(|| TrainError::Refused("no arms to train".into()))?;
    measure((&config.model, &config.training), library, first, workers, device, MEASURED)
}

/// The configuration of an earlier call with the same budget, so that it is resumed and not begun anew.
pub fn earlier_answer(root: &Path, request: &Config) -> Option<Config> {
    let folders = std::fs::read_dir(root).ok()?;
    let configs = folders.flatten().filter_map(|entry| {
        let json = std::fs::read(entry.path().join("config.json")).ok()?;
        serde_json::from_slice::<Config>(&json).ok()
    });
    configs.filter(|config| request.answers(config)).min_by_key(Config::hash)
}

/// `[{prompt, continuations: {arm: text}}]`.
fn side_by_side(runs: &[RunScore]) -> serde_json::Value {
    let sampled: Vec<&RunScore> = runs.iter().filter(|run| !run.samples.is_empty()).collect();
    let n = sampled.first().map_or(0, |run| run.samples.len());
    let sample = |i: usize| {
        let Sample { prompt, .. } = &sampled[0].samples[i];
        let continuations: serde_json::Map<String, serde_json::Value> =
            sampled.iter().map(|run| (run.arm.clone(), run.samples[i].continuation.clone().into())).collect();
        serde_json::json!({ "prompt": prompt, "continuations": continuations })
    };
    (0..n).map(sample).collect()
}
