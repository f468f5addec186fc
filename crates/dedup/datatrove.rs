//! The reference's clusters, for parity: neighbours with equal bands are joined unverified, and the kept
//! document is whichever the union by size made root.

use crate::minhash::{BANDS, Signature};

/// The root of each document's cluster; the root is the document that datatrove keeps.
///
/// Documents are in input order, read as one task; `None` has no signature. As in datatrove 0.10's stages 2
/// and 3: per band sort by the eight values, then by document; join each to its predecessor if equal; the
/// larger side's root stays, in a tie that of the predecessor.
pub fn roots(signatures: &[Option<Signature>]) -> Vec<u32> {
    let mut parent: Vec<u32> = (0..signatures.len() as u32).collect();
    let mut size = vec![1_u32; signatures.len()];
    for band in 0..BANDS {
        let row = |(document, signature): (usize, &'_ Option<Signature>)| {
            signature.as_ref().map(|signature| (key(signature, band), document as u32))
        };
        let mut rows: Vec<_> = signatures.iter().enumerate().filter_map(row).collect();
        rows.sort_unstable();
        for pair in rows.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let (a, b) = (find(&mut parent, pair[0].1), find(&mut parent, pair[1].1));
            if a == b {
                continue;
            }
            let (root, child) = if size[a as usize] >= size[b as usize] { (a, b) } else { (b, a) };
            parent[child as usize] = root;
            size[root as usize] += size[child as usize];
        }
    }
    (0..signatures.len() as u32).map(|document| find(&mut parent, document)).collect()
}

fn key(signature: &Signature, band: usize) -> [u64; crate::minhash::ROWS] {
    std::array::from_fn(|row| signature.band(band)[row])
}

fn find(parent: &mut [u32], mut document: u32) -> u32 {
    while parent[document as usize] != document {
        parent[document as usize] = parent[parent[document as usize] as usize];
        document = parent[document as usize];
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(bands: &[(usize, u64)], fill: u64) -> Option<Signature> {
        let mut values = std::array::from_fn(|slot| fill * 1000 + slot as u64);
        for &(band, value) in bands {
            values[band * 8..band * 8 + 8].fill(value);
        }
        Some(Signature(values))
    }

    #[test]
    fn the_larger_side_keeps_its_root() {
        // Band 0 joins 1-2 (root 1), band 1 joins 0-2: the pair wins over the single 0.
        let signatures =
            [signature(&[(1, 7)], 1), signature(&[(0, 5)], 2), signature(&[(0, 5), (1, 7)], 3), None];
        assert_eq!(roots(&signatures), [1, 1, 1, 3]);
    }

    #[test]
    fn in_a_tie_the_predecessor_stays() {
        let signatures = [signature(&[(0, 5)], 1), signature(&[(0, 5)], 2)];
        assert_eq!(roots(&signatures), [0, 0]);
    }
}
