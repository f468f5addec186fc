//! Ids and places of the documents that others name as their kept twin.

use std::collections::HashMap;

use arrow::array::{StringArray, UInt64Array};

use crate::error::EngineError;
use crate::resolve::Resolution;
use crate::work::{SegmentReceipt, Work, visit_documents};

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
    let mut wanted: Vec<u64> = resolution.duplicates().map(|(_, twin)| twin.of).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut names = HashMap::with_capacity(wanted.len());
    let mut documents = wanted.iter();
    visit_documents(work, receipts, &wanted, &["row", "id"], |receipt, block, row| {
        let ids = block.column_by_name("id").and_then(|c| c.as_any().downcast_ref::<StringArray>());
        let places = block.column_by_name("row").and_then(|c| c.as_any().downcast_ref::<UInt64Array>());
        let (Some(ids), Some(places), Some(document)) = (ids, places, documents.next()) else {
            return Err(arrow::error::ArrowError::SchemaError("swept block: id".to_owned()).into());
        };
        let name = Name { id: ids.value(row).to_owned(), shard: receipt.shard, row: places.value(row) };
        names.insert(*document, name);
        Ok(())
    })?;
    Ok(names)
}
