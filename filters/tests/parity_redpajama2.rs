//! The quality signals of RedPajama-V2 against those of its own code, on real web pages: every document signal, every
//! line signal line by line, words and normal forms. All must be equal. Needs `CORPUS_TEST_DATA`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout
)]

mod pages;

use document::{Document, Judge, Raised, Settings, Signal, Signals};
use filters::redpajama2::{Line, lines, spans};
use pages::table::Table;
use serde_json::Value;
use text::bare_words::BareWords;
use text::rounding::round_to;
use text::wordpunct::split_wordpunct;

/// Name, signal of its mean, and score of a line.
type LineSignal = (&'static str, Signal, fn(&Line) -> f64);

const LINE_SIGNALS: [LineSignal; 6] = [
    ("rps_lines_javascript_counts", Signal::RpsLineJavascript, |line| line.javascript as f64),
    ("rps_lines_ending_with_terminal_punctution_mark", Signal::RpsPunctuatedLines, |line| {
        f64::from(line.is_punctuated)
    }),
    ("rps_lines_num_words", Signal::RpsLineWords, |line| line.words as f64),
    ("rps_lines_uppercase_letter_fraction", Signal::RpsLineCapitals, |line| line.capitals),
    ("rps_lines_numerical_chars_fraction", Signal::RpsLineNumbers, |line| line.numbers),
    ("rps_lines_start_with_bulletpoint", Signal::RpsBulletLines, |line| f64::from(line.is_bullet)),
];

fn sha1_hex(text: &str) -> Value {
    pages::sha1_hex(text).into()
}

fn joined(items: impl Iterator<Item = String>, separator: &str) -> Value {
    sha1_hex(&items.collect::<Vec<_>>().join(separator))
}

#[test]
fn signals_are_those_of_the_reference() {
    let Some(folder) = pages::data() else { return };
    let spec = filters::find("redpajama2").unwrap();
    let Judge::Document(build) = spec.judge else { panic!("not a filter of documents") };
    let filter = build(&Settings::default()).unwrap();
    let mut golden = pages::open(&folder.join("golden/redpajama2.jsonl.zst")).peekable();
    let (mut table, mut documents) = (Table::default(), 0);
    let (mut words, mut bare) = (Vec::new(), BareWords::default());
    for page in pages::open(&folder.join("data/raw/web_pages.jsonl.zst")) {
        let Some(golden) = golden.next_if(|golden| golden["id"] == page["id"]) else { continue };
        let (text, id) = (page["text"].as_str().unwrap(), page["id"].as_str().unwrap());
        documents += 1;
        let mut signals = Signals::default();
        filter.judge(&mut Document::new(text), &mut signals, &mut Raised::default(), &mut String::new());
        for (name, theirs) in golden["doc"].as_object().unwrap() {
            let signal = Signal::from_name(name).unwrap();
            assert!(spec.columns().contains(&signal), "{name} is not in the ledger");
            table.compare(name, id, signals.get(signal), theirs.as_f64());
        }

        let lines = lines(text);
        for (name, mean, score) in LINE_SIGNALS {
            let theirs = &golden["lines"][name];
            table.compare(&format!("{name}: lines"), id, lines.len().into(), theirs["n"].clone());
            let scores = joined(lines.iter().map(|line| format!("{:.8}", score(line))), ",");
            table.compare(&format!("{name}: scores"), id, scores, theirs["sha1"].clone());
            let sum: f64 = lines.iter().map(score).sum();
            table.compare(&format!("{name}: sum"), id, Some(round_to(sum, 6)), theirs["sum"].as_f64());
            let ours = (!lines.is_empty()).then(|| round_to(sum / lines.len() as f64, 8));
            table.compare(&format!("{name}: mean in the ledger"), id, signals.get(mean), ours);
        }
        let ours = joined(spans(&lines).map(|span| format!("{}-{}", span.start, span.end)), ",");
        table.compare("lines_span_sha1", id, ours, golden["lines_span_sha1"].clone());

        table.compare("chars", id, text.chars().count().into(), golden["chars"].clone());
        split_wordpunct(text, &mut words);
        table.compare("raw_words", id, words.len().into(), golden["raw_words"].clone());
        let ours = joined(words.iter().map(|&(start, end)| text[start as usize..end as usize].into()), "\n");
        table.compare("raw_words_sha1", id, ours, golden["raw_words_sha1"].clone());
        bare.clear();
        bare.push(text);
        table.compare("norm_chars", id, bare.text().chars().count().into(), golden["norm_chars"].clone());
        table.compare("norm_sha1", id, sha1_hex(bare.text()), golden["norm_sha1"].clone());
    }
    assert!(golden.next().is_none() && documents > 0);
    table.conclude(
        "RedPajama-V2",
        &[
            ("rps_doc_", "22 document signals, to 8 decimals"),
            ("rps_lines_", "6 line signals, line by line"),
            ("lines_span", "lines"),
            ("raw_words", "raw words"),
            ("norm_", "normalised text"),
            ("chars", "lengths"),
        ],
    );
}
