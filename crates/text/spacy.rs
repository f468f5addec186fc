//! Words and sentences as spaCy 3.8's blank English pipeline has them, as datatrove uses it.
//!
//! Text is cut at white space; from each chunk prefixes and suffixes are split off until nothing changes, unless it is
//! a special case (`don't`, `a.m.`, `:-)`); what is left is a special case, a URL, or cut at infixes. At last special
//! cases are looked for across the words made so. `spacy/tokenizer.pyx` is the reference; data tables are beside.

mod affixes;
mod classes;
mod sentences;
mod specials;
mod url;

pub use sentences::{count_sentences, each_start};

use crate::characters::{is_ascii_space, is_space};
use affixes::{infix, prefix, suffix};
use classes::{Classes, ICON, PREFIX, SUFFIX};
use specials::{Patterns, Specials};

/// Byte range of a word.
type Span = (u32, u32);

const LETTER: u8 = 0;
const ACTIVE: u8 = 1;
const SPACE: u8 = 2;

/// A chunk of ASCII letters is one word unless it is a special case; rules look at everything else.
const KINDS: [u8; 128] = {
    let mut kinds = [ACTIVE; 128];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphabetic() {
            kinds[byte] = LETTER;
        } else if is_ascii_space(byte as u8) {
            kinds[byte] = SPACE;
        }
        byte += 1;
    }
    kinds
};

/// Appends the words of `text`, none of white space.
pub fn split(text: &str, words: &mut Vec<Span>) {
    let classes = Classes::get();
    let specials = Specials::get();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let mut is_active = false;
        while let Some(&byte) = bytes.get(at) {
            if byte.is_ascii() {
                match KINDS[byte as usize] {
                    SPACE => break,
                    kind => is_active |= kind == ACTIVE,
                }
                at += 1;
            } else {
                let Some(c) = text[at..].chars().next() else { break };
                if is_space(c) {
                    break;
                }
                is_active |= classes.of(c) & (PREFIX | SUFFIX | ICON) != 0;
                at += c.len_utf8();
            }
        }
        if start == at {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        }
        if let Some(lengths) = specials.find(&text[start..at]) {
            push_lengths(lengths, start, words);
        } else if is_active {
            split_chunk(text, (start, at), Some(specials), classes, words);
        } else {
            words.push((start as u32, at as u32));
        }
    }
    Patterns::get().apply(text, words);
}

fn push_lengths(lengths: &[u8], start: usize, words: &mut Vec<Span>) {
    let mut at = start as u32;
    for length in lengths {
        words.push((at, at + u32::from(*length)));
        at += u32::from(*length);
    }
}

/// The chunk `text[range]`, which has no white space; without `specials` by the rules alone.
fn split_chunk(
    text: &str,
    range: (usize, usize),
    specials: Option<&Specials>,
    classes: Classes,
    words: &mut Vec<Span>,
) {
    let is_special = |chunk: &str| specials.is_some_and(|specials| specials.contains(chunk));
    let (mut start, mut end) = range;
    let mut suffixes = Starts::default();
    loop {
        let chunk = &text[start..end];
        if chunk.is_empty() || is_special(chunk) {
            break;
        }
        let before = prefix(chunk, classes);
        if before > 0 && is_special(&chunk[before..]) {
            words.push((start as u32, (start + before) as u32));
            start += before;
            break;
        }
        let behind = suffix(&chunk[before..], classes);
        if behind > 0 && is_special(&chunk[..chunk.len() - behind]) {
            end -= behind;
            suffixes.push(end);
            break;
        }
        if before + behind == 0 {
            break;
        }
        if before > 0 {
            words.push((start as u32, (start + before) as u32));
            start += before;
        }
        if behind > 0 {
            end -= behind;
            suffixes.push(end);
        }
    }
    if start < end {
        let chunk = &text[start..end];
        match specials.and_then(|specials| specials.find(chunk)) {
            Some(lengths) => push_lengths(lengths, start, words),
            None if url::is_url(chunk, classes) => words.push((start as u32, end as u32)),
            None => split_at_infixes(chunk, start, classes, words),
        }
    }
    let mut from = end;
    while let Some(start) = suffixes.pop() {
        debug_assert!(start == from);
        let to = suffixes.last().unwrap_or(range.1);
        words.push((start as u32, to as u32));
        from = to;
    }
}

fn split_at_infixes(chunk: &str, offset: usize, classes: Classes, words: &mut Vec<Span>) {
    let mut push = |start: usize, end: usize| {
        if start < end {
            words.push(((offset + start) as u32, (offset + end) as u32));
        }
    };
    let (mut start, mut at) = (0, 0);
    while let Some((from, to)) = infix(chunk, at, classes) {
        at = to;
        // An infix cannot begin the chunk.
        if from > 0 {
            push(start, from);
            push(from, to);
            start = to;
        }
    }
    push(start, chunk.len());
}

/// Where suffixes begin, the outermost first; of a few there is no allocation.
#[derive(Default)]
struct Starts {
    few: [usize; 8],
    many: Vec<usize>,
    count: usize,
}

impl Starts {
    fn push(&mut self, start: usize) {
        match self.few.get_mut(self.count) {
            Some(place) => *place = start,
            None => self.many.push(start),
        }
        self.count += 1;
    }

    fn last(&self) -> Option<usize> {
        self.many.last().copied().or_else(|| self.count.checked_sub(1).map(|last| self.few[last]))
    }

    fn pop(&mut self) -> Option<usize> {
        let last = self.last()?;
        self.many.pop();
        self.count -= 1;
        Some(last)
    }
}

#[cfg(test)]
#[path = "spacy/tests.rs"]
mod tests;
