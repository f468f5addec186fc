//! One run: one arm, one seed, from the first step (or a checkpoint) to the averaged weights.

use crate::TrainError;
use crate::arms::Stream;
use crate::attention::Rotations;
use crate::checkpoint::{Cursor, State, save_model};
use crate::eval::{EvalSet, bits_per_byte, document_nats, int_tensor};
use crate::head::loss_and_gradient;
use crate::kernel::{self, Pass};
use crate::model::{Positions, Weight, Weights, attention_mask, hidden, layout};
use crate::optimizer::{AdamW, Update, global_norm};
use crate::presets::{ModelConfig, TrainingConfig};
use crate::spikes::{AHEAD, DocumentName, MOST_REWINDS, MOST_SKIPPED, Rewind, Why};
use burn::tensor::{Device, Tensor, TensorData};
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What all runs share.
pub struct Setting<'a> {
    pub model: &'a ModelConfig,
    pub training: &'a TrainingConfig,
    pub steps: usize,
    pub end_of_text: u32,
    pub sets: &'a [EvalSet],
    pub arithmetic: Arithmetic,
    pub device: &'a Device,
    pub stop: &'a AtomicBool,
}

impl Setting<'_> {
    pub fn tokens_per_step(&self) -> usize {
        self.training.batch * self.model.sequence_length
    }

    /// The same for the runs of an arm with its own settings.
    pub fn of_arm<'b>(&'b self, training: &'b TrainingConfig, steps: usize) -> Setting<'b> {
        let Setting { model, end_of_text, sets, device, stop, .. } = *self;
        let arithmetic = Arithmetic::new(model, device);
        Setting { model, training, steps, end_of_text, sets, arithmetic, device, stop }
    }

    /// Ids that a run's stream holds: its batches, those that it may leave out, and the last target.
    pub fn tokens_to_read(&self) -> usize {
        (self.steps + MOST_SKIPPED) * self.tokens_per_step() + 1
    }
}

/// What computes losses and gradients, with what it needs to know of positions.
pub enum Arithmetic {
    /// The kernel, on a processor.
    Kernel(Rotations),
    /// burn's operations, on any other device.
    Burn(Box<Positions>),
}

impl Arithmetic {
    pub fn new(model: &ModelConfig, device: &Device) -> Self {
        let length = model.sequence_length;
        if *device == Device::flex() {
            Arithmetic::Kernel(Rotations::new(model, length))
        } else {
            Arithmetic::Burn(Box::new(Positions::new(model, length, device)))
        }
    }
}

/// One run: what it is called, what it reads, and where its checkpoints go.
pub struct Run<'a> {
    pub arm: &'a str,
    pub seed: u32,
    /// `Setting::tokens_to_read` ids.
    pub stream: &'a Stream,
    pub folder: &'a Path,
}

/// A point of a learning curve: one line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    pub arm: String,
    pub seed: u32,
    pub step: usize,
    /// Trained-on tokens so far.
    pub tokens: usize,
    /// Mean training loss since the point before, nats per token.
    pub loss: f64,
    pub lr: f64,
    /// Bits per byte of each held-out set, as `bpb_heldout_<set>`.
    #[serde(flatten)]
    pub bits_per_byte: serde_json::Map<String, serde_json::Value>,
    /// Seconds of training of this run so far.
    pub seconds: f64,
    /// Times that the run had gone back before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rewinds: usize,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// Told after every step: steps done, loss in nats per token, tokens of the step.
pub type OnStep<'a> = &'a (dyn Fn(usize, f64, usize) + Sync);
/// Told at every point of the learning curve.
pub type OnMetric<'a> = &'a (dyn Fn(Metric) -> Result<(), TrainError> + Sync);

/// Told when the run goes back.
pub type OnRewind<'a> = &'a (dyn Fn(&Rewind) -> Result<(), TrainError> + Sync);

/// Trains one run and returns the weights averaged over the last steps, with where it ended. Micro-batches are
/// spread over `lanes` and summed in their own order.
///
/// # Errors
/// When a file cannot be written, the run would go back too often, or `TrainError::Stopped` after the stop flag led
/// to a checkpoint.
pub fn run(
    setting: &Setting<'_>,
    which: &Run<'_>,
    lanes: &[ThreadPool],
    on_step: OnStep<'_>,
    on_metric: OnMetric<'_>,
    on_rewind: OnRewind<'_>,
) -> Result<(Weights, Cursor), TrainError> {
    let layout = layout(setting.model);
    let file = which.folder.join("state.safetensors");
    let mut state = match State::load(&file, &layout, setting.device)? {
        Some(state) => state,
        None => fresh_state(setting, which.seed),
    };
    let per_step = setting.tokens_per_step();
    let first_averaged = setting.steps - ((setting.steps as f64 * setting.training.averaged) as usize).max(1);
    let seconds_before = state.cursor.seconds;
    let started = Instant::now();
    let mut saved = Instant::now();
    while state.cursor.step < setting.steps {
        state.cursor.seconds = seconds_before + started.elapsed().as_secs_f64();
        state.remember();
        let stopping = setting.stop.load(Ordering::Relaxed);
        if stopping || saved.elapsed().as_secs() >= setting.training.checkpoint_seconds {
            state.save(&file, &layout)?;
            saved = Instant::now();
        }
        if stopping {
            return Err(TrainError::Stopped(which.folder.to_path_buf()));
        }
        let step = state.cursor.step;
        let at = state.cursor.batch * per_step;
        let ids = &which.stream.ids[at..=at + per_step];
        let (loss, gradients) = gradient(setting, &state.weights, ids, lanes);
        let norm = global_norm(&gradients);
        if let Some((why, n_batches)) = state.cursor.watch.look(loss, norm) {
            let rewind = rewind(&state, which, per_step, (why, n_batches), (loss, norm));
            if rewind.rewind > MOST_REWINDS {
                return Err(unstable(which, &rewind));
            }
            on_rewind(&rewind)?;
            state.go_back(rewind);
            continue;
        }
        let rate = setting.training.learning_rate_at(step, setting.steps);
        let update = Update {
            number: step + 1,
            learning_rate: rate,
            weight_decay: setting.training.weight_decay,
            scale: (setting.training.clip / norm).min(1.0),
        };
        state.optimizer.update(&mut state.weights, &layout, gradients, &update);
        if step >= first_averaged {
            add(&mut state.average, &state.weights);
            state.cursor.averaged += 1;
        }
        let cursor = &mut state.cursor;
        cursor.step += 1;
        cursor.batch += 1;
        cursor.loss_sum += loss;
        cursor.loss_count += 1;
        cursor.norms.push(norm as f32);
        on_step(cursor.step, loss, per_step);
        if is_point(cursor.step, setting) {
            let loss = std::mem::take(&mut cursor.loss_sum) / std::mem::take(&mut cursor.loss_count) as f64;
            let (step, rewinds) = (cursor.step, cursor.rewinds.len());
            let weights = if step == setting.steps { average(&state) } else { state.weights.clone() };
            let seconds = seconds_before + started.elapsed().as_secs_f64();
            on_metric(Metric {
                arm: which.arm.to_owned(),
                seed: which.seed,
                step,
                tokens: step * per_step,
                loss,
                lr: rate,
                bits_per_byte: curve_point(setting, &weights),
                seconds,
                rewinds,
            })?;
        }
    }
    let weights = average(&state);
    save_model(&which.folder.join("model.safetensors"), &layout, &weights)?;
    state.cursor.seconds = seconds_before + started.elapsed().as_secs_f64();
    Ok((weights, state.cursor))
}

/// What is told of a run that goes back from the step at hand.
fn rewind(
    state: &State,
    which: &Run<'_>,
    per_step: usize,
    (why, n_batches): (Why, usize),
    (loss, norm): (f64, f64),
) -> Rewind {
    let Cursor { batch, step, rewinds, .. } = &state.cursor;
    let (to_step, to_batch) =
        state.before.first().map_or((0, 0), |older| (older.cursor.step, older.cursor.batch));
    let end = batch + 1;
    Rewind {
        rewind: rewinds.len() + 1,
        step: step + 1,
        to_step,
        to_tokens: to_step * per_step,
        why,
        loss: Some(loss).filter(|loss| loss.is_finite()),
        gradient_norm: Some(norm).filter(|norm| norm.is_finite()),
        batches: end + AHEAD - to_batch,
        documents: which.stream.documents(end.saturating_sub(n_batches) * per_step..end * per_step),
    }
}

/// A run that would go back once too often.
fn unstable(which: &Run<'_>, rewind: &Rewind) -> TrainError {
    let Run { arm, seed, .. } = which;
    let name = |document: &DocumentName| format!("`{}`", document.id);
    let named: Vec<String> = rewind.documents.iter().take(3).map(name).collect();
    TrainError::Refused(format!(
        "arm `{arm}`, seed {seed}: {} at step {}, after the run had gone back {MOST_REWINDS} times. It read {} documents \
         there ({}, …); metrics.jsonl names those of the times before. Look at them with `corpus inspect out/ --id ID`, \
         drop what they have in common by the recipe or `corpus apply --remove`, and train again",
        rewind.why.words(),
        rewind.step,
        rewind.documents.len(),
        named.join(", ")
    ))
}

fn fresh_state(setting: &Setting<'_>, seed: u32) -> State {
    let weights = Weights::initial(setting.model, u64::from(seed), setting.device);
    let average = Weights(weights.0.iter().map(Tensor::zeros_like).collect());
    State { cursor: Cursor::default(), optimizer: AdamW::new(&weights), weights, average, before: Vec::new() }
}

fn add(sum: &mut Weights, weights: &Weights) {
    for (sum, weight) in sum.0.iter_mut().zip(&weights.0) {
        *sum = sum.clone() + weight.clone();
    }
}

fn average(state: &State) -> Weights {
    let n = state.cursor.averaged.max(1) as f64;
    Weights(state.average.0.iter().map(|sum| sum.clone() / n).collect())
}

/// Points of the learning curve are spread evenly over the steps; the last step is one.
fn is_point(step: usize, setting: &Setting<'_>) -> bool {
    let point = |step: usize| step * setting.training.evaluations / setting.steps;
    point(step) > point(step - 1)
}

fn curve_point(setting: &Setting<'_>, weights: &Weights) -> serde_json::Map<String, serde_json::Value> {
    let score = |set: &EvalSet| {
        let documents = &set.documents[..set.n_curve];
        let nats = document_nats(
            setting.model,
            weights,
            documents,
            setting.end_of_text,
            crate::eval::BATCH,
            setting.device,
        );
        (format!("bpb_heldout_{}", set.name), bits_per_byte(&nats, documents.iter().map(|d| d.bytes)).into())
    };
    setting.sets.iter().map(score).collect()
}

/// Mean loss in nats per token and mean gradient of one batch; `ids` are its inputs and one more.
pub fn gradient(
    setting: &Setting<'_>,
    weights: &Weights,
    ids: &[u32],
    lanes: &[ThreadPool],
) -> (f64, Vec<Tensor<2>>) {
    let n_targets = ids.len() - 1;
    let size = setting.training.micro_batch * setting.model.sequence_length;
    let n_parts = n_targets / size;
    let scale = 1.0 / n_targets as f64;
    let part = |i: usize| &ids[i * size..=(i + 1) * size];
    match &setting.arithmetic {
        Arithmetic::Kernel(rotations) => {
            let values = kernel::values(weights);
            let fused = |i: usize| fused_micro_gradient(setting, rotations, &values, part(i));
            let (nats, gradients) = sum(spread(lanes, n_parts, &fused), |a, b| {
                a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            });
            let tensor = |(mut gradient, weight): (Vec<f32>, &Tensor<2>)| {
                gradient.iter_mut().for_each(|g| *g *= scale as f32);
                Tensor::from_data(TensorData::new(gradient, weight.dims()), setting.device)
            };
            (nats * scale, gradients.into_iter().zip(&weights.0).map(tensor).collect())
        }
        Arithmetic::Burn(positions) => {
            let by_burn = |i: usize| micro_gradient(setting, weights, positions, part(i));
            let (nats, gradients) = sum(spread(lanes, n_parts, &by_burn), |a, b| *a = a.clone() + b);
            (nats * scale, gradients.into_iter().map(|g| g * scale).collect())
        }
    }
}

/// Nats and gradients of micro-batches together, added in their order.
fn sum<T>(parts: Vec<(f64, Vec<T>)>, add: impl Fn(&mut T, T)) -> (f64, Vec<T>) {
    let all = parts.into_iter().reduce(|(nats, mut sums), (more, gradients)| {
        sums.iter_mut().zip(gradients).for_each(|(sum, gradient)| add(sum, gradient));
        (nats + more, sums)
    });
    all.unwrap_or_default()
}

/// `part(0), part(1), …, part(n − 1)`, computed by as many threads as there are lanes.
fn spread<T: Send>(lanes: &[ThreadPool], n: usize, part: &(dyn Fn(usize) -> T + Sync)) -> Vec<T> {
    let mut done: Vec<Option<T>> = (0..n).map(|_| None).collect();
    let n_lanes = lanes.len().min(n);
    if n_lanes <= 1 {
        return (0..n).map(part).collect();
    }
    let mut shares: Vec<Vec<(usize, &mut Option<T>)>> = (0..n_lanes).map(|_| Vec::new()).collect();
    for (i, slot) in done.iter_mut().enumerate() {
        shares[i % n_lanes].push((i, slot));
    }
    std::thread::scope(|scope| {
        for (lane, share) in lanes.iter().zip(shares) {
            scope.spawn(move || {
                lane.install(|| share.into_iter().for_each(|(i, slot)| *slot = Some(part(i))))
            });
        }
    });
    done.into_iter().flatten().collect()
}

/// `micro_gradient` on the processor.
fn fused_micro_gradient(
    setting: &Setting<'_>,
    rotations: &Rotations,
    weights: &[Vec<f32>],
    ids: &[u32],
) -> (f64, Vec<Vec<f32>>) {
    let (inputs, targets) = (&ids[..ids.len() - 1], &ids[1..]);
    let length = setting.model.sequence_length;
    let pass = Pass::new(rotations, inputs, targets, length, setting.end_of_text);
    let (losses, gradients) = kernel::gradient(setting.model, weights, &pass);
    (losses.iter().map(|&loss| f64::from(loss)).sum(), gradients)
}

/// Summed nats of a micro-batch and their gradient, by burn's operations.
pub fn micro_gradient(
    setting: &Setting<'_>,
    weights: &Weights,
    positions: &Positions,
    ids: &[u32],
) -> (f64, Vec<Tensor<2>>) {
    let (inputs, targets) = (&ids[..ids.len() - 1], &ids[1..]);
    let length = setting.model.sequence_length;
    let mask = attention_mask(inputs, length, setting.end_of_text, setting.device);
    let leaves = weights.tracked();
    let states = hidden(setting.model, &leaves, positions, int_tensor(inputs, setting.device), mask);
    let head =
        loss_and_gradient(&states.clone().inner(), weights.embedding(), &int_tensor(targets, setting.device));
    // The graph ends at the hidden states: ∂(Σ states · g)/∂states = g.
    let mut gradients = (states * head.hidden.autodiff()).sum().backward();
    let collected = leaves.0.iter().zip(&weights.0).enumerate().map(|(i, (leaf, weight))| {
        let gradient = leaf.grad_remove(&mut gradients).unwrap_or_else(|| weight.zeros_like());
        if i == 0 { gradient + head.embedding.clone() } else { gradient }
    });
    let collected = collected.collect();
    (f64::from(head.nats.into_scalar::<f32>()), collected)
}

/// Number of weights of a model.
pub fn n_parameters(layout: &[Weight]) -> usize {
    layout.iter().map(|w| w.rows * w.columns).sum()
}
