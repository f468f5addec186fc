//! The `[minhash]` table, understood: which document of a cluster is kept, what verifies it, how texts are signed.

use std::fmt;

use text::shingles::ShingleHash;

use crate::keep::{Keep, Wrong};
use crate::recipe::Recipe;

/// Near-deduplication as a run does it.
#[derive(Clone, Debug, PartialEq)]
pub struct Minhash {
    pub keep: Keep,
    pub verify: VerifyBy,
    pub min_similarity: f64,
    pub hash: ShingleHash,
    /// Values of 32 bits instead of 61.
    pub is_narrow: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyBy {
    Sketch,
    Text,
    Nothing,
}

/// What is carried to resolve of each signed candidate besides its bands and its sketch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    Nothing,
    /// All shingles' hashes, ascending, each once.
    Shingles,
    /// All 112 values of the signature.
    Signature,
}

impl Minhash {
    /// The table of a recipe, whatever the pipeline; checked against the signals and columns that the recipe has.
    pub fn of(recipe: &Recipe) -> Result<Minhash, Wrong> {
        let keep = Keep::of(recipe, "minhash", true)?;
        let verify = match recipe.text("minhash", "verify") {
            "none" => VerifyBy::Nothing,
            "text" => VerifyBy::Text,
            _ => VerifyBy::Sketch,
        };
        if keep == Keep::Datatrove && verify != VerifyBy::Nothing {
            let message = "keep = \"datatrove\" is for parity: the reference verifies nothing".to_owned();
            return Err(Wrong {
                table: "minhash",
                key: "verify",
                message,
                remedy: "write verify = \"none\"".to_owned(),
            });
        }
        let bits = recipe.number("minhash", "bits");
        let is_narrow = bits == 32.0;
        if !is_narrow && bits != 64.0 {
            let message = format!("minhash.bits = {bits} is out of range");
            return Err(Wrong {
                table: "minhash",
                key: "bits",
                message,
                remedy: "allowed: 64 or 32".to_owned(),
            });
        }
        let hash = match (recipe.text("minhash", "hash"), is_narrow) {
            ("sha1", false) => ShingleHash::Sha1In64,
            ("sha1", true) => ShingleHash::Sha1In32,
            (_, false) => ShingleHash::Xxh64,
            (_, true) => ShingleHash::Xxh32,
        };
        let min_similarity = recipe.number("minhash", "min_similarity");
        Ok(Minhash { keep, verify, min_similarity, hash, is_narrow })
    }

    pub fn carried(&self) -> Carried {
        match (&self.keep, self.verify) {
            (Keep::Datatrove, _) => Carried::Signature,
            (_, VerifyBy::Text) => Carried::Shingles,
            _ => Carried::Nothing,
        }
    }

    /// Why a document is dropped.
    pub(crate) fn why(&self) -> &'static str {
        match (&self.keep, self.verify) {
            (Keep::Datatrove, _) => "Another document of its cluster is kept, as datatrove chooses it.",
            (_, VerifyBy::Nothing) => "A document that shared bands chain it to is kept.",
            _ => "A document at least this similar is kept.",
        }
    }
}

impl fmt::Display for Minhash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.keep)?;
        match self.verify {
            VerifyBy::Sketch => write!(f, "; verified by the sketch, from {} on", self.min_similarity)?,
            VerifyBy::Text => write!(f, "; verified by all shingles, from {} on", self.min_similarity)?,
            VerifyBy::Nothing => f.write_str("; nothing is verified")?,
        }
        let hash = match self.hash {
            ShingleHash::Xxh64 | ShingleHash::Xxh32 => "xxhash",
            ShingleHash::Sha1In64 | ShingleHash::Sha1In32 => "sha1",
        };
        write!(f, "; {hash}, {} bits", if self.is_narrow { 32 } else { 64 })
    }
}
