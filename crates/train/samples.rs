//! Text that a model writes: continuations of held-out prompts, side by side for every arm, and of any other prompt.

use crate::attention::Rotations;
use crate::eval::EvalSet;
use crate::kernel::{self, Pass};
use crate::model::Weights;
use crate::presets::ModelConfig;
use crate::random::Random;
use serde::{Deserialize, Serialize};
use tokens::Tokenizer;

/// Tokens of a held-out prompt and of its continuation.
const PROMPT: usize = 24;
const CONTINUATION: usize = 64;
const TEMPERATURE: f64 = 0.8;

/// How next tokens are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Sampling {
    /// Tokens to write, at most: the end of the text ends it.
    pub tokens: usize,
    /// Logits are divided by it; 0 takes the likeliest token every time.
    pub temperature: f64,
    /// Only so many of the likeliest tokens are drawn from.
    pub top_k: usize,
    /// Of these only the fewest likeliest that together reach this probability (Holtzman et al. 2020).
    pub top_p: f64,
    /// The same seed writes the same text.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling { tokens: CONTINUATION, temperature: TEMPERATURE, top_k: usize::MAX, top_p: 1.0, seed: 1 }
    }
}

/// One prompt and how an arm goes on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// Beginning of a held-out document.
    pub prompt: String,
    /// What the model adds at temperature 0.8, up to the end of text.
    pub continuation: String,
}

/// Continues the beginnings of the first `n` held-out documents that are long enough.
pub fn generate(
    config: &ModelConfig,
    weights: &Weights,
    tokenizer: &Tokenizer,
    set: &EvalSet,
    n: usize,
) -> Vec<Sample> {
    let values = kernel::values(weights);
    let decode = |ids: &[u32]| String::from_utf8_lossy(&tokenizer.decode_bytes(ids)).into_owned();
    let long = set.documents.iter().filter(|d| d.ids.len() > PROMPT);
    let sample = |(prompt, seed): (&[u32], u64)| Sample {
        prompt: decode(prompt),
        continuation: decode(&continuation(
            config,
            &values,
            tokenizer.end_of_text(),
            prompt,
            &Sampling { seed, ..Sampling::default() },
        )),
    };
    long.take(n).map(|d| &d.ids[..=PROMPT]).zip(1..).map(sample).collect()
}

/// Ids that a model puts behind `ids`, which begin with the end-of-text token. A model sees of a longer text what
/// it was trained on: its last `sequence_length` ids.
pub fn continuation(
    config: &ModelConfig,
    weights: &[Vec<f32>],
    end_of_text: u32,
    ids: &[u32],
    sampling: &Sampling,
) -> Vec<u32> {
    let mut text = ids.to_vec();
    let mut random = Random::new(sampling.seed);
    let rotations = Rotations::new(config, config.sequence_length);
    for _ in 0..sampling.tokens {
        let window = &text[text.len().saturating_sub(config.sequence_length)..];
        let pass = Pass::new(&rotations, window, &[], window.len(), end_of_text);
        let next = draw(&kernel::logits(config, weights, &pass, 1), sampling, random.unit());
        if next == end_of_text {
            break;
        }
        text.push(next);
    }
    text.split_off(ids.len())
}

/// The token at which the running sum of what may be drawn, likeliest first, passes `unit` in [0, 1).
fn draw(logits: &[f32], sampling: &Sampling, unit: f64) -> u32 {
    let mut ranked: Vec<(f32, u32)> = logits.iter().copied().zip(0..).collect();
    ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let n = if sampling.temperature == 0.0 { 1 } else { sampling.top_k.max(1) };
    ranked.truncate(n);
    let highest = ranked.first().map_or(0.0, |first| first.0);
    let masses: Vec<f64> = ranked
        .iter()
        .map(|(logit, _)| (f64::from(logit - highest) / sampling.temperature.max(f64::MIN_POSITIVE)).exp())
        .collect();
    let within = |limit: f64| {
        let mut sum = 0.0;
        let passed = masses.iter().position(|mass| {
            sum += mass;
            sum > limit
        });
        (passed.unwrap_or(masses.len().saturating_sub(1)), sum)
    };
    let total: f64 = masses.iter().sum();
    // The token that passes `top_p` is the last that may be drawn, and the sum up to it what is drawn from.
    let (_, allowed) = if sampling.top_p < 1.0 { within(sampling.top_p * total) } else { (0, total) };
    ranked.get(within(unit * allowed).0).map_or(0, |(_, id)| *id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::LN_2;

    const LOGITS: [f32; 4] = [-2.0 * LN_2, f32::NEG_INFINITY, -LN_2, -2.0 * LN_2];

    fn drawn(sampling: Sampling) -> Vec<u32> {
        [0.0, 0.2, 0.49, 0.51, 0.74, 0.76, 0.999_999_9].map(|unit| draw(&LOGITS, &sampling, unit)).into()
    }

    #[test]
    fn draws_follow_the_probabilities() {
        let plain = Sampling { temperature: 1.0, ..Sampling::default() };
        assert_eq!(drawn(plain), [2, 2, 2, 0, 0, 3, 3]);
        assert_eq!(drawn(Sampling { temperature: 0.0, ..plain }), [2; 7]);
        assert_eq!(drawn(Sampling { top_k: 1, ..plain }), [2; 7]);
        // Ties go to the smaller id: half of what is left of two is 2's by 2 : 1.
        assert_eq!(drawn(Sampling { top_k: 2, ..plain }), [2, 2, 2, 2, 0, 0, 0]);
        assert_eq!(drawn(Sampling { top_p: 0.6, ..plain }), [2, 2, 2, 2, 0, 0, 0]);
        assert_eq!(drawn(Sampling { top_p: 0.3, ..plain }), [2; 7]);
        // Colder: 16 to 1 and 1.
        assert_eq!(drawn(Sampling { temperature: 0.25, ..plain }), [2, 2, 2, 2, 2, 2, 3]);
    }
}
