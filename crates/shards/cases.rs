//! Records that fuzzing kept.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../fuzz/cases.rs"]
mod kept;
#[path = "../fuzz/properties/records.rs"]
mod property;

#[test]
fn the_kept_cases_of_the_fuzz_target_hold() {
    kept::each("records", property::check);
}
