//! Merging the bytes of one pretoken into ids: always the lowest rank first, the leftmost among equals.
//!
//! Source: Sennrich et al. 2016; the order is that of the `tokenizers` crate.
use crate::ranks::{ID_BITS, NONE, RANK_BITS, Ranks};
use crate::vocabulary::Vocabulary;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Up to this many bytes a scan for the lowest rank is faster than a heap.
const SHORT_BYTES: usize = 64;
/// Candidates that are compared at once.
const LANES: usize = 8;
/// Longer parts are merged a window at a time: of so many times `reach`, and no fewer bytes than this.
const WINDOW_REACHES: usize = 4;
const WINDOW_BYTES: usize = 1 << 14;

/// Which pairs of ids merge, in which order, into what.
pub struct Merges {
    byte_ids: [u32; 256],
    /// Rank of each pair of bytes, `left << 8 | right`.
    byte_ranks: Vec<u32>,
    /// Whether some token holds these two bytes side by side; where none does, a pretoken may be cut.
    byte_joins: Vec<bool>,
    /// By rank; most vocabularies number them as they come, from this id on.
    results: Vec<u32>,
    first_result: Option<u32>,
    window: Window,
    ranks: Ranks,
    has_avx2: bool,
}

/// Buffers that are reused from pretoken to pretoken.
#[derive(Default)]
pub struct MergeScratch {
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
        // A pair that is listed twice counts with its last rank, as in the `tokenizers` crate.
        let ranked = vocabulary.merges.iter().enumerate();
        let ranked: BTreeMap<_, _> = ranked.map(|(rank, m)| ((m.left, m.right), rank as u32)).collect();
        let ranked: Vec<_> = ranked.into_iter().map(|((left, right), rank)| (left, right, rank)).collect();
        let mut merges = Merges {
            byte_ids,
            byte_ranks: vec![NONE; 1 << 16],
            byte_joins: vec![false; 1 << 16],
            first_result: first_result(vocabulary),
            results: vocabulary.merges.iter().map(|m| m.result).collect(),
            window: Window::new(vocabulary, WINDOW_BYTES),
            ranks: Ranks::new(&ranked)?,
            has_avx2: has_avx2(),
        };
        for merge in &vocabulary.merges {
            // Joins come from merges and not from tokens: a token that no merge makes never arises.
            let token = &vocabulary.tokens[merge.result as usize];
            token.windows(2).for_each(|w| merges.byte_joins[joined(w[0], w[1])] = true);
        }
        for bytes in 0..1usize << 16 {
            merges.byte_ranks[bytes] = merges.ranks.of(byte_ids[bytes >> 8], byte_ids[bytes & 255]);
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

    #[inline]
    fn result(&self, rank: u32) -> u32 {
        self.first_result.map_or_else(|| self.results[rank as usize], |first| first + rank)
    }

    fn merge_part(&self, part: &[u8], scratch: &mut MergeScratch, ids: &mut Vec<u32>) {
        match part.len() {
            0..=16 => self.merge_short::<16>(part, ids),
            17..=SHORT_BYTES => self.merge_short::<SHORT_BYTES>(part, ids),
            _ => self.merge_windows(part, self.window, scratch, ids),
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

    fn merge_short<const BYTES: usize>(&self, part: &[u8], out: &mut Vec<u32>) {
        #[cfg(target_arch = "x86_64")]
        if self.has_avx2 {
            // SAFETY: the processor has what the function was compiled for.
            return unsafe { self.merge_short_avx2::<BYTES>(part, out) };
        }
        self.merge_short_anywhere::<BYTES>(part, out);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
    fn merge_short_avx2<const BYTES: usize>(&self, part: &[u8], out: &mut Vec<u32>) {
        self.merge_short_anywhere::<BYTES>(part, out);
    }

    /// Symbols stay where their first byte is. A candidate is `rank << 6 | place`, so that the smallest is next; but for the
    /// end of the loop there is no branch. At most `BYTES` bytes, which are 64 or a smaller power of two.
    #[inline(always)]
    fn merge_short_anywhere<const BYTES: usize>(&self, part: &[u8], out: &mut Vec<u32>) {
        let mut ids = [0; BYTES];
        let mut candidates = [NONE; BYTES];
        let candidate = |rank: u32, at: usize| if rank == NONE { NONE } else { rank << 6 | at as u32 };
        for (id, &byte) in ids.iter_mut().zip(part) {
            *id = self.byte_id(byte);
        }
        for (at, w) in part.windows(2).enumerate().take(BYTES) {
            candidates[at] = candidate(self.byte_ranks[joined(w[0], w[1])], at);
        }
        // A bit per place at which a symbol begins.
        let mut begins = u64::MAX >> (64 - part.len());
        loop {
            let mut least = [NONE; LANES];
            for lanes in candidates.as_chunks::<LANES>().0 {
                for (least, lane) in least.iter_mut().zip(lanes) {
                    *least = (*least).min(*lane);
                }
            }
            let best = least.iter().fold(NONE, |best, &c| best.min(c));
            if best == NONE {
                break;
            }
            let at = best as usize % BYTES;
            let id = self.result(best >> 6);
            ids[at] = id;
            let after = begins & (u64::MAX << 1 << at);
            let right = after.trailing_zeros() as usize % BYTES;
            begins &= !(1 << right);
            let after = after & (after - 1);
            let rank = self.ranks.of(id, ids[after.trailing_zeros() as usize % BYTES]);
            let here = if after == 0 { NONE } else { candidate(rank, at) };
            let before = begins & ((1 << at) - 1);
            let left = if before == 0 { at } else { before.ilog2() as usize % BYTES };
            let there = candidate(self.ranks.of(ids[left], id), left);
            let there = if before == 0 { here } else { there };
            // All lanes, so that they stay in registers.
            let (at, left, right) = (at as u32, left as u32, right as u32);
            for (lane, candidate) in candidates.iter_mut().enumerate() {
                let lane = lane as u32;
                let kept = if lane == right { NONE } else { *candidate };
                let kept = if lane == at { here } else { kept };
                *candidate = if lane == left { there } else { kept };
            }
        }
        while begins != 0 {
            out.push(ids[begins.trailing_zeros() as usize % BYTES]);
            begins &= begins - 1;
        }
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
            if self.ranks.of(node.id, right.id) != rank {
                continue;
            }
            let id = self.results[rank as usize];
            nodes[node.after as usize].id = NONE;
            nodes[at as usize] = Node { id, before: node.before, after: right.after };
            if right.after != NONE {
                nodes[right.after as usize].before = at;
                let rank = self.ranks.of(id, nodes[right.after as usize].id);
                if rank != NONE {
                    heap.push(Reverse(candidate(rank, at)));
                }
            }
            if node.before != NONE {
                let rank = self.ranks.of(nodes[node.before as usize].id, id);
                if rank != NONE {
                    heap.push(Reverse(candidate(rank, node.before)));
                }
            }
        }
        *candidates = heap.into_vec();
    }
}

/// Every processor that has AVX2 has the others, too, but nobody promises it.
#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

/// The result of the first merge, if each has the id after the one before.
fn first_result(vocabulary: &Vocabulary) -> Option<u32> {
    let first = vocabulary.merges.first()?.result;
    let mut merges = vocabulary.merges.iter().zip(first..);
    merges.all(|(merge, id)| merge.result == id).then_some(first)
}

#[derive(Clone, Copy)]
struct Node {
    /// NONE once it has been merged into the node before it.
    id: u32,
    before: u32,
    after: u32,
}

fn candidate(rank: u32, at: u32) -> u64 {
    u64::from(rank) << 32 | u64::from(at)
}

#[inline]
fn joined(left: u8, right: u8) -> usize {
    usize::from(left) << 8 | usize::from(right)
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

    /// As the rule says: the lowest rank first, the leftmost among equals.
    fn by_the_rule(merges: &Merges, text: &[u8]) -> Vec<u32> {
        let mut ids: Vec<u32> = text.iter().map(|&byte| merges.byte_id(byte)).collect();
        loop {
            let pairs = ids.windows(2).enumerate();
            let best = pairs.map(|(at, w)| (merges.ranks.of(w[0], w[1]), at)).min();
            let Some((rank, at)) = best.filter(|best| best.0 != NONE) else { return ids };
            ids[at] = merges.results[rank as usize];
            ids.remove(at + 1);
        }
    }

    #[test]
    fn lowest_rank_first_then_leftmost() {
        let merges = sample();
        assert_eq!(by_the_rule(&merges, b"aaab"), [257, 258]);
        assert_eq!(by_the_rule(&merges, b"aaaaab"), [261]);
        assert_eq!(by_the_rule(&merges, b"abc"), [258, 100]);
        assert_eq!(by_the_rule(&merges, b"abbc"), [262]);
        assert_eq!(by_the_rule(&merges, b""), [0; 0]);
        assert_eq!(by_the_rule(&merges, b"zz"), [123, 123]);
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
            let expected = by_the_rule(&merges, text.as_bytes());
            let heap = windows(&merges, Window { bytes: usize::MAX, reach: 0 }, &text);
            let mut cut = Vec::new();
            merges.merge(text.as_bytes(), &mut MergeScratch::default(), &mut cut);
            prop_assert_eq!(&heap, &expected);
            prop_assert_eq!(&cut, &expected);
            for has_avx2 in [false, merges.has_avx2] {
                let merges = Merges { has_avx2, ..sample() };
                let mut short = Vec::new();
                match text.len() {
                    0..=16 => merges.merge_short::<16>(text.as_bytes(), &mut short),
                    17..=SHORT_BYTES => merges.merge_short::<SHORT_BYTES>(text.as_bytes(), &mut short),
                    _ => continue,
                }
                prop_assert_eq!(&short, &expected);
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
