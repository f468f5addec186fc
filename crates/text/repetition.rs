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

/// The words of a document by number of the distinct word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vocabulary {
    numbering: Numbering,
    pub distinct: Vec<WordFacts>,
    pub words: Vec<u32>,
}

impl Vocabulary {
    pub fn read(&mut self, text: &str, spans: &[(u32, u32)]) {
        let bytes = text.as_bytes();
        self.numbering.reset(spans.len() / 3);
        self.distinct.clear();
        self.words.clear();
        for &span in spans {
            let word = &bytes[range(span)];
            let distinct = &self.distinct;
            let is_word = |number: u32| &bytes[range(distinct[number as usize].span)] == word;
            let (number, is_new) = self.numbering.number(xxh3_64(word), is_word);
            if is_new {
                let word = &text[range(span)];
                self.distinct.push(WordFacts {
                    span,
                    chars: count_chars(word) as u32,
                    count: 0,
                    is_symbol: word.chars().all(is_symbol),
                    is_alphabetic: word.chars().any(is_alphabetic),
                });
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
    numbering: Numbering,
    /// Number of the n-gram that begins at each word, or `UNIQUE`.
    grams: Vec<u32>,
    /// Of each numbered n-gram: how often, and where first.
    counts: Vec<u32>,
    shorter_counts: Vec<u32>,
    keys: Vec<(u32, u32)>,
    firsts: Vec<u32>,
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

const UNIQUE: u32 = u32::MAX;

/// Bytes of text that tell where a duplicate n-gram may begin or end.
const BORDER: usize = 16;

impl NGrams {
    /// For n = 2, 3, 4: code points of the most frequent n-gram, joined by one space, times its count.
    /// The first seen wins a tie. 0 where the text has fewer words than n.
    pub fn top(&mut self, vocabulary: &Vocabulary) -> [usize; 3] {
        self.grams.clear();
        self.grams.extend_from_slice(&vocabulary.words);
        self.counts.clear();
        self.counts.extend(vocabulary.distinct.iter().map(|word| word.count));
        [2, 3, 4].map(|n| self.top_n(vocabulary, n))
    }

    /// An n-gram can only come again if both (n − 1)-grams in it do; all others are left aside.
    fn top_n(&mut self, vocabulary: &Vocabulary, n: usize) -> usize {
        let words = vocabulary.words.len();
        if words < n {
            return 0;
        }
        std::mem::swap(&mut self.counts, &mut self.shorter_counts);
        let shorter = &self.shorter_counts;
        self.numbering.reset(if n == 2 { words / 2 } else { shorter.len() / 2 });
        self.counts.clear();
        self.keys.clear();
        self.firsts.clear();
        let repeats = |gram: u32| gram != UNIQUE && shorter[gram as usize] > 1;
        for at in 0..=words - n {
            let key = (self.grams[at], self.grams[at + 1]);
            if !repeats(key.0) || !repeats(key.1) {
                self.grams[at] = UNIQUE;
                continue;
            }
            let keys = &self.keys;
            let (number, is_new) = self.numbering.number(mix(key), |number| keys[number as usize] == key);
            if is_new {
                self.keys.push(key);
                self.firsts.push(at as u32);
                self.counts.push(0);
            }
            self.counts[number as usize] += 1;
            self.grams[at] = number;
        }
        let (mut first, mut most) = (0, 1);
        for (&count, &at) in self.counts.iter().zip(&self.firsts) {
            if count > most {
                (first, most) = (at as usize, count);
            }
        }
        (vocabulary.chars(first, n) + n - 1) * most as usize
    }

    /// For n = 5 … 10: code points in n-grams (joined without spaces) that were seen before on a walk over
    /// the words which jumps over each such n-gram.
    pub fn duplicates(&mut self, text: &str, words: &[(u32, u32)], vocabulary: &Vocabulary) -> [usize; 6] {
        if words.len() < 6 {
            return [0; 6];
        }
        self.join(text, words);
        self.find_candidates(words.len());
        [5, 6, 7, 8, 9, 10].map(|n| self.duplicates_n(vocabulary, n))
    }

    fn join(&mut self, text: &str, words: &[(u32, u32)]) {
        self.joined.clear();
        self.joined.resize(BORDER, 0);
        self.starts.clear();
        for &word in words {
            self.starts.push(self.joined.len() as u32);
            self.joined.extend_from_slice(&text.as_bytes()[range(word)]);
        }
        self.starts.push(self.joined.len() as u32);
        self.joined.resize(self.joined.len() + BORDER, 0);
    }

    /// Equal n-grams of at least `BORDER` bytes begin and end with the same bytes. So those that matter begin and end
    /// where such bytes are found twice (or seem so: a small table of counts without keys), or are short.
    fn find_candidates(&mut self, words: usize) {
        let size = (words * 8).next_power_of_two().min(1 << 20);
        let starts = &self.starts;
        for (marks, shift) in [(&mut self.begins_twice, 0), (&mut self.ends_twice, BORDER)] {
            self.borders.clear();
            self.borders.resize(size, 0);
            self.slots.clear();
            for &start in starts {
                let border = self.joined[start as usize - shift..].first_chunk::<BORDER>();
                let border = border.map_or(0, |border| u128::from_le_bytes(*border));
                let slot = (mix64(border as u64, (border >> 64) as u64) >> 32) as usize & (size - 1);
                let count = &mut self.borders[slot];
                *count = (*count + 1).min(2);
                self.slots.push(slot as u32);
            }
            marks.clear();
            marks.extend(self.slots.iter().map(|&slot| self.borders[slot as usize] > 1));
        }
        self.candidates.clear();
        for at in 0..=words - 5 {
            let is_short = ((starts[at + 5] - starts[at]) as usize) < BORDER;
            if is_short || self.begins_twice[at] {
                self.candidates.push(at as u32);
            }
        }
    }

    fn duplicates_n(&mut self, vocabulary: &Vocabulary, n: usize) -> usize {
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
                next = at + n;
            }
        }
        chars
    }
}

pub(crate) fn mix(key: (u32, u32)) -> u64 {
    mix64(key.0 as u64, key.1 as u64)
}

fn mix64(a: u64, b: u64) -> u64 {
    let product = (a ^ 0x9E37_79B9_7F4A_7C15) as u128 * (b ^ 0xD6E8_FEB8_6659_FD93) as u128;
    (product as u64 ^ (product >> 64) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
