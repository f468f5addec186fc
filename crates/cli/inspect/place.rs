//! A document by its shard and row, for a page: the ledger is in their order, and `clean/` in that of the ledger.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use anyhow::Context;
use arrow::array::{BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray};
use plan::{Plan, Recipe};
use serde_json::{Value, json};
use shards::{read_rows, read_table};

use super::marked::Style;
use super::show::{Shower, Standing, no_text};
use super::{Found, Place, Seen, add_texts, column, files, read, text_of};

/// Rows of numbers in memory at a time.
const ROWS: usize = 50_000;

/// The document, with its text and that of its kept twin where the run wrote them. Reads the files that hold them, and of
/// the others a row or two.
fn document(out: &Path, place: (i32, i64)) -> anyhow::Result<Option<Found>> {
    let ledger = files(out, "ledger")?;
    let Some((file, row)) = find(&ledger, place)? else { return Ok(None) };
    let place: Place = (0, file, row);
    let Some(mut found) = read(&ledger, &[place])?.pop() else { return Ok(None) };
    found.text = match found.is_kept() {
        true => kept_text(out, &ledger[file], row, &found.id)?,
        false => dropped_text(out, &ledger[file], &found)?,
    };
    if let (Some(id), Some(twin)) = (found.cell("duplicate_of"), found.twin_place())
        && let Some((file, row)) = find(&ledger, twin)?
    {
        found.twin_text = kept_text(out, &ledger[file], row, &id)?;
    }
    // Files that are divided otherwise, as no run of today writes them.
    if found.text.is_none() {
        let mut all = [found];
        add_texts(out, &mut all)?;
        [found] = all;
    }
    Ok(Some(found))
}

/// The document at a shard and row as a page shows it.
pub fn as_page(
    out: &Path,
    place: (i32, i64),
    run: &::report::Run,
    recipe: Option<&Recipe>,
    plan: Option<&Plan>,
) -> anyhow::Result<Value> {
    let found = document(out, place)?;
    let document =
        found.with_context(|| format!("{} has no row {} of shard {}", out.display(), place.1, place.0))?;
    let shower = Shower { run, recipe, plan, signals: true, style: Style::PLAIN };
    let reasons = document.reasons(&shower)?;
    let signal = |Standing { signal, value, bounds }: Standing| {
        let failed = bounds.iter().any(|(reason, _)| reasons.iter().any(|(failed, ..)| failed == reason));
        let bounds: Vec<String> = bounds.into_iter().map(|(_, bound)| bound).collect();
        json!({ "signal": signal, "value": value, "bounds": bounds, "failed": failed })
    };
    let signals: Vec<Value> = shower.standing(&document).into_iter().map(signal).collect();
    let text = document.text.as_deref();
    let seen = text.map_or(Vec::new(), |text| shower.seen(&document, text));
    let reason = |(reason, value, bound): &(String, Option<f64>, String)| json!({ "reason": reason, "value": value, "bound": bound });
    Ok(json!({
        "id": document.id,
        "shard": place.0,
        "row": place.1,
        "url": document.cell("url"),
        "language": document.cell("language"),
        "bytes": document.bytes(),
        "kept": document.is_kept(),
        "reasons": reasons.iter().map(reason).collect::<Vec<_>>(),
        "evaluation_item": document.evaluation_item(run),
        "signals": signals,
        "text": text,
        "no_text": if text.is_none() { Some(no_text(&document)) } else { None },
        "seen": seen.iter().map(Seen::as_json).collect::<Vec<_>>(),
        "duplicate_of": document.cell("duplicate_of"),
        "duplicate_of_text": document.twin_text,
        "similarity": document.number("similarity"),
    }))
}

/// File of the ledger and row in it.
fn find(ledger: &[PathBuf], wanted: (i32, i64)) -> anyhow::Result<Option<(usize, u64)>> {
    let (mut low, mut high) = (0, ledger.len());
    while low < high {
        let middle = (low + high) / 2;
        let first = read_rows(&ledger[middle], Some(&["shard", "row"]), &[0])?;
        let first = first.first().filter(|batch| batch.num_rows() > 0);
        let is_behind = match first {
            Some(batch) => place(batch, 0)? > wanted,
            None => false,
        };
        if is_behind { high = middle } else { low = middle + 1 }
    }
    let Some(file) = low.checked_sub(1) else { return Ok(None) };
    let mut row = 0;
    for batch in read_table(&ledger[file], Some(&["shard", "row"]), ROWS)? {
        let batch = batch?;
        for at in 0..batch.num_rows() {
            match place(&batch, at)?.cmp(&wanted) {
                Ordering::Less => row += 1,
                Ordering::Equal => return Ok(Some((file, row))),
                Ordering::Greater => return Ok(None),
            }
        }
    }
    Ok(None)
}

fn place(batch: &RecordBatch, row: usize) -> anyhow::Result<(i32, i64)> {
    Ok((column::<Int32Array>(batch, "shard")?.value(row), column::<Int64Array>(batch, "row")?.value(row)))
}

/// Of the file of `clean/` beside a ledger file: as many documents lie before this one as were kept before it.
fn kept_text(out: &Path, ledger: &Path, row: u64, id: &str) -> anyhow::Result<Option<String>> {
    let (mut n_kept, mut left) = (0, row);
    for batch in read_table(ledger, Some(&["kept"]), ROWS)? {
        let batch = batch?;
        let kept: &BooleanArray = column(&batch, "kept")?;
        let here = left.min(kept.len() as u64);
        n_kept += (0..here as usize).filter(|row| kept.value(*row)).count() as u64;
        left -= here;
        if left == 0 {
            break;
        }
    }
    let Some(path) = beside(out, "clean", ledger)? else { return Ok(None) };
    let (_, n_rows) = shards::footer(&path)?;
    if n_kept >= n_rows {
        return Ok(None);
    }
    let rows = read_rows(&path, Some(&["id", "text"]), &[n_kept])?;
    let Some(batch) = rows.first() else { return Ok(None) };
    let is_it = column::<StringArray>(batch, "id")?.value(0) == id;
    if is_it { text_of(batch, 0) } else { Ok(None) }
}

/// Of the file of `rejected/` beside a ledger file.
fn dropped_text(out: &Path, ledger: &Path, found: &Found) -> anyhow::Result<Option<String>> {
    let Some(path) = beside(out, "rejected", ledger)? else { return Ok(None) };
    let wanted = found.place().context("the ledger has no places")?;
    let mut row = 0;
    for batch in read_table(&path, Some(&["shard", "row"]), ROWS)? {
        let batch = batch?;
        for at in 0..batch.num_rows() {
            if place(&batch, at)? == wanted {
                let rows = read_rows(&path, Some(&["text"]), &[row])?;
                return rows.first().map_or(Ok(None), |batch| text_of(batch, 0));
            }
            row += 1;
        }
    }
    Ok(None)
}

fn beside(out: &Path, folder: &str, ledger: &Path) -> anyhow::Result<Option<PathBuf>> {
    let name = ledger.file_name().context("a ledger file has a name")?;
    let path = out.join(folder).join(name);
    Ok(path.exists().then_some(path))
}
