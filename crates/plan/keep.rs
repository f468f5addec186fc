//! Which of several documents is kept: the key `keep` of a dedup stage, understood.

use std::collections::BTreeMap;
use std::fmt;

use arrow::datatypes::DataType;
use document::input_schema;

use crate::error::suggest;
use crate::recipe::{Recipe, StageRecipeKind};

/// Which document of a cluster is kept; among equals the first in input order.
#[derive(Clone, Debug, PartialEq)]
pub enum Keep {
    Longest,
    First,
    /// The highest value of this measured column (`<stage>.<signal>`); those without one last.
    Best(String),
    /// The highest value of this column of a swept block; those without one last.
    Newest {
        column: String,
        kind: ColumnKind,
    },
    /// In this order of the input field `source`; all others last.
    Prefer(Vec<String>),
    /// The root of the reference's cluster.
    Datatrove,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Compared bytewise, as ISO dates may be.
    Text,
    Number,
}

/// A value of a table that cannot be used.
#[derive(Clone, Debug)]
pub struct Wrong {
    pub table: &'static str,
    pub key: &'static str,
    pub message: String,
    pub remedy: String,
}

impl Keep {
    /// What a table of the recipe says, checked against the signals and columns that the recipe has. `has_reference`: there
    /// is a reference whose choice can be asked for.
    pub(crate) fn of(recipe: &Recipe, table: &'static str, has_reference: bool) -> Result<Keep, Wrong> {
        keep(recipe, table, has_reference).map_err(|(message, remedy)| {
            let joiner = if message.starts_with("cannot") { "" } else { ":" };
            Wrong { table, key: "keep", message: format!("{table}.keep{joiner} {message}"), remedy }
        })
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Keep::Longest => f.write_str("keeps the longest"),
            Keep::First => f.write_str("keeps the first"),
            Keep::Best(column) => write!(f, "keeps the highest {column}"),
            Keep::Newest { column, .. } => {
                write!(f, "keeps the newest {}", column.strip_prefix("keep.").unwrap_or(column))
            }
            Keep::Prefer(sources) => write!(f, "prefers the sources {}, others last", sources.join(", ")),
            Keep::Datatrove => f.write_str("keeps what datatrove keeps"),
        }
    }
}

/// The values of `keep`, as they are written.
const KEEPS: [&str; 6] =
    ["longest", "first", "best:<signal>", "newest:<column>", "prefer:<source>,<source>", "datatrove"];

type Keeping = Result<Keep, (String, String)>;

fn keep(recipe: &Recipe, table: &'static str, has_reference: bool) -> Keeping {
    let written = recipe.text(table, "keep");
    let argument = |text: &str| text.trim().to_owned();
    match written.split_once(':') {
        None if written == "longest" => Ok(Keep::Longest),
        None if written == "first" => Ok(Keep::First),
        None if written == "datatrove" && has_reference => Ok(Keep::Datatrove),
        Some(("best", signal)) => best(recipe, &argument(signal)),
        Some(("newest", column)) => newest(recipe, &argument(column)),
        Some(("prefer", sources)) => prefer(sources),
        _ => {
            let known = KEEPS.into_iter().filter(|known| has_reference || *known != "datatrove");
            Err((format!("cannot be \"{written}\""), suggest(written, known)))
        }
    }
}

fn best(recipe: &Recipe, name: &str) -> Keeping {
    let columns = recipe.ledger_signals();
    let bare = |column: &str| column.split_once('.').map(|(_, signal)| signal.to_owned());
    let found: Vec<&String> =
        columns.iter().filter(|column| *column == name || bare(column).as_deref() == Some(name)).collect();
    match found[..] {
        [column] => Ok(Keep::Best(column.clone())),
        [] if columns.is_empty() => Err((
            format!("no stage of the pipeline measures `{name}`"),
            "add a filter that measures it".to_owned(),
        )),
        [] => {
            let bare: Vec<String> = columns.iter().filter_map(|column| bare(column)).collect();
            let known = if name.contains('.') { &columns } else { &bare };
            let message = format!("no stage of the pipeline measures `{name}`");
            Err((message, suggest(name, known.iter().map(String::as_str))))
        }
        [..] => {
            let all: Vec<String> = found.iter().map(|column| format!("best:{column}")).collect();
            let message = format!("`{name}` is measured by several stages");
            Err((message, format!("write {}", all.join(" or "))))
        }
    }
}

/// Input columns that the reader fills but no recipe would order by.
const UNORDERED: [&str; 2] = ["text", "metadata"];

fn newest(recipe: &Recipe, name: &str) -> Keeping {
    let mut columns: BTreeMap<String, (String, ColumnKind)> = BTreeMap::new();
    for kept in recipe.list("columns", "keep") {
        // What is no `name:type` is refused when the reader is set up.
        let Some((path, kind)) = kept.rsplit_once(':') else { continue };
        let kind = if kind == "utf8" { ColumnKind::Text } else { ColumnKind::Number };
        columns.insert(path.to_owned(), (format!("keep.{path}"), kind));
    }
    let schema = input_schema();
    let texts = schema.iter().filter(|field| *field.data_type() == DataType::Utf8);
    for field in texts.filter(|field| !UNORDERED.contains(&field.name().as_str())) {
        columns.insert(field.name().clone(), (field.name().clone(), ColumnKind::Text));
    }
    match columns.get(name) {
        Some((column, kind)) => Ok(Keep::Newest { column: column.clone(), kind: *kind }),
        None => {
            let mut remedy = suggest(name, columns.keys().map(String::as_str));
            if !remedy.starts_with("did") {
                remedy.push_str("; others come in by [columns] keep = [\"name:type\"]");
            }
            Err((format!("there is no column `{name}`"), remedy))
        }
    }
}

fn prefer(sources: &str) -> Keeping {
    let sources: Vec<String> = sources.split(',').map(|source| source.trim().to_owned()).collect();
    let remedy = "write the values of the input field `source`, the best first: prefer:wiki,books".to_owned();
    if sources.iter().any(String::is_empty) {
        return Err(("a source without a name".to_owned(), remedy));
    }
    for (index, source) in sources.iter().enumerate() {
        if sources[..index].contains(source) {
            return Err((format!("the source `{source}` stands twice"), remedy));
        }
    }
    Ok(Keep::Prefer(sources))
}

impl Recipe {
    /// Names of the ledger's measured columns, `<stage>.<signal>`.
    pub(crate) fn ledger_signals(&self) -> Vec<String> {
        let mut names = Vec::new();
        for stage in &self.stages {
            match &stage.kind {
                StageRecipeKind::Filter(filter) => {
                    let signals = filter.spec.columns().into_iter();
                    names.extend(signals.map(|signal| format!("{}.{}", stage.name, signal.name())));
                }
                StageRecipeKind::Columns(columns) => {
                    names.extend(columns.iter().map(|column| format!("{}.{}", stage.name, column.name)));
                }
                _ => {}
            }
        }
        names
    }
}
