//! What a report says of duplicates: the clusters by size, and what loses suspiciously much.

use crate::resolve::Duplicate;

/// A kept document and all that is dropped in its favour.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    pub kept: u32,
    /// Dropped documents in input order.
    pub dropped: Vec<u32>,
}

impl Cluster {
    /// Documents, the kept one included.
    pub fn size(&self) -> usize {
        self.dropped.len() + 1
    }
}

/// All clusters, the largest first (ties: by the kept document's place in the input).
pub fn clusters(verdicts: &[Option<Duplicate>]) -> Vec<Cluster> {
    let dropped = |(at, verdict): (usize, &Option<Duplicate>)| verdict.map(|d| (d.of, at as u32));
    let mut pairs: Vec<(u32, u32)> = verdicts.iter().enumerate().filter_map(dropped).collect();
    pairs.sort_unstable();
    let groups = pairs.chunk_by(|a, b| a.0 == b.0);
    let mut clusters: Vec<Cluster> = groups
        .map(|group| Cluster { kept: group[0].0, dropped: group.iter().map(|pair| pair.1).collect() })
        .collect();
    clusters.sort_by_key(|cluster| (usize::MAX - cluster.size(), cluster.kept));
    clusters
}

/// The leading clusters that drop more than `max_share` (0 to 1) of all `documents`: to be warned of.
pub fn oversized(clusters: &[Cluster], documents: usize, max_share: f64) -> &[Cluster] {
    let limit = max_share * documents as f64;
    let n = clusters.iter().take_while(|cluster| cluster.dropped.len() as f64 > limit).count();
    &clusters[..n]
}

/// What one source (or any other group of documents) loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    pub source: u32,
    pub documents: u64,
    pub dropped: u64,
}

/// The sources of at least `min_documents` that lose more than `max_share` (0 to 1) of their documents, in
/// order of their number; `sources` holds the number of each document's source, from 0 on.
pub fn losses(
    sources: &[u32],
    verdicts: &[Option<Duplicate>],
    max_share: f64,
    min_documents: u64,
) -> Vec<Loss> {
    let n_sources = sources.iter().max().map_or(0, |&last| last as usize + 1);
    let mut losses: Vec<Loss> =
        (0..n_sources as u32).map(|source| Loss { source, documents: 0, dropped: 0 }).collect();
    for (source, verdict) in sources.iter().zip(verdicts) {
        let loss = &mut losses[*source as usize];
        loss.documents += 1;
        loss.dropped += u64::from(verdict.is_some());
    }
    losses
        .retain(|l| l.documents >= min_documents.max(1) && l.dropped as f64 > max_share * l.documents as f64);
    losses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kept: u32) -> Option<Duplicate> {
        Some(Duplicate { of: kept, similarity: 0.9, exact: false })
    }

    #[test]
    fn largest_clusters_first() {
        let verdicts = [None, of(0), None, of(2), of(2), None, of(5)];
        let found = clusters(&verdicts);
        let members: Vec<_> = found.iter().map(|c| (c.kept, c.dropped.as_slice(), c.size())).collect();
        assert_eq!(members, [(2, &[3, 4][..], 3), (0, &[1][..], 2), (5, &[6][..], 2)]);
        assert_eq!(oversized(&found, 7, 0.2).len(), 1);
        assert_eq!(oversized(&found, 7, 0.3).len(), 0);
        assert_eq!(oversized(&found, 7, 0.1).len(), 3);
    }

    #[test]
    fn sources_that_lose_more_than_their_share() {
        let verdicts = [None, of(0), of(0), None, None, of(3)];
        let sources = [0, 0, 0, 1, 1, 2];
        assert_eq!(losses(&sources, &verdicts, 0.5, 2), [Loss { source: 0, documents: 3, dropped: 2 }]);
        assert_eq!(losses(&sources, &verdicts, 0.5, 1).len(), 2);
        assert_eq!(losses(&[], &[], 0.5, 1), []);
    }
}
