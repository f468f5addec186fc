//! What must hold of a run: scores that do not depend on the batch, runs that repeat and resume.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::TrainError;
use crate::arms::{Arm, ArmSpec, Library, PIECE_START, Stream, members};
use crate::data::Corpus;
use crate::eval::{EvalDocument, EvalSet, bits_per_byte, document_nats};
use crate::fixture::{mixed_rows, prose, write_out};
use crate::model::{Positions, Weights, layout};
use crate::own_text::{floor_boundary, read_own_heldout};
use crate::presets::{ModelConfig, Preset, TrainingConfig};
use crate::random::Random;
use crate::spikes::{DocumentName, MOST_SKIPPED, Rewind, Why};
use crate::training::{Arithmetic, Metric, Run, Setting, gradient, run};
use burn::tensor::{Device, Tensor, TensorData};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::tempdir;

fn tiny_model(vocabulary: usize) -> ModelConfig {
    ModelConfig {
        n_layers: 2,
        d_model: 16,
        n_heads: 2,
        n_kv_heads: 1,
        head_dim: 8,
        d_ff: 32,
        vocabulary,
        sequence_length: 32,
    }
}

fn tiny_training() -> TrainingConfig {
    TrainingConfig {
        batch: 4,
        micro_batch: 2,
        learning_rate: 1e-2,
        evaluations: 4,
        checkpoint_seconds: 3_600,
        ..Preset::Smoke.training()
    }
}

fn lanes(n: usize) -> Vec<ThreadPool> {
    (0..n).map(|_| ThreadPoolBuilder::new().num_threads(1).build().unwrap()).collect()
}

/// Bytes as ids, 0 as end of text.
fn byte_document(text: &str) -> EvalDocument {
    let ids = std::iter::once(0).chain(text.bytes().map(u32::from)).collect();
    EvalDocument { ids, bytes: text.len(), source: None }
}

#[test]
fn a_model_that_knows_nothing_scores_eight_bits_per_byte() {
    let (model, device) = (tiny_model(256), Device::flex());
    let mut weights = Weights::initial(&model, 0, &device);
    weights.0[0] = weights.0[0].zeros_like();
    let mut random = Random::new(3);
    let uniform: Vec<u32> = std::iter::once(0).chain((0..1_000).map(|_| random.below(256) as u32)).collect();
    let documents = [EvalDocument { ids: uniform, bytes: 1_000, source: None }];
    let nats = document_nats(&model, &weights, &documents, 0, 8, &device);
    let score = bits_per_byte(&nats, documents.iter().map(|d| d.bytes));
    assert!((score - 8.0).abs() < 1e-6, "{score}");
}

#[test]
fn a_score_depends_neither_on_the_batch_nor_on_what_is_scored_with_it() {
    let (model, device) = (tiny_model(256), Device::flex());
    let mut weights = Weights::initial(&model, 1, &device);
    // Larger weights, so that attention matters.
    weights.0.iter_mut().for_each(|w| *w = w.clone() * 5.0);
    let mut random = Random::new(5);
    let documents: Vec<EvalDocument> =
        (1..20).map(|i| byte_document(&prose(&mut random, 3)[..5 * i])).collect();
    let alone: Vec<f64> = documents
        .iter()
        .map(|d| document_nats(&model, &weights, std::slice::from_ref(d), 0, 1, &device)[0])
        .collect();
    for batch in [1, 3, 8, 64] {
        let together = document_nats(&model, &weights, &documents, 0, batch, &device);
        for ((a, b), document) in alone.iter().zip(&together).zip(&documents) {
            assert!((a - b).abs() / (document.bytes as f64) < 1e-5, "batch {batch}: {a} {b}");
        }
    }
    let mut reversed = documents.clone();
    reversed.reverse();
    let backwards = document_nats(&model, &weights, &reversed, 0, 8, &device);
    assert!(alone.iter().zip(backwards.iter().rev()).all(|(a, b)| (a - b).abs() < 1e-3));
}

#[test]
fn a_document_does_not_see_its_neighbour_in_the_sequence() {
    let (model, device) = (tiny_model(256), Device::flex());
    let weights = Weights::initial(&model, 1, &device);
    let positions = Positions::new(&model, 32, &device);
    let states = |first: u32| -> Vec<f32> {
        let ids: Vec<u32> = (0..32)
            .map(|i| {
                if i == 16 {
                    0
                } else if i < 16 {
                    first
                } else {
                    7
                }
            })
            .collect();
        let mask = crate::model::attention_mask(&ids, 32, 0, &device);
        let ids = crate::eval::int_tensor(&ids, &device);
        crate::model::hidden(&model, &weights, &positions, ids, mask).into_data().iter().collect()
    };
    let (one, other) = (states(5), states(9));
    assert_eq!(one[16 * 16..], other[16 * 16..]);
    assert_ne!(one[..16], other[..16]);
}

/// Losses, points of the learning curve, bits of the averaged weights.
type Trace = (Vec<f64>, Vec<Metric>, Vec<u32>);

/// Tokens of a step.
const PER_STEP: usize = 128;

struct Trial {
    model: ModelConfig,
    training: TrainingConfig,
    stream: Stream,
    sets: Vec<EvalSet>,
    steps: usize,
}

impl Trial {
    fn new(steps: usize) -> Self {
        let (model, training) = (tiny_model(256), tiny_training());
        let mut random = Random::new(9);
        let text = prose(&mut random, 1 + steps * PER_STEP / 40);
        let n_tokens = (steps + MOST_SKIPPED) * PER_STEP + 1;
        let ids: Vec<u32> = text.bytes().map(u32::from).cycle().take(n_tokens).collect();
        // A document for every half step.
        let name = |i: usize| DocumentName { shard: 0, row: i as i64, id: format!("document-{i}") };
        let pieces = (0..n_tokens).step_by(PER_STEP / 2).enumerate().map(|(i, start)| (start, name(i)));
        let stream = Stream { ids, pieces: pieces.collect() };
        let documents = (0..6).map(|_| byte_document(&prose(&mut random, 2))).collect();
        Trial {
            model,
            training,
            stream,
            sets: vec![EvalSet { name: "raw".into(), documents, n_curve: 4 }],
            steps,
        }
    }

    fn setting<'a>(&'a self, device: &'a Device, stop: &'a AtomicBool) -> Setting<'a> {
        Setting {
            model: &self.model,
            training: &self.training,
            steps: self.steps,
            end_of_text: 0,
            sets: &self.sets,
            arithmetic: Arithmetic::new(&self.model, device),
            device,
            stop,
        }
    }

    /// Fills batches with what teaches nothing.
    fn poison(&mut self, batches: std::ops::Range<usize>) {
        let mut random = Random::new(batches.start as u64);
        let ids = &mut self.stream.ids[batches.start * PER_STEP..batches.end * PER_STEP];
        ids.iter_mut().for_each(|id| *id = 128 + random.below(128) as u32);
    }

    /// Every step's loss, the learning curve without its clock, and the averaged weights.
    fn run(&self, folder: &Path, n_lanes: usize, stop_after: usize) -> Result<Trace, TrainError> {
        self.run_and_tell(folder, n_lanes, stop_after, &|_| ())
    }

    /// The same, told when it goes back.
    fn run_and_tell(
        &self,
        folder: &Path,
        n_lanes: usize,
        stop_after: usize,
        tell: &(dyn Fn(&Rewind) + Sync),
    ) -> Result<Trace, TrainError> {
        let (stop, device) = (AtomicBool::new(false), Device::flex());
        let (losses, metrics) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        let on_step = |step: usize, loss: f64, _: usize| {
            losses.lock().unwrap().push(loss);
            stop.store(step == stop_after, Ordering::Relaxed);
        };
        let on_metric = |metric: Metric| {
            metrics.lock().unwrap().push(Metric { seconds: 0.0, ..metric });
            Ok(())
        };
        let on_rewind = |rewind: &Rewind| {
            tell(rewind);
            Ok(())
        };
        let setting = self.setting(&device, &stop);
        let which = Run { arm: "arm", seed: 4, stream: &self.stream, folder };
        let result = run(&setting, &which, &lanes(n_lanes), &on_step, &on_metric, &on_rewind);
        let (losses, metrics) = (losses.into_inner().unwrap(), metrics.into_inner().unwrap());
        let (weights, _) = result?;
        let bits = weights.0.iter().flat_map(|w| w.to_data().iter::<f32>().collect::<Vec<_>>());
        Ok((losses, metrics, bits.map(f32::to_bits).collect()))
    }
}

#[test]
fn a_spike_is_gone_back_from_its_documents_named_and_its_batches_left_out() {
    let mut trial = Trial::new(80);
    let healthy = trial.run(tempdir().unwrap().path(), 1, usize::MAX).unwrap();
    trial.poison(50..56);
    let told = Mutex::new(Vec::new());
    let tell = |rewind: &Rewind| told.lock().unwrap().push(rewind.clone());
    let whole = trial.run_and_tell(tempdir().unwrap().path(), 1, usize::MAX, &tell).unwrap();
    let told = std::mem::take(&mut *told.lock().unwrap());
    let [rewind] = &told[..] else { panic!("{told:?}") };
    // The third in a row; from there to the older of the states at 20 and 40.
    assert_eq!((rewind.step, rewind.to_step), (53, 20), "{rewind:?}");
    assert_eq!((rewind.rewind, rewind.batches, rewind.to_tokens), (1, rewind.step - 20 + 10, 20 * PER_STEP));
    let rows: Vec<i64> = rewind.documents.iter().map(|document| document.row).collect();
    assert_eq!((rows, rewind.why), ((100..106).collect(), Why::Loss));
    let n_steps = rewind.step - 1 + 60;
    assert_eq!(whole.0.len(), n_steps, "steps before, and again from step 20");
    let (last, expected) = (whole.0[n_steps - 1], healthy.0[79]);
    assert!((last / expected - 1.0).abs() < 0.05, "{last} {expected}");
    assert_eq!(whole.1.last().map(|metric| (metric.step, metric.rewinds)), Some((80, 1)));

    // Stopped before the spike, in its row of high losses, and behind it.
    let folder = tempdir().unwrap();
    for stop in [45, rewind.step - 1, 30] {
        let stopped = trial.run(folder.path(), 2, stop);
        assert!(matches!(stopped, Err(TrainError::Stopped(_))));
    }
    let file = folder.path().join("state.safetensors");
    let state =
        crate::checkpoint::State::load(&file, &layout(&trial.model), &Device::flex()).unwrap().unwrap();
    assert_eq!((state.cursor.step, state.cursor.rewinds.len(), state.before.len()), (30, 1, 1));
    let rest = trial.run_and_tell(folder.path(), 1, usize::MAX, &|_| panic!("told before")).unwrap();
    assert_eq!((&rest.0[..], &rest.2), (&whole.0[n_steps - 50..], &whole.2));
}

#[test]
fn a_run_that_spikes_again_and_again_is_stopped_with_the_reason() {
    let mut trial = Trial::new(300);
    for start in [50, 140, 230, 320] {
        trial.poison(start..start + 6);
    }
    let told = Mutex::new(0);
    let result =
        trial.run_and_tell(tempdir().unwrap().path(), 1, usize::MAX, &|_| *told.lock().unwrap() += 1);
    let error = result.map(|_| ()).unwrap_err().to_string();
    assert_eq!(*told.lock().unwrap(), 3, "{error}");
    assert!(error.contains("gone back 3 times") && error.contains("`document-6"), "{error}");
}

#[test]
fn a_run_repeats_bit_for_bit_whatever_the_threads_and_learns() {
    let trial = Trial::new(60);
    let folders: Vec<_> = (0..3).map(|_| tempdir().unwrap()).collect();
    let one = trial.run(folders[0].path(), 1, usize::MAX).unwrap();
    let again = trial.run(folders[1].path(), 1, usize::MAX).unwrap();
    let two_threads = trial.run(folders[2].path(), 2, usize::MAX).unwrap();
    assert_eq!(one, again);
    assert_eq!(one, two_threads);
    let (losses, metrics, _) = one;
    assert!(losses[59] < losses[0] - 1.0, "{} to {}", losses[0], losses[59]);
    assert_eq!(metrics.iter().map(|m| m.step).collect::<Vec<_>>(), [15, 30, 45, 60]);
    let score = |m: &Metric| m.bits_per_byte["bpb_heldout_raw"].as_f64().unwrap();
    assert!(score(&metrics[3]) < score(&metrics[0]));
}

#[test]
fn a_resumed_run_is_the_uninterrupted_run() {
    let trial = Trial::new(24);
    let (whole, halves) = (tempdir().unwrap(), tempdir().unwrap());
    let (losses, metrics, weights) = trial.run(whole.path(), 1, usize::MAX).unwrap();
    // Stopped between two points of the learning curve, and again among the averaged last steps.
    assert!(trial.run(halves.path(), 1, 10).is_err());
    let file = halves.path().join("state.safetensors");
    let device = Device::flex();
    let state = crate::checkpoint::State::load(&file, &layout(&trial.model), &device).unwrap().unwrap();
    assert_eq!(state.cursor.step, 10);
    assert!(trial.run(halves.path(), 1, 23).is_err());
    let (last_losses, last_metrics, last_weights) = trial.run(halves.path(), 1, usize::MAX).unwrap();
    assert_eq!(last_losses, losses[24 - last_losses.len()..]);
    assert_eq!(last_metrics, metrics[metrics.len() - last_metrics.len()..]);
    assert_eq!(last_weights, weights);
}

#[test]
fn the_gradient_is_the_slope() {
    let trial = Trial::new(1);
    let (device, stop) = (Device::flex(), AtomicBool::new(false));
    let setting = trial.setting(&device, &stop);
    let mut weights = Weights::initial(&trial.model, 2, &device);
    let names = layout(&trial.model);
    weights.0.iter_mut().zip(&names).filter(|(_, w)| !w.is_norm).for_each(|(w, _)| *w = w.clone() * 8.0);
    let mut ids = trial.stream.ids[..=PER_STEP].to_vec();
    // Two documents in one sequence.
    ids[20] = 0;
    let (_, gradients) = gradient(&setting, &weights, &ids, &[]);
    for (i, weight) in names.iter().enumerate() {
        let values: Vec<f32> = gradients[i].to_data().iter().collect();
        let largest = (0..values.len()).max_by(|&a, &b| values[a].abs().total_cmp(&values[b].abs())).unwrap();
        let loss_at = |offset: f32| {
            let mut moved = weights.clone();
            let mut data: Vec<f32> = moved.0[i].to_data().iter().collect();
            data[largest] += offset;
            moved.0[i] = Tensor::from_data(TensorData::new(data, [weight.rows, weight.columns]), &device);
            gradient(&setting, &moved, &ids, &[]).0
        };
        let offset = 4e-3;
        let slope = (loss_at(offset) - loss_at(-offset)) / (2.0 * f64::from(offset));
        let error = (slope - f64::from(values[largest])).abs();
        assert!(error < 0.05 * slope.abs() + 2e-4, "{}: {slope} {}", weight.name, values[largest]);
    }
}

#[test]
fn the_fused_kernel_is_the_model_in_burn() {
    let (device, stop) = (Device::flex(), AtomicBool::new(false));
    // Sequences longer than a block of queries, groups of heads, documents that begin anywhere.
    let model = ModelConfig { sequence_length: 96, n_heads: 4, n_kv_heads: 2, ..tiny_model(256) };
    let training = TrainingConfig { micro_batch: 2, batch: 2, ..tiny_training() };
    let trial = Trial { model, training, ..Trial::new(2) };
    let mut ids = trial.stream.ids[..=192].to_vec();
    (ids[20], ids[90], ids[150]) = (0, ids[90] | PIECE_START, 0);
    let setting = trial.setting(&device, &stop);
    let positions = Positions::new(&trial.model, 96, &device);
    let mut weights = Weights::initial(&trial.model, 2, &device);
    weights.0.iter_mut().for_each(|w| *w = w.clone() * 3.0);
    let (loss, fused) = gradient(&setting, &weights, &ids, &[]);
    let (nats, by_burn) = crate::training::micro_gradient(&setting, &weights, &positions, &ids);
    assert!((loss - nats / 192.0).abs() < 1e-5, "{loss} {}", nats / 192.0);
    for ((fused, by_burn), weight) in fused.iter().zip(by_burn).zip(layout(&trial.model)) {
        let expected: Vec<f32> = (by_burn / 192.0).into_data().iter().collect();
        let largest = expected.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        for (a, b) in fused.to_data().iter::<f32>().zip(expected) {
            assert!((a - b).abs() < 1e-5 * largest.max(1.0), "{}: {a} {b} of {largest}", weight.name);
        }
    }
}

#[test]
fn pieces_become_documents_and_documents_arms() {
    let folder = tempdir().unwrap();
    let mut rows = mixed_rows(60, 10);
    // Longer than a sequence, not ASCII, and with a spelling of the special token.
    rows[0].text = "Straße 東京 <|endoftext|> ".repeat(200);
    rows[3].excluded = true;
    rows[6].reasons = vec!["gopher_quality.too_few_words"];
    write_out(folder.path(), &rows);
    let corpus = Corpus::read(folder.path()).unwrap();
    assert_eq!(corpus.documents.len(), 60);
    for (document, row) in corpus.documents.iter().zip(&rows) {
        assert_eq!((&document.original, &document.rewritten), (&row.text, &row.rewritten));
    }
    assert_eq!(corpus.heldout.iter().map(|s| s.documents.len()).collect::<Vec<_>>(), [10, 10]);
    assert_eq!(corpus.heldout[0].documents[1].source.as_deref(), Some("news"));
    let of = |arm: Arm| members(&ArmSpec::from(arm), &corpus.documents, 0);
    assert_eq!(of(Arm::Raw).len(), 59);
    assert_eq!(of(Arm::LanguageOnly).len(), 39);
    assert_eq!(of(Arm::All).len(), 38);
    let tokens =
        |indices: &[usize]| indices.iter().map(|&i| corpus.documents[i].original_tokens).sum::<u64>();
    let kept: u64 = of(Arm::All).iter().map(|&i| corpus.documents[i].kept_tokens).sum();
    let dropped = tokens(&of(Arm::RandomDrop));
    assert!(dropped >= kept && dropped < kept + 1_100, "{dropped} {kept}");
    assert_ne!(members(&Arm::RandomDrop.into(), &corpus.documents, 1), of(Arm::RandomDrop));
    let halves =
        ArmSpec::halves(Arm::Raw).iter().map(|spec| members(spec, &corpus.documents, 0)).collect::<Vec<_>>();
    assert_eq!(halves[0].len() + halves[1].len(), 59);
    assert!(halves[0].iter().all(|i| !halves[1].contains(i)));
    let library = Library::new(&corpus, corpus.tokenizer.truncated(4_096).unwrap());
    let stream_of = |seed| -> Vec<u32> {
        let marked = library.stream(&Arm::All.into(), seed, 500, 64).unwrap();
        marked.ids.into_iter().map(|id| id & !PIECE_START).collect()
    };
    let stream = stream_of(0);
    let text = String::from_utf8_lossy(&library.tokenizer().decode_bytes(&stream)).into_owned();
    assert!(stream.len() == 500 && stream.iter().all(|&id| id < 4_096) && !text.contains("menu"));
    assert_ne!(stream, stream_of(1));
    let unique = library.unique_tokens(&Arm::All.into(), 0, usize::MAX);
    let twice = library.stream(&Arm::All.into(), 0, 2 * unique, 64).unwrap();
    // Every piece is a document's, and named so.
    let decoded = |range: std::ops::Range<usize>| {
        let ids: Vec<u32> = twice.ids[range].iter().map(|id| id & !PIECE_START).collect();
        String::from_utf8_lossy(&library.tokenizer().decode_bytes(&ids)).into_owned()
    };
    for pieces in twice.pieces.windows(2) {
        let [(start, name), (end, next)] = pieces else { unreachable!() };
        let row = &rows[name.row as usize];
        let text = row.rewritten.as_ref().unwrap_or(&row.text);
        assert!(text.contains(decoded(*start..*end).trim_matches(char::REPLACEMENT_CHARACTER)));
        assert_eq!(name.id, format!("document-{}", name.row));
        let both = twice.documents(*start..end + 1);
        assert!(both.first() == Some(name) && both.last() == Some(next) && both.len() <= 2);
    }
    let twice = twice.ids;
    let (mut first, mut second) = (twice[..unique].to_vec(), twice[unique..].to_vec());
    assert_ne!(first, second);
    first.sort_unstable();
    second.sort_unstable();
    assert_eq!(first, second, "an epoch is every token once");
}

#[test]
fn own_texts_are_documents() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("own.jsonl");
    std::fs::write(&path, "{\"text\": \"eins\", \"source\": \"a\"}\n\n{\"text\": \"zwei\"}\n").unwrap();
    let set = read_own_heldout(&path, 100).unwrap();
    assert_eq!(set.documents.iter().map(|d| d.text.as_str()).collect::<Vec<_>>(), ["eins", "zwei"]);
    std::fs::write(&path, "{\"txt\": 1}").unwrap();
    assert!(read_own_heldout(&path, 100).unwrap_err().to_string().contains("line 1: no string `text`"));
    std::fs::write(&path, "äöü".repeat(10)).unwrap();
    let set = read_own_heldout(&path, 7).unwrap();
    assert_eq!(set.documents.iter().map(|d| d.text.len()).sum::<usize>(), 60);
    assert_eq!(floor_boundary("äöü", 3), 2);
    assert_eq!(floor_boundary("東京", 1), 3);
}
