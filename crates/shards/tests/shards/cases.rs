//! Files that fuzzing kept.

#[path = "../../../fuzz/cases.rs"]
mod kept;
#[path = "../../../fuzz/properties/files.rs"]
mod property;

#[test]
fn the_kept_cases_of_the_fuzz_target_hold() {
    kept::each("files", property::check);
}
