//! The same labels and probabilities, to the last bit, as the fastText package on models that it trains here.
//!
//! `CORPUS_TEST_PYTHON` names a Python with `fasttext-wheel`; sentences come from `CORPUS_TEST_DATA`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout
)]

use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use classify::fasttext::Model;
use document::FileBytes;

/// Python, and the folder of real data.
fn tools() -> Option<(String, PathBuf)> {
    let found = std::env::var("CORPUS_TEST_PYTHON").ok().zip(std::env::var("CORPUS_TEST_DATA").ok());
    if found.is_none() {
        let is_required = std::env::var("CORPUS_REQUIRE_DATA").is_ok_and(|flag| flag == "1");
        assert!(!is_required, "CORPUS_TEST_PYTHON and CORPUS_TEST_DATA are not both set");
        eprintln!("skipped: CORPUS_TEST_PYTHON and CORPUS_TEST_DATA name no fastText and no sentences");
    }
    found.map(|(python, data)| (python, PathBuf::from(data).join("data")))
}

/// Sentences with their languages, every `step`th.
fn sentences(data: &Path, step: usize) -> Vec<(String, String)> {
    let file = fs::File::open(data.join("lid/lingua_sentences.jsonl.zst")).unwrap();
    let mut text = String::new();
    zstd::Decoder::new(file).unwrap().read_to_string(&mut text).unwrap();
    let parse = |line: &str| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| record[name].as_str().unwrap().replace('\n', " ");
        (field("lang"), field("text"))
    };
    text.lines().step_by(step).map(parse).collect()
}

/// Lines that break careless code.
fn odd_lines() -> Vec<String> {
    let mut lines: Vec<String> = [
        "",
        " ",
        "\t\u{b}\u{c}\r",
        "</s>",
        "a </s> b",
        "a </s>",
        "__label__en",
        "x __label__xx y",
        "__label__",
        "\0",
        "a\0b",
        "\u{a0}",
        "a\u{a0}b",
        "\u{85}a\u{2028}b\u{1c}",
        "\u{feff}",
        "é",
        "e\u{301}",
        "\u{10ffff}",
        "<",
        ">",
        "<>",
        "< >",
        "日本語",
        "👩‍👩‍👧 family",
        "\u{7f}\u{80}",
        "İ ı ẞ",
        "…",
        "،؛",
        "a",
        "ab",
        "abc",
    ]
    .map(str::to_owned)
    .to_vec();
    lines.push("x".repeat(30_000));
    lines.push("нет ".repeat(10_000));
    lines.push("中".repeat(20_000));
    lines.push((0..5_000).fold(String::new(), |mut line, n| {
        let _ = write!(line, "w{n} ");
        line
    }));
    lines
}

#[test]
fn probabilities_are_the_references_to_the_last_bit() {
    let Some((python, data)) = tools() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let train = sentences(&data, 8);
    let mut text = String::new();
    let mut many = String::new();
    for (number, (language, sentence)) in train.iter().enumerate() {
        let _ = writeln!(text, "__label__{language} {sentence}");
        let _ = writeln!(many, "__label__{language}_{} {sentence}", number % 5);
    }
    fs::write(folder.join("train.txt"), text).unwrap();
    fs::write(folder.join("train_many.txt"), many).unwrap();
    // Other sentences than those of training, alone and joined, and odd ones.
    let others = sentences(&data, 29);
    let mut lines: Vec<String> = others.iter().map(|(_, sentence)| sentence.clone()).collect();
    lines.extend(
        others.chunks(7).map(|chunk| chunk.iter().map(|(_, s)| s.as_str()).collect::<Vec<_>>().join(" ")),
    );
    lines.extend(odd_lines());
    fs::write(folder.join("lines.json"), serde_json::to_string(&lines).unwrap()).unwrap();

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference.py");
    let output = Command::new(python).arg(script).arg(folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let names: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("made ")).collect();
    assert!(names.len() >= 17, "{said}");
    for name in names {
        let name = name.split(' ').next().unwrap();
        let file = ["bin", "ftz"].map(|ending| folder.join(format!("{name}.{ending}")));
        let file = file.iter().find(|path| path.exists()).unwrap();
        let model = Model::read(FileBytes::new(fs::read(file).unwrap())).unwrap();
        let n = compare(name, &model, &lines, &fs::read(folder.join(format!("{name}.out"))).unwrap());
        println!("{name}: {} lines, {n} probabilities equal", lines.len());
    }
}

/// Every label of every line; returns how many the reference gave.
fn compare(name: &str, model: &Model, lines: &[String], expected: &[u8]) -> usize {
    let (numbers, rest) = expected.as_chunks::<4>();
    assert!(rest.is_empty());
    let mut numbers = numbers.iter().map(|bytes| u32::from_le_bytes(*bytes));
    let mut n_equal = 0;
    for line in lines {
        let shown: String = line.chars().take(60).collect();
        let count = numbers.next().unwrap();
        let mut given = vec![0.0_f32; model.labels().len()];
        let mut highest = None;
        let mut previous = f32::INFINITY;
        for _ in 0..count {
            let (label, probability) = (numbers.next().unwrap(), f32::from_bits(numbers.next().unwrap()));
            assert!(probability <= previous, "the reference lists labels from the highest down");
            previous = probability;
            highest.get_or_insert(probability);
            given[label as usize] = probability;
        }
        model.classify(line, |mut scores| {
            for (label, expected) in given.iter().enumerate() {
                let found = scores.of(label);
                assert_eq!(
                    found.to_bits(),
                    expected.to_bits(),
                    "{name}: {}: {found} for {expected} in {shown:?}",
                    model.labels()[label]
                );
            }
            let best = scores.best();
            assert_eq!(best.map(|(_, probability)| probability), highest, "{name}: {shown:?}");
            assert!(best.is_none_or(|(label, probability)| given[label] == probability), "{name}: {shown:?}");
        });
        n_equal += count as usize;
    }
    assert!(numbers.next().is_none());
    n_equal
}
