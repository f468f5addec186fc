//! What holds for any text read as a `tokenizer.json`, and for any numbers read as packed or held-out documents.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, FixedSizeListArray, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use tokens::{Cache, Tokenizer, documents, read_heldout, read_sequences};

const TEXTS: [&str; 4] = ["", "a b ab  ba\n", "Ünïcode \u{0} 日本 can't 12", "<|endoftext|><s>"];

pub fn check(bytes: &[u8]) {
    if let Ok(json) = std::str::from_utf8(bytes) {
        read(json);
    }
    shard(bytes);
}

/// What is refused says why; what is read encodes any text to ids of its vocabulary, back to the same text if it says so.
fn read(json: &str) {
    let tokenizer = match Tokenizer::from_json(json) {
        Ok(tokenizer) => tokenizer,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert_eq!(tokenizer.to_json(), json);
    let cut = tokenizer.truncated(257).ok().filter(|_| tokenizer.is_lossless());
    for tokenizer in [Some(tokenizer), cut].into_iter().flatten() {
        let mut cache = Cache::default();
        assert!((tokenizer.end_of_text() as usize) < tokenizer.vocab_size());
        for text in TEXTS {
            let mut ids = Vec::new();
            // A vocabulary without some of the bytes may refuse a text.
            if tokenizer.encode_into(text, &mut cache, &mut ids).is_err() {
                assert!(!tokenizer.is_lossless());
                continue;
            }
            assert!(ids.iter().all(|id| (*id as usize) < tokenizer.vocab_size()), "{ids:?}");
            let decoded = tokenizer.decode_bytes(&ids);
            if tokenizer.is_lossless() {
                assert_eq!(decoded, text.as_bytes());
                assert_eq!(tokenizer.byte_lengths().sum(&ids), text.len() as u64);
            }
        }
    }
}

/// Views of a batch never go out of bounds, whatever its numbers are.
fn shard(bytes: &[u8]) {
    let mut numbers = bytes.iter().map(|byte| i32::from(*byte as i8));
    let mut next = || numbers.next().unwrap_or(0);
    let length = next() & 7;
    let rows = (next() & 3) as usize;
    let ids: Vec<i32> = (0..length as usize * rows).map(|_| next()).collect();
    let lengths: [Vec<usize>; 2] =
        std::array::from_fn(|_| (0..rows).map(|_| (next() & 3) as usize).collect());
    let count = |which: usize| lengths[which].iter().sum::<usize>();
    let field = |name: &str, kind| Arc::new(Field::new(name, kind, true));
    let integers = |values: Vec<i32>| -> ArrayRef { Arc::new(Int32Array::from(values)) };
    let starts = integers((0..count(0)).map(|_| next()).collect());
    let wide = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    // Numbers as far apart as they get, too.
    let mut far = |n: usize| wide((0..n).map(|_| i64::from(next()) << (8 * (next() & 7))).collect());
    let [row, byte_start, byte_end] = std::array::from_fn(|_| far(count(1)));
    let text_bytes = far(rows);
    let shards = integers((0..count(1)).map(|_| next()).collect());
    let n_tokens = integers((0..rows).map(|_| next()).collect());
    let ranges = StructArray::from(vec![
        (field("shard", DataType::Int32), shards),
        (field("row", DataType::Int64), row),
        (field("byte_start", DataType::Int64), byte_start),
        (field("byte_end", DataType::Int64), byte_end),
    ]);
    let list = |values: ArrayRef, lengths: &[usize]| -> ArrayRef {
        let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
        Arc::new(ListArray::new(field("item", values.data_type().clone()), offsets, values, None))
    };
    let versions = (0..rows).map(|_| ["original", "kept", "original", "?"][(next() & 3) as usize]);
    let versions: ArrayRef = Arc::new(StringArray::from(versions.collect::<Vec<_>>()));
    let Ok(input_ids) =
        FixedSizeListArray::try_new(field("item", DataType::Int32), length, integers(ids.clone()), None)
    else {
        return;
    };
    if input_ids.len() != rows {
        return;
    }
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("input_ids", Arc::new(input_ids) as ArrayRef, true),
        ("seq_start_id", list(starts, &lengths[0]), true),
        ("documents", list(Arc::new(ranges), &lengths[1]), true),
        ("n_tokens", n_tokens, true),
        ("text_bytes", text_bytes.clone(), true),
        ("version", versions.clone(), true),
    ]);
    let batch = batch.expect("columns of the same length");
    for batch in [batch.slice(rows / 2, rows - rows / 2), batch] {
        let Ok(views) = read_sequences(&batch) else { continue };
        for view in &views {
            let n: usize = view.pieces().map(|(_, ids)| ids.len()).sum();
            assert!(n <= view.n_tokens && view.n_tokens <= view.input_ids.len());
        }
        let found = documents(views.iter().copied());
        assert!(found.len() <= views.iter().map(|view| view.starts.len()).sum());
        assert!(found.iter().all(|document| document.text_bytes >= 0), "{found:?}");
    }
    let names = integers(ids.iter().copied().chain(std::iter::repeat(0)).take(rows).collect());
    let heldout = RecordBatch::try_from_iter_with_nullable([
        ("shard", names, true),
        ("row", text_bytes, true),
        ("id", versions.clone(), true),
        ("url", versions.clone(), true),
        ("source", versions.clone(), true),
        ("text", versions, true),
        ("input_ids", list(integers((0..count(0)).map(|_| 1).collect()), &lengths[0]), true),
    ]);
    let heldout = heldout.expect("columns of the same length");
    assert_eq!(read_heldout(&heldout).map(|documents| documents.len()).ok(), Some(rows));
}
