//! The most frequent trigrams of a text, exactly, in two passes over its characters.
//!
//! The 62 most frequent different characters get a number of six bits each, in their order, so that three of them are
//! the address of a counter. Trigrams with a rarer character are gathered in a list and sorted.

use super::characters::Characters;
use super::profiles::pack;

/// Trigrams that count.
const MOST: usize = 600;
/// Of a character that has no number of its own; 0 is whatever is no letter.
const RARE: u8 = 63;
const COUNTERS: usize = 1 << 18;
/// Counts from here on are sorted, lower ones only told apart.
const HIGH: usize = 255;
/// Rare trigrams whose space is kept from text to text.
const KEPT: usize = 1 << 18;

pub struct Trigrams {
    /// By character: its number.
    numbers: Vec<u8>,
    /// By number: the character in lower case.
    alphabet: [u32; 64],
    counts: Vec<u32>,
    /// Addresses of the counters that are not 0.
    used: Vec<u32>,
    /// A bit for each counter, and a bit for each 64 of those bits.
    marks: Vec<u64>,
    mark_groups: [u64; 64],
    /// Trigrams with a rare character, each time; then each with its count.
    rare: Vec<u64>,
    rare_counts: Vec<(u64, u32)>,
    high: Vec<(u32, u64)>,
    ranked: Vec<u64>,
}

impl Default for Trigrams {
    fn default() -> Self {
        Trigrams {
            numbers: vec![0; 1 + char::MAX as usize],
            alphabet: [0; 64],
            counts: vec![0; COUNTERS],
            used: vec![0; COUNTERS + 1],
            marks: vec![0; COUNTERS / 64],
            mark_groups: [0; 64],
            rare: Vec::new(),
            rare_counts: Vec::new(),
            high: Vec::new(),
            ranked: Vec::new(),
        }
    }
}

impl Trigrams {
    /// At most 600, packed, the most frequent first, of equally frequent ones the last in the order of characters.
    pub fn rank(&mut self, text: &str, characters: &Characters) -> &[u64] {
        let has_rare = self.number(characters);
        let used = if has_rare { self.count_all(text) } else { self.count(text) };
        self.rank_counted(used);
        &self.ranked
    }

    /// Gives the characters their numbers; whether some are rare.
    fn number(&mut self, characters: &Characters) -> bool {
        let letters = characters.letters();
        let common = usize::from(RARE - 1);
        self.alphabet = [u32::from(' '); 64];
        if letters.len() > common {
            self.high.clear();
            self.high.extend(letters.iter().map(|&(letter, count)| (count, u64::from(letter))));
            self.high.select_nth_unstable_by(common, |one, other| other.cmp(one));
            self.high.truncate(common);
            self.high.sort_unstable_by_key(|&(_, letter)| letter);
            letters.iter().for_each(|&(letter, _)| self.numbers[letter as usize] = RARE);
            for (number, &(_, letter)) in (1_u8..).zip(&self.high) {
                self.alphabet[usize::from(number)] = letter as u32;
                self.numbers[letter as usize] = number;
            }
        } else {
            for (number, &(letter, _)) in (1_u8..).zip(letters) {
                self.alphabet[usize::from(number)] = letter.into();
                self.numbers[letter as usize] = number;
            }
        }
        for &(character, lower) in characters.cases() {
            self.numbers[character as usize] = self.numbers[lower as usize];
        }
        letters.len() > common
    }

    /// Counts the trigrams of a text without rare characters; how many are used.
    fn count(&mut self, text: &str) -> usize {
        let (mut first, mut second, mut used) = (0, 0, 0);
        let counts = &mut self.counts[..COUNTERS];
        for character in text.chars().chain([' ']) {
            let third = usize::from(self.numbers[character as usize] & RARE);
            let trigram = (first << 12 | second << 6 | third) % COUNTERS;
            self.used[used] = trigram as u32;
            used += usize::from(counts[trigram] == 0);
            counts[trigram] += 1;
            (first, second) = (second, third);
        }
        used
    }

    /// The same for any text.
    fn count_all(&mut self, text: &str) -> usize {
        let (mut trigram, mut letters, mut used) = (0, pack(0, u32::from(' '), u32::from(' ')), 0);
        for character in text.chars().chain([' ']) {
            let number = self.numbers[character as usize];
            let lower = match number {
                RARE => lower(character),
                _ => self.alphabet[usize::from(number)],
            };
            trigram = (trigram << 6 | usize::from(number)) % COUNTERS;
            letters = (letters << 21 | u64::from(lower)) % (1 << 63);
            if is_rare(trigram) {
                self.rare.push(letters);
            } else {
                self.used[used] = trigram as u32;
                used += usize::from(self.counts[trigram] == 0);
                self.counts[trigram] += 1;
            }
        }
        used
    }

    fn rank_counted(&mut self, used: usize) {
        // A space between spaces is in no trigram, nor is one between a space and a letter.
        for letter in 0..64 {
            self.counts[letter] = 0;
            self.counts[letter << 12] = 0;
        }
        self.count_rare();
        let mut totals = [0_usize; HIGH + 1];
        for &trigram in &self.used[..used] {
            totals[HIGH.min(self.counts[trigram as usize] as usize)] += 1;
        }
        for &(_, count) in &self.rare_counts {
            totals[HIGH.min(count as usize)] += 1;
        }
        // The ranks at which the trigrams of each count begin, down to the least that is ranked.
        let (mut least, mut rank) = (HIGH + 1, 0);
        let mut next = [0_usize; HIGH + 1];
        while least > 1 && rank < MOST {
            least -= 1;
            next[least] = rank;
            rank += totals[least];
        }
        for &trigram in &self.used[..used] {
            let count = &mut self.counts[trigram as usize];
            if *count as usize >= least {
                let group = trigram as usize / 64;
                self.marks[group] |= 1 << (trigram % 64);
                self.mark_groups[group / 64] |= 1 << (group % 64);
            } else {
                *count = 0;
            }
        }
        self.ranked.clear();
        self.ranked.resize(rank.min(MOST), 0);
        self.high.clear();
        let mut rare = 0;
        for outer in (0..64).rev() {
            while self.mark_groups[outer] != 0 {
                let inner = highest(&mut self.mark_groups[outer]);
                let group = outer * 64 + inner;
                while self.marks[group] != 0 {
                    let trigram = group * 64 + highest(&mut self.marks[group]);
                    let count = std::mem::take(&mut self.counts[trigram]);
                    let [first, second, third] =
                        [trigram >> 12, trigram >> 6, trigram].map(|number| self.alphabet[number % 64]);
                    let letters = pack(first, second, third);
                    while let Some(&(other, count)) = self.rare_counts.get(rare)
                        && other > letters
                    {
                        place(other, count, least, &mut next, &mut self.ranked, &mut self.high);
                        rare += 1;
                    }
                    place(letters, count, least, &mut next, &mut self.ranked, &mut self.high);
                }
            }
        }
        for &(letters, count) in &self.rare_counts[rare..] {
            place(letters, count, least, &mut next, &mut self.ranked, &mut self.high);
        }
        self.high.sort_unstable_by(|one, other| other.cmp(one));
        for (rank, (_, letters)) in self.ranked.iter_mut().zip(&self.high) {
            *rank = *letters;
        }
    }

    /// Counts of the rare trigrams, the last in the order of characters first.
    fn count_rare(&mut self) {
        self.rare.sort_unstable_by(|one, other| other.cmp(one));
        self.rare_counts.clear();
        let space = u64::from(' ');
        let is_space = |letters: u64, at: u32| letters >> (21 * at) & 0x1F_FFFF == space;
        let counted = self.rare.chunk_by(|one, other| one == other).filter_map(|same| {
            let no_trigram = is_space(same[0], 1) && (is_space(same[0], 0) || is_space(same[0], 2));
            (!no_trigram).then_some((same[0], same.len() as u32))
        });
        self.rare_counts.extend(counted);
        self.rare.clear();
        self.rare.shrink_to(KEPT);
    }
}

/// Takes the highest bit.
fn highest(bits: &mut u64) -> usize {
    let highest = bits.ilog2();
    *bits ^= 1 << highest;
    highest as usize
}

/// Puts a trigram at the next rank of its count. They come in descending order.
fn place(letters: u64, count: u32, least: usize, next: &mut [usize; HIGH + 1], ranked: &mut [u64], high: &mut Vec<(u32, u64)>) {
    let bucket = HIGH.min(count as usize);
    if bucket == HIGH {
        high.push((count, letters));
    } else if bucket >= least {
        if let Some(rank) = ranked.get_mut(next[bucket]) {
            *rank = letters;
        }
        next[bucket] += 1;
    }
}

/// One of the three numbers is that of rare characters.
fn is_rare(trigram: usize) -> bool {
    [0, 6, 12].iter().any(|shift| trigram >> shift & usize::from(RARE) == usize::from(RARE))
}

pub fn lower(character: char) -> u32 {
    character.to_lowercase().next().unwrap_or(character).into()
}
