//! Token-equivalent gain: on how many tokens of raw text a model would be as good.
//!
//! Measured against runs on raw text of several lengths, each with its own cooldown, since a point in the middle of a
//! longer run is worse than a run that ends there.

use serde::{Deserialize, Serialize};

/// Whether a number of tokens is one, or a bound where raw text was not trained that far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Fewer than the shortest run on raw text had.
    LessThan,
    /// Between two runs on raw text.
    About,
    /// More than the longest run on raw text had.
    MoreThan,
}

/// Tokens of raw text that are worth as much, as a multiple of the arm's own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenGain {
    /// 1: as good as raw.
    pub times: f64,
    /// What the number is.
    pub reach: Reach,
    /// From the interval of the difference to raw; absent with one seed.
    pub interval: Option<(TokenPoint, TokenPoint)>,
}

/// An end of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenPoint {
    /// As above.
    pub times: f64,
    /// As above.
    pub reach: Reach,
}

impl TokenGain {
    /// `1.8 times (1.2 to more than 2.0)`.
    pub fn words(&self) -> String {
        let words = |times: f64, reach: Reach| match reach {
            Reach::LessThan => format!("less than {times:.1}"),
            Reach::About => format!("{times:.1}"),
            Reach::MoreThan => format!("more than {times:.1}"),
        };
        let middle = words(self.times, self.reach);
        let ends = self.interval.map(|ends| [ends.0, ends.1].map(|end| words(end.times, end.reach)));
        // All of it beyond what raw text was trained to.
        let ends = ends.filter(|ends| ends.iter().any(|end| *end != middle));
        let interval = ends.map_or(String::new(), |[low, high]| format!(" ({low} to {high})"));
        format!("{middle} times{interval}")
    }
}

/// `curve`: multiples of the tokens of a run, ascending, and bits per byte of raw text there.
pub fn token_gain(curve: &[(f64, f64)], bits: f64, interval: Option<(f64, f64)>) -> Option<TokenGain> {
    let at = |bits| point(curve, bits);
    let middle = at(bits)?;
    let ends = interval.and_then(|(low, high)| Some((at(high)?, at(low)?)));
    Some(TokenGain { times: middle.times, reach: middle.reach, interval: ends })
}

/// Linear in the logarithm of the tokens. Noise may make a longer run look worse: it is taken for as good as the shorter.
fn point(curve: &[(f64, f64)], bits: f64) -> Option<TokenPoint> {
    let mut best = f64::INFINITY;
    let falling: Vec<(f64, f64)> = curve
        .iter()
        .map(|&(times, bits)| {
            best = best.min(bits);
            (times, best)
        })
        .collect();
    let (first, last) = (falling.first()?, falling.last()?);
    if bits > first.1 {
        return Some(TokenPoint { times: first.0, reach: Reach::LessThan });
    }
    if bits < last.1 {
        return Some(TokenPoint { times: last.0, reach: Reach::MoreThan });
    }
    let after = falling.iter().position(|(_, reached)| *reached <= bits)?;
    let (times, reached) = falling[after];
    let times = match after.checked_sub(1).map(|before| falling[before]) {
        Some((before, above)) if above > reached => {
            let along = (above - bits) / (above - reached);
            (before.ln() + along * (times.ln() - before.ln())).exp()
        }
        _ => times,
    };
    Some(TokenPoint { times, reach: Reach::About })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_is_read_off_the_curve_of_raw_and_never_beyond_it() {
        let curve = [(0.5, 3.2), (1.0, 3.0), (2.0, 2.9)];
        let gain = |bits| {
            let gain = token_gain(&curve, bits, None).unwrap();
            (gain.times, gain.reach)
        };
        assert_eq!(gain(3.0), (1.0, Reach::About));
        assert_eq!(gain(2.9), (2.0, Reach::About));
        assert!((gain(2.95).0 - 2f64.sqrt()).abs() < 1e-12);
        assert!((gain(3.1).0 - 0.5f64.sqrt()).abs() < 1e-12);
        assert_eq!(gain(3.3), (0.5, Reach::LessThan));
        assert_eq!(gain(2.8), (2.0, Reach::MoreThan));
        // Lower bits are more tokens.
        let (low, high) = token_gain(&curve, 2.95, Some((2.8, 3.0))).unwrap().interval.unwrap();
        assert_eq!((low.times, high), (1.0, TokenPoint { times: 2.0, reach: Reach::MoreThan }));
        assert_eq!(token_gain(&[(1.0, 3.0)], 2.9, None).unwrap().reach, Reach::MoreThan);
        assert_eq!(token_gain(&[], 2.9, None), None);
        let words = |bits, ends| token_gain(&curve, bits, Some(ends)).unwrap().words();
        assert_eq!(words(2.95, (2.8, 3.0)), "1.4 times (1.0 to more than 2.0)");
        assert_eq!(words(2.8, (2.7, 2.85)), "more than 2.0 times");
        // Where a longer run is worse by noise, the shorter one says it.
        let noisy = [(0.5, 3.0), (1.0, 3.1), (2.0, 2.9)];
        assert_eq!(token_gain(&noisy, 3.0, None).unwrap().times, 0.5);
    }
}
