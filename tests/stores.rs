//! Object stores through the binary: what comes from a store or goes there has the bytes of a folder of this machine.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use shards::Manifest;

use crate::store_servers::{Harm, get, keys, proxy, put, put_folder};
use crate::store_stage::{Stage, assert_same, run, some_pages};
use crate::support::{stderr, stdout, tree};

#[test]
fn s3_in_and_out_gives_the_bytes_of_folders() {
    let Some(stage) = Stage::start() else { return };
    let s3 = &stage.servers.s3;
    let raw = stage.raw_of_all_kinds();
    let local = stage.local(&raw);
    put_folder(s3, &raw, "lake/crawl/raw");
    // What some tools write to stand for a folder.
    put(s3, "/lake/crawl/raw/", b"");

    let out = stage.path("out");
    stage.run(&["clean", "s3://lake/crawl/raw/", out.to_str().unwrap(), "--quiet"], 0);
    assert_same(&out, &local);
    let (here, there) =
        (Manifest::read(&local.join("manifest.json")), Manifest::read(&out.join("manifest.json")));
    let (here, there) = (here.unwrap(), there.unwrap());
    for (a, b) in here.inputs.iter().zip(&there.inputs) {
        assert_eq!((&a.path, a.size), (&b.path, b.size));
        assert!(
            a.version.is_none()
                && a.xxh3_128 != b.xxh3_128
                && b.version.as_ref().unwrap().starts_with("etag "),
            "{b:?}"
        );
    }
    assert_eq!((here.outputs.len(), here.skipped.len()), (there.outputs.len(), there.skipped.len()));

    // A pattern that means the same, and both: the same shards once.
    let pattern = "s3://lake/crawl/raw/**/*";
    for inputs in [&[pattern][..], &["s3://lake/crawl/raw", pattern]] {
        let args = [&["clean"], inputs, &[out.to_str().unwrap()]].concat();
        let again = stage.run(&args, 0);
        assert!(stderr(&again).contains("nothing was done"), "{}", stderr(&again));
    }

    let to = "s3://lake/out/one/";
    let told = stage.run(&["clean", "s3://lake/crawl/raw", to], 0);
    assert!(stderr(&told).contains("s3://lake/out/one/"), "{}", stderr(&told));
    assert_same(&stage.fetched("out/one/"), &local);
    let left: Vec<_> = fs::read_dir(stage.path("scratch")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");

    let done = stage.run(&["clean", "s3://lake/crawl/raw", to], 0);
    assert!(stderr(&done).contains("nothing was done"), "{}", stderr(&done));
    let other = stage.run(&["clean", "s3://lake/crawl/raw", to, "--recipe", "gopher"], 2);
    assert!(
        stderr(&other).contains("s3://lake/out/one/ holds a run with another recipe"),
        "{}",
        stderr(&other)
    );
    let json = stage.run(&["report", to, "--format", "json"], 0);
    let report: serde_json::Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(report["inputs"]["files"], here.inputs.len());
    let dropped = stage.run(&["inspect", to, "--reason", "too_few_words"], 0);
    let dropped_here =
        crate::support::run(&["inspect", local.to_str().unwrap(), "--reason", "too_few_words"]);
    assert_eq!(stdout(&dropped), stdout(&dropped_here));
    stage.run(&["explain", "too_few_words", "--out", to], 0);

    // Replaced: what the old manifest lists is gone, what it does not list stays.
    put(s3, "/lake/out/one/notes.txt", b"mine");
    let fresh =
        ["clean", "s3://lake/crawl/raw", to, "--recipe", "gopher", "--fresh", "--quiet", "--no-signatures"];
    stage.run(&fresh, 0);
    let now = keys(s3, "lake");
    assert!(now.contains(&"out/one/notes.txt".to_owned()));
    assert!(
        !now.iter().any(|key| key.starts_with("out/one/signatures") || key.ends_with("corpus.lock")),
        "{now:?}"
    );
}

#[test]
fn one_run_at_a_time_writes_to_a_place() {
    let Some(stage) = Stage::start() else { return };
    let s3 = &stage.servers.s3;
    let raw = stage.demo_raw();
    let raw = raw.to_str().unwrap();
    put(s3, "/lake/out/corpus.lock", b"process 1 on elsewhere");
    let locked = stage.run(&["clean", raw, "s3://lake/out"], 2);
    let told = stderr(&locked);
    assert!(
        told.contains("process 1 on elsewhere") && told.contains("remove s3://lake/out/corpus.lock"),
        "{told}"
    );
    // Before the first byte: nothing was written, and a recipe that cannot be used leaves no lock.
    assert_eq!(keys(s3, "lake"), ["out/corpus.lock"]);
    stage.run(&["clean", "nowhere/", "s3://lake/other"], 2);
    assert_eq!(keys(s3, "lake"), ["out/corpus.lock"]);
}

#[test]
fn a_run_that_is_killed_while_it_sends_goes_on() {
    let Some(stage) = Stage::start() else { return };
    let s3 = &stage.servers.s3;
    let raw = stage.demo_raw();
    let local = stage.local(&raw);
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = sent.clone();
    let slow = proxy(s3, move |request, _| {
        if request.starts_with("PUT") && !request.contains("corpus.lock") {
            counted.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(150));
        }
        Harm::None
    });
    let args = ["clean", raw.to_str().unwrap(), "s3://lake/out", "--quiet"];
    let mut child = stage.command(&slow).args(args).spawn().unwrap();
    while sent.load(Ordering::SeqCst) < 4 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(get(s3, "/lake/out/manifest.json").is_none(), "no manifest stands over a part");
    let before = sent.load(Ordering::SeqCst);
    stage.run_at(&slow, &args, 0);
    assert_same(&stage.fetched("out/"), &local);
    let all = tree(&local).len();
    assert!(sent.load(Ordering::SeqCst) - before < all, "what was sent is not sent again");
}

#[test]
fn busy_and_breaking_servers_are_asked_again() {
    let Some(stage) = Stage::start() else { return };
    let s3 = &stage.servers.s3;
    let raw = stage.raw_of_all_kinds();
    let local = stage.local(&raw);
    put_folder(s3, &raw, "lake/raw");
    let (asked, harmed) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let counted = harmed.clone();
    let harmful = proxy(s3, move |request, _| {
        let harm = match asked.fetch_add(1, Ordering::SeqCst) {
            n if n % 3 == 0 => Harm::Busy,
            n if n % 5 == 0 && request.starts_with("GET") => Harm::Cut,
            _ => Harm::None,
        };
        counted.fetch_add(usize::from(harm != Harm::None), Ordering::SeqCst);
        harm
    });
    stage.run_at(&harmful, &["clean", "s3://lake/raw/", "s3://lake/out/", "--quiet"], 0);
    assert_same(&stage.fetched("out/"), &local);
    assert!(harmed.load(Ordering::SeqCst) >= 20, "{harmed:?}");
}

#[test]
fn what_cannot_be_read_or_changes_is_quarantined() {
    let Some(stage) = Stage::start() else { return };
    let s3 = stage.servers.s3.clone();
    let raw = stage.demo_raw();
    let pages = fs::read(raw.join("pages.jsonl")).unwrap();
    let many = some_pages();
    put(&s3, "/lake/raw/good.jsonl", &pages);
    put(&s3, "/lake/raw/lost.jsonl", &many);
    put(&s3, "/lake/raw/other.jsonl", &many);
    let server = s3.clone();
    let harmful = proxy(&s3, move |request, range| {
        let is_start = range.starts_with("bytes=0-");
        match request {
            "GET /lake/raw/lost.jsonl" if !is_start => return Harm::Denied,
            // It is written anew while it is read.
            "GET /lake/raw/other.jsonl" if !is_start => put(&server, "/lake/raw/other.jsonl", b"{}"),
            _ => {}
        }
        Harm::None
    });
    let out = stage.path("out");
    let mut command = stage.command(&harmful);
    command.env("CORPUS_STORE_RETRIES", "2");
    let output = run(&mut command, &["clean", "s3://lake/raw/", out.to_str().unwrap()], 1);
    let told = stderr(&output);
    let line = |name: &str| told.lines().find(|line| line.contains(name)).unwrap_or_default().to_owned();
    assert!(line("lost.jsonl").contains("403"), "{told}");
    assert!(line("other.jsonl").contains("the object changed after it was listed"), "{told}");
    assert_eq!(Manifest::read(&out.join("manifest.json")).unwrap().quarantined.len(), 2);
    let ids = crate::support::texts(&crate::support::table(&out, "ledger"), "id");
    let good = pages.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    assert!(ids.len() > good, "what came before the fault was read: {} rows", ids.len());
}

#[test]
fn an_outage_stops_a_run_that_goes_on_behind_it() {
    let Some(stage) = Stage::start() else { return };
    let s3 = stage.servers.s3.clone();
    let raw = stage.path("raw");
    fs::create_dir(&raw).unwrap();
    let many = some_pages();
    ["a.jsonl", "b.jsonl", "c.jsonl"].iter().for_each(|name| fs::write(raw.join(name), &many).unwrap());
    put_folder(&s3, &raw, "lake/raw");
    let out = stage.path("out");
    let args = ["clean", "s3://lake/raw/", out.to_str().unwrap()];
    // Of the second file the start alone is given, and from then on nothing.
    let is_down = AtomicBool::new(false);
    let dying = proxy(&s3, move |request, range| {
        let ends = request == "GET /lake/raw/b.jsonl" && !range.starts_with("bytes=0-");
        match is_down.fetch_or(ends, Ordering::SeqCst) || ends {
            true => Harm::Busy,
            false => Harm::None,
        }
    });
    let mut command = stage.command(&dying);
    let stopped = run(command.env("CORPUS_STORE_RETRIES", "1"), &args, 2);
    let told = stderr(&stopped);
    assert!(told.contains("s3://lake/raw/") && told.contains("the store does not answer"), "{told}");
    assert!(told.contains("run the same command again") && !out.join("manifest.json").exists(), "{told}");
    stage.run(&args, 0);
    let local = stage.local(&raw);
    assert_same(&out, &local);
}

#[test]
fn gs_in_and_out_gives_the_bytes_of_folders() {
    let Some(stage) = Stage::start() else { return };
    let google = proxy(&stage.servers.s3, |_, _| Harm::None);
    let raw = stage.raw_of_all_kinds();
    let local = stage.local(&raw);
    put_folder(&stage.servers.s3, &raw, "lake/raw");
    let args = ["clean", "gs://lake/raw/", "gs://lake/out/one/"];
    stage.run_at(&google, &args, 0);
    let fetched = stage.fetched("out/one/");
    assert_same(&fetched, &local);
    let manifest = Manifest::read(&fetched.join("manifest.json")).unwrap();
    assert!(manifest.inputs.iter().all(|input| input.version.is_some()), "{:?}", manifest.inputs);
    let again = stage.run_at(&google, &args, 0);
    assert!(stderr(&again).contains("nothing was done"), "{}", stderr(&again));
}

#[test]
fn a_profile_of_aws_says_where_and_who() {
    let Some(stage) = Stage::start() else { return };
    let raw = stage.demo_raw();
    put_folder(&stage.servers.s3, &raw, "lake/raw");
    let (config, credentials) = (stage.path("config"), stage.path("credentials"));
    let keys = r#"{"Version": 1, "AccessKeyId": "test", "SecretAccessKey": "test"}"#;
    let place = format!("region = us-east-1\nendpoint_url = {}\n", stage.servers.s3);
    let text = format!(
        "[profile keys]\n{place}[profile process]\n{place}credential_process = echo '{keys}'\n\
         [profile broken]\n{place}credential_process = exit 3\n[profile signed-in]\n{place}sso_session = home\n"
    );
    fs::write(&config, text).unwrap();
    fs::write(&credentials, "[keys]\naws_access_key_id = test\naws_secret_access_key = test\n").unwrap();
    let clean = |profile: &str, out: &str, code| {
        let mut command = stage.command("");
        for name in ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"] {
            command.env_remove(name);
        }
        command.env("AWS_PROFILE", profile);
        command.env("AWS_CONFIG_FILE", &config).env("AWS_SHARED_CREDENTIALS_FILE", &credentials);
        stderr(&run(&mut command, &["clean", "s3://lake/raw/", out, "--quiet"], code))
    };
    clean("keys", &stage.text("out"), 0);
    assert_same(&stage.path("out"), &stage.local(&raw));
    clean("process", "s3://lake/out", 0);
    assert_same(&stage.fetched("out/"), &stage.local(&raw));
    let cases = [
        ("nobody", "there is no profile `nobody`"),
        ("broken", "`exit 3` gives no keys (exit status: 3"),
        ("signed-in", "aws configure export-credentials"),
    ];
    for (profile, message) in cases {
        let told = clean(profile, &stage.text("refused"), 2);
        assert!(told.contains(message), "{told}");
    }
}

#[test]
fn what_names_nothing_fails_before_the_first_byte() {
    let Some(stage) = Stage::start() else { return };
    let s3 = &stage.servers.s3;
    put(s3, "/lake/raw/a.jsonl", b"{\"text\": \"x\"}");
    let (raw, out) = (stage.demo_raw(), stage.path("out"));
    let (raw, out) = (raw.to_str().unwrap(), out.to_str().unwrap());
    let http = stage.servers.http.clone() + "/plain/none.jsonl";
    let cases: [(&[&str], &str); 8] = [
        (&["s3://lake/none/", out], "s3://lake/none/: no such object, nothing below it"),
        (&["s3://lake/raw/*.gz", out], "no such object, nothing below it"),
        (&["s3://nobucket/raw/", out], "there is no such bucket"),
        (&[&http, out], "there is no such object"),
        (&["https://example.org/folder/", out], "a folder cannot be listed over the web"),
        (&["http://example.org/a.jsonl", out], "is not encrypted"),
        (&[raw, "https://example.org/out/"], "nothing can be written over the web"),
        (&[raw, "s3://lake/out", "--shard", "1/2"], "swept into a folder that all machines see"),
    ];
    for (args, message) in cases {
        let args: Vec<&str> = [&["clean"], args].concat();
        let output = stage.run(&args, 2);
        assert!(stderr(&output).contains(message), "{args:?}: {}", stderr(&output));
        assert!(!Path::new(out).exists(), "{args:?}");
    }
    // A bucket that is not there is found out before the input is read.
    let output = stage.run(&["clean", raw, "s3://nobucket/out"], 2);
    assert!(stderr(&output).contains("there is no such bucket"), "{}", stderr(&output));
}

#[test]
fn the_web_is_read_with_and_without_ranges() {
    let Some(stage) = Stage::start() else { return };
    let raw = stage.raw_of_all_kinds();
    let web = stage.path("web");
    fs::create_dir_all(&web).unwrap();
    for name in ["many.jsonl", "more/many.jsonl.zst", "a b.jsonl.gz", "table.parquet"] {
        fs::copy(raw.join(name), web.join(Path::new(name).file_name().unwrap())).unwrap();
    }
    let (http, https) = (&stage.servers.http, &stage.servers.https);
    let cases = [
        (format!("{https}/plain/many.jsonl"), "many.jsonl"),
        (format!("{https}/plain/a%20b.jsonl.gz"), "a b.jsonl.gz"),
        (format!("{https}/plain/table.parquet"), "table.parquet"),
        (format!("{http}/asked/many.jsonl.zst?signature=a%2Fb"), "many.jsonl.zst"),
        (format!("{http}/moved/table.parquet"), "table.parquet"),
        (format!("{http}/whole/many.jsonl.zst"), "many.jsonl.zst"),
        (format!("{http}/whole/many.jsonl"), "many.jsonl"),
    ];
    for (number, (url, name)) in cases.into_iter().enumerate() {
        let out = stage.path(&format!("out{number}"));
        let mut command = stage.command(http);
        command.env("SSL_CERT_FILE", &stage.servers.certificate);
        run(&mut command, &["clean", &url, out.to_str().unwrap(), "--quiet"], 0);
        assert_same(&out, &stage.local(&web.join(name)));
    }
    // A certificate that nobody vouches for is refused.
    let (out, url) = (stage.path("refused"), format!("{https}/plain/many.jsonl"));
    let mut command = stage.command(http);
    command.env("CORPUS_STORE_RETRIES", "0");
    run(&mut command, &["clean", &url, out.to_str().unwrap()], 2);
}
