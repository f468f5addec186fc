//! Models and texts that fuzzing kept.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]

#[path = "../../fuzz/cases.rs"]
mod cases;
#[path = "../../fuzz/properties/language.rs"]
#[allow(dead_code)]
mod language;
#[path = "../../fuzz/properties/model.rs"]
mod model;

#[test]
fn the_kept_cases_of_the_fuzz_targets_hold() {
    cases::each("language", language::check);
    cases::each("model", model::check);
}
