//! A run that stopped inside an object reads on where it stopped, by the bytes that are asked for.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::store_servers::{Harm, proxy, put};
use crate::store_stage::{Stage, assert_same, run};
use crate::support::{demo_pages, stderr};

/// Segments of whole blocks, several in what is fetched at once.
const SEGMENTS: [&str; 5] = ["--segment-bytes", "512KiB", "--threads", "2", "--quiet"];
/// Nothing behind this is given to the first run.
const END: u64 = 7 << 20;
/// What is looked at of every object before it is read, and where a segment may begin at the latest.
const LOOKED_AT: u64 = 4 << 20;
const BEGUN: u64 = END - (2 << 20);

fn lines() -> Vec<u8> {
    demo_pages(0..80)
}

/// A gzip member for each page, as large as what it holds.
fn members() -> Vec<u8> {
    let pages = lines();
    let lines = pages.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let mut bytes = Vec::new();
    for (n, page) in lines.enumerate() {
        let page: serde_json::Value = page;
        let Some(text) = page["text"].as_str() else { continue };
        let length = text.len();
        let mut gz = flate2::write::GzEncoder::new(&mut bytes, flate2::Compression::none());
        write!(
            gz,
            "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: https://example.org/{n}\r\n\
             WARC-Record-ID: <urn:uuid:{n:08}>\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{text}\r\n\r\n"
        )
        .unwrap();
        gz.finish().unwrap();
    }
    bytes
}

/// First and last byte of `bytes=first-last`.
fn ends(range: &str) -> Option<(u64, u64)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

fn a_stopped_run_reads_on(name: &str, content: &[u8]) {
    let Some(stage) = Stage::start() else { return };
    let raw = stage.path("raw");
    std::fs::create_dir(&raw).unwrap();
    std::fs::write(raw.join(name), content).unwrap();
    put(&stage.servers.s3, &format!("/lake/raw/{name}"), content);
    let (size, out) = (content.len() as u64, stage.text("out"));
    assert!(size > END + LOOKED_AT, "{size}");
    let args = [&["clean", "s3://lake/raw/", out.as_str()], &SEGMENTS[..]].concat();
    let breaks = proxy(&stage.servers.s3, |_, range| match ends(range) {
        Some((_, last)) if last >= END => Harm::Busy,
        _ => Harm::None,
    });
    let stopped = run(stage.command(&breaks).env("CORPUS_STORE_RETRIES", "1"), &args, 2);
    assert!(stderr(&stopped).contains("the store does not answer"), "{}", stderr(&stopped));

    let asked = Arc::new(Mutex::new(Vec::new()));
    let (total, seen) = (Arc::new(AtomicU64::new(0)), asked.clone());
    let counted = total.clone();
    let counting = proxy(&stage.servers.s3, move |_, range| {
        if let Some((first, last)) = ends(range) {
            counted.fetch_add(last.min(size - 1) + 1 - first, Ordering::SeqCst);
            seen.lock().unwrap().push((first, last));
        }
        Harm::None
    });
    run(&mut stage.command(&counting), &args, 0);
    let (asked, total) = (asked.lock().unwrap(), total.load(Ordering::SeqCst));
    eprintln!("{name}: of {size} bytes {total} were asked for by the run that went on");
    assert!(asked.iter().all(|(first, last)| *last < LOOKED_AT || *first >= BEGUN), "{asked:?}");
    assert!(total < size - BEGUN + LOOKED_AT, "{total} of {size}: {asked:?}");

    let local = stage.path("local");
    crate::support::clean(&[&raw], &local, &SEGMENTS, 0);
    assert_same(&stage.path("out"), &local);
}

#[test]
fn a_plain_object_is_read_on_where_a_run_stopped() {
    a_stopped_run_reads_on("pages.jsonl", &lines());
}

#[test]
fn members_of_a_crawl_are_read_on_where_a_run_stopped() {
    a_stopped_run_reads_on("pages.warc.gz", &members());
}
