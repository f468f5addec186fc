//! Texts that fuzzing kept.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]

#[path = "../../fuzz/cases.rs"]
mod cases;
#[path = "../../fuzz/properties/tokenizer.rs"]
mod tokenizer;
#[path = "../../fuzz/properties/tokens.rs"]
mod tokens;

#[test]
fn the_kept_cases_of_the_fuzz_targets_hold() {
    cases::each("tokens", tokens::check);
    cases::each("tokenizer", tokenizer::check);
}
