//! Which blocks are the page's main content.
//!
//! Every block is scored twice by a linear model (`weights.rs`): by what it is and where it lies (`features.rs`), then
//! also by what the first scores say of the blocks before, behind and around it (`context.rs`). Blocks above a threshold
//! are kept; on a page that no block convinces on, the threshold follows the best of them down. What stands among them in
//! the same container, and is denied by neither links nor names, needs less: a text is kept with its code and tables.

use std::collections::HashSet;

use crate::context::{self, CONTEXT, probability};
use crate::element::Element;
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
    /// Between kept blocks, and before and behind them: the part of the threshold that is enough for what nothing denies.
    among: Parts,
    beside: Parts,
}

/// Code, tables and lists are less like text than text is.
#[derive(Clone, Copy, Debug)]
struct Parts {
    text: f64,
    structure: f64,
}

const PRECISION: Line = Line {
    threshold: 0.7,
    relative: 0.8,
    least: 0.4,
    among: Parts { text: 0.3, structure: 0.02 },
    beside: Parts { text: 0.7, structure: 0.7 },
};
const BALANCED: Line = Line {
    threshold: 0.5,
    relative: 0.7,
    least: 0.05,
    among: Parts { text: 0.05, structure: 0.0 },
    beside: Parts { text: 0.3, structure: 0.3 },
};
const RECALL: Line = Line {
    threshold: 0.3,
    relative: 0.6,
    least: 0.01,
    among: Parts { text: 0.0, structure: 0.0 },
    beside: Parts { text: 0.05, structure: 0.05 },
};

/// A block with more of its letters in links is denied.
const MOST_LINKS: f64 = 0.5;
/// A page's best letters: as many as a short paragraph has.
const BEST_LETTERS: u64 = 250;
/// A text that is as long as this and was kept is not kept again: captions and headlines that stand twice.
const REPEATED_LETTERS: u32 = 40;

/// The lines from strict to loose.
pub(crate) const LINES: [Line; 3] = [PRECISION, BALANCED, RECALL];

/// Whether each block is kept by any of the lines: a looser mode keeps all that a stricter one does.
pub(crate) fn select(outline: &Outline, lines: &[Line]) -> Vec<bool> {
    let chances = chances(outline);
    let mut keep = vec![false; chances.len()];
    for line in lines {
        let threshold = threshold(outline, &chances, *line);
        let mut kept: Vec<bool> = chances.iter().map(|chance| *chance > threshold).collect();
        fill(outline, &chances, threshold, *line, &mut kept);
        keep.iter_mut().zip(kept).for_each(|(keep, kept)| *keep |= kept);
    }
    let mut seen = HashSet::new();
    for (keep, block) in keep.iter_mut().zip(&outline.blocks) {
        *keep = *keep
            && (block.weight < REPEATED_LETTERS
                || block.kind == Kind::Preformatted
                || seen.insert(hash_text(outline.text_of(block))));
    }
    keep
}

/// Keeps what stands among main content and is not denied by links or names: a text's code, tables and short lines are
/// less like text than others, but belong to it.
fn fill(outline: &Outline, chances: &[f64], threshold: f64, line: Line, keep: &mut [bool]) {
    let kept = |block: usize| if keep[block] { u64::from(outline.blocks[block].weight) } else { 0 };
    let mut sums = vec![0];
    for block in 0..keep.len() {
        sums.push(sums[block] + kept(block));
    }
    let all = sums[keep.len()];
    let mut body = 0;
    for (at, node) in outline.nodes.iter().enumerate() {
        let is_inside = node.first_block >= outline.nodes[body].first_block
            && node.end_block <= outline.nodes[body].end_block;
        let inside = sums[node.end_block as usize] - sums[node.first_block as usize];
        if is_inside && inside > 0 && inside * 10 >= all * 8 {
            body = at;
        }
    }
    // Nodes are in order of their start tags: a container comes before what it holds.
    let mut is_denied = vec![true; outline.nodes.len()];
    is_denied[body] = false;
    for (at, node) in outline.nodes.iter().enumerate().skip(body + 1) {
        is_denied[at] =
            is_denied[node.parent as usize] || node.hints.is_doubtful() || is_beside(node.element);
    }
    let first = keep.iter().position(|keep| *keep).unwrap_or(0);
    let last = keep.iter().rposition(|keep| *keep).unwrap_or(0);
    for (at, block) in outline.blocks.iter().enumerate() {
        let (links, letters) = (f64::from(block.link_weight), f64::from(block.weight));
        if is_denied[block.node as usize] || links > MOST_LINKS * letters {
            // A link in a list of related pages is one, however much its words are like the text's.
            keep[at] &= links < letters || !is_denied[block.node as usize];
            continue;
        }
        let is_structure =
            block.kind == Kind::Preformatted || block.row > 0 || matches!(block.kind, Kind::Item(..));
        let among = first < at && at < last;
        let part = match (among, is_structure) {
            (true, true) => line.among.structure,
            (true, false) => line.among.text,
            (false, true) => line.beside.structure,
            (false, false) => line.beside.text,
        };
        keep[at] |= chances[at] > threshold * part;
    }
}

fn is_beside(element: Element) -> bool {
    matches!(element, Element::Nav | Element::Footer | Element::Aside | Element::Form | Element::Figure)
}

/// The probability of each block to be main content.
fn chances(outline: &Outline) -> Vec<f64> {
    let sums = Sums::of(outline);
    let (around, own) = SECOND.split_at(CONTEXT);
    // What a block is counts towards both scores.
    let mut scores = Vec::with_capacity(outline.blocks.len());
    let mut chances = Vec::with_capacity(outline.blocks.len());
    for row in features::measure(outline, &sums) {
        scores.push(f64::from(FIRST_BIAS + product(&row, &FIRST)));
        chances.push(f64::from(SECOND_BIAS + product(&row, own)));
    }
    let mut last = chances.iter_mut();
    context::measure(outline, &sums, &scores, |company| {
        if let Some(chance) = last.next() {
            *chance = probability(*chance + f64::from(product(&company, around)));
        }
    });
    chances
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

#[cfg(test)]
#[path = "main_content_tests.rs"]
mod tests;

const _: () = assert!(FIRST.len() == FEATURES && SECOND.len() == CONTEXT + FEATURES);
