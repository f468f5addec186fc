//! What a run leaves behind for people: the types of `report.json`, filled by `engine` and `cli`.

use std::collections::BTreeMap;

use document::{Counts, FoundItems, LANGUAGE_STAGES, Reasons, Tally};
use serde::{Deserialize, Serialize};

use crate::{Forecast, Training};

/// Everything a report is rendered from. Only `timing` and `peak_memory_bytes` differ between
/// two runs on the same input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    pub corpus_version: String,
    pub recipe_name: String,
    /// The recipe with every key written out.
    pub recipe_toml: String,
    pub recipe_hash: String,
    /// `[words] splitter` of the recipe.
    pub splitter: String,
    /// `--signals early`: a document's checks stop at the first failure, so "alone" and "any" are unknown.
    pub is_early: bool,
    pub inputs: Inputs,
    /// `None`: no page was HTML.
    pub extraction: Option<Extraction>,
    /// What was found of the evaluation sets that the recipe names, in its order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evaluation_sets: Vec<EvaluationSet>,
    /// In plan order; the first is `input`. Those that judge documents have an entry in `tally.stages`, at the
    /// same place; `tokenize` and `pack` follow without one.
    pub stages: Vec<StageInfo>,
    /// One per entry of `tally.checks`.
    pub reasons: Reasons,
    pub tally: Tally,
    /// Any order; a page shows the first few of each reason.
    pub rejected_samples: Vec<Sample>,
    /// The largest first.
    pub clusters: Vec<Cluster>,
    /// Clusters of at least two documents, by size.
    pub cluster_sizes: Vec<ClusterSize>,
    pub warnings: Vec<String>,
    /// Folders of other corpora whose documents' like was dropped.
    #[serde(default)]
    pub against: Vec<String>,
    /// `None` if the recipe does not end in tokens.
    pub tokens: Option<TokenSummary>,
    /// `None` until `corpus train` has run.
    pub training: Option<Training>,
    /// `None` until `corpus forecast` has run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
    pub timing: Timing,
    /// Largest resident set of the process.
    pub peak_memory_bytes: Option<u64>,
}

impl Run {
    /// Documents that some stage dropped, and their text as it came.
    pub fn dropped(&self) -> Counts {
        self.tally.stages.iter().fold(Counts::default(), |sum, stage| Counts {
            documents: sum.documents + stage.dropped.documents,
            bytes: sum.bytes + stage.dropped.bytes,
        })
    }

    /// Text that a stage, or the step `parse`, or HTML that the step [`EXTRACT`] worked on; 0 if unknown. Unless checks stop at the first failure,
    /// a filter measures every document of a wanted language, and not only those that reached it.
    pub fn measured_bytes(&self, name: &str) -> u64 {
        let reached = |at: usize| self.tally.stages.get(at).map_or(0, |stage| stage.reached.bytes);
        let Some(at) = self.stages.iter().position(|stage| stage.name == name) else {
            return match (name, &self.extraction) {
                ("parse", _) => self.tally.input.bytes,
                (EXTRACT, Some(extraction)) => extraction.html_bytes,
                _ => 0,
            };
        };
        let language =
            self.stages[..at].iter().rposition(|stage| LANGUAGE_STAGES.contains(&stage.name.as_str()));
        match self.stages[at].kind {
            StageKind::Filter if !self.is_early => reached(language.unwrap_or(0) + 1),
            _ => reached(at),
        }
    }
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inputs {
    /// Files read to their end.
    pub files: u64,
    /// Their size as stored, compressed or not.
    pub bytes: u64,
    /// Records of all crawl files (WARC, ARC), by type; not all are documents.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub records: BTreeMap<String, u64>,
    /// Files that are no input.
    pub skipped: Vec<FileNote>,
    /// Files that could not be read to their end.
    pub quarantined: Vec<FileNote>,
}

/// The step of the sweep that turns HTML into text.
pub const EXTRACT: &str = "extract";

/// HTML that became text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extraction {
    /// `[extract] mode` of the recipe.
    pub mode: String,
    pub pages: u64,
    pub html_bytes: u64,
    pub text_bytes: u64,
}

/// A file and what is the matter with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileNote {
    pub path: String,
    pub why: String,
}

/// An evaluation set, and what was found of it in the documents that were measured, whatever else dropped them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EvaluationSet {
    /// As the recipe names it.
    pub path: String,
    /// Items that can be found.
    pub items: u64,
    /// Items that are too short to be looked for.
    pub too_short: u64,
    pub found: FoundItems,
}

/// What a stage of the plan is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageKind {
    Input,
    #[default]
    Filter,
    UrlDedup,
    ExactDedup,
    Minhash,
    Tokenize,
    Pack,
}

/// One stage of the plan, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageInfo {
    pub name: String,
    pub kind: StageKind,
    /// Paper or reference implementation; may be empty.
    pub source: String,
    /// One sentence.
    pub about: String,
    /// Keys of the recipe that are not bounds, as TOML writes their values.
    pub options: BTreeMap<String, String>,
}

/// A dropped document, cut to an excerpt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// The first reason, `filter.reason`.
    pub reason: String,
    pub id: String,
    pub url: Option<String>,
    pub language: Option<String>,
    /// At most 2 kB of the original text.
    pub text: String,
    /// What the reason points at in it: begins and ends in UTF-16 code units, ascending and apart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<(u32, u32)>,
    /// Value of the signal that the reason bounds.
    pub value: Option<f64>,
    pub signal: Option<String>,
    /// What would have been kept: `≥ 50`.
    pub bound: String,
}

/// Documents joined by colliding bands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cluster {
    pub size: u64,
    pub kept: ClusterDocument,
    /// Some of the others.
    pub members: Vec<Member>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterDocument {
    pub id: String,
    /// An excerpt.
    pub text: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Member {
    pub id: String,
    /// To the kept document, 0..=1.
    pub similarity: Option<f64>,
    /// False: too unlike the kept document, so it stays.
    pub dropped: bool,
    /// An excerpt.
    pub text: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSize {
    /// Documents in the cluster.
    pub size: u64,
    /// Clusters of that size.
    pub clusters: u64,
}

/// What was packed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenSummary {
    /// Trained-on tokens of `tokens/train-*`.
    pub n_tokens: u64,
    pub sequences: u64,
    /// Tokens per sequence.
    pub sequence_length: u64,
    pub vocab: u64,
    /// Share of the sequences' places that hold trained-on tokens, 0..=1.
    pub fill_rate: f64,
    pub bytes_per_token: f64,
    pub heldout_documents: u64,
    pub control_documents: u64,
    /// Left out of training because they share a band with a held-out document.
    pub excluded_documents: u64,
    /// Share of the input that is in the control sample, 0..=1.
    pub control_rate: f64,
    /// Share of the input that is held out, 0..=1.
    pub heldout_rate: f64,
    /// `None`: every document was packed once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mix: Option<MixSummary>,
}

/// What weights did to the documents that are trained on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MixSummary {
    /// Documents that are packed more than once.
    pub repeated: u64,
    /// Times that they are, beyond the first.
    pub copies: u64,
    /// Documents that are not packed.
    pub left_out: u64,
}

/// Where the time went. Never part of what must be reproducible.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timing {
    pub wall_seconds: f64,
    pub threads: u64,
    /// Summed over threads, by stage name or by step of the sweep that is no stage (`parse`, `scan`, `write`, …).
    pub stage_nanos: BTreeMap<String, u64>,
    pub phases: Vec<Phase>,
}

/// `sweep`, `resolve` or `pack`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    pub name: String,
    /// Of wall time.
    pub seconds: f64,
    /// Text that went through it.
    pub bytes: u64,
}
