//! What kind of text it is: so far, its language.
//!
//! **Invariant:** pure functions of the text.

pub mod language;

pub use language::{LANGUAGES, SHORT_NAMES, identify};
