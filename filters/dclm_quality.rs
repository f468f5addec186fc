//! Is this page prose? Gopher's rules as RefinedWeb has them and DCLM writes them.
//!
//! Words stand between white space, whatever the recipe's word splitter; a page without words fails.

use document::{Check, FilterSpec, Signal::*, at_least, at_most, between};

pub const FILTER: FilterSpec = FilterSpec::bounds(
    "dclm_quality",
    "Li et al. 2024 (DCLM), RefinedWeb's heuristics; Penedo et al. 2023, G.2",
    "Is it prose, written for people?",
    &[
        Check::new("odd_page_length", between(DclmWords, 50.0, 100_000.0), "A snippet, or a dump.")
            .known_as(&[("dclm", "page_length_filter")]),
        Check::new(
            "odd_word_length",
            between(DclmMeanWordLength, 3.0, 10.0),
            "Words of prose average four to five characters.",
        )
        .known_as(&[("dclm", "word_length_filter")]),
        Check::new(
            "too_many_symbols",
            at_most(DclmSymbolsPerWord, 0.1),
            "Hash signs and ellipses: tags, teasers and cut-off text.",
        )
        .known_as(&[("dclm", "symbol_ratio_filter")]),
        Check::new("too_many_bullets", at_most(DclmBulletLines, 0.9), "A list, not a text.")
            .known_as(&[("dclm", "bullet_count_filter")]),
        Check::new(
            "too_many_ellipsis_lines",
            at_most(DclmEllipsisLines, 0.3),
            "Lines that break off: a page of teasers.",
        )
        .known_as(&[("dclm", "ellipsis_count_filter")]),
        Check::new(
            "too_many_unalphabetic_words",
            at_most(DclmUnalphabeticWords, 0.2),
            "Numbers and symbols instead of words.",
        )
        .known_as(&[("dclm", "alphabetic_word_ratio_filter")]),
        Check::new("too_few_stop_words", at_least(DclmStopWords, 2.0), "Not running English text.")
            .known_as(&[("dclm", "stop_word_filter")]),
    ],
);

#[cfg(test)]
mod tests {
    use super::FILTER;
    use crate::testing::{drops, keeps, limits_are_exact, numbered_words};

    fn prose(words: usize) -> String {
        format!("The and {}", numbered_words(0, words - 2))
    }

    #[test]
    fn limits_are_kept() {
        limits_are_exact(&FILTER);
        // The reference compares the count with a share of the lines: the same decision as of the ratio.
        for lines in 1..5000_usize {
            for share in [0.9, 0.3] {
                for count in [(lines as f64 * share) as usize, (lines as f64 * share) as usize + 1] {
                    let drops = count as f64 > share * lines as f64;
                    assert_eq!(drops, count as f64 / lines as f64 > share, "{count} of {lines}");
                }
            }
        }
    }

    #[test]
    fn fifty_words_are_enough_and_marks_are_none() {
        keeps(&FILTER, &prose(50));
        drops(&FILTER, "odd_page_length", &prose(49));
        drops(&FILTER, "odd_page_length", &format!("{} (and)", prose(49)));
        drops(&FILTER, "odd_page_length", "");
        keeps(&FILTER, &"the sea ".repeat(50_000));
        drops(&FILTER, "odd_page_length", &format!("{}sea", "the sea ".repeat(50_000)));
    }

    #[test]
    fn word_lengths() {
        let words = |length: usize| format!("be be {}", format!("{} ", "x".repeat(length)).repeat(98));
        // (2 · 2 + 98 · n) / 100
        drops(&FILTER, "odd_word_length", &words(3));
        keeps(&FILTER, &words(4));
        keeps(&FILTER, &words(10));
        drops(&FILTER, "odd_word_length", &words(11));
        keeps(&FILTER, &"the ".repeat(50));
        drops(&FILTER, "odd_word_length", &format!("be {}", "the ".repeat(49)));
    }

    #[test]
    fn symbols_are_counted_without_overlap() {
        let with = |symbols: &str| format!("{symbols} {}", prose(60));
        // 60 words and one that is glued together: at most six.
        keeps(&FILTER, &with("######"));
        drops(&FILTER, "too_many_symbols", &with("#######"));
        keeps(&FILTER, &with("…#.............."));
        drops(&FILTER, "too_many_symbols", &with("…#..............."));
        keeps(&FILTER, &format!("{}{}", "the . . . ".repeat(6), prose(76)));
        drops(&FILTER, "too_many_symbols", &format!("{}{}", "the . . . ".repeat(15), prose(50)));
    }

    #[test]
    fn bullets_and_ellipses() {
        let lines = |bullet: &str, bullets: usize, plain: usize| {
            format!(
                "{}{}",
                format!(" {bullet}and the others are here\n\n").repeat(bullets),
                "so be it\n".repeat(plain)
            )
        };
        for bullet in ["●", "•", "*", "-"] {
            keeps(&FILTER, &lines(bullet, 18, 2));
            drops(&FILTER, "too_many_bullets", &lines(bullet, 19, 2));
        }
        keeps(&FILTER, &lines("–", 20, 0));
        let lines = |end: &str, cut: usize, plain: usize| {
            let line = numbered_words(0, 20);
            format!("{}{}", format!("the and {line}{end} \n").repeat(cut), format!("{line}.\n").repeat(plain))
        };
        for end in ["...", ". . .", "…"] {
            keeps(&FILTER, &lines(end, 3, 7));
            drops(&FILTER, "too_many_ellipsis_lines", &lines(end, 4, 9));
        }
        keeps(&FILTER, &lines("..", 10, 0));
    }

    #[test]
    fn words_have_letters() {
        let with = |numbers: usize, words: usize| format!("{} {}", prose(words), "2024 ".repeat(numbers));
        keeps(&FILTER, &with(20, 80));
        drops(&FILTER, "too_many_unalphabetic_words", &with(21, 80));
        keeps(&FILTER, &format!("{} {}", prose(80), "世2024 ".repeat(40)));
    }

    #[test]
    fn stop_words_may_be_twice_the_same() {
        let with = |stops: &str| format!("{stops} {}", numbered_words(0, 60));
        keeps(&FILTER, &with("The THE"));
        drops(&FILTER, "too_few_stop_words", &with("the then, the,"));
        drops(&FILTER, "too_few_stop_words", &with("with"));
    }
}
