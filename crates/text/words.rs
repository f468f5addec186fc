//! Words and sentences, by the splitter that the recipe names.
//!
//! Punctuation marks are words of their own, as with the tokenizers of the published pipelines.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::characters::{is_alphanumeric, is_ascii_space, is_space};
use crate::pieces::{PIECE_BYTES, each_piece};
use crate::sentences::count_sentences;
use crate::spacy;
use crate::wordpunct::split_wordpunct;

/// How text is cut into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Splitter {
    /// spaCy's English words, as datatrove uses them for English.
    Spacy,
    /// Segments of Unicode Standard Annex 29, white space left out.
    Uax29,
    /// What stands between white space.
    Whitespace,
    /// NLTK's WordPunct: runs of letters and digits, and runs of other marks.
    Wordpunct,
}

impl Splitter {
    /// Names as in recipes.
    pub const NAMES: [&'static str; 4] = ["spacy", "uax29", "whitespace", "wordpunct"];

    pub fn from_name(name: &str) -> Option<Splitter> {
        match name {
            "spacy" => Some(Splitter::Spacy),
            "uax29" => Some(Splitter::Uax29),
            "whitespace" => Some(Splitter::Whitespace),
            "wordpunct" => Some(Splitter::Wordpunct),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Splitter::Spacy => "spacy",
            Splitter::Uax29 => "uax29",
            Splitter::Whitespace => "whitespace",
            Splitter::Wordpunct => "wordpunct",
        }
    }

    /// Replaces `words` by the byte ranges of the words of `text`, which is shorter than 4 GiB.
    /// No word is empty, contains an ASCII space, or begins or ends with white space.
    pub fn split(self, text: &str, words: &mut Vec<(u32, u32)>) {
        debug_assert!(text.len() <= u32::MAX as usize);
        words.clear();
        match self {
            Splitter::Spacy => spacy::split(text, words),
            Splitter::Uax29 => split_uax29(text, words),
            Splitter::Whitespace => split_whitespace(text, words),
            Splitter::Wordpunct => split_wordpunct(text, words),
        }
    }

    /// Calls `each` with the words of one piece of `text` after the other; see [`each_piece`]. `words` is scratch space.
    pub fn each_words(self, text: &str, words: &mut Vec<(u32, u32)>, each: impl FnMut(&[(u32, u32)])) {
        each_piece(text, PIECE_BYTES, 0, |piece, words| self.split(piece, words), words, each);
    }

    /// Number of words of `text`. `words` is scratch space.
    pub fn count(self, text: &str, words: &mut Vec<(u32, u32)>) -> usize {
        let mut count = 0;
        self.each_words(text, words, |words| count += words.len());
        count
    }

    /// Calls `each` with the byte range of every sentence, in order; together they are the text. spaCy's only: without
    /// its splitter the text is one. `words` is scratch space.
    pub fn each_sentence(self, text: &str, words: &mut Vec<(u32, u32)>, mut each: impl FnMut(Range<usize>)) {
        let mut start = 0;
        if self == Splitter::Spacy {
            let mut starts = spacy::SentenceStarts::default();
            let mut next_start = |next| each(std::mem::replace(&mut start, next)..next);
            self.each_words(text, words, |words| starts.read(text, words, 0, &mut next_start));
            starts.finish(text, next_start);
        }
        each(start..text.len());
    }

    /// Number of sentences of `text`: spaCy's, of which there is at least one, or those of Unicode Standard Annex 29,
    /// blank ones left out. `words` is scratch space.
    pub fn sentences(self, text: &str, words: &mut Vec<(u32, u32)>) -> usize {
        if self != Splitter::Spacy {
            return count_sentences(text);
        }
        let mut count = 0;
        self.each_sentence(text, words, |_| count += 1);
        count
    }

    /// As [`Splitter::sentences`], of a text whose words are known: byte ranges that count from `offset` on.
    pub fn sentences_of(self, text: &str, words: &[(u32, u32)], offset: usize) -> usize {
        match self {
            Splitter::Spacy => spacy::count_sentences(text, words, offset),
            Splitter::Uax29 | Splitter::Whitespace | Splitter::Wordpunct => count_sentences(text),
        }
    }
}

/// Number of words that begin with a letter or digit, cut as fastText does: between ASCII blanks and NULs.
pub fn count_fasttext_words(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut count, mut was_blank) = (0, true);
    for (at, &byte) in bytes.iter().enumerate() {
        let is_blank = matches!(byte, 0 | 9..=13 | b' ');
        count += (was_blank & byte.is_ascii_alphanumeric()) as usize;
        if was_blank & !byte.is_ascii() {
            count += text[at..].starts_with(is_alphanumeric) as usize;
        }
        was_blank = is_blank;
    }
    count
}

fn split_whitespace(text: &str, words: &mut Vec<(u32, u32)>) {
    let bytes = text.as_bytes();
    let mut start = None;
    let mut at = 0;
    while at < bytes.len() {
        let (is_blank, length) = match bytes[at] {
            byte if byte.is_ascii() => (is_ascii_space(byte), 1),
            _ => text[at..].chars().next().map_or((false, 1), |c| (is_space(c), c.len_utf8())),
        };
        match start {
            Some(first) if is_blank => {
                words.push((first as u32, at as u32));
                start = None;
            }
            None if !is_blank => start = Some(at),
            _ => {}
        }
        at += length;
    }
    if let Some(first) = start {
        words.push((first as u32, text.len() as u32));
    }
}

/// No segment crosses ASCII white space but for marks that attach to it, and those are left when the space
/// is stripped. So the text is cut there, and pieces of ASCII are split by a few lines of their own.
fn split_uax29(text: &str, words: &mut Vec<(u32, u32)>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if is_ascii_space(bytes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        let mut union = 0;
        while at < bytes.len() && !is_ascii_space(bytes[at]) {
            union |= bytes[at];
            at += 1;
        }
        if union.is_ascii() {
            split_ascii(&bytes[start..at], start, words);
        } else {
            for (offset, segment) in text[start..at].split_word_bound_indices() {
                let word = segment.trim_start_matches(is_space);
                let first = start + offset + segment.len() - word.len();
                let word = word.trim_end_matches(is_space);
                if !word.is_empty() {
                    words.push((first as u32, (first + word.len()) as u32));
                }
            }
        }
    }
}

const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const UNDERSCORE: u8 = 4;
/// Joins two letters.
const MID_LETTER: u8 = 8;
/// Joins two digits.
const MID_NUMBER: u8 = 16;

const CLASSES: [u8; 128] = {
    let mut classes = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => LETTER,
            b'0'..=b'9' => DIGIT,
            b'_' => UNDERSCORE,
            b'.' | b'\'' => MID_LETTER | MID_NUMBER,
            b':' => MID_LETTER,
            b',' | b';' => MID_NUMBER,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// Rules WB5 to WB13b for ASCII without white space.
fn split_ascii(bytes: &[u8], offset: usize, words: &mut Vec<(u32, u32)>) {
    let class = |at: usize| CLASSES[(bytes[at] & 127) as usize];
    let is_word = |class: u8| class & (LETTER | DIGIT | UNDERSCORE) != 0;
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        at += 1;
        if is_word(class(start)) {
            while at < bytes.len() {
                let here = class(at);
                if is_word(here) {
                    at += 1;
                    continue;
                }
                if at + 1 == bytes.len() {
                    break;
                }
                let both = class(at - 1) & class(at + 1);
                let joins = here & MID_LETTER != 0 && both & LETTER != 0
                    || here & MID_NUMBER != 0 && both & DIGIT != 0;
                if !joins {
                    break;
                }
                at += 2;
            }
        }
        words.push(((offset + start) as u32, (offset + at) as u32));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::characters::strip;
    use proptest::prelude::*;

    fn words(splitter: Splitter, text: &str) -> Vec<&str> {
        let mut ranges = vec![(7, 7)];
        splitter.split(text, &mut ranges);
        ranges.iter().map(|&(start, end)| &text[start as usize..end as usize]).collect()
    }

    fn by_the_standard(text: &str) -> Vec<&str> {
        text.split_word_bounds().map(strip).filter(|word| !word.is_empty()).collect()
    }

    #[test]
    fn punctuation_marks_are_words() {
        assert_eq!(
            words(Splitter::Uax29, "Don't pay $3.50, a_b; e.g. x:y (1,000)!"),
            ["Don't", "pay", "$", "3.50", ",", "a_b", ";", "e.g", ".", "x:y", "(", "1,000", ")", "!"]
        );
        assert_eq!(words(Splitter::Whitespace, " a,b\u{A0}c\u{1C}d\u{2003}"), ["a,b", "c", "d"]);
        assert_eq!(words(Splitter::Uax29, " \u{A0}\n"), [""; 0]);
        assert_eq!(words(Splitter::Whitespace, ""), [""; 0]);
    }

    #[test]
    fn fasttext_cuts_at_ascii_blanks_and_nuls() {
        assert_eq!(count_fasttext_words(""), 0);
        assert_eq!(count_fasttext_words("a b\nc\td\u{B}e\u{C}f\rg\0h"), 8);
        // Not at a no-break space, nor at the separators U+001C to U+001F.
        assert_eq!(count_fasttext_words("a\u{A0}b c\u{1C}d e\u{2003}f"), 3);
        assert_eq!(count_fasttext_words("(a) -5 é ½ \u{FEFF}a … 5"), 3);
    }

    #[test]
    fn sentences_of_a_long_text_are_those_of_the_whole() {
        let text = "He said: (Well. ) \n\n 1.5 of it! Yes?! no. e.g. this… ".repeat(PIECE_BYTES / 20);
        let (mut words, mut count) = (Vec::new(), 0);
        Splitter::Spacy.split(&text, &mut words);
        let (all, sentences) = (words.len(), Splitter::Spacy.sentences_of(&text, &words, 0));
        Splitter::Spacy.each_sentence(&text, &mut words, |_| count += 1);
        assert!(words.len() < all && count > 1);
        assert_eq!((count, Splitter::Spacy.count(&text, &mut words)), (sentences, all));
    }

    #[test]
    fn sentences_are_counted_without_blank_ones() {
        let count = |text| Splitter::Uax29.sentences(text, &mut Vec::new());
        assert_eq!(count(""), 0);
        assert_eq!(count(" \n\u{A0}\n"), 0);
        assert_eq!(count("One. Two! Three? four"), 4);
        assert_eq!(count("At 3.5 km. he said"), 1);
    }

    #[test]
    fn names_are_found_again() {
        for name in Splitter::NAMES {
            assert_eq!(Splitter::from_name(name).unwrap().name(), name);
        }
        assert_eq!(Splitter::from_name("nltk"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn ascii_words_are_those_of_the_standard(text in r#"[ -~\n\t\x1c]{0,40}|[a1_.':,;" ]{0,24}"#) {
            prop_assert_eq!(words(Splitter::Uax29, &text), by_the_standard(&text));
        }

        #[test]
        fn words_are_those_of_the_standard(
            text in "[a1_.',: \n\r\u{300}\u{AD}\u{200D}\u{200B}\u{FEFF}\u{A0}\u{2003}\u{3000}\u{85}é’א\"カ世🇩❤👍🏽\u{FE0F}\u{2060}]{0,24}|\\PC{0,24}"
        ) {
            prop_assert_eq!(words(Splitter::Uax29, &text), by_the_standard(&text));
        }

        #[test]
        fn whitespace_words_are_pythons(text in "[a\u{1C}\u{1F}\u{85}\u{A0}\u{3000}\u{200B} \n]{0,16}") {
            let expected: Vec<&str> = text.split(is_space).filter(|word| !word.is_empty()).collect();
            prop_assert_eq!(words(Splitter::Whitespace, &text), expected);
        }
    }
}
