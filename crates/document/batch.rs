//! The only way text moves: a record batch with a checked schema.

use std::fmt;

use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, StringArray, UInt8Array, UInt64Array};
use arrow_schema::{DataType, Field, SchemaRef};

/// Why a record has no usable text. The number is stored in the `problem` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Problem {
    None = 0,
    Malformed = 1,
    NotUtf8 = 2,
    NoText = 3,
    Empty = 4,
    TooLarge = 5,
    Truncated = 6,
    Revisit = 7,
    NotText = 8,
    HttpStatus = 9,
}

impl Problem {
    pub const ALL: [Problem; 9] = [
        Problem::Malformed,
        Problem::NotUtf8,
        Problem::NoText,
        Problem::Empty,
        Problem::TooLarge,
        Problem::Truncated,
        Problem::Revisit,
        Problem::NotText,
        Problem::HttpStatus,
    ];

    /// The reason's name behind `input.`.
    pub fn reason(self) -> &'static str {
        match self {
            Problem::None => "",
            Problem::Malformed => "malformed",
            Problem::NotUtf8 => "not_utf8",
            Problem::NoText => "no_text",
            Problem::Empty => "empty",
            Problem::TooLarge => "too_large",
            Problem::Truncated => "truncated",
            Problem::Revisit => "revisit",
            Problem::NotText => "not_text",
            Problem::HttpStatus => "http_status",
        }
    }

    pub fn why(self) -> &'static str {
        match self {
            Problem::None => "",
            Problem::Malformed => "The record cannot be parsed.",
            Problem::NotUtf8 => "Invalid UTF-8 or a lone surrogate; never silently replaced.",
            Problem::NoText => "The text field is missing or not a string.",
            Problem::Empty => "The text is empty.",
            Problem::TooLarge => "The record, or what it unpacks to, is longer than --max-document.",
            Problem::Truncated => {
                "The crawler or a broken file cut the page off; [extract] truncated keeps such pages."
            }
            Problem::Revisit => "The crawler met the page again and stored only that it had not changed.",
            Problem::NotText => "Neither HTML nor plain text: an image, a script, a PDF.",
            Problem::HttpStatus => "The server did not answer with a page: its status is not 2xx.",
        }
    }
}

/// Columns that every input batch begins with; typed columns that the recipe keeps, and numbers, follow.
pub fn input_schema() -> Vec<Field> {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    vec![
        Field::new("row", DataType::UInt64, false),
        Field::new("bytes", DataType::UInt64, false),
        text("text"),
        Field::new("id", DataType::Utf8, false),
        text("url"),
        text("date"),
        text("dump"),
        text("file_path"),
        text("source"),
        text("metadata"),
        Field::new("problem", DataType::UInt8, false),
    ]
}

/// Before the name of a number that the recipe measures documents by, see [`Batch::number`].
pub const NUMBER_PREFIX: &str = "measured:";

/// The batch is not what a reader must deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError(String);

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "input batch: {}", self.0)
    }
}

impl std::error::Error for SchemaError {}

/// Rows of input documents. Rows never move or disappear.
#[derive(Clone, Debug)]
pub struct Batch(RecordBatch);

impl Batch {
    /// The only door: checks the schema.
    pub fn try_new(records: RecordBatch) -> Result<Batch, SchemaError> {
        let expected = input_schema();
        let schema: SchemaRef = records.schema();
        for (index, field) in expected.iter().enumerate() {
            let found = schema.fields().get(index);
            let fits = found.is_some_and(|f| f.name() == field.name() && f.data_type() == field.data_type());
            if !fits {
                return Err(SchemaError(format!("column {index} must be {field}, not {found:?}")));
            }
        }
        Ok(Batch(records))
    }

    pub fn records(&self) -> &RecordBatch {
        &self.0
    }

    pub fn len(&self) -> usize {
        self.0.num_rows()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Row numbers within the shard, from 0.
    pub fn rows(&self) -> &UInt64Array {
        self.column("row")
    }

    /// Bytes of the input text; of the raw record where there is no text.
    pub fn bytes(&self) -> &UInt64Array {
        self.column("bytes")
    }

    pub fn problems(&self) -> &UInt8Array {
        self.column("problem")
    }

    /// A text column of [`input_schema`].
    pub fn strings(&self, name: &str) -> &StringArray {
        self.column(name)
    }

    /// Any column of [`input_schema`], shared.
    pub fn array(&self, name: &str) -> ArrayRef {
        match self.0.column_by_name(name) {
            Some(column) => column.clone(),
            None => unreachable!("`try_new` checked the schema"),
        }
    }

    /// The typed columns that the recipe keeps, with their names.
    pub fn kept_columns(&self) -> Vec<(String, ArrayRef)> {
        let first = input_schema().len();
        let schema = self.0.schema();
        (first..self.0.num_columns())
            .filter(|i| !schema.field(*i).name().starts_with(NUMBER_PREFIX))
            .map(|i| (schema.field(i).name().clone(), self.0.column(i).clone()))
            .collect()
    }

    /// A number that came with the documents: of an input field, or joined to them.
    pub fn number(&self, name: &str) -> Option<&Float64Array> {
        let column = self.0.column_by_name(&format!("{NUMBER_PREFIX}{name}"))?;
        column.as_any().downcast_ref()
    }

    fn column<T: Array + 'static>(&self, name: &str) -> &T {
        let column = self.0.column_by_name(name).and_then(|column| column.as_any().downcast_ref());
        match column {
            Some(column) => column,
            None => unreachable!("`try_new` checked the schema"),
        }
    }
}
