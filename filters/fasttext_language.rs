//! Is the page in a wanted language, as a fastText model identifies it?
//!
//! The model is the user's: `lid.176.bin` (or `.ftz`), GlotLID, or any that has a label for each language. The whole
//! text is one line. With languages listed, the page is kept if *any* of them scores above the limit, the best or not;
//! with none listed, if the best of all does. That is datatrove's LanguageFilter, which FineWeb uses.
//!
//! ```toml
//! pipeline = ["fasttext_language", "gopher_quality"]
//! [fasttext_language]
//! model = "lid.176.bin"      # beside the recipe
//! languages = ["en"]         # the model's own labels; GlotLID's are like "eng_Latn"
//! unwanted_language = 0.65   # kept above this
//! ```

use classify::fasttext::Model;
use classify::language;
use document::{
    Check, Document, Filter, FilterSpec, Judge, Language, OptionSpec, Raised, Settings, Signal, Signals,
    above,
};

pub const FILTER: FilterSpec = FilterSpec {
    name: "fasttext_language",
    source: "Joulin et al. 2017; datatrove LanguageFilter, FineWeb's limit",
    about: "Is it in a wanted language, by a fastText model of yours?",
    checks: &[Check::new(
        "unwanted_language",
        above(Signal::WantedLanguageScore, 0.65),
        "No wanted language has a probability above this.",
    )],
    signals: &[],
    options: &[
        MODEL,
        OptionSpec {
            key: "languages",
            default: "[]",
            allowed: &[],
            is_path: false,
            why: "labels of the model to keep, without `__label__`; none: any language",
        },
    ],
    judge: Judge::Document(build),
};

pub(crate) const MODEL: OptionSpec = OptionSpec {
    key: "model",
    default: "\"\"",
    allowed: &[],
    is_path: true,
    why: "path of a fastText model, `.bin` or `.ftz`, relative to the recipe",
};

struct FastTextLanguage {
    model: Model,
    /// ISO 639-3 and short names, by label.
    names: Vec<(&'static str, &'static str)>,
    wanted: Vec<usize>,
}

fn build(settings: &Settings) -> Result<Box<dyn Filter>, String> {
    let model = model(settings)?;
    let wanted = settings.list("languages").iter().map(|name| label(&model, "languages", name));
    let wanted = wanted.collect::<Result<_, _>>()?;
    let names = model.labels().iter().map(|label| names(label)).collect();
    Ok(Box::new(FastTextLanguage { model, names, wanted }))
}

/// The model that the option `model` names.
pub(crate) fn model(settings: &Settings) -> Result<Model, String> {
    let path = settings.text("model");
    match settings.models.get(path) {
        Some(bytes) => Model::read(bytes.clone()).map_err(|message| format!("model = {path:?}: {message}")),
        None => Err("model = \"\": give the path of a fastText model".to_owned()),
    }
}

/// The number of a label that the option `key` names.
pub(crate) fn label(model: &Model, key: &str, name: &str) -> Result<usize, String> {
    model.label(name).ok_or_else(|| {
        let labels = model.labels();
        let some = labels.iter().take(20).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if labels.len() > 20 { ", …" } else { "" };
        format!("{key}: the model has no label {name:?}; it has {some}{more}")
    })
}

/// The names of a label such as `en`, `eng` or `eng_Latn`. A model has few labels and is read once, so those that
/// are not in the table of known languages are never freed.
fn names(label: &str) -> (&'static str, &'static str) {
    let code = label.split('_').next().unwrap_or(label);
    language::names(code).unwrap_or_else(|| {
        let code: &'static str = code.to_owned().leak();
        (code, code)
    })
}

impl Filter for FastTextLanguage {
    fn judge(
        &self,
        document: &mut Document<'_>,
        signals: &mut Signals,
        _raised: &mut Raised,
        _buffer: &mut String,
    ) {
        let (best, wanted) = self.model.classify(document.text, |mut scores| {
            let best = scores.best();
            let of_wanted = self.wanted.iter().map(|label| scores.of(*label)).reduce(f32::max);
            (best, of_wanted.or(best.map(|(_, score)| score)).unwrap_or(0.0))
        });
        document.language = best.map(|(label, score)| {
            let (code, short) = self.names[label];
            Language { code, short, score: f64::from(score) }
        });
        signals.set(Signal::WantedLanguageScore, f64::from(wanted));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use classify::fasttext::fixture::Parts;
    use document::{FileBytes, OptionValue};

    use super::*;
    use crate::testing::{drops_with, keeps_with, limits_are_exact, settings_with};

    fn languages(labels: [&'static str; 2], names: &[&str]) -> Settings {
        let mut parts = Parts::two_languages();
        parts.labels[0].0 = labels[0];
        parts.labels[1].0 = labels[1];
        let mut settings = settings_with(&FILTER, &parts);
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        settings.options.insert("languages".to_owned(), OptionValue::List(names));
        settings
    }

    const SHORT: [&str; 2] = ["__label__en", "__label__de"];

    #[test]
    fn any_listed_language_above_the_limit_keeps() {
        limits_are_exact(&FILTER);
        keeps_with(&FILTER, &languages(SHORT, &["en"]), "the");
        keeps_with(&FILTER, &languages(SHORT, &["__label__en"]), "the\nthe\n");
        drops_with(&FILTER, &languages(SHORT, &["en"]), "unwanted_language", "und");
        keeps_with(&FILTER, &languages(SHORT, &["en", "de"]), "und");
        // Listed or not, a mixture is nothing for sure.
        drops_with(&FILTER, &languages(SHORT, &["en", "de"]), "unwanted_language", "the und");
        keeps_with(&FILTER, &languages(SHORT, &[]), "und");
        drops_with(&FILTER, &languages(SHORT, &[]), "unwanted_language", "the und");
    }

    #[test]
    fn the_document_learns_its_language() {
        let labels = [
            (SHORT, ("deu", "de")),
            (["__label__eng_Latn", "__label__deu_Latn"], ("deu", "de")),
            (["__label__en", "__label__gsw"], ("gsw", "gsw")),
        ];
        for (labels, expected) in labels {
            let filter = build(&languages(labels, &[])).unwrap();
            let mut document = Document::new("und");
            let (mut signals, mut raised) = (Signals::default(), Raised::default());
            filter.judge(&mut document, &mut signals, &mut raised, &mut String::new());
            let language = document.language.unwrap();
            assert_eq!((language.code, language.short), expected);
            assert_eq!(signals.get(Signal::WantedLanguageScore), Some(language.score));
        }
    }

    #[test]
    fn a_wrong_option_is_said_with_its_key() {
        let error = |settings: &Settings| build(settings).err().unwrap();
        let message = error(&languages(SHORT, &["fr"]));
        assert_eq!(message, "languages: the model has no label \"fr\"; it has en, de");
        let mut settings = languages(SHORT, &[]);
        settings.models.insert(String::new(), FileBytes::new(Vec::new()));
        assert!(error(&settings).starts_with("model = \"\": cut short"));
        settings.models.clear();
        assert!(error(&settings).contains("give the path"));
    }
}
