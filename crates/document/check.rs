//! One rule of a filter: what it measures and what it keeps.
use std::fmt;

use crate::Signal;

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
