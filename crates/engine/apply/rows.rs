//! The tables of `out/` without the removed documents.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, ListArray, ListBuilder, RecordBatch, StringArray, StringBuilder,
};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::error::ArrowError;
use shards::{ParquetSink, Receipt, SinkOptions, footer, read_table};

use super::choose::{Chosen, Files, Row};
use super::{FULL_REASON, Staging, Takedown};
use crate::error::EngineError;
/// Writes the tables that hold a removed document without it; the ledger keeps its row.
pub(super) fn rewrite(
    files: &Files,
    chosen: &mut Chosen,
    staging: &Staging,
    takedown: &mut Takedown,
) -> Result<Vec<Receipt>, EngineError> {
    let mut receipts = Vec::new();
    let mut rows_of: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
    for document in chosen.documents.values() {
        rows_of.entry(document.file).or_default().insert(document.at);
    }
    // Files of one segment stand at the same place; signatures have a file for segments without documents, too.
    let mut signatures = Vec::new();
    for path in &files.signatures {
        signatures.extend((footer(path)?.1 > 0).then_some(path));
    }
    let mut signatures = signatures.into_iter();
    for (file, path) in files.ledger.iter().enumerate() {
        let gone = rows_of.remove(&file).unwrap_or_default();
        let kept = kept_rows(path)?;
        let signed = if kept.is_empty() { None } else { signatures.next() };
        if gone.is_empty() {
            continue;
        }
        if let Some(clean) = files.clean.get(file) {
            let ordinals: BTreeSet<u64> = (kept.iter().enumerate())
                .filter(|(_, row)| gone.contains(row))
                .map(|(ordinal, _)| ordinal as u64)
                .collect();
            let sources = &mut chosen.sources;
            let receipt = without(clean, 5_000, &[], staging, &mut takedown.clean_rows, |at, batch, row| {
                let goes = ordinals.contains(&at);
                if goes {
                    add_source(sources, batch, row);
                }
                goes
            })?;
            receipts.extend(receipt);
        }
        if let Some(signed) = signed {
            let plain = ["exact", "bands.list.item", "sketch"];
            let count = &mut takedown.signature_rows;
            receipts.extend(without(signed, 100_000, &plain, staging, count, |_, batch, row| {
                let row = Row { batch, at: row }.number("row_in_segment");
                row.is_some_and(|row| gone.contains(&(row as u64)))
            })?);
        }
        receipts.extend(mark(path, &gone, staging)?);
    }
    let is_gone = |batch: &RecordBatch, row| chosen.documents.contains_key(&Row { batch, at: row }.place());
    for path in &files.rejected {
        let count = &mut takedown.rejected_rows;
        receipts.extend(without(path, 5_000, &[], staging, count, |_, batch, row| is_gone(batch, row))?);
    }
    let plain = ["input_ids.list.item", "text", "id", "url"];
    let mut count = 0;
    for path in &files.heldout {
        receipts
            .extend(without(path, 1_000, &plain, staging, &mut count, |_, batch, row| is_gone(batch, row))?);
    }
    takedown.heldout_documents =
        chosen.documents.values().filter(|document| document.is_heldout).count() as u64;
    Ok(receipts)
}

/// The rows of a ledger file that are kept.
fn kept_rows(ledger: &Path) -> Result<Vec<u64>, EngineError> {
    let (mut kept, mut first) = (Vec::new(), 0);
    for batch in read_table(ledger, Some(&["kept"]), 100_000)? {
        let batch = batch?;
        let rows = (0..batch.num_rows()).filter(|at| Row { batch: &batch, at: *at }.flag("kept"));
        kept.extend(rows.map(|at| first + at as u64));
        first += batch.num_rows() as u64;
    }
    Ok(kept)
}

/// Counts the `source` of a kept document that goes; its bytes are those of its text.
fn add_source(sources: &mut BTreeMap<String, (u64, u64)>, batch: &RecordBatch, at: usize) {
    let row = Row { batch, at };
    let metadata = row.text("metadata").unwrap_or("{}");
    let metadata: serde_json::Value = serde_json::from_str(metadata).unwrap_or_default();
    let source = row.text("source").or_else(|| metadata.get("source")?.as_str()).unwrap_or_default();
    let entry = sources.entry(source.to_owned()).or_default();
    entry.0 += 1;
    entry.1 += row.text("text").unwrap_or_default().len() as u64;
}

/// The file without the rows for which `goes(number, batch, row)`; `None` if it has none. Counts them.
/// What is written depends on the rows that stay alone, not on how often rows were taken out.
fn without(
    path: &Path,
    rows: usize,
    plain: &[&str],
    staging: &Staging,
    count: &mut u64,
    mut goes: impl FnMut(u64, &RecordBatch, usize) -> bool,
) -> Result<Option<Receipt>, EngineError> {
    let (mut gone, mut first) = (0, 0);
    let mut stays: Vec<BooleanArray> = Vec::new();
    for batch in read_table(path, None, rows)? {
        let batch = batch?;
        let mask: BooleanArray =
            (0..batch.num_rows()).map(|row| Some(!goes(first + row as u64, &batch, row))).collect();
        gone += mask.false_count() as u64;
        first += batch.num_rows() as u64;
        stays.push(mask);
    }
    *count += gone;
    if gone == 0 || staging.dry_run {
        return Ok(None);
    }
    let masks = &mut stays.iter();
    rewritten(path, rows, plain, staging, |batch| match masks.next() {
        Some(mask) => filter_record_batch(batch, mask),
        None => Ok(batch.clone()),
    })
    .map(Some)
}

/// The ledger with the rows marked as removed. A verdict only gains reasons: what was dropped before keeps its first.
fn mark(path: &Path, gone: &BTreeSet<u64>, staging: &Staging) -> Result<Option<Receipt>, EngineError> {
    if staging.dry_run {
        return Ok(None);
    }
    let mut first = 0;
    let receipt = rewritten(path, 100_000, &[], staging, |batch| {
        let marked: Vec<bool> =
            (0..batch.num_rows()).map(|row| gone.contains(&(first + row as u64))).collect();
        first += batch.num_rows() as u64;
        if marked.contains(&true) { marked_batch(batch, &marked) } else { Ok(batch.clone()) }
    });
    receipt.map(Some)
}

fn marked_batch(batch: &RecordBatch, marked: &[bool]) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let row = |at| Row { batch, at };
    let all = || 0..batch.num_rows();
    let flags = |name: &str| -> ArrayRef {
        Arc::new(all().map(|at| Some(!marked[at] && row(at).flag(name))).collect::<BooleanArray>())
    };
    let numbers = |name: &str, removed: Option<i64>| -> ArrayRef {
        let value = |at: usize| if marked[at] { removed } else { row(at).number(name) };
        Arc::new(all().map(value).collect::<Int64Array>())
    };
    let columns =
        schema.fields().iter().zip(batch.columns()).map(|(field, column)| match field.name().as_str() {
            "kept" | "control" | "heldout" => flags(field.name()),
            "kept_bytes" => numbers("kept_bytes", Some(0)),
            "tokens" => numbers("tokens", None),
            "url" => {
                let url = |at: usize| row(at).url().filter(|_| !marked[at]);
                Arc::new(all().map(url).collect::<StringArray>())
            }
            "reason" => {
                let reason = |at: usize| row(at).text("reason").or(marked[at].then_some(FULL_REASON));
                Arc::new(all().map(reason).collect::<StringArray>())
            }
            "reasons" => {
                let mut reasons = ListBuilder::new(StringBuilder::new());
                for at in all() {
                    let found = row(at).column::<ListArray>("reasons").map(|column| column.value(at));
                    let found = found.as_ref().and_then(|found| found.as_any().downcast_ref::<StringArray>());
                    found
                        .into_iter()
                        .flatten()
                        .flatten()
                        .for_each(|reason| reasons.values().append_value(reason));
                    if marked[at] {
                        reasons.values().append_value(FULL_REASON);
                    }
                    reasons.append(true);
                }
                Arc::new(reasons.finish())
            }
            _ => column.clone(),
        });
    RecordBatch::try_new(schema.clone(), columns.collect())
}

/// The file anew, each batch of `rows` rows changed, in row groups of so many rows.
fn rewritten(
    path: &Path,
    rows: usize,
    plain: &[&str],
    staging: &Staging,
    mut change: impl FnMut(&RecordBatch) -> Result<RecordBatch, ArrowError>,
) -> Result<Receipt, EngineError> {
    let (mut pairs, _) = footer(path)?;
    // Arrow writes its own.
    pairs.retain(|(key, _)| key != "ARROW:schema");
    let mut options = SinkOptions { row_group_rows: rows, footer: pairs, ..SinkOptions::default() };
    if !plain.is_empty() {
        options.plain = plain.iter().map(|name| (*name).to_owned()).collect();
    }
    let target = staging.folder.join(path.strip_prefix(&staging.out).unwrap_or(path));
    let mut sink: Option<ParquetSink> = None;
    let mut waiting: Option<RecordBatch> = None;
    for batch in read_table(path, None, rows)? {
        let batch = change(&batch?)?;
        let sink = match &mut sink {
            Some(sink) => sink,
            None => sink.insert(ParquetSink::create(&target, batch.schema(), &options)?),
        };
        let mut all = match waiting.take() {
            Some(before) => concat_batches(&batch.schema(), [&before, &batch])?,
            None => batch,
        };
        while all.num_rows() >= rows {
            sink.write(&all.slice(0, rows))?;
            all = all.slice(rows, all.num_rows() - rows);
        }
        waiting = Some(all);
    }
    match sink {
        Some(mut sink) => {
            if let Some(rest) = waiting.filter(|rest| rest.num_rows() > 0) {
                sink.write(&rest)?;
            }
            Ok(sink.commit()?)
        }
        // It held a row that was looked at.
        None => Err(ArrowError::SchemaError(format!("{} is empty", path.display())).into()),
    }
}
