//! SIGTERM stops at a checkpoint with 75, SIGKILL anywhere; the same command then gives the bytes of an undisturbed run.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::determinism::many_pages;
use crate::support::{clean, corpus, tree};

/// Runs `corpus clean` and sends `signal` after `pause`; returns exit code and signal.
fn disturbed(
    raw: &std::path::Path,
    out: &std::path::Path,
    signal: &str,
    pause: Duration,
) -> (Option<i32>, Option<i32>) {
    let mut child = corpus()
        .arg("clean")
        .args([raw, out])
        .args(["--threads", "2", "--quiet"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while start.elapsed() < pause {
        if let Some(status) = child.try_wait().unwrap() {
            return (status.code(), status.signal());
        }
        std::thread::yield_now();
    }
    let id = child.id().to_string();
    std::process::Command::new("kill").args([signal, &id]).status().unwrap();
    let status = child.wait().unwrap();
    (status.code(), status.signal())
}

#[test]
fn a_stopped_or_killed_run_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("raw");
    std::fs::create_dir(&raw).unwrap();
    many_pages(&raw.join("a.jsonl"));
    many_pages(&raw.join("b.jsonl"));
    let whole = folder.path().join("whole");
    let start = Instant::now();
    clean(&[&raw], &whole, &["--threads", "2", "--quiet"], 0);
    let seconds = start.elapsed();
    let expected = tree(&whole);

    let out = folder.path().join("out");
    for (step, signal) in
        [(3, "-KILL"), (6, "-KILL"), (8, "-TERM"), (11, "-KILL"), (12, "-KILL"), (13, "-KILL")]
    {
        let ended = disturbed(&raw, &out, signal, seconds * step / 16);
        match signal {
            "-TERM" => assert!(ended.0 == Some(75) || ended.0 == Some(0), "{ended:?}"),
            _ => assert!(ended.1 == Some(9) || ended.0 == Some(0), "{ended:?}"),
        }
        // What exists is complete: a manifest only ever stands over a finished run.
        if out.join("manifest.json").exists() {
            assert_eq!(tree(&out), expected);
        }
    }
    clean(&[&raw], &out, &["--threads", "2", "--quiet"], 0);
    let found = tree(&out);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, bytes) in &expected {
        assert!(found[name] == *bytes, "{name} differs");
    }
}

#[test]
fn two_runs_on_one_folder_exclude_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("raw.jsonl");
    many_pages(&raw);
    let out = folder.path().join("out");
    let mut first =
        corpus().arg("clean").args([&raw, &out]).args(["--quiet"]).stdout(Stdio::null()).spawn().unwrap();
    let lock = out.join(".work/lock");
    while !lock.exists() && first.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let second = corpus().arg("clean").args([&raw, &out]).args(["--quiet"]).output().unwrap();
    let is_first_running = first.try_wait().unwrap().is_none();
    if is_first_running {
        assert_eq!(second.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&second.stderr).contains("used by another run"));
    }
    assert_eq!(first.wait().unwrap().code(), Some(0));
}
