//! `signatures/`: exact hash, band keys and sketch of every kept document, by segment.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, FixedSizeBinaryBuilder, FixedSizeListBuilder, Int32Builder, Int64Builder, RecordBatch,
    StringArray, UInt64Builder,
};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, Schema};
use plan::Flags;
use shards::{ParquetSink, Receipt, SinkOptions, read_table};

use crate::error::EngineError;
use crate::finish::Finisher;
use crate::options::CleanOptions;
use crate::resolve::Resolution;
use crate::signatures::SignatureFile;
use crate::steps::Steps;
use crate::work::{SegmentReceipt, Work, file_numbers};

pub(crate) fn write_signatures(
    finisher: &Finisher<'_>,
    receipts: &[SegmentReceipt],
    options: &CleanOptions,
    work: &Work,
) -> Result<Vec<Receipt>, EngineError> {
    let footer = vec![(tokens::FOOTER_RECIPE_HASH.to_owned(), finisher.plan.hash.clone())];
    let plain = ["exact", "bands.list.item", "sketch"].map(str::to_owned).to_vec();
    let sink = SinkOptions { row_group_rows: 100_000, plain, footer, ..SinkOptions::default() };
    let steps = Steps::new(work, &options.out);
    let mut outputs = Vec::new();
    for (segment, number) in file_numbers(receipts).iter().enumerate() {
        let Some(number) = number else { continue };
        options.unless_stopped()?;
        let (files, ()) = steps.once(&format!("signatures-{segment:05}"), || {
            let base = finisher.resolution.bases[segment];
            let ids = ids(&options.out.join(format!("clean/{number:05}.parquet")))?;
            let kept = kept_signatures(finisher.resolution, &receipts[segment], (base, ids), work)?;
            let path = options.out.join(format!("signatures/{number:05}.parquet"));
            let mut sink = ParquetSink::create(&path, kept.schema(), &sink)?;
            sink.write(&kept)?;
            Ok((vec![sink.commit()?], ()))
        })?;
        outputs.extend(files);
    }
    Ok(outputs)
}

/// The signatures of a segment's kept documents, whose ids let a later run name them; its first document has the number
/// `base`.
fn kept_signatures(
    resolution: &Resolution,
    receipt: &SegmentReceipt,
    (base, ids): (u64, ArrayRef),
    work: &Work,
) -> Result<RecordBatch, EngineError> {
    let item = || Arc::new(Field::new("item", DataType::UInt64, false));
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Utf8, false),
        Field::new("shard", DataType::Int32, false),
        Field::new("row_in_segment", DataType::Int64, false),
        Field::new("exact", DataType::FixedSizeBinary(16), false),
        Field::new("bands", DataType::FixedSizeList(item(), dedup::BANDS as i32), true),
        Field::new("sketch", DataType::FixedSizeBinary(dedup::VALUES as i32), true),
    ]));
    let file = SignatureFile::open(work.signatures(receipt.shard, receipt.part), receipt.signed)?;
    let mut shards = Int32Builder::new();
    let mut rows = Int64Builder::new();
    let mut exact = FixedSizeBinaryBuilder::new(16);
    let mut bands = FixedSizeListBuilder::new(UInt64Builder::new(), dedup::BANDS as i32).with_field(item());
    let mut sketch = FixedSizeBinaryBuilder::new(dedup::VALUES as i32);
    let mut twins = resolution.twins(base, receipt.rows).map(|(document, _)| document).peekable();
    for group in 0..file.n_groups() {
        let (hashes, keys) = (file.exact(group)?, file.bands(group)?);
        let (rows_of_group, sketches) = (file.rows(group)?, file.sketches(group)?);
        let candidates =
            file.states(group)?.into_iter().enumerate().filter(|(_, state)| state.is_candidate());
        for (at, state) in candidates {
            let is_duplicate = twins.next_if_eq(&(base + u64::from(rows_of_group[at]))).is_some();
            if is_duplicate || !state.flags.has(Flags::SURVIVES) {
                continue;
            }
            shards.append_value(receipt.shard as i32);
            rows.append_value(i64::from(rows_of_group[at]));
            exact.append_value(hashes[at].to_le_bytes())?;
            bands.values().append_slice(&keys[at]);
            bands.append(state.has_near());
            match state.has_near() {
                true => sketch.append_value(sketches[at].0)?,
                false => sketch.append_null(),
            }
        }
    }
    let columns: Vec<ArrayRef> = vec![
        ids,
        Arc::new(shards.finish()),
        Arc::new(rows.finish()),
        Arc::new(exact.finish()),
        Arc::new(bands.finish()),
        Arc::new(sketch.finish()),
    ];
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// The ids of a clean file; its rows are those of the signatures.
fn ids(path: &Path) -> Result<ArrayRef, EngineError> {
    let batches: Vec<RecordBatch> = read_table(path, Some(&["id"]), 100_000)?.collect::<Result<_, _>>()?;
    let columns: Vec<&dyn Array> = batches.iter().map(|batch| batch.column(0).as_ref()).collect();
    match columns.is_empty() {
        true => Ok(Arc::new(StringArray::from(Vec::<&str>::new()))),
        false => Ok(concat(&columns)?),
    }
}
