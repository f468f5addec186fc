//! What holds for any page that a filter judges.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use document::{
    Document, FileBytes, FilterSpec, Form, Judge, Language, LineEdits, LineFilter, OptionValue, Raised,
    RepeatFilter, Separator, Settings, Signals,
};
use text::{Scanner, Splitter, StopWords};

enum Built {
    Bounds,
    Document(Box<dyn document::Filter>),
    Lines(Box<dyn LineFilter>),
    Repeats(Box<dyn RepeatFilter>),
}

/// Every filter as a recipe without keys has it, and with each word that its options allow.
static ALL: LazyLock<Vec<(&FilterSpec, Built)>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for spec in filters::FILTERS.iter().copied() {
        let mut variants = vec![settings(spec)];
        for option in spec.options {
            let other = match option.default {
                "true" => "false",
                "false" => "true",
                _ => "",
            };
            let is_other = |word: &&&str| option.default.trim_matches('"') != **word && !word.is_empty();
            for word in option.allowed.iter().chain([&other]).filter(is_other) {
                let mut variant = settings(spec);
                let value = match option.default.as_bytes()[0] {
                    b'"' => OptionValue::Text((*word).to_owned()),
                    b't' | b'f' => OptionValue::Bool(*word == "true"),
                    b'[' => OptionValue::List(vec![(*word).to_owned()]),
                    _ => continue,
                };
                variant.options.insert(option.key.to_owned(), value);
                variants.push(variant);
            }
        }
        // What is refused is no filter; the defaults are never refused.
        for (at, settings) in variants.iter().enumerate() {
            let built = match spec.judge {
                Judge::Bounds => Ok(Built::Bounds),
                Judge::Document(build) => build(settings).map(Built::Document),
                Judge::Lines(build) => build(settings).map(Built::Lines),
                Judge::Repeats(build) => build(settings).map(Built::Repeats),
            };
            match built {
                Ok(built) => all.push((spec, built)),
                Err(message) => assert!(at > 0, "{}: {message}", spec.name),
            }
        }
    }
    all
});

/// The default options, a tiny model at the path "", and a list for every option that names lists.
fn settings(spec: &FilterSpec) -> Settings {
    let value = |toml: &str| match toml.as_bytes()[0] {
        b't' | b'f' => OptionValue::Bool(toml == "true"),
        b'"' => OptionValue::Text(toml.trim_matches('"').to_owned()),
        b'[' => {
            let items = toml.trim_matches(['[', ']']).split(',').map(|item| item.trim().trim_matches('"'));
            OptionValue::List(items.filter(|item| !item.is_empty()).map(str::to_owned).collect())
        }
        _ => OptionValue::Number(toml.parse().expect("a number")),
    };
    let mut settings = Settings { splitter: "spacy".to_owned(), ..Settings::default() };
    for option in spec.options {
        let mut value = value(option.default);
        if let (OptionValue::List(paths), true) = (&mut value, option.is_path) {
            paths.push("en.txt".to_owned());
        }
        settings.options.insert(option.key.to_owned(), value);
    }
    let list =
        "example.com\nbad\nhttp://a.co.uk/x\nthe quick brown fox jumps over the lazy dog and runs away\n";
    settings.lists.insert("en.txt".to_owned(), Arc::from(list));
    let mut model = classify::fasttext::fixture::Parts::two_languages();
    model.labels[1].0 = "__label__hq";
    settings.models = BTreeMap::from([(String::new(), FileBytes::new(model.bytes()))]);
    settings
}

/// The first byte chooses the filter and whether the language is known, the rest is the page: its first line is its
/// address, the others are its text.
pub fn check(bytes: &[u8]) {
    let Some((choice, page)) = bytes.split_first() else { return };
    let page = &*String::from_utf8_lossy(page);
    let (url, text) = page.split_once('\n').unwrap_or(("", page));
    let english = Language { code: "eng", short: "en", score: 0.9 };
    let known = Document { url: Some(url), language: Some(english), ..Document::new(text) };
    let (spec, built) = &ALL[usize::from(choice >> 1) % ALL.len()];
    judge(spec, built, if choice & 1 == 0 { Document::new(text) } else { known });
}

fn judge(spec: &FilterSpec, built: &Built, document: Document<'_>) {
    let once = || {
        let (mut signals, mut raised, mut buffer) = (Signals::default(), Raised::default(), String::new());
        let mut parts = Vec::new();
        let (mut document, mut edits, mut kept) = (document, LineEdits::default(), None);
        edits.clear(spec.checks.len());
        match built {
            Built::Bounds => {
                let (stop_words, needs) = (StopWords::new("the\nand"), spec.columns().into_iter().collect());
                Scanner::new().scan(document.text, needs, &Splitter::Spacy, Some(&stop_words), &mut signals);
            }
            Built::Document(filter) => filter.judge(&mut document, &mut signals, &mut raised, &mut buffer),
            Built::Lines(filter) => {
                filter.judge_lines(&document, &mut edits, &mut signals, &mut raised, &mut buffer);
            }
            Built::Repeats(filter) => {
                // Every third part stands elsewhere, or bytes from every third to the next.
                filter.hash_parts(&document, &mut buffer, &mut |part, _| parts.push(part));
                if filter.min_bytes().is_some() {
                    parts.extend(0..document.text.len() as u32);
                }
                parts.retain(|part| part % 3 == 0);
                document.repeated = &parts;
                filter.judge_lines(&document, &mut edits, &mut signals, &mut raised, &mut buffer);
            }
        }
        if matches!(built, Built::Lines(_) | Built::Repeats(_)) {
            let mut text = String::from("left over");
            edits.apply(document.text, &mut text);
            kept = Some(text);
        }
        let measured = spec.columns().into_iter().map(|signal| signals.get(signal));
        // Joined by spaces, sentences that none divided become longer, as in the reference.
        let replaces = edits.form == Form::Written
            || edits.separator == Separator::Space
            || edits.pieces.iter().any(|piece| piece.replacement.is_some());
        (kept, raised, measured.collect::<Vec<_>>(), edits.lines, replaces)
    };
    let (kept, raised, measured, lines, replaces) = once();
    assert!(measured.iter().flatten().all(|value| value.is_finite()), "{}: {measured:?}", spec.name);
    assert!(raised.0.checked_shr(spec.checks.len() as u32).unwrap_or(0) == 0, "{}: {raised:?}", spec.name);
    assert_eq!(lines.len(), spec.checks.len(), "{}", spec.name);
    let is_longer = kept.as_ref().is_some_and(|kept| kept.len() > document.text.len());
    assert!(!is_longer || replaces, "{} made a text longer", spec.name);
    assert_eq!((kept, raised, measured, lines, replaces), once(), "{}: twice the same", spec.name);
}
