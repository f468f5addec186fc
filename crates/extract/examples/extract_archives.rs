//! Prints the text of every response of WARC files as JSON lines; says on standard error how long extraction took, in
//! processor time (Linux).
//!
//! `cargo run --release -p extract --example extract_archives -- balanced pages.warc.gz …`
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

#[path = "../tests/archive.rs"]
mod archive;

use std::error::Error;
use std::io::Write;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next().ok_or("a mode, then WARC files")?.parse()?;
    let options = extract::Options { mode };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut responses = Vec::new();
    for path in arguments {
        responses.append(&mut archive::responses(Path::new(&path))?);
    }
    let start = processor_seconds()?;
    let extracted: Vec<extract::Page> =
        responses.iter().map(|response| extract::extract(&response.html, None, &options)).collect();
    let seconds = processor_seconds()? - start;
    for (response, page) in responses.iter().zip(extracted) {
        let line = serde_json::json!({ "id": response.id, "text": page.text, "title": page.title,
            "language": page.language, "encoding": page.encoding });
        writeln!(out, "{line}")?;
    }
    let (pages, bytes) =
        (responses.len(), responses.iter().map(|response| response.html.len()).sum::<usize>());
    out.flush()?;
    eprintln!("{}", serde_json::json!({ "pages": pages, "bytes": bytes, "seconds": seconds }));
    Ok(())
}

/// What this thread has used of a processor: on a busy machine, not what a clock on the wall shows.
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: u64 = schedule.split_whitespace().next().ok_or("an empty schedstat")?.parse()?;
    Ok(nanoseconds as f64 / 1e9)
}
