//! Prints the text of every response of WARC files as JSON lines; says on standard error how long extraction took.
//!
//! `cargo run --release -p extract --example extract_archives -- balanced pages.warc.gz …`
#![allow(clippy::print_stdout, clippy::disallowed_types)]

#[path = "../tests/archive.rs"]
mod archive;

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next().ok_or("a mode, then WARC files")?.parse()?;
    let options = extract::Options { mode };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let (mut pages, mut bytes, mut seconds) = (0, 0, 0.0);
    for path in arguments {
        for response in archive::responses(Path::new(&path))? {
            let start = Instant::now();
            let page = extract::extract(&response.html, None, &options);
            seconds += start.elapsed().as_secs_f64();
            pages += 1;
            bytes += response.html.len();
            let line = serde_json::json!({ "id": response.id, "text": page.text, "title": page.title,
                "language": page.language, "encoding": page.encoding });
            writeln!(out, "{line}")?;
        }
    }
    out.flush()?;
    eprintln!("{}", serde_json::json!({ "pages": pages, "bytes": bytes, "seconds": seconds }));
    Ok(())
}
