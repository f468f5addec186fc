//! Which documents are dropped as duplicates, and of which document that is kept.
//!
//! Signatures are read as columns, in as many passes as the memory asks for ([`Signatures`]); nothing is written
//! meanwhile. The result does not depend on the memory.

use std::cmp::Ordering;

use crate::component::Members;
use crate::components::Components;
use crate::datatrove::{BandRow, roots};
use crate::minhash::{BANDS, BandKeys, Sketch};
use crate::passes::{Batch, batches, in_passes};

/// Similarity to the kept document from which on a document is dropped, if the recipe does not say.
pub const MIN_SIMILARITY: f64 = 0.7;

/// Signatures of all candidates as columns, group by group; candidates are numbered in input order over all groups.
pub trait Signatures: Sync {
    /// Why a column cannot be read.
    type Error: Send;

    /// How many candidates there are; fewer than 2^32 − 1.
    fn candidates(&self) -> usize;

    /// The first candidate of other corpora; they come last, are rather kept than any other, and are never dropped.
    fn others(&self) -> u32 {
        self.candidates() as u32
    }

    /// The first candidate of each group, ascending.
    fn groups(&self) -> &[u32];

    /// Whether any candidate is looked at by its address.
    fn has_urls(&self) -> bool {
        false
    }

    /// Gives `each` the hash of the address and the rank of those candidates of a group that have one and are looked at by
    /// it. Of other corpora none is.
    ///
    /// # Errors
    /// When the column cannot be read.
    fn urls(&self, _group: usize, _each: impl FnMut(u32, u64, u64)) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Gives `each` the hash of the text of those candidates of a group that exact deduplication looks at.
    ///
    /// # Errors
    /// When the column cannot be read; so below.
    fn exact(&self, group: usize, each: impl FnMut(u32, u128)) -> Result<(), Self::Error>;

    /// Likewise the key of one band, of those that near deduplication looks at.
    fn band(&self, group: usize, band: usize, each: impl FnMut(u32, u64)) -> Result<(), Self::Error>;

    /// Of candidates of a group (ascending): rank (the lower, the rather kept; ties in input order) and sketch.
    fn details(
        &self,
        group: usize,
        wanted: impl Iterator<Item = u32>,
        each: impl FnMut(u64, Sketch),
    ) -> Result<(), Self::Error>;

    /// Likewise the keys of all bands; zeros for a candidate that has none.
    fn keys(
        &self,
        group: usize,
        wanted: impl Iterator<Item = u32>,
        each: impl FnMut(BandKeys),
    ) -> Result<(), Self::Error>;
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
    /// Told what begins; `false` stops the work.
    pub progress: &'a (dyn Fn(Step) -> bool + Sync),
    /// Anonymous memory, in bytes. Only [`Verify::Datatrove`] takes more: [`crate::datatrove::BYTES_PER_DOCUMENT`].
    pub memory: u64,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options {
            min_similarity: MIN_SIMILARITY,
            verify: Verify::Sketch,
            progress: &|_| true,
            memory: u64::MAX,
        }
    }
}

/// A part of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Addresses that are the same.
    Url,
    /// Texts that are the same.
    Exact,
    /// Documents that share this band.
    Band(usize),
    /// Who is kept, of so many batches of components this one.
    Components { batch: usize, of: usize },
}

/// Why duplicates could not be resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure<E> {
    /// So many bytes are the least.
    Memory(u64),
    /// As [`Options::progress`] wanted it.
    Stopped,
    Read(E),
}

impl<E> Failure<E> {
    /// The same where so many bytes are needed besides.
    fn beside(self, bytes: u64) -> Self {
        match self {
            Failure::Memory(least) => Failure::Memory(least + bytes),
            other => other,
        }
    }
}

/// Why a document is dropped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Duplicate {
    /// The document that is kept in its stead; never itself a duplicate.
    pub of: u32,
    /// To that document, 0 to 1; an estimate unless the text was asked or is the same. NaN if only the address was compared.
    pub similarity: f32,
    pub by: By,
}

/// What two documents have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The address.
    Url,
    /// The text.
    Exact,
    /// Much of the text.
    Near,
}

/// The verdicts on all candidates. Takes [`Verdicts::BYTES`] for each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdicts {
    /// Itself for a candidate that is kept.
    pub(crate) of: Vec<u32>,
    similarity: Vec<f32>,
    flags: Vec<u8>,
}

/// Another candidate before it has the same text.
const EXACT: u8 = 1;
/// Another candidate has the same address.
const URL: u8 = 4;
/// Its component has been decided; else `of` is the component's root.
const DECIDED: u8 = 2;

impl Verdicts {
    /// Bytes per candidate.
    pub const BYTES: u64 = 9;

    fn all_kept(candidates: usize) -> Verdicts {
        Verdicts {
            of: (0..candidates as u32).collect(),
            similarity: vec![0.0; candidates],
            flags: vec![0; candidates],
        }
    }

    /// How many candidates there are.
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// `None` is kept.
    pub fn get(&self, candidate: u32) -> Option<Duplicate> {
        let at = candidate as usize;
        let of = *self.of.get(at)?;
        let by = match self.flags[at] & (URL | EXACT) {
            0 => By::Near,
            EXACT => By::Exact,
            _ => By::Url,
        };
        let duplicate = Duplicate { of, similarity: self.similarity[at], by };
        (of != candidate).then_some(duplicate)
    }

    /// In input order.
    pub fn iter(&self) -> impl Iterator<Item = Option<Duplicate>> + '_ {
        (0..self.len() as u32).map(|candidate| self.get(candidate))
    }

    /// Those that are dropped, in input order.
    pub fn duplicates(&self) -> impl Iterator<Item = (u32, Duplicate)> + '_ {
        (0..self.len() as u32).filter_map(|candidate| Some((candidate, self.get(candidate)?)))
    }

    /// It is dropped by its address or its whole text.
    fn is_settled(&self, candidate: u32) -> bool {
        self.flags[candidate as usize] & (URL | EXACT) != 0
    }

    fn drop(&mut self, candidate: u32, duplicate: Duplicate) {
        let at = candidate as usize;
        (self.of[at], self.similarity[at]) = (duplicate.of, duplicate.similarity);
        self.flags[at] |= match duplicate.by {
            By::Url => URL,
            By::Exact => EXACT,
            By::Near => 0,
        };
    }

    /// The root of its component, if it is in one that is not decided yet.
    pub(crate) fn root(&self, candidate: u32) -> Option<u32> {
        (self.flags[candidate as usize] == 0).then(|| self.of[candidate as usize])
    }

    /// Decides on a component.
    pub(crate) fn decide(&mut self, members: &[u32], dropped: &[(u32, Duplicate)]) {
        for member in members {
            self.of[*member as usize] = *member;
            self.flags[*member as usize] |= DECIDED;
        }
        dropped.iter().for_each(|(member, duplicate)| self.drop(*member, *duplicate));
    }
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

/// Decides on every candidate.
///
/// Of documents with the same address the first by rank stays. Of documents with the same text the first in input order stays, and is then compared with its near
/// neighbours: documents that are chained by shared bands form a component, whose members are taken in order
/// of rank. A member is dropped if its similarity to a document of the component that is already kept reaches
/// `min_similarity`, in favour of the most similar of those (ties: the first of them by rank); else it is kept
/// itself. Nothing is dropped unverified, and two unlike groups that some band has chained both survive.
///
/// # Errors
/// When a column cannot be read, or the memory is too little for the verdicts and a sixty-fourth of a column.
pub fn resolve<S: Signatures>(signatures: &S, options: &Options<'_>) -> Result<Verdicts, Failure<S::Error>> {
    let (candidates, others) = (signatures.candidates(), signatures.others());
    let held = candidates as u64 * (Verdicts::BYTES + Components::BYTES);
    let room = options.memory.saturating_sub(held);
    let mut verdicts = Verdicts::all_kept(candidates);

    let begin = |step| if (options.progress)(step) { Ok(()) } else { Err(Failure::Stopped) };
    begin(Step::Url)?;
    if signatures.has_urls() {
        in_passes(
            signatures,
            room,
            |group, each: &mut dyn FnMut(u64, (u64, u64, u32))| {
                signatures.urls(group, |candidate, hash, rank| each(hash, (hash, rank, candidate)))
            },
            |urls| {
                for same in urls.chunk_by(|a, b| a.0 == b.0) {
                    for (_, _, twin) in &same[1..] {
                        verdicts.drop(*twin, Duplicate { of: same[0].2, similarity: f32::NAN, by: By::Url });
                    }
                }
            },
        )
        .map_err(|failure| failure.beside(held))?;
    }

    begin(Step::Exact)?;
    in_passes(
        signatures,
        room,
        |group, each: &mut dyn FnMut(u64, (u128, u32))| {
            signatures.exact(group, |candidate, hash| each((hash >> 64) as u64, (hash, candidate)))
        },
        |hashes| {
            for same in hashes.chunk_by(|a, b| a.0 == b.0) {
                let other = same.iter().find(|(_, candidate)| *candidate >= others);
                let left = || same.iter().find(|(_, candidate)| !verdicts.is_settled(*candidate));
                let Some((_, of)) = other.or_else(left).copied() else { continue };
                for (_, twin) in same.iter().filter(|(_, twin)| *twin != of && *twin < others) {
                    if !verdicts.is_settled(*twin) {
                        verdicts.drop(*twin, Duplicate { of, similarity: 1.0, by: By::Exact });
                    }
                }
            }
        },
    )
    .map_err(|failure| failure.beside(held))?;

    let roots = match options.verify {
        Verify::Datatrove(read) => roots(candidates, |band, rows| {
            read(band, rows);
            rows.retain(|(_, document)| !verdicts.is_settled(*document));
        }),
        _ => {
            let mut components = Components::new(candidates);
            for band in 0..BANDS {
                begin(Step::Band(band))?;
                in_passes(
                    signatures,
                    room,
                    |group, each: &mut dyn FnMut(u64, (u64, u32))| {
                        signatures.band(group, band, |candidate, key| {
                            if !verdicts.is_settled(candidate) {
                                each(key, (key, candidate));
                            }
                        })
                    },
                    |keys| {
                        for same in keys.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
                            components.join(same[0].1, same[1].1);
                        }
                    },
                )
                .map_err(|failure| failure.beside(held))?;
            }
            components.into_roots()
        }
    };
    for (candidate, root) in (0..).zip(roots) {
        if !verdicts.is_settled(candidate) {
            verdicts.of[candidate as usize] = root;
        }
    }

    let batches = batches(&verdicts, room / Members::BYTES);
    let of = batches.len();
    for (batch, Batch { roots, members }) in batches.into_iter().enumerate() {
        begin(Step::Components { batch, of })?;
        if members * Members::BYTES > room {
            return Err(Failure::Memory(members * Members::BYTES).beside(held));
        }
        let members = Members::read(signatures, &verdicts, roots).map_err(Failure::Read)?;
        members.decide(options, others, &mut verdicts);
    }

    // A twin of a document that was dropped after it names the document that is kept in the end.
    for by in [By::Exact, By::Url] {
        for candidate in 0..candidates as u32 {
            if let Some(duplicate) = verdicts.get(candidate).filter(|duplicate| duplicate.by == by)
                && let Some(kept) = verdicts.get(duplicate.of)
            {
                let similarity = if by == By::Url { duplicate.similarity } else { kept.similarity };
                verdicts.drop(candidate, Duplicate { of: kept.of, similarity, by });
            }
        }
    }
    Ok(verdicts)
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
