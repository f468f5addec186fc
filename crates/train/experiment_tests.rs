//! What must hold of a whole experiment: equal tokens, silence where nothing differs, resuming, remedies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::arms::{Arm, ArmSpec, Library};
use crate::comparison::Verdict;
use crate::data::Corpus;
use crate::eval::{EvalDocument, EvalSet};
use crate::fixture::{Row, mixed_rows, noise, write_out};
use crate::outcome::{RunScore, conclude};
use crate::plan::Config;
use crate::presets::Preset;
use crate::random::Random;
use crate::training::Metric;
use crate::{Options, TrainError, render_text, train_arms};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tempfile::tempdir;

/// A corpus in which prose is held out and noise is what cleaning drops; the smoke preset cut to seconds.
fn tiny_experiment(out: &Path, arms: &[ArmSpec], threads: usize) -> Result<crate::Outcome, TrainError> {
    let options = Options { preset: Preset::Tiny, threads, ..Options::new(out) };
    train_arms(&options, arms, &|_| (), &AtomicBool::new(false))
}

#[test]
fn the_default_arms_run_end_to_end_and_again_for_nothing() {
    let folder = tempdir().unwrap();
    write_out(folder.path(), &mixed_rows(240, 24));
    let options = Options { preset: Preset::Tiny, threads: 2, ..Options::new(folder.path()) };
    let steps = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    // Stop once in the middle; the same call goes on.
    let stopping = |_: crate::Progress<'_>| {
        if steps.fetch_add(1, Ordering::Relaxed) == 25 {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let stopped = crate::train(&options, &stopping, &stop);
    assert!(matches!(stopped, Err(TrainError::Stopped(_))));
    let counting = |progress: crate::Progress<'_>| {
        assert!(
            progress.step <= progress.steps && progress.loss.is_finite() && progress.tokens_per_second > 0.0
        );
        steps.fetch_add(1, Ordering::Relaxed);
    };
    let outcome = crate::train(&options, &counting, &AtomicBool::new(false)).unwrap();
    assert_eq!(steps.load(Ordering::Relaxed), 8 * outcome.steps, "every step once");
    assert_eq!(
        outcome.arms.iter().map(|a| a.arm.as_str()).collect::<Vec<_>>(),
        ["raw", "language_only", "random_drop", "all"]
    );
    let bits = |arm: usize| outcome.arms[arm].heldout[1].bits_per_byte;
    assert!(bits(3) < bits(0), "prose alone teaches prose best: {} {}", bits(3), bits(0));
    assert_eq!(outcome.arms[0].heldout[0].domains.keys().collect::<Vec<_>>(), ["book", "news"]);
    let folder = folder.path().join("train").join(&outcome.config_hash);
    let metrics = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    let metrics: Vec<Metric> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last: Vec<usize> = metrics.iter().filter(|m| m.step == outcome.steps).map(|m| m.tokens).collect();
    assert_eq!(last, [outcome.tokens_per_run; 8], "equal tokens in all arms and seeds");
    assert_eq!(metrics.len(), 8 * 2, "no point of a learning curve twice");
    let samples: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("samples.json")).unwrap()).unwrap();
    assert!(samples[0]["continuations"]["random_drop"].is_string());
    assert!(folder.join("checkpoint-all-1/model.safetensors").exists());
    let again =
        crate::train(&options, &|_| panic!("nothing is left to do"), &AtomicBool::new(false)).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), serde_json::to_string(&outcome).unwrap());
    let table = render_text(&outcome);
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert!(table.contains("all − language_only"), "{table}");
}

#[test]
fn two_halves_of_one_arm_do_not_differ() {
    let folder = tempdir().unwrap();
    write_out(folder.path(), &mixed_rows(480, 24));
    let outcome = tiny_experiment(folder.path(), &ArmSpec::halves(Arm::Raw), 2).unwrap();
    for comparison in &outcome.comparisons {
        assert!(!matches!(comparison.verdict, Verdict::Better | Verdict::Worse), "{comparison:?}");
        let (low, high) = comparison.interval.unwrap();
        assert!(low < 0.0 && high > 0.0);
    }
}

#[test]
fn too_little_text_and_missing_files_name_the_remedy() {
    let folder = tempdir().unwrap();
    let missing = tiny_experiment(folder.path(), &ArmSpec::default_run(), 1).unwrap_err().to_string();
    assert!(missing.contains("tokenizer.json"), "{missing}");
    let row = Row { text: noise(&mut Random::new(1), 50), control: true, ..Row::default() };
    write_out(folder.path(), std::slice::from_ref(&row));
    let unscored = tiny_experiment(folder.path(), &ArmSpec::default_run(), 1).unwrap_err().to_string();
    assert!(unscored.contains("heldout_share"), "{unscored}");
    let heldout = Row { control: false, heldout: true, ..row.clone() };
    write_out(folder.path(), &[row, heldout]);
    let few = tiny_experiment(folder.path(), &ArmSpec::default_run(), 1).unwrap_err().to_string();
    assert!(few.contains("--epochs"), "{few}");
}

#[test]
fn a_budget_buys_tokens_before_seeds() {
    let folder = tempdir().unwrap();
    write_out(folder.path(), &mixed_rows(30, 4));
    let corpus = Corpus::read(folder.path()).unwrap();
    let library = Library::new(&corpus, corpus.tokenizer.truncated(4_096).unwrap());
    let options = Options::new(folder.path());
    let mut request = Config::request(&options, &ArmSpec::default_run(), &corpus, &library);
    request.budget = Some(1);
    let fit = |seconds: f64| {
        request.clone().fit(seconds, 2, 4_000.0, 2).map(|c| (c.training.tokens, c.training.seeds))
    };
    assert_eq!(fit(3_600.0).unwrap(), (658_615, 8));
    assert_eq!(fit(86_400.0).unwrap(), (8_000_000, 8));
    assert_eq!(fit(900.0).unwrap().1, 4);
    assert_eq!(fit(300.0).unwrap().1, 1);
    assert!(fit(20.0).is_err());
}

#[test]
fn verdicts_follow_the_interval() {
    let documents = (0..50).map(|_| EvalDocument { ids: vec![0; 101], bytes: 100, source: None }).collect();
    let sets = [EvalSet { name: "kept".into(), documents, n_curve: 1 }];
    let folder = tempdir().unwrap();
    write_out(folder.path(), &mixed_rows(3, 1));
    let corpus = Corpus::read(folder.path()).unwrap();
    let library = Library::new(&corpus, corpus.tokenizer.truncated(4_096).unwrap());
    let arms = [Arm::Raw, Arm::All].map(ArmSpec::from);
    let mut config = Config::request(&Options::new(folder.path()), &arms, &corpus, &library);
    let run = |arm: &str, seed: u32, bits: f64| RunScore {
        arm: arm.into(),
        seed,
        nats: vec![vec![bits * 100.0 * std::f64::consts::LN_2; 50]],
        seconds: 1.0,
        ..RunScore::default()
    };
    config.training.seeds = 3;
    let verdict = |all: [f64; 3]| {
        let runs: Vec<RunScore> = [3.0, 3.02, 3.01]
            .into_iter()
            .zip(all)
            .zip(0..)
            .flat_map(|((raw, all), seed)| [run("raw", seed, raw), run("all", seed, all)])
            .collect();
        conclude(&config, 1, &sets, &runs, &[]).comparisons[0].clone()
    };
    let better = verdict([2.9, 2.92, 2.912]);
    assert_eq!(better.verdict, Verdict::Better);
    assert!((better.difference + 0.0993).abs() < 1e-3 && better.smallest_detectable.unwrap() < 0.02);
    assert_eq!(verdict([3.1, 3.12, 3.112]).verdict, Verdict::Worse);
    assert_eq!(verdict([3.0, 3.021, 3.009]).verdict, Verdict::NoDifference);
    assert_eq!(verdict([2.9, 3.15, 3.01]).verdict, Verdict::TooWide);

    // Where two draws of one arm differ, no other difference is believed.
    config.arms = ArmSpec::default_run();
    let panel = |random: f64| {
        let arms = [("raw", 3.0), ("language_only", 2.9), ("random_drop", random), ("all", 2.8)];
        let of_seed = |seed: u32| {
            let noise = [0.001, 0.0, -0.001][seed as usize];
            arms.map(|(arm, bits)| run(arm, seed, if arm == "all" { bits + noise } else { bits }))
        };
        let runs: Vec<RunScore> = (0..3).flat_map(of_seed).collect();
        conclude(&config, 1, &sets, &runs, &[])
    };
    let (silent, loud) = (panel(3.0), panel(3.1));
    assert_eq!(silent.comparisons[0].verdict, Verdict::Better);
    assert!(loud.comparisons.iter().all(|c| c.verdict == Verdict::TooWide));
    assert_eq!(loud.notes.len(), silent.notes.len() + 1);
}
