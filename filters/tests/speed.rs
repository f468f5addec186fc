//! Prints the speed of words, sentences and every filter on real web pages: CPU time of one thread, documents in their
//! order, so that what a filter builds at its first document is in it. Needs `CORPUS_TEST_DATA`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout
)]

mod pages;

use std::time::{Duration, Instant};

use document::{Document, FilterSpec, Judge, LineEdits, OptionValue, Raised, Settings, SignalSet, Signals};
use serde_json::Value;
use text::{Scanner, Splitter, StopWords};

/// CPU time of this thread, which other processes do not lengthen; where the kernel does not tell, wall time.
fn cpu_time(start: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|line| line.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

fn settings(spec: &FilterSpec) -> Settings {
    let mut settings = Settings { splitter: "uax29".into(), ..Settings::default() };
    for option in spec.options {
        let value = match option.default {
            "true" | "false" => OptionValue::Bool(option.default == "true"),
            "[]" => OptionValue::List(Vec::new()),
            r#"["en"]"# => OptionValue::List(vec!["en".into()]),
            other => match other.parse() {
                Ok(number) => OptionValue::Number(number),
                Err(_) => OptionValue::Text(other.trim_matches('"').into()),
            },
        };
        settings.options.insert(option.key.into(), value);
    }
    settings
}

#[test]
fn speed_of_one_thread_is_printed() {
    let Some(folder) = pages::data() else { return };
    let pages: Vec<Value> = pages::open(&folder.join("data/raw/web_pages.jsonl.zst")).collect();
    let texts: Vec<&str> = pages.iter().map(|page| page["text"].as_str().unwrap()).collect();
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let clock = Instant::now();
    let time = |name: &str, work: &mut dyn FnMut(&str)| {
        let start = cpu_time(clock);
        texts.iter().for_each(|text| work(text));
        let took = cpu_time(clock) - start;
        println!("{name:24} {:8.1} MB/s", bytes as f64 / took.as_secs_f64() / 1e6);
    };
    let mut words = Vec::new();
    time("words (uax29)", &mut |text| Splitter::Uax29.split(text, &mut words));
    time("sentences (uax29)", &mut |text| {
        std::hint::black_box(Splitter::Uax29.sentences(text));
    });
    let (mut scanner, stops) = (Scanner::new(), StopWords::new(filters::stop_words("en").unwrap()));
    let (mut signals, mut all) = (Signals::default(), SignalSet::EMPTY);
    let (mut edits, mut buffer) = (LineEdits::default(), String::new());
    for spec in filters::FILTERS {
        let mut raised = Raised::default();
        match spec.judge {
            Judge::Bounds => {
                let needs = spec.columns().into_iter().collect();
                all = all.union(needs);
                time(spec.name, &mut |text| {
                    scanner.scan(text, needs, &Splitter::Uax29, Some(&stops), &mut signals)
                });
            }
            Judge::Document(build) => {
                let filter = build(&settings(spec)).unwrap();
                time(spec.name, &mut |text| {
                    filter.judge(&mut Document::new(text), &mut signals, &mut raised, &mut buffer)
                });
            }
            Judge::Lines(build) => {
                let filter = build(&settings(spec)).unwrap();
                time(spec.name, &mut |text| {
                    let document = Document::new(text);
                    filter.judge_lines(&document, &mut edits, &mut signals, &mut raised, &mut buffer)
                });
            }
        }
    }
    time("one scan for all bounds", &mut |text| {
        scanner.scan(text, all, &Splitter::Uax29, Some(&stops), &mut signals)
    });
}
