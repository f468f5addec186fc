//! `corpus inspect`: documents of a finished run, why they were dropped, value against bound, and the kept twin.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use arrow::array::{Array, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, UInt64Array};
use arrow::compute::take_record_batch;
use serde_json::json;
use shards::{Manifest, read_table};
use text::stable_hash::hash_id;

use crate::{Exit, Format, Voice, page, print};

#[derive(clap::Args)]
pub struct Args {
    /// The output folder of a finished run.
    #[arg(required_unless_present = "file")]
    out: Option<PathBuf>,
    /// Only documents that were dropped for this first reason (full or bare name), or by this stage.
    #[arg(long)]
    reason: Option<String>,
    /// Only the document of this id, kept or dropped, with all that was measured.
    #[arg(long)]
    id: Option<String>,
    /// How many documents: those with the smallest hash of their id, so the same ones every time.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    sample: u16,
    /// A page instead of a run: text, HTML, or the first documents of any input; `-` is standard input.
    #[arg(long, conflicts_with_all = ["out", "reason", "id"])]
    file: Option<PathBuf>,
    /// Recipes that judge the page, with commas between: names or paths, or all that come with the program.
    #[arg(long, requires = "file", value_delimiter = ',', default_value = "all")]
    recipes: Vec<String>,
}

/// What is looked for.
enum Wanted {
    Id(String),
    /// Any of these first reasons; all of them if empty.
    Reasons(Vec<String>),
}

/// Place of a document: (hash of its id, ledger file, row of that file). Ordered by what is sampled first.
type Place = (u64, usize, u64);

/// A document as the ledger and the text files have it.
struct Found {
    id: String,
    /// Its row of the ledger.
    ledger: RecordBatch,
    text: Option<String>,
    /// Of the document that was kept instead.
    twin_text: Option<String>,
}

pub fn run(args: Args, voice: Voice) -> anyhow::Result<Exit> {
    if let Some(file) = &args.file {
        return page::run(file, &args.recipes, usize::from(args.sample), voice);
    }
    let Some(folder) = &args.out else { bail!("give the output folder of a run, or --file") };
    let run = run_of(folder)?;
    let shows_signals = args.id.is_some();
    let wanted = wanted(&args, &run)?;
    let ledger = files(folder, "ledger")?;
    let places = sample(&ledger, &wanted, usize::from(args.sample))?;
    if places.is_empty() {
        match &args.id {
            Some(id) => bail!("{} has no document {id}", folder.display()),
            None => bail!(
                "{} has no document that was dropped for that; `corpus report` counts",
                folder.display()
            ),
        }
    }
    let mut found = read(&ledger, &places)?;
    add_texts(folder, &mut found)?;
    let mut out = String::new();
    for document in &found {
        match voice.format {
            Format::Json => writeln!(out, "{}", as_json(document, &run)?)?,
            Format::Text => show(&mut out, document, &run, shows_signals)?,
        }
    }
    print(&out)?;
    Ok(Exit::Done)
}

/// `report.json` of a finished run.
pub fn run_of(out: &Path) -> anyhow::Result<::report::Run> {
    let path = out.join("report.json");
    let json = shards::read_file(&path).with_context(|| {
        format!(
            "{} holds no finished run, `corpus clean raw/ out/` makes one: cannot read {}",
            out.display(),
            path.display()
        )
    })?;
    serde_json::from_slice(&json).with_context(|| format!("{}", path.display()))
}

fn wanted(args: &Args, run: &::report::Run) -> anyhow::Result<Wanted> {
    if let Some(id) = &args.id {
        return Ok(Wanted::Id(id.clone()));
    }
    let Some(name) = &args.reason else { return Ok(Wanted::Reasons(Vec::new())) };
    let all = run.reasons.0.iter().filter(|reason| !reason.is_line);
    let is_meant = |reason: &&document::Reason| {
        reason.full_name() == *name || reason.reason == *name || reason.stage == *name
    };
    let meant: Vec<String> = all.clone().filter(is_meant).map(document::Reason::full_name).collect();
    if meant.is_empty() {
        let names: Vec<String> = all.map(document::Reason::full_name).collect();
        bail!("this run has no reason `{name}`; its reasons are\n  {}", names.join("\n  "));
    }
    Ok(Wanted::Reasons(meant))
}

/// The `n` wanted documents with the smallest hash of their id; holds no more than those.
fn sample(ledger: &[PathBuf], wanted: &Wanted, n: usize) -> anyhow::Result<Vec<Place>> {
    let mut places: std::collections::BinaryHeap<Place> = std::collections::BinaryHeap::new();
    for (file, path) in ledger.iter().enumerate() {
        let mut first = 0;
        for batch in read_table(path, Some(&["id", "reason"]), 50_000)? {
            let batch = batch?;
            let ids: &StringArray = column(&batch, "id")?;
            let reasons: &StringArray = column(&batch, "reason")?;
            for row in 0..batch.num_rows() {
                let is_wanted = match wanted {
                    Wanted::Id(id) => ids.value(row) == id,
                    Wanted::Reasons(meant) => {
                        reasons.is_valid(row)
                            && (meant.is_empty() || meant.iter().any(|reason| reason == reasons.value(row)))
                    }
                };
                if is_wanted {
                    places.push((hash_id(ids.value(row), 0), file, first + row as u64));
                    if places.len() > n {
                        places.pop();
                    }
                }
            }
            first += batch.num_rows() as u64;
        }
    }
    Ok(places.into_sorted_vec())
}

/// The ledger's rows at some places, in the order of the places.
fn read(ledger: &[PathBuf], places: &[Place]) -> anyhow::Result<Vec<Found>> {
    let mut found: BTreeMap<Place, Found> = BTreeMap::new();
    for (file, path) in ledger.iter().enumerate() {
        let here: Vec<Place> = places.iter().copied().filter(|place| place.1 == file).collect();
        if here.is_empty() {
            continue;
        }
        let mut first = 0;
        for batch in read_table(path, None, 10_000)? {
            let batch = batch?;
            let end = first + batch.num_rows() as u64;
            for place in here.iter().filter(|place| (first..end).contains(&place.2)) {
                let ledger = take_record_batch(&batch, &UInt64Array::from(vec![place.2 - first]))?;
                let id = column::<StringArray>(&ledger, "id")?.value(0).to_owned();
                found.insert(*place, Found { id, ledger, text: None, twin_text: None });
            }
            first = end;
        }
    }
    Ok(found.into_values().collect())
}

/// The Parquet files of a folder of a run, in order.
pub fn files(out: &Path, folder: &str) -> anyhow::Result<Vec<PathBuf>> {
    if shards::is_remote(out) {
        let manifest = Manifest::read(&out.join("manifest.json"))?;
        let listed = manifest.outputs.iter().filter(|output| {
            output.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
                && output.path.ends_with(".parquet")
        });
        return Ok(listed.map(|output| out.join(&output.path)).collect());
    }
    let folder = out.join(folder);
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    files.sort();
    Ok(files)
}

/// A column of a file of a run.
pub fn column<'b, T: Array + 'static>(batch: &'b RecordBatch, name: &str) -> anyhow::Result<&'b T> {
    let column = batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref());
    column.with_context(|| format!("the files of this run have no column `{name}`"))
}

/// Fills in texts from `rejected/`, then from `clean/`; there also those of the kept twins.
fn add_texts(out: &Path, found: &mut [Found]) -> anyhow::Result<()> {
    for folder in ["rejected", "clean"] {
        let mut wanted: BTreeMap<String, Option<String>> = BTreeMap::new();
        for document in found.iter().filter(|document| document.text.is_none()) {
            if document.is_kept() == (folder == "clean") {
                wanted.insert(document.id.clone(), None);
            }
        }
        if folder == "clean" {
            wanted.extend(found.iter().filter_map(|document| Some((document.cell("duplicate_of")?, None))));
        }
        for path in files(out, folder)? {
            texts_of(&path, &mut wanted)?;
        }
        for document in found.iter_mut() {
            if document.is_kept() == (folder == "clean") {
                document.text = wanted.get(&document.id).cloned().flatten();
            }
            if folder == "clean" {
                document.twin_text =
                    document.cell("duplicate_of").and_then(|twin| wanted.get(&twin)?.clone());
            }
        }
    }
    Ok(())
}

/// Texts of the wanted ids of one file; reads texts only where an id is there.
pub fn texts_of(path: &Path, wanted: &mut BTreeMap<String, Option<String>>) -> anyhow::Result<()> {
    for columns in [&["id"][..], &["id", "text"]] {
        if wanted.values().all(Option::is_some) {
            return Ok(());
        }
        let mut is_here = false;
        for batch in read_table(path, Some(columns), 5_000)? {
            let batch = batch?;
            let ids: &StringArray = column(&batch, "id")?;
            for row in 0..batch.num_rows() {
                let Some(text) = wanted.get_mut(ids.value(row)).filter(|text| text.is_none()) else {
                    continue;
                };
                is_here = true;
                if columns.len() > 1 {
                    let texts: &StringArray = column(&batch, "text")?;
                    *text = texts.is_valid(row).then(|| texts.value(row).to_owned());
                }
            }
        }
        if !is_here {
            return Ok(());
        }
    }
    Ok(())
}

impl Found {
    fn cell(&self, name: &str) -> Option<String> {
        let column: &StringArray = column(&self.ledger, name).ok()?;
        column.is_valid(0).then(|| column.value(0).to_owned())
    }

    fn number(&self, name: &str) -> Option<f64> {
        let column: &Float64Array = column(&self.ledger, name).ok()?;
        column.is_valid(0).then(|| column.value(0))
    }

    fn is_kept(&self) -> bool {
        self.cell("reason").is_none()
    }

    fn bytes(&self) -> u64 {
        column::<Int64Array>(&self.ledger, "bytes").map_or(0, |bytes| bytes.value(0) as u64)
    }

    /// All reasons, with value and bound where the reason is a bound.
    fn reasons(&self, run: &::report::Run) -> anyhow::Result<Vec<(String, Option<f64>, String)>> {
        let list = column::<ListArray>(&self.ledger, "reasons")?.value(0);
        let names = list.as_any().downcast_ref::<StringArray>().context("reasons")?;
        let reason = |name: &str| {
            let check = run.reasons.find(name).map(|id| run.reasons.get(id));
            let signal = check.and_then(|check| Some((&check.stage, check.signal.as_ref()?)));
            // The similarity is of the pair and has a column of its own.
            let value = signal.and_then(|(stage, signal)| {
                self.number(&format!("{stage}.{signal}")).or_else(|| self.number(signal))
            });
            (name.to_owned(), value, check.map(|check| check.bound.clone()).unwrap_or_default())
        };
        Ok(names.iter().flatten().map(reason).collect())
    }

    /// What was measured: `<stage>.<signal>` and value, in the ledger's order.
    fn signals(&self) -> Vec<(String, f64)> {
        let schema = self.ledger.schema();
        let names = schema.fields().iter().map(|field| field.name()).filter(|name| name.contains('.'));
        names.filter_map(|name| Some((name.clone(), self.number(name)?))).collect()
    }
}

fn as_json(document: &Found, run: &::report::Run) -> anyhow::Result<serde_json::Value> {
    let reasons: Vec<_> = document
        .reasons(run)?
        .into_iter()
        .map(|(reason, value, bound)| json!({ "reason": reason, "value": value, "bound": bound }))
        .collect();
    let signals: serde_json::Map<_, _> =
        document.signals().into_iter().map(|(name, value)| (name, value.into())).collect();
    Ok(json!({
        "id": document.id,
        "language": document.cell("language"),
        "bytes": document.bytes(),
        "kept": document.is_kept(),
        "reasons": reasons,
        "duplicate_of": document.cell("duplicate_of"),
        "similarity": document.number("similarity"),
        "signals": signals,
        "text": document.text,
        "duplicate_of_text": document.twin_text,
    }))
}

fn show(out: &mut String, document: &Found, run: &::report::Run, signals: bool) -> anyhow::Result<()> {
    let language = document.cell("language").unwrap_or_else(|| "language unknown".to_owned());
    let size = ::report::human_bytes(document.bytes());
    writeln!(out, "── {} ── {language}, {size}", visible(&document.id))?;
    if document.is_kept() {
        writeln!(out, "   kept")?;
    }
    for (index, (reason, value, bound)) in document.reasons(run)?.into_iter().enumerate() {
        let start = if index == 0 { "dropped:" } else { "also:   " };
        match value {
            Some(value) => writeln!(out, "   {start} {reason}: {}, kept would be {bound}", number(value))?,
            None => writeln!(out, "   {start} {reason}")?,
        }
    }
    if signals {
        for (name, value) in document.signals() {
            let checks = run.reasons.0.iter().filter(|reason| {
                reason.signal.as_ref().is_some_and(|signal| format!("{}.{signal}", reason.stage) == name)
            });
            let bounds: Vec<&str> = checks.map(|reason| reason.bound.as_str()).collect();
            let kept =
                if bounds.is_empty() { String::new() } else { format!("  kept: {}", bounds.join(", ")) };
            writeln!(out, "   {name:<46} {:>10}{kept}", number(value))?;
        }
    }
    match &document.text {
        Some(text) => excerpt(out, text, 1_200)?,
        None if document.bytes() == 0 || document.cell("reason").is_some_and(|r| r.starts_with("input.")) => {
            writeln!(out, "   (it has no text that could be read)")?;
        }
        None if document.is_kept() => writeln!(out, "   (its text is not in clean/)")?,
        None => writeln!(
            out,
            "   (its text was not written: rejected/ holds a sample, corpus clean --rejected all writes every one)"
        )?,
    }
    if let Some(twin) = document.cell("duplicate_of") {
        let similarity = document.number("similarity").unwrap_or(1.0);
        writeln!(out, "   kept instead: {} (similarity {similarity:.2})", visible(&twin))?;
        if let Some(text) = &document.twin_text {
            excerpt(out, text, 600)?;
        }
    }
    writeln!(out)?;
    Ok(())
}

/// `45`, `0.0326`: at most four decimals.
pub fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// At most `most` bytes of a text, indented, and how much is left.
fn excerpt(out: &mut String, text: &str, most: usize) -> std::fmt::Result {
    let end = text.floor_char_boundary(most);
    for line in text[..end].lines() {
        writeln!(out, "   │ {}", visible(line))?;
    }
    if end < text.len() {
        writeln!(out, "   │ … {} more", ::report::human_bytes((text.len() - end) as u64))?;
    }
    Ok(())
}

/// Text that cannot steer a terminal: control characters, and those that reorder text, become a dot.
pub fn visible(text: &str) -> String {
    let hides = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if hides(c) { '·' } else { c }).collect()
}
