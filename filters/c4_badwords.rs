//! C4's bad-words rule: any listed word drops the page.
//!
//! The built-in lists are LDNOOBW's, as C4 and datatrove use them, without datatrove's allowlist; a
//! language without a list passes. Entries with capital letters (most of the Spanish ones) never match in the
//! references, which look for them in lower-case text; so they do not here. In own lists letter case does not
//! matter. datatrove's random `keep_fraction` is left out.

use document::{Check, Document, Filter, FilterSpec, Found, Judge, Raised, Settings, Signals, Test};

use crate::bad_words::{LISTS, Lexicons};

pub const FILTER: FilterSpec = FilterSpec {
    name: "c4_badwords",
    source: "Raffel et al. 2020, 2.2; datatrove C4BadWordsFilter",
    about: "Is it free of every word of LDNOOBW's list, harmless ones included?",
    checks: &[Check::new("bad_word", Test::Own, "A listed word; many of them are innocent in most texts.")
        .known_as(&[("datatrove", "document_removed_with_badwords")])],
    signals: &[],
    options: &[LISTS],
    judge: Judge::Document(build),
};

/// Entries that datatrove takes out of every list.
const ALLOWED: &[(&str, &str)] = &[("ja", "sm"), ("ja", "グロ"), ("ja", "女の子"), ("zh", "性")];

/// Own lists replace the built-in ones.
fn build(settings: &Settings) -> Result<Box<dyn Filter>, String> {
    let builtin = settings.list("lists").is_empty();
    let wanted = Lexicons::new(settings, builtin, |language, entry| {
        !entry.is_not_c4s && !ALLOWED.contains(&(language, entry.word))
    });
    Ok(Box::new(C4BadWords(wanted?)))
}

struct C4BadWords(Lexicons);

impl Filter for C4BadWords {
    fn judge(
        &self,
        document: &mut Document<'_>,
        _signals: &mut Signals,
        raised: &mut Raised,
        buffer: &mut String,
    ) {
        if self.0.of(document).is_some_and(|lexicon| lexicon.occurs(document.text, buffer)) {
            raised.raise(0);
        }
    }

    fn point(&self, document: &Document<'_>, found: &mut Found<'_>) {
        if let Some(lexicon) = self.0.of(document) {
            lexicon.point(document.text, |_, range| found(0, range));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use document::OptionValue;

    use super::*;

    fn drops(settings: &Settings, language: &'static str, text: &str) -> bool {
        let mut document = Document::new(text);
        document.language = Some(document::Language { code: language, short: language, score: 1.0 });
        let mut raised = Raised::default();
        let filter = build(settings).unwrap();
        filter.judge(&mut document, &mut Signals::default(), &mut raised, &mut String::new());
        raised.contains(0)
    }

    #[test]
    fn any_entry_of_the_reference_list_drops() {
        let settings = Settings::default();
        assert!(drops(&settings, "en", "She plays a Twinkie, sex appeal and all."));
        assert!(!drops(&settings, "en", "Essex, sextet, analysis."));
        // Added by us, so not C4's.
        assert!(!drops(&settings, "en", "What a dickhead."));
        assert!(drops(&settings, "ja", "これはファックです"));
        assert!(!drops(&settings, "ja", "SMの女の子"));
        assert!(!drops(&settings, "zh", "可能性"));
        assert!(!drops(&settings, "el", "sex"));
        // `Nazi` has a capital letter in the list, so the reference never finds it.
        assert!(drops(&settings, "es", "El infierno.") && !drops(&settings, "es", "Un Nazi, un nazi."));
    }

    #[test]
    fn own_lists_replace() {
        let mut settings = Settings::default();
        settings.options.insert("lists".into(), OptionValue::List(vec!["en.txt".into()]));
        settings.lists.insert("en.txt".into(), "turnip\n".into());
        assert!(drops(&settings, "en", "A turnip."));
        assert!(!drops(&settings, "en", "sex"));
    }
}
