//! Planted texts: what a model remembers of what it read once, 4, 16 and 64 times.
//!
//! A canary is words of the held-out vocabulary drawn at random, so that no corpus holds it; its twin is drawn alike and
//! planted nowhere (the secret sharer, Carlini et al. 2019). Every arm of a seed gets the same canaries at the same
//! places. They are no input of the cleaning, so deduplication is modelled: an arm that drops the control sample's
//! duplicates gets every canary once, as a copy is all that exact deduplication leaves.

use crate::arms::{PIECE_START, Stream};
use crate::attention::Rotations;
use crate::eval::EvalDocument;
use crate::kernel::{self, Pass};
use crate::metrics::words::Vocabulary;
use crate::metrics::{Measure, Subject};
use crate::random::Random;
use crate::spikes::DocumentName;
use std::f64::consts::LN_2;
use tokens::Tokenizer;

/// How often canaries are planted, and how many of a level at most.
const COPIES: [usize; 4] = [1, 4, 16, 64];
const MOST: usize = 32;
/// With fewer a level says nothing and is left out.
const FEWEST: usize = 2;
/// Tokens of a canary with its end-of-text token; the last ones are to be continued.
const LENGTH: usize = 48;
const CONTINUED: usize = 16;
/// A level takes this share of a run's tokens: all four together 3 %.
const SHARE: f64 = 0.0075;
const SEED: u64 = 0x6361_6e61_7279;

/// The canaries of a run.
pub struct Canaries {
    levels: Vec<Level>,
    /// The arm drops copies.
    once: bool,
    seed: u64,
}

struct Level {
    copies: usize,
    planted: Vec<EvalDocument>,
    /// As many that are planted nowhere.
    twins: Vec<EvalDocument>,
}

/// Metrics by name.
type Named = Vec<(String, Option<Measure>)>;

impl Canaries {
    /// Nothing is planted.
    pub fn none() -> Self {
        Canaries { levels: Vec::new(), once: false, seed: 0 }
    }

    /// As many canaries as `tokens` have room for; `once` plants each a single time.
    pub fn new(vocabulary: &Vocabulary, tokenizer: &Tokenizer, tokens: usize, seed: u32, once: bool) -> Self {
        let seed = SEED ^ (u64::from(seed) << 32);
        let mut random = Random::new(seed);
        let words = vocabulary.words();
        let room = |copies: usize| ((SHARE * tokens as f64) as usize / (copies * LENGTH)).min(MOST);
        let levels = COPIES.into_iter().filter(|&copies| room(copies) >= FEWEST && !words.is_empty());
        let mut drawn = |n: usize| (0..n).map(|_| draw(words, tokenizer, &mut random)).collect();
        let level = |copies| Level { copies, planted: drawn(room(copies)), twins: drawn(room(copies)) };
        Canaries { levels: levels.map(level).collect(), once, seed }
    }

    /// The stream with the canaries between its pieces, spread evenly over the `trained` tokens. It keeps its length:
    /// the last documents fall out.
    pub fn plant(&self, stream: Stream, trained: usize) -> Stream {
        let mut copies: Vec<(DocumentName, &EvalDocument)> = Vec::new();
        for level in &self.levels {
            let n_copies = if self.once { 1 } else { level.copies };
            for (i, canary) in level.planted.iter().enumerate() {
                let id = format!("canary {i}, planted {n_copies} times");
                let name = DocumentName { shard: -1, row: (level.copies * MOST + i) as i64, id };
                copies.extend((0..n_copies).map(|_| (name.clone(), canary)));
            }
        }
        if copies.is_empty() {
            return stream;
        }
        let mut random = Random::new(self.seed + 1);
        for last in (1..copies.len()).rev() {
            copies.swap(last, random.below(last + 1));
        }
        let room = trained.saturating_sub(copies.len() * LENGTH) as f64;
        let place = |k: usize| ((k as f64 + 0.5) / copies.len() as f64 * room) as usize;
        let mut planted = Stream { ids: Vec::with_capacity(stream.ids.len()), pieces: Vec::new() };
        let mut next = 0;
        let ends = stream.pieces.iter().skip(1).map(|piece| piece.0).chain([stream.ids.len()]);
        for ((start, name), end) in stream.pieces.iter().zip(ends) {
            while next < copies.len() && place(next) <= *start {
                let (name, canary) = &copies[next];
                planted.pieces.push((planted.ids.len(), name.clone()));
                planted.ids.push(canary.ids[0] | PIECE_START);
                planted.ids.extend_from_slice(&canary.ids[1..]);
                next += 1;
            }
            planted.pieces.push((planted.ids.len(), name.clone()));
            planted.ids.extend_from_slice(&stream.ids[*start..end]);
        }
        planted.ids.truncate(stream.ids.len());
        planted.pieces.retain(|piece| piece.0 < stream.ids.len());
        planted
    }

    /// By level: bits per byte that a canary is likelier than its twin, and the share whose last tokens are each the
    /// model's first choice.
    pub(crate) fn measure(&self, subject: &Subject<'_>) -> (Named, Named) {
        let (mut gaps, mut recited) = (Named::new(), Named::new());
        for level in &self.levels {
            let bits = |documents: &[EvalDocument]| -> Vec<f64> {
                let nats = subject.nats(documents);
                nats.iter().zip(documents).map(|(nats, d)| nats / LN_2 / d.bytes as f64).collect()
            };
            let (planted, twins) = (bits(&level.planted), bits(&level.twins));
            let gap: Vec<f64> = twins.iter().zip(&planted).map(|(twin, canary)| twin - canary).collect();
            let name = level.copies.to_string();
            gaps.push((name.clone(), Measure::mean(&gap)));
            let by_heart: Vec<f64> =
                level.planted.iter().map(|canary| f64::from(is_recited(subject, canary))).collect();
            recited.push((name, Measure::mean(&by_heart)));
        }
        (gaps, recited)
    }
}

/// Words drawn alike until they have the length of a canary.
fn draw(words: &[String], tokenizer: &Tokenizer, random: &mut Random) -> EvalDocument {
    let mut text = String::new();
    let mut ids = vec![tokenizer.end_of_text()];
    while ids.len() < LENGTH {
        // A word has at least a token, if only a space's.
        for _ in 0..LENGTH {
            text += &words[random.below(words.len())];
            text.push(' ');
        }
        ids.truncate(1);
        ids.extend(tokenizer.encode(&text).unwrap_or_default());
    }
    ids.truncate(LENGTH);
    let bytes = ids.iter().map(|&id| tokenizer.token_bytes(id).len()).sum();
    EvalDocument { ids, bytes, source: None }
}

/// Whether the model's first choice is each time the token that comes: then it would write the rest itself.
fn is_recited(subject: &Subject<'_>, canary: &EvalDocument) -> bool {
    let model = subject.setting.model;
    let read = &canary.ids[..canary.ids.len() - 1];
    let rotations = Rotations::new(model, read.len());
    let pass = Pass::new(&rotations, read, &[], read.len(), subject.setting.end_of_text);
    let logits = kernel::logits(model, &subject.values, &pass, CONTINUED);
    let next = &canary.ids[canary.ids.len() - CONTINUED..];
    logits.chunks_exact(model.vocabulary).zip(next).all(|(row, &id)| {
        let best = (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]));
        best == Some(id as usize)
    })
}
