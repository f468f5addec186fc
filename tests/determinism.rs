//! Threads, block arrival and the form of the input must not change a byte.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::support::{clean, demo_raw, table, texts, tree};

/// The demo's pages many times over, so that there are several blocks: each copy with its own first words.
pub fn many_pages(path: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/cli/demo/raw/pages.jsonl");
    let lines = fs::read(source).unwrap();
    let mut file = fs::File::create(path).unwrap();
    for copy in 0..110 {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            // Valid records get their copy's number in the text; damaged ones stay as they are.
            match std::str::from_utf8(line)
                .ok()
                .and_then(|l| serde_json::from_str::<serde_json::Value>(l).ok())
            {
                Some(mut record) if record["text"].is_string() => {
                    let text = format!("Copy {copy} of this page.\n{}", record["text"].as_str().unwrap());
                    record["text"] = text.into();
                    writeln!(file, "{record}").unwrap();
                }
                _ => {
                    file.write_all(line).unwrap();
                    file.write_all(b"\n").unwrap();
                }
            }
        }
    }
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("raw.jsonl");
    many_pages(&raw);
    assert!(fs::metadata(&raw).unwrap().len() > 2 * (8 << 20), "several blocks");
    let mut trees = Vec::new();
    for threads in ["1", "2", "7"] {
        let out = folder.path().join(format!("out-{threads}"));
        clean(&[&raw], &out, &["--threads", threads, "--quiet"], 0);
        trees.push(tree(&out));
    }
    for other in &trees[1..] {
        assert_eq!(trees[0].keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
        for (name, bytes) in &trees[0] {
            assert!(other[name] == *bytes, "{name} differs");
        }
    }
}

#[test]
fn compressed_input_gives_the_same_documents() {
    let folder = tempfile::tempdir().unwrap();
    let raw = demo_raw(folder.path());
    let plain = fs::read(raw.join("pages.jsonl")).unwrap();
    let files = folder.path().join("files");
    fs::create_dir(&files).unwrap();
    let half = plain.len() / 2;
    let mut gz = Vec::new();
    for part in [&plain[..half], &plain[half..]] {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(part).unwrap();
        gz.extend(encoder.finish().unwrap());
    }
    fs::write(files.join("a.jsonl"), &plain).unwrap();
    fs::write(files.join("a.jsonl.gz"), gz).unwrap();
    fs::write(files.join("a.jsonl.zst"), zstd::encode_all(plain.as_slice(), 3).unwrap()).unwrap();
    let kept = |name: &str, flags: &[&str]| {
        let out = folder.path().join(format!("out-{name}{}", flags.len()));
        clean(&[&files.join(name)], &out, &[&["--quiet"], flags].concat(), 0);
        texts(&table(&out, "clean"), "text")
    };
    let expected = kept("a.jsonl", &[]);
    assert!(expected.len() > 100);
    assert_eq!(kept("a.jsonl.gz", &[]), expected);
    assert_eq!(kept("a.jsonl.zst", &[]), expected);
    assert_eq!(kept("a.jsonl", &["--no-mmap"]), expected);
}
