//! Any text through words, sentences, scan, repair and normal forms.
#![no_main]

#[path = "../properties/text.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::check(bytes));
