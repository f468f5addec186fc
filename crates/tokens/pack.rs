//! Fills sequences of a fixed length with documents: nothing is cropped, little is left empty.
//!
//! Source: best-fit packing, Ding et al. 2024 (arXiv:2404.10830), with long documents cut into whole sequences first.
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A document to pack, with its token count including the end-of-text token that begins it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackDoc {
    /// Its place in the shuffle, from `shuffle_key`.
    pub key: u64,
    pub n_tokens: u32,
}

/// The tokens `start..end` of document `doc` (its index in the slice that was packed).
/// Only a piece with `start` 0 begins with the end-of-text token; `start` is a multiple of the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub doc: u32,
    pub start: u32,
    pub end: u32,
}

/// Pieces that together are at most one length long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    pub pieces: Vec<Piece>,
}

impl Sequence {
    /// Tokens in the sequence; the rest of the length is fill.
    pub fn n_tokens(&self) -> u32 {
        self.pieces.iter().map(|p| p.end - p.start).sum()
    }
}

/// A uniform number that depends on nothing but the seed and the document's place in the input.
pub fn shuffle_key(seed: u64, shard: u32, row: u64) -> u64 {
    let mut place = [0; 12];
    place[..4].copy_from_slice(&shard.to_le_bytes());
    place[4..].copy_from_slice(&row.to_le_bytes());
    xxh3_64_with_seed(&place, seed)
}

/// The bucket (0..n_buckets) in which a document is packed. Buckets are ranges of keys, in order of the keys.
pub fn bucket(key: u64, n_buckets: usize) -> usize {
    ((u128::from(key) * n_buckets as u128) >> 64) as usize
}

/// Packs the documents of one bucket into sequences of `length` tokens, ordered by the key of their first document.
/// The result depends on the documents and not on their order, unless two have the same key and size.
/// Documents without tokens are left out. A length of 0 yields nothing.
pub fn pack(docs: &[PackDoc], length: usize) -> Vec<Sequence> {
    let Some(length) = u32::try_from(length).ok().filter(|&length| length > 0) else { return Vec::new() };
    let mut sequences = Vec::new();
    let mut rests = Vec::new();
    for (doc, &PackDoc { key, n_tokens }) in docs.iter().enumerate() {
        let doc = doc as u32;
        let whole = n_tokens / length * length;
        sequences.extend(
            (0..whole)
                .step_by(length as usize)
                .map(|start| Sequence { pieces: vec![Piece { doc, start, end: start + length }] }),
        );
        if whole < n_tokens {
            rests.push((n_tokens - whole, key, Piece { doc, start: whole, end: n_tokens }));
        }
    }
    // Best fit, longest first, leaves the least room.
    rests.sort_unstable_by_key(|&(size, key, piece)| (std::cmp::Reverse(size), key, piece.doc));
    let mut room = Room::new(length);
    for (size, _, piece) in rests {
        let at = room.take(size).unwrap_or_else(|| {
            sequences.push(Sequence::default());
            (sequences.len() - 1, length)
        });
        sequences[at.0].pieces.push(piece);
        room.put(at.0, at.1 - size);
    }
    sequences.sort_by_key(|s| {
        let first = s.pieces[0];
        (docs[first.doc as usize].key, first.doc, first.start)
    });
    sequences
}

/// Open sequences by the room that is left in them.
struct Room {
    with_room: Vec<Vec<usize>>,
    /// A bit per size that some open sequence has room for.
    is_open: Vec<u64>,
}

impl Room {
    fn new(length: u32) -> Room {
        let sizes = length as usize + 1;
        Room { with_room: vec![Vec::new(); sizes], is_open: vec![0; sizes.div_ceil(64)] }
    }

    fn put(&mut self, sequence: usize, room: u32) {
        if room > 0 {
            self.with_room[room as usize].push(sequence);
            self.is_open[room as usize / 64] |= 1 << (room % 64);
        }
    }

    /// The sequence with the least room that still has `size`, and its room.
    fn take(&mut self, size: u32) -> Option<(usize, u32)> {
        let first = size as usize / 64;
        let masked = self.is_open[first] & (u64::MAX << (size % 64));
        let words = std::iter::once(masked).chain(self.is_open[first + 1..].iter().copied());
        let (word, bits) = words.enumerate().find(|&(_, bits)| bits != 0)?;
        let room = (first + word) * 64 + bits.trailing_zeros() as usize;
        let sequence = self.with_room[room].pop()?;
        if self.with_room[room].is_empty() {
            self.is_open[room / 64] &= !(1 << (room % 64));
        }
        Some((sequence, room as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn docs(sizes: &[u32]) -> Vec<PackDoc> {
        let key = |i: usize| shuffle_key(7, 0, i as u64);
        sizes.iter().enumerate().map(|(i, &n_tokens)| PackDoc { key: key(i), n_tokens }).collect()
    }

    #[test]
    fn takes_the_tightest_place() {
        let sequences = pack(&docs(&[6, 7, 3, 4, 25]), 10);
        let mut fills: Vec<_> =
            sequences.iter().map(|s| s.pieces.iter().map(|p| p.end - p.start).collect::<Vec<_>>()).collect();
        fills.sort();
        assert_eq!(fills, [vec![5], vec![6, 4], vec![7, 3], vec![10], vec![10]]);
    }

    #[test]
    fn edges() {
        assert!(pack(&[], 8).is_empty());
        assert!(pack(&docs(&[3]), 0).is_empty());
        assert!(pack(&docs(&[0]), 8).is_empty());
        assert_eq!(pack(&docs(&[8]), 8)[0].pieces, [Piece { doc: 0, start: 0, end: 8 }]);
    }

    #[test]
    fn random_lengths_fill_well() {
        let sizes: Vec<u32> = (0..5000).map(|i| 1 + (shuffle_key(1, 3, i) % 2600) as u32).collect();
        let sequences = pack(&docs(&sizes), 1024);
        let fill = sizes.iter().map(|&n| f64::from(n)).sum::<f64>() / (sequences.len() * 1024) as f64;
        assert!(fill > 0.99, "{fill}");
    }

    #[test]
    fn keys_are_uniform_and_buckets_are_ranges_of_them() {
        let mut counts = [0; 5];
        (0..10_000).for_each(|row| counts[bucket(shuffle_key(42, 1, row), 5)] += 1);
        assert!(counts.iter().all(|n| (1850..2150).contains(n)), "{counts:?}");
        assert_eq!((bucket(0, 3), bucket(u64::MAX, 3), bucket(u64::MAX, 1)), (0, 2, 0));
        assert_ne!(shuffle_key(1, 2, 3), shuffle_key(1, 3, 2));
    }

    proptest! {
        #[test]
        fn pieces_tile_every_document(sizes in prop::collection::vec(0u32..70, 0..60), length in 1usize..40) {
            let docs = docs(&sizes);
            let sequences = pack(&docs, length);
            let mut pieces: Vec<_> = sequences.iter().flat_map(|s| s.pieces.iter().copied()).collect();
            pieces.sort_by_key(|p| (p.doc, p.start));
            let mut reached = vec![0; sizes.len()];
            for p in pieces {
                prop_assert_eq!(p.start, reached[p.doc as usize]);
                prop_assert!(p.end > p.start && p.start % length as u32 == 0);
                reached[p.doc as usize] = p.end;
            }
            prop_assert_eq!(&reached, &sizes);
            prop_assert!(sequences.iter().all(|s| s.n_tokens() as usize <= length && !s.pieces.is_empty()));
            prop_assert!(sequences.is_sorted_by_key(|s| docs[s.pieces[0].doc as usize].key));
        }

        #[test]
        fn the_order_of_documents_does_not_matter(sizes in prop::collection::vec(1u32..70, 0..60)) {
            let forward = docs(&sizes);
            let backward: Vec<_> = forward.iter().rev().copied().collect();
            let named = |docs: &[PackDoc]| -> Vec<Vec<_>> {
                let sequences = pack(docs, 32);
                sequences.iter().map(|s| s.pieces.iter().map(|p| (docs[p.doc as usize].key, p.start)).collect()).collect()
            };
            prop_assert_eq!(named(&forward), named(&backward));
        }
    }
}
