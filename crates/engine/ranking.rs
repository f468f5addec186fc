//! Which document of a cluster is rather kept: a number per candidate, made in the sweep. Texts of a `newest`
//! column are too long for that, so resolve reads them from the swept blocks and puts numbers in their place.

use arrow::array::{Array, AsArray, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use dedup::{highest_first, latest_first, longest_first};
use plan::{ColumnKind, Keep};

use crate::error::EngineError;
use crate::work::{SegmentReceipt, Work, visit_documents};

/// The rank of what has no value.
const LAST: u64 = u64::MAX;

/// The rank of each row of a swept block; the lower, the rather kept.
pub(crate) fn ranks(keep: &Keep, records: &RecordBatch) -> Vec<u64> {
    let rows = records.num_rows();
    let ranks = match keep {
        Keep::First | Keep::Datatrove | Keep::Newest { kind: ColumnKind::Text, .. } => None,
        Keep::Longest => column::<UInt64Array>(records, "kept_bytes")
            .map(|bytes| bytes.values().iter().copied().map(longest_first).collect()),
        Keep::Best(name) | Keep::Newest { column: name, .. } => {
            records.column_by_name(name).and_then(|values| numbers(values))
        }
        Keep::Prefer(sources) => column::<StringArray>(records, "source").map(|found| {
            let place = |source: &str| sources.iter().position(|listed| listed == source);
            found.iter().map(|source| source.and_then(place).map_or(LAST, |place| place as u64)).collect()
        }),
    };
    ranks.unwrap_or_else(|| vec![0; rows])
}

fn column<'b, T: 'static>(records: &'b RecordBatch, name: &str) -> Option<&'b T> {
    records.column_by_name(name)?.as_any().downcast_ref()
}

fn numbers(values: &dyn Array) -> Option<Vec<u64>> {
    Some(match values.data_type() {
        DataType::Float64 => values
            .as_primitive::<Float64Type>()
            .iter()
            .map(|value| value.map_or(LAST, highest_first))
            .collect(),
        DataType::Int64 => {
            values.as_primitive::<Int64Type>().iter().map(|value| value.map_or(LAST, latest_first)).collect()
        }
        DataType::Boolean => values
            .as_boolean()
            .iter()
            .map(|value| value.map_or(LAST, |value| latest_first(value.into())))
            .collect(),
        _ => return None,
    })
}

/// Bytes of memory per document while its text is ranked, besides the text.
const BYTES_PER_TEXT: usize = 32;

/// The ranks of documents by a text column: the bytewise highest first.
pub(crate) fn text_ranks(
    name: &str,
    documents: &[u64],
    receipts: &[SegmentReceipt],
    work: &Work,
    allowed: impl Fn(u64) -> Result<(), EngineError>,
) -> Result<Vec<u64>, EngineError> {
    let mut texts: Vec<u8> = Vec::new();
    let mut places: Vec<Option<(u64, u32)>> = Vec::with_capacity(documents.len());
    visit_documents(work, receipts, documents.iter().copied(), &[name], |_, _, batch, row| {
        let text = column::<StringArray>(batch, name).filter(|column| column.is_valid(row));
        places.push(text.map(|column| (texts.len() as u64, column.value(row).len() as u32)));
        texts.extend_from_slice(text.map_or(&[], |column| column.value(row).as_bytes()));
        allowed((texts.len() + BYTES_PER_TEXT * documents.len()) as u64)
    })?;
    let text = |document: &u32| {
        let place = places.get(*document as usize).copied().flatten();
        place.map(|(start, length)| &texts[start as usize..start as usize + length as usize])
    };
    let mut order: Vec<u32> =
        (0..documents.len() as u32).filter(|document| text(document).is_some()).collect();
    order.sort_unstable_by(|a, b| text(b).cmp(&text(a)));
    let mut ranks = vec![LAST; documents.len()];
    for (rank, same) in order.chunk_by(|a, b| text(a) == text(b)).enumerate() {
        for document in same {
            ranks[*document as usize] = rank as u64;
        }
    }
    Ok(ranks)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array};

    use super::*;

    #[test]
    fn what_has_no_value_comes_last() {
        let columns: [(&str, ArrayRef); 5] = [
            ("kept_bytes", Arc::new(UInt64Array::from(vec![7, 9, 8, 9]))),
            ("source", Arc::new(StringArray::from(vec![Some("web"), None, Some("wiki"), Some("mail")]))),
            ("f.words", Arc::new(Float64Array::from(vec![Some(2.0), Some(f64::NAN), None, Some(3.5)]))),
            ("keep.year", Arc::new(Int64Array::from(vec![Some(-1), None, Some(2025), Some(2024)]))),
            ("keep.good", Arc::new(BooleanArray::from(vec![Some(false), Some(true), None, Some(true)]))),
        ];
        let records = RecordBatch::try_from_iter(columns).unwrap();
        let order = |keep: Keep| {
            let ranks = ranks(&keep, &records);
            let mut order: Vec<usize> = (0..4).collect();
            order.sort_by_key(|row| (ranks[*row], *row));
            order
        };
        let newest = |column: &str| Keep::Newest { column: column.to_owned(), kind: ColumnKind::Number };
        assert_eq!(order(Keep::First), [0, 1, 2, 3]);
        assert_eq!(order(Keep::Longest), [1, 3, 2, 0]);
        assert_eq!(order(Keep::Best("f.words".to_owned())), [3, 0, 1, 2]);
        assert_eq!(order(newest("keep.year")), [2, 3, 0, 1]);
        assert_eq!(order(newest("keep.good")), [1, 3, 0, 2]);
        assert_eq!(order(Keep::Prefer(vec!["wiki".to_owned(), "web".to_owned()])), [2, 0, 1, 3]);
    }
}
