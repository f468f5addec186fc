//! Dolma's attributes gopher_v1, gopher_v2, c4_v1 and c4_v2 against those of its own taggers, on real web pages: every
//! score and every span. All must be equal. Needs `CORPUS_TEST_DATA`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout
)]

mod pages;

use std::ops::Range;

use document::{
    Document, Filter, Judge, LineEdits, LineFilter, OptionValue, Raised, Settings, Signal, Signals,
};
use filters::dolma_c4::line_spans;
use pages::sha1_hex;
use pages::table::Table;
use serde_json::{Value, json};

const VERSIONS: [&str; 2] = ["v1", "v2"];

/// The two attributes that are lines.
const LINES: [&str; 2] = ["lines_with_no_ending_punctuation", "lines_with_too_few_words"];

fn settings(version: &str) -> Settings {
    let options = [("version".to_owned(), OptionValue::Text(version.to_owned()))];
    Settings { options: options.into(), ..Settings::default() }
}

fn gopher(version: &str) -> Box<dyn Filter> {
    match filters::find("dolma_gopher").unwrap().judge {
        Judge::Document(build) => build(&settings(version)).unwrap(),
        _ => panic!("not a filter of documents"),
    }
}

fn c4(version: &str) -> Box<dyn LineFilter> {
    match filters::find("dolma_c4").unwrap().judge {
        Judge::Lines(build) => build(&settings(version)).unwrap(),
        _ => panic!("not a filter of lines"),
    }
}

#[test]
fn attributes_are_those_of_the_reference() {
    let Some(folder) = pages::data() else { return };
    let mut golden = pages::open(&folder.join("golden/dolma.jsonl.zst")).peekable();
    let mut golden_spans = pages::open(&folder.join("golden/dolma.linespans.jsonl.zst"));
    let filters = VERSIONS.map(|version| (version, gopher(version), c4(version)));
    let (mut table, mut documents) = (Table::default(), 0);
    for page in pages::open(&folder.join("data/raw/web_pages.jsonl.zst")) {
        let Some(golden) = golden.next_if(|golden| golden["id"] == page["id"]) else { continue };
        let spans = golden_spans.next().unwrap();
        assert_eq!(spans["id"], page["id"]);
        let (text, id) = (page["text"].as_str().unwrap(), page["id"].as_str().unwrap());
        documents += 1;
        table.compare("chars", id, text.chars().count().into(), golden["chars"].clone());
        for (version, gopher, c4) in &filters {
            let mut signals = Signals::default();
            gopher.judge(&mut Document::new(text), &mut signals, &mut Raised::default(), &mut String::new());
            let key = format!("gopher_{version}");
            for signal in filters::find("dolma_gopher").unwrap().columns() {
                let name = signal.name();
                let theirs = golden[&key][name].as_f64();
                table.compare(&format!("{key}.{name}"), id, signals.get(signal), theirs);
            }
            let known = |name: &String| signals.get(Signal::from_name(name).unwrap()).is_some();
            assert!(golden[&key].as_object().unwrap().keys().all(known));

            let (mut edits, mut signals) = (LineEdits::default(), Signals::default());
            let document = Document::new(text);
            let (mut raised, mut buffer) = (Raised::default(), String::new());
            c4.judge_lines(&document, &mut edits, &mut signals, &mut raised, &mut buffer);
            let key = format!("c4_{version}");
            for name in
                ["has_naughty_word", "has_javascript", "has_lorem_ipsum", "has_curly_brace", "line_count"]
            {
                let ours = signals.get(Signal::from_name(name).unwrap());
                // A flag that is false is absent.
                let theirs = golden[&key][name].as_f64().or(Some(0.0));
                table.compare(&format!("{key}.{name}"), id, ours, theirs);
            }
            for (name, ours) in LINES.into_iter().zip(line_spans(text, *version == "v2")) {
                let theirs = &golden[&key][name];
                let count = |name: &str| signals.get(Signal::from_name(name).unwrap());
                let absent = theirs.is_null().then_some(0.0);
                table.compare(&format!("{key}.{name}: n"), id, count(name), theirs["n"].as_f64().or(absent));
                let chars = count(&format!("characters_in_{name}"));
                table.compare(
                    &format!("{key}.{name}: chars"),
                    id,
                    chars,
                    theirs["chars"].as_f64().or(absent),
                );
                let text = |span: &Range<usize>| format!("{}-{}", span.start, span.end);
                let sha1 = sha1_hex(&ours.iter().map(text).collect::<Vec<_>>().join(","));
                let sha1 = (!ours.is_empty()).then_some(sha1.as_str());
                table.compare(&format!("{key}.{name}: sha1"), id, sha1, theirs["sha1"].as_str());
                let ours: Vec<Value> = ours.iter().map(|span| json!([span.start, span.end])).collect();
                let theirs = spans[&key][name].as_array().cloned().unwrap_or_default();
                table.compare(&format!("{key}.{name}: spans"), id, ours, theirs);
            }
        }
    }
    assert!(golden.next().is_none() && golden_spans.next().is_none() && documents > 0);
    table.conclude(
        "Dolma",
        &[
            ("gopher_v1.", "gopher_v1: 19 attributes"),
            ("gopher_v2.", "gopher_v2: 19 attributes"),
            ("c4_v1.", "c4_v1: 5 attributes, the spans of 2"),
            ("c4_v2.", "c4_v2: 5 attributes, the spans of 2"),
            ("chars", "lengths"),
        ],
    );
}
