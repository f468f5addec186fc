//! Signing texts: normal form, words, shingles, signature.

use dedup::Signature;
use text::normalize::simplify_text;
use text::pieces::{PIECE_BYTES, each_piece};
use text::shingles::{SHINGLE_WORDS, ShingleHash, ShingleScratch, normalized_words, shingle_hashes_by};
use text::words::Splitter;

use crate::minhash::{Carried, Minhash};
use crate::swept::Near;

/// Shingles and signature of one text after the other.
///
/// A text is taken by pieces, and of many hashes those that come again are let go: a text of 64 MB may have 32 million
/// words, and words and hashes have 8 bytes each.
#[derive(Default)]
pub(crate) struct Signer {
    normalized: String,
    words: Vec<(u32, u32)>,
    scratch: ShingleScratch,
    hashes: Vec<u64>,
    /// By another hash than xxh64.
    others: Vec<u64>,
    /// A long text's shingles were made and are no longer held.
    pub is_let_go: bool,
}

/// So many hashes are kept without a look at how many differ.
const MANY_HASHES: usize = 1 << 20;

impl Signer {
    /// Hashes of the shingles, by xxh64: each at least once.
    pub fn shingles(&mut self, text: &str, splitter: &Splitter) -> &[u64] {
        let Signer { normalized, words, scratch, hashes, is_let_go, .. } = self;
        *is_let_go = false;
        simplify_text(text, normalized);
        by_pieces(ShingleHash::Xxh64, normalized, splitter, words, scratch, hashes);
        hashes
    }

    /// Of the text whose shingles were made last, by the same splitter.
    pub fn sign(&mut self, minhash: &Minhash, splitter: &Splitter) -> Option<Signature> {
        let Signer { normalized, words, scratch, hashes, others, .. } = self;
        let hashes = match minhash.hash {
            ShingleHash::Xxh64 => hashes,
            // The words of one piece are all there.
            other if normalized.len() <= PIECE_BYTES => {
                shingle_hashes_by(other, normalized, words, SHINGLE_WORDS, scratch)
            }
            other => {
                by_pieces(other, normalized, splitter, words, scratch, others);
                others
            }
        };
        if minhash.is_narrow { Signature::of_32_bits(hashes) } else { Signature::of(hashes) }
    }

    /// Does not hold what a long text needed: making it once more is cheaper than to have it beside all else.
    pub fn let_go_of_long(&mut self) {
        if self.normalized.len() > PIECE_BYTES {
            *self = Signer { is_let_go: true, ..Signer::default() };
        }
    }

    /// What the recipe wants carried to resolve of that text.
    pub fn carried(&self, minhash: &Minhash, signature: &Signature) -> Vec<u64> {
        match minhash.carried() {
            Carried::Nothing => Vec::new(),
            Carried::Signature => signature.0.to_vec(),
            Carried::Shingles => {
                let mut hashes = self.hashes.clone();
                hashes.sort_unstable();
                hashes.dedup();
                hashes
            }
        }
    }
}

pub(crate) fn near_of(signature: &Signature) -> Near {
    Near { bands: signature.band_keys(), sketch: signature.sketch() }
}

/// Replaces `hashes` by those of all shingles; where they are many, some that come again are left out.
fn by_pieces(
    hash: ShingleHash,
    normalized: &str,
    splitter: &Splitter,
    words: &mut Vec<(u32, u32)>,
    scratch: &mut ShingleScratch,
    hashes: &mut Vec<u64>,
) {
    let split = |text: &str, words: &mut Vec<(u32, u32)>| match splitter {
        Splitter::Uax29 => normalized_words(text, words),
        other => other.split(text, words),
    };
    hashes.clear();
    let mut many = MANY_HASHES;
    each_piece(normalized, PIECE_BYTES, SHINGLE_WORDS - 1, split, words, |words| {
        let piece = shingle_hashes_by(hash, normalized, words, SHINGLE_WORDS, scratch);
        if hashes.is_empty() {
            return scratch.exchange(hashes);
        }
        hashes.extend_from_slice(piece);
        if hashes.len() > many {
            hashes.sort_unstable();
            hashes.dedup();
            many = MANY_HASHES.max(2 * hashes.len());
        }
    });
}
