//! What holds for any text that a recipe names as a list.

use std::sync::Arc;

use document::{Document, Filter, FilterSpec, Judge, OptionValue, Raised, Settings, Signals};

/// The addresses that are looked up, beside the lines of the list themselves.
const URLS: [&str; 4] = ["", "http://www.Example.org:80/a/?b=c#d", "//[::1]/", "a.b.c.d.e.f.co.uk."];

/// The first byte chooses the option that takes the list, which is the rest.
pub fn check(bytes: &[u8]) {
    let Some((choice, list)) = bytes.split_first() else { return };
    let options: Vec<_> = options().collect();
    check_list(options[usize::from(*choice) % options.len()], list);
}

fn options() -> impl Iterator<Item = (&'static FilterSpec, &'static str)> {
    let of = |spec: &'static FilterSpec| {
        let lists = spec.options.iter().filter(|option| option.is_path && option.default == "[]");
        lists.map(move |option| (spec, option.key))
    };
    filters::FILTERS.iter().copied().flat_map(of)
}

/// Every line is an entry of a list, and an address that is looked up.
fn check_list((spec, key): (&FilterSpec, &str), list: &[u8]) {
    let list = &*String::from_utf8_lossy(list);
    match build(spec, key, list) {
        Err(message) => assert!(!message.is_empty(), "{}.{key}", spec.name),
        Ok(filter) => judged(spec, key, filter.as_ref(), list),
    }
}

fn build(spec: &FilterSpec, key: &str, list: &str) -> Result<Box<dyn Filter>, String> {
    let Judge::Document(build) = spec.judge else { return Err("it judges lines".to_owned()) };
    let mut settings = Settings { splitter: "spacy".to_owned(), ..Settings::default() };
    for option in spec.options {
        let toml = option.default;
        let value = match toml.as_bytes()[0] {
            b't' | b'f' => OptionValue::Bool(toml == "true"),
            b'"' => OptionValue::Text(toml.trim_matches('"').to_owned()),
            b'[' => OptionValue::List(Vec::new()),
            _ => OptionValue::Number(toml.parse().expect("a number")),
        };
        settings.options.insert(option.key.to_owned(), value);
    }
    // It takes longer to build than all else, and no list of a recipe changes it.
    settings.options.insert("builtin".to_owned(), OptionValue::Bool(false));
    settings.options.insert(key.to_owned(), OptionValue::List(vec!["list.txt".to_owned()]));
    settings.lists.insert("list.txt".to_owned(), Arc::from(list));
    build(&settings)
}

fn judged(spec: &FilterSpec, key: &str, filter: &dyn Filter, list: &str) {
    let raised = |url: &str, text: &str| {
        let (mut signals, mut raised, mut buffer) = (Signals::default(), Raised::default(), String::new());
        let mut document = Document { url: Some(url), ..Document::new(text) };
        filter.judge(&mut document, &mut signals, &mut raised, &mut buffer);
        assert!(
            raised.0.checked_shr(spec.checks.len() as u32).unwrap_or(0) == 0,
            "{}: {raised:?}",
            spec.name
        );
        raised
    };
    let first = list.lines().next().unwrap_or_default();
    for url in URLS.into_iter().chain([first]) {
        assert_eq!(raised(url, list), raised(url, list), "{}.{key} {url:?}: twice the same", spec.name);
    }
    if (spec.name, key) != ("url_blocklist", "hosts") {
        return;
    }
    // A plain host below a suffix that is nobody's is found, and all below it; another that ends in the same letters is not.
    for host in list.trim_start_matches('\u{feff}').lines().filter(|line| is_plain(line)) {
        for (url, is_listed) in [
            (format!("https://{host}/a"), true),
            (format!("http://u@a.{}.:80?b", host.to_ascii_uppercase()), true),
            (format!("http://z{host}x-not-listed/"), false),
        ] {
            let found = raised(&url, "").0 != 0;
            assert!(found == is_listed || !is_listed && list.contains("x-not-listed"), "{url} {found}");
        }
    }
}

/// `a.example.org`, which nobody doubts to be somebody's.
fn is_plain(line: &str) -> bool {
    let mut labels = line.split('.');
    line.len() <= 200
        && line.ends_with(".example.org")
        && labels
            .all(|label| (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_lowercase()))
}
