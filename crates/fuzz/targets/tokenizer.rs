//! Any text as a tokenizer, any numbers as token shards.
#![no_main]

#[path = "../properties/tokenizer.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::check(bytes));
