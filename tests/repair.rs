//! Repair, masking and block lists as a user sees them: texts out, counts in the report, lists that are part of the run.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::support::{clean, corpus, numbers, stderr, table, texts};

fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

fn pages(folder: &Path, pages: &[(&str, &str)]) -> PathBuf {
    let lines: Vec<String> = (pages.iter().enumerate())
        .map(|(id, (url, text))| {
            serde_json::json!({ "id": id.to_string(), "url": url, "text": text }).to_string()
        })
        .collect();
    written(folder, "raw.jsonl", &(lines.join("\n") + "\n"))
}

/// Texts of `clean/`, and the report.
fn cleaned(raw: &Path, folder: &Path, recipe: &str) -> (Vec<String>, report::Run) {
    let out = folder.join("out");
    let _ = fs::remove_dir_all(&out);
    let recipe = written(folder, "recipe.toml", recipe);
    clean(&[raw], &out, &["--quiet", "--recipe", recipe.to_str().unwrap()], 0);
    let run = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    (texts(&table(&out, "clean"), "text").into_iter().flatten().collect(), run)
}

/// Lines or edits, and documents that a reason dropped.
fn counted(run: &report::Run, reason: &str) -> (u64, u64) {
    let at = run.reasons.0.iter().position(|known| known.full_name() == reason).unwrap();
    (run.tally.checks[at].lines, run.tally.checks[at].first.documents)
}

#[test]
fn repaired_texts_are_written_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let raw = pages(
        folder.path(),
        &[
            ("https://a.example", "cafÃ© itâ€™s\r\n\u{FEFF}don\u{92}t e\u{301}"),
            ("https://b.example", "Clean: café."),
        ],
    );
    let (texts, run) = cleaned(&raw, folder.path(), "pipeline = [\"repair\"]\n");
    assert_eq!(texts, ["café it’s\ndon’t é", "Clean: café."]);
    let expected = [
        ("mojibake", 2),
        ("c1_controls", 1),
        ("line_endings", 1),
        ("byte_order_marks", 1),
        ("decomposed", 1),
    ];
    for (reason, n) in expected {
        assert_eq!(counted(&run, &format!("repair.{reason}")), (n, 0), "{reason}");
    }
    let signals = numbers(&table(&folder.path().join("out"), "ledger"), "repair.repairs");
    assert_eq!(signals, [Some(6.0), Some(0.0)]);
    let table = report::render_table(&run);
    assert!(table.contains("mojibake") && table.contains("2 edits"), "{table}");
    assert!(report::render_method(&run).contains("rewrote parts of texts for"));

    let recipe = "pipeline = [\"repair\"]\n[repair]\nmojibake = \"off\"\nfix_line_breaks = \"off\"\n";
    let (texts, run) = cleaned(&raw, folder.path(), recipe);
    assert_eq!(texts[0], "cafÃ© itâ€™s\r\ndon’t é");
    assert_eq!(counted(&run, "repair.mojibake"), (0, 0));
}

#[test]
fn addresses_are_masked_tagged_or_drop_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let raw = pages(
        folder.path(),
        &[
            ("https://a.example", "Write to joe@a.example or call (415) 555-2671."),
            ("https://b.example", "From 8.8.8.8, nothing else."),
            ("https://c.example", "Nothing here, 1999."),
        ],
    );
    let (texts, run) = cleaned(&raw, folder.path(), "pipeline = [\"mask_pii\"]\n");
    assert!(
        texts.len() == 3 && !texts[0].contains("joe@") && texts[0].contains("(415) 555-2671"),
        "{texts:?}"
    );
    assert_eq!(counted(&run, "mask_pii.emails_masked"), (1, 0));
    assert_eq!(counted(&run, "mask_pii.ip_addresses_masked"), (1, 0));

    let recipe = "pipeline = [\"mask_pii\"]\n[mask_pii]\nemails = \"tag\"\nip_addresses = \"drop\"\nphone_numbers = \"mask\"\n";
    let (texts, run) = cleaned(&raw, folder.path(), recipe);
    assert!(
        texts.len() == 2 && texts[0].contains("joe@a.example") && !texts[0].contains("2671"),
        "{texts:?}"
    );
    assert_eq!(counted(&run, "mask_pii.phone_numbers_masked"), (1, 0));
    assert_eq!(counted(&run, "mask_pii.has_ip_address"), (0, 1));
    assert_eq!(counted(&run, "mask_pii.emails_masked"), (0, 0));
    let ledger = table(&folder.path().join("out"), "ledger");
    assert_eq!(numbers(&ledger, "mask_pii.masked_emails"), [Some(1.0), Some(0.0), Some(0.0)]);
    assert_eq!(numbers(&ledger, "mask_pii.phone_numbers"), [Some(1.0), Some(0.0), Some(0.0)]);
}

#[test]
fn block_lists_come_from_hosts_files_and_ut1_folders() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "ads.example",
        "www.x.ads.example/y",
        "good.ads.example/z",
        "adult.example",
        "blog.example/bad/1",
        "blog.example/ok",
        "free.example",
    ];
    let urls: Vec<String> = names.iter().map(|name| format!("https://{name}")).collect();
    let documents: Vec<(&str, &str)> = urls.iter().map(|url| (url.as_str(), url.as_str())).collect();
    let raw = pages(folder.path(), &documents);
    written(folder.path(), "hosts.txt", "# ads\n127.0.0.1 localhost\n0.0.0.0 ads.example\n");
    written(folder.path(), "allow.txt", "good.ads.example\n");
    written(folder.path(), "ut1/adult/urls", "blog.example/bad\n");
    written(folder.path(), "ut1/games/domains", "free.example\n");
    let domains = fs::File::create(folder.path().join("ut1/adult/domains.gz")).unwrap();
    let mut domains = flate2::write::GzEncoder::new(domains, flate2::Compression::fast());
    domains.write_all(b"adult.example\n\xE9t\xE9.example\n1.example\n2.example\n3.example\n4.example\n5.example\n6.example\n7.example\n8.example\n").unwrap();
    domains.finish().unwrap();
    let recipe = |categories: &str| {
        format!(
            "pipeline = [\"url_blocklist\"]\n[url_blocklist]\nhosts = [\"hosts.txt\"]\nallow = [\"allow.txt\"]\nut1 = [\"ut1\"]\n\
             categories = [{categories}]\n"
        )
    };
    let (texts, run) = cleaned(&raw, folder.path(), &recipe("\"adult\""));
    assert_eq!(texts, ["https://good.ads.example/z", "https://blog.example/ok", "https://free.example"]);
    assert_eq!(counted(&run, "url_blocklist.blocked_site"), (0, 3));
    assert_eq!(counted(&run, "url_blocklist.blocked_page"), (0, 1));

    // A list is part of the run: with another line the folder holds another one.
    written(folder.path(), "hosts.txt", "0.0.0.0 ads.example\n0.0.0.0 free.example\n");
    let (out, path) = (folder.path().join("out"), folder.path().join("recipe.toml"));
    let other = clean(&[&raw], &out, &["--recipe", path.to_str().unwrap()], 2);
    assert!(stderr(&other).contains("another recipe"), "{}", stderr(&other));

    // Errors come before the first byte, with a remedy.
    let html = "<html>\n<body class=\"x\">\nNot found\n";
    for (recipe, list, message) in [
        (recipe("\"adlt\""), "", "categories there: adult, games"),
        (recipe(""), "", "wrong.toml:6: [url_blocklist] categories: `ut1` names folders"),
        (recipe("\"adult\"").replace("hosts.txt", "none.txt"), "", "cannot read the list"),
        (recipe("\"adult\""), html, "hosts.txt, line 1: `<html>` is neither a host nor an address"),
    ] {
        written(folder.path(), "hosts.txt", list);
        let path = written(folder.path(), "wrong.toml", &recipe);
        let output = corpus().args(["plan".as_ref(), path.as_os_str()]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
}
