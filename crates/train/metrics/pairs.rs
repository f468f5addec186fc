//! Held-out sentences against twins that were broken: does the model find the sentence likelier?
//!
//! Scored is the sum of log probabilities, ties count half (BLiMP's forced choice, Warstadt et al. 2020). Twins that
//! hold the same words cannot be told apart by word frequency. One without a function word is shorter, which makes any
//! text likelier: it is held to the same number of bytes, half is no baseline, and only differences between arms mean
//! something.

use crate::eval::EvalDocument;
use crate::metrics::Measure;
use crate::metrics::words::{Sentence, Vocabulary, is_plain};
use crate::random::Random;
use tokens::Tokenizer;

/// Log probabilities closer than this are a tie, nats.
const TIE: f64 = 1e-6;
const SEED: u64 = 0x7477_696e;
/// The twins that are shorter than their sentence.
const SHORTER: &str = "word_dropped";

/// How a sentence is broken: the name, and what stands in its place; `None` where it cannot be.
type Break = (&'static str, for<'t> fn(&[&'t str], &'t Vocabulary, &mut Random) -> Option<Vec<&'t str>>);

const BREAKS: [Break; 4] = [
    ("adjacent_swap", adjacent_swap),
    ("shuffle", shuffle),
    (SHORTER, word_dropped),
    ("word_replaced", word_replaced),
];

/// Sentences and their broken twins.
pub struct Pairs {
    sentences: Vec<EvalDocument>,
    /// By kind: the sentence, and its twin.
    twins: Vec<Vec<(usize, EvalDocument)>>,
}

/// Metrics by name.
type Named = Vec<(String, Option<Measure>)>;

impl Pairs {
    /// Up to `most` pairs of each kind.
    pub fn new(
        sentences: &[Sentence<'_>],
        vocabulary: &Vocabulary,
        tokenizer: &Tokenizer,
        most: usize,
    ) -> Self {
        let mut random = Random::new(SEED);
        let mut pairs = Pairs { sentences: Vec::new(), twins: BREAKS.iter().map(|_| Vec::new()).collect() };
        for Sentence { words, .. } in sentences {
            if pairs.twins.iter().all(|twins| twins.len() >= most) {
                break;
            }
            for ((_, broken), twins) in BREAKS.iter().zip(&mut pairs.twins) {
                if let Some(twin) = broken(words, vocabulary, &mut random).filter(|_| twins.len() < most) {
                    twins.push((pairs.sentences.len(), encoded(&twin, tokenizer)));
                }
            }
            pairs.sentences.push(encoded(words, tokenizer));
        }
        pairs
    }

    /// The share of twins that are found less likely than their sentence, and by how many nats in the mean.
    pub fn measure(&self, nats: &dyn Fn(&[EvalDocument]) -> Vec<f64>) -> (Named, Named) {
        let sentences = nats(&self.sentences);
        let (mut told, mut margins) = (Named::new(), Named::new());
        for ((name, _), pairs) in BREAKS.iter().zip(&self.twins) {
            let twins: Vec<EvalDocument> = pairs.iter().map(|(_, twin)| twin.clone()).collect();
            let margin = |(nats, (sentence, twin)): (&f64, &(usize, EvalDocument))| {
                let whole = &self.sentences[*sentence];
                let longer =
                    if *name == SHORTER { whole.bytes as f64 / twin.bytes.max(1) as f64 } else { 1.0 };
                nats * longer - sentences[*sentence]
            };
            let margin: Vec<f64> = nats(&twins).iter().zip(pairs).map(margin).collect();
            let is_told = |&margin: &f64| if margin.abs() < TIE { 0.5 } else { f64::from(margin > 0.0) };
            told.push(((*name).to_owned(), Measure::mean(&margin.iter().map(is_told).collect::<Vec<_>>())));
            margins.push(((*name).to_owned(), Measure::mean(&margin)));
        }
        (told, margins)
    }
}

fn encoded(words: &[&str], tokenizer: &Tokenizer) -> EvalDocument {
    let text = words.join(" ");
    let mut ids = vec![tokenizer.end_of_text()];
    ids.extend(tokenizer.encode(&text).unwrap_or_default());
    EvalDocument { ids, bytes: text.len(), source: None }
}

/// Places of words without punctuation, first and last word aside: what stands there cannot be seen to be out of place
/// by a capital letter or a full stop.
fn inner(words: &[&str]) -> Vec<usize> {
    (1..words.len().saturating_sub(1)).filter(|&i| is_plain(words[i])).collect()
}

fn any<T: Copy>(of: &[T], random: &mut Random) -> Option<T> {
    (!of.is_empty()).then(|| of[random.below(of.len())])
}

fn adjacent_swap<'t>(words: &[&'t str], _: &'t Vocabulary, random: &mut Random) -> Option<Vec<&'t str>> {
    let inner = inner(words);
    let differ =
        |at: &[usize]| at[0] + 1 == at[1] && words[at[0]].to_lowercase() != words[at[1]].to_lowercase();
    let places: Vec<usize> = inner.windows(2).filter(|at| differ(at)).map(|at| at[0]).collect();
    let at = any(&places, random)?;
    let mut twin = words.to_vec();
    twin.swap(at, at + 1);
    Some(twin)
}

fn shuffle<'t>(words: &[&'t str], _: &'t Vocabulary, random: &mut Random) -> Option<Vec<&'t str>> {
    let inner = inner(words);
    let mut twin = words.to_vec();
    for last in (1..inner.len()).rev() {
        twin.swap(inner[last], inner[random.below(last + 1)]);
    }
    (twin != words).then_some(twin)
}

fn word_dropped<'t>(
    words: &[&'t str],
    vocabulary: &'t Vocabulary,
    random: &mut Random,
) -> Option<Vec<&'t str>> {
    let mut places = inner(words);
    places.retain(|&i| vocabulary.is_function_word(words[i]));
    let mut twin = words.to_vec();
    twin.remove(any(&places, random)?);
    Some(twin)
}

fn word_replaced<'t>(
    words: &[&'t str],
    vocabulary: &'t Vocabulary,
    random: &mut Random,
) -> Option<Vec<&'t str>> {
    let mut places = inner(words);
    // A word of another case than the vocabulary's would be told by its case.
    places.retain(|&i| !vocabulary.is_function_word(words[i]) && words[i] == words[i].to_lowercase());
    let at = any(&places, random)?;
    let mut twin = words.to_vec();
    twin[at] = any(&vocabulary.like(words[at]), random)?;
    Some(twin)
}
