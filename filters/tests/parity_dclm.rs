//! DCLM's RefinedWeb heuristics on real web pages, field by field against the reference (mlfoundations/dclm 361714b):
//! every step alone on the page as it is, and all steps in order. Needs `CORPUS_TEST_DATA`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout
)]

mod pages;

use pages::sha1_hex;
use pages::table::Table;

use document::{
    Document, FilterSpec, Judge, LineEdits, LineFilter, Raised, Scope, Settings, Signal, Signals, Test,
};
use serde_json::Value;
use text::characters::{count_chars, is_alphanumeric};
use text::{Scanner, Splitter};

/// The reference's steps that rewrite the page: filter, and the line check that is the step.
const MODIFIERS: [(&str, &str, &str); 9] = [
    ("url_removal_modifier", "dclm_text", "address"),
    ("newline_removal_modifier", "dclm_text", "line_feeds"),
    ("uppercase_ratio_line_modifier", "dclm_lines", "uppercase_line"),
    ("numeric_ratio_line_modifier", "dclm_lines", "numeric_line"),
    ("counter_line_modifier", "dclm_lines", "counter_line"),
    ("line_length_modifier", "dclm_lines", "too_few_words_in_line"),
    ("substring_line_modifier#1", "dclm_lines", "items_in_cart"),
    ("substring_line_modifier#2", "dclm_lines", "read_more"),
    ("substring_line_modifier#3", "dclm_lines", "sign_in"),
];

/// The steps that only judge are known by the reference's names in these filters.
const TABLES: [&str; 2] = ["dclm_quality", "dclm_repetition"];

const REPETITION: &str = "massive_web_repetition_filters";

/// What a filter makes of a text.
#[derive(Default)]
struct Judged {
    failed: Vec<usize>,
    kept: String,
}

struct Stage {
    spec: &'static FilterSpec,
    lines: Option<Box<dyn LineFilter>>,
}

impl Stage {
    /// With `only`, its other line checks are off.
    fn new(name: &str, only: Option<&str>) -> Stage {
        let spec = filters::find(name).unwrap();
        let mut settings = Settings::default();
        let others = spec.checks.iter().filter(|check| check.scope == Scope::Line && only.is_some());
        settings.off = others.map(|check| check.reason.to_owned()).filter(|it| only != Some(it)).collect();
        let lines = match spec.judge {
            Judge::Lines(build) => Some(build(&settings).unwrap()),
            _ => None,
        };
        Stage { spec, lines }
    }

    fn judge(&self, text: &str, scanner: &mut Scanner) -> (Judged, Signals) {
        let (mut judged, mut signals, mut raised) =
            (Judged::default(), Signals::default(), Raised::default());
        match &self.lines {
            Some(lines) => {
                let (mut edits, mut buffer) = (LineEdits::default(), String::new());
                lines.judge_lines(&Document::new(text), &mut edits, &mut signals, &mut raised, &mut buffer);
                edits.apply(text, &mut judged.kept);
            }
            None => {
                let needs = self.spec.columns().into_iter().collect();
                scanner.scan(text, needs, &Splitter::Uax29, None, &mut signals);
                text.clone_into(&mut judged.kept);
            }
        }
        let checks = self.spec.checks.iter().enumerate();
        judged.failed = checks
            .filter(|(index, check)| match check.test {
                Test::Own => raised.contains(*index),
                Test::Bound(signal, bound) => !bound.keeps(signals.get(signal).unwrap()),
            })
            .map(|(index, _)| index)
            .collect();
        (judged, signals)
    }
}

fn name_in_reference(spec: &FilterSpec, check: usize) -> &'static str {
    spec.checks[check].aliases.iter().find(|(reference, _)| *reference == "dclm").unwrap().1
}

/// 1 pass, 0 fail, by rule.
fn digits(spec: &FilterSpec, failed: &[usize]) -> String {
    (0..spec.checks.len()).map(|check| if failed.contains(&check) { '0' } else { '1' }).collect()
}

/// All steps in order; what the reference writes of it.
struct Chain {
    first: String,
    words: Option<u64>,
    text: Option<String>,
    digits: Option<String>,
}

fn chain(stages: &[Stage; 4], text: &str, scanner: &mut Scanner) -> Chain {
    let mut chain = Chain { first: "keep".to_owned(), words: None, text: None, digits: None };
    let mut text = text.to_owned();
    for stage in stages {
        if stage.spec.name == "dclm_lines" {
            let mut signals = Signals::default();
            scanner.scan(
                &text,
                [Signal::DclmWords].into_iter().collect(),
                &Splitter::Uax29,
                None,
                &mut signals,
            );
            chain.words = signals.get(Signal::DclmWords).map(|words| words as u64);
        }
        let (judged, _) = stage.judge(&text, scanner);
        if let Some(&first) = judged.failed.first() {
            chain.first = name_in_reference(stage.spec, first).to_owned();
            chain.digits = (chain.first == REPETITION).then(|| digits(stage.spec, &judged.failed));
            return chain;
        }
        text = judged.kept;
    }
    chain.text = Some(text);
    chain
}

#[test]
fn every_field_is_that_of_the_reference() {
    let Some(folder) = pages::data() else { return };
    let mut documents = pages::open(&folder.join("data/raw/web_pages.jsonl.zst")).enumerate();
    let modifiers = MODIFIERS.map(|(step, filter, check)| (step, Stage::new(filter, Some(check))));
    let tables = TABLES.map(|name| Stage::new(name, None));
    let stages =
        ["dclm_text", "dclm_quality", "dclm_repetition", "dclm_lines"].map(|it| Stage::new(it, None));
    let (mut scanner, mut table, mut spans) = (Scanner::new(), Table::default(), Vec::new());
    for golden in pages::open(&folder.join("golden/dclm.jsonl.zst")) {
        let index = golden["index"].as_u64().unwrap() as usize;
        let (_, page) = documents.by_ref().find(|(at, _)| *at == index).unwrap();
        assert_eq!(page["id"], golden["id"]);
        let id = page["id"].as_str().unwrap();
        let text = page["text"].as_str().unwrap();
        let steps = golden["fn"].as_object().unwrap();
        let mut compared = 0;
        let mut step = |table: &mut Table, name: &str, keeps: bool| {
            compared += 1;
            table.compare(&format!("fn {name}"), id, keeps as u64, steps[name].as_u64().unwrap());
        };

        for (name, stage) in &modifiers {
            let (judged, _) = stage.judge(text, &mut scanner);
            let nothing_left =
                judged.failed.iter().any(|&check| stage.spec.checks[check].reason == "nothing_left");
            step(&mut table, name, !nothing_left);
            let theirs = &golden["mod"][*name];
            if !nothing_left {
                let is_changed = judged.kept != text;
                let sha1 = is_changed.then(|| sha1_hex(&judged.kept));
                let chars = is_changed.then(|| count_chars(&judged.kept) as u64);
                let theirs = (theirs[0].as_str().map(str::to_owned), theirs[1].as_u64());
                table.compare(&format!("mod {name}"), id, (sha1, chars), theirs);
            }
        }
        for stage in &tables {
            let (judged, signals) = stage.judge(text, &mut scanner);
            let names: std::collections::BTreeSet<&str> =
                (0..stage.spec.checks.len()).map(|check| name_in_reference(stage.spec, check)).collect();
            for name in names {
                let fails = |check: &usize| name_in_reference(stage.spec, *check) == name;
                step(&mut table, name, !judged.failed.iter().any(fails));
            }
            if let Some(words) = signals.get(Signal::DclmWords) {
                table.compare(
                    "words_fasttext_alnum",
                    id,
                    words as u64,
                    golden["words_fasttext_alnum"].as_u64().unwrap(),
                );
                // Alone, the last step only asks whether there are words; and counting never drops.
                step(&mut table, "word_removal_ratio_filter", words > 0.0);
                step(&mut table, "word_counter_enricher", true);
            } else {
                let digits = digits(stage.spec, &judged.failed);
                table.compare("rep", id, digits.as_str(), golden["rep"].as_str().unwrap());
                for (at, check) in stage.spec.checks.iter().enumerate() {
                    let theirs = golden["rep"].as_str().unwrap().as_bytes()[at];
                    table.compare(&format!("rep {}", check.reason), id, digits.as_bytes()[at], theirs);
                }
            }
        }
        assert_eq!(compared, steps.len());

        Splitter::Uax29.split(text, &mut spans);
        let words = spans.iter().map(|&(start, end)| &text[start as usize..end as usize]);
        let words: Vec<&str> = words.filter(|word| word.starts_with(is_alphanumeric)).collect();
        let chars: usize = words.iter().map(|word| count_chars(word)).sum();
        table.compare(
            "words_uniseg_alnum",
            id,
            words.len() as u64,
            golden["words_uniseg_alnum"].as_u64().unwrap(),
        );
        table.compare(
            "words_uniseg_alnum_chars",
            id,
            chars as u64,
            golden["words_uniseg_alnum_chars"].as_u64().unwrap(),
        );
        let sha1 = sha1_hex(&words.join("\n"));
        table.compare(
            "words_uniseg_alnum_sha1",
            id,
            sha1.as_str(),
            golden["words_uniseg_alnum_sha1"].as_str().unwrap(),
        );

        let chain = chain(&stages, text, &mut scanner);
        table.compare("chain", id, chain.first.as_str(), golden["chain"].as_str().unwrap());
        let text_of = |value: &Value| value.as_str().map(str::to_owned);
        table.compare("chain_prev_words", id, chain.words, golden["chain_prev_words"].as_u64());
        let chars = chain.text.as_ref().map(|text| count_chars(text) as u64);
        table.compare("chain_text_chars", id, chars, golden["chain_text_chars"].as_u64());
        table.compare(
            "chain_text_sha1",
            id,
            chain.text.as_deref().map(sha1_hex),
            text_of(&golden["chain_text_sha1"]),
        );
        table.compare("chain_rep", id, chain.digits, text_of(&golden["chain_rep"]));
    }
    table.conclude(
        "DCLM",
        &[
            ("fn ", "each of 17 steps alone: keep or drop"),
            ("mod ", "the text after each of 9 modifiers"),
            ("rep", "13 repetition rules, each alone"),
            ("words_", "words by fastText and by UAX-29"),
            ("chain", "the chain: first dropping step, word count, text"),
        ],
    );
}
