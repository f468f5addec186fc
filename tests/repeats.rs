//! Parts of texts that stand in other documents go, the same whatever the threads, shares and interruptions.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::resume::{Delays, killed};
use crate::support::{
    assert_same, clean, corpus, integers, numbers, real_data, run, scratch, stderr, stdout, table, texts,
    tree,
};

/// Pages that share paragraphs and spans of sentences, within a page, a file and across files.
fn raw(folder: &Path) -> PathBuf {
    let raw = folder.join("raw");
    fs::create_dir_all(&raw).unwrap();
    for (file, pages) in [("a.jsonl", 0..300_u32), ("b.jsonl", 300..900), ("c.jsonl", 900..1000)] {
        let page = |page: u32| {
            let own: Vec<String> =
                (0..page % 5 + 1).map(|n| format!("It is spelt {}.", words(page * 7 + n))).collect();
            let shared = (page % 60..page % 60 + page % 4 + 2).map(|n| format!("Then comes {}. ", words(n)));
            let (own, shared) = (own.join(" "), shared.collect::<String>());
            let (menu, year) = (page % 9, page % 30);
            let text = format!("Menu of site {menu}\n\n{own}\n\n{shared}{own}\nCopyright 20{year:02}");
            serde_json::json!({"id": format!("{file}-{page}"), "text": text}).to_string()
        };
        fs::write(raw.join(file), pages.map(page).collect::<Vec<_>>().join("\n")).unwrap();
    }
    fs::write(raw.join("d.jsonl"), "\n{broken\n{\"id\":\"none\"}\n").unwrap();
    raw
}

/// A number in words of letters, so that no two are alike without digits.
fn words(number: u32) -> String {
    let letter = |at: u32| char::from(b'a' + (number >> (3 * at) & 7) as u8);
    (0..6).map(letter).flat_map(|letter| [letter, ' ']).collect::<String>().repeat(10)
}

fn recipe(folder: &Path, text: &str) -> String {
    let path = folder.join("recipe.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

const ALL: &str = "pipeline = [\"paragraph_dedup\", \"c4_quality\", \"sentence_dedup\", \"substring_dedup\", \"exact_dedup\", \
                   \"minhash\", \"tokenize\", \"pack\"]\n[sentence_dedup]\ntoo_few_words = 5\n[c4_quality]\n\
                   too_few_sentences = 1\n[substring_dedup]\nmin_length = 30\ntoo_few_words = 5\n";

#[test]
fn paragraphs_of_earlier_documents_go() {
    let folder = scratch();
    let raw = folder.path().join("raw.jsonl");
    let pages = [
        ("first", "Menu\n\nOne of a kind.\n\nFooter 2024"),
        // Dropped before: its paragraphs are nobody's first copies.
        ("short", "Only below"),
        ("second", "MENU\nTwo of a kind.\nOnly below\n\nfooter 2025\n"),
        ("third", "menu\n\n  Footer 1999\t"),
        ("fourth", "Four and four.\nFour and four.\nFour, five."),
        ("fifth", "Nothing of this is repeated.  "),
    ];
    let lines = pages.map(|(id, text)| serde_json::json!({"id": id, "text": text}).to_string());
    fs::write(&raw, lines.join("\n")).unwrap();
    let kept = |name: &str, options: &str| {
        let pipeline = "pipeline = [\"c4_paragraph\", \"paragraph_dedup\", \"gopher_quality\"]\n[c4_paragraph]\n\
                        min_characters = 12\nmin_paragraphs = 1\n[gopher_quality]\nodd_word_length = \"off\"\n\
                        too_few_words = 3\ntoo_few_stop_words = \"off\"\ntoo_few_alphabetic_words = \"off\"\n";
        let recipe = recipe(folder.path(), &format!("{pipeline}{options}"));
        let out = folder.path().join(name);
        clean(&[&raw], &out, &["--recipe", &recipe, "--quiet"], 0);
        let clean = table(&out, "clean");
        (
            texts(&clean, "id")
                .into_iter()
                .flatten()
                .zip(texts(&clean, "text").into_iter().flatten())
                .collect::<Vec<_>>(),
            out,
        )
    };
    let (first, out) = kept("first", "[paragraph_dedup]\nkeep = \"first\"\n");
    let expected = [
        ("first", "Menu\n\nOne of a kind.\n\nFooter 2024"),
        ("second", "Two of a kind.\nOnly below"),
        ("fourth", "Four and four.\nFour, five."),
        ("fifth", "Nothing of this is repeated.  "),
    ];
    let owned = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(first, owned(&expected));
    let ledger = table(&out, "ledger");
    let reasons = texts(&ledger, "reason");
    assert_eq!(reasons[1].as_deref(), Some("c4_paragraph.too_few_paragraphs"));
    assert_eq!(reasons[3].as_deref(), Some("paragraph_dedup.nothing_left"));
    let removed = numbers(&ledger, "paragraph_dedup.repeated_parts");
    assert_eq!(removed, [None, None, Some(2.0), Some(2.0), Some(1.0), None]);
    let bytes = numbers(&ledger, "paragraph_dedup.repeated_bytes");
    let (input, left) = (integers(&ledger, "bytes"), integers(&ledger, "kept_bytes"));
    assert_eq!(bytes[2].unwrap() as i64, input[2].unwrap() - left[2].unwrap());
    assert_eq!(numbers(&ledger, "gopher_quality.words")[2], Some(6.0), "later stages see what is left");
    let run: report::Run = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    let stage = run.stages.iter().position(|stage| stage.name == "paragraph_dedup").unwrap();
    assert_eq!(run.tally.stages[stage].cut_bytes, bytes[2].unwrap() as i64 + bytes[4].unwrap() as i64);
    let check = run.reasons.find("paragraph_dedup.repeated_paragraph").unwrap();
    assert_eq!(run.tally.checks[check.0 as usize].lines, 5);

    // CCNet's published runs leave no copy at all.
    let (none, _) = kept("none", "[paragraph_dedup]\nkeep = \"none\"\n");
    let expected = [
        ("first", "One of a kind."),
        ("second", "Two of a kind.\nOnly below"),
        ("fifth", "Nothing of this is repeated.  "),
    ];
    let fourth = none.iter().find(|(id, _)| id == "fourth");
    assert_eq!(fourth, None, "\"Four, five.\" has two words: {none:?}");
    assert_eq!(none, owned(&expected));
}

#[test]
fn substrings_of_earlier_documents_go() {
    let folder = scratch();
    let raw = folder.path().join("raw.jsonl");
    let word = "Größenmaßstabsähnlichkeitsquelle";
    let whole = "A text that stands twice as a whole, not in part.";
    let pages = [
        // Dropped before: nobody's first copy.
        ("word", word.to_owned()),
        ("first", format!("One two red {word} four.")),
        ("second", format!("Six {word}! Ten")),
        // The last character shares its first byte with that of the next.
        ("third", format!("Seven {word}ö eight")),
        ("fourth", format!("Fifty {word}ü ten")),
        ("fifth", whole.to_owned()),
        ("sixth", whole.to_owned()),
        ("seventh", "=".repeat(100)),
    ];
    let lines = pages.clone().map(|(id, text)| serde_json::json!({"id": id, "text": text}).to_string());
    fs::write(&raw, lines.join("\n")).unwrap();
    let run = |keep: &str| {
        let text = format!(
            "pipeline = [\"c4_paragraph\", \"substring_dedup\"]\n[c4_paragraph]\nmin_characters = 38\n\
             min_paragraphs = 1\n[substring_dedup]\nmin_length = 30\ntoo_few_words = 1\nkeep = \"{keep}\"\n"
        );
        let out = folder.path().join(keep);
        clean(&[&raw], &out, &["--recipe", &recipe(folder.path(), &text), "--quiet"], 0);
        let clean = table(&out, "clean");
        let (ids, texts) = (texts(&clean, "id"), texts(&clean, "text"));
        let kept = ids.into_iter().flatten().zip(texts.into_iter().flatten());
        (kept.collect::<Vec<_>>(), table(&out, "ledger"), out)
    };
    let owned = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>()
    };
    let (first, ledger, out) = run("first");
    let one = pages[1].1.as_str();
    let mut expected = vec![("first", one), ("second", "Six! Ten"), ("third", "Sevenö eight")];
    expected.extend([("fourth", "Fiftyü ten"), ("fifth", whole), ("seventh", &pages[7].1[..30])]);
    assert_eq!(first, owned(&expected));
    let reasons = texts(&ledger, "reason");
    assert_eq!(reasons[0].as_deref(), Some("c4_paragraph.too_few_paragraphs"));
    assert_eq!(reasons[6].as_deref(), Some("substring_dedup.nothing_left"));
    let bytes = numbers(&ledger, "substring_dedup.repeated_bytes");
    let word = word.len() as f64 + 1.0;
    let whole = whole.len() as f64;
    assert_eq!(bytes[1..], [None, Some(word), Some(word), Some(word), None, Some(whole), Some(70.0)]);
    let run_report: report::Run =
        serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    let stage = run_report.stages.iter().position(|stage| stage.name == "substring_dedup").unwrap();
    assert_eq!(run_report.tally.stages[stage].cut_bytes, 3 * word as i64 + 70);
    let check = run_report.reasons.find("substring_dedup.repeated_substring").unwrap();
    assert_eq!(run_report.tally.checks[check.0 as usize].lines, 5);

    // The paper leaves no copy at all.
    let (none, ledger, _) = run("none");
    let expected = [
        ("first", "One two red four."),
        ("second", "Six! Ten"),
        ("third", "Sevenö eight"),
        ("fourth", "Fiftyü ten"),
    ];
    assert_eq!(none, owned(&expected));
    let nothing = Some("substring_dedup.nothing_left");
    assert_eq!(texts(&ledger, "reason")[5..].iter().map(Option::as_deref).collect::<Vec<_>>(), [nothing; 3]);
}

#[test]
fn threads_shares_and_kills_change_no_byte() {
    let folder = scratch();
    let raw = raw(folder.path());
    let recipe = recipe(folder.path(), ALL);
    let flags = ["--recipe", recipe.as_str(), "--segment-bytes", "8KiB"];
    let command = |out: &Path, more: &[&str]| {
        let mut command = corpus();
        command.arg("clean").args([&raw, out]).args(flags).args(more);
        command
    };
    let whole = folder.path().join("whole");
    let output = command(&whole, &["--threads", "1"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let expected = tree(&whole);
    let run: report::Run = serde_json::from_slice(&fs::read(whole.join("report.json")).unwrap()).unwrap();
    for reason in [
        "paragraph_dedup.repeated_paragraph",
        "sentence_dedup.repeated_sentence",
        "substring_dedup.repeated_substring",
    ] {
        let check = run.reasons.find(reason).unwrap();
        assert!(run.tally.checks[check.0 as usize].lines > 100, "{reason}");
    }
    let cut: i64 = run.tally.stages.iter().map(|stage| stage.cut_bytes).sum();
    let dropped = run.dropped();
    assert_eq!(run.tally.input.bytes as i64, run.tally.kept.bytes as i64 + cut + dropped.bytes as i64);

    let threads = folder.path().join("threads");
    let start = Instant::now();
    assert!(command(&threads, &["--threads", "5", "--memory", "512MiB"]).output().unwrap().status.success());
    let took = start.elapsed();
    assert_same(&tree(&threads), &expected);

    // Each pass wants all shares before the next begins: three passes and the sweep, of three shares.
    let shared = folder.path().join("shared");
    let mut said = String::new();
    for _ in 0..4 {
        for share in ["2/3", "1/3", "3/3"] {
            let output = command(&shared, &["--shard", share]).output().unwrap();
            assert!(output.status.success(), "{}", stderr(&output));
            said.push_str(&stderr(&output));
        }
    }
    assert!(
        said.contains("of the pass for repeated parts") && said.contains("report.html shows all this"),
        "{said}"
    );
    assert_same(&tree(&shared), &expected);

    let out = folder.path().join("killed");
    // Parts of the time that a run takes, however busy the machine is: the passes are most of the first third.
    let mut delays = Delays(9);
    let mut kills = 0;
    let mut in_a_pass = 0;
    for _ in 0..25 {
        kills +=
            u32::from(killed(command(&out, &["--quiet"]), took.mul_f64(0.3).mul_f64(delays.next().unwrap())));
        in_a_pass += u32::from(out.join(".work/passes").exists() && !out.join(".work/sweep/00000").exists());
        if out.join("manifest.json").exists() {
            assert!(command(&out, &["--quiet"]).output().unwrap().status.success());
            assert_same(&tree(&out), &expected);
            fs::remove_dir_all(&out).unwrap();
        }
    }
    assert!(kills > 8 && in_a_pass > 0, "{kills} {in_a_pass}");
    assert!(command(&out, &["--quiet"]).output().unwrap().status.success());
    assert_same(&tree(&out), &expected);
}

#[test]
fn a_file_that_changes_between_a_pass_and_the_sweep_is_noticed() {
    let folder = scratch();
    let raw = raw(folder.path());
    let recipe = recipe(folder.path(), "pipeline = [\"paragraph_dedup\"]\n");
    let out = folder.path().join("out");
    let sweep = |share: &str| {
        corpus()
            .arg("clean")
            .args([&raw, &out])
            .args(["--recipe", &recipe, "--shard", share])
            .output()
            .unwrap()
    };
    assert!(stderr(&sweep("1/2")).contains("of the pass"));
    fs::write(raw.join("b.jsonl"), "{\"text\":\"Something else.\"}\n").unwrap();
    let refused = [sweep("1/2"), sweep("2/2")];
    assert!(refused.iter().any(|output| stderr(output).contains("b.jsonl differs")), "{refused:?}");
}

#[test]
fn what_cannot_run_is_refused_before_the_first_byte() {
    let folder = scratch();
    for (text, words) in [
        ("pipeline = [\"exact_dedup\", \"sentence_dedup\"]\n", "put it before `exact_dedup`"),
        ("pipeline = [\"minhash\", \"paragraph_dedup\"]\n", "put it before `minhash`"),
        ("pipeline = [\"sentence_dedup\"]\n[words]\nsplitter = \"uax29\"\n", "splitter = \"spacy\""),
        (
            "pipeline = [\"sentence_dedup\"]\n[sentence_dedup]\nsentences = 0\n",
            ":3: [sentence_dedup] sentences must be",
        ),
        ("pipeline = [\"paragraph_dedup\"]\n[paragraph_dedup]\nkeep = \"last\"\n", ":3:"),
        ("pipeline = [\"minhash\", \"substring_dedup\"]\n", "put it before `minhash`"),
        (
            "pipeline = [\"substring_dedup\"]\n[substring_dedup]\nmin_length = 19\n",
            ":3: [substring_dedup] min_length must be",
        ),
    ] {
        let output = run(&["plan", &recipe(folder.path(), text)]);
        assert!(
            output.status.code() == Some(2) && stderr(&output).contains(words),
            "{text}{}",
            stderr(&output)
        );
    }
    let plan = stdout(&run(&["plan", "c4"]));
    assert!(plan.contains("repeats") && plan.contains("sentence_dedup"), "{plan}");
    assert!(stdout(&run(&["explain", "sentence_dedup"])).contains("repeated_sentence"));
}

/// What datatrove 0.10 keeps, changes and leaves, as tests/sentence_dedup.py compares it text by text.
#[test]
fn spans_of_real_pages_go_as_with_the_reference() {
    let Some(data) = real_data() else { return };
    let folder = scratch();
    let recipe = recipe(folder.path(), "pipeline = [\"sentence_dedup\"]\n");
    let out = folder.path().join("out");
    clean(
        &[&data.join("raw/web_pages.jsonl.zst")],
        &out,
        &["--recipe", &recipe, "--quiet", "--no-signatures"],
        0,
    );
    let ledger = table(&out, "ledger");
    let kept = texts(&ledger, "reason").iter().filter(|reason| reason.is_none()).count();
    let touched = numbers(&ledger, "sentence_dedup.repeated_parts").iter().flatten().count();
    assert_eq!((kept, touched), (5_003, 1_917));
}
