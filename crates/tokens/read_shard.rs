//! Reading packed sequences back, and whole documents out of them.
use crate::token_shard::{DocumentRange, Version};
use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::error::ArrowError;
use std::collections::BTreeMap;

/// One row, borrowed from its batch.
#[derive(Clone, Copy, Debug)]
pub struct SequenceView<'a> {
    /// All tokens, the fill included.
    pub input_ids: &'a [i32],
    /// Where pieces begin in `input_ids`; the first is 0.
    pub starts: &'a [i32],
    /// Tokens to train on; from here on there is only fill.
    pub n_tokens: usize,
    pub text_bytes: i64,
    pub version: Version,
    ranges: Ranges<'a>,
    first_range: usize,
}

#[derive(Clone, Copy, Debug)]
struct Ranges<'a> {
    shards: &'a [i32],
    rows: &'a [i64],
    byte_starts: &'a [i64],
    byte_ends: &'a [i64],
}

impl<'a> SequenceView<'a> {
    /// The pieces in order, with their tokens.
    pub fn pieces(self) -> impl Iterator<Item = (DocumentRange, &'a [i32])> {
        (0..self.starts.len()).map(move |i| {
            let end = self.starts.get(i + 1).map_or(self.n_tokens, |&next| next as usize);
            let (at, ranges) = (self.first_range + i, self.ranges);
            let range = DocumentRange {
                shard: ranges.shards[at],
                row: ranges.rows[at],
                byte_start: ranges.byte_starts[at],
                byte_end: ranges.byte_ends[at],
            };
            (range, &self.input_ids[self.starts[i] as usize..end])
        })
    }
}

/// The sequences of a batch, of which every number is checked: views never go out of bounds.
pub fn read_sequences(batch: &RecordBatch) -> Result<Vec<SequenceView<'_>>, ArrowError> {
    let ids = column(batch, "input_ids")?.as_fixed_size_list_opt().ok_or_else(|| wrong("input_ids"))?;
    let length = ids.value_length() as usize;
    let first_id = ids.value_offset(0) as usize;
    let id_values = int32(ids.values(), "input_ids")?;
    let starts = list(batch, "seq_start_id")?;
    let start_values = int32(starts.values(), "seq_start_id")?;
    let documents = list(batch, "documents")?;
    let ranges = documents.values().as_struct_opt().ok_or_else(|| wrong("documents"))?;
    let part = |name: &str| ranges.column_by_name(name).ok_or_else(|| wrong("documents"));
    let ranges = Ranges {
        shards: int32(part("shard")?, "documents.shard")?,
        rows: int64(part("row")?, "documents.row")?,
        byte_starts: int64(part("byte_start")?, "documents.byte_start")?,
        byte_ends: int64(part("byte_end")?, "documents.byte_end")?,
    };
    let n_tokens = int32(column(batch, "n_tokens")?, "n_tokens")?;
    let text_bytes = int64(column(batch, "text_bytes")?, "text_bytes")?;
    let versions = column(batch, "version")?.as_string_opt::<i32>().ok_or_else(|| wrong("version"))?;
    let mut views = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let piece_starts = slice_of(starts, start_values, row);
        let [first_range, end_range] = [documents.value_offsets()[row], documents.value_offsets()[row + 1]];
        let n = n_tokens[row] as usize;
        let in_order = piece_starts.is_sorted()
            && piece_starts.first().is_none_or(|&first| first == 0)
            && piece_starts.last().is_none_or(|&last| last as usize <= n);
        if !in_order || n > length || (end_range - first_range) as usize != piece_starts.len() {
            return Err(wrong("seq_start_id"));
        }
        let places = first_range as usize..end_range as usize;
        let mut bytes = ranges.byte_starts[places.clone()].iter().zip(&ranges.byte_ends[places]);
        if !bytes.all(|(start, end)| (0..=*end).contains(start)) || text_bytes[row] < 0 {
            return Err(wrong("documents"));
        }
        views.push(SequenceView {
            input_ids: &id_values[first_id + row * length..][..length],
            starts: piece_starts,
            n_tokens: n,
            text_bytes: text_bytes[row],
            version: Version::parse(versions.value(row)).ok_or_else(|| wrong("version"))?,
            ranges,
            first_range: first_range as usize,
        });
    }
    Ok(views)
}

/// A whole document, put together from its pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDocument {
    pub shard: i32,
    pub row: i64,
    pub version: Version,
    /// Its text's tokens, without the end-of-text token that begins it.
    pub ids: Vec<u32>,
    /// Length of its text.
    pub text_bytes: i64,
}

/// The documents of all these sequences, ordered by shard, row and version.
/// Documents of which not all pieces are there come with what is there, those that are packed several times as often.
pub fn documents<'a>(sequences: impl IntoIterator<Item = SequenceView<'a>>) -> Vec<StoredDocument> {
    type Pieces<'a> = Vec<(DocumentRange, &'a [i32])>;
    let mut by_document: BTreeMap<(i32, i64, Version), Pieces<'a>> = BTreeMap::new();
    for sequence in sequences {
        for (range, ids) in sequence.pieces() {
            by_document.entry((range.shard, range.row, sequence.version)).or_default().push((range, ids));
        }
    }
    let mut documents = Vec::with_capacity(by_document.len());
    for ((shard, row, version), mut pieces) in by_document {
        pieces.sort_by_key(|(range, _)| (range.byte_start, range.byte_end));
        // A piece that is there again is one of the next copy, unless it holds no text, as several of a document may.
        let mut copies: Vec<Pieces<'a>> = vec![Vec::new()];
        for same in pieces.chunk_by(|a, b| a.0 == b.0 && a.0.byte_start < a.0.byte_end) {
            copies.resize_with(copies.len().max(same.len()), Vec::new);
            copies.iter_mut().zip(same).for_each(|(copy, piece)| copy.push(*piece));
        }
        for pieces in copies {
            let all = pieces.iter().flat_map(|(_, ids)| ids.iter().map(|&id| id as u32));
            let begins = pieces.first().is_some_and(|(range, _)| range.byte_start == 0);
            let ids = all.skip(usize::from(begins)).collect();
            let bytes = pieces.iter().map(|(range, _)| range.byte_end - range.byte_start);
            // Of a file that is not ours the sum may be more than a number holds.
            let text_bytes = bytes.fold(0, i64::saturating_add);
            documents.push(StoredDocument { shard, row, version, ids, text_bytes });
        }
    }
    documents
}

pub(crate) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    let column = batch.column_by_name(name).ok_or_else(|| wrong(name))?;
    if column.null_count() > 0 { Err(wrong(name)) } else { Ok(column) }
}

pub(crate) fn list<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ListArray, ArrowError> {
    column(batch, name)?.as_list_opt().ok_or_else(|| wrong(name))
}

pub(crate) fn slice_of<'a, T>(list: &ListArray, values: &'a [T], row: usize) -> &'a [T] {
    &values[list.value_offsets()[row] as usize..list.value_offsets()[row + 1] as usize]
}

pub(crate) fn int32<'a>(array: &'a ArrayRef, name: &str) -> Result<&'a [i32], ArrowError> {
    Ok(array.as_primitive_opt::<Int32Type>().ok_or_else(|| wrong(name))?.values())
}

pub(crate) fn int64<'a>(array: &'a ArrayRef, name: &str) -> Result<&'a [i64], ArrowError> {
    Ok(array.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong(name))?.values())
}

pub(crate) fn wrong(column: &str) -> ArrowError {
    ArrowError::SchemaError(format!(
        "column `{column}` is not that of a token shard; write it with `corpus clean`"
    ))
}
