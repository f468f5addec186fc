//! What another recipe would decide about a finished run, as tables.

use std::fmt::Write;

use serde::Serialize;

use crate::comparison::one_line;
use crate::human::{human_bytes, human_count, human_number, percent, short_count};

/// Documents that change side, before dedup. Bytes are of the input text.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct WhatIf {
    pub folder: String,
    pub settings: Vec<Setting>,
    /// What is left out, and what the ledger cannot tell.
    pub notes: Vec<String>,
    pub input: Group,
    /// What the filters of the run let pass, before dedup.
    pub passed: Group,
    /// What the changed recipe lets pass for sure.
    pub would_pass: Group,
    /// Of those that pass no more, and of those that pass now, each by the first reason.
    pub newly_dropped: Vec<Change>,
    pub newly_passed: Vec<Change>,
    /// What the ledger cannot tell, by the stage that it does not know.
    pub open: Vec<Change>,
    /// Duplicates that pass the filters still, of kept documents that do not: one of each cluster may come back.
    pub may_return: Group,
    /// Tokens per byte of input text, of the kept documents; what tokens are estimated by.
    pub tokens_per_byte: Option<f64>,
    /// Documents that a takedown removed; they are in no other number.
    pub removed: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Setting {
    pub name: String,
    pub before: String,
    pub after: String,
}

/// Some documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    pub documents: u64,
    pub bytes: u64,
    /// Counted where the run counted them, estimated from the bytes elsewhere.
    pub tokens_estimate: Option<u64>,
}

/// Documents that change side for one reason, or are open for one stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Change {
    pub reason: String,
    #[serde(flatten)]
    pub group: Group,
    /// Of them, those that pass the filters of this run.
    pub passed: u64,
    /// Of those, dropped by dedup: they are not in `clean/`.
    pub duplicates: u64,
    /// The same ones every time.
    pub samples: Vec<Shown>,
}

/// A document that changes side.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Shown {
    /// Shard and row of the input.
    pub place: (i32, i64),
    /// Of the shard.
    pub path: String,
    pub id: String,
    /// What the reason's check measured, and what it would have to be, or to have been, to pass.
    pub value: Option<f64>,
    pub bound: String,
    /// First words, where the run wrote the text.
    pub text: Option<String>,
}

/// The sum of some changes.
fn sum(changes: &[Change]) -> Group {
    changes.iter().fold(Group::default(), |sum, change| Group {
        documents: sum.documents + change.group.documents,
        bytes: sum.bytes + change.group.bytes,
        tokens_estimate: match (sum.tokens_estimate, change.group.tokens_estimate) {
            (None, tokens) | (tokens, None) => tokens,
            (Some(a), Some(b)) => Some(a + b),
        },
    })
}

/// As tables of at most 80 columns, but for names. Ends in a line feed.
pub fn render_what_if(found: &WhatIf) -> String {
    let mut out = String::new();
    for Setting { name, before, after } in &found.settings {
        let _ = writeln!(out, "{name} = {after}  (was {before})");
    }
    for note in &found.notes {
        let _ = writeln!(out, "{note}");
    }
    let tokens = if found.tokens_per_byte.is_some() { "≈ tokens" } else { "" };
    let _ = writeln!(out, "\n{:34} {:>13} {:>7} {:>9} {tokens:>9}", "before dedup", "documents", "", "bytes");
    let (dropped, passed, open) = (sum(&found.newly_dropped), sum(&found.newly_passed), sum(&found.open));
    let mut row = |name: &str, group: &Group| {
        let _ = writeln!(
            out,
            "{:34} {:>13} {:>7} {:>9} {:>9}",
            name,
            human_count(group.documents),
            percent(group.documents, found.input.documents),
            human_bytes(group.bytes),
            group.tokens_estimate.map_or(String::new(), short_count)
        );
    };
    row("input", &found.input);
    row("pass the filters of this run", &found.passed);
    row("would pass", &found.would_pass);
    row("  newly dropped", &dropped);
    row("  newly passed", &passed);
    if open.documents > 0 {
        row("  open", &open);
    }
    for (name, changes) in [
        ("newly dropped, by first reason", &found.newly_dropped),
        ("newly passed, by the reason that dropped them", &found.newly_passed),
        ("open, by the stage that is not known", &found.open),
    ] {
        if !changes.is_empty() {
            let _ = writeln!(out, "\n{name}");
        }
        for change in changes {
            let _ = writeln!(
                out,
                "  {:46} {:>9} {:>9} {:>9}",
                change.reason,
                human_count(change.group.documents),
                human_bytes(change.group.bytes),
                change.group.tokens_estimate.map_or(String::new(), short_count)
            );
            if change.duplicates > 0 {
                let _ = writeln!(out, "    {} of them fell to dedup", human_count(change.duplicates));
            }
            for sample in &change.samples {
                // The id whole, since `corpus inspect --id` wants it.
                let value = sample.value.map_or(String::new(), |value| {
                    format!("  {}, bound {}", human_number(value), sample.bound)
                });
                let _ = writeln!(out, "    {}{value}", one_line(&sample.id, usize::MAX));
                let text = sample.text.as_deref().unwrap_or("(its text was not written)");
                let _ = writeln!(out, "    │ {}", one_line(text, 74));
            }
        }
    }
    let _ = writeln!(
        out,
        "\nBy the ledger's measurements, as a new run's filters would decide. Dedup comes after: it may drop\n\
         some of what passes, and keep other twins."
    );
    if found.tokens_per_byte.is_some() {
        let _ = writeln!(
            out,
            "≈: tokens are counted for kept documents, and estimated from the bytes of others."
        );
    }
    if open.documents > 0 {
        let passed = found.open.iter().map(|change| change.passed).sum();
        let _ = writeln!(
            out,
            "Open: what decides them was not measured, or is measured on another text. Only a new run can tell.\n\
             {} of them pass the filters of this run.",
            human_count(passed)
        );
    }
    if found.may_return.documents > 0 {
        let _ = writeln!(
            out,
            "{} duplicates of newly dropped documents pass: dedup keeps one of each cluster.",
            human_count(found.may_return.documents)
        );
    }
    if found.removed > 0 {
        let _ = writeln!(out, "Left out: {} documents that a takedown removed.", human_count(found.removed));
    }
    out
}
