//! `corpus classifier train`: what it says, what its model keeps in `corpus clean`, and that fastText reads it alike.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use classify::fasttext::Model;
use document::FileBytes;
use serde_json::{Value, json};

use crate::support::{clean, real_data, run, scratch, stderr, stdout, texts};

/// A document of `words` words from a list, by a small generator.
fn document(list: &[&str], words: usize, state: &mut u64) -> String {
    let mut word = || {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        list[(*state >> 33) as usize % list.len()]
    };
    (0..words).map(|_| word()).collect::<Vec<_>>().join(" ")
}

const PROSE: &[&str] =
    &["the", "river", "of", "and", "morning", "she", "walked", "a", "slowly", "bridge", "old"];
const ADVERTS: &[&str] =
    &["the", "buy", "of", "now", "cheap", "click", "a", "offer", "best", "free", "casino"];

fn write_jsonl(path: &Path, texts: &[String]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let lines = texts.iter().map(|text| json!({ "text": text }).to_string() + "\n");
    fs::write(path, lines.collect::<String>()).unwrap();
}

fn train(folder: &Path, flags: &[&str]) -> std::process::Output {
    let [good, bad, model] =
        ["good", "bad", "quality.bin"].map(|name| folder.join(name).display().to_string());
    run(&[&["classifier", "train", &good, &bad, "-o", &model, "--bucket", "50000"], flags].concat())
}

#[test]
fn a_model_from_examples_decides_what_clean_keeps() {
    let folder = scratch();
    let folder = folder.path();
    let state = &mut 1;
    let mut make = |list: &[&str], n: usize| -> Vec<String> {
        (0..n).map(|i| document(list, 20 + i % 30, state)).collect()
    };
    let (mut good, mut bad) = (make(PROSE, 200), make(ADVERTS, 260));
    let (new_good, new_bad) = (make(PROSE, 40), make(ADVERTS, 40));
    let both = "The same page, here and there.".to_owned();
    good.extend([both.clone(), good[0].clone(), "  \n".to_owned()]);
    bad.push(both);
    // Examples lie in files of any kind.
    write_jsonl(&folder.join("good/a.jsonl"), &good[1..]);
    fs::write(folder.join("good/b.txt"), &good[0]).unwrap();
    write_jsonl(&folder.join("bad/a.jsonl"), &bad);
    let trained = train(folder, &[]);
    assert_eq!(trained.status.code(), Some(0), "{}", stderr(&trained));
    let said = stdout(&trained);
    assert!(said.starts_with("left out: 1 blank, 1 repeated, 1 good and bad, 60 beyond"), "{said}");
    assert!(said.contains("learned from 180 documents of each kind; of 20 others"), "{said}");
    assert!(said.contains("AUC 1.0000"), "{said}");
    let model = fs::read(folder.join("quality.bin")).unwrap();

    // The lines that it prints, in a recipe beside the model.
    let lines = &said[said.find("[quality_model]").unwrap()..];
    let lines = lines.replace(&folder.join("quality.bin").display().to_string(), "quality.bin");
    let recipe = folder.join("recipe.toml");
    fs::write(&recipe, format!("name = \"mine\"\npipeline = [\"quality_model\"]\n\n{lines}")).unwrap();
    let raw = folder.join("raw");
    write_jsonl(&raw.join("pages.jsonl"), &[&new_good[..], &new_bad[..]].concat());
    let out = folder.join("out");
    clean(&[&raw], &out, &["--quiet", "--recipe", recipe.to_str().unwrap()], 0);
    let kept: Vec<String> =
        texts(&crate::support::table(&out, "clean"), "text").into_iter().flatten().collect();
    // The limit keeps 95 of 100.
    let n_good = new_good.iter().filter(|text| kept.contains(text)).count();
    assert!(n_good >= 30 && kept.iter().all(|text| new_good.contains(text)), "{n_good} of {}", kept.len());

    // The same again, in other files: the same bytes.
    fs::remove_file(folder.join("good/b.txt")).unwrap();
    good.reverse();
    write_jsonl(&folder.join("good/a.jsonl"), &good);
    let again = train(folder, &["--quiet", "--format", "json"]);
    assert!(fs::read(folder.join("quality.bin")).unwrap() == model);
    let json: Value = serde_json::from_str(&stdout(&again)).unwrap();
    assert_eq!(
        (&json["trained_on"], &json["held_out"], &json["in_both"]),
        (&180.into(), &20.into(), &1.into())
    );
    assert_eq!((&json["auc"], json["limits"].as_array().unwrap().len()), (&json!(1.0), 3));
    assert!(stderr(&again).is_empty());
    let fewer =
        train(folder, &["--examples", "50", "--labels", "fine", "poor", "--quiet", "--format", "json"]);
    let json: Value = serde_json::from_str(&stdout(&fewer)).unwrap();
    assert_eq!((&json["trained_on"], &json["labels"]), (&45.into(), &json!(["fine", "poor"])));
}

#[test]
fn what_teaches_nothing_is_refused() {
    let folder = scratch();
    let folder = folder.path();
    let state = &mut 5;
    let some: Vec<String> = (0..60).map(|_| document(PROSE, 20, state)).collect();
    let others: Vec<String> = (0..25).map(|_| document(ADVERTS, 20, state)).collect();
    write_jsonl(&folder.join("good/a.jsonl"), &some);
    let refused = |bad: &[String], flags: &[&str], why: &str| {
        write_jsonl(&folder.join("bad/a.jsonl"), bad);
        let output = train(folder, flags);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
        assert!(!folder.join("quality.bin").exists());
    };
    refused(&others[..5], &[], "too few examples: 60 of 60 read are good and 5 of 5 read bad");
    refused(&some, &[], "60 that are both");
    refused(&[&some[..30], &others[..]].concat(), &[], "more than the 25 that are not");
    refused(&others, &["--labels", "a", "a"], "two different names");
    refused(&others, &["--rate", "0"], "rate 0");
    refused(&others, &["--examples", "3"], "at least 20");
}

/// Mails that people marked as wanted or not: real texts, and both programs on them.
#[test]
fn fasttext_reads_the_model_with_the_same_probabilities() {
    let Some(data) = real_data() else { return };
    let folder = scratch();
    let folder = folder.path();
    let read = |path: &str| {
        let file = fs::File::open(data.join(path)).unwrap();
        std::io::read_to_string(zstd::Decoder::new(file).unwrap()).unwrap()
    };
    let labels = read("truth/mixed_sources.labels.tsv.zst");
    let labels: BTreeMap<&str, &str> = labels
        .lines()
        .filter_map(|line| Some((line.split_once('\t')?.0, line.rsplit_once('\t')?.1)))
        .collect();
    let [mut ham, mut spam] = [Vec::new(), Vec::new()];
    for line in read("raw/mixed_sources.jsonl.zst").lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let text = record["text"].as_str().unwrap().to_owned();
        match labels.get(record["id"].as_str().unwrap()).copied() {
            Some("ham") => ham.push(text),
            Some("spam") => spam.push(text),
            _ => {}
        }
    }
    assert!(ham.len() > 3_000 && spam.len() > 1_500, "{} {}", ham.len(), spam.len());
    write_jsonl(&folder.join("good/a.jsonl"), &ham);
    write_jsonl(&folder.join("bad/a.jsonl"), &spam);
    let trained = train(folder, &["--format", "json"]);
    assert_eq!(trained.status.code(), Some(0), "{}", stderr(&trained));
    let json: Value = serde_json::from_str(&stdout(&trained)).unwrap();
    eprintln!("{json}");
    // fastText's own trainer reaches 0.992 on these examples (benches/README.md).
    assert!(json["auc"].as_f64().unwrap() > 0.99, "{json}");

    let Ok(python) = std::env::var("CORPUS_TEST_PYTHON") else {
        assert!(std::env::var("CORPUS_REQUIRE_DATA").is_err(), "CORPUS_TEST_PYTHON is not set");
        eprintln!("skipped: CORPUS_TEST_PYTHON names no Python with fasttext-wheel");
        return;
    };
    let path = folder.join("quality.bin");
    let model = Model::read(FileBytes::new(fs::read(&path).unwrap())).unwrap();
    let mut lines: Vec<String> =
        ham.iter().chain(&spam).step_by(7).map(|text| text.trim().replace('\n', " ")).collect();
    lines.extend(["", "</s>", "__label__hq", "zebra", "日本語"].map(str::to_owned));
    fs::write(folder.join("lines.json"), serde_json::to_string(&lines).unwrap()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fasttext_scores.py");
    let output = Command::new(python).arg(script).arg(&path).arg(folder.join("lines.json")).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let expected: Vec<f64> = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(expected.len(), lines.len());
    let label = model.label("hq").unwrap();
    let mut furthest = 0.0_f64;
    for (line, expected) in lines.iter().zip(expected) {
        let found = f64::from(model.classify(line, |mut scores| scores.of(label)));
        furthest = furthest.max((found - expected).abs());
    }
    eprintln!("{} texts, the furthest probability {furthest:e} away", lines.len());
    assert!(furthest <= 1e-5, "{furthest}");
}
