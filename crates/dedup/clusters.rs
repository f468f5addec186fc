//! What a report says of duplicates: how large the clusters are, and the largest of them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::resolve::Verdicts;

/// A kept document and all that is dropped in its favour.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    pub kept: u32,
    /// Dropped documents in input order.
    pub dropped: Vec<u32>,
}

/// Clusters of two documents or more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clusters {
    /// How many have so many documents, the kept one included.
    pub sizes: BTreeMap<u64, u64>,
    /// The largest first (ties: by the kept document's place in the input).
    pub largest: Vec<Cluster>,
}

/// All clusters by size, and the `shown` largest. Takes up to 32 bytes per duplicate while it runs.
pub fn clusters(verdicts: &Verdicts, shown: usize) -> Clusters {
    let mut pairs: Vec<(u32, u32)> =
        verdicts.duplicates().map(|(dropped, twin)| (twin.of, dropped)).collect();
    pairs.sort_unstable();
    let mut clusters = Clusters::default();
    let mut groups: Vec<&[(u32, u32)]> = pairs.chunk_by(|a, b| a.0 == b.0).collect();
    for group in &groups {
        *clusters.sizes.entry(group.len() as u64 + 1).or_default() += 1;
    }
    groups.sort_unstable_by_key(|group| (Reverse(group.len()), group[0].0));
    let cluster = |group: &[(u32, u32)]| Cluster {
        kept: group[0].0,
        dropped: group.iter().map(|(_, dropped)| *dropped).collect(),
    };
    clusters.largest = groups.into_iter().take(shown).map(cluster).collect();
    clusters
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::{Candidates, Options, resolve};

    use super::*;

    #[test]
    fn largest_clusters_first() {
        let exact = [7, 7, 3, 3, 3, 5, 5].map(Some);
        let candidates = Candidates { exact: &exact, ..Candidates::default() };
        let verdicts = resolve(&candidates, &Options::default()).unwrap();
        let found = clusters(&verdicts, 2);
        let members: Vec<_> = found.largest.iter().map(|c| (c.kept, c.dropped.as_slice())).collect();
        assert_eq!(members, [(2, &[3, 4][..]), (0, &[1][..])]);
        assert_eq!(found.sizes, BTreeMap::from([(2, 2), (3, 1)]));
    }
}
