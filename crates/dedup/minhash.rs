//! MinHash signatures, the same values as datatrove's default configuration (14 bands of 8 rows, seed 1).

use std::sync::LazyLock;

use xxhash_rust::xxh3::xxh3_64;

use crate::mersenne_twister::MersenneTwister;

/// Bands of a signature.
pub const BANDS: usize = 14;
/// Values of a band.
pub const ROWS: usize = 8;
/// Values of a signature.
pub const VALUES: usize = BANDS * ROWS;

/// The Mersenne prime 2^61 − 1 by which hashes are reduced.
const PRIME: u64 = (1 << 61) - 1;

/// The smallest value of each of the 112 permutations over a document's shingles, band after band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature(pub [u64; VALUES]);

/// A hash for each band; equal where the bands are equal (and else with probability 2^-64).
pub type BandKeys = [u64; BANDS];

/// The low byte of each value of a signature: enough to estimate a similarity to ±0.05.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sketch(pub [u8; VALUES]);

impl Sketch {
    /// Stands in for a document without a signature.
    pub const EMPTY: Sketch = Sketch([0; VALUES]);
}

impl Signature {
    /// The signature of a document's shingle hashes; `None` without shingles (fewer words than a shingle has).
    ///
    /// Values are those of [`Signature::plain`], but for one in about 5·10^15 shingles (some 30 PB of text):
    /// two hashes that differ by less than 7 of 2^61 may change places.
    pub fn of(shingle_hashes: &[u64]) -> Option<Self> {
        if shingle_hashes.is_empty() {
            return None;
        }
        let mut lowest = [u64::MAX; VALUES];
        lowest_rotated(&PERMUTATIONS, shingle_hashes, &mut lowest);
        // Rotated back, reduced for good.
        Some(Signature(lowest.map(|value| value.rotate_right(3) % PRIME)))
    }

    /// Values of 32 bits, as datatrove's precision 32: the low half of each hash, then the least of them.
    pub fn of_32_bits(shingle_hashes: &[u64]) -> Option<Self> {
        if shingle_hashes.is_empty() {
            return None;
        }
        let Permutations { a, b } = &*PERMUTATIONS;
        Some(Signature(std::array::from_fn(|slot| {
            let low_half = |x: &u64| reduced(x.wrapping_mul(a[slot]).wrapping_add(b[slot])) as u32;
            shingle_hashes.iter().map(low_half).min().unwrap_or(u32::MAX).into()
        })))
    }

    /// The definition, about a tenth as fast: the least of `((x·a + b) mod 2^64) mod (2^61 − 1)`.
    pub fn plain(shingle_hashes: &[u64]) -> Option<Self> {
        if shingle_hashes.is_empty() {
            return None;
        }
        let Permutations { a, b } = &*PERMUTATIONS;
        Some(Signature(std::array::from_fn(|slot| {
            let hashes = shingle_hashes.iter().map(|x| x.wrapping_mul(a[slot]).wrapping_add(b[slot]) % PRIME);
            hashes.min().unwrap_or(u64::MAX)
        })))
    }

    /// The eight values of one band (below 14).
    pub fn band(&self, band: usize) -> &[u64] {
        &self.0[band * ROWS..(band + 1) * ROWS]
    }

    pub fn band_keys(&self) -> BandKeys {
        std::array::from_fn(|band| {
            let mut bytes = [0; ROWS * 8];
            for (to, value) in bytes.chunks_exact_mut(8).zip(self.band(band)) {
                to.copy_from_slice(&value.to_le_bytes());
            }
            xxh3_64(&bytes)
        })
    }

    pub fn sketch(&self) -> Sketch {
        Sketch(self.0.map(|value| value as u8))
    }

    /// Little-endian values one after the other: datatrove's record of all bands.
    pub fn to_bytes(&self) -> [u8; VALUES * 8] {
        let mut bytes = [0; VALUES * 8];
        for (to, value) in bytes.chunks_exact_mut(8).zip(&self.0) {
            to.copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }
}

/// The Jaccard similarity of two documents' shingles, estimated from their sketches, in 0..=1.
///
/// The share of equal bytes, corrected for the 1/256 that are equal by chance; the standard error is
/// sqrt(s·(1 − s)/112): 0.043 at 0.7.
pub fn estimate(a: &Sketch, b: &Sketch) -> f64 {
    let equal = a.0.iter().zip(&b.0).filter(|(a, b)| a == b).count();
    let share = equal as f64 / VALUES as f64;
    ((share - 1.0 / 256.0) / (1.0 - 1.0 / 256.0)).clamp(0.0, 1.0)
}

/// The probability that documents of Jaccard similarity `s` share at least one band.
pub fn band_probability(s: f64) -> f64 {
    1.0 - (1.0 - s.powi(ROWS as i32)).powi(BANDS as i32)
}

/// `value` mod 2^61 − 1, without a division.
fn reduced(value: u64) -> u64 {
    let folded = (value & PRIME) + (value >> 61);
    if folded >= PRIME { folded - PRIME } else { folded }
}

struct Permutations {
    a: [u64; VALUES],
    b: [u64; VALUES],
}

/// numpy's `RandomState(1).randint(1, p, 112)`, then `randint(0, p, 112)`, of 64 bits.
static PERMUTATIONS: LazyLock<Permutations> = LazyLock::new(|| {
    let mut random = MersenneTwister::new(1);
    let a = std::array::from_fn(|_| 1 + random.at_most(PRIME - 2));
    let b = std::array::from_fn(|_| random.at_most(PRIME - 1));
    Permutations { a, b }
});

/// Slots that stay in vector registers while all shingles go by.
const BLOCK: usize = 56;

/// Lowers each of `lowest` to the least `rol(x·a + b, 3)`.
///
/// For v = high·2^61 + low, v mod p is low + high (mod p), and the rotated v is low·8 + high: the order is
/// the same unless two `low` are closer than 7. This saves the reduction in the inner loop.
fn lowest_rotated(permutations: &Permutations, shingle_hashes: &[u64], lowest: &mut [u64; VALUES]) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
            // SAFETY: the processor has what the function was compiled for.
            return unsafe { lowest_rotated_avx512(permutations, shingle_hashes, lowest) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has what the function was compiled for.
            return unsafe { lowest_rotated_avx2(permutations, shingle_hashes, lowest) };
        }
    }
    lowest_rotated_scalar::<8>(permutations, shingle_hashes, lowest);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq")]
fn lowest_rotated_avx512(permutations: &Permutations, shingle_hashes: &[u64], lowest: &mut [u64; VALUES]) {
    lowest_rotated_scalar::<BLOCK>(permutations, shingle_hashes, lowest);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn lowest_rotated_avx2(permutations: &Permutations, shingle_hashes: &[u64], lowest: &mut [u64; VALUES]) {
    lowest_rotated_scalar::<8>(permutations, shingle_hashes, lowest);
}

/// One loop for all machines; the compiler turns it into the vector code of its caller.
#[inline(always)]
fn lowest_rotated_scalar<const BLOCK: usize>(
    permutations: &Permutations,
    shingle_hashes: &[u64],
    lowest: &mut [u64; VALUES],
) {
    for start in (0..VALUES).step_by(BLOCK) {
        let a: [u64; BLOCK] = std::array::from_fn(|lane| permutations.a[start + lane]);
        let b: [u64; BLOCK] = std::array::from_fn(|lane| permutations.b[start + lane]);
        let mut least = [u64::MAX; BLOCK];
        for &x in shingle_hashes {
            for lane in 0..BLOCK {
                least[lane] = least[lane].min(x.wrapping_mul(a[lane]).wrapping_add(b[lane]).rotate_left(3));
            }
        }
        lowest[start..start + BLOCK].copy_from_slice(&least);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use text::shingles::{ShingleHash, ShingleScratch, normalized_words, shingle_hashes, shingle_hashes_by};

    #[test]
    fn permutations_of_the_reference() {
        let Permutations { a, b } = &*PERMUTATIONS;
        assert_eq!(a[..3], [775169054918279404, 1758426461858698313, 2109959069025162]);
        assert_eq!((a[3], a[111]), (965365488286768774, 223865076026037746));
        assert_eq!(b[..3], [1062448801025099917, 1324811268927594100, 1217488311597731462]);
        assert_eq!((b[3], b[111]), (100775521383383736, 1097409548522419201));
    }

    fn hashes(words: &str) -> Vec<u64> {
        let (mut ranges, mut scratch) = (Vec::new(), ShingleScratch::default());
        normalized_words(words, &mut ranges);
        shingle_hashes(words, &ranges, 5, &mut scratch).to_vec()
    }

    #[test]
    fn signature_of_the_reference() {
        let text = "the quick brown fox aged 0 jumps over the lazy dog s back ecole d ete 0 fois";
        let signature = Signature::of(&hashes(text)).unwrap();
        assert_eq!(
            signature.band(0),
            [
                176821820632243352,
                39320535658906041,
                24835191199484771,
                122933295702489817,
                110650898862306881,
                140987798638494077,
                139541949692292958,
                109193267974320973
            ]
        );
        assert_eq!(
            signature.band(13),
            [
                74888692548538856,
                200444491880882337,
                221090684040128876,
                116604335239451836,
                156109371948321664,
                197676021219291891,
                271774973543549735,
                3963570588256049
            ]
        );
        assert_eq!(Signature::of(&[]), None);
    }

    #[test]
    fn signatures_of_the_reference_by_every_hash() {
        // First and last value of datatrove's get_signature over its own shingles, by precision and hash.
        let text = "the quick brown fox aged 0 jumps over the lazy dog s back ecole d ete 0 fois";
        let (mut words, mut scratch) = (Vec::new(), ShingleScratch::default());
        normalized_words(text, &mut words);
        let mut ends = |hash, is_narrow: bool| {
            let hashes = shingle_hashes_by(hash, text, &words, 5, &mut scratch);
            let sign = if is_narrow { Signature::of_32_bits } else { Signature::of };
            sign(hashes).map(|signature| (signature.0[0], signature.0[111]))
        };
        assert_eq!(ends(ShingleHash::Xxh64, false), Some((176821820632243352, 3963570588256049)));
        assert_eq!(ends(ShingleHash::Xxh32, true), Some((20088729, 179634834)));
        assert_eq!(ends(ShingleHash::Sha1In64, false), Some((581630626561723039, 15233993176316848)));
        assert_eq!(ends(ShingleHash::Sha1In32, true), Some((97042153, 433011037)));
        assert_eq!(Signature::of_32_bits(&[]), None);
    }

    proptest! {
        #[test]
        fn reducing_is_the_modulus(value in any::<u64>(), near in 0_u64..20) {
            for value in [value, near, PRIME - near, (PRIME - 10) * 8 + near, u64::MAX - near] {
                prop_assert_eq!(reduced(value), value % PRIME);
            }
        }

        #[test]
        fn every_build_of_the_loop_equals_the_definition(hashes in prop::collection::vec(any::<u64>(), 1..80)) {
            let plain = Signature::plain(&hashes).unwrap();
            prop_assert_eq!(Signature::of(&hashes).unwrap(), plain);
            let mut lowest = [0; VALUES];
            lowest_rotated_scalar::<8>(&PERMUTATIONS, &hashes, &mut lowest);
            prop_assert_eq!(Signature(lowest.map(|value| value.rotate_right(3) % PRIME)), plain);
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has what the function was compiled for.
                unsafe { lowest_rotated_avx2(&PERMUTATIONS, &hashes, &mut lowest) };
                prop_assert_eq!(Signature(lowest.map(|value| value.rotate_right(3) % PRIME)), plain);
            }
        }

        #[test]
        fn bands_are_equal_exactly_where_their_keys_are(a in any::<u64>(), b in any::<u64>(), shared in any::<u64>()) {
            let (a, b) = (Signature::of(&[a, shared]).unwrap(), Signature::of(&[b, shared]).unwrap());
            for band in 0..BANDS {
                prop_assert_eq!(a.band(band) == b.band(band), a.band_keys()[band] == b.band_keys()[band]);
            }
        }
    }

    #[test]
    fn estimates_are_close_to_the_similarity() {
        for shared in [0_u64, 50, 120, 180, 200] {
            // Two sets of 200 that share some: Jaccard = shared / (400 - shared).
            let truth = shared as f64 / (400 - shared) as f64;
            let trials = 60;
            let mean = (0..trials).map(|trial| {
                let value = |n: u64| text::stable_hash::rehash(n, trial);
                let a: Vec<u64> = (0..200).map(value).collect();
                let b: Vec<u64> = (200 - shared..400 - shared).map(value).collect();
                estimate(&Signature::of(&a).unwrap().sketch(), &Signature::of(&b).unwrap().sketch())
            });
            let mean = mean.sum::<f64>() / trials as f64;
            assert!((mean - truth).abs() < 0.02, "{mean} for {truth}");
        }
    }

    #[test]
    fn published_probabilities() {
        assert!((band_probability(0.8) - 0.924).abs() < 0.001);
        assert!((band_probability(0.7) - 0.565).abs() < 0.001);
    }
}
