//! Between sweep and pack: which documents are duplicates, and which may not be trained on. Reads no text of a
//! document, and of the signatures the columns that it works on, in as many passes as the memory asks for.

use std::collections::BTreeMap;

use dedup::datatrove::BandRow;
use dedup::{BandIndex, BandKeys, Clusters, Failure, Options, Signatures, Sketch, Verdicts, Verify, clusters};
use plan::{Carried, ColumnKind, Flags, Keep, Plan, VerifyBy};
use rayon::prelude::*;

use crate::carried::{Guarded, ShingleSets, band_rows};
use crate::error::EngineError;
use crate::ranking::text_ranks;
use crate::signatures::{SignatureFile, State};
use crate::work::{SegmentReceipt, Work};

/// What resolve decided. Documents are numbered over all segments, in input order.
#[derive(Debug, Default)]
pub(crate) struct Resolution {
    /// First document of each segment.
    pub bases: Vec<u64>,
    candidates: Candidates,
    verdicts: Verdicts,
    /// Left out of training: they share a band or the text with a held-out document; ascending.
    pub excluded: Vec<u64>,
    /// Kept document and dropped members of the largest clusters, the largest first.
    pub largest: Vec<(u64, Vec<u64>)>,
    /// Clusters by their size.
    pub sizes: BTreeMap<u64, u64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Twin {
    pub of: u64,
    pub similarity: f32,
    pub is_exact: bool,
}

impl Resolution {
    /// The duplicates among documents `first..first + n`, ascending.
    pub fn twins(&self, first: u64, n: u64) -> impl Iterator<Item = (u64, Twin)> + '_ {
        let candidates = self.candidates.from(&self.bases, first)..;
        let documents = candidates.map_while(move |candidate| {
            let document = self.document(candidate)?;
            (document < first + n).then_some((document, candidate))
        });
        documents.filter_map(|(document, candidate)| Some((document, self.twin(candidate)?)))
    }

    /// All duplicates, ascending.
    pub fn duplicates(&self) -> impl Iterator<Item = (u64, Twin)> + '_ {
        self.twins(0, u64::MAX)
    }

    pub fn is_excluded(&self, document: u64) -> bool {
        self.excluded.binary_search(&document).is_ok()
    }

    fn twin(&self, candidate: u32) -> Option<Twin> {
        let twin = self.verdicts.get(candidate)?;
        Some(Twin { of: self.document(twin.of)?, similarity: twin.similarity, is_exact: twin.exact })
    }

    fn document(&self, candidate: u32) -> Option<u64> {
        self.candidates.document(&self.bases, candidate)
    }
}

/// Which documents were signed for deduplication.
#[derive(Debug, Default)]
struct Candidates {
    /// The first one of each segment.
    firsts: Vec<u32>,
    /// Of each, in its segment.
    rows: Vec<u32>,
}

impl Candidates {
    fn document(&self, bases: &[u64], candidate: u32) -> Option<u64> {
        let segment = self.firsts.partition_point(|first| *first <= candidate).checked_sub(1)?;
        Some(bases[segment] + u64::from(*self.rows.get(candidate as usize)?))
    }

    /// The first one from a document on.
    fn from(&self, bases: &[u64], document: u64) -> u32 {
        let Some(segment) = bases.partition_point(|base| *base <= document).checked_sub(1) else { return 0 };
        let start = self.firsts[segment] as usize;
        let end = self.firsts.get(segment + 1).map_or(self.rows.len(), |first| *first as usize);
        let row = document - bases[segment];
        (start + self.rows[start..end].partition_point(|other| u64::from(*other) < row)) as u32
    }
}

/// Clusters that the report shows.
const SHOWN_CLUSTERS: usize = 30;

pub(crate) fn resolve(
    plan: &Plan,
    receipts: &[SegmentReceipt],
    work: &Work,
    memory: u64,
) -> Result<Resolution, EngineError> {
    let mut columns = Columns::open(plan, receipts, work)?;
    let documents = columns.candidates() as u64;
    let too_little = |needed: u64| EngineError::Memory {
        documents,
        needed: needed.div_ceil(1 << 20),
        allowed: memory >> 20,
    };
    let held = documents * bytes_per_candidate(plan);
    if held > memory {
        return Err(too_little(held));
    }
    let bases = receipts.iter().scan(0, |base, receipt| {
        *base += receipt.rows;
        Some(*base - receipt.rows)
    });
    let bases: Vec<u64> = bases.collect();
    if let (Keep::Newest { column, kind: ColumnKind::Text }, true) = (&plan.minhash.keep, is_near(plan)) {
        let name = |candidate| columns.found.document(&bases, candidate);
        let names: Vec<u64> = (0..documents as u32).filter_map(name).collect();
        let allowed = |more: u64| if held + more > memory { Err(too_little(held + more)) } else { Ok(()) };
        columns.ranks = Some(text_ranks(column, &names, receipts, work, allowed)?);
    }
    let decide = |verify: Verify<'_>| {
        let options =
            Options { min_similarity: plan.minhash.min_similarity, verify, memory: memory - held };
        dedup::resolve(&columns, &options).map_err(|failure| match failure {
            Failure::Memory(least) => too_little(held + least),
            Failure::Read(error) => error,
        })
    };
    let failed = Guarded::default();
    let verdicts = match (&plan.minhash.keep, plan.minhash.verify) {
        _ if !is_near(plan) => decide(Verify::Nothing),
        (Keep::Datatrove, _) => {
            let holders = columns.holders()?;
            decide(Verify::Datatrove(&|band, rows: &mut Vec<BandRow>| {
                failed.or_default(band_rows(band, &holders, receipts, work, rows));
            }))
        }
        (_, VerifyBy::Text) => {
            let sets = ShingleSets::open(documents as usize, &columns.holders()?, receipts, work)?;
            decide(Verify::Text(&|a, b| failed.or_default(sets.jaccard(a, b))))
        }
        (_, VerifyBy::Sketch) => decide(Verify::Sketch),
        (_, VerifyBy::Nothing) => decide(Verify::Nothing),
    }?;
    failed.finish()?;
    let excluded = columns.excluded(&bases)?;
    let Clusters { sizes, largest } = clusters(&verdicts, SHOWN_CLUSTERS);
    let mut resolution =
        Resolution { bases, candidates: columns.found, verdicts, excluded, sizes, ..Resolution::default() };
    let name = |candidate: u32| resolution.document(candidate).unwrap_or_default();
    let largest =
        largest.iter().map(|cluster| (name(cluster.kept), cluster.dropped.iter().map(|c| name(*c)).collect()));
    resolution.largest = largest.collect();
    Ok(resolution)
}

fn is_near(plan: &Plan) -> bool {
    plan.stage("minhash").is_some()
}

/// Bytes of memory per candidate beside what `dedup` takes: its row, and what some recipes want.
fn bytes_per_candidate(plan: &Plan) -> u64 {
    let ranks = match plan.minhash.keep {
        Keep::Newest { kind: ColumnKind::Text, .. } => 16,
        _ => 0,
    };
    let carried = match plan.minhash.carried() {
        Carried::Nothing => 0,
        Carried::Shingles => 16,
        Carried::Signature => 4 + dedup::datatrove::BYTES_PER_DOCUMENT,
    };
    size_of::<u32>() as u64 + ranks + carried
}

/// The signatures of a run, group by group.
struct Columns {
    files: Vec<SignatureFile>,
    /// File and group in it.
    groups: Vec<(usize, u64)>,
    /// The first candidate of each group.
    firsts: Vec<u32>,
    found: Candidates,
    is_exact: bool,
    is_near: bool,
    /// In place of those in the files.
    ranks: Option<Vec<u64>>,
}

impl Columns {
    fn open(plan: &Plan, receipts: &[SegmentReceipt], work: &Work) -> Result<Columns, EngineError> {
        let open = |r: &SegmentReceipt| SignatureFile::open(work.signatures(r.segment), r.signed);
        let files: Vec<SignatureFile> = receipts.iter().map(open).collect::<Result<_, _>>()?;
        let (mut groups, mut firsts, mut found) = (Vec::new(), Vec::new(), Candidates::default());
        for (at, file) in files.iter().enumerate() {
            found.firsts.push(found.rows.len() as u32);
            for group in 0..file.n_groups() {
                groups.push((at, group));
                firsts.push(found.rows.len() as u32);
                let rows = file.rows(group)?.into_iter().zip(file.states(group)?);
                found.rows.extend(rows.filter(|(_, state)| state.is_candidate()).map(|(row, _)| row));
            }
        }
        let is_exact = plan.stage("exact_dedup").is_some();
        Ok(Columns { files, groups, firsts, found, is_exact, is_near: is_near(plan), ranks: None })
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
        for (candidate, (state, value)) in (self.firsts[group]..).zip(records.filter(|(s, _)| s.is_candidate())) {
            if is_looked_at(state) {
                each(candidate, value);
            }
        }
        Ok(())
    }

    /// Candidates of near deduplication that have a signature.
    fn holders(&self) -> Result<Vec<u32>, EngineError> {
        let mut holders = Vec::new();
        for group in 0..self.groups.len() {
            self.each(group, SignatureFile::states, State::is_near_candidate, |c, _| holders.push(c))?;
        }
        Ok(holders)
    }

    /// What may not be trained on.
    fn excluded(&self, bases: &[u64]) -> Result<Vec<u64>, EngineError> {
        let mut bands: Vec<BandKeys> = Vec::new();
        let mut exact: Vec<u128> = Vec::new();
        for (file, group) in &self.groups {
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
            self.groups.par_iter().map(of_group).collect::<Result<_, EngineError>>()?;
        let mut excluded = excluded.concat();
        excluded.dedup();
        Ok(excluded)
    }
}

impl Signatures for Columns {
    type Error = EngineError;

    fn candidates(&self) -> usize {
        self.found.rows.len()
    }

    fn groups(&self) -> &[u32] {
        &self.firsts
    }

    fn exact(&self, group: usize, each: impl FnMut(u32, u128)) -> Result<(), EngineError> {
        match self.is_exact {
            true => self.each(group, SignatureFile::exact, |state| state.flags.has(Flags::EXACT), each),
            false => Ok(()),
        }
    }

    fn band(&self, group: usize, band: usize, each: impl FnMut(u32, u64)) -> Result<(), EngineError> {
        match self.is_near {
            true => self.each(group, |file, at| file.band(at, band), State::is_near_candidate, each),
            false => Ok(()),
        }
    }

    fn details(
        &self,
        group: usize,
        mut wanted: impl Iterator<Item = u32>,
        mut each: impl FnMut(u64, Sketch),
    ) -> Result<(), EngineError> {
        let details = |file: &SignatureFile, at| {
            Ok(file.ranks(at)?.into_iter().zip(file.sketches(at)?).collect::<Vec<_>>())
        };
        let mut next = wanted.next();
        self.each(group, details, |_| true, |candidate, (rank, sketch)| {
            if next == Some(candidate) {
                each(self.ranks.as_ref().map_or(rank, |ranks| ranks[candidate as usize]), sketch);
                next = wanted.next();
            }
        })
    }

    fn keys(
        &self,
        group: usize,
        mut wanted: impl Iterator<Item = u32>,
        mut each: impl FnMut(BandKeys),
    ) -> Result<(), EngineError> {
        let mut next = wanted.next();
        self.each(group, SignatureFile::bands, |_| true, |candidate, keys| {
            if next == Some(candidate) {
                each(keys);
                next = wanted.next();
            }
        })
    }
}
