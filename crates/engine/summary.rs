//! A run in words and numbers: what `report.json` and the page are made of.

use std::collections::BTreeMap;

use document::{FoundItems, ItemSet, OptionValue};
use plan::{Plan, StageRecipeKind};
use report::{
    Cluster, ClusterDocument, ClusterSize, EvaluationSet, FileNote, Member, MixSummary, Phase, Run,
    StageInfo, StageKind, Timing, TokenSummary,
};
use shards::{Damage, Extraction, Inputs, Quarantined, RecordCounts, Skipped};
use tokens::Tokenizer;

use crate::clean::Rates;
use crate::counting;
use crate::error::EngineError;
use crate::memory::peak_memory;
use crate::names::Names;
use crate::options::CleanOptions;
use crate::pack_shards::Packed;
use crate::resolve::Resolution;
use crate::segment_writer::STEPS;
use crate::sequences::Sequences;
use crate::work::SegmentReceipt;

/// Everything the summary is made from.
pub(crate) struct Facts<'a> {
    pub plan: &'a Plan,
    pub options: &'a CleanOptions,
    pub inputs: &'a Inputs,
    pub receipts: &'a [SegmentReceipt],
    pub resolution: &'a Resolution,
    pub names: &'a Names,
    pub segments: &'a Packed,
    /// Train and control.
    pub packed: (Sequences, Sequences),
    /// `None`: nothing was packed.
    pub tokenizer: Option<&'a Tokenizer>,
    pub rates: Rates,
    /// Of sweep, resolve and pack.
    pub seconds: [f64; 3],
    pub wall_seconds: f64,
}

pub(crate) fn run(facts: Facts<'_>) -> Result<Run, EngineError> {
    let Facts { plan, options, inputs, segments, .. } = facts;
    let begun = begun(plan, options, inputs);
    Ok(Run {
        inputs: report::Inputs {
            records: all_records(facts.receipts),
            quarantined: quarantined(inputs, facts.receipts).iter().map(note).collect(),
            ..begun.inputs.clone()
        },
        extraction: extraction(&facts),
        evaluation_sets: evaluation_sets(&facts),
        tally: segments.tally.clone(),
        rejected_samples: segments.samples.clone(),
        clusters: clusters(&facts, segments)?,
        cluster_sizes: facts
            .resolution
            .sizes
            .iter()
            .rev()
            .map(|(size, clusters)| ClusterSize { size: *size, clusters: *clusters })
            .collect(),
        warnings: warnings(&facts),
        tokens: facts.tokenizer.map(|tokenizer| token_summary(&facts, tokenizer)),
        timing: timing(&facts),
        peak_memory_bytes: peak_memory(),
        ..begun
    })
}

/// What is known of a run before anything is read.
pub(crate) fn begun(plan: &Plan, options: &CleanOptions, inputs: &Inputs) -> Run {
    let skipped = |file: &Skipped| FileNote { path: file.path.clone(), why: file.why.clone() };
    Run {
        corpus_version: env!("CARGO_PKG_VERSION").to_owned(),
        recipe_name: plan.name.clone(),
        recipe_toml: plan.resolved.clone(),
        recipe_hash: plan.hash.clone(),
        splitter: options.recipe.text("words", "splitter").to_owned(),
        is_early: !options.all_signals,
        inputs: report::Inputs {
            files: inputs.shards.len() as u64,
            bytes: inputs.size(),
            skipped: inputs.skipped.iter().map(skipped).collect(),
            quarantined: inputs.quarantined.iter().map(note).collect(),
            ..report::Inputs::default()
        },
        stages: stages(plan, options),
        reasons: plan.reasons.clone(),
        tally: counting::empty(plan),
        timing: Timing { threads: options.threads.get() as u64, ..Timing::default() },
        against: options
            .against
            .iter()
            .filter_map(|out| Some(out.file_name()?.display().to_string()))
            .collect(),
        ..Run::default()
    }
}

/// A file of the input, with what is the matter with it and what helps.
pub(crate) fn note(file: &Quarantined) -> FileNote {
    FileNote { path: file.path.clone(), why: format!("{}; {}", file.why, file.remedy) }
}

/// Input files that could not be read, or not to their end, or not all between.
pub(crate) fn quarantined(inputs: &Inputs, receipts: &[SegmentReceipt]) -> Vec<Quarantined> {
    let read = receipts.iter().flat_map(|receipt| receipt.quarantined.iter());
    let mut all: Vec<Quarantined> = inputs.quarantined.iter().chain(read).cloned().collect();
    let mut damage: BTreeMap<u32, Damage> = BTreeMap::new();
    for receipt in receipts {
        damage.entry(receipt.shard).or_default().merge(receipt.damage.clone());
    }
    all.extend(damage.values().filter_map(Damage::quarantined));
    all
}

/// Records by type of every crawl file that was read, by its path as in the manifest's inputs.
pub(crate) fn records(inputs: &Inputs, receipts: &[SegmentReceipt]) -> BTreeMap<String, RecordCounts> {
    let mut files: BTreeMap<String, RecordCounts> = BTreeMap::new();
    for receipt in receipts.iter().filter(|receipt| !receipt.records.is_empty()) {
        let Some(shard) = inputs.shards.get(receipt.shard as usize) else { continue };
        let counts = files.entry(shard.relative.clone()).or_default();
        for (kind, n) in &receipt.records {
            *counts.entry(kind.clone()).or_default() += n;
        }
    }
    files
}

/// The same over all files.
fn all_records(receipts: &[SegmentReceipt]) -> RecordCounts {
    let mut counts = RecordCounts::new();
    for (kind, n) in receipts.iter().flat_map(|receipt| &receipt.records) {
        *counts.entry(kind.clone()).or_default() += n;
    }
    counts
}

fn extraction(facts: &Facts<'_>) -> Option<report::Extraction> {
    let mut all = Extraction::default();
    facts.receipts.iter().for_each(|receipt| all.merge(receipt.extraction));
    let Extraction { pages, html_bytes, text_bytes } = all;
    let mode = facts.options.recipe.text("extract", "mode").to_owned();
    (pages > 0).then_some(report::Extraction { mode, pages, html_bytes, text_bytes })
}

fn evaluation_sets(facts: &Facts<'_>) -> Vec<EvaluationSet> {
    let set = |(at, (_, set)): (usize, (usize, &ItemSet))| {
        let mut found = FoundItems::default();
        facts.receipts.iter().filter_map(|receipt| receipt.found.get(at)).for_each(|part| found.merge(part));
        EvaluationSet { path: set.path.clone(), items: set.items, too_short: set.too_short, found }
    };
    facts.plan.item_sets().enumerate().map(set).collect()
}

fn stages(plan: &Plan, options: &CleanOptions) -> Vec<StageInfo> {
    let mut stages = vec![StageInfo {
        name: "input".to_owned(),
        kind: StageKind::Input,
        about: "Records without usable text.".to_owned(),
        ..StageInfo::default()
    }];
    for stage in &options.recipe.stages {
        let info = match &stage.kind {
            StageRecipeKind::Filter(filter) => StageInfo {
                kind: StageKind::Filter,
                source: filter.spec.source.to_owned(),
                about: filter.spec.about.to_owned(),
                options: filter.options.iter().map(|(key, value)| (key.clone(), shown(value))).collect(),
                ..StageInfo::default()
            },
            StageRecipeKind::Columns(columns) => StageInfo {
                kind: StageKind::Filter,
                about: "Numbers that come with the documents, bounded.".to_owned(),
                options: columns.iter().map(|column| (column.name.clone(), column.place())).collect(),
                ..StageInfo::default()
            },
            StageRecipeKind::UrlDedup => StageInfo {
                kind: StageKind::UrlDedup,
                about: format!("Documents of the same address; {}.", plan.url_dedup),
                options: BTreeMap::from([(
                    "keep".to_owned(),
                    options.recipe.text("url_dedup", "keep").to_owned(),
                )]),
                ..StageInfo::default()
            },
            StageRecipeKind::ExactDedup => StageInfo {
                kind: StageKind::ExactDedup,
                about: "The same text, by 128-bit hash; the first in input order is kept.".to_owned(),
                ..StageInfo::default()
            },
            StageRecipeKind::Minhash => StageInfo {
                kind: StageKind::Minhash,
                source: "Broder 1997; parameters of Penedo et al. 2024 (FineWeb)".to_owned(),
                about: format!("Near-duplicates by MinHash-LSH; {}.", plan.minhash),
                options: {
                    let number = |key: &'static str| options.recipe.number("minhash", key).to_string();
                    let numbers = ["bands", "rows", "shingle", "bits", "min_similarity"];
                    let text = |key: &'static str| options.recipe.text("minhash", key).to_owned();
                    let all = numbers.map(|key| (key, number(key))).into_iter();
                    all.chain(["keep", "verify", "hash"].map(|key| (key, text(key))))
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect()
                },
                ..StageInfo::default()
            },
            StageRecipeKind::Tokenize => StageInfo {
                kind: StageKind::Tokenize,
                about: "Text to token ids.".to_owned(),
                ..StageInfo::default()
            },
            StageRecipeKind::Pack => StageInfo {
                kind: StageKind::Pack,
                about: "Documents into sequences of one length.".to_owned(),
                ..StageInfo::default()
            },
        };
        stages.push(StageInfo { name: stage.name.to_owned(), ..info });
    }
    stages
}

fn shown(value: &OptionValue) -> String {
    match value {
        OptionValue::Bool(flag) => flag.to_string(),
        OptionValue::Number(number) => number.to_string(),
        OptionValue::Text(text) => text.clone(),
        OptionValue::List(list) => list.join(", "),
    }
}

fn clusters(facts: &Facts<'_>, segments: &Packed) -> Result<Vec<Cluster>, EngineError> {
    let resolution = facts.resolution;
    let text = |document: &u64| -> Result<(String, String), EngineError> {
        if let Some(excerpt) = segments.excerpts.get(document) {
            return Ok(excerpt.clone());
        }
        let name = facts.names.get(*document)?;
        Ok(name.map_or_else(Default::default, |name| (name.id, "(kept in another corpus)".to_owned())))
    };
    let member = |document: &u64| -> Result<Member, EngineError> {
        let (id, text) = text(document)?;
        let similarity = resolution.twins(*document, 1).next().and_then(|(_, twin)| twin.similarity());
        Ok(Member { id, similarity, dropped: true, text })
    };
    let mut clusters: Vec<Cluster> = (resolution.largest.iter())
        .map(|(kept, members)| -> Result<Cluster, EngineError> {
            let (id, text) = text(kept)?;
            Ok(Cluster {
                size: members.len() as u64 + 1,
                kept: ClusterDocument { id, text },
                members: members.iter().take(4).map(member).collect::<Result<_, _>>()?,
            })
        })
        .collect::<Result<_, _>>()?;
    // Of equal size, those first whose members differ most: there a wrong verdict would show.
    let alike = |cluster: &Cluster| {
        cluster.members.iter().filter_map(|member| member.similarity).fold(f64::INFINITY, f64::min)
    };
    clusters.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| alike(a).total_cmp(&alike(b))));
    Ok(clusters)
}

fn warnings(facts: &Facts<'_>) -> Vec<String> {
    let limit = facts.options.recipe.number("minhash", "warn_share");
    let mut warnings = Vec::new();
    for (source, (candidates, duplicates)) in &facts.segments.sources {
        let share = *duplicates as f64 / (*candidates).max(1) as f64;
        if *candidates >= 20 && share > limit && !source.is_empty() {
            warnings.push(format!(
                "{:.0} % of the {candidates} candidates of source \"{source}\" were dropped as duplicates: look at \
                 its clusters before you trust this",
                100.0 * share
            ));
        }
    }
    for (at, (column, _)) in facts.plan.own_columns().iter().enumerate() {
        let missing: u64 = facts.receipts.iter().filter_map(|receipt| receipt.missing.get(at)).sum();
        if missing > 0 {
            let outcome = if column.drops_missing { "dropped" } else { "not dropped" };
            warnings.push(format!(
                "documents without a number for column `{}` ({}): {missing}; for that they were {outcome}, see `missing` \
                 in [column.{}]",
                column.name,
                column.place(),
                column.name
            ));
        }
    }
    let documents: u64 = facts.receipts.iter().map(|receipt| receipt.rows).sum();
    if let Some((kept, members)) = facts.resolution.largest.first()
        && members.len() as f64 > limit * documents as f64
    {
        let id = facts.segments.excerpts.get(kept).map(|(id, _)| id.as_str()).unwrap_or_default();
        warnings
            .push(format!("one cluster (kept: {id}) holds {} of {documents} documents", members.len() + 1));
    }
    warnings
}

fn token_summary(facts: &Facts<'_>, tokenizer: &Tokenizer) -> TokenSummary {
    let (train, _) = facts.packed;
    let length = facts.options.recipe.number("pack", "length") as u64;
    let places = (train.sequences * length).max(1);
    let heldout = facts.segments.heldout.iter().filter(|document| !document.is_kept_text).count();
    TokenSummary {
        n_tokens: train.tokens,
        sequences: train.sequences,
        sequence_length: length,
        vocab: tokenizer.vocab_size() as u64,
        fill_rate: train.tokens as f64 / places as f64,
        bytes_per_token: train.text_bytes as f64 / train.tokens.max(1) as f64,
        heldout_documents: heldout as u64,
        control_documents: facts.segments.control_documents,
        excluded_documents: facts.resolution.excluded.len() as u64,
        control_rate: facts.rates.control,
        heldout_rate: facts.rates.heldout,
        mix: (facts.segments.mix != MixSummary::default()).then_some(facts.segments.mix),
    }
}

fn timing(facts: &Facts<'_>) -> Timing {
    let names = facts.plan.stages.iter().map(|stage| stage.name).chain(STEPS);
    let mut stage_nanos = std::collections::BTreeMap::new();
    for (index, name) in names.enumerate() {
        let nanos = facts.receipts.iter().map(|receipt| receipt.nanos.get(index).copied().unwrap_or(0)).sum();
        stage_nanos.insert(name.to_owned(), nanos);
    }
    let [sweep, resolve, pack] = facts.seconds;
    let tally = &facts.segments.tally;
    let phase = |name: &str, seconds, bytes| Phase { name: name.to_owned(), seconds, bytes };
    Timing {
        wall_seconds: facts.wall_seconds,
        threads: facts.options.threads.get() as u64,
        stage_nanos,
        phases: vec![
            phase("sweep", sweep, tally.input.bytes),
            phase("resolve", resolve, 0),
            phase("pack", pack, tally.input.bytes),
        ],
    }
}
