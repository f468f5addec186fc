//! The scores of the runs that are finished, by arm and seed.

use crate::arms::{Arm, ArmSpec};
use crate::eval::{EvalSet, bits_per_byte};
use crate::outcome::RunScore;
use crate::plan::Config;
use crate::questions::place;
use crate::statistics::mean;
use std::collections::BTreeMap;

/// An arm and its finished runs.
pub struct Trained<'r> {
    pub name: &'r str,
    /// Nats of every document of every set, by seed.
    pub runs: BTreeMap<u32, &'r [Vec<f64>]>,
}

impl Trained<'_> {
    /// Bits per byte on a set, by seed.
    pub fn bits(&self, s: usize, set: &EvalSet) -> BTreeMap<u32, f64> {
        let bits = |nats: &[f64]| bits_per_byte(nats, set.documents.iter().map(|d| d.bytes));
        self.runs.iter().map(|(seed, nats)| (*seed, bits(&nats[s]))).collect()
    }

    /// Of every document of a set, over some seeds.
    pub fn mean_nats(&self, s: usize, seeds: &[u32]) -> Vec<f64> {
        let runs: Vec<&Vec<f64>> = seeds.iter().filter_map(|seed| Some(&self.runs.get(seed)?[s])).collect();
        let n_documents = runs.first().map_or(0, |nats| nats.len());
        let n = runs.len().max(1) as f64;
        (0..n_documents).map(|d| runs.iter().map(|nats| nats[d]).sum::<f64>() / n).collect()
    }
}

/// The arms of which a run is finished, in the order of the tables.
pub fn trained<'r>(config: &'r Config, runs: &'r [RunScore]) -> Vec<Trained<'r>> {
    let of = |name: &'r str| Trained {
        name,
        runs: runs.iter().filter(|run| run.arm == name).map(|run| (run.seed, &run.nats[..])).collect(),
    };
    let mut arms: Vec<Trained<'r>> = config.arms.iter().map(|arm| of(&arm.name)).collect();
    arms.retain(|arm| !arm.runs.is_empty());
    if config.is_ablation() {
        arms.sort_by_key(|arm| place(arm.name));
    }
    arms
}

/// Bits per byte of raw text by the tokens that a run had, as multiples of the others'.
pub fn raw_curve(config: &Config, names: &[&str], scores: &[Vec<f64>]) -> Vec<(f64, f64)> {
    let is_raw = |spec: &&ArmSpec| spec.arm == Arm::Raw && spec.order == 0 && spec.rate_divisor == 1;
    let point = |spec: &ArmSpec| {
        let at = names.iter().position(|name| *name == spec.name)?;
        Some((f64::from(spec.tokens_percent) / 100.0, mean(&scores[at])))
    };
    let mut curve: Vec<(f64, f64)> = config.arms.iter().filter(is_raw).filter_map(point).collect();
    curve.sort_by(|a, b| a.0.total_cmp(&b.0));
    curve
}
