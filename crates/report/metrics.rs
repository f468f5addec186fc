//! What models show beyond bits per byte, and what was predicted of a larger one, in the trainer's words.

use serde::{Deserialize, Serialize};

/// One metric of all arms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metric {
    /// `<family>.<which>`.
    pub name: String,
    /// What is measured, and in which unit; the same for a family.
    pub about: String,
    /// `higher`, `lower` or `neither`.
    pub better: String,
    /// The same number of held-out text, where it has one.
    pub heldout: Option<f64>,
    pub arms: Vec<MetricArm>,
    pub differences: Vec<MetricDifference>,
}

/// Mean over seeds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MetricArm {
    pub arm: String,
    pub value: f64,
    /// 95 %.
    pub interval: Option<(f64, f64)>,
}

/// `arm` minus `against`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MetricDifference {
    pub arm: String,
    pub against: String,
    pub difference: f64,
    /// 95 %.
    pub interval: Option<(f64, f64)>,
    /// `higher`, `lower` or `nothing`.
    pub found: String,
}

/// A law through small models, what it foretold, what came of it, what it advises.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Forecast {
    pub arm: String,
    /// What is scored.
    pub heldout: String,
    pub seeds: u64,
    pub ladder: Vec<LadderModel>,
    pub foretold: Foretold,
    pub scored: Scored,
    pub unique_tokens: f64,
    pub flops_per_second: f64,
    pub advice: Vec<Advice>,
}

/// A trained model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LadderModel {
    pub name: String,
    pub parameters: u64,
    pub tokens: u64,
    pub bits_per_byte: f64,
}

/// Written before the first step of what it foretells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Foretold {
    /// Seconds since 1970.
    pub written: u64,
    /// Deviation of ln L between seeds.
    pub noise: f64,
    /// Error about the ladder's largest size, and about its largest number of tokens, fitted without them.
    pub left_out_size: f64,
    pub left_out_tokens: f64,
    pub models: Vec<ForetoldModel>,
}

/// A prediction with its intervals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ForetoldModel {
    pub name: String,
    pub parameters: u64,
    pub tokens: u64,
    pub bits_per_byte: f64,
    pub interval_80: (f64, f64),
    pub interval_95: (f64, f64),
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scored {
    /// Seconds since 1970.
    pub first_step: u64,
    pub models: Vec<ScoredModel>,
    pub predicted_better: String,
    pub measured_better: String,
}

/// In the order of the prediction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScoredModel {
    pub bits_per_byte: f64,
    pub error_percent: f64,
    pub inside_95: bool,
}

/// What to train with a budget.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Advice {
    pub hours_here: f64,
    pub parameters: f64,
    pub parameters_between: (f64, f64),
    pub epochs: f64,
    pub bits_per_byte_between: (f64, f64),
    /// More than four times what was measured.
    pub is_far: bool,
}
