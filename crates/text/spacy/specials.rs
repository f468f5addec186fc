//! Special cases: chunks whose words are listed, and sequences of words that are put together again.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Span, push_lengths, split_chunk};
use crate::spacy::affixes::{infix, prefix, suffix};
use crate::spacy::classes::Classes;

/// The listed words of a chunk, as byte lengths.
type Lengths = Box<[u8]>;

pub struct Specials {
    cases: Vec<(&'static str, Lengths)>,
    /// Open addressing from a chunk's hash to its place in `cases`, from 1 on; 0 is free.
    places: Box<[u16; PLACES]>,
    /// Lengths in bytes of the cases by first and last byte: hardly a chunk that is no case is looked up.
    lengths: Box<[u32; SLOTS]>,
}

const SLOTS: usize = 2048;
const PLACES: usize = 4096;

/// Of its first and last eight bytes, which may overlap.
fn hash(chunk: &[u8]) -> usize {
    let (first, last) = match (chunk.first_chunk(), chunk.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (chunk.iter().fold(0, |bytes, &byte| bytes << 8 | u64::from(byte)), 0),
    };
    let mixed = (first ^ last.rotate_left(17)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 52) as usize
}

fn slot(chunk: &[u8]) -> usize {
    let (first, last) = (usize::from(chunk[0]), usize::from(chunk[chunk.len() - 1]));
    (first * 67 + last) % SLOTS
}

static SPECIALS: LazyLock<Specials> = LazyLock::new(Specials::read);

impl Specials {
    pub fn get() -> &'static Specials {
        &SPECIALS
    }

    fn read() -> Specials {
        let mut cases = Vec::new();
        let mut places = Box::new([0; PLACES]);
        let mut lengths = Box::new([0; SLOTS]);
        for line in include_str!("special_cases.txt").lines().skip(2) {
            let words: Vec<String> = line.split('\t').map(unescape).collect();
            let chunk: &'static str = Box::leak(words.concat().into_boxed_str());
            debug_assert!((1..32).contains(&chunk.len()), "{chunk}");
            lengths[slot(chunk.as_bytes())] |= 1 << chunk.len();
            cases.push((chunk, words.iter().map(|word| word.len() as u8).collect()));
            let mut place = hash(chunk.as_bytes());
            while places[place] != 0 {
                place = (place + 1) % PLACES;
            }
            places[place] = cases.len() as u16;
        }
        Specials { cases, places, lengths }
    }

    /// The words of `chunk` if it is a special case.
    #[inline]
    pub fn find(&self, chunk: &str) -> Option<&[u8]> {
        let is_listed =
            (1..32).contains(&chunk.len()) && self.lengths[slot(chunk.as_bytes())] >> chunk.len() & 1 == 1;
        if is_listed { self.look_up(chunk) } else { None }
    }

    fn look_up(&self, chunk: &str) -> Option<&[u8]> {
        let mut place = hash(chunk.as_bytes());
        loop {
            let (case, lengths) = self.cases.get(usize::from(self.places[place]).checked_sub(1)?)?;
            if *case == chunk {
                return Some(lengths);
            }
            place = (place + 1) % PLACES;
        }
    }

    pub fn contains(&self, chunk: &str) -> bool {
        self.find(chunk).is_some()
    }
}

fn unescape(word: &str) -> String {
    let mut out = String::new();
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('s') => ' ',
                other => other.unwrap_or('\\'),
            },
            c => c,
        });
    }
    out
}

/// A special case that a text may hold as several words: `:` and `)`, or `a` and the full stop behind it.
struct Pattern {
    words: Vec<&'static str>,
    case: &'static str,
}

pub struct Patterns {
    /// By first word.
    patterns: HashMap<&'static str, Vec<Pattern>>,
    /// By the first byte of the first word: a bit for each first byte of a second word.
    pairs: Box<[[u64; 4]; 256]>,
    /// By the last byte of a word: a bit for each first byte of the next one.
    seams: Box<[[u64; 4]; 256]>,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(Patterns::read);

/// A pattern found: words `start..end`, and the special case if no space is between them.
struct Found {
    start: usize,
    end: usize,
    case: Option<&'static [u8]>,
}

impl Patterns {
    pub fn get() -> &'static Patterns {
        &PATTERNS
    }

    /// The reference looks for those cases only that a rule would split (`faster_heuristics`).
    fn read() -> Patterns {
        let classes = Classes::get();
        let mut patterns: HashMap<&str, Vec<Pattern>> = HashMap::new();
        let (mut pairs, mut seams) = (Box::new([[0; 4]; 256]), Box::new([[0; 4]; 256]));
        for &(case, _) in &Specials::get().cases {
            let is_split =
                prefix(case, classes) > 0 || suffix(case, classes) > 0 || infix(case, 0, classes).is_some();
            let mut spans = Vec::new();
            split_chunk(case, (0, case.len()), None, classes, &mut spans);
            // A single word would only replace itself.
            if !is_split || spans.len() < 2 {
                continue;
            }
            let words: Vec<&'static str> =
                spans.iter().map(|&(a, b)| &case[a as usize..b as usize]).collect();
            let [first, second] = [0, 1].map(|i| words[i].as_bytes()[0] as usize);
            pairs[first][second / 64] |= 1 << (second % 64);
            for &(_, border) in &spans[..spans.len() - 1] {
                let [last, next] = [border - 1, border].map(|at| usize::from(case.as_bytes()[at as usize]));
                seams[last][next / 64] |= 1 << (next % 64);
            }
            patterns.entry(words[0]).or_default().push(Pattern { words, case });
        }
        Patterns { patterns, pairs, seams }
    }

    /// Whether a special case may hold a word that ends in one byte and then, behind a space, one that begins with the other.
    pub fn joins(&self, last: u8, next: u8) -> bool {
        self.seams[usize::from(last)][usize::from(next) / 64] >> (next % 64) & 1 == 1
    }

    /// Puts special cases together that were split, the longest first; where several overlap, one is taken.
    pub fn apply(&self, text: &str, words: &mut Vec<Span>) {
        let bytes = text.as_bytes();
        let mut found = Vec::new();
        for start in 0..words.len().saturating_sub(1) {
            let [first, second] = [start, start + 1].map(|i| bytes[words[i].0 as usize] as usize);
            if self.pairs[first][second / 64] >> (second % 64) & 1 == 1 {
                self.find(text, words, start, &mut found);
            }
        }
        if found.is_empty() {
            return;
        }
        found.sort_by_key(|f| (std::cmp::Reverse(f.end - f.start), f.start));
        let mut is_taken = vec![false; words.len()];
        found.retain(|f| {
            let is_free = !is_taken[f.start] && !is_taken[f.end - 1];
            is_taken[f.start..f.end].fill(true);
            is_free
        });
        found.retain(|f| f.case.is_some());
        found.sort_by_key(|f| f.start);
        replace(words, &found);
    }

    fn find(&self, text: &str, words: &[Span], start: usize, found: &mut Vec<Found>) {
        let word = |i: usize| words.get(i).map(|&(a, b)| &text[a as usize..b as usize]);
        let Some(patterns) = word(start).and_then(|first| self.patterns.get(first)) else { return };
        for pattern in patterns {
            let end = start + pattern.words.len();
            let is_same = |(offset, part): (usize, &&str)| word(start + offset) == Some(*part);
            if !pattern.words.iter().enumerate().all(is_same) {
                continue;
            }
            // White space other than one space is a word of the reference's, so these do not stand side by side.
            let gaps = words[start..end]
                .windows(2)
                .map(|pair| &text.as_bytes()[pair[0].1 as usize..pair[1].0 as usize]);
            let mut is_whole = true;
            let mut is_sequence = true;
            for gap in gaps {
                is_whole &= gap.is_empty();
                is_sequence &= gap.is_empty() || gap == b" ";
            }
            if is_sequence {
                let case = is_whole.then(|| Specials::get().find(pattern.case)).flatten();
                found.push(Found { start, end, case });
            }
        }
    }
}

fn replace(words: &mut Vec<Span>, found: &[Found]) {
    let mut out = Vec::with_capacity(words.len() + found.len());
    let mut read = 0;
    for Found { start, end, case } in found {
        out.extend_from_slice(&words[read..*start]);
        push_lengths(case.unwrap_or_default(), words[*start].0 as usize, &mut out);
        read = *end;
    }
    out.extend_from_slice(&words[read..]);
    *words = out;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_those_of_the_reference() {
        let specials = Specials::get();
        assert_eq!(specials.cases.len(), 1347);
        assert_eq!(specials.find("don't"), Some(&[2, 3][..]));
        assert_eq!(specials.find("\n"), Some(&[1][..]));
        assert!(!specials.contains("dont't") && !specials.contains(""));
    }

    #[test]
    fn cases_that_rules_would_split_are_looked_for() {
        let n: usize = Patterns::get().patterns.values().map(Vec::len).sum();
        assert_eq!(n, 362);
    }
}
