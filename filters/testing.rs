//! What the tests of filters share: judge a text as a plan would, with the defaults of the filter.

use classify::fasttext::fixture::Parts;
use document::{
    Bound, Document, FileBytes, FilterSpec, Judge, LineEdits, LineFilter, OptionValue, Raised, Scope,
    Settings, Signals, Test,
};
use text::{Scanner, Splitter, StopWords};

/// The default options, and the default words.
pub fn settings(filter: &FilterSpec) -> Settings {
    let value = |toml: &str| match toml.as_bytes()[0] {
        b't' | b'f' => OptionValue::Bool(toml == "true"),
        b'"' => OptionValue::Text(toml.trim_matches('"').to_owned()),
        b'[' => {
            let items = toml.trim_matches(['[', ']']).split(',').map(|item| item.trim().trim_matches('"'));
            OptionValue::List(items.filter(|item| !item.is_empty()).map(str::to_owned).collect())
        }
        _ => OptionValue::Number(toml.parse().unwrap_or(f64::NAN)),
    };
    let options = filter.options.iter().map(|option| (option.key.to_owned(), value(option.default)));
    Settings { options: options.collect(), splitter: "spacy".to_owned(), ..Settings::default() }
}

/// The default options, and a model at the path "".
pub fn settings_with(filter: &FilterSpec, model: &Parts) -> Settings {
    let mut settings = settings(filter);
    settings.models.insert(String::new(), FileBytes::new(model.bytes()));
    settings
}

/// The failed checks, in the filter's order.
pub fn reasons(filter: &FilterSpec, settings: &Settings, text: &str) -> Vec<&'static str> {
    reasons_without(filter, settings, text, &[])
}

/// The same where these parts of the text stand elsewhere, too.
pub fn reasons_without(
    filter: &FilterSpec,
    settings: &Settings,
    text: &str,
    repeated: &[u32],
) -> Vec<&'static str> {
    let (mut signals, mut raised, mut buffer) = (Signals::default(), Raised::default(), String::new());
    let needs = filter.columns().into_iter().collect();
    let english = StopWords::new(crate::stop_words("en").unwrap_or_default());
    Scanner::new().scan(text, needs, &Splitter::Spacy, Some(&english), &mut signals);
    let mut document = Document { repeated, ..Document::new(text) };
    match filter.judge {
        Judge::Bounds => {}
        Judge::Document(build) => match build(settings) {
            Ok(code) => code.judge(&mut document, &mut signals, &mut raised, &mut buffer),
            Err(message) => unreachable!("{message}"),
        },
        Judge::Lines(_) | Judge::Repeats(_) => {
            let mut edits = LineEdits::default();
            edits.clear(filter.checks.len());
            let code = line_filter(filter, settings);
            code.judge_lines(&document, &mut edits, &mut signals, &mut raised, &mut buffer);
        }
    }
    let fails = |(index, check): (usize, &document::Check)| {
        let failed = match check.test {
            Test::Own => raised.contains(index),
            Test::Bound(signal, bound) => signals.get(signal).is_some_and(|value| !bound.keeps(value)),
        };
        (failed && check.scope == Scope::Document && !check.is_off).then_some(check.reason)
    };
    filter.checks.iter().enumerate().filter_map(fails).collect()
}

fn line_filter(filter: &FilterSpec, settings: &Settings) -> Box<dyn LineFilter> {
    let code = match filter.judge {
        Judge::Lines(build) => build(settings),
        Judge::Repeats(build) => build(settings).map(|code| code as Box<dyn LineFilter>),
        Judge::Bounds | Judge::Document(_) => unreachable!("{} judges no lines", filter.name),
    };
    code.unwrap_or_else(|message| unreachable!("{message}"))
}

/// The text that a line filter leaves, and how many lines each check removed.
pub fn kept_text(filter: &FilterSpec, settings: &Settings, text: &str) -> (String, Vec<u32>) {
    text_without(filter, settings, text, &[])
}

/// The same where these parts of the text stand elsewhere, too.
pub fn text_without(
    filter: &FilterSpec,
    settings: &Settings,
    text: &str,
    repeated: &[u32],
) -> (String, Vec<u32>) {
    let (mut edits, mut kept) = (LineEdits::default(), String::new());
    edits.clear(filter.checks.len());
    let (mut signals, mut raised) = (Signals::default(), Raised::default());
    let document = Document { repeated, ..Document::new(text) };
    let code = line_filter(filter, settings);
    code.judge_lines(&document, &mut edits, &mut signals, &mut raised, &mut String::new());
    edits.apply(text, &mut kept);
    (kept, edits.lines)
}

/// Number and hash of the parts that are looked for elsewhere.
pub fn hashes(filter: &FilterSpec, settings: &Settings, text: &str) -> Vec<(u32, u64)> {
    let Judge::Repeats(build) = filter.judge else { unreachable!("{} has no parts", filter.name) };
    let Ok(code) = build(settings) else { unreachable!("the settings are refused") };
    let mut hashes = Vec::new();
    code.hash_parts(&Document::new(text), &mut String::new(), &mut |number, hash| {
        hashes.push((number, hash))
    });
    hashes
}

#[track_caller]
pub fn keeps(filter: &FilterSpec, text: &str) {
    keeps_with(filter, &settings(filter), text);
}

#[track_caller]
pub fn keeps_with(filter: &FilterSpec, settings: &Settings, text: &str) {
    assert_eq!(reasons(filter, settings, text), [""; 0]);
}

/// The first reason is `reason`.
#[track_caller]
pub fn drops(filter: &FilterSpec, reason: &str, text: &str) {
    drops_with(filter, &settings(filter), reason, text);
}

#[track_caller]
pub fn drops_with(filter: &FilterSpec, settings: &Settings, reason: &str, text: &str) {
    let reasons = reasons(filter, settings, text);
    assert_eq!(reasons.first(), Some(&reason), "of {reasons:?}");
}

/// Every bound keeps its limits, but for strict ones, and nothing beyond them.
#[track_caller]
pub fn limits_are_exact(filter: &FilterSpec) {
    for check in filter.checks {
        let Test::Bound(_, bound) = check.test else { continue };
        let (low, high) = match bound {
            Bound::AtLeast(low) => (Some(low), None),
            Bound::AtMost(high) => (None, Some(high)),
            Bound::Between(low, high) => (Some(low), Some(high)),
            Bound::Above(low) => {
                let keeps = bound.keeps(low.next_up()) && !bound.keeps(low);
                assert!(keeps, "{}", check.reason);
                continue;
            }
            Bound::Below(high) => {
                let keeps = bound.keeps(high.next_down()) && !bound.keeps(high);
                assert!(keeps, "{}", check.reason);
                continue;
            }
            Bound::Off => (None, None),
        };
        if let Some(low) = low {
            assert!(
                bound.keeps(low) && bound.keeps(low.next_up()) && !bound.keeps(low.next_down()),
                "{}",
                check.reason
            );
        }
        if let Some(high) = high {
            assert!(
                bound.keeps(high) && bound.keeps(high.next_down()) && !bound.keeps(high.next_up()),
                "{}",
                check.reason
            );
        }
    }
}

/// `count` different words of five letters, separated by spaces, from the `first` on.
pub fn numbered_words(first: usize, count: usize) -> String {
    let letter = |number: usize| char::from(b'a' + (number % 26) as u8);
    let word = |i: usize| [letter(i), 'o', letter(i / 26), 'i', letter(i / 676)].iter().collect::<String>();
    (first..first + count).map(word).collect::<Vec<_>>().join(" ")
}
