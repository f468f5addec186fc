//! `corpus apply --remove`: the text is gone everywhere, what stays is untouched, a killed takedown is the old or the new.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use arrow::array::AsArray;
use tokens::{Tokenizer, documents, read_sequences};

use crate::clean::check_invariants;
use crate::resume::killed;
use crate::support::{clean, corpus, flags, run, stderr, stdout, table, texts, tree};

const PAGES: usize = 120;

/// A page of its own words, among them one that no other page has.
fn page(number: usize) -> String {
    let mut state = number as u64 + 1;
    let mut word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let letters = (state >> 33) % 17_576;
        let letter = |at: u64| char::from(b'a' + (at % 26) as u8);
        format!("{}o{}i{}", letter(letters), letter(letters / 26), letter(letters / 676))
    };
    let mut text = format!("The {} begins this page of the list.\n", marker(number));
    for _ in 0..12 {
        let words: Vec<String> = (0..14).map(|_| word()).collect();
        text += &format!("So {} was said.\n", words.join(" "));
    }
    text + "short\n"
}

fn marker(number: usize) -> String {
    format!("marker{number}x")
}

/// Pages 0 to 119 of six sites; every tenth is dropped; two are copies of page 3, one of them without another letter.
fn input(folder: &Path, pages: usize) -> PathBuf {
    let path = folder.join(format!("raw-{pages}.jsonl"));
    let record = |id: String, url: String, text: String| {
        serde_json::json!({ "id": id, "url": url, "text": text, "source": format!("s{}", id.len() % 2) })
            .to_string()
    };
    let mut lines: Vec<String> = Vec::new();
    for number in 0..pages {
        let mut text = page(number);
        if number % 10 == 9 {
            text += "Lorem ipsum dolor sit amet, and so it goes on to the end.\n";
        }
        lines.push(record(
            format!("page-{number}"),
            format!("https://www.site{}.example/p/{number}", number % 6),
            text,
        ));
        if number == 50 {
            lines.push(record("exact".into(), "https://mirror.example/3".into(), page(3)));
            let near = page(3).replace("begins this", "opens this");
            lines.push(record("near".into(), "http://mirror.example/3b/".into(), near));
        }
    }
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    path
}

fn recipe(folder: &Path, heldout: &str) -> String {
    let path = folder.join(format!("recipe-{}.toml", heldout.len()));
    let text = format!(
        "pipeline = [\"repair\", \"c4_quality\", \"exact_dedup\", \"minhash\", \"tokenize\", \"pack\"]\n\
         [c4_quality]\nterminal_punctuation = true\n[pack]\nlength = 64\nbucket_tokens = 4096\n{heldout}\n"
    );
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn finished(folder: &Path, pages: usize, heldout: &str) -> PathBuf {
    let (raw, out) = (input(folder, pages), folder.join(format!("out-{pages}-{}", heldout.len())));
    let recipe = recipe(folder, heldout);
    clean(&[&raw], &out, &["--quiet", "--rejected", "all", "--recipe", &recipe], 0);
    out
}

fn copied(from: &Path, to: &Path) -> PathBuf {
    for (name, _) in tree(from) {
        let target = to.join(&name);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(from.join(&name), target).unwrap();
    }
    to.to_path_buf()
}

fn list(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("remove.txt");
    fs::write(&path, text).unwrap();
    path
}

fn apply(out: &Path, list: &Path, more: &[&str]) -> serde_json::Value {
    let output = corpus()
        .args(["apply", "--format", "json", "--remove"])
        .args([list, out])
        .args(more)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

/// Every text that lies in a folder: strings of tables, decoded sequences, files for people.
fn everything(out: &Path) -> String {
    let mut all = String::new();
    let tokenizer = Tokenizer::from_json(&fs::read_to_string(out.join("tokenizer.json")).unwrap()).unwrap();
    for folder in ["clean", "rejected", "ledger", "tokens"] {
        for batch in table(out, folder) {
            if batch.column_by_name("seq_start_id").is_some() {
                for document in documents(read_sequences(&batch).unwrap()) {
                    all += &String::from_utf8_lossy(&tokenizer.decode_bytes(&document.ids));
                }
            }
            for column in batch.columns() {
                if let Some(strings) = column.as_string_opt::<i32>() {
                    strings.iter().flatten().for_each(|text| all += text);
                }
            }
        }
    }
    for name in ["report.json", "report.html", "README.md", "manifest.json"] {
        all += &fs::read_to_string(out.join(name)).unwrap();
    }
    all
}

#[test]
fn what_is_named_is_gone_everywhere_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let before = finished(folder.path(), PAGES, "");
    let out = copied(&before, &folder.path().join("out"));
    let text = "# asked for by mail\npage-7\nid:page-9\nurl:http://site4.example/p/10/\ndomain:site5.example\nnobody\n\
                https://www.site0.example/p/3*\n";
    let list = list(folder.path(), text);
    let gone = |n: usize| {
        [7, 9, 10].contains(&n) || n % 6 == 5 || (n.is_multiple_of(6) && n.to_string().starts_with('3'))
    };
    let all = everything(&before);
    assert!((0..PAGES).all(|n| all.contains(&marker(n))));

    let planned = apply(&out, &list, &["--dry-run"]);
    assert!(tree(&out) == tree(&before), "a dry run writes nothing");
    let done = apply(&out, &list, &[]);
    assert_eq!(
        [
            "documents",
            "clean_rows",
            "rejected_rows",
            "signature_rows",
            "train_documents",
            "control_documents",
            "heldout_documents"
        ]
        .map(|key| (key, planned[key].clone())),
        [
            "documents",
            "clean_rows",
            "rejected_rows",
            "signature_rows",
            "train_documents",
            "control_documents",
            "heldout_documents"
        ]
        .map(|key| (key, done[key].clone()))
    );
    let expected = (0..PAGES).filter(|n| gone(*n)).count();
    assert_eq!(done["documents"], expected);
    assert_eq!(done["unmatched"], serde_json::json!(["nobody"]));
    let n = |key: &str| done[key].as_u64().unwrap();
    assert_eq!(n("clean_rows") + n("rejected_rows"), expected as u64);
    assert!(n("clean_rows") > 15 && n("rejected_rows") > 1 && n("control_documents") > 15);

    check_invariants(&out);
    let all = everything(&out);
    for number in 0..PAGES {
        assert_eq!(all.contains(&marker(number)), !gone(number), "{number}");
        let url = format!("site{}.example/p/{number}\"", number % 6);
        assert!(!gone(number) || !all.contains(&url));
    }
    // The ledger keeps the row: id, place, numbers; and why.
    let (old, new) = (table(&before, "ledger"), table(&out, "ledger"));
    let [ids, old_reasons, reasons] = [texts(&new, "id"), texts(&old, "reason"), texts(&new, "reason")];
    let kept = flags(&new, "kept");
    for (row, id) in ids.iter().enumerate() {
        let number = id.as_ref().unwrap().strip_prefix("page-").and_then(|n| n.parse().ok());
        if number.is_some_and(gone) {
            let expected = old_reasons[row].as_deref().unwrap_or("takedown.removed");
            assert_eq!((reasons[row].as_deref(), kept[row]), (Some(expected), false));
        } else {
            assert_eq!((&reasons[row], kept[row]), (&old_reasons[row], old_reasons[row].is_none()));
        }
    }
    // What was kept and not named is kept as it was.
    let clean_texts = |out: &Path| -> BTreeMap<String, String> {
        let clean = table(out, "clean");
        texts(&clean, "id").into_iter().flatten().zip(texts(&clean, "text").into_iter().flatten()).collect()
    };
    let mut old = clean_texts(&before);
    old.retain(|id, _| !id.strip_prefix("page-").and_then(|n| n.parse().ok()).is_some_and(gone));
    assert_eq!(clean_texts(&out), old);
    assert_eq!(table(&out, "signatures").iter().map(|batch| batch.num_rows()).sum::<usize>(), old.len());
    // The record names nobody; the report tells.
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["takedowns"][0]["documents"], expected);
    assert_eq!(manifest["takedowns"][0]["matched"].as_object().unwrap().len(), 5);
    assert_eq!(manifest["timing"]["takedowns"].as_array().unwrap().len(), 1);
    for output in manifest["outputs"].as_array().unwrap() {
        let found = shards::fingerprint(&out.join(output["path"].as_str().unwrap())).unwrap();
        let hash = output["xxh3_128"].as_str().unwrap();
        assert!(hash.is_empty() || hash == found.xxh3_128, "{output}");
    }
    assert!(stdout(&run(&["report".as_ref(), out.as_os_str()])).contains("takedown"));

    // A second time it does nothing, and says so.
    let new = tree(&out);
    let again = apply(&out, &list, &[]);
    assert_eq!((&again["documents"], &again["rewritten"]), (&0.into(), &serde_json::json!([])));
    assert!(again["removed_before"].as_u64().unwrap() >= 2 && tree(&out) == new);
}

#[test]
fn copies_are_named_and_removed_on_demand() {
    let folder = tempfile::tempdir().unwrap();
    let before = finished(folder.path(), PAGES, "");
    // One that was dropped as a copy: its text is still in clean/ under another id.
    let out = copied(&before, &folder.path().join("out"));
    let list = list(folder.path(), "id:exact\n");
    let done = apply(&out, &list, &[]);
    let copies: Vec<(&str, bool)> = (done["copies"].as_array().unwrap().iter())
        .map(|copy| (copy["id"].as_str().unwrap(), copy["is_kept"].as_bool().unwrap()))
        .collect();
    assert_eq!(copies.len(), 2);
    assert!(copies.contains(&("page-3", true)) || copies.contains(&("near", true)), "{copies:?}");
    assert!(everything(&out).contains(&marker(3)));
    check_invariants(&out);

    let out = copied(&before, &folder.path().join("with-copies"));
    let done = apply(&out, &list, &["--copies"]);
    assert_eq!((&done["documents"], &done["copies"]), (&3.into(), &serde_json::json!([])));
    assert!(!everything(&out).contains(&marker(3)));
    check_invariants(&out);
}

#[test]
fn two_takedowns_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let before = finished(folder.path(), PAGES, "");
    let (once, twice) = (folder.path().join("once"), folder.path().join("twice"));
    let (once, twice) = (copied(&before, &once), copied(&before, &twice));
    apply(&once, &list(folder.path(), "page-4\npage-40\ndomain:site2.example\n"), &["--threads", "1"]);
    apply(&twice, &list(folder.path(), "page-40\n"), &[]);
    apply(&twice, &list(folder.path(), "page-4\nsite2.example\n"), &["--threads", "2"]);
    let (once, twice) = (tree(&once), tree(&twice));
    assert_eq!(once.keys().collect::<Vec<_>>(), twice.keys().collect::<Vec<_>>());
    // What people read tells of each takedown.
    let told = ["manifest.json", "report.json", "report.html", "README.md"];
    for (name, bytes) in once.iter().filter(|(name, _)| !told.contains(&name.as_str())) {
        assert!(twice[name] == *bytes, "{name} differs");
    }
}

#[test]
fn sequences_are_those_of_a_run_without_the_documents() {
    let folder = tempfile::tempdir().unwrap();
    let sample = "[sample]\nheldout_share = 0";
    // Removed are the last pages, so that the places of the others are the same.
    let fewer = finished(folder.path(), PAGES - 30, sample);
    let out = finished(folder.path(), PAGES, sample);
    let ids: Vec<String> = (PAGES - 30..PAGES).map(|n| format!("page-{n}")).collect();
    let done = apply(&out, &list(folder.path(), &ids.join("\n")), &[]);
    assert!(!done["gone"].as_array().unwrap().is_empty(), "fewer buckets");
    let tokens = |out: &Path| -> BTreeMap<String, Vec<u8>> {
        tree(out).into_iter().filter(|(name, _)| name.starts_with("tokens/")).collect()
    };
    let (found, expected) = (tokens(&out), tokens(&fewer));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, bytes) in expected {
        assert!(found[&name] == bytes, "{name} differs");
    }
    assert_eq!(texts(&table(&out, "clean"), "text"), texts(&table(&fewer, "clean"), "text"));
}

#[test]
fn a_killed_takedown_is_the_old_run_or_becomes_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let before = finished(folder.path(), PAGES, "");
    let list = list(folder.path(), "domain:site1.example\ndomain:site2.example\n");
    let new = copied(&before, &folder.path().join("new"));
    let start = Instant::now();
    apply(&new, &list, &[]);
    let seconds = start.elapsed();
    let (old_tree, new_tree) = (tree(&before), tree(&new));
    for step in 0..12 {
        let out = copied(&before, &folder.path().join(format!("killed-{step}")));
        let mut command = corpus();
        command.args(["apply", "--remove"]).args([&list, &out]);
        killed(command, seconds * step / 11);
        if !out.join(".work/takedown/journal.json").exists() {
            let mut left = tree(&out);
            left.retain(|name, _| !name.starts_with(".work"));
            assert!(left == old_tree || left == new_tree, "step {step}");
        }
        apply(&out, &list, &[]);
        assert!(tree(&out) == new_tree, "step {step}");
    }
}

#[test]
fn an_interrupted_exchange_is_completed_by_whoever_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let before = finished(folder.path(), PAGES, "");
    let new = copied(&before, &folder.path().join("new"));
    let list = list(folder.path(), "domain:site1.example\n");
    let done = apply(&new, &list, &[]);
    let names = |key: &str| -> Vec<String> {
        done[key].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    let mut moved = names("rewritten");
    moved.extend(["README.md", "report.json", "report.html", "manifest.json"].map(str::to_owned));
    for exchanged in [0, 1, moved.len() / 2, moved.len()] {
        for by_clean in [false, true] {
            let out = copied(&before, &folder.path().join(format!("half-{exchanged}-{by_clean}")));
            let staged = out.join(".work/takedown/new");
            for (index, name) in moved.iter().enumerate() {
                let target = if index < exchanged { out.join(name) } else { staged.join(name) };
                fs::create_dir_all(target.parent().unwrap()).unwrap();
                fs::copy(new.join(name), target).unwrap();
            }
            fs::create_dir_all(&staged).unwrap();
            let journal = serde_json::json!({ "moved": moved, "gone": names("gone") });
            fs::write(out.join(".work/takedown/journal.json"), journal.to_string()).unwrap();
            if by_clean {
                let (raw, recipe) = (input(folder.path(), PAGES), recipe(folder.path(), ""));
                let flags = ["--rejected", "all", "--recipe", &recipe];
                assert!(stderr(&clean(&[&raw], &out, &flags, 0)).contains("nothing was done"));
            } else {
                let dry =
                    corpus().args(["apply", "--dry-run", "--remove"]).args([&list, &out]).output().unwrap();
                assert_eq!(dry.status.code(), Some(2));
                assert!(stderr(&dry).contains("completes that first"), "{}", stderr(&dry));
                apply(&out, &list, &[]);
            }
            assert!(tree(&out) == tree(&new), "{exchanged} {by_clean}");
        }
    }
}

#[test]
fn what_cannot_be_done_is_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let out = finished(folder.path(), 20, "");
    let before = tree(&out);
    let missing = folder.path().join("missing.txt");
    for (list, out, message) in [
        (missing.clone(), out.clone(), "cannot read the list"),
        (
            list(folder.path(), "page-1\ndomain:not a host\n"),
            out.clone(),
            "line 2: `domain:not a host` names no domain",
        ),
        (folder.path().join("remove.txt"), folder.path().to_path_buf(), "names no domain"),
    ] {
        let output = corpus().args(["apply", "--remove"]).args([&list, &out]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
    for (text, out, message) in [
        ("# nothing\n", &out, "names nothing"),
        ("page-1\n", &folder.path().to_path_buf(), "holds no finished run"),
    ] {
        let list = list(folder.path(), text);
        let output = corpus().args(["apply", "--remove"]).args([&list, out]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
    assert!(tree(&out) == before);
}
