//! Any bytes as a fastText model.
#![no_main]

#[path = "../properties/model.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::check(bytes));
