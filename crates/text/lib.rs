//! Reading text fast: words, lines, sentences, shingles, hashes, normal forms, and the scan that measures signals.
//!
//! **Invariant:** pure functions of their input; no text can make them fail.

pub mod address;
pub mod anchors;
pub mod bare_words;
mod blocks;
pub mod characters;
mod composition;
mod dclm;
pub mod grams;
pub mod lines;
mod marks;
pub mod mojibake;
pub mod normalize;
mod numbering;
pub mod pieces;
pub mod python;
pub mod repair;
mod repetition;
pub mod rounding;
pub mod scan;
mod sentences;
pub mod shingles;
mod spacy;
pub mod stable_hash;
pub mod unicode14;
pub mod wordpunct;
pub mod words;

pub use scan::{Scanner, StopWords};
pub use words::Splitter;
