//! Signatures that are all in memory.

use std::convert::Infallible;

use crate::minhash::{BANDS, BandKeys, Sketch};
use crate::resolve::Signatures;

/// What is known of each document, in input order; all slices that are not empty have the same length.
#[derive(Clone, Copy, Default)]
pub struct Candidates<'a> {
    /// Hash of the address; empty: no deduplication by it.
    pub urls: &'a [Option<u64>],
    /// Hash of the text; `None` for a document that is not a candidate; empty: no exact deduplication.
    pub exact: &'a [Option<u128>],
    /// `None` for a document that is no candidate or has no shingles; empty: no near deduplication.
    pub bands: &'a [Option<BandKeys>],
    /// Needed with `bands`.
    pub sketches: &'a [Sketch],
    /// The lower, the rather kept; ties in input order; empty: input order alone (`first`).
    pub rank: &'a [u64],
}

/// One group.
impl Signatures for Candidates<'_> {
    type Error = Infallible;

    fn candidates(&self) -> usize {
        self.urls.len().max(self.exact.len()).max(self.bands.len())
    }

    fn groups(&self) -> &[u32] {
        &[0]
    }

    fn has_urls(&self) -> bool {
        !self.urls.is_empty()
    }

    fn urls(&self, _: usize, mut each: impl FnMut(u32, u64, u64)) -> Result<(), Infallible> {
        for (candidate, hash) in (0..).zip(self.urls) {
            let rank = self.rank.get(candidate as usize).copied().unwrap_or(0);
            hash.iter().for_each(|hash| each(candidate, *hash, rank));
        }
        Ok(())
    }

    fn exact(&self, _: usize, mut each: impl FnMut(u32, u128)) -> Result<(), Infallible> {
        (0..).zip(self.exact).for_each(|(candidate, hash)| hash.iter().for_each(|h| each(candidate, *h)));
        Ok(())
    }

    fn band(&self, _: usize, band: usize, mut each: impl FnMut(u32, u64)) -> Result<(), Infallible> {
        (0..)
            .zip(self.bands)
            .for_each(|(candidate, keys)| keys.iter().for_each(|k| each(candidate, k[band])));
        Ok(())
    }

    fn details(
        &self,
        _: usize,
        wanted: impl Iterator<Item = u32>,
        mut each: impl FnMut(u64, Sketch),
    ) -> Result<(), Infallible> {
        for candidate in wanted {
            let at = candidate as usize;
            let sketch = self.sketches.get(at).copied().unwrap_or(Sketch::EMPTY);
            each(self.rank.get(at).copied().unwrap_or(0), sketch);
        }
        Ok(())
    }

    fn keys(
        &self,
        _: usize,
        wanted: impl Iterator<Item = u32>,
        mut each: impl FnMut(BandKeys),
    ) -> Result<(), Infallible> {
        wanted.for_each(|candidate| each(self.bands[candidate as usize].unwrap_or([0; BANDS])));
        Ok(())
    }
}
