//! `corpus classifier train good/ bad/ -o quality.bin`: a quality model from examples, measured on others.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use arrow::array::{Array, StringArray};
use classify::fasttext::{Example, Model, Settings, Trained, train};
use classify::ranking::{Auc, Kept, accuracy, limit_that_keeps};
use document::FileBytes;
use rayon::prelude::*;
use serde_json::json;
use shards::{AtomicFile, ReadOptions, ShardReader};
use text::characters::strip;
use text::normalize::simplify_text;
use text::shingles::{SHINGLE_WORDS, ShingleScratch, normalized_words, shingle_hashes};
use text::stable_hash::{hash128, sampling_key};

use crate::progress::Line;
use crate::{Exit, Format, Voice, print};

/// With fewer examples of a kind, what is held out says nothing.
const FEWEST: usize = 20;
/// Good held-out documents that the limits of the table keep.
const SHARES: [f64; 3] = [0.9, 0.95, 0.99];
/// Of them the one that the recipe's lines take.
const SUGGESTED: usize = 1;

#[derive(clap::Subcommand)]
pub enum Verb {
    /// Learn to tell good documents from bad ones, and say how well: a fastText model for the stage quality_model
    Train(Train),
}

#[derive(clap::Args)]
pub struct Train {
    /// Good documents: a folder (recursive), a file or a pattern, of anything that `corpus clean` reads.
    good: PathBuf,
    /// Bad documents, likewise: usually a sample of what is to be cleaned.
    bad: PathBuf,
    /// Where the model goes.
    #[arg(short, long)]
    output: PathBuf,
    /// Names of the good and the bad label.
    #[arg(long, value_names = ["GOOD", "BAD"], num_args = 2, default_values_t = Settings::default().labels)]
    labels: Vec<String>,
    /// Documents of each kind, at most, with those that are held out: those of the smallest hashes, held in memory.
    #[arg(long, default_value_t = 200_000)]
    examples: usize,
    /// Share of the examples that is not learned from, but measured on.
    #[arg(long, default_value_t = 0.1, value_parser = share)]
    held_out: f64,
    /// Words in a row that count together, at most.
    #[arg(long, default_value_t = Settings::default().word_ngrams)]
    word_ngrams: u32,
    /// Weights that n-grams of words share by their hash, 4 bytes each.
    #[arg(long, default_value_t = Settings::default().bucket)]
    bucket: u32,
    /// Words that occur less often have no weight of their own.
    #[arg(long, default_value_t = Settings::default().min_count)]
    min_count: u64,
    /// Times that every example is seen.
    #[arg(long, default_value_t = Settings::default().epochs)]
    epochs: u32,
    /// Rate of learning at the first step.
    #[arg(long, default_value_t = Settings::default().rate)]
    rate: f64,
    /// Of the order of the examples, and of what is held out.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A folder for train.txt and held-out.txt: the same examples as fastText's own trainer reads them.
    #[arg(long, value_name = "FOLDER")]
    write_examples: Option<PathBuf>,
    /// Input field that holds the text; dots reach into nested fields.
    #[arg(long, default_value = "text")]
    text_column: String,
}

fn share(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|value: &f64| *value > 0.0 && *value <= 0.5);
    value.ok_or_else(|| "a number above 0, up to 0.5".to_owned())
}

/// Examples of one kind, and what was left out of them.
#[derive(Default)]
struct Kind {
    read: u64,
    /// Without a word.
    blank: u64,
    /// The same text again, of those that were in the choice then.
    repeated: u64,
    /// Those of the smallest hashes, whatever their order in the input.
    chosen: BTreeMap<u128, Box<str>>,
}

/// Where the examples of both kinds stand, good ones first.
struct Split {
    train: [Vec<Box<str>>; 2],
    held_out: [Vec<Box<str>>; 2],
}

/// What the held-out examples say.
struct Measured {
    auc: Auc,
    accuracy: f64,
    kept: Vec<Kept>,
}

pub fn run(verb: Verb, voice: Voice) -> anyhow::Result<Exit> {
    let Verb::Train(args) = verb;
    if args.examples < FEWEST {
        bail!("--examples {}: at least {FEWEST} of each kind", args.examples);
    }
    let settings = Settings {
        labels: [args.labels[0].clone(), args.labels[1].clone()],
        word_ngrams: args.word_ngrams,
        bucket: args.bucket,
        min_count: args.min_count,
        epochs: args.epochs,
        rate: args.rate,
        seed: args.seed,
    };
    settings.check().map_err(|why| anyhow::anyhow!("corpus classifier train: {why}"))?;
    let mut file = AtomicFile::create(&args.output)?;
    let line = Line::new(voice);
    let mut good = read(&args, &args.good, "good", &line)?;
    let mut bad = read(&args, &args.bad, "bad", &line)?;
    let n_both = take_out_shared(&mut good.chosen, &mut bad.chosen);
    let n_each = good.chosen.len().min(bad.chosen.len());
    if n_each < FEWEST {
        let counts = |kind: &Kind| format!("{} of {} read", kind.chosen.len(), kind.read);
        bail!(
            "too few examples: {} are good and {} bad, without blank ones, repetitions and {n_both} that are both; at least {FEWEST} \
             of each kind are needed, thousands are better",
            counts(&good),
            counts(&bad)
        );
    }
    if n_both > n_each as u64 {
        bail!(
            "{n_both} documents are good and bad, more than the {n_each} that are not: look whether {} and {} hold the same",
            args.good.display(),
            args.bad.display()
        );
    }
    let [good_counts, bad_counts] = [&good, &bad]
        .map(|kind| json!({ "read": kind.read, "blank": kind.blank, "repeated": kind.repeated, "candidates": kind.chosen.len() }));
    let split = split(&args, n_each, [good.chosen, bad.chosen]);

    if let Some(folder) = &args.write_examples {
        write_examples(&folder.join("train.txt"), &settings, &split.train)?;
        write_examples(&folder.join("held-out.txt"), &settings, &split.held_out)?;
    }

    let start = Instant::now();
    let texts = |kind: usize| split.train[kind].iter().map(move |text| (text, kind == 0));
    let examples: Vec<Example<'_>> =
        texts(0).chain(texts(1)).map(|(text, is_good)| Example { text, is_good }).collect();
    let told = &mut |share: f64| line.show("train", (share * 1000.0) as u64, 1000, |_| String::new());
    let trained =
        train(&examples, &settings, told).map_err(|why| anyhow::anyhow!("corpus classifier train: {why}"))?;
    let seconds = start.elapsed().as_secs_f64();
    let measured = measure(&trained, &settings, &split)?;
    line.end();
    file.write_all(&trained.bytes).with_context(|| format!("cannot write {}", args.output.display()))?;
    file.commit(0)?;

    let counts = [split.train[0].len(), split.held_out[0].len()];
    match voice.format {
        Format::Json => {
            let Measured { auc, accuracy, kept } = &measured;
            let limits: Vec<_> = kept
                .iter()
                .map(|at| json!({ "low_score": at.limit, "good": at.good, "bad": at.bad }))
                .collect();
            let json = json!({
                "model": args.output, "bytes": trained.bytes.len(), "words": trained.words, "labels": settings.labels,
                "good": good_counts, "bad": bad_counts, "in_both": n_both,
                "trained_on": counts[0], "held_out": counts[1],
                "auc": auc.value, "auc_95": [auc.low, auc.high], "accuracy": accuracy, "limits": limits,
            });
            print(&format!("{json:#}\n"))?;
        }
        Format::Text => {
            let left_out = format!(
                "left out: {} blank, {} repeated, {n_both} good and bad, {} beyond equal numbers of both kinds or --examples\n",
                good.blank + bad.blank,
                good.repeated + bad.repeated,
                good.read + bad.read
                    - good.blank
                    - bad.blank
                    - good.repeated
                    - bad.repeated
                    - 2 * n_both
                    - 2 * n_each as u64
            );
            print(&(left_out + &told_of(&args, &settings, counts, &measured)))?;
        }
    }
    if !voice.quiet {
        let (path, size, rows) = (args.output.display(), trained.bytes.len() as f64 / 1e6, trained.rows);
        eprintln!(
            "{path}: {size:.1} MB, {} words; {rows} words and n-grams learned from in {seconds:.1} s",
            trained.words
        );
    }
    Ok(Exit::Done)
}

/// The texts of an input as the filter will see them.
fn read(args: &Train, path: &Path, phase: &str, line: &Line) -> anyhow::Result<Kind> {
    let inputs = shards::discover(&[path.to_path_buf()], &[])?;
    let options = ReadOptions { text_column: args.text_column.clone(), ..ReadOptions::default() };
    let total = inputs.size();
    let mut kind = Kind::default();
    let mut done = 0;
    for shard in &inputs.shards {
        let mut reader = ShardReader::open(shard, &options)?;
        while let Some(block) = reader.next_block()? {
            let records = block.parse(&options)?.records;
            let texts = records.column_by_name("text").and_then(|c| c.as_any().downcast_ref::<StringArray>());
            texts.into_iter().flatten().flatten().for_each(|text| kind.add(strip(text), args.examples));
            line.show(phase, done + reader.consumed(), total, |_| format!("{} documents", kind.read));
        }
        done += shard.size;
    }
    Ok(kind)
}

impl Kind {
    fn add(&mut self, text: &str, most: usize) {
        self.read += 1;
        if text.is_empty() {
            self.blank += 1;
            return;
        }
        let hash = hash128(text.as_bytes());
        if self.chosen.contains_key(&hash) {
            self.repeated += 1;
            return;
        }
        let is_full = self.chosen.len() >= most;
        if is_full && self.chosen.last_key_value().is_some_and(|(last, _)| *last < hash) {
            return;
        }
        self.chosen.insert(hash, text.into());
        if is_full {
            self.chosen.pop_last();
        }
    }
}

/// What is good and bad teaches nothing, and would stand on both sides of what is held out.
fn take_out_shared(good: &mut BTreeMap<u128, Box<str>>, bad: &mut BTreeMap<u128, Box<str>>) -> u64 {
    let before = good.len();
    good.retain(|hash, _| bad.remove(hash).is_none());
    (before - good.len()) as u64
}

/// The `n_each` texts of the smallest hashes of each kind. Held out are those of the smallest sampling keys, which
/// near-duplicates share with a probability equal to their similarity: they seldom stand on both sides.
fn split(args: &Train, n_each: usize, kinds: [BTreeMap<u128, Box<str>>; 2]) -> Split {
    let n_held_out = ((args.held_out * n_each as f64).round() as usize).clamp(2, n_each / 2);
    let parts = kinds.map(|kind| {
        let texts: Vec<Box<str>> = kind.into_values().take(n_each).collect();
        let key = |scratch: &mut (String, Vec<(u32, u32)>, ShingleScratch), text: &str| {
            let (normalized, words, scratch) = scratch;
            simplify_text(text, normalized);
            normalized_words(normalized, words);
            sampling_key(shingle_hashes(normalized, words, SHINGLE_WORDS, scratch), text, args.seed)
        };
        let keys = texts.par_iter().map_init(Default::default, |scratch, text| key(scratch, text));
        let mut keyed: Vec<(u64, Box<str>)> = keys.collect::<Vec<u64>>().into_iter().zip(texts).collect();
        keyed.sort();
        let mut held_out: Vec<Box<str>> = keyed.into_iter().map(|(_, text)| text).collect();
        let train = held_out.split_off(n_held_out);
        (train, held_out)
    });
    let [(good, held_good), (bad, held_bad)] = parts;
    Split { train: [good, bad], held_out: [held_good, held_bad] }
}

/// A line for each text, good and bad ones by turns, since fastText takes them as they come.
fn write_examples(path: &Path, settings: &Settings, [good, bad]: &[Vec<Box<str>>; 2]) -> anyhow::Result<()> {
    let mut file = AtomicFile::create(path)?;
    let [hq, cc] = &settings.labels;
    let texts = good.iter().zip(bad).flat_map(|(good, bad)| [(hq, good), (cc, bad)]);
    for (label, text) in texts {
        let line = text.replace(['\n', '\r'], " ");
        writeln!(file, "__label__{label} {line}")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    file.commit(0)?;
    Ok(())
}

/// Scores by the file that is written, as the filter will read it.
fn measure(trained: &Trained, settings: &Settings, split: &Split) -> anyhow::Result<Measured> {
    let model = Model::read(FileBytes::new(trained.bytes.clone())).map_err(anyhow::Error::msg)?;
    let label = model.label(&settings.labels[0]).context("the model lacks its label")?;
    let [good, bad] = [0, 1].map(|kind: usize| {
        let texts = split.held_out[kind].par_iter();
        texts.map(|text| model.classify(text, |mut scores| scores.of(label))).collect::<Vec<f32>>()
    });
    let auc = Auc::of(&good, &bad).context("too few held-out examples: at least two of each kind")?;
    let kept = SHARES.iter().filter_map(|share| limit_that_keeps(*share, &good, &bad)).collect();
    Ok(Measured { auc, accuracy: accuracy(&good, &bad), kept })
}

/// The table, and lines of a recipe.
fn told_of(
    args: &Train,
    settings: &Settings,
    [trained, held_out]: [usize; 2],
    measured: &Measured,
) -> String {
    let Measured { auc, accuracy, kept } = measured;
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let mut text = format!(
        "learned from {trained} documents of each kind; of {held_out} others of each kind:\n\
         AUC {:.4} (95 %: {:.4} to {:.4}), {} on the right side of 0.5\n\n\
         {:>12}  {:>10}  {:>10}\n",
        auc.value,
        auc.low,
        auc.high,
        percent(*accuracy),
        "low_score",
        "good kept",
        "bad kept"
    );
    for Kept { limit, good, bad } in kept {
        text += &format!("{limit:>12.6}  {:>10}  {:>10}\n", percent(*good), percent(*bad));
    }
    if let Some(Kept { limit, good, bad }) = kept.get(SUGGESTED) {
        text += &format!(
            "\nFor a recipe, with \"quality_model\" in its pipeline:\n\n\
             [quality_model]\n\
             model = {:?} # relative to the recipe\n\
             label = {:?}\n\
             newline = \" \"\n\
             low_score = {limit} # keeps {} of the good, {} of the bad\n",
            args.output.display().to_string(),
            settings.labels[0],
            percent(*good),
            percent(*bad)
        );
    }
    text
}
