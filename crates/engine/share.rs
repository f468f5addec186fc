//! Several machines sweep one input: which shards are whose.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::str::FromStr;

use shards::Inputs;

/// One of so many parts of the input, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub number: u32,
    pub of: u32,
}

impl Share {
    /// The shards of this share, ascending. The largest shard left goes to the share that has least, so every shard is
    /// in one share, whoever asks.
    pub fn shards(self, inputs: &Inputs) -> Vec<u32> {
        let mut largest_first: Vec<_> = inputs.shards.iter().map(|shard| (shard.size, shard.index)).collect();
        largest_first.sort_unstable_by_key(|(size, index)| (Reverse(*size), *index));
        // A byte for the file itself, so that empty ones are spread, too.
        let mut loads: BinaryHeap<_> = (1..=self.of).map(|number| Reverse((0_u64, number))).collect();
        let mut mine = Vec::new();
        for (size, index) in largest_first {
            let Some(Reverse((load, number))) = loads.pop() else { break };
            if number == self.number {
                mine.push(index);
            }
            loads.push(Reverse((load + size + 1, number)));
        }
        mine.sort_unstable();
        mine
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Share, String> {
        let numbers = text.split_once('/').map(|(number, of)| (number.parse(), of.parse()));
        match numbers {
            Some((Ok(number), Ok(of))) if (1..=of).contains(&number) => Ok(Share { number, of }),
            Some((Ok(number), Ok(of))) => {
                Err(format!("{number} is not among 1 to {of}: shares are counted from 1"))
            }
            _ => Err(format!("`{text}` is no share: write for example 2/8, or slurm")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn inputs(sizes: &[u64]) -> Inputs {
        let shard = |(index, size): (usize, &u64)| shards::Shard {
            index: index as u32,
            path: "raw".into(),
            relative: format!("{index}.jsonl"),
            format: shards::Format::Jsonl,
            compression: None,
            size: *size,
        };
        Inputs { shards: sizes.iter().enumerate().map(shard).collect(), ..Inputs::default() }
    }

    #[test]
    fn every_shard_is_in_one_share_and_the_shares_are_even() {
        let inputs = inputs(&[10, 900, 0, 20, 300, 500, 30, 0, 400, 7]);
        for of in 1..=12 {
            let shares: Vec<Vec<u32>> = (1..=of).map(|number| Share { number, of }.shards(&inputs)).collect();
            let mut all = shares.concat();
            all.sort_unstable();
            assert_eq!(all, (0..10).collect::<Vec<u32>>(), "{of}");
            assert!(shares.iter().filter(|share| !share.is_empty()).count() >= 10.min(of as usize));
        }
        // Never more than a third above the best division (Graham 1969).
        for number in [1, 2] {
            let mine = Share { number, of: 2 }.shards(&inputs);
            let bytes: u64 = mine.iter().map(|index| inputs.shards[*index as usize].size).sum();
            assert!(bytes <= 2167 / 2 * 4 / 3, "{bytes} of 2167");
        }
    }

    #[test]
    fn a_share_is_counted_from_1() {
        assert_eq!("2/8".parse(), Ok(Share { number: 2, of: 8 }));
        for wrong in ["0/8", "9/8", "1/0", "2", "a/b", "-1/3"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }
}
