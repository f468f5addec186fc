//! Documents that share a band with one of a few: what must not be trained on beside a held-out document.

use crate::minhash::{BANDS, BandKeys};

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
