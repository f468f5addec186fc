//! Metrics as tables of at most 80 columns: a row per arm, a block per family.

use crate::metrics::families::FAMILIES;
use crate::metrics::{ArmMetric, Better, Found, MetricScore};
use crate::outcome::Outcome;
use crate::render::wrap;
use std::fmt::Write;

/// Columns of a block, and blocks of a family; the files hold the rest.
const COLUMNS: usize = 4;
const BLOCKS: usize = 2;
const WIDTH: usize = 14;
const HEAD: usize = 17;
const LINE: usize = 79;

/// All families that were measured, and what differs between the first two arms that are compared.
pub fn table(outcome: &Outcome) -> String {
    let mut text = String::new();
    for family in &FAMILIES {
        let is_in =
            |metric: &&MetricScore| metric.name.split_once('.').is_some_and(|(of, _)| of == family.name);
        let metrics: Vec<&MetricScore> =
            outcome.metrics.iter().filter(is_in).take(COLUMNS * BLOCKS).collect();
        for (i, metrics) in metrics.chunks(COLUMNS).enumerate() {
            if i == 0 {
                let better = match family.better {
                    Better::Higher => "(higher is better)",
                    Better::Lower => "(lower is better)",
                    Better::Neither => "",
                };
                text.push('\n');
                wrap(&mut text, &format!("{} {better}", family.about), LINE);
            }
            block(&mut text, outcome, metrics);
        }
    }
    differences(&mut text, outcome);
    text
}

fn block(text: &mut String, outcome: &Outcome, metrics: &[&MetricScore]) {
    row(text, "trained on", metrics.iter().map(|metric| which(&metric.name)));
    for arm in &outcome.arms {
        let of_arm = |metric: &&MetricScore| metric.arms.iter().find(|one| one.arm == arm.arm).map(shown);
        if metrics.iter().any(|metric| of_arm(metric).is_some()) {
            row(text, &arm.arm, metrics.iter().map(|metric| of_arm(metric).unwrap_or_default()));
        }
    }
    if metrics.iter().any(|metric| metric.heldout.is_some()) {
        let heldout = |metric: &&MetricScore| metric.heldout.map_or(String::new(), number);
        row(text, "held-out text", metrics.iter().map(heldout));
    }
}

fn row(text: &mut String, head: &str, cells: impl Iterator<Item = String>) {
    let cells: String = cells.map(|cell| format!(" {cell:>WIDTH$}")).collect();
    let head: String = head.chars().take(HEAD).collect();
    let _ = writeln!(text, "  {head:<HEAD$}{cells}");
}

fn shown(arm: &ArmMetric) -> String {
    number(arm.value)
}

/// Three digits behind the point, fewer of large numbers.
fn number(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

/// What stands behind the dot, as words that fit a column.
fn which(name: &str) -> String {
    let words = name.split_once('.').map_or(name, |(_, which)| which).replace('_', " ");
    let head: String = words.chars().take(WIDTH - 1).collect();
    if head.len() < words.len() && words.chars().count() > WIDTH { head + "…" } else { words }
}

/// Differences between the first two arms that are compared whose interval misses 0.
fn differences(text: &mut String, outcome: &Outcome) {
    let Some(first) = outcome.comparisons.first() else { return };
    let all = outcome.metrics.iter().flat_map(|metric| metric.differences.iter().map(move |d| (metric, d)));
    let of_pair: Vec<_> = all.filter(|(_, d)| d.arm == first.arm && d.against == first.against).collect();
    let found: Vec<_> = of_pair.iter().filter(|(_, d)| d.found != Found::Nothing).collect();
    if of_pair.iter().all(|(_, d)| d.interval.is_none()) {
        return;
    }
    text.push('\n');
    let sentence = format!(
        "{} − {}: {} of {} such numbers differ (one in twenty would by chance)",
        first.arm,
        first.against,
        found.len(),
        of_pair.len()
    );
    wrap(text, &sentence, LINE);
    for (metric, difference) in found {
        let (low, high) = difference.interval.unwrap_or_default();
        let better = match (metric.better, difference.found) {
            (Better::Higher, Found::Higher) | (Better::Lower, Found::Lower) => "better",
            (Better::Neither, Found::Higher) => "higher",
            (Better::Neither, _) => "lower",
            _ => "worse",
        };
        let name: String = metric.name.chars().take(27).collect();
        let _ = writeln!(
            text,
            "  {name:<27} {:+.3}  {:<25}{better}",
            difference.difference,
            format!("[{low:+.3}, {high:+.3}]")
        );
    }
}
