//! Is this page prose, written for people?
//!
//! Words are those of the recipe's word splitter; a word of punctuation only does not count as a word, but in the
//! ratios per word it does.

use document::{Check, FilterSpec, Signal::*, at_least, at_most, between};

pub const FILTER: FilterSpec = FilterSpec::bounds(
    "gopher_quality",
    "Rae et al. 2021 (Gopher), A.1.1; as in datatrove",
    "Is it prose, written for people?",
    &[
        Check::new("too_few_words", at_least(Words, 50.0), "Too short to learn from.")
            .known_as(&[("datatrove", "gopher_short_doc")]),
        Check::new("too_many_words", at_most(Words, 100_000.0), "Usually a dump or a log.")
            .known_as(&[("datatrove", "gopher_long_doc")]),
        Check::new(
            "odd_word_length",
            between(MeanWordLength, 3.0, 10.0),
            "Words of prose average four to five characters.",
        )
        .known_as(&[
            ("datatrove", "gopher_below_avg_threshold"),
            ("datatrove", "gopher_above_avg_threshold"),
        ]),
        Check::new("too_many_hashes", at_most(HashesPerWord, 0.1), "Hash signs: tags, code or markup.")
            .known_as(&[("datatrove", "gopher_too_many_hashes")]),
        Check::new("too_many_ellipses", at_most(EllipsesPerWord, 0.1), "Ellipses: teasers and cut-off text.")
            .known_as(&[("datatrove", "gopher_too_many_ellipsis")]),
        Check::new("too_many_bullets", at_most(BulletLines, 0.9), "A list, not a text.")
            .known_as(&[("datatrove", "gopher_too_many_bullets")]),
        Check::new(
            "too_many_ellipsis_lines",
            at_most(EllipsisLines, 0.3),
            "Lines that break off: a page of teasers.",
        )
        .known_as(&[("datatrove", "gopher_too_many_end_ellipsis")]),
        Check::new(
            "too_few_alphabetic_words",
            at_least(AlphabeticWords, 0.8),
            "Numbers and symbols instead of words.",
        )
        .known_as(&[("datatrove", "gopher_below_alpha_threshold")]),
        Check::new("too_few_stop_words", at_least(StopWords, 2.0), "Not running text in its language.")
            .known_as(&[("datatrove", "gopher_enough_stop_words")]),
    ],
);

#[cfg(test)]
mod tests {
    use super::FILTER;
    use crate::testing::{drops, keeps, limits_are_exact, numbered_words};

    fn prose(words: usize) -> String {
        format!("the and {}", numbered_words(0, words - 2))
    }

    #[test]
    fn limits_are_kept() {
        limits_are_exact(&FILTER);
    }

    #[test]
    fn fifty_words_are_enough() {
        keeps(&FILTER, &prose(50));
        drops(&FILTER, "too_few_words", &prose(49));
        // Symbols are no words.
        drops(&FILTER, "too_few_words", &format!("{} !", prose(49)));
        drops(&FILTER, "too_few_words", "");
        drops(&FILTER, "too_many_words", &"word ".repeat(100_001));
    }

    #[test]
    fn odd_words_are_dropped() {
        drops(&FILTER, "odd_word_length", &"to be or ".repeat(20));
        drops(&FILTER, "odd_word_length", &"extraordinarily ".repeat(50));
        // 45 of 56 words have a letter, then 44 of 56.
        keeps(&FILTER, &format!("{} {}", prose(45), "1234 ".repeat(11)));
        drops(&FILTER, "too_few_alphabetic_words", &format!("{} {}", prose(44), "1234 ".repeat(12)));
    }

    #[test]
    fn symbols_are_counted_per_word() {
        // 54 words and 6 signs: 6 / 60; one more: 7 / 61.
        keeps(&FILTER, &format!("{} {}", prose(54), "# ".repeat(6)));
        drops(&FILTER, "too_many_hashes", &format!("{} {}", prose(54), "# ".repeat(7)));
        keeps(&FILTER, &format!("{} {}", "… ".repeat(6), prose(54)));
        drops(&FILTER, "too_many_ellipses", &format!("{} {}", "… ".repeat(7), prose(54)));
    }

    #[test]
    fn lists_and_teasers_are_dropped() {
        let lines = |marked: usize, prefix: &str, suffix: &str| {
            (0..10)
                .map(|i| if i < marked { format!("{prefix}{}{suffix}", prose(10)) } else { prose(10) })
                .collect::<Vec<_>>()
                .join("\n")
        };
        keeps(&FILTER, &lines(9, " - ", ""));
        drops(&FILTER, "too_many_bullets", &lines(10, "•", ""));
        keeps(&FILTER, &lines(10, "* ", ""));
        keeps(&FILTER, &lines(3, "", "…"));
        drops(&FILTER, "too_many_ellipsis_lines", &lines(4, "", "... "));
    }

    #[test]
    fn two_different_stop_words_are_enough() {
        drops(&FILTER, "too_few_stop_words", &format!("the the THAT {}", numbered_words(0, 60)));
        keeps(&FILTER, &format!("the with {}", numbered_words(0, 60)));
    }
}
