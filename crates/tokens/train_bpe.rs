//! Learns a byte-level BPE vocabulary from text; the same texts in the same order give the same vocabulary.
//!
//! Ids: `<|endoftext|>` is 0, then the 256 bytes, then the merges in order, so that a prefix is a smaller vocabulary.
use crate::fast_hash::FastMap;
use crate::pretokens::pretokens;
use crate::vocabulary::Vocabulary;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub const END_OF_TEXT: &str = "<|endoftext|>";
const FIRST_MERGE_ID: usize = 257;
/// Longer tokens are copies of one text and not statistics of many.
const LONGEST_TOKEN_BYTES: usize = 24;
/// Longer runs of digits are numbers of someone (telephone, account).
const LONGEST_DIGIT_RUN: usize = 4;
/// Longer pretokens are no words; they are not counted.
const LONGEST_PRETOKEN_BYTES: usize = 256;
/// When there are more distinct pretokens than this, those seen least are forgotten: about 1 GiB.
const MOST_PRETOKENS: usize = 12_000_000;
/// A pair that occurs once is chance.
const LEAST_COUNT: u64 = 2;

/// The `tokenizer.json` of a vocabulary of at most `vocab_size` ids (at least 257) for these texts.
pub fn train<T: AsRef<str>>(texts: impl IntoIterator<Item = T>, vocab_size: usize) -> String {
    let mut trainer = Trainer::default();
    texts.into_iter().for_each(|text| trainer.add(text.as_ref()));
    trainer.finish(vocab_size)
}

/// Counts pretokens text by text; memory grows with the distinct ones only.
#[derive(Default)]
pub struct Trainer {
    counts: FastMap<Box<[u8]>, u64>,
}

impl Trainer {
    pub fn add(&mut self, text: &str) {
        for pretoken in pretokens(text).filter(|p| p.len() <= LONGEST_PRETOKEN_BYTES) {
            self.count(pretoken.as_bytes(), 1);
        }
    }

    /// Adds what another trainer counted: several threads can share the work.
    pub fn merge(&mut self, other: Trainer) {
        other.counts.iter().for_each(|(pretoken, &n)| self.count(pretoken, n));
    }

    /// The `tokenizer.json`. It has fewer ids than asked for when no pair is left that occurs twice.
    pub fn finish(self, vocab_size: usize) -> String {
        Vocabulary::from_merges(END_OF_TEXT, &self.learn(vocab_size)).to_json()
    }

    fn count(&mut self, pretoken: &[u8], n: u64) {
        if let Some(count) = self.counts.get_mut(pretoken) {
            *count += n;
            return;
        }
        let mut least = 1;
        while self.counts.len() >= MOST_PRETOKENS {
            least *= 2;
            self.counts.retain(|_, count| *count >= least);
        }
        self.counts.insert(pretoken.into(), n);
    }

    /// The merges in order: always the commonest pair, the smallest ids among equals.
    fn learn(self, vocab_size: usize) -> Vec<(u32, u32)> {
        let mut counted: Vec<_> = self.counts.into_iter().collect();
        counted.sort_unstable();
        let mut words: Vec<Word> = Vec::with_capacity(counted.len());
        let mut pairs = Pairs::default();
        for (pretoken, count) in counted {
            let ids = pretoken.iter().map(|&byte| u32::from(byte) + 1).collect();
            let word = Word { ids, count };
            for pair in word.pairs() {
                pairs.add(pair, count, words.len() as u32);
            }
            words.push(word);
        }
        let mut tokens = Vocabulary::from_merges(END_OF_TEXT, &[]).tokens;
        let mut heap: BinaryHeap<_> =
            pairs.0.iter().map(|(&pair, seen)| (seen.count, Reverse(pair))).collect();
        let mut merges = Vec::new();
        while merges.len() + FIRST_MERGE_ID < vocab_size
            && let Some((count, Reverse(pair))) = heap.pop()
        {
            let (left, right) = ids_of(pair);
            let now = pairs.0.get(&pair).map_or(0, |seen| seen.count);
            if now != count {
                // Counts that fell since are corrected here, once, instead of at every fall.
                if now < count && now >= LEAST_COUNT {
                    heap.push((now, Reverse(pair)));
                }
                continue;
            }
            if count < LEAST_COUNT {
                break;
            }
            let token = [&tokens[left as usize][..], &tokens[right as usize]].concat();
            if !is_allowed(&token) {
                continue;
            }
            let id = tokens.len() as u32;
            tokens.push(token);
            merges.push((left, right));
            let seen = pairs.0.remove(&pair).unwrap_or_default();
            let mut risen = Vec::new();
            for at in seen.words {
                let word = &mut words[at as usize];
                if !word.pairs().any(|p| p == pair) {
                    continue;
                }
                word.pairs().for_each(|p| pairs.subtract(p, word.count));
                word.merge(pair, id);
                for p in word.pairs() {
                    if ids_of(p).0 == id || ids_of(p).1 == id {
                        pairs.add(p, word.count, at);
                        risen.push(p);
                    } else {
                        pairs.restore(p, word.count);
                    }
                }
            }
            risen.sort_unstable();
            risen.dedup();
            heap.extend(risen.into_iter().filter_map(|p| Some((pairs.0.get(&p)?.count, Reverse(p)))));
        }
        merges
    }
}

/// Left id, right id; one number, so that it hashes fast and orders like the two.
type Pair = u64;

fn ids_of(pair: Pair) -> (u32, u32) {
    ((pair >> 32) as u32, pair as u32)
}

struct Word {
    ids: Vec<u32>,
    count: u64,
}

impl Word {
    fn pairs(&self) -> impl Iterator<Item = Pair> {
        self.ids.windows(2).map(|w| u64::from(w[0]) << 32 | u64::from(w[1]))
    }

    fn merge(&mut self, pair: Pair, id: u32) {
        let (left, right) = ids_of(pair);
        let (mut from, mut to) = (0, 0);
        while from < self.ids.len() {
            let is_pair = self.ids[from] == left && self.ids.get(from + 1) == Some(&right);
            self.ids[to] = if is_pair { id } else { self.ids[from] };
            from += if is_pair { 2 } else { 1 };
            to += 1;
        }
        self.ids.truncate(to);
    }
}

/// How often a pair of neighbours occurs, and in which words it may.
#[derive(Default)]
struct Seen {
    count: u64,
    words: Vec<u32>,
}

#[derive(Default)]
struct Pairs(FastMap<Pair, Seen>);

impl Pairs {
    fn add(&mut self, pair: Pair, count: u64, word: u32) {
        let seen = self.0.entry(pair).or_default();
        seen.count += count;
        if seen.words.last() != Some(&word) {
            seen.words.push(word);
        }
    }

    /// For a pair whose word is noted already.
    fn restore(&mut self, pair: Pair, count: u64) {
        if let Some(seen) = self.0.get_mut(&pair) {
            seen.count += count;
        }
    }

    fn subtract(&mut self, pair: Pair, count: u64) {
        if let Some(seen) = self.0.get_mut(&pair) {
            seen.count -= count;
        }
    }
}

fn is_allowed(token: &[u8]) -> bool {
    let digits = token.split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len).max().unwrap_or(0);
    token.len() <= LONGEST_TOKEN_BYTES && digits <= LONGEST_DIGIT_RUN
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Tokenizer;
    use proptest::prelude::*;

    const TEXT: &str = "the cat and the hat and the bat sat; the rat ran and ran. 123456 123456 aaaaaaaa";

    /// The definition, slowly: count all pairs anew after each merge.
    fn naive(text: &str, n_merges: usize) -> Vec<(u32, u32)> {
        let to_ids = |p: &str| p.bytes().map(|b| u32::from(b) + 1).collect::<Vec<_>>();
        let mut words: Vec<Word> = pretokens(text).map(|p| Word { ids: to_ids(p), count: 1 }).collect();
        let mut tokens = Vocabulary::from_merges(END_OF_TEXT, &[]).tokens;
        let mut merges = Vec::new();
        while merges.len() < n_merges {
            let mut counts = std::collections::BTreeMap::new();
            words.iter().flat_map(Word::pairs).for_each(|p| *counts.entry(p).or_insert(0u64) += 1);
            let token = |p: Pair| [&tokens[ids_of(p).0 as usize][..], &tokens[ids_of(p).1 as usize]].concat();
            let best = counts.into_iter().filter(|&(p, n)| n >= 2 && is_allowed(&token(p)));
            let Some((pair, _)) = best.max_by_key(|&(p, n)| (n, Reverse(p))) else { break };
            let id = tokens.len() as u32;
            words.iter_mut().for_each(|w| w.merge(pair, id));
            tokens.push(token(pair));
            merges.push(ids_of(pair));
        }
        merges
    }

    fn learned(text: &str, n_merges: usize) -> Vec<(u32, u32)> {
        let mut trainer = Trainer::default();
        trainer.add(text);
        trainer.learn(FIRST_MERGE_ID + n_merges)
    }

    #[test]
    fn learns_what_the_definition_says() {
        assert_eq!(learned(TEXT, 40), naive(TEXT, 40));
        assert!(learned(TEXT, 1000).len() < 60);
    }

    #[test]
    fn ids_have_their_places() {
        let tokenizer = Tokenizer::from_json(&train([TEXT], 300)).unwrap();
        assert_eq!(tokenizer.end_of_text(), 0);
        assert_eq!(tokenizer.token_bytes(1 + u32::from(b'x')), b"x");
        assert_eq!(tokenizer.encode(" the").unwrap().len(), 1);
        assert!((0..tokenizer.vocab_size() as u32).all(|id| is_allowed(tokenizer.token_bytes(id))));
    }

    #[test]
    fn work_can_be_shared() {
        let (mut a, mut b) = (Trainer::default(), Trainer::default());
        a.add(TEXT);
        b.add("the rest");
        a.merge(b);
        assert_eq!(a.finish(290), train([TEXT, "the rest"], 290));
    }

    proptest! {
        #[test]
        fn any_text_learns_what_the_definition_says(text in "[ab c1]{0,80}", n in 0usize..30) {
            prop_assert_eq!(learned(&text, n), naive(&text, n));
        }
    }
}
