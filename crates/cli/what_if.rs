//! `corpus what-if`: what another recipe would keep and drop of a finished run, from its ledger alone.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use ::report::{Change, ComparedDocument, Group, Setting, WhatIf, render_what_if};
use anyhow::{Context, bail};
use arrow::array::{Array, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray};
use document::{ReasonId, Reasons, Verdict};
use plan::{Facts, Recipe, Redecide};
use rayon::prelude::*;
use shards::{Manifest, read_table};

use crate::diff::first_words;
use crate::inspect::{column, files, run_of, texts_of};
use crate::ledger::Samples;
use crate::{Exit, Format, Voice, print};

#[derive(clap::Args)]
pub struct Args {
    /// The output folder of a finished run.
    out: PathBuf,
    /// What to change: gopher_quality.too_few_words=80, a check's bare name where it is unique, a value for one language
    /// (gopher_quality.de.too_few_words=30), "off" or "on" for a check or for a whole filter (bad_words=off).
    #[arg(required_unless_present = "recipe", value_name = "SETTING")]
    settings: Vec<String>,
    /// Compare with this recipe, a name or a path to a TOML file, with the settings applied to it.
    #[arg(long)]
    recipe: Option<String>,
    /// How many documents are shown of each change.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(0..=1_000))]
    samples: u16,
}

pub fn run(args: Args, voice: Voice) -> anyhow::Result<Exit> {
    let run = run_of(&args.out)?;
    let manifest = Manifest::read(&args.out.join("manifest.json"))?;
    let old = Recipe::parse("the run's recipe", &manifest.recipe)
        .context("the run was made by another version of corpus")?;
    let base = match &args.recipe {
        Some(name) => crate::plans::load(name)?.0,
        None => old.clone(),
    };
    let (new, changed) = plan::adjust::adjusted(&base, &args.settings)?;
    let rules = match Redecide::new(&old, &new, run.is_early) {
        Ok(rules) => rules,
        Err(obstacles) => {
            let all = obstacles.iter().map(|found| format!("{}\n  {}", found.message, found.remedy));
            bail!("the ledger cannot tell\n{}", all.collect::<Vec<_>>().join("\n"))
        }
    };
    let scan = Scan {
        rules: &rules,
        reasons: &run.reasons,
        numbers: run
            .reasons
            .0
            .iter()
            .enumerate()
            .map(|(at, r)| (r.full_name(), ReasonId(at as u8)))
            .collect(),
        samples: usize::from(args.samples),
    };
    let ledger = files(&args.out, "ledger")?;
    let found = ledger.par_iter().map(|path| scan.file(path)).collect::<anyhow::Result<Vec<Found>>>()?;
    let found = found.into_iter().fold(Found::default(), |sum, next| sum.merged(next, scan.samples));
    let mut what_if = found.finish(&rules, &run.reasons, &manifest);
    what_if.folder = args.out.display().to_string();
    let setting = |change: plan::adjust::Adjusted| Setting {
        name: change.name,
        before: change.before,
        after: change.after,
    };
    what_if.settings = changed.into_iter().map(setting).collect();
    what_if.notes = notes(&old, &new);
    add_texts(&args.out, &mut what_if)?;
    match voice.format {
        Format::Text => print(&render_what_if(&what_if))?,
        Format::Json => print(&format!("{:#}\n", serde_json::to_value(&what_if)?))?,
    }
    Ok(Exit::Done)
}

/// What differs behind the filters, which changes nothing here.
fn notes(old: &Recipe, new: &Recipe) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for stage in ["exact_dedup", "minhash", "tokenize", "pack"] {
        if old.has_stage(stage) != new.has_stage(stage) {
            names.push(stage);
        }
    }
    let changed = old.sections.iter().filter(|(key, value)| new.sections.get(key) != Some(*value));
    names.extend(changed.map(|((table, _), _)| *table));
    names.dedup();
    names.iter().map(|name| format!("[{name}] comes after the filters: it changes nothing here.")).collect()
}

/// What every file of the ledger is read with.
struct Scan<'a> {
    rules: &'a Redecide,
    reasons: &'a Reasons,
    /// By full name.
    numbers: HashMap<String, ReasonId>,
    samples: usize,
}

/// Whose reasons are none here.
const DUPLICATE: &str = "duplicate";

/// Rows of a ledger that are decided together.
const ROWS: usize = 50_000;

impl Scan<'_> {
    fn file(&self, path: &Path) -> anyhow::Result<Found> {
        let mut columns = vec!["id", "shard", "row", "bytes", "language", "reasons", "tokens"];
        columns.extend(self.rules.columns().iter().map(String::as_str));
        let mut found = Found::default();
        for batch in read_table(path, Some(&columns), ROWS)? {
            self.batch(&batch?, &mut found).with_context(|| format!("{}", path.display()))?;
        }
        Ok(found)
    }

    fn batch(&self, batch: &RecordBatch, found: &mut Found) -> anyhow::Result<()> {
        let ids: &StringArray = column(batch, "id")?;
        let (shards, rows): (&Int32Array, &Int64Array) = (column(batch, "shard")?, column(batch, "row")?);
        let (bytes, tokens): (&Int64Array, &Int64Array) = (column(batch, "bytes")?, column(batch, "tokens")?);
        let languages: &StringArray = column(batch, "language")?;
        let reasons: &ListArray = column(batch, "reasons")?;
        let names: &StringArray =
            reasons.values().as_any().downcast_ref().context("`reasons` are no texts")?;
        let signals = self.rules.columns().iter().map(|name| column::<Float64Array>(batch, name));
        let signals = signals.collect::<anyhow::Result<Vec<_>>>()?;
        let mut values = vec![None; signals.len()];
        for row in 0..batch.num_rows() {
            let document = Document {
                bytes: bytes.value(row).max(0) as u64,
                tokens: tokens.is_valid(row).then(|| tokens.value(row).max(0) as u64),
            };
            let range = reasons.value_offsets()[row] as usize..reasons.value_offsets()[row + 1] as usize;
            let (mut verdict, mut is_duplicate, mut is_removed) = (Verdict::default(), false, false);
            for name in range.map(|at| names.value(at)) {
                match self.numbers.get(name) {
                    Some(reason) if self.reasons.get(*reason).reason == DUPLICATE => is_duplicate = true,
                    Some(reason) => verdict.add(*reason),
                    None => is_removed = true,
                }
            }
            if is_removed {
                found.removed += 1;
                continue;
            }
            for (value, signal) in values.iter_mut().zip(&signals) {
                *value = signal.is_valid(row).then(|| signal.value(row));
            }
            let language = languages.is_valid(row).then(|| languages.value(row));
            let language =
                language.map(|code| classify::language::names(code).map_or(code, |(_, short)| short));
            let new = self.rules.decide(&Facts { verdict, language, values: &values });
            let key = match (verdict.first(), new.verdict.first(), new.open) {
                (Some(_), None, Some(stage)) => Some((Side::Open, stage as u8)),
                (None, Some(reason), _) => Some((Side::Dropped, reason.0)),
                (Some(reason), None, None) => Some((Side::Passed, reason.0)),
                _ => None,
            };
            found.input.add(document);
            if verdict.is_keep() {
                found.passed.add(document);
            }
            if new.verdict.is_keep() && new.open.is_none() {
                found.would_pass.add(document);
            }
            let Some(key) = key else { continue };
            let changed = found.changes.entry(key).or_default();
            changed.sum.add(document);
            changed.duplicates += u64::from(is_duplicate);
            changed.samples.add((shards.value(row), rows.value(row)), ids.value(row), self.samples);
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Document {
    bytes: u64,
    tokens: Option<u64>,
}

/// Where documents go to that change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Dropped,
    Passed,
    Open,
}

#[derive(Clone, Copy, Default)]
struct Sum {
    documents: u64,
    bytes: u64,
    /// Of documents that were tokenised.
    tokens: u64,
    tokenised_bytes: u64,
}

impl Sum {
    fn add(&mut self, document: Document) {
        self.documents += 1;
        self.bytes += document.bytes;
        if let Some(tokens) = document.tokens {
            self.tokens += tokens;
            self.tokenised_bytes += document.bytes;
        }
    }

    fn merge(&mut self, other: Sum) {
        self.documents += other.documents;
        self.bytes += other.bytes;
        self.tokens += other.tokens;
        self.tokenised_bytes += other.tokenised_bytes;
    }

    fn group(self, tokens_per_byte: Option<f64>) -> Group {
        let estimate = |rate: f64| self.tokens + ((self.bytes - self.tokenised_bytes) as f64 * rate) as u64;
        Group { documents: self.documents, bytes: self.bytes, tokens_estimate: tokens_per_byte.map(estimate) }
    }
}

#[derive(Default)]
struct Changed {
    sum: Sum,
    duplicates: u64,
    samples: Samples,
}

/// What a part of the ledger holds.
#[derive(Default)]
struct Found {
    input: Sum,
    passed: Sum,
    would_pass: Sum,
    removed: u64,
    /// By side, and reason or stage.
    changes: BTreeMap<(Side, u8), Changed>,
}

impl Found {
    fn merged(mut self, other: Found, samples: usize) -> Found {
        self.input.merge(other.input);
        self.passed.merge(other.passed);
        self.would_pass.merge(other.would_pass);
        self.removed += other.removed;
        for (key, changed) in other.changes {
            let entry = self.changes.entry(key).or_default();
            entry.sum.merge(changed.sum);
            entry.duplicates += changed.duplicates;
            entry.samples.merge(changed.samples, samples);
        }
        self
    }

    fn finish(self, rules: &Redecide, reasons: &Reasons, manifest: &Manifest) -> WhatIf {
        let (tokens, bytes) = (self.input.tokens, self.input.tokenised_bytes);
        let rate = (bytes > 0).then(|| tokens as f64 / bytes as f64);
        let mut what_if = WhatIf {
            input: self.input.group(rate),
            passed: self.passed.group(rate),
            would_pass: self.would_pass.group(rate),
            tokens_per_byte: rate,
            removed: self.removed,
            ..WhatIf::default()
        };
        for ((side, number), changed) in self.changes {
            let change = Change {
                reason: match side {
                    Side::Open => rules.stage(usize::from(number)).to_owned(),
                    _ => reasons.get(ReasonId(number)).full_name(),
                },
                group: changed.sum.group(rate),
                duplicates: changed.duplicates,
                samples: changed.samples.named(manifest),
            };
            match side {
                Side::Dropped => what_if.newly_dropped.push(change),
                Side::Passed => what_if.newly_passed.push(change),
                Side::Open => what_if.open.push(change),
            }
        }
        for changes in [&mut what_if.newly_dropped, &mut what_if.newly_passed, &mut what_if.open] {
            changes.sort_by_key(|change| std::cmp::Reverse(change.group.documents));
        }
        what_if
    }
}

/// Fills in the first words of the samples, from wherever the run wrote them.
fn add_texts(out: &Path, what_if: &mut WhatIf) -> anyhow::Result<()> {
    let WhatIf { newly_dropped, newly_passed, open, .. } = what_if;
    let mut samples: Vec<&mut ComparedDocument> = [newly_dropped, newly_passed, open]
        .into_iter()
        .flat_map(|changes| changes.iter_mut().flat_map(|change| &mut change.samples))
        .collect();
    let mut wanted: BTreeMap<String, Option<String>> =
        samples.iter().map(|sample| (sample.id.clone(), None)).collect();
    for folder in ["clean", "rejected"] {
        for path in files(out, folder)? {
            texts_of(&path, &mut wanted)?;
        }
    }
    for sample in &mut samples {
        sample.text = wanted.get(&sample.id).cloned().flatten().map(|text| first_words(&text));
    }
    Ok(())
}
