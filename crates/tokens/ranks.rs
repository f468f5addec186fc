//! The rank of a pair of ids, found without a branch: a perfect hash by displacement.
//!
//! Source: Belazzougui, Botelho and Dietzfelbinger 2009, "Hash, displace, and compress".

/// An id has 21 bits at most, and a rank 22: a slot is one u64 of two ids and a rank.
pub const ID_BITS: u32 = 21;
pub const RANK_BITS: u32 = 22;
pub const NONE: u32 = u32::MAX;
/// No pair has all bits set.
const EMPTY: u64 = u64::MAX;
/// Pairs that share a displacement, on average.
const PAIRS_PER_BUCKET: usize = 4;

pub struct Ranks {
    /// What the hashes of a bucket are multiplied by.
    displacements: Vec<u32>,
    shift: u32,
    /// `pair << RANK_BITS | rank`, each at a place of its own.
    slots: Vec<u64>,
}

impl Ranks {
    /// Of pairs that are all different; with fewer than 2^21 ids and 2^22 pairs. None if no displacement is found, which
    /// no vocabulary has met.
    pub fn new(pairs: &[(u32, u32, u32)]) -> Option<Ranks> {
        let n_buckets = (pairs.len() / PAIRS_PER_BUCKET + 1).next_power_of_two();
        let n_slots = (2 * pairs.len() + 16).next_power_of_two();
        let mut ranks = Ranks {
            displacements: vec![1; n_buckets],
            shift: 32 - n_slots.ilog2(),
            slots: vec![EMPTY; n_slots],
        };
        let mut buckets = vec![Vec::new(); n_buckets];
        for &(left, right, rank) in pairs {
            let pair = joined(left, right);
            buckets[ranks.bucket(hash(pair))].push(pair << RANK_BITS | u64::from(rank));
        }
        let mut order: Vec<usize> = (0..n_buckets).collect();
        order.sort_by_key(|&bucket| std::cmp::Reverse(buckets[bucket].len()));
        let mut places = Vec::new();
        for bucket in order {
            let slots = &buckets[bucket];
            let mut displacement = 1;
            while !ranks.fits(slots, displacement, &mut places) {
                displacement = Some(displacement + 2).filter(|&next| next < 1 << 22)?;
            }
            ranks.displacements[bucket] = displacement;
            places.iter().zip(slots).for_each(|(&place, &slot)| ranks.slots[place] = slot);
        }
        Some(ranks)
    }

    /// `NONE` where the two do not merge.
    #[inline]
    pub fn of(&self, left: u32, right: u32) -> u32 {
        let pair = joined(left, right);
        let hash = hash(pair);
        let slot = self.slots[self.place(hash, self.displacements[self.bucket(hash)])];
        if slot >> RANK_BITS == pair { slot as u32 & ((1 << RANK_BITS) - 1) } else { NONE }
    }

    /// Whether all of a bucket find free places of their own.
    fn fits(&self, slots: &[u64], displacement: u32, places: &mut Vec<usize>) -> bool {
        places.clear();
        slots.iter().all(|slot| {
            let place = self.place(hash(slot >> RANK_BITS), displacement);
            let is_free = self.slots[place] == EMPTY && !places.contains(&place);
            places.push(place);
            is_free
        })
    }

    #[inline]
    fn bucket(&self, hash: u64) -> usize {
        (hash >> 40) as usize & (self.displacements.len() - 1)
    }

    #[inline]
    fn place(&self, hash: u64, displacement: u32) -> usize {
        // The multiplier is odd and the high bits depend on all of the hash.
        ((hash as u32).wrapping_mul(displacement) >> self.shift) as usize & (self.slots.len() - 1)
    }
}

#[inline]
fn joined(left: u32, right: u32) -> u64 {
    u64::from(left) << ID_BITS | u64::from(right)
}

#[inline]
fn hash(pair: u64) -> u64 {
    let mixed = pair.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 32
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn many_pairs_have_places() {
        let pairs: Vec<_> = (0..250_000).map(|n| (n / 500, n % 500 * 7, n)).collect();
        let ranks = Ranks::new(&pairs).unwrap();
        assert!(pairs.iter().all(|&(left, right, rank)| ranks.of(left, right) == rank));
        assert_eq!((ranks.of(500, 0), ranks.of(0, 1)), (NONE, NONE));
    }

    proptest! {
        #[test]
        fn a_table_by_another_name(
            pairs in prop::collection::btree_map((0..1u32 << ID_BITS, 0..40u32), 0..1u32 << RANK_BITS, 0..300),
            others in prop::collection::vec((0..1u32 << ID_BITS, 0..40u32), 50)
        ) {
            let pairs: BTreeMap<(u32, u32), u32> = pairs;
            let listed: Vec<_> = pairs.iter().map(|(&(left, right), &rank)| (left, right, rank)).collect();
            let ranks = Ranks::new(&listed).unwrap();
            for pair in pairs.keys().chain(&others) {
                prop_assert_eq!(ranks.of(pair.0, pair.1), pairs.get(pair).copied().unwrap_or(NONE));
            }
        }
    }
}
