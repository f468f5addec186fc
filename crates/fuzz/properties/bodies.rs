//! What holds for any bytes that an HTTP server answered, and for any members of gzip.

use std::io::Write;

use crate::gzip::{Member, find_member, header_length};
use crate::http::{Body, answer};
use crate::unpacked::LARGEST_RATIO;

/// So many bytes may come out of any body.
const FREE: usize = 1 << 20;

/// The first byte chooses how the rest is packed where that is up to us.
pub fn check(bytes: &[u8]) {
    answered(bytes);
    members(bytes);
    if let Some((choice, content)) = bytes.split_first() {
        packed(*choice, content);
    }
}

/// What comes out is no longer than the limit, the packed bytes allow or, where nothing is packed, the body itself.
fn answered(bytes: &[u8]) {
    let Some(answer) = answer(bytes) else { return };
    assert!(answer.body.len() < bytes.len() && bytes.ends_with(answer.body));
    for longest in [0, 64, FREE] {
        let (Body::Whole(body) | Body::Torn(body)) = answer.unpacked(longest) else { continue };
        let most = longest.min(FREE.max(LARGEST_RATIO as usize * answer.body.len()));
        assert!(body.len() <= most.max(answer.body.len()), "{} of {}", body.len(), answer.body.len());
    }
}

/// What was packed is what is unpacked, unless it is longer than the limit.
fn packed(choice: u8, content: &[u8]) {
    let (coding, body) = match choice & 7 {
        0 => ("identity", content.to_vec()),
        1 => ("x-gzip", gzip(content)),
        2 => ("deflate", zlib(content)),
        3 => ("deflate", bare(content)),
        4 => ("br", brotli(content)),
        5 => ("zstd", zstd::encode_all(content, 1).unwrap_or_default()),
        6 => ("deflate, gzip", gzip(&zlib(content))),
        _ => ("zstd, br", brotli(&zstd::encode_all(content, 1).unwrap_or_default())),
    };
    let mut head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n");
    let mut sent = Vec::new();
    if choice & 8 == 0 {
        sent.clone_from(&body);
    } else {
        head += "Transfer-Encoding: chunked\r\n";
        for chunk in body.chunks(usize::from(choice >> 4) + 1) {
            let _ = write!(sent, "{:x}\r\n", chunk.len());
            sent.extend(chunk);
            sent.extend(b"\r\n");
        }
        sent.extend(b"0\r\n\r\n");
    }
    let bytes = [head.as_bytes(), b"\r\n", &sent].concat();
    let answer = answer(&bytes).expect("a status line");
    assert_eq!((answer.status, answer.body), (200, &sent[..]));
    match answer.unpacked(FREE) {
        Body::Whole(found) => assert!(*found == *content, "{coding}: {:?} of {content:?}", found),
        // What could be text or markup by its first bytes is not taken for packed.
        other => unreachable!("{coding}: {other:?}"),
    }
    if !content.is_empty() && coding != "identity" && !coding.contains(',') {
        assert_eq!(answer.unpacked(content.len() - 1), Body::TooLarge, "{coding}");
    }
}

/// A header depends on itself alone; a member that we packed comes out whole however it is fed.
fn members(bytes: &[u8]) {
    if let Some(Ok(length)) = header_length(bytes) {
        assert!(length <= bytes.len() && length >= 10);
        assert_eq!(header_length(&bytes[..length]), Some(Ok(length)));
        assert_eq!(header_length(&bytes[..length - 1]), None);
    }
    for is_all in [false, true] {
        if let Some(at) = find_member(bytes, is_all) {
            assert!(bytes[at..].starts_with(&[0x1F, 0x8B, 8]));
        }
    }
    let step = bytes.first().map_or(1, |byte| usize::from(byte & 31) + 1);
    let ours = gzip(bytes);
    let length = header_length(&ours).and_then(Result::ok).expect("a header");
    let (out, end) = unpacked(&ours[length..], step, bytes.len() + 1);
    assert!(end == Some(ours.len() - length) && out == bytes, "{end:?} {out:?}");
    // Anything: it ends, and the same however it is fed.
    let [(one, end), (other, other_end)] = [step, 1 << 20].map(|step| unpacked(bytes, step, 1 << 16));
    assert_eq!((one, end), (other, other_end));
}

/// What comes out of a member, fed by so many bytes at once, and where it ends; nowhere if it is damaged or too long.
fn unpacked(packed: &[u8], step: usize, longest: usize) -> (Vec<u8>, Option<usize>) {
    let (mut member, mut out, mut at, mut fed) = (Member::new(), Vec::new(), 0, 0);
    loop {
        fed = (fed + step).min(packed.len());
        loop {
            let before = (at, out.len());
            match member.unpack(&packed[at..fed], &mut out, longest) {
                Ok(step) => {
                    at += step.taken;
                    assert!(at <= fed && out.len() <= longest);
                    if step.is_end {
                        return (out, Some(at));
                    }
                }
                Err(_) => return (Vec::new(), None),
            }
            if (at, out.len()) == before {
                break;
            }
        }
        if out.len() >= longest || fed == packed.len() {
            return (Vec::new(), None);
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

fn bare(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let _ = brotli::CompressorWriter::new(&mut out, 4096, 1, 20).write_all(bytes);
    out
}
