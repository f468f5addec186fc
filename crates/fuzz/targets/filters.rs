//! Any text through every filter.
#![no_main]

#[path = "../properties/filters.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::check(bytes));
