//! Between sweep and pack: which documents are duplicates, and which may not be trained on. Reads no text of a
//! document, and of the signatures the columns that it works on, in as many passes as the memory asks for.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use dedup::datatrove::BandRow;
use dedup::{BANDS, By, Clusters, Failure, Options, Signatures, Step, Verdicts, Verify, clusters};
use plan::{Carried, ColumnKind, Keep, Plan, VerifyBy};

use crate::against::Against;
use crate::carried::{Guarded, ShingleSets, band_rows};
use crate::control_twins::ControlTwins;
use crate::error::EngineError;
use crate::options::CleanOptions;
use crate::ranking::text_ranks;
use crate::signature_columns::{Candidates, SignatureColumns};
use crate::signatures::SignatureFile;
use crate::work::{SegmentReceipt, Work};

/// The stage that looks at addresses.
pub(crate) const URL_DEDUP: &str = "url_dedup";

/// Documents of other corpora are numbered from here on.
pub(crate) const OTHERS: u64 = 1 << 63;

/// What resolve decided. Documents are numbered over all segments, in input order.
#[derive(Debug, Default)]
pub(crate) struct Resolution {
    /// First document of each segment, then of each table of other corpora.
    pub bases: Vec<u64>,
    candidates: Candidates,
    verdicts: Verdicts,
    /// Left out of training: they share a band or the text with a held-out document; ascending.
    pub excluded: Vec<u64>,
    /// Kept document and dropped members of the largest clusters, the largest first.
    pub largest: Vec<(u64, Vec<u64>)>,
    /// Clusters by their size.
    pub sizes: BTreeMap<u64, u64>,
    /// Which documents of the control sample are alike.
    pub control: ControlTwins,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Twin {
    pub of: u64,
    similarity: f32,
    pub by: By,
}

impl Twin {
    /// Of the texts, if they were compared.
    pub fn similarity(&self) -> Option<f64> {
        (!self.similarity.is_nan()).then(|| f64::from(self.similarity))
    }
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

    /// The documents that others are dropped in favour of.
    pub fn kept_twins(&self) -> KeptTwins<'_> {
        let mut bits = vec![0_u64; self.verdicts.len().div_ceil(64)];
        for (_, twin) in self.verdicts.duplicates() {
            bits[twin.of as usize / 64] |= 1 << (twin.of % 64);
        }
        KeptTwins { resolution: self, bits }
    }

    pub fn is_excluded(&self, document: u64) -> bool {
        self.excluded.binary_search(&document).is_ok()
    }

    fn twin(&self, candidate: u32) -> Option<Twin> {
        let twin = self.verdicts.get(candidate)?;
        Some(Twin { of: self.document(twin.of)?, similarity: twin.similarity, by: twin.by })
    }

    fn document(&self, candidate: u32) -> Option<u64> {
        self.candidates.document(&self.bases, candidate)
    }
}

/// A bit for each candidate.
pub(crate) struct KeptTwins<'r> {
    resolution: &'r Resolution,
    bits: Vec<u64>,
}

impl KeptTwins<'_> {
    /// Ascending; those of other corpora come last.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let candidates = 0..64 * self.bits.len() as u64;
        let twins = candidates.filter(|at| self.bits[*at as usize / 64] >> (at % 64) & 1 == 1);
        twins.filter_map(|candidate| self.resolution.document(candidate as u32))
    }
}

/// Clusters that the report shows.
const SHOWN_CLUSTERS: usize = 30;

/// `progress` is told how much is done, and of how much.
pub(crate) fn resolve(
    plan: &Plan,
    receipts: &[SegmentReceipt],
    work: &Work,
    clean: &CleanOptions,
    against: &Against,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Resolution, EngineError> {
    let memory = clean.memory;
    let open = |r: &SegmentReceipt| SignatureFile::open(work.signatures(r.shard, r.part), r.signed);
    let files: Vec<SignatureFile> = receipts.iter().map(open).collect::<Result<_, _>>()?;
    let others = against.columns(work)?;
    let is_exact = plan.stage("exact_dedup").is_some();
    let mut columns = SignatureColumns::open(files, others, is_exact, is_near(plan))?;
    if plan.stage(URL_DEDUP).is_some() {
        let urls = |r: &SegmentReceipt| (work.urls(r.shard, r.part), r.urls.unwrap_or(0));
        columns.urls = receipts.iter().map(urls).collect();
    }
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
    let mut bases: Vec<u64> = bases.collect();
    let n_segments = bases.len();
    bases.extend(
        columns.found.firsts[n_segments..].iter().map(|first| OTHERS + u64::from(first - columns.others())),
    );
    let by_text = |keep: &Keep| match keep {
        Keep::Newest { column, kind: ColumnKind::Text } => {
            let name = |candidate| columns.found.document(&bases, candidate);
            let names: Vec<u64> = (0..columns.others()).filter_map(name).collect();
            let allowed =
                |more: u64| if held + more > memory { Err(too_little(held + more)) } else { Ok(()) };
            text_ranks(column, &names, receipts, work, allowed).map(Some)
        }
        _ => Ok(None),
    };
    let ranks = if is_near(plan) { by_text(&plan.minhash.keep)? } else { None };
    let url_ranks = if columns.has_urls() { by_text(&plan.url_dedup.keep)? } else { None };
    (columns.ranks, columns.url_ranks) = (ranks, url_ranks);
    let decide = |verify: Verify<'_>| {
        let options = Options {
            min_similarity: plan.minhash.min_similarity,
            verify,
            progress: &|step| {
                let (done, of) = match step {
                    Step::Url => (0, 1),
                    Step::Exact => (1, 1),
                    Step::Band(band) => (2 + band, 1),
                    Step::Components { batch, of } => ((2 + BANDS) * of + batch, of),
                };
                progress(done as u64, ((3 + BANDS) * of) as u64);
                !clean.stop.load(Ordering::Relaxed)
            },
            memory: memory - held,
        };
        dedup::resolve(&columns, &options).map_err(|failure| match failure {
            Failure::Memory(least) => too_little(held + least),
            Failure::Stopped => EngineError::Stopped,
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
    clean.unless_stopped()?;
    let excluded = columns.excluded(&bases)?;
    let held = held + documents * Verdicts::BYTES;
    let control = ControlTwins::find(plan, receipts, work, clean, memory.saturating_sub(held))?;
    let Clusters { sizes, largest } = clusters(&verdicts, SHOWN_CLUSTERS);
    let mut resolution = Resolution {
        bases,
        candidates: columns.found,
        verdicts,
        excluded,
        sizes,
        control,
        ..Resolution::default()
    };
    let name = |candidate: u32| resolution.document(candidate).unwrap_or_default();
    let largest = largest
        .iter()
        .map(|cluster| (name(cluster.kept), cluster.dropped.iter().map(|c| name(*c)).collect()));
    resolution.largest = largest.collect();
    Ok(resolution)
}

pub(crate) fn is_near(plan: &Plan) -> bool {
    plan.stage("minhash").is_some()
}

/// Bytes of memory per candidate beside what `dedup` takes: its row, and what some recipes want.
fn bytes_per_candidate(plan: &Plan) -> u64 {
    let ranks = |keep: &Keep| match keep {
        Keep::Newest { kind: ColumnKind::Text, .. } => 16,
        _ => 0,
    };
    let ranks = ranks(&plan.minhash.keep) + ranks(&plan.url_dedup.keep);
    let carried = match plan.minhash.carried() {
        Carried::Nothing => 0,
        Carried::Shingles => 16,
        Carried::Signature => 4 + dedup::datatrove::BYTES_PER_DOCUMENT,
    };
    size_of::<u32>() as u64 + ranks + carried
}
