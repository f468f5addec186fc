//! What of a record becomes which column, and how files are read.
use std::str::FromStr;

use arrow::datatypes::DataType;

use crate::InputError;

/// The same for a whole run: part of what decides its bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadOptions {
    /// Field that holds the text; dots reach into nested objects, a field with that very name goes first.
    pub text_column: String,
    /// Field that holds the id, likewise.
    pub id_column: String,
    /// Fields to lift out of `metadata` into columns of their own.
    pub keep: Vec<KeepColumn>,
    /// Fields to read as numbers, too; they stay where they are.
    pub numbers: Vec<NumberField>,
    /// How pages become text.
    pub extract: extract::Options,
    /// The text field holds HTML.
    pub text_is_html: bool,
    /// Take pages that the crawler cut off for documents.
    pub keep_truncated: bool,
    /// Raw bytes of a record; longer ones are skipped as `too_large`. At most 1 GiB.
    pub max_document: u64,
    /// A block holds at most so many bytes of whole records, or one longer record.
    pub block_bytes: usize,
    /// Read plain files instead of mapping them: for files that may shrink meanwhile.
    pub no_mmap: bool,
}

impl ReadOptions {
    pub const MAX_DOCUMENT: u64 = 64 << 20;
    /// Offsets of text columns are 32 bits.
    pub const LARGEST_DOCUMENT: u64 = 1 << 30;
    pub const BLOCK_BYTES: usize = 8 << 20;

    pub(crate) fn longest_record(&self) -> usize {
        self.max_document.min(Self::LARGEST_DOCUMENT) as usize
    }
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            text_column: "text".to_owned(),
            id_column: "id".to_owned(),
            keep: Vec::new(),
            numbers: Vec::new(),
            extract: extract::Options::default(),
            text_is_html: false,
            keep_truncated: false,
            max_document: Self::MAX_DOCUMENT,
            block_bytes: Self::BLOCK_BYTES,
            no_mmap: false,
        }
    }
}

/// `name:type` of a recipe's `[columns] keep`. The column is named after the whole path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepColumn {
    pub path: String,
    pub kind: KeepType,
}

/// A field that documents are measured by. What is not a finite number there is null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberField {
    /// Of the measurement.
    pub name: String,
    /// Dots reach into nested objects, a field with that very name goes first.
    pub path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepType {
    Utf8,
    Float64,
    Int64,
    Bool,
}

impl KeepType {
    /// It takes a number, or a text.
    pub(crate) fn takes(self, is_number: bool) -> bool {
        match self {
            Self::Utf8 => !is_number,
            Self::Float64 | Self::Int64 => is_number,
            Self::Bool => false,
        }
    }

    pub fn data_type(self) -> DataType {
        match self {
            Self::Utf8 => DataType::Utf8,
            Self::Float64 => DataType::Float64,
            Self::Int64 => DataType::Int64,
            Self::Bool => DataType::Boolean,
        }
    }
}

/// Names that the columns of a clean file have already.
const TAKEN: [&str; 10] = [
    "text",
    "id",
    "url",
    "date",
    "dump",
    "file_path",
    "language",
    "language_score",
    "token_count",
    "metadata",
];

impl FromStr for KeepColumn {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        let wrong = |why| Err(InputError::Keep { text: text.to_owned(), why });
        let Some((path, kind)) = text.rsplit_once(':') else { return wrong("it has no type") };
        let kind = match kind {
            "utf8" => KeepType::Utf8,
            "float64" => KeepType::Float64,
            "int64" => KeepType::Int64,
            "bool" => KeepType::Bool,
            _ => return wrong("the type is unknown"),
        };
        if path.is_empty() {
            return wrong("it has no name");
        }
        if TAKEN.contains(&path) {
            return wrong("every clean file has a column of that name anyway");
        }
        Ok(Self { path: path.to_owned(), kind })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_column_has_a_name_and_a_type() {
        let score: KeepColumn = "meta.score:float64".parse().unwrap();
        assert_eq!(score, KeepColumn { path: "meta.score".to_owned(), kind: KeepType::Float64 });
        for wrong in ["source", "source:string", ":utf8", "text:utf8"] {
            let message = wrong.parse::<KeepColumn>().unwrap_err().to_string();
            assert!(message.contains(wrong) && message.contains("name:type"), "{message}");
        }
    }
}
