//! The most common function words of each language, eight or so; English has Gopher's eight.

macro_rules! stop_words {
    ($($language:literal)*) => {
        /// Languages that have stop words, by ISO 639-1 name, sorted.
        pub const STOP_WORD_LANGUAGES: &[&str] = &[$($language,)*];

        /// The stop words of a language (ISO 639-1), one per line; `None` if it has no list.
        pub fn stop_words(language: &str) -> Option<&'static str> {
            match language {
                $($language => Some(include_str!(concat!("../rules/lists/stop_words/", $language, ".txt"))),)*
                _ => None,
            }
        }
    };
}

stop_words! { "bg" "ca" "cs" "da" "de" "el" "en" "es" "fi" "fr" "hu" "id" "it" "nb" "nl" "pl" "pt" "ro" "ru" "sv" "tr" "uk" "vi" }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_hold_distinct_words() {
        assert!(STOP_WORD_LANGUAGES.is_sorted());
        for language in STOP_WORD_LANGUAGES {
            let mut words: Vec<&str> = stop_words(language).unwrap_or_default().lines().collect();
            let all = words.len();
            words.sort_unstable();
            words.dedup();
            assert!(all == 8 && words.len() == all, "{language}");
            assert!(
                words.iter().all(|word| !word.is_empty() && word.chars().all(char::is_alphabetic)),
                "{language}"
            );
        }
        assert_eq!(stop_words("xx"), None);
        assert_eq!(
            stop_words("en").map(|list| list.split_whitespace().collect::<Vec<_>>().join(" ")).as_deref(),
            Some("the be to of and that have with")
        );
    }
}
