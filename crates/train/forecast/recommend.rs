//! What a corpus of so many unique tokens is worth training: parameters and epochs, by the fitted law.
//!
//! Repeated tokens and parameters beyond what the unique ones can fill are worth less, as Muennighoff et al. 2023 found
//! them (R_D = 15.39, R_N = 5.31); the size that unique tokens fill is taken from the own law. Models far beyond the
//! ladder are extrapolated, and said so.

use crate::forecast::fit::{Fit, Law};
use serde::{Deserialize, Serialize};

/// Epochs and sizes after which repeats are worth a share 1/e less.
const R_TOKENS: f64 = 15.39;
const R_SIZE: f64 = 5.31;
/// Epochs that are nearly as good as new text, and that are worth anything.
const FREE_EPOCHS: f64 = 4.0;
const MOST_EPOCHS: f64 = 16.0;
/// Sizes that are tried: from the first on, each so much larger.
const SMALLEST: f64 = 2e4;
const LARGEST: f64 = 1e12;
const FACTOR: f64 = 1.05;
const N_SIZES: usize = 280;
/// The law was seen to hold up to this multiple of what was measured (GPT-4's technical report and the like).
const FAR: f64 = 4.0;

/// What to train with a budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    /// Training FLOPs: 6 per parameter and token.
    pub flops: f64,
    /// The same on this machine.
    pub hours_here: f64,
    /// The best size.
    pub parameters: f64,
    /// What four in five refits of the law call the best size.
    pub parameters_between: (f64, f64),
    /// Passes over the unique tokens.
    pub epochs: f64,
    /// Predicted, repeats discounted.
    pub bits_per_byte: f64,
    /// Of four in five refits.
    pub bits_per_byte_between: (f64, f64),
    /// More than four times the largest model or number of tokens that was measured.
    pub is_far: bool,
}

/// Bits per byte of `parameters` after `epochs` of `unique` tokens.
fn discounted(law: &Law, unique: f64, parameters: f64, epochs: f64) -> f64 {
    let saturating =
        |ratio: f64, r: f64| if ratio <= 1.0 { ratio } else { 1.0 + r * (1.0 - ((1.0 - ratio) / r).exp()) };
    let filled = filled(law, unique);
    law.predict(filled * saturating(parameters / filled, R_SIZE), unique * saturating(epochs, R_TOKENS))
}

/// The size at which a FLOP more is worth as much in parameters as in tokens: αA(N/N̄)^−α = βB(D/D̄)^−β.
pub fn filled(law: &Law, tokens: f64) -> f64 {
    let of_tokens = law.beta * law.of_tokens * (tokens / law.mean_tokens).powf(-law.beta);
    let ratio = law.alpha * law.of_size / of_tokens.max(f64::MIN_POSITIVE);
    // A law in which size or tokens do not count has no such size: then the smallest or the largest.
    (law.mean_parameters * ratio.powf(1.0 / law.alpha)).clamp(SMALLEST, LARGEST)
}

/// The best size for so many FLOPs on `unique` tokens, and its epochs.
fn best(law: &Law, unique: f64, flops: f64) -> (f64, f64, f64) {
    let sizes = (0..N_SIZES).map(|i| SMALLEST * FACTOR.powi(i as i32));
    let tried = sizes.map(|parameters| {
        let epochs = flops / (6.0 * parameters * unique);
        (parameters, epochs, discounted(law, unique, parameters, epochs))
    });
    tried.min_by(|a, b| a.2.total_cmp(&b.2)).unwrap_or((SMALLEST, 0.0, f64::INFINITY))
}

/// Advice for 1, 10 and 100 hours of `flops_per_second`, and for using the tokens fully: four epochs of the best size.
/// `largest` are the parameters and tokens of the largest model that was measured. Without any token there is none.
pub fn recommend(fit: &Fit, unique: f64, flops_per_second: f64, largest: (f64, f64)) -> Vec<Advice> {
    if unique < 1.0 {
        return Vec::new();
    }
    let fully = {
        let sizes = (0..N_SIZES).map(|i| SMALLEST * FACTOR.powi(i as i32));
        // The compute at which the best size is trained for four epochs.
        let flops = sizes.map(|parameters| 6.0 * parameters * unique * FREE_EPOCHS);
        let away = |flops: &f64| (best(&fit.law, unique, *flops).1 / FREE_EPOCHS).ln().abs();
        flops.min_by(|a, b| away(a).total_cmp(&away(b))).unwrap_or(0.0)
    };
    let hours = [1.0, 10.0, 100.0].map(|hours| hours * 3_600.0 * flops_per_second);
    let mut budgets: Vec<f64> = hours.into_iter().chain([fully]).collect();
    budgets.sort_by(f64::total_cmp);
    budgets.into_iter().map(|flops| advice(fit, unique, flops, flops_per_second, largest)).collect()
}

fn advice(fit: &Fit, unique: f64, flops: f64, flops_per_second: f64, largest: (f64, f64)) -> Advice {
    let (parameters, epochs, bits_per_byte) = best(&fit.law, unique, flops);
    let refits: Vec<(f64, f64, f64)> = fit.resampled.iter().map(|law| best(law, unique, flops)).collect();
    let between = |of: fn(&(f64, f64, f64)) -> f64| {
        let mut values: Vec<f64> = refits.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values.get((share * values.len() as f64) as usize).copied().unwrap_or_default();
        (at(0.1), at(0.9))
    };
    let (low, high) = between(|best| best.2);
    // The law's own error about a size that it was not shown is in no refit.
    let wider = fit.extrapolation().exp();
    Advice {
        flops,
        hours_here: flops / flops_per_second / 3_600.0,
        parameters,
        parameters_between: between(|best| best.0),
        epochs,
        bits_per_byte,
        bits_per_byte_between: (low / wider, high * wider),
        is_far: parameters > FAR * largest.0 || (epochs * unique).min(unique * MOST_EPOCHS) > FAR * largest.1,
    }
}

/// What a number of epochs means.
pub fn rule(epochs: f64) -> &'static str {
    match epochs {
        epochs if epochs <= 1.0 => "no token twice",
        epochs if epochs <= FREE_EPOCHS => "repeats are nearly as good as new text",
        epochs if epochs <= MOST_EPOCHS => "repeats are worth less: raise the weight decay",
        _ => "repeats are worth little: more text helps more",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAW: Law = Law {
        floor: 1.0,
        of_size: 0.4,
        alpha: 0.34,
        of_tokens: 0.6,
        beta: 0.34,
        mean_parameters: 3e5,
        mean_tokens: 4e5,
    };

    #[test]
    fn the_best_size_grows_with_compute_until_tokens_run_out() {
        let best: Vec<(f64, f64, f64)> = [1e12, 1e13, 1e14, 1e16].map(|flops| best(&LAW, 1e7, flops)).into();
        assert!(
            best.windows(2)
                .all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1 && pair[0].2 > pair[1].2)
        );
        assert!(best[0].1 < 1.0 && best[3].1 > 4.0, "{best:?}");
        // Equal exponents: parameters and tokens grow alike, as long as none is repeated.
        let grown = best[1].0 / best[0].0;
        assert!((grown / 10f64.sqrt() - 1.0).abs() < 0.06, "{grown}");
    }

    #[test]
    fn a_law_in_which_something_does_not_count_has_advice_all_the_same() {
        for law in [Law { of_size: 0.0, ..LAW }, Law { of_tokens: 0.0, ..LAW }, Law { floor: 0.0, ..LAW }] {
            let (parameters, epochs, bits_per_byte) = best(&law, 1e6, 1e13);
            assert!(
                parameters.is_finite() && epochs > 0.0 && bits_per_byte.is_finite(),
                "{law:?} {bits_per_byte}"
            );
        }
    }

    #[test]
    fn a_size_is_full_where_both_kinds_of_flop_are_worth_the_same() {
        let tokens = 2e6;
        let parameters = filled(&LAW, tokens);
        let at = |share: f64| LAW.predict(parameters * share, tokens / share);
        assert!(at(1.0) < at(1.1) && at(1.0) < at(0.9));
        // Repeats cost: four epochs are worth less than four times the text, and more than half of it.
        let four = discounted(&LAW, tokens, parameters, 4.0);
        assert!(four > LAW.predict(parameters, 4.0 * tokens) && four < LAW.predict(parameters, 3.0 * tokens));
    }
}
