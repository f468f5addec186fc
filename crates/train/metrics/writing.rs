//! What a model writes by itself, from nothing, at temperature 1: does it repeat itself as people do not, and in which
//! language is it?
//!
//! Repetition is held against the same statistics of held-out text (Holtzman et al. 2020): closer is better, not less.

use crate::arms::PIECE_START;
use crate::eval::EvalSet;
use crate::metrics::decode::write;
use crate::metrics::words::Vocabulary;
use crate::metrics::{Measure, NameLanguage, Subject};
use std::collections::{BTreeMap, HashSet};
use tokens::Tokenizer;

/// Tokens of a text, at most.
const LENGTH: usize = 128;
/// Held-out texts that repetition is held against.
const HELDOUT: usize = 256;
/// A text with fewer letters has no language; one that a smaller share of held-out texts has is not wanted.
const FEWEST_LETTERS: usize = 40;
const WANTED_SHARE: f64 = 0.05;

/// What held-out text looks like.
pub struct Habits {
    n_texts: usize,
    /// Of `repetition`, in its order.
    usual: Vec<Option<Measure>>,
    script: Option<Script>,
    function_words: HashSet<String>,
    usual_function_words: Option<f64>,
    wanted: Vec<&'static str>,
    name_language: Option<NameLanguage>,
}

/// Metrics by name.
type Named = Vec<(String, Option<Measure>)>;

impl Habits {
    pub fn new(
        set: &EvalSet,
        texts: &[String],
        vocabulary: &Vocabulary,
        tokenizer: &Tokenizer,
        n_texts: usize,
        name_language: Option<NameLanguage>,
    ) -> Self {
        let heldout = set.documents.iter().take(HELDOUT).map(|d| {
            d.ids[1..d.ids.len().min(LENGTH + 1)].iter().map(|id| id & !PIECE_START).collect::<Vec<u32>>()
        });
        let heldout: Vec<Vec<u32>> = heldout.collect();
        let usual = repetition(&heldout, tokenizer).into_iter().map(|(_, measure)| measure).collect();
        let mut scripts: BTreeMap<Script, usize> = BTreeMap::new();
        for script in texts.iter().flat_map(|text| text.chars()).filter_map(Script::of) {
            *scripts.entry(script).or_default() += 1;
        }
        let mut languages: BTreeMap<&'static str, usize> = BTreeMap::new();
        for language in texts.iter().filter_map(|text| name_language?(text)) {
            *languages.entry(language).or_default() += 1;
        }
        let n_named = languages.values().sum::<usize>() as f64;
        let is_wanted = |(_, n): &(&str, usize)| *n as f64 >= WANTED_SHARE * n_named;
        let all = vocabulary.words().iter().filter(|word| vocabulary.is_function_word(word));
        let function_words: HashSet<String> = all.cloned().collect();
        let shares: Vec<(f64, f64)> =
            texts.iter().map(|text| share_of_words(text, &function_words)).collect();
        Habits {
            n_texts,
            usual,
            script: scripts.into_iter().max_by_key(|(_, n)| *n).map(|(script, _)| script),
            usual_function_words: Measure::ratio(&shares).map(|measure| measure.value),
            function_words,
            wanted: languages.into_iter().filter(is_wanted).map(|(language, _)| language).collect(),
            name_language,
        }
    }

    /// How the texts that the model writes repeat themselves, and how far their language is the held-out text's.
    pub(crate) fn measure(&self, subject: &Subject<'_>, seed: u32, tokenizer: &Tokenizer) -> (Named, Named) {
        let (model, end_of_text) = (subject.setting.model, subject.setting.end_of_text);
        let written = write(model, &subject.values, end_of_text, (self.n_texts, LENGTH), u64::from(seed));
        let texts: Vec<String> = written
            .iter()
            .map(|ids| String::from_utf8_lossy(&tokenizer.decode_bytes(ids)).into_owned())
            .collect();
        (self.against_usual(repetition(&written, tokenizer)), self.purity(&texts))
    }

    /// Adds what is usual, and the mean distance to it.
    fn against_usual(&self, mut found: Named) -> Named {
        let mut distances = Vec::new();
        for ((_, measure), usual) in found.iter_mut().zip(&self.usual) {
            if let (Some(measure), Some(usual)) = (measure, usual) {
                measure.heldout = Some(usual.value);
                distances.push((measure.value - usual.value).abs());
            }
        }
        let distance = (!distances.is_empty()).then(|| Measure::whole(crate::statistics::mean(&distances)));
        found.push(("distance".to_owned(), distance));
        found
    }

    fn purity(&self, texts: &[String]) -> Named {
        let in_script = |text: &String| {
            let scripts: Vec<Script> = text.chars().filter_map(Script::of).collect();
            let own = scripts.iter().filter(|script| Some(**script) == self.script).count();
            (own as f64, scripts.len() as f64)
        };
        let scripts: Vec<(f64, f64)> = texts.iter().map(in_script).collect();
        let words: Vec<(f64, f64)> =
            texts.iter().map(|text| share_of_words(text, &self.function_words)).collect();
        let mut function_words = Measure::ratio(&words);
        if let Some(measure) = &mut function_words {
            measure.heldout = self.usual_function_words;
        }
        let long =
            texts.iter().filter(|text| text.chars().filter(|c| c.is_alphabetic()).count() >= FEWEST_LETTERS);
        let is_wanted = |text: &String| {
            let language = self.name_language.and_then(|name| name(text));
            f64::from(language.is_some_and(|language| self.wanted.contains(&language)))
        };
        let languages: Vec<f64> =
            if self.wanted.is_empty() { Vec::new() } else { long.map(is_wanted).collect() };
        vec![
            ("language".to_owned(), Measure::mean(&languages)),
            ("script".to_owned(), Measure::ratio(&scripts)),
            ("function_words".to_owned(), function_words),
        ]
    }
}

/// Shares of runs of four tokens that the text had before, of different pairs of tokens, of lines that it had before.
fn repetition(texts: &[Vec<u32>], tokenizer: &Tokenizer) -> Named {
    let grams = |n: usize, is_new: bool| {
        let count = |text: &Vec<u32>| {
            let n_grams = text.windows(n).len();
            let n_different = text.windows(n).collect::<HashSet<_>>().len();
            let n_counted = if is_new { n_different } else { n_grams - n_different };
            (n_counted as f64, n_grams as f64)
        };
        Measure::ratio(&texts.iter().map(count).collect::<Vec<_>>())
    };
    let lines = |text: &Vec<u32>| {
        let text = String::from_utf8_lossy(&tokenizer.decode_bytes(text)).into_owned();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let n_different = lines.iter().collect::<HashSet<_>>().len();
        ((lines.len() - n_different) as f64, lines.len() as f64)
    };
    vec![
        ("rep_4".to_owned(), grams(4, false)),
        ("distinct_2".to_owned(), grams(2, true)),
        ("repeated_lines".to_owned(), Measure::ratio(&texts.iter().map(lines).collect::<Vec<_>>())),
    ]
}

/// Words of a set, and all words.
fn share_of_words(text: &str, set: &HashSet<String>) -> (f64, f64) {
    let words =
        text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase());
    let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    (words.iter().filter(|word| set.contains(*word)).count() as f64, words.len() as f64)
}

/// Writing systems, as far as they tell wanted text from other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Hebrew,
    Arabic,
    Indic,
    Thai,
    Hangul,
    Kana,
    Han,
    Other,
}

impl Script {
    /// Of letters alone; by Unicode's blocks.
    fn of(c: char) -> Option<Script> {
        c.is_alphabetic().then_some(match u32::from(c) {
            0..0x250 | 0x1e00..0x1f00 => Script::Latin,
            0x370..0x400 | 0x1f00..0x2000 => Script::Greek,
            0x400..0x530 => Script::Cyrillic,
            0x590..0x600 => Script::Hebrew,
            0x600..0x780 => Script::Arabic,
            0x900..0xe00 => Script::Indic,
            0xe00..0xe80 => Script::Thai,
            0x1100..0x1200 | 0xac00..0xd7b0 => Script::Hangul,
            0x3040..0x3100 => Script::Kana,
            0x3400..0xa000 => Script::Han,
            _ => Script::Other,
        })
    }
}
