//! The different characters of a text.

/// How often each character stands in a text. Keeps its allocations.
pub struct Characters {
    /// By character; all 0 between texts.
    counts: Vec<u32>,
    /// In the order in which they appear.
    seen: Vec<(char, u32)>,
    /// Each letter of the text and its lower case.
    cases: Vec<(char, char)>,
    /// The letters in lower case, in order.
    letters: Vec<(char, u32)>,
}

impl Default for Characters {
    fn default() -> Self {
        let counts = vec![0; 1 + char::MAX as usize];
        Characters { counts, seen: Vec::new(), cases: Vec::new(), letters: Vec::new() }
    }
}

impl Characters {
    pub fn count(&mut self, text: &str) {
        self.seen.clear();
        for character in text.chars() {
            let count = &mut self.counts[character as usize];
            if *count == 0 {
                self.seen.push((character, 0));
            }
            *count += 1;
        }
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
