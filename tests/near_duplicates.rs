//! `[minhash]`: which document of a cluster is kept, what verifies it, and how texts are signed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use arrow::array::{Array, Float64Array, RecordBatch};

use crate::determinism::many_pages;
use crate::support::{clean, run, stderr, stdout, table, texts, tree};

/// A word of letters for every number, long enough for the filters.
fn word(number: usize) -> String {
    let letter = |place: u32| char::from(b'a' + (number / 26_usize.pow(place) % 26) as u8);
    [letter(2), 'o', letter(1), 'e', letter(0)].into_iter().collect()
}

/// So many words; `from` tells the texts apart. Every tenth is a stop word.
fn words(from: usize, count: usize) -> Vec<String> {
    let stop_words = ["the", "of", "and", "that", "with"];
    (0..count).map(|n| if n % 10 == 9 { stop_words[n / 10 % 5].to_owned() } else { word(from + n) }).collect()
}

/// `words(0, 200)` with these words changed.
fn variant(changed: &[usize]) -> String {
    let mut words = words(0, 200);
    changed.iter().for_each(|at| words[*at] = word(10_000 + at));
    words.join(" ")
}

/// Five near-duplicates, each the best by another measure, and six documents like no other.
fn records() -> Vec<serde_json::Value> {
    let base = variant(&[]);
    let mut records = vec![
        serde_json::json!({"id": "first", "text": variant(&[10]), "source": "web", "date": "2024-03-01T10:00:00Z",
            "year": 2020}),
        serde_json::json!({"id": "longest", "text": format!("{base} {}", word(9).repeat(16)),
            "date": "2024-03-01T10:00:01Z", "year": 2021}),
        serde_json::json!({"id": "words", "text": format!("{base} a b c d e f g"), "source": "books"}),
        serde_json::json!({"id": "newest", "text": variant(&[50, 51]), "source": "wiki",
            "date": "2024-03-01T10:00:02Z", "year": -2019}),
        serde_json::json!({"id": "year", "text": variant(&[100]), "source": "mail", "date": "2023-12-31",
            "year": 2024}),
    ];
    for alone in 1..7 {
        records.push(
            serde_json::json!({"id": format!("alone{alone}"), "text": words(alone * 1000, 200).join(" ")}),
        );
    }
    records
}

fn write(path: &Path, records: &[serde_json::Value]) {
    fs::write(path, records.iter().map(|record| format!("{record}\n")).collect::<String>()).unwrap();
}

fn similarities(ledger: &[RecordBatch]) -> Vec<Option<f64>> {
    let cells = |batch: &RecordBatch| -> Vec<Option<f64>> {
        let column: &Float64Array =
            batch.column_by_name("similarity").unwrap().as_any().downcast_ref().unwrap();
        column.iter().collect()
    };
    ledger.iter().flat_map(cells).collect()
}

/// Cleans with `[minhash]` and these lines; each dropped document's id with the id of the kept one and their
/// similarity.
fn twins(records: &[serde_json::Value], minhash: &str) -> BTreeMap<String, (String, f64)> {
    let folder = tempfile::tempdir().unwrap();
    let (raw, recipe, out) =
        (folder.path().join("raw"), folder.path().join("mine.toml"), folder.path().join("out"));
    fs::create_dir(&raw).unwrap();
    // Two segments, and a cluster that lies in both.
    let (first, second) = records.split_at(2);
    write(&raw.join("a.jsonl"), first);
    write(&raw.join("b.jsonl"), second);
    let pipeline = "pipeline = [\"gopher_quality\", \"minhash\"]\n[columns]\nkeep = [\"year:int64\"]\n";
    fs::write(&recipe, format!("{pipeline}[minhash]\n{minhash}\n")).unwrap();
    clean(&[&raw], &out, &["--recipe", recipe.to_str().unwrap(), "--quiet"], 0);
    let ledger = table(&out, "ledger");
    let (ids, twins) = (texts(&ledger, "id"), texts(&ledger, "duplicate_of"));
    assert!(texts(&ledger, "reason").iter().flatten().all(|reason| reason == "minhash.duplicate"));
    let rows = ids.into_iter().zip(twins).zip(similarities(&ledger));
    rows.filter_map(|((id, twin), similarity)| Some((id?, (twin?, similarity?)))).collect()
}

fn kept(minhash: &str) -> String {
    let twins = twins(&records(), minhash);
    assert_eq!(twins.len(), 4, "{minhash}: {twins:?}");
    let kept: BTreeSet<&String> = twins.values().map(|(of, _)| of).collect();
    assert!(kept.len() == 1 && !twins.contains_key(*kept.first().unwrap()), "{minhash}: {twins:?}");
    kept.first().unwrap().to_string()
}

#[test]
fn the_recipe_says_which_document_is_kept() {
    for (keep, expected) in [
        ("longest", "longest"),
        ("first", "first"),
        ("best:words", "words"),
        ("best:gopher_quality.words", "words"),
        ("newest:date", "newest"),
        ("newest:year", "year"),
        ("newest:source", "newest"),
        ("prefer:wiki,books,web", "newest"),
        ("prefer:books, wiki", "words"),
        ("prefer:nowhere", "first"),
    ] {
        for verify in ["sketch", "text", "none"] {
            let minhash = format!("keep = \"{keep}\"\nverify = \"{verify}\"");
            assert_eq!(kept(&minhash), expected, "{minhash}");
        }
    }
    for hash in ["xxhash", "sha1"] {
        for bits in [32, 64] {
            assert_eq!(kept(&format!("hash = \"{hash}\"\nbits = {bits}")), "longest");
            kept(&format!("keep = \"datatrove\"\nhash = \"{hash}\"\nbits = {bits}"));
        }
    }
}

fn shingles(text: &str) -> BTreeSet<Vec<&str>> {
    text.split(' ').collect::<Vec<_>>().windows(5).map(<[&str]>::to_vec).collect()
}

#[test]
fn text_verification_is_exact() {
    let mut records = records();
    // Too many shingles to be read at once.
    let mut long = words(11_000, 6_000);
    for id in ["long", "longer"] {
        records.push(serde_json::json!({"id": id, "text": long.join(" ")}));
        long[3_000] = word(17_500);
        long.push(word(17_501));
    }
    let text = |id: &str| {
        let record = records.iter().find(|record| record["id"] == id).unwrap();
        shingles(record["text"].as_str().unwrap())
    };
    let exact = |a: &str, b: &str| {
        let (a, b) = (text(a), text(b));
        a.intersection(&b).count() as f64 / a.union(&b).count() as f64
    };
    let all = twins(&records, "verify = \"text\"");
    assert_eq!(all.len(), 5);
    for (id, (of, similarity)) in &all {
        assert_eq!(*similarity as f32, exact(id, of) as f32, "{id}");
    }
    // A limit between the similarities drops exactly those above it.
    let mut found: Vec<f64> = all.values().map(|(_, similarity)| *similarity).collect();
    found.sort_by(f64::total_cmp);
    let limit = (found[0] + found[4]) / 2.0;
    assert!(found[0] < limit && limit < found[4], "{found:?}");
    let fewer = twins(&records, &format!("verify = \"text\"\nmin_similarity = {limit}"));
    assert_eq!(fewer.len(), all.values().filter(|(_, similarity)| *similarity >= limit).count());
}

#[test]
fn threads_change_no_byte_of_any_choice() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("raw.jsonl");
    many_pages(&raw);
    for (name, minhash) in [
        ("text", "keep = \"newest:url\"\nverify = \"text\""),
        ("best", "keep = \"best:words\"\nhash = \"sha1\"\nbits = 32"),
        ("datatrove", "keep = \"datatrove\"\nhash = \"sha1\""),
    ] {
        let recipe = folder.path().join(format!("{name}.toml"));
        fs::write(&recipe, format!("pipeline = [\"gopher_quality\", \"minhash\"]\n[minhash]\n{minhash}\n"))
            .unwrap();
        let trees = ["1", "2"].map(|threads| {
            let out = folder.path().join(format!("{name}-{threads}"));
            let recipe = recipe.to_str().unwrap();
            clean(&[&raw], &out, &["--recipe", recipe, "--threads", threads, "--quiet"], 0);
            tree(&out)
        });
        assert!(trees[0].keys().eq(trees[1].keys()));
        for (file, bytes) in &trees[0] {
            assert!(trees[1][file] == *bytes, "{name}: {file} differs");
        }
    }
}

#[test]
fn what_loses_too_much_is_warned_of_whatever_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("raw.jsonl");
    let record = |n: usize| serde_json::json!({"id": n, "text": variant(&[n]), "source": "mirror", "date": n.to_string()});
    write(&raw, &(0..30).map(record).collect::<Vec<_>>());
    for (number, minhash) in [
        "",
        "keep = \"best:words\"",
        "keep = \"newest:date\"",
        "keep = \"prefer:mirror\"",
        "keep = \"datatrove\"",
        "verify = \"text\"",
        "hash = \"sha1\"\nbits = 32",
    ]
    .into_iter()
    .enumerate()
    {
        let recipe = folder.path().join("mine.toml");
        fs::write(&recipe, format!("pipeline = [\"gopher_quality\", \"minhash\"]\n[minhash]\n{minhash}\n"))
            .unwrap();
        let out = folder.path().join(format!("out-{number}"));
        clean(&[&raw], &out, &["--recipe", recipe.to_str().unwrap(), "--quiet"], 0);
        let report: serde_json::Value =
            serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
        let warnings = report["warnings"].to_string();
        assert!(warnings.contains("of source \\\"mirror\\\""), "{minhash}: {warnings}");
        assert!(warnings.contains("one cluster"), "{minhash}: {warnings}");
    }
}

fn plan(minhash: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let pipeline = "pipeline = [\"gopher_quality\", \"fineweb_quality\", \"minhash\"]\n";
    fs::write(&path, format!("{pipeline}[minhash]\n{minhash}\n[columns]\nkeep = [\"year:int64\"]\n"))
        .unwrap();
    let output = run(&["plan", path.to_str().unwrap()]);
    (output.status.code().unwrap(), stdout(&output), stderr(&output))
}

#[test]
fn a_wrong_choice_is_refused_with_the_remedy() {
    for (minhash, message) in [
        ("keep = \"longst\"", "did you mean `longest`"),
        ("keep = \"best\"", "best:<signal>"),
        ("keep = \"best:wrds\"", "did you mean `words`"),
        ("keep = \"best:gopher_quality.wrds\"", "did you mean `gopher_quality.words`"),
        ("keep = \"newest:dat\"", "did you mean `date`"),
        ("keep = \"newest:yaer\"", "did you mean `year`"),
        ("keep = \"newest:crawled\"", "[columns] keep"),
        ("keep = \"prefer:\"", "prefer:wiki,books"),
        ("keep = \"prefer:wiki,wiki\"", "stands twice"),
        ("keep = \"datatrove\"\nverify = \"text\"", "verify = \"none\""),
        ("keep = 7", "wrong type"),
        ("verify = \"txt\"", "did you mean `text`"),
        ("hash = \"sha256\"", "did you mean `sha1`"),
        ("bits = 16", "64 or 32"),
    ] {
        let (code, _, error) = plan(minhash);
        assert_eq!(code, 2, "{minhash}");
        let line = 2 + minhash.lines().count();
        assert!(
            error.contains(&format!("mine.toml:{line}:")) && error.contains(message),
            "{minhash}\n{error}"
        );
    }
}

#[test]
fn a_name_that_two_stages_measure_is_written_in_full() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let plan = |keep: &str| {
        let stages =
            "pipeline = [\"gopher_quality\", \"column\", \"minhash\"]\n[column.words]\nat_least = 3\n";
        fs::write(&path, format!("{stages}[minhash]\nkeep = \"{keep}\"\n")).unwrap();
        run(&["plan", path.to_str().unwrap()])
    };
    let error = stderr(&plan("best:words"));
    assert!(error.contains("write best:gopher_quality.words or best:column.words"), "{error}");
    assert!(stdout(&plan("best:column.words")).contains("keeps the highest column.words"));
}

#[test]
fn a_plan_says_what_is_chosen() {
    for (minhash, chosen) in [
        ("", "minhash: keeps the longest; verified by the sketch, from 0.7 on; xxhash, 64 bits"),
        (
            "keep = \"best:words\"\nverify = \"text\"\nmin_similarity = 0.8",
            "keeps the highest gopher_quality.words; verified by all shingles, from 0.8 on",
        ),
        ("keep = \"newest:year\"", "keeps the newest year"),
        ("keep = \"prefer:wiki,web\"", "prefers the sources wiki, web, others last"),
        (
            "keep = \"datatrove\"\nhash = \"sha1\"\nbits = 32",
            "keeps what datatrove keeps; nothing is verified; sha1, 32 bits",
        ),
    ] {
        let (code, text, error) = plan(minhash);
        assert!(code == 0 && text.contains(chosen), "{minhash}\n{text}{error}");
    }
}
