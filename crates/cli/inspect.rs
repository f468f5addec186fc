//! `corpus inspect`: documents of a finished run, why they were dropped, and value against bound.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use arrow::array::{Array, Float64Array, Int64Array, ListArray, RecordBatch, StringArray};
use shards::read_table;

use crate::{Exit, Format, Voice, print};

#[derive(clap::Args)]
pub struct Args {
    /// The output folder of a finished run.
    out: PathBuf,
    /// Only documents dropped for this reason (first reason; full or bare name).
    #[arg(long)]
    reason: Option<String>,
    /// Only the document of this id.
    #[arg(long)]
    id: Option<String>,
    /// How many documents.
    #[arg(long, default_value_t = 5)]
    sample: usize,
}

/// A document as the ledger and the text files have it.
struct Found {
    id: String,
    ledger: RecordBatch,
    row: usize,
    text: Option<String>,
}

pub fn run(args: Args, voice: Voice) -> anyhow::Result<Exit> {
    let run = run_of(&args.out)?;
    let reason = match &args.reason {
        None => None,
        Some(name) => match run.reasons.find(name) {
            Some(id) => Some(run.reasons.get(id).full_name()),
            None => bail!("this run has no reason `{name}`; its reasons are\n  {}", names(&run).join("\n  ")),
        },
    };
    let mut found = Vec::new();
    for path in files(&args.out, "ledger")? {
        for batch in read_table(&path, None, 10_000)? {
            let batch = batch?;
            let ids: &StringArray = column(&batch, "id")?;
            let reasons: &StringArray = column(&batch, "reason")?;
            for row in 0..batch.num_rows() {
                let is_wanted = match (&args.id, &reason) {
                    (Some(id), _) => ids.value(row) == id,
                    (None, Some(reason)) => reasons.is_valid(row) && reasons.value(row) == reason,
                    (None, None) => reasons.is_valid(row),
                };
                if is_wanted && found.len() < args.sample.max(1) * 8 {
                    found.push(Found {
                        id: ids.value(row).to_owned(),
                        ledger: batch.clone(),
                        row,
                        text: None,
                    });
                }
            }
        }
    }
    // Those whose text is there come first.
    add_texts(&args.out, &mut found)?;
    found.sort_by_key(|document| document.text.is_none());
    found.truncate(args.sample.max(1));
    if found.is_empty() {
        bail!("no such document in {}", args.out.display());
    }
    let mut out = String::new();
    for document in &found {
        match voice.format {
            Format::Json => writeln!(out, "{}", json(document, &run)?)?,
            Format::Text => show(&mut out, document, &run)?,
        }
    }
    print(&out)?;
    Ok(Exit::Done)
}

/// `report.json` of a finished run.
pub fn run_of(out: &Path) -> anyhow::Result<::report::Run> {
    let path = out.join("report.json");
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!("{} holds no finished run: cannot read {}", out.display(), path.display())
    })?;
    serde_json::from_str(&text).with_context(|| format!("{}", path.display()))
}

fn names(run: &::report::Run) -> Vec<String> {
    run.reasons.0.iter().filter(|reason| !reason.is_line).map(|reason| reason.full_name()).collect()
}

fn files(out: &Path, folder: &str) -> anyhow::Result<Vec<PathBuf>> {
    let folder = out.join(folder);
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    files.sort();
    Ok(files)
}

fn column<'b, T: Array + 'static>(batch: &'b RecordBatch, name: &str) -> anyhow::Result<&'b T> {
    let column = batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref());
    column.with_context(|| format!("the files of this run have no column `{name}`"))
}

/// Fills in texts from `rejected/`, then from `clean/`.
fn add_texts(out: &Path, found: &mut [Found]) -> anyhow::Result<()> {
    for folder in ["rejected", "clean"] {
        for path in files(out, folder)? {
            if found.iter().all(|document| document.text.is_some()) {
                return Ok(());
            }
            for batch in read_table(&path, Some(&["id", "text"]), 1_000)? {
                let batch = batch?;
                let ids: &StringArray = column(&batch, "id")?;
                let texts: &StringArray = column(&batch, "text")?;
                for document in found.iter_mut().filter(|document| document.text.is_none()) {
                    let row = (0..batch.num_rows()).find(|row| ids.value(*row) == document.id);
                    document.text =
                        row.filter(|row| texts.is_valid(*row)).map(|row| texts.value(row).to_owned());
                }
            }
        }
    }
    Ok(())
}

/// All reasons of a document, with value and bound where the reason is a bound.
fn reasons(document: &Found, run: &::report::Run) -> anyhow::Result<Vec<(String, Option<f64>, String)>> {
    let lists: &ListArray = column(&document.ledger, "reasons")?;
    let list = lists.value(document.row);
    let names = list.as_any().downcast_ref::<StringArray>().context("reasons")?;
    let mut reasons = Vec::new();
    for name in names.iter().flatten() {
        let check = run.reasons.find(name).map(|id| run.reasons.get(id));
        let value = check.and_then(|check| {
            let column = format!("{}.{}", check.stage, check.signal.as_ref()?);
            let values: &Float64Array = self::column(&document.ledger, &column).ok()?;
            values.is_valid(document.row).then(|| values.value(document.row))
        });
        reasons.push((name.to_owned(), value, check.map(|check| check.bound.clone()).unwrap_or_default()));
    }
    Ok(reasons)
}

fn cell(document: &Found, name: &str) -> Option<String> {
    let column: &StringArray = column(&document.ledger, name).ok()?;
    column.is_valid(document.row).then(|| column.value(document.row).to_owned())
}

fn json(document: &Found, run: &::report::Run) -> anyhow::Result<serde_json::Value> {
    let reasons = reasons(document, run)?;
    let reasons: Vec<_> = reasons
        .into_iter()
        .map(|(reason, value, bound)| serde_json::json!({ "reason": reason, "value": value, "bound": bound }))
        .collect();
    Ok(serde_json::json!({
        "id": document.id,
        "language": cell(document, "language"),
        "kept": reasons.is_empty(),
        "reasons": reasons,
        "duplicate_of": cell(document, "duplicate_of"),
        "text": document.text,
    }))
}

fn show(out: &mut String, document: &Found, run: &::report::Run) -> anyhow::Result<()> {
    let bytes: &Int64Array = column(&document.ledger, "bytes")?;
    let language = cell(document, "language").unwrap_or_else(|| "language unknown".to_owned());
    let bytes = ::report::human_bytes(bytes.value(document.row) as u64);
    writeln!(out, "── {} ── {language}, {bytes}", document.id)?;
    let reasons = reasons(document, run)?;
    if reasons.is_empty() {
        writeln!(out, "   kept")?;
    }
    for (reason, value, bound) in reasons {
        match value {
            Some(value) => writeln!(out, "   dropped: {reason}: {value:.4}, kept would be {bound}")?,
            None => writeln!(out, "   dropped: {reason}")?,
        }
    }
    if let Some(twin) = cell(document, "duplicate_of") {
        let similarity: &Float64Array = column(&document.ledger, "similarity")?;
        writeln!(out, "   kept instead: {twin} (similarity {:.2})", similarity.value(document.row))?;
    }
    match &document.text {
        Some(text) => {
            let end = text.floor_char_boundary(1_200);
            for line in text[..end].lines() {
                let safe: String = line.chars().map(|c| if c.is_control() { '·' } else { c }).collect();
                writeln!(out, "   │ {safe}")?;
            }
            if end < text.len() {
                writeln!(out, "   │ … {} more", ::report::human_bytes((text.len() - end) as u64))?;
            }
        }
        None => writeln!(out, "   (its text was not kept: run with --rejected all)")?,
    }
    writeln!(out)?;
    Ok(())
}
