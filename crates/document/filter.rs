//! The contract of `filters/`: a filter is a table of checks, and code only where a table is not enough.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::{Check, Document, FileBytes, LineEdits, Signal, Signals, Test};

/// The value of a recipe key that is not a bound.
#[derive(Clone, Debug, PartialEq)]
pub enum OptionValue {
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<String>),
}

/// A recipe key of a filter beside its checks. `default` is written as in TOML.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    pub key: &'static str,
    /// TOML text: `true`, `0.5`, `"drop"`, `["en"]`. Its type is the key's type.
    pub default: &'static str,
    /// What may be written, for texts and lists of words; empty: anything.
    pub allowed: &'static [&'static str],
    /// The values are paths of files: a list names texts, given in [`Settings::lists`], a text names a model,
    /// given in [`Settings::models`].
    pub is_path: bool,
    pub why: &'static str,
}

/// What a filter is built from: its options, resolved, and what the files hold that they name.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub options: BTreeMap<String, OptionValue>,
    /// Path as written in the recipe -> text of the file.
    pub lists: BTreeMap<String, Arc<str>>,
    /// Path as written in the recipe -> the model.
    pub models: BTreeMap<String, FileBytes>,
    /// `[words] splitter` of the recipe.
    pub splitter: String,
    /// Checks that the recipe switches off; a filter that stops at its first failure skips them.
    pub off: BTreeSet<String>,
}

impl Settings {
    pub fn bool(&self, key: &str) -> bool {
        matches!(self.options.get(key), Some(OptionValue::Bool(true)))
    }

    pub fn number(&self, key: &str) -> Option<f64> {
        match self.options.get(key) {
            Some(OptionValue::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub fn text(&self, key: &str) -> &str {
        match self.options.get(key) {
            Some(OptionValue::Text(text)) => text,
            _ => "",
        }
    }

    pub fn list(&self, key: &str) -> &[String] {
        match self.options.get(key) {
            Some(OptionValue::List(list)) => list,
            _ => &[],
        }
    }
}

/// The checks of one filter that failed, by index in [`FilterSpec::checks`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Raised(pub u64);

impl Raised {
    pub fn raise(&mut self, check: usize) {
        self.0 |= 1 << check;
    }

    pub fn contains(self, check: usize) -> bool {
        self.0 >> check & 1 == 1
    }
}

/// Judges a document with code: measures its own signals, raises its [`Test::Own`] checks.
/// The plan evaluates the filter's bounds afterwards, so most filters only measure.
pub trait Filter: Send + Sync {
    /// `buffer` is scratch space that keeps its allocation between documents.
    /// A filter that identifies the language sets `document.language`.
    fn judge(
        &self,
        document: &mut Document<'_>,
        signals: &mut Signals,
        raised: &mut Raised,
        buffer: &mut String,
    );

    /// Calls `found` with check and byte range of every part of the text that speaks against it.
    fn point(&self, _document: &Document<'_>, _found: &mut Found<'_>) {}

    /// The sets of items that it looks for in documents, so that it is counted what is found of each.
    fn sets(&self) -> &[ItemSet] {
        &[]
    }

    /// Calls `each` with set (its place) and line of every item that a judged document holds a piece of, in ascending order;
    /// `signals` are what judging measured.
    fn found_items(&self, _document: &Document<'_>, _signals: &Signals, _each: &mut dyn FnMut(u32, u32)) {}
}

/// A file of items, a line each, that a filter looks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemSet {
    /// As the recipe names it.
    pub path: String,
    /// Items that can be found.
    pub items: u64,
    /// Items that are too short to be looked for.
    pub too_short: u64,
}

/// Told a check, by index in [`FilterSpec::checks`], and what it points at in the text.
pub type Found<'f> = dyn FnMut(usize, Range<usize>) + 'f;

/// Judges lines: names what to keep of the text; never edits it. Page rules of the same recipe
/// stage (too few sentences left …) are its signals and checks like any filter's.
pub trait LineFilter: Send + Sync {
    fn judge_lines(
        &self,
        document: &Document<'_>,
        edits: &mut LineEdits,
        signals: &mut Signals,
        raised: &mut Raised,
        buffer: &mut String,
    );

    /// Calls `found` with check and byte range of every part of the text that it removes, rewrites or speaks against.
    fn point(&self, _document: &Document<'_>, _found: &mut Found<'_>) {}
}

/// Removes parts of texts that stand in other documents, too: those are [`Document::repeated`]. A pass over all documents
/// that runs before the sweep finds them, by what this filter says of each text as the stages before it leave it.
pub trait RepeatFilter: LineFilter {
    /// Calls `each` with number and hash of every part that is to be looked for elsewhere, in ascending order.
    fn hash_parts(&self, _: &Document<'_>, _: &mut String, _: &mut dyn FnMut(u32, u64)) {}

    /// Instead of parts, any bytes are looked for, at least so many in a row: [`Document::repeated`] is where a range of
    /// such begins and where it ends, then the same of the next.
    fn min_bytes(&self) -> Option<u32> {
        None
    }

    /// The first of several equal parts stays, in input order; else none does.
    fn keeps_first(&self) -> bool;
}

pub type BuildFilter = fn(&Settings) -> Result<Box<dyn Filter>, String>;
pub type BuildLineFilter = fn(&Settings) -> Result<Box<dyn LineFilter>, String>;
pub type BuildRepeatFilter = fn(&Settings) -> Result<Box<dyn RepeatFilter>, String>;

/// How a filter comes to its decisions.
#[derive(Clone, Copy)]
pub enum Judge {
    /// A table of bounds on signals of the common scan; no code.
    Bounds,
    Document(BuildFilter),
    Lines(BuildLineFilter),
    Repeats(BuildRepeatFilter),
}

/// A filter: one file in `filters/`, one line in a recipe.
#[derive(Clone, Copy)]
pub struct FilterSpec {
    pub name: &'static str,
    /// The paper or reference implementation, with section.
    pub source: &'static str,
    /// One sentence for people: what it asks of a document.
    pub about: &'static str,
    pub checks: &'static [Check],
    /// Signals that the filter measures or wants in the ledger beside those of its bounds.
    pub signals: &'static [Signal],
    pub options: &'static [OptionSpec],
    pub judge: Judge,
}

impl FilterSpec {
    /// A filter that is a table of bounds.
    pub const fn bounds(
        name: &'static str,
        source: &'static str,
        about: &'static str,
        checks: &'static [Check],
    ) -> FilterSpec {
        FilterSpec { name, source, about, checks, signals: &[], options: &[], judge: Judge::Bounds }
    }

    /// Indices of the check that has this name, or of those that a reference implementation knows by it.
    pub fn checks_named(&self, name: &str) -> Vec<usize> {
        if let Some(index) = self.checks.iter().position(|check| check.reason == name) {
            return vec![index];
        }
        let is_meant = |check: &Check| check.aliases.iter().any(|(_, alias)| *alias == name);
        let meant = self.checks.iter().enumerate().filter(|(_, check)| is_meant(check));
        meant.map(|(index, _)| index).collect()
    }

    /// The signals of its ledger columns, in order, each once.
    pub fn columns(&self) -> Vec<Signal> {
        let bounded = self.checks.iter().filter_map(|check| match check.test {
            Test::Bound(signal, _) => Some(signal),
            Test::Own => None,
        });
        let mut columns = Vec::new();
        for signal in bounded.chain(self.signals.iter().copied()) {
            if !columns.contains(&signal) {
                columns.push(signal);
            }
        }
        columns
    }
}
