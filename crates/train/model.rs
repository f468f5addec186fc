//! Qwen3's architecture on plain tensors: RoPE, RMSNorm, QK-norm per head, SwiGLU, tied embeddings.
//!
//! Weights are named and laid out (`[out, in]`) as in `transformers`, so that a saved model loads there.

use crate::arms::PIECE_START;
use crate::presets::ModelConfig;
use crate::random::Random;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};

/// Base of the rotary frequencies; short sequences need no more.
pub const ROPE_THETA: f64 = 10_000.0;
/// Added to mean squares before the root.
pub const NORM_EPSILON: f64 = 1e-6;
/// Qwen3's initializer range.
pub const INITIAL_DEVIATION: f64 = 0.02;
/// Added to scores that must not be seen: e^-80 is lost in a sum with 1 in f32, while scores further down would send
/// `exp` through its slow path for underflow. QK-norm keeps true scores within a few units of 0.
const MASKED: f32 = -80.0;
/// Weights per block, in the order of `layout`.
pub const PER_LAYER: usize = 11;

/// A weight's name and shape. Norms are held as `[1, n]` and saved as `[n]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    pub name: String,
    pub rows: usize,
    pub columns: usize,
    pub is_norm: bool,
}

impl Weight {
    /// The shape in files.
    pub fn shape(&self) -> Vec<usize> {
        if self.is_norm { vec![self.columns] } else { vec![self.rows, self.columns] }
    }
}

/// All weights in the order in which `Weights` holds them.
pub fn layout(config: &ModelConfig) -> Vec<Weight> {
    let matrix = |name: String, rows, columns| Weight { name, rows, columns, is_norm: false };
    let norm = |name: String, columns| Weight { name, rows: 1, columns, is_norm: true };
    let (d, head) = (config.d_model, config.head_dim);
    let (queries, keys) = (config.n_heads * head, config.n_kv_heads * head);
    let mut weights = vec![matrix("model.embed_tokens.weight".into(), config.vocabulary, d)];
    for layer in 0..config.n_layers {
        let name = |part: &str| format!("model.layers.{layer}.{part}.weight");
        weights.extend([
            norm(name("input_layernorm"), d),
            matrix(name("self_attn.q_proj"), queries, d),
            matrix(name("self_attn.k_proj"), keys, d),
            matrix(name("self_attn.v_proj"), keys, d),
            norm(name("self_attn.q_norm"), head),
            norm(name("self_attn.k_norm"), head),
            matrix(name("self_attn.o_proj"), d, queries),
            norm(name("post_attention_layernorm"), d),
            matrix(name("mlp.gate_proj"), config.d_ff, d),
            matrix(name("mlp.up_proj"), config.d_ff, d),
            matrix(name("mlp.down_proj"), d, config.d_ff),
        ]);
    }
    weights.push(norm("model.norm.weight".into(), d));
    weights
}

/// A model's weights. The first is the embedding, which is also the output matrix.
#[derive(Clone)]
pub struct Weights(pub Vec<Tensor<2>>);

impl Weights {
    /// Normal with deviation 0.02, projections back into the residual stream divided by √(2·layers); norms are 1.
    pub fn initial(config: &ModelConfig, seed: u64, device: &Device) -> Self {
        let mut random = Random::new(seed);
        let residual = 1.0 / (2.0 * config.n_layers as f64).sqrt();
        let tensors = layout(config).into_iter().map(|weight| {
            let into_residual = weight.name.contains("o_proj") || weight.name.contains("down_proj");
            let deviation = INITIAL_DEVIATION * if into_residual { residual } else { 1.0 };
            let values: Vec<f32> = (0..weight.rows * weight.columns)
                .map(|_| if weight.is_norm { 1.0 } else { (deviation * random.normal()) as f32 })
                .collect();
            Tensor::from_data(TensorData::new(values, [weight.rows, weight.columns]), device)
        });
        Weights(tensors.collect())
    }

    /// The same values as leaves of a fresh gradient graph.
    pub fn tracked(&self) -> Self {
        Weights(self.0.iter().map(|w| w.clone().autodiff().require_grad()).collect())
    }

    pub fn embedding(&self) -> &Tensor<2> {
        &self.0[0]
    }
}

/// Angles that pairs are rotated by: `[length, head_dim / 2]`.
pub fn angles(config: &ModelConfig, length: usize) -> Vec<f64> {
    let half = config.head_dim / 2;
    let angle = |i: usize| (i / half) as f64 * ROPE_THETA.powf(-((i % half) as f64) / half as f64);
    (0..length * half).map(angle).collect()
}

/// What every forward pass of one sequence length needs: rotations and the causal mask.
#[derive(Clone)]
pub struct Positions {
    cosine: Tensor<4>,
    sine: Tensor<4>,
}

impl Positions {
    pub fn new(config: &ModelConfig, length: usize, device: &Device) -> Self {
        let angles = angles(config, length);
        let table = |f: fn(f64) -> f64| {
            let values: Vec<f32> = angles.iter().map(|&angle| f(angle) as f32).collect();
            Tensor::from_data(TensorData::new(values, [1, length, 1, config.head_dim / 2]), device)
        };
        Positions { cosine: table(f64::cos), sine: table(f64::sin) }
    }

    /// Rotates pairs (i, i + half) of `[batch, length, heads, head_dim]`, as `transformers` does.
    fn rotate(&self, x: Tensor<4>) -> Tensor<4> {
        let half = x.dims()[3] / 2;
        let (first, second) = (x.clone().narrow(3, 0, half), x.narrow(3, half, half));
        let turned_first = first.clone() * self.cosine.clone() - second.clone() * self.sine.clone();
        let turned_second = second * self.cosine.clone() + first * self.sine.clone();
        Tensor::cat(vec![turned_first, turned_second], 3)
    }
}

/// Additive mask `[batch, 1, length, length]`: a token sees itself and earlier tokens of its own document.
///
/// A document begins at every `end_of_text`, its later pieces at ids with `PIECE_START`.
pub fn attention_mask(ids: &[u32], length: usize, end_of_text: u32, device: &Device) -> Tensor<4> {
    let batch = ids.len() / length;
    let mut mask = vec![MASKED; batch * length * length];
    for (sequence, rows) in ids.chunks_exact(length).zip(mask.chunks_exact_mut(length * length)) {
        let mut start = 0;
        for (query, row) in rows.chunks_exact_mut(length).enumerate() {
            if sequence[query] == end_of_text || sequence[query] & PIECE_START != 0 {
                start = query;
            }
            row[start..=query].fill(0.0);
        }
    }
    Tensor::from_data(TensorData::new(mask, [batch, 1, length, length]), device)
}

/// Hidden states `[batch × length, d_model]` after the last norm, for ids `[batch × length]`.
pub fn hidden(
    config: &ModelConfig,
    weights: &Weights,
    positions: &Positions,
    ids: Tensor<1, Int>,
    mask: Tensor<4>,
) -> Tensor<2> {
    let [batch, _, length, _] = mask.dims();
    let mut x = weights.embedding().clone().select(0, ids);
    for block in weights.0[1..].chunks_exact(PER_LAYER) {
        let [norm, q, k, v, q_norm, k_norm, o, ff_norm, gate, up, down] = block else { break };
        let heads = |x: Tensor<2>| {
            let n = x.dims()[1] / config.head_dim;
            x.reshape([batch, length, n, config.head_dim])
        };
        let h = rms_norm(x.clone(), norm.clone());
        let scale = 1.0 / (config.head_dim as f64).sqrt();
        let query = rms_norm(heads(linear(&h, q)), (q_norm.clone() * scale).unsqueeze());
        let key = rms_norm(heads(linear(&h, k)), k_norm.clone().unsqueeze());
        let groups = config.n_heads / config.n_kv_heads;
        let query = positions.rotate(query).swap_dims(1, 2);
        let key = repeat_heads(positions.rotate(key).swap_dims(1, 2), groups);
        let value = repeat_heads(heads(linear(&h, v)).swap_dims(1, 2), groups);
        let scores = query.matmul(key.swap_dims(2, 3)) + mask.clone();
        let seen = activation::softmax(scores, 3).matmul(value);
        let seen = seen.swap_dims(1, 2).reshape([batch * length, config.n_heads * config.head_dim]);
        x = x + linear(&seen, o);
        let h = rms_norm(x.clone(), ff_norm.clone());
        x = x + linear(&(activation::silu(linear(&h, gate)) * linear(&h, up)), down);
    }
    let last = weights.0[weights.0.len() - 1].clone();
    rms_norm(x, last)
}

/// x · wᵀ.
fn linear(x: &Tensor<2>, weight: &Tensor<2>) -> Tensor<2> {
    x.clone().matmul(weight.clone().transpose())
}

/// x / √(mean x² + ε) · weight, over the last dimension.
fn rms_norm<const D: usize>(x: Tensor<D>, weight: Tensor<D>) -> Tensor<D> {
    let mean_square = x.clone().mul(x.clone()).mean_dim(D - 1);
    x * (mean_square + NORM_EPSILON).sqrt().recip() * weight
}

/// Every key or value head serves `groups` query heads in a row.
fn repeat_heads(x: Tensor<4>, groups: usize) -> Tensor<4> {
    if groups == 1 {
        return x;
    }
    let [batch, heads, length, width] = x.dims();
    x.reshape([batch, heads, 1, length * width]).repeat_dim(2, groups).reshape([
        batch,
        heads * groups,
        length,
        width,
    ])
}
