//! Intervals for differences between arms: pooled seed variance, a paired document bootstrap, Student's t.

use crate::random::Random;

/// Resamples of the document bootstrap.
const RESAMPLES: usize = 1_000;
/// Above this many degrees of freedom, t is the normal distribution to four digits.
const MANY: f64 = 1_000.0;

/// Variance of one run about the additive model `arm + seed`, and its degrees of freedom.
///
/// `scores[arm][seed]`. Taking the seed's own effect out is what pairing by seed buys. `None` with one seed or one arm.
pub fn run_variance(scores: &[Vec<f64>]) -> Option<(f64, f64)> {
    let n_arms = scores.len();
    let n_seeds = scores.first().map_or(0, Vec::len);
    if n_arms < 2 || n_seeds < 2 {
        return None;
    }
    let arm_means: Vec<f64> = scores.iter().map(|row| mean(row)).collect();
    let seed_means: Vec<f64> =
        (0..n_seeds).map(|s| scores.iter().map(|row| row[s]).sum::<f64>() / n_arms as f64).collect();
    let grand = mean(&arm_means);
    let mut squares = 0.0;
    for (row, arm_mean) in scores.iter().zip(&arm_means) {
        for (score, seed_mean) in row.iter().zip(&seed_means) {
            squares += (score - arm_mean - seed_mean + grand).powi(2);
        }
    }
    let freedom = ((n_arms - 1) * (n_seeds - 1)) as f64;
    Some((squares / freedom, freedom))
}

/// Standard deviation between seeds of the same arm, pooled over arms; `None` with one seed.
pub fn seed_deviation(scores: &[Vec<f64>]) -> Option<f64> {
    let freedom: usize = scores.iter().map(|row| row.len().saturating_sub(1)).sum();
    if freedom == 0 {
        return None;
    }
    let squares: f64 =
        scores.iter().map(|row| row.iter().map(|score| (score - mean(row)).powi(2)).sum::<f64>()).sum();
    Some((squares / freedom as f64).sqrt())
}

/// Standard error of `Σ differences / Σ bytes` when other documents of the same kind had been held out.
pub fn bootstrap_error(differences: &[f64], bytes: &[f64], seed: u64) -> f64 {
    if differences.is_empty() {
        return 0.0;
    }
    let mut random = Random::new(seed);
    let ratios: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let (mut difference, mut size) = (0.0, 0.0);
            for _ in 0..differences.len() {
                let i = random.below(differences.len());
                difference += differences[i];
                size += bytes[i];
            }
            difference / size.max(1.0)
        })
        .collect();
    let centre = mean(&ratios);
    (ratios.iter().map(|r| (r - centre).powi(2)).sum::<f64>() / (RESAMPLES - 1) as f64).sqrt()
}

/// Degrees of freedom of a sum of variances (Welch 1947, Satterthwaite 1946): only the seeds' part is small.
pub fn combined_freedom(seed_variance: f64, freedom: f64, document_variance: f64) -> f64 {
    if seed_variance <= 0.0 {
        return MANY;
    }
    (freedom * ((seed_variance + document_variance) / seed_variance).powi(2)).min(MANY)
}

/// The value that Student's t with `freedom` ≥ 1 degrees stays below with probability `p` in (0, 1).
pub fn t_quantile(p: f64, freedom: f64) -> f64 {
    // With t = √ν·tan θ the density becomes cos^(ν-1) θ on (-π/2, π/2): finite, smooth, easy to integrate.
    if p < 0.5 {
        return -t_quantile(1.0 - p, freedom);
    }
    let freedom = freedom.clamp(1.0, MANY);
    let half_turn = std::f64::consts::FRAC_PI_2;
    let half_mass = cosine_power_integral(half_turn, freedom - 1.0);
    let target = (2.0 * p - 1.0) * half_mass;
    let (mut low, mut high) = (0.0, half_turn);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if cosine_power_integral(middle, freedom - 1.0) < target {
            low = middle;
        } else {
            high = middle;
        }
    }
    freedom.sqrt() * (0.5 * (low + high)).tan()
}

/// ∫ cos^power from 0 to `end`, by Simpson's rule.
fn cosine_power_integral(end: f64, power: f64) -> f64 {
    const INTERVALS: usize = 2_000;
    let width = end / INTERVALS as f64;
    let value = |i: usize| (i as f64 * width).cos().max(0.0).powf(power);
    let inner: f64 = (1..INTERVALS).map(|i| value(i) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
    (value(0) + inner + value(INTERVALS)) * width / 3.0
}

/// Arithmetic mean; 0 for nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_quantiles_are_those_of_the_tables() {
        for (p, freedom, table) in [
            (0.975, 1.0, 12.706),
            (0.975, 3.0, 3.182),
            (0.975, 4.0, 2.776),
            (0.8, 3.0, 0.978),
            (0.975, 30.0, 2.042),
            (0.975, 1e9, 1.962),
        ] {
            assert!((t_quantile(p, freedom) - table).abs() < 2e-3, "{p} {freedom}");
            assert!((t_quantile(1.0 - p, freedom) + table).abs() < 2e-3);
        }
    }

    #[test]
    fn the_seeds_own_effect_is_not_noise() {
        let scores = vec![vec![3.0, 3.1], vec![2.8, 2.9], vec![2.7, 2.8]];
        let (variance, freedom) = run_variance(&scores).unwrap_or((1.0, 0.0));
        assert!(variance < 1e-20);
        assert_eq!(freedom, 2.0);
        let deviation = seed_deviation(&scores).unwrap_or(0.0);
        assert!((deviation - 0.1 / 2f64.sqrt()).abs() < 1e-12);
        assert!(run_variance(&[vec![1.0], vec![2.0]]).is_none());
    }

    #[test]
    fn the_bootstrap_finds_the_standard_error_of_a_mean() {
        let mut random = Random::new(7);
        let values: Vec<f64> = (0..400).map(|_| random.normal()).collect();
        let error = bootstrap_error(&values, &vec![1.0; 400], 1);
        assert!((error - 0.05).abs() < 0.01, "{error}");
    }
}
