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

pub struct Profiles {
    languages: Vec<Lang>,
    /// By character, the row of `speakers`.
    letters: Vec<u8>,
    /// The languages whose alphabet has the letter, a bit each; the first row is no letter's.
    speakers: Vec<u64>,
    /// Trigrams as [`pack`] makes them, at their hash or after it; 0 where there is none.
    slots: Vec<u64>,
    /// By slot, the first of its ranks and their number.
    found: Vec<(u16, u16)>,
    /// Language and rank therein.
    ranks: Vec<(u16, u16)>,
}

/// Three characters as a number, in their order.
pub fn pack(first: u32, second: u32, third: u32) -> u64 {
    u64::from(first) << 42 | u64::from(second) << 21 | u64::from(third)
}

pub static PROFILES: LazyLock<Profiles> = LazyLock::new(|| Profiles::parse(include_str!("profiles.tsv")));

impl Profiles {
    fn parse(table: &str) -> Profiles {
        let mut profiles = Profiles {
            languages: Vec::new(),
            letters: Vec::new(),
            speakers: vec![0],
            slots: vec![0; 1 << SLOT_BITS],
            found: vec![(0, 0); 1 << SLOT_BITS],
            ranks: Vec::new(),
        };
        let mut all = Vec::new();
        for (language, line) in (0_u16..).zip(table.lines()) {
            let mut columns = line.split('\t');
            let (code, alphabet, trigrams) =
                (columns.next().unwrap_or(""), columns.next().unwrap_or(""), columns.next().unwrap_or(""));
            profiles.languages.extend(Lang::from_code(code));
            alphabet.chars().for_each(|letter| profiles.add_letter(letter, language));
            let trigrams: Vec<u32> = trigrams.chars().map(u32::from).collect();
            let trigrams = trigrams.as_chunks().0.iter().map(|&[first, second, third]| pack(first, second, third));
            all.extend(trigrams.zip(0_u16..).map(|(trigram, rank)| (trigram, (language, rank))));
        }
        all.sort_unstable();
        for same in all.chunk_by(|one, other| one.0 == other.0) {
            let slot = profiles.slot(same[0].0);
            profiles.slots[slot] = same[0].0;
            profiles.found[slot] = (profiles.ranks.len() as u16, same.len() as u16);
            profiles.ranks.extend(same.iter().map(|(_, rank)| rank));
        }
        profiles
    }

    fn add_letter(&mut self, letter: char, language: u16) {
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

    /// Where the trigram is, else where it would be.
    fn slot(&self, trigram: u64) -> usize {
        let mut slot = (trigram.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - SLOT_BITS)) as usize;
        while self.slots[slot] != trigram && self.slots[slot] != 0 {
            slot = (slot + 1) % self.slots.len();
        }
        slot
    }

    /// The languages of a shared script, in whatlang's order.
    pub fn languages(&self, script: usize) -> &[Lang] {
        &self.languages[SCRIPTS[script].clone()]
    }

    /// How far the text's trigrams, most frequent first, are from each language's.
    pub fn distances(&self, script: usize, trigrams: &[u64], distances: &mut Vec<u32>) {
        // Each of a language's trigrams is as far off as it can be, until it is found.
        let mut all = [(TRIGRAMS * TRIGRAMS).cast_signed(); LANGUAGES];
        for (rank, &trigram) in (0_i32..).zip(trigrams) {
            let (start, count) = self.found[self.slot(trigram)];
            for &(language, other) in &self.ranks[usize::from(start)..][..usize::from(count)] {
                all[usize::from(language)] += (rank - i32::from(other)).abs() - TRIGRAMS.cast_signed();
            }
        }
        let missing = TRIGRAMS.saturating_sub(trigrams.len() as u32);
        distances.clear();
        distances.extend(all[SCRIPTS[script].clone()].iter().map(|distance| {
            (distance.cast_unsigned() - missing * TRIGRAMS).min(TRIGRAMS * TRIGRAMS)
        }));
    }

    /// How many of the characters each language has in its alphabet, less those that it has not, at least none.
    /// `None` where the script's languages are not told apart by their alphabets.
    pub fn likeness(&self, script: usize, characters: &[(char, u32)], likeness: &mut Vec<usize>) -> Option<usize> {
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
        assert_eq!(PROFILES.ranks.len(), LANGUAGES * TRIGRAMS as usize);
        assert!(PROFILES.slots.iter().filter(|slot| **slot != 0).count() * 2 < PROFILES.slots.len());
    }
}
