//! Does a fastText model give the page a label with enough probability, or too much?
//!
//! The text is stripped and one line, as in datatrove's FastTextClassifierFilter for whole documents: a line feed is
//! replaced by nothing, so words join across it; DCLM puts a space. By default the label is DCLM's, and so is the
//! limit, which keeps about the best tenth of its pages. A label to remove takes `high_score`.
//! `corpus classifier train good/ bad/ -o quality.bin` makes a model of your own examples, and these lines for it.
//!
//! ```toml
//! pipeline = ["gopher_quality", "quality_model"]
//! [quality_model]
//! model = "openhermes_reddit_eli5_vs_rw_v2_bigram_200k_train.bin"
//! label = "hq"           # `__label__hq`
//! newline = " "
//! low_score = 0.018112   # kept from this on
//! # To remove a label: label = "nsfw", low_score = "off", high_score = 0.9
//! ```
//!
//! A probability is compared in double precision; numpy compares in single, which differs for one number.

use classify::fasttext::Model;
use document::{
    Check, Document, Filter, FilterSpec, Judge, OptionSpec, Raised, Settings, Signal, Signals, at_least,
    below,
};
use text::characters::strip;

use crate::fasttext_language::{MODEL, label, model};

pub const FILTER: FilterSpec = FilterSpec {
    name: "quality_model",
    source: "Li et al. 2024 (DCLM), 4.4; datatrove FastTextClassifierFilter",
    about: "Does a fastText model of yours give it the wanted label?",
    checks: &[
        Check::new(
            "low_score",
            at_least(Signal::QualityScore, 0.018112),
            "The label is less probable than this.",
        ),
        Check::new(
            "high_score",
            below(Signal::QualityScore, 2.0),
            "The label is to be removed and at least this probable; no probability is 2.",
        ),
    ],
    signals: &[],
    options: &[
        MODEL,
        OptionSpec {
            key: "label",
            default: "\"hq\"",
            allowed: &[],
            is_path: false,
            why: "the label that counts, without `__label__`",
        },
        OptionSpec {
            key: "newline",
            default: "\"\"",
            allowed: &["", " "],
            is_path: false,
            why: "what a line feed is replaced by; DCLM: \" \"",
        },
    ],
    judge: Judge::Document(build),
};

struct QualityModel {
    model: Model,
    label: usize,
    joins_lines: bool,
}

fn build(settings: &Settings) -> Result<Box<dyn Filter>, String> {
    let model = model(settings)?;
    let label = label(&model, "label", settings.text("label"))?;
    Ok(Box::new(QualityModel { model, label, joins_lines: settings.text("newline").is_empty() }))
}

impl Filter for QualityModel {
    fn judge(
        &self,
        document: &mut Document<'_>,
        signals: &mut Signals,
        _raised: &mut Raised,
        buffer: &mut String,
    ) {
        let mut text = strip(document.text);
        if self.joins_lines && text.contains('\n') {
            buffer.clear();
            text.split('\n').for_each(|line| buffer.push_str(line));
            text = buffer;
        }
        let score = self.model.classify(text, |mut scores| scores.of(self.label));
        signals.set(Signal::QualityScore, f64::from(score));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use classify::fasttext::fixture::Parts;
    use document::OptionValue;

    use super::*;
    use crate::testing::{drops_with, keeps_with, limits_are_exact, settings_with};

    /// `hq` is what `good` has, `cc` what `spam` has.
    fn quality(label: &str, newline: &str) -> Settings {
        let mut parts = Parts::two_languages();
        parts.words = vec!["</s>", "good", "spam"];
        parts.labels = vec![("__label__hq", 3), ("__label__cc", 9)];
        let mut settings = settings_with(&FILTER, &parts);
        settings.options.insert("label".to_owned(), OptionValue::Text(label.to_owned()));
        settings.options.insert("newline".to_owned(), OptionValue::Text(newline.to_owned()));
        settings
    }

    #[test]
    fn the_label_must_be_probable_enough() {
        limits_are_exact(&FILTER);
        keeps_with(&FILTER, &quality("hq", ""), " good\n");
        keeps_with(&FILTER, &quality("hq", ""), "good spam");
        drops_with(&FILTER, &quality("hq", ""), "low_score", "spam");
        keeps_with(&FILTER, &quality("cc", ""), "spam");
    }

    #[test]
    fn line_feeds_join_words_or_part_them() {
        // Unknown as one word: nothing speaks for either label.
        let score = |newline: &str, text: &str| {
            let filter = build(&quality("hq", newline)).unwrap();
            let mut signals = Signals::default();
            filter.judge(&mut Document::new(text), &mut signals, &mut Raised::default(), &mut String::new());
            signals.get(Signal::QualityScore).unwrap()
        };
        assert_eq!(score("", "go\nod"), score("", "good"));
        assert_eq!(score("", "spam\nspam"), score("", ""));
        assert!(score(" ", "spam\nspam") < 0.01);
    }

    #[test]
    fn a_label_can_be_removed() {
        let keeps = |limit: f64, text: &str| {
            let filter = build(&quality("cc", "")).unwrap();
            let mut signals = Signals::default();
            filter.judge(&mut Document::new(text), &mut signals, &mut Raised::default(), &mut String::new());
            document::Bound::Below(limit).keeps(signals.get(Signal::QualityScore).unwrap())
        };
        assert!(keeps(0.9, "good") && !keeps(0.9, "spam") && keeps(2.0, "spam"));
    }

    #[test]
    fn a_label_that_the_model_has_not_is_refused() {
        assert!(
            build(&quality("high", "")).err().unwrap().starts_with("label: the model has no label \"high\"")
        );
    }
}
