//! Documents that share a band: candidates for being near-duplicates.

use crate::minhash::{BANDS, BandKeys};

/// A document's key of one band, and the document.
pub type BandRecord = (u64, u32);

/// Sorts the records of one band and hands each pair of neighbours with the same key to `join`, lower
/// document first: a chain over every group of equal keys.
pub fn for_each_collision(records: &mut [BandRecord], mut join: impl FnMut(u32, u32)) {
    records.sort_unstable();
    for same in records.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        join(same[0].1, same[1].1);
    }
}

/// The bands of the held-out documents, to find out what is too close to them to be trained on.
///
/// Takes 112 bytes per held-out document.
#[derive(Clone, Debug, Default)]
pub struct BandIndex {
    bands: [Vec<u64>; BANDS],
}

impl BandIndex {
    pub fn new<'k>(documents: impl IntoIterator<Item = &'k BandKeys>) -> Self {
        let mut bands: [Vec<u64>; BANDS] = Default::default();
        for keys in documents {
            for (band, key) in bands.iter_mut().zip(keys) {
                band.push(*key);
            }
        }
        for band in &mut bands {
            band.sort_unstable();
            band.dedup();
        }
        BandIndex { bands }
    }

    /// Whether one of the indexed documents has a band in common with `keys`.
    pub fn shares_band(&self, keys: &BandKeys) -> bool {
        self.bands.iter().zip(keys).any(|(band, key)| band.binary_search(key).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_are_chained_in_document_order() {
        let mut records = [(5, 3), (2, 0), (5, 1), (9, 2), (5, 2), (2, 4)];
        let mut pairs = Vec::new();
        for_each_collision(&mut records, |a, b| pairs.push((a, b)));
        assert_eq!(pairs, [(0, 4), (1, 2), (2, 3)]);
    }

    #[test]
    fn a_key_counts_in_its_own_band_only() {
        let held_out: BandKeys = std::array::from_fn(|band| band as u64);
        let index = BandIndex::new([&held_out]);
        assert!(index.shares_band(&held_out));
        let mut other = [99; BANDS];
        assert!(!index.shares_band(&other));
        other[3] = 4;
        assert!(!index.shares_band(&other));
        other[4] = 4;
        assert!(index.shares_band(&other));
        assert!(!BandIndex::default().shares_band(&held_out));
    }
}
