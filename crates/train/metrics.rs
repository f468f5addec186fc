//! What a trained model shows beyond bits per byte: whether it tells sentences from broken ones, what it remembers of
//! its training text, what it writes.
//!
//! A [`Battery`] holds what all runs of an experiment are asked, and every run is asked when it is scored. No metric
//! decides anything in cleaning, and no filter's verdict is asked here.

mod canaries;
mod conclude;
mod decode;
mod families;
mod memorised;
mod overlap;
mod pairs;
mod table;
mod toxic;
mod words;
mod writing;

#[cfg(test)]
mod tests;

pub use canaries::Canaries;
pub use conclude::{ArmMetric, Found, MetricDifference, MetricScore, conclude};
pub use families::Better;
pub use table::table;

use crate::arms::{ArmSpec, Library, Stream, members};
use crate::checkpoint::Cursor;
use crate::eval::{BATCH, EvalDocument, EvalSet, document_nats};
use crate::kernel;
use crate::model::Weights;
use crate::training::Setting;
use memorised::Clusters;
use overlap::Grams;
use pairs::Pairs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toxic::Lexicon;
use words::Vocabulary;
use writing::Habits;

/// Names the language of a text, if it is sure; the caller's, since the trainer knows none.
pub type NameLanguage = fn(&str) -> Option<&'static str>;

/// Metrics of one run, by name: `<family>.<which>`.
pub type Measures = BTreeMap<String, Measure>;

/// One metric of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Σ `items` / Σ `weights`, or a number of the run as a whole.
    pub value: f64,
    /// The same of held-out text, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heldout: Option<f64>,
    /// One per document, pair, prompt or text that was asked; empty for a number of the run as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<f32>,
    /// What each item counts; empty where all count alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<f32>,
}

impl Measure {
    /// A number of the run as a whole.
    pub fn whole(value: f64) -> Self {
        Measure { value, ..Measure::default() }
    }

    /// The mean of items; `None` without any.
    pub fn mean(items: &[f64]) -> Option<Self> {
        let value = crate::statistics::mean(items);
        let items: Vec<f32> = items.iter().map(|&item| item as f32).collect();
        (!items.is_empty()).then_some(Measure { value, items, ..Measure::default() })
    }

    /// Every item is true, false or a tie.
    fn is_share(&self) -> bool {
        let is_answer = |item: &f32| [0.0, 0.5, 1.0].contains(item);
        self.weights.is_empty() && !self.items.is_empty() && self.items.iter().all(is_answer)
    }

    /// Σ items / Σ weights; `None` where the weights are nothing together.
    pub fn ratio(pairs: &[(f64, f64)]) -> Option<Self> {
        let total: f64 = pairs.iter().map(|pair| pair.1).sum();
        let value = pairs.iter().map(|pair| pair.0).sum::<f64>() / total;
        let (items, weights) = pairs.iter().map(|&(item, weight)| (item as f32, weight as f32)).unzip();
        (total > 0.0).then_some(Measure { value, heldout: None, items, weights })
    }
}

/// What every run of an experiment is asked.
pub struct Battery<'a> {
    library: &'a Library<'a>,
    setting: &'a Setting<'a>,
    canaries: bool,
    vocabulary: Vocabulary,
    pairs: Pairs,
    clusters: Clusters,
    lexicon: Lexicon,
    habits: Habits,
    grams: Grams,
}

/// A trained model that answers.
pub(crate) struct Subject<'a> {
    pub setting: &'a Setting<'a>,
    pub weights: &'a Weights,
    /// The same on the processor.
    pub values: Vec<Vec<f32>>,
}

impl Subject<'_> {
    /// Nats of each document.
    pub fn nats(&self, documents: &[EvalDocument]) -> Vec<f64> {
        let Setting { model, end_of_text, device, .. } = *self.setting;
        document_nats(model, self.weights, documents, end_of_text, BATCH, device)
    }
}

impl<'a> Battery<'a> {
    /// Questions from the held-out set that is fairest to ask from: the user's own, else what the recipe keeps, else
    /// what there is.
    pub fn new(
        library: &'a Library<'a>,
        setting: &'a Setting<'a>,
        canaries: bool,
        name_language: Option<NameLanguage>,
    ) -> Self {
        let none = EvalSet { name: String::new(), documents: Vec::new(), n_curve: 0 };
        let set = setting.sets.iter().rev().find(|set| !set.documents.is_empty()).unwrap_or(&none);
        let tokenizer = library.tokenizer();
        let decode = |d: &EvalDocument| String::from_utf8_lossy(&tokenizer.decode_bytes(&d.ids)).into_owned();
        let texts: Vec<String> = set.documents.iter().map(decode).collect();
        let vocabulary = Vocabulary::new(&texts);
        let share = |bytes: usize, least: usize, most: usize| {
            (setting.training.final_bytes / bytes).clamp(least, most)
        };
        let sentences = words::sentences(&texts);
        let documents = &library.corpus().documents;
        Battery {
            library,
            setting,
            canaries,
            pairs: Pairs::new(&sentences, &vocabulary, tokenizer, share(600, 20, 500)),
            clusters: Clusters::new(documents, setting.sets, setting.model.sequence_length),
            lexicon: Lexicon::new(&sentences, tokenizer, share(25_000, 2, 12)),
            habits: Habits::new(set, &texts, &vocabulary, tokenizer, share(4_000, 8, 64), name_language),
            grams: Grams::new(setting.sets, tokenizer, documents),
            vocabulary,
        }
    }

    /// The texts that are planted in a run's stream; none without `canaries`.
    pub fn canaries(&self, spec: &ArmSpec, seed: u32) -> Canaries {
        if !self.canaries {
            return Canaries::none();
        }
        let documents = &self.library.corpus().documents;
        let in_arm = members(spec, documents, seed);
        let (tokens, tokenizer) =
            (self.setting.steps * self.setting.tokens_per_step(), self.library.tokenizer());
        let once = memorised::drops_duplicates(&in_arm, documents);
        Canaries::new(&self.vocabulary, tokenizer, tokens, seed, once)
    }

    /// Asks a trained run. `stream` is what it read, `cursor` where it ended.
    pub fn measure(
        &self,
        weights: &Weights,
        (spec, seed): (&ArmSpec, u32),
        stream: &Stream,
        canaries: &Canaries,
        cursor: &Cursor,
    ) -> Measures {
        let subject = Subject { setting: self.setting, weights, values: kernel::values(weights) };
        let documents = &self.library.corpus().documents;
        let is_kept = members(spec, documents, seed).iter().all(|&i| documents[i].kept);
        let tokenizer = self.library.tokenizer();
        let read = cursor.batch * self.setting.tokens_per_step();
        let mut measures = Measures::new();
        let mut add = |family: &str, found: Vec<(String, Option<Measure>)>| {
            for (name, measure) in found {
                measures.extend(measure.map(|measure| (format!("{family}.{name}"), measure)));
            }
        };
        let (told, margins) = self.pairs.measure(&|documents| subject.nats(documents));
        add("pairs", told);
        add("margin", margins);
        let (gaps, recited) = canaries.measure(&subject);
        add("canaries", gaps);
        add("recited", recited);
        add("memorised", self.clusters.measure(&subject, stream, read, is_kept, tokenizer));
        add("toxic", vec![("listed_word".to_owned(), self.lexicon.measure(&subject))]);
        let (habits, purity) = self.habits.measure(&subject, seed, tokenizer);
        add("writing", habits);
        add("purity", purity);
        add("overlap", self.grams.measure(stream, read, tokenizer));
        add("stability", vec![("gradient_norm".to_owned(), stability(&cursor.norms))]);
        measures
    }
}

/// The norm that one step in a hundred exceeds, over the median.
fn stability(norms: &[f32]) -> Option<Measure> {
    let mut sorted = norms.to_vec();
    sorted.sort_by(f32::total_cmp);
    let at =
        |share: f64| sorted.get(((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1)));
    let (usual, high) = (at(0.5)?, at(0.99)?);
    (*usual > 0.0).then(|| Measure::whole(f64::from(high / usual)))
}
