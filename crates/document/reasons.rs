//! The names behind the bits of a plan's verdicts.

use serde::{Deserialize, Serialize};

use crate::ReasonId;

/// One reason of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    pub stage: String,
    /// The bare name, without the stage.
    pub reason: String,
    /// The signal it bounds, if it is a bound.
    pub signal: Option<String>,
    /// What is kept, as text: `≥ 50`; empty for a check that is code.
    pub bound: String,
    /// Limits of the kept range, for charts; `None`: unbounded on that side.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// It removes lines, not documents.
    pub is_line: bool,
    /// It rewrites parts of the text, which are counted as lines are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_edit: bool,
    pub why: String,
}

impl Reason {
    /// `filter.reason`, as in the ledger.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.stage, self.reason)
    }
}

/// All reasons of a plan, by [`ReasonId`], in recipe order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reasons(pub Vec<Reason>);

impl Reasons {
    pub fn get(&self, id: ReasonId) -> &Reason {
        &self.0[id.0 as usize]
    }

    /// By full name, or by bare name where that is unique.
    pub fn find(&self, name: &str) -> Option<ReasonId> {
        let full = self.0.iter().position(|reason| reason.full_name() == name);
        let mut bare = self.0.iter().enumerate().filter(|(_, reason)| reason.reason == name);
        let unique = match (bare.next(), bare.next()) {
            (Some((index, _)), None) => Some(index),
            _ => None,
        };
        full.or(unique).map(|index| ReasonId(index as u8))
    }
}
