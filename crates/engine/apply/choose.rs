//! Which documents a takedown removes: what its list names in the ledger, and on demand their copies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use arrow::array::{Array, BooleanArray, Int32Array, Int64Array, ListArray, RecordBatch, StringArray};
use shards::{Manifest, read_table};

use super::{Copy, FULL_REASON, RemovalList};
use crate::error::EngineError;

/// Shard and row in the input: the key everywhere.
pub(super) type Place = (i32, i64);

/// The tables of a run, by what lies in them, in order.
pub(super) struct Files {
    pub ledger: Vec<PathBuf>,
    pub clean: Vec<PathBuf>,
    pub rejected: Vec<PathBuf>,
    pub signatures: Vec<PathBuf>,
    pub heldout: Vec<PathBuf>,
}

impl Files {
    pub fn of(out: &Path, manifest: &Manifest) -> Files {
        let with = |prefix: &str| {
            let outputs = manifest.outputs.iter().map(|output| output.path.as_str());
            let of = outputs.filter(|path| path.starts_with(prefix) && path.ends_with(".parquet"));
            of.map(|path| out.join(path)).collect()
        };
        Files {
            ledger: with("ledger/"),
            clean: with("clean/"),
            rejected: with("rejected/"),
            signatures: with("signatures/"),
            heldout: with("tokens/heldout-"),
        }
    }
}

/// A document that goes, as the ledger has it.
#[derive(Debug, Clone)]
pub(super) struct Document {
    /// Index of its ledger file, and its row there.
    pub file: usize,
    pub at: u64,
    pub id: String,
    pub bytes: u64,
    pub kept_bytes: u64,
    pub tokens: u64,
    pub language: Option<String>,
    pub is_kept: bool,
    pub is_control: bool,
    pub is_heldout: bool,
    pub is_excluded: bool,
}

impl Document {
    /// In `train-*`.
    pub fn is_trained(&self) -> bool {
        self.is_kept && !self.is_heldout && !self.is_excluded
    }
}

/// What goes, and what is known about its copies.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub documents: BTreeMap<Place, Document>,
    pub removed_before: u64,
    pub copies: Vec<Copy>,
    /// The `source` of the kept ones, from their metadata; filled when `clean/` is rewritten.
    pub sources: BTreeMap<String, (u64, u64)>,
}

const COLUMNS: [&str; 16] = [
    "id",
    "url",
    "shard",
    "row",
    "bytes",
    "kept_bytes",
    "tokens",
    "language",
    "kept",
    "reasons",
    "duplicate_of",
    "duplicate_of_shard",
    "duplicate_of_row",
    "control",
    "heldout",
    "excluded",
];

/// Reads the ledger twice: for what the list names, then for its copies.
pub(super) fn choose(
    files: &Files,
    list: &mut RemovalList,
    with_copies: bool,
) -> Result<Chosen, EngineError> {
    let mut chosen = Chosen::default();
    let mut twins: BTreeSet<Place> = BTreeSet::new();
    let with_addresses = list_needs(files, list)?;
    each_row(
        files,
        |row, document| {
            if row.is_removed() {
                chosen.removed_before += u64::from(list.removes(&document.id, None));
            } else if list.removes(&document.id, row.url()) {
                twins.extend(row.twin());
                chosen.documents.insert(row.place(), document);
            }
            Ok(())
        },
        with_addresses,
    )?;
    if chosen.documents.is_empty() {
        return Ok(chosen);
    }
    let mut copies = BTreeMap::new();
    each_row(
        files,
        |row, document| {
            let is_copy = twins.contains(&row.place())
                || row
                    .twin()
                    .is_some_and(|twin| twins.contains(&twin) || chosen.documents.contains_key(&twin));
            if is_copy && !row.is_removed() && !chosen.documents.contains_key(&row.place()) {
                copies.insert(row.place(), document);
            }
            Ok(())
        },
        false,
    )?;
    if with_copies {
        chosen.documents.append(&mut copies);
    }
    chosen.copies =
        copies.into_values().map(|document| Copy { id: document.id, is_kept: document.is_kept }).collect();
    Ok(chosen)
}

/// Whether the ledger's addresses are wanted; a ledger that has none cannot answer.
fn list_needs(files: &Files, list: &RemovalList) -> Result<bool, EngineError> {
    let (Some(path), true) = (files.ledger.first(), list.needs_addresses()) else { return Ok(false) };
    let mut table = read_table(path, Some(&["url"]), 1)?;
    let has_none = table.next().transpose()?.is_some_and(|batch| batch.num_columns() == 0);
    if has_none {
        return Err(EngineError::NoAddresses { path: path.clone() });
    }
    Ok(true)
}

/// A row of a ledger batch.
pub(super) struct Row<'b> {
    pub batch: &'b RecordBatch,
    pub at: usize,
}

impl<'b> Row<'b> {
    pub fn column<T: Array + 'static>(&self, name: &str) -> Option<&'b T> {
        self.batch
            .column_by_name(name)?
            .as_any()
            .downcast_ref::<T>()
            .filter(|column| column.is_valid(self.at))
    }

    pub fn text(&self, name: &str) -> Option<&'b str> {
        self.column::<StringArray>(name).map(|column| column.value(self.at))
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.column::<Int64Array>(name).map(|column| column.value(self.at))
    }

    pub fn flag(&self, name: &str) -> bool {
        self.column::<BooleanArray>(name).is_some_and(|column| column.value(self.at))
    }

    pub fn url(&self) -> Option<&'b str> {
        self.text("url")
    }

    pub fn place(&self) -> Place {
        let shard = self.column::<Int32Array>("shard").map_or(-1, |column| column.value(self.at));
        (shard, self.number("row").unwrap_or(-1))
    }

    pub fn twin(&self) -> Option<Place> {
        let shard = self.column::<Int32Array>("duplicate_of_shard")?.value(self.at);
        Some((shard, self.number("duplicate_of_row")?))
    }

    pub fn is_removed(&self) -> bool {
        let reasons = self.column::<ListArray>("reasons").map(|reasons| reasons.value(self.at));
        let reasons = reasons.as_ref().and_then(|reasons| reasons.as_any().downcast_ref::<StringArray>());
        reasons.is_some_and(|reasons| reasons.iter().flatten().any(|reason| reason == FULL_REASON))
    }
}

fn each_row(
    files: &Files,
    mut visit: impl FnMut(&Row<'_>, Document) -> Result<(), EngineError>,
    with_addresses: bool,
) -> Result<(), EngineError> {
    for (file, path) in files.ledger.iter().enumerate() {
        let columns: Vec<&str> =
            COLUMNS.into_iter().filter(|name| with_addresses || *name != "url").collect();
        let mut first = 0;
        for batch in read_table(path, Some(&columns), 20_000)? {
            let batch = batch?;
            for at in 0..batch.num_rows() {
                let row = Row { batch: &batch, at };
                let count = |name: &str| row.number(name).unwrap_or(0).max(0) as u64;
                let document = Document {
                    file,
                    at: first + at as u64,
                    id: row.text("id").unwrap_or_default().to_owned(),
                    bytes: count("bytes"),
                    kept_bytes: count("kept_bytes"),
                    tokens: count("tokens"),
                    language: row.text("language").map(str::to_owned),
                    is_kept: row.flag("kept"),
                    is_control: row.flag("control"),
                    is_heldout: row.flag("heldout"),
                    is_excluded: row.flag("excluded"),
                };
                visit(&row, document)?;
            }
            first += batch.num_rows() as u64;
        }
    }
    Ok(())
}
