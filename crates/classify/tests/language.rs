//! Languages of real texts: the answers are whatlang's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::time::Instant;

use classify::{IdentifyScratch, identify};

/// Both give the same language and the same bits of confidence; prints the speed of ours and of whatlang on every text.
fn compare(name: &str, most: usize) {
    let Some(shared) = std::env::var_os("CORPUS_TEST_DATA").map(PathBuf::from) else {
        let is_required = std::env::var("CORPUS_REQUIRE_DATA").is_ok_and(|flag| flag == "1");
        assert!(!is_required, "CORPUS_TEST_DATA is not set");
        eprintln!("skipped: CORPUS_TEST_DATA names no texts");
        return;
    };
    let file = std::fs::File::open(shared.join("data").join(name)).unwrap();
    let lines = BufReader::new(zstd::Decoder::new(file).unwrap()).lines();
    let (mut texts, mut bytes, mut seconds) = ([0_usize; 2], [0_usize; 2], [[0.0; 2]; 2]);
    let mut scratch = IdentifyScratch::default();
    for line in lines.take(most) {
        let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = line["text"].as_str().unwrap();
        let start = Instant::now();
        let ours = identify(text, &mut scratch);
        let middle = Instant::now();
        let theirs = whatlang::detect(text);
        let end = Instant::now();
        let group = usize::from(theirs.as_ref().is_some_and(|found| found.script().langs().len() > 1));
        texts[group] += 1;
        bytes[group] += text.len();
        seconds[group][0] += (middle - start).as_secs_f64();
        seconds[group][1] += (end - middle).as_secs_f64();
        let ours = ours.map(|language| (language.code, language.score.to_bits()));
        let theirs = theirs.map(|found| (found.lang().code(), found.confidence().to_bits()));
        assert_eq!(ours, theirs, "{text}");
    }
    for (group, scripts) in ["one language or none", "several"].iter().enumerate() {
        let [ours, theirs] = seconds[group].map(|seconds| bytes[group] as f64 / 1e6 / seconds);
        let texts = texts[group];
        println!("{name}, script of {scripts}: {texts} texts, {ours:.1} MB/s, whatlang {theirs:.1}");
    }
    assert!(texts.iter().sum::<usize>() > 1_000);
}

#[test]
fn sentences_of_75_and_112_languages_are_whatlangs() {
    compare("lid/lingua_sentences.jsonl.zst", usize::MAX);
    compare("lid/tatoeba_laser.jsonl.zst", usize::MAX);
}

#[test]
fn web_pages_are_whatlangs() {
    compare("raw/web_pages.jsonl.zst", 4_000);
    compare("raw/mixed_sources.jsonl.zst", 4_000);
}
