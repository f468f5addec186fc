//! Reading text fast: words, lines, sentences, shingles, hashes, normal forms, and the scan that measures signals.
//!
//! **Invariant:** pure functions of their input; no text can make them fail.

pub mod address;
pub mod anchors;
pub mod bare_words;
mod bits;
mod blocks;
pub mod characters;
mod composition;
mod dclm;
mod first_places;
pub mod grams;
mod line_scan;
pub mod lines;
pub mod long_words;
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
mod stop_words;
pub mod unicode14;
pub mod wordpunct;
pub mod words;

pub use scan::Scanner;
pub use stop_words::StopWords;
pub use words::Splitter;
