//! Bits per byte of held-out documents: Σ nats / (ln 2 · Σ bytes of the text).
//!
//! Every document begins after the end-of-text token and is read in fixed windows, whatever the batch;
//! special tokens are in neither sum.

use crate::arms::PIECE_START;
use crate::attention::Rotations;
use crate::data::{HeldoutDocument, HeldoutSet};
use crate::head::losses;
use crate::kernel::{self, Pass};
use crate::model::{Positions, Weights, attention_mask, hidden};
use crate::own_text::floor_boundary;
use crate::presets::ModelConfig;
use burn::tensor::{Device, Int, Tensor, TensorData};
use tokens::{Tokenizer, shuffle_key};

/// Seed of the order in which held-out documents are taken; the same for every arm and seed.
const ORDER_SEED: u64 = 0x6865_6c64;
/// Windows that are scored at once.
pub const BATCH: usize = 8;
/// Lengths of padded batches are multiples of this.
const STRIDE: usize = 32;

/// A document ready to be scored.
#[derive(Clone, Debug)]
pub struct EvalDocument {
    /// End-of-text, then the text's ids.
    pub ids: Vec<u32>,
    /// Bytes of the text that `ids` stand for, from the bytes of the tokens.
    pub bytes: usize,
    /// Domain, if the input names one.
    pub source: Option<String>,
}

/// A held-out set in scoring order; its first `n_curve` documents make the learning curve.
#[derive(Clone, Debug)]
pub struct EvalSet {
    pub name: String,
    pub documents: Vec<EvalDocument>,
    pub n_curve: usize,
}

impl EvalSet {
    /// Takes documents in hashed order until `final_bytes` are reached; each is cut at `document_bytes`.
    pub fn new(
        set: &HeldoutSet,
        tokenizer: &Tokenizer,
        document_bytes: usize,
        curve_bytes: usize,
        final_bytes: usize,
    ) -> Self {
        let mut order: Vec<&HeldoutDocument> = set.documents.iter().collect();
        order.sort_by_key(|d| (shuffle_key(ORDER_SEED, d.shard as u32, d.row as u64), d.shard, d.row));
        let mut documents = Vec::new();
        let (mut n_bytes, mut n_curve) = (0, 0);
        for document in order {
            let text = &document.text[..floor_boundary(&document.text, document_bytes)];
            let mut ids = vec![tokenizer.end_of_text()];
            ids.extend(tokenizer.encode(text).unwrap_or_default());
            let bytes = ids.iter().map(|&id| tokenizer.token_bytes(id).len()).sum();
            if bytes == 0 {
                continue;
            }
            n_bytes += bytes;
            documents.push(EvalDocument { ids, bytes, source: document.source.clone() });
            if n_bytes <= curve_bytes || n_curve == 0 {
                n_curve = documents.len();
            }
            if n_bytes >= final_bytes {
                break;
            }
        }
        EvalSet { name: set.name.clone(), documents, n_curve }
    }
}

/// Nats of each document. `batch` ≥ 1 changes the speed, not the result beyond rounding.
pub fn document_nats(
    config: &ModelConfig,
    weights: &Weights,
    documents: &[EvalDocument],
    end_of_text: u32,
    batch: usize,
    device: &Device,
) -> Vec<f64> {
    let length = config.sequence_length;
    let mut windows = Vec::new();
    for (document, ids) in documents.iter().map(|d| &d.ids).enumerate() {
        let n_targets = ids.len().saturating_sub(1);
        windows.extend(
            (0..n_targets).step_by(length).map(|start| (document, start, length.min(n_targets - start))),
        );
    }
    // Windows of one length beside each other need little padding; the sort is stable, so the order is fixed.
    windows.sort_by_key(|&(_, _, n)| std::cmp::Reverse(n));
    let fused =
        (*device == Device::flex()).then(|| (kernel::values(weights), Rotations::new(config, length)));
    let mut nats = vec![0.0; documents.len()];
    for windows in windows.chunks(batch.max(1)) {
        let longest = windows.iter().map(|w| w.2).max().unwrap_or(1);
        let padded = longest.next_multiple_of(STRIDE).min(length);
        let mut ids = vec![end_of_text; windows.len() * padded];
        let mut targets = ids.clone();
        for (i, &(document, start, n)) in windows.iter().enumerate() {
            let source = &documents[document].ids;
            ids[i * padded..][..n].copy_from_slice(&source[start..start + n]);
            targets[i * padded..][..n].copy_from_slice(&source[start + 1..start + 1 + n]);
        }
        let losses: Vec<f32> = if let Some((values, rotations)) = &fused {
            kernel::losses(config, values, &Pass::new(rotations, &ids, &targets, padded, end_of_text))
        } else {
            let mask = attention_mask(&ids, padded, end_of_text, device);
            let positions = Positions::new(config, padded, device);
            let states = hidden(config, weights, &positions, int_tensor(&ids, device), mask);
            losses(&states, weights, &int_tensor(&targets, device)).into_data().iter().collect()
        };
        for (i, &(document, _, n)) in windows.iter().enumerate() {
            nats[document] += losses[i * padded..][..n].iter().map(|&l| f64::from(l)).sum::<f64>();
        }
    }
    nats
}

/// Bits per byte of several documents together.
pub fn bits_per_byte(nats: &[f64], bytes: impl Iterator<Item = usize>) -> f64 {
    nats.iter().sum::<f64>() / (std::f64::consts::LN_2 * bytes.sum::<usize>().max(1) as f64)
}

/// Ids as a tensor, without their marks.
pub fn int_tensor(ids: &[u32], device: &Device) -> Tensor<1, Int> {
    let values: Vec<i32> = ids.iter().map(|&id| (id & !PIECE_START) as i32).collect();
    Tensor::from_data(TensorData::new(values, [ids.len()]), device)
}
