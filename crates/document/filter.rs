//! The contract of `filters/`: a filter is a table of checks, and code only where a table is not enough.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::{Document, FileBytes, Signal, Signals};

/// The range of a signal that is kept; limits are inclusive, but for `Above` and `Below`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    AtLeast(f64),
    /// Strictly more.
    Above(f64),
    AtMost(f64),
    /// Strictly less.
    Below(f64),
    Between(f64, f64),
    /// Never drops.
    Off,
}

pub const fn at_least(signal: Signal, limit: f64) -> Test {
    Test::Bound(signal, Bound::AtLeast(limit))
}

pub const fn above(signal: Signal, limit: f64) -> Test {
    Test::Bound(signal, Bound::Above(limit))
}

pub const fn at_most(signal: Signal, limit: f64) -> Test {
    Test::Bound(signal, Bound::AtMost(limit))
}

pub const fn below(signal: Signal, limit: f64) -> Test {
    Test::Bound(signal, Bound::Below(limit))
}

pub const fn between(signal: Signal, low: f64, high: f64) -> Test {
    Test::Bound(signal, Bound::Between(low, high))
}

impl Bound {
    /// True if `value` is kept.
    pub fn keeps(self, value: f64) -> bool {
        match self {
            Bound::AtLeast(low) => value >= low,
            Bound::Above(low) => value > low,
            Bound::AtMost(high) => value <= high,
            Bound::Below(high) => value < high,
            Bound::Between(low, high) => value >= low && value <= high,
            Bound::Off => true,
        }
    }

    /// The lowest and the highest value, where there is one.
    pub fn limits(self) -> (Option<f64>, Option<f64>) {
        match self {
            Bound::AtLeast(low) | Bound::Above(low) => (Some(low), None),
            Bound::AtMost(high) | Bound::Below(high) => (None, Some(high)),
            Bound::Between(low, high) => (Some(low), Some(high)),
            Bound::Off => (None, None),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::AtLeast(low) => write!(f, "≥ {low}"),
            Bound::Above(low) => write!(f, "> {low}"),
            Bound::AtMost(high) => write!(f, "≤ {high}"),
            Bound::Below(high) => write!(f, "< {high}"),
            Bound::Between(low, high) => write!(f, "{low} … {high}"),
            Bound::Off => f.write_str("off"),
        }
    }
}

/// How a check decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Test {
    /// The plan compares the signal with the bound.
    Bound(Signal, Bound),
    /// The filter raises the check itself.
    Own,
}

/// What a failed check removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Document,
    Line,
    /// A part of the text is rewritten.
    Edit,
}

/// One rule of a filter, named for what is wrong with the document.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    pub reason: &'static str,
    pub test: Test,
    pub scope: Scope,
    pub why: &'static str,
    /// Not applied unless a recipe gives it a limit.
    pub is_off: bool,
    /// The option whose value `"drop"` switches it on.
    pub dropped_by: Option<&'static str>,
    /// A signal that is above 0 where code would raise it, so that the ledger knows.
    pub shown_by: Option<Signal>,
    /// Reference implementation and its name for this check; recipes accept these names, too.
    pub aliases: &'static [(&'static str, &'static str)],
}

impl Check {
    pub const fn new(reason: &'static str, test: Test, why: &'static str) -> Check {
        let (is_off, dropped_by, shown_by) = (false, None, None);
        Check { reason, test, scope: Scope::Document, why, is_off, dropped_by, shown_by, aliases: &[] }
    }

    /// A rule that removes lines, counted but never a document's reason.
    pub const fn line(reason: &'static str, why: &'static str) -> Check {
        Check { scope: Scope::Line, ..Check::new(reason, Test::Own, why) }
    }

    /// A rule that rewrites parts of the text, counted but never a document's reason.
    pub const fn edit(reason: &'static str, why: &'static str) -> Check {
        Check { scope: Scope::Edit, ..Check::line(reason, why) }
    }

    /// The same check, off by default: its limit is a proposal.
    pub const fn optional(self) -> Check {
        Check { is_off: true, ..self }
    }

    /// A rule that is off until an option says `"drop"`.
    pub const fn on_demand(option: &'static str, reason: &'static str, why: &'static str) -> Check {
        Check { is_off: true, dropped_by: Some(option), ..Check::new(reason, Test::Own, why) }
    }

    /// The same check, of code, whose answer a signal holds.
    pub const fn shown_by(self, signal: Signal) -> Check {
        Check { shown_by: Some(signal), ..self }
    }

    /// The same check, with the names that reference implementations have for it.
    pub const fn known_as(self, aliases: &'static [(&'static str, &'static str)]) -> Check {
        Check { aliases, ..self }
    }
}

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

/// A part of the text that a line filter keeps, or names another text for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub range: Range<usize>,
    /// The piece begins a new line of the kept text.
    pub begins_line: bool,
    /// Written instead of the range.
    pub replacement: Option<&'static str>,
}

impl Piece {
    /// This part of the text as it is.
    pub fn kept(range: Range<usize>, begins_line: bool) -> Piece {
        Piece { range, begins_line, replacement: None }
    }
}

/// What a line filter leaves of a text: pieces in order, and how many lines each check removed or parts it rewrote.
/// The kept text is the pieces joined, with the separator before each that begins a line but the first.
#[derive(Clone, Debug, Default)]
pub struct LineEdits {
    pub form: Form,
    pub pieces: Vec<Piece>,
    /// A line feed, unless the filter says otherwise.
    pub separator: Separator,
    /// By index in [`FilterSpec::checks`].
    pub lines: Vec<u32>,
    /// The kept text, if [`Form::Written`].
    pub written: String,
    /// Scratch space of the filter for byte ranges, which keeps its allocation between documents.
    pub spans: Vec<(u32, u32)>,
    /// Byte ranges of the words of the kept text by the recipe's splitter, if the filter knows them.
    pub words: Vec<(u32, u32)>,
    pub has_words: bool,
}

/// How a line filter says what it leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    #[default]
    Pieces,
    /// The text as it is; there are no pieces.
    Whole,
    /// [`LineEdits::written`], where too much changes to name pieces.
    Written,
}

/// What stands between the lines of a kept text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Separator {
    #[default]
    LineFeed,
    Space,
}

impl LineEdits {
    pub fn clear(&mut self, checks: usize) {
        self.form = Form::Pieces;
        self.pieces.clear();
        self.words.clear();
        self.has_words = false;
        self.separator = Separator::LineFeed;
        self.lines.clear();
        self.lines.resize(checks, 0);
    }

    /// Words of the kept text out of those of the whole, where every piece begins and ends at white space or the end.
    pub fn keep_words(&mut self, words: &[(u32, u32)]) {
        self.words.clear();
        self.has_words = true;
        let (mut next, mut offset) = (0, 0);
        for (index, piece) in self.pieces.iter().enumerate() {
            offset += usize::from(piece.begins_line && index > 0);
            let Range { start, end } = piece.range;
            while words.get(next).is_some_and(|word| (word.0 as usize) < start) {
                next += 1;
            }
            let moved = |at: u32| (at as usize - start + offset) as u32;
            while let Some(&word) = words.get(next).filter(|word| word.1 as usize <= end) {
                self.words.push((moved(word.0), moved(word.1)));
                next += 1;
            }
            offset += end - start;
        }
    }

    /// Writes the kept text into `out`.
    pub fn apply(&self, text: &str, out: &mut String) {
        out.clear();
        match self.form {
            Form::Pieces => {}
            Form::Whole => return out.push_str(text),
            Form::Written => return out.push_str(&self.written),
        }
        let separator = if self.separator == Separator::Space { ' ' } else { '\n' };
        for (index, piece) in self.pieces.iter().enumerate() {
            if piece.begins_line && index > 0 {
                out.push(separator);
            }
            out.push_str(piece.replacement.unwrap_or(&text[piece.range.clone()]));
        }
    }
}

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
