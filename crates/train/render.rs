//! The outcome as a table of at most 80 columns.

use crate::comparison::{Comparison, Verdict};
use crate::metrics::table;
use crate::outcome::Outcome;
use std::fmt::Write;

/// Bits per byte per arm and held-out set, differences with intervals, the smallest detectable effect.
pub fn render_text(outcome: &Outcome) -> String {
    let mut text = format!(
        "{} · {} parameters · {} tokens a run · {} seed{} · {:.0} tokens/s a run\n\nbits per byte (lower is better)\n",
        outcome.preset,
        thousands(outcome.parameters),
        thousands(outcome.tokens_per_run),
        outcome.seeds,
        if outcome.seeds == 1 { "" } else { "s" },
        outcome.tokens_per_second_per_run,
    );
    let sets: Vec<&str> =
        outcome.arms.first().map_or(Vec::new(), |arm| arm.heldout.iter().map(|s| s.set.as_str()).collect());
    line(&mut text, "trained on", sets.iter().map(|set| format!("held-out {set}")));
    for arm in &outcome.arms {
        line(&mut text, &arm.arm, arm.heldout.iter().map(|set| format!("{:.3}", set.bits_per_byte)));
    }
    if !outcome.seed_deviation.is_empty() {
        let deviation =
            |set: &&str| outcome.seed_deviation.get(*set).map_or(String::new(), |d| format!("{d:.4}"));
        line(&mut text, "SD between seeds", sets.iter().map(deviation));
    }
    for set in &sets {
        let _ = writeln!(text, "\ndifference on held-out {set}   (95 % interval; smallest detectable)");
        for comparison in outcome.comparisons.iter().filter(|c| c.set == *set) {
            text.push_str(&difference(comparison));
        }
    }
    text.push_str(&table(outcome));
    text.push('\n');
    for note in &outcome.notes {
        wrap(&mut text, note, 78);
    }
    text
}

fn line(text: &mut String, head: &str, cells: impl Iterator<Item = String>) {
    let cells: String = cells.map(|cell| format!("{cell:>15}")).collect();
    let _ = writeln!(text, "  {head:<20}{cells}");
}

fn difference(comparison: &Comparison) -> String {
    let names = format!("{} − {}", comparison.arm, comparison.against);
    let interval = match (comparison.interval, comparison.smallest_detectable) {
        (Some((low, high)), Some(least)) => format!("[{low:+.3}, {high:+.3}]  {least:.3}"),
        _ => "no interval".to_owned(),
    };
    let verdict = match comparison.verdict {
        Verdict::Better => "better",
        Verdict::Worse => "worse",
        Verdict::NoDifference => "no difference",
        Verdict::TooWide => "too wide to say",
    };
    format!("  {names:<27}{:+.3}  {interval:<25}{verdict}\n", comparison.difference)
}

/// Appends a sentence in lines of at most `width` characters.
pub fn wrap(text: &mut String, sentence: &str, width: usize) {
    let mut column = 0;
    for word in sentence.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
}

/// `1,234,567`.
pub fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
