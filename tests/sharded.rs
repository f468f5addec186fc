//! `--shard i/n`: several processes sweep into one folder, the last one goes on, and nobody sees how many there were.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::resume::{Delays, killed};
use crate::support::{assert_same, clean, corpus, demo_pages, demo_raw, scratch, stderr, stdout, tree};

const SEGMENTS: [&str; 4] = ["--segment-bytes", "64KiB", "--threads", "1"];

/// Files of several sizes, an empty one among them.
fn raw_files(folder: &Path) -> PathBuf {
    let raw = demo_raw(folder);
    for (name, copies) in [("a.jsonl", 0..3), ("b.jsonl", 3..4), ("m/c.jsonl", 4..8), ("z.jsonl", 8..9)] {
        fs::create_dir_all(raw.join(name).parent().unwrap()).unwrap();
        fs::write(raw.join(name), demo_pages(copies)).unwrap();
    }
    fs::write(raw.join("m/blank.jsonl"), "\n\n\n").unwrap();
    fs::write(raw.join("m/zipped.jsonl.zst"), zstd::encode_all(&demo_pages(9..11)[..], 3).unwrap()).unwrap();
    raw
}

fn sweep(raw: &Path, out: &Path, share: &str) -> Command {
    let mut command = corpus();
    command.arg("clean").args([raw, out]).args(SEGMENTS).args(["--shard", share]);
    command
}

#[test]
fn one_three_and_eight_shares_give_the_bytes_of_one_run() {
    let folder = scratch();
    let raw = raw_files(folder.path());
    let whole = folder.path().join("whole");
    clean(&[&raw], &whole, &SEGMENTS, 0);
    let expected = tree(&whole);
    for n in [1, 3, 8] {
        let out = folder.path().join(format!("out-{n}"));
        let children: Vec<_> = (1..=n)
            .map(|i| {
                let mut command = sweep(&raw, &out, &format!("{i}/{n}"));
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let outputs: Vec<_> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
        for output in &outputs {
            assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
        }
        // Someone went on to the end, and no one else did.
        let finished = outputs.iter().filter(|output| stderr(output).contains("report.html shows all this"));
        assert_eq!(finished.count(), 1);
        assert_same(&tree(&out), &expected);
        // Every share, and the whole, now finds it done.
        let again = sweep(&raw, &out, &format!("{n}/{n}")).output().unwrap();
        assert!(stderr(&again).contains("nothing was done"), "{}", stderr(&again));
        let again = clean(&[&raw], &out, &SEGMENTS, 0);
        assert!(stderr(&again).contains("nothing was done"), "{}", stderr(&again));
    }
}

#[test]
fn a_killed_share_is_run_again_and_a_run_without_shares_does_what_is_missing() {
    let folder = scratch();
    let raw = raw_files(folder.path());
    let whole = folder.path().join("whole");
    clean(&[&raw], &whole, &SEGMENTS, 0);
    let expected = tree(&whole);
    for (round, ends_with_a_share) in [true, false].into_iter().enumerate() {
        let out = folder.path().join(format!("out-{round}"));
        let mut delays = Delays(round as u64);
        for i in [1, 2, 3, 2, 1, 3] {
            killed(
                sweep(&raw, &out, &format!("{i}/3")),
                Duration::from_millis(200).mul_f64(delays.next().unwrap()),
            );
        }
        if ends_with_a_share {
            for i in [3, 1, 2] {
                assert!(sweep(&raw, &out, &format!("{i}/3")).output().unwrap().status.success());
            }
        } else {
            let last = sweep(&raw, &out, "2/3").output().unwrap();
            assert!(last.status.success(), "{}", stderr(&last));
            clean(&[&raw], &out, &SEGMENTS, 0);
        }
        assert_same(&tree(&out), &expected);
    }
}

#[test]
fn shares_agree_on_what_they_do() {
    let folder = scratch();
    let raw = raw_files(folder.path());
    let out = folder.path().join("out");
    let first = sweep(&raw, &out, "1/3").output().unwrap();
    assert!(stdout(&first).contains("share 1/3:"), "{}", stdout(&first));
    assert!(stderr(&first).contains("are left to other shares"), "{}", stderr(&first));
    let refused = |command: &mut Command, words: &str| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    };
    refused(sweep(&raw, &out, "2/3").args(["--recipe", "gopher"]), "another recipe");
    refused(sweep(&raw, &out, "2/3").args(["--rejected", "all"]), "rejected is \"all\" here");
    refused(sweep(&raw, &out, "2/3").arg("--fresh"), "--fresh with --shard");
    refused(&mut sweep(&raw, &out, "0/3"), "counted from 1");
    refused(&mut sweep(&raw, &out, "three"), "write for example 2/8");
    refused(sweep(&raw, &out, "slurm").env_remove("SLURM_ARRAY_TASK_ID"), "SLURM_ARRAY_TASK_ID is not set");
    fs::write(raw.join("late.jsonl"), demo_pages(20..21)).unwrap();
    refused(&mut sweep(&raw, &out, "2/3"), "late.jsonl differs");
    fs::remove_file(raw.join("late.jsonl")).unwrap();

    // While a sweep is at work, its share is taken, and the others divide the input as it does. Held still by a signal
    // once it sweeps, so that it is at work for sure.
    let mut held = sweep(&raw, &out, "2/3").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let sweep_of_its_own = || fs::read_dir(out.join(".work/sweep")).map_or(0, Iterator::count);
    let before = sweep_of_its_own();
    while sweep_of_its_own() == before && held.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    Command::new("kill").args(["-STOP", &held.id().to_string()]).status().unwrap();
    if held.try_wait().unwrap().is_none() {
        refused(&mut sweep(&raw, &out, "2/3"), "used by another run");
        refused(&mut sweep(&raw, &out, "1/2"), "divide the input by 3");
        refused(corpus().arg("clean").args([&raw, &out]).args(SEGMENTS), "used by another run");
    }
    Command::new("kill").args(["-CONT", &held.id().to_string()]).status().unwrap();
    assert!(held.wait().unwrap().success());

    // A job array: the variables say which share. When no sweep is at work, the number of shares may change.
    let task = |id: &str| {
        let mut command = sweep(&raw, &out, "slurm");
        let variables = [("ID", id), ("COUNT", "2"), ("MIN", "10"), ("STEP", "5"), ("MAX", "15")];
        command.envs(variables.map(|(name, value)| (format!("SLURM_ARRAY_TASK_{name}"), value)));
        command.output().unwrap()
    };
    assert!(stdout(&task("10")).contains("share 1/2:"));
    let last = task("15");
    assert!(stderr(&last).contains("report.html shows all this"), "{}", stderr(&last));
    let whole = folder.path().join("whole");
    clean(&[&raw], &whole, &SEGMENTS, 0);
    assert_same(&tree(&out), &tree(&whole));
}
