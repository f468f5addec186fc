//! Any text through the tokenizer, any sizes through the packer.
#![no_main]

#[path = "../properties/tokens.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::check(bytes));
