//! Between sweep and pack: which documents are duplicates, and which may not be trained on. Reads no text of a
//! document.

use std::fs::File;
use std::io::{BufReader, Read};

use dedup::datatrove::BandRow;
use dedup::{BandIndex, Candidates, Duplicate, Options, Sketch, Verify, clusters};
use plan::{Carried, ColumnKind, Flags, Keep, Plan, VerifyBy};

use crate::carried::{Guarded, ShingleSets, band_rows};
use crate::clean::CleanOptions;
use crate::error::EngineError;
use crate::ranking::text_ranks;
use crate::work::{SegmentReceipt, SignatureRecord, Work};

/// What resolve decided. Documents are numbered over all segments, in input order.
#[derive(Debug, Default)]
pub(crate) struct Resolution {
    /// First document of each segment.
    pub bases: Vec<u64>,
    /// Dropped document, and why; ascending.
    pub duplicates: Vec<(u64, Twin)>,
    /// Left out of training: they share a band or the text with a held-out document; ascending.
    pub excluded: Vec<u64>,
    /// Kept document and dropped members of the largest clusters, the largest first.
    pub largest: Vec<(u64, Vec<u64>)>,
    /// Clusters by their size.
    pub sizes: std::collections::BTreeMap<u64, u64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Twin {
    pub of: u64,
    pub similarity: f32,
    pub is_exact: bool,
}

impl Resolution {
    /// The duplicates among documents `first..first + n`.
    pub fn twins(&self, first: u64, n: u64) -> &[(u64, Twin)] {
        let start = self.duplicates.partition_point(|(document, _)| *document < first);
        let end = self.duplicates.partition_point(|(document, _)| *document < first + n);
        &self.duplicates[start..end]
    }

    pub fn is_excluded(&self, document: u64) -> bool {
        self.excluded.binary_search(&document).is_ok()
    }
}

/// Bytes of memory per signature while duplicates are resolved: the columns of [`Loaded`], and what deciding needs (a
/// verdict, a component, the rows of one band).
const BYTES_PER_SIGNATURE: u64 = (2 * size_of::<u64>()
    + size_of::<Option<u128>>()
    + size_of::<Option<dedup::BandKeys>>()
    + size_of::<Sketch>()
    + size_of::<u32>()
    + size_of::<Trainable>()
    + 64) as u64;

/// Document, hash of a form of its text, its bands.
type Trainable = (u64, u128, Option<dedup::BandKeys>);

/// Further bytes for what is carried beside it.
fn bytes_per_carried(carried: Carried) -> u64 {
    match carried {
        Carried::Nothing => 0,
        Carried::Shingles => 16,
        Carried::Signature => 84,
    }
}

/// Clusters that the report shows.
const SHOWN_CLUSTERS: usize = 30;

pub(crate) fn resolve(
    plan: &Plan,
    receipts: &[SegmentReceipt],
    work: &Work,
    options: &CleanOptions,
) -> Result<Resolution, EngineError> {
    let signed: u64 = receipts.iter().map(|receipt| receipt.signed).sum();
    let least = signed * (BYTES_PER_SIGNATURE + bytes_per_carried(plan.minhash.carried()));
    let memory = options.memory;
    let allowed = |more: u64| {
        let needed = least + more;
        let (documents, needed_mib, allowed) = (signed, needed >> 20, memory >> 20);
        match needed > memory {
            true => Err(EngineError::Memory { documents, needed: needed_mib, allowed }),
            false => Ok(()),
        }
    };
    allowed(0)?;
    let mut bases = Vec::with_capacity(receipts.len());
    let mut base = 0;
    let mut loaded = Loaded::for_signatures(signed as usize);
    for receipt in receipts {
        options.unless_stopped()?;
        bases.push(base);
        loaded.add(receipt, base, work)?;
        base += receipt.rows;
    }
    if let (Keep::Newest { column, kind: ColumnKind::Text }, true) = (&plan.minhash.keep, is_near(plan)) {
        loaded.ranks = text_ranks(column, &loaded.documents, receipts, work, allowed)?;
    }
    let verdicts = loaded.verdicts(plan, receipts, work)?;
    options.unless_stopped()?;
    let name = |candidate: u32| loaded.documents[candidate as usize];
    let shown = clusters(&verdicts);
    let mut sizes = std::collections::BTreeMap::new();
    for cluster in &shown {
        *sizes.entry(cluster.size() as u64).or_default() += 1;
    }
    let largest = shown.iter().take(SHOWN_CLUSTERS);
    let largest =
        largest.map(|cluster| (name(cluster.kept), cluster.dropped.iter().map(|d| name(*d)).collect()));
    let duplicates = verdicts.iter().enumerate().filter_map(|(candidate, verdict)| {
        verdict.map(|Duplicate { of, similarity, exact }| {
            (loaded.documents[candidate], Twin { of: name(of), similarity, is_exact: exact })
        })
    });
    Ok(Resolution {
        bases,
        duplicates: duplicates.collect(),
        largest: largest.collect(),
        sizes,
        excluded: loaded.excluded(),
    })
}

fn is_near(plan: &Plan) -> bool {
    plan.stage("minhash").is_some()
}

/// All signatures of a run.
#[derive(Default)]
struct Loaded {
    /// Of candidates, in input order: document, then what `dedup` wants to know of it.
    documents: Vec<u64>,
    exact: Vec<Option<u128>>,
    bands: Vec<Option<dedup::BandKeys>>,
    sketches: Vec<Sketch>,
    ranks: Vec<u64>,
    /// Candidates of near-dedup that have a signature.
    holders: Vec<u32>,
    /// Of held-out documents, in any form of their text.
    heldout_exact: Vec<u128>,
    heldout_bands: Vec<dedup::BandKeys>,
    /// Everything that may be trained on, in any form of its text.
    trainable: Vec<Trainable>,
}

impl Loaded {
    /// Room for `n` signatures, so that growing takes no memory beside.
    fn for_signatures(n: usize) -> Loaded {
        Loaded {
            documents: Vec::with_capacity(n),
            exact: Vec::with_capacity(n),
            bands: Vec::with_capacity(n),
            sketches: Vec::with_capacity(n),
            ranks: Vec::with_capacity(n),
            holders: Vec::with_capacity(n),
            trainable: Vec::with_capacity(n),
            ..Loaded::default()
        }
    }

    fn add(&mut self, receipt: &SegmentReceipt, base: u64, work: &Work) -> Result<(), EngineError> {
        let path = work.signatures(receipt.shard, receipt.part);
        let mut file = BufReader::with_capacity(1 << 20, File::open(&path).map_err(EngineError::io(&path))?);
        let mut record = [0; SignatureRecord::SIZE];
        for _ in 0..receipt.signed {
            file.read_exact(&mut record).map_err(EngineError::io(&path))?;
            let SignatureRecord { row, flags, is_original, rank, exact, near } =
                SignatureRecord::read(&record);
            let document = base + u64::from(row);
            let bands = near.as_ref().map(|near| near.bands);
            if flags.has(Flags::HELDOUT) {
                self.heldout_exact.push(exact);
                self.heldout_bands.extend(bands);
            } else {
                self.trainable.push((document, exact, bands));
            }
            if !is_original {
                if near.is_some() && flags.has(Flags::NEAR) {
                    self.holders.push(self.documents.len() as u32);
                }
                self.documents.push(document);
                self.exact.push(flags.has(Flags::EXACT).then_some(exact));
                self.bands.push(bands.filter(|_| flags.has(Flags::NEAR)));
                self.sketches.push(near.map_or(Sketch([0; dedup::VALUES]), |near| near.sketch));
                self.ranks.push(rank);
            }
        }
        Ok(())
    }

    fn verdicts(
        &self,
        plan: &Plan,
        receipts: &[SegmentReceipt],
        work: &Work,
    ) -> Result<Vec<Option<Duplicate>>, EngineError> {
        let candidates = Candidates {
            exact: if plan.stage("exact_dedup").is_some() { &self.exact } else { &[] },
            bands: if is_near(plan) { &self.bands } else { &[] },
            sketches: &self.sketches,
            rank: &self.ranks,
        };
        let failed = Guarded::default();
        let decide = |verify: Verify<'_>| {
            dedup::resolve(&candidates, &Options { min_similarity: plan.minhash.min_similarity, verify })
        };
        let mut verdicts = match (&plan.minhash.keep, plan.minhash.verify) {
            _ if !is_near(plan) => decide(Verify::Nothing),
            (Keep::Datatrove, _) => decide(Verify::Datatrove(&|band, rows: &mut Vec<BandRow>| {
                failed.or_default(band_rows(band, &self.holders, receipts, work, rows));
            })),
            (_, VerifyBy::Text) => {
                let sets = ShingleSets::open(self.documents.len(), &self.holders, receipts, work)?;
                decide(Verify::Text(&|a, b| failed.or_default(sets.jaccard(a, b))))
            }
            (_, VerifyBy::Sketch) => decide(Verify::Sketch),
            (_, VerifyBy::Nothing) => decide(Verify::Nothing),
        };
        failed.finish()?;
        verdicts.resize(self.documents.len(), None);
        Ok(verdicts)
    }

    fn excluded(&self) -> Vec<u64> {
        let index = BandIndex::new(&self.heldout_bands);
        let mut exact = self.heldout_exact.clone();
        exact.sort_unstable();
        let shares = |hash: &u128, bands: &Option<dedup::BandKeys>| {
            exact.binary_search(hash).is_ok() || bands.as_ref().is_some_and(|bands| index.shares_band(bands))
        };
        let mut excluded: Vec<u64> = (self.trainable.iter())
            .filter(|(_, hash, bands)| shares(hash, bands))
            .map(|(document, _, _)| *document)
            .collect();
        excluded.dedup();
        excluded
    }
}
