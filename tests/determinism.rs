//! Threads, block arrival and the form of the input must not change a byte.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::support::{assert_same, clean, demo_pages, demo_raw, table, texts, tree};

/// The demo's pages many times over, so that there are several blocks.
pub fn many_pages(path: &Path) {
    fs::write(path, demo_pages(0..110)).unwrap();
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
        assert_same(other, &trees[0]);
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
