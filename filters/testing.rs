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
    // Checks that are off count where a filter has no others: then they are proposals.
    let has_others = filter.checks.iter().any(|check| !check.is_off);
    let fails = |(index, check): (usize, &document::Check)| {
        let failed = match check.test {
            Test::Own => raised.contains(index),
            Test::Bound(signal, bound) => signals.get(signal).is_some_and(|value| !bound.keeps(value)),
        };
        (failed && check.scope == Scope::Document && !(check.is_off && has_others)).then_some(check.reason)
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

/// Of each check, what it points at in a text.
fn pointed(filter: &FilterSpec, settings: &Settings, text: &str) -> Vec<Vec<std::ops::Range<usize>>> {
    let mut all = vec![Vec::new(); filter.checks.len()];
    let mut found = |check: usize, range| all[check].push(range);
    match filter.judge {
        Judge::Document(build) => match build(settings) {
            Ok(code) => code.point(&Document::new(text), &mut found),
            Err(message) => unreachable!("{message}"),
        },
        _ => line_filter(filter, settings).point(&Document::new(text), &mut found),
    }
    all
}

/// Parts of texts of which some fail, in any case, and beside letters whose lower case is longer.
const PARTS: [&str; 20] = [
    "Lorem Ipsum dolor",
    "sit {amet}.",
    "Please enable JavaScript.",
    "Our COOKIE POLICY has changed[1].",
    "\n",
    "\n",
    " ",
    " ",
    "İ",
    "anna@web.de",
    "8.8.4.4",
    "2001:4860:4860::8888",
    "the cat sat on the mat",
    "THE CAT SAT ON THE MAT.",
    "nigger",
    "NIGGER",
    "shit",
    "FUCK",
    "cunt",
    "word",
];

#[test]
fn what_fails_is_pointed_at() {
    let mut eval = settings(&crate::eval_overlap::FILTER);
    eval.options.insert("ngram".to_owned(), OptionValue::Number(4.0));
    eval.options.insert("shortest".to_owned(), OptionValue::Number(4.0));
    eval.options.insert("sets".to_owned(), OptionValue::List(vec!["set.txt".to_owned()]));
    eval.lists.insert("set.txt".to_owned(), "The cat sat on a mat".into());
    let filters = [
        (&crate::eval_overlap::FILTER, eval),
        (&crate::bad_words::FILTER, settings(&crate::bad_words::FILTER)),
        (&crate::c4_badwords::FILTER, settings(&crate::c4_badwords::FILTER)),
        (&crate::c4_quality::FILTER, settings(&crate::c4_quality::FILTER)),
        (&crate::mask_pii::FILTER, settings(&crate::mask_pii::FILTER)),
    ];
    let (mut state, mut failed) = (1_u64, [0; 5]);
    for _ in 0..400 {
        let mut text = String::new();
        for _ in 0..state >> 33 & 15 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text += PARTS[(state >> 40) as usize % PARTS.len()];
        }
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        for ((filter, settings), failed) in filters.iter().zip(&mut failed) {
            let (marks, reasons) = (pointed(filter, settings, &text), reasons(filter, settings, &text));
            let lines = match filter.judge {
                Judge::Lines(_) => kept_text(filter, settings, &text).1,
                _ => Vec::new(),
            };
            for (at, (check, marks)) in filter.checks.iter().zip(&marks).enumerate() {
                let name = format!("{}.{} of {text:?}: {marks:?}", filter.name, check.reason);
                assert!(marks.iter().all(|range| text.get(range.clone()).is_some()), "{name}");
                let fails = reasons.contains(&check.reason);
                *failed += usize::from(fails || lines.get(at).is_some_and(|lines| *lines > 0));
                match (check.scope, check.test) {
                    (Scope::Line | Scope::Edit, _) => assert_eq!(marks.len(), lines[at] as usize, "{name}"),
                    (_, Test::Bound(_, Bound::AtMost(0.0))) => assert_eq!(!marks.is_empty(), fails, "{name}"),
                    (_, Test::Own) => assert!(!fails || !marks.is_empty(), "{name}"),
                    _ => {}
                }
            }
        }
    }
    assert!(failed.iter().all(|failed| *failed > 20), "{failed:?}");
}
