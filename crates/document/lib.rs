//! The nouns of `corpus`: what flows, what is measured, what is decided and what is counted.
//!
//! **Invariant:** nothing here touches files, threads, clocks or the environment.

mod batch;
mod check;
mod document;
mod file_bytes;
mod filter;
mod line_edits;
mod moves;
mod reasons;
mod signals;
mod tally;
mod verdict;

pub use batch::{Batch, NUMBER_PREFIX, Problem, SchemaError, input_schema};
pub use check::{Bound, Check, Scope, Test, above, at_least, at_most, below, between};
pub use document::{Document, LANGUAGE_STAGES, Language};
pub use file_bytes::FileBytes;
pub use filter::{
    BuildFilter, BuildLineFilter, BuildRepeatFilter, Filter, FilterSpec, Found, ItemSet, Judge, LineFilter,
    OptionSpec, OptionValue, Raised, RepeatFilter, Settings,
};
pub use line_edits::{Form, LineEdits, Piece, Separator};
pub use moves::{MoveCounts, Moves, steps};
pub use reasons::{Reason, Reasons};
pub use signals::{Scale, Signal, SignalSet, Signals};
pub use tally::{CheckTally, Counts, FoundItems, GroupTally, Histogram, StageTally, Tally};
pub use verdict::{ReasonId, Verdict};
