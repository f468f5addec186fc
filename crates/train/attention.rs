//! Causal attention within documents, with its gradient: QK-norm, rotation, and probabilities by blocks of queries
//! that look only at keys between their documents' beginning and themselves.

use crate::arms::PIECE_START;
use crate::kernel::{Pass, norm, norm_gradient};
use crate::model::angles;
use crate::presets::ModelConfig;
use crate::simd::{Matrix, Onto, dot, product, softmax, vectorised};
use std::ops::Range;

/// Queries whose probabilities are computed at once.
const QUERIES: usize = 64;

/// Queries, keys and values of a block, before and after norm and rotation.
pub struct Heads {
    /// Queries and keys as projected, with the scales of their norms.
    projected: [Vec<f32>; 2],
    scales: [Vec<f32>; 2],
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
}

/// A block of queries of one head with the keys that it may see: rows in the batch, and the first column of each.
struct Part {
    queries: Range<usize>,
    keys: Range<usize>,
    query_column: usize,
    key_column: usize,
}

impl Heads {
    pub fn new(
        config: &ModelConfig,
        [query, key, value]: [Vec<f32>; 3],
        weights: [&Vec<f32>; 2],
        pass: &Pass<'_>,
    ) -> Self {
        let scale = scale(config);
        let scaled: Vec<f32> = weights[0].iter().map(|w| w * scale).collect();
        let prepare = |x: &[f32], weight: &[f32], n_heads: usize| {
            let mut out = vec![0.0; x.len()];
            let scales = norm(x, weight, &mut out);
            pass.rotations.turn(&mut out, n_heads, pass.length, 1.0);
            (out, scales)
        };
        let (turned_query, query_scales) = prepare(&query, &scaled, config.n_heads);
        let (turned_key, key_scales) = prepare(&key, weights[1], config.n_kv_heads);
        Heads {
            projected: [query, key],
            scales: [query_scales, key_scales],
            query: turned_query,
            key: turned_key,
            value,
        }
    }

    /// Values of the seen tokens, weighted: `[batch × length, heads × head_dim]`.
    pub fn attend(&self, config: &ModelConfig, pass: &Pass<'_>) -> Vec<f32> {
        let mut seen = vec![0.0; self.query.len()];
        let mut probabilities = Vec::new();
        let (queries, _) = widths(config);
        for part in parts(config, pass) {
            self.probabilities(config, pass, &part, &mut probabilities);
            let probabilities = Matrix::new(&probabilities, part.keys.len());
            let out = &mut seen[part.queries.start * queries + part.query_column..];
            product(out, queries, Onto::Replace, probabilities, part.of_keys(&self.value, config));
        }
        seen
    }

    /// Gradients of queries, keys and values as projected; those of the norms are added.
    pub fn gradient(
        self,
        config: &ModelConfig,
        d_seen: &[f32],
        weights: [&Vec<f32>; 2],
        d_weights: &mut [Vec<f32>; 2],
        pass: &Pass<'_>,
    ) -> [Vec<f32>; 3] {
        let (queries, keys) = widths(config);
        let zeros = |x: &[f32]| vec![0.0; x.len()];
        let (mut dq, mut dk, mut dv) = (zeros(&self.query), zeros(&self.key), zeros(&self.value));
        let (mut probabilities, mut d_scores) = (Vec::new(), Vec::new());
        for part in parts(config, pass) {
            self.probabilities(config, pass, &part, &mut probabilities);
            let n_keys = part.keys.len();
            let (from_query, from_key) =
                (part.queries.start * queries + part.query_column, part.keys.start * keys + part.key_column);
            let d_out = part.of_queries(d_seen, config);
            let seen_by = Matrix::new(&probabilities, n_keys).transposed();
            product(&mut dv[from_key..], keys, Onto::Add, seen_by, d_out);
            d_scores.resize(probabilities.len(), 0.0);
            let value = part.of_keys(&self.value, config);
            product(&mut d_scores, n_keys, Onto::Replace, d_out, value.transposed());
            vectorised(
                #[inline(always)]
                || {
                    let rows = d_scores.chunks_exact_mut(n_keys).zip(probabilities.chunks_exact(n_keys));
                    for (d_row, row) in rows {
                        let mean = dot(d_row, row);
                        d_row.iter_mut().zip(row).for_each(|(d, p)| *d = (*d - mean) * p);
                    }
                },
            );
            let d_scores = Matrix::new(&d_scores, n_keys);
            let (query, key) = (part.of_queries(&self.query, config), part.of_keys(&self.key, config));
            product(&mut dq[from_query..], queries, Onto::Replace, d_scores, key);
            product(&mut dk[from_key..], keys, Onto::Add, d_scores.transposed(), query);
        }
        pass.rotations.turn(&mut dq, config.n_heads, pass.length, -1.0);
        pass.rotations.turn(&mut dk, config.n_kv_heads, pass.length, -1.0);
        // The queries' weight carries 1/√head_dim.
        let scale = scale(config);
        dq.iter_mut().for_each(|d| *d *= scale);
        let [query, key] = &self.projected;
        let mut out = [zeros(query), zeros(key)];
        norm_gradient(query, weights[0], &self.scales[0], &dq, &mut out[0], &mut d_weights[0]);
        norm_gradient(key, weights[1], &self.scales[1], &dk, &mut out[1], &mut d_weights[1]);
        let [dq, dk] = out;
        [dq, dk, dv]
    }

    /// Fills `out` with the part's `[queries, keys]`.
    fn probabilities(&self, config: &ModelConfig, pass: &Pass<'_>, part: &Part, out: &mut Vec<f32>) {
        let n_keys = part.keys.len();
        out.resize(part.queries.len() * n_keys, 0.0);
        let (query, key) = (part.of_queries(&self.query, config), part.of_keys(&self.key, config));
        product(out, n_keys, Onto::Replace, query, key.transposed());
        vectorised(
            #[inline(always)]
            || {
                for (row, query) in out.chunks_exact_mut(n_keys).zip(part.queries.clone()) {
                    let (from, to) = (pass.starts[query] - part.keys.start, query + 1 - part.keys.start);
                    row[..from].fill(0.0);
                    softmax(&mut row[from..to]);
                    row[to..].fill(0.0);
                }
            },
        );
    }
}

impl Part {
    fn of_queries<'a>(&self, x: &'a [f32], config: &ModelConfig) -> Matrix<'a> {
        let (width, _) = widths(config);
        let from = self.queries.start * width + self.query_column;
        Matrix::strided(&x[from..], self.queries.len(), config.head_dim, width)
    }

    fn of_keys<'a>(&self, x: &'a [f32], config: &ModelConfig) -> Matrix<'a> {
        let (_, width) = widths(config);
        let from = self.keys.start * width + self.key_column;
        Matrix::strided(&x[from..], self.keys.len(), config.head_dim, width)
    }
}

/// The parts of a batch, in a fixed order.
fn parts(config: &ModelConfig, pass: &Pass<'_>) -> Vec<Part> {
    let groups = config.n_heads / config.n_kv_heads;
    let mut parts = Vec::new();
    for sequence in (0..pass.ids.len()).step_by(pass.length) {
        for head in 0..config.n_heads {
            for first in (sequence..sequence + pass.length).step_by(QUERIES) {
                let end = (first + QUERIES).min(sequence + pass.length);
                parts.push(Part {
                    queries: first..end,
                    // Documents begin in the order of their tokens.
                    keys: pass.starts[first]..end,
                    query_column: head * config.head_dim,
                    key_column: head / groups * config.head_dim,
                });
            }
        }
    }
    parts
}

/// The row at which the document of each id begins, within its sequence: see `model::attention_mask`.
pub fn document_starts(ids: &[u32], length: usize, end_of_text: u32) -> Vec<usize> {
    let mut start = 0;
    let row = |(row, &id): (usize, &u32)| {
        if row % length == 0 || id == end_of_text || id & PIECE_START != 0 {
            start = row;
        }
        start
    };
    ids.iter().enumerate().map(row).collect()
}

/// Cosines and sines of every position's rotations: `[length, head_dim / 2]`, for sequences up to that length.
pub struct Rotations {
    half: usize,
    cosine: Vec<f32>,
    sine: Vec<f32>,
}

impl Rotations {
    pub fn new(config: &ModelConfig, length: usize) -> Self {
        let angles = angles(config, length);
        let table = |f: fn(f64) -> f64| angles.iter().map(|&angle| f(angle) as f32).collect();
        Rotations { half: config.head_dim / 2, cosine: table(f64::cos), sine: table(f64::sin) }
    }

    /// Rotates pairs (i, i + half) of every head, forwards or, with `sign` -1, back.
    fn turn(&self, x: &mut [f32], n_heads: usize, length: usize, sign: f32) {
        let half = self.half;
        vectorised(
            #[inline(always)]
            || {
                for (row, heads) in x.chunks_exact_mut(n_heads * 2 * half).enumerate() {
                    let at = row % length * half;
                    let (cosine, sine) = (&self.cosine[at..at + half], &self.sine[at..at + half]);
                    for head in heads.chunks_exact_mut(2 * half) {
                        let (first, second) = head.split_at_mut(half);
                        let pairs = first.iter_mut().zip(second).zip(cosine.iter().zip(sine));
                        for ((first, second), (&cosine, &sine)) in pairs {
                            let (a, b) = (*first, *second);
                            *first = a * cosine - b * sine * sign;
                            *second = b * cosine + a * sine * sign;
                        }
                    }
                }
            },
        );
    }
}

fn scale(config: &ModelConfig) -> f32 {
    (1.0 / (config.head_dim as f64).sqrt()) as f32
}

/// Columns of all query heads and of all key heads.
fn widths(config: &ModelConfig) -> (usize, usize) {
    (config.n_heads * config.head_dim, config.n_kv_heads * config.head_dim)
}
