//! A training and an ablation as they could have been, for tests and for looking at the page.

use std::collections::BTreeMap;

use crate::fixture::{HOSTILE, Noise};
use crate::*;

pub fn training() -> Training {
    let finals = [
        ("raw", 3.0, 2.94),
        ("language_only", 2.865, 2.80),
        ("random_drop", 2.993, 2.93),
        ("all", 2.807, 2.71),
    ];
    let mut curves = Vec::new();
    for (index, (arm, raw, kept)) in finals.iter().enumerate() {
        for seed in 0..3 {
            let mut noise = Noise((index * 7 + seed + 3) as u64);
            let shift = 0.03 * noise.next();
            let points = (1..=20).map(|step| {
                let tokens = step * 100_000;
                let rest = 2.6 * (tokens as f64 / 1e5).powf(-0.55) - 2.6 * 20f64.powf(-0.55);
                Point {
                    tokens,
                    loss: Some((raw + rest + shift + 0.04 * noise.next()) * 2.1),
                    bpb_heldout_raw: (step % 2 == 0).then_some(raw + rest + shift),
                    bpb_heldout_kept: (step % 2 == 0).then_some(kept + rest + shift),
                }
            });
            curves.push(Curve { arm: (*arm).into(), seed: seed as u64, points: points.collect() });
        }
    }
    let difference = |b: &str, held_out: &str, delta: f64, verdict| Difference {
        a: "all".into(),
        b: b.into(),
        held_out: held_out.into(),
        delta,
        low: Some(delta - 0.024),
        high: Some(delta + 0.024),
        mde: Some(0.034),
        verdict,
        ..Difference::default()
    };
    Training {
        metrics: fixture_metrics::metrics(),
        preset: "quick".into(),
        note: "A pilot's effect is that of a small model on few tokens; a larger one may differ.".into(),
        device: "cpu".into(),
        parameters: 719_232,
        tokens: 2_000_000,
        seeds: 3,
        arms: finals
            .map(|(name, raw, kept)| ArmInfo {
                name: name.into(),
                about: match name {
                    "raw" => "Everything, as it came.",
                    "language_only" => "Everything in a wanted language.",
                    "random_drop" => "As many tokens as all, drawn at random.",
                    _ => "What the recipe keeps.",
                }
                .into(),
                documents: 24_289,
                tokens: 5_500_000,
                bits_per_byte: BTreeMap::from([("raw".into(), raw), ("kept".into(), kept)]),
            })
            .into(),
        curves,
        differences: vec![
            difference("language_only", "kept", -0.058, Verdict::Better),
            difference("random_drop", "kept", -0.186, Verdict::Better),
            difference("raw", "kept", -0.193, Verdict::Better),
            difference("language_only", "raw", 0.012, Verdict::NoDifferenceSeen),
        ],
        rewinds: vec![Rewind {
            arm: "raw".into(),
            seed: 1,
            step: 52,
            to_step: 20,
            batches: 42,
            why: "the loss was far above the usual".into(),
            loss: Some(9.1),
            gradient_norm: None,
            documents: vec![HOSTILE.into()],
        }],
        ablation: None,
        samples: ["The harbour", "In the year"]
            .map(|prompt| Generated {
                prompt: prompt.into(),
                texts: finals
                    .map(|(arm, ..)| {
                        let text = if arm == "raw" {
                            HOSTILE
                        } else {
                            " was the first of the many that came to the sea, and"
                        };
                        (arm.into(), text.into())
                    })
                    .into(),
            })
            .into(),
    }
}

/// The same as an ablation, half done.
pub fn ablation(training: Training) -> Training {
    let difference = |a: &str, b: &str, delta: f64, (verdict, asks): (Verdict, Asks)| Difference {
        a: a.into(),
        b: b.into(),
        held_out: "kept".into(),
        delta,
        low: Some(delta - 0.024),
        high: Some(delta + 0.024),
        mde: Some(0.034),
        verdict,
        asks,
        p_adjusted: Some(0.02),
        extended: a == "only:dedup",
    };
    use Asks::{Effect, Silence, Worse};
    let control = |arm: &str, asks, is_met| Control { a: arm.into(), b: "raw".into(), asks, is_met };
    Training {
        differences: vec![
            difference("all", "language_only", -0.058, (Verdict::Better, Effect)),
            difference("only:dedup", "raw", -0.01, (Verdict::NotResolved, Effect)),
            difference("all-heuristics", "all", 0.05, (Verdict::Worse, Effect)),
            difference("raw2", "raw", 0.004, (Verdict::NoDifferenceSeen, Silence)),
            difference("neg", "raw", 0.06, (Verdict::Worse, Worse)),
        ],
        ablation: Some(Ablation {
            headline: "The controls came out as they must.".into(),
            held_out: "kept".into(),
            runs: 24,
            runs_done: 12,
            controls: vec![control("raw2", Silence, Some(true)), control("neg", Worse, None)],
            gains: vec![Gain {
                arm: "all".into(),
                times: 1.8,
                low: Some(1.2),
                high: Some(2.0),
                words: "1.8 times (1.2 to more than 2.0)".into(),
            }],
        }),
        ..training
    }
}
