//! Model files written by hand, for tests.

/// What a small model file holds; [`Parts::bytes`] writes it.
#[derive(Clone, Debug)]
pub struct Parts {
    pub dim: usize,
    pub word_ngrams: i32,
    /// 1 hierarchical softmax, 2 negative sampling, 3 softmax, 4 one against all.
    pub loss: i32,
    pub bucket: i32,
    pub minn: i32,
    pub maxn: i32,
    pub words: Vec<&'static str>,
    /// Labels with their counts.
    pub labels: Vec<(&'static str, i64)>,
    /// Buckets with a row, of a pruned dictionary.
    pub kept: Option<Vec<(i32, i32)>>,
    pub is_quantised: bool,
    /// Row by row. Where quantised, every value must be a whole number from 0 to 255.
    pub input: Vec<f32>,
    pub output: Vec<f32>,
}

impl Parts {
    /// Two labels, `en` and `de`, told apart by one word each: `the` and `und`.
    pub fn two_languages() -> Parts {
        Parts {
            dim: 2,
            word_ngrams: 1,
            loss: 3,
            bucket: 0,
            minn: 0,
            maxn: 0,
            words: vec!["</s>", "the", "und"],
            labels: vec![("__label__en", 10), ("__label__de", 5)],
            kept: None,
            is_quantised: false,
            input: vec![0.0, 0.0, 9.0, 0.0, 0.0, 9.0],
            output: vec![1.0, 0.0, 0.0, 1.0],
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let dim = self.dim as i32;
        let arguments = [793_712_314, 12, dim, 5, 5, 1, 5, self.word_ngrams, self.loss, 3, self.bucket];
        numbers(&mut out, &arguments);
        numbers(&mut out, &[self.minn, self.maxn, 100]);
        out.extend(1e-4_f64.to_le_bytes());
        let (n_words, n_labels) = (self.words.len() as i32, self.labels.len() as i32);
        numbers(&mut out, &[n_words + n_labels, n_words, n_labels]);
        out.extend(100_i64.to_le_bytes());
        out.extend(self.kept.as_ref().map_or(-1, |kept| kept.len() as i64).to_le_bytes());
        let words = self.words.iter().map(|word| (*word, 7, 0));
        for (text, count, kind) in words.chain(self.labels.iter().map(|(label, count)| (*label, *count, 1))) {
            out.extend(text.bytes());
            out.push(0);
            out.extend(i64::to_le_bytes(count));
            out.push(kind);
        }
        for (bucket, row) in self.kept.iter().flatten() {
            numbers(&mut out, &[*bucket, *row]);
        }
        for values in [&self.input, &self.output] {
            out.push(u8::from(self.is_quantised));
            let rows = values.len() / self.dim;
            if self.is_quantised {
                out.push(1);
            }
            out.extend((rows as i64).to_le_bytes());
            out.extend((self.dim as i64).to_le_bytes());
            match self.is_quantised {
                true => self.quantised(values, &mut out),
                false => values.iter().for_each(|value| out.extend(value.to_le_bytes())),
            }
        }
        out
    }

    /// Codes are the values themselves, and the centroid of a code is twice its number; every norm is a half.
    fn quantised(&self, values: &[f32], out: &mut Vec<u8>) {
        let dim = self.dim as i32;
        numbers(out, &[values.len() as i32]);
        out.extend(values.iter().map(|value| *value as u8));
        numbers(out, &[dim, dim, 1, 1]);
        for _ in 0..self.dim {
            (0..256).for_each(|code| out.extend((2.0 * code as f32).to_le_bytes()));
        }
        out.extend(vec![3; values.len() / self.dim]);
        numbers(out, &[1, 1, 1, 1]);
        (0..256).for_each(|_| out.extend(0.5_f32.to_le_bytes()));
    }
}

fn numbers(out: &mut Vec<u8>, numbers: &[i32]) {
    numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
}
