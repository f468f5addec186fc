//! Numbers that come with the documents: fields of JSONL and Parquet, and scores joined from beside them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray, StructArray};
use arrow::datatypes::{DataType, Field};
use shards::{Manifest, ParquetSink, SinkOptions};

use crate::determinism::many_pages;
use crate::support::{clean, flags, numbers, run, stderr, stdout, table, texts, tree};

/// A folder with a recipe and what it is run on.
struct Case {
    folder: tempfile::TempDir,
    recipe: PathBuf,
}

impl Case {
    fn new(tables: &str) -> Case {
        let folder = tempfile::tempdir().unwrap();
        let recipe = folder.path().join("mine.toml");
        let case = Case { folder, recipe };
        case.recipe(tables);
        case
    }

    fn recipe(&self, tables: &str) {
        fs::write(&self.recipe, format!("pipeline = [\"column\"]\n{tables}\n")).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn jsonl(&self, fields: &[&str]) -> PathBuf {
        let path = self.path("raw.jsonl");
        let line = |(row, fields): (usize, &&str)| {
            format!("{{\"id\": \"d{row}\", \"text\": \"the text of {row}\"{fields}}}\n")
        };
        fs::write(&path, fields.iter().enumerate().map(line).collect::<String>()).unwrap();
        path
    }

    fn flags(&self) -> [&str; 3] {
        ["--quiet", "--recipe", self.recipe.to_str().unwrap()]
    }

    /// Cleans `raw`; which documents are kept, and their numbers in the ledger.
    fn clean(&self, raw: &Path, column: &str) -> (Vec<bool>, Vec<Option<f64>>) {
        let out = self.path("out");
        clean(&[raw], &out, &[&self.flags()[..], &["--fresh", "--rejected", "all"]].concat(), 0);
        let ledger = table(&out, "ledger");
        (flags(&ledger, "kept"), numbers(&ledger, &format!("column.{column}")))
    }

    /// Fails before the first byte; what it says.
    fn refused(&self, raw: &Path) -> String {
        let out = self.path("refused");
        let output = clean(&[raw], &out, &self.flags(), 2);
        assert!(!out.exists(), "nothing was begun");
        stderr(&output)
    }
}

fn parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut sink = ParquetSink::create(path, batch.schema(), &SinkOptions::default()).unwrap();
    sink.write(&batch).unwrap();
    sink.commit().unwrap();
}

fn strings(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn floats(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

/// Flags for a run that only decides.
fn light(recipe: &Path) -> [&str; 6] {
    ["--quiet", "--rejected", "none", "--no-signatures", "--recipe", recipe.to_str().unwrap()]
}

const SCORES: [&str; 9] = [
    r#", "edu_score": 3"#,
    r#", "edu_score": 2.999"#,
    r#", "edu_score": -1.5e0"#,
    r#", "edu_score": 4.5, "other": 1"#,
    "",
    r#", "edu_score": null"#,
    r#", "edu_score": "4""#,
    r#", "edu_score": 1e999"#,
    r#", "edu_score": [4]"#,
];

#[test]
fn a_field_of_jsonl_is_a_signal() {
    let case = Case::new("[column.edu_score]\nat_least = 3");
    let raw = case.jsonl(&SCORES);
    let (kept, values) = case.clean(&raw, "edu_score");
    assert_eq!(kept, [true, false, false, true, true, true, true, true, true]);
    let none = [None; 5];
    assert_eq!(values, [&[Some(3.0), Some(2.999), Some(-1.5), Some(4.5)][..], &none].concat());
    let out = case.path("out");
    let ledger = table(&out, "ledger");
    assert_eq!(texts(&ledger, "reason")[1].as_deref(), Some("column.edu_score"));
    assert_eq!(numbers(&table(&out, "rejected"), "reason_value"), [Some(2.999), Some(-1.5)]);
    // It is measured where it lies: the number stays in `metadata`.
    assert_eq!(
        texts(&table(&out, "clean"), "metadata")[1].as_deref(),
        Some(r#"{"edu_score":4.5,"other":1}"#)
    );
    let run: report::Run = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(run.tally.signals["column.edu_score"].counts.iter().sum::<u64>(), 4);
    assert!(
        run.warnings[0].contains("without a number for column `edu_score` (input field edu_score): 5; "),
        "{:?}",
        run.warnings
    );
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("Your own measurement: input field edu_score"));
}

#[test]
fn a_run_with_columns_is_inspected_and_explained() {
    let case = Case::new("[column.edu_score]\nat_least = 3");
    let raw = case.jsonl(&SCORES);
    case.clean(&raw, "edu_score");
    let out = case.path("out");
    let out = out.to_str().unwrap();
    let shown = stdout(&run(&["inspect", out, "--reason", "edu_score"]));
    assert!(shown.contains("column.edu_score: 2.999, kept would be ≥ 3"), "{shown}");
    let shown = stdout(&run(&["explain", "edu_score", "--out", out]));
    assert!(shown.contains("(kept: ≥ 3): 2 documents first") && shown.contains("missing ="), "{shown}");
    assert!(stdout(&run(&["explain", "column"])).contains("at_least"));
    let json = run(&["explain", "column.edu_score", "--out", out, "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(json[0]["in_run"]["first"], 2);
    let shown = stdout(&run(&["plan", case.recipe.to_str().unwrap()]));
    assert!(shown.contains("edu_score ≥ 3") && shown.contains("input field edu_score"), "{shown}");
}

#[test]
fn documents_without_a_number_are_kept_or_dropped_as_the_recipe_says() {
    let case = Case::new("[column.edu_score]\nat_least = 3\nmissing = \"drop\"");
    let raw = case.jsonl(&SCORES);
    let (kept, _) = case.clean(&raw, "edu_score");
    assert_eq!(kept, [true, false, false, true, false, false, false, false, false]);
    let reasons = texts(&table(&case.path("out"), "ledger"), "reason");
    assert!(reasons[4..].iter().all(|reason| reason.as_deref() == Some("column.edu_score")));
    // Without a bound a column is measured, and drops nothing.
    case.recipe("[column.edu_score]");
    let (kept, values) = case.clean(&raw, "edu_score");
    assert!(kept.iter().all(|kept| *kept) && values[2] == Some(-1.5));
}

#[test]
fn every_bound_keeps_what_it_says() {
    let fields: Vec<String> = ["-2", "-1", "0", "1", "2"].iter().map(|n| format!(", \"x\": {n}")).collect();
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let cases = [
        ("at_least = -1", [false, true, true, true, true]),
        ("above = -1", [false, false, true, true, true]),
        ("at_most = 0.5", [true, true, true, false, false]),
        ("at_least = -1\nat_most = 1", [false, true, true, true, false]),
    ];
    for (bound, expected) in cases {
        let case = Case::new(&format!("[column.x]\n{bound}"));
        let raw = case.jsonl(&fields);
        assert_eq!(case.clean(&raw, "x").0, expected, "{bound}");
        // The resolved recipe is the same recipe.
        let resolved = stdout(&run(&["plan", case.recipe.to_str().unwrap(), "--resolved"]));
        let again = case.path("again.toml");
        fs::write(&again, &resolved).unwrap();
        assert_eq!(stdout(&run(&["plan", again.to_str().unwrap(), "--resolved"])), resolved);
    }
}

#[test]
fn a_nested_field_is_named_with_dots() {
    let case = Case::new(
        "[column.edu]\nfield = \"meta.scores.edu\"\nabove = 0.5\n[column.flat]\nfield = \"a.b\"\nat_most = 9\n\
         [columns]\nkeep = [\"a.b:int64\"]",
    );
    let raw = case.jsonl(&[
        r#", "meta": {"scores": {"edu": 0.5}}, "a.b": 9"#,
        r#", "meta": {"scores": {"edu": 0.75}}, "a.b": 9"#,
        r#", "meta": {"scores": {"edu": 0.75}}, "a.b": 10"#,
        r#", "meta": {"scores": 1}"#,
    ]);
    let (kept, values) = case.clean(&raw, "edu");
    assert_eq!(kept, [false, true, false, true]);
    assert_eq!(values, [Some(0.5), Some(0.75), Some(0.75), None]);
    // A column may be kept, too.
    let clean = table(&case.path("out"), "clean");
    assert!(clean[0].column_by_name("a.b").is_some_and(|column| column.data_type() == &DataType::Int64));
}

#[test]
fn a_column_of_parquet_is_a_signal() {
    let case = Case::new(
        "[column.score]\nat_least = 3\n[column.n]\nat_most = 5\n[column.inner]\nfield = \"meta.inner\"\nat_least = 1\n\
         [column.words]\nat_least = 1",
    );
    let raw = case.path("raw.parquet");
    let inner: ArrayRef = floats(&[1.0, 1.0, 1.0, 1.0, 0.5]);
    let meta = StructArray::from(vec![(Arc::new(Field::new("inner", DataType::Float64, true)), inner)]);
    parquet(
        &raw,
        vec![
            ("text", strings(&["one", "two", "three", "four", "five"])),
            (
                "score",
                Arc::new(Float32Array::from(vec![Some(3.0), Some(2.5), None, Some(f32::NAN), Some(4.0)])),
            ),
            ("n", Arc::new(Int64Array::from(vec![5, 5, 6, 0, 0]))),
            ("meta", Arc::new(meta)),
            ("words", strings(&["9", "9", "9", "9", "9"])),
        ],
    );
    let (kept, scores) = case.clean(&raw, "score");
    assert_eq!(kept, [true, false, false, true, false]);
    assert_eq!(scores, [Some(3.0), Some(2.5), None, None, Some(4.0)]);
    let out = case.path("out");
    let ledger = table(&out, "ledger");
    let reasons = ["column.score", "column.n", "column.inner"].map(|reason| Some(reason.to_owned()));
    assert_eq!(texts(&ledger, "reason").into_iter().flatten().map(Some).collect::<Vec<_>>(), reasons);
    // A column of text holds no number; the report says so.
    assert_eq!(numbers(&ledger, "column.words"), [None; 5]);
    let run: report::Run = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    assert!(
        run.warnings
            .iter()
            .any(|warning| warning.contains("without a number for column `words` (input field words): 5; "))
    );
}

#[test]
fn scores_beside_the_documents_are_joined_by_id() {
    let case = Case::new(
        "[column.edu_score]\nfrom = \"scores/*.parquet\"\nid = \"doc_id\"\nfield = \"edu.score\"\nat_least = 3",
    );
    let nested = |values: &[f64]| -> ArrayRef {
        let field = Arc::new(Field::new("score", DataType::Float64, true));
        Arc::new(StructArray::from(vec![(field, floats(values))]))
    };
    let (a, b) = (case.path("scores/a.parquet"), case.path("scores/b.parquet"));
    parquet(&a, vec![("doc_id", strings(&["d3", "d1", "nowhere"])), ("edu", nested(&[5.0, 1.0, 0.0]))]);
    // The same number twice is no contradiction; what is no number is none.
    parquet(&b, vec![("edu", nested(&[1.0, 2.0, f64::NAN])), ("doc_id", strings(&["d1", "d0", "d2"]))]);
    let raw = case.jsonl(&["", "", "", ""]);
    let (kept, values) = case.clean(&raw, "edu_score");
    assert_eq!(kept, [false, false, true, true]);
    assert_eq!(values, [Some(2.0), Some(1.0), None, Some(5.0)]);

    // Other scores are another recipe, and the difference is named.
    let out = case.path("out");
    parquet(&b, vec![("edu", nested(&[3.0])), ("doc_id", strings(&["d0"]))]);
    let refused = clean(&[&raw], &out, &case.flags(), 2);
    let message = stderr(&refused);
    assert!(message.contains("another recipe") && message.contains("scores/*.parquet"), "{message}");
    assert_eq!(case.clean(&raw, "edu_score").0, [true, false, true, true]);
}

#[test]
fn scores_that_lie_in_the_input_are_no_documents() {
    let case = Case::new("[column.score]\nfrom = \"raw/scores/*.parquet\"\nat_least = 3");
    let raw = case.path("raw");
    // The last has texts, too: what the recipe joins is no input all the same.
    parquet(&case.path("raw/scores/a.parquet"), vec![("id", strings(&["d0"])), ("score", floats(&[2.0]))]);
    let texts_too = vec![("id", strings(&["d1"])), ("score", floats(&[5.0])), ("text", strings(&["scored"]))];
    parquet(&case.path("raw/scores/b.parquet"), texts_too);
    fs::rename(case.jsonl(&["", ""]), raw.join("pages.jsonl")).unwrap();
    let (kept, values) = case.clean(&raw, "score");
    assert_eq!((kept, values), (vec![false, true], vec![Some(2.0), Some(5.0)]));
    let manifest = Manifest::read(&case.path("out/manifest.json")).unwrap();
    assert_eq!((manifest.inputs.len(), manifest.quarantined.len()), (1, 0));
    let skipped: Vec<&str> = manifest.skipped.iter().map(|file| file.why.as_str()).collect();
    assert!(skipped.len() == 2 && skipped.iter().all(|why| why.starts_with("side-car")), "{skipped:?}");
    // Nothing but scores is nothing to read.
    assert!(case.refused(&raw.join("scores")).contains("nothing readable"));
}

#[test]
fn ids_that_are_integers_join_as_text() {
    let case = Case::new("[column.q]\nfrom = \"q.parquet\"\nat_least = 3\nmissing = \"drop\"");
    let ids = Int64Array::from(vec![12, 7]);
    parquet(&case.path("q.parquet"), vec![("id", Arc::new(ids)), ("q", floats(&[3.0, 2.0]))]);
    let raw = case.path("raw.jsonl");
    fs::write(&raw, "{\"id\":12,\"text\":\"a\"}\n{\"id\":\"7\",\"text\":\"b\"}\n{\"text\":\"c\"}\n").unwrap();
    assert_eq!(case.clean(&raw, "q").0, [true, false, false]);
    // A document without an id has its place for one.
    parquet(&case.path("q.parquet"), vec![("id", strings(&["raw.jsonl#2"])), ("q", floats(&[9.0]))]);
    assert_eq!(case.clean(&raw, "q").0, [false, false, true]);
}

#[test]
fn joined_scores_give_the_same_bytes_for_any_number_of_threads() {
    let case = Case::new("[column.score]\nfrom = \"scores.parquet\"\nabove = 0.25");
    let raw = case.path("raw.jsonl");
    many_pages(&raw);
    let plain = case.path("plain.toml");
    fs::write(&plain, "pipeline = []\n").unwrap();
    let everything = case.path("everything");
    clean(&[&raw], &everything, &light(&plain), 0);
    let mut ids: Vec<String> = texts(&table(&everything, "ledger"), "id").into_iter().flatten().collect();
    ids.sort();
    ids.dedup();
    let scores: Vec<f64> = (0..ids.len()).map(|index| (index * 37 % 100) as f64 / 100.0).collect();
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    parquet(&case.path("scores.parquet"), vec![("id", strings(&names)), ("score", floats(&scores))]);
    let mut trees = Vec::new();
    for threads in ["1", "2"] {
        let out = case.path(&format!("out-{threads}"));
        clean(&[&raw], &out, &[&light(&case.recipe)[..], &["--threads", threads]].concat(), 0);
        trees.push(tree(&out));
        let ledger = table(&out, "ledger");
        let all = texts(&ledger, "id").into_iter().zip(numbers(&ledger, "column.score"));
        for (id, score) in all.filter(|(_, score)| score.is_some()) {
            let at = ids.binary_search(&id.unwrap()).unwrap();
            assert_eq!(score, Some(scores[at]));
        }
        let kept = flags(&ledger, "kept").iter().filter(|kept| **kept).count();
        assert!(kept > 1_000 && kept < ledger.iter().map(RecordBatch::num_rows).sum(), "{kept}");
    }
    for (name, bytes) in &trees[0] {
        assert!(trees[1][name] == *bytes, "{name} differs");
    }
}

#[test]
fn scores_that_cannot_be_joined_fail_before_the_first_byte() {
    let case = Case::new("");
    let raw = case.jsonl(&["", ""]);
    let from =
        |rest: &str| case.recipe(&format!("[column.score]\nfrom = \"s.parquet\"\nat_least = 3\n{rest}"));
    let scores = case.path("s.parquet");
    from("");
    let message = case.refused(&raw);
    assert!(message.contains("s.parquet: no such file") && message.contains("[column.score]"), "{message}");
    fs::write(&scores, "{\"id\": 1, \"score\": 3}\n").unwrap();
    assert!(case.refused(&raw).contains("not a Parquet file"));
    let good: Vec<(&str, ArrayRef)> = vec![("id", strings(&["d0", "d0"])), ("score", floats(&[2.0, 3.0]))];
    parquet(&scores, good.clone());
    let message = case.refused(&raw);
    assert!(message.contains("the id `d0` has two numbers, 2 and 3"), "{message}");
    from("field = \"scores\"");
    let message = case.refused(&raw);
    assert!(
        message.contains("no column `scores`; the columns are id, score") && message.contains("`field`"),
        "{message}"
    );
    from("id = \"doc_id\"");
    assert!(case.refused(&raw).contains("no column `doc_id`"));
    from("field = \"id\"");
    assert!(case.refused(&raw).contains("`id` holds Utf8, not numbers"));
    from("id = \"score\"\nfield = \"score\"");
    assert!(case.refused(&raw).contains("`score` holds Float64, not texts or integers"));
    // What a finished run left stays until the scores are known to be good.
    let done = case.path("done");
    let plain = case.path("plain.toml");
    fs::write(&plain, "pipeline = []\n").unwrap();
    clean(&[&raw], &done, &light(&plain), 0);
    clean(&[&raw], &done, &[&case.flags()[..], &["--fresh"]].concat(), 2);
    assert_eq!(table(&done, "clean").iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    // Cut in the middle: found out before anything else is done.
    let bytes = fs::read(&scores).unwrap();
    fs::write(&scores, &bytes[..bytes.len() / 2]).unwrap();
    from("");
    assert!(case.refused(&raw).contains("s.parquet"));
}

#[test]
fn a_wrong_column_table_names_the_line_and_the_remedy() {
    let whole = |text: &str| {
        let case = Case::new("");
        fs::write(&case.recipe, text).unwrap();
        let output = run(&["plan", case.recipe.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{text}");
        stderr(&output)
    };
    let cases = [
        ("pipeline = [\"exact_dedup\"]\n[column.x]\nat_least = 3\n", ":2:", "add \"column\" to the pipeline"),
        ("pipeline = [\"column\"]\n[columns.x]\nat_least = 3\n", ":2:", "[column.x]"),
        ("pipeline = [\"column\"]\n", ":1:", "[column.edu_score]"),
        ("pipeline = [\"colum\"]\n", ":1:", "did you mean `column`"),
        ("pipeline = [\"column\"]\n[column]\nat_least = 3\n", ":3:", "[column.edu_score]"),
        ("pipeline = [\"column\"]\n[column.x]\nat_leats = 3\n", ":3:", "did you mean `at_least`"),
        ("pipeline = [\"column\"]\n[column.x]\nat_least = \"3\"\n", ":3:", "takes a number"),
        ("pipeline = [\"column\"]\n[column.x]\nat_least = nan\n", ":3:", "takes a number"),
        ("pipeline = [\"column\"]\n[column.x]\nmissing = \"ignore\"\n", ":3:", "\"keep\" or \"drop\""),
        ("pipeline = [\"column\"]\n[column.x]\nat_least = 3\nat_most = 2\n", ":2:", "do not fit together"),
        ("pipeline = [\"column\"]\n[column.x]\nat_least = 3\nabove = 2\n", ":2:", "do not fit together"),
        ("pipeline = [\"column\"]\n[column.x]\nid = \"doc\"\n", ":2:", "no `from`"),
        ("pipeline = [\"column\"]\n[column.meta.x]\nat_least = 3\n", ":2:", "field = \"meta.x\""),
        ("pipeline = [\"column\"]\n[column.\"meta.x\"]\nat_least = 3\n", ":2:", "field ="),
    ];
    for (text, place, message) in cases {
        let error = whole(text);
        assert!(error.contains(&format!("mine.toml{place}")) && error.contains(message), "{text}\n{error}");
    }
}
