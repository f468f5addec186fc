//! What would change if one bound stood elsewhere and all else stayed as it is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Counts, Scale};

/// Documents by the value that a check bounds: those that pass all filters, and would not if the bound went past them, and
/// those that fail this check alone, and would pass. Duplicates are not looked at: which are dropped depends on what is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moves {
    /// By place among [`steps`]: 2 i + 1 is the i-th step itself, 2 i what lies below it and above the one before.
    pub places: BTreeMap<u32, MoveCounts>,
}

/// Documents of one place; bytes are of the text as it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveCounts {
    pub passes: Counts,
    pub fails_alone: Counts,
}

/// Where a bound can be moved to: round values of the signal's scale, and where it is; ascending.
pub fn steps(scale: Scale, limits: [Option<f64>; 2]) -> Vec<f64> {
    let decades = |from: i32, to: i32| {
        let digits = [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        // Divided, a negative power gives the double that is nearest to the decimal number.
        (from..to).flat_map(move |power| {
            digits.map(|digit| {
                let tens = 10f64.powi(power.abs());
                let tenths: f64 = digit * 10.0;
                if power < 0 { tenths.round() / (10.0 * tens) } else { tenths.round() * tens / 10.0 }
            })
        })
    };
    let mut steps: Vec<f64> = match scale {
        Scale::Fraction => (0..=100).map(|n| f64::from(n) / 100.0).collect(),
        Scale::Linear => (0..=100).map(|n| f64::from(n) / 4.0).collect(),
        Scale::Log => std::iter::once(0.0).chain(decades(0, 8)).collect(),
        Scale::Signed => {
            let sizes: Vec<f64> = decades(-2, 7).collect();
            let below = sizes.iter().map(|size| -size);
            below.chain(sizes.iter().copied()).chain([0.0]).collect()
        }
    };
    steps.extend(limits.into_iter().flatten().filter(|limit| limit.is_finite()));
    steps.sort_by(f64::total_cmp);
    steps.dedup();
    steps
}

impl Moves {
    /// Counts a document of `bytes` whose signal is `value`.
    pub fn add(&mut self, steps: &[f64], value: f64, bytes: u64, passes: bool) {
        let below = steps.partition_point(|step| *step < value);
        let is_step = steps.get(below).is_some_and(|step| *step == value);
        let counts = self.places.entry(2 * below as u32 + u32::from(is_step)).or_default();
        if passes { counts.passes.add(bytes) } else { counts.fails_alone.add(bytes) }
    }

    pub fn merge(&mut self, other: &Moves) {
        for (place, counts) in &other.places {
            let mine = self.places.entry(*place).or_default();
            mine.passes.merge(counts.passes);
            mine.fails_alone.merge(counts.fails_alone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bound;

    #[test]
    fn steps_are_the_numbers_that_people_write() {
        let fractions = steps(Scale::Fraction, [None, Some(0.015)]);
        assert!(fractions.contains(&0.3) && fractions.contains(&0.07) && fractions.contains(&0.015));
        let logs = steps(Scale::Log, [Some(50.0), Some(100_000.0)]);
        assert!(
            logs.contains(&0.0)
                && logs.contains(&1.2)
                && logs.contains(&120.0)
                && logs.contains(&90_000_000.0)
        );
        assert_eq!(logs.iter().filter(|step| **step == 50.0).count(), 1);
        let signed = steps(Scale::Signed, [None, None]);
        assert!(signed.contains(&-0.012) && signed.contains(&2.5) && signed.contains(&0.07), "{signed:?}");
        for steps in [fractions, logs, signed] {
            assert!(steps.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(steps.iter().all(|step| format!("{step}").len() < 10), "{steps:?}");
        }
    }

    /// Sums over places are what judging each document again would give, wherever the bound goes.
    #[test]
    fn places_tell_who_changes_side() {
        let values: Vec<f64> =
            (0..500).map(|n| f64::from(n * 7919 % 500) / 499.0).chain([0.3, 0.5]).collect();
        let (old, steps) = (Bound::AtMost(0.3), steps(Scale::Fraction, [None, Some(0.3)]));
        let (mut one, mut two) = (Moves::default(), Moves::default());
        for (index, value) in values.iter().enumerate() {
            let moves = if index % 2 == 0 { &mut one } else { &mut two };
            moves.add(&steps, *value, 10, old.keeps(*value));
        }
        one.merge(&two);
        for (index, step) in steps.iter().enumerate() {
            let new = Bound::AtMost(*step);
            let keeps = |place: u32| place <= 2 * index as u32 + 1;
            let lost: u64 =
                one.places.iter().filter(|(p, _)| !keeps(**p)).map(|(_, c)| c.passes.documents).sum();
            let won: u64 =
                one.places.iter().filter(|(p, _)| keeps(**p)).map(|(_, c)| c.fails_alone.documents).sum();
            let count =
                |from: Bound, to: Bound| values.iter().filter(|v| from.keeps(**v) && !to.keeps(**v)).count();
            assert_eq!((lost, won), (count(old, new) as u64, count(new, old) as u64), "{step}");
        }
    }
}
