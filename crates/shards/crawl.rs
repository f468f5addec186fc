//! What reading a crawl file counts, besides rows.
use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Fault, Quarantined, ShardError};

/// Records by type, as WARC names them; `arc_header` in ARC files.
pub type RecordCounts = BTreeMap<String, u64>;

/// What of a file could not be read, while the rest was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// So often something was wrong.
    pub places: u64,
    /// Bytes that were not read: of the file where it is compressed, else of its content.
    pub lost_bytes: u64,
    pub first: Option<Quarantined>,
}

impl Damage {
    pub(crate) fn add(&mut self, error: ShardError) {
        self.places += 1;
        if let Fault::Member { lost, .. } | Fault::NoRecords { lost } = &error.fault {
            self.lost_bytes += lost;
        }
        self.first.get_or_insert_with(|| error.quarantined());
    }

    pub(crate) fn lose(&mut self, path: &Path, offset: u64, lost: u64) {
        self.add(ShardError::new(path, Some(offset), Fault::NoRecords { lost }));
    }

    /// Adds what lies behind it in the same file.
    pub fn merge(&mut self, later: Damage) {
        self.places += later.places;
        self.lost_bytes += later.lost_bytes;
        self.first = self.first.take().or(later.first);
    }

    /// One entry for the manifest: the first place in full, the others by their number.
    pub fn quarantined(&self) -> Option<Quarantined> {
        let mut entry = self.first.clone()?;
        if self.places > 1 {
            let more = self.places - 1;
            let places = if more == 1 { "place" } else { "places" };
            entry.why += &format!(", and {more} more {places}; {} bytes lost in all", self.lost_bytes);
        }
        Some(entry)
    }
}

/// Pages that were HTML, and what came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extraction {
    pub pages: u64,
    pub html_bytes: u64,
    pub text_bytes: u64,
}

impl Extraction {
    pub fn merge(&mut self, other: Extraction) {
        self.pages += other.pages;
        self.html_bytes += other.html_bytes;
        self.text_bytes += other.text_bytes;
    }
}
