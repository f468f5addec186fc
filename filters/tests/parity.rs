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

use document::{Document, FilterSpec, Judge, LineEdits, OptionValue, Raised, Scope, Settings, Signals, Test};
use sha1::{Digest, Sha1};
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

fn sha1_hex(text: &str) -> String {
    Sha1::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Default)]
struct Counts {
    documents: usize,
    texts: usize,
    different: Vec<String>,
}

impl Counts {
    /// `ours` are the names that the failed check has in the reference: it may split one of ours in two.
    fn compare(&mut self, id: &str, ours: &[impl AsRef<str>], theirs: &str, text: &str, sha1: Option<&str>) {
        self.documents += 1;
        self.texts += sha1.is_some() as usize;
        let is_same = ours.iter().any(|name| name.as_ref() == theirs);
        if !is_same || sha1.is_some_and(|sha1| sha1 != sha1_hex(text)) {
            let ours: Vec<_> = ours.iter().map(AsRef::as_ref).collect();
            self.different.push(format!("{id}: {ours:?}, not {theirs}, or another text"));
        }
    }
}

#[test]
fn decisions_are_those_of_the_reference() {
    let Some(folder) = pages::data() else { return };
    let documents = pages::open(&folder.join("data/raw/web_pages.jsonl.zst"));
    let golden = pages::open(&folder.join("golden/datatrove.filters.jsonl.zst"));
    let mut ours =
        Ours { scanner: Scanner::new(), stops: StopWords::new(filters::stop_words("en").unwrap()) };
    let mut table: Vec<(&str, Counts)> = REFERENCES.map(|key| (key, Counts::default())).into();
    table.push(("fineweb_chain", Counts::default()));
    for (page, golden) in documents.zip(golden) {
        let (id, text) = (page["id"].as_str().unwrap(), page["text"].as_str().unwrap());
        assert_eq!(page["id"], golden["id"]);
        for (key, counts) in &mut table {
            let theirs = golden[*key].as_str().unwrap();
            let sha1 = golden[format!("{key}_text_sha1")].as_str();
            if *key == "fineweb_chain" {
                let (names, kept) = ours.chain(text);
                let is_kept = theirs == "keep";
                let theirs = theirs.replace("c4_quality:", "c4_quality_no_punct:");
                counts.compare(id, &names, &theirs, &kept, sha1.filter(|_| is_kept));
            } else {
                let (names, kept) = ours.judge(key, text);
                counts.compare(id, &names, theirs, kept.as_deref().unwrap_or(text), sha1);
            }
        }
    }
    println!(
        "| filter | documents | identical | different | texts compared |\n| --- | ---: | ---: | ---: | ---: |"
    );
    for (key, Counts { documents, texts, different }) in &table {
        println!("| {key} | {documents} | {} | {} | {texts} |", documents - different.len(), different.len());
    }
    for (key, counts) in &table {
        assert!(counts.documents > 0 && counts.different.is_empty(), "{key}: {:#?}", counts.different);
    }
}

#[test]
fn words_and_sentences_are_those_of_the_reference() {
    let Some(folder) = pages::data() else { return };
    let mut golden = pages::open(&folder.join("golden/datatrove.words.jsonl.zst")).peekable();
    let (mut words, mut documents) = (Vec::new(), 0);
    for page in pages::open(&folder.join("data/raw/web_pages.jsonl.zst")) {
        let Some(golden) = golden.next_if(|golden| golden["id"] == page["id"]) else { continue };
        let text = page["text"].as_str().unwrap();
        Splitter::Spacy.split(text, &mut words);
        let list: Vec<&str> = words.iter().map(|&(a, b)| &text[a as usize..b as usize]).collect();
        assert_eq!(golden["n_words"], list.len(), "{}", page["id"]);
        assert_eq!(golden["words_sha1"], sha1_hex(&list.join("\u{1F}")), "{}", page["id"]);
        // White space at the end may be a sentence of its own; blank ones are not counted here.
        let text = text.trim_end_matches(text::characters::is_space);
        assert_eq!(golden["n_sentences"], Splitter::Spacy.sentences(text, &mut words), "{}", page["id"]);
        documents += 1;
    }
    assert!(golden.next().is_none() && documents > 0);
    println!("words and sentences: {documents} documents, all identical");
}
