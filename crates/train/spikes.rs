//! Steps far out of line, and what a run does about them: it goes back to a state before, leaves out what it read
//! since then, and names the documents.
//!
//! The remedy is PaLM's (Chowdhery et al. 2022, section 5.1): restart some way before the spike and skip the batches
//! read before and during it. A loss is out of line by OLMo 2's spike score (Walsh et al. 2024: seven standard
//! deviations from the running average), taken from median and median deviation, which a spike does not move; a
//! gradient by its norm. Either has to stay there: a single batch of other text is no spike, and clipping bounds what
//! it does.

use serde::{Deserialize, Serialize};

/// Steps in line that a step is held against; with fewer than the second only numbers that are none are out of line.
const WINDOW: usize = 64;
const FEWEST: usize = 16;
/// A loss is high from so many standard deviations above the median, which are at least this share of it.
const DEVIATIONS: f64 = 7.0;
const LEAST_DEVIATION: f64 = 0.015;
/// Median deviations in a standard deviation of normal numbers.
const NORMAL: f64 = 1.4826;
/// So many steps out of line in a row are a spike.
const IN_A_ROW: usize = 3;
/// A gradient's norm is out of line beyond this multiple of the median.
const NORM_FACTOR: f64 = 10.0;
/// Steps between two states to go back to. The older of the last two is taken: 20 to 40 steps.
pub const INTERVAL: usize = 20;
/// Batches left out behind the one in which a spike was seen: it may go on in the next ones.
pub const AHEAD: usize = 10;
/// A run that would go back once more is stopped.
pub const MOST_REWINDS: usize = 3;
/// Batches that a run may leave out, at most.
pub const MOST_SKIPPED: usize = MOST_REWINDS * (2 * INTERVAL + AHEAD);

/// Why a step is out of line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Loss or gradient are infinite or not a number.
    NotFinite,
    /// The third step in a row was out of line, by a gradient of more than ten times the usual norm.
    Gradient,
    /// The third step in a row was out of line, by a loss far above the usual.
    Loss,
}

impl Why {
    /// As said in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Why::NotFinite => "loss or gradient were not finite",
            Why::Gradient => "the gradient was more than ten times the usual",
            Why::Loss => "the loss was far above the usual",
        }
    }
}

/// A document by its place in the input and its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentName {
    /// Number of the input shard.
    pub shard: i32,
    /// Row of the shard.
    pub row: i64,
    /// The document's own id.
    pub id: String,
}

/// A run went back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rewind {
    /// Times that this run has gone back, this one included.
    pub rewind: usize,
    /// The step that was out of line.
    pub step: usize,
    /// The last step that still counts.
    pub to_step: usize,
    /// Tokens up to there.
    pub to_tokens: usize,
    /// What was seen.
    pub why: Why,
    /// Nats per token; absent where it is no number.
    pub loss: Option<f64>,
    /// Norm of the gradient before clipping; absent where it is no number.
    pub gradient_norm: Option<f64>,
    /// Batches left out.
    pub batches: usize,
    /// Those of the batches that were out of line.
    pub documents: Vec<DocumentName>,
}

/// Losses and gradient norms of the last steps in line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    losses: Vec<f64>,
    norms: Vec<f64>,
    /// Steps out of line in a row.
    high: usize,
}

impl Watch {
    /// Looks at a step before its update: why the run must go back, and how many batches are to blame.
    pub fn look(&mut self, loss: f64, norm: f64) -> Option<(Why, usize)> {
        if !loss.is_finite() || !norm.is_finite() {
            return Some((Why::NotFinite, 1));
        }
        if self.losses.len() >= FEWEST {
            let usual = median(&self.losses);
            let away: Vec<f64> = self.losses.iter().map(|loss| (loss - usual).abs()).collect();
            let deviation = (NORMAL * median(&away)).max(LEAST_DEVIATION * usual);
            let why = if loss > usual + DEVIATIONS * deviation {
                Some(Why::Loss)
            } else {
                (norm > NORM_FACTOR * median(&self.norms)).then_some(Why::Gradient)
            };
            if let Some(why) = why {
                self.high += 1;
                return (self.high == IN_A_ROW).then_some((why, IN_A_ROW));
            }
        }
        self.high = 0;
        for (values, value) in [(&mut self.losses, loss), (&mut self.norms, norm)] {
            values.push(value);
            if values.len() > WINDOW {
                values.remove(0);
            }
        }
        None
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A falling loss with noise, and norms around 1.
    fn watched(n: usize) -> Watch {
        let mut watch = Watch::default();
        for step in 0..n {
            let noise = ((step * 7_919) % 13) as f64 / 13.0 - 0.5;
            assert_eq!(watch.look(8.0 - step as f64 * 0.02 + 0.3 * noise, 1.0 + noise), None, "step {step}");
        }
        watch
    }

    #[test]
    fn three_steps_in_a_row_are_a_spike_and_fewer_are_not() {
        let mut watch = watched(100);
        assert_eq!(watch.look(9.0, 1.0), None);
        assert_eq!(watch.look(6.0, 90.0), None);
        // One in line begins the row anew.
        assert_eq!(watch.look(6.0, 1.0), None);
        let row: Vec<_> = (0..3).map(|_| watch.look(20.0, 5.0)).collect();
        assert_eq!(row, [None, None, Some((Why::Loss, 3))]);
        let last = |norm: f64| {
            let mut watch = watched(100);
            (0..3).fold(None, |_, _| watch.look(6.0, norm))
        };
        assert_eq!((last(9.0), last(16.0)), (None, Some((Why::Gradient, 3))));
    }

    #[test]
    fn what_is_no_number_is_always_out_of_line_and_a_beginning_never() {
        for (loss, norm) in [(f64::NAN, 1.0), (1.0, f64::INFINITY), (1.0, f64::NAN)] {
            assert_eq!(Watch::default().look(loss, norm), Some((Why::NotFinite, 1)));
        }
        let mut watch = watched(10);
        assert!((0..3).all(|_| watch.look(90.0, 90.0).is_none()));
    }
}
