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
    cases::each("filters", filters::check);
    cases::each("lists", lists::check);
}
