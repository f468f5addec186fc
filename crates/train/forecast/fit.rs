//! The law of bits per byte, L = E + A·(N/N̄)^−α + B·(D/D̄)^−β, by variable projection.
//!
//! Hoffmann et al. 2022 with their loss (Huber, δ = 1e-3, on ln L), normalised at the geometric means, so that A and α are
//! not each other's shadow. For every (α, β) the rest is a linear problem without negative terms, solved by
//! iteratively reweighted least squares; (α, β) are searched on a grid, then around its best point. The exponents have
//! a weak prior: Hoffmann's, as fitted again by Besiroglu et al. 2024. Nothing is drawn but the bootstrap's residuals.

use crate::random::Random;
use crate::statistics::{mean, t_quantile};
use serde::{Deserialize, Serialize};

/// Where residuals of ln L cease to count quadratically.
const HUBER: f64 = 1e-3;
/// Exponents are searched between these, first at this distance, which is then halved so many times.
const LOWEST: f64 = 0.2;
const HIGHEST: f64 = 0.55;
const STEP: f64 = 0.05;
const HALVINGS: usize = 4;
/// Prior means of α and β, and their deviation.
const PRIOR: [f64; 2] = [0.35, 0.37];
const PRIOR_DEVIATION: f64 = 0.05;
const REWEIGHTINGS: usize = 8;
/// Refits on resampled residuals.
const RESAMPLES: usize = 500;
const SEED: u64 = 0x666f_7265;
/// E, A, B, α, β.
const FREE: f64 = 5.0;

/// One trained model, or the mean over seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// All weights.
    pub parameters: f64,
    /// Trained-on tokens.
    pub tokens: f64,
    /// Bits per byte of held-out text.
    pub bits_per_byte: f64,
}

/// Bits per byte by size and tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Law {
    /// E: what neither size nor tokens take away.
    pub floor: f64,
    /// A: what a model of the mean size has above it for its size.
    pub of_size: f64,
    /// α.
    pub alpha: f64,
    /// B: what the mean number of tokens has above it for being finite.
    pub of_tokens: f64,
    /// β.
    pub beta: f64,
    /// N̄: geometric mean of the parameters.
    pub mean_parameters: f64,
    /// D̄: geometric mean of the tokens.
    pub mean_tokens: f64,
}

impl Law {
    /// Bits per byte of a model of so many parameters after so many tokens.
    pub fn predict(&self, parameters: f64, tokens: f64) -> f64 {
        self.floor
            + self.of_size * (parameters / self.mean_parameters).powf(-self.alpha)
            + self.of_tokens * (tokens / self.mean_tokens).powf(-self.beta)
    }
}

/// What the law says of a model that is not trained yet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The law's value.
    pub bits_per_byte: f64,
    /// 80 % interval.
    pub interval_80: (f64, f64),
    /// 95 % interval.
    pub interval_95: (f64, f64),
}

/// A fitted law, its refits on resampled residuals, and how well it foretold what it was not shown.
pub struct Fit {
    pub law: Law,
    pub resampled: Vec<Law>,
    /// ln L of each point minus that of the law.
    pub residuals: Vec<f64>,
    /// Fitted without the largest size, and without the largest number of tokens: errors of ln L of what was left out,
    /// root mean square.
    pub left_out: (f64, f64),
    /// Standard deviation of ln L between seeds.
    pub noise: f64,
}

impl Fit {
    /// Fits at least three sizes of at least three numbers of tokens each; `noise` is the deviation of ln L between seeds.
    /// `None` with fewer.
    pub fn new(points: &[Point], noise: f64) -> Option<Fit> {
        let (n_sizes, n_tokens) = (distinct(points, |p| p.parameters), distinct(points, |p| p.tokens));
        if n_sizes.len() < 3 || n_tokens.len() < 3 {
            return None;
        }
        let law = fit(points, noise);
        let residuals = residuals(&law, points);
        let inflation = (points.len() as f64 / (points.len() as f64 - FREE).max(1.0)).sqrt();
        let mut random = Random::new(SEED);
        let mut resample = || {
            let drawn: Vec<Point> = points
                .iter()
                .map(|point| {
                    let residual = residuals[random.below(residuals.len())] * inflation;
                    let fitted = law.predict(point.parameters, point.tokens);
                    Point { bits_per_byte: fitted * residual.exp(), ..*point }
                })
                .collect();
            fit(&drawn, noise)
        };
        let resampled = (0..RESAMPLES).map(|_| resample()).collect();
        let without = |is_held: &dyn Fn(&Point) -> bool| {
            let (held, known): (Vec<Point>, Vec<Point>) = points.iter().partition(|point| is_held(point));
            let errors = self::residuals(&fit(&known, noise), &held);
            mean(&errors.iter().map(|error| error.powi(2)).collect::<Vec<_>>()).sqrt()
        };
        let largest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        let (size, tokens) = (largest(&n_sizes), largest(&n_tokens));
        let left_out = (without(&|p| p.parameters == size), without(&|p| p.tokens == tokens));
        Some(Fit { law, resampled, residuals, left_out, noise })
    }

    /// Of the mean over `n_seeds` runs. The interval holds the refits' spread, the seeds' noise, and as much again as
    /// the law was wrong about what it was not shown: t with the points' degrees of freedom.
    pub fn predict(&self, parameters: f64, tokens: f64, n_seeds: u32) -> Prediction {
        let value = self.law.predict(parameters, tokens);
        let logs: Vec<f64> = self.resampled.iter().map(|law| law.predict(parameters, tokens).ln()).collect();
        let centre = mean(&logs);
        let spread = logs.iter().map(|log| (log - centre).powi(2)).sum::<f64>() / logs.len().max(2) as f64;
        let error =
            (spread + self.noise.powi(2) / f64::from(n_seeds.max(1)) + self.extrapolation().powi(2)).sqrt();
        let freedom = (self.residuals.len() as f64 - FREE).max(1.0);
        let within = |share: f64| {
            let reach = t_quantile(0.5 + share / 2.0, freedom) * error;
            (value * (-reach).exp(), value * reach.exp())
        };
        Prediction { bits_per_byte: value, interval_80: within(0.8), interval_95: within(0.95) }
    }

    /// Error of ln L beyond both the largest size and the largest number of tokens.
    pub fn extrapolation(&self) -> f64 {
        self.left_out.0.hypot(self.left_out.1)
    }
}

fn distinct(points: &[Point], of: impl Fn(&Point) -> f64) -> Vec<f64> {
    let mut values: Vec<f64> = points.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}

fn residuals(law: &Law, points: &[Point]) -> Vec<f64> {
    points.iter().map(|p| p.bits_per_byte.ln() - law.predict(p.parameters, p.tokens).ln()).collect()
}

fn fit(points: &[Point], noise: f64) -> Law {
    let geometric =
        |of: fn(&Point) -> f64| mean(&points.iter().map(|p| of(p).ln()).collect::<Vec<_>>()).exp();
    let means = (geometric(|p| p.parameters), geometric(|p| p.tokens));
    let n_steps = ((HIGHEST - LOWEST) / STEP).round() as usize;
    let grid = |i: usize| LOWEST + STEP * i as f64;
    let all = (0..=n_steps).flat_map(|i| (0..=n_steps).map(move |j| (grid(i), grid(j))));
    let lower = |best: (f64, Law), (alpha, beta): (f64, f64)| {
        let tried = project(points, noise, means, (alpha, beta));
        if tried.0 < best.0 { tried } else { best }
    };
    let first = project(points, noise, means, (PRIOR[0], PRIOR[1]));
    let mut best = all.fold(first, lower);
    for halving in 1..=HALVINGS {
        let step = STEP / f64::from(1 << halving);
        let Law { alpha, beta, .. } = best.1;
        let near = |centre: f64| [-1.0, 0.0, 1.0].map(|n| (centre + n * step).clamp(LOWEST, HIGHEST));
        let around = near(alpha).into_iter().flat_map(|alpha| near(beta).map(|beta| (alpha, beta)));
        best = around.fold(best, lower);
    }
    best.1
}

/// The best law with these exponents, and what it costs.
fn project(points: &[Point], noise: f64, means: (f64, f64), (alpha, beta): (f64, f64)) -> (f64, Law) {
    let row = |p: &Point| [1.0, (p.parameters / means.0).powf(-alpha), (p.tokens / means.1).powf(-beta)];
    let rows: Vec<[f64; 3]> = points.iter().map(row).collect();
    let mut terms = [0.0; 3];
    let mut weights = vec![1.0; points.len()];
    for _ in 0..REWEIGHTINGS {
        // ln L − ln fit ≈ (L − fit) / L.
        let scaled: Vec<f64> = weights.iter().zip(points).map(|(w, p)| w / p.bits_per_byte.powi(2)).collect();
        terms = least_squares(&rows, points, &scaled);
        for ((weight, row), point) in weights.iter_mut().zip(&rows).zip(points) {
            let residual = (point.bits_per_byte.ln() - value(row, &terms).ln()).abs();
            *weight = HUBER / residual.max(HUBER);
        }
    }
    let [floor, of_size, of_tokens] = terms;
    let law = Law { floor, of_size, alpha, of_tokens, beta, mean_parameters: means.0, mean_tokens: means.1 };
    let huber = |residual: f64| match residual.abs() {
        size if size <= HUBER => size * size / 2.0,
        size => HUBER * (size - HUBER / 2.0),
    };
    // Far out, Huber's loss is that of a Laplace distribution as wide as the noise.
    let of_points: f64 = residuals(&law, points).into_iter().map(huber).sum();
    let away =
        [(alpha, PRIOR[0]), (beta, PRIOR[1])].map(|(x, prior)| ((x - prior) / PRIOR_DEVIATION).powi(2) / 2.0);
    (of_points / (HUBER * noise.max(HUBER)) + away[0] + away[1], law)
}

fn value(row: &[f64; 3], terms: &[f64; 3]) -> f64 {
    row.iter().zip(terms).map(|(x, term)| x * term).sum::<f64>().max(f64::MIN_POSITIVE)
}

/// The best terms that are not negative: of three variables, every set of them that may be above 0 is tried.
fn least_squares(rows: &[[f64; 3]], points: &[Point], weights: &[f64]) -> [f64; 3] {
    let (mut normal, mut right, mut square) = ([[0.0; 3]; 3], [0.0; 3], 0.0);
    for ((row, point), weight) in rows.iter().zip(points).zip(weights) {
        for i in 0..3 {
            for j in 0..3 {
                normal[i][j] += weight * row[i] * row[j];
            }
            right[i] += weight * row[i] * point.bits_per_byte;
        }
        square += weight * point.bits_per_byte.powi(2);
    }
    let mut best = (f64::INFINITY, [0.0; 3]);
    for set in 1u32..8 {
        let is_in = |i: usize| set & (1 << i) != 0;
        let Some(terms) = solve(&normal, &right, is_in) else { continue };
        if terms.iter().all(|term| *term >= 0.0) {
            // At a solution, what is left is Σ w·y² − Σ term·right.
            let left = square - terms.iter().zip(&right).map(|(term, right)| term * right).sum::<f64>();
            if left < best.0 {
                best = (left, terms);
            }
        }
    }
    best.1
}

/// Solves the equations of the variables in a set, the others being 0, by elimination.
fn solve(normal: &[[f64; 3]; 3], right: &[f64; 3], is_in: impl Fn(usize) -> bool) -> Option<[f64; 3]> {
    let mut a = [[0.0; 4]; 3];
    for i in 0..3 {
        for j in 0..3 {
            let alone = if i == j { 1.0 } else { 0.0 };
            a[i][j] = if is_in(i) && is_in(j) { normal[i][j] } else { alone };
        }
        a[i][3] = if is_in(i) { right[i] } else { 0.0 };
    }
    for i in 0..3 {
        let pivot = (i..3).max_by(|&x, &y| a[x][i].abs().total_cmp(&a[y][i].abs()))?;
        a.swap(i, pivot);
        if a[i][i].abs() < 1e-12 {
            return None;
        }
        let from = a[i];
        for row in a.iter_mut().skip(i + 1) {
            let factor = row[i] / from[i];
            row.iter_mut().zip(from).for_each(|(x, y)| *x -= factor * y);
        }
    }
    let mut terms = [0.0; 3];
    for i in (0..3).rev() {
        let known: f64 = (i + 1..3).map(|j| a[i][j] * terms[j]).sum();
        terms[i] = (a[i][3] - known) / a[i][i];
    }
    Some(terms)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TRUE: Law = Law {
        floor: 1.1,
        of_size: 0.35,
        alpha: 0.33,
        of_tokens: 0.75,
        beta: 0.3,
        mean_parameters: 268e3,
        mean_tokens: 350e3,
    };

    fn grid(noise: f64, seed: u64) -> Vec<Point> {
        let mut random = Random::new(seed);
        let sizes = [112e3, 202e3, 360e3, 725e3];
        let tokens = [125e3, 250e3, 500e3, 1e6];
        let point = |(parameters, tokens): (f64, f64)| {
            let bits_per_byte = TRUE.predict(parameters, tokens) * (noise * random.normal()).exp();
            Point { parameters, tokens, bits_per_byte }
        };
        sizes.into_iter().flat_map(|n| tokens.map(|d| (n, d))).map(point).collect()
    }

    #[test]
    fn without_noise_the_prediction_is_the_law() {
        let fit = Fit::new(&grid(0.0, 1), 1e-4).unwrap();
        for (parameters, tokens) in [(1.31e6, 2e6), (725e3, 4e6), (5e6, 5e6)] {
            let (told, exact) = (fit.law.predict(parameters, tokens), TRUE.predict(parameters, tokens));
            assert!((told / exact - 1.0).abs() < 4e-3, "{told} {exact} {:?}", fit.law);
        }
    }

    #[test]
    fn noisy_ladders_foretell_a_larger_model_within_their_interval() {
        let (parameters, tokens) = (1.31e6, 2e6);
        let exact = TRUE.predict(parameters, tokens);
        let (mut within_80, mut within_95, mut worst) = (0, 0, 0.0f64);
        for seed in 0..24 {
            let fit = Fit::new(&grid(0.004, seed), 0.004).unwrap();
            // Seeds of the target add their noise.
            let found = exact * (0.004 * Random::new(1_000 + seed).normal()).exp();
            let told = fit.predict(parameters, tokens, 1);
            let is_in = |(low, high): (f64, f64)| usize::from((low..=high).contains(&found));
            within_80 += is_in(told.interval_80);
            within_95 += is_in(told.interval_95);
            worst = worst.max((told.bits_per_byte / exact - 1.0).abs());
            assert!(told.interval_95.0 < told.interval_80.0 && told.interval_80.1 < told.interval_95.1);
        }
        assert!(within_80 >= 16 && within_95 >= 21 && worst < 0.02, "{within_80} {within_95} {worst}");
    }

    #[test]
    fn one_outlier_moves_little_and_few_points_are_refused() {
        let mut points = grid(0.001, 3);
        points[5].bits_per_byte *= 1.2;
        let fit = Fit::new(&points, 0.004).unwrap();
        let (told, exact) = (fit.law.predict(1.31e6, 2e6), TRUE.predict(1.31e6, 2e6));
        assert!((told / exact - 1.0).abs() < 0.01, "{told} {exact}");
        assert!(Fit::new(&points[..8], 0.004).is_none());
    }
}
