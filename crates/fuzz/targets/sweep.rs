//! Any documents through passes and sweep of a plan.
#![no_main]

#[path = "../properties/sweep.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::check(bytes));
