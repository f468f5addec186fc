//! A clean corpus with 30 % of one kind of dirt: the filter against it finds it and nothing else, and the models of its arm
//! show it where they should, while the same text twice shows nothing.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{clean, corpus, scratch, stderr, table, texts};

const CLEAN: usize = 240;
const PLANTED: usize = CLEAN * 3 / 7;

/// Numbers by a linear congruence (Knuth's MMIX).
struct Draws(u64);

impl Draws {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

/// A sentence, in which a digit stands for a word or phrase of that list.
type Grammar = (&'static str, &'static [&'static [&'static str]]);

const ENGLISH: Grammar = (
    "2 the 1 0 3 a 1 0 4 the 0, 5 6.",
    &[
        &[
            "river", "teacher", "garden", "engine", "winter", "letter", "village", "captain", "kitchen",
            "harbour", "mountain", "blanket", "market", "violin", "orchard", "lantern", "station", "painter",
            "bridge", "window",
        ],
        &["quiet", "heavy", "golden", "narrow", "honest", "broken", "careful", "distant", "gentle"],
        &[
            "In the evening",
            "Once again",
            "That year",
            "Some say that",
            "We know that",
            "Long ago",
            "For a while",
            "As it was",
            "Without doubt",
            "Not far away",
        ],
        &["followed", "remembered", "carried", "described", "repaired", "watched", "forgot", "borrowed"],
        &["near", "behind", "with", "from", "under", "above", "beyond", "against"],
        &[
            "because they",
            "although she",
            "while nobody",
            "before we",
            "so that he",
            "since you",
            "but others",
            "and then I",
        ],
        &[
            "could not find it",
            "had hoped for more",
            "would have liked that",
            "were still waiting there",
            "should be at home",
            "went on with this",
            "did as they were told",
            "never saw it again",
        ],
    ],
);
const GERMAN: Grammar = (
    "2 der 1 0 3 einen Tag mit dem 0, 5 6.",
    &[
        &["Fluss", "Lehrer", "Garten", "Winter", "Brief", "Hafen", "Berg", "Markt", "Bahnhof", "Maler"],
        &["ruhige", "schwere", "goldene", "schmale", "ehrliche", "alte"],
        &["Am Abend verbrachte", "Wieder einmal verlor", "In diesem Jahr gewann", "Vor langer Zeit suchte"],
        &["noch", "schon", "gerne", "endlich"],
        &[],
        &["weil sie", "obwohl er", "bevor wir", "damit niemand"],
        &["es nicht finden konnte", "auf mehr gehofft hatte", "lange wartete", "zu Hause bleiben sollte"],
    ],
);

/// Three paragraphs of three sentences.
fn page(draws: &mut Draws, (sentence, words): Grammar) -> String {
    let mut sentence = || {
        let fill = |mark: char| match mark.to_digit(10) {
            Some(list) => words[list as usize][draws.below(words[list as usize].len())].to_owned(),
            None => mark.to_string(),
        };
        sentence.chars().map(fill).collect::<String>()
    };
    let mut paragraph = || (0..3).map(|_| sentence()).collect::<Vec<_>>().join(" ");
    (0..3).map(|_| paragraph()).collect::<Vec<_>>().join("\n")
}

/// Obscene words of the shipped list.
fn obscene() -> Vec<String> {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/lists/bad_words/en.txt");
    let list = fs::read_to_string(list).unwrap();
    let words = list.lines().filter_map(|line| line.strip_prefix("2\t")?.split('\t').next());
    words.filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase())).map(str::to_owned).collect()
}

fn planted(kind: &str, draws: &mut Draws) -> Vec<String> {
    let words = obscene();
    let repeated = page(draws, ENGLISH);
    let page = |_| match kind {
        "language" => page(draws, GERMAN),
        "duplicates" => repeated.clone(),
        "shuffled" => {
            let page = page(draws, ENGLISH);
            let mut words: Vec<&str> = page.split_whitespace().collect();
            (1..words.len()).rev().for_each(|end| words.swap(end, draws.below(end + 1)));
            // The last word is no end of a sentence.
            words.push("the");
            words.join(" ")
        }
        _ => {
            let page = page(draws, ENGLISH);
            let spoiled = page.split(' ').enumerate().map(|(at, word)| match at % 12 {
                5 => words[draws.below(words.len())].as_str(),
                _ => word,
            });
            spoiled.collect::<Vec<_>>().join(" ")
        }
    };
    (0..PLANTED).map(page).collect()
}

/// Cleans what is planted among clean pages; the folder, and the first reason of every page.
fn cleaned(folder: &Path, kind: &str) -> (PathBuf, Vec<Option<String>>) {
    let mut draws = Draws(7);
    let good: Vec<String> = (0..CLEAN).map(|_| page(&mut draws, ENGLISH)).collect();
    let pages = good.into_iter().chain(planted(kind, &mut draws));
    let lines = pages.map(|text| serde_json::json!({ "text": text }).to_string() + "\n").collect::<String>();
    let (raw, out) = (folder.join("raw"), folder.join("out"));
    fs::create_dir_all(&raw).unwrap();
    fs::write(raw.join("pages.jsonl"), lines).unwrap();
    let recipe = folder.join("recipe.toml");
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/recipes/default.toml");
    let default = fs::read_to_string(default).unwrap();
    fs::write(&recipe, format!("{default}\n[sample]\nheldout_share = 0.1\n")).unwrap();
    clean(&[&raw], &out, &["--quiet", "--recipe", recipe.to_str().unwrap()], 0);
    let reasons = texts(&table(&out, "ledger"), "reason");
    assert_eq!(reasons.len(), CLEAN + PLANTED);
    (out, reasons)
}

/// A metric of an arm, or its bits per byte on held-out pages that the recipe keeps; none where it was not asked.
fn value(outcome: &Value, metric: &str, arm: &str) -> Option<f64> {
    let find = |list: &Value, key: &str, name: &str| -> Option<Value> {
        list.as_array()?.iter().find(|one| one[key] == name).cloned()
    };
    match metric {
        "bits per byte" => {
            find(&find(&outcome["arms"], "arm", arm)?["heldout"], "set", "kept")?["bits_per_byte"].as_f64()
        }
        name => find(&find(&outcome["metrics"], "name", name)?["arms"], "arm", arm)?["value"].as_f64(),
    }
}

#[test]
fn dirt_is_found_by_its_filter_and_seen_in_its_metric() {
    for (kind, stages, arm, metric, sign) in [
        ("language", &["language."][..], "language_only", "bits per byte", -1.0),
        ("shuffled", &["gopher_", "c4_", "fineweb_"], "only:heuristics", "margin.shuffle", 1.0),
        ("duplicates", &["exact_dedup."], "only:dedup", "memorised.16+", 1.0),
        ("toxic", &["bad_words."], "only:toxicity", "toxic.listed_word", -1.0),
    ] {
        let folder = scratch();
        let (out, reasons) = cleaned(folder.path(), kind);
        let is_by = |reason: &&Option<String>| {
            reason.as_ref().is_some_and(|reason| stages.iter().any(|stage| reason.starts_with(stage)))
        };
        let (good, dirt) = reasons.split_at(CLEAN);
        let n_kept = good.iter().filter(|reason| reason.is_none()).count();
        let n_found = dirt.iter().filter(is_by).count();
        // Of what stands there again and again, one stays.
        assert!(n_kept * 100 >= CLEAN * 98, "{kind}: {n_kept} of {CLEAN} clean pages are kept");
        assert!(n_found * 100 >= PLANTED * 98, "{kind}: {n_found} of {PLANTED} are found: {dirt:?}");
        let arms = format!("{arm},raw2");
        let output = corpus()
            .arg("ablate")
            .arg(&out)
            .args(["--preset", "tiny", "--seeds", "3", "--extra-seeds", "0", "--arms", &arms])
            .args(["--format", "json", "--quiet"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
        // Who has read no page with so many copies remembers none.
        let found = value(&outcome, metric, arm).unwrap_or(0.0) - value(&outcome, metric, "raw").unwrap();
        eprintln!("{kind}: {arm} − raw is {found:+.3} in {metric}");
        assert!(found * sign > 0.0, "{kind}: {arm} − raw is {found} in {metric}");
        let controls = outcome["ablation"]["controls"].as_array().unwrap();
        let silence = controls.iter().find(|control| control["arm"] == "raw2").unwrap();
        assert_eq!(silence["is_met"], true, "{kind}: {}", outcome["comparisons"]);
    }
}
