//! Merging the bytes of one pretoken into ids: always the lowest rank first, the leftmost among equals.
//!
//! Source: Sennrich et al. 2016; the order is that of the `tokenizers` crate.
use crate::vocabulary::Vocabulary;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Up to this many bytes everything stays in registers and one cache line.
const TINY_BYTES: usize = 16;
/// Up to this many bytes a scan for the lowest rank is faster than a heap.
const SHORT_BYTES: usize = 64;
/// A slot of the pair table is one u64: two ids and a rank.
const ID_BITS: u32 = 21;
const RANK_BITS: u32 = 22;
/// Longer parts are merged a window at a time: of so many times `reach`, and no fewer bytes than this.
const WINDOW_REACHES: usize = 4;
const WINDOW_BYTES: usize = 1 << 14;
const NONE: u32 = u32::MAX;
const EMPTY: u64 = u64::MAX;

/// Which pairs of ids merge, in which order, into what.
pub struct Merges {
    byte_ids: [u32; 256],
    /// Rank of each pair of bytes, `left << 8 | right`.
    byte_ranks: Vec<u32>,
    /// Whether some token holds these two bytes side by side; where none does, a pretoken may be cut.
    byte_joins: Vec<bool>,
    results: Vec<u32>,
    window: Window,
    /// Open addressing; `pair << RANK_BITS | rank`.
    slots: Vec<u64>,
    mask: usize,
}

/// Buffers that are reused from pretoken to pretoken.
#[derive(Default)]
pub struct MergeScratch {
    ids: Vec<u32>,
    ranks: Vec<u32>,
    nodes: Vec<Node>,
    candidates: Vec<Reverse<u64>>,
}

/// How much of a long part is merged at once, and how many bytes to its right can decide whether a token ends at a
/// place: tokens that end further than `reach` from the window's end are those of the whole.
#[derive(Clone, Copy)]
struct Window {
    bytes: usize,
    reach: usize,
}

impl Window {
    /// Where every merge comes after those that made its parts, merges happen rank by rank over the whole text.
    /// Whether (a, b) is merged at a place depends on where the token behind the place ends (and on its left, as ties
    /// go to the left). So if n bytes to the right of any place settle it for lower ranks, n plus the length of b
    /// settle it for this one. Other vocabularies, which no training makes, have no such bound: all is one window.
    fn new(vocabulary: &Vocabulary, at_least: usize) -> Window {
        let mut first_use = vec![usize::MAX; vocabulary.tokens.len()];
        for (rank, merge) in vocabulary.merges.iter().enumerate().rev() {
            first_use[merge.left as usize] = rank;
            first_use[merge.right as usize] = rank;
        }
        let mut merges = vocabulary.merges.iter().enumerate();
        if merges.any(|(rank, merge)| first_use[merge.result as usize] <= rank) {
            return Window { bytes: usize::MAX, reach: 0 };
        }
        let bytes = |id: u32| vocabulary.tokens[id as usize].len();
        let longest = vocabulary.merges.iter().map(|m| bytes(m.result)).max().unwrap_or(1);
        let reach = longest + vocabulary.merges.iter().map(|m| bytes(m.right)).sum::<usize>();
        Window { bytes: at_least.max(reach.saturating_mul(WINDOW_REACHES)), reach }
    }
}

impl Merges {
    /// None if the vocabulary lacks a byte or has more than 2^21 ids.
    pub fn new(vocabulary: &Vocabulary) -> Option<Merges> {
        let byte_ids = vocabulary.byte_ids()?;
        if vocabulary.tokens.len() >= 1 << ID_BITS || vocabulary.merges.len() >= 1 << RANK_BITS {
            return None;
        }
        let capacity = (vocabulary.merges.len() * 2 + 16).next_power_of_two();
        let mut merges = Merges {
            byte_ids,
            byte_ranks: vec![NONE; 1 << 16],
            byte_joins: vec![false; 1 << 16],
            results: vocabulary.merges.iter().map(|m| m.result).collect(),
            window: Window::new(vocabulary, WINDOW_BYTES),
            slots: vec![EMPTY; capacity],
            mask: capacity - 1,
        };
        for (rank, merge) in vocabulary.merges.iter().enumerate() {
            merges.insert(pair(merge.left, merge.right), rank as u32);
            // Joins come from merges and not from tokens: a token that no merge makes never arises.
            let token = &vocabulary.tokens[merge.result as usize];
            token.windows(2).for_each(|w| merges.byte_joins[joined(w[0], w[1])] = true);
        }
        for bytes in 0..1usize << 16 {
            merges.byte_ranks[bytes] = merges.rank(byte_ids[bytes >> 8], byte_ids[bytes & 255]);
        }
        Some(merges)
    }

    #[inline]
    pub fn byte_id(&self, byte: u8) -> u32 {
        self.byte_ids[byte as usize]
    }

    /// Appends the ids of one pretoken, in time linear in its bytes and memory that does not grow with them.
    pub fn merge(&self, pretoken: &[u8], scratch: &mut MergeScratch, ids: &mut Vec<u32>) {
        if pretoken.len() <= SHORT_BYTES {
            return self.merge_part(pretoken, scratch, ids);
        }
        let mut rest = pretoken;
        while !rest.is_empty() {
            let cut = rest.windows(2).position(|w| !self.byte_joins[joined(w[0], w[1])]);
            let (part, after) = rest.split_at(cut.map_or(rest.len(), |at| at + 1));
            self.merge_part(part, scratch, ids);
            rest = after;
        }
    }

    fn merge_part(&self, part: &[u8], scratch: &mut MergeScratch, ids: &mut Vec<u32>) {
        if part.len() <= TINY_BYTES {
            self.merge_tiny(part, ids);
        } else if part.len() <= SHORT_BYTES {
            self.merge_short(part, scratch, ids);
        } else {
            self.merge_windows(part, self.window, scratch, ids);
        }
    }

    /// No merge crosses the end of a token, so what comes after a token that is sure is merged as if it began there.
    fn merge_windows(&self, part: &[u8], window: Window, scratch: &mut MergeScratch, out: &mut Vec<u32>) {
        let mut rest = part;
        while rest.len() > window.bytes {
            self.merge_long(&rest[..window.bytes], scratch);
            // A token is no longer than `reach`, so that one begins here.
            let last = window.bytes - window.reach;
            let sure = (1..=last).rev().find(|&at| scratch.nodes[at].id != NONE).unwrap_or(last);
            out.extend(scratch.nodes[..sure].iter().map(|node| node.id).filter(|&id| id != NONE));
            rest = &rest[sure..];
        }
        self.merge_long(rest, scratch);
        out.extend(scratch.nodes.iter().map(|node| node.id).filter(|&id| id != NONE));
    }

    /// Symbols stay where their first byte is. A candidate is `rank << 4 | place`, so that the smallest is next.
    fn merge_tiny(&self, part: &[u8], out: &mut Vec<u32>) {
        let mut ids = [0; TINY_BYTES];
        let mut candidates = [NONE; TINY_BYTES];
        let candidate = |rank: u32, at: usize| if rank == NONE { NONE } else { rank << 4 | at as u32 };
        for (id, &byte) in ids.iter_mut().zip(part) {
            *id = self.byte_id(byte);
        }
        for (at, w) in part.windows(2).enumerate() {
            candidates[at] = candidate(self.byte_ranks[joined(w[0], w[1])], at);
        }
        // A bit per place at which a symbol begins.
        let mut begins = (1u32 << part.len()) - 1;
        loop {
            let best = candidates.iter().fold(NONE, |best, &c| best.min(c));
            if best == NONE {
                break;
            }
            let at = (best & 15) as usize;
            let id = self.results[(best >> 4) as usize];
            ids[at] = id;
            let after = begins & (u32::MAX << 1 << at);
            let right = after.trailing_zeros() as usize & 15;
            begins &= !(1 << right);
            candidates[right] = NONE;
            let after = after & (after - 1);
            candidates[at] = match after {
                0 => NONE,
                _ => candidate(self.rank(id, ids[after.trailing_zeros() as usize & 15]), at),
            };
            let before = begins & ((1 << at) - 1);
            if before != 0 {
                let left = before.ilog2() as usize & 15;
                candidates[left] = candidate(self.rank(ids[left], id), left);
            }
        }
        while begins != 0 {
            out.push(ids[begins.trailing_zeros() as usize & 15]);
            begins &= begins - 1;
        }
    }

    fn merge_short(&self, part: &[u8], scratch: &mut MergeScratch, out: &mut Vec<u32>) {
        let MergeScratch { ids, ranks, .. } = scratch;
        ids.clear();
        ids.extend(part.iter().map(|&byte| self.byte_id(byte)));
        // `ranks[i]` is the rank of the pair (i, i + 1).
        ranks.clear();
        ranks.extend(part.windows(2).map(|w| self.byte_ranks[joined(w[0], w[1])]));
        while let Some((at, rank)) = lowest(ranks) {
            ids[at] = self.results[rank as usize];
            ids.remove(at + 1);
            ranks.remove(at);
            if at < ranks.len() {
                ranks[at] = self.rank(ids[at], ids[at + 1]);
            }
            if at > 0 {
                ranks[at - 1] = self.rank(ids[at - 1], ids[at]);
            }
        }
        out.extend_from_slice(ids);
    }

    /// A linked list and a heap of candidate pairs, of which outdated ones are skipped. The ids are left in the nodes.
    fn merge_long(&self, part: &[u8], scratch: &mut MergeScratch) {
        let MergeScratch { nodes, candidates, .. } = scratch;
        let n = part.len() as u32;
        nodes.clear();
        nodes.extend((0..n).map(|i| Node {
            id: self.byte_id(part[i as usize]),
            before: i.wrapping_sub(1),
            after: if i + 1 < n { i + 1 } else { NONE },
        }));
        candidates.clear();
        candidates.extend(part.windows(2).enumerate().filter_map(|(at, w)| {
            let rank = self.byte_ranks[joined(w[0], w[1])];
            (rank != NONE).then_some(Reverse(candidate(rank, at as u32)))
        }));
        let mut heap = BinaryHeap::from(std::mem::take(candidates));
        while let Some(Reverse(top)) = heap.pop() {
            let (rank, at) = ((top >> 32) as u32, top as u32);
            let node = nodes[at as usize];
            if node.id == NONE || node.after == NONE {
                continue;
            }
            let right = nodes[node.after as usize];
            if self.rank(node.id, right.id) != rank {
                continue;
            }
            let id = self.results[rank as usize];
            nodes[node.after as usize].id = NONE;
            nodes[at as usize] = Node { id, before: node.before, after: right.after };
            if right.after != NONE {
                nodes[right.after as usize].before = at;
                let rank = self.rank(id, nodes[right.after as usize].id);
                if rank != NONE {
                    heap.push(Reverse(candidate(rank, at)));
                }
            }
            if node.before != NONE {
                let rank = self.rank(nodes[node.before as usize].id, id);
                if rank != NONE {
                    heap.push(Reverse(candidate(rank, node.before)));
                }
            }
        }
        *candidates = heap.into_vec();
    }

    #[inline]
    fn rank(&self, left: u32, right: u32) -> u32 {
        let pair = pair(left, right);
        let mut at = slot_of(pair) & self.mask;
        loop {
            let slot = self.slots[at];
            if slot >> RANK_BITS == pair {
                return slot as u32 & ((1 << RANK_BITS) - 1);
            }
            if slot == EMPTY {
                return NONE;
            }
            at = (at + 1) & self.mask;
        }
    }

    /// A pair that is listed twice counts with its last rank, as in the `tokenizers` crate.
    fn insert(&mut self, pair: u64, rank: u32) {
        let mut at = slot_of(pair) & self.mask;
        while self.slots[at] != EMPTY && self.slots[at] >> RANK_BITS != pair {
            at = (at + 1) & self.mask;
        }
        self.slots[at] = pair << RANK_BITS | u64::from(rank);
    }
}

#[derive(Clone, Copy)]
struct Node {
    /// NONE once it has been merged into the node before it.
    id: u32,
    before: u32,
    after: u32,
}

fn lowest(ranks: &[u32]) -> Option<(usize, u32)> {
    let mut best = (0, NONE);
    for (at, &rank) in ranks.iter().enumerate() {
        if rank < best.1 {
            best = (at, rank);
        }
    }
    (best.1 != NONE).then_some(best)
}

#[inline]
fn pair(left: u32, right: u32) -> u64 {
    u64::from(left) << ID_BITS | u64::from(right)
}

fn candidate(rank: u32, at: u32) -> u64 {
    u64::from(rank) << 32 | u64::from(at)
}

#[inline]
fn joined(left: u8, right: u8) -> usize {
    usize::from(left) << 8 | usize::from(right)
}

#[inline]
fn slot_of(pair: u64) -> usize {
    (pair.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 29) as usize
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Ids: 0 the special token, byte + 1, then these.
    fn sample() -> Merges {
        let (a, b, c) = (98, 99, 100);
        let pairs = [(a, a), (a, b), (b, c), (257, 257), (260, 258), (258, 259), (c, c), (263, 263)];
        Merges::new(&Vocabulary::from_merges("<|endoftext|>", &pairs)).unwrap()
    }

    fn short(merges: &Merges, text: &[u8]) -> Vec<u32> {
        let mut ids = Vec::new();
        merges.merge_short(text, &mut MergeScratch::default(), &mut ids);
        ids
    }

    #[test]
    fn lowest_rank_first_then_leftmost() {
        let merges = sample();
        assert_eq!(short(&merges, b"aaab"), [257, 258]);
        assert_eq!(short(&merges, b"aaaaab"), [261]);
        assert_eq!(short(&merges, b"abc"), [258, 100]);
        assert_eq!(short(&merges, b"abbc"), [262]);
        assert_eq!(short(&merges, b""), [0; 0]);
        assert_eq!(short(&merges, b"zz"), [123, 123]);
    }

    #[test]
    fn a_long_pretoken_takes_little_time() {
        let merges = sample();
        let mut ids = Vec::new();
        merges.merge(&vec![b'a'; 4_000_000], &mut MergeScratch::default(), &mut ids);
        assert_eq!(ids.len(), 1_000_000);
        assert!(ids.iter().all(|&id| id == 260));
    }

    /// Vocabularies as training makes them, over so few letters that tokens overlap in every way.
    fn trained() -> impl Strategy<Value = Vocabulary> {
        prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..12).prop_map(
            |picks| {
                let mut parts = vec![98, 99, 100];
                let mut pairs = Vec::new();
                for (left, right) in picks {
                    let pair = (parts[left.index(parts.len())], parts[right.index(parts.len())]);
                    if !pairs.contains(&pair) {
                        parts.push(257 + pairs.len() as u32);
                        pairs.push(pair);
                    }
                }
                Vocabulary::from_merges("<|endoftext|>", &pairs)
            },
        )
    }

    fn windows(merges: &Merges, window: Window, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        merges.merge_windows(text.as_bytes(), window, &mut MergeScratch::default(), &mut ids);
        ids
    }

    proptest! {
        #[test]
        fn all_ways_are_one(text in "[abcz]{1,200}|[abc]{1,16}") {
            let merges = sample();
            let expected = short(&merges, text.as_bytes());
            let heap = windows(&merges, Window { bytes: usize::MAX, reach: 0 }, &text);
            let (mut cut, mut tiny) = (Vec::new(), Vec::new());
            merges.merge(text.as_bytes(), &mut MergeScratch::default(), &mut cut);
            prop_assert_eq!(&heap, &expected);
            prop_assert_eq!(&cut, &expected);
            if text.len() <= TINY_BYTES {
                merges.merge_tiny(text.as_bytes(), &mut tiny);
                prop_assert_eq!(&tiny, &expected);
            }
        }

        #[test]
        fn windows_change_nothing(vocabulary in trained(), text in "[abc]{1,3000}|a{1,2000}|(ab|abc){1,1500}") {
            let merges = Merges::new(&vocabulary).unwrap();
            let window = Window::new(&vocabulary, 0);
            prop_assert!(window.bytes <= WINDOW_REACHES * window.reach);
            let whole = windows(&merges, Window { bytes: usize::MAX, reach: 0 }, &text);
            prop_assert_eq!(windows(&merges, window, &text), whole);
        }
    }
}
