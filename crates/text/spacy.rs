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

pub use sentences::{SentenceStarts, count_sentences};

use crate::blocks::Block;
use crate::characters::{is_ascii_space, is_space};
use affixes::{infix, prefix, suffix};
use classes::{BEFORE_PERIOD, Classes, ICON, PREFIX, SUFFIX};
use specials::{Patterns, Specials};

/// Byte range of a word.
type Span = (u32, u32);

/// Appends the words of `text`, none of white space.
pub fn split(text: &str, words: &mut Vec<Span>) {
    let rules = Rules { classes: Classes::get(), specials: Specials::get() };
    let bytes = text.as_bytes();
    let mut at = 0;
    // A block begins at white space or with a chunk, so that most chunks lie in one.
    while at < bytes.len() {
        let block = Block::at(bytes, at);
        let mut starts = !block.space & (block.space << 1 | 1);
        let mut ends = block.space & (!block.space << 1);
        while ends != 0 {
            let (start, end) = (starts.trailing_zeros(), ends.trailing_zeros());
            starts &= starts - 1;
            ends &= ends - 1;
            let of_chunk = |bits: u64| bits >> start & ((1 << (end - start)) - 1);
            let range = (at + start as usize, at + end as usize);
            if of_chunk(block.wide) == 0 {
                let (letters, digits) = (of_chunk(block.letter), of_chunk(block.digit));
                rules.ascii_chunk(text, range, letters, digits, words);
            } else {
                rules.any_chunks(text, range, words);
            }
        }
        at = match starts.trailing_zeros() as usize {
            0 => {
                let longer = bytes[at..].iter().position(|&byte| is_ascii_space(byte));
                let end = longer.map_or(bytes.len(), |bytes| at + bytes);
                rules.any_chunks(text, (at, end), words);
                end
            }
            next => at + next,
        };
    }
    Patterns::get().apply(text, words);
}

/// Whether words that end and begin so, a space between them, may be part of one special case.
pub fn joins_across_a_space(last: u8, next: u8) -> bool {
    Patterns::get().joins(last, next)
}

#[derive(Clone, Copy)]
struct Rules {
    classes: Classes,
    specials: &'static Specials,
}

impl Rules {
    /// A chunk of ASCII; a bit for each byte that is a letter or digit. Letters, and letters and digits that end in a
    /// digit, are one word unless they are a special case, and the usual marks before and behind them are split off
    /// without a look at every rule.
    #[inline]
    fn ascii_chunk(
        self,
        text: &str,
        (start, end): (usize, usize),
        letters: u64,
        digits: u64,
        words: &mut Vec<Span>,
    ) {
        let last = 1 << (end - start - 1);
        let all = last | (last - 1);
        let marks = all & !(letters | digits);
        if marks == 0 && (digits == 0 || digits & last != 0) || end - start == 1 {
            return self.special_or_word(text, start, end, words);
        }
        if self.specials.contains(&text[start..end]) {
            return self.special_or_word(text, start, end, words);
        }
        let bytes = &text.as_bytes()[start..end];
        let (is_prefixed, is_suffixed) = (marks & 1 != 0, marks & last != 0);
        let (from, to) = (start + usize::from(is_prefixed), end - usize::from(is_suffixed));
        let ends_in_digit = digits & last >> u32::from(is_suffixed) != 0;
        let fits = from < to
            && marks & !1 & !last == 0
            && (digits == 0 || ends_in_digit)
            && (!is_prefixed || self.is_plain_prefix(bytes[0]))
            && (!is_suffixed || self.is_plain_suffix(bytes[bytes.len() - 2], bytes[bytes.len() - 1]));
        if !fits {
            return split_chunk(text, (start, end), Some(self.specials), self.classes, words);
        }
        if is_prefixed && is_suffixed {
            if self.specials.contains(&text[from..end]) {
                words.push((start as u32, from as u32));
                return self.special_or_word(text, from, end, words);
            }
            if self.specials.contains(&text[start..to]) {
                self.special_or_word(text, start, to, words);
                return words.push((to as u32, end as u32));
            }
        }
        if is_prefixed {
            words.push((start as u32, from as u32));
        }
        self.special_or_word(text, from, to, words);
        if is_suffixed {
            words.push((to as u32, end as u32));
        }
    }

    #[inline]
    fn special_or_word(self, text: &str, start: usize, end: usize, words: &mut Vec<Span>) {
        match self.specials.find(&text[start..end]) {
            Some(lengths) => push_lengths(lengths, start, words),
            None => words.push((start as u32, end as u32)),
        }
    }

    /// A prefix whatever follows.
    fn is_plain_prefix(self, byte: u8) -> bool {
        self.classes.of(byte.into()) & PREFIX != 0
    }

    /// A suffix behind a letter or digit.
    fn is_plain_suffix(self, before: u8, mark: u8) -> bool {
        match mark {
            b'.' => self.classes.of(before.into()) & BEFORE_PERIOD != 0,
            b'$' | b'+' => false,
            mark => self.classes.of(mark.into()) & SUFFIX != 0,
        }
    }

    /// Chunks of any characters between white space of ASCII.
    fn any_chunks(self, text: &str, (mut at, end): (usize, usize), words: &mut Vec<Span>) {
        let Rules { classes, specials } = self;
        while at < end {
            let start = at;
            let mut is_active = false;
            let mut after = end;
            for (offset, c) in text[start..end].char_indices() {
                if is_space(c) {
                    at = start + offset;
                    after = at + c.len_utf8();
                    break;
                }
                is_active |= match c.is_ascii() {
                    true => !c.is_ascii_alphabetic(),
                    false => classes.of(c) & (PREFIX | SUFFIX | ICON) != 0,
                };
                at = end;
            }
            if start < at {
                if let Some(lengths) = specials.find(&text[start..at]) {
                    push_lengths(lengths, start, words);
                } else if is_active {
                    split_chunk(text, (start, at), Some(specials), classes, words);
                } else {
                    words.push((start as u32, at as u32));
                }
            }
            at = after;
        }
    }
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
