//! Does the page repeat itself? Gopher's rules as DCLM writes them.
//!
//! Every copy is a duplicate, the first too; lines and paragraphs are stripped and blank ones left out, one alone
//! passes. Words are UAX 29's that begin with a letter or digit, whatever the recipe's word splitter.

use document::{Check, FilterSpec, Signal, Signal::*, at_most};

pub const FILTER: FilterSpec = FilterSpec::bounds(
    "dclm_repetition",
    "Li et al. 2024 (DCLM); Rae et al. 2021 (Gopher), table A1",
    "Does it say things once, not again and again?",
    &[
        check("duplicate_lines", DclmDuplicateLines, 0.3, "Many lines have a copy: menus, tables."),
        check("duplicate_paragraphs", DclmDuplicateParagraphs, 0.3, "Many paragraphs have a copy."),
        check("duplicate_line_chars", DclmDuplicateLineChars, 0.2, "Much of the text has a copy, by lines."),
        check(
            "duplicate_paragraph_chars",
            DclmDuplicateParagraphChars,
            0.2,
            "Much of the text has a copy, by paragraphs.",
        ),
        check("frequent_2_gram", DclmTop2Gram, 0.2, "One pair of words fills too much of the text."),
        check("frequent_3_gram", DclmTop3Gram, 0.18, "One run of three words fills too much of the text."),
        check("frequent_4_gram", DclmTop4Gram, 0.16, "One run of four words fills too much of the text."),
        check(
            "repeated_5_grams",
            DclmRepeated5Grams,
            0.15,
            "Much of the text is repeated runs of five words.",
        ),
        check(
            "repeated_6_grams",
            DclmRepeated6Grams,
            0.14,
            "Much of the text is repeated runs of six words.",
        ),
        check(
            "repeated_7_grams",
            DclmRepeated7Grams,
            0.13,
            "Much of the text is repeated runs of seven words.",
        ),
        check(
            "repeated_8_grams",
            DclmRepeated8Grams,
            0.12,
            "Much of the text is repeated runs of eight words.",
        ),
        check(
            "repeated_9_grams",
            DclmRepeated9Grams,
            0.11,
            "Much of the text is repeated runs of nine words.",
        ),
        check(
            "repeated_10_grams",
            DclmRepeated10Grams,
            0.1,
            "Much of the text is repeated runs of ten words.",
        ),
    ],
);

/// The reference has one name for them all.
const fn check(reason: &'static str, signal: Signal, limit: f64, why: &'static str) -> Check {
    Check::new(reason, at_most(signal, limit), why).known_as(&[("dclm", "massive_web_repetition_filters")])
}

#[cfg(test)]
mod tests {
    use super::FILTER;
    use crate::testing::{drops, keeps, limits_are_exact, numbered_words};

    /// Lines of twelve words, the first `copies` of them twice.
    fn lines(distinct: usize, copies: usize, separator: &str) -> String {
        let line = |i: usize| numbered_words(i * 12, 12);
        (0..distinct).chain(0..copies).map(line).collect::<Vec<_>>().join(separator)
    }

    #[test]
    fn limits_are_kept() {
        limits_are_exact(&FILTER);
    }

    #[test]
    fn all_copies_count() {
        // Short lines beside long ones, so that the characters do not matter.
        let page = |pairs: usize, others: usize| {
            let long = |i: usize| format!("{}\n", numbered_words(100 + i * 12, 12));
            let short = |i: usize| format!("{i}\n");
            (0..pairs).chain(0..pairs).map(short).chain((0..others).map(long)).collect::<String>()
        };
        keeps(&FILTER, &page(3, 14));
        drops(&FILTER, "duplicate_lines", &page(3, 13));
        let paragraphs = |pairs, others| page(pairs, others).replace('\n', " .\n\n");
        keeps(&FILTER, &paragraphs(3, 14));
        // Each paragraph is a line.
        drops(&FILTER, "duplicate_lines", &paragraphs(3, 13));
        let broken = |pairs: usize, others: usize| {
            let long = |i: usize| numbered_words(100 + i * 12, 12).replace(' ', "\n");
            let short = |i: usize| format!("{i}");
            let all = (0..pairs).chain(0..pairs).map(short).chain((0..others).map(long));
            all.collect::<Vec<_>>().join("\n\n")
        };
        keeps(&FILTER, &broken(3, 14));
        drops(&FILTER, "duplicate_paragraphs", &broken(3, 13));
    }

    #[test]
    fn characters_of_copies_count() {
        // 2 of 10 lines of one length are a fifth of the characters, with no word n-gram that comes again.
        let page = |others: usize| {
            let line = |i: usize| format!("x{i:04}x{}\n", "y".repeat(6));
            (0..1).chain(0..1).chain(1..=others).map(line).collect::<String>()
        };
        keeps(&FILTER, &page(8));
        drops(&FILTER, "duplicate_line_chars", &page(7));
        // Blank lines within a paragraph are part of its length, but no lines.
        let paragraphs = |others: usize| {
            let twice = "abcde\n \n \n \n \n \n \nfghij\n\n".repeat(2);
            twice + &(0..others).map(|i| format!("x{i:04}{}\n\n", "y".repeat(5))).collect::<String>()
        };
        keeps(&FILTER, &paragraphs(19));
        drops(&FILTER, "duplicate_paragraph_chars", &paragraphs(18));
    }

    #[test]
    fn one_line_passes_and_none_does_not() {
        keeps(&FILTER, "word");
        keeps(&FILTER, &lines(10, 0, "\n"));
        drops(&FILTER, "duplicate_lines", " \n");
        drops(&FILTER, "duplicate_lines", "");
    }

    #[test]
    fn the_longest_of_equally_frequent_n_grams_counts() {
        // Characters of the pair, twice, of all: 2 · 4 / 40, and 2 · 4 / 39.
        keeps(&FILTER, &format!("ab cd 1 ab cd {}", "x".repeat(31)));
        drops(&FILTER, "frequent_2_gram", &format!("ab cd 1 ab cd {}", "x".repeat(30)));
        drops(&FILTER, "frequent_2_gram", &format!("a b 1 a b 2 ab cd 3 ab cd {}", "x".repeat(24)));
        // Marks are no words, so they break no n-gram.
        drops(&FILTER, "frequent_2_gram", &format!("ab, cd 1 ab – cd {}", "x".repeat(30)));
        // 2 · 6 / 67 and / 66; the pair fills less than a fifth.
        keeps(&FILTER, &format!("ab cd ef 1 ab cd ef {}", "x".repeat(54)));
        drops(&FILTER, "frequent_3_gram", &format!("ab cd ef 1 ab cd ef {}", "x".repeat(53)));
        drops(&FILTER, "frequent_4_gram", &format!("ab cd ef gh 1 ab cd ef gh {}", "x".repeat(76)));
    }

    #[test]
    fn covered_words_count_once() {
        // 2 · 5 of all: 10 / 67 = 0.1493 and 10 / 66 = 0.1515; four words in a row fill 8.
        let page = |rest: usize| format!("a b c d e 1 a b c d e {}", "x".repeat(rest));
        keeps(&FILTER, &page(56));
        drops(&FILTER, "repeated_5_grams", &page(55));
        let run = |n: usize, rest: usize| {
            let words = (0..n).map(|i| char::from(b'a' + i as u8).to_string()).collect::<Vec<_>>().join(" ");
            format!("{words} 1 {words} {}", "x".repeat(rest))
        };
        // A run of n words twice is 2n of all n-grams, whatever their length; limits fall, so the longest one decides.
        for (n, limit) in [(6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.1)] {
            let most = (2.0 * n as f64 / limit).ceil() as usize - 1;
            let rest = |all: usize| all - 2 * n - 1;
            keeps(&FILTER, &run(n, rest(most + 1)));
            drops(&FILTER, &format!("repeated_{n}_grams"), &run(n, rest(most)));
        }
    }
}
