//! Does the page hold a piece of an evaluation set?
//!
//! Sets are files of the recipe: JSONL (every string of a record, nested ones too, is a text of its item) or text (a line
//! is an item). Words are runs of letters and digits in lower case, one each for characters of scripts without spaces,
//! so that punctuation, case, accents and layout do not hide a copy. An item of fewer words than `ngram` is looked for
//! whole, if it has at least `shortest`. The report counts what is found of each set, item by item; the ledger names the
//! item that a document shares most with. benches/README.md has what is found of edited copies.
//!
//! ```toml
//! pipeline = ["gopher_quality", "eval_overlap"]
//! [eval_overlap]
//! sets = ["gsm8k_test.jsonl", "hellaswag_validation.jsonl"]
//! ngram = 13
//! ```

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use document::{
    Check, Document, Filter, FilterSpec, Found, ItemSet, Judge, OptionSpec, Raised, Settings, Signal,
    Signals, at_most,
};
use serde_json::Value;
use text::characters::{is_mark, is_word_character};
use text::stable_hash::rehash;
use text::unicode14::{combining_class, decompose};
use xxhash_rust::xxh3::xxh3_64;

use crate::bad_words::ACTION;

pub const FILTER: FilterSpec = FilterSpec {
    name: "eval_overlap",
    source: "Brown et al. 2020 (GPT-3), C: 13-grams, shorter items whole; 8 words at least",
    about: "Is it free of the evaluation sets that you name?",
    checks: &[Check::new(
        "contaminated",
        at_most(Signal::EvalNgrams, 0.0),
        "It shares an n-gram with an item of an evaluation set.",
    )],
    signals: &[Signal::EvalShare, Signal::EvalSet, Signal::EvalItem],
    options: &[
        ACTION,
        OptionSpec {
            key: "sets",
            default: "[]",
            allowed: &[],
            is_path: true,
            why: "files of evaluation items: JSONL (every string of a record counts), or text with an item a line",
        },
        OptionSpec {
            key: "ngram",
            default: "13",
            allowed: &[],
            is_path: false,
            why: "so many words in a row are a hit; 8 finds more edited copies, and more that is none",
        },
        OptionSpec {
            key: "shortest",
            default: "8",
            allowed: &[],
            is_path: false,
            why: "a shorter text of an item is not looked for",
        },
    ],
    judge: Judge::Document(build),
};

struct EvalOverlap {
    ngrams: HashMap<u64, Holders>,
    /// Holders of n-grams that several items have.
    shared: Vec<Vec<u32>>,
    /// Bit `hash mod bits`: most words of most pages need no look into the table.
    seen: Vec<u64>,
    /// Numbers of words that n-grams have, ascending.
    lengths: Vec<usize>,
    items: Vec<Item>,
    sets: Vec<ItemSet>,
}

/// The items that have an n-gram.
#[derive(Clone, Copy)]
enum Holders {
    One(u32),
    /// Those at this place of [`EvalOverlap::shared`].
    Several(u32),
}

/// Where an item stands, and how many n-grams it has.
struct Item {
    set: u32,
    line: u32,
    ngrams: u32,
}

const LEAST_SEEN_BITS: usize = 1 << 20;
/// Of an n-gram that more items have, these first ones are named: it belongs to a form that questions are set in.
const MOST_HOLDERS: usize = 16;
/// Odd, so that it keeps all bits of a word's hash apart.
const BASE: u64 = 0x9E37_79B9_7F4A_7C15;
/// The longest n-gram that a recipe may ask for.
const LONGEST: f64 = 64.0;

fn build(settings: &Settings) -> Result<Box<dyn Filter>, String> {
    let length = |key: &str, least: f64, most: f64| {
        let words = settings.number(key).unwrap_or(f64::NAN);
        match words.fract() == 0.0 && (least..=most).contains(&words) {
            true => Ok(words as usize),
            false => Err(format!("{key} = {words}: write a whole number of words from {least} to {most}")),
        }
    };
    let ngram = length("ngram", 2.0, LONGEST)?;
    let shortest = length("shortest", 1.0, LONGEST)?.min(ngram);
    let mut overlap = EvalOverlap {
        ngrams: HashMap::new(),
        shared: Vec::new(),
        seen: Vec::new(),
        lengths: Vec::new(),
        items: Vec::new(),
        sets: Vec::new(),
    };
    for (set, path) in (0..).zip(settings.list("sets")) {
        overlap.sets.push(ItemSet { path: path.clone(), ..ItemSet::default() });
        let text = settings.lists.get(path).map_or("", |text| text);
        for (line, item) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let texts = match item.trim_start().starts_with('{') {
                true => serde_json::from_str::<Value>(item)
                    .map(|record| strings(&record))
                    .map_err(|error| format!("{path}, line {line}: {error}"))?,
                false => vec![item.to_owned()],
            };
            overlap.add((set, line), &texts, ngram, shortest);
        }
    }
    overlap.lengths.sort_unstable();
    let bits = (16 * overlap.ngrams.len()).next_power_of_two().max(LEAST_SEEN_BITS);
    overlap.seen = vec![0; bits / 64];
    for hash in overlap.ngrams.keys() {
        let (word, bit) = overlap.bit(*hash);
        overlap.seen[word] |= bit;
    }
    Ok(Box::new(overlap))
}

/// Every string of a value, in order.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

impl EvalOverlap {
    fn add(&mut self, (set, line): (u32, u32), texts: &[String], ngram: usize, shortest: usize) {
        let number = self.items.len() as u32;
        let mut item = Item { set, line, ngrams: 0 };
        for text in texts {
            let rolling = Rolling::of(text);
            let length = ngram.min(rolling.words());
            if length < shortest {
                continue;
            }
            if !self.lengths.contains(&length) {
                self.lengths.push(length);
            }
            item.ngrams += rolling.ngrams(length).filter(|hash| self.hold(*hash, number)).count() as u32;
        }
        let counts = &mut self.sets[set as usize];
        match item.ngrams {
            0 => counts.too_short += 1,
            _ => counts.items += 1,
        }
        self.items.push(item);
    }

    /// Adds an item, the last one so far, to those of an n-gram; `false` if it is among them or they are too many.
    fn hold(&mut self, hash: u64, item: u32) -> bool {
        let place = match self.ngrams.entry(hash) {
            Entry::Vacant(place) => {
                place.insert(Holders::One(item));
                return true;
            }
            Entry::Occupied(place) => place.into_mut(),
        };
        match *place {
            Holders::One(first) if first == item => false,
            Holders::One(first) => {
                *place = Holders::Several(self.shared.len() as u32);
                self.shared.push(vec![first, item]);
                true
            }
            Holders::Several(at) => {
                let holders = &mut self.shared[at as usize];
                let is_new = holders.len() < MOST_HOLDERS && holders.last() != Some(&item);
                if is_new {
                    holders.push(item);
                }
                is_new
            }
        }
    }

    fn bit(&self, hash: u64) -> (usize, u64) {
        ((hash / 64) as usize % self.seen.len(), 1 << (hash % 64))
    }

    /// Calls `hit` with the hash, the first word and the number of words of every n-gram that an item holds, too.
    fn each_hit(&self, rolling: &Rolling, mut hit: impl FnMut(u64, usize, usize)) {
        for length in &self.lengths {
            for (at, hash) in rolling.ngrams(*length).enumerate() {
                let (word, bit) = self.bit(hash);
                if self.seen[word] & bit != 0 && self.ngrams.contains_key(&hash) {
                    hit(hash, at, *length);
                }
            }
        }
    }

    /// The items that the text shares n-grams with, ascending, each with the number of distinct ones.
    fn hits(&self, text: &str) -> Vec<(u32, usize)> {
        if self.ngrams.is_empty() {
            return Vec::new();
        }
        let mut hashes: Vec<u64> = Vec::new();
        self.each_hit(&Rolling::of(text), |hash, _, _| hashes.push(hash));
        hashes.sort_unstable();
        hashes.dedup();
        let holders = |hash| match self.ngrams.get(hash) {
            Some(Holders::One(item)) => std::slice::from_ref(item),
            Some(Holders::Several(at)) => &self.shared[*at as usize],
            None => &[],
        };
        let mut items: Vec<u32> = hashes.iter().flat_map(holders).copied().collect();
        items.sort_unstable();
        items.chunk_by(|a, b| a == b).map(|same| (same[0], same.len())).collect()
    }
}

impl Filter for EvalOverlap {
    fn judge(
        &self,
        document: &mut Document<'_>,
        signals: &mut Signals,
        _raised: &mut Raised,
        _buffer: &mut String,
    ) {
        let hits = self.hits(document.text);
        // The first of those that share most.
        let most = hits.iter().max_by_key(|(item, ngrams)| (*ngrams, std::cmp::Reverse(*item)));
        let found = most.and_then(|(item, ngrams)| Some((ngrams, self.items.get(*item as usize)?)));
        let place = found.map_or((0, 0), |(_, item)| (item.set + 1, item.line));
        let (ngrams, all) = found.map_or((0, 0), |(ngrams, item)| (*ngrams, item.ngrams as usize));
        signals.set(Signal::EvalNgrams, ngrams as f64);
        signals.set_ratio(Signal::EvalShare, ngrams, all);
        signals.set(Signal::EvalSet, f64::from(place.0));
        signals.set(Signal::EvalItem, f64::from(place.1));
    }

    fn sets(&self) -> &[ItemSet] {
        &self.sets
    }

    fn found_items(&self, document: &Document<'_>, signals: &Signals, each: &mut dyn FnMut(u32, u32)) {
        if signals.get(Signal::EvalNgrams).is_some_and(|ngrams| ngrams > 0.0) {
            for (item, _) in self.hits(document.text) {
                let Item { set, line, .. } = self.items[item as usize];
                each(set, line);
            }
        }
    }

    fn point(&self, document: &Document<'_>, found: &mut Found<'_>) {
        let mut words = Vec::new();
        let rolling = Rolling::read(document.text, |word| words.push(word));
        self.each_hit(&rolling, |_, at, length| found(0, words[at].start..words[at + length - 1].end));
    }
}

/// Hashes of all beginnings of a text's sequence of words, from which that of any part of it follows.
struct Rolling(Vec<u64>);

impl Rolling {
    fn of(text: &str) -> Rolling {
        Rolling::read(text, |_| ())
    }

    /// `found` is told where each word is.
    fn read(text: &str, mut found: impl FnMut(Range<usize>)) -> Rolling {
        let mut hashes = vec![0_u64];
        let mut add = |word: &[u8], range: Range<usize>| {
            let before = hashes[hashes.len() - 1];
            hashes.push(before.wrapping_mul(BASE).wrapping_add(xxh3_64(word)));
            found(range);
        };
        let (mut word, mut start) = (String::new(), 0);
        let mut read = |character: char, range: Range<usize>| {
            let is_word = is_word_character(character) && character != '_' || is_mark(character);
            let is_alone = is_word && is_word_alone(character);
            if !word.is_empty() && (is_alone || !is_word) {
                add(word.as_bytes(), start..range.start);
                word.clear();
            }
            if is_word && word.is_empty() {
                start = range.start;
            }
            if is_alone {
                add(character.encode_utf8(&mut [0; 4]).as_bytes(), range);
            } else if is_word && character.is_ascii() {
                word.push(character.to_ascii_lowercase());
            } else if is_word {
                word.extend(character.to_lowercase());
            }
        };
        for (at, character) in text.char_indices() {
            let range = at..at + character.len_utf8();
            match character.is_ascii() {
                true => read(character, range),
                // Accents do not count, whichever way they are written.
                false => decompose(character, |part| {
                    if combining_class(part) == 0 {
                        read(part, range.clone());
                    }
                }),
            }
        }
        if !word.is_empty() {
            add(word.as_bytes(), start..text.len());
        }
        Rolling(hashes)
    }

    fn words(&self) -> usize {
        self.0.len() - 1
    }

    /// Of every `length` words in a row.
    fn ngrams(&self, length: usize) -> impl Iterator<Item = u64> + '_ {
        let power = (0..length).fold(1_u64, |power, _| power.wrapping_mul(BASE));
        let ends = self.0.iter().skip(length);
        // Lengths are told apart: a short item is not the end of a long one.
        self.0
            .iter()
            .zip(ends)
            .map(move |(start, end)| rehash(end.wrapping_sub(start.wrapping_mul(power)), length as u64))
    }
}

/// Scripts that do not set spaces between words: Thai, Lao, Burmese, Khmer, kana, Han.
fn is_word_alone(character: char) -> bool {
    matches!(character, '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{3040}'..='\u{30FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#[path = "eval_overlap_tests.rs"]
mod tests;
