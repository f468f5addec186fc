//! How many bytes of text a token stands for: bits-per-byte and the byte ranges of pieces need it.

/// Bytes per id, 0 for special tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteLengths(Vec<u32>);

impl ByteLengths {
    pub fn new(lengths: Vec<u32>) -> ByteLengths {
        ByteLengths(lengths)
    }

    /// Bytes of one id; 0 for unknown ids.
    #[inline]
    pub fn of(&self, id: u32) -> u32 {
        self.0.get(id as usize).copied().unwrap_or(0)
    }

    /// Bytes of all these ids together.
    pub fn sum(&self, ids: &[u32]) -> u64 {
        ids.iter().map(|&id| u64::from(self.of(id))).sum()
    }

    /// Indexed by id.
    pub fn as_slice(&self) -> &[u32] {
        &self.0
    }

    /// Byte offsets in a document's text at its tokens 0, `length`, 2 `length`, … and at its end.
    /// Piece `i` of the document (cut by `pack`) covers the bytes `cuts[i]..cuts[i + 1]`.
    /// `text_bytes` is the true length of the text; the offsets of a lossy tokenizer are clamped to it.
    pub fn cuts(&self, ids: &[u32], length: usize, text_bytes: u64) -> Vec<u64> {
        let mut cuts = vec![0];
        self.cut_on(ids, length, text_bytes, &mut cuts);
        if let [.., last] = &mut cuts[..]
            && !ids.is_empty()
        {
            *last = text_bytes;
        }
        cuts
    }

    /// Goes on behind the last of some cuts; each part but the last has a multiple of `length` ids. The end is left as summed.
    pub fn cut_on(&self, ids: &[u32], length: usize, text_bytes: u64, cuts: &mut Vec<u64>) {
        let mut at = cuts.last().copied().unwrap_or(0);
        for piece in ids.chunks(length.max(1)) {
            at = text_bytes.min(at + self.sum(piece));
            cuts.push(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_prefix_sums_at_multiples_of_the_length() {
        let lengths = ByteLengths::new(vec![0, 1, 2, 3]);
        assert_eq!(lengths.cuts(&[0, 3, 2, 1, 1], 2, 7), [0, 3, 6, 7]);
        assert_eq!(lengths.cuts(&[0, 3, 2, 1], 2, 6), [0, 3, 6]);
        assert_eq!(lengths.cuts(&[0], 2, 0), [0, 0]);
        assert_eq!(lengths.cuts(&[], 2, 0), [0]);
        let mut cuts = vec![0];
        lengths.cut_on(&[0, 3], 2, 7, &mut cuts);
        lengths.cut_on(&[2, 1, 1], 2, 7, &mut cuts);
        assert_eq!(cuts, [0, 3, 6, 7]);
        assert_eq!(lengths.cuts(&[0, 3, 3, 3], 2, 5), [0, 3, 5]);
        assert_eq!(lengths.sum(&[3, 9, 1]), 4);
    }
}
