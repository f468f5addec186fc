//! What kind of text it is: its language, or the label that a trained model gives it; and how such a model is trained.
//!
//! **Invariant:** pure functions of the text and of the model's bytes.

pub mod fasttext;
pub mod language;
pub mod ranking;

pub use language::{IdentifyScratch, LANGUAGES, SHORT_NAMES, identify};
