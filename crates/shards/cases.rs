//! Records that fuzzing kept.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../fuzz/properties/bodies.rs"]
mod bodies;
#[path = "../fuzz/cases.rs"]
mod kept;
#[path = "../fuzz/properties/records.rs"]
mod records;

#[test]
fn the_kept_cases_of_the_fuzz_targets_hold() {
    kept::each("records", records::check);
    kept::each("bodies", bodies::check);
}
