//! The ids are those of the `tokenizers` crate, on real documents and real vocabularies.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_types)]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use tokens::{Cache, Tokenizer};

fn test_data() -> Option<PathBuf> {
    let data = std::env::var_os("CORPUS_TEST_DATA").map(|root| PathBuf::from(root).join("data"));
    if data.is_none() {
        assert_ne!(std::env::var("CORPUS_REQUIRE_DATA").as_deref(), Ok("1"), "CORPUS_TEST_DATA is not set");
        eprintln!("skipped: CORPUS_TEST_DATA is not set");
    }
    data
}

/// Every `step`-th text of a raw file.
fn texts(data: &Path, file: &str, step: usize) -> Vec<String> {
    let file = std::fs::File::open(data.join("raw").join(file)).unwrap();
    let lines = BufReader::new(zstd::Decoder::new(file).unwrap()).lines();
    let text =
        |line: String| Some(serde_json::from_str::<Value>(&line).unwrap()["text"].as_str()?.to_owned());
    lines.step_by(step).filter_map(|line| text(line.unwrap())).collect()
}

/// The tokenizer.json that GPT-2's two files amount to.
fn gpt2_json(data: &Path) -> String {
    let read = |name: &str| std::fs::read_to_string(data.join("tokenizers/gpt2").join(name)).unwrap();
    let vocab: Value = serde_json::from_str(&read("encoder.json")).unwrap();
    let merges = read("vocab.bpe");
    let merges: Vec<&str> = merges.lines().skip(1).filter(|line| !line.is_empty()).collect();
    json!({
        "version": "1.0", "added_tokens": [], "normalizer": null, "post_processor": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
        "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
        "model": {"type": "BPE", "vocab": vocab, "merges": merges},
    })
    .to_string()
}

fn assert_same_ids(json: &str, texts: &[String]) {
    let ours = Tokenizer::from_json(json).unwrap();
    let mut theirs: tokenizers::Tokenizer = json.parse().unwrap();
    theirs.set_encode_special_tokens(true);
    let mut cache = Cache::default();
    for text in texts {
        let mut ids = Vec::new();
        ours.encode_into(text, &mut cache, &mut ids).unwrap();
        assert_eq!(ids, theirs.encode_fast(text.as_str(), false).unwrap().get_ids());
        assert_eq!(ours.decode_bytes(&ids), text.as_bytes());
    }
}

#[test]
fn identical_to_the_crate_on_odd_texts() {
    let odd = [
        "",
        " ",
        "  ",
        "\n",
        " \n ",
        "a  b",
        "it's I'LL we've 'S ''d '",
        "<|endoftext|>",
        "1²½Ⅷ٣",
        "e\u{301}é\u{200d}👩‍👩‍👧",
        "\u{a0}\u{2028}x\u{3000}y\u{85}",
        "\u{0}\u{1}\u{7f}\u{ad}\u{feff}",
        "a\u{1c}b",
        "ไม่มีช่องว่างในภาษาไทย",
        "中文。没有空格",
    ];
    let mut texts: Vec<String> = odd.iter().map(|&text| text.to_owned()).collect();
    texts.push("x".repeat(10_000));
    texts.push("=-".repeat(3_000));
    texts.push((0..0x3_0000).filter_map(char::from_u32).collect());
    texts.push((0..0x3_0000).filter_map(char::from_u32).flat_map(|c| [' ', c, 'a', c]).collect());
    assert_same_ids(Tokenizer::default_32k().unwrap().to_json(), &texts);
}

#[test]
fn identical_to_the_crate_on_real_documents() {
    let Some(data) = test_data() else { return };
    let default = Tokenizer::default_32k().unwrap();
    for (file, step) in [("web_pages.jsonl.zst", 53), ("mixed_sources.jsonl.zst", 307)] {
        let texts = texts(&data, file, step);
        assert!(texts.len() > 100);
        assert_same_ids(default.to_json(), &texts);
        assert_same_ids(&gpt2_json(&data), &texts);
    }
}

#[test]
fn a_real_vocabulary_is_cut() {
    let Some(data) = test_data() else { return };
    let gpt2 = Tokenizer::from_json(&gpt2_json(&data)).unwrap();
    assert_eq!((gpt2.vocab_size(), gpt2.end_of_text(), gpt2.token_bytes(50_256)), (50_257, 50_256, &b""[..]));
    let small = gpt2.truncated(4096).unwrap();
    assert_eq!((small.vocab_size(), small.end_of_text()), (4096, 4095));
    let text = "Tokens of a smaller vocabulary are shorter.";
    let ids = small.encode(text).unwrap();
    assert_eq!(small.decode_bytes(&ids), text.as_bytes());
    assert!(ids.len() > gpt2.encode(text).unwrap().len());
    assert_same_ids(small.to_json(), &[text.to_owned()]);
    assert_eq!(Tokenizer::from_json(small.to_json()).unwrap().end_of_text(), 4095);
}
