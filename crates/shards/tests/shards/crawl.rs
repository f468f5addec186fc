//! Crawls: WARC, WET and ARC files in every packing.
use std::collections::BTreeMap;

use shards::{Damage, Format, Problem, ReadOptions, RecordCounts, Shard, discover};

use crate::support::*;

/// Records by type, what was lost, and rows by problem.
pub fn summary(
    shard: &Shard,
    options: &ReadOptions,
) -> (RecordCounts, Damage, BTreeMap<&'static str, usize>) {
    let (blocks, error) = blocks(shard, options);
    assert!(error.is_none(), "{error:?}");
    let (mut counts, mut damage, mut rows) = (RecordCounts::new(), Damage::default(), BTreeMap::new());
    for block in &blocks {
        for (name, n) in &block.records {
            *counts.entry(name.clone()).or_default() += n;
        }
        damage.merge(block.damage.clone());
    }
    if !blocks.is_empty() {
        for problem in problems(&parse(&blocks, options)) {
            *rows.entry(named(problem)).or_default() += 1;
        }
    }
    (counts, damage, rows)
}

pub fn named(problem: Problem) -> &'static str {
    if problem == Problem::None { "text" } else { problem.reason() }
}

/// A WARC record, with CRLF line ends.
pub fn record(kind: &str, fields: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("WARC/1.0\r\nWARC-Type: {kind}\r\n{fields}Content-Length: {}\r\n\r\n", content.len());
    [head.as_bytes(), content, b"\r\n\r\n"].concat()
}

pub fn page(n: usize, body: &str) -> Vec<u8> {
    let http = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{body}");
    let fields = format!(
        "WARC-Record-ID: <urn:uuid:{n:04}>\r\nWARC-Target-URI: http://example.com/{n}\r\nWARC-Date: 2024-05-18T01:58:{n:02}Z\r\n\
         Content-Type: application/http; msgtype=response\r\n"
    );
    record("response", &fields, http.as_bytes())
}

pub fn words(n: usize) -> String {
    format!(
        "<html><body><p>Page {n} says {}.</p></body></html>",
        "one thing after another ".repeat(2 + n % 5).trim()
    )
}

/// Warcinfo, then for each page its request and its response.
pub fn records(n_pages: usize) -> Vec<Vec<u8>> {
    let mut all = vec![record("warcinfo", "", b"software: test\r\nisPartOf: CC-MAIN-2024-22\r\n")];
    for n in 0..n_pages {
        all.push(record("request", "", format!("GET /{n} HTTP/1.1\r\n\r\n").as_bytes()));
        all.push(page(n, &words(n)));
    }
    all
}

pub fn small_blocks(block_bytes: usize) -> ReadOptions {
    ReadOptions { block_bytes, ..ReadOptions::default() }
}

pub fn file(name: &str, bytes: &[u8]) -> (Folder, Shard) {
    let folder = Folder::new(&[(name, bytes)]);
    let mut shard = folder.shard();
    shard.relative = "a.warc".to_owned();
    (folder, shard)
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

/// A frame per record, and before them the dictionary in a frame of its own.
fn with_dictionary(records: &[Vec<u8>], packs: bool) -> Vec<u8> {
    let dictionary = records.concat();
    let frame = if packs { zstd(&dictionary) } else { dictionary.clone() };
    let mut bytes =
        [&[0x5D, 0x2A, 0x4D, 0x18], (frame.len() as u32).to_le_bytes().as_slice(), &frame].concat();
    for record in records {
        let mut encoder = zstd::stream::write::Encoder::with_dictionary(Vec::new(), 3, &dictionary).unwrap();
        std::io::Write::write_all(&mut encoder, record).unwrap();
        bytes.extend(encoder.finish().unwrap());
    }
    bytes
}

#[test]
fn every_packing_gives_the_same_rows() {
    let records = records(7);
    let plain = records.concat();
    let members: Vec<u8> = records.iter().flat_map(|record| gzip(record)).collect();
    let frames: Vec<u8> = records.iter().flat_map(|record| zstd(record)).collect();
    let packings = [
        ("a.warc", plain.clone()),
        ("a.warc.gz", members),
        ("b.warc.gz", gzip(&plain)),
        ("a.warc.zst", frames),
        ("b.warc.zst", zstd(&plain)),
        ("c.warc.zst", with_dictionary(&records, false)),
        ("d.warc.zst", with_dictionary(&records, true)),
        ("a.warc.lz4", lz4(&plain)),
        ("b.warc.lz4", records.iter().flat_map(|record| lz4(record)).collect()),
    ];
    let mut first = None;
    for (name, bytes) in packings {
        let (_folder, shard) = file(name, &bytes);
        assert_eq!(shard.format, Format::Warc);
        for block_bytes in [1, 150, 1_000, 8 << 20] {
            let options = small_blocks(block_bytes);
            let (counts, damage, rows) = summary(&shard, &options);
            assert_eq!((counts["warcinfo"], counts["request"], counts["response"]), (1, 7, 7), "{name}");
            assert_eq!((damage, rows["text"]), (Damage::default(), 7), "{name} {block_bytes}");
            let (blocks, _) = blocks(&shard, &options);
            assert_eq!(blocks.iter().map(|block| block.bytes).sum::<u64>(), plain.len() as u64);
            assert!(blocks.iter().all(|block| block.rows > 0 || block.records.values().sum::<u64>() > 0));
            let batch = parse(&blocks, &options);
            assert_eq!(*first.get_or_insert_with(|| batch.clone()), batch, "{name} {block_bytes}");
        }
    }
    let batch = first.unwrap();
    assert_eq!(column(&batch, "id")[3], "<urn:uuid:0003>");
    assert_eq!(column(&batch, "url")[3], "http://example.com/3");
    assert_eq!(column(&batch, "date")[3], "2024-05-18T01:58:03Z");
    assert_eq!(column(&batch, "dump")[3], "CC-MAIN-2024-22");
    assert_eq!(column(&batch, "file_path")[3], "a.warc");
    assert!(column(&batch, "text")[3].starts_with("Page 3 says one thing"));
    assert!(
        column(&batch, "metadata")[3]
            .contains(r#""http_status":200,"content_type":"text/html; charset=utf-8","charset":"UTF-8""#)
    );
}

#[test]
fn what_is_no_page_has_its_reason() {
    let http = |head: &str, body: &[u8]| [format!("HTTP/1.1 {head}\r\n\r\n").as_bytes(), body].concat();
    let html = "200 OK\r\nContent-Type: text/html";
    let whole = words(1).into_bytes();
    let answer = "Content-Type: application/http;msgtype=response\r\n";
    let cases: Vec<(&str, String, Vec<u8>, &str)> = vec![
        ("response", answer.into(), http(html, &whole), "text"),
        ("response", answer.into(), http("200 OK\r\nContent-Type: text/plain", b"Plain words."), "text"),
        ("response", answer.into(), http("404 Not Found\r\nContent-Type: text/html", &whole), "http_status"),
        ("response", answer.into(), http("301 \r\nLocation: /x", b""), "http_status"),
        ("response", answer.into(), http("200 OK\r\nContent-Type: image/png", b"\x89PNG"), "not_text"),
        ("response", answer.into(), http(html, b"%PDF-1.5"), "not_text"),
        ("response", answer.into(), http(html, b"<html></html>"), "empty"),
        ("response", answer.into(), b"no head at all".to_vec(), "malformed"),
        ("response", format!("WARC-Truncated: length\r\n{answer}"), http(html, &whole), "truncated"),
        ("revisit", format!("WARC-Profile: x\r\n{answer}"), http(html, b""), "revisit"),
        ("resource", "Content-Type: text/html\r\n".into(), whole.clone(), "text"),
        ("resource", "Content-Type: text/dns\r\n".into(), b"a.b. IN A 1.2.3.4".to_vec(), "not_text"),
        ("conversion", "Content-Type: text/plain\r\n".into(), "Größe".into(), "text"),
        ("conversion", "Content-Type: text/plain\r\n".into(), b"Gr\xF6\xDFe".to_vec(), "not_utf8"),
        ("response", answer.into(), http(html, &vec![b'x'; 5_000]), "too_large"),
    ];
    let bytes: Vec<u8> =
        cases.iter().flat_map(|(kind, fields, content, _)| record(kind, fields, content)).collect();
    let (_folder, shard) = file("a.warc", &bytes);
    for block_bytes in [1, 500, 1 << 20] {
        let options = ReadOptions { max_document: 4_000, ..small_blocks(block_bytes) };
        let batch = read(&shard, &options);
        let found: Vec<&str> = problems(&batch).into_iter().map(named).collect();
        let expected: Vec<&str> = cases.iter().map(|(_, _, _, reason)| *reason).collect();
        assert_eq!(found, expected, "{block_bytes}");
    }
    let batch = read(&shard, &ReadOptions { keep_truncated: true, ..ReadOptions::default() });
    assert!(!problems(&batch).contains(&Problem::Truncated));
}

#[test]
fn an_arc_file_is_read() {
    let body = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{}", words(1));
    let info = "1 0 Test\nURL IP-address Archive-date Content-type Archive-length\n";
    let bytes = format!(
        "filedesc://a.arc 127.0.0.1 20140216050221 text/plain {}\n{info}\n\
         http://example.com/a b 1.2.3.4 20140216050222 text/html {}\n{body}\n\
         dns:example.com 1.2.3.4 20140216050223 text/dns 4\nA B\n\n",
        info.len(),
        body.len()
    );
    for (name, bytes) in [("a.arc", bytes.clone().into_bytes()), ("a.arc.gz", gzip(bytes.as_bytes()))] {
        let folder = Folder::new(&[(name, &bytes)]);
        let shard = folder.shard();
        assert_eq!(shard.format, Format::Arc);
        for block_bytes in [1, 1 << 20] {
            let (counts, damage, rows) = summary(&shard, &small_blocks(block_bytes));
            assert_eq!((counts["arc_header"], counts["response"]), (1, 2));
            assert_eq!((damage.places, rows["text"], rows["not_text"]), (0, 1, 1));
        }
        let batch = read(&shard, &ReadOptions::default());
        assert_eq!(column(&batch, "url"), ["http://example.com/a b", "dns:example.com"]);
        assert_eq!(column(&batch, "date")[0], "2014-02-16T05:02:22Z");
        assert_eq!(column(&batch, "id")[0], format!("{name}#0"));
    }
}

#[test]
fn a_page_is_a_document_and_a_column_of_html_is_read() {
    let html = "\n<!-- saved --><!DOCTYPE html><html lang=de><title>T</title><p>Ein Satz steht hier.</p>";
    let folder = Folder::new(&[("page", html.as_bytes())]);
    let batch = read(&folder.shard(), &ReadOptions::default());
    assert!(column(&batch, "text")[0].contains("Ein Satz steht hier."));
    assert_eq!(column(&batch, "metadata"), [r#"{"charset":"UTF-8","title":"T","html_language":"de"}"#]);
    let line = serde_json::json!({ "id": "a", "html": "<p>One &amp; two</p>", "text": "not this", "n": 1 });
    let folder = Folder::new(&[("a.jsonl", line.to_string().as_bytes())]);
    let options =
        ReadOptions { text_column: "html".to_owned(), text_is_html: true, ..ReadOptions::default() };
    let batch = read(&folder.shard(), &options);
    assert_eq!(column(&batch, "text")[0].trim(), "One & two");
    assert_eq!(column(&batch, "metadata"), [r#"{"text":"not this","n":1}"#]);
    assert_eq!(column(&batch, "bytes")[0], column(&batch, "text")[0].len().to_string());
}

#[test]
fn an_estimate_of_a_crawl_is_near() {
    let plain = records(400).concat();
    let (_folder, shard) = file("a.warc.gz", &gzip(&plain));
    let guess = shards::estimate(&discover(&[&shard.path], &[]).unwrap(), &ReadOptions::default());
    assert_eq!(guess.documents, 400);
    let texts: u64 =
        column(&read(&shard, &ReadOptions::default()), "text").iter().map(|text| text.len() as u64).sum();
    assert_eq!(guess.text_bytes, texts);
}
