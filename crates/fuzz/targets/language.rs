//! Any text whose language is identified.
#![no_main]

#[path = "../properties/language.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::check(bytes));
