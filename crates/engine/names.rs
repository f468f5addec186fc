//! Ids and places of the documents that others name as their kept twin.

use std::collections::HashMap;
use std::fs::File;

use arrow::array::{Array, StringArray, UInt64Array};

use crate::error::EngineError;
use crate::resolve::Resolution;
use crate::work::{SegmentReceipt, Work, read_frame};

/// Where a document stands in the input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Name {
    pub id: String,
    pub shard: u32,
    pub row: u64,
}

/// The names of all kept twins, by document. Reads ids only, of the blocks that hold one.
pub(crate) fn names(
    resolution: &Resolution,
    receipts: &[SegmentReceipt],
    work: &Work,
) -> Result<HashMap<u64, Name>, EngineError> {
    let mut wanted: Vec<u64> = resolution.duplicates.iter().map(|(_, twin)| twin.of).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut names = HashMap::with_capacity(wanted.len());
    let mut wanted = wanted.into_iter().peekable();
    for (receipt, base) in receipts.iter().zip(&resolution.bases) {
        if wanted.peek().is_none_or(|next| *next >= base + receipt.rows) {
            continue;
        }
        let path = work.blocks(receipt.segment);
        let file = File::open(&path).map_err(EngineError::io(&path))?;
        let mut first = *base;
        for (offset, length, rows) in &receipt.frames {
            let end = first + u64::from(*rows);
            if wanted.peek().is_some_and(|next| *next < end) {
                let batch = read_frame(&file, &path, (*offset, *length), Some(&["row", "id"]))?;
                let ids = batch.column_by_name("id").and_then(|c| c.as_any().downcast_ref::<StringArray>());
                let places =
                    batch.column_by_name("row").and_then(|c| c.as_any().downcast_ref::<UInt64Array>());
                let (Some(ids), Some(places)) = (ids, places) else {
                    return Err(arrow::error::ArrowError::SchemaError("swept block: id".to_owned()).into());
                };
                while let Some(document) = wanted.next_if(|next| *next < end) {
                    let at = (document - first) as usize;
                    let name =
                        Name { id: ids.value(at).to_owned(), shard: receipt.shard, row: places.value(at) };
                    names.insert(document, name);
                }
            }
            first = end;
        }
    }
    Ok(names)
}
