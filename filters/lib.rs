//! The filters: one file each, in alphabetical order.
//!
//! **Invariant:** a filter is a pure function of the document; it never edits text (it names what to keep, or what
//! to write instead) and sees no files.

mod bad_words;
mod c4_badwords;
mod c4_paragraph;
mod c4_quality;
mod dclm_lines;
mod dclm_quality;
mod dclm_repetition;
mod dclm_text;
mod dclm_url;
pub mod dolma_c4;
mod dolma_gopher;
mod eval_overlap;
mod fasttext_language;
mod fineweb_quality;
mod gopher_quality;
mod gopher_repetition;
mod language;
mod mask_pii;
mod paragraph_dedup;
mod phones;
mod pieces;
mod quality_model;
pub mod redpajama2;
mod redpajama2_lines;
mod repair;
mod scratch;
mod sentence_dedup;
mod stop_words;
mod substring_dedup;
mod symbol_lines;
#[cfg(test)]
mod testing;
mod url_blocklist;
mod url_lists;
mod word_starts;

use document::FilterSpec;

pub use stop_words::{STOP_WORD_LANGUAGES, stop_words};
pub use url_blocklist::ut1_paths;

/// Every filter, by name.
pub const FILTERS: &[&FilterSpec] = &[
    &bad_words::FILTER,
    &c4_badwords::FILTER,
    &c4_paragraph::FILTER,
    &c4_quality::FILTER,
    &dclm_lines::FILTER,
    &dclm_quality::FILTER,
    &dclm_repetition::FILTER,
    &dclm_text::FILTER,
    &dclm_url::FILTER,
    &dolma_c4::FILTER,
    &dolma_gopher::FILTER,
    &eval_overlap::FILTER,
    &fasttext_language::FILTER,
    &fineweb_quality::FILTER,
    &gopher_quality::FILTER,
    &gopher_repetition::FILTER,
    &language::FILTER,
    &mask_pii::FILTER,
    &paragraph_dedup::FILTER,
    &quality_model::FILTER,
    &redpajama2::FILTER,
    &repair::FILTER,
    &sentence_dedup::FILTER,
    &substring_dedup::FILTER,
    &symbol_lines::FILTER,
    &url_blocklist::FILTER,
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
            // Checks and options are keys of one table of a recipe.
            let mut keys: Vec<_> = filter.checks.iter().map(|check| check.reason).collect();
            keys.extend(filter.options.iter().map(|option| option.key));
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), filter.checks.len() + filter.options.len(), "{}", filter.name);
            assert!(filter.checks.len() <= 64, "`Raised` has 64 bits");
            assert!(filter.checks.iter().all(|check| check.why.ends_with('.')), "{}", filter.name);
        }
        assert!(find("gopher").is_none());
    }
}
