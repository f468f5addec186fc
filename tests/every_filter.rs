//! What must hold for every filter of the registry, so that a new one is tested before it has tests.

use std::collections::BTreeMap;

use document::{Document, FileBytes, Form, Judge, LineEdits, LineFilter, Raised, Settings, Signals};

/// Texts that break careless code.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "\n",
        "\n\n\n",
        "a",
        "…",
        "...",
        "{",
        "\u{feff}",
        "\u{85}\u{2028}x\u{1c}",
        "İI\u{307}",
        "\u{10ffff}",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push("x".repeat(100_000));
    texts.push("\n".repeat(50_000));
    texts.push("- \u{2022} # ...\r\n".repeat(2_000));
    texts.push("la la la. ".repeat(5_000));
    texts.push("日本語の文章。これは試験です。\n".repeat(500));
    texts
}

fn settings(spec: &document::FilterSpec) -> Settings {
    let options =
        spec.options.iter().map(|option| (option.key.to_owned(), plan::parser::default_value(option)));
    // Filters with a model have none by default, which is the path "".
    let mut model = classify::fasttext::fixture::Parts::two_languages();
    model.labels[1].0 = "__label__hq";
    Settings {
        options: options.collect(),
        models: BTreeMap::from([(String::new(), FileBytes::new(model.bytes()))]),
        splitter: "spacy".to_owned(),
        ..Settings::default()
    }
}

#[test]
fn names_are_unique_and_described() {
    let mut names = std::collections::BTreeSet::new();
    for spec in filters::FILTERS {
        assert!(names.insert(spec.name), "{} stands twice", spec.name);
        assert!(
            !spec.source.is_empty()
                && !spec.about.is_empty()
                && !spec.checks.is_empty() | !spec.signals.is_empty(),
            "{}",
            spec.name
        );
        assert!(spec.checks.len() <= 64, "{}", spec.name);
        let mut reasons = std::collections::BTreeSet::new();
        for check in spec.checks {
            assert!(reasons.insert(check.reason), "{}.{} stands twice", spec.name, check.reason);
            assert!(check.why.ends_with('.'), "{}.{}: why is a sentence", spec.name, check.reason);
        }
    }
}

#[test]
fn no_text_makes_a_filter_fail_and_all_measurements_are_finite() {
    let mut scanner = text::Scanner::new();
    for spec in filters::FILTERS {
        for text in texts() {
            let mut signals = Signals::default();
            let mut raised = Raised::default();
            let mut buffer = String::new();
            let mut document = Document::new(&text);
            match spec.judge {
                Judge::Bounds => {
                    let stop_words = text::StopWords::new("the\nand");
                    let needs = spec.columns().into_iter().collect();
                    scanner.scan(&text, needs, &text::Splitter::Spacy, Some(&stop_words), &mut signals);
                }
                Judge::Document(build) => {
                    let filter = build(&settings(spec)).unwrap();
                    filter.judge(&mut document, &mut signals, &mut raised, &mut buffer);
                }
                Judge::Lines(_) | Judge::Repeats(_) => {
                    let mut parts = Vec::new();
                    let filter: Box<dyn LineFilter> = match spec.judge {
                        Judge::Repeats(build) => {
                            let filter = build(&settings(spec)).unwrap();
                            filter.hash_parts(&document, &mut buffer, &mut |part, _| parts.push(part));
                            if filter.min_bytes().is_some() {
                                // Ranges, which may cut characters.
                                parts.extend((0..text.len() as u32).step_by(101));
                            }
                            assert!(parts.is_sorted_by(|a, b| a < b), "{}", spec.name);
                            filter
                        }
                        Judge::Lines(build) => build(&settings(spec)).unwrap(),
                        Judge::Bounds | Judge::Document(_) => unreachable!(),
                    };
                    // Each part stands elsewhere, or every second one.
                    parts.retain(|part| text.len() % 2 == 0 || part % 2 == 0);
                    let document = Document { repeated: &parts, ..document };
                    let mut edits = LineEdits::default();
                    edits.clear(spec.checks.len());
                    filter.judge_lines(&document, &mut edits, &mut signals, &mut raised, &mut buffer);
                    let mut kept = String::new();
                    edits.apply(&text, &mut kept);
                    let replaces = edits.form == Form::Written
                        || edits.pieces.iter().any(|piece| piece.replacement.is_some());
                    assert!(replaces || kept.len() <= text.len(), "{} made a text longer", spec.name);
                }
            }
            for signal in spec.columns() {
                assert!(signals.get(signal).is_none_or(f64::is_finite), "{}.{}", spec.name, signal.name());
                if matches!(spec.judge, Judge::Bounds) {
                    assert!(
                        signals.get(signal).is_some(),
                        "{}.{} was not measured",
                        spec.name,
                        signal.name()
                    );
                }
            }
        }
    }
}
