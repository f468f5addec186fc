//! The different characters of a text.

/// Of Unicode.
pub const CHARACTERS: usize = 1 + char::MAX as usize;

/// Hands over the characters in order, most of ASCII eight at a time.
#[inline(always)]
pub fn each<S>(text: &str, state: &mut S, ascii: impl Fn(&mut S, u8), other: impl Fn(&mut S, char)) {
    let mut rest = text;
    while !rest.is_empty() {
        while let Some(eight) = rest.as_bytes().first_chunk::<8>()
            && eight.is_ascii()
        {
            eight.iter().for_each(|&byte| ascii(state, byte));
            rest = &rest[8..];
        }
        let mut characters = rest.chars();
        for character in characters.by_ref().take(8) {
            match u8::try_from(character) {
                Ok(byte) if byte.is_ascii() => ascii(state, byte),
                _ => other(state, character),
            }
        }
        rest = characters.as_str();
    }
}

/// How often each character stands in a text. Keeps its allocations.
pub struct Characters {
    /// By character; all 0 between texts.
    counts: Vec<u32>,
    /// Each different character and its count.
    seen: Vec<(char, u32)>,
    /// Each letter of the text and its lower case.
    cases: Vec<(char, char)>,
    /// The letters in lower case, in order.
    letters: Vec<(char, u32)>,
}

impl Default for Characters {
    fn default() -> Self {
        let counts = vec![0; CHARACTERS];
        Characters { counts, seen: Vec::new(), cases: Vec::new(), letters: Vec::new() }
    }
}

impl Characters {
    pub fn count(&mut self, text: &str) {
        let Some(counts) = self.counts.first_chunk_mut::<CHARACTERS>() else { return };
        self.seen.clear();
        each(
            text,
            &mut (counts, &mut self.seen),
            |(counts, _), byte| counts[usize::from(byte)] += 1,
            |(counts, seen), character| {
                let count = &mut counts[character as usize];
                if *count == 0 {
                    seen.push((character, 0));
                }
                *count += 1;
            },
        );
        self.seen
            .extend(('\0'..='\x7F').filter(|byte| self.counts[*byte as usize] > 0).map(|byte| (byte, 0)));
        for (character, count) in &mut self.seen {
            *count = std::mem::take(&mut self.counts[*character as usize]);
        }
    }

    /// Each different character and its count.
    pub fn seen(&self) -> &[(char, u32)] {
        &self.seen
    }

    /// Whether lower case is more than another character for some: a sigma's depends on its place in the word, and a
    /// capital I with a dot becomes two characters.
    pub fn is_special(&self) -> bool {
        self.seen.iter().any(|(character, _)| matches!(character, 'Σ' | 'İ'))
    }

    pub fn lower(&mut self) {
        self.cases.clear();
        self.letters.clear();
        for &(character, count) in self.seen.iter().filter(|(character, _)| is_letter(*character)) {
            let lower = character.to_lowercase().next().unwrap_or(character);
            self.cases.push((character, lower));
            self.letters.push((lower, count));
        }
        self.letters.sort_unstable();
        self.letters.dedup_by(|next, first| {
            let is_same = next.0 == first.0;
            first.1 += if is_same { next.1 } else { 0 };
            is_same
        });
    }

    /// Each letter of the text and its lower case.
    pub fn cases(&self) -> &[(char, char)] {
        &self.cases
    }

    /// The different letters in lower case and their counts, in order.
    pub fn letters(&self) -> &[(char, u32)] {
        &self.letters
    }
}

/// Neither a control, a space, a digit nor punctuation of ASCII: what whatlang looks at.
fn is_letter(character: char) -> bool {
    character.is_ascii_alphabetic() || character >= '\u{7F}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lower_case_is_one_letter_and_lower_case_itself() {
        for character in ('\0'..=char::MAX).filter(|character| *character != 'İ') {
            let lower: Vec<char> = character.to_lowercase().collect();
            assert_eq!(lower[0].to_lowercase().collect::<Vec<_>>(), lower, "{character:?}");
            assert!(lower.len() == 1 && is_letter(character) == is_letter(lower[0]), "{character:?}");
        }
    }
}
