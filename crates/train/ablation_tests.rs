//! What must hold of an ablation: arms are the documents that they say, the plan comes first, what is written is whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::ablation::{Ablation, By, Stage, chosen, design};
use crate::arms::{ArmSpec, Library};
use crate::comparison::Verdict;
use crate::data::Corpus;
use crate::fixture::{Row, mixed_rows, noise, prose, write_out};
use crate::outcome::Outcome;
use crate::presets::Preset;
use crate::random::Random;
use crate::{Options, TrainError, ablate, render_ablation, render_plan};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tempfile::tempdir;

pub fn ablation(out: &Path, arms: &[&str]) -> Ablation {
    let stage = |name: &str| Stage {
        name: name.to_owned(),
        rewrites: name == "c4_quality",
        judges_all: !["gopher_quality", "c4_quality", "bad_words"].contains(&name),
    };
    let stages = ["language", "gopher_quality", "c4_quality", "bad_words", "exact_dedup", "minhash"];
    Ablation {
        training: Options { preset: Preset::Tiny, threads: 2, ..Options::new(out) },
        stages: stages.map(stage).into(),
        by: By::Family,
        arms: (!arms.is_empty()).then(|| arms.iter().map(|arm| (*arm).to_owned()).collect()),
        positive: None,
        extra_seeds: 0,
        dry_run: false,
    }
}

/// Nine documents, each with what is the matter with it.
fn planted() -> Vec<Row> {
    let mut random = Random::new(3);
    let mut row = |reasons: &[&'static str], twin: Option<usize>| Row {
        text: prose(&mut random, 5),
        reasons: reasons.to_vec(),
        twin,
        control: true,
        ..Row::default()
    };
    vec![
        row(&[], None),
        row(&["exact_dedup.duplicate"], Some(0)),
        row(&["language.not_listed"], None),
        row(&["language.not_listed"], Some(2)),
        row(&["gopher_quality.too_few_words", "c4_quality.too_few_sentences"], None),
        // Alike, and never compared by the recipe, since a filter has dropped both.
        row(&["gopher_quality.too_few_words"], Some(4)),
        row(&["bad_words.slur"], None),
        row(&["bad_words.slur", "gopher_quality.too_few_words"], None),
        // Like a document that is kept.
        row(&["bad_words.slur"], Some(0)),
        Row { heldout: true, ..row(&[], None) },
    ]
}

#[test]
fn arms_are_what_their_stages_keep() {
    let folder = tempdir().unwrap();
    let mut rows = planted();
    rows[6].rewritten = Some("The page without its menu.".to_owned());
    write_out(folder.path(), &rows);
    let corpus = Corpus::read(folder.path()).unwrap();
    assert!(corpus.knows_clusters);
    let library = Library::new(&corpus, corpus.tokenizer.truncated(4_096).unwrap());
    let arms = design(&ablation(folder.path(), &[]));
    let arm = |name: &str| arms.iter().find(|arm| arm.name == name).unwrap();
    let rows_of = |name: &str| -> Vec<i64> {
        library.members(arm(name), 0).into_iter().map(|i| corpus.documents[i].row).collect()
    };
    assert_eq!(rows_of("raw"), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(rows_of("raw2"), rows_of("raw"));
    assert_eq!(rows_of("neg"), rows_of("raw"));
    assert_eq!(rows_of("language_only"), [0, 1, 4, 5, 6, 7, 8]);
    assert_eq!(rows_of("only:heuristics"), [0, 1, 6, 8]);
    assert_eq!(rows_of("only:toxicity"), [0, 1, 4, 5]);
    // Of each pair one, those that the recipe never compared included.
    assert_eq!(rows_of("only:dedup"), [0, 2, 4, 6, 7]);
    assert_eq!(rows_of("all"), [0]);
    assert_eq!(rows_of("all-language"), [0, 2]);
    assert_eq!(rows_of("all-heuristics"), [0, 4]);
    // Row 8 is like row 0, which is kept.
    assert_eq!(rows_of("all-toxicity"), [0, 6]);
    assert_eq!(rows_of("all-dedup"), [0, 1]);
    // Texts are as the stages of the arm leave them.
    let text = |name: &str| {
        let tokens = library.unique_tokens(arm(name), 0, usize::MAX);
        let stream = library.stream(arm(name), 0, tokens, 4_096).unwrap();
        let ids: Vec<u32> = stream.ids.iter().map(|id| id & !crate::arms::PIECE_START).collect();
        String::from_utf8_lossy(&library.tokenizer().decode_bytes(&ids)).into_owned()
    };
    assert!(text("all-toxicity").contains("without its menu"));
    assert!(text("only:heuristics").contains("without its menu"));
    assert!(!text("only:dedup").contains("without its menu"));
    // The same documents in another order; the positive control has nothing that raw does not have.
    assert_ne!(text("raw2"), text("raw"));
    assert_eq!(text("raw2").len(), text("raw").len());
    assert_ne!(text("neg").len(), 0);
    assert!(library.is_same_text(arm("raw"), arm("raw2")) && !library.is_same_text(arm("raw"), arm("neg")));
    assert!(!library.is_same_text(arm("raw"), arm("only:dedup")));
}

/// Runs to the end, or until `stop_after` steps; what was told on the way, in order.
fn run(ablation: &Ablation, stop_after: usize) -> (Result<Option<Outcome>, TrainError>, Vec<String>) {
    let (told, steps, stop) = (Mutex::new(Vec::new()), AtomicUsize::new(0), AtomicBool::new(false));
    let say = |word: String| told.lock().unwrap().push(word);
    let result = ablate(
        ablation,
        &|plan| say(format!("plan of {}", plan.runs)),
        &|outcome| {
            let findings = outcome.ablation.as_ref().unwrap();
            say(format!("{} of {}", findings.runs_done, findings.runs));
        },
        &|_| {
            if steps.fetch_add(1, Ordering::Relaxed) + 1 == stop_after {
                stop.store(true, Ordering::Relaxed);
            }
        },
        &stop,
    );
    say(format!("{} steps", steps.load(Ordering::Relaxed)));
    (result, told.into_inner().unwrap())
}

/// An outcome without what depends on the clock.
fn timeless(outcome: &Outcome) -> String {
    let outcome = Outcome { tokens_per_second_per_run: 0.0, ..outcome.clone() };
    serde_json::to_string(&outcome).unwrap()
}

#[test]
fn the_plan_comes_first_and_a_stopped_ablation_is_whole_and_goes_on() {
    let folder = tempdir().unwrap();
    write_out(folder.path(), &mixed_rows(480, 24));
    let arms = ["all", "language_only", "raw2", "pos", "neg"];
    let planned = run(&Ablation { dry_run: true, ..ablation(folder.path(), &arms) }, 0);
    assert!(planned.0.unwrap().is_none());
    assert_eq!(planned.1, ["plan of 12", "0 steps"]);
    assert!(!folder.path().join("train").exists());

    let other = tempdir().unwrap();
    write_out(other.path(), &mixed_rows(480, 24));
    let undisturbed = run(&ablation(other.path(), &arms), usize::MAX).0.unwrap().unwrap();

    let (stopped, told) = run(&ablation(folder.path(), &arms), 90);
    assert!(matches!(stopped, Err(TrainError::Stopped(_))));
    assert_eq!(told[0], "plan of 12");
    let read = || -> Outcome {
        let experiment = folder.path().join("train").join(&undisturbed.config_hash);
        serde_json::from_slice(&std::fs::read(experiment.join("result.json")).unwrap()).unwrap()
    };
    let partial = read().ablation.unwrap();
    assert!((1..12).contains(&partial.runs_done) && partial.runs == 12, "{partial:?}");
    assert_eq!(told[told.len() - 2], format!("{} of 12", partial.runs_done));
    assert!(render_ablation(&read()).lines().all(|line| line.chars().count() <= 80));

    let (outcome, told) = run(&ablation(folder.path(), &arms), usize::MAX);
    let outcome = outcome.unwrap().unwrap();
    assert_eq!(told[told.len() - 2], "12 of 12");
    assert_eq!(timeless(&outcome), timeless(&undisturbed));
    assert_eq!(timeless(&read()), timeless(&undisturbed));
    // Twice the tokens for the positive control, and for nobody else.
    let metrics = other.path().join("train").join(&undisturbed.config_hash).join("metrics.jsonl");
    let metrics = std::fs::read_to_string(metrics).unwrap();
    let ends: Vec<serde_json::Value> =
        metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for arm in ["raw", "raw2", "language_only", "all", "pos", "neg"] {
        let last =
            ends.iter().filter(|line| line["arm"] == arm).filter_map(|line| line["tokens"].as_u64()).max();
        let expected = outcome.tokens_per_run as u64 * if arm == "pos" { 2 } else { 1 };
        assert_eq!(last, Some(expected), "{arm}");
    }
    let (again, told) = run(&ablation(folder.path(), &arms), usize::MAX);
    assert_eq!(timeless(&again.unwrap().unwrap()), timeless(&undisturbed));
    assert_eq!(told, ["plan of 12", "0 steps"]);
}

#[test]
fn what_is_open_gets_more_seeds_once_and_nothing_else_changes() {
    let arms = ["all", "language_only", "random_drop", "raw2"];
    let (folder, other) = (tempdir().unwrap(), tempdir().unwrap());
    for folder in [&folder, &other] {
        write_out(folder.path(), &mixed_rows(480, 24));
    }
    let with = |folder: &Path, extra_seeds, stop_after| {
        let (outcome, told) = run(&Ablation { extra_seeds, ..ablation(folder, &arms) }, stop_after);
        (outcome.map(Option::unwrap), told)
    };
    let (first, told) = with(folder.path(), 0, usize::MAX);
    let first = first.unwrap();
    assert_eq!(told[0], "plan of 10");
    let n_steps: usize = told.last().unwrap().split(' ').next().unwrap().parse().unwrap();

    let (whole, told) = with(folder.path(), 2, usize::MAX);
    let whole = whole.unwrap();
    let findings = whole.ablation.clone().unwrap();
    assert!(!findings.extended.is_empty(), "{}", render_ablation(&whole));
    let is_in = |arm: &str| findings.extended.iter().any(|(a, b)| a == arm || b == arm);
    let n_more = 2 * whole.arms.iter().filter(|arm| is_in(&arm.arm)).count();
    assert_eq!((findings.runs, findings.runs_done), (10 + n_more, 10 + n_more));
    assert!(n_more <= findings.extra.unwrap().most_runs);
    // The planned runs are not trained again.
    assert_eq!(told.last().unwrap(), &format!("{} steps", n_steps / 10 * n_more));
    for arm in &whole.arms {
        assert_eq!(arm.heldout[0].by_seed.len(), if is_in(&arm.arm) { 4 } else { 2 }, "{}", arm.arm);
    }
    for (now, before) in whole.comparisons.iter().zip(&first.comparisons) {
        let pair = (now.arm.clone(), now.against.clone());
        assert_eq!(now.extended, findings.extended.contains(&pair), "{pair:?}");
        // What was settled stays as it was, though its arms may have more runs.
        let is_same = (now.difference, now.interval) == (before.difference, before.interval);
        assert_eq!(is_same, !now.extended, "{pair:?}");
        assert!(before.p_adjusted >= Some(0.05) || !now.extended || now.set != findings.set, "{pair:?}");
    }
    let table = render_ablation(&whole);
    assert!(table.contains("* The planned seeds left open") && table.contains(" *\n"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");

    // Stopped among them, it goes on to the same result.
    let (stopped, _) = with(other.path(), 2, n_steps + 9);
    assert!(matches!(stopped, Err(TrainError::Stopped(_))));
    let (resumed, _) = with(other.path(), 2, usize::MAX);
    assert_eq!(timeless(&resumed.unwrap()), timeless(&whole));
    // Without them it is the first result again, and nothing is lost.
    for (extra_seeds, expected) in [(0, &first), (2, &whole)] {
        let (again, told) = with(folder.path(), extra_seeds, usize::MAX);
        assert_eq!(timeless(&again.unwrap()), timeless(expected));
        assert_eq!(told.last().unwrap(), "0 steps");
    }
}

/// Runs these arms with these seeds; the plan and the outcome.
fn told(out: &Path, arms: &[&str], seeds: u32) -> (String, Outcome) {
    let mut ablation = ablation(out, arms);
    ablation.training.seeds = Some(seeds);
    let plan = Mutex::new(String::new());
    let outcome = ablate(
        &ablation,
        &|planned| *plan.lock().unwrap() = render_plan(planned),
        &|_| (),
        &|_| (),
        &AtomicBool::new(false),
    );
    (plan.into_inner().unwrap(), outcome.unwrap().unwrap())
}

fn verdict(outcome: &Outcome, arm: &str) -> Verdict {
    let is_asked = |c: &&crate::Comparison| c.set == "kept" && c.arm == arm && c.against == "raw";
    outcome.comparisons.iter().find(is_asked).unwrap().verdict
}

#[test]
fn more_text_and_better_text_are_found_and_the_same_text_is_not() {
    let folder = tempdir().unwrap();
    write_out(folder.path(), &mixed_rows(480, 24));
    let (plan, outcome) = told(folder.path(), &["all", "raw2", "pos", "only:toxicity"], 4);
    assert!(plan.lines().all(|line| line.chars().count() <= 80), "{plan}");
    assert!(plan.contains("only:toxicity has the text of language_only"), "{plan}");
    let table = render_ablation(&outcome);
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert!(!matches!(verdict(&outcome, "raw2"), Verdict::Better | Verdict::Worse), "{table}");
    assert_eq!(
        (verdict(&outcome, "pos"), verdict(&outcome, "all")),
        (Verdict::Better, Verdict::Better),
        "{table}"
    );
    let gain = |arm: &str| {
        let arm = outcome.arms.iter().find(|score| score.arm == arm).unwrap();
        arm.heldout.iter().find(|set| set.set == "kept").unwrap().token_gain.unwrap()
    };
    assert!(gain("all").times > 1.0, "{table}");
    assert!((gain("pos").times - 2.0).abs() < 1e-9 && (gain("raw").times - 1.0).abs() < 1e-9, "{table}");
    assert!(outcome.ablation.unwrap().headline.starts_with("The controls came out as they must."), "{table}");
}

#[test]
fn text_in_disorder_is_found_worse_where_order_is_learned() {
    let folder = tempdir().unwrap();
    let mut random = Random::new(5);
    let row =
        |i: usize| Row { text: prose(&mut random, 12), control: i >= 24, heldout: i < 24, ..Row::default() };
    write_out(folder.path(), &(0..400).map(row).collect::<Vec<_>>());
    let (plan, outcome) = told(folder.path(), &["neg", "neg:100", "raw2"], 6);
    let table = render_ablation(&outcome);
    assert!(plan.contains("raw: a dose"), "{plan}");
    let difference = |arm: &str| outcome.comparisons.iter().find(|c| c.arm == arm).unwrap().difference;
    assert!(difference("neg:100") > difference("neg"), "{table}");
    let headline = &outcome.ablation.as_ref().unwrap().headline;
    assert!(
        headline.contains("Words shuffled in 30 % and in 100 % of the documents are seen."),
        "{headline}"
    );
    assert!(!matches!(verdict(&outcome, "raw2"), Verdict::Better | Verdict::Worse), "{table}");
    assert_eq!(verdict(&outcome, "neg"), Verdict::Worse, "{table}");
}

#[test]
fn who_trains_on_what_is_held_out_seems_to_win() {
    let folder = tempdir().unwrap();
    let mut random = Random::new(6);
    // Nothing but these texts teaches their letters.
    let mut rows: Vec<Row> =
        (0..24).map(|_| Row { text: noise(&mut random, 40), heldout: true, ..Row::default() }).collect();
    rows.extend((0..60).map(|_| Row { text: prose(&mut random, 12), control: true, ..Row::default() }));
    write_out(folder.path(), &rows);
    let (plan, outcome) = told(folder.path(), &["raw+leak", "raw2"], 3);
    let table = render_ablation(&outcome);
    assert!(plan.contains("raw: a leak"), "{plan}");
    assert_eq!(verdict(&outcome, "raw+leak"), Verdict::Better, "{table}");
    let overlap = outcome.metrics.iter().find(|metric| metric.name == "overlap.heldout_grams").unwrap();
    let of = |arm: &str| overlap.arms.iter().find(|score| score.arm == arm).unwrap().value;
    assert!(of("raw") == 0.0 && of("raw+leak") > 0.1, "{overlap:?}");
    // It decides nothing.
    let findings = outcome.ablation.unwrap();
    assert!(findings.controls.iter().all(|control| control.arm != "raw+leak"), "{findings:?}");
}

#[test]
fn a_budget_buys_the_first_arms_then_seeds() {
    let folder = tempdir().unwrap();
    write_out(folder.path(), &mixed_rows(480, 24));
    let corpus = Corpus::read(folder.path()).unwrap();
    let library = Library::new(&corpus, corpus.tokenizer.truncated(4_096).unwrap());
    let ablation = ablation(folder.path(), &[]);
    let arms = chosen(design(&ablation), None).unwrap();
    let config = crate::plan::Config::ablation(&ablation.training, &arms, &corpus, &library);
    let config = config.settle(&library).unwrap();
    let names = |config: &crate::plan::Config| -> Vec<String> {
        config.arms.iter().map(|arm: &ArmSpec| arm.name.clone()).collect()
    };
    let all = names(&config);
    let fit = |seconds: f64, seeds| config.clone().fit_arms(seconds, seeds, (2, 1_000.0, 2));
    let seconds = |config: &crate::plan::Config| config.seconds(2, 1_000.0, 2);
    let mut last = (0, 0);
    for budget in [30.0, 60.0, 120.0, 240.0, 480.0, 5_000.0] {
        let fitted = fit(budget, None).unwrap();
        assert!(seconds(&fitted) <= budget, "{budget}");
        let (n, seeds) = (fitted.arms.len(), fitted.training.seeds);
        assert!((n, seeds) >= last && n >= 3, "{budget}: {n} arms, {seeds} seeds after {last:?}");
        assert!(seeds == 2 || n == all.len(), "seeds come after arms");
        last = (n, seeds);
        // What is left of it buys runs where these leave something open.
        let speed = crate::Speed { workers: 2, rate: 1_000.0, sets: 2 };
        let extra = crate::Extra::new(&fitted, 2, Some(budget), speed).unwrap();
        let more = extra.most_runs as f64 * fitted.seconds_more(2, 1_000.0, 2);
        assert!(seconds(&fitted) + more <= budget && extra.most_runs != 1, "{budget}: {extra:?}");
        let raw_slow = names(&fitted).contains(&"raw_slow".to_owned());
        assert_eq!(raw_slow, names(&fitted).contains(&"all_slow".to_owned()));
    }
    assert_eq!(last, (all.len(), 8));
    assert_eq!(fit(5_000.0, Some(3)).unwrap().training.seeds, 3);
    // An earlier answer to the same budget is gone on with, and not one to fewer arms.
    let request = crate::plan::Config { budget: Some(60), ..config.clone() };
    let answer = |asked: &crate::plan::Config| asked.clone().fit_arms(60.0, None, (2, 1_000.0, 2)).unwrap();
    assert!(request.answers(&answer(&request)));
    let fewer = crate::plan::Config::ablation(&ablation.training, &arms[..3], &corpus, &library);
    let fewer = crate::plan::Config { budget: Some(60), ..fewer.settle(&library).unwrap() };
    assert!(!request.answers(&answer(&fewer)));
    // Where three arms do not fit, runs are shorter.
    let short = fit(29.0, None).unwrap();
    assert!(short.steps < config.steps && short.arms.len() == 3, "{}", short.steps);
    assert!(fit(1.0, None).unwrap_err().to_string().contains("--budget"));
}
