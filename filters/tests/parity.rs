//! Decisions on real web pages against those of the reference (datatrove 0.10), document by document.
//! Rules that need no words must agree everywhere, and so must the text that C4's line rules leave. The reference's
//! words and sentences are spaCy's, ours UAX 29's, so the other rules have floors. Needs `CORPUS_TEST_DATA`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout
)]

mod pages;

use document::{Document, FilterSpec, Judge, LineEdits, OptionValue, Raised, Scope, Settings, Signals, Test};
use sha1::{Digest, Sha1};
use text::{Scanner, Splitter, StopWords};

/// One filter of the reference.
struct Reference {
    key: &'static str,
    /// Least share of documents with the same decision and with the same reason, in %.
    floors: [f64; 2],
    /// The reference's reasons and ours, in its order; the third says that the rule needs words or sentences.
    reasons: &'static [(&'static str, &'static str, bool)],
}

const C4: &[(&str, &str, bool)] = &[
    ("lorem_ipsum", "lorem_ipsum", false),
    ("curly_bracket", "curly_bracket", false),
    ("too_few_sentences", "too_few_sentences", true),
];

/// Floors are the measured shares, rounded down. Most of what differs is `too_few_alphabetic_words`: UAX 29 cuts `...`
/// into three words and `1/2/2020` into five and leaves `don't` whole, spaCy does the opposite, and prose is near
/// the limit as marks count.
const REFERENCES: &[Reference] = &[
    Reference {
        key: "gopher_repetition",
        floors: [97.5, 97.0],
        reasons: &[
            ("dup_para_frac", "duplicate_paragraphs", false),
            ("dup_para_char_frac", "duplicate_paragraph_chars", false),
            ("dup_line_frac", "duplicate_lines", false),
            ("dup_line_char_frac", "duplicate_line_chars", false),
            ("top_2_gram", "frequent_2_gram", true),
            ("top_3_gram", "frequent_3_gram", true),
            ("top_4_gram", "frequent_4_gram", true),
            ("duplicated_5_n_grams", "duplicate_5_grams", true),
            ("duplicated_6_n_grams", "duplicate_6_grams", true),
            ("duplicated_7_n_grams", "duplicate_7_grams", true),
            ("duplicated_8_n_grams", "duplicate_8_grams", true),
            ("duplicated_9_n_grams", "duplicate_9_grams", true),
            ("duplicated_10_n_grams", "duplicate_10_grams", true),
        ],
    },
    Reference {
        key: "gopher_quality",
        floors: [94.5, 87.5],
        reasons: &[
            ("gopher_short_doc", "too_few_words", true),
            ("gopher_long_doc", "too_many_words", true),
            ("gopher_below_avg_threshold", "odd_word_length", true),
            ("gopher_above_avg_threshold", "odd_word_length", true),
            ("gopher_too_many_hashes", "too_many_hashes", true),
            ("gopher_too_many_ellipsis", "too_many_ellipses", true),
            ("gopher_too_many_bullets", "too_many_bullets", false),
            ("gopher_too_many_end_ellipsis", "too_many_ellipsis_lines", false),
            ("gopher_below_alpha_threshold", "too_few_alphabetic_words", true),
            ("gopher_enough_stop_words", "too_few_stop_words", true),
        ],
    },
    Reference { key: "c4_quality", floors: [99.5, 99.5], reasons: C4 },
    Reference { key: "c4_quality_no_punct", floors: [99.5, 99.5], reasons: C4 },
    Reference {
        key: "c4_paragraph",
        floors: [100.0, 100.0],
        reasons: &[("< 3 paragraphs", "too_few_paragraphs", false)],
    },
    Reference {
        key: "fineweb_quality",
        floors: [99.5, 99.5],
        reasons: &[
            ("empty", "no_lines", false),
            ("line_punct_ratio", "too_few_punctuated_lines", false),
            ("short_line_ratio", "too_many_short_lines", false),
            ("char_dup_ratio", "duplicate_line_characters", false),
            ("list_ratio", "too_many_newlines", true),
        ],
    },
];

/// FineWeb's filters in its order, each on the text that the one before left.
const CHAIN: [&str; 4] = ["gopher_repetition", "gopher_quality", "c4_quality_no_punct", "fineweb_quality"];
const CHAIN_FLOOR: f64 = 98.0;

struct Ours {
    scanner: Scanner,
    stops: StopWords,
}

impl Ours {
    /// The failed checks, and the text that a line filter leaves.
    fn judge(&mut self, key: &str, text: &str) -> (Vec<&'static str>, Option<String>) {
        let spec = filters::find(key.trim_end_matches("_no_punct")).unwrap();
        let settings = settings(spec, key == "c4_quality");
        let (mut signals, mut raised, mut buffer) = (Signals::default(), Raised::default(), String::new());
        let mut kept = None;
        match spec.judge {
            Judge::Bounds => {
                let needs = spec.columns().into_iter().collect();
                self.scanner.scan(text, needs, &Splitter::Uax29, Some(&self.stops), &mut signals);
            }
            Judge::Document(build) => {
                let filter = build(&settings).unwrap();
                filter.judge(&mut Document::new(text), &mut signals, &mut raised, &mut buffer);
            }
            Judge::Lines(build) => {
                let (filter, mut edits) = (build(&settings).unwrap(), LineEdits::default());
                let document = Document::new(text);
                filter.judge_lines(&document, &mut edits, &mut signals, &mut raised, &mut buffer);
                edits.apply(text, kept.insert(String::new()));
            }
        }
        let checks = spec.checks.iter().enumerate().filter(|(_, check)| check.scope == Scope::Document);
        let failed = checks.filter(|(index, check)| match check.test {
            Test::Own => raised.contains(*index),
            Test::Bound(signal, bound) => !bound.keeps(signals.get(signal).unwrap()),
        });
        (failed.map(|(_, check)| check.reason).collect(), kept)
    }

    fn keeps_by_the_chain(&mut self, text: &str) -> bool {
        let mut text = text.to_owned();
        CHAIN.iter().all(|key| {
            let (failed, kept) = self.judge(key, &text);
            text = kept.unwrap_or_else(|| std::mem::take(&mut text));
            failed.is_empty()
        })
    }
}

fn settings(spec: &FilterSpec, punctuation: bool) -> Settings {
    let mut settings = Settings { splitter: "uax29".into(), ..Settings::default() };
    for option in spec.options {
        if let Ok(number) = option.default.parse() {
            settings.options.insert(option.key.into(), OptionValue::Number(number));
        }
    }
    settings.options.insert("terminal_punctuation".into(), OptionValue::Bool(punctuation));
    settings
}

fn sha1_hex(text: &str) -> String {
    Sha1::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Default)]
struct Counts {
    decision: usize,
    reason: usize,
    /// Documents of which a rule without words decides otherwise.
    wordless: usize,
    /// Documents whose kept text is another, of `texts`.
    other_text: usize,
    texts: usize,
    /// Other decision, by our and their reason.
    pairs: std::collections::BTreeMap<(String, String), usize>,
}

/// The reference stops at its first failure, so all rules before it pass, and rules after it are unknown.
fn differs_without_words(reference: &Reference, place: usize, failed: &[&str]) -> bool {
    reference
        .reasons
        .iter()
        .enumerate()
        .take(place + 1)
        .any(|(at, (_, ours, needs_words))| !needs_words && failed.contains(ours) != (at == place))
}

#[test]
fn decisions_are_those_of_the_reference() {
    let Some(folder) = pages::data() else { return };
    let documents = pages::open(&folder.join("data/raw/web_pages.jsonl.zst"));
    let golden = pages::open(&folder.join("golden/datatrove.filters.jsonl.zst"));
    let mut ours =
        Ours { scanner: Scanner::new(), stops: StopWords::new(filters::stop_words("en").unwrap()) };
    let mut table: Vec<Counts> = REFERENCES.iter().map(|_| Counts::default()).collect();
    let (mut total, mut same_chain, mut examples) = (0, 0, Vec::new());
    for (page, golden) in documents.zip(golden) {
        let text = page["text"].as_str().unwrap();
        assert_eq!(page["id"], golden["id"]);
        total += 1;
        for (reference, counts) in REFERENCES.iter().zip(&mut table) {
            let key = reference.key;
            let (failed, kept) = ours.judge(key, text);
            let theirs = golden[key].as_str().unwrap();
            let place = reference.reasons.iter().position(|(name, ..)| *name == theirs);
            assert!(place.is_some() || theirs == "keep", "{key}: {theirs}");
            let theirs = place.map_or("keep", |place| reference.reasons[place].1);
            let reason = failed.first().copied().unwrap_or("keep");
            counts.decision += ((reason == "keep") == (theirs == "keep")) as usize;
            counts.reason += (reason == theirs) as usize;
            if (reason == "keep") != (theirs == "keep") {
                *counts.pairs.entry((reason.into(), theirs.into())).or_default() += 1;
            }
            let place = place.unwrap_or(reference.reasons.len());
            let wordless = differs_without_words(reference, place, &failed);
            let sha1 = golden[format!("{key}_text_sha1")].as_str();
            let other = sha1.is_some_and(|sha1| sha1 != sha1_hex(kept.as_deref().unwrap_or(text)));
            counts.texts += sha1.is_some() as usize;
            counts.wordless += wordless as usize;
            counts.other_text += other as usize;
            if wordless || other {
                examples.push(format!("{key}: {failed:?}, not {theirs}: {}", page["id"]));
            }
        }
        same_chain += (ours.keeps_by_the_chain(text) == (golden["fineweb_chain"] == "keep")) as usize;
    }
    let percent = |count: usize| 100.0 * count as f64 / total as f64;
    println!("{total} documents    same decision  same reason  other without words  other text");
    for (reference, counts) in REFERENCES.iter().zip(&table) {
        println!(
            "{:20} {:11.2} % {:10.2} % {:20} {:6} of {}",
            reference.key,
            percent(counts.decision),
            percent(counts.reason),
            counts.wordless,
            counts.other_text,
            counts.texts
        );
    }
    println!("fineweb_chain        {:11.2} %", percent(same_chain));
    for (reference, counts) in REFERENCES.iter().zip(&table) {
        for ((reason, theirs), count) in counts.pairs.iter().filter(|(_, count)| **count >= 10) {
            println!("{}: {reason}, not {theirs}: {count}", reference.key);
        }
    }
    examples.iter().take(20).for_each(|example| println!("{example}"));
    assert!(total > 0 && examples.is_empty());
    for (reference, counts) in REFERENCES.iter().zip(&table) {
        let [decision, reason] = reference.floors;
        assert!(percent(counts.decision) >= decision, "{}", reference.key);
        assert!(percent(counts.reason) >= reason, "{}", reference.key);
    }
    assert!(percent(same_chain) >= CHAIN_FLOOR);
}

#[test]
fn there_are_about_as_many_words_and_sentences_as_in_the_reference() {
    let Some(folder) = pages::data() else { return };
    let mut golden = pages::open(&folder.join("golden/datatrove.words.jsonl.zst")).peekable();
    let (mut words, mut ratios) = (Vec::new(), [Vec::new(), Vec::new()]);
    for page in pages::open(&folder.join("data/raw/web_pages.jsonl.zst")) {
        let Some(golden) = golden.next_if(|golden| golden["id"] == page["id"]) else { continue };
        let text = page["text"].as_str().unwrap();
        Splitter::Uax29.split(text, &mut words);
        // For UAX 29 a line end ends a sentence, for spaCy it does not.
        let unbroken = text.replace(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'], " ");
        let ours = [words.len(), Splitter::Uax29.sentences(&unbroken)];
        for ((ours, key), ratios) in ours.into_iter().zip(["n_words", "n_sentences"]).zip(&mut ratios) {
            ratios.push(ours as f64 / golden[key].as_f64().unwrap().max(1.0));
        }
    }
    assert!(golden.next().is_none());
    for (ratios, name) in ratios.iter_mut().zip(["words", "sentences"]) {
        ratios.sort_by(f64::total_cmp);
        let quantile = |percent: usize| ratios[(ratios.len() - 1) * percent / 100];
        let quantiles = [5, 25, 50, 75, 90].map(|percent| format!("{:.3}", quantile(percent)));
        println!("{name}, ours / theirs at 5, 25, 50, 75, 90 % of {}: {}", ratios.len(), quantiles.join(" "));
        assert!((quantile(50) - 1.0).abs() < 0.05, "{name}");
    }
}
