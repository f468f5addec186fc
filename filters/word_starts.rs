//! Finds listed words where they stand alone, by the first three bytes of what begins a word.

use std::ops::Range;

use text::characters::is_word_character;

/// Bytes that are looked through before what begins a word is looked up: a loop without branches.
const BLOCK: usize = 4096;
/// More words with the same beginning than this are an automaton's work.
const MOST_ALIKE: usize = 64;
/// Bits of a byte's class.
const IS_WORD: u8 = 1;
const IS_FIRST: u8 = 2;

pub(crate) struct WordStarts {
    words: Vec<Box<str>>,
    /// By byte: whether it is an ASCII word character, and whether it begins a listed word.
    classes: [u8; 256],
    /// By hash of the first three bytes: the first of its nodes, 0 for none.
    heads: Vec<u32>,
    /// Index of a word and the next node.
    nodes: Vec<(u32, u32)>,
}

impl WordStarts {
    /// `None` if too many words begin alike. Words are in lower case; ASCII letters are found in either.
    pub(crate) fn new<'w>(words: impl Iterator<Item = &'w str>) -> Option<WordStarts> {
        let words: Vec<Box<str>> = words.map(Box::from).collect();
        let heads = vec![0; (4 * words.len()).next_power_of_two().max(256)];
        let mut starts = WordStarts { words, classes: [0; 256], heads, nodes: vec![(0, 0)] };
        for byte in 0..=u8::MAX {
            starts.classes[usize::from(byte)] = if is_word_byte(byte) { IS_WORD } else { 0 };
        }
        for at in 0..starts.words.len() {
            let Some(&first) = starts.words[at].as_bytes().first() else { continue };
            starts.classes[usize::from(first)] |= IS_FIRST;
            starts.classes[usize::from(first.to_ascii_uppercase())] |= IS_FIRST;
            // A word of one or two bytes goes on with whatever ends it.
            let bytes = [0, 1, 2].map(|place| starts.words[at].as_bytes().get(place).copied());
            let choices = bytes.map(|byte| byte.map_or(0..=u8::MAX, |byte| byte..=byte));
            let [first, second, third] = choices;
            for key in first.flat_map(|one| {
                let third = third.clone();
                second.clone().flat_map(move |two| third.clone().map(move |three| [one, two, three, 0]))
            }) {
                starts.add(key, at as u32);
            }
        }
        let alike = starts.heads.iter().map(|&head| starts.chain(head).count()).max();
        (alike <= Some(MOST_ALIKE)).then_some(starts)
    }

    fn add(&mut self, key: [u8; 4], word: u32) {
        let slot = self.slot(key);
        let next = self.heads[slot];
        if next == 0 || self.nodes[next as usize].0 != word {
            self.heads[slot] = self.nodes.len() as u32;
            self.nodes.push((word, next));
        }
    }

    fn slot(&self, key: [u8; 4]) -> usize {
        // Only letters must be equal in both cases; what else becomes equal is told apart later.
        let key = (u32::from_le_bytes(key) | 0x20_2020) & 0xFF_FFFF;
        (key.wrapping_mul(0x9E37_79B1) >> 12) as usize & (self.heads.len() - 1)
    }

    fn chain(&self, head: u32) -> impl Iterator<Item = usize> {
        let some = |node: u32| (node != 0).then(|| self.nodes[node as usize]);
        std::iter::successors(some(head), move |node| some(node.1)).map(|node| node.0 as usize)
    }

    /// Calls `found` with the index of every word found and its range, until it returns true.
    pub(crate) fn each(&self, text: &str, mut found: impl FnMut(usize, Range<usize>) -> bool) {
        let bytes = text.as_bytes();
        let mut starts = [0_u16; BLOCK];
        let mut before = 0;
        for (block, base) in bytes.chunks(BLOCK).zip((0..).step_by(BLOCK)) {
            let mut count = 0;
            for (at, &byte) in block.iter().enumerate() {
                let class = self.classes[usize::from(byte)];
                starts[count % BLOCK] = at as u16;
                count += usize::from(class & IS_FIRST > before);
                before = (class & IS_WORD) << 1;
            }
            for start in starts[..count].iter().map(|&start| base + usize::from(start)) {
                let rest = &bytes[start..];
                let key = rest
                    .first_chunk()
                    .copied()
                    .unwrap_or_else(|| [0, 1, 2, 3].map(|place| rest.get(place).copied().unwrap_or(b' ')));
                let head = self.heads[self.slot(key)];
                if head == 0 || !begins(text, start) {
                    continue;
                }
                for word in self.chain(head) {
                    let listed = self.words[word].as_bytes();
                    let is_same =
                        rest.get(..listed.len()).is_some_and(|word| word.eq_ignore_ascii_case(listed));
                    let end = start + listed.len();
                    if is_same && ends(text, end) && found(word, start..end) {
                        return;
                    }
                }
            }
        }
    }
}

/// `(?:\W|^)` stands before `start` and `(?:\W|$)` after `end`, with Python's Unicode `\W`.
pub(crate) fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    begins(text, start) && ends(text, end)
}

fn begins(text: &str, start: usize) -> bool {
    match text.as_bytes()[..start].last() {
        None => true,
        Some(byte) if byte.is_ascii() => !is_word_byte(*byte),
        Some(_) => !text.get(..start).and_then(|text| text.chars().next_back()).is_none_or(is_word),
    }
}

fn ends(text: &str, end: usize) -> bool {
    match text.as_bytes().get(end) {
        None => true,
        Some(byte) if byte.is_ascii() => !is_word_byte(*byte),
        Some(_) => !text.get(end..).and_then(|text| text.chars().next()).is_some_and(is_word),
    }
}

/// As the text in lower case would have it: letters younger than the table of word characters may have older ones there.
fn is_word(character: char) -> bool {
    character.to_lowercase().next().is_some_and(is_word_character)
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Every word at every place.
    fn naive(words: &[&str], text: &str) -> BTreeSet<usize> {
        let places = text.char_indices().flat_map(|(at, _)| (0..words.len()).map(move |word| (at, word)));
        let found = places.filter(|&(at, word)| {
            let end = at + words[word].len();
            text.get(at..end).is_some_and(|found| found.eq_ignore_ascii_case(words[word]))
                && stands_alone(text, at, end)
        });
        found.map(|(_, word)| word).collect()
    }

    fn found(words: &[&str], text: &str) -> BTreeSet<usize> {
        let mut all = BTreeSet::new();
        WordStarts::new(words.iter().copied()).unwrap().each(text, |word, _| {
            all.insert(word);
            false
        });
        all
    }

    #[test]
    fn words_of_every_length_are_found_at_every_place() {
        let words = ["a", "xx", "abc", "ab cd", "ж", "жя", "é", "s&m", "🖕"];
        for (at, word) in words.iter().enumerate() {
            for (before, after) in [("", ""), ("“", "”"), (" ", "."), ("é.", "\u{A0}"), ("\n\n", " é")]
            {
                let text = [before, &word.to_ascii_uppercase(), after].concat();
                assert!(found(&words, &text).contains(&at), "{text:?}");
                let text = "-".repeat(BLOCK - 3) + &text;
                assert!(found(&words, &text).contains(&at), "{at} beyond a block");
            }
            assert!(!found(&words, &format!("z{word}")).contains(&at), "{word}");
            assert!(!found(&words, &format!("я{word}я")).contains(&at), "{word}");
        }
    }

    #[test]
    fn many_words_that_begin_alike_are_left_to_an_automaton() {
        let words: Vec<String> = (0..100).map(|number| format!("abc{number}")).collect();
        assert!(WordStarts::new(words.iter().map(String::as_str)).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn found_words_are_the_naive_ones(
            words in prop::collection::btree_set("[abж_ .é]{1,5}", 1..8),
            text in "([abABжЖ_ .éя]{1,3}|“|🖕| ){0,60}",
        ) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            prop_assert_eq!(found(&words, &text), naive(&words, &text));
        }
    }
}
