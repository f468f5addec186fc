//! What exactly will be run: the resolved configuration, its hash, and how a time budget is spent.

use crate::arms::{ArmSpec, Library};
use crate::data::{Corpus, HeldoutSet};
use crate::extension::Extra;
use crate::presets::{ModelConfig, Preset, TrainingConfig};
use crate::{DeviceKind, Options, TrainError};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use xxhash_rust::xxh3::Xxh3;

/// Fewer steps than this teach nothing.
const FEWEST_STEPS: usize = 10;
/// A budget prefers fewer seeds over runs shorter than this.
const SHORT_STEPS: usize = 100;
/// Tokens and seeds that a budget buys at most.
const MOST_TOKENS: usize = 8_000_000;
const MOST_SEEDS: u32 = 8;
/// Arms that a short budget keeps as long as it can, and seeds of each, so that there is an interval.
const CORE_ARMS: usize = 3;
const CORE_SEEDS: u32 = 2;
/// Less than this much more text, in per cent, is no control.
const LEAST_MORE: u32 = 130;
/// Share of a budget that is planned for; the rest is start-up and noise.
pub const PLANNED: f64 = 0.9;
/// Scoring a token costs this share of training on it; and a token of a small vocabulary is about this long.
const SCORING_COST: f64 = 0.4;
const BYTES_PER_TOKEN: f64 = 2.6;

/// Everything that decides the result. Its hash names the folder under `out/train/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    pub preset: Preset,
    pub model: ModelConfig,
    pub training: TrainingConfig,
    pub steps: usize,
    pub arms: Vec<ArmSpec>,
    pub device: DeviceKind,
    /// Passes allowed over an arm's text.
    pub epochs: u32,
    /// Made-up texts are planted in what every arm reads.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canaries: bool,
    /// Seconds that tokens and seeds were chosen for.
    pub budget: Option<u64>,
    pub recipe_hash: String,
    pub tokenizer_hash: String,
    /// Hash of the control documents, their verdicts and the held-out texts.
    pub data_hash: String,
    /// Of an ablation the arms that it asked for, of which a budget may allow the first alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<String>,
    /// More seeds for what these leave open. They lie beside the planned ones: the hash leaves them out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<Extra>,
}

impl Config {
    /// The configuration before tokens, seeds and steps are settled.
    pub fn request(options: &Options, arms: &[ArmSpec], corpus: &Corpus, library: &Library<'_>) -> Self {
        let mut training = options.preset.training();
        training.seeds = options.seeds.unwrap_or(training.seeds).max(1);
        training.schedule = options.schedule;
        let mut model = options.preset.model();
        model.vocabulary = library.tokenizer().vocab_size();
        Config {
            preset: options.preset,
            model,
            training,
            steps: 0,
            arms: arms.to_vec(),
            device: options.device,
            epochs: options.epochs.unwrap_or(1).max(1),
            canaries: options.canaries,
            budget: options.budget.map(|b| b.as_secs()),
            recipe_hash: corpus.recipe_hash.clone(),
            tokenizer_hash: library.tokenizer().hash(),
            data_hash: data_hash(corpus, false),
            asked: Vec::new(),
            extra: None,
        }
    }

    /// Likewise of an ablation.
    pub fn ablation(options: &Options, arms: &[ArmSpec], corpus: &Corpus, library: &Library<'_>) -> Self {
        let request = Config::request(options, arms, corpus, library);
        let asked = arms.iter().map(|arm| arm.name.clone()).collect();
        Config { asked, data_hash: data_hash(corpus, true), ..request }
    }

    /// Arms were chosen to take a recipe apart.
    pub fn is_ablation(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Equal tokens for all arms: the preset's number, or what the smallest arm has. Always whole batches. An arm that
    /// is to have more tokens has what there is, and goes where that is not much more.
    ///
    /// # Errors
    /// When the smallest arm has too little text.
    pub fn settle(mut self, library: &Library<'_>) -> Result<Self, TrainError> {
        let limit = self.training.tokens;
        let per_pass = limit.div_ceil(self.epochs as usize) + 1;
        let usual = self.arms.iter().filter(|arm| arm.tokens_percent <= 100);
        let runs = usual.flat_map(|arm| (0..self.training.seeds).map(move |seed| (arm, seed)));
        let sizes = runs.map(|(arm, seed)| (library.unique_tokens(arm, seed, per_pass), &arm.name));
        let (unique, smallest) = sizes.min().ok_or_else(|| TrainError::Refused("no arms to train".into()))?;
        // One id more than is trained on: the last input's target.
        let usable = (unique * self.epochs as usize).min(limit + 1).saturating_sub(1);
        self.steps = usable / self.tokens_per_step();
        if self.steps < FEWEST_STEPS {
            return Err(TrainError::Refused(format!(
                "arm `{smallest}` has {unique} tokens, too few to train on ({} are the least); clean more input, \
                 raise the control sample, or allow repeats with --epochs",
                FEWEST_STEPS * self.tokens_per_step()
            )));
        }
        self.training.tokens = self.steps * self.tokens_per_step();
        let tokens = self.training.tokens;
        self.arms.retain_mut(|arm| {
            if arm.tokens_percent > 100 {
                let wanted = tokens * arm.tokens_percent as usize / 100 + 1;
                let found = library.unique_tokens(arm, 0, wanted) * self.epochs as usize;
                arm.tokens_percent =
                    arm.tokens_percent.min((found.saturating_sub(1) * 100 / tokens) as u32 / 10 * 10);
            }
            arm.tokens_percent <= 100 || arm.tokens_percent >= LEAST_MORE
        });
        Ok(self)
    }

    /// Steps of an arm's runs.
    pub fn steps_of(&self, arm: &ArmSpec) -> usize {
        (self.steps * arm.tokens_percent as usize / 100).max(1)
    }

    /// Trained-on tokens of an arm's runs.
    pub fn tokens_of(&self, arm: &ArmSpec) -> usize {
        self.steps_of(arm) * self.tokens_per_step()
    }

    /// What an arm's runs are trained with.
    pub fn training_of(&self, arm: &ArmSpec) -> TrainingConfig {
        let learning_rate = self.training.learning_rate / f64::from(arm.rate_divisor);
        TrainingConfig { learning_rate, ..self.training.clone() }
    }

    /// The planned runs, seed by seed.
    pub fn runs(&self) -> Vec<(u32, &ArmSpec)> {
        self.runs_of(0..self.training.seeds)
    }

    /// Every arm with these seeds.
    pub fn runs_of(&self, seeds: Range<u32>) -> Vec<(u32, &ArmSpec)> {
        seeds.flat_map(|seed| self.arms.iter().map(move |arm| (seed, arm))).collect()
    }

    /// The seeds that a run may have.
    pub fn most_seeds(&self) -> u32 {
        self.training.seeds + self.extra.map_or(0, |extra| extra.seeds)
    }

    /// Tokens that scoring one run costs, in tokens trained on.
    fn scoring(&self, n_sets: usize) -> f64 {
        let scored =
            n_sets * (self.training.evaluations * self.training.curve_bytes + self.training.final_bytes);
        scored as f64 / BYTES_PER_TOKEN * SCORING_COST
    }

    /// Seconds that one usual run more takes.
    pub fn seconds_more(&self, workers: usize, rate: f64, n_sets: usize) -> f64 {
        (self.training.tokens as f64 + self.scoring(n_sets)) / (rate * workers.max(1) as f64)
    }

    /// Seconds that these runs take on `workers` that each train `rate` tokens per second.
    pub fn seconds(&self, workers: usize, rate: f64, n_sets: usize) -> f64 {
        let tokens: usize = self.arms.iter().map(|arm| self.tokens_of(arm)).sum();
        let cost = tokens as f64 + self.scoring(n_sets) * self.arms.len() as f64;
        cost * f64::from(self.training.seeds) / (rate * workers.max(1) as f64)
    }

    /// Of a settled ablation what `seconds` allow: first its arms, in their order, with two seeds each, then more seeds.
    /// Only where the first three arms do not fit are runs shorter.
    ///
    /// # Errors
    /// When not even the shortest runs of these fit.
    pub fn fit_arms(
        mut self,
        seconds: f64,
        seeds: Option<u32>,
        (workers, rate, n_sets): (usize, f64, usize),
    ) -> Result<Self, TrainError> {
        let arms = std::mem::take(&mut self.arms);
        let core = arms.len().min(CORE_ARMS);
        self.arms = arms[..core].to_vec();
        self.training.seeds = seeds.unwrap_or(CORE_SEEDS);
        let allowed = PLANNED * seconds;
        let needed = self.seconds(workers, rate, n_sets);
        if needed > allowed {
            let runs = f64::from(self.training.seeds) * core as f64;
            let tokens = allowed * rate * workers.max(1) as f64 / runs - self.scoring(n_sets);
            self.steps = (tokens.max(0.0) as usize) / self.tokens_per_step();
            if self.steps < FEWEST_STEPS {
                return Err(TrainError::Refused(format!(
                    "--budget {seconds:.0} s is too short at {rate:.0} tokens per second and thread: {core} arms with \
                     {} seeds take {needed:.0} s as planned; give more time, or --preset smoke",
                    self.training.seeds
                )));
            }
            self.training.tokens = self.steps * self.tokens_per_step();
        }
        for arm in arms.into_iter().skip(core) {
            self.arms.push(arm);
            if self.seconds(workers, rate, n_sets) > allowed {
                self.arms.pop();
                break;
            }
        }
        // An arm that only serves another one goes without it.
        let names: Vec<String> = self.arms.iter().map(|arm| arm.name.clone()).collect();
        let serves = |arm: &ArmSpec| arm.name != "raw_slow" || names.iter().any(|name| name == "all_slow");
        self.arms.retain(serves);
        while seeds.is_none() && self.training.seeds < MOST_SEEDS {
            self.training.seeds += 1;
            if self.seconds(workers, rate, n_sets) > allowed {
                self.training.seeds -= 1;
                break;
            }
        }
        Ok(self)
    }

    /// Chooses tokens, then seeds, for `budget` seconds on `workers` that each train `rate` tokens per second.
    ///
    /// # Errors
    /// When not even the shortest run fits.
    pub fn fit(mut self, seconds: f64, workers: usize, rate: f64, n_sets: usize) -> Result<Self, TrainError> {
        let scoring = self.scoring(n_sets);
        let n_arms = self.arms.len();
        let affordable = |seeds: u32| {
            let waves = (n_arms * seeds as usize).div_ceil(workers.max(1));
            (PLANNED * seconds * rate / waves as f64 - scoring).max(0.0) as usize
        };
        let most = if self.budget.is_some() { MOST_TOKENS } else { self.training.tokens };
        let mut seeds = self.training.seeds;
        while seeds > 1 && affordable(seeds) < SHORT_STEPS * self.tokens_per_step() {
            seeds -= 1;
        }
        while seeds < MOST_SEEDS && affordable(seeds + 1) >= most {
            seeds += 1;
        }
        let tokens = affordable(seeds).min(most);
        if tokens < FEWEST_STEPS * self.tokens_per_step() {
            return Err(TrainError::Refused(format!(
                "--budget {seconds:.0} s is too short at {rate:.0} tokens per second and thread; give more time, \
                 or --preset smoke"
            )));
        }
        self.training.tokens = tokens;
        self.training.seeds = seeds;
        Ok(self)
    }

    pub fn tokens_per_step(&self) -> usize {
        self.training.batch * self.model.sequence_length
    }

    /// 16 hexadecimal digits.
    pub fn hash(&self) -> String {
        let json = serde_json::to_string(&Config { extra: None, ..self.clone() }).unwrap_or_default();
        format!("{:016x}", xxhash_rust::xxh3::xxh3_64(json.as_bytes()))
    }

    /// Whether `other` is an earlier answer to the same budgeted request, whatever speed was measured then.
    pub fn answers(&self, other: &Config) -> bool {
        let mut request = self.clone();
        request.steps = other.steps;
        request.extra = other.extra;
        request.training.tokens = other.training.tokens;
        request.training.seeds = other.training.seeds;
        let is_part = |arm: &ArmSpec| self.arms.iter().any(|known| known.name == arm.name);
        if self.is_ablation() && other.arms.iter().all(is_part) {
            request.arms.clone_from(&other.arms);
        }
        request == *other
    }
}

fn data_hash(corpus: &Corpus, with_reasons: bool) -> String {
    let mut hash = Xxh3::new();
    for document in &corpus.documents {
        hash.update(&document.shard.to_le_bytes());
        hash.update(&document.row.to_le_bytes());
        hash.update(&[document.kept.into(), document.excluded.into(), document.wanted_language.into()]);
        hash.update(document.original.as_bytes());
        hash.update(document.rewritten.as_deref().unwrap_or_default().as_bytes());
        if with_reasons {
            document.failed.iter().for_each(|stage| hash.update(stage.as_bytes()));
            let cluster = document.cluster.unwrap_or((-1, -1));
            hash.update(&cluster.0.to_le_bytes());
            hash.update(&cluster.1.to_le_bytes());
        }
    }
    for HeldoutSet { name, documents } in &corpus.heldout {
        hash.update(name.as_bytes());
        documents.iter().for_each(|document| hash.update(document.text.as_bytes()));
    }
    format!("{:016x}", hash.digest())
}
