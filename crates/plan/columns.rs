//! `[column.NAME]`: numbers that come with the documents, bounded like any signal.
//!
//! A number is a field of the input, or of Parquet files that are joined by id. A check drops only by what it measured, so
//! a document without a number is kept unless the recipe says `missing = "drop"`.

use std::ops::Range;
use std::path::PathBuf;

use document::{Bound, Reason};
use toml::de::DeTable;

use crate::error::{RuleError, suggest};
use crate::parser::{Parser, Value, number};
use crate::recipe::{StageRecipe, StageRecipeKind};

/// The stage that judges all columns of a recipe.
pub const STAGE: &str = "column";

/// One `[column.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnRecipe {
    pub name: String,
    /// `Off`: it is measured, and drops nothing.
    pub bound: Bound,
    /// Path, folder or pattern of Parquet files; `None`: the number is a field of the input.
    pub from: Option<String>,
    /// Column of those files that holds the ids.
    pub id: String,
    /// Field of the input, or column of those files; dots reach into nested ones.
    pub field: String,
    pub drops_missing: bool,
}

/// The files that a column's `from` means, and a hash of their names and bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sidecar {
    pub files: Vec<PathBuf>,
    pub hash: String,
}

const KEYS: [&str; 8] = ["at_least", "above", "at_most", "below", "from", "id", "field", "missing"];

impl ColumnRecipe {
    /// Where its numbers are found, for people.
    pub fn place(&self) -> String {
        match &self.from {
            Some(from) => format!("{} of {from}, joined by {}", self.field, self.id),
            None => format!("input field {}", self.field),
        }
    }

    pub(crate) fn reason(&self) -> Reason {
        let (low, high) = self.bound.limits();
        let missing = if self.drops_missing { "dropped" } else { "kept" };
        Reason {
            stage: STAGE.to_owned(),
            reason: self.name.clone(),
            signal: Some(self.name.clone()),
            bound: self.bound.to_string(),
            low,
            high,
            is_line: false,
            is_edit: false,
            why: format!("Your own measurement: {}; without a number: {missing}.", self.place()),
        }
    }

    /// True if a document with that number is dropped.
    pub(crate) fn drops(&self, number: Option<f64>) -> bool {
        number.map_or(self.drops_missing, |number| !self.bound.keeps(number))
    }
}

impl Parser<'_> {
    /// All tables below `[column]`.
    pub(crate) fn columns(
        &self,
        span: Range<usize>,
        value: &Value<'_>,
        stages: &mut [StageRecipe],
    ) -> Result<(), RuleError> {
        let columns = stages.iter_mut().find_map(|stage| match &mut stage.kind {
            StageRecipeKind::Columns(columns) => Some(columns),
            _ => None,
        });
        let Some(columns) = columns else {
            let message = "[column] sets values of a stage that the pipeline does not have".to_owned();
            return Err(self.error(
                span,
                message,
                "add \"column\" to the pipeline where the columns are to judge, or remove the table"
                    .to_owned(),
            ));
        };
        let one_each = "write a table for each column: [column.edu_score], at_least = 3";
        let Some(tables) = value.get_ref().as_table() else {
            return Err(self.error(value.span(), "`column` must be tables".to_owned(), one_each.to_owned()));
        };
        for (key, value) in tables {
            let name: &str = key.get_ref();
            let Some(table) = value.get_ref().as_table() else {
                let message = format!("[column] holds tables, not the key `{name}`");
                return Err(self.error(key.span(), message, one_each.to_owned()));
            };
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            if name.is_empty() || !name.bytes().all(is_plain) {
                let message = format!("a column cannot be named `{name}`");
                let remedy = "name it with letters, digits, _ and -, and say field = \"its.place\"";
                return Err(self.error(key.span(), message, remedy.to_owned()));
            }
            columns.push(self.column(name, key.span(), table)?);
        }
        Ok(())
    }

    fn column(&self, name: &str, span: Range<usize>, table: &DeTable<'_>) -> Result<ColumnRecipe, RuleError> {
        let mut column = ColumnRecipe {
            name: name.to_owned(),
            bound: Bound::Off,
            from: None,
            id: "id".to_owned(),
            field: name.to_owned(),
            drops_missing: false,
        };
        let (mut low, mut above, mut high, mut below) = (None, None, None, None);
        let mut names_id = false;
        for (key, value) in table {
            let name: &str = key.get_ref();
            let wrong = |takes: &str| {
                let message = format!("`{name}` takes {takes}");
                self.error(
                    value.span(),
                    message,
                    format!("[column.{}] is a table of {}", column.name, KEYS.join(", ")),
                )
            };
            let text = || {
                let text = value.get_ref().as_str().filter(|text| !text.is_empty());
                text.map(str::to_owned).ok_or_else(|| wrong("a text"))
            };
            let limit = || number(value.get_ref()).filter(|n| n.is_finite()).ok_or_else(|| wrong("a number"));
            match name {
                "at_least" => low = Some(limit()?),
                "above" => above = Some(limit()?),
                "at_most" => high = Some(limit()?),
                "below" => below = Some(limit()?),
                "from" => column.from = Some(text()?),
                "field" => column.field = text()?,
                "id" => {
                    column.id = text()?;
                    names_id = true;
                }
                "missing" => {
                    column.drops_missing = match value.get_ref().as_str() {
                        Some("drop") => true,
                        Some("keep") => false,
                        _ => return Err(wrong("\"keep\" or \"drop\"")),
                    }
                }
                _ => {
                    let message = format!("unknown key `{name}` in [column.{}]", column.name);
                    let remedy = match value.get_ref().as_table() {
                        Some(_) => format!("write [column.{name}] with field = \"{}.{name}\"", column.name),
                        None => suggest(name, KEYS),
                    };
                    return Err(self.error(key.span(), message, remedy));
                }
            }
        }
        column.bound = match (low, above, high, below) {
            (None, None, None, None) => Bound::Off,
            (Some(low), None, None, None) => Bound::AtLeast(low),
            (None, Some(low), None, None) => Bound::Above(low),
            (None, None, Some(high), None) => Bound::AtMost(high),
            (None, None, None, Some(high)) => Bound::Below(high),
            (Some(low), None, Some(high), None) if low <= high => Bound::Between(low, high),
            _ => {
                let message = format!("the bounds of [column.{name}] do not fit together");
                let remedy =
                    "give one of at_least, above, at_most and below, or at_least with a larger at_most";
                return Err(self.error(span, message, remedy.to_owned()));
            }
        };
        if names_id && column.from.is_none() {
            let message = format!("[column.{name}] has `id`, but no `from`");
            let remedy = "`id` is the id column of the files that `from` names; the input's is --id-column";
            return Err(self.error(span, message, remedy.to_owned()));
        }
        Ok(column)
    }
}
