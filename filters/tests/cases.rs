//! Pages that fuzzing kept.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]

#[path = "../../crates/fuzz/cases.rs"]
mod cases;
#[path = "../../crates/fuzz/properties/filters.rs"]
mod filters;
#[path = "../../crates/fuzz/properties/lists.rs"]
mod lists;

#[test]
fn the_kept_cases_of_the_fuzz_targets_hold() {
    cases::each("filters", |bytes| chosen(bytes, filters::check));
    cases::each("lists", |bytes| chosen(bytes, lists::check));
}

/// All that the first byte may choose.
fn chosen(bytes: &[u8], check: fn(&[u8])) {
    let mut bytes = if bytes.is_empty() { vec![0] } else { bytes.to_vec() };
    for choice in 0..=u8::MAX {
        bytes[0] = choice;
        check(&bytes);
    }
}
