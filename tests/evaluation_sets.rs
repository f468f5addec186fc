//! Evaluation sets that stand in pages: what is found of each, item by item, in the report and for a document.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use report::{EvaluationSet, Run};

use crate::support::{clean, run, scratch, stdout, table, texts};

const QUESTIONS: &str = r#"{"question": "A baker sells 14 loaves on Monday and 9 more on each day after it; how many are sold by Friday?"}
{"question": "How many?"}
{"question": "Which of the four planets named below takes the longest time to go around its star?", "choices": ["a", "b"]}
{"question": "If a train leaves at noon and another one an hour later, when does the second one overtake the first?"}
"#;
const LINES: &str = "Someone pours water into a kettle, sets it on the stove and waits beside it for the whistle.\n\
    A baker sells 14 loaves on Monday and 9 more on each day after it; how many are sold by Friday?\n";

fn evaluation_sets(out: &Path) -> Vec<EvaluationSet> {
    let run: Run = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    run.evaluation_sets
}

#[test]
fn what_is_found_of_each_set_is_counted_by_item() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("questions.jsonl"), QUESTIONS).unwrap();
    fs::write(path("lines.txt"), LINES).unwrap();
    let baker = "a baker sells 14 loaves on monday and 9 more on each day after it";
    let pages = [
        (
            "both",
            format!(
                "From a forum: {baker}, I think. Someone pours water into a kettle; sets it on the stove."
            ),
        ),
        ("quoted", baker.to_uppercase().replace(' ', "\n> ")),
        ("short", "x if a train leaves at noon, and another one an hour: later".to_owned()),
        (
            "clean",
            "A page of its own, with words that no evaluation set has in this order at all.".to_owned(),
        ),
    ];
    let line = |(id, text): &(&str, String)| serde_json::json!({"id": id, "text": text}).to_string() + "\n";
    fs::write(path("raw.jsonl"), pages.iter().map(line).collect::<String>()).unwrap();
    let cleaned = |name: &str, keys: &str, flags: &[&str]| {
        let recipe = format!(
            "pipeline = [\"eval_overlap\", \"fineweb_quality\"]\n\
             [eval_overlap]\nsets = [\"questions.jsonl\", \"lines.txt\"]\n{keys}\n"
        );
        fs::write(path("recipe.toml"), recipe).unwrap();
        let (recipe, out) = (path("recipe.toml"), path(name));
        let all = [&["--recipe", recipe.to_str().unwrap(), "--quiet"], flags].concat();
        clean(&[&path("raw.jsonl")], &out, &all, 0);
        out
    };
    let found = |documents, items: &[(u32, u64)]| document::FoundItems {
        documents,
        items: items.iter().copied().collect::<BTreeMap<_, _>>(),
    };
    let sets = |found: [document::FoundItems; 2]| {
        let [questions, lines] = found;
        let set = |path: &str, items, too_short, found| EvaluationSet {
            path: path.to_owned(),
            items,
            too_short,
            found,
        };
        vec![set("questions.jsonl", 3, 1, questions), set("lines.txt", 2, 0, lines)]
    };
    let by_8 = sets([found(3, &[(1, 2), (4, 1)]), found(2, &[(1, 1), (2, 2)])]);

    let out = cleaned("by-8", "ngram = 8", &[]);
    assert_eq!(evaluation_sets(&out), by_8);
    let reasons = |out: &Path| -> BTreeMap<String, bool> {
        let ledger = table(out, "ledger");
        let is_hit =
            |reason: Option<String>| reason.is_some_and(|reason| reason == "eval_overlap.contaminated");
        texts(&ledger, "id")
            .into_iter()
            .flatten()
            .zip(texts(&ledger, "reason").into_iter().map(is_hit))
            .collect()
    };
    let table = stdout(&run(&["report", out.to_str().unwrap()]));
    let row = |name: &str| {
        let row =
            table.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}\n{table}"));
        row.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("questions.jsonl"), "questions.jsonl 2 of 3 3, 1 too short");
    assert_eq!(row("lines.txt"), "lines.txt 2 of 2 2");
    let inspected = stdout(&run(&["inspect", out.to_str().unwrap(), "--id", "short"]));
    assert!(
        inspected.contains("holds a piece of questions.jsonl, line 4 (5 of its 13 n-grams)"),
        "{inspected}"
    );
    assert!(!stdout(&run(&["inspect", out.to_str().unwrap(), "--id", "clean"])).contains("holds a piece"));
    let card = fs::read_to_string(out.join("README.md")).unwrap();
    assert!(card.contains("questions.jsonl: 2 of 3 items, in 3 documents"), "{card}");
    let dropped = reasons(&out).values().filter(|is_hit| **is_hit).count();

    // Thirteen words in a row are in fewer; a tag counts the same and drops nothing.
    let out = cleaned("by-13", "ngram = 13", &["--threads", "1"]);
    let by_13 = sets([found(2, &[(1, 2)]), found(2, &[(2, 2)])]);
    assert_eq!(evaluation_sets(&out), by_13);
    let out = cleaned("tag", "ngram = 8\naction = \"tag\"", &["--threads", "3"]);
    assert_eq!(evaluation_sets(&out), by_8);
    assert!(dropped > 0 && reasons(&out).values().all(|is_hit| !is_hit));
}
