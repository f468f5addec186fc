//! Short continuations of held-out prompts, side by side for every arm.

use crate::eval::{EvalSet, int_tensor};
use crate::head::next_token_probabilities;
use crate::model::{Positions, Weights, attention_mask, hidden};
use crate::presets::ModelConfig;
use crate::random::Random;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use tokens::Tokenizer;

/// Tokens of a prompt and of its continuation.
const PROMPT: usize = 24;
const CONTINUATION: usize = 64;
const TEMPERATURE: f64 = 0.8;
const SEED: u64 = 1;

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
    device: &Device,
) -> Vec<Sample> {
    let end_of_text = tokenizer.end_of_text();
    let long = set.documents.iter().filter(|d| d.ids.len() > PROMPT);
    let mut texts: Vec<Vec<u32>> = long.take(n).map(|d| d.ids[..=PROMPT].to_vec()).collect();
    if texts.is_empty() || config.sequence_length < PROMPT + 1 {
        return Vec::new();
    }
    let mut random = Random::new(SEED);
    for _ in 0..CONTINUATION.min(config.sequence_length - PROMPT - 1) {
        let length = texts[0].len();
        let ids = texts.concat();
        let mask = attention_mask(&ids, length, end_of_text, device);
        let positions = Positions::new(config, length, device);
        let states = hidden(config, weights, &positions, int_tensor(&ids, device), mask);
        let last: Vec<u32> = (1..=texts.len()).map(|i| (i * length - 1) as u32).collect();
        let probabilities =
            next_token_probabilities(&states.select(0, int_tensor(&last, device)), weights, TEMPERATURE);
        for (text, row) in texts.iter_mut().zip(probabilities.chunks_exact(config.vocabulary)) {
            // Drawn for finished texts too, so that one text's end does not change another.
            let drawn = draw(row, random.unit());
            let ended = text[1..].contains(&end_of_text);
            text.push(if ended { end_of_text } else { drawn });
        }
    }
    let decode = |ids: &[u32]| String::from_utf8_lossy(&tokenizer.decode_bytes(ids)).into_owned();
    let sample =
        |ids: &Vec<u32>| Sample { prompt: decode(&ids[..=PROMPT]), continuation: decode(&ids[PROMPT + 1..]) };
    texts.iter().map(sample).collect()
}

/// The first index at which the running sum passes `unit` in [0, 1).
fn draw(probabilities: &[f32], unit: f64) -> u32 {
    let mut sum = 0.0;
    let passed = probabilities.iter().position(|&p| {
        sum += f64::from(p);
        sum > unit
    });
    passed.unwrap_or(probabilities.len() - 1) as u32
}

#[cfg(test)]
mod tests {
    use super::draw;

    #[test]
    fn draws_follow_the_probabilities() {
        let probabilities = [0.25, 0.0, 0.5, 0.25];
        let drawn: Vec<u32> = [0.0, 0.2, 0.25, 0.7, 0.8, 0.999_999_9].map(|u| draw(&probabilities, u)).into();
        assert_eq!(drawn, [0, 0, 2, 2, 3, 3]);
    }
}
