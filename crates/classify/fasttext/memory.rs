//! The rows of words that were met lately: most of any text is a few ten thousand of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, RwLock};

use super::dictionary::Word;

/// Slots of a generation, 32 bytes each.
const SLOTS: usize = 1 << 15;
/// Slots that a word may take.
const TRIES: usize = 4;
/// Longer words are rare, and others than these have more rows than are worth keeping.
const LONGEST_BYTES: usize = 64;
const MOST_ROWS: usize = 256;
/// A generation is full with this many words, or numbers of four bytes.
const MOST_WORDS: usize = SLOTS / 4 * 3;
const MOST_NUMBERS: usize = 1 << 20;

/// Words with their rows, in two generations: where one is full, an empty one follows, and what was not
/// met again by the time that this is full is forgotten. It never changes an answer, only its time.
///
/// One for all threads. What a generation has learnt stays as it is, so that reading it takes no lock.
pub(super) struct Memory(Option<RwLock<Generations>>);

/// What a thread holds while it reads a text.
#[derive(Clone, Default)]
pub(super) struct Generations {
    young: Arc<Table>,
    old: Arc<Table>,
}

#[derive(Default)]
struct Table {
    slots: Vec<OnceLock<Entry>>,
    /// Words, by the share of the room that they take.
    filled: AtomicUsize,
}

#[derive(Clone)]
struct Entry {
    hash: u32,
    /// Bytes of the word.
    length: u32,
    /// The rows, then the word's bytes, four a number.
    data: Arc<[u32]>,
}

impl Memory {
    pub fn new(is_used: bool) -> Memory {
        Memory(
            is_used.then(|| RwLock::new(Generations { young: Arc::new(Table::new()), old: Arc::default() })),
        )
    }

    /// The generations for one text; before it a full one makes room.
    pub fn generations(&self) -> Generations {
        let Some(lock) = &self.0 else { return Generations::default() };
        let current = lock.read().map_or_else(|_| Generations::default(), |current| current.clone());
        if !current.young.is_full() {
            return current;
        }
        let Ok(mut shared) = lock.write() else { return current };
        // Unless another thread was faster. `current` keeps what is forgotten until the lock is open again.
        if shared.young.is_full() {
            shared.old = std::mem::replace(&mut shared.young, Arc::new(Table::new()));
        }
        shared.clone()
    }
}

impl Generations {
    /// The rows of a word.
    #[inline]
    pub fn find(&self, word: Word<'_>) -> Option<&[u32]> {
        let entry = self.young.find(word).or_else(|| {
            let entry = self.old.find(word)?;
            self.young.keep(entry.clone());
            Some(entry)
        });
        entry.map(|entry| entry.split().0)
    }

    pub fn learn(&self, word: Word<'_>, rows: &[u32]) {
        if word.bytes.len() > LONGEST_BYTES || rows.len() > MOST_ROWS || self.young.is_full() {
            return;
        }
        let data = rows.iter().copied().chain(packed(word.bytes)).collect();
        self.young.keep(Entry { hash: word.hash, length: word.bytes.len() as u32, data });
    }
}

impl Table {
    fn new() -> Table {
        Table { slots: (0..SLOTS).map(|_| OnceLock::new()).collect(), filled: AtomicUsize::new(0) }
    }

    #[inline]
    fn find(&self, word: Word<'_>) -> Option<&Entry> {
        for slot in self.slots(word.hash) {
            let entry = slot.get()?;
            if entry.hash == word.hash && entry.is(word) {
                return Some(entry);
            }
        }
        None
    }

    /// Without slots it is not in use.
    fn is_full(&self) -> bool {
        self.filled.load(Ordering::Relaxed) >= MOST_NUMBERS || self.slots.is_empty()
    }

    /// Takes an entry where there is room; another thread may be faster, then not.
    fn keep(&self, entry: Entry) {
        if self.is_full() {
            return;
        }
        if let Some(slot) = self.slots(entry.hash).find(|slot| slot.get().is_none()) {
            let share = entry.data.len().max(MOST_NUMBERS / MOST_WORDS);
            self.filled.fetch_add(share, Ordering::Relaxed);
            let _ = slot.set(entry);
        }
    }

    fn slots(&self, hash: u32) -> impl Iterator<Item = &OnceLock<Entry>> {
        let first = (hash.wrapping_mul(0x9E37_79B1) >> 17) as usize / TRIES * TRIES;
        self.slots.get(first..first + TRIES).unwrap_or_default().iter()
    }
}

impl Entry {
    /// Rows, and bytes of the word.
    fn split(&self) -> (&[u32], &[u32]) {
        self.data.split_at(self.data.len() - (self.length as usize).div_ceil(4))
    }

    fn is(&self, word: Word<'_>) -> bool {
        self.length as usize == word.bytes.len() && packed(word.bytes).eq(self.split().1.iter().copied())
    }
}

/// Bytes as numbers of four, the last filled with zeros.
fn packed(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks(4).map(|chunk| match chunk.first_chunk::<4>() {
        Some(four) => u32::from_le_bytes(*four),
        None => chunk.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)),
    })
}
