//! Crawls: WARC, WET and ARC files in every packing, whole, flawed and torn.
use std::collections::BTreeMap;

use proptest::prelude::*;
use shards::{
    Damage, Format, Problem, ReadOptions, RecordCounts, RestartPoint, Shard, ShardReader, discover,
};

use crate::support::*;

/// Records by type, what was lost, and rows by problem.
fn summary(shard: &Shard, options: &ReadOptions) -> (RecordCounts, Damage, BTreeMap<&'static str, usize>) {
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
            let name = if problem == Problem::None { "text" } else { problem.reason() };
            *rows.entry(name).or_default() += 1;
        }
    }
    (counts, damage, rows)
}

/// A WARC record, with CRLF line ends.
fn record(kind: &str, fields: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("WARC/1.0\r\nWARC-Type: {kind}\r\n{fields}Content-Length: {}\r\n\r\n", content.len());
    [head.as_bytes(), content, b"\r\n\r\n"].concat()
}

fn page(n: usize, body: &str) -> Vec<u8> {
    let http = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{body}");
    let fields = format!(
        "WARC-Record-ID: <urn:uuid:{n:04}>\r\nWARC-Target-URI: http://example.com/{n}\r\nWARC-Date: 2024-05-18T01:58:{n:02}Z\r\n\
         Content-Type: application/http; msgtype=response\r\n"
    );
    record("response", &fields, http.as_bytes())
}

fn words(n: usize) -> String {
    format!(
        "<html><body><p>Page {n} says {}.</p></body></html>",
        "one thing after another ".repeat(2 + n % 5).trim()
    )
}

/// Warcinfo, then for each page its request and its response.
fn records(n_pages: usize) -> Vec<Vec<u8>> {
    let mut all = vec![record("warcinfo", "", b"software: test\r\nisPartOf: CC-MAIN-2024-22\r\n")];
    for n in 0..n_pages {
        all.push(record("request", "", format!("GET /{n} HTTP/1.1\r\n\r\n").as_bytes()));
        all.push(page(n, &words(n)));
    }
    all
}

fn small_blocks(block_bytes: usize) -> ReadOptions {
    ReadOptions { block_bytes, ..ReadOptions::default() }
}

fn file(name: &str, bytes: &[u8]) -> (Folder, Shard) {
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
        let found: Vec<&str> = problems(&batch)
            .iter()
            .map(|problem| match problem {
                Problem::None => "text",
                problem => problem.reason(),
            })
            .collect();
        let expected: Vec<&str> = cases.iter().map(|(_, _, _, reason)| *reason).collect();
        assert_eq!(found, expected, "{block_bytes}");
    }
    let batch = read(&shard, &ReadOptions { keep_truncated: true, ..ReadOptions::default() });
    assert!(!problems(&batch).contains(&Problem::Truncated));
}

#[test]
fn heads_and_lengths_that_are_wrong_cost_one_record() {
    let [first, last] = [page(1, &words(1)), page(3, &words(3))];
    let length = |content: usize, said: &str| {
        let whole = String::from_utf8(page(2, &words(2))).unwrap();
        let correct = format!("Content-Length: {}", whole.len() - whole.find("\r\n\r\n").unwrap() - 8);
        assert!(whole.contains(&correct), "{correct} {content}");
        whole.replace(&correct, said).into_bytes()
    };
    let cases: [(&str, Vec<u8>, &[&str], u64); 8] = [
        ("none", page(2, &words(2)), &["text", "text", "text"], 0),
        (
            "line feeds only",
            String::from_utf8(page(2, "<p>x</p>")).unwrap().replacen("\r\n", "\n", 5).into_bytes(),
            &["text", "text", "text"],
            0,
        ),
        (
            "a folded field",
            String::from_utf8(page(2, &words(2)))
                .unwrap()
                .replacen("http://example.com/2", "http://example.com/\r\n 2", 1)
                .into_bytes(),
            &["text", "text", "text"],
            0,
        ),
        ("no length", length(0, "X: y"), &["text", "malformed", "text"], 0),
        ("no number", length(0, "Content-Length: many"), &["text", "malformed", "text"], 0),
        ("too short", length(0, "Content-Length: 9"), &["text", "malformed", "text"], 0),
        ("too long", length(0, "Content-Length: 400"), &["text", "malformed", "text"], 0),
        ("no record", b"Here someone wrote\r\nby hand.\r\n".to_vec(), &["text", "malformed", "text"], 0),
    ];
    for (what, middle, expected, lost) in cases {
        let bytes = [first.clone(), middle, last.clone()].concat();
        for (name, packed) in [("a.warc", bytes.clone()), ("a.warc.gz", gzip(&bytes))] {
            let (_folder, shard) = file(name, &packed);
            for block_bytes in [1, 300, 1 << 20] {
                let options = small_blocks(block_bytes);
                let (_, damage, _) = summary(&shard, &options);
                assert_eq!(damage.lost_bytes, lost, "{what} {name} {block_bytes}");
                let batch = read(&shard, &options);
                let found: Vec<&str> = problems(&batch)
                    .iter()
                    .map(|problem| match problem {
                        Problem::None => "text",
                        problem => problem.reason(),
                    })
                    .collect();
                // What is no record makes the one before it doubtful.
                let expected = if what == "no record" { &["malformed", "text"][..] } else { expected };
                assert_eq!(found, expected, "{what} {name} {block_bytes}");
            }
        }
    }
}

#[test]
fn garbage_before_the_first_record_is_lost_and_said() {
    let bytes = [b"WARC/ something is wrong here\n\n".to_vec(), records(3).concat()].concat();
    let (_folder, shard) = file("a.warc", &bytes);
    for block_bytes in [1, 100, 1 << 20] {
        let (_, damage, rows) = summary(&shard, &small_blocks(block_bytes));
        assert_eq!((damage.lost_bytes, rows["text"]), (31, 3), "{block_bytes}");
        assert!(damage.quarantined().unwrap().why.contains("31 bytes are no records"));
    }
}

#[test]
fn a_torn_file_gives_what_came_before() {
    let records = records(6);
    let plain = records.concat();
    let cut = plain.len() - 60;
    let members: Vec<u8> = records.iter().flat_map(|record| gzip(record)).collect();
    for (name, bytes, places) in [
        ("a.warc", plain[..cut].to_vec(), 0),
        ("a.warc.gz", members[..members.len() - 30].to_vec(), 1),
        ("b.warc.gz", gzip(&plain[..cut]), 0),
    ] {
        let (_folder, shard) = file(name, &bytes);
        for block_bytes in [1, 300, 1 << 20] {
            let (counts, damage, rows) = summary(&shard, &small_blocks(block_bytes));
            assert_eq!(
                (rows["text"], rows["truncated"], damage.places),
                (5, 1, places),
                "{name} {block_bytes}"
            );
            assert_eq!(counts["response"], 6);
        }
    }
}

#[test]
fn behind_a_damaged_member_reading_goes_on() {
    let records = records(9);
    let members: Vec<Vec<u8>> = records.iter().map(|record| gzip(record)).collect();
    // Response 4 is member 10.
    let start: usize = members[..10].iter().map(Vec::len).sum();
    let whole = members.concat();
    let length = members[10].len();
    let overwritten = |range: std::ops::Range<usize>, value: u8| {
        let mut bytes = whole.clone();
        bytes[range].fill(value);
        bytes
    };
    let missing = [&whole[..start + length / 2], &whole[start + length..]].concat();
    let cases = [
        ("content", overwritten(start + 60..start + 80, 0xFF), 1..=length as u64 - 40),
        ("header", overwritten(start..start + 2, 0xEE), length as u64..=length as u64),
        ("checksum", overwritten(start + length - 8..start + length - 4, 1), 8..=8),
        ("missing bytes", missing, 0..=length as u64),
    ];
    for (what, bytes, lost) in cases {
        let (_folder, shard) = file("a.warc.gz", &bytes);
        for block_bytes in [1, 1 << 20] {
            let (_, damage, rows) = summary(&shard, &small_blocks(block_bytes));
            assert_eq!(rows["text"], 8, "{what} {block_bytes} {rows:?}");
            assert_eq!(damage.places, 1, "{what}");
            assert!(lost.contains(&damage.lost_bytes), "{what}: {} of {length} lost", damage.lost_bytes);
            let entry = damage.quarantined().unwrap();
            assert!(entry.why.contains(&format!("gzip member at byte {start}")), "{what}: {}", entry.why);
        }
    }
}

#[test]
fn reading_goes_on_at_the_member_where_a_block_begins() {
    let records = records(40);
    let members: Vec<Vec<u8>> = records.iter().map(|record| gzip(record)).collect();
    let mut starts = vec![0];
    members.iter().for_each(|member| starts.push(starts.last().unwrap() + member.len() as u64));
    let whole = members.concat();
    let mut damaged = whole.clone();
    damaged[starts[40] as usize + 40..][..20].fill(0xFF);
    let options = small_blocks(2_000);
    for bytes in [&whole, &damaged] {
        let (_folder, shard) = file("a.warc.gz", bytes);
        let (blocks, places, _) = blocks_from(&shard, &options, &RestartPoint::default()).unwrap();
        assert!(blocks.len() > 10, "{}", blocks.len());
        let known: Vec<&RestartPoint> = places.iter().flatten().collect();
        assert!(known.len() + 2 >= places.len(), "{} of {}", known.len(), places.len());
        // Behind the last member, none is begun.
        for place in &known[..known.len() - 1] {
            assert!(starts.contains(&place.stored) && place.skip == 0, "{place:?}");
            assert_eq!(place.dump.as_deref(), Some("CC-MAIN-2024-22"));
            let reader = ShardReader::open_at(&shard, &options, place).unwrap();
            assert_eq!(reader.consumed(), place.stored, "nothing before it is read");
        }
        assert!(known.is_sorted_by_key(|place| place.stored));
        self::blocks(&shard, &options);
    }
    // One member for all: its start is the only one.
    let (_folder, shard) = file("a.warc.gz", &gzip(&records.concat()));
    let (_, places, _) = blocks_from(&shard, &options, &RestartPoint::default()).unwrap();
    assert!(places.iter().flatten().all(|place| place.stored == 0 && place.skip == place.offset));
    blocks(&shard, &options);
}

/// Each would take minutes if every place where something could begin were read far.
#[test]
fn hostile_files_take_linear_time() {
    let start = std::time::Instant::now();
    for (name, bytes) in [
        ("a.warc", b"WARC/1.0\n".repeat(1 << 20)),
        ("a.warc", [b"WARC/1.0\nContent-Length: 9\n\n".repeat(1 << 17), b"x\n".repeat(1 << 20)].concat()),
        ("a.warc.gz", [gzip(b"WARC/1.0\n"), b"\x1F\x8B\x08\0\0\0\0\0\0\0".repeat(1 << 16)].concat()),
        ("a.arc", b"filedesc://a 1.2.3.4 20140216050221 text/plain 9\n".repeat(1 << 16)),
    ] {
        let (_folder, shard) = file(name, &bytes);
        summary(&shard, &ReadOptions::default());
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn no_bytes_make_it_fail_and_blocks_cover_them(
        n_pages in 0usize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
        noise in prop::collection::vec(any::<u8>(), 0..40),
        packs in any::<bool>(),
        block_bytes in 1usize..2_000,
    ) {
        let mut bytes = records(n_pages).concat();
        bytes.extend(noise);
        for (index, byte) in changes {
            let at = 5 + index.index(bytes.len() - 5);
            bytes[at] = byte;
        }
        bytes.truncate(5.max(cut.index(bytes.len() + 1)));
        let packed = if packs { gzip(&bytes) } else { bytes.clone() };
        let folder = Folder::new(&[("a.warc", &packed)]);
        let mut shard = discover(&[folder.path()], &[]).unwrap().shards.remove(0);
        shard.format = Format::Warc;
        let options = small_blocks(block_bytes);
        let (blocks, error) = blocks(&shard, &options);
        prop_assert!(error.is_none());
        prop_assert_eq!(blocks.iter().map(|block| block.bytes).sum::<u64>(), bytes.len() as u64);
        if !blocks.is_empty() {
            let one = parse(&blocks, &options);
            // However it is cut into blocks, the same rows come out.
            prop_assert_eq!(one, read(&shard, &ReadOptions::default()));
            prop_assert_eq!(summary(&shard, &options), summary(&shard, &ReadOptions::default()));
        }
    }

    #[test]
    fn damaged_packing_never_fails_and_blocks_do_not_matter(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        records_in_a_member in 1usize..10,
        block_bytes in 1usize..5_000,
    ) {
        let members = records(12);
        let members = members.chunks(records_in_a_member).map(|records| gzip(&records.concat()));
        let mut packed: Vec<u8> = members.flatten().collect();
        for (index, byte) in changes {
            let at = 10 + index.index(packed.len() - 10);
            packed[at] = byte;
        }
        let (_folder, shard) = file("a.warc.gz", &packed);
        let found = summary(&shard, &small_blocks(block_bytes));
        let unpacked: u64 = blocks(&shard, &ReadOptions::default()).0.iter().map(|block| block.bytes).sum();
        prop_assert!(found.1.lost_bytes <= packed.len() as u64 + unpacked);
        prop_assert_eq!(found, summary(&shard, &ReadOptions::default()));
    }
}
