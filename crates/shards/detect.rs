//! What a file is, by its first bytes first and by its name second.
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde::de::IgnoredAny;

use crate::inputs::{Compression, Format};
use crate::location::is_remote;
use crate::source::Source;
use crate::stream::{BYTE_ORDER_MARK, open_plain};

pub(crate) enum Kind {
    Shard(Format, Option<Compression>),
    Skipped(String),
    Quarantined { why: String, remedy: &'static str },
}

/// So many (uncompressed) bytes are looked at.
pub(crate) const HEAD_BYTES: u64 = 64 << 10;

const BROKEN: &str = "fetch or compress the file again";
const TO_LINES: &str = "write one object a line, for example with `jq -c '.[]' array.json > lines.jsonl`";
const TO_LINE: &str = "write one object a line, for example with `jq -c . file.json > lines.jsonl`";

/// What is compressed or packed in a way that is not read: first bytes and name.
const FOREIGN: [(&[u8], &str); 6] = [
    (b"\xFD7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"\x04\x22\x4D\x18", "lz4"),
    (b"PK\x03\x04", "zip"),
    (b"7z\xBC\xAF\x27\x1C", "7-Zip"),
    (b"Rar!", "RAR"),
];

/// Errors: the file cannot be opened or read.
pub(crate) fn detect(path: &Path) -> io::Result<Kind> {
    if !is_remote(path) && !path.metadata()?.is_file() {
        return Ok(Kind::Skipped("not a regular file".to_owned()));
    }
    let mut head = Vec::new();
    Source::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    let name = Name::of(path);
    let compression = match head.as_slice() {
        [b'P', b'A', b'R', b'1', ..] => return Ok(Kind::Shard(Format::Parquet, None)),
        [0x1F, 0x8B, ..] => Some(Compression::Gzip),
        // A frame, or one to be skipped in front of it.
        [0x28, 0xB5, 0x2F, 0xFD, ..] | [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => Some(Compression::Zstd),
        _ => None,
    };
    if compression.is_some() {
        head.clear();
        let consumed = Arc::new(AtomicU64::new(0));
        let read = open_plain(path, compression, &consumed)?.take(HEAD_BYTES).read_to_end(&mut head);
        if let (Err(error), true) = (read, head.is_empty()) {
            return Ok(Kind::Quarantined {
                why: format!("nothing can be unpacked from it ({error})"),
                remedy: BROKEN,
            });
        }
        if head.starts_with(b"PAR1") {
            return Ok(Kind::Skipped("Parquet inside a compressed file is not read: unpack it".to_owned()));
        }
    }
    Ok(inside(&head, name, compression))
}

#[derive(Clone, Copy, PartialEq)]
enum Name {
    Lines,
    Json,
    Text,
    Other,
}

impl Name {
    fn of(path: &Path) -> Self {
        // A signed address ends in a query.
        let path = match (is_remote(path), path.to_str()) {
            (true, Some(url)) => Path::new(url.split('?').next().unwrap_or(url)),
            _ => path,
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let packed = [".gz", ".gzip", ".zst", ".zstd"];
        let plain = packed.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
        match plain.rsplit_once('.').map(|(_, ending)| ending) {
            Some("jsonl" | "ndjson" | "jsonlines") => Self::Lines,
            Some("json") => Self::Json,
            Some("txt" | "text" | "md" | "markdown") => Self::Text,
            _ => Self::Other,
        }
    }
}

fn inside(head: &[u8], name: Name, compression: Option<Compression>) -> Kind {
    let skipped = |why: &str| Kind::Skipped(why.to_owned());
    let lines = Kind::Shard(Format::Jsonl, compression);
    let complete = (head.len() as u64) < HEAD_BYTES;
    let head = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
    if head.starts_with(b"WARC/") {
        return skipped("WARC is read by a later version");
    }
    if let Some((_, kind)) = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Kind::Skipped(format!("{kind} is not read: unpack it, or compress it with zstd"));
    }
    if head.contains(&0) {
        return skipped("binary (if it is text in UTF-16, convert it to UTF-8)");
    }
    let start = head.trim_ascii_start();
    match start.first() {
        None if name == Name::Lines => return lines,
        None if complete => return skipped("empty"),
        Some(b'{') if is_object(start, complete) => return lines,
        _ if name == Name::Text => return Kind::Shard(Format::Text, compression),
        Some(b'{') if is_spread(start) => {
            return Kind::Quarantined {
                why: "JSON that is spread over several lines".to_owned(),
                remedy: TO_LINE,
            };
        }
        Some(b'[') if name != Name::Other || holds_values(start) => {
            return Kind::Quarantined {
                why: "a JSON array, not one object a line".to_owned(),
                remedy: TO_LINES,
            };
        }
        _ if name == Name::Lines => return lines,
        _ => {}
    }
    skipped("neither JSONL, Parquet, .txt nor .md")
}

/// The first line is a JSON object, as far as it can be seen.
fn is_object(start: &[u8], complete: bool) -> bool {
    match memchr::memchr(b'\n', start) {
        Some(end) => serde_json::from_slice::<IgnoredAny>(&start[..end]).is_ok(),
        None if complete => serde_json::from_slice::<IgnoredAny>(start).is_ok(),
        None => start[1..].trim_ascii_start().starts_with(b"\""),
    }
}

/// A brace on a line of its own, then keys.
fn is_spread(start: &[u8]) -> bool {
    let rest = start[1..].trim_ascii_start();
    let line_feed = memchr::memchr(b'\n', &start[..start.len() - rest.len()]);
    line_feed.is_some() && (rest.starts_with(b"\"") || rest.starts_with(b"}"))
}

/// An array of objects, strings or arrays.
fn holds_values(start: &[u8]) -> bool {
    matches!(start[1..].trim_ascii_start().first(), Some(b'{' | b'[' | b'"'))
}
