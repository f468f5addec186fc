//! Deduplication of real pages.
