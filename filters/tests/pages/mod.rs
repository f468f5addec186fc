//! The real pages that tests of filters read, where `CORPUS_TEST_DATA` says.

pub mod table;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha1::{Digest, Sha1};

/// The folder of the data; `None` after a note where there is none, which `CORPUS_REQUIRE_DATA` forbids.
pub fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("CORPUS_TEST_DATA").map(PathBuf::from);
    if folder.is_none() {
        assert!(std::env::var_os("CORPUS_REQUIRE_DATA").is_none(), "CORPUS_TEST_DATA is not set");
        println!("skipped: CORPUS_TEST_DATA is not set");
    }
    folder
}

/// The lines of a compressed JSONL file.
pub fn open(path: &Path) -> impl Iterator<Item = Value> + use<> {
    let lines = BufReader::new(zstd::Decoder::new(File::open(path).unwrap()).unwrap()).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

/// SHA-1 in hexadecimal, as the recorded decisions hold it of texts.
pub fn sha1_hex(text: &str) -> String {
    Sha1::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
