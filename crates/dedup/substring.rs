//! Substrings that stand in several places: which bytes go.
//!
//! A byte goes if a window around it of so many bytes stands elsewhere: of equal windows all but the first, in input order,
//! and those that overlap it, or all. Repeated substrings of at least that length are just unions of such windows. Windows
//! are met in runs with one anchor ([`text::anchors`]). Runs of equal bytes settle each other; what is left of those that
//! share the bytes at their anchor is compared.

use rayon::prelude::*;
use text::stable_hash::hash128;

/// Windows in a row that share an anchor. In order of key, context and place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// Hash of the bytes at the anchor.
    pub key: u64,
    /// Of all bytes: 96 bits of their hash, then how many windows, then where the first one has its anchor.
    pub context: u128,
    /// Where the first window begins. Places are in input order; those of different texts are at least a window apart.
    pub place: u64,
}

/// From place to place.
pub type Range = (u64, u64);

/// Not in a place but beside it: this run is known to go.
const MARK: u64 = 1 << 63;

impl Run {
    pub const BYTES: usize = 32;

    /// A run of a text that begins at a place.
    pub fn new(run: &text::anchors::Run, text: u64) -> Run {
        let numbers = u128::from(run.windows) << 16 | u128::from(run.anchor);
        Run { key: run.key, context: run.context >> 32 << 32 | numbers, place: text + u64::from(run.start) }
    }

    pub fn place(&self) -> u64 {
        self.place & !MARK
    }

    fn windows(&self) -> u64 {
        u64::from((self.context >> 16) as u16)
    }

    fn anchor(&self) -> u64 {
        u64::from(self.context as u16)
    }
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    pub window_bytes: u64,
    /// The first of equal windows stays; else none.
    pub keeps_first: bool,
}

impl Search {
    /// The bytes of a run.
    pub fn range(&self, run: &Run) -> Range {
        (run.place(), run.place() + run.windows() - 1 + self.window_bytes)
    }

    /// Adds what goes because another run is of the same bytes, and leaves of the runs those that have to be compared
    /// with others. More may follow: that is the same in the end.
    pub fn settle(&self, runs: &mut Vec<Run>, gone: &mut Vec<Range>) {
        runs.par_sort_unstable();
        let (mut kept, mut start) = (0, 0);
        while start < runs.len() {
            let first = runs[start];
            let is_same = |run: &&Run| (run.key, run.context) == (first.key, first.context);
            let end = start + runs[start..].iter().take_while(is_same).count();
            if !self.keeps_first && end - start > 1 {
                let unknown = runs[start..end].iter().filter(|run| run.place & MARK == 0);
                gone.extend(unknown.map(|run| self.range(run)));
                runs[kept] = Run { place: first.place | MARK, ..first };
                kept += 1;
            } else {
                for at in start..end {
                    let run = runs[at];
                    if run.place - first.place >= self.window_bytes {
                        gone.push(self.range(&run));
                    } else {
                        runs[kept] = run;
                        kept += 1;
                    }
                }
            }
            start = end;
        }
        runs.truncate(kept);
    }

    /// Of settled runs, leaves those that share their key with a run of other bytes.
    pub fn retain_alike(&self, runs: &mut Vec<Run>) {
        let (mut kept, mut start) = (0, 0);
        while start < runs.len() {
            let first = runs[start];
            let end = start + runs[start..].iter().take_while(|run| run.key == first.key).count();
            if runs[end - 1].context != first.context {
                runs.copy_within(start..end, kept);
                kept += end - start;
            }
            start = end;
        }
        runs.truncate(kept);
    }

    /// Adds what goes of the runs of one key, compared two by two.
    pub fn compare(&self, runs: &[(Run, &[u8])], gone: &mut Vec<Range>) {
        for (at, (run, bytes)) in runs.iter().enumerate() {
            for (other, other_bytes) in &runs[..at] {
                let [anchor, other_anchor] = [run, other].map(Run::anchor);
                let (left, right) = bytes.split_at((anchor as usize).min(bytes.len()));
                let (other_left, other_right) =
                    other_bytes.split_at((other_anchor as usize).min(other_bytes.len()));
                // By how much a window begins before the anchor.
                let low = (anchor + 1).saturating_sub(run.windows());
                let other_low = (other_anchor + 1).saturating_sub(other.windows());
                let low =
                    low.max(other_low).max(self.window_bytes.saturating_sub(common(right, other_right)));
                let high = common_end(left, other_left).min(anchor).min(other_anchor);
                if low > high {
                    continue;
                }
                let range = |run: &Run, anchor: u64| {
                    let anchor = run.place() + anchor;
                    (anchor - high, anchor - low + self.window_bytes)
                };
                let (mine, others) = (range(run, anchor), range(other, other_anchor));
                if !self.keeps_first {
                    gone.extend([mine, others]);
                } else if mine.0.abs_diff(others.0) >= self.window_bytes {
                    gone.push(mine.max(others));
                }
            }
        }
    }

    /// Adds hash and place of those windows of runs whose hash is in one of several parts of the range: for keys of so many
    /// runs that comparing them two by two takes too long.
    pub fn windows(&self, runs: &[(Run, &[u8])], (part, parts): (u64, u64), windows: &mut Vec<(u128, u64)>) {
        let length = self.window_bytes as usize;
        windows.par_extend(runs.par_iter().flat_map_iter(|(run, bytes)| {
            let all = (run.place()..).zip(bytes.windows(length));
            all.map(|(place, bytes)| (hash128(bytes), place))
                .filter(move |(hash, _)| ((hash >> 64) * u128::from(parts)) >> 64 == u128::from(part))
        }));
    }

    /// Adds what goes of windows, and clears them.
    pub fn settle_windows(&self, windows: &mut Vec<(u128, u64)>, gone: &mut Vec<Range>) {
        windows.par_sort_unstable();
        let (mut kept, mut start) = (0, 0);
        while start < windows.len() {
            let (hash, first) = windows[start];
            let end = start + windows[start..].iter().take_while(|window| window.0 == hash).count();
            for at in start..end {
                let place = windows[at].1;
                let goes = match self.keeps_first {
                    true => place - first >= self.window_bytes,
                    false => end - start > 1,
                };
                if goes {
                    windows[kept].1 = place;
                    kept += 1;
                }
            }
            start = end;
        }
        windows.truncate(kept);
        windows.par_sort_unstable_by_key(|window| window.1);
        for (_, place) in windows.drain(..) {
            push(gone, (place, place + self.window_bytes));
        }
    }
}

/// Adds a range that does not begin before the last one; joins it with that if they touch.
pub fn push(ranges: &mut Vec<Range>, range: Range) {
    match ranges.last_mut() {
        Some(last) if last.0 <= range.0 && range.0 <= last.1 => last.1 = last.1.max(range.1),
        _ => ranges.push(range),
    }
}

/// How many bytes are the same from the beginning on.
fn common(a: &[u8], b: &[u8]) -> u64 {
    let (chunks, others) = (a.as_chunks::<16>().0, b.as_chunks::<16>().0);
    let same = 16 * chunks.iter().zip(others).take_while(|(a, b)| a == b).count();
    (same + a[same..].iter().zip(&b[same..]).take_while(|(a, b)| a == b).count()) as u64
}

/// How many bytes are the same before the end.
fn common_end(a: &[u8], b: &[u8]) -> u64 {
    a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count() as u64
}

/// Runs met of late, so that what repeats one of them (a text of one letter, a page met again and again) need not be
/// remembered.
pub struct Recent(Vec<Option<(Run, bool)>>);

impl Recent {
    const PLACES: usize = 1 << 12;

    /// `true` if another run is of the same bytes, so that this one settles here; it must be the latest of all.
    pub fn settles(&mut self, run: &Run, search: &Search, gone: &mut Vec<Range>) -> bool {
        let at = (run.context >> 64) as usize % Self::PLACES;
        match &mut self.0[at] {
            Some((first, is_gone)) if (first.key, first.context) == (run.key, run.context) => {
                if search.keeps_first {
                    if run.place - first.place < search.window_bytes {
                        return false;
                    }
                } else if !*is_gone {
                    gone.push(search.range(first));
                    *is_gone = true;
                }
                push(gone, search.range(run));
                true
            }
            place => {
                *place = Some((*run, false));
                false
            }
        }
    }
}

impl Default for Recent {
    fn default() -> Self {
        Recent(vec![None; Self::PLACES])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use proptest::prelude::*;
    use text::anchors::Anchors;

    use super::*;

    /// Texts of pieces that stand in several of them, cut and changed, some with runs of one letter or two.
    fn texts() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let piece = prop_oneof![
            4 => prop::collection::vec(0..4_u8, 1..60),
            1 => (prop::collection::vec(0..3_u8, 1..4), 1..40_usize).prop_map(|(piece, n)| piece.repeat(n)),
        ];
        let pieces = prop::collection::vec(piece, 1..8);
        let texts =
            prop::collection::vec(prop::collection::vec((0..8_usize, 0..9_usize, 0..9_usize), 0..8), 1..12);
        (pieces, texts).prop_map(|(pieces, texts)| {
            let text = |cuts: Vec<(usize, usize, usize)>| {
                let piece = |(piece, start, end): (usize, usize, usize)| {
                    let piece = &pieces[piece % pieces.len()];
                    let piece = &piece[start.min(piece.len())..];
                    piece[..piece.len() - end.min(piece.len())].to_vec()
                };
                cuts.into_iter().flat_map(piece).collect()
            };
            texts.into_iter().map(text).collect()
        })
    }

    const TEXT_BITS: u32 = 12;

    /// The places of bytes that go, by comparing every window with all others.
    fn expected(texts: &[Vec<u8>], search: &Search) -> BTreeSet<u64> {
        let length = search.window_bytes as usize;
        let mut windows: HashMap<&[u8], Vec<u64>> = HashMap::new();
        for (text, number) in texts.iter().zip(0_u64..) {
            for (window, place) in text.windows(length).zip(number << TEXT_BITS..) {
                windows.entry(window).or_default().push(place);
            }
        }
        let goes = |places: Vec<u64>| {
            let goes = |place: &u64| match search.keeps_first {
                true => *place - places[0] >= search.window_bytes,
                false => places.len() > 1,
            };
            places.iter().copied().filter(goes).collect::<Vec<_>>()
        };
        windows.into_values().flat_map(goes).flat_map(|place| place..place + search.window_bytes).collect()
    }

    fn found(texts: &[Vec<u8>], search: &Search, portion: usize, by_hash: bool) -> BTreeSet<u64> {
        let mut anchors = Anchors::new(search.window_bytes as usize);
        let (mut recent, mut gone, mut runs) = (Recent::default(), Vec::new(), Vec::new());
        for (text, number) in texts.iter().zip(0_u64..) {
            anchors.each_run(text, |run| {
                let run = Run::new(&run, number << TEXT_BITS);
                if portion.is_multiple_of(2) || !recent.settles(&run, search, &mut gone) {
                    runs.push(run);
                }
            });
        }
        let mut settled = Vec::new();
        for some in runs.chunks(portion) {
            settled.extend(some);
            search.settle(&mut settled, &mut gone);
        }
        search.retain_alike(&mut settled);
        let bytes = |run: &Run| {
            let (start, end) = search.range(run);
            let (text, start) = ((start >> TEXT_BITS) as usize, start % (1 << TEXT_BITS));
            &texts[text][start as usize..(end % (1 << TEXT_BITS)) as usize]
        };
        let runs: Vec<(Run, &[u8])> = settled.iter().map(|run| (*run, bytes(run))).collect();
        for group in runs.chunk_by(|(a, _), (b, _)| a.key == b.key) {
            if !by_hash {
                search.compare(group, &mut gone);
                continue;
            }
            for part in 0..3 {
                let mut windows = Vec::new();
                group.chunks(2).for_each(|some| search.windows(some, (part, 3), &mut windows));
                search.settle_windows(&mut windows, &mut gone);
            }
        }
        gone.into_iter().flat_map(|(start, end)| start..end).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn exactly_what_stands_elsewhere_goes(
            texts in texts(),
            window_bytes in 16..50_u64,
            portion in 1..300_usize,
            keeps_first: bool,
            by_hash: bool,
        ) {
            let search = Search { window_bytes, keeps_first };
            prop_assert_eq!(found(&texts, &search, portion, by_hash), expected(&texts, &search));
        }
    }

    #[test]
    fn a_text_of_one_letter_settles_as_it_is_read() {
        for (keeps_first, left) in [(true, 100), (false, 0)] {
            let search = Search { window_bytes: 100, keeps_first };
            let (mut recent, mut gone, mut runs) = (Recent::default(), Vec::new(), 0);
            Anchors::new(100).each_run(&[b'a'; 1_000_000], |run| {
                runs += usize::from(!recent.settles(&Run::new(&run, 0), &search, &mut gone));
            });
            assert_eq!((gone, runs), (vec![(left, 1_000_000)], if keeps_first { 100 } else { 1 }));
        }
    }
}
