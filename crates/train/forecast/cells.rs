//! Trains the models of a forecast, as many at once as there are workers; what is finished is not trained again.

use crate::arms::{ArmSpec, Library};
use crate::eval::{BATCH, EvalSet, bits_per_byte, document_nats};
use crate::forecast::ladder::Cell;
use crate::runs::write_json;
use crate::statistics::mean;
use crate::training::{Arithmetic, Run, Setting, run};
use crate::workers::{Clock, Workers};
use crate::{Progress, TrainError};
use burn::tensor::Device;
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// FLOPs that the clock counts as one: small enough for the shortest step.
const UNIT: f64 = 1e6;

/// What all models of a forecast have in common.
pub struct Common<'a> {
    pub library: &'a Library<'a>,
    pub spec: &'a ArmSpec,
    pub set: &'a EvalSet,
    pub seeds: u32,
    /// Holds a folder per model and seed.
    pub folder: &'a Path,
    pub device: &'a Device,
    pub stop: &'a AtomicBool,
    pub progress: &'a (dyn Fn(Progress<'_>) + Sync),
    /// FLOPs of all models, ladder and targets, in units.
    pub clock: &'a Clock,
}

/// A trained model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellScore {
    /// Layers, width and tokens.
    pub name: String,
    /// All weights.
    pub parameters: usize,
    /// Trained-on tokens.
    pub tokens: usize,
    /// Six per parameter and token.
    pub flops: f64,
    /// Mean over seeds.
    pub bits_per_byte: f64,
    /// One per seed.
    pub by_seed: Vec<f64>,
    /// Of training, mean over seeds.
    pub seconds: f64,
}

/// What a finished run leaves.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct RunResult {
    bits_per_byte: f64,
    seconds: f64,
}

/// Units of the clock that models take with all seeds.
pub fn units(cells: &[Cell], seeds: u32) -> usize {
    cells.iter().map(|cell| units_of(cell) * seeds as usize).sum()
}

fn units_of(cell: &Cell) -> usize {
    units_per_step(cell) * cell.steps
}

fn units_per_step(cell: &Cell) -> usize {
    ((cell.flops() / cell.steps.max(1) as f64 / UNIT) as usize).max(1)
}

impl Common<'_> {
    /// Trains every model with every seed, the most expensive first; `on_first_step` is told once, before the first
    /// step that this call takes counts.
    ///
    /// # Errors
    /// As those of a run.
    pub fn train(
        &self,
        cells: &[Cell],
        workers: &Workers,
        on_first_step: &(dyn Fn() -> Result<(), TrainError> + Sync),
    ) -> Result<Vec<CellScore>, TrainError> {
        let mut jobs: Vec<(usize, u32)> =
            (0..cells.len()).flat_map(|cell| (0..self.seeds).map(move |seed| (cell, seed))).collect();
        jobs.sort_by(|a, b| cells[b.0].flops().total_cmp(&cells[a.0].flops()).then(a.cmp(b)));
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let results = workers.each(|_, lanes| {
            let mut done = Vec::new();
            while let Some(&(cell, seed)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                if failed.load(Ordering::Relaxed) {
                    break;
                }
                let result = self.run_one(&cells[cell], seed, lanes, on_first_step);
                failed.fetch_or(result.is_err(), Ordering::Relaxed);
                done.push(((cell, seed), result?));
            }
            Ok(done)
        });
        if results.len() < workers.len() {
            return Err(TrainError::Refused(
                "a training thread ended early; the message above says why".into(),
            ));
        }
        let mut done = results.into_iter().collect::<Result<Vec<_>, TrainError>>()?.concat();
        done.sort_by_key(|(job, _)| *job);
        let score = |(i, cell): (usize, &Cell)| {
            let of_cell = || done.iter().filter(|((of, _), _)| *of == i).map(|(_, result)| *result);
            let by_seed: Vec<f64> = of_cell().map(|result| result.bits_per_byte).collect();
            CellScore {
                name: cell.name(),
                parameters: cell.parameters(),
                tokens: cell.training.tokens,
                flops: cell.flops(),
                bits_per_byte: mean(&by_seed),
                seconds: mean(&of_cell().map(|result| result.seconds).collect::<Vec<_>>()),
                by_seed,
            }
        };
        Ok(cells.iter().enumerate().map(score).collect())
    }

    fn run_one(
        &self,
        cell: &Cell,
        seed: u32,
        lanes: &[ThreadPool],
        on_first_step: &(dyn Fn() -> Result<(), TrainError> + Sync),
    ) -> Result<RunResult, TrainError> {
        let (name, per_step) = (cell.name(), units_per_step(cell));
        let folder = self.folder.join(format!("{name}-{seed}"));
        let path = folder.join("score.json");
        if let Some(result) = std::fs::read(&path).ok().and_then(|json| serde_json::from_slice(&json).ok()) {
            self.clock.skip(units_of(cell));
            return Ok(result);
        }
        on_first_step()?;
        std::fs::create_dir_all(&folder).map_err(TrainError::io(&folder))?;
        let sets = std::slice::from_ref(self.set);
        let setting = Setting {
            model: &cell.model,
            training: &cell.training,
            steps: cell.steps,
            end_of_text: self.library.tokenizer().end_of_text(),
            sets,
            arithmetic: Arithmetic::new(&cell.model, self.device),
            device: self.device,
            stop: self.stop,
        };
        let length = cell.model.sequence_length;
        let stream = self.library.stream(self.spec, seed, setting.tokens_to_read(), length)?;
        let done = AtomicUsize::new(0);
        let on_step = |step: usize, loss: f64, _: usize| {
            let before = done.swap(step, Ordering::Relaxed);
            self.clock.skip((step - 1).saturating_sub(before) * per_step);
            self.clock.add((before + 1).saturating_sub(step) * per_step);
            let (units_per_second, seconds_left) = self.clock.advance(per_step);
            let tokens_per_second = units_per_second * UNIT / 6.0 / cell.parameters() as f64;
            let (arm, steps) = (name.as_str(), cell.steps);
            (self.progress)(Progress { arm, seed, step, steps, loss, tokens_per_second, seconds_left });
        };
        let which = Run { arm: &name, seed, stream: &stream, folder: &folder };
        let (weights, cursor) = run(&setting, &which, lanes, &on_step, &|_| Ok(()), &|_| Ok(()))?;
        let documents = &self.set.documents;
        let nats = document_nats(&cell.model, &weights, documents, setting.end_of_text, BATCH, self.device);
        let bits_per_byte = bits_per_byte(&nats, documents.iter().map(|document| document.bytes));
        let result = RunResult { bits_per_byte, seconds: cursor.seconds };
        write_json(&path, &result)?;
        let state = folder.join("state.safetensors");
        if state.exists() {
            std::fs::remove_file(&state).map_err(TrainError::io(&state))?;
        }
        Ok(result)
    }
}
