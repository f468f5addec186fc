//! How often each document that is trained on is packed: the recipe's weights, and a draw for their fractions.

use arrow::array::{Array, Float64Array, StringArray};
use plan::{Mix, MixBy, Recipe};
use tokens::shuffle_key;

use crate::error::EngineError;
use crate::finish::Block;

pub(crate) struct Mixer {
    mix: Mix,
    seed: u64,
}

impl Mixer {
    /// None if the recipe has no weights; a recipe that was parsed has no wrong ones.
    pub fn of(recipe: &Recipe) -> Option<Mixer> {
        let mix = Mix::of(recipe).ok()??;
        Some(Mixer { mix, seed: recipe.number("pack", "seed") as u64 })
    }

    /// Of the document that stands in `row` of the block and in `input_row` of its shard.
    pub fn copies(&self, block: Block<'_>, row: usize, input_row: u64) -> Result<u8, EngineError> {
        let text = |name: &str| -> Result<Option<&str>, EngineError> {
            let column: &StringArray = block.column(name)?;
            Ok(column.is_valid(row).then(|| column.value(row)))
        };
        let weight = match &self.mix.by {
            MixBy::Column(name) => self.mix.weight_of_text(text(name)?),
            MixBy::Domain => self.mix.weight_of_text(text("url")?),
            MixBy::Signal(name) => {
                let column: &Float64Array = block.column(name)?;
                self.mix.weight_of_number(column.is_valid(row).then(|| column.value(row)))
            }
        };
        Ok(copies(weight, shuffle_key(self.seed ^ DRAW, block.shard, input_row)))
    }
}

/// Sets the draw's seed apart from those of the shuffle.
const DRAW: u64 = 1 << 63;

/// The whole part of a weight, and one more where the key, uniform over `u64`, is in the range of its fraction.
fn copies(weight: f64, key: u64) -> u8 {
    let is_drawn = (key as f64 / 2_f64.powi(64)) < weight.fract();
    weight as u8 + u8::from(is_drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_drawn_as_often_as_they_say() {
        let total =
            |weight| (0..10_000).map(|row| u64::from(copies(weight, shuffle_key(DRAW, 3, row)))).sum::<u64>();
        assert_eq!([0.0, 1.0, 7.0, 100.0].map(total), [0, 10_000, 70_000, 1_000_000]);
        assert!((24_700..25_300).contains(&total(2.5)), "{}", total(2.5));
        assert!((700..1_300).contains(&total(0.1)), "{}", total(0.1));
    }
}
