//! A run as it could have been, for tests and for looking at the page; every text is ours.

use std::collections::BTreeMap;

use document::{
    CheckTally, Counts, FoundItems, GroupTally, Histogram, Moves, Reason, Reasons, Scale, Signal, StageTally,
    Tally, steps,
};

use crate::fixture_training::training;
use crate::*;

/// stage, kind, source, about.
const STAGES: &[(&str, StageKind, &str, &str)] = &[
    ("input", StageKind::Input, "", "What could not be read as a document."),
    ("language", StageKind::Filter, "whatlang 0.18", "Is it in a wanted language?"),
    ("gopher_repetition", StageKind::Filter, "Rae et al. 2021, Table A1", "Does the text repeat itself?"),
    (
        "gopher_quality",
        StageKind::Filter,
        "Rae et al. 2021, A.1.1",
        "Is this page prose, written for people?",
    ),
    (
        "c4_quality",
        StageKind::Filter,
        "Raffel et al. 2020, 2.2",
        "Lines that are sentences, pages that have some.",
    ),
    ("fineweb_quality", StageKind::Filter, "Penedo et al. 2024, 3.6", "Are its lines a text's lines?"),
    ("bad_words", StageKind::Filter, "our severities", "Is it abusive?"),
    ("exact_dedup", StageKind::ExactDedup, "", "The same text again."),
    ("minhash", StageKind::Minhash, "Broder 1997; Lee et al. 2022", "Nearly the same text again."),
    ("tokenize", StageKind::Tokenize, "", ""),
    ("pack", StageKind::Pack, "", ""),
];

/// stage, reason, signal, bound, low, high, line?, first documents, alone documents, any documents or lines.
type Row = (&'static str, &'static str, &'static str, Option<f64>, Option<f64>, bool, u64, u64, u64);
const CHECKS: &[Row] = &[
    ("input", "not_utf8", "", None, None, false, 14, 14, 14),
    ("input", "empty", "", None, None, false, 61, 61, 61),
    ("language", "other_language", "", None, None, false, 9_204, 7_871, 9_204),
    ("language", "unsure", "language_score", Some(0.5), None, false, 611, 203, 611),
    ("gopher_repetition", "duplicate_paragraphs", "duplicate_paragraphs", None, Some(0.3), false, 88, 3, 88),
    ("gopher_repetition", "duplicate_lines", "duplicate_lines", None, Some(0.3), false, 312, 21, 355),
    ("gopher_repetition", "top_2_gram", "top_2_gram", None, Some(0.2), false, 145, 77, 190),
    ("gopher_repetition", "duplicate_5_grams", "duplicate_5_grams", None, Some(0.15), false, 702, 240, 811),
    ("gopher_quality", "too_few_words", "words", Some(50.0), None, false, 1_718, 402, 1_903),
    ("gopher_quality", "too_many_words", "words", None, Some(100_000.0), false, 1, 1, 1),
    ("gopher_quality", "odd_word_length", "mean_word_length", Some(3.0), Some(10.0), false, 66, 4, 121),
    ("gopher_quality", "too_few_alphabetic_words", "alphabetic_words", Some(0.8), None, false, 488, 61, 733),
    ("gopher_quality", "too_few_stop_words", "stop_words", Some(2.0), None, false, 91, 12, 640),
    ("c4_quality", "no_terminal_punctuation", "", None, None, true, 0, 0, 210_441),
    ("c4_quality", "javascript", "", None, None, true, 0, 0, 902),
    ("c4_quality", "too_few_sentences", "sentences", Some(5.0), None, false, 1_304, 366, 3_870),
    ("c4_quality", "lorem_ipsum", "lorem_ipsum", None, Some(0.0), false, 6, 2, 9),
    (
        "fineweb_quality",
        "too_few_punctuated_lines",
        "punctuated_lines",
        Some(0.12),
        None,
        false,
        288,
        190,
        1_520,
    ),
    ("fineweb_quality", "too_many_short_lines", "short_lines", None, Some(0.67), false, 204, 71, 1_211),
    ("bad_words", "severe", "bad_words_severe", None, Some(0.0), false, 37, 31, 44),
    ("exact_dedup", "duplicate", "", None, None, false, 455, 455, 455),
    ("minhash", "duplicate", "", None, None, false, 902, 902, 902),
];

/// Bytes of a typical document; what is short weighs less.
const DOCUMENT_BYTES: u64 = 3_400;
/// What a hostile page could try.
pub const HOSTILE: &str = "</script><script>alert(1)</script><!--<script> \u{202e}reversed\u{202c} \0 NUL \u{2028} \
                           &lt;b&gt; <img src=x onerror=alert(2)> ]]> {{style}} {hash} '\"`${alert(3)}";

pub struct Noise(pub u64);

impl Noise {
    /// Roughly normal, mean 0, deviation 1.
    pub fn next(&mut self) -> f64 {
        let mut sum = 0.0;
        for _ in 0..12 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            sum += (self.0 >> 11) as f64 / (1u64 << 53) as f64;
        }
        sum - 6.0
    }
}

fn counts(documents: u64, bytes_each: u64) -> Counts {
    Counts { documents, bytes: documents * bytes_each }
}

pub fn run() -> Run {
    let input = counts(24_816, DOCUMENT_BYTES);
    let (mut reached, mut stages) = (input, Vec::new());
    let (mut checks, mut reasons) = (Vec::new(), Vec::new());
    for (name, ..) in STAGES {
        let mut dropped = Counts::default();
        for &(stage, reason, signal, low, high, is_line, first, alone, any) in
            CHECKS.iter().filter(|c| c.0 == *name)
        {
            let each = if reason.contains("few") { 900 } else { DOCUMENT_BYTES + 17 };
            let (first, alone) = (counts(first, each), counts(alone, each));
            let (any, lines) = if is_line { (Counts::default(), any) } else { (counts(any, each), 0) };
            dropped =
                Counts { documents: dropped.documents + first.documents, bytes: dropped.bytes + first.bytes };
            checks.push(CheckTally { first, alone, any, lines });
            reasons.push(Reason {
                stage: stage.into(),
                reason: reason.into(),
                signal: (!signal.is_empty()).then(|| signal.into()),
                bound: match (low, high) {
                    (Some(low), Some(high)) => format!("{low} … {high}"),
                    (Some(low), None) => format!("≥ {low}"),
                    (None, Some(high)) => format!("≤ {high}"),
                    (None, None) => String::new(),
                },
                low,
                high,
                is_line,
                is_edit: false,
                why: "One sentence that says why such a document teaches little.".into(),
            });
        }
        let cut_bytes = if *name == "c4_quality" { 3_911_204 } else { 0 };
        stages.push(StageTally { reached, dropped, cut_bytes });
        reached = Counts {
            documents: reached.documents - dropped.documents,
            bytes: reached.bytes - dropped.bytes - cut_bytes as u64,
        };
    }
    let mut overlap: BTreeMap<u8, BTreeMap<u8, u64>> = BTreeMap::new();
    for (a, one) in checks.iter().enumerate().skip(2) {
        for (b, other) in checks.iter().enumerate().skip(a + 1) {
            let both = one.any.documents.min(other.any.documents) / (b - a + 1) as u64;
            if both > 0 {
                overlap.entry(a as u8).or_default().insert(b as u8, both);
            }
        }
    }
    let tally = Tally {
        input,
        kept: reached,
        kept_input_bytes: reached.bytes + 3_911_204,
        tokens: reached.bytes * 10 / 43,
        stages,
        checks,
        overlap,
        signals: signals(),
        moves: moves(),
        languages: groups(&[
            ("eng", 12_003, 8_119),
            ("deu", 3_120, 0),
            ("rus", 2_876, 0),
            ("spa", 2_001, 0),
            ("fra", 1_644, 0),
            ("zho", 1_190, 0),
            ("jpn", 801, 0),
            ("por", 644, 0),
            ("ita", 402, 0),
            ("pol", 135, 0),
        ]),
        sources: groups(&[
            ("crawl/part-000.jsonl.zst", 9_100, 2_800),
            ("books.jsonl.gz", 2_010, 1_944),
            ("forum/2024.parquet", 13_706, 3_375),
        ]),
        input_lengths: Some(lengths(24_816, 10.6, 1.9, 1)),
        kept_lengths: Some(lengths(8_119, 11.4, 1.1, 2)),
    };
    Run {
        evaluation_sets: vec![EvaluationSet {
            path: "evaluation/questions_of_some_length_test.jsonl".to_owned(),
            items: 1_319,
            too_short: 12,
            found: FoundItems { documents: 52, items: BTreeMap::from([(7, 50), (1_200, 2)]) },
        }],
        corpus_version: "0.1.0".into(),
        recipe_name: "default".into(),
        recipe_toml: "name = \"default\"\npipeline = [\"language\", \"gopher_quality\", \"minhash\"]\n\n\
                      [gopher_quality]\ntoo_few_words = 50\n"
            .into(),
        recipe_hash: "5b1f0c9a7d3e4f608192a3b4c5d6e7f8".into(),
        splitter: "uax29".into(),
        is_early: false,
        extraction: Some(Extraction {
            mode: "balanced".into(),
            pages: 75_256,
            html_bytes: 1_312_000_000,
            text_bytes: 84_400_000,
        }),
        inputs: Inputs {
            files: 3,
            bytes: 27_114_802,
            records: ["warcinfo", "request", "response", "metadata", "revisit", "conversion"]
                .map(|kind| (kind.to_owned(), 75_256))
                .into(),
            skipped: vec![FileNote { path: "raw/logo.png".into(), why: "binary".into() }],
            quarantined: vec![FileNote {
                path: format!("raw/{HOSTILE}.gz"),
                why: "truncated gzip stream at byte 81,244: download the file again".into(),
            }],
        },
        stages: STAGES
            .iter()
            .map(|(name, kind, source, about)| StageInfo {
                name: (*name).into(),
                kind: *kind,
                source: (*source).into(),
                about: (*about).into(),
                options: match *name {
                    "c4_quality" => BTreeMap::from([("terminal_punctuation".into(), "true".into())]),
                    "minhash" => [
                        ("bands", "14"),
                        ("rows", "8"),
                        ("shingle", "5"),
                        ("min_similarity", "0.7"),
                        ("verify", "\"sketch\""),
                        ("keep", "\"longest\""),
                    ]
                    .map(|(k, v)| (k.into(), v.into()))
                    .into(),
                    _ => BTreeMap::new(),
                },
            })
            .collect(),
        reasons: Reasons(reasons),
        tally,
        rejected_samples: samples(),
        clusters: clusters(),
        cluster_sizes: [(2, 301), (3, 88), (4, 31), (5, 12), (8, 4), (17, 2), (64, 1)]
            .map(|(size, clusters)| ClusterSize { size, clusters })
            .into(),
        against: Vec::new(),
        warnings: vec![
            "forum/2024.parquet loses 75.4 % of its documents, most of them to language.other_language"
                .into(),
        ],
        tokens: Some(TokenSummary {
            n_tokens: 5_514_906,
            sequences: 5_391,
            sequence_length: 1_024,
            vocab: 32_768,
            fill_rate: 0.999,
            bytes_per_token: 4.3,
            heldout_documents: 496,
            control_documents: 24_816,
            excluded_documents: 31,
            control_rate: 1.0,
            heldout_rate: 0.02,
            mix: None,
        }),
        training: Some(training()),
        forecast: Some(fixture_metrics::forecast()),
        timing: Timing {
            wall_seconds: 3.871,
            threads: 8,
            stage_nanos: [
                ("extract", 21_000),
                ("parse", 1_100),
                ("scan", 9_800),
                ("language", 4_600),
                ("gopher_repetition", 3_900),
                ("gopher_quality", 120),
                ("c4_quality", 1_900),
                ("fineweb_quality", 60),
                ("bad_words", 800),
                ("exact_dedup", 90),
                ("minhash", 2_900),
                ("tokenize", 3_300),
                ("write", 700),
            ]
            .map(|(name, millis)| (name.into(), millis * 1_000_000))
            .into(),
            phases: [("sweep", 2.9, input.bytes), ("resolve", 0.04, 0), ("pack", 0.9, reached.bytes)]
                .map(|(name, seconds, bytes)| Phase { name: name.into(), seconds, bytes })
                .into(),
        },
        peak_memory_bytes: Some(412_000_000),
    }
}

fn groups(rows: &[(&str, u64, u64)]) -> BTreeMap<String, GroupTally> {
    rows.iter()
        .map(|(name, input, kept)| {
            let group = GroupTally { input: counts(*input, DOCUMENT_BYTES), kept: counts(*kept, 2_900) };
            ((*name).into(), group)
        })
        .collect()
}

fn lengths(n: u64, log2_mean: f64, deviation: f64, seed: u64) -> Histogram {
    let (mut histogram, mut noise) = (Histogram::new(Scale::Log), Noise(seed));
    (0..n).for_each(|_| histogram.add((log2_mean + deviation * noise.next()).exp2()));
    histogram
}

fn signals() -> BTreeMap<String, Histogram> {
    let named = CHECKS.iter().filter_map(|check| Some((check.0, Signal::from_name(check.2)?)));
    let mut out = BTreeMap::new();
    for (index, (stage, signal)) in named.enumerate() {
        let (mut histogram, mut noise) = (Histogram::new(signal.scale()), Noise(index as u64 + 9));
        for _ in 0..14_926 {
            let z = noise.next();
            histogram.add(match signal.scale() {
                Scale::Fraction if signal == Signal::AlphabeticWords => 0.9 - 0.08 * z.abs(),
                Scale::Fraction if signal == Signal::LanguageScore => 1.0 - 0.17 * z.abs(),
                Scale::Fraction => 0.09 * z.abs(),
                Scale::Log => (8.0 + 1.9 * z).exp2(),
                Scale::Linear if signal == Signal::MeanWordLength => 4.7 + 0.8 * z,
                Scale::Linear => (4.0 + 2.0 * z).round().max(0.0),
                Scale::Signed => 2.0 * z,
            });
        }
        out.insert(format!("{stage}.{}", signal.name()), histogram);
    }
    out
}

/// A document of each value that a bound can be moved to.
fn moves() -> BTreeMap<String, Moves> {
    let bounded =
        CHECKS.iter().filter(|check| check.0 != "language" && (check.3.is_some() || check.4.is_some()));
    bounded
        .filter_map(|&(stage, reason, signal, low, high, ..)| {
            let steps = steps(Signal::from_name(signal)?.scale(), [low, high]);
            let mut moves = Moves::default();
            for value in &steps {
                let passes = low.is_none_or(|low| *value >= low) && high.is_none_or(|high| *value <= high);
                moves.add(&steps, *value, DOCUMENT_BYTES, passes);
            }
            Some((format!("{stage}.{reason}"), moves))
        })
        .collect()
}

fn samples() -> Vec<Sample> {
    let mut out = Vec::new();
    for (index, &(stage, reason, signal, low, high, is_line, ..)) in CHECKS.iter().enumerate() {
        for n in 0..if is_line { 0 } else { 3 } {
            out.push(Sample {
                reason: format!("{stage}.{reason}"),
                id: format!("crawl/part-000.jsonl.zst#{}", 977 * index + n),
                url: (n != 1).then(|| format!("https://example.org/page/{index}/{n}?q=a&b=<c>")),
                language: Some(if stage == "language" { "deu" } else { "eng" }.into()),
                text: match n {
                    0 => "Home | About | Contact\nCheap flights and cheap hotels. Cheap flights and cheap hotels. \
                          Cheap flights and cheap hotels.\n\nRead more » Read more » Read more »".into(),
                    1 => HOSTILE.into(),
                    _ => "مرحبا بالعالم. هذا نص من اليمين إلى اليسار.\nA second line, left to right.\n".repeat(12),
                },
                marks: if n == 0 { vec![(23, 48), (49, 74)] } else { Vec::new() },
                value: low.map(|low| low * 0.4).or(high.map(|high| high * 1.6 + 1.0)),
                signal: (!signal.is_empty()).then(|| signal.into()),
                bound: low.map(|low| format!("≥ {low}")).or(high.map(|high| format!("≤ {high}"))).unwrap_or_default(),
            });
        }
    }
    out
}

fn clusters() -> Vec<Cluster> {
    let kept = "The lighthouse was built in 1871 and stood empty for a century. In spring the keeper's house was opened \
                to visitors, who find there a small exhibition about the wrecks on the reef.";
    (0..4)
        .map(|n| Cluster {
            size: 64 >> n,
            kept: ClusterDocument { id: format!("books.jsonl.gz#{n}"), text: kept.into() },
            members: vec![
                Member {
                    id: format!("forum/2024.parquet#{}", 40 + n),
                    similarity: Some(0.91),
                    dropped: true,
                    text: kept.replace("1871", "1872").replace("in spring", "last spring")
                        + " Posted by: admin",
                },
                Member {
                    id: format!("forum/2024.parquet#{}", 90 + n),
                    similarity: Some(0.52),
                    dropped: false,
                    text: format!("{} {HOSTILE}", &kept[..64]),
                },
            ],
        })
        .collect()
}
