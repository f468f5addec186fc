//! `corpus inspect --file`: a page at hand is judged as a run would judge it.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;

use arrow::array::{Array, ListArray, StringArray};

use crate::support::{clean, corpus, demo_raw, integers, run, stderr, stdout, table, texts};

#[test]
fn a_page_has_the_reasons_that_a_run_gives_it() {
    let folder = tempfile::tempdir().unwrap();
    let pages = demo_raw(folder.path()).join("pages.jsonl");
    for recipe in ["default", "fineweb", "dolma"] {
        let out = folder.path().join(recipe);
        clean(&[&pages], &out, &["--quiet", "--recipe", recipe, "--rejected", "none"], 0);
        let ledger = table(&out, "ledger");
        let mut reasons: Vec<Vec<String>> = Vec::new();
        for batch in &ledger {
            let lists: &ListArray = batch.column_by_name("reasons").unwrap().as_any().downcast_ref().unwrap();
            reasons.extend(lists.iter().map(|list| {
                let list = list.unwrap();
                let names: &StringArray = list.as_any().downcast_ref().unwrap();
                names
                    .iter()
                    .flatten()
                    .filter(|name| !name.ends_with(".duplicate"))
                    .map(str::to_owned)
                    .collect()
            }));
        }
        let (ids, sizes) = (texts(&ledger, "id"), integers(&ledger, "kept_bytes"));

        let args = ["inspect", "--file", pages.to_str().unwrap(), "--recipes", recipe];
        let shown = stdout(&run(&[&args[..], &["--sample", "10000", "--format", "json"]].concat()));
        let shown: Vec<serde_json::Value> =
            shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(shown.len(), ids.len());
        let mut seen: BTreeMap<bool, u32> = BTreeMap::new();
        for (row, page) in shown.iter().enumerate() {
            let verdict = &page["recipes"][0];
            let failed = verdict["failed"].as_array().unwrap();
            let failed: Vec<&str> = failed.iter().map(|check| check["reason"].as_str().unwrap()).collect();
            assert_eq!(page["id"].as_str(), ids[row].as_deref());
            assert_eq!(failed, reasons[row], "{recipe}: {}", page["id"]);
            if let Some(kept) = verdict["rewritten"].as_str() {
                assert_eq!(Some(kept.len() as i64), sizes[row], "{recipe}: {}", page["id"]);
            }
            *seen.entry(failed.is_empty()).or_default() += 1;
        }
        assert!(seen.len() == 2, "{recipe}: some pages are kept, and some are not: {seen:?}");
    }
}

#[test]
fn all_recipes_stand_side_by_side() {
    let html = b"<html><body><p>This is what the weather was like when we came back from the hills.</p></body></html>";
    let mut inspect = corpus()
        .args(["inspect", "--file", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    inspect.stdin.take().unwrap().write_all(html).unwrap();
    let shown = stdout(&inspect.wait_with_output().unwrap());
    assert!(shown.starts_with("── pasted.html"), "{shown}");
    for (name, _) in plan::recipes::EMBEDDED {
        assert!(shown.contains(&format!("\n   {name} ")), "{name}: {shown}");
    }
    assert!(shown.contains("gopher_quality.too_few_words: 14, kept would be ≥ 50"), "{shown}");
}

#[test]
fn what_is_no_page_is_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.txt");
    std::fs::write(&page, "A page.").unwrap();
    let page = page.to_str().unwrap();
    for (args, expected) in [
        (vec!["inspect", "--file", "absent.txt"], "absent.txt"),
        (vec!["inspect", "--file", page, "--recipes", "finewep"], "fineweb"),
        (vec!["inspect", "--file", page, "out"], "cannot be used with"),
        (vec!["inspect"], "<OUT>"),
    ] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(expected), "{args:?}: {}", stderr(&output));
    }
}
