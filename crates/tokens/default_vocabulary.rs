//! The vocabulary that is built in: its merges, from which everything else follows.
use crate::bpe::TokenizerError;

/// The pairs' left ids, then their right ids, as little-endian u16, zstd.
const MERGES: &[u8] = include_bytes!("default_32k/merges.zst");

pub fn pairs() -> Result<Vec<(u32, u32)>, TokenizerError> {
    let bytes = zstd::decode_all(MERGES).map_err(|e| TokenizerError::Unreadable(e.to_string()))?;
    let ids: Vec<u32> = bytes.as_chunks::<2>().0.iter().map(|&b| u32::from(u16::from_le_bytes(b))).collect();
    let (left, right) = ids.split_at(ids.len() / 2);
    Ok(left.iter().copied().zip(right.iter().copied()).collect())
}
