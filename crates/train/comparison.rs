//! The difference of two arms on a held-out set: its interval, the smallest that could be seen, what follows.

use crate::eval::EvalSet;
use crate::questions::Asks;
use crate::statistics::{bootstrap_error, combined_freedom, t_quantile, two_sided};
use serde::{Deserialize, Serialize};

/// An interval that cannot resolve this many bits per byte concludes nothing: the size of a filter's effect.
const WORTH_RESOLVING: f64 = 0.06;
/// What a comparison counts for that was looked at, given more seeds, and looked at again.
pub const LOOKS: f64 = 2.0;
const BOOTSTRAP_SEED: u64 = 0x626f_6f74;

/// A statement about a difference; lower bits per byte are better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The interval lies below 0.
    Better,
    /// The interval lies above 0.
    Worse,
    /// No difference of the smallest detectable size or more.
    NoDifference,
    /// The interval is too wide to conclude, or there is none.
    #[default]
    TooWide,
}

/// `arm` minus `against` on one held-out set.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Comparison {
    /// `raw`, `kept`, or `own`.
    pub set: String,
    /// The arm in question.
    pub arm: String,
    /// What it is measured against.
    pub against: String,
    /// Bits per byte; negative = `arm` is better.
    pub difference: f64,
    /// 95 % interval from seeds (t, variance pooled over arms) and documents (bootstrap), 97.5 % where it is extended;
    /// absent with one seed.
    pub interval: Option<(f64, f64)>,
    /// Standard error that other documents would bring.
    pub document_error: f64,
    /// Standard error that other seeds would bring.
    pub seed_error: Option<f64>,
    /// Smallest difference found in 4 of 5 such experiments (two-sided, 5 %); absent with one seed.
    pub smallest_detectable: Option<f64>,
    /// What follows.
    pub verdict: Verdict,
    /// What it is for.
    #[serde(default)]
    pub asks: Asks,
    /// Chance of a difference as large where there is none; absent with one seed.
    #[serde(default)]
    pub p: Option<f64>,
    /// Of an ablation: the same, adjusted for the number of questions.
    #[serde(default)]
    pub p_adjusted: Option<f64>,
    /// The planned seeds left it open, and it got more: interval and chance allow for the second look.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub extended: bool,
}

/// `noise`: variance of the difference between seeds, and its degrees of freedom.
pub fn compare(
    set: &EvalSet,
    ((arm, against), (asks, extended)): ((&str, &str), (Asks, bool)),
    difference: f64,
    (nats, nats_against): (&[f64], &[f64]),
    noise: Option<(f64, f64)>,
) -> Comparison {
    let bits: Vec<f64> =
        nats.iter().zip(nats_against).map(|(a, b)| (a - b) / std::f64::consts::LN_2).collect();
    let bytes: Vec<f64> = set.documents.iter().map(|d| d.bytes as f64).collect();
    let document_error = bootstrap_error(&bits, &bytes, BOOTSTRAP_SEED);
    let (mut interval, mut smallest_detectable, mut verdict) = (None, None, Verdict::TooWide);
    let mut p = None;
    if let Some((seed_variance, freedom)) = noise {
        let error = (seed_variance + document_error.powi(2)).sqrt();
        let freedom = combined_freedom(seed_variance, freedom, document_error.powi(2));
        let looks = if extended { LOOKS } else { 1.0 };
        let reach = t_quantile(1.0 - 0.025 / looks, freedom) * error;
        let detectable = reach + t_quantile(0.8, freedom) * error;
        verdict = if difference + reach < 0.0 {
            Verdict::Better
        } else if difference - reach > 0.0 {
            Verdict::Worse
        } else if detectable > WORTH_RESOLVING {
            Verdict::TooWide
        } else {
            Verdict::NoDifference
        };
        interval = Some((difference - reach, difference + reach));
        smallest_detectable = Some(detectable);
        let chance = if difference == 0.0 { 1.0 } else { two_sided(difference / error, freedom) };
        p = Some((looks * chance).min(1.0));
    }
    Comparison {
        set: set.name.clone(),
        arm: arm.to_owned(),
        against: against.to_owned(),
        difference,
        interval,
        document_error,
        seed_error: noise.map(|(variance, _)| variance.sqrt()),
        smallest_detectable,
        verdict,
        asks,
        p,
        p_adjusted: None,
        extended,
    }
}
