//! The Hugging Face hub as input and output, against an imitation that the hub's own client is held to, too.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shards::Manifest;

use crate::store_servers::{Harm, get, proxy};
use crate::store_stage::{Stage, assert_same, raw_of_all_kinds, run};
use crate::support::{demo_pages, stderr, stdout};

const OUT: &str = "hf://datasets/org/name/runs/one";

/// With the hub, or what stands before it.
fn at(stage: &Stage, hub: &str, token: &str) -> Command {
    let mut command = stage.command(&stage.servers.s3);
    command.env("HF_ENDPOINT", hub).env("HF_TOKEN", token).env("HF_HOME", stage.path("home"));
    command
}

fn at_hub(stage: &Stage) -> Command {
    at(stage, &stage.servers.http, "hf_test")
}

/// What the hub's own client does.
fn client(stage: &Stage, args: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hub_client.py");
    let mut command = Command::new(std::env::var("CORPUS_TEST_PYTHON").unwrap());
    command
        .env("HF_ENDPOINT", &stage.servers.http)
        .env("HF_TOKEN", "hf_test")
        .env("HF_HOME", stage.path("home"));
    run(command.arg(script), args, 0);
}

/// Of each commit its summary and the files that lie there then; and what came into the storage.
fn told(stage: &Stage) -> (Vec<(String, Vec<String>)>, Vec<String>) {
    let told: serde_json::Value =
        serde_json::from_slice(&get(&stage.servers.http, "/told").unwrap()).unwrap();
    let texts = |value: &serde_json::Value| serde_json::from_value::<Vec<String>>(value.clone()).unwrap();
    let history = told["history"].as_array().unwrap().iter();
    let history = history.map(|one| (one["summary"].as_str().unwrap().to_owned(), texts(&one["paths"])));
    (history.collect(), texts(&told["stored"]))
}

fn has(paths: &[String], name: &str) -> bool {
    paths.iter().any(|path| path == name)
}

#[test]
fn a_repository_of_the_hub_is_read_at_one_commit() {
    let hub = |folder: &Path| fs::rename(raw_of_all_kinds(folder), folder.join("hub")).unwrap();
    let Some(stage) = Stage::with(hub) else { return };
    let raw = stage.path("hub");
    let cases =
        [("", raw.clone()), ("@v1/more/", raw.join("more")), ("/table.parquet", raw.join("table.parquet"))];
    for (number, (place, path)) in cases.into_iter().enumerate() {
        let out = stage.path(&format!("out{number}"));
        let url = format!("hf://datasets/org/name{place}");
        run(&mut at_hub(&stage), &["clean", &url, out.to_str().unwrap(), "--quiet"], 0);
        assert_same(&out, &stage.local(&path));
        let manifest = Manifest::read(&out.join("manifest.json")).unwrap();
        assert!(manifest.inputs[0].version.as_ref().unwrap().starts_with("sha256 "));
    }
    let out = stage.path("refused");
    let args = ["clean", "hf://datasets/org/name/more/", out.to_str().unwrap()];
    let refused = run(&mut at(&stage, &stage.servers.http, "wrong"), &args, 2);
    assert!(stderr(&refused).contains("set HF_TOKEN"), "{}", stderr(&refused));
    let args = ["clean", "hf://datasets/org/none/", out.to_str().unwrap()];
    assert!(stderr(&run(&mut at_hub(&stage), &args, 2)).contains("no such repository"));
}

#[test]
fn a_run_goes_to_the_hub_in_one_commit() {
    let Some(stage) = Stage::start() else { return };
    let raw = stage.raw_of_all_kinds();
    let args = ["clean", raw.to_str().unwrap(), OUT];
    let first = run(&mut at_hub(&stage), &args, 0);
    assert!(stderr(&first).contains(OUT), "{}", stderr(&first));
    assert_eq!(fs::read_dir(stage.path("scratch")).unwrap().count(), 0);
    let (history, stored) = told(&stage);
    let [.., (begin, begun), (end, ended)] = &history[..] else { panic!("{history:?}") };
    assert_eq!((begin.as_str(), end.as_str()), ("corpus: a run begins", "corpus: a run"));
    assert_eq!(begun, &["runs/one/corpus.lock"]);
    assert!(has(ended, "runs/one/manifest.json") && !has(ended, "runs/one/corpus.lock"), "{ended:?}");
    assert!(!stored.is_empty());

    // The hub's own client reads it, and writes beside it what is read here.
    client(&stage, &["download", &stage.text("down")]);
    let local = stage.local(&raw);
    assert_same(&stage.path("down/runs/one"), &local);
    client(&stage, &["upload", raw.to_str().unwrap(), "raw"]);
    let out = stage.text("out");
    run(&mut at_hub(&stage), &["clean", "hf://datasets/org/name/raw", &out, "--quiet"], 0);
    assert_same(Path::new(&out), &local);
    let clean = format!("{OUT}/clean/");
    run(&mut at_hub(&stage), &["clean", &clean, &stage.text("again"), "--quiet"], 0);
    assert_same(&stage.path("again"), &stage.local(&local.join("clean")));

    // A second run does nothing, another one is refused.
    let commits = told(&stage).0.len();
    let again = run(&mut at_hub(&stage), &args, 0);
    assert!(stderr(&again).contains("nothing was done"), "{}", stderr(&again));
    let other = run(&mut at_hub(&stage), &["clean", args[1], OUT, "--recipe", "gopher"], 2);
    assert!(stderr(&other).contains("holds a run with another recipe"), "{}", stderr(&other));
    assert_eq!(told(&stage).0.len(), commits);
    let report = run(&mut at_hub(&stage), &["report", OUT, "--format", "json"], 0);
    assert!(stdout(&report).contains("\"inputs\""));

    // Replaced: nobody sees the folder between, what lies beside it stays, what is the same is not sent again.
    let fresh = ["clean", args[1], OUT, "--fresh", "--quiet", "--no-signatures"];
    run(&mut at_hub(&stage), &fresh, 0);
    let (history, stored_now) = told(&stage);
    assert!(history[commits..].iter().all(|(_, paths)| has(paths, "runs/one/manifest.json")));
    let (_, paths) = history.last().unwrap();
    assert!(has(paths, "raw/pages.jsonl") && !paths.iter().any(|path| path.contains("one/signatures")));
    let mut once = stored_now.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), stored_now.len(), "an object was sent twice");
}

#[test]
fn many_files_go_to_the_hub_in_commits_and_the_manifest_comes_last() {
    let Some(stage) = Stage::start() else { return };
    let raw = stage.path("raw");
    fs::create_dir(&raw).unwrap();
    // Each leaves a few files.
    let pages = demo_pages(0..8);
    let lines: Vec<&[u8]> = pages.split_inclusive(|byte| *byte == b'\n').collect();
    for (number, lines) in lines.chunks(lines.len().div_ceil(150)).enumerate() {
        fs::write(raw.join(format!("{number:03}.jsonl")), lines.concat()).unwrap();
    }
    let args = ["clean", raw.to_str().unwrap(), OUT, "--quiet"];
    run(&mut at_hub(&stage), &args, 0);
    let (history, _) = told(&stage);
    let seen: Vec<(usize, bool, bool)> = history[2..]
        .iter()
        .map(|(_, paths)| {
            (paths.len(), has(paths, "runs/one/manifest.json"), has(paths, "runs/one/corpus.lock"))
        })
        .collect();
    assert!(seen.len() >= 2 && seen.iter().is_sorted(), "{seen:?}");
    let (last, before) = seen.split_last().unwrap();
    assert!(last.1 && !last.2, "{seen:?}");
    assert!(before.iter().all(|(_, is_finished, is_locked)| !is_finished && *is_locked), "{seen:?}");
    client(&stage, &["download", &stage.text("down")]);
    assert_same(&stage.path("down/runs/one"), &stage.local(&raw));

    // While it is replaced in several commits, there is no manifest, and at the end nothing of the old run.
    let fresh = ["clean", args[1], OUT, "--quiet", "--fresh", "--recipe", "gopher", "--no-signatures"];
    run(&mut at_hub(&stage), &fresh, 0);
    let (now, _) = told(&stage);
    let finished = |(_, paths): &(String, Vec<String>)| has(paths, "runs/one/manifest.json");
    let between = &now[history.len() + 1..now.len() - 1];
    assert!(!between.is_empty() && !between.iter().any(finished) && finished(now.last().unwrap()));
    assert!(!now.last().unwrap().1.iter().any(|path| path.contains("/signatures/")));
}

#[test]
fn a_run_that_is_killed_while_it_goes_to_the_hub_goes_on() {
    let Some(stage) = Stage::start() else { return };
    let raw = stage.raw_of_all_kinds();
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = sent.clone();
    let slow = proxy(&stage.servers.http, move |request, _| {
        if request.starts_with("PUT") {
            counted.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(150));
        }
        Harm::None
    });
    let args = ["clean", raw.to_str().unwrap(), OUT, "--quiet"];
    let mut child = at(&stage, &slow, "hf_test").args(args).spawn().unwrap();
    while sent.load(Ordering::SeqCst) < 9 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let (history, before) = told(&stage);
    assert_eq!(history.last().unwrap().1, ["runs/one/corpus.lock"]);
    assert!(!before.is_empty());
    // Of another machine, it would be in the way.
    let elsewhere = stage.text("elsewhere");
    let locked = run(at_hub(&stage).env("TMPDIR", &elsewhere), &args, 2);
    assert!(stderr(&locked).contains("is used by another run, begun by run "), "{}", stderr(&locked));

    run(&mut at(&stage, &slow, "hf_test"), &args, 0);
    let (_, after) = told(&stage);
    assert!(after.len() > before.len(), "it was killed in the middle");
    assert!(!after[before.len()..].iter().any(|object| before.contains(object)), "an object was sent twice");
    client(&stage, &["download", &stage.text("down")]);
    assert_same(&stage.path("down/runs/one"), &stage.local(&raw));
}

#[test]
fn a_busy_hub_is_asked_again_and_expired_addresses_are_renewed() {
    let Some(stage) = Stage::start() else { return };
    let raw = stage.raw_of_all_kinds();
    let (asked, denied) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let harmful = proxy(&stage.servers.http, move |request, _| match asked.fetch_add(1, Ordering::SeqCst) {
        n if n % 4 == 1 => Harm::Busy,
        // The answer is lost: it was done nevertheless.
        n if n % 5 == 2 && request.starts_with("POST") && !request.contains("/storage/") => Harm::Cut,
        _ if request.starts_with("PUT") && denied.fetch_add(1, Ordering::SeqCst) == 2 => Harm::Denied,
        _ => Harm::None,
    });
    run(&mut at(&stage, &harmful, "hf_test"), &["clean", raw.to_str().unwrap(), OUT, "--quiet"], 0);
    client(&stage, &["download", &stage.text("down")]);
    assert_same(&stage.path("down/runs/one"), &stage.local(&raw));
}

#[test]
fn what_the_hub_would_refuse_is_refused_before_the_first_byte() {
    let Some(stage) = Stage::start() else { return };
    let raw = stage.demo_raw();
    let cases = [
        ("", OUT, "there is no token for the hub"),
        ("hf_wrong", OUT, "check the name, and that HF_TOKEN is valid"),
        ("hf_reader", OUT, "the token may not write to datasets/org/name"),
        ("hf_test", "hf://datasets/org/none", "the hub has no repository datasets/org/none"),
        ("hf_test", "hf://datasets/org/name@v1/runs", "`v1` is no branch"),
        ("hf_test", "hf://org/model", "a run is a data set"),
        ("hf_test", "hf://datasets/org", "names no repository"),
    ];
    for (token, out, message) in cases {
        let told = stderr(&run(
            &mut at(&stage, &stage.servers.http, token),
            &["clean", raw.to_str().unwrap(), out],
            2,
        ));
        assert!(told.contains(message) && told.contains(out), "{out}: {told}");
    }
    // The token may lie where `hf auth login` puts it.
    fs::create_dir_all(stage.path("home")).unwrap();
    fs::write(stage.path("home/token"), "hf_test\n").unwrap();
    let mut command = at_hub(&stage);
    run(command.env_remove("HF_TOKEN"), &["clean", raw.to_str().unwrap(), OUT, "--quiet"], 0);
    assert_eq!(told(&stage).0.len(), 3);
}
