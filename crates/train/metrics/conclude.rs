//! From the metrics of runs to those of arms: means over seeds, differences with intervals, what was found.

use crate::comparison::Comparison;
use crate::eval::EvalSet;
use crate::metrics::families::{Better, FAMILIES, Family};
use crate::metrics::{Measure, Measures};
use crate::outcome::RunScore;
use crate::statistics::{combined_freedom, mean, run_variance, seed_deviation, t_quantile};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::f64::consts::LN_2;

/// A domain with fewer documents is not told apart.
const FEWEST_DOCUMENTS: usize = 5;
/// Standard deviations of a 95 % interval of a share.
const NORMAL: f64 = 1.96;

/// What a difference between arms showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// The interval lies above 0.
    Higher,
    /// The interval lies below 0.
    Lower,
    /// The interval holds 0, or there is none.
    Nothing,
}

/// One metric of all arms.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MetricScore {
    /// `<family>.<which>`.
    pub name: String,
    /// What is measured, and in which unit.
    pub about: String,
    /// Which way is better.
    pub better: Better,
    /// The same number of held-out text, where it has one.
    pub heldout: Option<f64>,
    /// In the order of the run; an arm that was not asked is absent.
    pub arms: Vec<ArmMetric>,
    /// First minus second.
    pub differences: Vec<MetricDifference>,
}

/// A metric of one arm.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ArmMetric {
    /// Name of the arm.
    pub arm: String,
    /// Mean over seeds.
    pub value: f64,
    /// One per seed.
    pub by_seed: Vec<f64>,
    /// 95 %: of shares Wilson's (1927), else from seeds (t, variance pooled over arms) and items; absent with one seed.
    pub interval: Option<(f64, f64)>,
}

/// `arm` minus `against`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MetricDifference {
    /// The arm in question.
    pub arm: String,
    /// What it is measured against.
    pub against: String,
    /// Mean over seeds.
    pub difference: f64,
    /// 95 % interval from seeds (t, paired, variance pooled over arms) and items; absent with one seed.
    pub interval: Option<(f64, f64)>,
    /// What follows, for this metric alone: of twenty such intervals one misses 0 by chance.
    pub found: Found,
}

/// Puts the metrics of all runs together; `comparisons` says which arms are held against which.
pub fn conclude(
    names: &[&str],
    comparisons: &[Comparison],
    sets: &[EvalSet],
    runs: &[RunScore],
) -> Vec<MetricScore> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for comparison in comparisons {
        let pair = (comparison.arm.as_str(), comparison.against.as_str());
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    let measures: Vec<Vec<Measures>> = names.iter().map(|name| of_arm(name, sets, runs)).collect();
    let mut scores = Vec::new();
    for family in &FAMILIES {
        let is_in = |name: &&String| name.split_once('.').is_some_and(|(of, _)| of == family.name);
        let mut found: Vec<&String> =
            measures.iter().flatten().flat_map(BTreeMap::keys).filter(is_in).collect();
        found.sort_by_key(|name| (number(name), *name));
        found.dedup();
        for metric in found {
            let of_metric = |runs: &Vec<Measures>| -> Vec<Measure> {
                runs.iter().filter_map(|run| run.get(metric).cloned()).collect()
            };
            let by_arm = names.iter().copied().zip(measures.iter().map(of_metric));
            let by_arm: Vec<Answers<'_>> = by_arm.filter(|(_, runs)| !runs.is_empty()).collect();
            scores.push(score(family, metric, &by_arm, &pairs));
        }
    }
    scores
}

/// The number that a metric's second name begins with; 0 without one.
fn number(name: &str) -> usize {
    let which = name.split_once('.').map_or("", |(_, which)| which);
    which.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The metrics of an arm's runs, seed by seed, with those by domain.
fn of_arm(name: &str, sets: &[EvalSet], runs: &[RunScore]) -> Vec<Measures> {
    let mut of_arm: Vec<&RunScore> = runs.iter().filter(|run| run.arm == name).collect();
    of_arm.sort_by_key(|run| run.seed);
    let with_domains = |run: &RunScore| {
        let mut measures = run.metrics.clone();
        sets.iter().zip(&run.nats).for_each(|(set, nats)| measures.extend(domains(set, nats)));
        measures
    };
    of_arm.into_iter().map(with_domains).collect()
}

/// Bits per byte of every domain, and their mean, in which a domain of long documents counts no more than another.
fn domains(set: &EvalSet, nats: &[f64]) -> Measures {
    let mut domains: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for (document, nats) in set.documents.iter().zip(nats) {
        if let Some(source) = &document.source {
            domains.entry(source).or_default().push((nats / LN_2, document.bytes as f64));
        }
    }
    domains.retain(|_, documents| documents.len() >= FEWEST_DOCUMENTS);
    let mut measures = Measures::new();
    if domains.len() < 2 {
        return measures;
    }
    let n = domains.len() as f64;
    let even = |documents: &Vec<(f64, f64)>| {
        let bytes = n * documents.iter().map(|document| document.1).sum::<f64>();
        documents.iter().map(|(bits, size)| (bits / bytes, size / bytes)).collect::<Vec<_>>()
    };
    let all: Vec<(f64, f64)> = domains.values().flat_map(even).collect();
    let mean = Measure::ratio(&all).map(|measure| (format!("bits_per_byte.{}", set.name), measure));
    measures.extend(mean);
    let of_domain = |(source, documents): (&str, Vec<(f64, f64)>)| {
        Measure::ratio(&documents).map(|measure| (format!("bits_per_byte.{}/{source}", set.name), measure))
    };
    measures.extend(domains.into_iter().filter_map(of_domain));
    measures
}

/// An arm's name, and a metric of its runs, seed by seed.
type Answers<'n> = (&'n str, Vec<Measure>);

fn score(family: &Family, name: &str, by_arm: &[Answers<'_>], pairs: &[(&str, &str)]) -> MetricScore {
    let scores: Vec<Vec<f64>> =
        by_arm.iter().map(|(_, runs)| runs.iter().map(|run| run.value).collect()).collect();
    let n_seeds = scores.first().map_or(0, Vec::len);
    let is_whole = scores.iter().all(|values| values.len() == n_seeds);
    let is_share = by_arm.iter().all(|(_, runs)| runs.iter().all(Measure::is_share));
    let deviation = seed_deviation(&scores).filter(|_| is_whole);
    let items: Vec<Items> = by_arm.iter().map(|(_, runs)| Items::of(runs, family.is_fixed)).collect();
    let arm = |i: usize| {
        let ((name, runs), values, items) = (&by_arm[i], &scores[i], &items[i]);
        let value = mean(values);
        let n_asked =
            if family.is_fixed { items.values.len() } else { runs.iter().map(|run| run.items.len()).sum() };
        let by_seeds = deviation.map(|deviation| {
            let seed_variance = deviation.powi(2) / n_seeds as f64;
            let freedom = (by_arm.len() * (n_seeds - 1)) as f64;
            reach(seed_variance, freedom, items.error(value).powi(2))
        });
        let interval = match is_share {
            true => Some(wilson(value, n_asked as f64)),
            false => by_seeds.map(|reach| (value - reach, value + reach)),
        };
        ArmMetric { arm: (*name).to_owned(), value, by_seed: values.clone(), interval }
    };
    let arms: Vec<ArmMetric> = (0..by_arm.len()).map(arm).collect();
    let variance = if is_whole { run_variance(&scores) } else { None };
    let difference = |(arm, against): &(&str, &str)| {
        let at = |name: &str| by_arm.iter().position(|(known, _)| *known == name);
        let (a, b) = (at(arm)?, at(against)?);
        let difference = arms[a].value - arms[b].value;
        let interval = variance.map(|(variance, freedom)| {
            let item_error = items[a].error_of_difference(&items[b], (arms[a].value, arms[b].value));
            let reach = reach(2.0 * variance / n_seeds as f64, freedom, item_error.powi(2));
            (difference - reach, difference + reach)
        });
        let found = match interval {
            Some((low, _)) if low > 0.0 => Found::Higher,
            Some((_, high)) if high < 0.0 => Found::Lower,
            _ => Found::Nothing,
        };
        let (arm, against) = ((*arm).to_owned(), (*against).to_owned());
        Some(MetricDifference { arm, against, difference, interval, found })
    };
    let differences = pairs.iter().filter_map(difference).collect();
    let heldout = by_arm.iter().flat_map(|(_, runs)| runs).find_map(|run| run.heldout);
    let about = family.about.to_owned();
    MetricScore { name: name.to_owned(), about, better: family.better, heldout, arms, differences }
}

/// Half of a 95 % interval.
fn reach(seed_variance: f64, freedom: f64, item_variance: f64) -> f64 {
    let freedom = combined_freedom(seed_variance, freedom, item_variance);
    t_quantile(0.975, freedom) * (seed_variance + item_variance).sqrt()
}

/// Wilson's interval of a share of `n`.
fn wilson(share: f64, n: f64) -> (f64, f64) {
    let n = n.max(1.0);
    let square = NORMAL.powi(2) / n;
    let centre = (share + square / 2.0) / (1.0 + square);
    let reach = NORMAL / (1.0 + square) * (share * (1.0 - share) / n + square / (4.0 * n)).max(0.0).sqrt();
    ((centre - reach).max(0.0), (centre + reach).min(1.0))
}

/// Items that all runs of an arm were asked, each the mean over seeds; none where every run has its own.
struct Items {
    values: Vec<f64>,
    weights: Vec<f64>,
}

impl Items {
    fn of(runs: &[Measure], is_fixed: bool) -> Self {
        let n = runs.first().map_or(0, |run| run.items.len());
        let is_same = |run: &Measure| run.items.len() == n && run.weights == runs[0].weights;
        if !is_fixed || !runs.iter().all(is_same) {
            return Items { values: Vec::new(), weights: Vec::new() };
        }
        let of_item =
            |i: usize| runs.iter().map(|run| f64::from(run.items[i])).sum::<f64>() / runs.len() as f64;
        let weight = |i: usize| runs[0].weights.get(i).map_or(1.0, |weight| f64::from(*weight));
        Items { values: (0..n).map(of_item).collect(), weights: (0..n).map(weight).collect() }
    }

    /// Standard error of a mean or ratio of `value` when other items of the kind had been asked (delta method).
    fn error(&self, value: f64) -> f64 {
        let away = self.values.iter().zip(&self.weights).map(|(item, weight)| item - value * weight);
        ratio_error(away.collect(), &self.weights)
    }

    /// The same of a difference, paired where both were asked the same.
    fn error_of_difference(&self, other: &Items, (value, other_value): (f64, f64)) -> f64 {
        if self.weights != other.weights {
            return self.error(value).hypot(other.error(other_value));
        }
        let difference = value - other_value;
        let both = self.values.iter().zip(&other.values).zip(&self.weights);
        ratio_error(both.map(|((a, b), weight)| a - b - difference * weight).collect(), &self.weights)
    }
}

fn ratio_error(away: Vec<f64>, weights: &[f64]) -> f64 {
    let n = away.len() as f64;
    if n < 2.0 {
        return 0.0;
    }
    (n / (n - 1.0) * away.iter().map(|away| away.powi(2)).sum::<f64>()).sqrt() / weights.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arm: &str, seed: u32, pairs: &[(f64, f64)]) -> RunScore {
        let measure = Measure::ratio(pairs).unwrap_or_default();
        let metrics = Measures::from([("toxic.listed_word".to_owned(), measure)]);
        RunScore { arm: arm.into(), seed, metrics, ..RunScore::default() }
    }

    fn against_raw(runs: &[RunScore]) -> MetricScore {
        let pair = [Comparison { arm: "all".into(), against: "raw".into(), ..Comparison::default() }];
        let mut scores = conclude(&["raw", "all"], &pair, &[], runs);
        assert_eq!(scores.len(), 1);
        scores.remove(0)
    }

    #[test]
    fn a_difference_is_found_where_seeds_and_items_agree_on_it() {
        let items = |level: f64, slope: f64| -> Vec<(f64, f64)> {
            (0..20).map(|i| (level + slope * f64::from(i % 5), 1.0)).collect()
        };
        let of = |all: [f64; 3], slope: f64| {
            let raw = [3.0, 3.02, 3.01];
            let runs = (0..3u32).flat_map(|seed| {
                let at = seed as usize;
                [run("raw", seed, &items(raw[at], 0.5)), run("all", seed, &items(all[at], slope))]
            });
            against_raw(&runs.collect::<Vec<_>>()).differences.remove(0)
        };
        let lower = of([2.9, 2.92, 2.912], 0.5);
        assert!((lower.difference + 0.0993).abs() < 1e-3 && lower.found == Found::Lower, "{lower:?}");
        assert_eq!(of([3.1, 3.12, 3.112], 0.5).found, Found::Higher);
        assert_eq!(of([2.9, 3.15, 3.01], 0.5).found, Found::Nothing);
        // The same means, but half of the items say the opposite.
        assert_eq!(of([3.9, 3.92, 3.912], 0.0).found, Found::Nothing);
    }

    #[test]
    fn one_seed_has_no_interval_and_a_share_has_wilsons() {
        let alone = against_raw(&[run("raw", 0, &[(1.0, 1.0); 9]), run("all", 0, &[(2.0, 1.0); 9])]);
        assert_eq!((alone.differences[0].interval, alone.differences[0].found), (None, Found::Nothing));
        assert_eq!(alone.differences[0].difference, 1.0);
        // 8 of 10: 0.4902 to 0.9433.
        let (low, high) = wilson(0.8, 10.0);
        assert!((low - 0.4902).abs() < 1e-3 && (high - 0.9433).abs() < 1e-3, "{low} {high}");
        let (low, high) = wilson(0.0, 20.0);
        assert!(low == 0.0 && (high - 0.161).abs() < 1e-3, "{high}");
    }

    #[test]
    fn sources_count_alike_however_long_their_documents() {
        let document = |source: &str, bytes: usize| crate::eval::EvalDocument {
            ids: Vec::new(),
            bytes,
            source: Some(source.to_owned()),
        };
        let documents: Vec<_> =
            (0..10).flat_map(|_| [document("book", 1_000), document("news", 10)]).collect();
        let nats: Vec<f64> =
            documents.iter().map(|d| LN_2 * d.bytes as f64 * (d.bytes / 500) as f64).collect();
        let set = EvalSet { name: "kept".into(), documents, n_curve: 1 };
        let found = domains(&set, &nats);
        let value = |name: &str| found[&format!("bits_per_byte.kept{name}")].value;
        assert!((value("/book") - 2.0).abs() < 1e-9 && value("/news").abs() < 1e-9);
        assert!((value("") - 1.0).abs() < 1e-9);
    }
}
