//! What `corpus train` adds to a report: arms, learning curves, differences, generated text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Metric;

/// One comparison of arms at equal tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Training {
    pub preset: String,
    /// What a reader must know to read the numbers, in one or two sentences; may be empty.
    pub note: String,
    pub device: String,
    pub parameters: u64,
    /// Tokens that every run sees.
    pub tokens: u64,
    pub seeds: u64,
    /// In the order of the tables.
    pub arms: Vec<ArmInfo>,
    pub curves: Vec<Curve>,
    /// The headline difference first.
    pub differences: Vec<Difference>,
    pub samples: Vec<Generated>,
    /// Runs that went back before a spike of the loss.
    pub rewinds: Vec<Rewind>,
    /// Of `corpus ablate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ablation: Option<Ablation>,
    /// What else the models show.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
}

/// What taking a recipe apart found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ablation {
    /// What was found, and whether the controls let it be believed.
    pub headline: String,
    /// The held-out set that the headline is about.
    pub held_out: String,
    /// Runs of the plan, and those that are finished.
    pub runs: u64,
    pub runs_done: u64,
    pub controls: Vec<Control>,
    /// On the held-out set of the headline.
    pub gains: Vec<Gain>,
}

/// A comparison whose answer is known before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Control {
    pub a: String,
    pub b: String,
    /// As [`Difference::asks`].
    pub asks: Asks,
    /// `None`: too few runs are finished.
    pub is_met: Option<bool>,
}

/// Tokens of raw text that are worth as much as an arm's, as multiples of the arm's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gain {
    pub arm: String,
    pub times: f64,
    /// Ends of the interval; `None` with one seed.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// The same in words, with `more than` where raw text was not trained that far.
    pub words: String,
}

/// What a comparison is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asks {
    #[default]
    Effect,
    /// Both arms are one definition: they should not differ.
    Silence,
    /// Must be better.
    Better,
    Worse,
    /// As [`Asks::Worse`], in another dose: it need not be found.
    Dose,
    /// One arm trains on what is held out, too.
    Leak,
    /// At another learning rate.
    Repeat,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ArmInfo {
    pub name: String,
    /// What of the control sample it is trained on.
    pub about: String,
    pub documents: u64,
    /// Unique tokens that it had to offer.
    pub tokens: u64,
    /// Final bits-per-byte by held-out set (`raw`, `kept`), mean over the seeds.
    pub bits_per_byte: BTreeMap<String, f64>,
}

/// One run of one arm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Curve {
    pub arm: String,
    pub seed: u64,
    /// In order of tokens.
    pub points: Vec<Point>,
}

/// The curves of a training's `metrics.jsonl`, by arm and seed. Where a run went back, the points behind that place are drawn
/// again.
///
/// # Errors
/// A line that is no JSON.
pub fn curves(metrics: &str) -> Result<Vec<Curve>, serde_json::Error> {
    let mut curves: BTreeMap<(String, u64), Vec<Point>> = BTreeMap::new();
    for line in metrics.lines() {
        let point: serde_json::Value = serde_json::from_str(line)?;
        let key = (point["arm"].as_str().unwrap_or_default().to_owned(), point["seed"].as_u64().unwrap_or(0));
        let points = curves.entry(key).or_default();
        if let Some(to_tokens) = point["to_tokens"].as_u64() {
            points.retain(|point| point.tokens <= to_tokens);
            continue;
        }
        points.push(Point {
            tokens: point["tokens"].as_u64().unwrap_or(0),
            loss: point["loss"].as_f64(),
            bpb_heldout_raw: point["bpb_heldout_raw"].as_f64(),
            bpb_heldout_kept: point["bpb_heldout_kept"].as_f64(),
        });
    }
    Ok(curves.into_iter().map(|((arm, seed), points)| Curve { arm, seed, points }).collect())
}

/// What was not measured at a point is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Point {
    /// Trained on so far.
    pub tokens: u64,
    /// Training loss, nats per token.
    pub loss: Option<f64>,
    /// Bits-per-byte on held-out documents as they came.
    pub bpb_heldout_raw: Option<f64>,
    /// Bits-per-byte on held-out documents that the recipe keeps.
    pub bpb_heldout_kept: Option<f64>,
}

/// Bits-per-byte of arm `a` minus arm `b`: below 0, `a` is better.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Difference {
    pub a: String,
    pub b: String,
    /// `raw` or `kept`.
    pub held_out: String,
    pub delta: f64,
    /// 95 % interval; `None` with one seed.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Smallest detectable effect: what this run would have found with 80 % power.
    pub mde: Option<f64>,
    pub verdict: Verdict,
    pub asks: Asks,
    /// Of an ablation: the chance of a difference as large where there is none, adjusted for the number of questions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_adjusted: Option<f64>,
    /// More seeds were given to it once the planned ones had left it open; the interval is one of 97.5 %.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub extended: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// `a` is better than `b`.
    Better,
    Worse,
    /// No difference as large as the smallest detectable effect.
    #[default]
    NoDifferenceSeen,
    /// Too little was trained to tell.
    NotResolved,
}

/// Text that each arm writes after the same prompt with the same seed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Generated {
    pub prompt: String,
    /// By arm.
    pub texts: BTreeMap<String, String>,
}

/// A run that went back, and what it left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rewind {
    pub arm: String,
    pub seed: u64,
    /// From where to where.
    pub step: u64,
    pub to_step: u64,
    /// Batches left out.
    pub batches: u64,
    pub why: String,
    /// Nats per token; `None` where it was no number.
    pub loss: Option<f64>,
    pub gradient_norm: Option<f64>,
    /// Those that were read when it was seen.
    pub documents: Vec<String>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn points_behind_the_place_that_a_run_went_back_to_are_drawn_again() {
        let point = |arm: &str, tokens: u64, loss: f64| {
            format!("{{\"arm\":\"{arm}\",\"seed\":1,\"tokens\":{tokens},\"loss\":{loss}}}\n")
        };
        let back = "{\"arm\":\"raw\",\"seed\":1,\"to_tokens\":10}\n";
        let lines =
            [point("raw", 10, 5.0), point("raw", 20, 9.0), back.to_owned(), point("raw", 20, 4.0)].concat();
        let found = curves(&(lines + &point("all", 10, 5.0))).unwrap();
        assert_eq!(found.iter().map(|curve| curve.arm.as_str()).collect::<Vec<_>>(), ["all", "raw"]);
        let losses: Vec<_> = found[1].points.iter().map(|point| (point.tokens, point.loss)).collect();
        assert_eq!(losses, [(10, Some(5.0)), (20, Some(4.0))]);
        assert!(curves("{\"arm\":").is_err());
    }
}
