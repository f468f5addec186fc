//! Is the page running text, not a list of short or repeated lines?
//!
//! Lines are separated by line feeds; blank ones do not count. Trailing blanks hide a line's punctuation, as in the
//! reference, which calls the first reason `empty`.

use document::{Check, FilterSpec, Signal::*, at_least, at_most};

pub const FILTER: FilterSpec = FilterSpec::bounds(
    "fineweb_quality",
    "Penedo et al. 2024 (FineWeb), 3.6; as in datatrove",
    "Is it running text in whole lines?",
    &[
        Check::new("no_lines", at_least(NonBlankLines, 1.0), "There is nothing but white space.")
            .known_as(&[("datatrove", "empty")]),
        Check::new(
            "too_few_punctuated_lines",
            at_least(PunctuatedLines, 0.12),
            "Hardly a line ends like a sentence.",
        )
        .known_as(&[("datatrove", "line_punct_ratio")]),
        Check::new(
            "too_many_short_lines",
            at_most(ShortLines, 0.67),
            "Lines of at most 30 characters: menus and lists.",
        )
        .known_as(&[("datatrove", "short_line_ratio")]),
        Check::new(
            "duplicate_line_characters",
            at_most(DuplicateNonBlankLineChars, 0.01),
            "Characters in lines that are copies of earlier ones.",
        )
        .known_as(&[("datatrove", "char_dup_ratio")]),
        Check::new("too_many_newlines", at_most(NewlinesPerWord, 0.3), "A list of words, not a text.")
            .known_as(&[("datatrove", "list_ratio")]),
    ],
);

#[cfg(test)]
mod tests {
    use super::FILTER;
    use crate::testing::{drops, keeps, limits_are_exact, numbered_words};

    fn lines(count: usize, change: impl Fn(usize, String) -> String) -> String {
        (0..count).map(|i| change(i, format!("{}.", numbered_words(i * 8, 8)))).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn limits_are_kept() {
        limits_are_exact(&FILTER);
    }

    #[test]
    fn each_rule_drops() {
        keeps(&FILTER, &lines(100, |_, line| line));
        drops(&FILTER, "no_lines", " \n\u{A0}\n");
        drops(&FILTER, "no_lines", "");
        keeps(&FILTER, &lines(100, |i, line| if i < 12 { line } else { line.replace('.', "") }));
        drops(
            &FILTER,
            "too_few_punctuated_lines",
            &lines(100, |i, line| if i < 11 { line } else { line.replace('.', "") }),
        );
        // A blank at the end hides the mark.
        drops(&FILTER, "too_few_punctuated_lines", &lines(100, |_, line| line + " "));
        let short = |most: usize| {
            move |i: usize, line: String| if i < most { format!("{i} is short, a line.") } else { line }
        };
        keeps(&FILTER, &lines(100, short(67)));
        drops(&FILTER, "too_many_short_lines", &lines(100, short(68)));
        drops(
            &FILTER,
            "duplicate_line_characters",
            &lines(50, |i, line| if i == 0 { format!("{}.", numbered_words(8, 8)) } else { line }),
        );
        let spread = lines(60, |_, line| line + "\n\n\n");
        drops(&FILTER, "too_many_newlines", &spread);
    }
}
