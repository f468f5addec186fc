//! Pages, real and hostile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]

mod archive;
#[path = "../../fuzz/cases.rs"]
mod cases;
mod hostile;
mod hostile_pages;
mod properties;
#[path = "../../fuzz/properties/extract.rs"]
mod property;
mod real_pages;
mod token_score;
