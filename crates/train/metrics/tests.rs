//! What must hold of metrics: a model that knows nothing tells nothing apart, what is planted is remembered, what is
//! drawn with a memory is what the model says without one.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::decode::Memory;
use super::pairs::Pairs;
use super::words::{Vocabulary, sentences};
use super::*;
use crate::arms::Arm;
use crate::attention::Rotations;
use crate::fixture::{mixed_rows, prose, write_out};
use crate::kernel::Pass;
use crate::presets::{ModelConfig, Preset, TrainingConfig};
use crate::random::Random;
use crate::training::{Arithmetic, Run, run};
use crate::{Options, Outcome, train_arms};
use burn::tensor::Device;
use rayon::ThreadPoolBuilder;
use std::sync::atomic::AtomicBool;
use tempfile::tempdir;
use tokens::Tokenizer;

fn tokenizer() -> Tokenizer {
    Tokenizer::default_32k().unwrap().truncated(4_096).unwrap()
}

/// Sentences of the made-up language, longer than the fixture's own.
fn texts() -> Vec<String> {
    let mut random = Random::new(3);
    let joined = |random: &mut Random| {
        let (one, other) = (prose(random, 1), prose(random, 1));
        format!("{} while {}", one.trim_end().trim_end_matches('.'), other.trim_end())
    };
    (0..60).map(|_| (0..4).map(|_| joined(&mut random)).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn a_model_of_word_frequencies_tells_no_permutation() {
    let (texts, tokenizer) = (texts(), tokenizer());
    let vocabulary = Vocabulary::new(&texts);
    let pairs = Pairs::new(&sentences(&texts), &vocabulary, &tokenizer, 100);
    // Nats of a token are its own, wherever it stands.
    let unigram = |documents: &[EvalDocument]| -> Vec<f64> {
        let nats = |id: &u32| 3.0 + f64::from(*id % 97) / 10.0;
        documents.iter().map(|document| document.ids[1..].iter().map(nats).sum()).collect()
    };
    let (told, margins) = pairs.measure(&unigram);
    let value = |named: &[(String, Option<Measure>)], name: &str| {
        named.iter().find(|(known, _)| known == name).unwrap().1.clone().unwrap()
    };
    for kind in ["adjacent_swap", "shuffle"] {
        let measure = value(&told, kind);
        assert_eq!((measure.value, measure.items.len()), (0.5, 100), "{kind}");
        assert!(value(&margins, kind).value.abs() < 1e-9);
    }
    let dropped = value(&told, "word_dropped").value;
    assert!(dropped > 0.0 && dropped < 1.0, "by the byte, a shorter text is not likelier: {dropped}");
    // One that knows the sentences themselves tells them all.
    let known: std::collections::HashSet<Vec<u32>> = sentences(&texts)
        .iter()
        .map(|s| [vec![tokenizer.end_of_text()], tokenizer.encode(&s.words.join(" ")).unwrap()].concat())
        .collect();
    let knowing = |documents: &[EvalDocument]| -> Vec<f64> {
        documents.iter().map(|d| if known.contains(&d.ids) { 1.0 } else { 2.0 }).collect()
    };
    let (told, _) = pairs.measure(&knowing);
    assert!(["adjacent_swap", "shuffle", "word_replaced"].iter().all(|kind| value(&told, kind).value > 0.9));
}

#[test]
fn drawing_with_a_memory_is_the_model() {
    let model = ModelConfig {
        n_layers: 2,
        d_model: 32,
        n_heads: 4,
        n_kv_heads: 2,
        head_dim: 8,
        d_ff: 48,
        vocabulary: 64,
        sequence_length: 32,
    };
    let mut weights = Weights::initial(&model, 5, &Device::flex());
    weights.0.iter_mut().for_each(|w| *w = w.clone() * 4.0);
    let values = kernel::values(&weights);
    let mut random = Random::new(1);
    let texts: Vec<Vec<u32>> = (0..3)
        .map(|_| std::iter::once(0).chain((0..19).map(|_| 1 + random.below(63) as u32)).collect())
        .collect();
    let rotations = Rotations::new(&model, 20);
    let mut memory = Memory::new(&model, 3, 20);
    for position in 0..20 {
        let ids: Vec<u32> = texts.iter().map(|text| text[position]).collect();
        let with_memory = memory.step(&model, &values, &ids, position);
        for (text, row) in texts.iter().zip(with_memory.chunks_exact(64)) {
            let pass = Pass::new(&rotations, &text[..=position], &[], position + 1, 0);
            let whole = kernel::logits(&model, &values, &pass, 1);
            let off = whole.iter().zip(row).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off < 1e-3, "position {position}: {off}");
        }
    }
    let write = |seed| decode::write(&model, &values, 0, (4, 16), seed);
    assert_eq!(write(1), write(1));
    assert_ne!(write(1), write(2));
    assert!(write(1).iter().all(|text| text.len() <= 16 && !text.contains(&0)));
}

/// Trains a small model on texts, again and again, for so many tokens, and asks it.
fn with_trained<R>(
    texts: &[String],
    tokens: usize,
    canaries: &Canaries,
    ask: impl FnOnce(&Subject<'_>) -> R,
) -> R {
    let tokenizer = tokenizer();
    let model =
        ModelConfig { d_model: 64, n_heads: 2, d_ff: 96, sequence_length: 64, ..Preset::Tiny.model() };
    let training =
        TrainingConfig { batch: 8, micro_batch: 8, learning_rate: 1e-2, ..Preset::Tiny.training() };
    let (device, stop) = (Device::flex(), AtomicBool::new(false));
    let setting = Setting {
        model: &model,
        training: &training,
        steps: tokens / 512,
        end_of_text: tokenizer.end_of_text(),
        sets: &[],
        arithmetic: Arithmetic::new(&model, &device),
        device: &device,
        stop: &stop,
    };
    let mut stream = Stream { ids: Vec::new(), pieces: Vec::new() };
    let name = crate::spikes::DocumentName { shard: 0, row: 0, id: String::new() };
    for text in texts.iter().cycle() {
        stream.pieces.push((stream.ids.len(), name.clone()));
        stream.ids.extend([vec![tokenizer.end_of_text()], tokenizer.encode(text).unwrap()].concat());
        if stream.ids.len() >= setting.tokens_to_read() {
            break;
        }
    }
    stream.ids.truncate(setting.tokens_to_read());
    let length = stream.ids.len();
    let stream = canaries.plant(stream, tokens);
    assert_eq!(stream.ids.len(), length);
    let folder = tempdir().unwrap();
    let which = Run { arm: "arm", seed: 0, stream: &stream, folder: folder.path() };
    let lanes = [ThreadPoolBuilder::new().num_threads(1).build().unwrap()];
    let (weights, _) = run(&setting, &which, &lanes, &|_, _, _| (), &|_| Ok(()), &|_| Ok(())).unwrap();
    ask(&Subject { setting: &setting, weights: &weights, values: kernel::values(&weights) })
}

/// The gap of every canary after a run on prose, by the number of copies.
fn gaps_after(tokens: usize, once: bool) -> Vec<(usize, Vec<f32>)> {
    // As many as a run of a million tokens has room for, in fewer tokens. Words of noise: prose has too few.
    let words = crate::fixture::noise(&mut Random::new(8), 500);
    let canaries = Canaries::new(&Vocabulary::new(&[words]), &tokenizer(), 1_000_000, 0, once);
    let (gaps, recited) = with_trained(&texts(), tokens, &canaries, |subject| canaries.measure(subject));
    assert_eq!(recited.len(), 4);
    gaps.into_iter().map(|(copies, gap)| (copies.parse().unwrap(), gap.unwrap().items)).collect()
}

#[test]
fn shuffled_and_obscene_text_show_where_they_should() {
    let (prose, tokenizer) = (texts(), tokenizer());
    let spoil = |text: &String| {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let mut random = Random::new(text.len() as u64);
        for last in (1..words.len()).rev() {
            words.swap(last, random.below(last + 1));
        }
        words.insert(words.len() / 2, "bullshit");
        words.join(" ")
    };
    let spoiled: Vec<String> = prose.iter().map(spoil).collect();
    let sentences = sentences(&prose);
    let pairs = Pairs::new(&sentences, &Vocabulary::new(&prose), &tokenizer, 100);
    let lexicon = Lexicon::new(&sentences, &tokenizer, 4);
    let ask = |subject: &Subject<'_>| {
        let (told, _) = pairs.measure(&|documents| subject.nats(documents));
        (told[0].1.clone().unwrap().value, lexicon.measure(subject).unwrap().value)
    };
    let (told, listed) = with_trained(&prose, 60_000, &Canaries::none(), ask);
    let (told_spoiled, listed_spoiled) = with_trained(&spoiled, 60_000, &Canaries::none(), ask);
    assert!(told > 0.9 && told_spoiled < told - 0.2, "{told} {told_spoiled}");
    assert!(listed_spoiled > 100.0 * listed, "per million: {listed} {listed_spoiled}");
}

#[test]
fn what_is_held_out_is_found_in_training_text_and_no_longer_once_it_is_excluded() {
    let folder = tempdir().unwrap();
    let mut random = Random::new(4);
    let mut noise = || crate::fixture::noise(&mut random, 60);
    let leaked = noise();
    let row = |text: String| crate::fixture::Row { text, control: true, ..crate::fixture::Row::default() };
    let mut rows: Vec<_> = (0..20).map(|_| row(noise())).collect();
    rows.push(row(format!("menu {leaked} menu")));
    rows.push(crate::fixture::Row { control: false, heldout: true, ..row(leaked) });
    let shares = |rows: &[crate::fixture::Row], arm: &ArmSpec| {
        write_out(folder.path(), rows);
        let mut corpus = crate::data::Corpus::read(folder.path()).unwrap();
        corpus.add_heldout();
        let library = Library::new(&corpus, tokenizer());
        let set = EvalSet::new(&corpus.heldout[0], library.tokenizer(), 10_000, 1, 10_000);
        let grams = Grams::new(&[set], library.tokenizer(), &corpus.documents);
        let n = library.unique_tokens(arm, 0, usize::MAX);
        let stream = library.stream(arm, 0, n, 100_000).unwrap();
        let found = grams.measure(&stream, n, library.tokenizer());
        [0, 1].map(|i| found[i].1.as_ref().unwrap().value)
    };
    assert_eq!(shares(&rows, &Arm::Raw.into()), [1.0, 0.0]);
    rows[20].excluded = true;
    let arms = crate::ablation::design(&crate::ablation_tests::ablation(folder.path(), &[]));
    assert!(arms.len() > 15);
    for arm in arms {
        assert_eq!(shares(&rows, &arm), [0.0, 1.0], "{}", arm.name);
    }
    assert_eq!(shares(&rows, &Arm::Leak.into())[0], 1.0);
}

/// Spearman's rank correlation; ties have the mean of their ranks.
fn spearman(x: &[f64], y: &[f64]) -> f64 {
    let ranks = |values: &[f64]| -> Vec<f64> {
        let below = |v: f64| values.iter().filter(|other| **other < v).count() as f64;
        let same = |v: f64| values.iter().filter(|other| **other == v).count() as f64;
        values.iter().map(|&v| below(v) + (same(v) - 1.0) / 2.0).collect()
    };
    let (x, y) = (ranks(x), ranks(y));
    let centre = (x.len() as f64 - 1.0) / 2.0;
    let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - centre) * (b - centre)).sum::<f64>();
    sum(&x, &y) / (sum(&x, &x) * sum(&y, &y)).sqrt()
}

#[test]
fn what_is_planted_more_often_is_remembered_better_and_deduplication_ends_that() {
    let (raw, once) = (gaps_after(140_000, false), gaps_after(140_000, true));
    let mean = |items: &[f32]| items.iter().sum::<f32>() / items.len() as f32;
    let copies: Vec<f64> = raw.iter().map(|level| level.0 as f64).collect();
    assert_eq!(copies, [1.0, 4.0, 16.0, 64.0]);
    let levels: Vec<f64> = raw.iter().map(|level| f64::from(mean(&level.1))).collect();
    assert!(spearman(&copies, &levels) >= 0.9, "{levels:?}");
    assert!(levels[3] > levels[0] + 0.5, "{levels:?}");
    let each = |levels: &[(usize, Vec<f32>)]| -> (Vec<f64>, Vec<f64>) {
        levels.iter().flat_map(|(n, gaps)| gaps.iter().map(|gap| (*n as f64, f64::from(*gap)))).unzip()
    };
    let of = |levels: &[(usize, Vec<f32>)]| {
        let (copies, gaps) = each(levels);
        spearman(&copies, &gaps)
    };
    let (of_raw, of_once) = (of(&raw), of(&once));
    assert!(of_raw > 0.5 && of_once.abs() < 0.3, "{of_raw} {of_once}");
}

/// An experiment on a corpus in which a third of the pages stand twice, by the ledger's word.
fn planted(epochs: u32, tokens_rows: usize) -> Outcome {
    let folder = tempdir().unwrap();
    let mut rows = mixed_rows(tokens_rows, 48);
    for i in (0..tokens_rows).step_by(6).filter(|i| i + 3 < tokens_rows) {
        rows[i + 3] = crate::fixture::Row {
            duplicate_of: Some(i),
            reasons: vec!["exact_dedup.duplicate"],
            ..rows[i].clone()
        };
    }
    write_out(folder.path(), &rows);
    let options = Options {
        preset: Preset::Tiny,
        threads: 2,
        canaries: true,
        epochs: Some(epochs),
        ..Options::new(folder.path())
    };
    let arms = [Arm::Raw, Arm::All].map(ArmSpec::from);
    train_arms(&options, &arms, &|_| (), &AtomicBool::new(false)).unwrap()
}

fn score<'o>(outcome: &'o Outcome, name: &str) -> &'o MetricScore {
    outcome.metrics.iter().find(|metric| metric.name == name).unwrap_or_else(|| {
        let names: Vec<&str> = outcome.metrics.iter().map(|metric| metric.name.as_str()).collect();
        panic!("no {name} in {names:?}")
    })
}

#[test]
fn every_run_is_asked_and_every_arm_answers() {
    let outcome = planted(1, 480);
    let value = |name: &str, arm: usize| score(&outcome, name).arms[arm].value;
    for name in [
        "pairs.adjacent_swap",
        "margin.shuffle",
        "memorised.2-3",
        "toxic.listed_word",
        "purity.script",
        "writing.rep_4",
        "writing.distance",
        "overlap.heldout_grams",
        "stability.gradient_norm",
    ] {
        let metric = score(&outcome, name);
        assert_eq!(metric.arms.iter().map(|arm| arm.by_seed.len()).collect::<Vec<_>>(), [2, 2], "{name}");
        assert!(
            metric.arms.iter().all(|arm| arm.value.is_finite()) && metric.differences.len() == 1,
            "{name}"
        );
    }
    // Noise in place of prose is what the held-out words tell apart.
    let words = |arm: usize| value("purity.function_words", arm);
    assert!(words(1) > words(0), "all {} raw {}", words(1), words(0));
    let bits = score(&outcome, "bits_per_byte.kept");
    assert!(bits.differences[0].difference < 0.0);
    let table = crate::render_text(&outcome);
    assert!(
        table.contains("adjacent swap") && table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
}
