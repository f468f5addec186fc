//! What arguments name, and what every kind of file is taken for.
use std::path::{Path, PathBuf};

use shards::{Compression, Format, InputError, Inputs, discover};

use crate::support::*;

const LINE: &[u8] = b"{\"text\":\"a\"}\n";

fn names(inputs: &Inputs) -> Vec<&str> {
    inputs.shards.iter().map(|shard| shard.relative.as_str()).collect()
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

#[test]
fn content_goes_before_the_name() {
    use Format::*;
    let (gz, zst) = (Some(Compression::Gzip), Some(Compression::Zstd));
    let skippable = [b"\x50\x2A\x4D\x18\x02\0\0\0ab".as_slice(), &zstd(LINE)].concat();
    let long = [b"{ \"text\":\"".as_slice(), &b"x".repeat(100_000), b"\"}"].concat();
    let cases: Vec<(&str, Vec<u8>, Format, Option<Compression>)> = vec![
        ("a.jsonl", LINE.to_vec(), Jsonl, None),
        ("a.json", LINE.to_vec(), Jsonl, None),
        ("no_ending", LINE.to_vec(), Jsonl, None),
        ("a.txt", LINE.to_vec(), Jsonl, None),
        ("blank_first", [b"\n \n", LINE].concat(), Jsonl, None),
        ("marked", [b"\xEF\xBB\xBF", LINE].concat(), Jsonl, None),
        ("long_line", long, Jsonl, None),
        ("a.jsonl.gz", gzip(LINE), Jsonl, gz),
        ("wrong_ending.zst", gzip(LINE), Jsonl, gz),
        ("a.ndjson.zst", zstd(LINE), Jsonl, zst),
        ("skippable", skippable, Jsonl, zst),
        ("bad_first.jsonl", b"{\"text\":\n{\"text\":\"a\"}".to_vec(), Jsonl, None),
        ("empty.jsonl", Vec::new(), Jsonl, None),
        ("empty.jsonl.gz", gzip(b""), Jsonl, gz),
        ("b.txt", b"Prose".to_vec(), Text, None),
        ("b.TXT", b"[Chapter 1] Prose".to_vec(), Text, None),
        ("b.md.gz", gzip(b"# Prose"), Text, gz),
        ("latin.txt", b"Gr\xFC\xDFe".to_vec(), Text, None),
        ("p.bin", b"PAR1 and more".to_vec(), Parquet, None),
    ];
    for (name, bytes, format, compression) in cases {
        let shard = Folder::new(&[(name, &bytes)]).shard();
        assert_eq!((shard.format, shard.compression), (format, compression), "{name}");
        assert_eq!((shard.size, shard.relative.as_str()), (bytes.len() as u64, name));
    }
}

#[test]
fn what_is_not_read_is_listed_with_the_reason() {
    let wat = [
        b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 2\r\n\r\nab\r\n\r\n".as_slice(),
        b"WARC/1.0\r\nWARC-Type: metadata\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}\r\n\r\n",
    ]
    .concat();
    let skipped: Vec<(&str, Vec<u8>, &str)> = vec![
        ("crawl.wat.gz", gzip(&wat), "WAT"),
        ("crawl.cdxj", b"com,example)/ 2014 {}\n".to_vec(), "index of a crawl"),
        ("binary.jsonl", b"\x7FELF\0\0".to_vec(), "binary"),
        ("utf16.txt", b"\xFF\xFEa\0b\0".to_vec(), "UTF-16"),
        ("notes.csv", b"id,text\n1,a\n".to_vec(), "neither"),
        ("empty.txt", Vec::new(), "empty"),
        ("_SUCCESS", Vec::new(), "empty"),
        ("blank.md", b" \n\n".to_vec(), "empty"),
        ("a.jsonl.xz", b"\xFD7zXZ\0...".to_vec(), "xz is not read"),
        ("a.jsonl.bz2", b"BZh91AY".to_vec(), "bzip2"),
        ("p.parquet.gz", gzip(b"PAR1...."), "Parquet inside"),
        ("twice.gz", gzip(&gzip(LINE)), "binary"),
    ];
    let quarantined: Vec<(&str, Vec<u8>, &str)> = vec![
        ("array.json", b"[\n{\"text\":\"a\"},\n{\"text\":\"b\"}]".to_vec(), "jq -c '.[]'"),
        ("array.jsonl", b" [{\"text\":\"a\"}]".to_vec(), "jq -c '.[]'"),
        ("array", b"[{\"text\":\"a\"}]".to_vec(), "jq -c '.[]'"),
        ("array.json.zst", zstd(b"[1]"), "jq -c '.[]'"),
        ("spread.json", b"{\n  \"text\": \"a\"\n}".to_vec(), "jq -c ."),
        ("torn.jsonl.gz", gzip(LINE)[..6].to_vec(), "again"),
        ("torn.jsonl.zst", zstd(LINE)[..6].to_vec(), "again"),
    ];
    let folder = Folder::new(&[("good.jsonl", LINE)]);
    for (name, bytes, _) in skipped.iter().chain(&quarantined) {
        folder.write(name, bytes);
    }
    let inputs = discover(&[folder.path()], &[]).unwrap();
    assert_eq!(names(&inputs), ["good.jsonl"]);
    for (file, _, why) in &skipped {
        let entry = inputs.skipped.iter().find(|entry| name(&entry.path) == *file).expect(file);
        assert!(entry.why.contains(why), "{file}: {}", entry.why);
    }
    for (file, _, remedy) in &quarantined {
        let entry = inputs.quarantined.iter().find(|entry| name(&entry.path) == *file).expect(file);
        assert!(entry.remedy.contains(remedy), "{file}: {}", entry.remedy);
    }
    assert_eq!((inputs.skipped.len(), inputs.quarantined.len()), (skipped.len(), quarantined.len()));
}

#[test]
fn folders_are_sorted_bytewise_by_relative_path_without_hidden_files() {
    let files = [
        "b.jsonl",
        "B.jsonl",
        "a/z.jsonl",
        "a.jsonl",
        "a-b.jsonl",
        "é.jsonl",
        "a/.hidden.jsonl",
        ".git/x.jsonl",
        ".h.jsonl",
        "out/c.jsonl",
    ];
    let folder = Folder::new(&files.map(|file| (file, LINE)));
    let inputs = discover(&[folder.path()], &[folder.path().join("out")]).unwrap();
    assert_eq!(names(&inputs), ["B.jsonl", "a-b.jsonl", "a.jsonl", "a/z.jsonl", "b.jsonl", "é.jsonl"]);
    assert!(inputs.shards.iter().enumerate().all(|(place, shard)| shard.index as usize == place));
    assert_eq!((inputs.skipped.len(), inputs.size()), (0, 6 * LINE.len() as u64));
}

#[test]
fn several_arguments_make_one_order_and_a_file_counts_once() {
    let one = Folder::new(&[("b.jsonl", LINE), ("c/d.jsonl", LINE)]);
    let two = Folder::new(&[("a.jsonl", LINE), ("b.jsonl", LINE)]);
    let args = [two.path().to_path_buf(), one.path().to_path_buf(), one.path().join("c/d.jsonl")];
    let inputs = discover(&args, &[]).unwrap();
    assert_eq!(names(&inputs), ["a.jsonl", "b.jsonl", "b.jsonl", "c/d.jsonl"]);
    assert!(inputs.shards[1].path.starts_with(two.path()), "the first argument goes first");
    assert_eq!(inputs.skipped.iter().map(|entry| entry.why.as_str()).collect::<Vec<_>>(), ["named twice"]);
}

#[test]
fn patterns_name_files_and_folders() {
    let files =
        ["a/1.jsonl", "a/2.jsonl.gz", "a/3.txt", "b/1.jsonl", "b/c/4.jsonl", "x[1].jsonl", "b/.h.jsonl"];
    let folder = Folder::new(&files.map(|file| (file, LINE)));
    let found = |pattern: &str| {
        let inputs = discover(&[folder.path().join(pattern)], &[]).map(|inputs| inputs.shards);
        inputs.map(|shards| shards.into_iter().map(|shard| shard.relative).collect::<Vec<_>>())
    };
    assert_eq!(found("a/*.jsonl*").unwrap(), ["1.jsonl", "2.jsonl.gz"]);
    assert_eq!(found("*/1.jsonl").unwrap(), ["a/1.jsonl", "b/1.jsonl"]);
    assert_eq!(found("**/*.jsonl").unwrap(), ["a/1.jsonl", "b/1.jsonl", "b/c/4.jsonl", "x[1].jsonl"]);
    assert_eq!(found("{a/3,b/1}.*").unwrap(), ["a/3.txt", "b/1.jsonl"]);
    assert_eq!(found("b/?").unwrap(), ["c/4.jsonl"]);
    assert_eq!(found("x[1].jsonl").unwrap(), ["x[1].jsonl"], "a file of that very name");
    assert!(matches!(found("none/*.jsonl"), Err(InputError::NotFound(_))));
    assert!(matches!(found("[a"), Err(InputError::Pattern { .. })));
}

#[test]
fn nothing_to_read_is_an_error_that_says_why() {
    let folder = Folder::new(&[("a.csv", b"x,y".as_slice()), ("b.json", b"[{}]")]);
    let error = discover(&[folder.path()], &[]).unwrap_err();
    assert!(
        matches!(&error, InputError::NothingReadable { skipped, quarantined } if (skipped.len(), quarantined.len()) == (1, 1))
    );
    let message = error.to_string();
    assert!(message.contains("a.csv: neither WARC") && message.contains("b.json: a JSON array"), "{message}");
    let empty = discover(&[Folder::new(&[]).path()], &[]).unwrap_err().to_string();
    assert!(empty.contains("no file at all"), "{empty}");
    let absent = discover(&[PathBuf::from("/nowhere/raw")], &[]).unwrap_err().to_string();
    assert!(absent.contains("/nowhere/raw: no such file"), "{absent}");
}

#[cfg(unix)]
#[test]
fn what_cannot_be_opened_is_quarantined_with_the_words_of_the_system() {
    let folder = Folder::new(&[("a.jsonl", LINE)]);
    std::os::unix::fs::symlink("nowhere", folder.path().join("dangling.jsonl")).unwrap();
    std::os::unix::fs::symlink(".", folder.path().join("loop")).unwrap();
    let socket = folder.path().join("socket.jsonl");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let inputs = discover(&[folder.path()], &[]).unwrap();
    assert_eq!(names(&inputs), ["a.jsonl"]);
    assert_eq!(inputs.skipped.len(), 1, "a socket is not opened: {inputs:?}");
    let whys: Vec<_> =
        inputs.quarantined.iter().map(|entry| (name(&entry.path), entry.why.as_str())).collect();
    assert!(
        whys.iter().any(|(name, why)| *name == "dangling.jsonl" && why.contains("No such file")),
        "{whys:?}"
    );
    assert!(whys.iter().any(|(name, why)| *name == "loop" && why.contains("loop")), "{whys:?}");
    // A file that opens but cannot be read, even by root.
    let memory = Path::new("/proc/self/mem");
    if memory.exists() {
        let inputs = discover(&[folder.path(), memory], &[]).unwrap();
        assert!(
            inputs
                .quarantined
                .iter()
                .any(|entry| entry.path == "/proc/self/mem" && entry.why.contains("error"))
        );
    }
}
