//! Model sizes and training settings. One setting for all arms, always.

use serde::{Deserialize, Serialize};

/// What a cosine leaves of the learning rate.
const LOWEST: f64 = 0.1;

/// A named size of the whole experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// 0.36 M parameters, one seed pair of minutes: shows that everything works.
    Smoke,
    /// 0.73 M parameters: on web pages an effect of 0.047 to 0.057 bits per byte of kept text shows, after 16 minutes on two cores.
    Quick,
    /// Seconds, for tests: a checkpoint at every step.
    Tiny,
}

/// Shape of a Qwen3 model with tied embeddings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// Blocks.
    pub n_layers: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Query heads.
    pub n_heads: usize,
    /// Key and value heads; divides `n_heads`.
    pub n_kv_heads: usize,
    /// Width of a head, even.
    pub head_dim: usize,
    /// Inner width of the gated feed-forward layer.
    pub d_ff: usize,
    /// Token ids.
    pub vocabulary: usize,
    /// Tokens in a sequence.
    pub sequence_length: usize,
}

/// How the learning rate goes on after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Constant, then down to 0 as 1 − √x over the last steps (Hägele et al. 2024).
    #[default]
    Wsd,
    /// Half a cosine down to a tenth (Hoffmann et al. 2022).
    Cosine,
}

/// How a model of a preset is trained and scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingConfig {
    /// Trained-on tokens of a run, at most; a run takes whole batches.
    pub tokens: usize,
    /// Seeds per arm.
    pub seeds: u32,
    /// Sequences whose gradients are summed into one step.
    pub batch: usize,
    /// Sequences of a micro-batch; divides `batch`. Fixed, so that the sum's order does not depend on threads.
    pub micro_batch: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Share of the steps, and number of steps at most, that the learning rate rises over.
    pub warmup: (f64, usize),
    /// How the learning rate goes on then.
    #[serde(default)]
    pub schedule: Schedule,
    /// Share of the steps over which the learning rate of `wsd` falls.
    pub cooldown: f64,
    /// Decoupled weight decay; norms and the (tied) embedding have none.
    pub weight_decay: f64,
    /// Global norm that gradients are clipped to.
    pub clip: f64,
    /// Share of the steps, at the end, whose weights are averaged for the final score.
    pub averaged: f64,
    /// Points of the learning curve.
    pub evaluations: usize,
    /// Text of each held-out set scored at a point of the learning curve, bytes.
    pub curve_bytes: usize,
    /// Text of each held-out set scored at the end, bytes.
    pub final_bytes: usize,
    /// A held-out document is scored up to here, bytes.
    pub document_bytes: usize,
    /// Prompts continued by every arm.
    pub samples: usize,
    /// Seconds between checkpoints.
    pub checkpoint_seconds: u64,
}

impl Preset {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Preset::Smoke => "smoke",
            Preset::Quick => "quick",
            Preset::Tiny => "tiny",
        }
    }

    /// The model of this preset.
    pub fn model(self) -> ModelConfig {
        let (n_layers, d_model, d_ff) = match self {
            Preset::Smoke => (2, 64, 176),
            Preset::Quick => (3, 96, 256),
            Preset::Tiny => (1, 32, 32),
        };
        ModelConfig {
            n_layers,
            d_model,
            n_heads: d_model / 32,
            n_kv_heads: d_model / 32,
            head_dim: 32,
            d_ff,
            vocabulary: 4_096,
            sequence_length: 256,
        }
    }

    /// The settings of this preset, the same for every arm.
    pub fn training(self) -> TrainingConfig {
        let quick = TrainingConfig {
            tokens: 1_000_000,
            seeds: 8,
            batch: 8,
            micro_batch: 4,
            learning_rate: 3e-3,
            warmup: (0.05, 100),
            schedule: Schedule::Wsd,
            cooldown: 0.4,
            weight_decay: 0.1,
            clip: 1.0,
            averaged: 0.2,
            evaluations: 8,
            curve_bytes: 24_000,
            final_bytes: 300_000,
            document_bytes: 2_048,
            samples: 4,
            checkpoint_seconds: 30,
        };
        match self {
            Preset::Quick => quick,
            Preset::Smoke => TrainingConfig {
                tokens: 120_000,
                seeds: 2,
                batch: 4,
                evaluations: 4,
                curve_bytes: 10_000,
                final_bytes: 60_000,
                document_bytes: 1_024,
                ..quick
            },
            Preset::Tiny => TrainingConfig {
                tokens: 8_192,
                seeds: 2,
                batch: 2,
                micro_batch: 1,
                learning_rate: 1e-2,
                evaluations: 2,
                curve_bytes: 1_000,
                final_bytes: 6_000,
                document_bytes: 400,
                samples: 1,
                checkpoint_seconds: 0,
                ..quick
            },
        }
    }
}

impl TrainingConfig {
    /// The learning rate of step `step` of `steps`: a linear warm-up, then by the schedule.
    pub fn learning_rate_at(&self, step: usize, steps: usize) -> f64 {
        let warmup = ((steps as f64 * self.warmup.0) as usize).clamp(1, self.warmup.1.max(1));
        let cooldown = ((steps as f64 * self.cooldown) as usize).max(1);
        let cooldown_start = steps.saturating_sub(cooldown);
        let factor = if step < warmup {
            (step + 1) as f64 / warmup as f64
        } else if self.schedule == Schedule::Cosine {
            let along = (step - warmup) as f64 / (steps - warmup).max(1) as f64;
            LOWEST + (1.0 - LOWEST) * 0.5 * (1.0 + (std::f64::consts::PI * along).cos())
        } else if step < cooldown_start {
            1.0
        } else {
            1.0 - ((step - cooldown_start) as f64 / cooldown as f64).sqrt()
        };
        self.learning_rate * factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_rises_holds_and_falls() {
        let config = Preset::Quick.training();
        let rates: Vec<f64> = (0..1_000).map(|s| config.learning_rate_at(s, 1_000)).collect();
        assert!(rates[0] < rates[49] && rates[49] == config.learning_rate);
        assert!(rates[50..600].iter().all(|r| *r == config.learning_rate));
        assert!(rates[600..].windows(2).all(|w| w[1] < w[0]));
        assert!(rates[999] > 0.0 && rates[999] < 0.01 * config.learning_rate);
    }

    #[test]
    fn a_cosine_falls_to_a_tenth_by_half_a_wave() {
        let config = TrainingConfig { schedule: Schedule::Cosine, ..Preset::Quick.training() };
        let shares: Vec<f64> =
            (0..=1_000).map(|s| config.learning_rate_at(s, 1_000) / config.learning_rate).collect();
        assert!((shares[0] - 0.02).abs() < 1e-12 && (shares[49] - 1.0).abs() < 1e-12);
        assert!(shares[50..].windows(2).all(|w| w[1] < w[0]));
        assert!((shares[50] - 1.0).abs() < 1e-12 && (shares[525] - 0.55).abs() < 1e-12);
        assert!((shares[1_000] - 0.1).abs() < 1e-12);
    }
}
