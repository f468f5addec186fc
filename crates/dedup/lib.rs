//! Duplicates: exact ones by hash, near ones by MinHash bands, joined into clusters of which one document is
//! kept. Pure functions over arrays of per-document records; no text is needed.
//!
//! Per document: 16 bytes exact hash, 112 bytes band keys, 112 bytes sketch, 8 bytes rank; while resolving
//! 20 bytes more for exact hashes, then 20 bytes for each band in work (one per thread) and for components.

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
pub use resolve::{Candidates, Duplicate, MIN_SIMILARITY, Options, Verify, jaccard, longest_first, resolve};
