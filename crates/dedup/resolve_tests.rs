//! Tests of `resolve` on constructed bands and sketches.

use super::*;
use crate::{Candidates, estimate};
use proptest::prelude::*;

/// A sketch whose first `n` values are those of family `of`, the rest its own.
fn sketch(of: u8, n: usize, own: u8) -> Sketch {
    Sketch(std::array::from_fn(|value| if value < n { of } else { own }))
}

/// Keys of its own except that band `b` has key `k` for each `(b, k)`.
fn keys(document: u64, shared: &[(usize, u64)]) -> Option<BandKeys> {
    let mut keys: BandKeys = std::array::from_fn(|band| 1_000 * (document + 1) + band as u64);
    shared.iter().for_each(|&(band, key)| keys[band] = key);
    Some(keys)
}

fn kept_twins(verdicts: &[Option<Duplicate>]) -> Vec<Option<u32>> {
    verdicts.iter().map(|verdict| verdict.map(|d| d.of)).collect()
}

fn resolve(candidates: &Candidates<'_>, options: &Options<'_>) -> Vec<Option<Duplicate>> {
    super::resolve(candidates, options).unwrap().iter().collect()
}

#[test]
fn documents_of_other_corpora_stay_and_drop_what_is_like_them() {
    // 0 and 1 are alike, and like 3 and 4 of the other corpus (1 like both: the first is named); 2 has the text of 5.
    let exact = [Some(1), Some(2), Some(3), Some(4), Some(5), Some(3)];
    let near = |document| keys(document, &[(0, 7)]);
    let bands = [near(0), near(1), keys(2, &[]), near(3), near(4), keys(5, &[])];
    let sketches = [
        sketch(1, 112, 0),
        sketch(1, 108, 9),
        sketch(2, 112, 0),
        sketch(1, 108, 5),
        sketch(1, 112, 0),
        sketch(2, 112, 0),
    ];
    let rank = [9, 9, 9, 1, 1, 1].map(longest_first);
    let candidates = Candidates {
        exact: &exact,
        bands: &bands,
        sketches: &sketches,
        rank: &rank,
        ..Candidates::default()
    };
    let verdicts =
        super::resolve(&Grouped { others: 3, ..Grouped::of(candidates) }, &Options::default()).unwrap();
    let verdicts: Vec<_> = verdicts.iter().collect();
    assert_eq!(kept_twins(&verdicts), [Some(4), Some(3), Some(5), None, None, None]);
    assert!(verdicts[2].unwrap().by == By::Exact);
}

/// The same candidates in groups of three, the last of them perhaps of another corpus.
struct Grouped<'a> {
    candidates: Candidates<'a>,
    firsts: Vec<u32>,
    others: u32,
}

impl<'a> Grouped<'a> {
    fn of(candidates: Candidates<'a>) -> Self {
        let others = candidates.candidates() as u32;
        Grouped { candidates, firsts: (0..others).step_by(3).collect(), others }
    }

    fn has(&self, group: usize, candidate: u32) -> bool {
        self.firsts[group] / 3 == candidate / 3
    }
}

impl Signatures for Grouped<'_> {
    type Error = std::convert::Infallible;

    fn candidates(&self) -> usize {
        self.candidates.candidates()
    }

    fn others(&self) -> u32 {
        self.others
    }

    fn groups(&self) -> &[u32] {
        &self.firsts
    }

    fn exact(&self, group: usize, mut each: impl FnMut(u32, u128)) -> Result<(), Self::Error> {
        self.candidates.exact(0, |candidate, hash| {
            if self.has(group, candidate) {
                each(candidate, hash);
            }
        })
    }

    fn band(&self, group: usize, band: usize, mut each: impl FnMut(u32, u64)) -> Result<(), Self::Error> {
        self.candidates.band(0, band, |candidate, key| {
            if self.has(group, candidate) {
                each(candidate, key);
            }
        })
    }

    fn details(
        &self,
        group: usize,
        wanted: impl Iterator<Item = u32>,
        each: impl FnMut(u64, Sketch),
    ) -> Result<(), Self::Error> {
        self.candidates.details(0, wanted.inspect(|candidate| assert!(self.has(group, *candidate))), each)
    }

    fn keys(
        &self,
        group: usize,
        wanted: impl Iterator<Item = u32>,
        each: impl FnMut(BandKeys),
    ) -> Result<(), Self::Error> {
        self.candidates.keys(0, wanted.inspect(|candidate| assert!(self.has(group, *candidate))), each)
    }
}

#[test]
fn the_least_memory_is_named() {
    let exact: Vec<_> = (0..1000).map(Some).collect();
    let candidates = Candidates { exact: &exact, ..Candidates::default() };
    let with = |memory| super::resolve(&candidates, &Options { memory, ..Options::default() });
    let Err(Failure::Memory(least)) = with(100) else { panic!("too little") };
    assert!(with(least - 1).is_err() && with(least).is_ok(), "{least}");
}

#[test]
fn groups_chained_by_a_band_both_survive() {
    // 0 and 1 are alike, 2 and 3 are alike; band 5 chains 1 to 2.
    let bands =
        [keys(0, &[(0, 7)]), keys(1, &[(0, 7), (5, 9)]), keys(2, &[(1, 8), (5, 9)]), keys(3, &[(1, 8)])];
    let sketches = [sketch(1, 112, 0), sketch(1, 100, 9), sketch(2, 112, 0), sketch(2, 90, 9)];
    let candidates = Candidates { bands: &bands, sketches: &sketches, ..Candidates::default() };
    let verdicts = resolve(&candidates, &Options::default());
    assert_eq!(kept_twins(&verdicts), [None, Some(0), None, Some(2)]);
    assert!((verdicts[1].unwrap().similarity - 0.893).abs() < 0.002);
    let unverified = Options { verify: Verify::Nothing, ..Options::default() };
    assert_eq!(kept_twins(&resolve(&candidates, &unverified)), [None, Some(0), Some(0), Some(0)]);
    let strict = Options { min_similarity: 0.85, ..Options::default() };
    assert_eq!(kept_twins(&resolve(&candidates, &strict)), [None, Some(0), None, None]);
}

#[test]
fn rank_decides_who_is_kept() {
    let bands: Vec<_> = (0..4).map(|document| keys(document, &[(0, 7)])).collect();
    let sketches = [sketch(1, 112, 0); 4];
    let kept = |rank: &[u64]| {
        let candidates = Candidates { bands: &bands, sketches: &sketches, rank, ..Candidates::default() };
        kept_twins(&resolve(&candidates, &Options::default()))
    };
    assert_eq!(kept(&[]), [None, Some(0), Some(0), Some(0)]);
    assert_eq!(kept(&[5, 9, 9, 1].map(longest_first)), [Some(1), None, Some(1), Some(1)]);
    assert_eq!(kept(&[-0.5, f64::NAN, -0.25, -7.0].map(highest_first)), [Some(2), Some(2), None, Some(2)]);
    let latest = [i64::MIN, -3, 2, i64::MAX].map(latest_first);
    assert!(latest.is_sorted_by(|a, b| a > b) && latest[0] < u64::MAX && latest[3] == 0);
}

#[test]
fn datatrove_names_the_root_of_the_cluster() {
    // 0 and 3 have the same text, which only the first keeps; 1, 2 and 0 are chained by two bands.
    let exact = [Some(5), Some(6), Some(7), Some(5)];
    let bands: Vec<_> = (0..4).map(|document| keys(document, &[])).collect();
    let sketches = [sketch(1, 112, 0), sketch(1, 60, 3), sketch(2, 112, 0), sketch(1, 112, 0)];
    let candidates =
        Candidates { exact: &exact, bands: &bands, sketches: &sketches, rank: &[], ..Candidates::default() };
    let read = |band: usize, rows: &mut Vec<BandRow>| match band {
        0 => rows.extend([([4; 8], 2), ([4; 8], 1), ([9; 8], 0), ([9; 8], 3)]),
        1 => rows.extend([([3; 8], 0), ([3; 8], 2)]),
        _ => {}
    };
    let verdicts = resolve(&candidates, &Options { verify: Verify::Datatrove(&read), ..Options::default() });
    assert_eq!(kept_twins(&verdicts), [Some(1), None, Some(1), Some(1)]);
    assert!(
        verdicts[3].unwrap().by == By::Exact
            && verdicts[3].unwrap().similarity == verdicts[0].unwrap().similarity
    );
}

#[test]
fn the_most_similar_kept_document_is_named() {
    let bands: Vec<_> = (0..3).map(|document| keys(document, &[(0, 7)])).collect();
    // 2 is near to both, nearer to 1; 0 and 1 are 0.5 apart.
    let mut near_one = sketch(1, 56, 2);
    near_one.0[..12].fill(2);
    let sketches = [sketch(1, 112, 0), sketch(1, 56, 2), near_one];
    let candidates = Candidates { bands: &bands, sketches: &sketches, ..Candidates::default() };
    let verdicts = resolve(&candidates, &Options::default());
    assert_eq!(kept_twins(&verdicts), [None, None, Some(1)]);
}

#[test]
fn exact_twins_name_the_document_that_is_kept_in_the_end() {
    // 0 and 2 have the same text; 1 is near and longer.
    let exact = [Some(5), Some(6), Some(5), None, None];
    let bands = [keys(0, &[(0, 7)]), keys(1, &[(0, 7)]), keys(0, &[(0, 7)]), None, None];
    let sketches =
        [sketch(1, 112, 0), sketch(1, 100, 3), sketch(1, 112, 0), sketch(1, 112, 0), sketch(1, 112, 0)];
    let rank = [10, 12, 10, 1, 1].map(longest_first);
    let verdicts = resolve(
        &Candidates {
            exact: &exact,
            bands: &bands,
            sketches: &sketches,
            rank: &rank,
            ..Candidates::default()
        },
        &Options::default(),
    );
    assert_eq!(kept_twins(&verdicts), [Some(1), None, Some(1), None, None]);
    assert!(verdicts[0].unwrap().by != By::Exact && verdicts[2].unwrap().by == By::Exact);
    assert_eq!(verdicts[0].unwrap().similarity, verdicts[2].unwrap().similarity);
    let alone = resolve(&Candidates { exact: &exact, ..Candidates::default() }, &Options::default());
    assert_eq!(alone[2], Some(Duplicate { of: 0, similarity: 1.0, by: By::Exact }));
    assert_eq!(resolve(&Candidates::default(), &Options::default()), []);
}

#[test]
fn the_text_is_asked_unless_the_sketch_rules_it_out() {
    let bands: Vec<_> = (0..3).map(|document| keys(document, &[(0, 7)])).collect();
    let sketches = [sketch(1, 112, 0), sketch(1, 60, 3), sketch(2, 112, 0)];
    let ask = |a: u32, b: u32| {
        assert!(a != 2 && b != 2, "unlike by their sketches");
        0.75
    };
    let candidates = Candidates { bands: &bands, sketches: &sketches, ..Candidates::default() };
    let verdicts = resolve(&candidates, &Options { verify: Verify::Text(&ask), ..Options::default() });
    assert_eq!(verdicts[1], Some(Duplicate { of: 0, similarity: 0.75, by: By::Near }));
    assert_eq!(verdicts[2], None);
}

#[test]
fn beyond_64_kept_documents_a_common_band_is_needed() {
    // A chain of unlike documents, then a twin of the last one.
    let n = 200;
    let mut bands: Vec<_> = (0..n).map(|d| keys(d, &[(0, d / 2), (1, d.div_ceil(2))])).collect();
    let mut sketches: Vec<Sketch> = (0..n).map(|d| sketch(d as u8, 112, 0)).collect();
    bands.push(bands[n as usize - 1]);
    sketches.push(sketches[n as usize - 1]);
    let candidates = Candidates { bands: &bands, sketches: &sketches, ..Candidates::default() };
    let verdicts = resolve(&candidates, &Options::default());
    assert!(verdicts[..n as usize].iter().all(Option::is_none));
    assert_eq!(verdicts[n as usize].unwrap().of, n as u32 - 1);
}

#[test]
fn jaccard_of_sets() {
    assert_eq!(jaccard([1, 2, 3], [2, 3, 4]), 0.5);
    assert_eq!(jaccard([1, 2, 3, 9], [3]), 0.25);
    assert_eq!(jaccard([], []), 0.0);
    assert_eq!(jaccard([9], []), 0.0);
    assert_eq!(jaccard([9], [9]), 1.0);
}

proptest! {
    #[test]
    fn nothing_is_dropped_unverified_and_every_twin_is_kept(
        documents in prop::collection::vec((0_u64..4, 0_u64..4, 0_u8..3, 60_usize..112, 0_u128..20), 0..40),
        length in prop::collection::vec(0_u64..5, 40),
    ) {
        let exact: Vec<_> = documents.iter().map(|d| Some(d.4)).collect();
        let bands: Vec<_> =
            documents.iter().zip(0..).map(|(d, at)| keys(at, &[(0, d.0), (1, d.1)])).collect();
        let sketches: Vec<_> = documents.iter().zip(7..).map(|(d, own)| sketch(d.2, d.3, own)).collect();
        let rank: Vec<u64> = length[..documents.len()].iter().copied().map(longest_first).collect();
        let candidates = Candidates { exact: &exact, bands: &bands, sketches: &sketches, rank: &rank, ..Candidates::default() };
        let verdicts = resolve(&candidates, &Options::default());
        let mut options = Options { memory: 0, ..Options::default() };
        let in_passes = loop {
            match super::resolve(&Grouped::of(candidates), &options) {
                Ok(verdicts) => break verdicts,
                Err(Failure::Memory(least)) if least > options.memory => options.memory = least,
                Err(failure) => panic!("{failure:?} with {}", options.memory),
            }
        };
        prop_assert_eq!(&in_passes.iter().collect::<Vec<_>>(), &verdicts);
        for (at, verdict) in verdicts.iter().enumerate() {
            let Some(duplicate) = verdict else { continue };
            prop_assert!(verdicts[duplicate.of as usize].is_none());
            if duplicate.by == By::Near {
                let similarity = estimate(&sketches[at], &sketches[duplicate.of as usize]);
                prop_assert!(similarity >= MIN_SIMILARITY && duplicate.similarity == similarity as f32);
                prop_assert!((rank[duplicate.of as usize], duplicate.of) < (rank[at], at as u32));
            }
        }
    }
}

#[test]
fn of_one_address_the_first_by_rank_stays_and_is_then_compared() {
    // 0 and 2 have an address, 1 and 3 another; 1 has the text of 4, and 5 that of 0, whose address it lacks.
    let urls = [Some(7), Some(8), Some(7), Some(8), None, None];
    let exact = [1, 2, 3, 4, 2, 1].map(|text: u128| Some(text << 64));
    let candidates =
        Candidates { urls: &urls, exact: &exact, rank: &[5, 5, 1, 6, 0, 0], ..Candidates::default() };
    let verdicts = resolve(&candidates, &Options::default());
    let found: Vec<Option<(u32, By)>> = verdicts.iter().map(|v| v.map(|d| (d.of, d.by))).collect();
    // 0 went by its address, so that 5 is nobody's copy; 3 names the document that stands for 1 in the end.
    assert_eq!(found, [Some((2, By::Url)), None, None, Some((1, By::Url)), Some((1, By::Exact)), None]);
    assert!(verdicts[0].unwrap().similarity.is_nan());
    let first = Candidates { rank: &[], ..candidates };
    let verdicts = resolve(&first, &Options::default());
    let found: Vec<Option<u32>> = verdicts.iter().map(|v| v.map(|d| d.of)).collect();
    assert_eq!(found, [None, None, Some(0), Some(1), Some(1), Some(0)]);
    // A chain: 3 goes for 1 by its address, 1 for 0 by its text.
    let exact = [2, 2, 3, 4, 5, 6].map(|text: u128| Some(text << 64));
    let verdicts = resolve(&Candidates { exact: &exact, ..first }, &Options::default());
    assert_eq!(verdicts[3].map(|d| (d.of, d.by)), Some((0, By::Url)));
}
