//! `--against`: a crawl is added to what was cleaned before, which is known by its signatures alone.

use std::fs;

use crate::support::{clean, demo_pages, scratch, stderr, table, texts};

/// Ids and kept twins of a run's ledger.
fn twins(out: &std::path::Path) -> Vec<(String, Option<String>)> {
    let ledger = table(out, "ledger");
    texts(&ledger, "id").into_iter().flatten().zip(texts(&ledger, "duplicate_of")).collect()
}

#[test]
fn what_another_corpus_keeps_is_dropped() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("old.jsonl"), demo_pages(0..1)).unwrap();
    // Near-duplicates of the old pages (another number in their first line), and the old pages themselves.
    fs::write(path("new.jsonl"), [demo_pages(1..2), demo_pages(0..1)].concat()).unwrap();
    clean(&[&path("old.jsonl")], &path("old"), &["--quiet"], 0);
    let kept: Vec<String> = texts(&table(&path("old"), "clean"), "id").into_iter().flatten().collect();
    // Signatures are enough.
    for folder in ["clean", "rejected", "ledger", "tokens"] {
        fs::remove_dir_all(path("old").join(folder)).unwrap();
    }

    let against = path("old");
    let flags = ["--against", against.to_str().unwrap(), "--quiet"];
    for (threads, out) in [("1", "new-1"), ("2", "new-2")] {
        clean(&[&path("new.jsonl")], &path(out), &[&flags[..], &["--threads", threads]].concat(), 0);
    }
    assert_eq!(twins(&path("new-1")), twins(&path("new-2")));
    let found = twins(&path("new-1"));
    let named: Vec<&String> = found.iter().filter_map(|(_, twin)| twin.as_ref()).collect();
    assert!(
        !kept.is_empty() && kept.iter().all(|id| named.contains(&id)),
        "each old page stands for new ones"
    );
    assert!(named.iter().all(|id| kept.contains(id)), "nothing else does");
    assert_eq!(texts(&table(&path("new-1"), "clean"), "id"), []);
    let card = fs::read_to_string(path("new-1").join("README.md")).unwrap();
    assert!(card.contains("Documents of old stood for kept ones"), "{card}");

    // Another set of corpora is another run.
    let again = clean(&[&path("new.jsonl")], &path("new-1"), &["--quiet"], 2);
    assert!(stderr(&again).contains("against"), "{}", stderr(&again));
}

/// Crawl by crawl is the same as all at once, whichever earlier run is named first.
#[test]
fn a_third_crawl_knows_two_corpora_by_their_signatures() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    // Four topics of 80 words; an edition of one differs in a word from the others.
    // In letters, since every number is 0 where texts are compared.
    let letter = |n: usize| char::from(b'a' + n as u8);
    let text = |topic: usize, edition: usize| {
        let word = |at: usize| {
            let n = at * at % 97;
            if at == 40 {
                format!("edition{}", letter(edition))
            } else {
                [topic, n / 26, n % 26].map(letter).iter().collect()
            }
        };
        (0..80).map(word).collect::<Vec<_>>().join(" ")
    };
    let crawls = [vec![(0, 0), (0, 1)], vec![(0, 2), (1, 0)], vec![(1, 1), (0, 0), (2, 0), (2, 1), (3, 0)]];
    for (number, crawl) in crawls.iter().enumerate() {
        let line = |(topic, edition): &(usize, usize)| {
            let id = format!("{number}-{topic}-{edition}");
            serde_json::json!({"id": id, "text": text(*topic, *edition)}).to_string() + "\n"
        };
        fs::write(path(&format!("{number}.jsonl")), crawl.iter().map(line).collect::<String>()).unwrap();
    }
    fs::write(
        path("recipe.toml"),
        "pipeline = [\"exact_dedup\", \"minhash\"]\n[minhash]\nkeep = \"first\"\n",
    )
    .unwrap();
    let cleaned = |inputs: &[usize], out: &str, against: &[&str]| {
        let inputs: Vec<_> = inputs.iter().map(|number| path(&format!("{number}.jsonl"))).collect();
        let inputs: Vec<_> = inputs.iter().map(|input| input.as_path()).collect();
        let mut flags = vec![
            "--quiet".to_owned(),
            "--recipe".to_owned(),
            path("recipe.toml").to_str().unwrap().to_owned(),
        ];
        against
            .iter()
            .for_each(|out| flags.extend(["--against".to_owned(), path(out).to_str().unwrap().to_owned()]));
        clean(&inputs, &path(out), &flags.iter().map(String::as_str).collect::<Vec<_>>(), 0);
        twins(&path(out))
    };
    let all = cleaned(&[0, 1, 2], "all", &[]);
    let mut by_crawl = cleaned(&[0], "first", &[]);
    by_crawl.extend(cleaned(&[1], "second", &["first"]));
    let third = cleaned(&[2], "third", &["first", "second"]);
    by_crawl.extend(third.clone());
    assert_eq!(by_crawl, all);
    let kept: Vec<_> = all.iter().filter(|(_, twin)| twin.is_none()).map(|(id, _)| id.as_str()).collect();
    assert_eq!(kept, ["0-0-0", "1-1-0", "2-2-0", "2-3-0"]);
    assert_eq!(cleaned(&[2], "other-order", &["second", "first"]), third);
    // The second holds what it keeps alone: without the first, what the first has comes back.
    let without = cleaned(&[2], "second-alone", &["second"]);
    let back: Vec<_> =
        without.iter().zip(&third).filter(|(a, b)| a != b).map(|(a, _)| a.0.as_str()).collect();
    assert_eq!(back, ["2-0-0"]);
}

#[test]
fn corpora_that_do_not_compare_are_refused() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("pages.jsonl"), demo_pages(0..1)).unwrap();
    fs::write(path("uax.toml"), "pipeline = [\"minhash\"]\n[words]\nsplitter = \"uax29\"\n").unwrap();
    fs::write(path("text.toml"), "pipeline = [\"minhash\"]\n[minhash]\nverify = \"text\"\n").unwrap();
    let recipe = |name: &str| path(name).to_str().unwrap().to_owned();
    clean(&[&path("pages.jsonl")], &path("old"), &["--quiet"], 0);
    clean(&[&path("pages.jsonl")], &path("bare"), &["--quiet", "--no-signatures"], 0);
    let old = path("old").to_str().unwrap().to_owned();
    for (against, recipe, said) in [
        (path("none").to_str().unwrap(), "default", "no finished run"),
        (path("bare").to_str().unwrap(), "default", "--no-signatures"),
        (&old, &recipe("uax.toml"), "splitter is spacy there and uax29 here"),
        (&old, &recipe("text.toml"), "write \"sketch\""),
    ] {
        let flags = ["--against", against, "--recipe", recipe, "--quiet"];
        let refused = clean(&[&path("pages.jsonl")], &path("out"), &flags, 2);
        assert!(stderr(&refused).contains(said), "{}", stderr(&refused));
        assert!(!path("out").exists());
    }
}
