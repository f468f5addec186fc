//! Any bytes as the answer of an HTTP server and as gzip members. The files are compiled into the target as they are.
#![no_main]

#[allow(dead_code)]
#[path = "../../shards/gzip.rs"]
mod gzip;
#[allow(dead_code)]
#[path = "../../shards/http.rs"]
mod http;
#[path = "../properties/bodies.rs"]
mod property;
#[allow(dead_code)]
#[path = "../../shards/record_head.rs"]
mod record_head;
/// As `shards/unpacked.rs` has it.
mod unpacked {
    pub(crate) const LARGEST_RATIO: u64 = 1_000;
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::check(bytes));
