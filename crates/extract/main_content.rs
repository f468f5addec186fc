//! Which blocks are the page's main content.
//!
//! Every block is scored twice by a linear model (`weights.rs`): by what it is and where it lies (`features.rs`), then
//! also by what the first scores say of the blocks before, behind and around it (`context.rs`). Blocks above a threshold
//! are kept; on a page that no block convinces on, the threshold follows the best of them down.

use std::collections::HashSet;

use crate::context::{self, CONTEXT, probability};
use crate::features::{self, FEATURES};
use crate::outline::{Kind, Outline};
use crate::sums::Sums;
use crate::weights::{FIRST, FIRST_BIAS, SECOND, SECOND_BIAS};
use crate::words::hash_text;

/// Where a mode draws the line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// The least probability of a block that is kept.
    threshold: f64,
    /// On a page without better, this part of what its best letters have …
    relative: f64,
    /// … but no less than this.
    least: f64,
}

pub(crate) const PRECISION: Line = Line { threshold: 0.7, relative: 0.8, least: 0.4 };
pub(crate) const BALANCED: Line = Line { threshold: 0.5, relative: 0.7, least: 0.05 };
pub(crate) const RECALL: Line = Line { threshold: 0.2, relative: 0.5, least: 0.01 };

/// A page's best letters: as many as a short paragraph has.
const BEST_LETTERS: u64 = 250;
/// A text that is as long as this and was kept is not kept again: captions and headlines that stand twice.
const REPEATED_LETTERS: u32 = 40;

/// Whether each block is kept.
pub(crate) fn select(outline: &Outline, line: Line) -> Vec<bool> {
    let chances = chances(outline);
    let threshold = threshold(outline, &chances, line);
    let mut seen = HashSet::new();
    let keep = outline.blocks.iter().zip(&chances).map(|(block, chance)| {
        *chance > threshold
            && (block.weight < REPEATED_LETTERS
                || block.kind == Kind::Preformatted
                || seen.insert(hash_text(outline.text_of(block))))
    });
    keep.collect()
}

/// The probability of each block to be main content.
fn chances(outline: &Outline) -> Vec<f64> {
    let sums = Sums::of(outline);
    let features = features::measure(outline, &sums);
    let scores: Vec<f64> = features.iter().map(|row| f64::from(FIRST_BIAS + product(row, &FIRST))).collect();
    let context = context::measure(outline, &sums, &scores);
    let (around, own) = SECOND.split_at(CONTEXT);
    let last = context.iter().zip(&features);
    last.map(|(company, row)| {
        probability(f64::from(SECOND_BIAS + product(company, around) + product(row, own)))
    })
    .collect()
}

fn product(row: &[f32], weights: &[f32]) -> f32 {
    row.iter().zip(weights).map(|(value, weight)| value * weight).sum()
}

fn threshold(outline: &Outline, chances: &[f64], line: Line) -> f64 {
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|one, other| chances[*other].total_cmp(&chances[*one]));
    let mut letters = 0;
    let mut reached = 0.0;
    for at in order {
        letters += u64::from(outline.blocks[at].weight);
        reached = chances[at];
        if letters >= BEST_LETTERS {
            break;
        }
    }
    line.threshold.min((reached * line.relative).max(line.least))
}

const _: () = assert!(FIRST.len() == FEATURES && SECOND.len() == CONTEXT + FEATURES);
