//! Ids and places of the documents that others name as their kept twin.

use std::collections::HashMap;

use arrow::array::{StringArray, UInt64Array};

use crate::against::Against;
use crate::error::EngineError;
use crate::resolve::{OTHERS, Resolution};
use crate::work::{SegmentReceipt, Work, visit_documents};

/// Where a document stands in the input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Name {
    pub id: String,
    /// Shard and row; none if it is of another corpus.
    pub place: Option<(u32, u64)>,
}

/// The names of all kept twins, by document. Reads ids only, of the blocks that hold one.
pub(crate) fn names(
    resolution: &Resolution,
    receipts: &[SegmentReceipt],
    work: &Work,
    against: &Against,
) -> Result<HashMap<u64, Name>, EngineError> {
    let mut wanted: Vec<u64> = resolution.duplicates().map(|(_, twin)| twin.of).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut names = HashMap::with_capacity(wanted.len());
    let (own, others) = wanted.split_at(wanted.partition_point(|document| *document < OTHERS));
    let others: Vec<u64> = others.iter().map(|document| document - OTHERS).collect();
    against.names(&others, |document, name| {
        names.insert(document + OTHERS, name);
    })?;
    let mut documents = own.iter();
    visit_documents(work, receipts, own, &["row", "id"], |receipt, block, row| {
        let ids = block.column_by_name("id").and_then(|c| c.as_any().downcast_ref::<StringArray>());
        let places = block.column_by_name("row").and_then(|c| c.as_any().downcast_ref::<UInt64Array>());
        let (Some(ids), Some(places), Some(document)) = (ids, places, documents.next()) else {
            return Err(arrow::error::ArrowError::SchemaError("swept block: id".to_owned()).into());
        };
        let name = Name { id: ids.value(row).to_owned(), place: Some((receipt.shard, places.value(row))) };
        names.insert(*document, name);
        Ok(())
    })?;
    Ok(names)
}
