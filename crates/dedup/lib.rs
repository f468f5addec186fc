//! Duplicates: exact ones by hash, near ones by MinHash bands, joined into clusters of which one document is
//! kept. Pure functions over arrays of per-document records; no text is needed.
//!
//! Signatures are read as columns in as many passes as the memory asks for, so that only some ten bytes per candidate
//! have to fit ([`Verdicts::BYTES`]): see [`resolve`].

pub mod bands;
mod candidates;
pub mod clusters;
mod component;
mod components;
pub mod datatrove;
mod mersenne_twister;
pub mod minhash;
mod passes;
pub mod repeats;
pub mod resolve;
pub mod substring;

pub use bands::BandIndex;
pub use candidates::Candidates;
pub use clusters::{Cluster, Clusters, clusters};
pub use minhash::{BANDS, BandKeys, Signature, Sketch, VALUES, estimate};
pub use resolve::{
    By, Duplicate, Failure, MIN_SIMILARITY, Options, Signatures, Step, Verdicts, Verify, highest_first,
    jaccard, latest_first, longest_first, resolve,
};
