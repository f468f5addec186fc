//! The rows of words that were met before: most of any text is a few ten thousand of them.

use std::sync::OnceLock;

use super::dictionary::Word;

/// 2 MiB of slots; with what they hold, about 16 MiB for all threads together.
const SLOTS: usize = 1 << 16;
/// Slots that a word may take.
const TRIES: usize = 4;
/// Longer words are rare, and others than these have more rows than are worth keeping.
const LONGEST_BYTES: usize = 64;
const MOST_ROWS: usize = 256;

/// Words with their rows, the first that came: once full it takes no more. It never changes an answer, only its time.
pub(super) struct Memory(Vec<OnceLock<Entry>>);

struct Entry {
    hash: u32,
    /// Bytes of the word.
    length: u32,
    /// The word's bytes, four a number and filled with zeros, then its rows.
    data: Box<[u32]>,
}

impl Memory {
    pub fn new(is_used: bool) -> Memory {
        Memory((0..if is_used { SLOTS } else { 0 }).map(|_| OnceLock::new()).collect())
    }

    #[inline]
    pub fn find(&self, word: Word<'_>) -> Option<&[u32]> {
        for slot in self.slots(word) {
            let entry = slot.get()?;
            if entry.hash == word.hash && entry.length as usize == word.bytes.len() {
                let (text, rows) = entry.data.split_at(word.bytes.len().div_ceil(4));
                if packed(word.bytes).eq(text.iter().copied()) {
                    return Some(rows);
                }
            }
        }
        None
    }

    pub fn learn(&self, word: Word<'_>, rows: &[u32]) {
        if word.bytes.len() > LONGEST_BYTES || rows.len() > MOST_ROWS {
            return;
        }
        if let Some(slot) = self.slots(word).find(|slot| slot.get().is_none()) {
            let data = packed(word.bytes).chain(rows.iter().copied()).collect();
            // Another thread may have been faster; then the word waits for its next chance.
            let _ = slot.set(Entry { hash: word.hash, length: word.bytes.len() as u32, data });
        }
    }

    fn slots(&self, word: Word<'_>) -> impl Iterator<Item = &OnceLock<Entry>> {
        let first = (word.hash.wrapping_mul(0x9E37_79B1) >> 16) as usize / TRIES * TRIES;
        self.0.get(first..first + TRIES).unwrap_or_default().iter()
    }
}

fn packed(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks(4).map(|chunk| match chunk.first_chunk::<4>() {
        Some(four) => u32::from_le_bytes(*four),
        None => chunk.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)),
    })
}
