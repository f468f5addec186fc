//! DCLM's measurements against formulas written as plainly as possible.

use std::collections::HashMap;

use document::{Signal, SignalSet, Signals};
use proptest::prelude::*;

use crate::characters::{is_alphabetic, is_alphanumeric, is_space, strip};
use crate::long_words::Scale;
use crate::{Scanner, Splitter};

fn length(text: &str) -> usize {
    text.chars().count()
}

fn counts<T: Eq + std::hash::Hash>(items: impl IntoIterator<Item = T>) -> HashMap<T, usize> {
    let mut counts = HashMap::new();
    items.into_iter().for_each(|item| *counts.entry(item).or_default() += 1);
    counts
}

fn ratio(a: usize, b: usize) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}

/// Share of the copies, and of their characters.
fn copies(text: &str, separator: &str) -> [f64; 2] {
    let parts: Vec<&str> = text.split(separator).map(strip).filter(|part| !part.is_empty()).collect();
    let counts = counts(parts.iter().copied());
    let twice: Vec<&&str> = parts.iter().filter(|part| counts[*part] > 1).collect();
    let chars = |parts: &[&&str]| parts.iter().map(|part| length(part)).sum();
    match parts.len() {
        0 => [1.0, 1.0],
        all => [ratio(twice.len(), all), ratio(chars(&twice), chars(&parts.iter().collect::<Vec<_>>()))],
    }
}

fn grams(words: &[&str], n: usize) -> f64 {
    let chars = |words: &[&str]| words.iter().map(|word| length(word)).sum::<usize>();
    let counts = counts(words.windows(n));
    let most = counts.values().copied().max().unwrap_or(0);
    if most < 2 {
        return 0.0;
    }
    if n <= 4 {
        let tops = counts.iter().filter(|(_, count)| **count == most).map(|(gram, _)| chars(gram));
        return ratio(tops.max().unwrap_or(0) * most, chars(words));
    }
    let mut is_covered = vec![false; words.len()];
    for at in (0..=words.len() - n).filter(|&at| counts[&words[at..at + n]] > 1) {
        is_covered[at..at + n].fill(true);
    }
    let covered: Vec<&str> = (0..words.len()).filter(|&at| is_covered[at]).map(|at| words[at]).collect();
    ratio(chars(&covered), chars(words))
}

fn reference(text: &str) -> HashMap<Signal, f64> {
    use Signal::*;
    let words: Vec<&str> = text.split(is_space).filter(|word| !word.is_empty()).collect();
    let lines: Vec<&str> = text.split('\n').map(strip).filter(|line| !line.is_empty()).collect();
    let or_one = |count: usize| if words.is_empty() { 1.0 } else { ratio(count, words.len()) };
    let fasttext = text.split([' ', '\n', '\r', '\t', '\u{B}', '\u{C}', '\0']);
    let stops = ["the", "be", "to", "of", "and", "that", "have", "with"];
    let symbols: usize = ["#", "...", ". . .", "…"].iter().map(|symbol| text.matches(symbol).count()).sum();
    let bullets = lines.iter().filter(|line| ["●", "•", "*", "-"].iter().any(|it| line.starts_with(it)));
    let ellipses = lines.iter().filter(|line| ["...", ". . .", "…"].iter().any(|it| line.ends_with(it)));
    let mut spans = Vec::new();
    Splitter::Uax29.split(text, &mut spans);
    let uax29 = spans.iter().map(|&(start, end)| &text[start as usize..end as usize]);
    let uax29: Vec<&str> = uax29.filter(|word| word.starts_with(is_alphanumeric)).collect();
    let [lines_share, lines_chars] = copies(text, "\n");
    let [paragraphs_share, paragraphs_chars] = copies(text, "\n\n");
    let mut expected = HashMap::from([
        (DclmWords, fasttext.filter(|word| word.starts_with(is_alphanumeric)).count() as f64),
        (DclmMeanWordLength, ratio(words.iter().map(|word| length(word)).sum(), words.len())),
        (DclmSymbolsPerWord, or_one(symbols)),
        (DclmBulletLines, ratio(bullets.count(), lines.len())),
        (DclmEllipsisLines, ratio(ellipses.count(), lines.len())),
        (DclmUnalphabeticWords, or_one(words.iter().filter(|it| !it.contains(is_alphabetic)).count())),
        (DclmStopWords, words.iter().filter(|it| stops.contains(&&*it.to_lowercase())).count() as f64),
        (DclmDuplicateLines, lines_share),
        (DclmDuplicateLineChars, lines_chars),
        (DclmDuplicateParagraphs, paragraphs_share),
        (DclmDuplicateParagraphChars, paragraphs_chars),
    ]);
    expected.extend((2..).zip(super::GRAMS).map(|(n, signal)| (signal, grams(&uax29, n))));
    expected
}

fn check(text: &str, scanner: &mut Scanner) {
    let expected = reference(text);
    let needs: SignalSet = expected.keys().copied().collect();
    for scale in [Scale::default(), Scale { long_bytes: 0, slots: 8 }] {
        let mut signals = Signals::default();
        scanner.scale = scale;
        scanner.scan(text, needs, &Splitter::Whitespace, None, &mut signals);
        for &signal in Signal::ALL {
            let (name, expected) = (signal.name(), expected.get(&signal).copied());
            assert_eq!(signals.get(signal), expected, "{name} of {text:?} by {scale:?}");
        }
    }
}

#[test]
fn texts_without_words() {
    for text in ["", "\n", " \u{A0}", "…", "\0", "a"] {
        check(text, &mut Scanner::new());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn measured_as_written_plainly(
        text in "(([a-c]{1,2}|THE|with|[#.…•*-]{1,3}|é|3|世|½|\\PC{0,2})[ \n\t\u{A0}\u{1C}\0]{0,2}){0,60}"
    ) {
        let mut scanner = Scanner::new();
        check("one two one two one two\n\none two one two one two", &mut scanner);
        check(&text, &mut scanner);
    }

    #[test]
    fn repeated_parts(parts in prop::collection::vec(0..4usize, 0..30)) {
        const PARTS: [&str; 4] = ["a b c d e f g h i j k", " the end \n", "\n\n", "b c d e f g."];
        check(&parts.into_iter().map(|part| PARTS[part]).collect::<String>(), &mut Scanner::new());
    }
}
