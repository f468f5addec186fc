//! Any text as a recipe.
#![no_main]

#[path = "../properties/recipe.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::check(bytes));
