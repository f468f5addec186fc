//! The columns of `clean/`, `rejected/` and `ledger/`, made from a swept block.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, ListBuilder, RecordBatch,
    StringArray, StringBuilder, UInt8Array, UInt64Array,
};
use document::{Reason, Verdict};
use plan::{Flags, Plan};

use crate::error::EngineError;
use crate::finish::Block;
use crate::names::{Name, Names};
use crate::resolve::{Resolution, Twin};

type Columns = Vec<(String, ArrayRef)>;

fn batch(columns: Columns) -> Result<RecordBatch, EngineError> {
    let nullable = |(name, column): (String, ArrayRef)| (name, column, true);
    Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(nullable))?)
}

fn same(block: Block<'_>, names: &[&str]) -> Columns {
    let column = |name: &&str| Some(((*name).to_owned(), block.records.column_by_name(name)?.clone()));
    names.iter().filter_map(column).collect()
}

fn integers(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

/// Rows of `clean/`, for every row of the block: the caller takes the kept ones.
pub(crate) fn clean(block: Block<'_>, tokens: &[Option<i64>]) -> Result<RecordBatch, EngineError> {
    let mut columns =
        same(block, &["text", "id", "url", "date", "dump", "file_path", "language", "language_score"]);
    columns.push(("token_count".to_owned(), integers(tokens.iter().copied())));
    columns.extend(same(block, &["metadata"]));
    columns.extend(kept_columns(block));
    batch(columns)
}

/// The typed columns of the recipe's `[columns] keep`.
fn kept_columns(block: Block<'_>) -> impl Iterator<Item = (String, ArrayRef)> {
    let schema = block.records.schema();
    let fields: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    fields.into_iter().enumerate().filter_map(move |(index, name)| {
        Some((name.strip_prefix("keep.")?.to_owned(), block.records.column(index).clone()))
    })
}

/// What the verdict columns need to know.
pub(crate) struct Rows<'a> {
    pub plan: &'a Plan,
    pub resolution: &'a Resolution,
    pub names: &'a Names,
}

impl Rows<'_> {
    /// Rows of `rejected/`, for every row of the block: the caller takes the dropped ones.
    pub fn rejected(
        &self,
        block: Block<'_>,
        verdicts: &[Verdict],
        twins: &[Option<Twin>],
    ) -> Result<RecordBatch, EngineError> {
        let kept: &StringArray = block.column("text")?;
        let original: &StringArray = block.column("original")?;
        let text: StringArray = (0..block.records.num_rows())
            .map(|row| {
                let column = if original.is_valid(row) { original } else { kept };
                column.is_valid(row).then(|| column.value(row))
            })
            .collect();
        let mut columns: Columns = vec![("text".to_owned(), Arc::new(text))];
        columns.extend(same(
            block,
            &["id", "url", "date", "dump", "file_path", "source", "language", "language_score", "metadata"],
        ));
        columns.push(("shard".to_owned(), self.shards(block)));
        columns.push(("row".to_owned(), self.rows(block)?));
        columns.extend(self.reasons(verdicts));
        columns.push(("reason_value".to_owned(), self.reason_values(block, verdicts, twins)));
        columns.extend(self.twins(twins)?);
        batch(columns)
    }

    /// Of each row, the value of the signal that its first reason bounds.
    fn reason_values(&self, block: Block<'_>, verdicts: &[Verdict], twins: &[Option<Twin>]) -> ArrayRef {
        let column = |reason: &Reason| -> Option<&Float64Array> {
            block.column(&format!("{}.{}", reason.stage, reason.signal.as_ref()?)).ok()
        };
        let columns: Vec<_> = self.plan.reasons.0.iter().map(column).collect();
        let value = |(row, verdict): (usize, &Verdict)| -> Option<f64> {
            let reason = verdict.first()?;
            match columns[reason.0 as usize] {
                Some(values) => values.is_valid(row).then(|| values.value(row)),
                // A similarity is of the pair, so no column of the sweep has it.
                None => {
                    self.plan.reasons.get(reason).signal.as_ref()?;
                    twins[row].as_ref().and_then(Twin::similarity)
                }
            }
        };
        Arc::new(verdicts.iter().enumerate().map(value).collect::<Float64Array>())
    }

    /// Rows of `ledger/`.
    pub fn ledger(
        &self,
        block: Block<'_>,
        verdicts: &[Verdict],
        twins: &[Option<Twin>],
        tokens: &[Option<i64>],
    ) -> Result<RecordBatch, EngineError> {
        let bytes: &UInt64Array = block.column("bytes")?;
        let kept_bytes: &UInt64Array = block.column("kept_bytes")?;
        let flags: &UInt8Array = block.column("flags")?;
        let is = |flag: u8| -> ArrayRef {
            Arc::new(
                flags.values().iter().map(|flags| Some(Flags(*flags).has(flag))).collect::<BooleanArray>(),
            )
        };
        let kept = verdicts.iter().map(|verdict| Some(verdict.is_keep()));
        let left = verdicts.iter().zip(kept_bytes.values());
        let left = left.map(|(verdict, bytes)| Some(if verdict.is_keep() { *bytes as i64 } else { 0 }));
        let excluded =
            (0..verdicts.len() as u64).map(|row| Some(self.resolution.is_excluded(block.first + row)));
        // The address is there for takedowns: text of a dropped document may lie in tokens/ alone.
        let mut columns = same(block, &["id", "url"]);
        columns.push(("shard".to_owned(), self.shards(block)));
        columns.push(("row".to_owned(), self.rows(block)?));
        columns.push(("bytes".to_owned(), integers(bytes.values().iter().map(|bytes| Some(*bytes as i64)))));
        columns.push(("kept_bytes".to_owned(), integers(left)));
        columns.extend(same(block, &["language", "language_score"]));
        columns.push(("kept".to_owned(), Arc::new(kept.collect::<BooleanArray>())));
        columns.extend(self.reasons(verdicts));
        columns.extend(self.twins(twins)?);
        columns.push(("tokens".to_owned(), integers(tokens.iter().copied())));
        columns.push(("control".to_owned(), is(Flags::CONTROL)));
        columns.push(("heldout".to_owned(), is(Flags::HELDOUT)));
        columns.push(("excluded".to_owned(), Arc::new(excluded.collect::<BooleanArray>())));
        columns.extend(same(block, &["sampling_key"]));
        columns.extend(self.control_twins(block)?);
        let signals: Vec<&str> = self.plan.columns.iter().map(|(name, _, _)| name.as_str()).collect();
        columns.extend(same(block, &signals));
        batch(columns)
    }

    /// Of each control document the one that stands for those that are alike in the sample, if that is another one, and
    /// how many they are.
    fn control_twins(&self, block: Block<'_>) -> Result<Columns, EngineError> {
        let n = block.records.num_rows();
        let (mut shards, mut rows, mut sizes) = (vec![None; n], vec![None; n], vec![None; n]);
        for (document, twin, size) in
            self.resolution.control.alike(&self.resolution.bases, block.first, n as u64)
        {
            let at = (document - block.first) as usize;
            sizes[at] = Some(i64::from(size));
            if let Some((shard, row)) =
                twin.map(|twin| self.names.get(twin)).transpose()?.flatten().and_then(|n| n.place)
            {
                (shards[at], rows[at]) = (Some(shard as i32), Some(row as i64));
            }
        }
        Ok(vec![
            ("control_duplicate_of_shard".to_owned(), Arc::new(Int32Array::from(shards))),
            ("control_duplicate_of_row".to_owned(), integers(rows.into_iter())),
            ("control_cluster_size".to_owned(), integers(sizes.into_iter())),
        ])
    }

    fn shards(&self, block: Block<'_>) -> ArrayRef {
        Arc::new(Int32Array::from(vec![block.shard as i32; block.records.num_rows()]))
    }

    fn rows(&self, block: Block<'_>) -> Result<ArrayRef, EngineError> {
        let rows: &UInt64Array = block.column("row")?;
        Ok(integers(rows.values().iter().map(|row| Some(*row as i64))))
    }

    fn reasons(&self, verdicts: &[Verdict]) -> Columns {
        let names: Vec<String> = self.plan.reasons.0.iter().map(|reason| reason.full_name()).collect();
        let first: StringArray =
            verdicts.iter().map(|verdict| verdict.first().map(|id| names[id.0 as usize].as_str())).collect();
        let mut all = ListBuilder::new(StringBuilder::new());
        for verdict in verdicts {
            verdict.iter().for_each(|id| all.values().append_value(&names[id.0 as usize]));
            all.append(true);
        }
        vec![("reason".to_owned(), Arc::new(first)), ("reasons".to_owned(), Arc::new(all.finish()))]
    }

    fn twins(&self, twins: &[Option<Twin>]) -> Result<Columns, EngineError> {
        let name = |twin: &Option<Twin>| twin.as_ref().map_or(Ok(None), |twin| self.names.get(twin.of));
        let named: Vec<Option<Name>> = twins.iter().map(name).collect::<Result<_, _>>()?;
        let ids: StringArray = named.iter().map(|name| name.as_ref().map(|name| name.id.as_str())).collect();
        let shards: Int32Array = named.iter().map(|name| Some(name.as_ref()?.place?.0 as i32)).collect();
        let rows = named.iter().map(|name| Some(name.as_ref()?.place?.1 as i64));
        let similarity: Float64Array =
            twins.iter().map(|twin| twin.as_ref().and_then(Twin::similarity)).collect();
        Ok(vec![
            ("duplicate_of".to_owned(), Arc::new(ids)),
            ("duplicate_of_shard".to_owned(), Arc::new(shards)),
            ("duplicate_of_row".to_owned(), integers(rows)),
            ("similarity".to_owned(), Arc::new(similarity)),
        ])
    }
}
