//! Object stores through the binary: what comes from a store or goes there has the bytes of a folder of this machine.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use shards::{Manifest, ParquetSink, SinkOptions};

use crate::determinism::many_pages;
use crate::store_servers::{Harm, Servers, corpus_at, get, keys, proxy, put, put_folder};
use crate::support::{clean, demo_raw, stderr, stdout, tree};

/// Several ranges of lines.
fn some_pages() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.jsonl");
    many_pages(&path);
    let mut bytes = fs::read(path).unwrap();
    bytes.truncate(5 << 20);
    bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').unwrap() + 1);
    bytes
}

/// Every kind of file, and what is left out.
fn raw_of_all_kinds(folder: &Path) -> PathBuf {
    let raw = demo_raw(folder);
    let pages = fs::read(raw.join("pages.jsonl")).unwrap();
    let many = some_pages();
    fs::write(raw.join("many.jsonl"), &many).unwrap();
    fs::write(raw.join("more/many.jsonl.zst"), zstd::encode_all(&many[..], 3).unwrap()).unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&pages).unwrap();
    fs::write(raw.join("a b.jsonl.gz"), gz.finish().unwrap()).unwrap();
    fs::write(raw.join(".hidden.jsonl"), &pages).unwrap();
    fs::write(raw.join("empty.jsonl"), b"").unwrap();
    fs::write(raw.join("picture.bin"), b"\0\x01\x02").unwrap();
    let texts: Vec<String> =
        (0..4_000).map(|n| format!("{n}: {}", "words of a page. ".repeat(n % 90))).collect();
    let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, false)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(StringArray::from(texts))]).unwrap();
    let options = SinkOptions { row_group_rows: 700, ..SinkOptions::default() };
    let mut sink = ParquetSink::create(&raw.join("table.parquet"), schema, &options).unwrap();
    sink.write(&batch).unwrap();
    sink.commit().unwrap();
    raw
}

fn run(command: &mut Command, args: &[&str], code: i32) -> Output {
    let output = command.args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{}{}", stdout(&output), stderr(&output));
    output
}

/// The files of a run but for its manifest and report, which name what was read.
fn files(out: &Path) -> Vec<(String, Vec<u8>)> {
    let named = ["manifest.json", "report.json", "report.html"];
    tree(out).into_iter().filter(|(name, _)| !named.contains(&name.as_str())).collect()
}

fn assert_same(found: &[(String, Vec<u8>)], expected: &[(String, Vec<u8>)]) {
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(found), names(expected));
    for ((name, a), (_, b)) in found.iter().zip(expected) {
        assert!(a == b, "{name} differs");
    }
}

/// What a run left in a bucket.
fn fetched(s3: &str, bucket: &str, prefix: &str, folder: &Path) -> PathBuf {
    for key in keys(s3, bucket) {
        if let Some(name) = key.strip_prefix(prefix) {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, get(s3, &format!("/{bucket}/{key}")).unwrap()).unwrap();
        }
    }
    folder.to_path_buf()
}

#[test]
fn s3_in_and_out_gives_the_bytes_of_folders() {
    let folder = tempfile::tempdir().unwrap();
    let Some(servers) = Servers::start(folder.path()) else { return };
    let (s3, scratch) = (&servers.s3, folder.path().join("scratch"));
    let raw = raw_of_all_kinds(folder.path());
    let local = folder.path().join("local");
    clean(&[&raw], &local, &["--quiet"], 0);
    let expected = files(&local);
    put(s3, "/lake", b"");
    put_folder(s3, &raw, "lake/crawl/raw");
    // What some tools write to stand for a folder.
    put(s3, "/lake/crawl/raw/", b"");

    let out = folder.path().join("out");
    run(
        &mut corpus_at(s3, &scratch),
        &["clean", "s3://lake/crawl/raw/", out.to_str().unwrap(), "--quiet"],
        0,
    );
    assert_same(&files(&out), &expected);
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
        let again = run(&mut corpus_at(s3, &scratch), &args, 0);
        assert!(stderr(&again).contains("nothing was done"), "{}", stderr(&again));
    }

    let to = "s3://lake/out/one/";
    let told = run(&mut corpus_at(s3, &scratch), &["clean", "s3://lake/crawl/raw", to], 0);
    assert!(stderr(&told).contains("s3://lake/out/one/"), "{}", stderr(&told));
    assert_same(&files(&fetched(s3, "lake", "out/one/", &folder.path().join("fetched"))), &expected);
    let left: Vec<_> = fs::read_dir(&scratch).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");

    let done = run(&mut corpus_at(s3, &scratch), &["clean", "s3://lake/crawl/raw", to], 0);
    assert!(stderr(&done).contains("nothing was done"), "{}", stderr(&done));
    let other =
        run(&mut corpus_at(s3, &scratch), &["clean", "s3://lake/crawl/raw", to, "--recipe", "gopher"], 2);
    assert!(
        stderr(&other).contains("s3://lake/out/one/ holds a run with another recipe"),
        "{}",
        stderr(&other)
    );
    let json = run(&mut corpus_at(s3, &scratch), &["report", to, "--format", "json"], 0);
    let report: serde_json::Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(report["inputs"]["files"], here.inputs.len());
    let dropped = run(&mut corpus_at(s3, &scratch), &["inspect", to, "--reason", "too_few_words"], 0);
    let dropped_here =
        crate::support::run(&["inspect", local.to_str().unwrap(), "--reason", "too_few_words"]);
    assert_eq!(stdout(&dropped), stdout(&dropped_here));
    run(&mut corpus_at(s3, &scratch), &["explain", "too_few_words", "--out", to], 0);

    // Replaced: what the old manifest lists is gone, what it does not list stays.
    put(s3, "/lake/out/one/notes.txt", b"mine");
    let fresh =
        ["clean", "s3://lake/crawl/raw", to, "--recipe", "gopher", "--fresh", "--quiet", "--no-signatures"];
    run(&mut corpus_at(s3, &scratch), &fresh, 0);
    let now = keys(s3, "lake");
    assert!(now.contains(&"out/one/notes.txt".to_owned()));
    assert!(
        !now.iter().any(|key| key.starts_with("out/one/signatures") || key.ends_with("corpus.lock")),
        "{now:?}"
    );
}

#[test]
fn one_run_at_a_time_writes_to_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let Some(servers) = Servers::start(folder.path()) else { return };
    let (s3, scratch) = (&servers.s3, folder.path().join("scratch"));
    let raw = demo_raw(folder.path());
    let raw = raw.to_str().unwrap();
    put(s3, "/lake", b"");
    put(s3, "/lake/out/corpus.lock", b"process 1 on elsewhere");
    let locked = run(&mut corpus_at(s3, &scratch), &["clean", raw, "s3://lake/out"], 2);
    let told = stderr(&locked);
    assert!(
        told.contains("process 1 on elsewhere") && told.contains("remove s3://lake/out/corpus.lock"),
        "{told}"
    );
    // Before the first byte: nothing was written, and a recipe that cannot be used leaves no lock.
    assert_eq!(keys(s3, "lake"), ["out/corpus.lock"]);
    run(&mut corpus_at(s3, &scratch), &["clean", "nowhere/", "s3://lake/other"], 2);
    assert_eq!(keys(s3, "lake"), ["out/corpus.lock"]);
}

#[test]
fn a_run_that_is_killed_while_it_sends_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let Some(servers) = Servers::start(folder.path()) else { return };
    let (s3, scratch) = (&servers.s3, folder.path().join("scratch"));
    let raw = demo_raw(folder.path());
    let local = folder.path().join("local");
    clean(&[&raw], &local, &["--quiet"], 0);
    put(s3, "/lake", b"");
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
    let mut child = corpus_at(&slow, &scratch).args(args).spawn().unwrap();
    while sent.load(Ordering::SeqCst) < 4 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(get(s3, "/lake/out/manifest.json").is_none(), "no manifest stands over a part");
    let before = sent.load(Ordering::SeqCst);
    run(&mut corpus_at(&slow, &scratch), &args, 0);
    assert_same(&files(&fetched(s3, "lake", "out/", &folder.path().join("fetched"))), &files(&local));
    let all = files(&local).len() + 3;
    assert!(sent.load(Ordering::SeqCst) - before < all, "what was sent is not sent again");
}

#[test]
fn busy_and_breaking_servers_are_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let Some(servers) = Servers::start(folder.path()) else { return };
    let (s3, scratch) = (&servers.s3, folder.path().join("scratch"));
    let raw = raw_of_all_kinds(folder.path());
    let local = folder.path().join("local");
    clean(&[&raw], &local, &["--quiet"], 0);
    put(s3, "/lake", b"");
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
    run(&mut corpus_at(&harmful, &scratch), &["clean", "s3://lake/raw/", "s3://lake/out/", "--quiet"], 0);
    assert_same(&files(&fetched(s3, "lake", "out/", &folder.path().join("fetched"))), &files(&local));
    assert!(harmed.load(Ordering::SeqCst) >= 20, "{harmed:?}");
}

#[test]
fn what_cannot_be_read_or_changes_is_quarantined() {
    let folder = tempfile::tempdir().unwrap();
    let Some(servers) = Servers::start(folder.path()) else { return };
    let (s3, scratch) = (servers.s3.clone(), folder.path().join("scratch"));
    let raw = demo_raw(folder.path());
    let pages = fs::read(raw.join("pages.jsonl")).unwrap();
    let many = some_pages();
    put(&s3, "/lake", b"");
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
    let out = folder.path().join("out");
    let mut command = corpus_at(&harmful, &scratch);
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
    let folder = tempfile::tempdir().unwrap();
    let Some(servers) = Servers::start(folder.path()) else { return };
    let (s3, scratch) = (servers.s3.clone(), folder.path().join("scratch"));
    let raw = folder.path().join("raw");
    fs::create_dir(&raw).unwrap();
    let many = some_pages();
    ["a.jsonl", "b.jsonl", "c.jsonl"].iter().for_each(|name| fs::write(raw.join(name), &many).unwrap());
    put(&s3, "/lake", b"");
    put_folder(&s3, &raw, "lake/raw");
    let out = folder.path().join("out");
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
    let mut command = corpus_at(&dying, &scratch);
    let stopped = run(command.env("CORPUS_STORE_RETRIES", "1"), &args, 2);
    let told = stderr(&stopped);
    assert!(told.contains("s3://lake/raw/") && told.contains("the store does not answer"), "{told}");
    assert!(told.contains("run the same command again") && !out.join("manifest.json").exists(), "{told}");
    run(&mut corpus_at(&s3, &scratch), &args, 0);
    let local = folder.path().join("local");
    clean(&[&raw], &local, &["--quiet"], 0);
    assert_same(&files(&out), &files(&local));
}

#[test]
fn gs_in_and_out_gives_the_bytes_of_folders() {
    let folder = tempfile::tempdir().unwrap();
    let Some(servers) = Servers::start(folder.path()) else { return };
    let (google, scratch) = (proxy(&servers.s3, |_, _| Harm::None), folder.path().join("scratch"));
    let raw = raw_of_all_kinds(folder.path());
    let local = folder.path().join("local");
    clean(&[&raw], &local, &["--quiet"], 0);
    put(&servers.s3, "/lake", b"");
    put_folder(&servers.s3, &raw, "lake/raw");
    let args = ["clean", "gs://lake/raw/", "gs://lake/out/one/"];
    run(&mut corpus_at(&google, &scratch), &args, 0);
    let fetched = fetched(&servers.s3, "lake", "out/one/", &folder.path().join("fetched"));
    assert_same(&files(&fetched), &files(&local));
    let manifest = Manifest::read(&fetched.join("manifest.json")).unwrap();
    assert!(manifest.inputs.iter().all(|input| input.version.is_some()), "{:?}", manifest.inputs);
    let again = run(&mut corpus_at(&google, &scratch), &args, 0);
    assert!(stderr(&again).contains("nothing was done"), "{}", stderr(&again));
}

#[test]
fn what_names_nothing_fails_before_the_first_byte() {
    let folder = tempfile::tempdir().unwrap();
    let Some(servers) = Servers::start(folder.path()) else { return };
    let (s3, scratch) = (&servers.s3, folder.path().join("scratch"));
    put(s3, "/lake", b"");
    put(s3, "/lake/raw/a.jsonl", b"{\"text\": \"x\"}");
    let raw = demo_raw(folder.path());
    let (raw, out) = (raw.to_str().unwrap(), folder.path().join("out"));
    let out = out.to_str().unwrap();
    let http = servers.http.clone() + "/plain/none.jsonl";
    let cases: [(&[&str], &str); 9] = [
        (&["s3://lake/none/", out], "s3://lake/none/: no such object, nothing below it"),
        (&["s3://lake/raw/*.gz", out], "no such object, nothing below it"),
        (&["s3://nobucket/raw/", out], "there is no such bucket"),
        (&[&http, out], "there is no such object"),
        (&["https://example.org/folder/", out], "a folder cannot be listed over the web"),
        (&["http://example.org/a.jsonl", out], "is not encrypted"),
        (&[raw, "https://example.org/out/"], "nothing can be written over the web"),
        (&[raw, "s3://lake/out", "--shard", "1/2"], "swept into a folder that all machines see"),
        (&[raw, "hf://datasets/org/name/out"], "hf upload"),
    ];
    for (args, message) in cases {
        let args: Vec<&str> = [&["clean"], args].concat();
        let output = run(&mut corpus_at(s3, &scratch), &args, 2);
        assert!(stderr(&output).contains(message), "{args:?}: {}", stderr(&output));
        assert!(!Path::new(out).exists(), "{args:?}");
    }
    // A bucket that is not there is found out before the input is read.
    let output = run(&mut corpus_at(s3, &scratch), &["clean", raw, "s3://nobucket/out"], 2);
    assert!(stderr(&output).contains("there is no such bucket"), "{}", stderr(&output));
}

#[test]
fn the_web_is_read_with_and_without_ranges() {
    let folder = tempfile::tempdir().unwrap();
    let raw = raw_of_all_kinds(folder.path());
    let web = folder.path().join("web");
    fs::create_dir_all(&web).unwrap();
    for name in ["many.jsonl", "more/many.jsonl.zst", "a b.jsonl.gz", "table.parquet"] {
        fs::copy(raw.join(name), web.join(Path::new(name).file_name().unwrap())).unwrap();
    }
    let Some(servers) = Servers::start(folder.path()) else { return };
    let scratch = folder.path().join("scratch");
    let (http, https) = (&servers.http, &servers.https);
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
        let out = folder.path().join(format!("out{number}"));
        let local = folder.path().join(format!("local {name}"));
        if !local.exists() {
            clean(&[&web.join(name)], &local, &["--quiet"], 0);
        }
        let mut command = corpus_at(http, &scratch);
        command.env("SSL_CERT_FILE", &servers.certificate);
        run(&mut command, &["clean", &url, out.to_str().unwrap(), "--quiet"], 0);
        assert_same(&files(&out), &files(&local));
    }
    // A certificate that nobody vouches for is refused.
    let (out, url) = (folder.path().join("refused"), format!("{https}/plain/many.jsonl"));
    let mut command = corpus_at(http, &scratch);
    command.env("CORPUS_STORE_RETRIES", "0");
    run(&mut command, &["clean", &url, out.to_str().unwrap()], 2);
}

#[test]
fn a_repository_of_the_hub_is_read_at_one_commit() {
    let folder = tempfile::tempdir().unwrap();
    let raw = raw_of_all_kinds(folder.path());
    fs::rename(&raw, folder.path().join("hub")).unwrap();
    let raw = folder.path().join("hub");
    let Some(servers) = Servers::start(folder.path()) else { return };
    let scratch = folder.path().join("scratch");
    let hub = |token: &str| {
        let mut command = corpus_at(&servers.s3, &scratch);
        command.env("HF_ENDPOINT", &servers.http).env("HF_TOKEN", token);
        command
    };
    let cases =
        [("", raw.clone()), ("@v1/more/", raw.join("more")), ("/table.parquet", raw.join("table.parquet"))];
    for (number, (place, path)) in cases.into_iter().enumerate() {
        let (out, local) =
            (folder.path().join(format!("out{number}")), folder.path().join(format!("local{number}")));
        clean(&[&path], &local, &["--quiet"], 0);
        let url = format!("hf://datasets/org/name{place}");
        run(&mut hub("hf_test"), &["clean", &url, out.to_str().unwrap(), "--quiet"], 0);
        assert_same(&files(&out), &files(&local));
        let manifest = Manifest::read(&out.join("manifest.json")).unwrap();
        assert!(manifest.inputs[0].version.as_ref().unwrap().starts_with("sha256 "));
    }
    let out = folder.path().join("refused");
    let args = ["clean", "hf://datasets/org/name/more/", out.to_str().unwrap()];
    let refused = run(&mut hub("wrong"), &args, 2);
    assert!(stderr(&refused).contains("set HF_TOKEN"), "{}", stderr(&refused));
    let args = ["clean", "hf://datasets/org/none/", out.to_str().unwrap()];
    assert!(stderr(&run(&mut hub("hf_test"), &args, 2)).contains("no such repository"));
}
