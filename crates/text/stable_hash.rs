//! Hashes that are part of the file formats: the same on every machine and in every version.

use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128};

/// Identity of a text: xxh3-128 of its bytes.
pub fn hash128(text: &[u8]) -> u128 {
    xxh3_128(text)
}

/// A hash of a document's id (or any short key) under `seed`: xxh3-64.
pub fn hash_id(id: &str, seed: u64) -> u64 {
    xxh3_64_with_seed(id.as_bytes(), seed)
}

/// Spreads `value` over all 64 bits under `seed`; for one seed it is a bijection.
///
/// The smallest of many hashes is small; re-hashed it is uniform. (The finaliser of SplitMix64, twice.)
pub fn rehash(value: u64, seed: u64) -> u64 {
    mix(mix(value ^ mix(seed.wrapping_add(0x9E37_79B9_7F4A_7C15))))
}

fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// The key by which control and hold-out documents are drawn, uniform over `u64`.
///
/// `shingle_hashes` are those of the normalised original text, `text` is that original text, which stands in
/// when it has fewer words than a shingle. Two documents share the key with probability equal to the Jaccard
/// similarity of their shingles, so near-duplicates are drawn together.
pub fn sampling_key(shingle_hashes: &[u64], text: &str, seed: u64) -> u64 {
    let smallest = shingle_hashes.iter().copied().min();
    rehash(smallest.unwrap_or_else(|| xxh3_64_with_seed(text.as_bytes(), 0)), seed)
}

/// The largest key that a sample of `rate` (0 to 1) takes: draw a document if its key is below this.
pub fn key_limit(rate: f64) -> u64 {
    // A float cast saturates, so a rate of 1 gives u64::MAX.
    (rate * 18_446_744_073_709_551_616.0) as u64
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors() {
        assert_eq!(hash128(b""), 0x99aa_06d3_0147_98d8_6001_c324_468d_497f);
        assert_eq!(hash_id("", 0), 0x2d06_8005_38d3_94c2);
    }

    #[test]
    fn values_are_part_of_the_format() {
        assert_eq!((rehash(0, 0), rehash(1, 7)), (0x33fe_8bd4_f9c5_7863, 0xaa70_a558_4208_4e49));
    }

    #[test]
    fn keys_are_uniform_for_any_length_of_text() {
        for shingles in [1_u64, 10, 1000] {
            let mut tenths = [0_u32; 10];
            for document in 0..2000 {
                let hashes: Vec<u64> = (0..shingles).map(|n| rehash(n, document + 1_000_000)).collect();
                let key = sampling_key(&hashes, "", 7) >> 32;
                tenths[((key * 10) >> 32) as usize] += 1;
            }
            assert!(tenths.iter().all(|n| (140..=260).contains(n)), "{shingles} shingles: {tenths:?}");
        }
    }

    #[test]
    fn keys_depend_on_seed_and_fall_back_to_the_text() {
        assert_ne!(sampling_key(&[3, 1, 2], "", 1), sampling_key(&[3, 1, 2], "", 2));
        assert_eq!(sampling_key(&[3, 1, 2], "a", 1), sampling_key(&[1], "b", 1));
        assert_ne!(sampling_key(&[], "a", 1), sampling_key(&[], "b", 1));
    }

    #[test]
    fn limits() {
        assert_eq!(key_limit(0.0), 0);
        assert_eq!(key_limit(0.5), 1 << 63);
        assert_eq!(key_limit(1.0), u64::MAX);
    }
}
