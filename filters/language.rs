//! Is the page in a wanted language?
//!
//! Identified on the whole text (whatlang); its confidence is not comparable with fastText's 0.65.

use classify::{IdentifyScratch, LANGUAGES, SHORT_NAMES, identify};
use document::{
    Check, Document, Filter, FilterSpec, Judge, OptionSpec, Raised, Settings, Signal, Signals, Test, above,
};

use crate::scratch::Pool;

const UNWANTED_LANGUAGE: usize = 0;

pub const FILTER: FilterSpec = FilterSpec {
    name: "language",
    source: "whatlang 0.18, trigrams and letters",
    about: "Is it in a wanted language, beyond doubt?",
    checks: &[
        Check::new("unwanted_language", Test::Own, "Another language, or no letters at all."),
        Check::new(
            "low_confidence",
            above(Signal::LanguageScore, 0.5),
            "A mixture, a list of names, or too short to tell.",
        ),
    ],
    signals: &[],
    options: &[OptionSpec {
        key: "languages",
        default: r#"["en"]"#,
        allowed: SHORT_NAMES,
        is_path: false,
        why: "ISO 639-1 names of the languages to keep",
    }],
    judge: Judge::Document(build),
};

struct Languages {
    wanted: Vec<&'static str>,
    scratch: Pool<IdentifyScratch>,
}

fn build(settings: &Settings) -> Result<Box<dyn Filter>, String> {
    let wanted = settings.list("languages").iter().map(|name| {
        let known = SHORT_NAMES.iter().copied().find(|short| short == name);
        known.ok_or_else(|| match LANGUAGES.iter().find(|(code, _)| code == name) {
            Some((_, short)) => format!("language {name:?}: write {short:?}"),
            None => format!("language {name:?} cannot be identified; known are {}", SHORT_NAMES.join(", ")),
        })
    });
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    if wanted.is_empty() {
        return Err("languages = []: name at least one, or leave the stage out".to_owned());
    }
    Ok(Box::new(Languages { wanted, scratch: Pool::new() }))
}

impl Filter for Languages {
    fn judge(
        &self,
        document: &mut Document<'_>,
        signals: &mut Signals,
        raised: &mut Raised,
        _buffer: &mut String,
    ) {
        document.language = self.scratch.lend(|scratch| identify(document.text, scratch));
        signals.set(Signal::LanguageScore, document.language.map_or(0.0, |language| language.score));
        if !document.language.is_some_and(|language| self.wanted.contains(&language.short)) {
            raised.raise(UNWANTED_LANGUAGE);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use document::OptionValue;

    use super::*;
    use crate::testing::{drops_with, keeps_with, limits_are_exact, settings};

    const ENGLISH: &str =
        "The weather in the north was better than we had expected, so we stayed for a week.";
    const GERMAN: &str =
        "Das Wetter im Norden war besser, als wir erwartet hatten, also blieben wir eine Woche.";

    fn languages(names: &[&str]) -> Settings {
        let mut settings = settings(&FILTER);
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        settings.options.insert("languages".to_owned(), OptionValue::List(names));
        settings
    }

    #[test]
    fn listed_languages_are_kept() {
        limits_are_exact(&FILTER);
        keeps_with(&FILTER, &settings(&FILTER), ENGLISH);
        drops_with(&FILTER, &settings(&FILTER), "unwanted_language", GERMAN);
        keeps_with(&FILTER, &languages(&["en", "de"]), GERMAN);
        drops_with(&FILTER, &languages(&["de"]), "unwanted_language", ENGLISH);
        drops_with(&FILTER, &settings(&FILTER), "unwanted_language", "12345 67");
    }

    #[test]
    fn the_document_learns_its_language() {
        let filter = build(&settings(&FILTER)).unwrap();
        let mut document = Document::new(GERMAN);
        let (mut signals, mut raised) = (Signals::default(), Raised::default());
        filter.judge(&mut document, &mut signals, &mut raised, &mut String::new());
        assert_eq!(document.language.unwrap().code, "deu");
        assert_eq!(signals.get(Signal::LanguageScore), Some(document.language.unwrap().score));
    }

    #[test]
    fn unknown_names_are_refused_with_the_remedy() {
        assert!(build(&languages(&["deu"])).err().unwrap().contains("write \"de\""));
        assert!(build(&languages(&["xx"])).err().unwrap().contains("cannot be identified"));
        assert!(build(&languages(&[])).is_err());
    }
}
