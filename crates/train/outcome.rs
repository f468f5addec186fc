//! From scores of runs to statements: bits per byte per arm, differences with intervals, verdicts.

use crate::arms::ArmSpec;
use crate::comparison::{Comparison, Verdict, compare};
use crate::eval::{EvalSet, bits_per_byte};
use crate::extension::Pair;
use crate::findings::{self, Findings};
use crate::gain::{TokenGain, token_gain};
use crate::metrics::{self, Measures, MetricScore};
use crate::plan::Config;
use crate::questions::{Asks, asked};
use crate::samples::Sample;
use crate::spikes::Rewind;
use crate::statistics::{balanced, mean, moderated, run_variance, seed_deviation, variance_of};
use crate::trained::{raw_curve, trained};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one finished run leaves behind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RunScore {
    pub arm: String,
    pub seed: u32,
    /// Nats of every document of every held-out set.
    pub nats: Vec<Vec<f64>>,
    pub samples: Vec<Sample>,
    /// What else it shows.
    #[serde(default)]
    pub metrics: Measures,
    /// Seconds of training.
    pub seconds: f64,
    /// How it went back.
    #[serde(default)]
    pub rewinds: Vec<Rewind>,
}

/// A run that went back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rewound {
    /// Name of the arm.
    pub arm: String,
    /// Seed of the run.
    pub seed: u32,
    /// From where, to where, and why.
    #[serde(flatten)]
    pub rewind: Rewind,
}

/// What `result.json` holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Names the folder under `out/train/`.
    pub config_hash: String,
    /// `smoke` or `quick`.
    pub preset: String,
    /// Weights of a model.
    pub parameters: usize,
    /// Trained-on tokens of every run.
    pub tokens_per_run: usize,
    /// Optimizer steps of every run.
    pub steps: usize,
    /// Seeds per arm.
    pub seeds: u32,
    /// Training tokens per second of one run, mean over runs.
    pub tokens_per_second_per_run: f64,
    /// In the order of the run.
    pub arms: Vec<ArmScore>,
    /// First minus second, per held-out set.
    pub comparisons: Vec<Comparison>,
    /// Standard deviation between seeds of one arm, pooled, per held-out set; absent with one seed.
    pub seed_deviation: BTreeMap<String, f64>,
    /// What else models show, by metric.
    #[serde(default)]
    pub metrics: Vec<MetricScore>,
    /// What a reader must know, in sentences.
    pub notes: Vec<String>,
    /// Runs that went back before a spike of the loss.
    #[serde(default)]
    pub rewinds: Vec<Rewound>,
    /// Of `corpus ablate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ablation: Option<Findings>,
}

/// An arm's scores.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ArmScore {
    /// Name of the arm.
    pub arm: String,
    /// One per held-out set.
    pub heldout: Vec<SetScore>,
}

/// Bits per byte on one held-out set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetScore {
    /// `raw`, `kept`, or `own`.
    pub set: String,
    /// Documents and bytes scored.
    pub documents: usize,
    /// Bytes of their text.
    pub bytes: usize,
    /// Mean over seeds.
    pub bits_per_byte: f64,
    /// One per seed.
    pub by_seed: Vec<f64>,
    /// Mean over seeds, per domain; empty where the input names none.
    pub domains: BTreeMap<String, Score>,
    /// What the arm is worth in tokens of `raw`, in an ablation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_gain: Option<TokenGain>,
}

/// Bits per byte of one domain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Score {
    /// Documents of the domain.
    pub documents: usize,
    /// Mean over seeds.
    pub bits_per_byte: f64,
}

/// Puts all finished runs together. A comparison has the planned seeds, and the others too if it is `extended`.
pub fn conclude(
    config: &Config,
    parameters: usize,
    sets: &[EvalSet],
    runs: &[RunScore],
    extended: &[Pair],
) -> Outcome {
    let is_planned = |seed: &u32| *seed < config.training.seeds;
    let trained = trained(config, runs);
    let names: Vec<&str> = trained.iter().map(|arm| arm.name).collect();
    let mut arms: Vec<ArmScore> =
        names.iter().map(|name| ArmScore { arm: (*name).to_owned(), heldout: Vec::new() }).collect();
    let mut comparisons = Vec::new();
    let mut deviations = BTreeMap::new();
    for (s, set) in sets.iter().enumerate().filter(|(_, set)| !set.documents.is_empty()) {
        let by_seed: Vec<BTreeMap<u32, f64>> = trained.iter().map(|arm| arm.bits(s, set)).collect();
        let scores: Vec<Vec<f64>> = by_seed.iter().map(|arm| arm.values().copied().collect()).collect();
        for (arm, scores) in scores.iter().enumerate() {
            let seeds: Vec<u32> = by_seed[arm].keys().copied().collect();
            arms[arm].heldout.push(SetScore {
                set: set.name.clone(),
                documents: set.documents.len(),
                bytes: set.documents.iter().map(|d| d.bytes).sum(),
                bits_per_byte: mean(scores),
                by_seed: scores.clone(),
                domains: domains(set, &trained[arm].mean_nats(s, &seeds)),
                token_gain: None,
            });
        }
        if let Some(deviation) = seed_deviation(&scores) {
            deviations.insert(set.name.clone(), deviation);
        }
        let planned = |arm: &BTreeMap<u32, f64>| -> BTreeMap<u32, f64> {
            arm.iter().filter(|(seed, _)| is_planned(seed)).map(|(seed, bits)| (*seed, *bits)).collect()
        };
        let planned: Vec<BTreeMap<u32, f64>> = by_seed.iter().map(planned).collect();
        let variance = run_variance(&balanced(&planned));
        let compared = |arm: usize, against: usize, asks: Asks| {
            let is_pair = |(a, b): &Pair| a == names[arm] && b == names[against];
            let is_extended = extended.iter().any(is_pair);
            let is_common =
                |seed: &&u32| by_seed[against].contains_key(seed) && (is_extended || is_planned(seed));
            let seeds: Vec<u32> = by_seed[arm].keys().filter(is_common).copied().collect();
            let bits = |arm: usize| mean(&seeds.iter().map(|seed| by_seed[arm][seed]).collect::<Vec<f64>>());
            let documents =
                (&trained[arm].mean_nats(s, &seeds)[..], &trained[against].mean_nats(s, &seeds)[..]);
            let n = seeds.len() as f64;
            let pooled = variance.map(|(variance, freedom)| (2.0 * variance / n, freedom));
            let differences: Vec<f64> = seeds.iter().map(|s| by_seed[arm][s] - by_seed[against][s]).collect();
            let noise = match config.is_ablation() {
                true => pooled.map(|pooled| moderated(pooled, (variance_of(&differences) / n, n - 1.0))),
                false => pooled,
            };
            let difference = bits(arm) - bits(against);
            let names = (names[arm], names[against]);
            let asks = (asks, is_extended);
            (!seeds.is_empty()).then(|| compare(set, (names, asks), difference, documents, noise))
        };
        let questions = questions(config, &names);
        comparisons
            .extend(questions.into_iter().filter_map(|(arm, against, asks)| compared(arm, against, asks)));
        if let Some(raw) = names.iter().position(|name| *name == "raw").filter(|_| config.is_ablation()) {
            let planned: Vec<Vec<f64>> = planned.iter().map(|arm| arm.values().copied().collect()).collect();
            let curve = raw_curve(config, &names, &planned);
            let at_raw = mean(&planned[raw]);
            for arm in (0..names.len()).filter(|arm| !names[*arm].ends_with("_slow")) {
                let Some(Comparison { difference, interval, .. }) = compared(arm, raw, Asks::Effect) else {
                    continue;
                };
                let interval =
                    interval.filter(|_| arm != raw).map(|(low, high)| (at_raw + low, at_raw + high));
                if let Some(score) = arms[arm].heldout.last_mut() {
                    score.token_gain = token_gain(&curve, at_raw + difference, interval);
                }
            }
        }
    }
    let mut notes = notes(&names, config);
    if let Some(extra) = config.extra.filter(|_| !extended.is_empty()) {
        notes.push(told_of_extension(extra.seeds, extended));
    }
    match config.is_ablation() {
        true => findings::judge(&mut comparisons),
        false => notes.extend(distrust_unlike_twins(&mut comparisons, config)),
    }
    let rewound = |run: &RunScore| -> Vec<Rewound> {
        let rewound =
            |rewind: &Rewind| Rewound { arm: run.arm.clone(), seed: run.seed, rewind: rewind.clone() };
        run.rewinds.iter().map(rewound).collect()
    };
    let rewinds: Vec<Rewound> = runs.iter().flat_map(rewound).collect();
    notes.extend(rewinds.iter().map(told));
    let seconds: f64 = runs.iter().map(|run| run.seconds).sum();
    let tokens_of =
        |run: &RunScore| config.arms.iter().find(|arm| arm.name == run.arm).map(|arm| config.tokens_of(arm));
    let tokens: usize = runs.iter().filter_map(tokens_of).sum();
    let planned: Vec<RunScore> = runs.iter().filter(|run| is_planned(&run.seed)).cloned().collect();
    let metrics = metrics::conclude(&names, &comparisons, sets, &planned);
    Outcome {
        config_hash: config.hash(),
        preset: config.preset.name().to_owned(),
        parameters,
        tokens_per_run: config.training.tokens,
        steps: config.steps,
        seeds: config.training.seeds,
        tokens_per_second_per_run: tokens as f64 / seconds.max(1e-9),
        arms,
        comparisons,
        seed_deviation: deviations,
        metrics,
        notes,
        rewinds,
        ablation: None,
    }
}

fn told_of_extension(seeds: u32, extended: &[Pair]) -> String {
    let pairs: Vec<String> = extended.iter().map(|(arm, against)| format!("{arm} − {against}")).collect();
    format!(
        "* The planned seeds left open: {}. Their arms got {seeds} more, once, and count for no other difference. Since \
         these differences were looked at twice, their p is doubled and their interval is one of 97.5 %; where there is \
         nothing, 4 to 7 of 100 are found so, and 3 to 5 at one look.",
        pairs.join(", ")
    )
}

fn told(Rewound { arm, seed, rewind }: &Rewound) -> String {
    let Rewind { step, to_step, batches, documents, .. } = rewind;
    format!(
        "Arm {arm}, seed {seed}, went back from step {step} to step {to_step} and left out {batches} batches, since {}; \
         metrics.jsonl names the {} documents.",
        rewind.why.words(),
        documents.len()
    )
}

/// Where `random_drop` and `raw`, one definition drawn twice, differ by more than their interval, the noise is larger
/// than was measured: nothing is concluded on that set.
fn distrust_unlike_twins(comparisons: &mut [Comparison], config: &Config) -> Vec<String> {
    let is_twins = |c: &Comparison| c.arm == "random_drop" && c.against == "raw" && config.epochs == 1;
    let is_found = |c: &Comparison| matches!(c.verdict, Verdict::Better | Verdict::Worse);
    let sets = comparisons.iter().filter(|c| is_twins(c) && is_found(c)).map(|c| c.set.clone());
    let sets: Vec<String> = sets.collect();
    for comparison in comparisons.iter_mut().filter(|c| sets.contains(&c.set) && is_found(c)) {
        comparison.verdict = Verdict::TooWide;
    }
    let note = |set: String| {
        format!(
            "On held-out {set} text random_drop and raw, which differ by the draw alone, differ by more than their \
             interval: the noise is larger than measured, and nothing is concluded there. More tokens or --seeds help."
        )
    };
    sets.into_iter().map(note).collect()
}

/// Which arm is compared with which, and what for.
fn questions(config: &Config, names: &[&str]) -> Vec<(usize, usize, Asks)> {
    let at = |name: &str| names.iter().position(|n| *n == name);
    if config.is_ablation() {
        let specs = names.iter().map(|name| config.arms.iter().find(|arm| arm.name == *name));
        let of_arm = |(arm, spec): (usize, Option<&ArmSpec>)| -> Vec<(usize, usize, Asks)> {
            let asks = spec.map(|spec| asked(spec, |name| at(name).is_some())).unwrap_or_default();
            // Where raw is read more than once and a random drop is not, more than the draw is asked.
            let asks = asks.into_iter().map(|(against, asks)| match (names[arm], config.epochs) {
                ("random_drop", 2..) => (against, Asks::Effect),
                _ => (against, asks),
            });
            asks.filter_map(|(against, asks)| Some((arm, at(against)?, asks))).collect()
        };
        return specs.enumerate().flat_map(of_arm).collect();
    }
    let pairs = match (at("raw"), at("language_only"), at("random_drop"), at("all")) {
        (Some(raw), Some(language), Some(random), Some(all)) => {
            vec![(all, language), (all, random), (all, raw), (language, raw), (random, raw)]
        }
        _ => (1..names.len()).map(|i| (i, 0)).collect(),
    };
    pairs.into_iter().map(|(arm, against)| (arm, against, Asks::Effect)).collect()
}

fn domains(set: &EvalSet, nats: &[f64]) -> BTreeMap<String, Score> {
    let mut sums: BTreeMap<&str, (Vec<f64>, usize)> = BTreeMap::new();
    for (document, nats) in set.documents.iter().zip(nats) {
        if let Some(source) = &document.source {
            let sum = sums.entry(source).or_default();
            sum.0.push(*nats);
            sum.1 += document.bytes;
        }
    }
    let score = |(source, (nats, bytes)): (&str, (Vec<f64>, usize))| {
        let bits_per_byte = bits_per_byte(&nats, std::iter::once(bytes));
        (source.to_owned(), Score { documents: nats.len(), bits_per_byte })
    };
    sums.into_iter().map(score).collect()
}

fn notes(names: &[&str], config: &Config) -> Vec<String> {
    let mut notes = vec![
        "Every arm has the same model, initial weights per seed, schedule and number of tokens. Scores are of the \
         weights averaged over the last steps."
            .to_owned(),
    ];
    let differs = |spec: &&ArmSpec| {
        (spec.tokens_percent != 100 || spec.rate_divisor != 1) && names.contains(&spec.name.as_str())
    };
    let other: Vec<&str> = config.arms.iter().filter(differs).map(|spec| spec.name.as_str()).collect();
    if !other.is_empty() {
        notes.push(format!("Other tokens or another learning rate, as it says there: {}.", other.join(", ")));
    }
    if names.contains(&"random_drop") && config.epochs == 1 {
        notes.push(
            "No arm repeats a token, so random_drop differs from raw only by the draw: random_drop − raw is noise \
             and should show no difference."
                .to_owned(),
        );
    }
    if config.training.seeds < 2 {
        notes.push("One seed: no interval, nothing can be concluded; use --seeds 2 or more.".to_owned());
    }
    notes
}
