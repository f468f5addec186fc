//! Sixty-four bytes at a time: which of them are white space, ASCII letters and digits, or beyond ASCII.

/// Bytes of a block.
pub(crate) const BYTES: usize = 64;

/// A bit for each byte, the first the lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// White space of ASCII, as Python has it.
    pub space: u64,
    /// ASCII letters.
    pub letter: u64,
    /// ASCII digits.
    pub digit: u64,
    /// Bytes of characters beyond ASCII.
    pub wide: u64,
}

impl Block {
    /// The block that begins at byte `at`; behind the end of the text is white space.
    #[inline]
    pub fn at(bytes: &[u8], at: usize) -> Block {
        match bytes[at..].first_chunk() {
            Some(block) => Block::of(block),
            None => {
                let mut block = [b' '; BYTES];
                block[..bytes.len() - at].copy_from_slice(&bytes[at..]);
                Block::of(&block)
            }
        }
    }

    #[inline]
    pub fn of(bytes: &[u8; BYTES]) -> Block {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: SSE2 belongs to every x86-64.
        return unsafe { sse2(bytes) };
        #[cfg(not(target_arch = "x86_64"))]
        plain(bytes)
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn sse2(bytes: &[u8; BYTES]) -> Block {
    use std::arch::x86_64::*;
    let mut block = Block { space: 0, letter: 0, digit: 0, wide: 0 };
    let (parts, _) = bytes.as_chunks::<16>();
    for (index, part) in parts.iter().enumerate() {
        let value = u128::from_le_bytes(*part);
        let lane = _mm_set_epi64x((value >> 64) as i64, value as i64);
        let all = |byte: u8| _mm_set1_epi8(byte as i8);
        // Bytes from `first` to `first + count`: what is less wraps around and is more.
        let within = |lane, first: u8, count: u8| {
            let from = _mm_sub_epi8(lane, all(first));
            _mm_cmpeq_epi8(_mm_min_epu8(from, all(count)), from)
        };
        let space = _mm_or_si128(within(lane, 9, 4), within(lane, 28, 4));
        let letter = within(_mm_or_si128(lane, all(0x20)), b'a', 25);
        let bits = |lane| u64::from(_mm_movemask_epi8(lane) as u16) << (16 * index);
        block.space |= bits(space);
        block.letter |= bits(letter);
        block.digit |= bits(within(lane, b'0', 9));
        block.wide |= bits(lane);
    }
    block
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn plain(bytes: &[u8; BYTES]) -> Block {
    let bits = |is: fn(u8) -> bool| bytes.iter().rev().fold(0, |bits, &byte| bits << 1 | u64::from(is(byte)));
    Block {
        space: bits(crate::characters::is_ascii_space),
        letter: bits(|byte| byte.is_ascii_alphabetic()),
        digit: bits(|byte| byte.is_ascii_digit()),
        wide: bits(|byte| !byte.is_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=255 {
            for place in 0..BYTES {
                let mut bytes = [b'.'; BYTES];
                bytes[place] = byte;
                assert_eq!(Block::of(&bytes), plain(&bytes), "{byte} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn both_ways_agree(bytes in any::<[[u8; 32]; 2]>(), shorter in 0..64_usize) {
            let mut bytes: [u8; BYTES] = std::array::from_fn(|at| bytes[at / 32][at % 32]);
            prop_assert_eq!(Block::of(&bytes), plain(&bytes));
            let cut = Block::at(&bytes[..shorter], 0);
            bytes[shorter..].fill(b' ');
            prop_assert_eq!(cut, plain(&bytes));
        }
    }
}
