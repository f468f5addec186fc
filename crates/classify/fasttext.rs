//! fastText's supervised models (`.bin`, `.ftz`), read in place, with the probabilities of the reference to the last bit.
//!
//! Equal bits need its order of single-precision operations, so that is kept throughout: the rows of a line's words,
//! character n-grams and word n-grams are added one by one as they come, the sum is divided by their number, outputs
//! are dot products from the first column to the last, and a logarithm of the output plus 1e-5 is taken back by an
//! exponential (which is why a probability may exceed 1 by 1e-5). Logarithms and exponentials are those of the C
//! library, as in the reference.
//!
//! A remembered sum for each word would save most additions, but they would round differently. Remembering a word's
//! rows keeps the order, and was measured to cost more than it saves: hashing is a fifth of the time, and waiting for
//! rows the most.
//!
//! The file stays as it is, shared by all threads; beside it stand the hash table of words and the tree of labels.

mod bytes;
mod dictionary;
pub mod fixture;
mod loss;
mod matrix;
#[cfg(test)]
mod tests;
mod train;

use std::sync::Mutex;

use bytes::Bytes;
use dictionary::{Dictionary, END_OF_LINE, Token};
use document::FileBytes;
use loss::Loss;
use matrix::Matrix;
pub use train::{Example, Settings, Trained, train};

/// What every model file begins with, little-endian.
const MAGIC: i32 = 793_712_314;
/// Rows are gathered up to about this number before they are added.
const GATHERED: usize = 4096;
/// Buffers longer than this are not kept after a text.
const KEPT: usize = 1 << 18;

/// A classifier. Immutable, and what it answers depends on the text alone.
pub struct Model {
    dictionary: Dictionary,
    input: Matrix,
    output: Matrix,
    loss: Loss,
    /// Buffers that wait for the next text, one for each thread that ran at the same time.
    idle: Mutex<Vec<Buffers>>,
}

/// What one classification works in.
#[derive(Default)]
struct Buffers {
    rows: Vec<u32>,
    hashes: Vec<u32>,
    padded: Vec<u8>,
    hidden: Vec<f32>,
    outputs: Vec<f32>,
    stack: Vec<(u32, f32)>,
}

/// What a model makes of a text.
pub struct Scores<'m> {
    model: &'m Model,
    buffers: &'m mut Buffers,
    /// No word of the text has a row: the reference then names no label at all.
    is_blank: bool,
}

impl Model {
    /// Reads a model file. The error says what is wrong with it.
    pub fn read(file: FileBytes) -> Result<Model, String> {
        let mut bytes = Bytes::new(file);
        if bytes.i32("magic number")? != MAGIC {
            return Err("not a fastText model: another magic number".to_owned());
        }
        let version = bytes.i32("version")?;
        if !(11..=12).contains(&version) {
            return Err(format!("version {version} of the format; known are 11 and 12"));
        }
        let arguments = Arguments::read(&mut bytes, version)?;
        let dictionary = Dictionary::read(&mut bytes, &arguments)?;
        let is_quantised = bytes.flag("quantisation")?;
        if dictionary.is_pruned() && !is_quantised {
            return Err("a pruned dictionary needs a quantised matrix".to_owned());
        }
        let input = Matrix::read(&mut bytes, is_quantised, arguments.dim, "input matrix")?;
        let is_output_quantised = bytes.flag("quantisation of the output")? && is_quantised;
        let output = Matrix::read(&mut bytes, is_output_quantised, arguments.dim, "output matrix")?;
        bytes.end()?;
        let needed = dictionary.rows_needed();
        if (input.rows() as u64) < needed {
            return Err(format!("{} rows in the input matrix; the dictionary needs {needed}", input.rows()));
        }
        let labels = dictionary.labels.len();
        if output.rows() != labels {
            return Err(format!("{} rows in the output matrix for {labels} labels", output.rows()));
        }
        let loss = Loss::new(arguments.loss, &dictionary.label_counts)?;
        Ok(Model { dictionary, input, output, loss, idle: Mutex::default() })
    }

    /// The names of the labels without `__label__`, by number.
    pub fn labels(&self) -> &[String] {
        &self.dictionary.labels
    }

    /// The number of a label, named with or without `__label__`.
    pub fn label(&self, name: &str) -> Option<usize> {
        let name = name.strip_prefix(dictionary::LABEL_PREFIX).unwrap_or(name);
        self.labels().iter().position(|label| label == name)
    }

    /// Classifies a text as one line, whatever line feeds it has, and hands the scores to `read`.
    /// The reference stops at the first line feed, so its callers replace them; with a space, it gives the same.
    pub fn classify<T>(&self, text: &str, read: impl FnOnce(Scores<'_>) -> T) -> T {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let mut buffers = idle.unwrap_or_default();
        let n_rows = self.add_line(text.as_bytes(), &mut buffers);
        let is_blank = n_rows == 0;
        if !is_blank {
            let share = (1.0 / n_rows as f64) as f32;
            buffers.hidden.iter_mut().for_each(|value| *value *= share);
            self.loss.outputs(&self.output, &buffers.hidden, &mut buffers.outputs);
        }
        let result = read(Scores { model: self, buffers: &mut buffers, is_blank });
        buffers.hashes.shrink_to(KEPT);
        buffers.padded.shrink_to(KEPT);
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(buffers);
        }
        result
    }

    /// Sums the rows of a line into `hidden` and returns their number.
    fn add_line(&self, line: &[u8], buffers: &mut Buffers) -> u64 {
        let Buffers { rows, hashes, padded, hidden, .. } = buffers;
        hidden.clear();
        hidden.resize(self.input.columns(), 0.0);
        hashes.clear();
        rows.clear();
        let mut n_rows = 0;
        // Many rows at once: the processor then waits for several at the same time.
        let mut add = |rows: &mut Vec<u32>| {
            n_rows += rows.len() as u64;
            self.input.add_rows(rows, hidden);
            rows.clear();
        };
        let has_word_ngrams = self.dictionary.has_word_ngrams();
        let mut at = 0;
        let mut is_open = true;
        while is_open {
            // A line ends with `</s>`, as if it were written there; one in the text ends it, too.
            let word = dictionary::next_word(line, &mut at).unwrap_or(END_OF_LINE);
            is_open = word.bytes != END_OF_LINE.bytes;
            let Token::Word(id) = self.dictionary.token(word) else { continue };
            let mut next = self.dictionary.begin_word(word, id, padded, rows);
            while let Some(start) = next {
                next = self.dictionary.subwords(padded, start, GATHERED, rows);
                if next.is_some() {
                    add(rows);
                }
            }
            if rows.len() >= GATHERED {
                add(rows);
            }
            if has_word_ngrams {
                hashes.push(word.hash);
            }
        }
        let mut next = has_word_ngrams.then_some(0);
        while let Some(start) = next {
            next = self.dictionary.word_ngrams(hashes, start, GATHERED, rows);
            add(rows);
        }
        add(rows);
        n_rows
    }
}

impl Scores<'_> {
    /// The probability of a label by its number; 0 where the reference leaves the label out.
    pub fn of(&mut self, label: usize) -> f32 {
        if self.is_blank || label >= self.model.labels().len() {
            return 0.0;
        }
        let Buffers { hidden, outputs, stack, .. } = &mut *self.buffers;
        self.model.loss.probability(&self.model.output, hidden, outputs, stack, label)
    }

    /// The label with the highest probability, and that probability; of equal ones any.
    pub fn best(&mut self) -> Option<(usize, f32)> {
        if self.is_blank {
            return None;
        }
        let Buffers { hidden, outputs, stack, .. } = &mut *self.buffers;
        self.model.loss.best(&self.model.output, hidden, outputs, stack)
    }
}

/// The part of the training arguments that prediction needs.
struct Arguments {
    dim: usize,
    word_ngrams: usize,
    loss: i32,
    bucket: u32,
    minn: usize,
    maxn: usize,
}

impl Arguments {
    fn read(bytes: &mut Bytes, version: i32) -> Result<Arguments, String> {
        let mut numbers = [0; 12];
        for number in &mut numbers {
            *number = bytes.i32("arguments")?;
        }
        bytes.skip(8, "arguments")?;
        let [dim, _, _, _, _, word_ngrams, loss, model, bucket, minn, maxn, _] = numbers;
        if model != 3 {
            return Err("not a supervised model: it has word vectors, but no labels".to_owned());
        }
        let in_range = |name: &str, value: i32, range: std::ops::RangeInclusive<i32>| match range
            .contains(&value)
        {
            true => Ok(value as usize),
            false => Err(format!("{name} = {value}; it lies between {} and {}", range.start(), range.end())),
        };
        let dim = in_range("dim", dim, 1..=i32::MAX)?;
        let word_ngrams = in_range("wordNgrams", word_ngrams, 0..=1000)?;
        let minn = in_range("minn", minn, 0..=i32::MAX)?;
        // Supervised models of version 11 have no character n-grams, whatever they say.
        let maxn = in_range("maxn", if version == 11 { 0 } else { maxn }, 0..=1000)?;
        let needs_buckets = word_ngrams > 1 || maxn > 0;
        let bucket = in_range("bucket", bucket, i32::from(needs_buckets)..=i32::MAX)?;
        Ok(Arguments { dim, word_ngrams, loss, bucket: bucket as u32, minn, maxn })
    }
}
