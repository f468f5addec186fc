//! `manifest.json`: what a run read, wrote, left out and was told to do.
use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AtomicFile, Fault, RecordCounts, ShardError};

/// Every field but `timing` is the same for the same input, recipe and version.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this file's layout.
    pub version: u32,
    /// Of the program.
    pub corpus: String,
    pub complete: bool,
    /// The fully resolved recipe, as TOML, and its XXH3-128.
    pub recipe: String,
    pub recipe_hash: String,
    pub inputs: Vec<InputFile>,
    pub outputs: Vec<OutputFile>,
    pub skipped: Vec<Skipped>,
    pub quarantined: Vec<Quarantined>,
    /// Of every crawl file: its records by type, documents or not.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub records: BTreeMap<String, RecordCounts>,
    /// Flags that change the output, by name.
    pub settings: BTreeMap<String, Value>,
    /// Shares that were computed from the input, for example of the control sample.
    pub rates: BTreeMap<String, f64>,
    /// Documents removed since, in order; their dates are in `timing`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub takedowns: Vec<TakedownRecord>,
    /// Seconds, dates, machine: the only part that differs from run to run.
    pub timing: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Relative to the argument that named it.
    pub path: String,
    pub size: u64,
    /// Of its bytes; of an object in a store, of its version, since the bytes would have to be fetched twice.
    pub xxh3_128: String,
    /// What an object's store says of its version: its ETag, or the hash that the Hugging Face hub knows it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFile {
    /// Relative to the output folder.
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
    pub xxh3_128: String,
}

/// Left out: not an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    pub path: String,
    pub why: String,
}

/// An input that could not be read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    pub path: String,
    pub why: String,
    /// Bytes of uncompressed input before the fault, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    pub remedy: String,
}

/// What a takedown removed. Lines are kept as hashes, since they may name people.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TakedownRecord {
    /// XXH3-128 of all lines, joined by line feeds, and their number.
    pub list_xxh3_128: String,
    pub lines: u64,
    /// XXH3-128 of each line that matched -> how many documents.
    pub matched: BTreeMap<String, u64>,
    pub documents: u64,
    pub clean_rows: u64,
    pub rejected_rows: u64,
    pub signature_rows: u64,
    pub train_documents: u64,
    pub control_documents: u64,
    pub heldout_documents: u64,
    /// Copies of removed documents that stay.
    pub copies_left: u64,
}

impl Manifest {
    pub const VERSION: u32 = 1;

    /// Errors: the file cannot be read, or is not a manifest.
    pub fn read(path: &Path) -> Result<Self, ShardError> {
        let bytes = crate::read_file(path)?;
        serde_json::from_slice(&bytes).map_err(|source| ShardError::new(path, None, Fault::Json { source }))
    }

    /// Writes it whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), ShardError> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|source| ShardError::new(path, None, Fault::Json { source }))?;
        bytes.push(b'\n');
        AtomicFile::write_all_of(path, &bytes).map(drop)
    }
}
