//! Remembers the ids of pretokens that were met before: most of any text is a few thousand of them.
use crate::fast_hash::FastMap;
use crate::merges::{MergeScratch, Merges};

/// Pretokens up to this length are keyed by their bytes themselves.
const INLINE_BYTES: usize = 15;
const INLINE_IDS: usize = 5;
/// Ids have 21 bits at most (`merges`); five of them and their number fill a u128.
const ID_BITS: usize = 24;
/// Pretokens from here on are merged anew each time.
const LONGEST_BYTES: usize = 128;
/// Pretokens that are looked up together, at most.
pub(crate) const BATCH: usize = 128;
/// 8 MiB of slots.
const SLOTS: usize = 1 << 18;
/// Longer lists of ids and longer pretokens together stay below about 32 MiB.
const SPILLED_IDS: usize = 1 << 20;
const LONG_ENTRIES: usize = 1 << 17;

/// One thread's memory of one tokenizer; `Cache::default()` fits any and starts anew when the tokenizer changes.
/// What it holds never changes ids, only the time they take.
#[derive(Default)]
pub struct Cache {
    owner: u128,
    slots: Vec<Slot>,
    spilled: Vec<u32>,
    long: FastMap<Box<[u8]>, (u32, u32)>,
    scratch: MergeScratch,
}

/// Two slots share a cache line and a hash: what is new takes the second, and the first when it is met again.
#[derive(Clone, Copy, Default)]
#[repr(align(32))]
struct Slot {
    /// The bytes, zero-padded, and their number in the last byte; 0 is an empty slot.
    key: u128,
    /// The number of ids in the last byte, below it the ids, the first lowest;
    /// or where they begin in `spilled` if there are more than `INLINE_IDS`.
    value: u128,
}

impl Cache {
    pub(crate) fn prepare(&mut self, owner: u128) {
        if self.owner != owner || self.slots.is_empty() {
            self.owner = owner;
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.slots.clear();
        self.slots.resize(SLOTS, Slot::default());
        self.spilled.clear();
        self.long.clear();
    }

    /// Appends the ids of the pretokens of `bytes` that begin at `start`, and each where the one before ends.
    pub(crate) fn append(
        &mut self,
        merges: &Merges,
        bytes: &[u8],
        start: usize,
        ends: &[usize],
        ids: &mut Vec<u32>,
    ) {
        // Slots are asked for long before they are looked at: most lie beyond the nearer caches.
        let mut keys = [(0, 0); BATCH];
        let mut from = start;
        for (&end, (key, at)) in ends.iter().zip(&mut keys) {
            *key = inline_key(bytes, from, end - from);
            *at = slot_of(*key);
            prefetch(&self.slots[*at]);
            from = end;
        }
        let mut from = start;
        for (&end, &(key, at)) in ends.iter().zip(&keys) {
            match end - from {
                0..=INLINE_BYTES => self.append_short(merges, &bytes[from..end], (key, at), ids),
                _ => self.append_long(merges, &bytes[from..end], ids),
            }
            from = end;
        }
    }

    #[inline]
    fn append_short(
        &mut self,
        merges: &Merges,
        pretoken: &[u8],
        (key, at): (u128, usize),
        ids: &mut Vec<u32>,
    ) {
        let mut slot = self.slots[at];
        if slot.key != key {
            slot = self.slots[at + 1];
            if slot.key != key {
                return self.miss(merges, pretoken, key, at, ids);
            }
            // What is met again takes the first place, from which no newcomer drives it.
            self.slots.swap(at, at + 1);
        }
        // How many ids it has cannot be foreseen, so nothing branches on that.
        let n = (slot.value >> 120) as usize;
        if n > INLINE_IDS {
            return ids.extend_from_slice(&self.spilled[slot.value as u32 as usize..][..n]);
        }
        let id = |i: usize| (slot.value >> (i * ID_BITS)) as u32 & ((1 << ID_BITS) - 1);
        let before = ids.len();
        ids.extend_from_slice(&[id(0), id(1), id(2), id(3), id(4)]);
        ids.truncate(before + n);
    }

    #[inline(never)]
    fn miss(&mut self, merges: &Merges, pretoken: &[u8], key: u128, at: usize, ids: &mut Vec<u32>) {
        let before = ids.len();
        merges.merge(pretoken, &mut self.scratch, ids);
        let new = &ids[before..];
        let mut value = (new.len() as u128) << 120;
        if new.len() <= INLINE_IDS {
            new.iter().enumerate().for_each(|(i, &id)| value |= u128::from(id) << (i * ID_BITS));
        } else {
            if self.spilled.len() + new.len() > SPILLED_IDS {
                self.clear();
            }
            value |= self.spilled.len() as u128;
            self.spilled.extend_from_slice(new);
        }
        self.slots[at + 1] = Slot { key, value };
    }

    fn append_long(&mut self, merges: &Merges, pretoken: &[u8], ids: &mut Vec<u32>) {
        if pretoken.len() > LONGEST_BYTES {
            return merges.merge(pretoken, &mut self.scratch, ids);
        }
        if let Some(&(first, n)) = self.long.get(pretoken) {
            return ids.extend_from_slice(&self.spilled[first as usize..][..n as usize]);
        }
        let before = ids.len();
        merges.merge(pretoken, &mut self.scratch, ids);
        let new = &ids[before..];
        if self.long.len() == LONG_ENTRIES || self.spilled.len() + new.len() > SPILLED_IDS {
            self.clear();
        }
        self.long.insert(pretoken.into(), (self.spilled.len() as u32, new.len() as u32));
        self.spilled.extend_from_slice(new);
    }
}

/// Asks for a slot and its neighbour in the same cache line.
#[inline]
fn prefetch(slot: &Slot) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: no address does harm, and this one is a slot's.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(slot).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = slot;
}

/// Of a longer pretoken that of its beginning, which nobody looks for.
#[inline]
fn inline_key(bytes: &[u8], start: usize, n: usize) -> u128 {
    let n = n.min(INLINE_BYTES);
    let word = match bytes[start..].first_chunk::<16>() {
        Some(chunk) => u128::from_le_bytes(*chunk),
        None => {
            let mut padded = [0; 16];
            padded[..n].copy_from_slice(&bytes[start..start + n]);
            u128::from_le_bytes(padded)
        }
    };
    word & KEPT[n] | (n as u128) << 120
}

/// The lowest n bytes.
const KEPT: [u128; INLINE_BYTES + 1] = {
    let mut kept = [0; INLINE_BYTES + 1];
    let mut n = 0;
    while n < kept.len() {
        kept[n] = (1 << (8 * n)) - 1;
        n += 1;
    }
    kept
};

#[inline]
fn slot_of(key: u128) -> usize {
    let folded = (key as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ ((key >> 64) as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    (folded.wrapping_mul(0xff51_afd7_ed55_8ccd) >> 46) as usize & !1
}
