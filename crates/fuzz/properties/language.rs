//! What holds for any text whose language is identified: the answer is whatlang's, to the last bit.

use classify::{IdentifyScratch, identify};

/// Bytes that are no UTF-8 count as U+FFFD.
pub fn check(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    let mut scratch = IdentifyScratch::default();
    same(text, &mut scratch);
    // Also once more, repeated, and after another text.
    same(&text.repeat(3), &mut scratch);
    same(&format!("{text} the İ"), &mut scratch);
    same(text, &mut scratch);
}

pub fn same(text: &str, scratch: &mut IdentifyScratch) {
    let ours = identify(text, scratch).map(|language| (language.code, language.score.to_bits()));
    let theirs = whatlang::detect(text).map(|found| (found.lang().code(), found.confidence().to_bits()));
    assert_eq!(ours, theirs, "{text:?}");
}
