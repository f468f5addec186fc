//! The burn trainer: small Qwen3-style models on the arms of a control sample, scored in bits per byte.
//!
//! Reads `out/tokens`, `out/ledger` and `out/tokenizer.json`; writes `out/train/<config hash>/`.

mod ablate;
mod ablation;
mod arms;
mod attention;
mod checkpoint;
mod comparison;
mod data;
mod device;
mod eval;
mod export;
mod extension;
mod findings;
mod forecast;
mod gain;
mod head;
mod kernel;
mod lock;
mod metrics;
mod model;
mod models;
mod optimizer;
mod outcome;
mod own_text;
mod plan;
mod planned;
mod presets;
mod questions;
mod random;
mod render;
mod render_ablation;
mod runs;
mod samples;
mod selection;
mod session;
mod simd;
mod speed;
mod spikes;
mod statistics;
mod trained;
mod training;
mod workers;

#[cfg(test)]
mod ablation_tests;
#[cfg(test)]
mod experiment_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use ablate::ablate;
pub use ablation::{Ablation, By, Stage};
pub use arms::{Arm, ArmSpec, Stages};
pub use comparison::{Comparison, Verdict};
pub use device::DeviceKind;
pub use extension::{Extra, Pair};
pub use findings::{ArmFacts, Control, Findings};
pub use forecast::{
    Advice, CellScore, Forecast, ForecastOptions, Foretold, ForetoldModel, Law, Prediction, Scale, Scored,
    ScoredModel, forecast, newest_forecast, render_forecast,
};
pub use gain::{Reach, TokenGain, TokenPoint};
pub use metrics::{ArmMetric, Better, Found, Measure, Measures, MetricDifference, MetricScore, NameLanguage};
pub use models::{Model, Models};
pub use outcome::{ArmScore, Outcome, Rewound, Score, SetScore};
pub use planned::{Planned, PlannedArm, Speed};
pub use presets::{ModelConfig, Preset, Schedule, TrainingConfig};
pub use questions::Asks;
pub use render::render_text;
pub use render_ablation::{render_ablation, render_plan};
pub use samples::Sampling;
pub use session::{train, train_arms};
pub use speed::step_seconds;
pub use spikes::{DocumentName, Rewind, Why};

use std::path::PathBuf;
use std::time::Duration;

/// What a caller asks for.
#[derive(Clone, Debug)]
pub struct Options {
    /// A finished output folder of `corpus clean`.
    pub out: PathBuf,
    /// Model size, tokens, seeds and evaluation.
    pub preset: Preset,
    /// Wall time to fit into: speed is measured first, then tokens and seeds are chosen.
    pub budget: Option<Duration>,
    /// Where the arithmetic runs.
    pub device: DeviceKind,
    /// Seeds per arm; the preset's number if absent.
    pub seeds: Option<u32>,
    /// How the learning rate goes on after the warm-up.
    pub schedule: Schedule,
    /// Passes allowed over an arm's text; without it no token is seen twice.
    pub epochs: Option<u32>,
    /// Texts of the user's own to score as a third held-out set (`.txt`, `.md`, or JSONL with `text`).
    pub heldout: Option<PathBuf>,
    /// Plants made-up texts 1 to 64 times in what every arm reads, to see what models remember: up to 3 % of the tokens.
    pub canaries: bool,
    /// Names the language of what models write; without it that is not measured.
    pub name_language: Option<NameLanguage>,
    /// Threads to use, at least 1.
    pub threads: usize,
    /// Forget what an earlier, identical call left behind.
    pub fresh: bool,
}

impl Options {
    /// The defaults of `corpus train out/`, on one thread.
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Options {
            out: out.into(),
            preset: Preset::Quick,
            budget: None,
            device: DeviceKind::Cpu,
            seeds: None,
            schedule: Schedule::default(),
            epochs: None,
            heldout: None,
            canaries: false,
            name_language: None,
            threads: 1,
            fresh: false,
        }
    }
}

/// One step of one run, as told to the caller.
#[derive(Clone, Debug)]
pub struct Progress<'a> {
    /// Name of the arm.
    pub arm: &'a str,
    /// Seed of the run, from 0.
    pub seed: u32,
    /// Steps done of this run.
    pub step: usize,
    /// Steps of this run.
    pub steps: usize,
    /// Training loss of this step, nats per token.
    pub loss: f64,
    /// Tokens per second over all runs in flight.
    pub tokens_per_second: f64,
    /// Estimate for all runs together.
    pub seconds_left: f64,
}

/// Why training could not run or did not finish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A file could not be read or written.
    #[error(
        "{path}: {source}; check permissions and free space, the same command then goes on from the last checkpoint"
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is there but is not what `corpus clean` writes.
    #[error("{path}: {problem}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong and how to put it right.
        problem: String,
    },
    /// The request cannot be met; says why and what to do.
    #[error("{0}")]
    Refused(String),
    /// The stop flag was raised; every run in flight left a checkpoint, and the same call continues it.
    #[error("stopped at a checkpoint in {}; the same command continues from there", .0.display())]
    Stopped(PathBuf),
}

impl TrainError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> TrainError {
        let path = path.into();
        move |source| TrainError::Io { path, source }
    }

    pub(crate) fn format(path: impl Into<PathBuf>, problem: impl std::fmt::Display) -> TrainError {
        TrainError::Format { path: path.into(), problem: problem.to_string() }
    }
}
