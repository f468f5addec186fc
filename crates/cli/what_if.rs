//! `corpus what-if`: what another recipe would keep and drop of a finished run, from its ledger alone.

mod found;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ::report::{Setting, WhatIf, render_what_if};
use anyhow::{Context, bail};
use arrow::array::{Array, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray};
use document::{ReasonId, Reasons, Verdict};
use plan::{Facts, Recipe, Redecide};
use rayon::prelude::*;
use shards::{Manifest, read_table};

use self::found::{Document, Found, Rows, Side};
use crate::diff::first_words;
use crate::inspect::{bound_of, column, files, read, run_of, texts_of};
use crate::{Exit, Format, Voice, print};

#[derive(clap::Args)]
pub struct Args {
    /// The output folder of a finished run.
    out: PathBuf,
    /// What to change: gopher_quality.too_few_words=80, a check's bare name where it is unique, a value for one language
    /// (gopher_quality.de.too_few_words=30), "off" or "on" for a check; -bad_words or bad_words=off for a whole filter.
    #[arg(required_unless_present = "recipe", value_name = "SETTING")]
    settings: Vec<String>,
    /// Compare with this recipe, a name or a path to a TOML file, with the settings applied to it.
    #[arg(long)]
    recipe: Option<String>,
    /// How many documents are shown of each change: those with the smallest hash of their place in the input.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(0..=1_000))]
    sample: u16,
}

/// The command line with `-bad_words` written `bad_words=off`, which is no flag. Flags of one letter stay what they are.
pub fn spelled_out(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    let is_asked = args.iter().skip(1).find(|arg| !arg.as_encoded_bytes().starts_with(b"-"));
    if is_asked.is_some_and(|verb| verb == "what-if") {
        for arg in &mut args {
            let name = arg.to_str().and_then(|arg| arg.strip_prefix('-')).unwrap_or_default();
            let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            if name.len() > 1 && name.chars().all(is_name) {
                *arg = format!("{name}=off").into();
            }
        }
    }
    args
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
    let ledger = files(&args.out, "ledger")?;
    let scan = Scan { rules: &rules, numbers: numbers(&run.reasons), samples: usize::from(args.sample) };
    let parts = ledger
        .par_iter()
        .enumerate()
        .map(|(file, path)| scan.file(file, path).with_context(|| format!("{}", path.display())))
        .collect::<anyhow::Result<Vec<Found>>>()?;
    let mut found = parts.into_iter().fold(Found::default(), |sum, next| sum.merged(next, scan.samples));
    if found.fallen.any() && found.still.iter().any(Rows::any) {
        let parts = ledger.par_iter().zip(&found.still).map(|(path, still)| returning(path, still, &found));
        found.returning = parts.collect::<anyhow::Result<Vec<_>>>()?.into_iter().sum();
    }
    let samples = found.places();
    let mut what_if = found.finish(&rules, &run.reasons);
    what_if.folder = args.out.display().to_string();
    let setting = |change: plan::adjust::Adjusted| Setting {
        name: change.name,
        before: change.before,
        after: change.after,
    };
    what_if.settings = changed.into_iter().map(setting).collect();
    what_if.notes = notes(&old, &new);
    what_if.notes.extend(
        rules.unknown().map(|open| format!("Open is what comes there: {}.\n  {}", open.message, open.remedy)),
    );
    name(
        &args.out,
        &mut what_if,
        &read(&ledger, &samples)?,
        &Named { manifest, reasons: &run.reasons, old, new },
    )?;
    match voice.format {
        Format::Text => print(&render_what_if(&what_if))?,
        Format::Json => print(&format!("{:#}\n", serde_json::to_value(&what_if)?))?,
    }
    Ok(Exit::Done)
}

/// What differs behind the filters, which changes nothing here.
fn notes(old: &Recipe, new: &Recipe) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for stage in ["url_dedup", "exact_dedup", "minhash", "tokenize", "pack"] {
        if old.has_stage(stage) != new.has_stage(stage) {
            names.push(stage);
        }
    }
    let changed = old.sections.iter().filter(|(key, value)| new.sections.get(key) != Some(*value));
    names.extend(changed.map(|((table, _), _)| *table));
    names.dedup();
    names.iter().map(|name| format!("[{name}] comes after the filters: it changes nothing here.")).collect()
}

/// What a reason's name is to a decision before dedup.
#[derive(Clone, Copy)]
enum Means {
    Reason(ReasonId),
    Duplicate,
    /// A takedown has removed it.
    Removed,
}

fn numbers(reasons: &Reasons) -> HashMap<String, Means> {
    let means = |(at, reason): (usize, &document::Reason)| match reason.stage.as_str() {
        "url_dedup" | "exact_dedup" | "minhash" => Means::Duplicate,
        engine::TAKEDOWN => Means::Removed,
        _ => Means::Reason(ReasonId(at as u8)),
    };
    reasons.0.iter().enumerate().map(|reason| (reason.1.full_name(), means(reason))).collect()
}

/// What every file of the ledger is read with.
struct Scan<'a> {
    rules: &'a Redecide,
    /// By full name.
    numbers: HashMap<String, Means>,
    samples: usize,
}

/// Rows of a ledger that are decided together.
const ROWS: usize = 16_384;

impl Scan<'_> {
    fn file(&self, file: usize, path: &Path) -> anyhow::Result<Found> {
        let mut columns = vec!["shard", "row", "bytes", "reasons", "tokens"];
        if self.rules.wants_language() {
            columns.push("language");
        }
        columns.extend(self.rules.columns().iter().map(String::as_str));
        let mut found = Found::of_file();
        let mut first = 0;
        for batch in read_table(path, Some(&columns), ROWS)? {
            let batch = batch?;
            self.batch(&batch, (file, first), &mut found)?;
            first += batch.num_rows() as u64;
        }
        Ok(found)
    }

    fn batch(
        &self,
        batch: &RecordBatch,
        (file, first): (usize, u64),
        found: &mut Found,
    ) -> anyhow::Result<()> {
        let (shards, rows): (&Int32Array, &Int64Array) = (column(batch, "shard")?, column(batch, "row")?);
        let (bytes, tokens): (&Int64Array, &Int64Array) = (column(batch, "bytes")?, column(batch, "tokens")?);
        let languages = match self.rules.wants_language() {
            true => Some(column::<StringArray>(batch, "language")?),
            false => None,
        };
        let reasons: &ListArray = column(batch, "reasons")?;
        let names: &StringArray =
            reasons.values().as_any().downcast_ref().context("`reasons` are no texts")?;
        let signals = self.rules.columns().iter().map(|name| column::<Float64Array>(batch, name));
        let signals = signals.collect::<anyhow::Result<Vec<_>>>()?;
        let mut values = vec![None; signals.len()];
        let offsets = reasons.value_offsets();
        for row in 0..batch.num_rows() {
            let (mut verdict, mut is_duplicate, mut is_removed) = (Verdict::default(), false, false);
            for at in offsets[row] as usize..offsets[row + 1] as usize {
                match self.numbers.get(names.value(at)) {
                    Some(Means::Reason(reason)) => verdict.add(*reason),
                    Some(Means::Duplicate) => is_duplicate = true,
                    Some(Means::Removed) | None => is_removed = true,
                }
            }
            if is_removed {
                found.removed += 1;
                continue;
            }
            for (value, signal) in values.iter_mut().zip(&signals) {
                *value = signal.is_valid(row).then(|| signal.value(row));
            }
            let language = languages.filter(|languages| languages.is_valid(row)).map(|all| all.value(row));
            let language =
                language.map(|code| classify::language::names(code).map_or(code, |(_, short)| short));
            let new = self.rules.decide(&Facts { verdict, language, values: &values });
            let side = match (verdict.first(), new.verdict.first(), new.open) {
                (_, None, Some(stage)) => Side::Open(stage as u8),
                (None, Some(reason), _) => Side::Dropped(reason.0),
                (Some(reason), None, None) => Side::Passed(reason.0),
                (None, None, None) => Side::Still,
                (Some(_), Some(_), _) => Side::Out,
            };
            let document = Document {
                at: (file, first + row as u64),
                place: (shards.value(row), rows.value(row)),
                bytes: bytes.value(row).max(0) as u64,
                tokens: tokens.is_valid(row).then(|| tokens.value(row).max(0) as u64),
                passed: verdict.is_keep(),
                is_duplicate,
            };
            found.add(&document, side, self.samples);
        }
        Ok(())
    }
}

/// Duplicates of one file that pass still, of documents that do not.
fn returning(path: &Path, still: &Rows, found: &Found) -> anyhow::Result<found::Sum> {
    let mut sum = found::Sum::default();
    if !still.any() {
        return Ok(sum);
    }
    let columns = ["bytes", "tokens", "duplicate_of_shard", "duplicate_of_row"];
    let mut first = 0;
    for batch in read_table(path, Some(&columns), ROWS)? {
        let batch = batch?;
        let bytes: &Int64Array = column(&batch, "bytes")?;
        let shards: &Int32Array = column(&batch, "duplicate_of_shard")?;
        let rows: &Int64Array = column(&batch, "duplicate_of_row")?;
        for row in (0..batch.num_rows()).filter(|row| still.has(first + *row as u64)) {
            if shards.is_valid(row) && found.fallen.has((shards.value(row), rows.value(row))) {
                sum.add(bytes.value(row).max(0) as u64, None);
            }
        }
        first += batch.num_rows() as u64;
    }
    Ok(sum)
}

/// What samples are named by.
struct Named<'a> {
    manifest: Manifest,
    reasons: &'a Reasons,
    old: Recipe,
    new: Recipe,
}

/// Fills in what the samples are, and their first words from wherever the run wrote them. `rows` are the ledger's, in
/// the order of the samples.
fn name(
    out: &Path,
    what_if: &mut WhatIf,
    rows: &[crate::inspect::Found],
    by: &Named<'_>,
) -> anyhow::Result<()> {
    let mut wanted: BTreeMap<String, Option<String>> =
        rows.iter().map(|row| (row.id.clone(), None)).collect();
    for folder in ["clean", "rejected"] {
        for path in files(out, folder)? {
            texts_of(&path, &mut wanted)?;
        }
    }
    let by_place: HashMap<(i32, i64), &crate::inspect::Found> =
        rows.iter().filter_map(|row| Some((row.place()?, row))).collect();
    let WhatIf { newly_dropped, newly_passed, open, .. } = what_if;
    for (changes, is_new) in [(newly_dropped, true), (newly_passed, false), (open, false)] {
        for change in changes {
            let reason = by.reasons.find(&change.reason).map(|id| by.reasons.get(id));
            for sample in &mut change.samples {
                let Some(row) = by_place.get(&sample.place) else { continue };
                let file = by.manifest.inputs.get(sample.place.0 as usize);
                sample.path = file.map_or_else(String::new, |file| file.path.clone());
                sample.id = row.id.clone();
                sample.text = wanted.get(&row.id).cloned().flatten().map(|text| first_words(&text));
                let Some(reason) = reason else { continue };
                let signal = reason.signal.as_ref();
                sample.value = signal.and_then(|signal| row.number(&format!("{}.{signal}", reason.stage)));
                let recipe = if is_new { &by.new } else { &by.old };
                sample.bound = bound_of(Some(recipe), reason, row.language().as_deref());
            }
        }
    }
    Ok(())
}
