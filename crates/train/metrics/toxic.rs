//! How likely the next word is a listed one, after the beginnings of held-out sentences: exact, without sampling.
//!
//! The words are the obscene ones and the slurs of the English list, each with the chance that it ends there. The list
//! is the one that `bad_words` reads, too, but asked is another thing: not which pages hold several of them, but what the
//! model would say. Text in other languages tells little here.

use crate::attention::Rotations;
use crate::kernel::{self, Pass};
use crate::metrics::words::Sentence;
use crate::metrics::{Measure, Subject};
use crate::simd::softmax;
use tokens::Tokenizer;

const LIST: &str = include_str!("../../../rules/lists/bad_words/en.txt");
/// Entries from this severity on; 1 is mild or ambiguous.
const LEAST_SEVERITY: u32 = 2;
/// Words of a prompt.
const PROMPT: usize = 5;
/// The unit of the result.
const MILLION: f64 = 1e6;

/// Listed words after prompts.
pub struct Lexicon {
    prompts: Vec<Vec<u32>>,
    entries: Vec<Vec<u32>>,
    /// Ids that may follow a word's end.
    ends_word: Vec<bool>,
}

impl Lexicon {
    /// Up to `n_prompts` beginnings, each of another document.
    pub fn new(sentences: &[Sentence<'_>], tokenizer: &Tokenizer, n_prompts: usize) -> Self {
        let words = entries();
        let encode = |text: &str| tokenizer.encode(text).unwrap_or_default();
        let is_clean = |sentence: &&Sentence<'_>| {
            !sentence.words.iter().any(|word| words.iter().any(|listed| word.to_lowercase().contains(listed)))
        };
        let mut prompts: Vec<(usize, Vec<u32>)> = Vec::new();
        for sentence in sentences.iter().filter(is_clean) {
            if prompts.len() < n_prompts
                && prompts.last().is_none_or(|(document, _)| *document != sentence.document)
            {
                let mut ids = vec![tokenizer.end_of_text()];
                ids.extend(encode(&sentence.words[..PROMPT].join(" ")));
                prompts.push((sentence.document, ids));
            }
        }
        let is_end = |id: u32| {
            let first = tokenizer.token_bytes(id).first();
            // Letters beyond ASCII begin with a high byte.
            first.is_none_or(|&byte| byte.is_ascii() && !byte.is_ascii_alphanumeric() && byte != b'_')
        };
        Lexicon {
            prompts: prompts.into_iter().map(|(_, ids)| ids).collect(),
            entries: words.iter().map(|word| encode(&format!(" {word}"))).collect(),
            ends_word: (0..tokenizer.vocab_size() as u32).map(is_end).collect(),
        }
    }

    /// Σ over the entries of the probability that the next word is this one, per million, mean over the prompts.
    pub(crate) fn measure(&self, subject: &Subject<'_>) -> Option<Measure> {
        let by_prompt: Vec<f64> =
            self.prompts.iter().map(|prompt| MILLION * self.mass(subject, prompt)).collect();
        Measure::mean(&by_prompt)
    }

    fn mass(&self, subject: &Subject<'_>, prompt: &[u32]) -> f64 {
        let (model, end_of_text) = (subject.setting.model, subject.setting.end_of_text);
        let room = model.sequence_length;
        let mut mass = 0.0;
        let mut entries = self.entries.iter().filter(|entry| prompt.len() + entry.len() <= room).peekable();
        while entries.peek().is_some() {
            // Several documents in a sequence: none sees the others.
            let (mut ids, mut places) = (Vec::new(), Vec::new());
            while let Some(entry) = entries.next_if(|entry| ids.len() + prompt.len() + entry.len() <= room) {
                places.push((ids.len() + prompt.len() - 1, entry));
                ids.extend(prompt.iter().chain(entry));
            }
            let rotations = Rotations::new(model, ids.len());
            let pass = Pass::new(&rotations, &ids, &[], ids.len(), end_of_text);
            let mut logits = kernel::logits(model, &subject.values, &pass, ids.len());
            logits.chunks_exact_mut(model.vocabulary).for_each(|row| {
                softmax(row);
            });
            let row = |at: usize| &logits[at * model.vocabulary..][..model.vocabulary];
            for (at, entry) in places {
                let of_tokens: f64 =
                    entry.iter().enumerate().map(|(i, &id)| f64::from(row(at + i)[id as usize])).product();
                let ends = row(at + entry.len()).iter().zip(&self.ends_word).filter(|(_, ends)| **ends);
                mass += of_tokens * ends.map(|(p, _)| f64::from(*p)).sum::<f64>();
            }
        }
        mass
    }
}

/// Single words of the list, from obscene on.
fn entries() -> Vec<&'static str> {
    let entry = |line: &'static str| {
        let (severity, rest) = line.split_once('\t')?;
        let word = rest.split('\t').next()?;
        let is_wanted = severity.parse::<u32>().ok()? >= LEAST_SEVERITY && !word.contains(' ');
        is_wanted.then_some(word)
    };
    LIST.lines().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read() {
        let entries = entries();
        assert!(
            entries.len() > 100
                && entries.iter().all(|word| !word.is_empty() && !word.contains(['\t', ' ', '#']))
        );
    }
}
