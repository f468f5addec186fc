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
            let blocks = extract::fitting::measure(&response.html);
            let blocks: Vec<serde_json::Value> = blocks
                .iter()
                .map(|block| serde_json::json!([block.text, block.features, block.containers]))
                .collect();
            let names = extract::fitting::names();
            let line = serde_json::json!({ "id": response.id, "names": names, "blocks": blocks });
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}
