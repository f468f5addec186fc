//! The model of `model.rs` with its loss and gradient written out for the processor.
//!
//! A model of a million weights spends its time between operations, not in them: one pass per block over values that
//! are still in cache, no graph, no tensor for every intermediate. `model.rs` says what is computed, and the tests
//! hold this file to it.

use crate::arms::PIECE_START;
use crate::attention::{Heads, Rotations, document_starts};
use crate::model::{NORM_EPSILON, PER_LAYER, Weights};
use crate::presets::ModelConfig;
use crate::simd::{Matrix, Onto, dot, exp, product, softmax, vectorised};

/// Rows of hidden states whose logits are held at once: they stay in cache.
const ROWS: usize = 64;

/// Negative log-likelihood of each target, and the gradient of their sum in the order of `model::layout`.
pub fn gradient(config: &ModelConfig, weights: &[Vec<f32>], pass: &Pass<'_>) -> (Vec<f32>, Vec<Vec<f32>>) {
    let mut gradients: Vec<Vec<f32>> = weights.iter().map(|w| vec![0.0; w.len()]).collect();
    let d = config.d_model;
    let (mut x, blocks) = forward(config, weights, pass, true);
    let mut hidden = vec![0.0; x.len()];
    let last = weights.len() - 1;
    let scales = norm(&x, &weights[last], &mut hidden);
    let mut losses = Vec::with_capacity(pass.targets.len());
    let mut d_hidden = vec![0.0; x.len()];
    let embedding = Matrix::new(&weights[0], d);
    let mut logits = vec![0.0; ROWS * config.vocabulary];
    let rows = hidden.chunks(ROWS * d).zip(d_hidden.chunks_mut(ROWS * d));
    for ((hidden, d_hidden), targets) in rows.zip(pass.targets.chunks(ROWS)) {
        let logits = &mut logits[..targets.len() * config.vocabulary];
        let hidden = Matrix::new(hidden, d);
        product(logits, config.vocabulary, Onto::Replace, hidden, embedding.transposed());
        cross_entropy(logits, config.vocabulary, targets, &mut losses);
        // Now they are ∂ nats / ∂ logits.
        let d_logits = Matrix::new(logits, config.vocabulary);
        product(d_hidden, d, Onto::Replace, d_logits, embedding);
        product(&mut gradients[0], d, Onto::Add, d_logits.transposed(), hidden);
    }
    let mut dx = vec![0.0; x.len()];
    norm_gradient(&x, &weights[last], &scales, &d_hidden, &mut dx, &mut gradients[last]);
    for (i, block) in blocks.into_iter().enumerate().rev() {
        let at = 1 + i * PER_LAYER;
        let (weights, gradients) = (&weights[at..at + PER_LAYER], &mut gradients[at..at + PER_LAYER]);
        x = block.gradient(config, weights, gradients, pass, &mut dx);
    }
    drop(x);
    for (&id, dx) in pass.ids.iter().zip(dx.chunks_exact(d)) {
        let row = &mut gradients[0][(id & !PIECE_START) as usize * d..][..d];
        row.iter_mut().zip(dx).for_each(|(sum, dx)| *sum += dx);
    }
    (losses, gradients)
}

/// Negative log-likelihood of each target, without gradients.
pub fn losses(config: &ModelConfig, weights: &[Vec<f32>], pass: &Pass<'_>) -> Vec<f32> {
    let d = config.d_model;
    let hidden = hidden(config, weights, pass);
    let mut losses = Vec::with_capacity(pass.targets.len());
    let mut logits = vec![0.0; ROWS * config.vocabulary];
    for (hidden, targets) in hidden.chunks(ROWS * d).zip(pass.targets.chunks(ROWS)) {
        let logits = &mut logits[..targets.len() * config.vocabulary];
        let embedding = Matrix::new(&weights[0], d).transposed();
        product(logits, config.vocabulary, Onto::Replace, Matrix::new(hidden, d), embedding);
        cross_entropy(logits, config.vocabulary, targets, &mut losses);
    }
    losses
}

/// Logits after the last `n` ids: `[n, vocabulary]`. Targets are not looked at.
pub fn logits(config: &ModelConfig, weights: &[Vec<f32>], pass: &Pass<'_>, n: usize) -> Vec<f32> {
    let d = config.d_model;
    let hidden = hidden(config, weights, pass);
    linear(&hidden[hidden.len() - n * d..], &weights[0], d)
}

/// Hidden states after the last norm.
fn hidden(config: &ModelConfig, weights: &[Vec<f32>], pass: &Pass<'_>) -> Vec<f32> {
    let (x, _) = forward(config, weights, pass, false);
    let mut hidden = vec![0.0; x.len()];
    norm(&x, &weights[weights.len() - 1], &mut hidden);
    hidden
}

/// What one pass reads: sequences of `length` ids, one target for each, and where every id's document begins.
pub struct Pass<'a> {
    pub rotations: &'a Rotations,
    pub ids: &'a [u32],
    pub targets: &'a [u32],
    pub length: usize,
    pub starts: Vec<usize>,
}

impl<'a> Pass<'a> {
    pub fn new(
        rotations: &'a Rotations,
        ids: &'a [u32],
        targets: &'a [u32],
        length: usize,
        end_of_text: u32,
    ) -> Self {
        Pass { rotations, ids, targets, length, starts: document_starts(ids, length, end_of_text) }
    }
}

/// The values of weights, on the processor for the functions of this file.
pub fn values(weights: &Weights) -> Vec<Vec<f32>> {
    weights.0.iter().map(|w| w.to_data().try_into_vec().unwrap_or_default()).collect()
}

/// What a block keeps for its gradient.
struct Block {
    x: Vec<f32>,
    scales: Vec<f32>,
    h: Vec<f32>,
    heads: Heads,
    seen: Vec<f32>,
    middle: Vec<f32>,
    middle_scales: Vec<f32>,
    middle_h: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
    inner: Vec<f32>,
}

/// The residual stream after the last block, and the blocks' values if they are to be kept.
fn forward(
    config: &ModelConfig,
    weights: &[Vec<f32>],
    pass: &Pass<'_>,
    keep: bool,
) -> (Vec<f32>, Vec<Block>) {
    let d = config.d_model;
    let row = |&id: &u32| &weights[0][(id & !PIECE_START) as usize * d..][..d];
    let mut x: Vec<f32> = pass.ids.iter().flat_map(row).copied().collect();
    let mut blocks = Vec::new();
    for weights in weights[1..].chunks_exact(PER_LAYER) {
        let [w_norm, q, k, v, q_norm, k_norm, o, ff_norm, gate, up, down] = weights else { break };
        let mut h = vec![0.0; x.len()];
        let scales = norm(&x, w_norm, &mut h);
        let projected = [q, k, v].map(|w| linear(&h, w, d));
        let heads = Heads::new(config, projected, [q_norm, k_norm], pass);
        let seen = heads.attend(config, pass);
        let mut middle = x.clone();
        add_linear(&mut middle, &seen, o, d);
        let mut middle_h = vec![0.0; x.len()];
        let middle_scales = norm(&middle, ff_norm, &mut middle_h);
        let (gate, up) = (linear(&middle_h, gate, d), linear(&middle_h, up, d));
        let mut inner = vec![0.0; gate.len()];
        vectorised(
            #[inline(always)]
            || {
                for ((inner, &gate), &up) in inner.iter_mut().zip(&gate).zip(&up) {
                    *inner = gate / (1.0 + exp(-gate)) * up;
                }
            },
        );
        let mut after = middle.clone();
        add_linear(&mut after, &inner, down, d);
        let before = std::mem::replace(&mut x, after);
        if keep {
            blocks.push(Block {
                x: before,
                scales,
                h,
                heads,
                seen,
                middle,
                middle_scales,
                middle_h,
                gate,
                up,
                inner,
            });
        }
    }
    (x, blocks)
}

impl Block {
    /// Turns `dx` from the gradient of what the block gave into that of what it got, which is returned.
    fn gradient(
        self,
        config: &ModelConfig,
        weights: &[Vec<f32>],
        gradients: &mut [Vec<f32>],
        pass: &Pass<'_>,
        dx: &mut [f32],
    ) -> Vec<f32> {
        let d = config.d_model;
        let mut d_inner = linear_gradient(dx, &self.inner, &weights[10], &mut gradients[10], d);
        let Block { mut gate, up, .. } = self;
        vectorised(
            #[inline(always)]
            || {
                for ((d_inner, gate), &up) in d_inner.iter_mut().zip(&mut gate).zip(&up) {
                    let sigmoid = 1.0 / (1.0 + exp(-*gate));
                    let silu = *gate * sigmoid;
                    // `gate` and `d_inner` become the gradients of gate and up.
                    *gate = *d_inner * up * (sigmoid + silu * (1.0 - sigmoid));
                    *d_inner *= silu;
                }
            },
        );
        let mut dh = linear_gradient(&gate, &self.middle_h, &weights[8], &mut gradients[8], config.d_ff);
        let width = config.d_ff;
        add_linear_gradient(&mut dh, &d_inner, &self.middle_h, &weights[9], &mut gradients[9], width);
        norm_gradient(&self.middle, &weights[7], &self.middle_scales, &dh, dx, &mut gradients[7]);
        let d_seen = linear_gradient(dx, &self.seen, &weights[6], &mut gradients[6], d);
        let [dq_norm, dk_norm] = [4, 5].map(|i| std::mem::take(&mut gradients[i]));
        let mut norms = [dq_norm, dk_norm];
        let projected = self.heads.gradient(config, &d_seen, [&weights[4], &weights[5]], &mut norms, pass);
        [gradients[4], gradients[5]] = norms;
        dh.fill(0.0);
        for (i, d_projected) in projected.iter().enumerate() {
            let width = weights[1 + i].len() / d;
            let gradient = &mut gradients[1 + i];
            add_linear_gradient(&mut dh, d_projected, &self.h, &weights[1 + i], gradient, width);
        }
        norm_gradient(&self.x, &weights[0], &self.scales, &dh, dx, &mut gradients[0]);
        self.x
    }
}

/// x · wᵀ for rows of `width`.
pub fn linear(x: &[f32], weight: &[f32], width: usize) -> Vec<f32> {
    let (x, weight) = (Matrix::new(x, width), Matrix::new(weight, width));
    let mut out = vec![0.0; x.rows * weight.rows];
    product(&mut out, weight.rows, Onto::Replace, x, weight.transposed());
    out
}

/// out += x · wᵀ for rows of `out` of `width`.
pub fn add_linear(out: &mut [f32], x: &[f32], weight: &[f32], width: usize) {
    let inner = weight.len() / width;
    product(out, width, Onto::Add, Matrix::new(x, inner), Matrix::new(weight, inner).transposed());
}

/// Gradient of x of `linear`, whose result has rows of `width`; that of the weight is added.
fn linear_gradient(dy: &[f32], x: &[f32], weight: &[f32], d_weight: &mut [f32], width: usize) -> Vec<f32> {
    let mut dx = vec![0.0; x.len()];
    add_linear_gradient(&mut dx, dy, x, weight, d_weight, width);
    dx
}

fn add_linear_gradient(
    dx: &mut [f32],
    dy: &[f32],
    x: &[f32],
    weight: &[f32],
    d_weight: &mut [f32],
    width: usize,
) {
    let inner = weight.len() / width;
    let dy = Matrix::new(dy, width);
    product(dx, inner, Onto::Add, dy, Matrix::new(weight, inner));
    product(d_weight, inner, Onto::Add, dy.transposed(), Matrix::new(x, inner));
}

/// RMSNorm of rows as wide as `weight`; returns 1 / √(mean x² + ε) of each.
pub fn norm(x: &[f32], weight: &[f32], out: &mut [f32]) -> Vec<f32> {
    let width = weight.len();
    let mut scales = Vec::with_capacity(x.len() / width);
    vectorised(
        #[inline(always)]
        || {
            for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
                let scale = 1.0 / (dot(x, x) / width as f32 + NORM_EPSILON as f32).sqrt();
                for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
                    *out = x * scale * weight;
                }
                scales.push(scale);
            }
        },
    );
    scales
}

/// Adds the gradients of `norm` to `dx` and `d_weight`.
pub fn norm_gradient(
    x: &[f32],
    weight: &[f32],
    scales: &[f32],
    dy: &[f32],
    dx: &mut [f32],
    d_weight: &mut [f32],
) {
    let width = weight.len();
    let mut scaled = vec![0.0; width];
    vectorised(
        #[inline(always)]
        || {
            let rows = x.chunks_exact(width).zip(dy.chunks_exact(width)).zip(dx.chunks_exact_mut(width));
            for (((x, dy), dx), &scale) in rows.zip(scales) {
                for i in 0..width {
                    d_weight[i] += dy[i] * x[i] * scale;
                    scaled[i] = dy[i] * weight[i];
                }
                let along = dot(&scaled, x) * scale * scale / width as f32;
                for ((dx, x), scaled) in dx.iter_mut().zip(x).zip(&scaled) {
                    *dx += scale * (scaled - x * along);
                }
            }
        },
    );
}

/// Turns logits into probabilities − 1[target] and adds each row's negative log-likelihood to `losses`.
fn cross_entropy(logits: &mut [f32], vocabulary: usize, targets: &[u32], losses: &mut Vec<f32>) {
    vectorised(
        #[inline(always)]
        || {
            for (row, &target) in logits.chunks_exact_mut(vocabulary).zip(targets) {
                let target = (target & !PIECE_START) as usize;
                let score = row[target];
                losses.push(softmax(row) - score);
                row[target] -= 1.0;
            }
        },
    );
}
