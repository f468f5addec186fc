//! Token F1 on the pages of `CORPUS_TEST_DATA` whose main text people cut by hand.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::PathBuf;

use extract::{Mode, Options, extract};
use sha1::{Digest, Sha1};

use crate::archive::{Response, responses};
use crate::token_score::{f1, tokens};

fn data() -> Option<PathBuf> {
    let found = std::env::var("CORPUS_TEST_DATA").ok();
    if found.is_none() {
        let is_required = std::env::var("CORPUS_REQUIRE_DATA").is_ok_and(|flag| flag == "1");
        assert!(!is_required, "CORPUS_TEST_DATA is not set");
        eprintln!("skipped: CORPUS_TEST_DATA names no pages");
    }
    found.map(|data| PathBuf::from(data).join("data"))
}

fn all_responses(data: &std::path::Path) -> Vec<Response> {
    let archives = ["crawl/web_pages.warc.gz", "crawl/news_pages.warc.gz"];
    archives.into_iter().flat_map(|archive| responses(&data.join(archive)).unwrap()).collect()
}

/// `urn:uuid:` and the version 5 UUID of a document's id.
fn record_id(id: &str) -> String {
    const NAMESPACE_URL: u128 = 0x6ba7_b811_9dad_11d1_80b4_00c0_4fd4_30c8;
    let digest = Sha1::new().chain_update(NAMESPACE_URL.to_be_bytes()).chain_update(id).finalize();
    let mut bytes: [u8; 16] = digest[..16].try_into().unwrap();
    bytes[6] = bytes[6] & 0x0F | 0x50;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Record id -> id and main text.
fn truth(data: &std::path::Path) -> HashMap<String, (String, String)> {
    let file = std::fs::File::open(data.join("truth/web_pages.main_content.jsonl.zst")).unwrap();
    let mut lines = String::new();
    zstd::Decoder::new(file).unwrap().read_to_string(&mut lines).unwrap();
    let parse = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| row[name].as_str().unwrap().to_owned();
        (record_id(&field("id")), (field("id"), field("main_content")))
    };
    lines.lines().map(parse).collect()
}

/// The script of the text; the article extraction benchmark, newer pages in many languages, is a group of its own.
fn group(id: &str, text: &str) -> &'static str {
    let count = |is: fn(char) -> bool| text.chars().filter(|c| is(*c)).count();
    match () {
        () if id.starts_with("article_extraction_benchmark") => "mixed",
        () if count(|c| matches!(c, '\u{370}'..='\u{3ff}')) > 20 => "el",
        () if count(|c| matches!(c, '\u{400}'..='\u{4ff}')) > 20 => "ru",
        () if count(|c| matches!(c, '\u{4e00}'..='\u{9fff}')) > 20 => "zh",
        () if count(|c| "ąćęłńśźżĄĆĘŁŃŚŹŻ".contains(c)) > 3 => "pl",
        () => "en",
    }
}

/// What was measured, less a hair: benches/extraction/README.md. Trafilatura's balanced mode is below every one of these.
const FLOORS: [(&str, f64); 7] = [
    ("all", 0.949),
    ("el", 0.974),
    ("en", 0.956),
    ("mixed", 0.958),
    ("pl", 0.932),
    ("ru", 0.917),
    ("zh", 0.944),
];

#[test]
fn main_content_is_what_people_cut() {
    let Some(data) = data() else { return };
    let truth = truth(&data);
    let mut scores: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for response in all_responses(&data) {
        let Some((id, text)) = truth.get(&response.id) else { continue };
        let page = extract(&response.html, None, &Options::default());
        let score = f1(&tokens(&page.text), &tokens(text));
        scores.entry("all").or_default().push(score);
        scores.entry(group(id, text)).or_default().push(score);
    }
    assert_eq!(scores["all"].len(), 1281);
    let means: BTreeMap<&str, f64> = scores
        .iter()
        .map(|(group, scores)| (*group, scores.iter().sum::<f64>() / scores.len() as f64))
        .collect();
    for (group, floor) in FLOORS {
        assert!(means[group] >= floor, "F1 of {group} is below {floor}: {means:?}");
    }
}

#[test]
fn modes_keep_more_and_more() {
    let Some(data) = data() else { return };
    let truth = truth(&data);
    let mut kept = [0; 4];
    let mut recall = 0.0;
    let responses = all_responses(&data);
    for response in responses.iter().step_by(7) {
        let texts = Mode::ALL.map(|mode| extract(&response.html, None, &Options { mode }).text);
        let lengths = texts.each_ref().map(String::len);
        assert!(lengths.is_sorted(), "{}: {lengths:?}", response.id);
        for (sum, length) in kept.iter_mut().zip(lengths) {
            *sum += length;
        }
        if let Some((_, truth)) = truth.get(&response.id) {
            let (all, truth) = (tokens(&texts[3]), tokens(truth));
            // F1 with what is common to both: recall is half of it where the truth is all there.
            let score = f1(&all, &truth);
            recall += score * (all.len() + truth.len()) as f64 / 2.0 / truth.len() as f64;
        }
    }
    assert!(kept.is_sorted() && kept[0] * 2 > kept[1] && kept[2] * 10 < kept[3] * 9, "{kept:?}");
    let pages = responses.iter().step_by(7).filter(|response| truth.contains_key(&response.id)).count();
    assert!(recall / pages as f64 > 0.99, "all-text loses text: {}", recall / pages as f64);
}
