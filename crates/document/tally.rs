//! Mergeable counts: a monoid of integers, so the order of merging never shows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Moves, Scale};

/// Documents and bytes of text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub documents: u64,
    pub bytes: u64,
}

impl Counts {
    pub fn add(&mut self, bytes: u64) {
        self.documents += 1;
        self.bytes += bytes;
    }

    pub(crate) fn merge(&mut self, other: Counts) {
        self.documents += other.documents;
        self.bytes += other.bytes;
    }
}

/// What reached a stage, what it dropped (first reason), and the text it cut from kept documents: below zero where
/// it wrote longer text instead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageTally {
    pub reached: Counts,
    pub dropped: Counts,
    pub cut_bytes: i64,
}

/// What one reason did. Bytes are of the input text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckTally {
    /// It was the first reason.
    pub first: Counts,
    /// It was the only reason.
    pub alone: Counts,
    /// It was among the reasons.
    pub any: Counts,
    /// Lines it removed, for line checks.
    pub lines: u64,
}

/// Input and kept documents of one group (language, source, domain).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupTally {
    pub input: Counts,
    pub kept: Counts,
}

/// What was found of a set of items that a filter looks for ([`crate::ItemSet`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundItems {
    /// Those that hold a piece of any item.
    pub documents: u64,
    /// By the item's line: documents that hold a piece of it.
    pub items: BTreeMap<u32, u64>,
}

impl FoundItems {
    pub fn merge(&mut self, other: &FoundItems) {
        self.documents += other.documents;
        for (line, documents) in &other.items {
            *self.items.entry(*line).or_default() += documents;
        }
    }
}

/// Counts of a signal's values in the bins of its [`Scale`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    pub scale: Scale,
    /// The last bin also holds everything above.
    pub counts: Vec<u64>,
}

/// The bin of [`Scale::Signed`] that begins at 0; it holds sizes up to 16 million on either side.
const SIGNED_ZERO: usize = 120;

impl Histogram {
    pub fn new(scale: Scale) -> Histogram {
        let bins = match scale {
            Scale::Fraction => 51,
            Scale::Log => 121,
            Scale::Linear => 51,
            Scale::Signed => 2 * SIGNED_ZERO + 1,
        };
        Histogram { scale, counts: vec![0; bins] }
    }

    pub fn add(&mut self, value: f64) {
        let bin = self.bin(value);
        self.counts[bin] += 1;
    }

    fn bin(&self, value: f64) -> usize {
        let bin = match self.scale {
            Scale::Fraction => value * 50.0,
            Scale::Log => (value + 1.0).log2() * 4.0,
            Scale::Linear => value * 2.0,
            Scale::Signed => SIGNED_ZERO as f64 + value.signum() * (1.0 + 64.0 * value.abs()).log2() * 4.0,
        };
        (bin.max(0.0) as usize).min(self.counts.len() - 1)
    }

    /// Takes back what [`Histogram::add`] counted.
    pub fn remove(&mut self, value: f64) {
        let bin = self.bin(value);
        self.counts[bin] = self.counts[bin].saturating_sub(1);
    }

    /// Lower edge of a bin, in the signal's unit.
    pub fn edge(&self, bin: usize) -> f64 {
        match self.scale {
            Scale::Fraction => bin as f64 / 50.0,
            Scale::Log => (bin as f64 / 4.0).exp2() - 1.0,
            Scale::Linear => bin as f64 / 2.0,
            Scale::Signed => {
                let step = bin as f64 - SIGNED_ZERO as f64;
                step.signum() * ((step.abs() / 4.0).exp2() - 1.0) / 64.0
            }
        }
    }

    pub fn merge(&mut self, other: &Histogram) {
        for (a, b) in self.counts.iter_mut().zip(&other.counts) {
            *a += b;
        }
    }
}

/// Everything a run counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub input: Counts,
    /// Documents kept; bytes of their kept text.
    pub kept: Counts,
    /// Bytes of the input text of kept documents.
    pub kept_input_bytes: u64,
    /// Tokens of kept documents.
    pub tokens: u64,
    /// By stage of the plan, in recipe order; the first is `input`.
    pub stages: Vec<StageTally>,
    /// By reason of the plan.
    pub checks: Vec<CheckTally>,
    /// Documents that fail two reasons of the plan, by the one that comes first in it, then by the other.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overlap: BTreeMap<u8, BTreeMap<u8, u64>>,
    /// By `<stage>.<signal>`.
    pub signals: BTreeMap<String, Histogram>,
    /// By `<stage>.<reason>` of a bound that can be moved.
    #[serde(default)]
    pub moves: BTreeMap<String, Moves>,
    pub languages: BTreeMap<String, GroupTally>,
    pub sources: BTreeMap<String, GroupTally>,
    /// Bytes of text per document.
    pub input_lengths: Option<Histogram>,
    pub kept_lengths: Option<Histogram>,
}

impl Tally {
    pub fn new(stages: usize, checks: usize, signals: &[(String, Scale)]) -> Tally {
        Tally {
            stages: vec![StageTally::default(); stages],
            checks: vec![CheckTally::default(); checks],
            signals: signals.iter().map(|(name, scale)| (name.clone(), Histogram::new(*scale))).collect(),
            input_lengths: Some(Histogram::new(Scale::Log)),
            kept_lengths: Some(Histogram::new(Scale::Log)),
            ..Tally::default()
        }
    }

    /// Adds `other`, which must come from the same plan.
    pub fn merge(&mut self, other: &Tally) {
        self.input.merge(other.input);
        self.kept.merge(other.kept);
        self.kept_input_bytes += other.kept_input_bytes;
        self.tokens += other.tokens;
        for (a, b) in self.stages.iter_mut().zip(&other.stages) {
            a.reached.merge(b.reached);
            a.dropped.merge(b.dropped);
            a.cut_bytes += b.cut_bytes;
        }
        for (a, b) in self.checks.iter_mut().zip(&other.checks) {
            a.first.merge(b.first);
            a.alone.merge(b.alone);
            a.any.merge(b.any);
            a.lines += b.lines;
        }
        for (reason, others) in &other.overlap {
            let mine = self.overlap.entry(*reason).or_default();
            for (other, documents) in others {
                *mine.entry(*other).or_default() += documents;
            }
        }
        for (name, histogram) in &other.signals {
            match self.signals.get_mut(name) {
                Some(mine) => mine.merge(histogram),
                None => drop(self.signals.insert(name.clone(), histogram.clone())),
            }
        }
        for (name, moves) in &other.moves {
            self.moves.entry(name.clone()).or_default().merge(moves);
        }
        merge_groups(&mut self.languages, &other.languages);
        merge_groups(&mut self.sources, &other.sources);
        merge_lengths(&mut self.input_lengths, &other.input_lengths);
        merge_lengths(&mut self.kept_lengths, &other.kept_lengths);
    }
}

fn merge_groups(mine: &mut BTreeMap<String, GroupTally>, other: &BTreeMap<String, GroupTally>) {
    for (name, group) in other {
        let entry = mine.entry(name.clone()).or_default();
        entry.input.merge(group.input);
        entry.kept.merge(group.kept);
    }
}

fn merge_lengths(mine: &mut Option<Histogram>, other: &Option<Histogram>) {
    match (mine.as_mut(), other) {
        (Some(a), Some(b)) => a.merge(b),
        (None, Some(b)) => *mine = Some(b.clone()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_between_the_edges_of_its_bin() {
        for scale in [Scale::Fraction, Scale::Log, Scale::Linear, Scale::Signed] {
            for value in [-1e30, -500.25, -3.0, -0.01, 0.0, 1e-9, 0.004, 0.5, 1.0, 3.0, 24.9, 1e6, 1e30] {
                let mut histogram = Histogram::new(scale);
                histogram.add(value);
                let bin = histogram.counts.iter().position(|n| *n == 1).unwrap_or(usize::MAX);
                let last = histogram.counts.len() - 1;
                let floor = if bin == 0 { f64::NEG_INFINITY } else { histogram.edge(bin) };
                let ceiling = if bin == last { f64::INFINITY } else { histogram.edge(bin + 1) };
                let is_below = scale != Scale::Signed && value < 0.0;
                assert!(
                    is_below || (floor..ceiling).contains(&value),
                    "{scale:?} {value}: {floor}..{ceiling}"
                );
            }
        }
    }
}
