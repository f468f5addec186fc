//! What first scores say about each other: a block is judged again by those before, behind and around it.

use crate::outline::Outline;
use crate::sums::Sums;

/// How many numbers describe a block's company.
pub(crate) const CONTEXT: usize = NAMES.len();

/// What they are called.
#[rustfmt::skip]
pub(crate) const NAMES: [&str; 16] = [
    "score", "previous_score", "next_score", "three_before", "three_behind", "eight_before", "eight_behind",
    "container", "second_container", "third_container", "in_best_container", "in_best_run", "log_before_run", "log_behind_run",
    "score_in_container", "score_in_run",
];

/// Scores are held in these bounds.
pub(crate) const MAX_SCORE: f64 = 4.0;

pub(crate) fn probability(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}

/// One row per block. `scores` are log odds.
pub(crate) fn measure(outline: &Outline, sums: &Sums, scores: &[f64]) -> Vec<[f32; CONTEXT]> {
    let count = scores.len();
    let letters: Vec<f64> = outline.blocks.iter().map(|block| f64::from(block.weight.max(1))).collect();
    let bounded: Vec<f64> = scores.iter().map(|score| score.clamp(-MAX_SCORE, MAX_SCORE)).collect();
    let chance: Vec<f64> = scores.iter().map(|score| probability(*score)).collect();
    let running = |of: &dyn Fn(usize) -> f64| {
        let mut sum = 0.0;
        let mut sums = vec![0.0];
        for at in 0..count {
            sum += of(at);
            sums.push(sum);
        }
        sums
    };
    let weight = running(&|at| letters[at]);
    let gain = running(&|at| letters[at] * bounded[at]);
    let expected = running(&|at| letters[at] * chance[at]);
    // The share of main content among the letters of blocks `from..to`.
    let mean = |from: usize, to: usize| {
        let (from, to) = (from.min(count), to.min(count));
        let total = weight[to] - weight[from];
        if total > 0.0 { (expected[to] - expected[from]) / total } else { 0.0 }
    };
    let page = mean(0, count);
    let best = best_container(outline, sums, &gain);
    let run = best_run(&letters, &bounded);
    let rows = (0..count).map(|at| {
        let mut row = [0.0; CONTEXT];
        row[0] = bounded[at];
        row[1] = if at > 0 { bounded[at - 1] } else { -MAX_SCORE };
        row[2] = bounded.get(at + 1).copied().unwrap_or(-MAX_SCORE);
        row[3] = mean(at.saturating_sub(3), at);
        row[4] = mean(at + 1, at + 4);
        row[5] = mean(at.saturating_sub(8), at);
        row[6] = mean(at + 1, at + 9);
        let mut node = outline.blocks[at].node as usize;
        if sums.range(node) == (at, at + 1) {
            node = sums.wider(node);
        }
        for level in &mut row[7..10] {
            *level = if node == 0 {
                page
            } else {
                // Without the block itself.
                let (first, end) = sums.range(node);
                let others = (weight[end] - weight[first] - letters[at]).max(1e-9);
                (expected[end] - expected[first] - letters[at] * chance[at]) / others
            };
            node = if node == 0 { 0 } else { sums.wider(node) };
        }
        let in_best = (best.0..best.1).contains(&at);
        let in_run = (run.0..run.1).contains(&at);
        row[10] = f64::from(u8::from(in_best));
        row[11] = f64::from(u8::from(in_run));
        row[12] = if at < run.0 { (weight[run.0] - weight[at]).ln_1p() } else { 0.0 };
        row[13] = if at >= run.1 { (weight[at] - weight[run.1]).ln_1p() } else { 0.0 };
        row[14] = row[0] * row[10];
        row[15] = row[0] * row[11];
        row.map(|value| value as f32)
    });
    rows.collect()
}

/// The blocks of the container whose blocks' scores, times their letters, add up to most.
fn best_container(outline: &Outline, sums: &Sums, gain: &[f64]) -> (usize, usize) {
    let inside = |(first, end): (usize, usize)| gain[end] - gain[first];
    let ranges = (1..outline.nodes.len()).map(|node| sums.range(node)).filter(|(first, end)| first < end);
    let best = ranges.reduce(|best, range| if inside(range) > inside(best) { range } else { best });
    best.unwrap_or((0, outline.blocks.len()))
}

/// The run of blocks whose scores, times their letters, add up to most.
fn best_run(letters: &[f64], bounded: &[f64]) -> (usize, usize) {
    let (mut best, mut sum, mut start, mut run) = (0.0, 0.0, 0, (0, 0));
    for at in 0..letters.len() {
        if sum <= 0.0 {
            (sum, start) = (0.0, at);
        }
        sum += letters[at] * bounded[at];
        if sum > best {
            (best, run) = (sum, (start, at + 1));
        }
    }
    run
}
