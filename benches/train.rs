//! Tokens per second of `corpus train --preset quick`, training steps alone, on the ids of `benches/peers/torch_trainer.py`.
//!
//! `cargo bench --locked --workspace --bench train -- --runs 1 --threads 2 --steps 40`; `benches/peers/trainers.py` runs both by turns.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use train::{Preset, step_seconds};

const TOKENS_PER_STEP: usize = 8 * 256;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |flag: &str, default: usize| {
        let at = arguments.iter().position(|argument| argument == flag);
        at.map_or(default, |at| arguments[at + 1].parse().unwrap())
    };
    let is_test = arguments.iter().any(|argument| argument == "--test");
    let (n_runs, n_threads) = (number("--runs", 1), number("--threads", 2));
    let n_steps = if is_test { 2 } else { number("--steps", 40) };
    let seconds = step_seconds(Preset::Quick, n_runs, n_threads, n_steps, &ids()).unwrap();
    let rates: Vec<f64> = seconds
        .into_iter()
        .map(|mut steps| {
            // The first steps allocate; the median does not mind a neighbour.
            let mut steps = steps.split_off((n_steps - 1).min(5));
            steps.sort_by(f64::total_cmp);
            TOKENS_PER_STEP as f64 / steps[steps.len() / 2]
        })
        .collect();
    let all: f64 = rates.iter().sum();
    println!("corpus f32, {n_runs} runs of {n_threads} threads: {all:.0} tokens/s");
}

/// Numbers without meaning; about every 160th begins a document.
fn ids() -> Vec<u32> {
    let mut x: u64 = 1;
    let next = |_| {
        x = (x * 1_103_515_245 + 12_345) % (1 << 31);
        let value = (x >> 8) as u32;
        if value.is_multiple_of(160) { 0 } else { 1 + value % 4_095 }
    };
    (0..=TOKENS_PER_STEP).map(next).collect()
}
