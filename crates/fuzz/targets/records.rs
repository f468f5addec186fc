//! Any bytes as JSON records and as heads of WARC and ARC records. The two files are compiled into the target as they
//! are, under the names that they have in `shards`: they need no arrow and no public door.
#![no_main]

#[path = "../properties/records.rs"]
mod property;
#[allow(dead_code)]
#[path = "../../shards/raw_json.rs"]
mod raw_json;
#[allow(dead_code)]
#[path = "../../shards/record_head.rs"]
mod record_head;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::check(bytes));
