//! What a swept block leaves: one row per document, with text only where a later step needs it.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayBuilder, ArrayRef, Float64Array, Float64Builder, RecordBatch, StringArray, UInt8Array,
    UInt64Array, UInt64Builder,
};
use arrow::error::ArrowError;
use dedup::{BandKeys, Sketch};
use document::{Batch, FoundItems, Language, Signals, Verdict};

use crate::plan::Plan;

/// What a row of a swept block is, as bits of its `flags` column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// Passed every filter; only dedup can still drop it.
    pub const SURVIVES: u8 = 1;
    pub const CONTROL: u8 = 2;
    pub const HELDOUT: u8 = 4;
    /// A candidate of the `exact_dedup` stage.
    pub const EXACT: u8 = 8;
    /// A candidate of the `minhash` stage.
    pub const NEAR: u8 = 16;
    /// A candidate of the `url_dedup` stage.
    pub const URL: u8 = 32;

    pub fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }
}

/// What near-dedup keeps of a text: 14 band keys and 112 low bytes of its MinHash signature.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    pub bands: BandKeys,
    pub sketch: Sketch,
}

/// A signature, of the text as it is at the dedup stage or of the original text.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Position of the document in its block.
    pub position: u32,
    /// The text before line filters (control and held-out documents).
    pub is_original: bool,
    pub exact: u128,
    /// Place in [`Swept::near`]; `None`: fewer words than a shingle.
    pub near: Option<u32>,
    /// Hash of the address, of a candidate of `url_dedup`.
    pub url: Option<u64>,
    /// Of a candidate, what the recipe wants carried to resolve.
    pub carried: Vec<u64>,
}

/// A swept block.
pub struct Swept {
    /// One row per document: what it was, its verdict, its signals, and the texts that later steps need.
    pub records: RecordBatch,
    pub signed: Vec<Signed>,
    /// Of those that have enough words.
    pub near: Vec<Near>,
    /// Lines removed, by reason.
    pub lines: Vec<u64>,
    /// Documents that were judged without a number, by own column of the recipe.
    pub missing: Vec<u64>,
    /// By set of [`Plan::item_sets`].
    pub found: Vec<FoundItems>,
    /// Time spent, by stage of the plan; one more for sampling keys.
    pub nanos: Vec<u64>,
}

/// One document's outcome.
pub(crate) struct Row {
    pub verdict: Verdict,
    pub language: Option<Language>,
    /// Where the text after line filters lies in the block's arena; `None`: it is the original.
    pub rewritten: Option<Range<usize>>,
    pub kept_bytes: u64,
    pub sampling_key: u64,
    pub flags: Flags,
    /// Its original text is carried on.
    pub carries_original: bool,
}

/// The measured columns of a block, filled stage by stage while its documents are judged.
pub(crate) struct Measured<'p> {
    plan: &'p Plan,
    signals: Vec<Float64Builder>,
    stage_bytes: Vec<UInt64Builder>,
}

impl<'p> Measured<'p> {
    pub fn new(plan: &'p Plan, rows: usize) -> Self {
        Measured {
            plan,
            signals: plan.columns.iter().map(|_| Float64Builder::with_capacity(rows)).collect(),
            stage_bytes: plan.line_stages().map(|_| UInt64Builder::with_capacity(rows)).collect(),
        }
    }

    /// Writes the signals that stage `stage` measured on the current document.
    pub fn signals(&mut self, stage: usize, signals: &Signals) {
        for ((_, owner, signal), column) in self.plan.columns.iter().zip(&mut self.signals) {
            if let (true, Some(signal)) = (*owner == stage, signal) {
                column.append_option(signals.get(*signal));
            }
        }
    }

    /// Writes the number of the current document that is the `at`th column of stage `stage`.
    pub fn number(&mut self, stage: usize, at: usize, number: Option<f64>) {
        let columns = self.plan.columns.iter().zip(&mut self.signals);
        if let Some((_, column)) = columns.filter(|((_, owner, _), _)| *owner == stage).nth(at) {
            column.append_option(number);
        }
    }

    /// Writes what an earlier run knew of the current document for stage `stage`. `values` are of all columns.
    pub fn remember(&mut self, stage: usize, values: &[Option<f64>]) {
        for (((_, owner, signal), column), value) in
            self.plan.columns.iter().zip(&mut self.signals).zip(values)
        {
            if *owner == stage && signal.is_some() {
                column.append_option(*value);
            }
        }
    }

    /// Ends a document: stages that did not run left no value, which is null.
    pub fn end_document(&mut self, row: usize, stage_bytes: &[u64], bytes: u64) {
        for column in self.signals.iter_mut().filter(|column| column.len() <= row) {
            column.append_null();
        }
        for (index, column) in self.stage_bytes.iter_mut().enumerate() {
            column.append_value(stage_bytes.get(index).copied().unwrap_or(bytes));
        }
    }

    /// All columns of the block. `arena` holds the rewritten texts.
    pub fn finish(mut self, batch: &Batch, rows: &[Row], arena: &str) -> Result<RecordBatch, ArrowError> {
        let counts = |value: fn(&Row) -> u64| -> ArrayRef {
            Arc::new(rows.iter().map(value).collect::<Vec<u64>>().into_iter().collect::<UInt64Array>())
        };
        let texts = batch.strings("text");
        let original = |row: usize| texts.is_valid(row).then(|| texts.value(row));
        let kept = |index: usize, row: &Row| match &row.rewritten {
            Some(range) => Some(&arena[range.clone()]),
            None => original(index),
        };
        let text: StringArray = (rows.iter().enumerate())
            .map(|(index, row)| {
                let is_wanted = row.flags.has(Flags::SURVIVES) || row.rewritten.is_some();
                is_wanted.then(|| kept(index, row)).flatten()
            })
            .collect();
        let originals: StringArray = (rows.iter().enumerate())
            .map(|(index, row)| {
                let is_elsewhere = row.flags.has(Flags::SURVIVES) && row.rewritten.is_none();
                (row.carries_original && !is_elsewhere).then(|| original(index)).flatten()
            })
            .collect();
        let languages = rows.iter().map(|row| row.language.map(|l| l.code)).collect::<StringArray>();
        let scores = rows.iter().map(|row| row.language.map(|l| l.score)).collect::<Float64Array>();
        let flags = rows.iter().map(|row| Some(row.flags.0)).collect::<UInt8Array>();
        let mut columns: Vec<(String, ArrayRef)> = Vec::new();
        let mut add = |name: &str, column: ArrayRef| columns.push((name.to_owned(), column));
        for name in ["row", "bytes", "id", "url", "date", "dump", "file_path", "source", "metadata"] {
            add(name, batch.array(name));
        }
        add("text", Arc::new(text));
        add("original", Arc::new(originals));
        add("kept_bytes", counts(|row| row.kept_bytes));
        add("language", Arc::new(languages));
        add("language_score", Arc::new(scores));
        add("verdict_low", counts(|row| row.verdict.to_words()[0]));
        add("verdict_high", counts(|row| row.verdict.to_words()[1]));
        add("sampling_key", counts(|row| row.sampling_key));
        add("flags", Arc::new(flags));
        for (name, column) in batch.kept_columns() {
            add(&format!("keep.{name}"), column);
        }
        for (stage, column) in self.plan.line_stages().zip(&mut self.stage_bytes) {
            add(&format!("bytes_after.{}", self.plan.stages[stage].name), Arc::new(column.finish()));
        }
        for ((name, _, _), column) in self.plan.columns.iter().zip(&mut self.signals) {
            add(name, Arc::new(column.finish()));
        }
        let nullable = |(name, column): (String, ArrayRef)| (name, column, true);
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(nullable))
    }
}
