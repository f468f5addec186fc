//! How much of the held-out text stands in training text: 13 words in a row, as contamination is counted since GPT-3
//! (Brown et al. 2020, appendix C).

use crate::arms::{PIECE_START, Stream};
use crate::data::ControlDocument;
use crate::eval::EvalSet;
use crate::metrics::Measure;
use std::collections::{HashMap, HashSet};
use tokens::Tokenizer;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Words in a row.
const GRAM: usize = 13;

/// Hashes of the grams of every held-out document.
pub struct Grams {
    /// Each gram of a document once.
    documents: Vec<Vec<u64>>,
    all: HashSet<u64>,
    /// Share of them in the control documents that no arm may read.
    kept_away: Option<Measure>,
}

impl Grams {
    pub fn new(sets: &[EvalSet], tokenizer: &Tokenizer, control: &[ControlDocument]) -> Self {
        // Documents of the kept set are in the raw one, too: each counts once.
        let mut documents: HashMap<Vec<u64>, usize> = HashMap::new();
        for document in sets.iter().flat_map(|set| &set.documents) {
            let text = String::from_utf8_lossy(&tokenizer.decode_bytes(&document.ids)).into_owned();
            let mut grams = Vec::new();
            each_gram(&text, |gram| grams.push(gram));
            grams.sort_unstable();
            grams.dedup();
            let place = documents.len();
            documents.entry(grams).or_insert(place);
        }
        let mut documents: Vec<(Vec<u64>, usize)> = documents.into_iter().collect();
        documents.sort_by_key(|(_, place)| *place);
        let documents: Vec<Vec<u64>> = documents.into_iter().map(|(grams, _)| grams).collect();
        let all = documents.iter().flatten().copied().collect();
        let mut grams = Grams { documents, all, kept_away: None };
        let excluded = control.iter().filter(|document| document.excluded);
        grams.kept_away = grams.share_in(excluded.map(|document| document.original.as_str()));
        grams
    }

    /// Shares of the held-out grams that the run read, and that it would have read of what is kept away from training.
    pub fn measure(
        &self,
        stream: &Stream,
        read: usize,
        tokenizer: &Tokenizer,
    ) -> Vec<(String, Option<Measure>)> {
        let starts = stream.pieces.iter().map(|piece| piece.0).take_while(|start| *start < read);
        let starts: Vec<usize> = starts.chain([read]).collect();
        let texts: Vec<String> = starts
            .windows(2)
            .map(|at| {
                let ids: Vec<u32> = stream.ids[at[0]..at[1]].iter().map(|id| id & !PIECE_START).collect();
                String::from_utf8_lossy(&tokenizer.decode_bytes(&ids)).into_owned()
            })
            .collect();
        let found = self.share_in(texts.iter().map(String::as_str));
        vec![("heldout_grams".to_owned(), found), ("kept_away".to_owned(), self.kept_away.clone())]
    }

    fn share_in<'t>(&self, texts: impl Iterator<Item = &'t str>) -> Option<Measure> {
        let mut found = HashSet::new();
        for text in texts {
            each_gram(text, |gram| {
                if self.all.contains(&gram) {
                    found.insert(gram);
                }
            });
        }
        let count = |grams: &Vec<u64>| {
            let n_found = grams.iter().filter(|gram| found.contains(gram)).count();
            (n_found as f64, grams.len() as f64)
        };
        Measure::ratio(&self.documents.iter().map(count).collect::<Vec<_>>())
    }
}

/// Hashes of all runs of words; case and punctuation do not count.
fn each_gram(text: &str, mut tell: impl FnMut(u64)) {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let hashes: Vec<u8> =
        words.flat_map(|word| xxh3_64(word.to_lowercase().as_bytes()).to_le_bytes()).collect();
    for gram in hashes.windows(8 * GRAM).step_by(8) {
        tell(xxh3_64_with_seed(gram, GRAM as u64));
    }
}
