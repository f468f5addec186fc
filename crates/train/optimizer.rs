//! AdamW (Loshchilov and Hutter 2019) with clipping by the global norm.
//!
//! Matrices decay; norms do not, nor does the embedding, which is also the output matrix (as in OLMo 2).

use crate::model::{Weight, Weights};
use crate::simd::vectorised;
use burn::tensor::{Device, Tensor, TensorData};

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.95;
const EPSILON: f64 = 1e-8;

/// First and second moments, in the order of the weights.
#[derive(Clone)]
pub struct AdamW {
    pub first: Vec<Tensor<2>>,
    pub second: Vec<Tensor<2>>,
}

/// What one step does with its gradients.
pub struct Update {
    /// Counts from 1.
    pub number: usize,
    pub learning_rate: f64,
    pub weight_decay: f64,
    /// Gradients are multiplied by it: clipping.
    pub scale: f64,
}

impl AdamW {
    pub fn new(weights: &Weights) -> Self {
        let zeros: Vec<Tensor<2>> = weights.0.iter().map(Tensor::zeros_like).collect();
        AdamW { first: zeros.clone(), second: zeros }
    }

    /// One step.
    pub fn update(
        &mut self,
        weights: &mut Weights,
        layout: &[Weight],
        gradients: Vec<Tensor<2>>,
        update: &Update,
    ) {
        let [old, first, second] = [&mut weights.0, &mut self.first, &mut self.second].map(std::mem::take);
        let each = old.into_iter().zip(first).zip(second).zip(gradients).zip(layout).enumerate();
        for (i, ((((weight, first), second), gradient), layout)) in each {
            let decays = i > 0 && !layout.is_norm;
            let factors = Factors::new(update, decays);
            let tensors = [weight, first, second, gradient];
            let step = if tensors[0].device() == Device::flex() { fused } else { by_burn };
            let [weight, first, second] = step(tensors, &factors);
            weights.0.push(weight);
            self.first.push(first);
            self.second.push(second);
        }
    }
}

/// The numbers of one step.
struct Factors {
    /// Of the gradient.
    scale: f64,
    /// Of the second moment, before the root.
    second: f64,
    /// Of first moment over root.
    step: f64,
    /// Of the weight before the step.
    kept: f64,
}

impl Factors {
    fn new(update: &Update, decays: bool) -> Self {
        let correction = |beta: f64| 1.0 / (1.0 - beta.powi(update.number as i32));
        Factors {
            scale: update.scale,
            second: correction(BETA_2),
            step: update.learning_rate * correction(BETA_1),
            kept: if decays { 1.0 - update.learning_rate * update.weight_decay } else { 1.0 },
        }
    }
}

/// Weight, moments and gradient to weight and moments, by burn's operations.
fn by_burn([weight, first, second, gradient]: [Tensor<2>; 4], factors: &Factors) -> [Tensor<2>; 3] {
    let gradient = gradient * factors.scale;
    let first = first * BETA_1 + gradient.clone() * (1.0 - BETA_1);
    let second = second * BETA_2 + gradient.clone() * gradient * (1.0 - BETA_2);
    let root = (second.clone() * factors.second).sqrt() + EPSILON;
    let weight = weight * factors.kept - first.clone() / root * factors.step;
    [weight, first, second]
}

/// The same in one pass, on the processor.
fn fused(tensors: [Tensor<2>; 4], factors: &Factors) -> [Tensor<2>; 3] {
    let shape = tensors[0].dims();
    let values = |tensor: Tensor<2>| -> Vec<f32> { tensor.into_data().try_into_vec().unwrap_or_default() };
    let [mut weight, mut first, mut second, gradient] = tensors.map(values);
    let [scale, corrected, step, kept] =
        [factors.scale, factors.second, factors.step, factors.kept].map(|factor| factor as f32);
    let [beta_1, rest_1, beta_2, rest_2, epsilon] =
        [BETA_1, 1.0 - BETA_1, BETA_2, 1.0 - BETA_2, EPSILON].map(|factor| factor as f32);
    vectorised(
        #[inline(always)]
        || {
            let each = weight.iter_mut().zip(&mut first).zip(&mut second).zip(&gradient);
            for (((weight, first), second), gradient) in each {
                let gradient = gradient * scale;
                *first = *first * beta_1 + gradient * rest_1;
                *second = *second * beta_2 + gradient * gradient * rest_2;
                let root = (*second * corrected).sqrt() + epsilon;
                *weight = *weight * kept - *first / root * step;
            }
        },
    );
    [weight, first, second].map(|values| Tensor::from_data(TensorData::new(values, shape), &Device::flex()))
}

/// The common norm of all gradients.
///
/// It is taken on the host, in order: one number per weight crosses from the device.
pub fn global_norm(gradients: &[Tensor<2>]) -> f64 {
    let squares: f64 =
        gradients.iter().map(|g| f64::from((g.clone() * g.clone()).sum().into_scalar::<f32>())).sum();
    squares.sqrt()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn tensor(random: &mut Random, deviation: f64) -> Tensor<2> {
        let values: Vec<f32> = (0..15 * 37).map(|_| (random.normal() * deviation) as f32).collect();
        Tensor::from_data(TensorData::new(values, [15, 37]), &Device::flex())
    }

    fn values(tensor: &Tensor<2>) -> Vec<f32> {
        tensor.to_data().try_into_vec().unwrap()
    }

    #[test]
    fn the_fused_step_is_burns() {
        let mut random = Random::new(3);
        let start = tensor(&mut random, 0.1);
        let zeros = start.zeros_like();
        let (mut one, mut other) =
            ([start.clone(), zeros.clone(), zeros.clone()], [start, zeros.clone(), zeros]);
        for number in 1..=50 {
            let gradient = tensor(&mut random, 1e-3 * number as f64);
            let update = Update { number, learning_rate: 1e-2, weight_decay: 0.1, scale: 0.7 };
            let factors = Factors::new(&update, number % 2 == 0);
            let [w, m, v] = one;
            one = fused([w, m, v, gradient.clone()], &factors);
            let [w, m, v] = other;
            other = by_burn([w, m, v, gradient], &factors);
        }
        for (one, other) in one.iter().zip(&other) {
            let largest = values(other).iter().fold(0.0f32, |m, x| m.max(x.abs()));
            for (a, b) in values(one).into_iter().zip(values(other)) {
                assert!((a - b).abs() <= 2e-6 * largest, "{a} {b} of {largest}");
            }
        }
    }

    #[test]
    fn only_matrices_decay_and_all_gradients_are_clipped_together() {
        let matrix = |name: &str, is_norm| Weight { name: name.into(), rows: 15, columns: 37, is_norm };
        let layout = [matrix("embedding", false), matrix("norm", true), matrix("projection", false)];
        let mut random = Random::new(4);
        let start = Weights((0..3).map(|_| tensor(&mut random, 1.0)).collect());
        let zeros: Vec<Tensor<2>> = start.0.iter().map(Tensor::zeros_like).collect();
        let update = Update { number: 1, learning_rate: 0.5, weight_decay: 0.1, scale: 1.0 };
        let mut weights = start.clone();
        AdamW::new(&start).update(&mut weights, &layout, zeros, &update);
        for (i, (before, after)) in start.0.iter().zip(&weights.0).enumerate() {
            let expected = if i == 2 { before.clone() * 0.95 } else { before.clone() };
            let pairs = values(after).into_iter().zip(values(&expected));
            assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-6), "{}", layout[i].name);
        }
        let gradients = start.0;
        let by_hand: f64 =
            gradients.iter().flat_map(values).map(|g| f64::from(g).powi(2)).sum::<f64>().sqrt();
        assert!((global_norm(&gradients) / by_hand - 1.0).abs() < 1e-5);
        // A first step is as long as the learning rate, however the gradient is scaled: the moments show the scale.
        let mut optimizer = AdamW::new(&Weights(gradients.clone()));
        let clipped = Update { scale: 0.25, ..update };
        optimizer.update(&mut Weights(gradients.clone()), &layout, gradients.clone(), &clipped);
        let (first, gradient) = (values(&optimizer.first[1])[7], values(&gradients[1])[7]);
        assert!((first - 0.025 * gradient).abs() < 1e-6);
    }
}
