//! The most frequent trigrams of a text, exactly, in one pass over it.
//!
//! The 62 most frequent different letters get a number of six bits each, in their order, so that three of them are the
//! address of a counter. Trigrams with a rarer letter are gathered in a list and sorted.

use super::characters::{CHARACTERS, Characters, each};
use super::profiles::pack;

/// Trigrams that count.
const MOST: usize = 600;
/// The number of all letters that have none of their own; 0 is that of whatever is no letter.
const RARE: u8 = 63;
const COUNTERS: usize = 1 << 18;
/// Counts from here on are sorted, lower ones only told apart.
const HIGH: usize = 127;
/// Rare trigrams whose space is kept from text to text.
const KEPT: usize = 1 << 18;

pub struct Trigrams {
    /// By character.
    numbers: Vec<u8>,
    /// By number: the letter in lower case, a space for 0.
    letters: Vec<char>,
    /// All 0 between texts.
    counts: Vec<u32>,
    /// Addresses of the counters that are not 0.
    used: Vec<u32>,
    /// A bit for each counter, and a bit for each 64 of those bits. All 0 between texts.
    marks: Vec<u64>,
    groups: [u64; COUNTERS / 64 / 64],
    /// Trigrams with a rare letter as often as they appear, then once with their counts.
    rare: Vec<u64>,
    rare_counts: Vec<(u64, u32)>,
    frequent: Vec<(u32, char)>,
    high: Vec<(u32, u64)>,
    ranked: Vec<u64>,
}

impl Default for Trigrams {
    fn default() -> Self {
        Trigrams {
            numbers: vec![0; CHARACTERS],
            letters: Vec::new(),
            counts: vec![0; COUNTERS],
            used: vec![0; COUNTERS + 1],
            marks: vec![0; COUNTERS / 64],
            groups: [0; COUNTERS / 64 / 64],
            rare: Vec::new(),
            rare_counts: Vec::new(),
            frequent: Vec::new(),
            high: Vec::new(),
            ranked: Vec::new(),
        }
    }
}

impl Trigrams {
    /// At most 600, packed, the most frequent first, of equally frequent ones the last in the order of characters.
    pub fn rank(&mut self, text: &str, characters: &Characters) -> &[u64] {
        self.number(characters);
        let used = match characters.letters().len() >= self.letters.len() {
            false => self.count(text),
            true => self.count_with_rare(text),
        };
        self.rank_counted(used);
        &self.ranked
    }

    /// Gives the letters their numbers.
    fn number(&mut self, characters: &Characters) {
        let all = characters.letters();
        self.letters.clear();
        self.letters.push(' ');
        if all.len() < usize::from(RARE) {
            self.letters.extend(all.iter().map(|&(letter, _)| letter));
        } else {
            self.frequent.clear();
            self.frequent.extend(all.iter().map(|&(letter, count)| (count, letter)));
            self.frequent.select_nth_unstable_by(usize::from(RARE) - 1, |one, other| other.cmp(one));
            self.frequent.truncate(usize::from(RARE) - 1);
            self.frequent.sort_unstable_by_key(|&(_, letter)| letter);
            self.letters.extend(self.frequent.iter().map(|&(_, letter)| letter));
            all.iter().for_each(|&(letter, _)| self.numbers[letter as usize] = RARE);
        }
        for (number, &letter) in (0_u8..).zip(&self.letters).skip(1) {
            self.numbers[letter as usize] = number;
        }
        for &(character, lower) in characters.cases() {
            self.numbers[character as usize] = self.numbers[lower as usize];
        }
    }

    /// Counts the trigrams of a text without rare letters; how many are used.
    fn count(&mut self, text: &str) -> usize {
        let Some(numbers) = self.numbers.first_chunk::<CHARACTERS>() else { return 0 };
        let Some(counts) = self.counts.first_chunk_mut::<COUNTERS>() else { return 0 };
        let mut counter = Counter { first: 0, second: 0, counts, used: &mut self.used, count: 0 };
        each(
            text,
            &mut counter,
            |counter, byte| counter.push(numbers[usize::from(byte)]),
            |counter, character| counter.push(numbers[character as usize]),
        );
        counter.push(0);
        counter.count
    }

    /// The same for any text.
    fn count_with_rare(&mut self, text: &str) -> usize {
        let (mut trigram, mut letters, mut used) = (0, pack(' ', ' ', ' '), 0);
        for character in text.chars().chain([' ']) {
            let number = self.numbers[character as usize];
            let letter = match number {
                RARE => character.to_lowercase().next().unwrap_or(character),
                number => self.letters[usize::from(number)],
            };
            trigram = (trigram << 6 | usize::from(number)) % COUNTERS;
            letters = (letters << 21 | u64::from(letter)) % (1 << 63);
            if [0, 6, 12].iter().any(|shift| trigram >> shift & usize::from(RARE) == usize::from(RARE)) {
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
        // Neither three spaces are a trigram nor a letter beside two.
        for letter in 0..self.letters.len() {
            self.counts[letter] = 0;
            self.counts[letter << 12] = 0;
        }
        self.count_rare();
        // Four by turns: a counter that was just written is slow to read.
        let mut totals = [[0_u32; HIGH + 1]; 4];
        for (turn, &trigram) in self.used[..used].iter().enumerate() {
            totals[turn % 4][HIGH.min(self.counts[trigram as usize] as usize)] += 1;
        }
        for &(_, count) in &self.rare_counts {
            totals[0][HIGH.min(count as usize)] += 1;
        }
        // The rank at which the trigrams of each count begin, down to the least count that is ranked.
        let mut ranks = [0_usize; HIGH + 1];
        let (mut least, mut rank) = (HIGH + 1, 0);
        while least > 1 && rank < MOST {
            least -= 1;
            ranks[least] = rank;
            rank += totals.iter().map(|totals| totals[least] as usize).sum::<usize>();
        }
        for &trigram in &self.used[..used] {
            let count = &mut self.counts[trigram as usize];
            let is_ranked = u64::from(*count as usize >= least);
            *count *= is_ranked as u32;
            let group = trigram as usize / 64;
            self.marks[group] |= is_ranked << (trigram % 64);
            self.groups[group / 64] |= is_ranked << (group % 64);
        }
        self.ranked.clear();
        self.ranked.resize(rank.min(MOST), 0);
        self.high.clear();
        let mut place = |trigram: u64, count: usize| {
            let bucket = HIGH.min(count);
            if bucket == HIGH {
                self.high.push((count as u32, trigram));
            } else if bucket >= least {
                if let Some(ranked) = self.ranked.get_mut(ranks[bucket]) {
                    *ranked = trigram;
                }
                ranks[bucket] += 1;
            }
        };
        let mut rare = self.rare_counts.iter().peekable();
        for outer in (0..self.groups.len()).rev() {
            while self.groups[outer] != 0 {
                let group = outer * 64 + take_highest(&mut self.groups[outer]);
                while self.marks[group] != 0 {
                    let at = group * 64 + take_highest(&mut self.marks[group]);
                    let count = std::mem::take(&mut self.counts[at]);
                    let [one, two, three] = [at >> 12, at >> 6, at].map(|number| self.letters[number % 64]);
                    let trigram = pack(one, two, three);
                    while let Some(&(trigram, count)) = rare.next_if(|rare| rare.0 > trigram) {
                        place(trigram, count as usize);
                    }
                    place(trigram, count as usize);
                }
            }
        }
        rare.for_each(|&(trigram, count)| place(trigram, count as usize));
        self.high.sort_unstable_by(|one, other| other.cmp(one));
        self.ranked.iter_mut().zip(&self.high).for_each(|(ranked, high)| *ranked = high.1);
    }

    /// Counts of the rare trigrams, the last in the order of characters first.
    fn count_rare(&mut self) {
        self.rare.sort_unstable_by(|one, other| other.cmp(one));
        self.rare_counts.clear();
        let same = self.rare.chunk_by(|one, other| one == other);
        // A rare letter beside two spaces is no trigram.
        let same = same
            .filter(|same| ![0, 21].iter().any(|shift| same[0] >> shift & SPACES == pack('\0', ' ', ' ')));
        self.rare_counts.extend(same.map(|same| (same[0], same.len() as u32)));
        self.rare.clear();
        self.rare.shrink_to(KEPT);
    }
}

/// Two packed characters.
const SPACES: u64 = (1 << 42) - 1;

/// Takes the highest bit.
fn take_highest(bits: &mut u64) -> usize {
    let highest = bits.ilog2();
    *bits ^= 1 << highest;
    highest as usize
}

/// Counts the trigrams of numbers that come one by one.
struct Counter<'a> {
    first: usize,
    second: usize,
    counts: &'a mut [u32; COUNTERS],
    used: &'a mut [u32],
    count: usize,
}

impl Counter<'_> {
    #[inline(always)]
    fn push(&mut self, number: u8) {
        let third = usize::from(number);
        let trigram = (self.first << 12 | self.second << 6 | third) % COUNTERS;
        self.used[self.count] = trigram as u32;
        self.count += usize::from(self.counts[trigram] == 0);
        self.counts[trigram] += 1;
        (self.first, self.second) = (self.second, third);
    }
}
