//! Pages made to be slow or deep: time grows as the page does, and nothing overflows.

use std::time::{Duration, Instant};

use extract::{Mode, Options, extract};

use crate::hostile_pages::PAGES;

fn time(page: &str, mode: Mode) -> Duration {
    let start = Instant::now();
    extract(page.as_bytes(), Some("utf-8"), &Options { mode });
    start.elapsed()
}

#[test]
fn time_grows_as_the_page_does() {
    const BYTES: usize = 1 << 20;
    let mut failures = Vec::new();
    for (name, make) in PAGES {
        let (small, large) = (make(BYTES), make(8 * BYTES));
        // Eight times the page may take 24 times as long, for caches; a quadratic reader takes 64. What another process
        // took is not the page's: a few attempts.
        let attempt = || {
            let (little, much) = (time(&small, Mode::Balanced), time(&large, Mode::Balanced));
            let ratio = much.as_secs_f64() / little.as_secs_f64().max(0.004);
            (ratio > 24.0 || much > Duration::from_secs(10)).then_some((ratio, much))
        };
        if let Some(last) = (0..4).map(|_| attempt()).take_while(Option::is_some).nth(3).flatten() {
            failures.push(format!("{name}: 8 MiB take {:?}, {:.0} times 1 MiB", last.1, last.0));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn a_million_open_tags_are_no_recursion() {
    for tag in ["<div>", "<b>", "<ul><li>", "<table><tr><td>", "<math><mi>", "<svg><g>", "<font>", "<x-y>"] {
        let page = format!("{}the text", tag.repeat(1_000_000));
        let handle = std::thread::Builder::new()
            .stack_size(256 << 10)
            .spawn(move || extract(page.as_bytes(), Some("utf-8"), &Options { mode: Mode::AllText }).text);
        let text = handle.unwrap().join().unwrap();
        let is_shown = !matches!(tag, "<svg><g>" | "<math><mi>" | "<table><tr><td>");
        assert!(!is_shown || text.ends_with("the text"), "{tag}: {text}");
    }
}

#[test]
fn no_text_is_lost_beyond_the_bounds() {
    // More blocks and containers than are told apart.
    let page = "<div><p>a".repeat(400_000);
    let text = extract(page.as_bytes(), Some("utf-8"), &Options { mode: Mode::AllText }).text;
    assert_eq!(text.lines().filter(|line| *line == "a").count(), 400_000);
}
