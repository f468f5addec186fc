//! Prints what is measured of every block of the pages of WARC files, as JSON lines.
#![allow(clippy::print_stdout)]

#[path = "../tests/archive.rs"]
mod archive;

use std::error::Error;
use std::io::Write;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for path in std::env::args().skip(1) {
        for response in archive::responses(Path::new(&path))? {
            let (names, blocks) = extract::measure(&response.html);
            let line = serde_json::json!({ "id": response.id, "names": names, "blocks": blocks });
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}
