//! The scan against a reference written as plainly as possible, and against values known from elsewhere.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::characters::{is_alphabetic, is_symbol, is_terminal, strip};
use crate::lines::split_lines;

const STOPS: &str = "the\nbe\nto\nof\nand\nthat\nhave\nwith\n";

fn scan(text: &str) -> Signals {
    let mut signals = Signals::default();
    let needs = reference(text, &[]).into_keys().collect();
    Scanner::new().scan(text, needs, &Splitter::Uax29, Some(&StopWords::new(STOPS)), &mut signals);
    signals
}

fn duplicates(parts: &[String]) -> (usize, usize) {
    let mut seen = HashSet::new();
    let again: Vec<&String> = parts.iter().filter(|part| !seen.insert(*part)).collect();
    (again.len(), again.iter().map(|part| part.chars().count()).sum())
}

fn split_runs(text: &str, least: usize) -> Vec<String> {
    let (mut parts, mut part, mut run) = (Vec::new(), String::new(), 0);
    for c in text.chars().chain(['\0']) {
        if c == '\n' {
            run += 1;
            continue;
        }
        if run >= least {
            parts.push(std::mem::take(&mut part));
        } else {
            part.extend(std::iter::repeat_n('\n', run));
        }
        run = 0;
        part.push(c);
    }
    part.pop();
    parts.push(part);
    parts
}

fn reference(text: &str, words: &[&str]) -> HashMap<Signal, f64> {
    use Signal::*;
    let ratio = |a: usize, b: usize| if b == 0 { 0.0 } else { a as f64 / b as f64 };
    let length = |text: &str| text.chars().count();
    let (chars, mut out) = (length(text), HashMap::new());

    let paragraphs = split_runs(strip(text), 2);
    let (count, long) = duplicates(&paragraphs);
    out.insert(DuplicateParagraphs, ratio(count, paragraphs.len()));
    out.insert(DuplicateParagraphChars, ratio(long, chars));
    let lines = split_runs(text, 1);
    let (count, long) = duplicates(&lines);
    out.insert(DuplicateLines, ratio(count, lines.len()));
    out.insert(DuplicateLineChars, ratio(long, chars));

    for (n, signal) in (2..).zip(TOP) {
        let grams: Vec<String> = words.windows(n).map(|gram| gram.join(" ")).collect();
        let count = |gram: &String| grams.iter().filter(|other| *other == gram).count();
        let mut best: Option<(&String, usize)> = None;
        for gram in &grams {
            if best.is_none_or(|(_, most)| count(gram) > most) {
                best = Some((gram, count(gram)));
            }
        }
        out.insert(signal, best.map_or(0.0, |(gram, count)| ratio(length(gram) * count, chars)));
    }
    for (n, signal) in (5..).zip(DUPLICATES) {
        let (mut seen, mut at, mut again) = (HashSet::new(), 0, 0);
        while at + n <= words.len() {
            let gram = words[at..at + n].concat();
            if seen.contains(&gram) {
                again += length(&gram);
                at += n;
            } else {
                seen.insert(gram);
                at += 1;
            }
        }
        out.insert(signal, ratio(again, chars));
    }

    let real: Vec<&&str> = words.iter().filter(|word| !word.chars().all(is_symbol)).collect();
    let stops: HashSet<&str> = STOPS.lines().filter(|stop| words.contains(stop)).collect();
    out.insert(AllWords, words.len() as f64);
    out.insert(Words, real.len() as f64);
    out.insert(MeanWordLength, ratio(real.iter().map(|word| length(word)).sum(), real.len()));
    out.insert(HashesPerWord, ratio(text.matches('#').count(), words.len()));
    out.insert(EllipsesPerWord, ratio(text.matches("...").count() + text.matches('…').count(), words.len()));
    out.insert(
        AlphabeticWords,
        ratio(words.iter().filter(|w| w.chars().any(is_alphabetic)).count(), words.len()),
    );
    out.insert(StopWords, stops.len() as f64);

    let lines: Vec<&str> = split_lines(text).map(|range| &text[range]).collect();
    let bullet = |line: &&&str| strip(line).starts_with(['-', '•']);
    out.insert(BulletLines, ratio(lines.iter().filter(bullet).count(), lines.len()));
    let ellipsis = |line: &&&str| strip(line).ends_with('…') || strip(line).ends_with("...");
    out.insert(EllipsisLines, ratio(lines.iter().filter(ellipsis).count(), lines.len()));

    let lines: Vec<String> = text.split('\n').filter(|l| !strip(l).is_empty()).map(String::from).collect();
    out.insert(NonBlankLines, lines.len() as f64);
    out.insert(
        PunctuatedLines,
        ratio(lines.iter().filter(|l| l.ends_with(is_terminal)).count(), lines.len()),
    );
    out.insert(ShortLines, ratio(lines.iter().filter(|line| length(line) <= 30).count(), lines.len()));
    out.insert(DuplicateNonBlankLineChars, ratio(duplicates(&lines).1, length(&text.replace('\n', ""))));
    out.insert(NewlinesPerWord, ratio(text.matches('\n').count(), words.len()));
    out
}

/// As a short text and as a long one.
fn check(text: &str, splitter: Splitter, scanner: &mut Scanner) {
    let mut spans = Vec::new();
    splitter.split(text, &mut spans);
    let words: Vec<&str> = spans.iter().map(|&(start, end)| &text[start as usize..end as usize]).collect();
    let expected = reference(text, &words);
    let needs = expected.keys().copied().collect();
    for scale in [Scale::default(), Scale { long_bytes: 0, slots: 8 }] {
        let mut signals = Signals::default();
        scanner.scale = scale;
        scanner.scan(text, needs, &splitter, Some(&crate::StopWords::new(STOPS)), &mut signals);
        for &signal in Signal::ALL {
            let (name, expected) = (signal.name(), expected.get(&signal).copied());
            assert_eq!(signals.get(signal), expected, "{name} of {text:?} by {scale:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    // Few different short words: n-grams of equal letters but other borders, jumps, ties.
    #[test]
    fn repetitive_text_is_measured_as_by_the_reference(text in "((a|b|ab|aab|the|,|\u{E9}e)[ \n]{1,2}){0,60}") {
        check(&text, Splitter::Uax29, &mut Scanner::new());
    }

    #[test]
    fn any_text_is_measured_as_by_the_reference(
        text in "([a-c]{1,9}|with|[.…!#•-]{1,4}|[\u{A0}\u{85}\u{2028}\r\n \t\u{1C}]{1,3}|[世é़\u{300}Ⅷ️]|\\PC{0,3}){0,40}",
        whitespace in any::<bool>(),
    ) {
        let splitter = if whitespace { Splitter::Whitespace } else { Splitter::Uax29 };
        let mut scanner = Scanner::new();
        // Nothing may stay behind from another document.
        check("one two three one two three one two three one two three one two\n\nthree", splitter, &mut scanner);
        check(&text, splitter, &mut scanner);
    }

    #[test]
    fn repeated_sentences_are_measured_as_by_the_reference(
        pieces in prop::collection::vec(0..5usize, 0..25)
    ) {
        const SENTENCES: [&str; 5] = [
            "Subscribe to our weekly newsletter for the latest offers and news. ",
            "All rights reserved by the respective owners of this remarkable site.\n",
            "to our weekly newsletter for the latest offers and other unrelated things ",
            "x y z x y z\n\n",
            "Ein Straßenbahnschaffner fährt täglich über die Brücke nach Überlingen. ",
        ];
        let text: String = pieces.into_iter().map(|piece| SENTENCES[piece]).collect();
        check(&text, Splitter::Uax29, &mut Scanner::new());
    }
}

#[test]
fn a_text_without_words_or_lines_measures_zero() {
    for text in ["", "\n", "\n\n\n", " \u{A0}"] {
        check(text, Splitter::Uax29, &mut Scanner::new());
    }
    let signals = scan("");
    for &signal in Signal::ALL {
        assert!(signals.get(signal).is_none_or(|value| value == 0.0), "{}", signal.name());
    }
}

#[test]
fn the_first_n_gram_counts_even_if_nothing_repeats() {
    assert_eq!(scan("hello world").get(Signal::Top2Gram), Some(1.0));
    assert_eq!(scan("hello world").get(Signal::Top3Gram), Some(0.0));
    assert_eq!(scan("hello").get(Signal::Top2Gram), Some(0.0));
}

#[test]
fn only_what_is_asked_is_measured() {
    let mut scanner = Scanner::new();
    for &signal in Signal::ALL {
        let mut signals = Signals::default();
        let needs = SignalSet::from_iter([signal]);
        scanner.scan("the one\n- and the other", needs, &Splitter::Uax29, None, &mut signals);
        for &other in Signal::ALL {
            let is_measured =
                other == signal && signal != Signal::StopWords && needs.intersects(scanner.signals());
            assert_eq!(signals.get(other).is_some(), is_measured, "{} for {}", other.name(), signal.name());
        }
    }
}
