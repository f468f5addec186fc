//! Many texts at once, drawn token by token at temperature 1: keys and values of earlier tokens are kept.

use crate::kernel::{add_linear, linear, norm};
use crate::model::{PER_LAYER, angles};
use crate::presets::ModelConfig;
use crate::random::Random;
use crate::simd::{dot, exp, softmax};

/// Draws `n` documents from the model, of at most `length` tokens up to the sequence length; the end of the text ends
/// one and is not part of it.
pub fn write(
    config: &ModelConfig,
    weights: &[Vec<f32>],
    end_of_text: u32,
    (n, length): (usize, usize),
    seed: u64,
) -> Vec<Vec<u32>> {
    let length = length.min(config.sequence_length);
    let mut randoms: Vec<Random> = (0..n as u64).map(|i| Random::new(seed ^ (i << 32))).collect();
    let mut texts: Vec<Vec<u32>> = vec![Vec::new(); n];
    let mut is_open = vec![true; n];
    let mut last = vec![end_of_text; n];
    let mut memory = Memory::new(config, n, length);
    for position in 0..length {
        let mut logits = memory.step(config, weights, &last, position);
        for (row, logits) in logits.chunks_exact_mut(config.vocabulary).enumerate() {
            softmax(logits);
            let unit = randoms[row].unit() as f32;
            let mut sum = 0.0;
            let drawn = logits.iter().position(|p| {
                sum += p;
                sum > unit
            });
            // What rounding leaves of 1 is nobody's.
            last[row] = drawn.map_or(end_of_text, |id| id as u32);
            is_open[row] &= last[row] != end_of_text;
            if is_open[row] {
                texts[row].push(last[row]);
            }
        }
    }
    texts
}

/// Keys and values of all earlier tokens: `[n, length, heads × head_dim]` in every block.
pub struct Memory {
    n: usize,
    length: usize,
    angles: Vec<f64>,
    blocks: Vec<[Vec<f32>; 2]>,
}

impl Memory {
    pub fn new(config: &ModelConfig, n: usize, length: usize) -> Self {
        let zeros = || vec![0.0; n * length * config.n_kv_heads * config.head_dim];
        let blocks = (0..config.n_layers).map(|_| [zeros(), zeros()]).collect();
        Memory { n, length, angles: angles(config, length), blocks }
    }

    /// Logits of the next tokens after `ids`, one per text, which stand at `position`.
    pub fn step(
        &mut self,
        config: &ModelConfig,
        weights: &[Vec<f32>],
        ids: &[u32],
        position: usize,
    ) -> Vec<f32> {
        let (d, head) = (config.d_model, config.head_dim);
        let (queries, keys) = (config.n_heads * head, config.n_kv_heads * head);
        let groups = config.n_heads / config.n_kv_heads;
        let row = |&id: &u32| &weights[0][id as usize * d..][..d];
        let mut x: Vec<f32> = ids.iter().flat_map(row).copied().collect();
        let mut h = vec![0.0; x.len()];
        for (weights, [kept_keys, kept_values]) in weights[1..].chunks_exact(PER_LAYER).zip(&mut self.blocks)
        {
            let [w_norm, q, k, v, q_norm, k_norm, o, ff_norm, gate, up, down] = weights else { break };
            norm(&x, w_norm, &mut h);
            let turned = |projected: Vec<f32>, weight: &[f32]| {
                let mut out = vec![0.0; projected.len()];
                norm(&projected, weight, &mut out);
                turn(&mut out, &self.angles[position * head / 2..][..head / 2]);
                out
            };
            let query = turned(linear(&h, q, d), q_norm);
            let (key, value) = (turned(linear(&h, k, d), k_norm), linear(&h, v, d));
            let mut seen = vec![0.0; self.n * queries];
            for text in 0..self.n {
                let at = (text * self.length + position) * keys;
                kept_keys[at..at + keys].copy_from_slice(&key[text * keys..][..keys]);
                kept_values[at..at + keys].copy_from_slice(&value[text * keys..][..keys]);
                for of in 0..config.n_heads {
                    let query = &query[text * queries + of * head..][..head];
                    let place = |token: usize| (text * self.length + token) * keys + of / groups * head;
                    let score =
                        |token: usize| dot(query, &kept_keys[place(token)..][..head]) / (head as f32).sqrt();
                    let mut shares: Vec<f32> = (0..=position).map(score).collect();
                    softmax(&mut shares);
                    let seen = &mut seen[text * queries + of * head..][..head];
                    for (token, share) in shares.iter().enumerate() {
                        let value = &kept_values[place(token)..][..head];
                        seen.iter_mut().zip(value).for_each(|(seen, value)| *seen += share * value);
                    }
                }
            }
            add_linear(&mut x, &seen, o, d);
            norm(&x, ff_norm, &mut h);
            let mut inner = linear(&h, gate, d);
            let up = linear(&h, up, d);
            inner.iter_mut().zip(&up).for_each(|(gate, up)| *gate *= up / (1.0 + exp(-*gate)));
            add_linear(&mut x, &inner, down, d);
        }
        norm(&x, &weights[weights.len() - 1], &mut h);
        linear(&h, &weights[0], d)
    }
}

/// Rotates the pairs (i, i + half) of every head by the same angles.
fn turn(x: &mut [f32], angles: &[f64]) {
    let half = angles.len();
    for head in x.chunks_exact_mut(2 * half) {
        let (first, second) = head.split_at_mut(half);
        for ((first, second), angle) in first.iter_mut().zip(second).zip(angles) {
            let (sine, cosine) = (angle.sin() as f32, angle.cos() as f32);
            (*first, *second) = (*first * cosine - *second * sine, *second * cosine + *first * sine);
        }
    }
}
