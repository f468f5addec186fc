//! A place in a shard where reading can go on without what lies before it.
use serde::{Deserialize, Serialize};

/// Before the first block, or behind one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartPoint {
    /// What lies before: blocks, records that are rows, uncompressed bytes.
    pub block: u64,
    pub row: u64,
    pub offset: u64,
    /// Where to begin in the file as it is stored: at the place itself, or at the start of a gzip member before it.
    pub stored: u64,
    /// Uncompressed bytes from there to the place.
    pub skip: u64,
    /// Of a crawl file: the crawl that it has named so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump: Option<String>,
}
