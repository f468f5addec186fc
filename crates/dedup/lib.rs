//! Duplicates: exact ones by hash, near ones by MinHash bands, joined into clusters of which one document is
//! kept. Pure functions over arrays of per-document records; no text is needed.
//!
//! Bytes per document: candidates take 32 (exact hash), 120 (band keys), 112 (sketch) and 8 (rank); while
//! resolving 40 more for exact hashes, then 20 for each band in work (one per thread), 8 per collision of a band
//! and 4 for components; verdicts take 16.

pub mod bands;
pub mod clusters;
pub mod components;
pub mod datatrove;
pub mod exact;
mod mersenne_twister;
pub mod minhash;
pub mod resolve;

pub use bands::BandIndex;
pub use clusters::{Cluster, Loss, clusters, losses, oversized};
pub use minhash::{BANDS, BandKeys, Signature, Sketch, VALUES, estimate};
pub use resolve::{
    Candidates, Duplicate, MIN_SIMILARITY, Options, Verify, highest_first, jaccard, latest_first,
    longest_first, resolve,
};
