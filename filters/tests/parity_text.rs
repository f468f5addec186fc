//! Texts that the reference (datatrove 0.10) rewrites, and word lists it finds, on every fourth real page: identical.
//! Needs `CORPUS_TEST_DATA`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout)]

mod pages;

use pages::sha1_hex;
use pages::table::Table;

use std::collections::BTreeSet;

use document::{
    Document, Filter, Judge, Language, LineEdits, LineFilter, OptionValue, Raised, Settings, Signals,
};

/// The lists of LDNOOBW that the reference knows and we have built in, by its name and ours.
const BUILTIN: [(&str, &str); 26] = [
    ("ar", "ar"),
    ("cs", "cs"),
    ("da", "da"),
    ("de", "de"),
    ("en", "en"),
    ("eo", "eo"),
    ("es", "es"),
    ("fa", "fa"),
    ("fi", "fi"),
    ("fil", "tl"),
    ("fr", "fr"),
    ("hi", "hi"),
    ("hu", "hu"),
    ("it", "it"),
    ("ja", "ja"),
    ("kab", "kab"),
    ("ko", "ko"),
    ("nl", "nl"),
    ("no", "no"),
    ("pl", "pl"),
    ("pt", "pt"),
    ("ru", "ru"),
    ("sv", "sv"),
    ("th", "th"),
    ("tr", "tr"),
    ("zh", "zh"),
];
/// Those that we have not; they are given as files, named after their language.
const GIVEN: [(&str, &str); 2] = [("fr-CA-u-sd-caqc", "fr"), ("tlh", "tlh")];

fn bad_words(lists: Option<(&str, String)>) -> Box<dyn Filter> {
    let mut settings = Settings::default();
    if let Some((name, text)) = lists {
        settings.options.insert("lists".into(), OptionValue::List(vec![name.into()]));
        settings.lists.insert(name.into(), text.into());
    }
    match filters::find("c4_badwords").unwrap().judge {
        Judge::Document(build) => build(&settings).unwrap(),
        _ => unreachable!(),
    }
}

fn symbol_lines() -> Box<dyn LineFilter> {
    match filters::find("symbol_lines").unwrap().judge {
        Judge::Lines(build) => build(&Settings::default()).unwrap(),
        _ => unreachable!(),
    }
}

#[test]
fn rewritten_texts_and_word_lists_are_those_of_the_reference() {
    let Some(folder) = pages::data() else { return };
    let mut golden = pages::open(&folder.join("golden/datatrove.words.jsonl.zst")).peekable();
    let builtin = bad_words(None);
    let mut lists: Vec<(&'static str, &'static str, &dyn Filter)> =
        BUILTIN.iter().map(|&(theirs, ours)| (theirs, ours, &*builtin)).collect();
    let given = GIVEN.map(|(theirs, ours)| {
        let words = std::fs::read_to_string(folder.join("data/wordlists/ldnoobw").join(theirs)).unwrap();
        (theirs, ours, bad_words(Some((theirs, words))))
    });
    lists.extend(given.iter().map(|(theirs, ours, filter)| (*theirs, *ours, &**filter)));
    let symbols = symbol_lines();
    let (mut signals, mut edits) = (Signals::default(), LineEdits::default());
    let (mut buffer, mut text, mut total) = (String::new(), String::new(), 0);
    let mut table = Table::default();
    for page in pages::open(&folder.join("data/raw/web_pages.jsonl.zst")) {
        let Some(golden) = golden.next_if(|golden| golden["id"] == page["id"]) else { continue };
        let mut document = Document::new(page["text"].as_str().unwrap());
        total += 1;
        let id = page["id"].as_str().unwrap();
        symbols.judge_lines(&document, &mut edits, &mut signals, &mut Raised::default(), &mut buffer);
        edits.apply(document.text, &mut text);
        table.compare("symbol_lines", id, sha1_hex(&text).into(), golden["symbol_lines_sha1"].clone());
        text::normalize::simplify_text(document.text, &mut text);
        table.compare("simplify_text", id, sha1_hex(&text).into(), golden["simplify_sha1"].clone());
        let found: BTreeSet<&str> = lists
            .iter()
            .filter(|(_, ours, filter)| {
                document.language = Some(Language { code: ours, short: ours, score: 1.0 });
                let mut raised = Raised::default();
                filter.judge(&mut document, &mut signals, &mut raised, &mut buffer);
                raised.contains(0)
            })
            .map(|(theirs, ..)| *theirs)
            .collect();
        let theirs = golden["badwords_langs"].as_array().unwrap().iter().map(|list| list.as_str().unwrap());
        let theirs: BTreeSet<&str> = theirs.collect();
        table.compare("c4_badwords", id, found, theirs);
    }
    assert!(golden.next().is_none() && total > 0);
    table.conclude(
        "datatrove",
        &[
            ("symbol_lines", "symbol_lines: text"),
            ("simplify_text", "simplify_text: the normal form of shingles"),
            ("c4_badwords", "c4_badwords: 28 lists"),
        ],
    );
}
