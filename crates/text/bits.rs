//! A set of places in a text: a bit for each.

/// Ascending numbers below a bound that is given at the beginning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    /// None of the numbers below `bound`.
    pub fn below(bound: usize) -> Bits {
        // One block more, so that a window may begin anywhere.
        Bits(vec![0; bound / 64 + 2])
    }

    pub fn set(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    pub fn has(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 == 1
    }

    /// The numbers `at..at + 64`, the first one the lowest bit.
    pub fn window(&self, at: usize) -> u64 {
        let (block, shift) = (at / 64, at % 64);
        let next = self.0.get(block + 1).copied().unwrap_or(0);
        self.0[block] >> shift | next.unbounded_shl(64 - shift as u32)
    }

    /// The smallest number from `from` on.
    pub fn next(&self, from: usize) -> Option<usize> {
        let first = self.0.get(from / 64)? & (u64::MAX << (from % 64));
        if first != 0 {
            return Some(from / 64 * 64 + first.trailing_zeros() as usize);
        }
        let block = from / 64 + 1 + self.0.get(from / 64 + 1..)?.iter().position(|&block| block != 0)?;
        Some(block * 64 + self.0[block].trailing_zeros() as usize)
    }

    /// The `n`-th number above `at`, counted from 1.
    pub fn nth_above(&self, mut at: usize, n: usize) -> Option<usize> {
        let mut left = n;
        let mut window = self.window(at + 1);
        loop {
            let here = window.count_ones() as usize;
            if left <= here {
                (1..left).for_each(|_| window &= window - 1);
                return Some(at + 1 + window.trailing_zeros() as usize);
            }
            left -= here;
            at = self.next(at + 65)? - 1;
            window = self.window(at + 1);
        }
    }

    /// Takes the numbers of another set, of the same bound, away.
    pub fn remove(&mut self, other: &Bits) {
        self.0.iter_mut().zip(&other.0).for_each(|(bits, other)| *bits &= !other);
    }

    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(block, &bits)| {
            let mut bits = bits;
            std::iter::from_fn(move || {
                let bit = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
                bits &= bits - 1;
                Some(block * 64 + bit)
            })
        })
    }
}

/// Numbers, and how many of them are below each.
pub(crate) struct Ranked {
    pub bits: Bits,
    /// Below each block, and in all.
    before: Vec<u32>,
}

impl Ranked {
    pub fn of(bits: Bits) -> Ranked {
        let mut before = vec![0];
        before.reserve_exact(bits.0.len());
        let mut sum = 0;
        before.extend(bits.0.iter().map(|block| {
            sum += block.count_ones();
            sum
        }));
        Ranked { bits, before }
    }

    pub fn len(&self) -> usize {
        self.before.last().map_or(0, |all| *all as usize)
    }

    pub fn rank(&self, at: usize) -> usize {
        let below = self.bits.0[at / 64] & !(u64::MAX << (at % 64));
        (self.before[at / 64] + below.count_ones()) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_of_bits_is_a_set(numbers in prop::collection::btree_set(0_usize..700, 0..60), at in 0_usize..640) {
            let mut bits = Bits::below(700);
            numbers.iter().for_each(|&number| bits.set(number));
            prop_assert!(bits.iter().eq(numbers.iter().copied()));
            prop_assert_eq!(bits.next(at), numbers.range(at..).next().copied());
            for n in 1..20 {
                prop_assert_eq!(bits.nth_above(at, n), numbers.range(at + 1..).nth(n - 1).copied(), "{}", n);
            }
            prop_assert_eq!(bits.has(at), numbers.contains(&at));
            let window = (0..64).filter(|bit| numbers.contains(&(at + bit))).fold(0, |window, bit| window | 1_u64 << bit);
            prop_assert_eq!(bits.window(at), window);
            let ranked = Ranked::of(bits.clone());
            prop_assert_eq!((ranked.len(), ranked.rank(at)), (numbers.len(), numbers.range(..at).count()));
            let mut some = Bits::below(700);
            numbers.iter().filter(|number| *number % 3 == 0).for_each(|&number| some.set(number));
            bits.remove(&some);
            prop_assert!(bits.iter().eq(numbers.iter().copied().filter(|number| number % 3 > 0)));
        }
    }
}
