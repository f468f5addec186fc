//! Models of a ladder: their shapes, their training, the time that they take.

use crate::TrainError;
use crate::arms::{ArmSpec, Library};
use crate::model::layout;
use crate::presets::{ModelConfig, Preset, TrainingConfig};
use crate::speed::measure;
use crate::training::n_parameters;
use crate::workers::Workers;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Shares of the target's tokens that the ladder's models are trained on.
const HORIZONS: [usize; 3] = [8, 4, 2];
/// The learning rate by size (OLMo's law: 0.0047 at 108 M, as its cube root), by batch (its square root, at 64 Ki tokens).
const RATE: (f64, f64) = (0.0047, 108e6);
const RATE_BATCH: f64 = 65_536.0;
/// Sequences of a step. On few tokens more steps teach more: after 279 k tokens of web pages, two sequences of 256 instead of
/// four took 0.14 (smallest size) and 0.06 bits per byte (largest of the ladder) off. With twice and four times the law's
/// learning rate nothing was better.
const BATCH: usize = 2;
/// How long the speed of a shape is measured.
const MEASURED: Duration = Duration::from_millis(400);
/// Share of a budget that is planned for.
const PLANNED: f64 = 0.85;
/// Scoring a token costs this share of training on it; and a token of a small vocabulary is about this long.
const SCORING_COST: f64 = 0.4;
const BYTES_PER_TOKEN: f64 = 2.6;

/// How large a forecast is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Ladder of 0.11 to 0.73 M parameters, target of 1.3 M.
    Small,
    /// Seconds, for tests.
    Tiny,
}

impl Scale {
    /// Layers, width and heads, the smallest first; the last is the target's.
    fn shapes(self) -> [(usize, usize, usize); 5] {
        match self {
            Scale::Small => [(2, 24, 1), (2, 40, 2), (2, 64, 2), (3, 96, 3), (4, 128, 4)],
            Scale::Tiny => [(1, 8, 1), (1, 12, 1), (1, 16, 1), (1, 24, 1), (1, 32, 1)],
        }
    }

    fn sequence_length(self) -> usize {
        if self == Scale::Small { 256 } else { 64 }
    }

    /// Steps of the shortest model: fewer teach nothing.
    fn fewest_steps(self) -> usize {
        if self == Scale::Small { 150 } else { 10 }
    }

    /// Tokens of a target, at most.
    fn most_tokens(self) -> usize {
        if self == Scale::Small { 16_000_000 } else { 16_384 }
    }

    pub fn training(self) -> TrainingConfig {
        TrainingConfig {
            batch: BATCH,
            micro_batch: BATCH,
            evaluations: 1,
            curve_bytes: 1,
            final_bytes: if self == Scale::Small { 120_000 } else { 6_000 },
            samples: 0,
            ..Preset::Quick.training()
        }
    }

    fn tokens_per_step(self) -> usize {
        self.training().batch * self.sequence_length()
    }

    fn model(self, (n_layers, d_model, n_heads): (usize, usize, usize), vocabulary: usize) -> ModelConfig {
        ModelConfig {
            n_layers,
            d_model,
            n_heads,
            n_kv_heads: n_heads,
            head_dim: d_model / n_heads,
            d_ff: (8 * d_model / 3).next_multiple_of(8),
            vocabulary,
            sequence_length: self.sequence_length(),
        }
    }
}

/// One model of a number of tokens, trained with every seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub model: ModelConfig,
    pub training: TrainingConfig,
    pub steps: usize,
}

impl Cell {
    fn new(scale: Scale, shape: (usize, usize, usize), vocabulary: usize, tokens: usize) -> Self {
        let model = scale.model(shape, vocabulary);
        let steps = tokens / scale.tokens_per_step();
        let parameters = n_parameters(&layout(&model)) as f64;
        let (at, size) = RATE;
        let batch = (scale.tokens_per_step() as f64 / RATE_BATCH).sqrt();
        let training = TrainingConfig {
            tokens: steps * scale.tokens_per_step(),
            learning_rate: at * (parameters / size).powf(-1.0 / 3.0) * batch,
            ..scale.training()
        };
        Cell { model, training, steps }
    }

    /// Weights of the model.
    pub fn parameters(&self) -> usize {
        n_parameters(&layout(&self.model))
    }

    /// Six per parameter and token.
    pub fn flops(&self) -> f64 {
        6.0 * self.parameters() as f64 * self.training.tokens as f64
    }

    /// Names its folder: layers, width and tokens.
    pub fn name(&self) -> String {
        format!("{}x{}-{}", self.model.n_layers, self.model.d_model, self.training.tokens)
    }
}

/// The ladder for targets of `tokens` tokens: every size but the last, each at an eighth, a quarter and a half.
pub fn ladder(scale: Scale, vocabulary: usize, tokens: usize) -> Vec<Cell> {
    let shapes = scale.shapes();
    let sizes = shapes[..shapes.len() - 1].iter();
    sizes.flat_map(|shape| HORIZONS.map(|part| Cell::new(scale, *shape, vocabulary, tokens / part))).collect()
}

/// What is predicted: the largest size on all tokens; and two ways to spend the same FLOPs, fewer parameters on all
/// tokens, or the largest size on fewer.
pub fn targets(scale: Scale, vocabulary: usize, tokens: usize) -> [Cell; 3] {
    let [.., smaller, largest] = scale.shapes();
    let smaller = Cell::new(scale, smaller, vocabulary, tokens);
    let target = Cell::new(scale, largest, vocabulary, tokens);
    let share = smaller.parameters() as f64 / target.parameters() as f64;
    let shorter = Cell::new(scale, largest, vocabulary, (tokens as f64 * share) as usize);
    [target, smaller, shorter]
}

/// Tokens of the target: what the arm holds in so many epochs, or what the budget buys.
///
/// # Errors
/// When the arm or the budget are too small for the shortest model.
pub fn settle(
    scale: Scale,
    library: &Library<'_>,
    spec: &ArmSpec,
    (epochs, seeds, budget): (u32, u32, Duration),
    workers: &Workers,
    device: &Device,
) -> Result<usize, TrainError> {
    let vocabulary = library.tokenizer().vocab_size();
    let least = HORIZONS[0] * scale.fewest_steps() * scale.tokens_per_step();
    let most = scale.most_tokens();
    let unique = (0..seeds).map(|seed| library.unique_tokens(spec, seed, most.div_ceil(epochs as usize) + 1));
    let held = (unique.min().unwrap_or(0) * epochs as usize).saturating_sub(1).min(most);
    if held < least {
        return Err(TrainError::Refused(format!(
            "arm `{}` has {held} tokens in {epochs} epochs, a forecast takes {least}: clean more input, raise the \
             control sample, or allow repeats with --epochs",
            spec.name
        )));
    }
    let rates = rates(scale, library, spec, workers, device)?;
    // Seconds of all models per token of the target, and for their scores.
    let cells: Vec<Cell> =
        ladder(scale, vocabulary, most).into_iter().chain(targets(scale, vocabulary, most)).collect();
    let rate = |cell: &Cell| {
        let place = scale
            .shapes()
            .iter()
            .position(|shape| (shape.0, shape.1) == (cell.model.n_layers, cell.model.d_model));
        rates[place.unwrap_or(0)]
    };
    let per_token: f64 =
        cells.iter().map(|cell| cell.training.tokens as f64 / most as f64 / rate(cell)).sum();
    let scored = scale.training().final_bytes as f64 / BYTES_PER_TOKEN * SCORING_COST;
    let scoring: f64 = cells.iter().map(|cell| scored / rate(cell)).sum();
    let seconds = PLANNED * budget.as_secs_f64() * workers.len() as f64 / f64::from(seeds);
    let affordable = ((seconds - scoring).max(0.0) / per_token) as usize;
    if affordable < least {
        return Err(TrainError::Refused(format!(
            "--budget {:.0} s is too short: the shortest ladder takes {:.0} s here",
            budget.as_secs_f64(),
            (least as f64 * per_token + scoring) * f64::from(seeds) / workers.len() as f64 / PLANNED
        )));
    }
    // A target's steps are eight times those of the shortest model, to the step.
    let unit = HORIZONS[0] * scale.tokens_per_step();
    Ok(held.min(affordable) / unit * unit)
}

/// Tokens per second of one worker while all work, by shape.
fn rates(
    scale: Scale,
    library: &Library<'_>,
    spec: &ArmSpec,
    workers: &Workers,
    device: &Device,
) -> Result<Vec<f64>, TrainError> {
    let of_shape = |shape: (usize, usize, usize)| {
        let Cell { model, training, .. } =
            Cell::new(scale, shape, library.tokenizer().vocab_size(), scale.tokens_per_step());
        measure((&model, &training), library, spec, workers, device, MEASURED)
    };
    scale.shapes().into_iter().map(of_shape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ways_to_spend_the_same_are_the_same_to_a_step() {
        let ladder = ladder(Scale::Small, 4_096, 1 << 20);
        let sizes: Vec<usize> = ladder.iter().step_by(3).map(Cell::parameters).collect();
        assert_eq!(ladder.len(), 12);
        assert!(sizes.windows(2).all(|pair| pair[1] > pair[0] * 3 / 2), "{sizes:?}");
        let [target, smaller, shorter] = targets(Scale::Small, 4_096, 1 << 20);
        let a_step = 6.0 * target.parameters() as f64 * Scale::Small.tokens_per_step() as f64;
        assert!((smaller.flops() - shorter.flops()).abs() <= a_step);
        assert_eq!((target.parameters(), smaller.training.tokens), (shorter.parameters(), 1 << 20));
        // No model that is predicted is one of the ladder.
        assert!(ladder.iter().all(|cell| ![&target, &smaller, &shorter].contains(&cell)));
        assert!(ladder.iter().all(|cell| cell.training.learning_rate > target.training.learning_rate));
    }
}
