//! What a recipe says of a page at hand: every check that it fails, value and bound, and what it would leave of the text.

use arrow::array::{Array, Float64Array, StringArray, UInt64Array};
use arrow::error::ArrowError;
use document::{Batch, Verdict};

use crate::{Plan, Remembered, Repeated, Scratch, SweepOptions};

/// The outcome of a page. Duplicates are not judged: one page has no twin.
#[derive(Clone, Debug, PartialEq)]
pub struct PageVerdict {
    pub id: String,
    /// Of the text as it came.
    pub bytes: u64,
    /// ISO 639-3 and score, by the recipe's own identifier; absent where it has none.
    pub language: Option<(String, f64)>,
    /// In recipe order; the first gets the credit. None: the page is kept.
    pub failed: Vec<FailedCheck>,
    /// What line checks removed or rewrote, by check.
    pub edits: Vec<(String, u64)>,
    /// The text as the recipe would keep it, unless it is as it came.
    pub rewritten: Option<String>,
}

/// A check that a page fails.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedCheck {
    /// `filter.reason`.
    pub reason: String,
    /// Of the signal that the check bounds; absent for a check that is code.
    pub value: Option<f64>,
    /// What is kept, as in `≥ 50`; may be empty.
    pub bound: String,
    pub why: String,
}

impl Plan {
    /// Judges every row of a batch on its own.
    ///
    /// # Errors
    /// As [`Plan::sweep`].
    pub fn judge_pages(&self, batch: &Batch) -> Result<Vec<PageVerdict>, ArrowError> {
        let mut scratch = Scratch::default();
        (0..batch.len()).map(|row| self.judge_page(batch, row, &mut scratch)).collect()
    }

    fn judge_page(
        &self,
        batch: &Batch,
        row: usize,
        scratch: &mut Scratch,
    ) -> Result<PageVerdict, ArrowError> {
        let one = Batch::try_new(batch.records().slice(row, 1))
            .map_err(|error| ArrowError::SchemaError(error.to_string()))?;
        let swept = self.sweep(
            &one,
            (&Repeated::default(), &Remembered::default()),
            &SweepOptions::EVERY_CHECK,
            scratch,
            &|| 0,
        )?;
        let number = |name: &str| -> Option<f64> {
            let column: &Float64Array = swept.records.column_by_name(name)?.as_any().downcast_ref()?;
            column.is_valid(0).then(|| column.value(0))
        };
        let text = |name: &str| -> Option<&str> {
            let column: &StringArray = swept.records.column_by_name(name)?.as_any().downcast_ref()?;
            column.is_valid(0).then(|| column.value(0))
        };
        let word = |name: &str| -> u64 {
            let column = swept.records.column_by_name(name);
            let column: Option<&UInt64Array> = column.and_then(|column| column.as_any().downcast_ref());
            column.map_or(0, |column| column.value(0))
        };
        let failed = Verdict::from_words([word("verdict_low"), word("verdict_high")]).iter().map(|id| {
            let reason = self.reasons.get(id);
            // The language's score stands in a column of its own.
            let value = reason
                .signal
                .as_ref()
                .and_then(|signal| number(&format!("{}.{signal}", reason.stage)).or_else(|| number(signal)));
            FailedCheck {
                reason: reason.full_name(),
                value,
                bound: reason.bound.clone(),
                why: reason.why.clone(),
            }
        });
        let edits = self.reasons.0.iter().zip(&swept.lines);
        let original = batch.strings("text");
        let original = original.is_valid(row).then(|| original.value(row));
        Ok(PageVerdict {
            id: batch.strings("id").value(row).to_owned(),
            bytes: batch.bytes().value(row),
            language: text("language").map(|code| (code.to_owned(), number("language_score").unwrap_or(0.0))),
            failed: failed.collect(),
            edits: edits.filter(|(_, n)| **n > 0).map(|(reason, n)| (reason.full_name(), *n)).collect(),
            rewritten: text("text").filter(|kept| Some(*kept) != original).map(str::to_owned),
        })
    }
}
