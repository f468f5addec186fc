//! Places of a text that are found again wherever the text around them stands again.
//!
//! Winnowing (Schleimer et al. 2003): of every window of `window_bytes` the gram with the smallest hash is its anchor.
//! Windows of the same bytes have the same anchor, so that of all windows only one in many has to be remembered to find
//! every repetition of so many bytes.

use std::ops::Range;

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// Windows in a row that share an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where the first window begins, in bytes.
    pub start: u32,
    /// How many windows; each begins a byte later.
    pub windows: u16,
    /// Bytes from the start of the first window to the anchor.
    pub anchor: u16,
    /// Hash of the bytes at the anchor: windows of the same bytes have the same.
    pub key: u64,
    /// Hash of all bytes of the windows: runs of the same are the same, window by window.
    pub context: u128,
}

/// Bytes that decide which gram is smallest.
const GRAM: usize = 8;

/// Finds runs; keeps its allocations.
#[derive(Debug)]
pub struct Anchors {
    window_bytes: usize,
    /// Bytes from an anchor on that lie in all its windows.
    key_bytes: usize,
    /// Of the last grams, smallest hash from each to the end of its stretch; hash and place in one number.
    smallest: Vec<u64>,
}

impl Anchors {
    /// Windows have from 16 to 60,000 bytes.
    pub fn new(window_bytes: usize) -> Anchors {
        let window_bytes = window_bytes.clamp(2 * GRAM, 60_000);
        // The longer the key, the fewer windows share one by chance, and the more anchors there are.
        let key_bytes = (window_bytes * 3 / 8).max(GRAM);
        Anchors { window_bytes, key_bytes, smallest: Vec::new() }
    }

    pub fn window_bytes(&self) -> usize {
        self.window_bytes
    }

    /// Calls `each` with all runs, in order: every window is in one. A text of less than a window has none, and what lies
    /// beyond 4 GiB is not looked at.
    pub fn each_run(&mut self, text: &[u8], mut each: impl FnMut(Run)) {
        let text = &text[..text.len().min(u32::MAX as usize)];
        let Some(windows) = (text.len() + 1).checked_sub(self.window_bytes).filter(|windows| *windows > 0)
        else {
            return;
        };
        // Grams that may be the anchor of a window.
        let grams = self.window_bytes - self.key_bytes + 1;
        let mut open: Option<(usize, usize)> = None;
        let mut start = 0;
        // Stretches of as many grams: a window takes the end of one and the beginning of the next (van Herk 1992).
        while start < windows {
            let next = start + grams;
            self.smallest.clear();
            self.smallest.extend((start..next).map(|gram| ranked(text, gram)));
            let mut smallest = u64::MAX;
            for rank in self.smallest.iter_mut().rev() {
                smallest = smallest.min(*rank);
                *rank = smallest;
            }
            let mut beginning = u64::MAX;
            for (window, end) in (start..next.min(windows)).zip(&self.smallest) {
                // It leaves its first gram and takes one of the next stretch.
                let smallest = beginning.min(*end);
                let anchor = smallest as u32 as usize;
                match open {
                    Some((first, open_anchor)) if open_anchor != anchor => {
                        each(self.run(text, first..window, open_anchor));
                        open = Some((window, anchor));
                    }
                    Some(_) => {}
                    None => open = Some((window, anchor)),
                }
                if window + 1 < windows {
                    beginning = beginning.min(ranked(text, window + grams));
                }
            }
            start = next;
        }
        if let Some((first, anchor)) = open {
            each(self.run(text, first..windows, anchor));
        }
    }

    fn run(&self, text: &[u8], windows: Range<usize>, anchor: usize) -> Run {
        let bytes = &text[windows.start..windows.end - 1 + self.window_bytes];
        Run {
            start: windows.start as u32,
            windows: windows.len() as u16,
            anchor: (anchor - windows.start) as u16,
            key: xxh3_64(&text[anchor..anchor + self.key_bytes]),
            context: xxh3_128(bytes),
        }
    }
}

/// Of a gram, hash before place: of equal hashes the first place is the smallest.
#[inline]
fn ranked(text: &[u8], gram: usize) -> u64 {
    let bytes = text.get(gram..gram + GRAM).and_then(|bytes| <[u8; GRAM]>::try_from(bytes).ok());
    let value = u64::from_le_bytes(bytes.unwrap_or_default());
    (value ^ value >> 29).wrapping_mul(0x9E37_79B9_7F4A_7C15) & 0xFFFF_FFFF_0000_0000 | gram as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn runs(text: &[u8], window_bytes: usize) -> Vec<Run> {
        let mut runs = Vec::new();
        Anchors::new(window_bytes).each_run(text, |run| runs.push(run));
        runs
    }

    proptest! {
        #[test]
        fn every_window_is_in_one_run_and_equal_windows_have_equal_anchors(
            text in prop::collection::vec(0..3_u8, 0..400),
            window_bytes in 16..60_usize,
        ) {
            let runs = runs(&text, window_bytes);
            let mut next = 0;
            let mut anchors: HashMap<&[u8], (usize, u64)> = HashMap::new();
            for run in &runs {
                prop_assert_eq!(run.start, next);
                next += u32::from(run.windows);
                for window in run.start as usize..next as usize {
                    let anchor = run.start as usize + usize::from(run.anchor) - window;
                    let found = *anchors.entry(&text[window..window + window_bytes]).or_insert((anchor, run.key));
                    prop_assert_eq!(found, (anchor, run.key));
                    prop_assert!(anchor + (window_bytes * 3 / 8).max(GRAM) <= window_bytes);
                }
            }
            prop_assert_eq!(next as usize, (text.len() + 1).saturating_sub(window_bytes));
        }
    }

    #[test]
    fn few_windows_begin_a_run_in_prose() {
        let text: String =
            (0..20_000_u64).map(|n| format!("{:x} ", crate::stable_hash::rehash(n, 1))).collect();
        let runs = runs(text.as_bytes(), 200);
        // Two in so many as there are grams in a window.
        let expected = text.len() * 2 / 127;
        assert!((expected * 9 / 10..expected * 11 / 10).contains(&runs.len()), "{} {expected}", runs.len());
    }
}
