//! The words of a long text, and its n-grams that come again, in memory that grows with bytes and hardly with words.
//!
//! The same counts as [`crate::grams`] and [`crate::repetition`] make of numbered words, exact, too. A word is a place in
//! the words' text; an n-gram is known by the place where it begins first. First places go into a table of bounded size, in
//! rounds: what finds it full waits for the next one.

use crate::bits::{Bits, Ranked};
use crate::characters::count_chars;
use crate::first_places::{Place, Search, each_batch};
use crate::pieces::{PIECE_BYTES, each_piece};
use crate::repetition::mix64;
use crate::words::Splitter;

/// From what size on a text is long, and what is used of it at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Bytes of a text that is not long, and of a piece.
    pub long_bytes: usize,
    /// Slots of a table at most, of 8 bytes; a power of two.
    pub slots: usize,
}

impl Default for Scale {
    fn default() -> Scale {
        Scale { long_bytes: PIECE_BYTES, slots: 1 << 24 }
    }
}

/// Equal n-grams of at least so many bytes begin and end with the same ones.
const BORDER: usize = 16;

/// The words of one text.
#[derive(Clone, Debug)]
pub struct LongWords {
    /// The words without anything between them.
    pub(crate) joined: String,
    /// Where each begins in `joined`, and the end.
    pub(crate) starts: Bits,
    len: usize,
    /// Slots of a table at most.
    pub(crate) slots: usize,
}

impl LongWords {
    /// Those words of `text` for which `is_word` holds.
    pub fn read(text: &str, splitter: Splitter, is_word: impl Fn(&str) -> bool) -> LongWords {
        LongWords::read_by(text, Scale::default(), splitter, is_word)
    }

    pub(crate) fn read_by(
        text: &str,
        scale: Scale,
        splitter: Splitter,
        is_word: impl Fn(&str) -> bool,
    ) -> LongWords {
        let (mut joined, mut starts, mut len) =
            (String::with_capacity(text.len()), Bits::below(text.len()), 0);
        let split = |text: &str, words: &mut Vec<(u32, u32)>| splitter.split(text, words);
        each_piece(text, scale.long_bytes, 0, split, &mut Vec::new(), |words| {
            for &(start, end) in words {
                let word = &text[start as usize..end as usize];
                if is_word(word) {
                    starts.set(joined.len());
                    joined.push_str(word);
                    len += 1;
                }
            }
        });
        joined.shrink_to_fit();
        starts.set(joined.len());
        LongWords { joined, starts, len, slots: scale.slots }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Code points of all words.
    pub fn chars(&self) -> usize {
        count_chars(&self.joined)
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let ends = self.starts.iter().skip(1);
        self.starts.iter().zip(ends).map(|(start, end)| &self.joined[start..end])
    }

    /// For n = 5 … 10: code points in n-grams (joined without spaces) that were seen before on a walk over the words which
    /// jumps over each such n-gram.
    pub(crate) fn duplicates(&self) -> [usize; 6] {
        let [begins_twice, ends_twice] = self.borders_twice();
        [5, 6, 7, 8, 9, 10].map(|n| self.duplicates_n(n, &begins_twice, &ends_twice))
    }

    /// Of the places where the duplicates among n-grams of `BORDER` bytes and more begin, and where they end.
    fn duplicates_n(&self, n: usize, begins_twice: &Bits, ends_twice: &Bits) -> usize {
        let search = Search { words: self, n, has_borders: false };
        let mut waiting = Bits::below(self.joined.len());
        for (at, end) in self.starts.iter().filter_map(|at| Some((at, self.starts.nth_above(at, n)?))) {
            if end - at < BORDER || begins_twice.has(at) && ends_twice.has(end) {
                waiting.set(at);
            }
        }
        // In the order of the text: where each of these n-grams begins first.
        let ranked = Ranked::of(waiting.clone());
        let mut firsts = vec![u32::MAX; ranked.len()];
        search.each_first(waiting, |gram, place| firsts[ranked.rank(gram.at)] = place.first);
        let mut seen = Bits::below(self.joined.len());
        let (mut chars, mut until) = (0, 0);
        for (at, first) in ranked.bits.iter().zip(firsts).filter(|(_, first)| *first != u32::MAX) {
            if at < until {
                continue;
            }
            if seen.has(first as usize) {
                until = search.end(at);
                chars += count_chars(&self.joined[at..until]);
            }
            seen.set(first as usize);
        }
        chars
    }

    /// The places of words, and the end, from which on the `BORDER` bytes come again, or those before it.
    fn borders_twice(&self) -> [Bits; 2] {
        let bytes = self.joined.as_bytes();
        let border = |from: Option<usize>| {
            let border = from.and_then(|from| bytes[from..].first_chunk::<BORDER>());
            border.map_or(0, |border| u128::from_le_bytes(*border))
        };
        let hash = |border: u128| mix64(border as u64, (border >> 64) as u64);
        [
            self.twice(&self.starts, |at| hash(border(Some(at)))),
            self.twice(&self.starts, |at| hash(border(at.checked_sub(BORDER)))),
        ]
    }

    /// The places but for those whose hash no other has.
    pub(crate) fn twice(&self, places: &Bits, hash: impl Fn(usize) -> u64) -> Bits {
        // Two bits for each hash, in the halves of a block: seen, and seen again.
        let size = (places.iter().count() / 4).next_power_of_two().min(self.slots / 4);
        let mut blocks = vec![0_u64; size];
        let slot = |hash: u64| ((hash >> 32) as usize & (size - 1), hash as u32 % 32);
        each_batch(places.iter().map(&hash), |hashes| {
            for &hash in hashes {
                let (block, bit) = slot(hash);
                let was_seen = blocks[block] >> bit & 1;
                blocks[block] |= 1 << bit | was_seen << (32 + bit);
            }
        });
        let mut twice = Bits::below(self.joined.len());
        each_batch(places.iter().map(|at| (at, hash(at))), |hashes| {
            for &(at, hash) in hashes {
                let (block, bit) = slot(hash);
                if blocks[block] >> (32 + bit) & 1 == 1 {
                    twice.set(at);
                }
            }
        });
        twice
    }
}

/// The n-grams of [`LongWords`] that come again, at first the words themselves.
#[derive(Clone, Debug)]
pub struct LongGrams<'w> {
    words: &'w LongWords,
    n: usize,
    /// Where those begin.
    places: Bits,
    top: Option<Top>,
}

/// The most frequent n-gram of those that come again; of several the first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Top {
    pub count: usize,
    /// Its code points, without spaces.
    pub chars: usize,
    /// Those of the longest that is as frequent.
    pub longest: usize,
    first: u32,
}

impl Top {
    /// Of what was the top and an n-gram that was counted again.
    fn of(top: Option<Top>, place: Place, gram: &str) -> Top {
        let count = place.mark as usize;
        let own = |chars| Top { count, chars, longest: chars, first: place.first };
        match top {
            Some(top) if count < top.count => top,
            Some(top) if count == top.count => {
                let own = own(count_chars(gram));
                let longest = top.longest.max(own.chars);
                Top { longest, ..if own.first < top.first { own } else { top } }
            }
            _ => own(count_chars(gram)),
        }
    }
}

impl<'w> LongGrams<'w> {
    pub fn new(words: &'w LongWords) -> LongGrams<'w> {
        let mut grams = LongGrams { words, n: 0, places: words.starts.clone(), top: None };
        grams.lengthen();
        grams
    }

    /// Goes on to n-grams of one word more.
    pub fn lengthen(&mut self) {
        self.n += 1;
        let LongWords { joined, starts, .. } = self.words;
        let mut waiting = Bits::below(joined.len());
        // An n-gram comes again only if both (n − 1)-grams in it do.
        let may_repeat = |at: usize| match starts.next(at + 1) {
            Some(next) => self.n == 1 || self.places.has(next),
            None => false,
        };
        self.places.iter().filter(|&at| may_repeat(at)).for_each(|at| waiting.set(at));
        let (mut places, mut top) = (Bits::below(joined.len()), None);
        let search = Search { words: self.words, n: self.n, has_borders: true };
        search.each_first(waiting, |gram, place| {
            if place.mark > 1 {
                places.set(gram.at);
                places.set(place.first as usize);
                top = Some(Top::of(top, place, &joined[gram.at..gram.end]));
            }
        });
        (self.places, self.top) = (places, top);
    }

    pub fn top(&self) -> Option<Top> {
        self.top
    }

    /// As [`LongGrams::top`]; where none comes again the first n-gram of the text, if there is one.
    pub fn top_or_first(&self) -> Option<Top> {
        let first = || {
            let end = if self.n <= self.words.len { self.words.starts.nth_above(0, self.n) } else { None }?;
            let chars = count_chars(&self.words.joined[..end]);
            Some(Top { count: 1, chars, longest: chars, first: 0 })
        };
        self.top.or_else(first)
    }

    /// Code points, without spaces, of each n-gram that comes again wherever it stands, the first one too.
    pub fn occurrence_chars(&self) -> impl Iterator<Item = usize> {
        self.places.iter().map(|at| count_chars(&self.words.joined[at..self.end(at)]))
    }

    /// Code points of the words that are in n-grams that come again, each counted once.
    pub fn covered_chars(&self) -> usize {
        let (mut chars, mut until) = (0, 0);
        for at in self.places.iter() {
            let end = self.end(at);
            chars += count_chars(&self.words.joined[at.max(until)..end]);
            until = end;
        }
        chars
    }

    fn end(&self, at: usize) -> usize {
        Search { words: self.words, n: self.n, has_borders: true }.end(at)
    }
}
