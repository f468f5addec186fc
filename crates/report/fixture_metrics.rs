//! Made-up metrics and a made-up forecast, for the page's tests.

use crate::fixture::HOSTILE;
use crate::{
    Advice, Forecast, Foretold, ForetoldModel, LadderModel, Metric, MetricArm, MetricDifference, Scored,
    ScoredModel,
};

pub fn metrics() -> Vec<Metric> {
    let metric = |name: &str, better: &str, of: [f64; 4]| Metric {
        name: name.into(),
        about: format!("what {HOSTILE} tells"),
        better: better.into(),
        heldout: (name == "writing.rep_4").then_some(0.066),
        arms: ["raw", "language_only", "random_drop", "all"]
            .iter()
            .zip(of)
            .map(|(arm, value)| MetricArm {
                arm: (*arm).into(),
                value,
                interval: Some((value - 0.02, value + 0.02)),
            })
            .collect(),
        differences: vec![MetricDifference {
            arm: "all".into(),
            against: "raw".into(),
            difference: of[3] - of[0],
            interval: Some((of[3] - of[0] - 0.03, of[3] - of[0] + 0.03)),
            found: if of[3] > of[0] { "higher" } else { "nothing" }.into(),
        }],
    };
    vec![
        metric("pairs.adjacent_swap", "higher", [0.717, 0.811, 0.72, 0.84]),
        metric("pairs.shuffle", "higher", [0.915, 0.953, 0.92, 0.95]),
        metric("canaries.1", "lower", [0.089, 0.097, 0.09, 0.08]),
        metric("canaries.16", "lower", [0.408, 0.306, 0.4, 0.085]),
        metric("canaries.64", "lower", [0.892, 0.775, 0.9, 0.09]),
        metric("writing.rep_4", "neither", [0.0, 0.0, 0.0, 0.0]),
    ]
}

pub fn forecast() -> Forecast {
    let model = |name: &str, parameters, tokens, bits_per_byte: f64| ForetoldModel {
        name: name.into(),
        parameters,
        tokens,
        bits_per_byte,
        interval_80: (bits_per_byte - 0.02, bits_per_byte + 0.02),
        interval_95: (bits_per_byte - 0.04, bits_per_byte + 0.04),
    };
    let scored =
        |bits_per_byte, error_percent, inside_95| ScoredModel { bits_per_byte, error_percent, inside_95 };
    Forecast {
        arm: "all".into(),
        heldout: "kept".into(),
        seeds: 2,
        ladder: [(112_680, 2.31), (202_000, 2.24), (360_000, 2.19), (725_000, 2.15)]
            .map(|(parameters, bits_per_byte)| LadderModel {
                name: format!("{HOSTILE}-{parameters}"),
                parameters,
                tokens: 500_000,
                bits_per_byte,
            })
            .into(),
        foretold: Foretold {
            written: 1_780_000_000,
            noise: 0.004,
            left_out_size: 0.006,
            left_out_tokens: 0.011,
            models: vec![
                model("4x128-1000000", 1_310_000, 1_000_000, 2.02),
                model("3x96-1000000", 725_000, 1_000_000, 2.06),
                model("4x128-550000", 1_310_000, 550_000, 2.1),
            ],
        },
        scored: Scored {
            first_step: 1_780_000_060,
            models: vec![scored(2.03, 0.5, true), scored(2.05, -0.5, true), scored(2.16, 2.8, false)],
            predicted_better: "3x96-1000000".into(),
            measured_better: "3x96-1000000".into(),
        },
        unique_tokens: 48.2e6,
        flops_per_second: 2.1e10,
        advice: vec![Advice {
            hours_here: 1.0,
            parameters: 0.9e6,
            parameters_between: (0.6e6, 1.4e6),
            epochs: 0.3,
            bits_per_byte_between: (1.69, 1.75),
            is_far: true,
        }],
    }
}
