//! Does the page have paragraphs?

use document::{Check, Document, Filter, FilterSpec, Judge, OptionSpec, Raised, Settings, Signals, Test};
use text::characters::count_chars;

const TOO_FEW_PARAGRAPHS: usize = 0;

pub const FILTER: FilterSpec = FilterSpec {
    name: "c4_paragraph",
    source: "Raffel et al. 2020 (C4), realnewslike; as in datatrove",
    about: "Does it have a few long paragraphs?",
    checks: &[Check::new(
        "too_few_paragraphs",
        Test::Own,
        "There are not enough lines as long as a paragraph.",
    )
    .known_as(&[("datatrove", "< 3 paragraphs")])],
    signals: &[],
    options: &[
        OptionSpec {
            key: "min_paragraphs",
            default: "3",
            allowed: &[],
            is_path: false,
            why: "so many lines must be long",
        },
        OptionSpec {
            key: "min_characters",
            default: "200",
            allowed: &[],
            is_path: false,
            why: "a line of so many characters is long",
        },
    ],
    judge: Judge::Document(build),
};

struct Paragraphs {
    least: usize,
    min_chars: usize,
}

fn build(settings: &Settings) -> Result<Box<dyn Filter>, String> {
    let number = |key: &str| settings.number(key).unwrap_or(0.0).max(0.0) as usize;
    Ok(Box::new(Paragraphs { least: number("min_paragraphs"), min_chars: number("min_characters") }))
}

impl Filter for Paragraphs {
    fn judge(&self, document: &mut Document<'_>, _: &mut Signals, raised: &mut Raised, _: &mut String) {
        let is_long = |line: &&str| line.len() >= self.min_chars && count_chars(line) >= self.min_chars;
        if document.text.split('\n').filter(is_long).take(self.least).count() < self.least {
            raised.raise(TOO_FEW_PARAGRAPHS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FILTER;
    use crate::testing::{drops, keeps};

    #[test]
    fn three_lines_of_two_hundred_characters_are_enough() {
        let text =
            |third: usize| ["é".repeat(200), String::new(), "a".repeat(300), "é".repeat(third)].join("\n");
        keeps(&FILTER, &text(200));
        drops(&FILTER, "too_few_paragraphs", &text(199));
        drops(&FILTER, "too_few_paragraphs", "");
    }
}
