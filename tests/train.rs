//! `corpus train`: the smoke preset end to end, its page, and stopping at a checkpoint.

use std::fs;

use crate::support::{clean, demo_raw, run, stderr, stdout};

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
