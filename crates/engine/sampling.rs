//! Which dropped documents are shown: per first reason, those with the smallest hash of their id.

use std::collections::BTreeMap;

use document::{ReasonId, Verdict};
use plan::Rejected;

/// Indices to keep, ascending. `keys`: verdict and hash of the id of each dropped document.
pub(crate) fn choose(keys: &[(Verdict, u64)], rejected: Rejected) -> Vec<u64> {
    let n = match rejected {
        Rejected::All => return (0..keys.len() as u64).collect(),
        Rejected::None => return Vec::new(),
        Rejected::Sample(n) => n,
    };
    let mut by_reason: BTreeMap<ReasonId, Vec<(u64, u64)>> = BTreeMap::new();
    for (index, (verdict, hash)) in keys.iter().enumerate() {
        if let Some(reason) = verdict.first() {
            by_reason.entry(reason).or_default().push((*hash, index as u64));
        }
    }
    let mut chosen: Vec<u64> = Vec::new();
    for mut documents in by_reason.into_values() {
        documents.sort_unstable();
        chosen.extend(documents.iter().take(n).map(|(_, index)| index));
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_of_samples_is_the_sample() {
        let keys: Vec<(Verdict, u64)> = (0..1000_u64)
            .map(|i| {
                let mut verdict = Verdict::default();
                verdict.add(ReasonId((i % 7) as u8));
                (verdict, i.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            })
            .collect();
        let whole = choose(&keys, Rejected::Sample(10));
        assert_eq!(whole.len(), 70);
        let (a, b) = keys.split_at(431);
        let mut parts: Vec<u64> = choose(a, Rejected::Sample(10));
        parts.extend(choose(b, Rejected::Sample(10)).iter().map(|index| index + 431));
        let chosen: Vec<_> = parts.iter().map(|index| keys[*index as usize]).collect();
        let again: Vec<u64> =
            choose(&chosen, Rejected::Sample(10)).iter().map(|index| parts[*index as usize]).collect();
        assert_eq!(again, whole);
    }
}
