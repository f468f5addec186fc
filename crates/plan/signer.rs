//! Signing texts: normal form, words, shingles, signature.

use dedup::Signature;
use text::normalize::simplify_text;
use text::shingles::{
    SHINGLE_WORDS, ShingleHash, ShingleScratch, normalized_words, shingle_hashes, shingle_hashes_by,
};
use text::words::Splitter;

use crate::minhash::{Carried, Minhash};
use crate::swept::Near;

/// Shingles and signature of one text after the other.
#[derive(Default)]
pub(crate) struct Signer {
    normalized: String,
    words: Vec<(u32, u32)>,
    scratch: ShingleScratch,
    hashes: Vec<u64>,
}

impl Signer {
    /// Hashes of the shingles, by xxh64.
    pub fn shingles(&mut self, text: &str, splitter: &Splitter) -> &[u64] {
        simplify_text(text, &mut self.normalized);
        match splitter {
            Splitter::Uax29 => normalized_words(&self.normalized, &mut self.words),
            other => other.split(&self.normalized, &mut self.words),
        }
        shingle_hashes(&self.normalized, &self.words, SHINGLE_WORDS, &mut self.scratch);
        self.scratch.exchange(&mut self.hashes);
        &self.hashes
    }

    /// Of the text whose shingles were made last.
    pub fn sign(&mut self, minhash: &Minhash) -> Option<Signature> {
        let hashes = match minhash.hash {
            ShingleHash::Xxh64 => &self.hashes,
            other => {
                let Signer { normalized, words, scratch, .. } = self;
                shingle_hashes_by(other, normalized, words, SHINGLE_WORDS, scratch)
            }
        };
        if minhash.is_narrow { Signature::of_32_bits(hashes) } else { Signature::of(hashes) }
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
