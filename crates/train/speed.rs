//! The speed of training alone: steps on given ids, without files, scores or checkpoints.

use crate::arms::{ArmSpec, Library};
use crate::model::{Weights, layout};
use crate::optimizer::{AdamW, Update, global_norm};
use crate::presets::{ModelConfig, TrainingConfig};
use crate::statistics::mean;
use crate::training::{Arithmetic, Setting, gradient};
use crate::workers::Workers;
use crate::{Options, Preset, TrainError};
use burn::tensor::Device;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Tokens per second of one worker while all compute gradients of a model on the arm's text, for at least `wanted` each.
///
/// # Errors
/// When the arm has no text.
pub fn measure(
    (model, training): (&ModelConfig, &TrainingConfig),
    library: &Library<'_>,
    spec: &ArmSpec,
    workers: &Workers,
    device: &Device,
    wanted: Duration,
) -> Result<f64, TrainError> {
    let setting = Setting {
        model,
        training,
        steps: 1,
        end_of_text: library.tokenizer().end_of_text(),
        sets: &[],
        arithmetic: Arithmetic::new(model, device),
        device,
        stop: &AtomicBool::new(false),
    };
    let n_tokens = setting.tokens_per_step();
    let stream = library.stream(spec, 0, n_tokens + 1, model.sequence_length)?;
    let weights = Weights::initial(model, 0, device);
    let rates = workers.each(|_, lanes| {
        gradient(&setting, &weights, &stream.ids, lanes);
        let (started, mut n_batches) = (Instant::now(), 0);
        while n_batches == 0 || started.elapsed() < wanted {
            gradient(&setting, &weights, &stream.ids, lanes);
            n_batches += 1;
        }
        (n_batches * n_tokens) as f64 / started.elapsed().as_secs_f64()
    });
    Ok(mean(&rates))
}

/// Seconds of every step of `n_runs` runs at once, each on `n_threads` threads of this processor. The first batch of
/// `ids`, which are below 4,096, is trained on again and again; id 0 begins a document.
///
/// # Errors
/// When `ids` hold less than a batch and its last target, or threads cannot be started.
pub fn step_seconds(
    preset: Preset,
    n_runs: usize,
    n_threads: usize,
    n_steps: usize,
    ids: &[u32],
) -> Result<Vec<Vec<f64>>, TrainError> {
    let (model, training, device) = (preset.model(), preset.training(), Device::flex());
    let setting = Setting {
        model: &model,
        training: &training,
        steps: n_steps,
        end_of_text: 0,
        sets: &[],
        arithmetic: Arithmetic::new(&model, &device),
        device: &device,
        stop: &AtomicBool::new(false),
    };
    let ids = ids.get(..=setting.tokens_per_step()).ok_or_else(|| {
        TrainError::Refused(format!("a step reads {} ids and one more", setting.tokens_per_step()))
    })?;
    let options = Options { threads: n_runs * n_threads, seeds: Some(1), ..Options::new("") };
    let workers = Workers::new(&options, n_runs)?;
    Ok(workers.each(|run, lanes| {
        let layout = layout(&model);
        let mut weights = Weights::initial(&model, run as u64, &device);
        let mut optimizer = AdamW::new(&weights);
        let step = |number: usize| {
            let started = Instant::now();
            let (_, gradients) = gradient(&setting, &weights, ids, lanes);
            let scale = (training.clip / global_norm(&gradients)).min(1.0);
            let (learning_rate, weight_decay) = (training.learning_rate, training.weight_decay);
            let update = Update { number, learning_rate, weight_decay, scale };
            optimizer.update(&mut weights, &layout, gradients, &update);
            started.elapsed().as_secs_f64()
        };
        (1..=n_steps).map(step).collect()
    }))
}
