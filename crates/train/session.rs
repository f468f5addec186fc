//! A whole experiment: reads the corpus, settles the plan, spreads the runs over threads, writes the result.

use crate::arms::{ArmSpec, Library};
use crate::checkpoint::write_atomically;
use crate::data::{Corpus, read_own_heldout};
use crate::eval::{BATCH, EvalSet, document_nats};
use crate::lock::Lock;
use crate::model::{Positions, Weights, layout};
use crate::models::small_tokenizer;
use crate::outcome::{Outcome, RunScore, conclude};
use crate::plan::Config;
use crate::samples::{Sample, generate};
use crate::training::{Metric, Setting, gradient, n_parameters, run};
use crate::{DeviceKind, Options, Progress, TrainError};
use burn::tensor::Device;
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
    let library = Library::new(&corpus, small_tokenizer(&corpus.tokenizer)?);
    let workers = Workers::new(options, arms.len())?;
    let root = options.out.join("train");
    let config = settle(options, arms, &corpus, &library, &workers, &device, &root)?;
    let folder = root.join(config.hash());
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
    write_json(&folder.join("config.json"), &config)?;
    let t = &config.training;
    let set = |set| EvalSet::new(set, library.tokenizer(), t.document_bytes, t.curve_bytes, t.final_bytes);
    let sets: Vec<EvalSet> = corpus.heldout.iter().map(set).collect();
    let setting = Setting {
        model: &config.model,
        training: &config.training,
        steps: config.steps,
        end_of_text: library.tokenizer().end_of_text(),
        sets: &sets,
        device: &device,
        stop,
    };
    let experiment = Experiment { config: &config, library: &library, setting, folder: &folder, progress };
    let runs = experiment.run_all(&workers)?;
    let outcome = conclude(&config, n_parameters(&layout(&config.model)), &sets, &runs);
    write_json(&folder.join("samples.json"), &side_by_side(&runs))?;
    write_json(&folder.join("result.json"), &outcome)?;
    lock.remove()?;
    Ok(outcome)
}

fn finished(folder: &Path) -> Option<Outcome> {
    serde_json::from_slice(&std::fs::read(folder.join("result.json")).ok()?).ok()
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
    request.fit(budget.as_secs_f64(), workers.0.len(), rate, corpus.heldout.len())?.settle(library)
}

/// The configuration of an earlier call with the same budget, so that it is resumed and not begun anew.
fn earlier_answer(root: &Path, request: &Config) -> Option<Config> {
    let folders = std::fs::read_dir(root).ok()?;
    let configs = folders.flatten().filter_map(|entry| {
        let json = std::fs::read(entry.path().join("config.json")).ok()?;
        serde_json::from_slice::<Config>(&json).ok()
    });
    configs.filter(|config| request.answers(config)).min_by_key(Config::hash)
}

/// Tokens per second of one worker while all work.
fn measure(
    config: &Config,
    library: &Library<'_>,
    workers: &Workers,
    device: &Device,
) -> Result<f64, TrainError> {
    let n_tokens = config.tokens_per_step();
    let spec = config.arms.first().ok_or_else(|| TrainError::Refused("no arms to train".into()))?;
    let ids = library.stream(spec, 0, n_tokens + 1, config.model.sequence_length)?;
    let setting = Setting {
        model: &config.model,
        training: &config.training,
        steps: 1,
        end_of_text: library.tokenizer().end_of_text(),
        sets: &[],
        device,
        stop: &AtomicBool::new(false),
    };
    let weights = Weights::initial(&config.model, 0, device);
    let positions = Positions::new(&config.model, config.model.sequence_length, device);
    let rates = workers.each(|_, lanes| {
        gradient(&setting, &weights, &positions, &ids, lanes);
        let started = Instant::now();
        let mut n_batches = 0;
        while n_batches == 0 || started.elapsed() < MEASURED {
            gradient(&setting, &weights, &positions, &ids, lanes);
            n_batches += 1;
        }
        (n_batches * n_tokens) as f64 / started.elapsed().as_secs_f64()
    });
    Ok(rates.iter().sum::<f64>() / rates.len().max(1) as f64)
}

/// Threads: each worker trains one run at a time and spreads its micro-batches over its lanes.
///
/// A lane is a pool of one thread, so that no operation splits its sums by the number of cores.
struct Workers(Vec<Vec<ThreadPool>>);

impl Workers {
    fn new(options: &Options, n_arms: usize) -> Result<Self, TrainError> {
        let seeds = options.seeds.unwrap_or(options.preset.training().seeds).max(1) as usize;
        let threads = if options.device == DeviceKind::Cpu { options.threads.max(1) } else { 1 };
        let n_workers = threads.min(n_arms * seeds).max(1);
        let lane = || ThreadPoolBuilder::new().num_threads(1).build();
        let lanes = |_| (0..threads / n_workers).map(|_| lane()).collect::<Result<Vec<_>, _>>();
        let workers = (0..n_workers).map(lanes).collect::<Result<Vec<_>, _>>();
        workers.map(Workers).map_err(|e| TrainError::Refused(format!("threads cannot be started: {e}")))
    }

    /// Runs `work` once per worker, on the worker's first lane, all at the same time.
    fn each<T: Send>(&self, work: impl Fn(usize, &[ThreadPool]) -> T + Sync) -> Vec<T> {
        std::thread::scope(|scope| {
            let work = &work;
            let handles: Vec<_> = self
                .0
                .iter()
                .enumerate()
                // With several lanes the caller only waits and adds; with one it is the lane.
                .map(|(i, lanes)| {
                    scope.spawn(move || {
                        if let [lane] = &lanes[..] { lane.install(|| work(i, lanes)) } else { work(i, lanes) }
                    })
                })
                .collect();
            handles.into_iter().filter_map(|handle| handle.join().ok()).collect()
        })
    }
}

struct Experiment<'a> {
    config: &'a Config,
    library: &'a Library<'a>,
    setting: Setting<'a>,
    folder: &'a Path,
    progress: &'a (dyn Fn(Progress<'_>) + Sync),
}

impl Experiment<'_> {
    /// All runs, seed by seed; the first error ends it, after the other workers' runs in flight.
    fn run_all(&self, workers: &Workers) -> Result<Vec<RunScore>, TrainError> {
        let seeds = 0..self.config.training.seeds;
        let runs: Vec<(u32, &ArmSpec)> =
            seeds.flat_map(|s| self.config.arms.iter().map(move |a| (s, a))).collect();
        let (next, metrics) = (AtomicUsize::new(0), self.open_metrics(&runs)?);
        let clock = Clock::new(runs.len() * self.config.training.tokens);
        let failed = AtomicBool::new(false);
        let results = workers.each(|_, lanes| {
            let mut scores = Vec::new();
            while let Some((seed, arm)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                if failed.load(Ordering::Relaxed) {
                    break;
                }
                let score = self.run_one(arm, *seed, lanes, &metrics, &clock);
                failed.fetch_or(score.is_err(), Ordering::Relaxed);
                scores.push(score?);
            }
            Ok(scores)
        });
        if results.len() < workers.0.len() {
            return Err(TrainError::Refused(
                "a training thread ended early; the message above says why".into(),
            ));
        }
        let results: Result<Vec<Vec<RunScore>>, TrainError> = results.into_iter().collect();
        let mut scores = results?.concat();
        // As they were planned, not as workers came to them.
        scores.sort_by_key(|score| {
            runs.iter().position(|(seed, arm)| (*seed, &arm.name) == (score.seed, &score.arm))
        });
        Ok(scores)
    }

    fn run_one(
        &self,
        spec: &ArmSpec,
        seed: u32,
        lanes: &[ThreadPool],
        metrics: &Mutex<File>,
        clock: &Clock,
    ) -> Result<RunScore, TrainError> {
        let folder = self.run_folder(spec, seed);
        let path = folder.join("score.json");
        if let Ok(json) = std::fs::read(&path)
            && let Ok(score) = serde_json::from_slice(&json)
        {
            clock.skip(self.config.training.tokens);
            return Ok(score);
        }
        std::fs::create_dir_all(&folder).map_err(TrainError::io(&folder))?;
        let stream = {
            let length = self.config.model.sequence_length;
            self.library.stream(spec, seed, self.config.training.tokens + 1, length)?
        };
        let resumed = AtomicBool::new(false);
        let on_step = |step: usize, loss: f64, n_tokens: usize| {
            if !resumed.swap(true, Ordering::Relaxed) {
                clock.skip((step - 1) * n_tokens);
            }
            let (tokens_per_second, seconds_left) = clock.advance(n_tokens);
            let steps = self.config.steps;
            (self.progress)(Progress {
                arm: &spec.name,
                seed,
                step,
                steps,
                loss,
                tokens_per_second,
                seconds_left,
            });
        };
        let on_metric = |metric: Metric| append_line(metrics, &metric, self.folder);
        let (weights, seconds) =
            run(&self.setting, &spec.name, seed, &stream, &folder, lanes, &on_step, &on_metric)?;
        let Setting { model, end_of_text, sets, device, .. } = self.setting;
        let nats = |set: &EvalSet| document_nats(model, &weights, &set.documents, end_of_text, BATCH, device);
        let prompts = sets.iter().rev().find(|set| !set.documents.is_empty()).filter(|_| seed == 0);
        let samples = prompts.map(|set| {
            generate(model, &weights, self.library.tokenizer(), set, self.config.training.samples)
        });
        let score = RunScore {
            arm: spec.name.clone(),
            seed,
            nats: sets.iter().map(nats).collect(),
            samples: samples.unwrap_or_default(),
            seconds,
        };
        write_json(&path, &score)?;
        let state = folder.join("state.safetensors");
        if state.exists() {
            std::fs::remove_file(&state).map_err(TrainError::io(&state))?;
        }
        Ok(score)
    }

    fn run_folder(&self, spec: &ArmSpec, seed: u32) -> PathBuf {
        self.folder.join(format!("checkpoint-{}-{seed}", spec.name))
    }

    /// `metrics.jsonl`, without the lines that runs will write again because they lie after their checkpoint.
    fn open_metrics(&self, runs: &[(u32, &ArmSpec)]) -> Result<Mutex<File>, TrainError> {
        let path = self.folder.join("metrics.jsonl");
        let layout = layout(self.setting.model);
        let mut steps = Vec::new();
        for (seed, arm) in runs {
            let folder = self.run_folder(arm, *seed);
            let state = crate::checkpoint::State::load(
                &folder.join("state.safetensors"),
                &layout,
                self.setting.device,
            );
            let done = folder.join("score.json").exists();
            let step = if done { self.config.steps } else { state?.map_or(0, |state| state.cursor.step) };
            steps.push((arm.name.as_str(), *seed, step));
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let keep = |line: &&str| {
            serde_json::from_str(line).is_ok_and(|m: Metric| {
                steps.iter().any(|&(arm, seed, step)| m.arm == arm && m.seed == seed && m.step <= step)
            })
        };
        let kept: String = text.lines().filter(keep).flat_map(|line| [line, "\n"]).collect();
        write_atomically(&path, &[kept.as_bytes()])?;
        OpenOptions::new().append(true).open(&path).map(Mutex::new).map_err(TrainError::io(&path))
    }
}

/// Speed and time left over all runs.
struct Clock {
    started: Instant,
    left: AtomicUsize,
    done: AtomicUsize,
}

impl Clock {
    fn new(n_tokens: usize) -> Self {
        Clock { started: Instant::now(), left: AtomicUsize::new(n_tokens), done: AtomicUsize::new(0) }
    }

    /// Tokens that an earlier call trained on.
    fn skip(&self, n_tokens: usize) {
        self.left.fetch_sub(n_tokens, Ordering::Relaxed);
    }

    /// Tokens per second since the start, and seconds left.
    fn advance(&self, n_tokens: usize) -> (f64, f64) {
        let done = self.done.fetch_add(n_tokens, Ordering::Relaxed) + n_tokens;
        let left = self.left.fetch_sub(n_tokens, Ordering::Relaxed).saturating_sub(n_tokens);
        let rate = done as f64 / self.started.elapsed().as_secs_f64().max(1e-9);
        (rate, left as f64 / rate)
    }
}

fn append_line(file: &Mutex<File>, metric: &Metric, folder: &Path) -> Result<(), TrainError> {
    let mut line = serde_json::to_string(metric).map_err(|e| TrainError::format(folder, e))?;
    line.push('\n');
    let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // On the disk before a checkpoint behind it can be.
    file.write_all(line.as_bytes()).and_then(|()| file.sync_data()).map_err(TrainError::io(folder))
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), TrainError> {
    let mut json = serde_json::to_vec_pretty(value).map_err(|e| TrainError::format(path, e))?;
    json.push(b'\n');
    write_atomically(path, &[&json])
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
