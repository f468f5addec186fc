//! What a file is, by its first bytes first and by its name second.
use std::io::{self, Read};
use std::path::Path;

use serde::de::IgnoredAny;

use crate::inputs::{Compression, Format};
use crate::location::is_remote;
use crate::media::begins_as_html;
use crate::record_head::{self, Found, Layout, line_ends};
use crate::source::Source;
use crate::stream::BYTE_ORDER_MARK;
use crate::unpacked::unpacked;

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
const FOREIGN: [(&[u8], &str); 5] = [
    (b"\xFD7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
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
        [0x04, 0x22, 0x4D, 0x18, ..] => Some(Compression::Lz4),
        _ => None,
    };
    if compression.is_some() {
        head.clear();
        let read =
            unpacked(Box::new(Source::open(path)?), compression)?.take(HEAD_BYTES).read_to_end(&mut head);
        if let (Err(_), true, Name::Crawl(format)) = (&read, head.is_empty(), name) {
            // Members behind the damage may be whole.
            return Ok(Kind::Shard(format, compression));
        }
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
    Html,
    Index,
    Crawl(Format),
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
        let packed = [".gz", ".gzip", ".zst", ".zstd", ".lz4"];
        let plain = packed.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
        match plain.rsplit_once('.').map(|(_, ending)| ending) {
            Some("jsonl" | "ndjson" | "jsonlines") => Self::Lines,
            Some("json") => Self::Json,
            Some("txt" | "text" | "md" | "markdown") => Self::Text,
            Some("html" | "htm" | "xhtml") => Self::Html,
            Some("cdx" | "cdxj") => Self::Index,
            Some("warc" | "wet") => Self::Crawl(Format::Warc),
            Some("arc") => Self::Crawl(Format::Arc),
            _ => Self::Other,
        }
    }
}

fn inside(head: &[u8], name: Name, compression: Option<Compression>) -> Kind {
    let skipped = |why: &str| Kind::Skipped(why.to_owned());
    let lines = Kind::Shard(Format::Jsonl, compression);
    let complete = (head.len() as u64) < HEAD_BYTES;
    let head = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
    let start = &head[line_ends(head)..];
    if start.starts_with(b"WARC/") {
        return match is_wat(start) {
            true => {
                skipped("WAT: what a crawl's records say of themselves, no text; give the WARC or WET files")
            }
            false => Kind::Shard(Format::Warc, compression),
        };
    }
    if start.starts_with(b"filedesc:") {
        return Kind::Shard(Format::Arc, compression);
    }
    if let Some((_, kind)) = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Kind::Skipped(format!("{kind} is not read: unpack it, or compress it with zstd"));
    }
    if let Name::Crawl(format) = name
        && head.first() != Some(&b'{')
        && (compression.is_some() || record_head::next_start(head, 0, Layout::Warc).is_some())
    {
        // Its start is damaged; records behind it may be whole.
        return Kind::Shard(format, compression);
    }
    let is_wide = head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF");
    if is_wide && name == Name::Html {
        return Kind::Shard(Format::Html, compression);
    }
    if head.contains(&0) {
        return skipped("binary (if it is text in UTF-16, convert it to UTF-8)");
    }
    if begins_as_html(head) {
        return Kind::Shard(Format::Html, compression);
    }
    let start = head.trim_ascii_start();
    match start.first() {
        None if name == Name::Lines => return lines,
        None if complete => return skipped("empty"),
        Some(b'{') if is_object(start, complete) => return lines,
        _ if name == Name::Html => return Kind::Shard(Format::Html, compression),
        _ if name == Name::Index || start.starts_with(b"CDX ") => {
            return skipped("an index of a crawl: give the WARC or ARC files that it names");
        }
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
    skipped("neither WARC, ARC, JSONL, Parquet, HTML, .txt nor .md")
}

/// After the first record come metadata in JSON, as far as it can be seen.
fn is_wat(start: &[u8]) -> bool {
    let mut at = 0;
    let mut n_metadata = 0;
    while let Some(rest) = start.get(at..)
        && let Found::Head(head) = record_head::head(&rest[line_ends(rest)..], Layout::Warc)
    {
        let content = at + line_ends(rest) + head.bytes;
        let is_json =
            record_head::fields(&start[at + line_ends(rest)..content]).iter().any(|(name, value)| {
                name.eq_ignore_ascii_case(b"content-type") && value.starts_with(b"application/json")
            });
        match head.kind {
            record_head::Kind::Metadata if is_json => n_metadata += 1,
            record_head::Kind::Warcinfo => {}
            _ => return false,
        }
        at = content.saturating_add(head.length.unwrap_or(0) as usize);
    }
    n_metadata > 0
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
