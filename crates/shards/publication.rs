//! What goes to a store when a run is finished.
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Files that are put in place of others.
pub struct Publication<'a> {
    pub folder: &'a Path,
    /// Of files in the folder; the last is there only when all are.
    pub names: &'a [String],
    /// What they replace, the one first that made it complete.
    pub gone: &'a [String],
    /// Where commits are taken, it is gone with the last.
    pub lock: &'a str,
    /// Ends it between two files.
    pub stop: &'a AtomicBool,
}
