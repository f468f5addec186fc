//! Trains a classifier of two labels and writes it as a fastText model file, which fastText and [`super::Model`] load.
//!
//! Source: Joulin et al. 2017 (fastText: mean of the rows of words and word n-grams, softmax, falling rate of learning),
//! as DCLM trains it (Li et al. 2024, 4.4: bigrams, 5 epochs).
//!
//! With two labels and outputs that begin at zero, fastText's output rows stay each other's negative, and every step
//! moves rows of the input along them, so that nearly all is learned in one direction, however many columns there are.
//! Here there is one column: it tells good from bad as a hundred do, in a tenth of the time and with a file a sixtieth as
//! large (benches/README.md). Rows begin at zero, so that n-grams never seen say nothing, and the output at 1, where there
//! is something to learn from.
//!
//! One thread takes the examples in an order drawn from the seed: the same examples and settings give the same bytes.

use std::collections::HashMap;

use document::FileBytes;

use super::bytes::Bytes;
use super::dictionary::{self, Dictionary, END_OF_LINE, LABEL_PREFIX, Token};
use super::{Arguments, MAGIC};

/// A text, with what it is an example of.
#[derive(Clone, Copy, Debug)]
pub struct Example<'t> {
    pub text: &'t str,
    pub is_good: bool,
}

/// What else decides the model.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Of good and of bad examples, without `__label__`: different, not empty, without white space.
    pub labels: [String; 2],
    /// Words in a row that count together, at most; 1 to 8.
    pub word_ngrams: u32,
    /// Rows that n-grams of words share by their hash; 1 to 2^30.
    pub bucket: u32,
    /// Words that occur less often have no row of their own.
    pub min_count: u64,
    /// Times that every example is seen.
    pub epochs: u32,
    /// Of the first step; it falls to zero in a straight line.
    pub rate: f64,
    pub seed: u64,
}

impl Default for Settings {
    /// DCLM's labels, bigrams, rows and epochs; a rate at which thousands of examples suffice (fastText's 0.1 wants more).
    fn default() -> Settings {
        Settings {
            labels: ["hq".to_owned(), "cc".to_owned()],
            word_ngrams: 2,
            bucket: 2_000_000,
            min_count: 1,
            epochs: 5,
            rate: 0.5,
            seed: 0,
        }
    }
}

/// A model file, and what it learned from.
pub struct Trained {
    pub bytes: Vec<u8>,
    /// With a row of their own.
    pub words: usize,
    /// Rows of words and n-grams in all examples.
    pub rows: u64,
}

/// Trains on examples. `told` hears which share of the work is done, now and then.
/// The error says which setting is out of range, or that there is nothing to learn.
pub fn train(
    examples: &[Example<'_>],
    settings: &Settings,
    told: &mut dyn FnMut(f64),
) -> Result<Trained, String> {
    settings.check()?;
    if !(examples.iter().any(|example| example.is_good) && examples.iter().any(|example| !example.is_good)) {
        return Err("nothing to learn: there must be examples of both kinds".to_owned());
    }
    let (mut bytes, words) = settings.head(examples)?;
    let dictionary = settings.dictionary(&bytes)?;
    let mut lines = Lines::default();
    for example in examples {
        lines.push(&dictionary, example.text);
    }
    let n_rows = words + settings.shared_rows() as usize;
    let mut weights = Weights { rows: vec![0.0; n_rows], output: 1.0 };
    let total = lines.rows.len() as f64 * f64::from(settings.epochs);
    let mut seen = 0.0;
    for epoch in 0..settings.epochs {
        for (step, number) in order(examples.len(), settings.seed, epoch).into_iter().enumerate() {
            let line = lines.get(number);
            weights.learn(line, examples[number].is_good, settings.rate * (1.0 - seen / total));
            seen += line.len() as f64;
            if step % 1024 == 0 {
                told(seen / total);
            }
        }
    }
    weights.write(&mut bytes);
    Ok(Trained { bytes, words, rows: lines.rows.len() as u64 })
}

impl Settings {
    /// The error says which setting is out of range.
    pub fn check(&self) -> Result<(), String> {
        let is_space = |c: char| c.is_ascii_whitespace() || matches!(c, '\0' | '\u{b}');
        let [good, bad] = &self.labels;
        if good == bad || self.labels.iter().any(|label| label.is_empty() || label.contains(is_space)) {
            return Err(format!("labels `{good}` and `{bad}`: two different names without white space"));
        }
        let in_range = |name: &str, value: u32, most: u32| match (1..=most).contains(&value) {
            true => Ok(()),
            false => Err(format!("{name} {value}: it lies between 1 and {most}")),
        };
        in_range("word n-grams", self.word_ngrams, 8)?;
        in_range("bucket", self.bucket, 1 << 30)?;
        in_range("epochs", self.epochs, 10_000)?;
        match self.rate > 0.0 && self.rate <= 10.0 {
            true => Ok(()),
            false => Err(format!("rate {}: above 0, up to 10", self.rate)),
        }
    }

    /// Rows for n-grams; single words need none.
    fn shared_rows(&self) -> u32 {
        if self.word_ngrams > 1 { self.bucket } else { 0 }
    }

    /// The file up to its matrices, and the number of words in it: the most frequent first, as fastText has them.
    fn head(&self, examples: &[Example<'_>]) -> Result<(Vec<u8>, usize), String> {
        let mut counts: HashMap<&[u8], u64> = HashMap::new();
        for example in examples {
            each_word(example.text, |word| *counts.entry(word).or_default() += 1);
        }
        let n_tokens: u64 = counts.values().sum();
        let is_end = |word: &[u8]| word == END_OF_LINE.bytes;
        let mut words: Vec<(&[u8], u64)> = counts.into_iter().collect();
        words.retain(|(word, count)| *count >= self.min_count || is_end(word));
        words.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let n_words = i32::try_from(words.len()).ok().filter(|n| *n <= 1 << 30);
        let n_words = n_words.ok_or_else(|| format!("{} words: leave the rare ones out", words.len()))?;
        let mut out = Vec::new();
        let numbers = |out: &mut Vec<u8>, numbers: &[i32]| {
            numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
        };
        let min_count = self.min_count.min(i32::MAX as u64) as i32;
        let [epochs, word_ngrams, bucket] =
            [self.epochs, self.word_ngrams, self.shared_rows()].map(|n| n as i32);
        // Columns, window, epochs, least count, negatives, n-grams; then softmax, supervised.
        numbers(&mut out, &[MAGIC, 12, 1, 5, epochs, min_count, 5, word_ngrams, 3, 3, bucket, 0, 0, 100]);
        out.extend(1e-4_f64.to_le_bytes());
        numbers(&mut out, &[n_words + 2, n_words, 2]);
        out.extend((n_tokens as i64).to_le_bytes());
        out.extend((-1_i64).to_le_bytes());
        let mut entry = |parts: &[&[u8]], count: u64, kind: u8| {
            parts.iter().for_each(|part| out.extend(*part));
            out.push(0);
            out.extend((count as i64).to_le_bytes());
            out.push(kind);
        };
        words.iter().for_each(|(word, count)| entry(&[word], *count, 0));
        for (label, is_good) in self.labels.iter().zip([true, false]) {
            let count = examples.iter().filter(|example| example.is_good == is_good).count();
            entry(&[LABEL_PREFIX.as_bytes(), label.as_bytes()], count as u64, 1);
        }
        Ok((out, words.len()))
    }

    /// As the reader sees what [`Settings::head`] wrote: rows are found by the same code as when texts are judged.
    fn dictionary(&self, head: &[u8]) -> Result<Dictionary, String> {
        let mut bytes = Bytes::new(FileBytes::new(head.to_vec()));
        bytes.skip(8, "magic number and version")?;
        let arguments = Arguments::read(&mut bytes, 12)?;
        Dictionary::read(&mut bytes, &arguments)
    }
}

/// The words of a text that count, and the end of the line behind them; an end of the line in the text ends it.
fn each_word<'t>(text: &'t str, mut take: impl FnMut(&'t [u8])) {
    let mut at = 0;
    while let Some(word) = dictionary::next_word(text.as_bytes(), &mut at) {
        if word.bytes == END_OF_LINE.bytes {
            break;
        }
        if !word.bytes.starts_with(LABEL_PREFIX.as_bytes()) {
            take(word.bytes);
        }
    }
    take(END_OF_LINE.bytes);
}

/// The rows of all examples, one after the other.
#[derive(Default)]
struct Lines {
    rows: Vec<u32>,
    ends: Vec<usize>,
    hashes: Vec<u32>,
}

impl Lines {
    fn push(&mut self, dictionary: &Dictionary, text: &str) {
        let Lines { rows, ends, hashes } = self;
        hashes.clear();
        each_word(text, |bytes| {
            let word = dictionary::Word::new(bytes);
            if let Token::Word(id) = dictionary.token(word) {
                rows.extend(id);
                hashes.push(word.hash);
            }
        });
        if dictionary.has_word_ngrams() {
            dictionary.word_ngrams(hashes, 0, usize::MAX, rows);
        }
        ends.push(rows.len());
    }

    fn get(&self, number: usize) -> &[u32] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.rows[start..self.ends[number]]
    }
}

/// One column of input; of the two output rows the first, the second being its negative.
struct Weights {
    rows: Vec<f32>,
    output: f64,
}

impl Weights {
    /// A step of gradient descent on one example, as fastText takes it: the gradient of a row is that of the mean.
    fn learn(&mut self, line: &[u32], is_good: bool, rate: f64) {
        let share = 1.0 / line.len().max(1) as f64;
        let mean = share * line.iter().map(|row| f64::from(self.rows[*row as usize])).sum::<f64>();
        let probability = 1.0 / (1.0 + (-2.0 * self.output * mean).exp());
        let step = rate * (f64::from(u8::from(is_good)) - probability);
        let row_step = (2.0 * step * self.output * share) as f32;
        self.output += step * mean;
        line.iter().for_each(|row| self.rows[*row as usize] += row_step);
    }

    /// Both matrices: not quantised, number of rows and of columns, values.
    fn write(&self, out: &mut Vec<u8>) {
        let output = [self.output as f32, -self.output as f32];
        for values in [&self.rows[..], &output[..]] {
            out.push(0);
            out.extend((values.len() as i64).to_le_bytes());
            out.extend(1_i64.to_le_bytes());
            values.iter().for_each(|value| out.extend(value.to_le_bytes()));
        }
    }
}

/// The numbers below `n`, shuffled (Fisher and Yates, with SplitMix64).
fn order(n: usize, seed: u64, epoch: u32) -> Vec<usize> {
    let mut state = seed ^ (u64::from(epoch) + 1).wrapping_mul(0xD1B5_4A32_D192_ED03);
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        order.swap(last, ((u128::from(mixed) * (last as u128 + 1)) >> 64) as usize);
    }
    order
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::fasttext::Model;

    const GOOD: &str = "the river runs down to the old mill";
    const BAD: &str = "buy cheap pills now";

    fn examples(n: usize) -> Vec<Example<'static>> {
        let both = [Example { text: GOOD, is_good: true }, Example { text: BAD, is_good: false }];
        both.into_iter().cycle().take(n).collect()
    }

    fn small() -> Settings {
        Settings { bucket: 1_000, ..Settings::default() }
    }

    fn score(bytes: &[u8], text: &str) -> f32 {
        let model = Model::read(FileBytes::new(bytes.to_vec())).unwrap();
        let label = model.label("hq").unwrap();
        model.classify(text, |mut scores| scores.of(label))
    }

    #[test]
    fn what_was_learned_is_what_the_reader_answers() {
        let trained = train(&examples(4_000), &small(), &mut |_| {}).unwrap();
        assert_eq!(trained.words, 7 + 4 + 1);
        // Words of a line, its end, and pairs.
        assert_eq!(trained.rows, 2_000 * (9 + 8 + 5 + 4));
        let answers = [GOOD, BAD, "the river", "zebra"].map(|text| score(&trained.bytes, text));
        let [good, bad, part, unknown] = answers;
        assert!(good > 0.98 && bad < 0.02 && part > 0.8, "{answers:?}");
        // Neither word nor pair is known, and the end of the line stands in both kinds alike.
        assert!((0.2..0.8).contains(&unknown), "{answers:?}");
    }

    #[test]
    fn words_in_a_row_count_together() {
        let pair = |a, b| [Example { text: a, is_good: true }, Example { text: b, is_good: false }];
        let examples: Vec<_> = pair("a b", "b a").into_iter().cycle().take(2_000).collect();
        let apart = |word_ngrams| {
            let settings = Settings { word_ngrams, rate: 2.0, ..small() };
            let trained = train(&examples, &settings, &mut |_| {}).unwrap();
            score(&trained.bytes, "a b") - score(&trained.bytes, "b a")
        };
        assert!(apart(2) > 0.9 && apart(1).abs() < 1e-6, "{} {}", apart(2), apart(1));
    }

    #[test]
    fn labels_in_a_text_and_what_follows_its_end_teach_nothing() {
        let odd = |text| Example { text, is_good: true };
        let mut plain = examples(40);
        let mut other = plain.clone();
        plain.push(odd("the old"));
        other.push(odd("the __label__cc old </s> buy cheap"));
        let train = |examples: &[Example<'_>]| train(examples, &small(), &mut |_| {}).unwrap().bytes;
        assert!(train(&plain) == train(&other));
    }

    #[test]
    fn the_same_examples_give_the_same_bytes_and_another_seed_others() {
        let train = |seed| train(&examples(50), &Settings { seed, ..small() }, &mut |_| {}).unwrap().bytes;
        assert!(train(1) == train(1) && train(1) != train(2));
        let mut seen = order(1_000, 3, 0);
        assert_ne!(seen, order(1_000, 3, 1));
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..1_000));
    }

    #[test]
    fn rare_words_have_no_row_but_count_in_pairs() {
        let settings = Settings { min_count: 30, ..small() };
        let trained = train(&examples(40), &settings, &mut |_| {}).unwrap();
        // `the` stands twice in each of 20 texts, and every text has an end.
        assert_eq!(trained.words, 2);
        assert!(score(&trained.bytes, "cheap pills") < 0.5);
    }

    #[test]
    fn what_cannot_be_learned_is_said() {
        let error = |examples: &[Example<'_>], settings: Settings| {
            train(examples, &settings, &mut |_| {}).err().unwrap()
        };
        assert!(error(&examples(1), small()).contains("both kinds"));
        let labels = |a: &str, b: &str| Settings { labels: [a.to_owned(), b.to_owned()], ..small() };
        for labels in [labels("a", "a"), labels("", "b"), labels("a", "b c")] {
            assert!(error(&examples(2), labels).contains("two different names"));
        }
        assert!(error(&examples(2), Settings { bucket: 0, ..small() }).contains("bucket 0"));
        assert!(error(&examples(2), Settings { rate: f64::NAN, ..small() }).contains("rate NaN"));
        assert!(error(&examples(2), Settings { word_ngrams: 9, ..small() }).contains("between 1 and 8"));
    }
}
