//! SIGKILL at any moment, SIGTERM at a checkpoint: the same command then gives the bytes of an undisturbed run.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{assert_same, clean, corpus, demo_pages, demo_raw, scratch, stderr, tree};

/// Segments of a small input, so that there are many.
const SEGMENTS: [&str; 4] = ["--segment-bytes", "12KiB", "--threads", "2"];

/// Where a killed run was, by what it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Start,
    Sweep,
    Resolve,
    Pack,
    /// The manifest stands; only the work folder is to be removed.
    End,
}

pub fn place(out: &Path) -> Place {
    let work = out.join(".work");
    if out.join("manifest.json").exists() {
        return Place::End;
    }
    let json =
        |path: PathBuf| -> Option<serde_json::Value> { serde_json::from_slice(&fs::read(path).ok()?).ok() };
    let Some(run) = json(work.join("run.json")) else { return Place::Start };
    if work.join("pack").exists() {
        return Place::Pack;
    }
    let receipts = |shard: usize| -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(work.join(format!("sweep/{shard:05}"))) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        paths
    };
    let is_ended = |shard: usize| {
        receipts(shard).pop().and_then(json).is_some_and(|receipt| receipt["ends_shard"] == true)
    };
    match run["inputs"].as_array().is_some_and(|inputs| (0..inputs.len()).all(is_ended)) {
        true => Place::Resolve,
        false => Place::Sweep,
    }
}

/// Delays spread evenly over 0 to 1: the multiples of the golden ratio, from a fixed start.
pub struct Delays(pub u64);

impl Iterator for Delays {
    type Item = f64;
    fn next(&mut self) -> Option<f64> {
        self.0 += 1;
        Some((self.0 as f64 * 0.618_033_988_749_894_9).fract())
    }
}

/// Runs and kills after `delay`; true if it was killed, false if it had ended well before.
pub fn killed(mut command: Command, delay: Duration) -> bool {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while let Some(left) = delay.checked_sub(start.elapsed()) {
        if child.try_wait().unwrap().is_some() {
            break;
        }
        // Short, so that the end of a run is seen soon.
        std::thread::sleep(left.min(Duration::from_micros(300)));
    }
    let _ = child.kill();
    let status = child.wait().unwrap();
    assert!(status.signal() == Some(9) || status.code() == Some(0), "{status:?}");
    status.signal() == Some(9)
}

/// Plain, compressed and damaged shards, and one that is a document.
fn small_raw(folder: &Path) -> PathBuf {
    let raw = folder.join("raw");
    fs::create_dir(&raw).unwrap();
    fs::write(raw.join("a.jsonl"), demo_pages(0..1)).unwrap();
    fs::write(raw.join("b.jsonl.zst"), zstd::encode_all(&demo_pages(1..2)[..], 3).unwrap()).unwrap();
    let mut torn = zstd::encode_all(&demo_pages(2..3)[..], 3).unwrap();
    torn.truncate(torn.len() / 2);
    fs::write(raw.join("c.jsonl.zst"), torn).unwrap();
    fs::write(raw.join("d.jsonl"), b"\n\n").unwrap();
    fs::copy(demo_raw(folder).join("notes.md"), raw.join("notes.md")).unwrap();
    raw
}

#[test]
fn two_hundred_kills_change_no_byte() {
    let folder = scratch();
    let raw_folder = folder.path().join("small");
    fs::create_dir(&raw_folder).unwrap();
    let raw = small_raw(&raw_folder);
    let command = |out: &Path| {
        let mut command = corpus();
        command.arg("clean").args([&raw, out]).args(SEGMENTS).args(["--quiet", "--max-quarantined", "1"]);
        command
    };
    let whole = folder.path().join("whole");
    let start = Instant::now();
    assert!(command(&whole).stdout(Stdio::null()).status().unwrap().success());
    let undisturbed = start.elapsed();
    let expected = tree(&whole);
    assert!(fs::read_dir(whole.join("clean")).unwrap().count() >= 15, "many segments");

    let mut kills: BTreeMap<Place, u32> = BTreeMap::new();
    let mut delays = Delays(4);
    let mut kill = |out: &Path, longest: Duration| -> Option<Place> {
        let was_killed = killed(command(out), longest.mul_f64(delays.next().unwrap()));
        was_killed.then(|| place(out)).inspect(|place| *kills.entry(*place).or_default() += 1)
    };
    // Resolve is short: a folder where all is swept, and runs on it that are killed before or soon after they pack.
    let out = folder.path().join("out-swept");
    let mut before_packing = undisturbed;
    let (mut n_resolve, mut attempts) = (0, 0);
    while n_resolve < 30 {
        attempts += 1;
        assert!(attempts < 2_000, "kills do not hit resolve");
        match kill(&out, before_packing) {
            Some(Place::Resolve) => {
                n_resolve += 1;
                before_packing = before_packing.mul_f64(1.05);
            }
            Some(Place::Pack) => {
                // Once more from there: the longest delay stays about the time that it takes to begin to pack.
                fs::remove_dir_all(out.join(".work/pack")).unwrap();
                before_packing = before_packing.mul_f64(0.8);
            }
            Some(_) => before_packing = undisturbed.max(before_packing.mul_f64(1.1)),
            None => {
                assert_same(&tree(&out), &expected);
                fs::remove_dir_all(&out).unwrap();
            }
        }
        if n_resolve == 0 && attempts % 8 == 0 {
            before_packing = undisturbed;
        }
    }
    assert!(command(&out).stdout(Stdio::null()).status().unwrap().success());
    assert_same(&tree(&out), &expected);

    // Kills at moments spread over the time of a whole run, again and again in one folder until a run gets through.
    let (mut n_sweep, mut n_pack, mut n_kills, mut n_finished) = (0, 0, n_resolve, 1);
    let mut out = folder.path().join("out-1");
    while n_kills < 200 || n_sweep < 50 || n_pack < 20 {
        assert!(n_kills < 2_000, "kills do not hit the phases: {n_sweep} in sweep, {n_pack} in pack");
        match kill(&out, undisturbed) {
            Some(place) => {
                n_kills += 1;
                n_sweep += u32::from(place == Place::Sweep);
                n_pack += u32::from(place == Place::Pack);
            }
            None => {
                assert_same(&tree(&out), &expected);
                fs::remove_dir_all(&out).unwrap();
                n_finished += 1;
                out = folder.path().join(format!("out-{n_finished}"));
            }
        }
    }
    assert!(command(&out).stdout(Stdio::null()).status().unwrap().success());
    assert_same(&tree(&out), &expected);
    let n_kills: u32 = kills.values().sum();
    eprintln!(
        "killed {n_kills} times, undisturbed {undisturbed:?}, {} folders finished: {kills:?}",
        n_finished + 1
    );
}

#[test]
fn a_killed_replacement_leaves_nothing_of_what_it_replaces() {
    let folder = scratch();
    let raw = folder.path().join("raw.jsonl");
    fs::write(&raw, demo_pages(0..4)).unwrap();
    let out = folder.path().join("out");
    clean(&[&raw], &out, &[&SEGMENTS[..], &["--quiet"]].concat(), 0);
    fs::write(&raw, demo_pages(0..1)).unwrap();
    let whole = folder.path().join("whole");
    let start = Instant::now();
    clean(&[&raw], &whole, &[&SEGMENTS[..], &["--quiet"]].concat(), 0);
    let undisturbed = start.elapsed();
    let before = fs::read_dir(out.join("clean")).unwrap().count();
    let mut n_kills = 0;
    for delay in Delays(0).take(12) {
        let mut command = corpus();
        command.arg("clean").args([&raw, &out]).args(SEGMENTS).args(["--quiet", "--fresh"]);
        n_kills += u32::from(killed(command, undisturbed.mul_f64(delay * 0.5)));
    }
    assert!(n_kills > 0);
    // Whatever has been removed by now, a manifest stands over all or nothing of what it lists.
    clean(&[&raw], &out, &[&SEGMENTS[..], &["--quiet", "--fresh"]].concat(), 0);
    assert_same(&tree(&out), &tree(&whole));
    assert!(fs::read_dir(out.join("clean")).unwrap().count() < before);
}

#[test]
fn signals_stop_at_a_checkpoint_and_the_next_run_says_where_it_goes_on() {
    let folder = scratch();
    let raw = folder.path().join("raw");
    fs::create_dir(&raw).unwrap();
    fs::write(raw.join("a.jsonl"), demo_pages(0..24)).unwrap();
    let whole = folder.path().join("whole");
    let flags = ["--segment-bytes", "48KiB", "--threads", "2"];
    clean(&[&raw], &whole, &[&flags[..], &["--quiet"]].concat(), 0);
    let expected = tree(&whole);
    let out = folder.path().join("out");
    for (signal, code) in [("-TERM", 75), ("-INT", 130)] {
        let mut child = corpus()
            .arg("clean")
            .args([&raw, &out])
            .args(flags)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let segments = || fs::read_dir(out.join(".work/sweep/00000")).map_or(0, Iterator::count);
        let before = segments();
        while segments() < before + 4 && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(stderr(&output).contains("run the same command again"), "{}", stderr(&output));
        if signal == "-INT" {
            let words = stderr(&output);
            assert!(words.contains("going on after segment") && words.contains("a.jsonl is next"), "{words}");
        }
    }
    clean(&[&raw], &out, &flags, 0);
    assert_same(&tree(&out), &expected);
}

#[test]
fn a_finished_run_is_left_alone_and_its_rests_are_cleared() {
    let folder = scratch();
    let raw = folder.path().join("raw.jsonl");
    fs::write(&raw, demo_pages(0..1)).unwrap();
    let out = folder.path().join("out");
    clean(&[&raw], &out, &["--quiet"], 0);
    let times = |out: &Path| -> Vec<_> {
        let mut paths: Vec<PathBuf> = tree(out).into_keys().map(|name| out.join(name)).collect();
        paths.sort();
        paths.iter().map(|path| fs::metadata(path).unwrap().modified().unwrap()).collect()
    };
    let before = times(&out);
    // As if the run had been killed while it removed its work folder.
    fs::create_dir_all(out.join(".work/sweep/00000")).unwrap();
    fs::write(out.join(".work/sweep/00000/00000.json"), "{}").unwrap();
    let again = clean(&[&raw], &out, &[], 0);
    assert!(stderr(&again).contains("nothing was done"), "{}", stderr(&again));
    assert_eq!(times(&out), before);
    assert!(!out.join(".work").exists());
}

#[test]
fn two_runs_on_one_folder_exclude_each_other() {
    let folder = scratch();
    let raw = folder.path().join("raw.jsonl");
    fs::write(&raw, demo_pages(0..16)).unwrap();
    let out = folder.path().join("out");
    let start = |share: &[&str]| {
        let mut command = corpus();
        command.arg("clean").args([&raw, &out]).arg("--quiet").args(share).stdout(Stdio::null());
        command
    };
    let mut first = start(&[]).spawn().unwrap();
    while !out.join(".work/run.json").exists() && first.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    // Held still, so that it is at work for sure.
    Command::new("kill").args(["-STOP", &first.id().to_string()]).status().unwrap();
    for share in [&[][..], &["--shard", "1/2"]] {
        let second = start(share).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(second.status.code(), Some(2));
        assert!(stderr(&second).contains("used by another run"), "{}", stderr(&second));
    }
    // The lock goes with the process, however it ends.
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(start(&[]).status().unwrap().success());
}

#[test]
fn a_segment_that_is_not_whole_is_swept_again() {
    let folder = scratch();
    let raw = folder.path().join("raw");
    fs::create_dir(&raw).unwrap();
    fs::write(raw.join("a.jsonl"), demo_pages(0..16)).unwrap();
    let flags = ["--segment-bytes", "48KiB", "--threads", "2"];
    let whole = folder.path().join("whole");
    clean(&[&raw], &whole, &[&flags[..], &["--quiet"]].concat(), 0);
    let out = folder.path().join("out");
    let mut child = corpus()
        .arg("clean")
        .args([&raw, &out])
        .args(flags)
        .args(["--quiet"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let sweep = out.join(".work/sweep/00000");
    while !sweep.join("00006.json").exists() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // The receipts of segments 2 and 4 name files that are short and absent.
    let blocks = fs::OpenOptions::new().write(true).open(sweep.join("00002.blocks")).unwrap();
    blocks.set_len(blocks.metadata().unwrap().len() / 2).unwrap();
    fs::remove_file(sweep.join("00004.signatures")).unwrap();
    fs::write(sweep.join(".tmp-rest"), "half a segment").unwrap();
    let output = clean(&[&raw], &out, &flags, 0);
    let words = stderr(&output);
    assert!(words.contains("not whole") && words.contains("going on after segment 2:"), "{words}");
    assert_same(&tree(&out), &tree(&whole));
}

#[test]
fn another_unfinished_run_is_not_thrown_away_unasked() {
    let folder = scratch();
    let raw = folder.path().join("raw");
    fs::create_dir(&raw).unwrap();
    fs::write(raw.join("a.jsonl"), demo_pages(0..16)).unwrap();
    let out = folder.path().join("out");
    let flags = ["--segment-bytes", "48KiB"];
    let mut child =
        corpus().arg("clean").args([&raw, &out]).args(flags).stdout(Stdio::null()).spawn().unwrap();
    while !out.join(".work/sweep/00000/00001.json").exists() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let segments = || fs::read_dir(out.join(".work/sweep/00000")).unwrap().count();
    let before = segments();
    let refused = clean(&[&raw], &out, &[&flags[..], &["--recipe", "gopher"]].concat(), 2);
    let words = stderr(&refused);
    assert!(words.contains("another recipe") && words.contains("not finished"), "{words}");
    // A file that is swept in part and changes is other input, too.
    let mut bytes = fs::read(raw.join("a.jsonl")).unwrap();
    bytes[100] ^= 1;
    fs::write(raw.join("a.jsonl"), bytes).unwrap();
    let refused = clean(&[&raw], &out, &flags, 2);
    let words = stderr(&refused);
    assert!(words.contains("a.jsonl differs") && words.contains("--fresh"), "{words}");
    assert_eq!(segments(), before);
    let fresh = folder.path().join("fresh");
    clean(&[&raw], &fresh, &[&flags[..], &["--quiet"]].concat(), 0);
    clean(&[&raw], &out, &[&flags[..], &["--fresh", "--quiet"]].concat(), 0);
    assert_same(&tree(&out), &tree(&fresh));
}
