//! What kind of text it is: its language, or the label that a trained model gives it.
//!
//! **Invariant:** pure functions of the text and of the model's bytes.

pub mod fasttext;
pub mod language;

pub use language::{IdentifyScratch, LANGUAGES, SHORT_NAMES, identify};
