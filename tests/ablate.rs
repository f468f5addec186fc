//! `corpus ablate`: its plan comes first, its page is whole after every run, and what was killed goes on.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{
    clean, corpus, demo_pages, flags, integers, run, scratch, shards_of, stderr, stdout, table,
};

const ARMS: &str = "all,only:dedup,all-heuristics,raw2,neg";

fn cleaned(folder: &Path, flags: &[&str]) -> std::path::PathBuf {
    let raw = folder.join("raw");
    fs::create_dir_all(&raw).unwrap();
    fs::write(raw.join("pages.jsonl"), demo_pages(0..6)).unwrap();
    let out = folder.join("out");
    clean(&[&raw], &out, &[&["--quiet"], flags].concat(), 0);
    out
}

fn ablate(out: &Path, flags: &[&str]) -> Command {
    let mut command = corpus();
    command.arg("ablate").arg(out).args(["--preset", "tiny", "--arms", ARMS, "--quiet"]).args(flags);
    command
}

#[test]
fn the_plan_is_told_before_anything_runs() {
    let folder = scratch();
    let out = cleaned(folder.path(), &[]);
    let output = ablate(&out, &["--budget", "60m", "--dry-run"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let plan = stdout(&output);
    assert!(plan.contains("only:dedup") && plan.contains("It takes about"), "{plan}");
    assert!(plan.lines().all(|line| line.chars().count() <= 80), "{plan}");
    assert!(!out.join("train").exists());
    let output = ablate(&out, &["--dry-run", "--format", "json"]).output().unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    let arm =
        |name: &str| plan["arms"].as_array().unwrap().iter().find(|arm| arm["arm"] == name).unwrap().clone();
    assert_eq!(arm("raw2")["asks"], "silence");
    assert!(arm("only:dedup")["left_out"].as_u64() > Some(0), "{plan:#}");
    let wrong = run(&["ablate", out.to_str().unwrap(), "--arms", "only:dedupe"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("only:dedup,"), "{}", stderr(&wrong));
}

#[test]
fn what_is_known_of_first_reasons_alone_cannot_be_taken_apart() {
    let folder = scratch();
    let out = cleaned(folder.path(), &["--signals", "early"]);
    let output = ablate(&out, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--signals all"), "{}", stderr(&output));
}

/// What the page and the outcome hold, without times.
fn found(out: &Path) -> (Value, Value) {
    let report: Value = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    let folder = fs::read_dir(out.join("train")).unwrap().next().unwrap().unwrap().path();
    let mut result: Value = serde_json::from_slice(&fs::read(folder.join("result.json")).unwrap()).unwrap();
    result.as_object_mut().unwrap().remove("tokens_per_second_per_run");
    (report["training"].clone(), result)
}

/// What report and result show is what the runs have left: nats of held-out documents, and points of the curves.
fn every_number_is_that_of_a_run(out: &Path, (report, result): &(Value, Value)) {
    let folder = fs::read_dir(out.join("train")).unwrap().next().unwrap().unwrap().path();
    let array = |value: &Value| value.as_array().unwrap().clone();
    let number = |value: &Value| value.as_f64().unwrap();
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    for (shown, arm) in array(&report["arms"]).iter().zip(array(&result["arms"])) {
        for (s, set) in array(&arm["heldout"]).iter().enumerate() {
            let by_seed: Vec<f64> = array(&set["by_seed"]).iter().map(number).collect();
            for (seed, bits) in by_seed.iter().enumerate() {
                let run = format!("checkpoint-{}-{seed}", arm["arm"].as_str().unwrap().replace(':', "_"));
                let score = fs::read(folder.join(&run).join("score.json")).unwrap();
                let score: Value = serde_json::from_slice(&score).unwrap();
                let nats: f64 = array(&score["nats"][s]).iter().map(number).sum();
                let found = nats / std::f64::consts::LN_2 / number(&set["bytes"]);
                assert!(near(found, *bits), "{run}: {found} is shown as {bits}");
            }
            let mean = by_seed.iter().sum::<f64>() / by_seed.len() as f64;
            let name = set["set"].as_str().unwrap();
            assert!(near(mean, number(&shown["bits_per_byte"][name])), "{}", shown["name"]);
        }
    }
    for shown in array(&report["differences"]) {
        let is_it = |c: &&Value| {
            (&c["arm"], &c["against"], &c["set"]) == (&shown["a"], &shown["b"], &shown["held_out"])
        };
        let comparisons = array(&result["comparisons"]);
        let found = comparisons.iter().find(is_it).unwrap();
        let interval = |end: usize| &found["interval"][end];
        assert_eq!(
            [&found["difference"], interval(0), interval(1)],
            [&shown["delta"], &shown["low"], &shown["high"]]
        );
        let scores = |arm: &Value| -> Vec<f64> {
            let arm = array(&result["arms"]).into_iter().find(|score| score["arm"] == *arm).unwrap();
            let set = array(&arm["heldout"]).into_iter().find(|set| set["set"] == shown["held_out"]).unwrap();
            array(&set["by_seed"]).iter().map(number).collect()
        };
        // The planned seeds, or all that both have.
        let (a, b) = (scores(&shown["a"]), scores(&shown["b"]));
        let n = if shown["extended"] == true { a.len().min(b.len()) } else { 2 };
        let paired = a.iter().zip(&b).take(n).map(|(a, b)| a - b).sum::<f64>() / n as f64;
        assert!(near(paired, number(&shown["delta"])), "{shown}: {paired}");
    }
    let lines = fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let points: usize = array(&report["curves"]).iter().map(|curve| array(&curve["points"]).len()).sum();
    assert_eq!(points, lines.len());
    for curve in array(&report["curves"]) {
        for point in array(&curve["points"]) {
            let same = |line: &&Value| {
                ["arm", "seed"].iter().all(|key| line[key] == curve[key])
                    && ["tokens", "loss", "bpb_heldout_raw"].iter().all(|key| line[key] == point[key])
            };
            assert_eq!(lines.iter().filter(same).count(), 1, "{point}");
        }
    }
}

#[test]
fn a_killed_ablation_leaves_a_whole_page_and_goes_on_to_the_same_result() {
    let folder = scratch();
    let out = cleaned(folder.path(), &[]);
    let output = ablate(&out, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("only:dedup − raw"), "{}", stdout(&output));
    let expected = found(&out);
    let arms = expected.0["arms"].as_array().unwrap().len() as u64;
    // Two seeds, and two more of what these leave open.
    let runs = expected.0["ablation"]["runs"].as_u64().unwrap();
    let extended = expected.1["ablation"]["extended"].as_array().unwrap();
    assert!(runs > 2 * arms && !extended.is_empty(), "{runs} runs of {arms} arms");
    let differences = expected.0["differences"].as_array().unwrap();
    assert!(differences.iter().any(|row| row["extended"] == true), "{differences:?}");
    assert!(stdout(&output).contains("* The planned seeds left open"), "{}", stdout(&output));
    every_number_is_that_of_a_run(&out, &expected);

    let runs_done = || {
        let folder = fs::read_dir(out.join("train")).ok()?.next()?.unwrap().path();
        let result: Value = serde_json::from_slice(&fs::read(folder.join("result.json")).ok()?).unwrap();
        result["ablation"]["runs_done"].as_u64()
    };
    for wanted in [1, 9, 2 * arms + 1] {
        fs::remove_dir_all(out.join("train")).unwrap();
        let mut child = ablate(&out, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while runs_done() < Some(wanted) && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let _ = child.kill();
        child.wait().unwrap();
        let done = runs_done().unwrap();
        assert!(done >= wanted && done < runs, "killed after {done} runs, {wanted} were waited for");
        let output = run(&["report", out.to_str().unwrap(), "--quiet"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(found(&out).0["ablation"]["runs_done"].as_u64(), Some(done));
        assert!(fs::read_to_string(out.join("report.html")).unwrap().contains("\"runs_done\""));
        assert!(ablate(&out, &[]).stdout(Stdio::null()).status().unwrap().success());
        assert!(found(&out) == expected, "after {done} runs");
    }
    let written =
        run(&["generate", out.to_str().unwrap(), "--arm", "only:dedup", "--tokens", "4", "--quiet"]);
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
}

/// Documents of `tokens/control-*` of which there is a text as the recipe leaves it.
fn rewritten(out: &Path) -> Vec<(i32, i64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(out.join("tokens")).unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_str().unwrap().starts_with("control-") {
            continue;
        }
        for batch in shards::read_table(&path, None, 1_000).unwrap().map(Result::unwrap) {
            let sequences = tokens::read_sequences(&batch).unwrap();
            let kept = sequences.iter().filter(|sequence| sequence.version == tokens::Version::Kept);
            found.extend(
                kept.flat_map(|sequence| sequence.pieces().map(|(place, _)| (place.shard, place.row))),
            );
        }
    }
    found
}

#[test]
fn the_ledger_knows_what_is_alike_in_the_control_sample_whatever_dropped_it() {
    let folder = scratch();
    let raw = folder.path().join("raw");
    fs::create_dir_all(&raw).unwrap();
    // Too short to be kept, each once more, and pages that are kept or near-duplicates.
    // Words of their own, since numbers are all one to near-deduplication.
    let short = |n: u8| {
        let letters = [b'a' + n % 26, b'a' + n / 26].map(char::from);
        let words = ["ona", "ilu", "eso", "amo", "uni", "ore"]
            .map(|end| format!("{}{}{end}", letters[0], letters[1]));
        format!("{{\"text\": \"{}\"}}\n", words.join(" "))
    };
    let twice: String = (0..60).map(|n| short(n % 30)).collect();
    fs::write(raw.join("a.jsonl"), twice).unwrap();
    fs::write(raw.join("b.jsonl"), demo_pages(0..4)).unwrap();
    let out = folder.path().join("out");
    clean(&[&raw], &out, &["--quiet"], 0);
    let ledger = table(&out, "ledger");
    let (control, kept) = (flags(&ledger, "control"), flags(&ledger, "kept"));
    let (shards, rows) = (shards_of(&ledger), integers(&ledger, "row"));
    let twins = integers(&ledger, "control_duplicate_of_row");
    let sizes = integers(&ledger, "control_cluster_size");
    assert!(control[..60].iter().any(|flag| *flag) && kept[..60].iter().all(|flag| !flag));
    for at in 0..60 {
        let expected = control[at].then_some(2);
        assert_eq!(sizes[at], expected, "row {at}");
        assert_eq!(twins[at], (control[at] && at >= 30).then(|| at as i64 - 30), "row {at}");
    }
    assert!(sizes.iter().zip(&control).all(|(size, control)| size.is_some() == *control));
    // Who stands for others has no twin, and all of a cluster say the same size.
    for at in 60..sizes.len() {
        if let Some(row) = twins[at] {
            let of = (0..sizes.len()).find(|of| shards[*of] == 1 && rows[*of] == Some(row)).unwrap();
            assert!(twins[of].is_none() && sizes[of] == sizes[at] && sizes[at] > Some(1));
        }
    }
    // What lines were cut from is there as it was left, though it was dropped.
    let is_dropped = |place: &(i32, i64)| {
        let at = (0..kept.len()).find(|at| (shards[*at], rows[*at].unwrap()) == *place).unwrap();
        assert!(control[at]);
        !kept[at]
    };
    assert!(rewritten(&out).iter().any(is_dropped));
}
