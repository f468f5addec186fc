//! Crawls through the binary: WARC in, documents with their addresses and dates out.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use shards::Manifest;

use crate::clean::check_invariants;
use crate::support::{clean, real_data, run, shards_of, stderr, stdout, table, texts, tree};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn record(kind: &str, fields: &str, content: &str) -> String {
    let length = content.len();
    format!("WARC/1.1\r\nWARC-Type: {kind}\r\n{fields}Content-Length: {length}\r\n\r\n{content}\r\n\r\n")
}

fn response(n: usize, status: &str, content_type: &str, body: &str) -> String {
    let fields = format!(
        "WARC-Record-ID: <urn:uuid:{n:08}>\r\nWARC-Target-URI: https://example.org/{n}\r\n\
         WARC-Date: 2024-05-18T01:58:{n:02}Z\r\nWARC-Payload-Digest: sha1:{n:032}\r\n\
         Content-Type: application/http; msgtype=response\r\n"
    );
    record("response", &fields, &format!("HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n\r\n{body}"))
}

fn page(n: usize) -> String {
    let paragraph = |i: usize| {
        format!(
            "<p>This is paragraph {i} of page {n}, and it tells the reader how the {i}th of many small wheels turns \
             with the others, until all of them have turned and the mill stands still again.</p>"
        )
    };
    let body: String = (0..6).map(paragraph).collect();
    format!("<!doctype html><html lang=\"en\"><head><title>Page {n}</title></head><body>{body}</body></html>")
}

/// A crawl file of one member a record, and the recipe that only extracts.
fn crawl(folder: &Path) -> (PathBuf, PathBuf) {
    let mut records = vec![record("warcinfo", "", "isPartOf: CC-MAIN-2024-22\r\n")];
    for n in 0..4 {
        records.push(record("request", "", &format!("GET /{n} HTTP/1.1\r\n\r\n")));
        records.push(response(n, "200 OK", "text/html; charset=utf-8", &page(n)));
    }
    records.push(response(4, "404 Not Found", "text/html", &page(4)));
    records.push(response(5, "200 OK", "image/png", "not really"));
    records.push(record("revisit", "WARC-Record-ID: <urn:uuid:again>\r\n", ""));
    let path = folder.join("crawl.warc.gz");
    fs::write(&path, records.iter().flat_map(|record| gzip(record.as_bytes())).collect::<Vec<u8>>()).unwrap();
    let recipe = folder.join("extract.toml");
    fs::write(&recipe, "pipeline = [\"exact_dedup\"]\n[columns]\nkeep = [\"http_status:int64\"]\n").unwrap();
    (path, recipe)
}

#[test]
fn a_crawl_becomes_documents() {
    let folder = tempfile::tempdir().unwrap();
    let (path, recipe) = crawl(folder.path());
    let out = folder.path().join("out");
    let output = clean(&[&path], &out, &["--recipe", recipe.to_str().unwrap(), "--rejected", "all"], 0);
    check_invariants(&out);
    let kept = table(&out, "clean");
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(texts(&kept, "id")[1], some("<urn:uuid:00000001>"));
    assert_eq!(texts(&kept, "url")[1], some("https://example.org/1"));
    assert_eq!(texts(&kept, "date")[1], some("2024-05-18T01:58:01Z"));
    assert_eq!(texts(&kept, "dump")[1], some("CC-MAIN-2024-22"));
    assert_eq!(texts(&kept, "file_path")[1], some("crawl.warc.gz"));
    assert_eq!(crate::support::integers(&kept, "http_status"), [Some(200); 4]);
    let text = texts(&kept, "text")[1].clone().unwrap();
    assert!(text.contains("This is paragraph 0 of page 1") && !text.contains('<'), "{text}");
    let metadata = texts(&kept, "metadata")[1].clone().unwrap();
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    assert_eq!(metadata["title"], "Page 1");
    assert_eq!(metadata["WARC-Payload-Digest"], format!("sha1:{:032}", 1));
    assert_eq!(metadata.get("http_status"), None, "it has a column");

    let ledger = table(&out, "ledger");
    let reasons: Vec<String> = texts(&ledger, "reason").into_iter().map(Option::unwrap_or_default).collect();
    assert_eq!(reasons, ["", "", "", "", "input.http_status", "input.not_text", "input.revisit"]);
    let manifest = Manifest::read(&out.join("manifest.json")).unwrap();
    let counts: Vec<(&str, u64)> =
        manifest.records["crawl.warc.gz"].iter().map(|(kind, n)| (kind.as_str(), *n)).collect();
    assert_eq!(counts, [("request", 4), ("response", 6), ("revisit", 1), ("warcinfo", 1)]);
    let table = stdout(&output);
    assert!(
        table.contains("records in the crawl files: request 4, response 6, revisit 1, warcinfo 1"),
        "{table}"
    );
    assert!(table.contains("HTML to text (balanced): 4 pages"), "{table}");
    assert!(table.lines().any(|line| line.starts_with("(extract)")), "{table}");

    let inspected = run(&["inspect", out.to_str().unwrap(), "--id", "<urn:uuid:00000001>"]);
    assert!(stdout(&inspected).contains("paragraph 0 of page 1"), "{}", stderr(&inspected));
    let inspected = run(&["inspect", out.to_str().unwrap(), "--reason", "input.http_status"]);
    assert!(stdout(&inspected).contains("<urn:uuid:00000004>"), "{}", stderr(&inspected));
    let explained = run(&["explain", "input.revisit"]);
    assert!(stdout(&explained).contains("not changed"), "{}", stderr(&explained));
}

#[test]
fn a_damaged_crawl_is_named_with_what_was_lost_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (path, recipe) = crawl(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    let magic: Vec<usize> =
        bytes.windows(3).enumerate().filter(|(_, w)| *w == [0x1F, 0x8B, 8]).map(|(at, _)| at).collect();
    let (start, end) = (magic[4], magic[5]);
    bytes[start + 40..start + 60].fill(0xFF);
    fs::write(&path, bytes).unwrap();
    let out = folder.path().join("out");
    let output = clean(&[&path], &out, &["--recipe", recipe.to_str().unwrap()], 1);
    check_invariants(&out);
    let manifest = Manifest::read(&out.join("manifest.json")).unwrap();
    assert_eq!(manifest.quarantined.len(), 1);
    let why = &manifest.quarantined[0].why;
    assert!(why.contains(&format!("member at byte {start} is damaged; ")), "{why}");
    let lost: u64 = why.split("; ").nth(1).and_then(|text| text.split(' ').next()?.parse().ok()).unwrap();
    assert!((1..(end - start) as u64).contains(&lost), "{why}");
    assert!(stderr(&output).contains("crawl.warc.gz"));
    assert_eq!(texts(&table(&out, "clean"), "id").len(), 3);
}

#[test]
fn html_in_files_and_in_columns_is_extracted() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("raw");
    fs::create_dir(&raw).unwrap();
    let line = serde_json::json!({ "id": "column", "html": page(1), "text": "left alone" });
    fs::write(raw.join("pages.jsonl"), format!("{line}\n")).unwrap();
    fs::write(raw.join("page.htm"), page(2)).unwrap();
    let recipe = folder.path().join("column.toml");
    fs::write(&recipe, "pipeline = [\"exact_dedup\"]\n[extract]\nmode = \"all-text\"\ncolumn = \"html\"\n")
        .unwrap();
    let recipe = recipe.to_str().unwrap();
    let out = folder.path().join("out");
    clean(&[&raw], &out, &["--quiet", "--recipe", recipe], 0);
    let kept = texts(&table(&out, "clean"), "text");
    assert!(
        kept.iter().flatten().all(|text| text.contains("paragraph 5") && !text.contains('<')),
        "{kept:?}"
    );
    assert_eq!(kept.len(), 2);
    let plan = run(&["plan", recipe]);
    assert!(stdout(&plan).contains("extract: HTML to text, mode all-text, also of the field `html`"));
    let output = clean(&[&raw], &folder.path().join("no"), &["--recipe", recipe, "--text-column", "body"], 2);
    assert!(stderr(&output).contains("name two fields"), "{}", stderr(&output));
    fs::write(folder.path().join("wrong.toml"), "pipeline = []\n[extract]\nmode = \"best\"\n").unwrap();
    let wrong = run(&["plan", folder.path().join("wrong.toml").to_str().unwrap()]);
    assert!(stderr(&wrong).contains("precision"), "{}", stderr(&wrong));
}

#[test]
fn a_real_crawl_is_cleaned_alike_on_one_thread_and_on_two() {
    let Some(data) = real_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = data.join("crawl/web_pages.warc.gz");
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    clean(&[&path], &one, &["--quiet", "--threads", "1"], 0);
    clean(&[&path], &two, &["--quiet", "--threads", "2"], 0);
    check_invariants(&one);
    let (one_tree, two_tree) = (tree(&one), tree(&two));
    assert_eq!(one_tree.keys().collect::<Vec<_>>(), two_tree.keys().collect::<Vec<_>>());
    for (name, bytes) in &one_tree {
        assert!(two_tree[name] == *bytes, "{name} differs");
    }
    let ledger = table(&one, "ledger");
    let reasons: Vec<String> = texts(&ledger, "reason").into_iter().map(Option::unwrap_or_default).collect();
    assert_eq!(reasons.len(), 1_076);
    let kept = reasons.iter().filter(|reason| reason.is_empty()).count();
    assert!((200..900).contains(&kept), "{kept} kept");
    let inputs = reasons.iter().filter(|reason| reason.starts_with("input.")).count();
    assert!(inputs < 30, "{inputs} records without text");
}

/// What `crawl_samples.tsv` says of each file of the samples: path, records by type, rows by problem or why it is not read.
#[test]
fn every_sample_reads_whole_or_says_why_not() {
    let Some(data) = real_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let recipe = folder.path().join("nothing.toml");
    fs::write(&recipe, "pipeline = [\"exact_dedup\"]\n").unwrap();
    let samples = data.join("crawl/samples");
    clean(&[&samples], &out, &["--quiet", "--recipe", recipe.to_str().unwrap()], 1);
    check_invariants(&out);
    let manifest = Manifest::read(&out.join("manifest.json")).unwrap();
    let ledger = table(&out, "ledger");
    let mut rows: Vec<BTreeMap<String, u64>> = vec![BTreeMap::new(); manifest.inputs.len()];
    for (shard, reason) in shards_of(&ledger).into_iter().zip(texts(&ledger, "reason")) {
        // Whether a page has text is for the tests of extraction.
        let reason = reason.as_deref().and_then(|reason| reason.strip_prefix("input."));
        let reason = reason.filter(|reason| *reason != "empty").unwrap_or("text");
        *rows[shard as usize].entry(reason.to_owned()).or_default() += 1;
    }
    let listed = |counts: &BTreeMap<String, u64>| {
        counts.iter().map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>().join(", ")
    };
    let mut found: Vec<String> = Vec::new();
    for (input, rows) in manifest.inputs.iter().zip(&rows) {
        let records = manifest.records.get(&input.path).map(listed).unwrap_or_default();
        let quarantined = manifest.quarantined.iter().find(|file| file.path.ends_with(&input.path));
        let why = quarantined.map_or(String::new(), |file| format!("; {}", file.why));
        found.push(format!("{}\t{records}\t{}{why}", input.path, listed(rows)));
    }
    let root = format!("{}/", samples.display());
    let skipped = manifest.skipped.iter().filter(|file| !file.path.ends_with("LICENSE"));
    found.extend(
        skipped.map(|file| format!("{}\t\tskipped: {}", file.path.trim_start_matches(&root), file.why)),
    );
    found.sort();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crawl_samples.tsv");
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    let expected: Vec<&str> = expected.lines().collect();
    if found != expected {
        let path = std::env::temp_dir().join("crawl_samples.tsv");
        fs::write(&path, found.join("\n") + "\n").unwrap();
        let differs = found.iter().find(|line| !expected.contains(&line.as_str()));
        panic!("{} differs from {}: {differs:?}", golden.display(), path.display());
    }
}

/// Files at which warcio gives up, with what we count there.
const OTHERWISE: [(&str, &str); 5] = [
    // All records are in one member, which warcio refuses; so in the fourth of these.
    ("badexample.arc.gz", "arc_header 1, response 5"),
    // The length of the first record is wrong.
    ("IAH-20080430204825-00000-blackbook-truncated.arc", "arc_header 1, response 8"),
    // The length of the third page is wrong.
    ("link-extraction-test.warc", "response 7, warcinfo 1"),
    ("example-bad-non-chunked.warc.gz", "request 2, response 1, revisit 1, warcinfo 2"),
    // The page lies in two members.
    ("example-wrong-chunks.warc.gz", "request 1, response 1"),
];

/// `tests/warcio_counts.py` with a Python that has warcio (CORPUS_TEST_PYTHON).
#[test]
fn records_are_counted_as_warcio_counts_them() {
    let Some(data) = real_data() else { return };
    let Ok(python) = std::env::var("CORPUS_TEST_PYTHON") else {
        assert!(std::env::var("CORPUS_REQUIRE_DATA").is_err(), "CORPUS_TEST_PYTHON is not set");
        eprintln!("skipped: CORPUS_TEST_PYTHON names no Python with warcio");
        return;
    };
    let samples = data.join("crawl");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/warcio_counts.py");
    let output = Command::new(python).arg(script).arg(&samples).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let recipe = folder.path().join("nothing.toml");
    fs::write(&recipe, "pipeline = [\"exact_dedup\"]\n").unwrap();
    clean(&[&samples], &out, &["--quiet", "--recipe", recipe.to_str().unwrap()], 1);
    let manifest = Manifest::read(&out.join("manifest.json")).unwrap();
    let otherwise: BTreeMap<&str, &str> = OTHERWISE.into_iter().collect();
    let mut n_same = 0;
    for line in stdout(&output).lines() {
        let found: serde_json::Value = serde_json::from_str(line).unwrap();
        let path = found["path"].as_str().unwrap();
        let Some(ours) = manifest.records.get(path) else {
            let is_said = manifest.skipped.iter().any(|file| file.path.ends_with(path));
            assert!(is_said, "{path} is neither read nor skipped");
            continue;
        };
        let theirs: BTreeMap<String, u64> = serde_json::from_value(found["records"].clone()).unwrap();
        let shown = ours.iter().map(|(kind, n)| format!("{kind} {n}")).collect::<Vec<_>>().join(", ");
        match otherwise.get(path.rsplit('/').next().unwrap()) {
            Some(expected) => assert_eq!(shown, *expected, "{path}: {found}"),
            None => {
                let renamed = theirs
                    .into_iter()
                    .map(|(kind, n)| (if kind == "unknown" { "other".into() } else { kind }, n));
                assert_eq!(*ours, renamed.collect::<BTreeMap<String, u64>>(), "{path}: {found}");
                n_same += 1;
            }
        }
    }
    assert!(n_same > 40, "{n_same}");
}
