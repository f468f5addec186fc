//! Decisions on real web pages against those of the reference (datatrove 0.10 with spaCy 3.8), document by document:
//! same verdict, same reason, same rewritten text, for each filter alone and for FineWeb's chain.
//! Needs `CORPUS_TEST_DATA`.
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

use document::{Document, FilterSpec, Judge, LineEdits, OptionValue, Raised, Scope, Settings, Signals, Test};
use text::{Scanner, Splitter, StopWords};

/// Filters of the reference, each with its defaults on the original text.
const REFERENCES: [&str; 6] = [
    "gopher_repetition",
    "gopher_quality",
    "c4_quality",
    "c4_quality_no_punct",
    "c4_paragraph",
    "fineweb_quality",
];

/// FineWeb's filters in its order, each on the text that the one before left.
const CHAIN: [&str; 4] = ["gopher_repetition", "gopher_quality", "c4_quality_no_punct", "fineweb_quality"];

struct Ours {
    scanner: Scanner,
    stops: StopWords,
}

impl Ours {
    fn spec(key: &str) -> &'static FilterSpec {
        filters::find(key.trim_end_matches("_no_punct")).unwrap()
    }

    /// The first failed check's name in the reference, or "keep", and the text that a line filter leaves.
    fn judge(&mut self, key: &str, text: &str) -> (Vec<&'static str>, Option<String>) {
        let spec = Self::spec(key);
        let settings = settings(spec, key == "c4_quality");
        let (mut signals, mut raised, mut buffer) = (Signals::default(), Raised::default(), String::new());
        let mut kept = None;
        match spec.judge {
            Judge::Bounds => {
                let needs = spec.columns().into_iter().collect();
                self.scanner.scan(text, needs, &Splitter::Spacy, Some(&self.stops), &mut signals);
            }
            Judge::Document(build) => {
                let filter = build(&settings).unwrap();
                filter.judge(&mut Document::new(text), &mut signals, &mut raised, &mut buffer);
            }
            Judge::Repeats(_) => unreachable!("it looks at other documents"),
            Judge::Lines(build) => {
                let (filter, mut edits) = (build(&settings).unwrap(), LineEdits::default());
                let document = Document::new(text);
                filter.judge_lines(&document, &mut edits, &mut signals, &mut raised, &mut buffer);
                edits.apply(text, kept.insert(String::new()));
            }
        }
        let failed = spec.checks.iter().enumerate().find(|(index, check)| match check.test {
            _ if check.scope == Scope::Line => false,
            Test::Own => raised.contains(*index),
            Test::Bound(signal, bound) => !bound.keeps(signals.get(signal).unwrap()),
        });
        let names = failed.map_or(vec!["keep"], |(_, check)| check.aliases.iter().map(|a| a.1).collect());
        (names, kept)
    }

    /// "keep" and the text that is left, or `filter:reason`.
    fn chain(&mut self, text: &str) -> (Vec<String>, String) {
        let mut text = text.to_owned();
        for key in CHAIN {
            let (names, kept) = self.judge(key, &text);
            if names != ["keep"] {
                return (names.iter().map(|name| format!("{key}:{name}")).collect(), text);
            }
            text = kept.unwrap_or(text);
        }
        (vec!["keep".into()], text)
    }
}

fn settings(spec: &FilterSpec, punctuation: bool) -> Settings {
    let mut settings = Settings { splitter: "spacy".into(), ..Settings::default() };
    for option in spec.options {
        if let Ok(number) = option.default.parse() {
            settings.options.insert(option.key.into(), OptionValue::Number(number));
        }
    }
    settings.options.insert("terminal_punctuation".into(), OptionValue::Bool(punctuation));
    settings
}

#[test]
fn decisions_are_those_of_the_reference() {
    let Some(folder) = pages::data() else { return };
    let documents = pages::open(&folder.join("data/raw/web_pages.jsonl.zst"));
    let golden = pages::open(&folder.join("golden/datatrove.filters.jsonl.zst"));
    let mut ours =
        Ours { scanner: Scanner::new(), stops: StopWords::new(filters::stop_words("en").unwrap()) };
    let mut table = Table::default();
    for (page, golden) in documents.zip(golden) {
        let (id, text) = (page["id"].as_str().unwrap(), page["text"].as_str().unwrap());
        assert_eq!(page["id"], golden["id"]);
        for key in REFERENCES {
            let theirs = golden[key].as_str().unwrap();
            let (names, kept) = ours.judge(key, text);
            // A check of ours may be two of the reference's.
            let name = names.iter().find(|name| **name == theirs).unwrap_or(&names[0]);
            table.compare(&format!("{key}."), id, *name, theirs);
            if let Some(sha1) = golden[format!("{key}_text_sha1")].as_str() {
                table.compare(&format!("{key}. text"), id, &*sha1_hex(kept.as_deref().unwrap_or(text)), sha1);
            }
        }
        let theirs = golden["fineweb_chain"].as_str().unwrap().replace("c4_quality:", "c4_quality_no_punct:");
        let (names, kept) = ours.chain(text);
        let name = names.iter().find(|name| **name == theirs).unwrap_or(&names[0]);
        table.compare("fineweb_chain", id, name, &theirs);
        let sha1 = (theirs == "keep").then(|| sha1_hex(&kept));
        let theirs = golden["fineweb_chain_text_sha1"].as_str().map(str::to_owned);
        table.compare("fineweb_chain text", id, sha1, theirs);
    }
    table.conclude(
        "datatrove",
        &[
            ("gopher_repetition", "gopher_repetition: verdict, reason"),
            ("gopher_quality", "gopher_quality: verdict, reason"),
            ("c4_quality.", "c4_quality: verdict, reason, text"),
            ("c4_quality_no_punct", "c4_quality, any line ends: verdict, reason, text"),
            ("c4_paragraph", "c4_paragraph: verdict, reason"),
            ("fineweb_quality", "fineweb_quality: verdict, reason"),
            ("fineweb_chain", "FineWeb's chain: verdict, filter, reason, text"),
        ],
    );
}

#[test]
fn words_and_sentences_are_those_of_the_reference() {
    let Some(folder) = pages::data() else { return };
    let mut golden = pages::open(&folder.join("golden/datatrove.words.jsonl.zst")).peekable();
    let (mut words, mut table) = (Vec::new(), Table::default());
    for page in pages::open(&folder.join("data/raw/web_pages.jsonl.zst")) {
        let Some(golden) = golden.next_if(|golden| golden["id"] == page["id"]) else { continue };
        let text = page["text"].as_str().unwrap();
        Splitter::Spacy.split(text, &mut words);
        let list: Vec<&str> = words.iter().map(|&(a, b)| &text[a as usize..b as usize]).collect();
        let id = page["id"].as_str().unwrap();
        table.compare("words", id, list.len().into(), golden["n_words"].clone());
        table.compare("words_sha1", id, sha1_hex(&list.join("\u{1F}")).into(), golden["words_sha1"].clone());
        // White space at the end may be a sentence of its own; blank ones are not counted here.
        let text = text.trim_end_matches(text::characters::is_space);
        let sentences = Splitter::Spacy.sentences(text, &mut words);
        table.compare("sentences", id, sentences.into(), golden["n_sentences"].clone());
    }
    assert!(golden.next().is_none());
    table.conclude("datatrove", &[("words", "words (spaCy)"), ("sentences", "sentences (spaCy)")]);
}
