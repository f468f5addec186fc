//! Does the page repeat itself?
//!
//! Characters are code points; words are those of the recipe's word splitter. Duplicates are the second and later
//! occurrences. A very short text fails, as its only n-gram fills it; one without n-grams passes.

use document::{Check, FilterSpec, Signal::*, at_most};

pub const FILTER: FilterSpec = FilterSpec::bounds(
    "gopher_repetition",
    "Rae et al. 2021 (Gopher), table A1; as in datatrove",
    "Does it say things once, not again and again?",
    &[
        Check::new(
            "duplicate_paragraphs",
            at_most(DuplicateParagraphs, 0.3),
            "Many paragraphs are copies of earlier ones.",
        )
        .known_as(&[("datatrove", "dup_para_frac")]),
        Check::new(
            "duplicate_paragraph_chars",
            at_most(DuplicateParagraphChars, 0.2),
            "Much of the text is in copied paragraphs.",
        )
        .known_as(&[("datatrove", "dup_para_char_frac")]),
        Check::new(
            "duplicate_lines",
            at_most(DuplicateLines, 0.3),
            "Many lines are copies of earlier ones: menus, tables, boilerplate.",
        )
        .known_as(&[("datatrove", "dup_line_frac")]),
        Check::new(
            "duplicate_line_chars",
            at_most(DuplicateLineChars, 0.2),
            "Much of the text is in copied lines.",
        )
        .known_as(&[("datatrove", "dup_line_char_frac")]),
        Check::new(
            "frequent_2_gram",
            at_most(Top2Gram, 0.2),
            "One pair of words fills too much of the text.",
        )
        .known_as(&[("datatrove", "top_2_gram")]),
        Check::new(
            "frequent_3_gram",
            at_most(Top3Gram, 0.18),
            "One run of three words fills too much of the text.",
        )
        .known_as(&[("datatrove", "top_3_gram")]),
        Check::new(
            "frequent_4_gram",
            at_most(Top4Gram, 0.16),
            "One run of four words fills too much of the text.",
        )
        .known_as(&[("datatrove", "top_4_gram")]),
        Check::new(
            "duplicate_5_grams",
            at_most(Duplicate5Grams, 0.15),
            "Much of the text is runs of five words seen before.",
        )
        .known_as(&[("datatrove", "duplicated_5_n_grams")]),
        Check::new(
            "duplicate_6_grams",
            at_most(Duplicate6Grams, 0.14),
            "Much of the text is runs of six words seen before.",
        )
        .known_as(&[("datatrove", "duplicated_6_n_grams")]),
        Check::new(
            "duplicate_7_grams",
            at_most(Duplicate7Grams, 0.13),
            "Much of the text is runs of seven words seen before.",
        )
        .known_as(&[("datatrove", "duplicated_7_n_grams")]),
        Check::new(
            "duplicate_8_grams",
            at_most(Duplicate8Grams, 0.12),
            "Much of the text is runs of eight words seen before.",
        )
        .known_as(&[("datatrove", "duplicated_8_n_grams")]),
        Check::new(
            "duplicate_9_grams",
            at_most(Duplicate9Grams, 0.11),
            "Much of the text is runs of nine words seen before.",
        )
        .known_as(&[("datatrove", "duplicated_9_n_grams")]),
        Check::new(
            "duplicate_10_grams",
            at_most(Duplicate10Grams, 0.1),
            "Much of the text is runs of ten words seen before.",
        )
        .known_as(&[("datatrove", "duplicated_10_n_grams")]),
    ],
);

#[cfg(test)]
mod tests {
    use super::FILTER;
    use crate::testing::{drops, keeps, limits_are_exact, numbered_words};

    /// Lines without common words, the first `copies` of them repeated at the end.
    fn lines(distinct: usize, copies: usize, separator: &str) -> String {
        let line = |i: usize| numbered_words(i * 12, 12);
        (0..distinct).chain(0..copies).map(line).collect::<Vec<_>>().join(separator)
    }

    #[test]
    fn limits_are_kept() {
        limits_are_exact(&FILTER);
    }

    #[test]
    fn prose_and_single_words_are_kept() {
        keeps(&FILTER, &lines(40, 0, "\n"));
        keeps(&FILTER, "word");
        keeps(&FILTER, " \n");
    }

    #[test]
    fn copies_of_paragraphs_and_lines_are_dropped() {
        keeps(&FILTER, &lines(24, 2, "\n\n"));
        drops(&FILTER, "duplicate_paragraphs", &lines(13, 7, "\n\n"));
        drops(&FILTER, "duplicate_paragraph_chars", &lines(14, 6, "\n\n"));
        drops(&FILTER, "duplicate_lines", &lines(13, 7, "\n"));
        drops(&FILTER, "duplicate_line_chars", &lines(15, 5, "\n"));
    }

    #[test]
    fn frequent_n_grams_are_dropped() {
        drops(&FILTER, "frequent_2_gram", "hello world");
        let refrain = |n: usize, refrain: &str| {
            (0..20).map(|i| format!("{} {refrain}", numbered_words(i * n, n))).collect::<Vec<_>>().join(" ")
        };
        drops(&FILTER, "frequent_2_gram", &refrain(4, "again sometimes"));
        drops(&FILTER, "frequent_4_gram", &refrain(7, "so it goes on"));
        drops(&FILTER, "duplicate_5_grams", &lines(12, 4, " "));
        keeps(&FILTER, &lines(24, 2, " "));
    }
}
