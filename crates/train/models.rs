//! The models that runs leave behind, opened by arm and seed: to write text with, and to be exported.

use crate::TrainError;
use crate::attention::Rotations;
use crate::checkpoint::read_model;
use crate::data::read_tokenizer;
use crate::kernel::{self, Pass};
use crate::model::layout;
use crate::plan::Config;
use crate::presets::ModelConfig;
use crate::samples::{Sampling, continuation};
use std::path::{Path, PathBuf};
use tokens::Tokenizer;

/// Ids of the small vocabulary.
const SMALL_VOCABULARY: usize = 4_096;

/// The models of one training.
pub struct Models {
    folder: PathBuf,
    config: Config,
    tokenizer: Tokenizer,
}

/// A trained model: the weights that were scored, averaged over the last steps.
pub struct Model {
    /// Name of the arm.
    pub arm: String,
    /// Seed of the run.
    pub seed: u32,
    pub(crate) config: ModelConfig,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) weights: Vec<Vec<f32>>,
    /// Where its weights lie.
    pub(crate) file: PathBuf,
    /// What a reader of its card wants to know: training tokens and the hash of the recipe.
    pub(crate) tokens: usize,
    pub(crate) recipe_hash: String,
}

impl Models {
    /// The training under `out/train/` that finished last, or the one whose folder's name begins with `run`.
    ///
    /// # Errors
    /// When there is none, or `out/tokenizer.json` is not the one it was trained with.
    pub fn open(out: &Path, run: Option<&str>) -> Result<Models, TrainError> {
        let root = out.join("train");
        let finished = |folder: &Path| folder.join("result.json").metadata().and_then(|m| m.modified()).ok();
        let folders = std::fs::read_dir(&root).into_iter().flatten().flatten().map(|entry| entry.path());
        let wanted = folders.filter(|folder| {
            let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            run.is_none_or(|run| name.starts_with(run)) && folder.join("config.json").exists()
        });
        // Unfinished ones are older than any finished one.
        let folder = wanted.max_by_key(|folder| (finished(folder), folder.clone())).ok_or_else(|| {
            let which = run.map_or("no training".to_owned(), |run| format!("no training `{run}…`"));
            let (root, out) = (root.display(), out.display());
            TrainError::Refused(format!("{root}: {which}; `corpus train {out}` makes one"))
        })?;
        let path = folder.join("config.json");
        let json = std::fs::read(&path).map_err(TrainError::io(&path))?;
        let config: Config = serde_json::from_slice(&json).map_err(|e| TrainError::format(&path, e))?;
        let tokenizer = small_tokenizer(&read_tokenizer(out)?)?;
        if tokenizer.hash() != config.tokenizer_hash {
            return Err(TrainError::Refused(format!(
                "{} is not the tokenizer that the models in {} were trained with; run `corpus train` again",
                out.join("tokenizer.json").display(),
                folder.display()
            )));
        }
        Ok(Models { folder, config, tokenizer })
    }

    /// Names of the arms, in the order of the tables.
    pub fn arms(&self) -> Vec<&str> {
        self.config.arms.iter().map(|arm| arm.name.as_str()).collect()
    }

    /// The model of `ARM` or `ARM:SEED`; without a seed, that of seed 0.
    ///
    /// # Errors
    /// When there is no such run, or it is not finished.
    pub fn model(&self, name: &str) -> Result<Model, TrainError> {
        // The name of an arm may have a colon of its own.
        let is_arm = self.arms().contains(&name);
        let (arm, seed) = name.rsplit_once(':').filter(|_| !is_arm).unwrap_or((name, "0"));
        let seeds = self.config.training.seeds;
        // Seeds beyond the planned ones are those that a comparison was given later.
        let is_there = |seed: u32| run_folder(&self.folder, arm, seed).join("model.safetensors").exists();
        let is_known = |seed: &u32| (*seed < seeds || is_there(*seed)) && self.arms().contains(&arm);
        let seed = seed.parse().ok().filter(is_known);
        let seed = seed.ok_or_else(|| {
            TrainError::Refused(format!(
                "no model `{name}` in {}: write ARM or ARM:SEED, with an arm of {} and a seed from 0 to {}",
                self.folder.display(),
                self.arms().join(", "),
                seeds - 1
            ))
        })?;
        let folder = run_folder(&self.folder, arm, seed);
        // The weights lie there a moment before the run is scored, and whole.
        let file = folder.join("model.safetensors");
        if !file.exists() {
            return Err(TrainError::Refused(format!(
                "{} is not trained yet; the same `corpus train` command goes on with it",
                folder.display()
            )));
        }
        Ok(Model {
            arm: arm.to_owned(),
            seed,
            weights: read_model(&file, &layout(&self.config.model))?,
            config: self.config.model.clone(),
            tokenizer: self.tokenizer.clone(),
            file,
            tokens: self.config.training.tokens,
            recipe_hash: self.config.recipe_hash.clone(),
        })
    }
}

impl Model {
    /// What the model writes after `prompt`, which is the beginning of a document.
    ///
    /// # Errors
    /// When the tokenizer refuses the prompt.
    pub fn generate(&self, prompt: &str, sampling: &Sampling) -> Result<String, TrainError> {
        let ids = self.ids(prompt)?;
        let end_of_text = self.tokenizer.end_of_text();
        let written = continuation(&self.config, &self.weights, end_of_text, &ids, sampling);
        Ok(String::from_utf8_lossy(&self.tokenizer.decode_bytes(&written)).into_owned())
    }

    /// End-of-text, which stands before every document, and the ids of `text`.
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, TrainError> {
        let mut ids = vec![self.tokenizer.end_of_text()];
        ids.extend(self.tokenizer.encode(text).map_err(|e| TrainError::Refused(e.to_string()))?);
        Ok(ids)
    }

    /// Logits of every next token after each of `ids`: `[ids, vocabulary]`.
    pub fn logits(&self, ids: &[u32]) -> Vec<f32> {
        let (rotations, end_of_text) =
            (Rotations::new(&self.config, ids.len()), self.tokenizer.end_of_text());
        let pass = Pass::new(&rotations, ids, &[], ids.len().max(1), end_of_text);
        kernel::logits(&self.config, &self.weights, &pass, ids.len())
    }
}

/// Where a run of an experiment keeps what it leaves.
pub fn run_folder(experiment: &Path, arm: &str, seed: u32) -> PathBuf {
    experiment.join(format!("checkpoint-{}-{seed}", arm.replace(':', "_")))
}

/// The first ids of the corpus' own BPE; a tokenizer that cannot be cut is replaced by the embedded one.
///
/// # Errors
/// When the embedded one cannot be read.
pub fn small_tokenizer(tokenizer: &Tokenizer) -> Result<Tokenizer, TrainError> {
    let cut = tokenizer.truncated(SMALL_VOCABULARY);
    cut.or_else(|_| Tokenizer::default_32k().and_then(|t| t.truncated(SMALL_VOCABULARY)))
        .map_err(|e| TrainError::Refused(e.to_string()))
}
