//! Numbers for distinct keys, in order of first appearance. The keys stay with the caller.

/// Hash table from keys to numbers 0, 1, 2 …; exact, because every hit is compared. Keeps its allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbering {
    /// 0 is free; else the hash's upper half and, below it, number + 1.
    slots: Vec<u64>,
    /// What `slots` was before it grew last; kept for the next time.
    spare: Vec<u64>,
    len: usize,
}

impl Numbering {
    const SMALLEST: usize = 64;

    /// Forgets all keys. `expected` keys fit without growing.
    pub fn reset(&mut self, expected: usize) {
        let size = (expected * 2).next_power_of_two().max(Self::SMALLEST);
        self.slots.clear();
        self.slots.resize(size, 0);
        self.len = 0;
    }

    /// The number of a key, and whether the key is new. `is_key` says if a number stands for the key.
    #[inline]
    pub fn number(&mut self, hash: u64, is_key: impl Fn(u32) -> bool) -> (u32, bool) {
        if self.len * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let tag = hash >> 32;
        let mut at = tag as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                self.len += 1;
                self.slots[at] = tag << 32 | self.len as u64;
                return (self.len as u32 - 1, true);
            }
            let number = slot as u32 - 1;
            if slot >> 32 == tag && is_key(number) {
                return (number, false);
            }
            at = (at + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(Self::SMALLEST);
        std::mem::swap(&mut self.slots, &mut self.spare);
        self.slots.clear();
        self.slots.resize(size, 0);
        for &slot in self.spare.iter().filter(|&&slot| slot != 0) {
            let mut at = (slot >> 32) as usize & (size - 1);
            while self.slots[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_hashes_do_not_make_keys_equal() {
        let keys: Vec<u32> = (0..1000).map(|i| i * 7 % 300).collect();
        let mut numbering = Numbering::default();
        for hash in [|_: u32| 0, |key: u32| (key as u64) << 32] {
            numbering.reset(10);
            let mut distinct: Vec<u32> = Vec::new();
            for &key in &keys {
                let (number, is_new) = numbering.number(hash(key), |n| distinct[n as usize] == key);
                let expected = distinct.iter().position(|&known| known == key);
                assert_eq!(is_new, expected.is_none());
                assert_eq!(number as usize, expected.unwrap_or(distinct.len()));
                if is_new {
                    distinct.push(key);
                }
            }
            assert_eq!(distinct.len(), 300);
        }
    }
}
