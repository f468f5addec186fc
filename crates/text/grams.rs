//! What comes again in a document: parts (words, lines, paragraphs) by number, and n-grams of them.
//!
//! Exact and linear. An n-gram is the pair of the (n − 1)-grams in it, so n-grams with equal pairs of numbers are equal,
//! and it can only come again if both do; whatever stands once is left aside.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

use crate::characters::count_chars;
use crate::numbering::Numbering;
use crate::repetition::mix;

/// One distinct part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Byte range of its first occurrence.
    pub span: (u32, u32),
    /// Code points.
    pub chars: u32,
    pub count: u32,
}

/// The parts of a document by number: equal parts have one number, given in order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    numbering: Numbering,
    /// By number.
    pub distinct: Vec<Part>,
    /// The number of each part, in the order of the text.
    pub numbers: Vec<u32>,
}

impl Parts {
    /// Forgets the last document and numbers the parts of this one, given as byte ranges.
    pub fn read(&mut self, text: &str, spans: impl IntoIterator<Item = (u32, u32)>) {
        let bytes = text.as_bytes();
        let bytes_of = |(start, end): (u32, u32)| &bytes[start as usize..end as usize];
        let spans = spans.into_iter();
        self.numbering.reset(spans.size_hint().1.unwrap_or(0) / 3);
        self.distinct.clear();
        self.numbers.clear();
        for span in spans {
            let part = bytes_of(span);
            let distinct = &self.distinct;
            let is_part = |number: u32| bytes_of(distinct[number as usize].span) == part;
            let (number, is_new) = self.numbering.number(xxh3_64(part), is_part);
            if is_new {
                let chars = count_chars(&text[span.0 as usize..span.1 as usize]) as u32;
                self.distinct.push(Part { span, chars, count: 0 });
            }
            self.distinct[number as usize].count += 1;
            self.numbers.push(number);
        }
    }

    /// Code points of the parts in `range`, without what stands between them.
    pub fn chars(&self, range: Range<usize>) -> usize {
        self.numbers[range].iter().map(|&number| self.distinct[number as usize].chars as usize).sum()
    }
}

/// An n-gram that comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// The part at which it begins first.
    pub first: usize,
    pub count: usize,
}

/// The n-grams of a document that come again: [`Grams::begin`] with n = 1, then [`Grams::lengthen`].
#[derive(Clone, Debug, Default)]
pub struct Grams {
    n: usize,
    numbering: Numbering,
    /// Where a repeated n-gram begins, and its number; in the order of the text.
    places: Vec<(u32, u32)>,
    /// By number; those of count 1 have no place.
    grams: Vec<Repeated>,
    keys: Vec<(u32, u32)>,
}

impl Grams {
    /// Begins with the parts themselves.
    pub fn begin(&mut self, parts: &Parts) {
        self.n = 1;
        self.places.clear();
        self.grams.clear();
        for (at, &number) in parts.numbers.iter().enumerate() {
            let count = parts.distinct[number as usize].count as usize;
            if number as usize == self.grams.len() {
                self.grams.push(Repeated { first: at, count });
            }
            if count > 1 {
                self.places.push((at as u32, number));
            }
        }
    }

    /// Goes on to n-grams of one part more.
    pub fn lengthen(&mut self) {
        self.n += 1;
        self.numbering.reset(self.places.len() / 2);
        self.grams.clear();
        self.keys.clear();
        let mut kept = 0;
        for index in 1..self.places.len() {
            let [(at, left), (next, right)] = [self.places[index - 1], self.places[index]];
            if next != at + 1 {
                continue;
            }
            let key = (left, right);
            let keys = &self.keys;
            let (number, is_new) = self.numbering.number(mix(key), |number| keys[number as usize] == key);
            if is_new {
                self.keys.push(key);
                self.grams.push(Repeated { first: at as usize, count: 0 });
            }
            self.grams[number as usize].count += 1;
            self.places[kept] = (at, number);
            kept += 1;
        }
        self.places.truncate(kept);
        let grams = &self.grams;
        self.places.retain(|&(_, number)| grams[number as usize].count > 1);
    }

    /// Length of the n-grams in parts.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Each n-gram that comes again, in order of first appearance.
    pub fn repeated(&self) -> impl Iterator<Item = Repeated> + '_ {
        self.grams.iter().copied().filter(|gram| gram.count > 1)
    }

    /// The most frequent n-gram, the first seen of several; `None` if none comes again.
    pub fn top(&self) -> Option<Repeated> {
        self.repeated().reduce(|top, gram| if gram.count > top.count { gram } else { top })
    }

    /// The parts at which an n-gram begins that comes again: every occurrence, the first ones too.
    pub fn occurrences(&self) -> impl Iterator<Item = usize> + '_ {
        self.places.iter().map(|&(at, _)| at as usize)
    }

    /// The parts in n-grams that come again: ranges in the order of the text, apart from each other.
    pub fn covered(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut places = self.occurrences().peekable();
        std::iter::from_fn(move || {
            let start = places.next()?;
            let mut end = start + self.n;
            while let Some(at) = places.next_if(|&at| at <= end) {
                end = at + self.n;
            }
            Some(start..end)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn spans(words: &[&str]) -> (String, Vec<(u32, u32)>) {
        let (mut text, mut spans) = (String::new(), Vec::new());
        for word in words {
            let start = text.len() as u32;
            text.push_str(word);
            spans.push((start, text.len() as u32));
            text.push(' ');
        }
        (text, spans)
    }

    #[test]
    fn parts_are_numbered_as_they_appear() {
        let (text, spans) = spans(&["the", "déjà", "vu", "the", "vu", "the"]);
        let mut parts = Parts::default();
        parts.read(&text, spans);
        assert_eq!(parts.numbers, [0, 1, 2, 0, 2, 0]);
        let counts: Vec<_> = parts.distinct.iter().map(|part| (part.chars, part.count)).collect();
        assert_eq!(counts, [(3, 3), (4, 1), (2, 2)]);
        assert_eq!(parts.chars(0..3), 9);
        parts.read("", []);
        assert!(parts.numbers.is_empty() && parts.distinct.is_empty());
    }

    #[test]
    fn ties_go_to_the_first_and_overlaps_count_once() {
        let (text, spans) = spans(&["a", "b", "c", "a", "b", "c", "x", "a", "a", "a"]);
        let (mut parts, mut grams) = (Parts::default(), Grams::default());
        parts.read(&text, spans);
        grams.begin(&parts);
        assert_eq!(grams.top(), Some(Repeated { first: 0, count: 5 }));
        grams.lengthen();
        assert_eq!(grams.n(), 2);
        assert_eq!(grams.top(), Some(Repeated { first: 0, count: 2 }));
        assert_eq!(grams.repeated().map(|gram| gram.first).collect::<Vec<_>>(), [0, 1, 7]);
        assert_eq!(grams.occurrences().collect::<Vec<_>>(), [0, 1, 3, 4, 7, 8]);
        assert_eq!(grams.covered().collect::<Vec<_>>(), [0..6, 7..10]);
        grams.lengthen();
        grams.lengthen();
        assert_eq!((grams.top(), grams.covered().next()), (None, None));
    }

    proptest! {
        #[test]
        fn grams_are_those_that_windows_show(
            words in prop::collection::vec(prop::sample::select(vec!["a", "b", "é", "dd", ""]), 0..60)
        ) {
            let (text, spans) = spans(&words);
            let (mut parts, mut grams) = (Parts::default(), Grams::default());
            // What was read before leaves no trace.
            parts.read("x x x", [(0, 1), (2, 3), (4, 5)]);
            grams.begin(&parts);
            grams.lengthen();
            parts.read(&text, spans);
            for n in 1..=10 {
                if n == 1 { grams.begin(&parts) } else { grams.lengthen() }
                let mut known: HashMap<&[&str], Repeated> = HashMap::new();
                for (first, window) in words.windows(n).enumerate() {
                    known.entry(window).or_insert(Repeated { first, count: 0 }).count += 1;
                }
                let mut repeated: Vec<Repeated> = known.values().copied().filter(|gram| gram.count > 1).collect();
                repeated.sort_by_key(|gram| gram.first);
                prop_assert_eq!(grams.repeated().collect::<Vec<_>>(), repeated.clone());
                let top = repeated.iter().rev().max_by_key(|gram| gram.count).copied();
                prop_assert_eq!(grams.top(), top);
                let places: Vec<usize> =
                    (0..(words.len() + 1).saturating_sub(n)).filter(|&at| known[&words[at..at + n]].count > 1).collect();
                prop_assert_eq!(grams.occurrences().collect::<Vec<_>>(), places.clone());
                let mut is_covered = vec![false; words.len()];
                places.iter().for_each(|&at| is_covered[at..at + n].fill(true));
                let covered: Vec<Range<usize>> = grams.covered().collect();
                prop_assert!(covered.windows(2).all(|pair| pair[0].end < pair[1].start));
                let marked: Vec<usize> = (0..words.len()).filter(|&at| is_covered[at]).collect();
                prop_assert_eq!(covered.into_iter().flatten().collect::<Vec<_>>(), marked);
            }
        }
    }
}
