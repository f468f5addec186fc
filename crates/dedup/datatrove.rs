//! The reference's clusters, for parity: neighbours with equal bands are joined unverified, and the kept
//! document is whichever the union by size made root.

use crate::minhash::{BANDS, ROWS, Signature};

/// The eight values of a document's band, and the document.
pub type BandRow = ([u64; ROWS], u32);

/// Memory of [`roots`], in bytes.
pub const BYTES_PER_DOCUMENT: u64 = 80;

/// The root of each of so many documents' cluster; the root is the document that datatrove keeps.
///
/// `read` gives the rows of one band, of the documents that have a signature; documents are in input order,
/// read as one task. As in datatrove 0.10's stages 2 and 3: per band sort by the eight values, then by document;
/// join each to its predecessor if equal; the larger side's root stays, in a tie that of the predecessor.
/// Takes 72 bytes per document for the band in work, and 8 for the clusters ([`BYTES_PER_DOCUMENT`]).
pub fn roots(documents: usize, mut read: impl FnMut(usize, &mut Vec<BandRow>)) -> Vec<u32> {
    let mut parent: Vec<u32> = (0..documents as u32).collect();
    let mut size = vec![1_u32; documents];
    let mut rows = Vec::new();
    for band in 0..BANDS {
        rows.clear();
        read(band, &mut rows);
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
    (0..documents as u32).map(|document| find(&mut parent, document)).collect()
}

/// One band of signatures that are all in memory, for [`roots`].
pub fn rows_of(signatures: &[Option<Signature>], band: usize, rows: &mut Vec<BandRow>) {
    for (document, signature) in signatures.iter().enumerate() {
        if let Some(signature) = signature {
            rows.push((std::array::from_fn(|row| signature.band(band)[row]), document as u32));
        }
    }
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

    fn roots_of(signatures: &[Option<Signature>]) -> Vec<u32> {
        roots(signatures.len(), |band, rows| rows_of(signatures, band, rows))
    }

    #[test]
    fn the_larger_side_keeps_its_root() {
        // Band 0 joins 1-2 (root 1), band 1 joins 0-2: the pair wins over the single 0.
        let signatures =
            [signature(&[(1, 7)], 1), signature(&[(0, 5)], 2), signature(&[(0, 5), (1, 7)], 3), None];
        assert_eq!(roots_of(&signatures), [1, 1, 1, 3]);
    }

    #[test]
    fn in_a_tie_the_predecessor_stays() {
        let signatures = [signature(&[(0, 5)], 1), signature(&[(0, 5)], 2)];
        assert_eq!(roots_of(&signatures), [0, 0]);
    }
}
