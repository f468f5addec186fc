//! Deduplication of 5,761 real pages, measured against the exact similarity of all pairs and against the
//! reference's own normal forms; and of 47,206 documents of mixed sources. Needs `CORPUS_TEST_DATA`.
//!
//! `cargo test --release -p dedup --test web_pages -- --nocapture` prints what it found;
//! `CORPUS_SHOW_DROPS=file.tsv` lists 200 drops of the mixed sources to look at.
// The crate is pure; its test reads the data.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::PathBuf;

use dedup::minhash::band_probability;
use dedup::resolve::longest_first;
use dedup::{
    BandKeys, By, Candidates, Duplicate, Options, Signature, Sketch, Verify, clusters, jaccard, resolve,
};
use sha1::{Digest, Sha1};
use text::characters::is_word_character;
use text::normalize::simplify_text;
use text::shingles::{SHINGLE_WORDS, ShingleScratch, normalized_words, shingle_hashes};
use text::stable_hash::hash128;
use xxhash_rust::xxh64::xxh64;

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

#[derive(Default)]
struct Pages {
    ids: Vec<String>,
    texts: Vec<String>,
    sources: Vec<String>,
}

fn pages(data: &std::path::Path, name: &str) -> Pages {
    let mut pages = Pages::default();
    for line in read(data.join("data/raw").join(name)).lines() {
        let page: serde_json::Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| page[name].as_str().unwrap().to_string();
        pages.ids.push(field("id"));
        pages.texts.push(field("text"));
        pages.sources.push(field("source"));
    }
    pages
}

#[test]
fn normal_forms_are_those_of_the_reference() {
    let Some(data) = data() else { return };
    let pages = pages(&data, "web_pages.jsonl.zst");
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

impl Signed {
    fn candidates(&self) -> Candidates<'_> {
        let Signed { exact, bands, sketches, rank, .. } = self;
        Candidates { urls: &[], exact, bands, sketches, rank }
    }
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

/// The truth's shingles: five words in a row, which are lower-cased runs of `\w`.
fn word_shingles(text: &str) -> Vec<u64> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|c| !is_word_character(c)).filter(|word| !word.is_empty()).collect();
    ascending(words.windows(5).map(|words| xxh64(words.join(" ").as_bytes(), 0)).collect())
}

/// Of the texts as they are, by the truth's shingles.
fn true_similarity(a: &str, b: &str) -> f64 {
    if a == b { 1.0 } else { jaccard(word_shingles(a), word_shingles(b)) }
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
    let pages = pages(&data, "web_pages.jsonl.zst");
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

    let candidates = signed.candidates();
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

/// What of the documents is dropped as a near-duplicate, and how much of it for a document that it is not even half like.
#[derive(Debug, PartialEq)]
struct Drops {
    exact: usize,
    near: usize,
    below_half: usize,
    /// Sources of 20 documents or more that lost more than nine tenths.
    emptied_sources: usize,
}

fn drops(
    pages: &Pages,
    candidates: &Candidates<'_>,
    verify: Verify<'_>,
) -> (Drops, Vec<(u32, Duplicate, f64)>) {
    let verdicts = resolve(candidates, &Options { verify, ..Options::default() }).unwrap();
    let mut drops = Drops { exact: 0, near: 0, below_half: 0, emptied_sources: 0 };
    let (mut sources, mut near): (BTreeMap<&str, (usize, usize, usize)>, _) = (BTreeMap::new(), Vec::new());
    for (at, verdict) in verdicts.iter().enumerate() {
        let source = sources.entry(&pages.sources[at]).or_default();
        source.0 += 1;
        let Some(duplicate) = verdict else { continue };
        source.1 += 1;
        match duplicate.by {
            By::Near => {
                let similarity = true_similarity(&pages.texts[at], &pages.texts[duplicate.of as usize]);
                drops.near += 1;
                drops.below_half += usize::from(similarity < 0.5);
                source.2 += usize::from(similarity < 0.5);
                near.push((at as u32, duplicate, similarity));
            }
            _ => drops.exact += 1,
        }
    }
    let mut most: Vec<_> =
        sources.into_iter().filter(|(_, (all, dropped, _))| *all >= 20 && *dropped > 0).collect();
    most.sort_by(|(_, a), (_, b)| (b.1 * a.0).cmp(&(a.1 * b.0)));
    drops.emptied_sources = most.iter().filter(|(_, (all, dropped, _))| 10 * dropped > 9 * all).count();
    eprintln!("{drops:?}");
    for (source, (all, dropped, below)) in most.iter().take(12) {
        eprintln!(
            "    {:5.1} % of {all} of {source}: {dropped} dropped, {below} below 0.5",
            100.0 * *dropped as f64 / *all as f64
        );
    }
    (drops, near)
}

#[test]
fn verified_drops_are_alike() {
    let Some(data) = data() else { return };
    for (name, expected) in [
        ("web_pages.jsonl.zst", [(755, 245, 2, 0), (755, 243, 2, 0), (755, 355, 36, 0)]),
        ("mixed_sources.jsonl.zst", [(533, 1509, 184, 0), (533, 1502, 200, 0), (533, 1930, 496, 0)]),
    ] {
        let pages = pages(&data, name);
        let signed = sign(&pages.texts);
        let shingles = |document: u32| signed.shingles[document as usize].iter().copied();
        let from_text = |a: u32, b: u32| jaccard(shingles(a), shingles(b));
        let candidates = signed.candidates();
        let ways =
            [("sketch", Verify::Sketch), ("text", Verify::Text(&from_text)), ("nothing", Verify::Nothing)];
        let mut found = Vec::new();
        for (by, verify) in ways {
            eprintln!("{name}, verified by {by}:");
            let (drops, near) = drops(&pages, &candidates, verify);
            found.push((drops.exact, drops.near, drops.below_half, drops.emptied_sources));
            if let (Some(path), "sketch", "mixed_sources.jsonl.zst") =
                (std::env::var_os("CORPUS_SHOW_DROPS"), by, name)
            {
                show(&pages, near, std::path::Path::new(&path));
            }
        }
        assert_eq!(found, expected, "{name}");
    }
}

/// Writes the 200 near-duplicates whose ids have the smallest hashes: similarity of the texts, estimate, sizes, ids.
fn show(pages: &Pages, mut near: Vec<(u32, Duplicate, f64)>, path: &std::path::Path) {
    let id = |document: u32| pages.ids[document as usize].as_str();
    near.sort_by_key(|(document, ..)| xxh64(id(*document).as_bytes(), 2026));
    let row = |(document, twin, similarity): &(u32, Duplicate, f64)| {
        let [a, b] =
            [*document, twin.of].map(|document| (pages.texts[document as usize].len(), id(document)));
        format!("{similarity:.3}\t{:.3}\t{}\t{}\t{}\t{}\n", twin.similarity, a.0, b.0, a.1, b.1)
    };
    std::fs::write(path, near.iter().take(200).map(row).collect::<String>()).unwrap();
}
