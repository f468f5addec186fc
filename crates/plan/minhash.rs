//! The `[minhash]` table, understood: which document of a cluster is kept, what verifies it, how texts are signed.

use std::collections::BTreeMap;
use std::fmt;

use arrow::datatypes::DataType;
use document::input_schema;
use text::shingles::ShingleHash;

use crate::error::suggest;
use crate::recipe::{Recipe, StageRecipeKind};

/// Near-deduplication as a run does it.
#[derive(Clone, Debug, PartialEq)]
pub struct Minhash {
    pub keep: Keep,
    pub verify: VerifyBy,
    pub min_similarity: f64,
    pub hash: ShingleHash,
    /// Values of 32 bits instead of 61.
    pub is_narrow: bool,
}

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyBy {
    Sketch,
    Text,
    Nothing,
}

/// What is carried to resolve of each signed candidate besides its bands and its sketch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    Nothing,
    /// All shingles' hashes, ascending, each once.
    Shingles,
    /// All 112 values of the signature.
    Signature,
}

/// A value of the table that cannot be used.
#[derive(Clone, Debug)]
pub struct Wrong {
    pub key: &'static str,
    pub message: String,
    pub remedy: String,
}

impl Minhash {
    /// The table of a recipe, whatever the pipeline; checked against the signals and columns that the recipe has.
    pub fn of(recipe: &Recipe) -> Result<Minhash, Wrong> {
        let keep = keep(recipe).map_err(|(message, remedy)| Wrong { key: "keep", message, remedy })?;
        let verify = match recipe.text("minhash", "verify") {
            "none" => VerifyBy::Nothing,
            "text" => VerifyBy::Text,
            _ => VerifyBy::Sketch,
        };
        if keep == Keep::Datatrove && verify != VerifyBy::Nothing {
            let message = "keep = \"datatrove\" is for parity: the reference verifies nothing".to_owned();
            return Err(Wrong { key: "verify", message, remedy: "write verify = \"none\"".to_owned() });
        }
        let bits = recipe.number("minhash", "bits");
        let is_narrow = bits == 32.0;
        if !is_narrow && bits != 64.0 {
            let message = format!("minhash.bits = {bits} is out of range");
            return Err(Wrong { key: "bits", message, remedy: "allowed: 64 or 32".to_owned() });
        }
        let hash = match (recipe.text("minhash", "hash"), is_narrow) {
            ("sha1", false) => ShingleHash::Sha1In64,
            ("sha1", true) => ShingleHash::Sha1In32,
            (_, false) => ShingleHash::Xxh64,
            (_, true) => ShingleHash::Xxh32,
        };
        let min_similarity = recipe.number("minhash", "min_similarity");
        Ok(Minhash { keep, verify, min_similarity, hash, is_narrow })
    }

    pub fn carried(&self) -> Carried {
        match (&self.keep, self.verify) {
            (Keep::Datatrove, _) => Carried::Signature,
            (_, VerifyBy::Text) => Carried::Shingles,
            _ => Carried::Nothing,
        }
    }

    /// Why a document is dropped.
    pub(crate) fn why(&self) -> &'static str {
        match (&self.keep, self.verify) {
            (Keep::Datatrove, _) => "Another document of its cluster is kept, as datatrove chooses it.",
            (_, VerifyBy::Nothing) => "A document that shared bands chain it to is kept.",
            _ => "A document at least this similar is kept.",
        }
    }
}

impl fmt::Display for Minhash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.keep {
            Keep::Longest => f.write_str("keeps the longest")?,
            Keep::First => f.write_str("keeps the first")?,
            Keep::Best(column) => write!(f, "keeps the highest {column}")?,
            Keep::Newest { column, .. } => {
                write!(f, "keeps the newest {}", column.strip_prefix("keep.").unwrap_or(column))?;
            }
            Keep::Prefer(sources) => write!(f, "prefers the sources {}, others last", sources.join(", "))?,
            Keep::Datatrove => f.write_str("keeps what datatrove keeps")?,
        }
        match self.verify {
            VerifyBy::Sketch => write!(f, "; verified by the sketch, from {} on", self.min_similarity)?,
            VerifyBy::Text => write!(f, "; verified by all shingles, from {} on", self.min_similarity)?,
            VerifyBy::Nothing => f.write_str("; nothing is verified")?,
        }
        let hash = match self.hash {
            ShingleHash::Xxh64 | ShingleHash::Xxh32 => "xxhash",
            ShingleHash::Sha1In64 | ShingleHash::Sha1In32 => "sha1",
        };
        write!(f, "; {hash}, {} bits", if self.is_narrow { 32 } else { 64 })
    }
}

/// The values of `keep`, as they are written.
const KEEPS: [&str; 6] =
    ["longest", "first", "best:<signal>", "newest:<column>", "prefer:<source>,<source>", "datatrove"];

type Keeping = Result<Keep, (String, String)>;

fn keep(recipe: &Recipe) -> Keeping {
    let written = recipe.text("minhash", "keep");
    let argument = |text: &str| text.trim().to_owned();
    match written.split_once(':') {
        None if written == "longest" => Ok(Keep::Longest),
        None if written == "first" => Ok(Keep::First),
        None if written == "datatrove" => Ok(Keep::Datatrove),
        Some(("best", signal)) => best(recipe, &argument(signal)),
        Some(("newest", column)) => newest(recipe, &argument(column)),
        Some(("prefer", sources)) => prefer(sources),
        _ => Err((format!("minhash.keep cannot be \"{written}\""), suggest(written, KEEPS))),
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
            format!("minhash.keep: no stage of the pipeline measures `{name}`"),
            "add a filter that measures it".to_owned(),
        )),
        [] => {
            let bare: Vec<String> = columns.iter().filter_map(|column| bare(column)).collect();
            let known = if name.contains('.') { &columns } else { &bare };
            let message = format!("minhash.keep: no stage of the pipeline measures `{name}`");
            Err((message, suggest(name, known.iter().map(String::as_str))))
        }
        [..] => {
            let all: Vec<String> = found.iter().map(|column| format!("best:{column}")).collect();
            let message = format!("minhash.keep: `{name}` is measured by several stages");
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
            Err((format!("minhash.keep: there is no column `{name}`"), remedy))
        }
    }
}

fn prefer(sources: &str) -> Keeping {
    let sources: Vec<String> = sources.split(',').map(|source| source.trim().to_owned()).collect();
    let remedy = "write the values of the input field `source`, the best first: prefer:wiki,books".to_owned();
    if sources.iter().any(String::is_empty) {
        return Err(("minhash.keep: a source without a name".to_owned(), remedy));
    }
    for (index, source) in sources.iter().enumerate() {
        if sources[..index].contains(source) {
            return Err((format!("minhash.keep: the source `{source}` stands twice"), remedy));
        }
    }
    Ok(Keep::Prefer(sources))
}

impl Recipe {
    /// Names of the ledger's measured columns, `<stage>.<signal>`.
    fn ledger_signals(&self) -> Vec<String> {
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
