//! `corpus forecast`: what a larger model will score, written down before it is trained, and what the corpus is worth.
//!
//! A ladder of small models gives a law of size and tokens (`fit.rs`); the law's prediction of three models that are
//! not in the ladder is written; they are trained; the prediction is scored. Every model of the ladder is trained by
//! itself: a shared trunk with cooldowns would save a third of its time.

mod cells;
mod fit;
mod ladder;
mod recommend;
mod render;

#[cfg(test)]
mod tests;

pub use cells::CellScore;
pub use fit::{Law, Prediction};
pub use ladder::Scale;
pub use recommend::Advice;
pub use render::render_forecast;

use crate::arms::{Arm, ArmSpec, Library};
use crate::data::{Corpus, HeldoutSet, clean_bytes};
use crate::eval::EvalSet;
use crate::lock::Lock;
use crate::models::small_tokenizer;
use crate::own_text::read_own_heldout;
use crate::plan::Config;
use crate::runs::write_json;
use crate::statistics::seed_deviation;
use crate::workers::{Clock, Workers};
use crate::{DeviceKind, Options, Progress, TrainError};
use cells::{Common, units};
use fit::{Fit, Point};
use ladder::Cell;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

/// Noise of ln L that one seed is taken to have.
const USUAL_NOISE: f64 = 0.006;
/// Tokens from which bytes per token are taken.
const COUNTED: usize = 200_000;

/// What a caller asks for.
#[derive(Clone, Debug)]
pub struct ForecastOptions {
    /// A finished output folder of `corpus clean`.
    pub out: PathBuf,
    /// What of the control sample is trained on.
    pub arm: Arm,
    /// Shapes of the models.
    pub scale: Scale,
    /// Wall time to fit into.
    pub budget: Duration,
    /// Runs of every model, at least 1.
    pub seeds: u32,
    /// Passes allowed over the arm's text.
    pub epochs: u32,
    /// Texts of the user's own to score on; else those that the recipe keeps.
    pub heldout: Option<PathBuf>,
    /// Threads to use, at least 1.
    pub threads: usize,
    /// Forget what an earlier, identical call left behind.
    pub fresh: bool,
}

/// Everything that decides the result; names the folder `train/forecast-<hash>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Request {
    arm: ArmSpec,
    scale: Scale,
    budget: u64,
    seeds: u32,
    epochs: u32,
    heldout: String,
    /// Of the target; 0 before it is settled.
    tokens: usize,
    recipe_hash: String,
    tokenizer_hash: String,
    data_hash: String,
}

/// What `prediction.json` holds, before the first step of a predicted model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Foretold {
    /// Seconds since 1970.
    pub written: u64,
    /// Hash of the ladder's scores.
    pub ladder_hash: String,
    /// Fitted through the ladder.
    pub law: Law,
    /// Standard deviation of ln L between seeds.
    pub noise: f64,
    /// Fitted without the ladder's largest size: error of its points, root mean square of ln L.
    pub left_out_size: f64,
    /// The same without its largest number of tokens.
    pub left_out_tokens: f64,
    /// The target; fewer parameters on as many tokens; as many parameters on fewer tokens, for the same FLOPs.
    pub models: Vec<ForetoldModel>,
}

/// A model that is not trained yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForetoldModel {
    /// Layers, width and tokens.
    pub name: String,
    /// All weights.
    pub parameters: usize,
    /// Training tokens.
    pub tokens: usize,
    /// Of the mean over the seeds.
    #[serde(flatten)]
    pub prediction: Prediction,
}

/// What `prediction_result.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Seconds since 1970 when the first step of a predicted model began.
    pub first_step: u64,
    /// In the order of the prediction.
    pub models: Vec<ScoredModel>,
    /// Which of the two ways to spend the same FLOPs was to win, and did, by name.
    pub predicted_better: String,
    /// Lower bits per byte, mean over the seeds.
    pub measured_better: String,
    /// The measured difference of the two, and what seeds alone make of it: 1 standard error.
    pub difference: (f64, f64),
}

/// A predicted model after its training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoredModel {
    /// What was measured.
    #[serde(flatten)]
    pub score: CellScore,
    /// Measured over predicted − 1, per cent.
    pub error_percent: f64,
    /// Whether the intervals hold it.
    pub inside_80: bool,
    /// The same.
    pub inside_95: bool,
}

/// What `forecast.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Below `out/`.
    pub folder: String,
    /// Name of the arm.
    pub arm: String,
    /// `own`, `kept` or `raw`: what is scored.
    pub heldout: String,
    /// Runs of every model.
    pub seeds: u32,
    /// Models that the law is fitted through.
    pub ladder: Vec<CellScore>,
    /// Before.
    pub foretold: Foretold,
    /// After.
    pub scored: Scored,
    /// Tokens of all clean text, in the models' vocabulary.
    pub unique_tokens: f64,
    /// Of the ladder's largest size, all threads.
    pub flops_per_second: f64,
    /// What to train on all clean text.
    pub advice: Vec<Advice>,
}

/// Trains the ladder, predicts, trains what was predicted; goes on where an identical call was stopped.
///
/// # Errors
/// As `train_arms`, and when the ladder's models give no law.
pub fn forecast(
    options: &ForecastOptions,
    progress: &(dyn Fn(Progress<'_>) + Sync),
    stop: &AtomicBool,
) -> Result<Forecast, TrainError> {
    let (device, out) = (DeviceKind::Cpu.open()?, &options.out);
    let corpus = Corpus::read(out)?;
    let library = Library::new(&corpus, small_tokenizer(&corpus.tokenizer)?);
    let spec = ArmSpec::from(options.arm.clone());
    let training = options.scale.training();
    let heldout = heldout(options, &corpus, training.document_bytes)?;
    let set = EvalSet::new(&heldout, library.tokenizer(), training.document_bytes, 1, training.final_bytes);
    // A model is trained by one thread: a ladder has more of them than there are threads.
    let train_options = Options { threads: options.threads, seeds: Some(options.seeds), ..Options::new(out) };
    let workers = Workers::new(&train_options, 3)?;
    let root = out.join("train");
    let mut request = Request {
        arm: spec.clone(),
        scale: options.scale,
        budget: options.budget.as_secs(),
        seeds: options.seeds,
        epochs: options.epochs,
        heldout: format!("{}-{:016x}", heldout.name, texts_hash(&heldout)),
        tokens: 0,
        recipe_hash: corpus.recipe_hash.clone(),
        tokenizer_hash: library.tokenizer().hash(),
        data_hash: Config::request(&train_options, &[], &corpus, &library).data_hash,
    };
    request.tokens = match earlier(&root, &request).filter(|_| !options.fresh) {
        Some(tokens) => tokens,
        None => {
            let asked = (options.epochs, options.seeds, options.budget);
            ladder::settle(options.scale, &library, &spec, asked, &workers, &device)?
        }
    };
    let name = format!("forecast-{}", hash(&request)?);
    let folder = root.join(&name);
    if let Some(forecast) = read(&folder.join("forecast.json")).filter(|_| !options.fresh) {
        return Ok(forecast);
    }
    let lock = Lock::take(&folder)?;
    if options.fresh {
        lock.clear()?;
    }
    write_json(&folder.join("request.json"), &request)?;
    let vocabulary = library.tokenizer().vocab_size();
    let ladder = ladder::ladder(options.scale, vocabulary, request.tokens);
    let targets = ladder::targets(options.scale, vocabulary, request.tokens);
    let clock = Clock::new(units(&ladder, options.seeds) + units(&targets, options.seeds));
    let common = Common {
        library: &library,
        spec: &spec,
        set: &set,
        seeds: options.seeds,
        folder: &folder,
        device: &device,
        stop,
        progress,
        clock: &clock,
    };
    let scores = common.train(&ladder, &workers, &|| Ok(()))?;
    let (fit, foretold) = foretell(&folder, &scores, &targets, options.seeds)?;
    let first_step = Mutex::new(());
    let file = folder.join("first_step.json");
    let on_first_step = || {
        let _one = first_step.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if file.exists() { Ok(()) } else { write_json(&file, &now()) }
    };
    let measured = common.train(&targets, &workers, &on_first_step)?;
    let scored = score(&foretold, measured, read(&file).unwrap_or_default(), fit.noise);
    write_json(&folder.join("prediction_result.json"), &scored)?;
    let largest = scores.iter().max_by_key(|score| (score.parameters, score.tokens));
    let per_worker = largest.map_or(1.0, |score| score.flops / score.seconds.max(1e-9));
    let flops_per_second = per_worker * workers.len() as f64;
    let unique_tokens = clean_bytes(out)? as f64 / bytes_per_token(&library, &spec)?;
    let known = (targets[0].parameters() as f64, targets[0].training.tokens as f64);
    let forecast = Forecast {
        folder: format!("train/{name}"),
        arm: spec.name.clone(),
        heldout: heldout.name,
        seeds: options.seeds,
        ladder: scores,
        foretold,
        scored,
        unique_tokens,
        flops_per_second,
        advice: recommend::recommend(&fit, unique_tokens, flops_per_second, known),
    };
    write_json(&folder.join("forecast.json"), &forecast)?;
    lock.remove()?;
    Ok(forecast)
}

/// The user's own texts, else what the recipe keeps, else pages as they came.
fn heldout(
    options: &ForecastOptions,
    corpus: &Corpus,
    document_bytes: usize,
) -> Result<HeldoutSet, TrainError> {
    if let Some(path) = &options.heldout {
        return read_own_heldout(path, document_bytes);
    }
    let set = corpus.heldout.iter().rev().find(|set| !set.documents.is_empty());
    set.cloned().ok_or_else(|| {
        TrainError::Refused(
            "no document was held out, so nothing can be scored: raise [sample] heldout_share in the recipe and clean \
             again, or give texts of your own with --heldout"
                .into(),
        )
    })
}

/// Fits the law and writes the prediction; one that was written before stands.
fn foretell(
    folder: &Path,
    scores: &[CellScore],
    targets: &[Cell],
    seeds: u32,
) -> Result<(Fit, Foretold), TrainError> {
    let logs: Vec<Vec<f64>> =
        scores.iter().map(|s| s.by_seed.iter().map(|bits| bits.ln()).collect()).collect();
    let noise = seed_deviation(&logs).unwrap_or(USUAL_NOISE);
    let point = |score: &CellScore| Point {
        parameters: score.parameters as f64,
        tokens: score.tokens as f64,
        bits_per_byte: score.bits_per_byte,
    };
    let points: Vec<Point> = scores.iter().map(point).collect();
    let fit = Fit::new(&points, noise)
        .ok_or_else(|| TrainError::Refused("the ladder has too few models for a law".into()))?;
    let path = folder.join("prediction.json");
    if let Some(foretold) = read(&path) {
        return Ok((fit, foretold));
    }
    let model = |cell: &Cell| ForetoldModel {
        name: cell.name(),
        parameters: cell.parameters(),
        tokens: cell.training.tokens,
        prediction: fit.predict(cell.parameters() as f64, cell.training.tokens as f64, seeds),
    };
    let foretold = Foretold {
        written: now(),
        ladder_hash: hash(scores)?,
        law: fit.law.clone(),
        noise,
        left_out_size: fit.left_out.0,
        left_out_tokens: fit.left_out.1,
        models: targets.iter().map(model).collect(),
    };
    write_json(&path, &foretold)?;
    Ok((fit, foretold))
}

fn score(foretold: &Foretold, measured: Vec<CellScore>, first_step: u64, noise: f64) -> Scored {
    let lower = |of: &dyn Fn(usize) -> f64| {
        let better = if of(1) <= of(2) { 1 } else { 2 };
        foretold.models.get(better).map_or(String::new(), |model| model.name.clone())
    };
    let bits = |i: usize| measured.get(i).map_or(f64::NAN, |score| score.bits_per_byte);
    let seeds = measured.first().map_or(1, |score| score.by_seed.len()) as f64;
    let error = bits(1) * noise * (2.0 / seeds).sqrt();
    let scored = Scored {
        first_step,
        models: Vec::new(),
        predicted_better: lower(&|i| foretold.models.get(i).map_or(f64::NAN, |m| m.prediction.bits_per_byte)),
        measured_better: lower(&bits),
        difference: (bits(1) - bits(2), error),
    };
    let model = |(model, score): (&ForetoldModel, CellScore)| {
        let is_in = |(low, high): (f64, f64)| (low..=high).contains(&score.bits_per_byte);
        ScoredModel {
            error_percent: 100.0 * (score.bits_per_byte / model.prediction.bits_per_byte - 1.0),
            inside_80: is_in(model.prediction.interval_80),
            inside_95: is_in(model.prediction.interval_95),
            score,
        }
    };
    Scored { models: foretold.models.iter().zip(measured).map(model).collect(), ..scored }
}

/// Bytes of text that a token of the arm stands for.
fn bytes_per_token(library: &Library<'_>, spec: &ArmSpec) -> Result<f64, TrainError> {
    let n = library.unique_tokens(spec, 0, COUNTED);
    let stream = library.stream(spec, 0, n, n.max(1))?;
    let tokenizer = library.tokenizer();
    let bytes: usize =
        stream.ids.iter().map(|id| tokenizer.token_bytes(id & !crate::arms::PIECE_START).len()).sum();
    Ok(bytes as f64 / n.max(1) as f64)
}

/// The tokens of an earlier call that asked for the same, whatever speed was measured then.
fn earlier(root: &Path, request: &Request) -> Option<usize> {
    let folders = std::fs::read_dir(root).ok()?;
    let asked = folders.flatten().filter_map(|entry| read::<Request>(&entry.path().join("request.json")));
    let same = |earlier: &Request| Request { tokens: earlier.tokens, ..request.clone() } == *earlier;
    asked.filter(same).map(|request| request.tokens).min()
}

/// The newest finished forecast of an output folder.
pub fn newest_forecast(out: &Path) -> Option<Forecast> {
    let folders = std::fs::read_dir(out.join("train")).ok()?;
    let finished = folders.flatten().filter_map(|entry| {
        let path = entry.path().join("forecast.json");
        Some((path.metadata().ok()?.modified().ok()?, path))
    });
    read(&finished.max()?.1)
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn hash(value: &(impl Serialize + ?Sized)) -> Result<String, TrainError> {
    let json = serde_json::to_vec(value).map_err(|e| TrainError::Refused(e.to_string()))?;
    Ok(format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&json)))
}

fn texts_hash(set: &HeldoutSet) -> u64 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    set.documents.iter().for_each(|document| hash.update(document.text.as_bytes()));
    hash.digest()
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
