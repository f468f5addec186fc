//! Where the n-grams of a long text begin first: a table of bounded size, filled in rounds.

use xxhash_rust::xxh3::xxh3_64;

use crate::bits::Bits;
use crate::long_words::LongWords;
use crate::repetition::mix64;

/// A look for n-grams that come again.
pub(crate) struct Search<'w> {
    pub words: &'w LongWords,
    pub n: usize,
    /// Whether equal bytes of other words are another n-gram.
    pub has_borders: bool,
}

/// An n-gram: its bytes in the words' text.
#[derive(Clone, Copy, Default)]
pub(crate) struct Gram {
    pub at: usize,
    pub end: usize,
    hash: u64,
}

/// So many n-grams are looked up at once: none waits for the memory of another.
const BATCH: usize = 32;

impl Search<'_> {
    pub fn end(&self, at: usize) -> usize {
        self.words.starts.nth_above(at, self.n).unwrap_or(self.words.joined.len())
    }

    fn gram(&self, at: usize) -> Gram {
        let end = self.end(at);
        let hash = xxh3_64(&self.words.joined.as_bytes()[at..end]);
        let hash = if self.has_borders { self.borders(at, end - at).fold(hash, mix64) } else { hash };
        Gram { at, end, hash }
    }

    /// Whether the n-gram that begins at `first` is this one.
    fn is_same(&self, first: usize, gram: Gram) -> bool {
        let (bytes, length) = (self.words.joined.as_bytes(), gram.end - gram.at);
        bytes[first..].starts_with(&bytes[gram.at..gram.end])
            && match self.has_borders {
                true => self.borders(first, length).eq(self.borders(gram.at, length)),
                false => self.end(first) == first + length,
            }
    }

    /// Where words begin and end within `length` bytes from `at` on, a bit for each byte behind the first.
    fn borders(&self, at: usize, length: usize) -> impl Iterator<Item = u64> {
        (0..length).step_by(64).map(move |from| {
            let bytes = length - from;
            let mask = if bytes < 64 { (1 << bytes) - 1 } else { u64::MAX };
            self.words.starts.window(at + from + 1) & mask
        })
    }

    /// Calls `found` with the n-grams that begin at the places, their first place, and how often they were seen so far; some that
    /// come but once are left out. N-grams come in the order of the text in each round, and equal ones in the same round.
    pub fn each_first(&self, mut places: Bits, mut found: impl FnMut(Gram, Place)) {
        let bytes = self.words.joined.as_bytes();
        loop {
            let mut left = places.iter().count();
            if left > self.words.slots / 8 * 5 && self.are_varied(&places) {
                places = self.words.twice(&places, |at| self.gram(at).hash);
                left = places.iter().count();
            }
            let mut table = Table::of(left, self.words.slots);
            let mut done = Bits::below(bytes.len());
            each_batch(places.iter().map(|at| self.gram(at)), |grams| {
                // What the look-ups below need comes from memory for all of them at once.
                let nearby = grams.iter().fold(0, |sum, gram| sum ^ bytes[table.first(gram.hash)]);
                std::hint::black_box(nearby);
                for &gram in grams {
                    if let Some(place) = table.add(gram, self.has_borders, |first| self.is_same(first, gram))
                    {
                        done.set(gram.at);
                        left -= 1;
                        found(gram, place);
                    }
                }
            });
            if left == 0 {
                return;
            }
            places.remove(&done);
        }
    }

    /// Whether most of the first n-grams differ.
    fn are_varied(&self, places: &Bits) -> bool {
        const FIRST: usize = 1 << 16;
        let mut hashes: Vec<u64> = places.iter().take(FIRST).map(|at| self.gram(at).hash).collect();
        let looked_at = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        hashes.len() > looked_at / 2
    }
}

/// Calls `each` with a few at once.
pub(crate) fn each_batch<T: Copy + Default>(all: impl Iterator<Item = T>, mut each: impl FnMut(&[T])) {
    let mut batch = [T::default(); BATCH];
    let mut len = 0;
    for item in all {
        batch[len] = item;
        len += 1;
        if len == BATCH {
            each(&batch);
            len = 0;
        }
    }
    each(&batch[..len]);
}

/// Where an n-gram begins first, and how often it was seen; or what its hash tells, where that does not matter.
/// Of mark 0 it is a free slot.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub first: u32,
    pub mark: u32,
}

/// Places by hash, as many as fit.
struct Table {
    slots: Vec<Place>,
    free: usize,
}

impl Table {
    /// For `expected` places, but with so many slots at most.
    fn of(expected: usize, slots: usize) -> Table {
        let size = (expected * 2).next_power_of_two().clamp(8, slots);
        // Longer chains cost less than another round.
        Table { slots: vec![Place::default(); size], free: size / 8 * 5 }
    }

    fn slot(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.slots.len() - 1)
    }

    /// A place at which the n-gram may begin first.
    fn first(&self, hash: u64) -> usize {
        self.slots[self.slot(hash)].first as usize
    }

    /// The place of an n-gram, which is counted if `counts`; none if it is new and there is no room.
    fn add(&mut self, gram: Gram, counts: bool, is_same: impl Fn(usize) -> bool) -> Option<Place> {
        let mut slot = self.slot(gram.hash);
        let tag = if counts { 1 } else { gram.hash as u32 | 1 };
        loop {
            let place = &mut self.slots[slot];
            if place.mark == 0 {
                self.free = self.free.checked_sub(1)?;
                *place = Place { first: gram.at as u32, mark: tag };
                return Some(*place);
            }
            if (counts || place.mark == tag) && is_same(place.first as usize) {
                place.mark += u32::from(counts);
                return Some(*place);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }
}
