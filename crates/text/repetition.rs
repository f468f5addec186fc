//! Repetition inside one document: words, lines, paragraphs and word n-grams that come again (Gopher, A1).
//!
//! Lengths are code points. "Duplicate" means second and later occurrences. All counts are exact.

use xxhash_rust::xxh3::xxh3_64;

use crate::characters::{count_chars, is_alphabetic, is_symbol};
use crate::numbering::Numbering;

/// What is known of one distinct word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WordFacts {
    /// Byte range of its first occurrence.
    pub span: (u32, u32),
    pub chars: u32,
    pub count: u32,
    pub is_symbol: bool,
    pub is_alphabetic: bool,
}

impl WordFacts {
    /// Of a word that was not counted yet, and stands nowhere.
    pub fn of(word: &str) -> WordFacts {
        let begins_with_letter = word.starts_with(|c: char| c.is_ascii_alphabetic());
        WordFacts {
            span: (0, 0),
            chars: count_chars(word) as u32,
            count: 0,
            is_symbol: !begins_with_letter && word.chars().all(is_symbol),
            is_alphabetic: begins_with_letter || word.chars().any(is_alphabetic),
        }
    }
}

/// The words of a document by number of the distinct word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vocabulary {
    numbering: Numbering,
    /// Of each distinct word: itself if it is short, see [`key`].
    keys: Vec<u128>,
    pub distinct: Vec<WordFacts>,
    pub words: Vec<u32>,
}

/// Words of so many bytes have a key that says all.
const SHORT: usize = 15;

/// The bytes and the length of a short word; of a longer one a hash that no short word has.
#[inline]
fn key(bytes: &[u8], (start, end): (u32, u32)) -> u128 {
    let (start, end) = (start as usize, end as usize);
    let length = end - start;
    if length > SHORT {
        return u128::MAX << 64 | u128::from(xxh3_64(&bytes[start..end]));
    }
    let value = match bytes[start..].first_chunk() {
        Some(chunk) => u128::from_le_bytes(*chunk) & ((1 << (8 * length)) - 1),
        None => bytes[start..end].iter().rev().fold(0, |value, &byte| value << 8 | u128::from(byte)),
    };
    value | (length as u128) << 120
}

impl Vocabulary {
    pub fn read(&mut self, text: &str, spans: &[(u32, u32)]) {
        let bytes = text.as_bytes();
        self.numbering.reset(spans.len() / 2);
        self.keys.clear();
        self.distinct.clear();
        self.words.clear();
        for &span in spans {
            let (key, keys, distinct) = (key(bytes, span), &self.keys, &self.distinct);
            let is_short = (span.1 - span.0) as usize <= SHORT;
            let is_word = |number: u32| {
                let number = number as usize;
                keys[number] == key && (is_short || bytes[range(distinct[number].span)] == bytes[range(span)])
            };
            let (number, is_new) = self.numbering.number(mix64(key as u64, (key >> 64) as u64), is_word);
            if is_new {
                self.keys.push(key);
                self.distinct.push(WordFacts { span, ..WordFacts::of(&text[range(span)]) });
            }
            self.distinct[number as usize].count += 1;
            self.words.push(number);
        }
    }

    /// Code points of the words `at..at + n`.
    fn chars(&self, at: usize, n: usize) -> usize {
        self.words[at..at + n].iter().map(|&word| self.distinct[word as usize].chars as usize).sum()
    }
}

fn range((start, end): (u32, u32)) -> std::ops::Range<usize> {
    start as usize..end as usize
}

/// Distinct parts (lines, paragraphs) of a text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    numbering: Numbering,
    spans: Vec<(u32, u32)>,
}

impl Parts {
    pub fn reset(&mut self) {
        self.numbering.reset(0);
        self.spans.clear();
    }

    /// Remembers a part; true if it was there before.
    pub fn is_duplicate(&mut self, text: &str, start: usize, end: usize) -> bool {
        let bytes = text.as_bytes();
        let part = &bytes[start..end];
        let spans = &self.spans;
        let is_part = |number: u32| &bytes[range(spans[number as usize])] == part;
        let (_, is_new) = self.numbering.number(xxh3_64(part), is_part);
        if is_new {
            self.spans.push((start as u32, end as u32));
        }
        !is_new
    }
}

/// Word n-grams of one document.
#[derive(Clone, Debug, Default)]
pub(crate) struct NGrams {
    /// N-grams that may come again, in the order of the text.
    places: Vec<Place>,
    counted: Vec<Counted>,
    numbering: Numbering,
    /// The words without anything between them, and `BORDER` zeros around; where each begins, and the end.
    joined: Vec<u8>,
    starts: Vec<u32>,
    /// Words at which a duplicate may begin.
    candidates: Vec<u32>,
    /// By word: the `BORDER` bytes from it on, and those before it, seem to come again.
    begins_twice: Vec<bool>,
    ends_twice: Vec<bool>,
    borders: Vec<u8>,
    slots: Vec<u32>,
    spans: Vec<(u32, u32)>,
}

/// Where an n-gram begins, and the (n − 1)-grams that make it.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    at: u32,
    pair: (u32, u32),
}

/// An n-gram by its (n − 1)-grams. Of count 0 it is a free slot.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    pair: (u32, u32),
    /// Where it begins first.
    first: u32,
    count: u32,
}

/// Bytes of text that tell where a duplicate n-gram may begin or end.
const BORDER: usize = 16;

impl NGrams {
    /// For n = 2, 3, 4: code points of the most frequent n-gram, joined by one space, times its count.
    /// The first seen wins a tie. 0 where the text has fewer words than n.
    pub fn top(&mut self, vocabulary: &Vocabulary) -> [usize; 3] {
        let mut sizes = [2, 3, 4];
        for (size, most) in sizes.iter_mut().zip(self.most_frequent(vocabulary)) {
            let chars = |first: u32| vocabulary.chars(first as usize, *size) + *size - 1;
            *size = most.map_or(0, |(first, count)| chars(first) * count as usize);
        }
        sizes
    }

    /// For n = 2, 3, 4: the word at which the most frequent n-gram begins first, and its count.
    pub fn most_frequent(&mut self, vocabulary: &Vocabulary) -> [Option<(u32, u32)>; 3] {
        self.pair_words(vocabulary);
        [2, 3, 4].map(|n| {
            if n > 2 {
                self.pair_grams();
            }
            (vocabulary.words.len() >= n).then(|| self.count())
        })
    }

    /// Finds the 2-grams that may come again: of words that do.
    fn pair_words(&mut self, vocabulary: &Vocabulary) {
        let (words, distinct) = (&vocabulary.words, &vocabulary.distinct);
        self.places.clear();
        self.places.resize(words.len(), Place::default());
        let repeats = |word: u32| distinct[word as usize].count > 1;
        let mut found = 0;
        let mut left_repeats = words.first().is_some_and(|&word| repeats(word));
        for (at, pair) in words.windows(2).enumerate() {
            let right_repeats = repeats(pair[1]);
            // Written in any case and kept by counting: a branch could not be predicted.
            self.places[found] = Place { at: at as u32, pair: (pair[0], pair[1]) };
            found += usize::from(left_repeats & right_repeats);
            left_repeats = right_repeats;
        }
        self.places.truncate(found);
    }

    /// Goes on to n-grams of one word more: a pair now names slots of `counted`.
    fn pair_grams(&mut self) {
        let mut found = 0;
        for index in 1..self.places.len() {
            let [left, right] = [self.places[index - 1], self.places[index]];
            let repeats = |place: Place| self.counted[place.pair.0 as usize].count > 1;
            let is_kept = (right.at == left.at + 1) & repeats(left) & repeats(right);
            self.places[found] = Place { at: left.at, pair: (left.pair.0, right.pair.0) };
            found += usize::from(is_kept);
        }
        self.places.truncate(found);
    }

    /// Counts the n-grams of `places` and puts the slot of each into its pair. The most frequent: where it begins first,
    /// and its count; the first n-gram of the text where none comes again.
    fn count(&mut self) -> (u32, u32) {
        let size = (self.places.len() * 2).next_power_of_two();
        self.counted.clear();
        self.counted.resize(size, Counted::default());
        let (mut first, mut most) = (0, 1);
        for place in &mut self.places {
            let mut slot = (mix(place.pair) >> 32) as usize & (size - 1);
            loop {
                let counted = &mut self.counted[slot];
                if counted.count == 0 {
                    *counted = Counted { pair: place.pair, first: place.at, count: 1 };
                    break;
                }
                if counted.pair == place.pair {
                    counted.count += 1;
                    if counted.count > most || counted.count == most && counted.first < first {
                        (first, most) = (counted.first, counted.count);
                    }
                    break;
                }
                slot = (slot + 1) & (size - 1);
            }
            place.pair.0 = slot as u32;
        }
        (first, most)
    }

    /// For n = 5 … 10: code points in n-grams (joined without spaces) that were seen before on a walk over
    /// the words which jumps over each such n-gram. `found` is told n and the first word of each.
    pub fn duplicates(
        &mut self,
        text: &str,
        words: &[(u32, u32)],
        vocabulary: &Vocabulary,
        mut found: impl FnMut(usize, usize),
    ) -> [usize; 6] {
        if words.len() < 6 {
            return [0; 6];
        }
        self.join(text, words);
        self.find_candidates(words.len());
        [5, 6, 7, 8, 9, 10].map(|n| self.duplicates_n(vocabulary, n, |at| found(n, at)))
    }

    fn join(&mut self, text: &str, words: &[(u32, u32)]) {
        let bytes = text.as_bytes();
        self.joined.clear();
        self.joined.resize(BORDER + bytes.len() + BORDER, 0);
        self.starts.clear();
        let mut at = BORDER;
        for &word in words {
            self.starts.push(at as u32);
            let length = (word.1 - word.0) as usize;
            // Most words are shorter than a border, which is a fixed number of bytes to copy.
            match (bytes[word.0 as usize..].first_chunk::<BORDER>(), self.joined[at..].first_chunk_mut()) {
                (Some(from), Some(to)) if length <= BORDER => *to = *from,
                _ => self.joined[at..at + length].copy_from_slice(&bytes[range(word)]),
            }
            at += length;
        }
        self.starts.push(at as u32);
        self.joined.truncate(at);
        self.joined.resize(at + BORDER, 0);
    }

    /// Equal n-grams of at least `BORDER` bytes begin and end with the same bytes. So those that matter begin and end
    /// where such bytes are found twice (or seem so: a small table of counts without keys), or are short.
    fn find_candidates(&mut self, words: usize) {
        self.mark_twice(0);
        let starts = &self.starts;
        self.candidates.clear();
        self.candidates.resize(words, 0);
        let mut found = 0;
        for at in 0..=words - 5 {
            let is_short = ((starts[at + 5] - starts[at]) as usize) < BORDER;
            self.candidates[found] = at as u32;
            found += usize::from(is_short | self.begins_twice[at]);
        }
        self.candidates.truncate(found);
        // Of few candidates the ends rule out few.
        if found > words / 8 {
            std::mem::swap(&mut self.begins_twice, &mut self.ends_twice);
            self.mark_twice(BORDER);
            std::mem::swap(&mut self.begins_twice, &mut self.ends_twice);
        } else {
            self.ends_twice.clear();
            self.ends_twice.resize(words + 1, true);
        }
    }

    /// Sets `begins_twice` for the `BORDER` bytes which begin `shift` bytes before each word, and the end.
    fn mark_twice(&mut self, shift: usize) {
        let size = (self.starts.len() * 8).next_power_of_two().min(1 << 20);
        self.borders.clear();
        self.borders.resize(size, 0);
        self.slots.clear();
        for &start in &self.starts {
            let border = self.joined[start as usize - shift..].first_chunk::<BORDER>();
            let border = border.map_or(0, |border| u128::from_le_bytes(*border));
            let slot = (mix64(border as u64, (border >> 64) as u64) >> 32) as usize & (size - 1);
            let count = &mut self.borders[slot];
            *count = (*count + 1).min(2);
            self.slots.push(slot as u32);
        }
        self.begins_twice.clear();
        self.begins_twice.extend(self.slots.iter().map(|&slot| self.borders[slot as usize] > 1));
    }

    fn duplicates_n(&mut self, vocabulary: &Vocabulary, n: usize, mut found: impl FnMut(usize)) -> usize {
        self.numbering.reset(self.candidates.len() / 4);
        self.spans.clear();
        let (mut chars, mut next) = (0, 0);
        for &at in &self.candidates {
            let at = at as usize;
            if at + n >= self.starts.len() {
                break;
            }
            if at < next {
                continue;
            }
            let span = (self.starts[at], self.starts[at + n]);
            let is_short = ((span.1 - span.0) as usize) < BORDER;
            let may_repeat = is_short || self.begins_twice[at] && self.ends_twice[at + n];
            if !may_repeat {
                continue;
            }
            let gram = &self.joined[range(span)];
            let (joined, spans) = (&self.joined, &self.spans);
            let is_gram = |number: u32| &joined[range(spans[number as usize])] == gram;
            let (_, is_new) = self.numbering.number(xxh3_64(gram), is_gram);
            if is_new {
                self.spans.push(span);
            } else {
                chars += vocabulary.chars(at, n);
                found(at);
                next = at + n;
            }
        }
        chars
    }
}

pub(crate) fn mix(key: (u32, u32)) -> u64 {
    mix64(key.0 as u64, key.1 as u64)
}

pub(crate) fn mix64(a: u64, b: u64) -> u64 {
    let product = (a ^ 0x9E37_79B9_7F4A_7C15) as u128 * (b ^ 0xD6E8_FEB8_6659_FD93) as u128;
    (product as u64 ^ (product >> 64) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
