//! One row of a batch, borrowed.

/// A document as a filter sees it: slices into the batch, and what earlier stages found out.
#[derive(Clone, Copy, Debug)]
pub struct Document<'b> {
    /// The text as this stage sees it, valid UTF-8.
    pub text: &'b str,
    pub url: Option<&'b str>,
    /// Set by a language stage; `None` before it.
    pub language: Option<Language>,
    /// Byte ranges of the words of the text by the recipe's splitter, if they are known.
    pub words: Option<&'b [(u32, u32)]>,
    /// Parts of the text that other documents hold, too, as the [`crate::RepeatFilter`] numbers them; ascending.
    pub repeated: &'b [u32],
}

impl<'b> Document<'b> {
    pub fn new(text: &'b str) -> Self {
        Document { text, url: None, language: None, words: None, repeated: &[] }
    }
}

/// Stages that identify the language. What they drop, later stages do not measure.
pub const LANGUAGE_STAGES: [&str; 2] = ["language", "fasttext_language"];

/// An identified language.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Language {
    /// ISO 639-3, as written to the output (`eng`).
    pub code: &'static str,
    /// ISO 639-1, as written in recipes (`en`); where there is none, the ISO 639-3 code.
    pub short: &'static str,
    /// Confidence, 0..=1; fastText's may exceed 1 by 1e-5.
    pub score: f64,
}
