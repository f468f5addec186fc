//! Words and labels of a model, and the rows of the input matrix that words and n-grams stand for.

use std::collections::HashMap;
use std::ops::Range;

use super::Arguments;
use super::bytes::{Bytes, Part};

pub(super) const LABEL_PREFIX: &str = "__label__";
pub(super) const END_OF_LINE: Word<'static> = Word::new(b"</s>");

const EMPTY: u32 = u32::MAX;

/// A run of bytes without white space, with its hash.
#[derive(Clone, Copy)]
pub(super) struct Word<'t> {
    pub bytes: &'t [u8],
    pub hash: u32,
}

/// What a run of bytes is to the model.
pub(super) enum Token {
    /// Labels in a text count for nothing.
    Label,
    /// A word with its number, if the dictionary has it.
    Word(Option<u32>),
}

pub(super) struct Dictionary {
    /// Without their prefix.
    pub labels: Vec<String>,
    pub label_counts: Vec<i64>,
    n_words: u32,
    /// From the first entry on.
    file: Part,
    /// Where the entries lie in `file`, words first.
    entries: Vec<Range<usize>>,
    /// Open addressing: numbers of entries by hash, at most half full.
    slots: Vec<u32>,
    buckets: Buckets,
    bucket: u32,
    word_ngrams: usize,
    minn: usize,
    maxn: usize,
}

/// The row behind the words' that an n-gram's bucket has.
enum Buckets {
    /// The bucket's number.
    All,
    /// As listed; others have none.
    Pruned(HashMap<u32, u32>),
}

impl<'t> Word<'t> {
    pub const fn new(bytes: &'t [u8]) -> Word<'t> {
        let (mut hash, mut at) = (FNV_OFFSET, 0);
        while at < bytes.len() {
            hash = fnv_step(hash, bytes[at]);
            at += 1;
        }
        Word { bytes, hash }
    }
}

/// FNV-1a of 32 bits, but that bytes above 127 are negative.
const fn fnv_step(hash: u32, byte: u8) -> u32 {
    (hash ^ byte as i8 as i32 as u32).wrapping_mul(16_777_619)
}

const FNV_OFFSET: u32 = 2_166_136_261;

/// The next word from `at` on. White space is these seven bytes, nothing else.
#[inline]
pub(super) fn next_word<'t>(line: &'t [u8], at: &mut usize) -> Option<Word<'t>> {
    let is_space = |byte: u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 0x0b | 0x0c | 0);
    let start = *at + line[*at..].iter().position(|byte| !is_space(*byte))?;
    let (mut hash, mut end) = (FNV_OFFSET, start);
    while let Some(byte) = line.get(end).filter(|byte| !is_space(**byte)) {
        hash = fnv_step(hash, *byte);
        end += 1;
    }
    *at = end;
    Some(Word { bytes: &line[start..end], hash })
}

impl Dictionary {
    pub fn read(bytes: &mut Bytes, arguments: &Arguments) -> Result<Dictionary, String> {
        let (size, n_words, n_labels) =
            (bytes.i32("dictionary")?, bytes.i32("dictionary")?, bytes.i32("dictionary")?);
        bytes.skip(8, "dictionary")?;
        let n_pruned = bytes.i64("dictionary")?;
        // An entry is a text, a zero, a count of 8 bytes and a type.
        bytes.count(i64::from(size), 10, "words and labels")?;
        if n_words < 0 || n_labels < 1 || n_words.checked_add(n_labels) != Some(size) {
            return Err(format!("{size} entries are not {n_words} words and {n_labels} labels"));
        }
        let file = bytes.rest();
        let mut entries = Vec::with_capacity(size as usize);
        let (mut labels, mut label_counts) = (Vec::new(), Vec::new());
        for number in 0..size {
            let start = file.len() - bytes.left();
            let entry = bytes.text("a word")?;
            let count = bytes.i64("a word")?;
            let is_label = bytes.flag("a word's type")?;
            if is_label != (number >= n_words) {
                return Err("words and labels are mixed up".to_owned());
            }
            entries.push(start..start + entry.len());
            if is_label {
                let name = std::str::from_utf8(&entry).map_err(|_| "a label is not UTF-8".to_owned())?;
                labels.push(name.strip_prefix(LABEL_PREFIX).unwrap_or(name).to_owned());
                label_counts.push(count);
            }
        }
        let buckets = match n_pruned {
            ..0 => Buckets::All,
            _ => Buckets::read(bytes, n_pruned)?,
        };
        let mut dictionary = Dictionary {
            labels,
            label_counts,
            n_words: n_words as u32,
            file,
            slots: vec![EMPTY; (2 * entries.len()).next_power_of_two()],
            entries,
            buckets,
            bucket: arguments.bucket,
            word_ngrams: arguments.word_ngrams,
            minn: arguments.minn,
            maxn: arguments.maxn,
        };
        for number in 0..size as u32 {
            let slot = dictionary.slot(Word::new(dictionary.entry(number)));
            dictionary.slots[slot] = number;
        }
        Ok(dictionary)
    }

    pub fn is_pruned(&self) -> bool {
        matches!(self.buckets, Buckets::Pruned(_))
    }

    pub fn has_subwords(&self) -> bool {
        self.maxn > 0
    }

    pub fn has_word_ngrams(&self) -> bool {
        self.word_ngrams > 1
    }

    /// One more than the highest row that a word or n-gram can have.
    pub fn rows_needed(&self) -> u64 {
        let buckets = match &self.buckets {
            Buckets::All if self.has_subwords() || self.has_word_ngrams() => u64::from(self.bucket),
            Buckets::All => 0,
            Buckets::Pruned(rows) => rows.values().max().map_or(0, |row| u64::from(*row) + 1),
        };
        u64::from(self.n_words) + buckets
    }

    pub fn token(&self, word: Word<'_>) -> Token {
        match self.slots[self.slot(word)] {
            EMPTY if word.bytes.starts_with(LABEL_PREFIX.as_bytes()) => Token::Label,
            EMPTY => Token::Word(None),
            number if number < self.n_words => Token::Word(Some(number)),
            _ => Token::Label,
        }
    }

    /// Appends the row of a word itself. Where its character n-grams are to follow, returns where they begin.
    pub fn begin_word(
        &self,
        word: Word<'_>,
        number: Option<u32>,
        padded: &mut Vec<u8>,
        rows: &mut Vec<u32>,
    ) -> Option<usize> {
        rows.extend(number);
        let has_subwords = self.has_subwords() && word.bytes != END_OF_LINE.bytes;
        has_subwords.then(|| {
            padded.clear();
            padded.push(b'<');
            padded.extend_from_slice(word.bytes);
            padded.push(b'>');
            0
        })
    }

    /// Appends the rows of the character n-grams of a padded word that begin at `start` or later, up to about
    /// `limit` rows. Returns where to go on.
    pub fn subwords(&self, padded: &[u8], start: usize, limit: usize, rows: &mut Vec<u32>) -> Option<usize> {
        let continues = |at: usize| padded.get(at).is_some_and(|byte| byte & 0xC0 == 0x80);
        for first in start..padded.len() {
            if continues(first) {
                continue;
            }
            if rows.len() >= limit {
                return Some(first);
            }
            let (mut hash, mut end) = (FNV_OFFSET, first);
            for n in 1..=self.maxn {
                let Some(byte) = padded.get(end) else { break };
                hash = fnv_step(hash, *byte);
                end += 1;
                while continues(end) {
                    hash = fnv_step(hash, padded[end]);
                    end += 1;
                }
                // The brackets alone are no n-grams.
                let is_bracket = n == 1 && (first == 0 || end == padded.len());
                if n >= self.minn && !is_bracket {
                    self.push(hash % self.bucket, rows);
                }
            }
        }
        None
    }

    /// As [`Dictionary::subwords`], for the n-grams of a line's words.
    pub fn word_ngrams(
        &self,
        hashes: &[u32],
        start: usize,
        limit: usize,
        rows: &mut Vec<u32>,
    ) -> Option<usize> {
        // Hashes are signed in the reference; what is multiplied is not.
        let widen = |hash: u32| hash as i32 as i64 as u64;
        for first in start..hashes.len() {
            if rows.len() >= limit {
                return Some(first);
            }
            let mut hash = widen(hashes[first]);
            for next in &hashes[first + 1..hashes.len().min(first + self.word_ngrams)] {
                hash = hash.wrapping_mul(116_049_371).wrapping_add(widen(*next));
                self.push((hash % u64::from(self.bucket)) as u32, rows);
            }
        }
        None
    }

    fn push(&self, bucket: u32, rows: &mut Vec<u32>) {
        match &self.buckets {
            Buckets::All => rows.push(self.n_words + bucket),
            Buckets::Pruned(kept) => rows.extend(kept.get(&bucket).map(|row| self.n_words + row)),
        }
    }

    fn entry(&self, number: u32) -> &[u8] {
        &self.file[self.entries[number as usize].clone()]
    }

    /// Where the word stands in `slots`, or would.
    fn slot(&self, word: Word<'_>) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = word.hash as usize & mask;
        while self.slots[slot] != EMPTY && self.entry(self.slots[slot]) != word.bytes {
            slot = (slot + 1) & mask;
        }
        slot
    }
}

impl Buckets {
    fn read(bytes: &mut Bytes, number: i64) -> Result<Buckets, String> {
        let number = bytes.count(number, 8, "kept n-grams")?;
        let mut rows = HashMap::with_capacity(number);
        for _ in 0..number {
            let (bucket, row) = (bytes.i32("kept n-grams")?, bytes.i32("kept n-grams")?);
            let row = u32::try_from(row).map_err(|_| format!("row {row} of a kept n-gram"))?;
            rows.insert(bucket as u32, row);
        }
        Ok(Buckets::Pruned(rows))
    }
}
