//! What an ablation is going to do, told before it does: arms and what they have, runs, time, and what it could see.

use crate::arms::{Arm, ArmSpec, Library};
use crate::comparison::Comparison;
use crate::extension::Extra;
use crate::findings::ArmFacts;
use crate::outcome::Outcome;
use crate::plan::Config;
use crate::questions::{Asks, asked, place};
use crate::statistics::{prior_freedom, t_quantile};
use serde::Serialize;
use std::path::Path;

/// Standard deviation of a run about arm and seed, in bits per byte, at this many tokens: measured on web pages with the
/// preset `quick`. It falls with the square root of the tokens.
const PRIOR_DEVIATION: (f64, f64) = (0.033, 1e6);

/// How fast runs are, as measured just now.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Speed {
    /// Runs at a time.
    pub workers: usize,
    /// Tokens per second of each.
    pub rate: f64,
    /// Held-out sets that each is scored on.
    pub sets: usize,
}

/// A plan.
#[derive(Clone, Debug, Serialize)]
pub struct Planned {
    /// Names the folder under `out/train/`.
    pub config_hash: String,
    /// `smoke` or `quick`.
    pub preset: String,
    /// In the order in which they are trained.
    pub arms: Vec<PlannedArm>,
    /// Of every arm.
    pub seeds: u32,
    /// Tokens of a run; controls may have others.
    pub tokens_per_run: usize,
    /// The arm with the least text.
    pub smallest: String,
    /// Arms times seeds, and those that an earlier call has finished.
    pub runs: usize,
    /// Finished by an earlier call.
    pub runs_done: usize,
    /// Of the runs that are left.
    pub seconds: f64,
    /// More seeds for what these leave open; absent where none are wanted.
    pub extra: Option<Extra>,
    /// Of all that it allows.
    pub extra_seconds: f64,
    /// What the seconds are computed from.
    pub speed: Speed,
    /// Bits per byte that 4 of 5 such experiments find, before the number of questions; absent with one seed.
    pub smallest_detectable: Option<f64>,
    /// Standard deviation of a run that this is computed from, and where it is from.
    pub deviation: f64,
    /// Whether it is that of earlier runs here, or what is usual.
    pub is_measured: bool,
    /// What a reader must know, in sentences.
    pub notes: Vec<String>,
}

/// An arm of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedArm {
    /// What it is.
    #[serde(flatten)]
    pub facts: ArmFacts,
    /// What it is measured against.
    pub against: Vec<String>,
    /// What for.
    pub asks: Option<Asks>,
}

impl Planned {
    /// `design`: the arms before a budget cut some off; `alike`: those left out since they have the text of another.
    pub fn new(
        config: &Config,
        facts: &[ArmFacts],
        design: &[ArmSpec],
        alike: &[(String, String)],
        library: &Library<'_>,
        speed: Speed,
        root: &Path,
    ) -> Planned {
        let has = |name: &str| config.arms.iter().any(|arm| arm.name == name);
        let arm = |(spec, facts): (&ArmSpec, &ArmFacts)| {
            let asks = asked(spec, has);
            PlannedArm {
                facts: facts.clone(),
                against: asks.iter().map(|(name, _)| (*name).to_owned()).collect(),
                asks: asks.first().map(|(_, asks)| *asks),
            }
        };
        let arms: Vec<PlannedArm> = config.arms.iter().zip(facts).map(arm).collect();
        let smallest = facts.iter().filter(|arm| arm.tokens_per_run <= config.training.tokens);
        let smallest = smallest.min_by_key(|arm| arm.tokens).map(|arm| arm.arm.clone());
        let (n_seeds, n_arms) = (config.training.seeds, config.arms.len());
        let folder = root.join(config.hash());
        let is_done = |arm: &ArmSpec, seed: u32| {
            crate::models::run_folder(&folder, &arm.name, seed).join("score.json").exists()
        };
        let done = config.arms.iter().flat_map(|arm| (0..n_seeds).map(move |seed| (arm, seed)));
        let done: Vec<&ArmSpec> =
            done.filter(|(arm, seed)| is_done(arm, *seed)).map(|(arm, _)| arm).collect();
        let tokens =
            |arms: &mut dyn Iterator<Item = &ArmSpec>| arms.map(|arm| config.tokens_of(arm)).sum::<usize>();
        let all = tokens(&mut config.arms.iter()) * n_seeds as usize;
        let left = 1.0 - tokens(&mut done.iter().copied()) as f64 / all.max(1) as f64;
        let measured = measured_deviation(root, config);
        let usual = PRIOR_DEVIATION.0 * (PRIOR_DEVIATION.1 / config.training.tokens as f64).sqrt();
        let deviation = measured.unwrap_or(usual);
        Planned {
            config_hash: config.hash(),
            preset: config.preset.name().to_owned(),
            seeds: n_seeds,
            tokens_per_run: config.training.tokens,
            smallest: smallest.unwrap_or_default(),
            runs: n_arms * n_seeds as usize,
            runs_done: done.len(),
            seconds: left * config.seconds(speed.workers, speed.rate, speed.sets),
            extra: config.extra,
            extra_seconds: config.extra.map_or(0.0, |extra| {
                extra.most_runs as f64 * config.seconds_more(speed.workers, speed.rate, speed.sets)
            }),
            speed,
            smallest_detectable: smallest_detectable(deviation, n_arms, n_seeds),
            deviation,
            is_measured: measured.is_some(),
            notes: notes(config, design, alike, library),
            arms,
        }
    }

    /// In the order of tables.
    pub fn sorted(&self) -> Vec<&PlannedArm> {
        let mut arms: Vec<&PlannedArm> = self.arms.iter().collect();
        arms.sort_by_key(|arm| place(&arm.facts.arm));
        arms
    }
}

/// Of a difference of two arms, seeds pooled over all arms, at 80 % power (two-sided, 5 %).
fn smallest_detectable(deviation: f64, n_arms: usize, n_seeds: u32) -> Option<f64> {
    let own = (n_seeds as usize).saturating_sub(1);
    let pooled = n_arms.saturating_sub(1) * own;
    let error = deviation * (2.0 / f64::from(n_seeds)).sqrt();
    let freedom = (pooled > 0).then_some(prior_freedom(pooled as f64) + own as f64)?;
    Some((t_quantile(0.975, freedom) + t_quantile(0.8, freedom)) * error)
}

/// What the newest training of the preset with as many tokens has measured.
fn measured_deviation(root: &Path, config: &Config) -> Option<f64> {
    let outcome = |entry: std::fs::DirEntry| -> Option<(std::time::SystemTime, Outcome)> {
        let path = entry.path().join("result.json");
        let time = path.metadata().ok()?.modified().ok()?;
        Some((time, serde_json::from_slice(&std::fs::read(path).ok()?).ok()?))
    };
    let outcomes = std::fs::read_dir(root).ok()?.flatten().filter_map(outcome);
    let like = |outcome: &Outcome| {
        let is_whole = outcome.ablation.as_ref().is_none_or(|ablation| ablation.runs_done == ablation.runs);
        let is_like =
            outcome.preset == config.preset.name() && outcome.tokens_per_run == config.training.tokens;
        is_whole && is_like
    };
    let (_, newest) = outcomes.filter(|(_, outcome)| like(outcome)).max_by_key(|(time, _)| *time)?;
    // One that was extended is the mean of more seeds.
    let is_usual = |c: &&Comparison| c.seed_error.is_some() && !c.extended;
    let of_set = |set: &str| newest.comparisons.iter().filter(is_usual).find(|c| c.set == set);
    let comparison = ["own", "kept", "raw"].into_iter().find_map(of_set)?;
    Some(comparison.seed_error? * (f64::from(newest.seeds) / 2.0).sqrt())
}

fn notes(
    config: &Config,
    design: &[ArmSpec],
    alike: &[(String, String)],
    library: &Library<'_>,
) -> Vec<String> {
    let mut notes = Vec::new();
    let has = |name: &str| config.arms.iter().any(|arm| arm.name == name);
    let left_out: Vec<&str> = design.iter().map(|arm| arm.name.as_str()).filter(|name| !has(name)).collect();
    if !left_out.is_empty() {
        notes.push(format!("Not trained, for want of time or text: {}.", left_out.join(", ")));
    }
    notes.extend(
        alike.iter().map(|(arm, as_in)| format!("{arm} has the text of {as_in}, so it is not trained.")),
    );
    if has("all-language") {
        notes.push(
            "all-language takes back pages in other languages as they came: no stage behind the language stage has \
             judged them. For the same reason only:… of such a stage is measured against language_only."
                .to_owned(),
        );
    }
    let is_deduplicated = |arm: &&ArmSpec| match &arm.arm {
        Arm::Stages(stages) => {
            stages.applied.iter().any(|stage| crate::selection::DEDUP.contains(&stage.as_str()))
        }
        _ => false,
    };
    if !library.knows_clusters() && config.arms.iter().any(|arm| is_deduplicated(&arm)) {
        notes.push(
            "This output folder does not say which documents are alike that filters dropped (`corpus clean` of this \
             version does): arms with deduplication drop what the recipe dropped as a duplicate, and no more."
                .to_owned(),
        );
    }
    for arm in &config.arms {
        let n = library.lacking_text(arm);
        if n > 0 {
            notes.push(format!(
                "{n} documents of {} are as they came, since this output folder has no text of them as the recipe \
                 leaves it (`corpus clean` of this version does).",
                arm.name
            ));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_seeds_and_more_arms_see_more() {
        // As the README's table: four arms, 8 seeds, 1.0 M tokens.
        let quick = smallest_detectable(0.033, 4, 8).unwrap_or(0.0);
        assert!((quick - 0.050).abs() < 0.003, "{quick}");
        // In units of a run's deviation, 9 arms.
        let of = |seeds| smallest_detectable(1.0, 9, seeds).unwrap_or(0.0);
        assert!((of(2) - 3.49).abs() < 0.01 && (of(3) - 2.74).abs() < 0.01, "{} {}", of(2), of(3));
        assert_eq!(smallest_detectable(1.0, 9, 1), None);
    }
}
