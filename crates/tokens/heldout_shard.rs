//! The Arrow form of held-out documents: what `tokens/heldout-raw-*.parquet` and `tokens/heldout-kept-*.parquet` hold.
use crate::read_shard::{column, int32, int64, list, slice_of, wrong};
use arrow::array::{Array, AsArray, Int32Builder, Int64Builder, ListBuilder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use std::sync::Arc;

/// A document on which models are compared and never trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldoutDocument<'a, Ids = &'a [i32]> {
    pub shard: i32,
    pub row: i64,
    pub id: &'a str,
    pub url: Option<&'a str>,
    pub source: Option<&'a str>,
    pub text: &'a str,
    /// With the leading end-of-text token.
    pub input_ids: Ids,
}

pub fn heldout_schema() -> SchemaRef {
    let field = |name: &str, kind: DataType| Field::new(name, kind, false);
    let item = Arc::new(Field::new("item", DataType::Int32, false));
    Arc::new(Schema::new(vec![
        field("shard", DataType::Int32),
        field("row", DataType::Int64),
        field("id", DataType::Utf8),
        Field::new("url", DataType::Utf8, true),
        Field::new("source", DataType::Utf8, true),
        field("text", DataType::Utf8),
        field("input_ids", DataType::List(item)),
    ]))
}

/// Collects held-out documents until they are written as one batch.
pub struct HeldoutBatchBuilder {
    n_documents: usize,
    shard: Int32Builder,
    row: Int64Builder,
    id: StringBuilder,
    url: StringBuilder,
    source: StringBuilder,
    text: StringBuilder,
    input_ids: ListBuilder<Int32Builder>,
}

impl Default for HeldoutBatchBuilder {
    fn default() -> Self {
        let item = Field::new("item", DataType::Int32, false);
        HeldoutBatchBuilder {
            n_documents: 0,
            shard: Int32Builder::new(),
            row: Int64Builder::new(),
            id: StringBuilder::new(),
            url: StringBuilder::new(),
            source: StringBuilder::new(),
            text: StringBuilder::new(),
            input_ids: ListBuilder::new(Int32Builder::new()).with_field(item),
        }
    }
}

impl HeldoutBatchBuilder {
    /// Documents collected so far.
    pub fn len(&self) -> usize {
        self.n_documents
    }

    pub fn is_empty(&self) -> bool {
        self.n_documents == 0
    }

    pub fn push(&mut self, document: HeldoutDocument<'_, &[u32]>) {
        self.n_documents += 1;
        self.shard.append_value(document.shard);
        self.row.append_value(document.row);
        self.id.append_value(document.id);
        self.url.append_option(document.url);
        self.source.append_option(document.source);
        self.text.append_value(document.text);
        document.input_ids.iter().for_each(|&id| self.input_ids.values().append_value(id as i32));
        self.input_ids.append(true);
    }

    /// The batch; the builder is empty afterwards.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        self.n_documents = 0;
        RecordBatch::try_new(
            heldout_schema(),
            vec![
                Arc::new(self.shard.finish()),
                Arc::new(self.row.finish()),
                Arc::new(self.id.finish()),
                Arc::new(self.url.finish()),
                Arc::new(self.source.finish()),
                Arc::new(self.text.finish()),
                Arc::new(self.input_ids.finish()),
            ],
        )
    }
}

/// The documents of a batch, borrowed from it.
pub fn read_heldout(batch: &RecordBatch) -> Result<Vec<HeldoutDocument<'_>>, ArrowError> {
    let shards = int32(column(batch, "shard")?, "shard")?;
    let rows = int64(column(batch, "row")?, "row")?;
    let any = |name: &str| batch.column_by_name(name).ok_or_else(|| wrong(name));
    let strings = |name: &'static str| any(name)?.as_string_opt::<i32>().ok_or_else(|| wrong(name));
    let (ids, urls, sources, texts) = (strings("id")?, strings("url")?, strings("source")?, strings("text")?);
    let input_ids = list(batch, "input_ids")?;
    let values = int32(input_ids.values(), "input_ids")?;
    let documents = (0..batch.num_rows()).map(|row| HeldoutDocument {
        shard: shards[row],
        row: rows[row],
        id: ids.value(row),
        url: urls.is_valid(row).then(|| urls.value(row)),
        source: sources.is_valid(row).then(|| sources.value(row)),
        text: texts.value(row),
        input_ids: slice_of(input_ids, values, row),
    });
    Ok(documents.collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let one = HeldoutDocument {
            shard: 1,
            row: 2,
            id: "a",
            url: None,
            source: Some("book"),
            text: "Hello",
            input_ids: &[0u32, 5, 6][..],
        };
        let mut builder = HeldoutBatchBuilder::default();
        builder.push(one);
        builder.push(HeldoutDocument { row: 3, url: Some("u"), source: None, input_ids: &[0], ..one });
        assert_eq!(builder.len(), 2);
        let batch = builder.finish().unwrap();
        assert!(builder.is_empty());
        let read = read_heldout(&batch).unwrap();
        assert_eq!((read[0].source, read[0].url, read[0].input_ids), (Some("book"), None, &[0, 5, 6][..]));
        assert_eq!((read[1].row, read[1].url, read[1].source, read[1].text), (3, Some("u"), None, "Hello"));
        let later = batch.slice(1, 1);
        assert_eq!(read_heldout(&later).unwrap(), read[1..]);
        assert!(read_heldout(&batch.project(&[0, 1]).unwrap()).is_err());
    }
}
