//! RedPajama-V2's normal form: ASCII punctuation deleted, lower case, NFD, one blank between words.
//!
//! Deleting glues: `and/or` becomes `andor`, and a word of punctuation vanishes.

use unicode_normalization::UnicodeNormalization;

use crate::characters::{is_ascii_space, is_space};
use crate::python::push_lower;

/// The normal form of a text and its words. Keeps its allocations.
#[derive(Clone, Debug, Default)]
pub struct BareWords {
    text: String,
    words: Vec<(u32, u32)>,
    /// A word without punctuation, and in lower case.
    raw: String,
    lower: String,
}

impl BareWords {
    pub fn clear(&mut self) {
        self.text.clear();
        self.words.clear();
    }

    /// Appends the words of `part`: a text, or what stands up to a line end and from there on.
    pub fn push(&mut self, part: &str) {
        let bytes = part.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let start = at;
            let (mut union, mut space) = (0, 0);
            while at < bytes.len() {
                let byte = bytes[at];
                if byte.is_ascii() {
                    space = is_ascii_space(byte) as usize;
                    at += 1 - space;
                } else {
                    let c = part[at..].chars().next().unwrap_or(' ');
                    space = if is_space(c) { c.len_utf8() } else { 0 };
                    at += c.len_utf8() - space;
                }
                if space > 0 {
                    break;
                }
                union |= byte;
            }
            if start < at {
                self.push_word(&part[start..at], union.is_ascii());
            }
            at += space;
        }
    }

    fn push_word(&mut self, word: &str, is_ascii: bool) {
        let before = self.text.len();
        if before > 0 {
            self.text.push(' ');
        }
        let start = self.text.len();
        if is_ascii {
            let kept = word.bytes().filter(|byte| !byte.is_ascii_punctuation());
            self.text.extend(kept.map(|byte| char::from(byte.to_ascii_lowercase())));
        } else {
            self.raw.clear();
            self.raw.extend(word.chars().filter(|c| !c.is_ascii_punctuation()));
            self.lower.clear();
            push_lower(&self.raw, &mut self.lower);
            self.text.extend(self.lower.nfd());
        }
        if start == self.text.len() {
            self.text.truncate(before);
        } else {
            self.words.push((start as u32, self.text.len() as u32));
        }
    }

    /// The words, with a blank between them.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Byte ranges of the words in [`BareWords::text`].
    pub fn words(&self) -> &[(u32, u32)] {
        &self.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::characters::strip;
    use proptest::prelude::*;

    fn bare(text: &str) -> String {
        let mut words = BareWords::default();
        words.push(text);
        let parts: Vec<&str> =
            words.words().iter().map(|&(start, end)| &words.text()[start as usize..end as usize]).collect();
        assert_eq!(parts.join(" "), words.text());
        words.text().to_owned()
    }

    /// Step by step, as the reference does.
    fn naive(text: &str) -> String {
        let text: String = text.chars().filter(|c| !c.is_ascii_punctuation()).collect();
        let text = text.to_lowercase();
        let mut blanks = String::new();
        for c in strip(&text).chars() {
            if !is_space(c) {
                blanks.push(c);
            } else if !blanks.ends_with(' ') {
                blanks.push(' ');
            }
        }
        blanks.nfd().collect()
    }

    // Expected values are the reference's.
    #[test]
    fn punctuation_is_deleted_before_words_are_split() {
        assert_eq!(bare(" And/or -- don't\u{A0}STOP…\n"), "andor dont stop…");
        assert_eq!(bare("É 世界。"), "e\u{301} 世界。");
        assert_eq!(bare("!?\t..."), "");
        assert_eq!(bare("ΟΔΟΣ-Α ΟΔΟΣ."), "οδοσα οδος");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn the_normal_form_is_the_naive_one(
            text in "[aB.,'É\u{301}\u{327}Σσ世İ가 \n\u{85}\u{A0}\u{1C}\u{3000}]{0,24}|[ -~\u{A0}-\u{FF}\n]{0,24}"
        ) {
            prop_assert_eq!(bare(&text), naive(&text));
        }

        #[test]
        fn lines_can_be_pushed_one_by_one(text in "[aB.É\u{301}Σ \n]{0,24}") {
            let mut lines = BareWords::default();
            text.split_inclusive('\n').for_each(|line| lines.push(line));
            prop_assert_eq!(lines.text(), bare(&text));
        }
    }
}
