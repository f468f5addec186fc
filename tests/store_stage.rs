//! What every test of object stores needs: servers, pages of all kinds, the run of this machine to compare with.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use shards::{ParquetSink, SinkOptions};

use crate::determinism::many_pages;
use crate::store_servers::{Servers, corpus_at, get, keys, put};
use crate::support::{clean, demo_raw, stderr, stdout, tree};

/// A folder, servers that know it, and an S3 bucket `lake`.
pub struct Stage {
    folder: tempfile::TempDir,
    pub servers: Servers,
}

impl Stage {
    pub fn start() -> Option<Stage> {
        Self::with(|_| {})
    }

    /// The hub's first commit is what lies in `hub` when it starts.
    pub fn with(prepare: impl FnOnce(&Path)) -> Option<Stage> {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let servers = Servers::start(folder.path())?;
        put(&servers.s3, "/lake", b"");
        Some(Stage { folder, servers })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub fn demo_raw(&self) -> PathBuf {
        demo_raw(self.folder.path())
    }

    pub fn raw_of_all_kinds(&self) -> PathBuf {
        raw_of_all_kinds(self.folder.path())
    }

    /// What a run of this machine makes of files of this machine.
    pub fn local(&self, raw: &Path) -> PathBuf {
        let out = self.path(&format!("local {}", raw.file_name().unwrap().to_str().unwrap()));
        if !out.exists() {
            clean(&[raw], &out, &["--quiet"], 0);
        }
        out
    }

    pub fn command(&self, s3: &str) -> Command {
        corpus_at(s3, &self.path("scratch"))
    }

    /// With the S3 server, or what stands before it.
    pub fn run_at(&self, s3: &str, args: &[&str], code: i32) -> Output {
        run(&mut self.command(s3), args, code)
    }

    pub fn run(&self, args: &[&str], code: i32) -> Output {
        self.run_at(&self.servers.s3, args, code)
    }

    /// What a run left in the bucket.
    pub fn fetched(&self, prefix: &str) -> PathBuf {
        let folder = self.path("fetched");
        for key in keys(&self.servers.s3, "lake") {
            if let Some(name) = key.strip_prefix(prefix) {
                let path = folder.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, get(&self.servers.s3, &format!("/lake/{key}")).unwrap()).unwrap();
            }
        }
        folder
    }
}

pub fn run(command: &mut Command, args: &[&str], code: i32) -> Output {
    let output = command.args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{}{}", stdout(&output), stderr(&output));
    output
}

/// The files of two runs but for manifest and report, which name what was read.
pub fn assert_same(found: &Path, expected: &Path) {
    let files = |out| {
        let mut files = tree(out);
        files.retain(|name, _| !["manifest.json", "report.json", "report.html"].contains(&name.as_str()));
        files
    };
    crate::support::assert_same(&files(found), &files(expected));
}

/// Several ranges of lines.
pub fn some_pages() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.jsonl");
    many_pages(&path);
    let mut bytes = fs::read(path).unwrap();
    bytes.truncate(5 << 20);
    bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').unwrap() + 1);
    bytes
}

/// Every kind of file, and what is left out.
pub fn raw_of_all_kinds(folder: &Path) -> PathBuf {
    let raw = demo_raw(folder);
    let pages = fs::read(raw.join("pages.jsonl")).unwrap();
    let many = some_pages();
    fs::write(raw.join("many.jsonl"), &many).unwrap();
    fs::write(raw.join("more/many.jsonl.zst"), zstd::encode_all(&many[..], 3).unwrap()).unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&pages).unwrap();
    fs::write(raw.join("a b.jsonl.gz"), gz.finish().unwrap()).unwrap();
    fs::write(raw.join(".hidden.jsonl"), &pages).unwrap();
    fs::write(raw.join("empty.jsonl"), b"").unwrap();
    fs::write(raw.join("picture.bin"), b"\0\x01\x02").unwrap();
    let texts: Vec<String> =
        (0..4_000).map(|n| format!("{n}: {}", "words of a page. ".repeat(n % 90))).collect();
    let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, false)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(StringArray::from(texts))]).unwrap();
    let options = SinkOptions { row_group_rows: 700, ..SinkOptions::default() };
    let mut sink = ParquetSink::create(&raw.join("table.parquet"), schema, &options).unwrap();
    sink.write(&batch).unwrap();
    sink.commit().unwrap();
    raw
}
