//! What is known of the languages that share a script: their letters and their most frequent trigrams.
//!
//! The table is whatlang's (see LICENSE beside it), whose own is private; the tests hold it to the linked version.

use std::ops::Range;
use std::sync::LazyLock;

use whatlang::Lang;

use super::script::{CYRILLIC, LATIN};

/// Trigrams of a language.
pub const TRIGRAMS: u32 = 300;
/// Languages in the table.
const LANGUAGES: usize = 51;
/// The table's lines of each shared script.
const SCRIPTS: [Range<usize>; 5] = [0..37, 37..43, 43..46, 46..49, 49..51];
/// Slots of the trigrams' hash table, less than half of them taken.
const SLOT_BITS: u32 = 14;
const SLOTS: usize = 1 << SLOT_BITS;
/// A trigram's rank in each language of its script, at the language's line after the script's first.
type Ranks = [i16; 40];
const NO_RANK: i16 = -1;
/// Trigrams whose distances can be summed in 16 bits: none is farther than the text's 600.
const SUMMED: usize = 100;

pub struct Profiles {
    languages: Vec<Lang>,
    /// By character, the row of `speakers`.
    letters: Vec<u8>,
    /// The languages whose alphabet has the letter, a bit each; the first row is no letter's.
    speakers: Vec<u64>,
    /// Trigrams as [`pack`] makes them, at their hash or after it; 0 where there is none.
    slots: Vec<u64>,
    /// By slot: the row of `ranks`.
    rows: Vec<u16>,
    /// The first row is no trigram's; those of a script stand together, as no two scripts share a trigram.
    ranks: Vec<Ranks>,
    script_rows: [Range<usize>; 5],
}

/// Three characters as a number, in their order.
pub fn pack(first: char, second: char, third: char) -> u64 {
    u64::from(first) << 42 | u64::from(second) << 21 | u64::from(third)
}

pub static PROFILES: LazyLock<Profiles> = LazyLock::new(|| Profiles::parse(include_str!("profiles.tsv")));

impl Profiles {
    fn parse(table: &str) -> Profiles {
        let mut profiles = Profiles {
            languages: Vec::new(),
            letters: Vec::new(),
            speakers: vec![0],
            slots: vec![0; SLOTS],
            rows: vec![0; SLOTS],
            ranks: vec![[NO_RANK; 40]],
            script_rows: [const { 0..0 }; 5],
        };
        let mut lines = table.lines();
        for (script, languages) in SCRIPTS.iter().enumerate() {
            let first = profiles.ranks.len();
            for (language, line) in languages.clone().zip(lines.by_ref()) {
                profiles.add_language(line, language, language - languages.start);
            }
            profiles.script_rows[script] = first..profiles.ranks.len();
        }
        profiles
    }

    fn add_language(&mut self, line: &str, language: usize, column: usize) {
        let mut columns = line.split('\t');
        self.languages.extend(columns.next().and_then(Lang::from_code));
        columns.next().into_iter().flat_map(str::chars).for_each(|letter| self.add_letter(letter, language));
        let trigrams: Vec<char> = columns.flat_map(str::chars).collect();
        for (&[one, two, three], rank) in trigrams.as_chunks().0.iter().zip(0..) {
            let row = self.add_trigram(pack(one, two, three));
            self.ranks[row][column] = rank;
        }
    }

    /// The row of its ranks.
    fn add_trigram(&mut self, trigram: u64) -> usize {
        let slot = find(&self.slots, trigram);
        if self.slots[slot] == 0 {
            self.slots[slot] = trigram;
            self.rows[slot] = self.ranks.len() as u16;
            self.ranks.push([NO_RANK; 40]);
        }
        usize::from(self.rows[slot])
    }

    fn add_letter(&mut self, letter: char, language: usize) {
        let at = letter as usize;
        if self.letters.len() <= at {
            self.letters.resize(at + 1, 0);
        }
        if self.letters[at] == 0 {
            self.letters[at] = self.speakers.len() as u8;
            self.speakers.push(0);
        }
        self.speakers[usize::from(self.letters[at])] |= 1 << language;
    }

    /// The languages of a shared script, in whatlang's order.
    pub fn languages(&self, script: usize) -> &[Lang] {
        &self.languages[SCRIPTS[script].clone()]
    }

    /// How far the text's trigrams, most frequent first, are from each language's.
    pub fn distances(&self, script: usize, trigrams: &[u64], distances: &mut Vec<u32>) {
        // Each of a language's trigrams is as far off as it can be, until it is found.
        let mut nearer = [0_i32; 40];
        let rows = &self.script_rows[script];
        let mut rank = 0;
        for trigrams in trigrams.chunks(SUMMED) {
            let mut sums = [0_i16; 40];
            for &trigram in trigrams {
                let row = usize::from(self.rows[find(&self.slots, trigram)]);
                let ranks = &self.ranks[if rows.contains(&row) { row } else { 0 }];
                for (sum, &other) in sums.iter_mut().zip(ranks) {
                    let is_known = other != NO_RANK;
                    *sum += if is_known { TRIGRAMS as i16 - (rank - other).abs() } else { 0 };
                }
                rank += 1;
            }
            nearer.iter_mut().zip(sums).for_each(|(all, sum)| *all += i32::from(sum));
        }
        let missing = TRIGRAMS.saturating_sub(trigrams.len() as u32);
        let most = (TRIGRAMS * TRIGRAMS).cast_signed();
        let all = &nearer[..SCRIPTS[script].len()];
        distances.clear();
        distances.extend(all.iter().map(|nearer| {
            let distance = (most - nearer).cast_unsigned() - missing * TRIGRAMS;
            distance.min(TRIGRAMS * TRIGRAMS)
        }));
    }

    /// How many of the characters each language has in its alphabet, less those that it has not, at least none.
    /// `None` where the script's languages are not told apart by their alphabets.
    pub fn likeness(
        &self,
        script: usize,
        characters: &[(char, u32)],
        likeness: &mut Vec<usize>,
    ) -> Option<usize> {
        if script != LATIN && script != CYRILLIC {
            return None;
        }
        let range = SCRIPTS[script].clone();
        let all = (1 << range.end) - (1 << range.start);
        let mut counts = [0_i64; LANGUAGES];
        let (mut total, mut common) = (0, 0);
        for &(character, count) in characters {
            let count = i64::from(count);
            total += count;
            let letter = self.letters.get(character as usize).copied().unwrap_or(0);
            let speakers = self.speakers[usize::from(letter)] & all;
            // Letters of most languages are counted once for all and taken back from the others.
            let is_common = speakers.count_ones() as usize > range.len() / 2;
            common += if is_common { count } else { 0 };
            let (mut rest, sign) = if is_common { (all & !speakers, -1) } else { (speakers, 1) };
            while rest != 0 {
                counts[rest.trailing_zeros() as usize] += sign * count;
                rest &= rest - 1;
            }
        }
        likeness.clear();
        likeness.extend(counts[range].iter().map(|count| (2 * (count + common) - total).max(0) as usize));
        Some(total as usize)
    }
}

/// Where the trigram is, else where it would be.
fn find(slots: &[u64], trigram: u64) -> usize {
    let Some(slots) = slots.first_chunk::<SLOTS>() else { return 0 };
    let mut slot = (trigram.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - SLOT_BITS)) as usize;
    while slots[slot % SLOTS] != trigram && slots[slot % SLOTS] != 0 {
        slot += 1;
    }
    slot % SLOTS
}

#[cfg(test)]
mod tests {
    use super::super::script::SHARED;
    use super::*;

    #[test]
    fn languages_are_those_of_whatlangs_scripts_in_its_order() {
        for (place, script) in SHARED.iter().enumerate() {
            assert_eq!(PROFILES.languages(place), script.langs());
        }
        assert_eq!(PROFILES.languages.len(), LANGUAGES);
        let known = PROFILES.ranks.iter().flatten().filter(|rank| **rank != NO_RANK);
        assert_eq!(known.count(), LANGUAGES * TRIGRAMS as usize);
        assert!(PROFILES.slots.iter().filter(|slot| **slot != 0).count() * 2 < PROFILES.slots.len());
    }
}
