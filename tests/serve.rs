//! `corpus serve`, asked over a socket of this machine.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::support::{clean, corpus, demo_pages, demo_raw, integers, run, stderr, stdout, table, texts};

/// A text that would do harm wherever it were taken for markup.
const HOSTILE: &str =
    "</script><script>window.harm = 1</script><img src=x onerror=\"window.harm = 2\"> \u{202e} ' \" & \u{1}";

/// A server that ends with the test.
pub struct Served {
    child: Child,
    pub url: String,
    /// `127.0.0.1:4000`
    address: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was answered: status, headers in lower case, body.
struct Answer(u16, String, String);

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.2).unwrap_or_else(|_| panic!("{}", self.2))
    }
}

impl Served {
    pub fn start(out: &Path, flags: &[&str]) -> Served {
        let mut command = corpus();
        command.arg("serve").arg(out).args(["--port", "0", "--quiet"]).args(flags);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        let address = url.trim_start_matches("http://").split('/').next().unwrap().to_owned();
        Served { child, url, address }
    }

    /// Sends a request as it is written, and reads to the end.
    fn send(&self, head: &str, body: &[u8]) -> Answer {
        let port = self.address.rsplit(':').next().unwrap();
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        stream.write_all(format!("{head}\r\n{length}Connection: close\r\n\r\n").as_bytes()).unwrap();
        // A body that is refused may not be read to its end.
        let _ = stream.write_all(body);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Answer(status, head.to_lowercase(), body.to_owned())
    }

    fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {}", self.address), b"")
    }

    fn judge(&self, page: &[u8]) -> Answer {
        self.send(&format!("POST /judge HTTP/1.1\r\nHost: {}", self.address), page)
    }
}

/// The demo with a hostile document, cleaned.
pub fn finished(folder: &Path) -> PathBuf {
    let raw = demo_raw(folder);
    let hostile = serde_json::json!({ "id": HOSTILE, "url": "javascript:alert(1)", "text": HOSTILE });
    fs::write(raw.join("hostile.jsonl"), format!("{hostile}\n")).unwrap();
    let out = folder.join("out");
    clean(&[&raw], &out, &["--quiet", "--rejected", "all"], 0);
    out
}

#[test]
fn a_finished_run_is_a_page_and_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let out = finished(folder.path());
    let served = Served::start(&out, &[]);
    assert!(served.url.starts_with("http://127.0.0.1:") && !served.url.contains("token"), "{}", served.url);
    for path in ["/", "/documents", "/judge"] {
        let Answer(status, headers, page) = served.get(path);
        assert_eq!(status, 200, "{path}: {page}");
        for header in [
            "content-type: text/html; charset=utf-8",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "cross-origin-resource-policy: same-origin",
            "referrer-policy: no-referrer",
            "content-security-policy: default-src 'none'; script-src 'sha256-",
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ] {
            assert!(headers.contains(header), "{path}: {header}: {headers}");
        }
        assert!(!headers.contains("access-control"), "{headers}");
        assert_eq!(page.matches("<script").count(), 2, "{path}: the data and the script");
        assert!(!page.contains("window.harm = 1</script>"), "{path}");
    }
    let report: Value = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    let numbers = served.get("/run.json");
    assert_eq!(numbers.json()["run"]["tally"]["kept"], report["tally"]["kept"]);
    assert!(numbers.1.contains("content-security-policy: default-src 'none'"), "{}", numbers.1);
    let live = served.get("/live.json").json();
    assert_eq!(
        (&live["state"], &live["live"], &live["training"]),
        (&"finished".into(), &Value::Null, &Value::Null)
    );
}

#[test]
fn nobody_else_is_answered_and_no_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(&finished(folder.path()), &[]);
    let host = format!("Host: {}", served.address);
    let status = |head: &str| served.send(head, b"").0;
    assert_eq!(status(&format!("GET /run.json HTTP/1.1\r\n{host}")), 200);
    assert_eq!(status("GET /run.json HTTP/1.1\r\nHost: evil.example"), 421);
    assert_eq!(status(&format!("GET /run.json HTTP/1.1\r\n{host}\r\nOrigin: https://evil.example")), 403);
    assert_eq!(status(&format!("GET /run.json HTTP/1.1\r\n{host}\r\nSec-Fetch-Site: cross-site")), 403);
    assert_eq!(status(&format!("OPTIONS /run.json HTTP/1.1\r\n{host}")), 405);
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(status(&format!("{method} /documents.json HTTP/1.1\r\n{host}")), 405);
    }
    let crossed = format!("POST /judge HTTP/1.1\r\n{host}\r\nOrigin: https://evil.example");
    assert_eq!(served.send(&crossed, b"A page.").0, 403);
    for path in [
        "/../manifest.json",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2fmanifest.json",
        "//etc/passwd",
        "/report.json",
        "/ledger/00000.parquet",
        "/documents/../../manifest.json",
    ] {
        let Answer(status, _, body) = served.get(path);
        assert_eq!((status, body.contains("recipe")), (404, false), "{path}: {body}");
    }
    for query in ["", "?shard=../0&row=0", "?shard=0&row=-1", "?shard=99&row=0", "?shard=4294967297&row=0"] {
        let Answer(status, _, body) = served.get(&format!("/document.json{query}"));
        assert_eq!(status, 422, "{query}: {body}");
        assert!(body.contains("error"), "{body}");
    }
}

#[test]
fn beyond_this_machine_a_token_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(&finished(folder.path()), &["--bind", "0.0.0.0"]);
    let (_, token) = served.url.split_once("/?token=").unwrap();
    assert_eq!(token.len(), 32);
    assert_eq!(served.get("/").0, 401);
    assert_eq!(served.get("/live.json?token=00000000000000000000000000000000").0, 401);
    let Answer(status, headers, _) = served.get(&format!("/?token={token}"));
    assert_eq!(status, 303, "{headers}");
    assert!(
        headers.contains("location: /\r\n") && headers.contains("httponly; samesite=strict"),
        "{headers}"
    );
    let cookie = headers.split("set-cookie: ").nth(1).unwrap().split(';').next().unwrap();
    let with = format!("GET /live.json HTTP/1.1\r\nHost: node7:80\r\nCookie: {cookie}");
    assert_eq!(served.send(&with, b"").0, 200);
    let Answer(_, headers, _) = served.get(&format!("//evil.example/?token={token}"));
    assert!(headers.contains("location: /evil.example/\r\n"), "{headers}");
}

#[test]
fn a_page_is_judged_as_inspect_judges_it() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(&finished(folder.path()), &[]);
    let text = "This is what the weather was like when we came back from the hills to the old town.\nLorem ipsum { }\n";
    let html =
        format!("<html><body><p>{text}</p><p>Please read the terms of use of this page.</p></body></html>");
    for (name, page) in [("page.txt", text), ("page.html", &html)] {
        let path = folder.path().join(name);
        fs::write(&path, page).unwrap();
        let inspected = run(&["inspect", "--file", path.to_str().unwrap(), "--format", "json"]);
        let inspected: Value = serde_json::from_str(&stdout(&inspected)).unwrap();
        let judged = served.judge(page.as_bytes()).json();
        let verdicts = |of: &Value| -> Vec<(Value, Value)> {
            let recipes = of["recipes"].as_array().unwrap().iter();
            recipes.map(|one| (one["recipe"].clone(), one["failed"].clone())).collect()
        };
        assert_eq!(verdicts(&judged), verdicts(&inspected));
        assert_eq!(verdicts(&judged).len(), plan::recipes::EMBEDDED.len());
        let mut marked = 0;
        for recipe in judged["recipes"].as_array().unwrap() {
            let pieces = recipe["seen"][0]["pieces"].as_array().unwrap();
            let text: String = pieces.iter().map(|piece| piece["text"].as_str().unwrap()).collect();
            assert_eq!(text.len() as u64, judged["bytes"].as_u64().unwrap(), "{name}: the whole text");
            let is_marked = |piece: &&Value| !piece["marks"].as_array().unwrap().is_empty();
            marked += pieces
                .iter()
                .filter(is_marked)
                .filter(|it| it["text"].as_str().unwrap().contains("orem"))
                .count();
        }
        assert!(marked > 0, "{name}: lorem ipsum is marked: {judged}");
    }
    let Answer(status, _, body) = served.judge(b"  \n");
    assert!(status == 422 && body.contains("paste a text"), "{body}");
    assert_eq!(served.judge(&vec![b'a'; 5 << 20]).0, 413);
    let hostile = served.judge(HOSTILE.as_bytes()).json();
    assert_eq!(hostile["recipes"].as_array().unwrap().len(), plan::recipes::EMBEDDED.len());
}

#[test]
fn a_document_is_shown_as_inspect_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = finished(folder.path());
    let served = Served::start(&out, &[]);
    let ledger = table(&out, "ledger");
    let (ids, rows) = (texts(&ledger, "id"), integers(&ledger, "row"));
    let shards = crate::support::shards_of(&ledger);
    let (mut n_texts, mut n_twins) = (0, 0);
    for (at, id) in ids.iter().enumerate() {
        let place = format!("shard={}&row={}", shards[at], rows[at].unwrap());
        let shown = served.get(&format!("/document.json?{place}")).json();
        assert_eq!(shown["id"].as_str(), id.as_deref());
        let inspected =
            run(&["inspect", out.to_str().unwrap(), "--id", id.as_deref().unwrap(), "--format", "json"]);
        let inspected: Vec<Value> =
            stdout(&inspected).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        // Ids may repeat.
        let Some(same) =
            inspected.iter().find(|it| it["bytes"] == shown["bytes"] && it["reasons"] == shown["reasons"])
        else {
            panic!("{id:?}: {shown}")
        };
        if inspected.len() == 1 {
            for key in ["text", "kept", "duplicate_of", "duplicate_of_text", "similarity", "language"] {
                assert_eq!(shown[key], same[key], "{id:?}: {key}");
            }
        }
        n_texts += usize::from(shown["text"].is_string());
        n_twins += usize::from(shown["duplicate_of_text"].is_string());
        if let Some(text) = shown["text"].as_str() {
            let pieces = shown["seen"][0]["pieces"].as_array().unwrap().iter();
            assert_eq!(pieces.map(|piece| piece["text"].as_str().unwrap()).collect::<String>(), text);
        }
    }
    assert!(n_texts > 20 && n_twins > 2, "{n_texts} texts, {n_twins} twins");
}

/// A signal for a process.
fn signal(name: &str, child: &Child) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn a_run_at_work_can_be_watched_and_a_killed_one_too() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("raw.jsonl");
    fs::write(&raw, demo_pages(0..200)).unwrap();
    let out = folder.path().join("out");
    let start = || {
        let mut command = corpus();
        command.arg("clean").args([&raw, &out]).args([
            "--quiet",
            "--segment-bytes",
            "64KiB",
            "--threads",
            "1",
        ]);
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    let live_path = out.join(".work/live.json");
    let told = || -> Option<Value> { serde_json::from_slice(&fs::read(&live_path).ok()?).ok() };
    let mut first = start();
    // Until something is counted; then the run stands still.
    while told().is_none_or(|live| live["run"]["tally"]["input"]["documents"] == 0) {
        assert!(first.try_wait().unwrap().is_none(), "the run ended before it told anything");
    }
    signal("-STOP", &first);
    let served = Served::start(&out, &[]);
    let now = served.get("/live.json").json();
    assert_eq!(now["state"], "running");
    let live = &now["live"];
    let number = |key: &str| live[key].as_u64().unwrap();
    let by_reason: u64 =
        live["reasons"].as_array().unwrap().iter().map(|it| it["documents"].as_u64().unwrap()).sum();
    assert_eq!(number("documents"), number("kept_documents") + by_reason, "{live}");
    assert!(number("done_bytes") <= number("total_bytes") && number("memory_bytes") > 1 << 20, "{live}");
    assert_eq!(live["phase"], "sweep");
    let page = served.get("/run.json").json();
    assert_eq!(page["run"]["tally"]["input"]["documents"], live["documents"]);
    assert!(served.get("/").2.contains("gopher_quality"), "the same page");

    signal("-KILL", &first);
    first.wait().unwrap();
    let file = fs::File::options().write(true).open(&live_path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    let now = served.get("/live.json").json();
    assert_eq!((&now["state"], &now["live"]["documents"]), (&"stopped".into(), &live["documents"]));

    // The same command goes on from what is swept: what is told begins there.
    let swept = documents_of_receipts(&out);
    let last_words = told();
    let mut second = start();
    let mut least = u64::MAX;
    while second.try_wait().unwrap().is_none() {
        let live = told().filter(|live| live["phase"] == "sweep" && live["has_ended"] == false);
        // The killed run's last words stand there until the second one has spoken.
        if let Some(live) = live.filter(|live| Some(live) != last_words.as_ref()) {
            least = least.min(live["run"]["tally"]["input"]["documents"].as_u64().unwrap());
        }
    }
    assert!(least >= swept, "told of {least} documents, {swept} were swept");
    let now = served.get("/live.json").json();
    assert_eq!((&now["state"], &now["live"]), (&"finished".into(), &Value::Null));
    let report: Value = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(served.get("/run.json").json()["run"]["tally"]["input"], report["tally"]["input"]);
    assert!(!out.join(".work").exists());
}

fn documents_of_receipts(out: &Path) -> u64 {
    let folder = out.join(".work/sweep/00000");
    let paths = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let receipts = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    receipts
        .map(|path| {
            serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap()["rows"].as_u64().unwrap()
        })
        .sum()
}

#[test]
fn what_cannot_be_served_is_told_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    let output = run(&["serve", absent.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("corpus clean raw/"), "{}", stderr(&output));
    let served = Served::start(folder.path(), &[]);
    assert_eq!(served.get("/live.json").json()["state"], "nothing");
    assert_eq!(served.get("/").0, 200);
    let port = served.address.rsplit(':').next().unwrap();
    let output = run(&["serve", folder.path().to_str().unwrap(), "--port", port]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--port"), "{}", stderr(&output));
    let documents = served.get("/documents.json").json();
    let expected = if cfg!(feature = "browse") { "when the run is finished" } else { "--features browse" };
    assert!(documents["error"].as_str().unwrap().contains(expected), "{documents}");
}

/// Of every document: does it lie in the ledger's answer?
#[cfg(feature = "browse")]
#[test]
fn the_ledger_is_looked_through() {
    let folder = tempfile::tempdir().unwrap();
    let out = finished(folder.path());
    let served = Served::start(&out, &[]);
    let ledger = table(&out, "ledger");
    let (ids, reasons, bytes) = (texts(&ledger, "id"), texts(&ledger, "reason"), integers(&ledger, "bytes"));
    let urls = texts(&ledger, "url");
    let words = crate::support::numbers(&ledger, "gopher_quality.words");
    let found = |query: &str| -> (usize, Vec<String>) {
        let list = served.get(&format!("/documents.json?{query}")).json();
        assert!(list["error"].is_null(), "{query}: {list}");
        let rows = list["rows"].as_array().unwrap().iter();
        let ids = rows.map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        (list["count"].as_u64().unwrap() as usize, ids)
    };
    let expected = |is_wanted: &dyn Fn(usize) -> bool| -> (usize, Vec<String>) {
        let all: Vec<String> =
            (0..ids.len()).filter(|at| is_wanted(*at)).map(|at| ids[at].clone().unwrap()).collect();
        (all.len(), all.into_iter().take(50).collect())
    };
    let has = |text: &Option<String>, part: &str| {
        text.as_ref().is_some_and(|text| text.to_lowercase().contains(part))
    };
    assert_eq!(found(""), expected(&|_| true));
    assert_eq!(found("kept=yes"), expected(&|at| reasons[at].is_none()));
    let reason = "gopher_quality.too_few_words";
    assert_eq!(found(&format!("reason={reason}")), expected(&|at| reasons[at].as_deref() == Some(reason)));
    assert!(found(&format!("any={reason}")).0 >= found(&format!("reason={reason}")).0);
    assert_eq!(found("q=ESSAY"), expected(&|at| has(&ids[at], "essay") || has(&urls[at], "essay")));
    // A text's letters stand for themselves.
    assert_eq!(found("q=%25"), expected(&|at| has(&ids[at], "%") || has(&urls[at], "%")));
    assert_eq!(found("q=_"), expected(&|at| has(&ids[at], "_") || has(&urls[at], "_")));
    let between = |at: usize| words[at].is_some_and(|words| (60.0..=90.0).contains(&words));
    assert_eq!(found("range=gopher_quality.words:60:90"), expected(&between));
    assert!(found("range=gopher_quality.words:60:90").0 > 0);
    let in_domain = |at: usize| {
        let host =
            urls[at].as_deref().and_then(|url| url.split("//").nth(1)?.split('/').next().map(str::to_owned));
        host.is_some_and(|host| host == "example" || host.ends_with(".example"))
    };
    assert_eq!(found("domain=example"), expected(&in_domain));
    let mut by_size: Vec<usize> = (0..ids.len()).collect();
    by_size.sort_by_key(|at| std::cmp::Reverse(bytes[*at]));
    let largest: Vec<String> = by_size.iter().take(50).map(|at| ids[*at].clone().unwrap()).collect();
    assert_eq!(found("sort=-bytes").1, largest);
    let (count, second) = found("page=1");
    assert_eq!((count, second.first()), (ids.len(), ids[50].as_ref()));
    for (query, why) in [
        ("range=nothing.words:1:2", "no column"),
        ("range=id:1:2", "holds no numbers"),
        ("sort=nothing", "no column"),
        ("page=x", "page=x"),
        ("drop=table", "not understood"),
    ] {
        let list = served.get(&format!("/documents.json?{query}")).json();
        assert!(list["error"].as_str().unwrap().contains(why), "{query}: {list}");
    }
    let hostile = served.get("/documents.json?q=onerror").json();
    assert_eq!(hostile["rows"][0]["id"].as_str().unwrap(), HOSTILE);
}

/// A Python with playwright is named by CORPUS_TEST_BROWSER_PYTHON; Chromium lies where Debian puts it.
#[test]
fn a_browser_draws_the_pages() {
    let Ok(python) = std::env::var("CORPUS_TEST_BROWSER_PYTHON") else {
        eprintln!("skipped: CORPUS_TEST_BROWSER_PYTHON names no Python with playwright");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = finished(folder.path());
    let served = Served::start(&out, &[]);
    let settings: BTreeMap<&str, &str> =
        BTreeMap::from([("gopher_quality.too_few_words", "120"), ("gopher_quality.too_few_stop_words", "6")]);
    let mut expected = serde_json::Map::new();
    for (check, value) in settings {
        let told = run(&["what-if", out.to_str().unwrap(), &format!("{check}={value}"), "--format", "json"]);
        let told: Value = serde_json::from_str(&stdout(&told)).unwrap();
        expected.insert(check.to_owned(), serde_json::json!({ "value": value, "told": told }));
    }
    let expected = Value::Object(expected);
    let has_browse = if cfg!(feature = "browse") { "browse" } else { "no-browse" };
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser.py"))
        .args([&served.url, out.join("report.html").to_str().unwrap(), &expected.to_string(), has_browse])
        .output()
        .unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("the pages are drawn"), "{text}");
}
