//! The signatures of a run as columns, for [`dedup::resolve`]: many files, read piece by piece.

use std::path::PathBuf;

use dedup::{BandIndex, BandKeys, Signatures, Sketch};
use plan::Flags;
use rayon::prelude::*;

use crate::EngineError;
use crate::signatures::{SignatureFile, State};
use crate::urls::{UrlRecord, each_url};

/// The signatures of a run, group by group.
pub struct SignatureColumns {
    files: Vec<SignatureFile>,
    /// File and group in it.
    groups: Vec<(usize, u64)>,
    /// The first candidate of each group.
    firsts: Vec<u32>,
    pub(crate) found: Candidates,
    is_exact: bool,
    is_near: bool,
    of: Of,
    /// Groups and candidates before those of other corpora.
    own: (usize, u32),
    /// Of each own file that of its addresses, and their number; empty if none are looked at.
    pub(crate) urls: Vec<(PathBuf, u64)>,
    /// In place of those in the files.
    pub(crate) ranks: Option<Vec<u64>>,
    /// Likewise for the addresses.
    pub(crate) url_ranks: Option<Vec<u64>>,
}

/// Which signatures are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// Those of the candidates of deduplication.
    Candidates,
    /// Those of the control documents' texts as they came.
    Control,
}

impl Of {
    fn has(self, state: State) -> bool {
        match self {
            Of::Candidates => state.is_candidate(),
            Of::Control => state.is_control(),
        }
    }

    fn is_exact(self, state: State) -> bool {
        self == Of::Control || state.flags.has(Flags::EXACT)
    }

    fn is_near(self, state: State) -> bool {
        match self {
            Of::Candidates => state.is_near_candidate(),
            Of::Control => state.has_near(),
        }
    }
}

impl SignatureColumns {
    /// Reads which documents are candidates, of exact deduplication and of near deduplication. `others` are the signatures
    /// of other corpora, whose documents are never dropped.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn open(
        files: Vec<SignatureFile>,
        others: Vec<SignatureFile>,
        is_exact: bool,
        is_near: bool,
    ) -> Result<Self, EngineError> {
        SignatureColumns::read(files, others, Of::Candidates, (is_exact, is_near))
    }

    /// The control documents' texts as they came, whatever the recipe made of them, as candidates of the same.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn open_control(
        files: Vec<SignatureFile>,
        is_exact: bool,
        is_near: bool,
    ) -> Result<Self, EngineError> {
        SignatureColumns::read(files, Vec::new(), Of::Control, (is_exact, is_near))
    }

    fn read(
        mut files: Vec<SignatureFile>,
        others: Vec<SignatureFile>,
        of: Of,
        (is_exact, is_near): (bool, bool),
    ) -> Result<Self, EngineError> {
        let (mut groups, mut firsts, mut found) = (Vec::new(), Vec::new(), Candidates::default());
        let n_own = files.len();
        files.extend(others);
        let mut own = None;
        for (at, file) in files.iter().enumerate() {
            if at == n_own {
                own = Some((groups.len(), found.rows.len() as u32));
            }
            found.firsts.push(found.rows.len() as u32);
            for group in 0..file.n_groups() {
                groups.push((at, group));
                firsts.push(found.rows.len() as u32);
                let rows = file.rows(group)?.into_iter().zip(file.states(group)?);
                found.rows.extend(rows.filter(|(_, state)| of.has(*state)).map(|(row, _)| row));
            }
        }
        let own = own.unwrap_or((groups.len(), found.rows.len() as u32));
        Ok(SignatureColumns {
            files,
            groups,
            firsts,
            found,
            is_exact,
            is_near,
            of,
            own,
            urls: Vec::new(),
            ranks: None,
            url_ranks: None,
        })
    }

    /// The values of a group's candidates that are looked at, with their numbers.
    fn each<T>(
        &self,
        group: usize,
        column: impl Fn(&SignatureFile, u64) -> Result<Vec<T>, EngineError>,
        is_looked_at: impl Fn(State) -> bool,
        mut each: impl FnMut(u32, T),
    ) -> Result<(), EngineError> {
        let (file, at) = self.groups[group];
        let file = &self.files[file];
        let records = file.states(at)?.into_iter().zip(column(file, at)?);
        for (candidate, (state, value)) in
            (self.firsts[group]..).zip(records.filter(|(state, _)| self.of.has(*state)))
        {
            if is_looked_at(state) {
                each(candidate, value);
            }
        }
        Ok(())
    }

    /// The values of the wanted ones of a group's candidates, ascending, with their numbers.
    fn wanted<T>(
        &self,
        group: usize,
        column: impl Fn(&SignatureFile, u64) -> Result<Vec<T>, EngineError>,
        mut wanted: impl Iterator<Item = u32>,
        mut each: impl FnMut(u32, T),
    ) -> Result<(), EngineError> {
        let mut next = wanted.next();
        let is_looked_at = |_| true;
        self.each(group, column, is_looked_at, |candidate, value| {
            if next == Some(candidate) {
                each(candidate, value);
                next = wanted.next();
            }
        })
    }

    /// Candidates of near deduplication that have a signature.
    pub(crate) fn holders(&self) -> Result<Vec<u32>, EngineError> {
        let mut holders = Vec::new();
        for group in 0..self.groups.len() {
            self.each(group, SignatureFile::states, State::is_near_candidate, |c, _| holders.push(c))?;
        }
        Ok(holders)
    }

    /// What may not be trained on.
    pub(crate) fn excluded(&self, bases: &[u64]) -> Result<Vec<u64>, EngineError> {
        let mut bands: Vec<BandKeys> = Vec::new();
        let mut exact: Vec<u128> = Vec::new();
        for (file, group) in &self.groups[..self.own.0] {
            let file = &self.files[*file];
            let states = file.states(*group)?;
            let is_heldout = |state: &State| state.flags.has(Flags::HELDOUT);
            if states.iter().any(is_heldout) {
                let of_heldout = |at: &usize| is_heldout(&states[*at]);
                let hashes = file.exact(*group)?;
                exact.extend((0..states.len()).filter(of_heldout).map(|at| hashes[at]));
                let keys = file.bands(*group)?;
                let signed = (0..states.len()).filter(of_heldout).filter(|at| states[*at].has_near());
                bands.extend(signed.map(|at| keys[at]));
            }
        }
        if exact.is_empty() {
            return Ok(Vec::new());
        }
        exact.sort_unstable();
        let index = BandIndex::new(&bands);
        let of_group = |(number, group): &(usize, u64)| {
            let file = &self.files[*number];
            let (states, rows, hashes) = (file.states(*group)?, file.rows(*group)?, file.exact(*group)?);
            let keys = file.bands(*group)?;
            let shares = |at: &usize| {
                !states[*at].flags.has(Flags::HELDOUT)
                    && (exact.binary_search(&hashes[*at]).is_ok()
                        || states[*at].has_near() && index.shares_band(&keys[*at]))
            };
            let shared = (0..states.len()).filter(shares);
            Ok(shared.map(|at| bases[*number] + u64::from(rows[at])).collect())
        };
        let excluded: Vec<Vec<u64>> =
            self.groups[..self.own.0].par_iter().map(of_group).collect::<Result<_, EngineError>>()?;
        let mut excluded = excluded.concat();
        excluded.dedup();
        Ok(excluded)
    }
}

impl Signatures for SignatureColumns {
    type Error = EngineError;

    fn candidates(&self) -> usize {
        self.found.rows.len()
    }

    fn others(&self) -> u32 {
        self.own.1
    }

    fn groups(&self) -> &[u32] {
        &self.firsts
    }

    fn has_urls(&self) -> bool {
        !self.urls.is_empty()
    }

    /// Those of a file all with its first group.
    fn urls(&self, group: usize, mut each: impl FnMut(u32, u64, u64)) -> Result<(), EngineError> {
        let (file, at) = self.groups[group];
        let Some((path, records)) = self.urls.get(file).filter(|_| at == 0) else { return Ok(()) };
        let mut candidate = self.found.firsts[file] as usize;
        each_url(path, *records, |UrlRecord { row, hash, rank }| {
            candidate += self.found.rows[candidate..].iter().take_while(|other| **other < row).count();
            let rank =
                self.url_ranks.as_ref().and_then(|ranks| ranks.get(candidate).copied()).unwrap_or(rank);
            each(candidate as u32, hash, rank);
        })
    }

    fn exact(&self, group: usize, each: impl FnMut(u32, u128)) -> Result<(), EngineError> {
        match self.is_exact {
            true => self.each(group, SignatureFile::exact, |state| self.of.is_exact(state), each),
            false => Ok(()),
        }
    }

    fn band(&self, group: usize, band: usize, each: impl FnMut(u32, u64)) -> Result<(), EngineError> {
        match self.is_near {
            true => self.each(group, |file, at| file.band(at, band), |state| self.of.is_near(state), each),
            false => Ok(()),
        }
    }

    fn details(
        &self,
        group: usize,
        wanted: impl Iterator<Item = u32>,
        mut each: impl FnMut(u64, Sketch),
    ) -> Result<(), EngineError> {
        let details = |file: &SignatureFile, at| {
            Ok(file.ranks(at)?.into_iter().zip(file.sketches(at)?).collect::<Vec<_>>())
        };
        self.wanted(group, details, wanted, |candidate, (rank, sketch)| {
            let ranks = self.ranks.as_ref();
            each(ranks.and_then(|ranks| ranks.get(candidate as usize).copied()).unwrap_or(rank), sketch);
        })
    }

    fn keys(
        &self,
        group: usize,
        wanted: impl Iterator<Item = u32>,
        mut each: impl FnMut(BandKeys),
    ) -> Result<(), EngineError> {
        self.wanted(group, SignatureFile::bands, wanted, |_, keys| each(keys))
    }
}

/// Which documents were signed for deduplication.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// The first one of each segment.
    pub firsts: Vec<u32>,
    /// Of each, in its segment.
    rows: Vec<u32>,
}

impl Candidates {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn document(&self, bases: &[u64], candidate: u32) -> Option<u64> {
        let segment = self.firsts.partition_point(|first| *first <= candidate).checked_sub(1)?;
        Some(bases[segment] + u64::from(*self.rows.get(candidate as usize)?))
    }

    /// The first one from a document on.
    pub fn from(&self, bases: &[u64], document: u64) -> u32 {
        let Some(segment) = bases.partition_point(|base| *base <= document).checked_sub(1) else { return 0 };
        let start = self.firsts[segment] as usize;
        let end = self.firsts.get(segment + 1).map_or(self.rows.len(), |first| *first as usize);
        let row = document - bases[segment];
        (start + self.rows[start..end].partition_point(|other| u64::from(*other) < row)) as u32
    }
}
