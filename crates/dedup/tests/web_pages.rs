//! Deduplication of 5,761 real pages, measured against the exact similarity of all pairs and against the
//! reference's own normal forms. Needs `CORPUS_TEST_DATA`.
// The crate is pure; its test reads the data.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;

use dedup::minhash::band_probability;
use dedup::resolve::longest_first;
use dedup::{
    BandKeys, By, Candidates, Duplicate, Options, Signature, Sketch, Verify, clusters, jaccard, resolve,
};
use sha1::{Digest, Sha1};
use text::normalize::simplify_text;
use text::shingles::{SHINGLE_WORDS, ShingleScratch, normalized_words, shingle_hashes};
use text::stable_hash::hash128;

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("CORPUS_TEST_DATA").map(PathBuf::from);
    if folder.is_none() {
        assert!(std::env::var_os("CORPUS_REQUIRE_DATA").is_none(), "CORPUS_TEST_DATA is not set");
        eprintln!("skipped: CORPUS_TEST_DATA is not set");
    }
    folder
}

fn read(path: PathBuf) -> String {
    let mut text = String::new();
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    zstd::Decoder::new(file).unwrap().read_to_string(&mut text).unwrap();
    text
}

struct Pages {
    ids: Vec<String>,
    texts: Vec<String>,
}

fn pages(data: &std::path::Path) -> Pages {
    let (mut ids, mut texts) = (Vec::new(), Vec::new());
    for line in read(data.join("data/raw/web_pages.jsonl.zst")).lines() {
        let page: serde_json::Value = serde_json::from_str(line).unwrap();
        ids.push(page["id"].as_str().unwrap().to_string());
        texts.push(page["text"].as_str().unwrap().to_string());
    }
    Pages { ids, texts }
}

#[test]
fn normal_forms_are_those_of_the_reference() {
    let Some(data) = data() else { return };
    let pages = pages(&data);
    let texts: HashMap<&str, &str> =
        pages.ids.iter().map(String::as_str).zip(pages.texts.iter().map(String::as_str)).collect();
    let (mut checked, mut unequal, mut out) = (0, Vec::new(), String::new());
    for line in read(data.join("golden/datatrove.words.jsonl.zst")).lines() {
        let golden: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = golden["id"].as_str().unwrap();
        simplify_text(texts[id], &mut out);
        let digest: String = Sha1::digest(&out).iter().map(|byte| format!("{byte:02x}")).collect();
        if golden["simplify_sha1"] != digest.as_str() {
            unequal.push(id.to_string());
        }
        checked += 1;
    }
    eprintln!("{} of {checked} normal forms are equal", checked - unequal.len());
    assert!(checked > 1400);
    assert!(unequal.is_empty(), "{unequal:?}");
}

struct Signed {
    shingles: Vec<Vec<u64>>,
    exact: Vec<Option<u128>>,
    bands: Vec<Option<BandKeys>>,
    sketches: Vec<Sketch>,
    rank: Vec<u64>,
}

fn sign(texts: &[String]) -> Signed {
    let (mut normal, mut words, mut scratch) = (String::new(), Vec::new(), ShingleScratch::default());
    let mut shingles = Vec::new();
    for text in texts {
        simplify_text(text, &mut normal);
        normalized_words(&normal, &mut words);
        shingles.push(shingle_hashes(&normal, &words, SHINGLE_WORDS, &mut scratch).to_vec());
    }
    let signatures: Vec<Option<Signature>> = shingles.iter().map(|hashes| Signature::of(hashes)).collect();
    Signed {
        exact: texts.iter().map(|text| Some(hash128(text.as_bytes()))).collect(),
        bands: signatures.iter().map(|signature| signature.as_ref().map(Signature::band_keys)).collect(),
        sketches: signatures.iter().map(|s| s.as_ref().map_or(Sketch::EMPTY, Signature::sketch)).collect(),
        rank: texts.iter().map(|text| longest_first(text.len() as u64)).collect(),
        shingles: shingles.into_iter().map(ascending).collect(),
    }
}

/// As [`jaccard`] wants them.
fn ascending(mut hashes: Vec<u64>) -> Vec<u64> {
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// The share of dropped documents that are not even half like the document kept in their stead.
fn wrongly_dropped(verdicts: &[Option<Duplicate>], truth: &HashMap<(u32, u32), f64>) -> (usize, usize) {
    let dropped = verdicts.iter().enumerate().filter_map(|(at, verdict)| verdict.map(|d| (at as u32, d.of)));
    let (mut all, mut wrong) = (0, 0);
    for (a, b) in dropped {
        all += 1;
        wrong += usize::from(!truth.contains_key(&(a.min(b), a.max(b))));
    }
    (all, wrong)
}

#[test]
fn near_duplicates_are_found_and_nothing_else() {
    let Some(data) = data() else { return };
    let pages = pages(&data);
    let numbers: HashMap<&str, u32> =
        pages.ids.iter().enumerate().map(|(number, id)| (id.as_str(), number as u32)).collect();
    let mut truth = HashMap::new();
    for line in read(data.join("data/truth/web_pages.near_duplicates.tsv.zst")).lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let (a, b) = (numbers[fields[1]], numbers[fields[2]]);
        truth.insert((a.min(b), a.max(b)), fields[0].parse::<f64>().unwrap());
    }
    let signed = sign(&pages.texts);
    let shingles = |document: u32| signed.shingles[document as usize].iter().copied();
    let from_text = |a: u32, b: u32| jaccard(shingles(a), shingles(b));

    // Recall of pairs by similarity, beside what the bands promise.
    let mut found = [(0_u32, 0_u32, 0.0); 5];
    for (&(a, b), &similarity) in &truth {
        let (Some(of_a), Some(of_b)) = (signed.bands[a as usize], signed.bands[b as usize]) else { continue };
        let class = &mut found[(((similarity - 0.5) * 10.0 + 1e-9) as usize).min(4)];
        class.0 += 1;
        class.1 += u32::from(of_a.iter().zip(&of_b).any(|(a, b)| a == b));
        // The truth's words differ a little from ours (case, digits), and so do its similarities.
        class.2 += band_probability(from_text(a, b));
    }
    for (class, (pairs, shared, expected)) in found.into_iter().enumerate() {
        let (recall, theory) = (f64::from(shared) / f64::from(pairs), expected / f64::from(pairs));
        eprintln!("similarity from 0.{}: {pairs} pairs, recall {recall:.3}, theory {theory:.3}", class + 5);
        // Generous: pairs come from a few families of pages that share a core, so they are not independent.
        assert!(recall > theory - 0.12, "recall {recall} but {theory} expected");
    }
    assert!(f64::from(found[4].1) / f64::from(found[4].0) > 0.99);

    let candidates = Candidates {
        urls: &[],
        exact: &signed.exact,
        bands: &signed.bands,
        sketches: &signed.sketches,
        rank: &signed.rank,
    };
    let mut outcomes = Vec::new();
    for (name, verify) in
        [("sketch", Verify::Sketch), ("text", Verify::Text(&from_text)), ("nothing", Verify::Nothing)]
    {
        let verdicts = resolve(&candidates, &Options { verify, ..Options::default() }).unwrap();
        let clusters = clusters(&verdicts, 1);
        let verdicts: Vec<_> = verdicts.iter().collect();
        let exact = verdicts.iter().flatten().filter(|d| d.by == By::Exact).count();
        // Only near-duplicates: exact ones of fewer than five words have no place in the truth.
        let near: Vec<_> = verdicts.iter().map(|verdict| verdict.filter(|d| d.by == By::Near)).collect();
        let (dropped, wrong) = wrongly_dropped(&near, &truth);
        let left = truth.iter().filter(|((a, b), similarity)| {
            **similarity >= 0.9 && verdicts[*a as usize].is_none() && verdicts[*b as usize].is_none()
        });
        let left = left.count();
        eprintln!(
            "verified by {name}: {exact} exact, {dropped} near, {wrong} of them below 0.5 to the kept page; \
             {left} pairs from 0.9 on left; {} clusters, the largest of {}",
            clusters.sizes.values().sum::<u64>(),
            clusters.largest[0].dropped.len() + 1
        );
        for duplicate in verdicts.iter().flatten() {
            assert!(verdicts[duplicate.of as usize].is_none(), "the kept page is kept");
        }
        outcomes.push((dropped, wrong, left));
    }
    let [sketch, text, nothing] = outcomes[..] else { panic!("three ways of verifying") };
    assert!(sketch.1 * 100 <= sketch.0, "at most 1 % of what is dropped is not a near-duplicate");
    // Two listings that differ in their line numbers alone, which the normal form takes for equal.
    assert_eq!(text.1, 2);
    assert!(nothing.1 > 5 * sketch.1.max(1), "verification matters on these pages");
    assert!(sketch.2 <= 5 && text.2 <= 5, "what is nearly the same is dropped");
}
