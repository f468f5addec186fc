//! `corpus train`: the smoke preset end to end, its page, and what it makes of being killed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::resume::{Delays, killed};
use crate::support::{assert_same, clean, corpus, demo_raw, run, scratch, stderr, stdout, tree};

#[test]
fn a_small_comparison_runs_end_to_end_and_the_page_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let raw = demo_raw(folder.path());
    let out = folder.path().join("out");
    clean(&[&raw], &out, &["--quiet"], 0);
    let out_text = out.to_str().unwrap();
    let output = run(&["train", out_text, "--preset", "smoke", "--seeds", "1", "--quiet"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    for arm in ["raw", "language_only", "random_drop", "all"] {
        assert!(stdout(&output).contains(arm), "{}", stdout(&output));
    }
    let report: report::Run = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    let training = report.training.unwrap();
    assert_eq!(training.arms.len(), 4);
    assert!(training.curves.iter().all(|curve| !curve.points.is_empty()));
    assert!(training.rewinds.is_empty(), "{:?}", training.rewinds);
    assert!(training.arms.iter().all(|arm| arm.bits_per_byte["raw"] > 0.0 && arm.bits_per_byte["raw"] < 9.0));
    // The same call again finds its result.
    let again = run(&["train", out_text, "--preset", "smoke", "--seeds", "1", "--quiet"]);
    assert_eq!(stdout(&again), stdout(&output));
}

#[test]
fn a_device_that_was_not_compiled_in_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["train", folder.path().to_str().unwrap(), "--device", "wgpu"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("wgpu"), "{}", stderr(&output));
    let output = run(&["train", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("corpus clean") || stderr(&output).contains("ledger"),
        "{}",
        stderr(&output)
    );
}

/// The one folder below `train/`.
fn experiment(out: &Path) -> Option<PathBuf> {
    let mut folders = fs::read_dir(out.join("train")).ok()?;
    Some(folders.next()?.unwrap().path())
}

/// Everything that a training leaves, without times.
fn trained(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let without = |bytes: &[u8], time: &str| {
        let mut value: Value = serde_json::from_slice(bytes).unwrap();
        value.as_object_mut().unwrap().remove(time);
        serde_json::to_vec(&value).unwrap()
    };
    let mut files = tree(&experiment(out).unwrap());
    for (name, bytes) in &mut files {
        match Path::new(name).file_name().unwrap().to_str().unwrap() {
            "result.json" => *bytes = without(bytes, "tokens_per_second_per_run"),
            "score.json" => *bytes = without(bytes, "seconds"),
            // Workers write its lines as they come to them.
            "metrics.jsonl" => {
                let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                let mut lines: Vec<_> = lines.map(|line| without(line, "seconds")).collect();
                lines.sort();
                *bytes = lines.join(&b'\n');
            }
            _ => {}
        }
    }
    files
}

/// The shortest training: one seed of the preset for tests.
fn tiny(out: &Path, threads: &str) -> Command {
    let mut command = corpus();
    command.arg("train").arg(out);
    command.args(["--preset", "tiny", "--seeds", "1", "--threads", threads, "--quiet"]);
    command
}

#[test]
fn a_killed_training_goes_on_to_the_same_numbers() {
    let folder = scratch();
    let out = folder.path().join("out");
    clean(&[&demo_raw(folder.path())], &out, &["--quiet"], 0);
    let command = || tiny(&out, "2");
    let start = Instant::now();
    assert!(command().stdout(Stdio::null()).status().unwrap().success());
    let undisturbed = start.elapsed();
    let expected = trained(&out);
    assert!(expected.contains_key("checkpoint-all-0/model.safetensors"), "{:?}", expected.keys());

    // Where kills fell: before the first checkpoint, between checkpoints, after the last run.
    let mut kills: BTreeMap<&str, u32> = BTreeMap::new();
    let mut delays = Delays(2);
    let mut finished = 0;
    fs::remove_dir_all(out.join("train")).unwrap();
    while kills.values().sum::<u32>() < 20 || kills.get("between checkpoints").is_none_or(|n| *n < 10) {
        assert!(finished < 200, "kills do not hit training: {kills:?}");
        if killed(command(), undisturbed.mul_f64(delays.next().unwrap())) {
            let files = experiment(&out).map(|folder| tree(&folder)).unwrap_or_default();
            let place = match files {
                files if files.contains_key("result.json") => "at the end",
                files if files.keys().any(|name| name.ends_with("state.safetensors")) => {
                    "between checkpoints"
                }
                files if files.keys().any(|name| name.ends_with("score.json")) => "between runs",
                _ => "at the start",
            };
            *kills.entry(place).or_default() += 1;
        } else {
            finished += 1;
            assert_same(&trained(&out), &expected);
            fs::remove_dir_all(out.join("train")).unwrap();
        }
    }
    assert!(command().stdout(Stdio::null()).status().unwrap().success());
    assert_same(&trained(&out), &expected);
    eprintln!(
        "training killed {} times, undisturbed {undisturbed:?}: {kills:?}",
        kills.values().sum::<u32>()
    );
}

#[test]
fn two_trainings_of_the_same_exclude_each_other_and_signals_stop_at_a_checkpoint() {
    let folder = scratch();
    let out = folder.path().join("out");
    clean(&[&demo_raw(folder.path())], &out, &["--quiet"], 0);
    let command = || {
        let mut command = tiny(&out, "1");
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    };
    let signal = |name: &str, id: u32| Command::new("kill").args([name, &id.to_string()]).status().unwrap();
    let mut first = command().spawn().unwrap();
    let state = || experiment(&out).is_some_and(|f| f.join("checkpoint-raw-0/state.safetensors").exists());
    while !state() && first.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    signal("-STOP", first.id());
    let second = command().output().unwrap();
    assert_eq!(second.status.code(), Some(2), "{}", stderr(&second));
    assert!(stderr(&second).contains("another process trains"), "{}", stderr(&second));
    signal("-TERM", first.id());
    signal("-CONT", first.id());
    let first = first.wait_with_output().unwrap();
    assert_eq!(first.status.code(), Some(75), "{}", stderr(&first));
    assert!(stderr(&first).contains("the same command continues"), "{}", stderr(&first));
    assert!(command().output().unwrap().status.success());
    assert!(!experiment(&out).unwrap().join(".lock").exists());
}
