//! `[mix]`: documents that are trained on, packed as often as their weight says; nothing else changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokens::read_sequences;

use crate::support::{assert_same, clean, integers, run, scratch, stderr, stdout, table, texts, tree};

/// Pages of three sources, each with an essay of its own words.
fn pages(folder: &Path) -> PathBuf {
    let raw = folder.join("raw");
    fs::create_dir_all(&raw).unwrap();
    let mut lines = String::new();
    for page in 0..120 {
        let source = ["wiki", "web", "mirror"][page % 3];
        let words =
            (0..40 + page % 50).map(|word| format!("word{} of page{page}x{}", word * 7 % 31, word % 9));
        let text = words.collect::<Vec<_>>().join(" ");
        let record = serde_json::json!({ "id": format!("{source}/{page}"), "source": source, "text": text });
        lines += &format!("{record}\n");
    }
    fs::write(raw.join("pages.jsonl"), lines).unwrap();
    raw
}

fn recipe(folder: &Path, name: &str, mix: &str) -> String {
    let path = folder.join(format!("{name}.toml"));
    let rest = "[sample]\nheldout_documents = 5\n[pack]\nlength = 64\nbucket_tokens = 8192\n";
    fs::write(&path, format!("name = \"mixed\"\npipeline = [\"tokenize\", \"pack\"]\n{rest}{mix}")).unwrap();
    path.display().to_string()
}

/// Tokens that `train-*` holds of each document, by its row.
fn packed(out: &Path) -> BTreeMap<i64, usize> {
    let mut found = BTreeMap::new();
    for path in fs::read_dir(out.join("tokens")).unwrap().map(|entry| entry.unwrap().path()) {
        if !path.file_name().unwrap().to_str().unwrap().starts_with("train-") {
            continue;
        }
        for batch in shards::read_table(&path, None, 1000).unwrap() {
            for sequence in read_sequences(&batch.unwrap()).unwrap() {
                sequence.pieces().for_each(|(range, ids)| *found.entry(range.row).or_default() += ids.len());
            }
        }
    }
    found
}

#[test]
fn documents_are_packed_as_often_as_they_weigh() {
    let folder = scratch();
    let folder = folder.path();
    let raw = pages(folder);
    let [plain, mixed, again] = ["plain", "mixed", "again"].map(|name| folder.join(name));
    clean(&[&raw], &plain, &["--quiet", "--recipe", &recipe(folder, "plain", "")], 0);
    let weights = recipe(folder, "mix", "[mix]\nweights = [\"wiki=2.5\", \"mirror=0\"]\n");
    clean(&[&raw], &mixed, &["--quiet", "--threads", "1", "--recipe", &weights], 0);
    clean(&[&raw], &again, &["--quiet", "--threads", "4", "--recipe", &weights], 0);
    assert_same(&tree(&mixed), &tree(&again));

    let (once, often) = (packed(&plain), packed(&mixed));
    let mut counts = BTreeMap::<(i64, usize), usize>::new();
    for (row, tokens) in &once {
        let more = often.get(row).copied().unwrap_or(0);
        assert_eq!(more % tokens, 0, "whole documents");
        *counts.entry((row % 3, more / tokens)).or_default() += 1;
    }
    let of = |source, times| counts.get(&(source, times)).copied().unwrap_or(0);
    let wiki = (of(0, 2), of(0, 3));
    assert!(wiki.0 > 8 && wiki.1 > 8 && wiki.0 + wiki.1 >= 35, "{counts:?}");
    assert!(of(1, 1) >= 35 && of(2, 0) >= 35 && counts.len() == 4, "{counts:?}");

    // Nothing else is mixed.
    assert_eq!(texts(&table(&plain, "clean"), "text"), texts(&table(&mixed, "clean"), "text"));
    assert_eq!(integers(&table(&plain, "ledger"), "tokens"), integers(&table(&mixed, "ledger"), "tokens"));
    let report = |out: &Path| -> Value {
        serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap()
    };
    let tokens = |out: &Path| report(out)["tokens"].clone();
    assert_eq!(tokens(&plain)["mix"], Value::Null);
    assert_eq!(tokens(&mixed)["mix"]["repeated"], wiki.0 + wiki.1);
    assert_eq!(tokens(&mixed)["mix"]["copies"], wiki.0 + 2 * wiki.1);
    assert_eq!(tokens(&mixed)["mix"]["left_out"], of(2, 0));
    assert_eq!(tokens(&mixed)["n_tokens"], often.values().sum::<usize>());
    assert_eq!(tokens(&mixed)["control_documents"], tokens(&plain)["control_documents"]);
    assert!(fs::read_to_string(mixed.join("manifest.json")).unwrap().contains("wiki=2.5"));
    let said = stdout(&run(&["report", mixed.to_str().unwrap()]));
    assert!(said.contains("repeated documents"), "{said}");

    // Exports hold every copy, whole.
    let there = folder.join("there");
    let exported = run(&["export", mixed.to_str().unwrap(), there.to_str().unwrap(), "--tokens", "nanogpt"]);
    assert_eq!(exported.status.code(), Some(0), "{}", stderr(&exported));
    let card: Value = serde_json::from_slice(&fs::read(there.join("export.json")).unwrap()).unwrap();
    assert_eq!(card["train"]["documents"], 2 * wiki.0 + 3 * wiki.1 + of(1, 1));
}

#[test]
fn a_takedown_takes_every_copy_and_leaves_the_others() {
    let folder = scratch();
    let folder = folder.path();
    let raw = pages(folder);
    let out = folder.join("out");
    let weights = recipe(folder, "mix", "[mix]\nweights = [\"wiki=2.5\", \"mirror=0\"]\n");
    clean(&[&raw], &out, &["--quiet", "--recipe", &weights], 0);
    let mut expected = packed(&out);
    // A document that is packed several times, and is not held out.
    let row = *expected.keys().find(|row| **row % 3 == 0).unwrap();
    let list = folder.join("list.txt");
    fs::write(&list, format!("wiki/{row}\n")).unwrap();
    let applied = run(&["apply", out.to_str().unwrap(), "--remove", list.to_str().unwrap()]);
    assert_eq!(applied.status.code(), Some(0), "{}", stderr(&applied));
    expected.remove(&row);
    assert!(packed(&out) == expected);
}
