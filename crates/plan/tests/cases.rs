//! Recipes that fuzzing kept.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]

#[path = "../../fuzz/cases.rs"]
mod cases;
#[path = "../../fuzz/properties/recipe.rs"]
mod recipe;
#[path = "../../fuzz/properties/sweep.rs"]
mod sweep;

#[test]
fn the_kept_cases_of_the_fuzz_targets_hold() {
    cases::each("recipe", recipe::check);
    cases::each("sweep", sweep::check);
}
