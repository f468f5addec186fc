//! A whole experiment: reads the corpus, settles the plan, spreads the runs over threads, writes the result.

use crate::arms::{ArmSpec, Library};
use crate::data::{Corpus, read_own_heldout};
use crate::eval::EvalSet;
use crate::findings::{self, ArmFacts};
use crate::lock::Lock;
use crate::model::{Weights, layout};
use crate::models::small_tokenizer;
use crate::outcome::{Outcome, RunScore, conclude};
use crate::plan::Config;
use crate::runs::{Experiment, write_json};
use crate::samples::Sample;
use crate::training::{Arithmetic, Setting, gradient, n_parameters};
use crate::workers::Workers;
use crate::{Options, Progress, TrainError};
use burn::tensor::Device;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

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
        if let Some(outcome) = finished(&folder).filter(|_| !options.fresh) {
            return Ok(outcome);
        }
        let lock = Lock::take(&folder)?;
        if options.fresh {
            lock.clear()?;
        }
        // Another process may have finished it just now.
        if let Some(outcome) = finished(&folder) {
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
        let of = |runs: &[RunScore]| -> Result<Outcome, TrainError> {
            let mut outcome = conclude(config, n_parameters(&layout(&config.model)), &sets, runs);
            if let Some((facts, _)) = told {
                let planned = config.arms.len() * config.training.seeds as usize;
                findings::conclude(&mut outcome, facts.to_vec(), planned, runs.len());
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
        let outcome = of(&experiment.run_all(workers)?)?;
        lock.remove()?;
        Ok(outcome)
    }
}

/// The outcome of all runs, if they are finished.
fn finished(folder: &Path) -> Option<Outcome> {
    let outcome: Outcome = serde_json::from_slice(&std::fs::read(folder.join("result.json")).ok()?).ok()?;
    let is_whole = outcome.ablation.as_ref().is_none_or(|ablation| ablation.runs_done == ablation.runs);
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
    let rate = measure(&request, library, workers, device)?;
    request.fit(budget.as_secs_f64(), workers.len(), rate, corpus.heldout.len())?.settle(library)
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

/// Tokens per second of one worker while all work.
pub fn measure(
    config: &Config,
    library: &Library<'_>,
    workers: &Workers,
    device: &Device,
) -> Result<f64, TrainError> {
    let n_tokens = config.tokens_per_step();
    let spec = config.arms.first().ok_or_else(|| TrainError::Refused("no arms to train".into()))?;
    let stream = library.stream(spec, 0, n_tokens + 1, config.model.sequence_length)?;
    let setting = Setting {
        model: &config.model,
        training: &config.training,
        steps: 1,
        end_of_text: library.tokenizer().end_of_text(),
        sets: &[],
        arithmetic: Arithmetic::new(&config.model, device),
        device,
        stop: &AtomicBool::new(false),
    };
    let weights = Weights::initial(&config.model, 0, device);
    let rates = workers.each(|_, lanes| {
        gradient(&setting, &weights, &stream.ids, lanes);
        let started = Instant::now();
        let mut n_batches = 0;
        while n_batches == 0 || started.elapsed() < MEASURED {
            gradient(&setting, &weights, &stream.ids, lanes);
            n_batches += 1;
        }
        (n_batches * n_tokens) as f64 / started.elapsed().as_secs_f64()
    });
    Ok(rates.iter().sum::<f64>() / rates.len().max(1) as f64)
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
