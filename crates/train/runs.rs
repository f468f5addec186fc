//! The runs of an experiment: spread over workers, each with its folder, their lines in one `metrics.jsonl`.

use crate::arms::{ArmSpec, Library};
use crate::checkpoint::{State, write_atomically};
use crate::eval::{BATCH, EvalSet, document_nats};
use crate::metrics::{Battery, NameLanguage};
use crate::model::layout;
use crate::models::run_folder;
use crate::outcome::RunScore;
use crate::plan::Config;
use crate::samples::generate;
use crate::spikes::Rewind;
use crate::training::{Metric, Run, Setting, run};
use crate::workers::{Clock, Workers};
use crate::{Progress, TrainError};
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Everything that the runs have in common.
pub struct Experiment<'a> {
    pub config: &'a Config,
    pub library: &'a Library<'a>,
    pub setting: Setting<'a>,
    pub folder: &'a Path,
    pub progress: &'a (dyn Fn(Progress<'_>) + Sync),
    /// Told after every run that was trained, of all that are finished, one call at a time.
    pub on_run: &'a (dyn Fn(&[RunScore]) -> Result<(), TrainError> + Sync),
    pub name_language: Option<NameLanguage>,
}

/// A line that says that a run went back.
#[derive(Serialize)]
struct RewindLine<'a> {
    arm: &'a str,
    seed: u32,
    #[serde(flatten)]
    rewind: &'a Rewind,
}

/// What any line of `metrics.jsonl` says of its place in its run.
#[derive(Deserialize)]
struct Line {
    arm: String,
    seed: u32,
    step: usize,
    /// Of a line that says that the run went back: times so far.
    rewind: Option<usize>,
    /// Of a point of the learning curve: times that the run had gone back before.
    #[serde(default)]
    rewinds: usize,
}

impl Experiment<'_> {
    /// These runs, in their order; the first error ends it, after the other workers' runs in flight.
    pub fn run_all(&self, workers: &Workers, runs: &[(u32, &ArmSpec)]) -> Result<Vec<RunScore>, TrainError> {
        let (next, metrics) = (AtomicUsize::new(0), self.open_metrics()?);
        let clock = Clock::new(runs.iter().map(|(_, arm)| self.config.tokens_of(arm)).sum());
        let failed = AtomicBool::new(false);
        // By place in the plan: what an earlier call has finished, and what this one does.
        let earlier = |(at, (seed, arm)): (usize, &(u32, &ArmSpec))| Some((at, self.score(arm, *seed)?));
        let finished: BTreeMap<usize, RunScore> = runs.iter().enumerate().filter_map(earlier).collect();
        let done: Vec<usize> = finished.keys().copied().collect();
        done.iter().for_each(|at| clock.skip(self.config.tokens_of(runs[*at].1)));
        let finished = Mutex::new(finished);
        let battery = Battery::new(self.library, &self.setting, self.config.canaries, self.name_language);
        let results = workers.each(|_, lanes| {
            while let Some(at) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < runs.len()) {
                if failed.load(Ordering::Relaxed) {
                    break;
                }
                if done.contains(&at) {
                    continue;
                }
                let (seed, arm) = runs[at];
                let told = self.run_one((arm, seed), lanes, &battery, &metrics, &clock).and_then(|score| {
                    let mut finished = finished.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    finished.insert(at, score);
                    (self.on_run)(&finished.values().cloned().collect::<Vec<_>>())
                });
                failed.fetch_or(told.is_err(), Ordering::Relaxed);
                told?;
            }
            Ok(())
        });
        if results.len() < workers.len() {
            return Err(TrainError::Refused(
                "a training thread ended early; the message above says why".into(),
            ));
        }
        results.into_iter().collect::<Result<(), TrainError>>()?;
        let finished = finished.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(finished.into_values().collect())
    }

    /// What a finished run has left.
    fn score(&self, arm: &ArmSpec, seed: u32) -> Option<RunScore> {
        let json = std::fs::read(self.run_folder(arm, seed).join("score.json")).ok()?;
        serde_json::from_slice(&json).ok()
    }

    fn run_one(
        &self,
        (spec, seed): (&ArmSpec, u32),
        lanes: &[ThreadPool],
        battery: &Battery<'_>,
        metrics: &Mutex<File>,
        clock: &Clock,
    ) -> Result<RunScore, TrainError> {
        let folder = self.run_folder(spec, seed);
        std::fs::create_dir_all(&folder).map_err(TrainError::io(&folder))?;
        let canaries = battery.canaries(spec, seed);
        let (training, steps) = (self.config.training_of(spec), self.config.steps_of(spec));
        let setting = self.setting.of_arm(&training, steps);
        let stream = {
            let (length, n_tokens) = (self.config.model.sequence_length, setting.tokens_to_read());
            let stream = self.library.stream(spec, seed, n_tokens, length)?;
            canaries.plant(stream, training.tokens)
        };
        let done = AtomicUsize::new(0);
        let on_step = |step: usize, loss: f64, n_tokens: usize| {
            let before = done.swap(step, Ordering::Relaxed);
            // An earlier call took the steps that are missing here; those that count twice were taken back.
            clock.skip((step - 1).saturating_sub(before) * n_tokens);
            clock.add((before + 1).saturating_sub(step) * n_tokens);
            let (tokens_per_second, seconds_left) = clock.advance(n_tokens);
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
        let on_rewind = |rewind: &Rewind| {
            append_line(metrics, &RewindLine { arm: &spec.name, seed, rewind }, self.folder)
        };
        let which = Run { arm: &spec.name, seed, stream: &stream, folder: &folder };
        let (weights, cursor) = run(&setting, &which, lanes, &on_step, &on_metric, &on_rewind)?;
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
            metrics: battery.measure(&weights, (spec, seed), &stream, &canaries, &cursor),
            seconds: cursor.seconds,
            rewinds: cursor.rewinds,
        };
        write_json(&folder.join("score.json"), &score)?;
        let state = folder.join("state.safetensors");
        if state.exists() {
            std::fs::remove_file(&state).map_err(TrainError::io(&state))?;
        }
        Ok(score)
    }

    fn run_folder(&self, spec: &ArmSpec, seed: u32) -> PathBuf {
        run_folder(self.folder, &spec.name, seed)
    }

    /// `metrics.jsonl`, without the lines that runs will write again because they lie after their checkpoint.
    fn open_metrics(&self) -> Result<Mutex<File>, TrainError> {
        let path = self.folder.join("metrics.jsonl");
        let layout = layout(self.setting.model);
        // Where each run stands: times gone back, and steps.
        let mut places = Vec::new();
        for (seed, arm) in self.config.runs_of(0..self.config.most_seeds()) {
            let folder = self.run_folder(arm, seed);
            let file = folder.join("state.safetensors");
            let place = if folder.join("score.json").exists() {
                (usize::MAX, usize::MAX)
            } else {
                let state = State::load(&file, &layout, self.setting.device)?;
                state.map_or((0, 0), |state| (state.cursor.rewinds.len(), state.cursor.step))
            };
            places.push((arm.name.as_str(), seed, place));
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let keep = |line: &&str| {
            serde_json::from_str(line).is_ok_and(|line: Line| {
                let is_before = |place: (usize, usize)| match line.rewind {
                    Some(rewind) => rewind <= place.0,
                    None => (line.rewinds, line.step) <= place,
                };
                places
                    .iter()
                    .any(|&(arm, seed, place)| line.arm == arm && line.seed == seed && is_before(place))
            })
        };
        let kept: String = text.lines().filter(keep).flat_map(|line| [line, "\n"]).collect();
        write_atomically(&path, &[kept.as_bytes()])?;
        OpenOptions::new().append(true).open(&path).map(Mutex::new).map_err(TrainError::io(&path))
    }
}

fn append_line(file: &Mutex<File>, line: &impl Serialize, folder: &Path) -> Result<(), TrainError> {
    let mut line = serde_json::to_string(line).map_err(|e| TrainError::format(folder, e))?;
    line.push('\n');
    let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // On the disk before a checkpoint behind it can be.
    file.write_all(line.as_bytes()).and_then(|()| file.sync_data()).map_err(TrainError::io(folder))
}

/// Writes a value as JSON, all or nothing.
///
/// # Errors
/// When the system refuses.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), TrainError> {
    let mut json = serde_json::to_vec_pretty(value).map_err(|e| TrainError::format(path, e))?;
    json.push(b'\n');
    write_atomically(path, &[&json])
}
