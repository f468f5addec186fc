//! AdamW (Loshchilov and Hutter 2019) with clipping by the global norm.

use crate::model::{Weight, Weights};
use burn::tensor::Tensor;

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.95;
const EPSILON: f64 = 1e-8;

/// First and second moments, in the order of the weights.
#[derive(Clone)]
pub struct AdamW {
    pub first: Vec<Tensor<2>>,
    pub second: Vec<Tensor<2>>,
}

impl AdamW {
    pub fn new(weights: &Weights) -> Self {
        let zeros: Vec<Tensor<2>> = weights.0.iter().map(Tensor::zeros_like).collect();
        AdamW { first: zeros.clone(), second: zeros }
    }

    /// One step; `step` counts from 1. Norms and the embedding, which is also the output matrix, do not decay.
    pub fn update(
        &mut self,
        weights: &mut Weights,
        layout: &[Weight],
        gradients: Vec<Tensor<2>>,
        step: usize,
        learning_rate: f64,
        weight_decay: f64,
    ) {
        let correction_1 = 1.0 - BETA_1.powi(step as i32);
        let correction_2 = 1.0 - BETA_2.powi(step as i32);
        for (i, gradient) in gradients.into_iter().enumerate() {
            let first = self.first[i].clone() * BETA_1 + gradient.clone() * (1.0 - BETA_1);
            let second = self.second[i].clone() * BETA_2 + gradient.clone() * gradient * (1.0 - BETA_2);
            let denominator = (second.clone() / correction_2).sqrt() + EPSILON;
            let step = first.clone() / denominator * (learning_rate / correction_1);
            let decays = i > 0 && !layout[i].is_norm;
            let kept = if decays { 1.0 - learning_rate * weight_decay } else { 1.0 };
            weights.0[i] = weights.0[i].clone() * kept - step;
            self.first[i] = first;
            self.second[i] = second;
        }
    }
}

/// Scales all gradients together so that their common norm is at most `limit`; returns the norm before.
///
/// The norm is taken on the host, in order: one number per weight crosses from the device.
pub fn clip(gradients: &mut [Tensor<2>], limit: f64) -> f64 {
    let squares: f64 =
        gradients.iter().map(|g| f64::from((g.clone() * g.clone()).sum().into_scalar::<f32>())).sum();
    let norm = squares.sqrt();
    if norm > limit {
        for gradient in gradients.iter_mut() {
            *gradient = gradient.clone() * (limit / norm);
        }
    }
    norm
}
