//! The Arrow form of packed sequences: what `tokens/train-*.parquet` and `tokens/control-*.parquet` hold.
use arrow::array::{
    ArrayRef, FixedSizeListArray, Int32Array, Int32Builder, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use std::sync::Arc;

/// Keys of the Parquet footer of every token shard.
pub const FOOTER_RECIPE_HASH: &str = "corpus.recipe_hash";
pub const FOOTER_TOKENIZER_HASH: &str = "corpus.tokenizer_hash";
pub const FOOTER_SEQUENCE_LENGTH: &str = "corpus.sequence_length";
pub const FOOTER_END_OF_TEXT: &str = "corpus.end_of_text";

/// Rows that one row group should have.
pub const ROWS_PER_GROUP: usize = 1000;

/// Which text of a document the tokens are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// As it was read.
    Original,
    /// After the line filters.
    Kept,
}

impl Version {
    pub fn as_str(self) -> &'static str {
        match self {
            Version::Original => "original",
            Version::Kept => "kept",
        }
    }

    pub fn parse(name: &str) -> Option<Version> {
        [Version::Original, Version::Kept].into_iter().find(|version| version.as_str() == name)
    }
}

/// Which bytes of which document's text a piece holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DocumentRange {
    pub shard: i32,
    pub row: i64,
    pub byte_start: i64,
    pub byte_end: i64,
}

/// One piece of a sequence that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct PieceTokens<'a> {
    pub document: DocumentRange,
    pub ids: &'a [u32],
}

/// The schema of packed sequences of `length` tokens.
pub fn sequence_schema(length: usize) -> SchemaRef {
    let field = |name: &str, kind: DataType| Field::new(name, kind, false);
    Arc::new(Schema::new(vec![
        field("input_ids", DataType::FixedSizeList(item(DataType::Int32), length as i32)),
        field("seq_start_id", DataType::List(item(DataType::Int32))),
        field("documents", DataType::List(item(DataType::Struct(range_fields())))),
        field("n_tokens", DataType::Int32),
        field("text_bytes", DataType::Int64),
        field("version", DataType::Utf8),
    ]))
}

fn item(kind: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", kind, false))
}

fn range_fields() -> Fields {
    let field = |name: &str, kind: DataType| Field::new(name, kind, false);
    Fields::from(vec![
        field("shard", DataType::Int32),
        field("row", DataType::Int64),
        field("byte_start", DataType::Int64),
        field("byte_end", DataType::Int64),
    ])
}

/// Collects sequences until they are written as one batch.
pub struct SequenceBatchBuilder {
    length: usize,
    end_of_text: u32,
    input_ids: Int32Builder,
    starts: Vec<i32>,
    ranges: Vec<DocumentRange>,
    /// Pieces of each sequence.
    n_pieces: Vec<usize>,
    n_tokens: Vec<i32>,
    text_bytes: Vec<i64>,
    versions: Vec<&'static str>,
}

impl SequenceBatchBuilder {
    pub fn new(length: usize, end_of_text: u32) -> SequenceBatchBuilder {
        SequenceBatchBuilder {
            length,
            end_of_text,
            input_ids: Int32Builder::new(),
            starts: Vec::new(),
            ranges: Vec::new(),
            n_pieces: Vec::new(),
            n_tokens: Vec::new(),
            text_bytes: Vec::new(),
            versions: Vec::new(),
        }
    }

    /// Sequences collected so far.
    pub fn len(&self) -> usize {
        self.n_pieces.len()
    }

    pub fn is_empty(&self) -> bool {
        self.n_pieces.is_empty()
    }

    /// Adds a sequence: its pieces in order, then end-of-text up to the length.
    /// Fails, and adds nothing, if the pieces are longer than the length.
    pub fn push(&mut self, pieces: &[PieceTokens<'_>], version: Version) -> Result<(), ArrowError> {
        let n_tokens: usize = pieces.iter().map(|piece| piece.ids.len()).sum();
        if n_tokens > self.length {
            let message = format!("{n_tokens} tokens do not fit a sequence of {}", self.length);
            return Err(ArrowError::InvalidArgumentError(message));
        }
        let mut at = 0;
        for piece in pieces {
            self.starts.push(at as i32);
            self.ranges.push(piece.document);
            piece.ids.iter().for_each(|&id| self.input_ids.append_value(id as i32));
            at += piece.ids.len();
        }
        self.input_ids.append_value_n(self.end_of_text as i32, self.length - n_tokens);
        self.n_pieces.push(pieces.len());
        self.n_tokens.push(n_tokens as i32);
        self.text_bytes.push(pieces.iter().map(|p| p.document.byte_end - p.document.byte_start).sum());
        self.versions.push(version.as_str());
        Ok(())
    }

    /// The batch; the builder is empty afterwards.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let mut done = std::mem::replace(self, SequenceBatchBuilder::new(self.length, self.end_of_text));
        let offsets = || OffsetBuffer::<i32>::from_lengths(done.n_pieces.iter().copied());
        let column = |of: fn(&DocumentRange) -> i64| Int64Array::from_iter_values(done.ranges.iter().map(of));
        let shards = Int32Array::from_iter_values(done.ranges.iter().map(|r| r.shard));
        let ranges: Vec<ArrayRef> = vec![
            Arc::new(shards),
            Arc::new(column(|r| r.row)),
            Arc::new(column(|r| r.byte_start)),
            Arc::new(column(|r| r.byte_end)),
        ];
        let ranges = StructArray::try_new_with_length(range_fields(), ranges, None, done.ranges.len())?;
        let documents =
            ListArray::try_new(item(DataType::Struct(range_fields())), offsets(), Arc::new(ranges), None)?;
        let starts = Arc::new(Int32Array::from(done.starts.clone()));
        let starts = ListArray::try_new(item(DataType::Int32), offsets(), starts, None)?;
        let ids = Arc::new(done.input_ids.finish());
        let ids = FixedSizeListArray::try_new(item(DataType::Int32), done.length as i32, ids, None)?;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(ids),
            Arc::new(starts),
            Arc::new(documents),
            Arc::new(Int32Array::from(done.n_tokens)),
            Arc::new(Int64Array::from(done.text_bytes)),
            Arc::new(StringArray::from(done.versions)),
        ];
        RecordBatch::try_new(sequence_schema(done.length), columns)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{PackDoc, Tokenizer, documents, pack, read_sequences};

    /// Packs the texts into sequences of `length` tokens, as the engine does.
    fn packed(texts: &[String], length: usize, tokenizer: &Tokenizer) -> RecordBatch {
        let lengths = tokenizer.byte_lengths();
        let all: Vec<Vec<u32>> = texts
            .iter()
            .map(|text| [vec![tokenizer.end_of_text()], tokenizer.encode(text).unwrap()].concat())
            .collect();
        let docs =
            all.iter().enumerate().map(|(i, ids)| PackDoc { key: i as u64, n_tokens: ids.len() as u32 });
        let mut builder = SequenceBatchBuilder::new(length, tokenizer.end_of_text());
        for sequence in pack(&docs.collect::<Vec<_>>(), length) {
            let pieces = sequence.pieces.iter().map(|piece| {
                let ids = &all[piece.doc as usize];
                let cuts = lengths.cuts(ids, length, texts[piece.doc as usize].len() as u64);
                let at = piece.start as usize / length;
                let document = DocumentRange {
                    shard: 3,
                    row: i64::from(piece.doc),
                    byte_start: cuts[at] as i64,
                    byte_end: cuts[at + 1] as i64,
                };
                PieceTokens { document, ids: &ids[piece.start as usize..piece.end as usize] }
            });
            builder.push(&pieces.collect::<Vec<_>>(), Version::Kept).unwrap();
        }
        builder.finish().unwrap()
    }

    fn texts() -> Vec<String> {
        let word = |n: usize| "Brücke 12 ünd 中文 the end. ".repeat(n);
        (0..40).map(|i| word(i * i % 13)).collect()
    }

    #[test]
    fn pieces_joined_decode_to_the_text() {
        let tokenizer = Tokenizer::default_32k().unwrap().truncated(300).unwrap();
        let texts = texts();
        for length in [1, 2, 7, 64, 1024] {
            let batch = packed(&texts, length, &tokenizer);
            let sequences = read_sequences(&batch).unwrap();
            for sequence in &sequences {
                for (range, ids) in sequence.pieces() {
                    let ids: Vec<u32> = ids.iter().map(|&id| id as u32).collect();
                    let text = &texts[range.row as usize].as_bytes()
                        [range.byte_start as usize..range.byte_end as usize];
                    assert_eq!(tokenizer.decode_bytes(&ids), text);
                }
                assert!(sequence.input_ids[sequence.n_tokens..].iter().all(|&id| id == 0));
            }
            let whole = documents(sequences.iter().copied());
            assert_eq!(whole.len(), texts.len());
            for (document, text) in whole.iter().zip(&texts) {
                assert_eq!(tokenizer.decode_bytes(&document.ids), text.as_bytes());
                assert_eq!(document.ids, tokenizer.encode(text).unwrap());
                assert_eq!(document.text_bytes, text.len() as i64);
            }
        }
    }

    #[test]
    fn slices_of_a_batch_read_alike() {
        let batch = packed(&texts(), 64, &Tokenizer::default_32k().unwrap().truncated(300).unwrap());
        let all = read_sequences(&batch).unwrap();
        let (from, n) = (2, all.len() - 3);
        let slice = batch.slice(from, n);
        for (part, whole) in read_sequences(&slice).unwrap().iter().zip(&all[from..]) {
            assert_eq!(
                (part.input_ids, part.starts, part.n_tokens),
                (whole.input_ids, whole.starts, whole.n_tokens)
            );
            assert!(part.pieces().eq(whole.pieces()));
        }
        assert!(read_sequences(&batch.slice(0, 0)).unwrap().is_empty());
    }

    #[test]
    fn what_is_not_a_token_shard_is_refused() {
        let mut builder = SequenceBatchBuilder::new(2, 0);
        let document = DocumentRange { shard: 0, row: 0, byte_start: 0, byte_end: 2 };
        let too_long = PieceTokens { document, ids: &[0, 1, 2] };
        assert!(builder.push(&[too_long], Version::Original).is_err() && builder.is_empty());
        builder.push(&[PieceTokens { document, ids: &[0, 1] }], Version::Original).unwrap();
        assert_eq!(builder.len(), 1);
        let batch = builder.finish().unwrap();
        assert_eq!(batch.schema(), sequence_schema(2));
        assert_eq!(read_sequences(&batch).unwrap()[0].version, Version::Original);
        let error = read_sequences(&batch.project(&[0, 1, 2]).unwrap()).unwrap_err().to_string();
        assert!(error.contains("`n_tokens`"), "{error}");
        let mut columns = batch.columns().to_vec();
        columns[3] = Arc::new(Int32Array::from(vec![3]));
        let batch = RecordBatch::try_new(batch.schema(), columns).unwrap();
        assert!(read_sequences(&batch).is_err());
    }
}
