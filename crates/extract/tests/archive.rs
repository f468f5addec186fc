//! The least reading of WARC files that tests and the benchmark need: the product's own reader is the crate `shards`.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// One response: its record id without brackets, and the page behind the HTTP header.
pub struct Response {
    pub id: String,
    pub html: Vec<u8>,
}

/// All responses of a gzipped archive, in order.
pub fn responses(path: &Path) -> std::io::Result<Vec<Response>> {
    let mut file = BufReader::new(flate2::read::MultiGzDecoder::new(BufReader::new(File::open(path)?)));
    let mut responses = Vec::new();
    let mut line = Vec::new();
    loop {
        let (mut id, mut length, mut is_response) = (String::new(), 0, false);
        line.clear();
        if file.read_until(b'\n', &mut line)? == 0 {
            return Ok(responses);
        }
        while line != b"\r\n" {
            let text = String::from_utf8_lossy(&line);
            if let Some((name, value)) = text.split_once(':') {
                let value = value.trim();
                match name.to_ascii_lowercase().as_str() {
                    "warc-record-id" => id = value.trim_matches(['<', '>']).to_owned(),
                    "content-length" => length = value.parse().map_err(std::io::Error::other)?,
                    "warc-type" => is_response = value == "response",
                    _ => {}
                }
            }
            line.clear();
            file.read_until(b'\n', &mut line)?;
        }
        let mut body = vec![0; length + 4];
        file.read_exact(&mut body)?;
        body.truncate(length);
        if is_response {
            let header = body.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |at| at + 4);
            responses.push(Response { id, html: body.split_off(header) });
        }
    }
}
