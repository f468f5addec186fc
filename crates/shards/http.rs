//! What an HTTP server answered: status, fields, and the body as it was before it was chunked and compressed.
use std::borrow::Cow;
use std::io::{self, Read};

use crate::record_head::{fields, value};
use crate::unpacked::LARGEST_RATIO;

pub(crate) struct Answer<'b> {
    pub status: u16,
    pub fields: Vec<(&'b [u8], Cow<'b, [u8]>)>,
    pub body: &'b [u8],
}

/// None: there is no status line.
pub(crate) fn answer(bytes: &[u8]) -> Option<Answer<'_>> {
    let first = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    let mut words = bytes[..first].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.next().filter(|version| version.starts_with(b"HTTP/"))?;
    let status = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    let end = head_end(bytes);
    Some(Answer { status, fields: fields(&bytes[..end]), body: &bytes[end..] })
}

/// Behind the first empty line.
fn head_end(bytes: &[u8]) -> usize {
    let mut at = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        let is_empty = bytes[at..end].trim_ascii().is_empty();
        at = end + 1;
        if is_empty {
            return at;
        }
    }
    bytes.len()
}

#[derive(Debug, PartialEq)]
pub(crate) enum Body<'b> {
    Whole(Cow<'b, [u8]>),
    /// It breaks off, or is damaged; this came before.
    Torn(Cow<'b, [u8]>),
    /// More than the limit, or more than 1,000 to 1.
    TooLarge,
}

impl Answer<'_> {
    /// The body, unpacked. Crawlers store bodies as they came, or unpacked under the fields of the packed one: what is
    /// not packed as the fields say is taken as it is.
    pub fn unpacked(&self, longest: usize) -> Body<'_> {
        let mut body = Cow::Borrowed(self.body);
        let codings = |name| -> Vec<String> {
            let value =
                String::from_utf8_lossy(value(&self.fields, name).unwrap_or_default()).to_ascii_lowercase();
            value.split(',').map(|coding| coding.trim().to_owned()).collect()
        };
        let transfer = codings("transfer-encoding");
        if transfer.iter().any(|coding| coding == "chunked") {
            body = without_chunks(self.body);
        }
        let content = codings("content-encoding");
        // The last coding was applied last. Nobody applies many.
        let all =
            transfer.iter().rev().chain(content.iter().rev()).filter(|coding| is_packing(coding)).take(4);
        for coding in all {
            if !looks_packed(coding, &body) {
                continue;
            }
            match unpack(coding, &body, longest) {
                Ok(unpacked) => body = Cow::Owned(unpacked),
                Err(Failed::TooLarge) => return Body::TooLarge,
                Err(Failed::Torn(_)) if is_readable(&body) => {}
                Err(Failed::Torn(unpacked)) => return Body::Torn(Cow::Owned(unpacked)),
            }
        }
        Body::Whole(body)
    }
}

/// The data of the chunks. From where there is no chunk, the rest as it is: some crawlers keep the field, not the chunks.
fn without_chunks(body: &[u8]) -> Cow<'_, [u8]> {
    let mut data = Vec::new();
    let mut rest = body;
    loop {
        let Some((size, chunk)) = chunk_size(rest) else {
            if data.is_empty() {
                return Cow::Borrowed(body);
            }
            data.extend(rest);
            break;
        };
        if size == 0 {
            break;
        }
        data.extend(&chunk[..size.min(chunk.len())]);
        rest = chunk.get(size..).unwrap_or_default();
        rest = rest.strip_prefix(b"\r\n").or(rest.strip_prefix(b"\n")).unwrap_or(rest);
        if rest.is_empty() {
            break;
        }
    }
    Cow::Owned(data)
}

/// The size in hexadecimal, and what comes after its line.
fn chunk_size(bytes: &[u8]) -> Option<(usize, &[u8])> {
    // Sixteen digits, and extensions that nobody uses.
    let end = memchr::memchr(b'\n', &bytes[..bytes.len().min(256)])?;
    let line = bytes[..end].trim_ascii();
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let is_number = !digits.is_empty() && digits.len() <= 8 && digits.iter().all(u8::is_ascii_hexdigit);
    let size = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    is_number.then_some((size, &bytes[end + 1..]))
}

fn is_packing(coding: &str) -> bool {
    matches!(coding, "gzip" | "x-gzip" | "deflate" | "br" | "zstd")
}

fn looks_packed(coding: &str, body: &[u8]) -> bool {
    match coding {
        "gzip" | "x-gzip" => body.starts_with(&[0x1F, 0x8B]),
        "zstd" => body.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]),
        // Neither has a magic number; markup begins with none of their first bytes.
        _ => !body.is_empty() && body.trim_ascii_start().first() != Some(&b'<'),
    }
}

/// Begins as text does: it was not packed at all.
fn is_readable(body: &[u8]) -> bool {
    let start = &body[..body.len().min(256)];
    start.iter().all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace())
}

enum Failed {
    TooLarge,
    Torn(Vec<u8>),
}

fn unpack(coding: &str, body: &[u8], longest: usize) -> Result<Vec<u8>, Failed> {
    match coding {
        "gzip" | "x-gzip" => read(flate2::bufread::MultiGzDecoder::new(body), body.len(), longest),
        // RFC 9110 means zlib; many servers sent bare deflate.
        "deflate" if is_zlib(body) => read(flate2::bufread::ZlibDecoder::new(body), body.len(), longest),
        "deflate" => read(flate2::bufread::DeflateDecoder::new(body), body.len(), longest),
        "br" => read(brotli::Decompressor::new(body, 16 << 10), body.len(), longest),
        _ => match zstd::stream::read::Decoder::with_buffer(body) {
            Ok(decoder) => read(decoder, body.len(), longest),
            Err(_) => Err(Failed::Torn(Vec::new())),
        },
    }
}

fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [method, flags, ..]
        if method & 0x0F == 8 && (u32::from(*method) << 8 | u32::from(*flags)) % 31 == 0)
}

/// So many bytes may come out of any body, however small.
const FREE_BYTES: u64 = 1 << 20;

fn read(packed: impl Read, packed_bytes: usize, longest: usize) -> Result<Vec<u8>, Failed> {
    let limit = (longest as u64).min(FREE_BYTES.max(LARGEST_RATIO * packed_bytes as u64));
    let mut out = Vec::new();
    let read: io::Result<usize> = packed.take(limit + 1).read_to_end(&mut out);
    match read {
        _ if out.len() as u64 > limit => Err(Failed::TooLarge),
        Ok(_) => Ok(out),
        Err(_) => Err(Failed::Torn(out)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::io::Write;

    use super::*;

    const TEXT: &[u8] = b"<p>The same words, packed in one way or another, and packed once more.</p>";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn brotli(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        brotli::CompressorWriter::new(&mut out, 4096, 5, 20).write_all(bytes).unwrap();
        out
    }

    fn chunks(bytes: &[u8], size: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for chunk in bytes.chunks(size) {
            out.extend(format!("{:X};name=value\r\n", chunk.len()).into_bytes());
            out.extend(chunk);
            out.extend(b"\r\n");
        }
        out.extend(b"0\r\n\r\n");
        out
    }

    fn body(head: &str, body: &[u8], longest: usize) -> (String, String) {
        let bytes = [format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n").as_bytes(), body].concat();
        let answer = answer(&bytes).unwrap();
        let (state, bytes) = match answer.unpacked(longest) {
            Body::Whole(bytes) => ("whole", bytes.into_owned()),
            Body::Torn(bytes) => ("torn", bytes.into_owned()),
            Body::TooLarge => ("too large", Vec::new()),
        };
        (state.to_owned(), String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn bodies_are_unpacked_whatever_the_coding() {
        let text = String::from_utf8_lossy(TEXT).into_owned();
        let zstd = zstd::encode_all(TEXT, 1).unwrap();
        let bare = zlib(TEXT)[2..zlib(TEXT).len() - 4].to_vec();
        let cases = [
            ("Content-Type: text/html", TEXT.to_vec()),
            ("Transfer-Encoding: chunked", chunks(TEXT, 7)),
            ("content-encoding: gzip", gzip(TEXT)),
            ("Content-Encoding: x-gzip", gzip(TEXT)),
            ("Content-Encoding: deflate", zlib(TEXT)),
            ("Content-Encoding: deflate", bare),
            ("Content-Encoding: br", brotli(TEXT)),
            ("Content-Encoding: zstd", zstd),
            ("Content-Encoding: gzip\r\nTransfer-Encoding: chunked", chunks(&gzip(TEXT), 5)),
            ("Content-Encoding: deflate, gzip", gzip(&zlib(TEXT))),
            // The crawler unpacked it and kept the fields.
            ("Content-Encoding: gzip\r\nTransfer-Encoding: chunked", TEXT.to_vec()),
            ("Content-Encoding: br", TEXT.to_vec()),
            ("Content-Encoding: deflate", TEXT.to_vec()),
            ("Content-Encoding: identity", TEXT.to_vec()),
            ("Content-Encoding: br", TEXT[3..].to_vec()),
            ("Content-Encoding: deflate", TEXT[3..].to_vec()),
        ];
        for (head, packed) in cases {
            let (state, found) = body(head, &packed, 1 << 20);
            assert_eq!(state, "whole", "{head}");
            assert!(found == text || found == text[3..], "{head}: {found}");
        }
    }

    #[test]
    fn what_breaks_off_is_given_up_to_there() {
        let long = TEXT.repeat(1000);
        let packed = gzip(&long);
        let (state, text) = body("Content-Encoding: gzip", &packed[..packed.len() / 2], 1 << 20);
        assert_eq!(state, "torn");
        assert!(text.starts_with("<p>The same") && text.len() < long.len());
        let (state, text) = body("Transfer-Encoding: chunked", b"5\r\nhello\r\nzz not a chunk", 100);
        assert_eq!((state.as_str(), text.as_str()), ("whole", "hellozz not a chunk"));
        let (_, text) = body("Transfer-Encoding: chunked", b"ff\r\nhello", 100);
        assert_eq!(text, "hello");
    }

    #[test]
    fn bombs_are_too_large() {
        let zeros = vec![0; 4 << 20];
        for (coding, packed) in [("gzip", gzip(&zeros)), ("br", brotli(&zeros))] {
            let head = format!("Content-Encoding: {coding}");
            assert_eq!(body(&head, &packed, 1 << 20).0, "too large", "over the limit");
            let small = packed.len() as u64 * LARGEST_RATIO < zeros.len() as u64;
            let expected = if small { "too large" } else { "whole" };
            assert_eq!(body(&head, &packed, 1 << 30).0, expected, "{coding} {}", packed.len());
        }
    }

    #[test]
    fn heads_as_servers_send_them() {
        let answer = answer(b"HTTP/1.0 302 \n\nrest").unwrap();
        assert_eq!((answer.status, answer.body), (302, b"rest".as_slice()));
        let answer = super::answer(b"HTTP/2 200\nA: b").unwrap();
        assert_eq!((answer.status, answer.body, answer.fields.len()), (200, b"".as_slice(), 1));
        assert!(super::answer(b"ICY 200 OK\r\n\r\n").is_none());
        assert!(super::answer(b"HTTP/1.1 ok\r\n\r\n").is_none());
        assert!(super::answer(b"").is_none());
    }
}
