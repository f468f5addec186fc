//! Where pretokens begin among 64 bytes at once, as far as they are ASCII.
use crate::pretokens::contraction_bytes;

/// Bytes of a block.
pub const BYTES: usize = 64;

/// Bytes at the beginning of a block that have to be ASCII, or it is not worth its reading.
const PLAIN_BYTES: usize = 8;

/// A bit for each byte, the first the lowest.
#[derive(Debug, PartialEq, Eq)]
struct Classes {
    letter: u64,
    digit: u64,
    /// White space of ASCII as regular expressions have it.
    space: u64,
    /// U+0020 alone, which belongs to what follows.
    blank: u64,
    apostrophe: u64,
    /// Bytes of characters beyond ASCII.
    wide: u64,
}

/// A bit where a pretoken of the text begins, given that one begins with the block; the last of them may go on behind
/// the block. None where few bytes are ASCII. `pretoken_end` says the same, one after the other.
#[inline]
pub fn starts(block: &[u8; BYTES]) -> Option<u64> {
    if block[..PLAIN_BYTES].iter().any(|byte| !byte.is_ascii()) {
        return None;
    }
    let Classes { letter, digit, space, blank, apostrophe, wide } = classes(block);
    let known = !wide & wide.wrapping_sub(1);
    let first = |class: u64| class & !(class << 1);
    let words = (first(letter) | first(digit) | first(!(letter | digit | space))) & !(blank << 1);
    // The last white space before something else; whether something else follows the last known byte is not known.
    let last_space = space & !(space >> 1 | wide >> 1 | 1 << (BYTES - 1));
    let mut starts = (words | first(space) | last_space | 1) & known;
    let mut quotes = apostrophe & starts;
    while quotes != 0 {
        let at = quotes.trailing_zeros() as usize;
        quotes &= quotes - 1;
        if at + 3 > BYTES {
            starts &= u64::MAX >> (BYTES - 1 - at);
            break;
        }
        let suffix = contraction_bytes(&block[at + 1..]);
        if suffix > 0 {
            starts &= !(2 << at);
            starts |= (2_u64 << at) << suffix;
        }
    }
    Some(starts)
}

#[inline]
fn classes(bytes: &[u8; BYTES]) -> Classes {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 belongs to every x86-64.
    return unsafe { sse2(bytes) };
    #[cfg(not(target_arch = "x86_64"))]
    plain(bytes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn sse2(bytes: &[u8; BYTES]) -> Classes {
    use std::arch::x86_64::*;
    let mut classes = Classes { letter: 0, digit: 0, space: 0, blank: 0, apostrophe: 0, wide: 0 };
    for (index, part) in bytes.as_chunks::<16>().0.iter().enumerate() {
        let value = u128::from_le_bytes(*part);
        let lane = _mm_set_epi64x((value >> 64) as i64, value as i64);
        let all = |byte: u8| _mm_set1_epi8(byte as i8);
        // Bytes from `first` to `first + count`: what is less wraps around and is more.
        let within = |lane, first: u8, count: u8| {
            let from = _mm_sub_epi8(lane, all(first));
            _mm_cmpeq_epi8(_mm_min_epu8(from, all(count)), from)
        };
        let bits = |lane| u64::from(_mm_movemask_epi8(lane) as u16) << (16 * index);
        let blank = _mm_cmpeq_epi8(lane, all(b' '));
        classes.letter |= bits(within(_mm_or_si128(lane, all(0x20)), b'a', 25));
        classes.digit |= bits(within(lane, b'0', 9));
        classes.space |= bits(_mm_or_si128(blank, within(lane, b'\t', 4)));
        classes.blank |= bits(blank);
        classes.apostrophe |= bits(_mm_cmpeq_epi8(lane, all(b'\'')));
        classes.wide |= bits(lane);
    }
    classes
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn plain(bytes: &[u8; BYTES]) -> Classes {
    let bits = |is: fn(u8) -> bool| bytes.iter().rev().fold(0, |bits, &byte| bits << 1 | u64::from(is(byte)));
    Classes {
        letter: bits(|byte| byte.is_ascii_alphabetic()),
        digit: bits(|byte| byte.is_ascii_digit()),
        space: bits(|byte| matches!(byte, b'\t'..=b'\r' | b' ')),
        blank: bits(|byte| byte == b' '),
        apostrophe: bits(|byte| byte == b'\''),
        wide: bits(|byte| !byte.is_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pretokens::pretoken_end;
    use proptest::prelude::*;

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=255 {
            for place in 0..BYTES {
                let mut bytes = [b'.'; BYTES];
                bytes[place] = byte;
                assert_eq!(classes(&bytes), plain(&bytes), "{byte} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn blocks_cut_as_one_pretoken_after_the_other(
            text in "([a-zA-Z ]|'(s|ll|re|l|x)|[ \n\t\u{b}\u{1c}\u{1f}'.0-9-]|  |[\u{a0}\u{3000}é中²]){64,200}"
        ) {
            let mut at = 0;
            while let Some(block) = text.as_bytes()[at..].first_chunk() {
                let end = pretoken_end(&text, at);
                if let Some(mut starts) = starts(block) {
                    prop_assert_eq!(starts & 1, 1);
                    let mut from = at;
                    starts &= starts - 1;
                    while starts != 0 {
                        let to = at + starts.trailing_zeros() as usize;
                        prop_assert_eq!(pretoken_end(&text, from), to);
                        starts &= starts - 1;
                        from = to;
                    }
                }
                at = end;
            }
        }
    }
}
