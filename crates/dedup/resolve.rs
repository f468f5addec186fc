//! Which documents are dropped as duplicates, and of which document that is kept.

use std::cmp::Ordering;
use std::collections::HashMap;

use rayon::prelude::*;

use crate::bands::for_each_collision;
use crate::components::Components;
use crate::datatrove::{BandRow, roots};
use crate::exact::first_twins;
use crate::minhash::{BANDS, BandKeys, Sketch, estimate};

/// Similarity to the kept document from which on a document is dropped, if the recipe does not say.
pub const MIN_SIMILARITY: f64 = 0.7;

/// What is known of each document, in input order; all slices that are not empty have the same length.
#[derive(Clone, Copy, Default)]
pub struct Candidates<'a> {
    /// Hash of the text; `None` for a document that is not a candidate; empty: no exact deduplication.
    pub exact: &'a [Option<u128>],
    /// `None` for a document that is no candidate or has no shingles; empty: no near deduplication.
    pub bands: &'a [Option<BandKeys>],
    /// Needed with `bands`, unless nothing is verified.
    pub sketches: &'a [Sketch],
    /// The lower, the rather kept; ties in input order; empty: input order alone (`first`).
    pub rank: &'a [u64],
}

/// How the similarity of a member to a kept document is found out.
#[derive(Clone, Copy)]
pub enum Verify<'a> {
    /// From the sketches: standard error 0.043 at 0.7.
    Sketch,
    /// By this function of two documents (see [`jaccard`]), asked where the sketches do not rule it out.
    Text(&'a (dyn Fn(u32, u32) -> f64 + Sync)),
    /// Not at all: one document is kept per component, and whatever is chained to it is dropped.
    Nothing,
    /// Not at all: the clusters and the kept documents of datatrove. The function adds the rows of a band to the
    /// list, of all documents that have a signature (see [`roots`]); ranks do not count.
    Datatrove(&'a (dyn Fn(usize, &mut Vec<BandRow>) + Sync)),
}

#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// 0 to 1.
    pub min_similarity: f64,
    pub verify: Verify<'a>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options { min_similarity: MIN_SIMILARITY, verify: Verify::Sketch }
    }
}

/// Why a document is dropped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Duplicate {
    /// The document that is kept in its stead; never itself a duplicate.
    pub of: u32,
    /// To that document, 0 to 1; an estimate unless the text was asked or is the same.
    pub similarity: f32,
    /// Another document before it has the same text (`exact_dedup`), else it is a near-duplicate.
    pub exact: bool,
}

/// The rank of a document by its length: the longest is kept.
pub fn longest_first(bytes: u64) -> u64 {
    u64::MAX - bytes
}

/// The rank of a document by a value of which the highest is kept (`best:<signal>`); NaN comes last.
pub fn highest_first(value: f64) -> u64 {
    u64::MAX - ordered_bits(value)
}

/// Likewise by a whole number; `i64::MIN` and its successor are one rank, so that the last one is free.
pub fn latest_first(value: i64) -> u64 {
    u64::MAX - (value.max(i64::MIN + 1) as u64 ^ 1 << 63)
}

/// Bits in the order of the numbers (both zeros alike, NaN lowest).
fn ordered_bits(value: f64) -> u64 {
    if value.is_nan() {
        return 0;
    }
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// Decides on every document: `None` is kept.
///
/// Of documents with the same text the first in input order stays, and is then compared with its near
/// neighbours: documents that are chained by shared bands form a component, whose members are taken in order
/// of rank. A member is dropped if its similarity to a document of the component that is already kept reaches
/// `min_similarity`, in favour of the most similar of those (ties: the first of them by rank); else it is kept
/// itself. Nothing is dropped unverified, and two unlike groups that some band has chained both survive.
pub fn resolve(candidates: &Candidates<'_>, options: &Options<'_>) -> Vec<Option<Duplicate>> {
    let documents = candidates.exact.len().max(candidates.bands.len());
    let mut verdicts: Vec<Option<Duplicate>> = vec![None; documents];
    let hashed: Vec<u32> =
        (0..candidates.exact.len() as u32).filter(|&d| candidates.exact[d as usize].is_some()).collect();
    let hashes: Vec<u128> = candidates.exact.iter().copied().flatten().collect();
    for (at, twin) in first_twins(&hashes).into_iter().enumerate() {
        if let Some(twin) = twin {
            let of = hashed[twin as usize];
            verdicts[hashed[at] as usize] = Some(Duplicate { of, similarity: 1.0, exact: true });
        }
    }
    drop((hashes, hashed));

    let near = match options.verify {
        Verify::Datatrove(read) => datatrove_twins(candidates, &verdicts, read),
        _ => {
            let groups = near_components(candidates.bands, &verdicts).groups();
            let groups = groups.into_par_iter();
            let decided: Vec<Vec<_>> =
                groups.map(|group| resolve_component(group, candidates, options)).collect();
            decided.into_iter().flatten().collect()
        }
    };
    for (document, duplicate) in near {
        verdicts[document as usize] = Some(duplicate);
    }

    // A twin of a document that was dropped after it names the document that is kept in the end.
    for document in 0..documents {
        if let Some(Duplicate { of, exact: true, .. }) = verdicts[document]
            && let Some(kept) = verdicts[of as usize]
        {
            verdicts[document] = Some(Duplicate { exact: true, ..kept });
        }
    }
    verdicts
}

/// What datatrove drops of the documents that are not dropped yet.
fn datatrove_twins(
    candidates: &Candidates<'_>,
    verdicts: &[Option<Duplicate>],
    read: &dyn Fn(usize, &mut Vec<BandRow>),
) -> Vec<(u32, Duplicate)> {
    let roots = roots(verdicts.len(), |band, rows| {
        read(band, rows);
        rows.retain(|(_, document)| verdicts[*document as usize].is_none());
    });
    let dropped = (0_u32..).zip(roots).filter(|(document, of)| of != document);
    let twin = |(document, of)| {
        let similarity = sketched(document, of, candidates).unwrap_or(0.0) as f32;
        (document, Duplicate { of, similarity, exact: false })
    };
    dropped.map(twin).collect()
}

/// Components over shared bands of the documents that are not dropped yet.
fn near_components(bands: &[Option<BandKeys>], verdicts: &[Option<Duplicate>]) -> Components {
    let signed: Vec<u32> = (0..bands.len() as u32)
        .filter(|&d| bands[d as usize].is_some() && verdicts[d as usize].is_none())
        .collect();
    let collisions: Vec<Vec<(u32, u32)>> = (0..BANDS)
        .into_par_iter()
        .map(|band| {
            let keys = |&document: &u32| bands[document as usize].map(|keys| (keys[band], document));
            let mut records: Vec<(u64, u32)> = signed.iter().filter_map(keys).collect();
            let mut pairs = Vec::new();
            for_each_collision(&mut records, |a, b| pairs.push((a, b)));
            pairs
        })
        .collect();
    let mut components = Components::new(verdicts.len());
    for (a, b) in collisions.into_iter().flatten() {
        components.join(a, b);
    }
    components
}

/// Kept documents that every member of a component is compared with; beyond, only those with a common band.
const ALL_KEPT: usize = 64;

fn resolve_component(
    mut members: Vec<u32>,
    candidates: &Candidates<'_>,
    options: &Options<'_>,
) -> Vec<(u32, Duplicate)> {
    members.sort_by_key(|&d| (candidates.rank.get(d as usize).copied().unwrap_or(0), d));
    let mut kept = Kept::default();
    let mut dropped = Vec::new();
    for member in members {
        let keys = candidates.bands[member as usize];
        let nearest = match options.verify {
            Verify::Nothing => {
                kept.order.first().map(|&of| (of, similarity(member, of, candidates, options)))
            }
            _ => kept.nearest(keys.as_ref(), |of| similarity(member, of, candidates, options)),
        };
        match nearest {
            Some((of, similarity))
                if matches!(options.verify, Verify::Nothing) || similarity >= options.min_similarity =>
            {
                dropped.push((member, Duplicate { of, similarity: similarity as f32, exact: false }));
            }
            _ => kept.add(member, keys.as_ref()),
        }
    }
    dropped
}

/// The documents of a component that are kept so far, in order of rank.
#[derive(Default)]
struct Kept {
    order: Vec<u32>,
    /// Positions in `order` by band and key; looked up only, so that its order cannot show.
    by_band: HashMap<(usize, u64), Vec<u32>>,
}

impl Kept {
    fn add(&mut self, document: u32, keys: Option<&BandKeys>) {
        let position = self.order.len() as u32;
        self.order.push(document);
        for (band, key) in keys.into_iter().flatten().enumerate() {
            let sharing = self.by_band.entry((band, *key)).or_default();
            if sharing.len() < ALL_KEPT {
                sharing.push(position);
            }
        }
    }

    /// The most similar kept document, the first by rank among equals.
    fn nearest(&self, keys: Option<&BandKeys>, similarity: impl Fn(u32) -> f64) -> Option<(u32, f64)> {
        let positions: Vec<u32> = if self.order.len() <= ALL_KEPT {
            (0..self.order.len() as u32).collect()
        } else {
            let sharing = keys.into_iter().flatten().enumerate();
            let mut positions: Vec<u32> = sharing
                .filter_map(|(band, key)| self.by_band.get(&(band, *key)))
                .flatten()
                .copied()
                .collect();
            positions.sort_unstable();
            positions.dedup();
            positions
        };
        let mut nearest: Option<(u32, f64)> = None;
        for position in positions {
            let document = self.order[position as usize];
            let found = similarity(document);
            if nearest.is_none_or(|(_, best)| found > best) {
                nearest = Some((document, found));
            }
        }
        nearest
    }
}

/// How far a sketch may be off (over four standard errors) before the text is asked.
const SKETCH_MARGIN: f64 = 0.2;

fn similarity(a: u32, b: u32, candidates: &Candidates<'_>, options: &Options<'_>) -> f64 {
    let estimated = sketched(a, b, candidates);
    match options.verify {
        Verify::Text(ask) if estimated.is_none_or(|s| s >= options.min_similarity - SKETCH_MARGIN) => {
            ask(a, b)
        }
        _ => estimated.unwrap_or(0.0),
    }
}

fn sketched(a: u32, b: u32, candidates: &Candidates<'_>) -> Option<f64> {
    let sketch = |document: u32| candidates.sketches.get(document as usize);
    Some(estimate(sketch(a)?, sketch(b)?))
}

/// The Jaccard similarity of two sets of shingles given by their hashes, each ascending and without repeats;
/// 0 if one is empty.
pub fn jaccard(a: impl IntoIterator<Item = u64>, b: impl IntoIterator<Item = u64>) -> f64 {
    let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
    let (mut shared, mut all) = (0_u64, 0_u64);
    loop {
        let order = match (a.peek(), b.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.cmp(b),
        };
        all += 1;
        shared += u64::from(order == Ordering::Equal);
        if order != Ordering::Greater {
            a.next();
        }
        if order != Ordering::Less {
            b.next();
        }
    }
    if all == 0 { 0.0 } else { shared as f64 / all as f64 }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#[path = "resolve_tests.rs"]
mod tests;
