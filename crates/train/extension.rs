//! More seeds for what the planned ones leave open: once, for both arms of a comparison, decided by finished runs alone.
//!
//! Who looks again where nothing was found finds more where there is nothing: of 100 comparisons without an effect 5 to 9,
//! and 3 to 5 at the first look alone (simulated below: 2 or 3 seeds and 2 more, 4 to 12 arms). So a comparison that is
//! looked at twice counts twice: its p is doubled and its interval is one of 97.5 %, which leaves 4 to 7. One that was
//! settled at the first look stays as it was: more runs of its arms do not count for it.

use crate::arms::ArmSpec;
use crate::comparison::Comparison;
use crate::findings::{FALSE_ALARM, SMALLEST_OF_INTEREST, headline_set};
use crate::plan::{Config, PLANNED};
use crate::planned::Speed;
use crate::questions::{Asks, asked};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a plan allows beyond its runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    /// Of an arm.
    pub seeds: u32,
    /// Of all arms together.
    pub most_runs: usize,
}

/// An arm and what it is measured against.
pub type Pair = (String, String);

impl Extra {
    /// Enough for every arm that is asked about, or what a budget of so many seconds leaves; no runs where that is not
    /// enough for two arms, or without an interval that could be open.
    pub fn new(config: &Config, seeds: u32, budget: Option<f64>, speed: Speed) -> Option<Extra> {
        let Speed { workers, rate, sets } = speed;
        let has = |name: &str| config.arms.iter().any(|arm| arm.name == name);
        let mut names = BTreeSet::new();
        for arm in &config.arms {
            for (against, _) in asked(arm, has).into_iter().filter(|(_, asks)| *asks == Asks::Effect) {
                names.extend([arm.name.as_str(), against]);
            }
        }
        let left = |seconds: f64| PLANNED * seconds - config.seconds(workers, rate, sets);
        let affordable = budget.map_or(usize::MAX, |seconds| {
            (left(seconds).max(0.0) / config.seconds_more(workers, rate, sets)) as usize
        });
        let most_runs = affordable.min(names.len() * seeds as usize);
        let is_enough = config.training.seeds > 1 && most_runs >= 2 * seeds as usize;
        (seeds > 0).then_some(Extra { seeds, most_runs: if is_enough { most_runs } else { 0 } })
    }
}

/// The comparisons that get more seeds, as far as the runs go, those nearest to a finding first: effects on the set of
/// the headline that were not found, though the difference is one that matters.
pub fn open(comparisons: &[Comparison], extra: Extra) -> Vec<Pair> {
    let set = headline_set(comparisons);
    let is_open = |c: &&Comparison| {
        let is_found = c.p_adjusted.is_none_or(|p| p < FALSE_ALARM);
        c.set == set && c.asks == Asks::Effect && !is_found && c.difference.abs() > SMALLEST_OF_INTEREST
    };
    let mut open: Vec<&Comparison> = comparisons.iter().filter(is_open).collect();
    open.sort_by(|a, b| a.p.unwrap_or(1.0).total_cmp(&b.p.unwrap_or(1.0)));
    let (mut arms, mut pairs) = (BTreeSet::new(), Vec::new());
    for Comparison { arm, against, .. } in open {
        let more: BTreeSet<&str> = [arm.as_str(), against.as_str()].into();
        let with: BTreeSet<&str> = arms.union(&more).copied().collect();
        if with.len() * extra.seeds as usize <= extra.most_runs {
            arms = with;
            pairs.push((arm.clone(), against.clone()));
        }
    }
    pairs
}

/// The runs that these comparisons get beyond the planned ones.
pub fn runs<'c>(config: &'c Config, pairs: &[Pair]) -> Vec<(u32, &'c ArmSpec)> {
    let is_in = |arm: &ArmSpec| pairs.iter().any(|(a, b)| *a == arm.name || *b == arm.name);
    let all = config.runs_of(config.training.seeds..config.most_seeds());
    all.into_iter().filter(|(_, arm)| is_in(arm)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::LOOKS;
    use crate::random::Random;
    use crate::statistics::{mean, moderated, run_variance, two_sided, variance_of};

    fn comparison(arm: &str, against: &str, asks: Asks, difference: f64, p: f64) -> Comparison {
        let (arm, against) = (arm.to_owned(), against.to_owned());
        let (p, p_adjusted) = (Some(p), Some((3.0 * p).min(1.0)));
        Comparison {
            set: "kept".into(),
            arm,
            against,
            asks,
            difference,
            p,
            p_adjusted,
            ..Comparison::default()
        }
    }

    #[test]
    fn what_is_open_and_matters_gets_more_seeds_as_far_as_they_go() {
        let comparisons = [
            comparison("all", "raw", Asks::Effect, -0.2, 0.001),
            comparison("all", "language_only", Asks::Effect, -0.04, 0.2),
            comparison("only:x", "raw", Asks::Effect, 0.03, 0.1),
            comparison("only:y", "raw", Asks::Effect, 0.004, 0.1),
            comparison("raw2", "raw", Asks::Silence, 0.02, 0.3),
            comparison("neg", "raw", Asks::Worse, 0.02, 0.3),
            Comparison { set: "raw".into(), ..comparison("only:y", "raw", Asks::Effect, 0.4, 0.1) },
            Comparison { p: None, p_adjusted: None, ..comparison("only:z", "raw", Asks::Effect, 0.4, 0.1) },
        ];
        let open = |most_runs| {
            let pairs = open(&comparisons, Extra { seeds: 2, most_runs });
            pairs.into_iter().map(|(arm, against)| format!("{arm} {against}")).collect::<Vec<_>>()
        };
        assert_eq!(open(8), ["only:x raw", "all language_only"]);
        assert_eq!(open(7), ["only:x raw"]);
        assert!(open(3).is_empty());
    }

    /// Whether `arm − raw` is found at `level`, as an ablation judges it: `scores[arm][seed]`, the first `n` seeds.
    fn is_found(scores: &[Vec<f64>], planned: usize, n: usize, level: f64) -> bool {
        let first: Vec<Vec<f64>> = scores.iter().map(|arm| arm[..planned].to_vec()).collect();
        let Some((variance, freedom)) = run_variance(&first) else { return false };
        let differences: Vec<f64> = (0..n).map(|seed| scores[1][seed] - scores[0][seed]).collect();
        let n = n as f64;
        let (variance, freedom) =
            moderated((2.0 * variance / n, freedom), (variance_of(&differences) / n, n - 1.0));
        two_sided(mean(&differences) / variance.sqrt(), freedom) < level
    }

    #[test]
    fn looking_twice_finds_hardly_more_where_there_is_nothing() {
        const TRIALS: usize = 3_000;
        let mut random = Random::new(17);
        for (planned, n_arms) in [(2, 12), (3, 12), (3, 4)] {
            let (mut once, mut twice, mut uncorrected) = (0, 0, 0);
            for _ in 0..TRIALS {
                // Scores of runs that differ by the seed, in all arms alike, and by noise.
                let of_seed: Vec<f64> = (0..planned + 2).map(|_| 0.03 * random.normal()).collect();
                let arm = |random: &mut Random| -> Vec<f64> {
                    of_seed.iter().map(|seed| seed + 0.03 * random.normal()).collect()
                };
                let scores: Vec<Vec<f64>> = (0..n_arms).map(|_| arm(&mut random)).collect();
                if is_found(&scores, planned, planned, FALSE_ALARM) {
                    (once, twice, uncorrected) = (once + 1, twice + 1, uncorrected + 1);
                    continue;
                }
                let difference = mean(&scores[1][..planned]) - mean(&scores[0][..planned]);
                if difference.abs() > SMALLEST_OF_INTEREST {
                    twice += u32::from(is_found(&scores, planned, planned + 2, FALSE_ALARM / LOOKS));
                    uncorrected += u32::from(is_found(&scores, planned, planned + 2, FALSE_ALARM));
                }
            }
            let share = |n: u32| f64::from(n) / TRIALS as f64;
            let found = (share(once), share(twice), share(uncorrected));
            eprintln!("{planned} seeds, {n_arms} arms: {found:?}");
            assert!(found.0 < 0.06 && found.1 < 0.07 && found.2 > found.1 + 0.01, "{found:?}");
        }
    }
}
