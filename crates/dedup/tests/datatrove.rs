//! Signatures and clusters of 5,761 real pages, identical to datatrove's. Needs `CORPUS_TEST_DATA`.
// The crate is pure; its test reads the data.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;

use dedup::Signature;
use dedup::datatrove::{roots, rows_of};
use sha1::{Digest, Sha1};
use text::normalize::simplify_text;
use text::shingles::{SHINGLE_WORDS, ShingleScratch, shingle_hashes};
use text::words::Splitter;

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("CORPUS_TEST_DATA").map(PathBuf::from);
    if folder.is_none() {
        assert!(std::env::var_os("CORPUS_REQUIRE_DATA").is_none(), "CORPUS_TEST_DATA is not set");
        eprintln!("skipped: CORPUS_TEST_DATA is not set");
    }
    folder
}

fn records(path: PathBuf) -> Vec<serde_json::Value> {
    let mut text = String::new();
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    zstd::Decoder::new(file).unwrap().read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn signatures_and_clusters_are_those_of_the_reference() {
    let Some(data) = data() else { return };
    let Some(splitter) = Splitter::from_name("spacy") else {
        eprintln!("skipped: there is no splitter `spacy`");
        return;
    };
    let pages = records(data.join("data/raw/web_pages.jsonl.zst"));
    let golden = records(data.join("golden/datatrove.filters.jsonl.zst"));
    assert_eq!(pages.len(), golden.len());

    let (mut normal, mut words, mut scratch) = (String::new(), Vec::new(), ShingleScratch::default());
    let (mut signatures, mut unequal) = (Vec::new(), Vec::new());
    for (page, golden) in pages.iter().zip(&golden) {
        assert_eq!(page["id"], golden["id"]);
        simplify_text(page["text"].as_str().unwrap(), &mut normal);
        splitter.split(&normal, &mut words);
        let hashes = shingle_hashes(&normal, &words, SHINGLE_WORDS, &mut scratch);
        let signature = Signature::of(hashes);
        let digest = signature.map(|signature| {
            Sha1::digest(signature.to_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        });
        let first = signature.map(|signature| signature.0[..2].to_vec());
        // Fewer than five words: the reference has no signature, and says nothing of shingles.
        let is_equal = match signature {
            None => golden["minhash_sha1"].is_null(),
            Some(_) => {
                golden["shingles"] == hashes.len()
                    && golden["minhash_sha1"] == serde_json::json!(digest)
                    && golden["minhash_first"] == serde_json::json!(first)
            }
        };
        if !is_equal {
            unequal.push(page["id"].as_str().unwrap());
        }
        signatures.push(signature);
    }
    eprintln!("{} of {} signatures are equal", pages.len() - unequal.len(), pages.len());
    assert!(unequal.is_empty(), "{unequal:?}");

    let numbers: HashMap<&str, u32> =
        pages.iter().zip(0..).map(|(page, number)| (page["id"].as_str().unwrap(), number)).collect();
    let clusters = records(data.join("golden/datatrove.minhash_clusters.jsonl.zst"));
    let is_kept = |member: &&serde_json::Value| member["removed"] == false;
    let number = |member: &serde_json::Value| numbers[member["id"].as_str().unwrap()];
    let kept: HashMap<u64, u32> = clusters
        .iter()
        .filter(is_kept)
        .map(|member| (member["cluster"].as_u64().unwrap(), number(member)))
        .collect();
    let mut expected: Vec<u32> = (0..pages.len() as u32).collect();
    for member in &clusters {
        expected[number(member) as usize] = kept[&member["cluster"].as_u64().unwrap()];
    }
    let found = roots(pages.len(), |band, rows| rows_of(&signatures, band, rows));
    let differences = found.iter().zip(&expected).filter(|(found, expected)| found != expected).count();
    let removed = expected.iter().zip(0..).filter(|(root, document)| **root != *document).count();
    eprintln!("{} clusters, {removed} documents removed, {differences} differ", kept.len());
    assert!(removed > 400);
    assert_eq!(differences, 0);
}
