//! Any text as a list of hosts, addresses, words or passages.
#![no_main]

#[path = "../properties/lists.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::check(bytes));
