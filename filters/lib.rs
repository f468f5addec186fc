//! The filters: one file each, in alphabetical order.
//!
//! **Invariant:** a filter is a pure function of the document; it never edits text and sees no files.

mod bad_words;
mod c4_badwords;
mod c4_paragraph;
mod c4_quality;
mod fasttext_language;
mod fineweb_quality;
mod gopher_quality;
mod gopher_repetition;
mod language;
mod quality_model;
mod stop_words;
#[cfg(test)]
mod testing;

use document::FilterSpec;

pub use stop_words::{STOP_WORD_LANGUAGES, stop_words};

/// Every filter, by name.
pub const FILTERS: &[&FilterSpec] = &[
    &bad_words::FILTER,
    &c4_badwords::FILTER,
    &c4_paragraph::FILTER,
    &c4_quality::FILTER,
    &fasttext_language::FILTER,
    &fineweb_quality::FILTER,
    &gopher_quality::FILTER,
    &gopher_repetition::FILTER,
    &language::FILTER,
    &quality_model::FILTER,
];

/// The filter of this name.
pub fn find(name: &str) -> Option<&'static FilterSpec> {
    FILTERS.iter().copied().find(|filter| filter.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_listed_by_name_and_have_distinct_checks() {
        assert!(FILTERS.is_sorted_by_key(|filter| filter.name));
        for filter in FILTERS {
            assert!(find(filter.name).is_some_and(|found| found.name == filter.name));
            let mut reasons: Vec<_> = filter.checks.iter().map(|check| check.reason).collect();
            reasons.sort_unstable();
            reasons.dedup();
            assert_eq!(reasons.len(), filter.checks.len(), "{}", filter.name);
            assert!(filter.checks.len() <= 64, "`Raised` has 64 bits");
            assert!(filter.checks.iter().all(|check| check.why.ends_with('.')), "{}", filter.name);
        }
        assert!(find("gopher").is_none());
    }
}
