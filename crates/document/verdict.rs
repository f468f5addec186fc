//! Why a document is dropped: a set of reasons, one bit per check of the plan.

/// Index of a reason in its plan's [`crate::Reasons`]; 0..128, in recipe order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReasonId(pub u8);

/// A set of reasons. Empty means keep. It can only gain reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict(u128);

impl Verdict {
    pub const MAX_REASONS: usize = 128;

    pub fn is_keep(self) -> bool {
        self.0 == 0
    }

    /// The reason that gets the credit: the earliest in recipe order.
    pub fn first(self) -> Option<ReasonId> {
        (self.0 != 0).then(|| ReasonId(self.0.trailing_zeros() as u8))
    }

    /// Number of reasons.
    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    pub fn is_empty(self) -> bool {
        self.is_keep()
    }

    pub fn contains(self, reason: ReasonId) -> bool {
        self.0 >> reason.0 & 1 == 1
    }

    pub fn add(&mut self, reason: ReasonId) {
        self.0 |= 1 << reason.0;
    }

    /// In recipe order.
    pub fn iter(self) -> impl Iterator<Item = ReasonId> {
        let mut bits = self.0;
        std::iter::from_fn(move || {
            (bits != 0).then(|| {
                let id = ReasonId(bits.trailing_zeros() as u8);
                bits &= bits - 1;
                id
            })
        })
    }

    /// The reasons before `limit` only.
    pub fn before(self, limit: u8) -> Verdict {
        if limit as usize >= Self::MAX_REASONS { self } else { Verdict(self.0 & ((1 << limit) - 1)) }
    }

    /// Low and high half, for storage in two integer columns.
    pub fn to_words(self) -> [u64; 2] {
        [self.0 as u64, (self.0 >> 64) as u64]
    }

    pub fn from_words(words: [u64; 2]) -> Verdict {
        Verdict(words[0] as u128 | (words[1] as u128) << 64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_gets_the_credit() {
        let mut verdict = Verdict::default();
        assert!(verdict.is_keep());
        verdict.add(ReasonId(90));
        verdict.add(ReasonId(3));
        assert_eq!(verdict.first(), Some(ReasonId(3)));
        assert_eq!(verdict.iter().map(|r| r.0).collect::<Vec<_>>(), [3, 90]);
        assert_eq!(verdict.before(90).len(), 1);
        assert_eq!(Verdict::from_words(verdict.to_words()), verdict);
    }
}
