//! Of documents of one address one is kept, by choice, and the others name it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::support::{
    assert_same, clean, demo_pages, numbers, real_data, run, scratch, stderr, stdout, table, texts, tree,
};

fn recipe(folder: &Path, text: &str) -> String {
    let path = folder.join("recipe.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The kept twin of each document, by id; of the kept ones none.
fn twins(out: &Path) -> BTreeMap<String, Option<String>> {
    let ledger = table(out, "ledger");
    texts(&ledger, "id").into_iter().flatten().zip(texts(&ledger, "duplicate_of")).collect()
}

#[test]
fn the_kept_document_is_the_one_of_choice() {
    let folder = scratch();
    let raw = folder.path().join("raw.jsonl");
    let pages = [
        ("a", "http://example.org/x/", "2020-05-01", "One two three four five six.", "web"),
        ("b", "https://www.Example.org/x#top", "2023-01-01", "One.", "wiki"),
        ("c", "http://example.org/x", "2021-01-01", "One two three.", "web"),
        ("d", "http://example.org/X", "2021-01-01", "Another path.", "web"),
        ("e", "", "2022-01-01", "No address.", "web"),
        ("f", " ", "2022-01-01", "No address either.", "web"),
        // The text of the last of the three, at another address.
        ("g", "http://mirror.org/", "2019-01-01", "One two three.", "mail"),
    ];
    let line = |(id, url, date, text, source): (&str, &str, &str, &str, &str)| {
        serde_json::json!({"id": id, "url": url, "date": date, "text": text, "source": source}).to_string()
    };
    fs::write(&raw, pages.map(line).join("\n")).unwrap();
    for (number, (keys, kept, exact)) in [
        ("", "a", ("c", "a")),
        ("keep = \"longest\"", "a", ("c", "a")),
        ("keep = \"newest:date\"", "b", ("c", "b")),
        ("keep = \"prefer:wiki,mail\"", "b", ("c", "b")),
        ("keep = \"best:words\"", "a", ("c", "a")),
        ("keep = \"newest:id\"", "c", ("b", "c")),
        ("normalize = false", "", ("", "")),
    ]
    .into_iter()
    .enumerate()
    {
        let (pipeline, off) =
            ("pipeline = [\"gopher_quality\", \"url_dedup\", \"exact_dedup\"]", off("gopher_quality"));
        let recipe = recipe(folder.path(), &format!("{pipeline}\n{off}[url_dedup]\n{keys}\n"));
        let out = folder.path().join(format!("out-{number}"));
        clean(&[&raw], &out, &["--recipe", &recipe, "--quiet"], 0);
        let found = twins(&out);
        for id in ["a", "b", "c"] {
            let of = Some(kept.to_owned()).filter(|kept| !kept.is_empty() && kept != id);
            assert_eq!(found[id], of, "{id} with {keys}");
        }
        for id in ["d", "e", "f"] {
            assert_eq!(found[id], None, "{id} with {keys}");
        }
        let reasons = texts(&table(&out, "ledger"), "reason");
        let by_url = reasons.iter().flatten().filter(|reason| *reason == "url_dedup.duplicate").count();
        assert_eq!(by_url, if kept.is_empty() { 0 } else { 2 }, "{keys}: {reasons:?}");
        // The mirror is a copy of c only where c is still there.
        let mirror = if kept == "c" || kept.is_empty() { Some("c".to_owned()) } else { None };
        assert_eq!(found["g"], mirror, "{keys}");
        if !kept.is_empty() {
            let (dropped, of) = exact;
            assert_eq!(found[dropped].as_deref(), Some(of));
            let similarity = numbers(&table(&out, "ledger"), "similarity");
            assert_eq!(
                similarity[usize::from(dropped.as_bytes()[0] - b'a')],
                None,
                "texts were not compared"
            );
        }
        let run: report::Run = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
        let stage = run.stages.iter().position(|stage| stage.name == "url_dedup").unwrap();
        assert_eq!(run.tally.stages[stage].dropped.documents, by_url as u64);
        assert!(fs::read_to_string(out.join("README.md")).unwrap().contains("documents of the same address"));
    }
}

/// All checks of a filter off.
fn off(filter: &str) -> String {
    let checks =
        filters::find(filter).unwrap().checks.iter().map(|check| format!("{} = \"off\"\n", check.reason));
    format!("[{filter}]\n{}", checks.collect::<String>())
}

#[test]
fn threads_shares_and_files_change_no_byte() {
    let folder = scratch();
    let raw = folder.path().join("raw");
    fs::create_dir(&raw).unwrap();
    for (name, copies) in [("a.jsonl", 0..3), ("b.jsonl", 3..9), ("c.jsonl", 9..11)] {
        let pages = String::from_utf8_lossy(&demo_pages(copies)).into_owned();
        // An address for each tenth line of any file.
        let line = |(at, line): (usize, &str)| match serde_json::from_str::<serde_json::Value>(line) {
            Ok(mut page) => {
                page["url"] = format!("https://example.org/{}", at % 10).into();
                page["date"] = format!("20{:02}", at * 7 % 100).into();
                page.to_string()
            }
            Err(_) => line.to_owned(),
        };
        fs::write(raw.join(name), pages.lines().enumerate().map(line).collect::<Vec<_>>().join("\n"))
            .unwrap();
    }
    let text =
        "pipeline = [\"url_dedup\", \"exact_dedup\", \"minhash\"]\n[url_dedup]\nkeep = \"newest:date\"\n";
    let recipe = recipe(folder.path(), text);
    let flags = ["--recipe", &recipe, "--segment-bytes", "64KiB", "--quiet"];
    let cleaned = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        clean(&[&raw], &out, &[&flags[..], more].concat(), 0);
        out
    };
    let one = cleaned("one", &["--threads", "1"]);
    assert_eq!(texts(&table(&one, "clean"), "id").len(), 10);
    let expected = tree(&one);
    assert_same(&tree(&cleaned("five", &["--threads", "5"])), &expected);
    for share in ["2/2", "1/2"] {
        cleaned("shared", &["--shard", share]);
    }
    assert_same(&tree(&folder.path().join("shared")), &expected);
}

/// Of each address as it is the first document stays, as with datatrove's ExactDedup by address.
#[test]
fn addresses_of_real_pages() {
    let Some(data) = real_data() else { return };
    let folder = scratch();
    let recipe = recipe(folder.path(), "pipeline = [\"url_dedup\"]\n[url_dedup]\nnormalize = false\n");
    let out = folder.path().join("out");
    let pages = data.join("raw/web_pages.jsonl.zst");
    clean(&[&pages], &out, &["--recipe", &recipe, "--quiet", "--no-signatures", "--rejected", "none"], 0);
    let ledger = table(&out, "ledger");
    let mut seen = BTreeSet::new();
    let mut dropped = 0;
    for (url, reason) in texts(&ledger, "url").into_iter().zip(texts(&ledger, "reason")) {
        let is_first = url.is_none_or(|url| seen.insert(url));
        assert_eq!(reason.as_deref(), (!is_first).then_some("url_dedup.duplicate"));
        dropped += u32::from(!is_first);
    }
    assert!(dropped > 1_000, "{dropped}");
}

#[test]
fn a_wrong_choice_is_refused_and_a_right_one_told() {
    let folder = scratch();
    for (keys, message) in [
        ("keep = \"datatrove\"", "url_dedup.keep cannot be \"datatrove\""),
        ("keep = \"best:wrds\"", "url_dedup.keep: no stage"),
        ("keep = \"newest:dat\"", "did you mean `date`"),
        ("normalize = \"no\"", "wrong type"),
    ] {
        let output = run(&[
            "plan",
            &recipe(folder.path(), &format!("pipeline = [\"url_dedup\"]\n[url_dedup]\n{keys}\n")),
        ]);
        let error = stderr(&output);
        assert!(
            output.status.code() == Some(2) && error.contains(message) && error.contains(":3:"),
            "{error}"
        );
    }
    let text = "pipeline = [\"url_dedup\"]\n[url_dedup]\nkeep = \"newest:date\"\n";
    let plan = stdout(&run(&["plan", &recipe(folder.path(), text)]));
    assert!(plan.contains("url_dedup: keeps the newest date; addresses in their normal form"), "{plan}");
    assert!(stdout(&run(&["explain", "url_dedup"])).contains("same address"));
}
