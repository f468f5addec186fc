//! Bytes to text, in the encoding that a browser would find.
//!
//! Order of trust, as in the HTML standard: byte order mark, HTTP header, the page's own `<meta>`, then detection.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

use crate::attributes::Attributes;

/// How far a page may go before it names its encoding.
const PRESCAN: usize = 1024;
/// What detection reads of a page. Markup dilutes text, so more than browsers' first kilobytes.
const DETECT: usize = 1 << 18;

/// The text of `bytes` and the name of the encoding they were read in.
///
/// `charset` is the HTTP header's, if any. Bytes that the encoding does not know become U+FFFD.
pub fn decode<'a>(bytes: &'a [u8], charset: Option<&str>) -> (Cow<'a, str>, &'static str) {
    let encoding = find(bytes, charset);
    let (text, used, _) = encoding.decode(bytes);
    (text, used.name())
}

fn find(bytes: &[u8], charset: Option<&str>) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    let label = charset.map(|label| label.trim_matches(['"', '\'', ' ', '\t']));
    let declared = label.and_then(|label| Encoding::for_label_no_replacement(label.as_bytes()));
    let declared = declared.or_else(|| prescan(&bytes[..bytes.len().min(PRESCAN)]));
    match declared {
        // A page that says UTF-8 and is not was mis-declared by a server's default: then its bytes know better.
        Some(encoding) if encoding != UTF_8 || is_mostly_utf8(bytes) => encoding,
        _ => detect(bytes),
    }
}

/// Whether reading as UTF-8 loses next to nothing. A cut or a stray byte is no reason to doubt a declaration.
fn is_mostly_utf8(bytes: &[u8]) -> bool {
    let sample = &bytes[..bytes.len().min(DETECT)];
    let (mut good, mut bad) = (0usize, 0usize);
    for chunk in sample.utf8_chunks() {
        good += chunk.valid().chars().filter(|character| !character.is_ascii()).count();
        bad += chunk.invalid().len();
    }
    bad <= 3 || bad * 10 <= good
}

fn detect(bytes: &[u8]) -> &'static Encoding {
    // Most pages: the whole is UTF-8, and then it is nothing else.
    if std::str::from_utf8(bytes).is_ok() {
        return UTF_8;
    }
    let sample = &bytes[..bytes.len().min(DETECT)];
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(sample, sample.len() == bytes.len());
    detector.guess(None, Utf8Detection::Allow)
}

/// The encoding that a `<meta>` in the head names: the standard's prescan of a byte stream.
fn prescan(bytes: &[u8]) -> Option<&'static Encoding> {
    let mut at = 0;
    while let Some(offset) = memchr::memchr(b'<', &bytes[at..]) {
        at += offset;
        let rest = &bytes[at..];
        if rest.starts_with(b"<!--") {
            // `<!-->` is a whole comment: its dashes serve twice.
            at += 2 + memchr::memmem::find(&rest[2..], b"-->")? + 3;
        } else if rest.len() > 5
            && rest[1..5].eq_ignore_ascii_case(b"meta")
            && (rest[5].is_ascii_whitespace() || rest[5] == b'/')
        {
            let mut attributes = Attributes::default();
            let end = attributes.read(bytes, at + 5);
            if let Some(encoding) = declared(bytes, &attributes) {
                return Some(encoding);
            }
            at = end;
        } else if rest.len() > 1 && rest[1].is_ascii_alphabetic() {
            let name = rest[1..].iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'>');
            at = Attributes::default().read(bytes, at + 1 + name?);
        } else if rest.len() > 1 && matches!(rest[1], b'!' | b'/' | b'?') {
            at += memchr::memchr(b'>', rest)? + 1;
        } else {
            at += 1;
        }
    }
    None
}

fn declared(bytes: &[u8], attributes: &Attributes) -> Option<&'static Encoding> {
    let value = |name: &[u8]| attributes.get(bytes, name);
    let label = match value(b"charset") {
        Some(charset) => charset,
        None => {
            let is_pragma =
                value(b"http-equiv").is_some_and(|name| name.eq_ignore_ascii_case(b"content-type"));
            is_pragma.then(|| charset_of(value(b"content")?))??
        }
    };
    let encoding = Encoding::for_label(label)?;
    // What a byte stream that was read this far cannot be, the standard reads as what was meant.
    Some(match encoding {
        _ if encoding == UTF_16BE || encoding == UTF_16LE => UTF_8,
        _ if encoding == X_USER_DEFINED => WINDOWS_1252,
        _ if encoding == REPLACEMENT => return None,
        _ => encoding,
    })
}

/// The charset of a content type such as `text/html; charset="utf-8"`.
fn charset_of(content: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        at += content[at..].windows(7).position(|window| window.eq_ignore_ascii_case(b"charset"))? + 7;
        let after = content[at..].trim_ascii_start();
        let Some(value) = after.strip_prefix(b"=") else { continue };
        let value = value.trim_ascii_start();
        return match value.first()? {
            quote @ (b'"' | b'\'') => Some(&value[1..1 + memchr::memchr(*quote, &value[1..])?]),
            _ => {
                let is_end = |byte: &u8| byte.is_ascii_whitespace() || *byte == b';';
                Some(&value[..value.iter().position(is_end).unwrap_or(value.len())])
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    fn name(bytes: &[u8], charset: Option<&str>) -> &'static str {
        decode(bytes, charset).1
    }

    #[test]
    fn a_byte_order_mark_beats_the_header_and_the_header_beats_the_page() {
        assert_eq!(name(b"\xEF\xBB\xBF<meta charset=koi8-r>", Some("big5")), "UTF-8");
        assert_eq!(decode(b"\xFF\xFEh\0i\0", None), ("hi".into(), "UTF-16LE"));
        assert_eq!(name(b"<meta charset=koi8-r>\xC1", Some("windows-1251")), "windows-1251");
        assert_eq!(name(b"<meta charset=koi8-r>\xC1", Some(" \"Windows-1251\" ")), "windows-1251");
        assert_eq!(name(b"<meta charset=koi8-r>\xC1", Some("nonsense")), "KOI8-R");
    }

    #[test]
    fn a_page_names_its_encoding_as_the_standard_reads_it() {
        for (page, expected) in [
            ("<meta charset='gb2312'>\u{7f}", "GBK"),
            ("<META content=\"text/html; charset = iso-8859-7\" HTTP-EQUIV=Content-Type>", "ISO-8859-7"),
            ("<!-- <meta charset=big5> --><meta/charset=koi8-r>", "KOI8-R"),
            ("<!--><meta charset=big5>-->", "Big5"),
            ("<p title='<meta charset=big5>'><meta charset=koi8-r>", "KOI8-R"),
            ("<?xml a?><meta content='charset=big5'><meta charset=koi8-r>", "KOI8-R"),
            ("<meta http-equiv=content-type content='charset;charset=\"x-sjis\"'>", "Shift_JIS"),
            ("<meta charset=utf-16le>", "UTF-8"),
            ("<meta charset=x-user-defined>", "windows-1252"),
        ] {
            assert_eq!(name(page.as_bytes(), None), expected, "{page}");
        }
        let late = format!("{}<meta charset=big5>\u{e9}", " ".repeat(1100));
        assert_eq!(name(late.as_bytes(), None), "UTF-8");
        for cut in
            ["<meta", "<meta ", "<meta charset", "<meta charset=", "<meta charset='a", "<", "<!--", "<!"]
        {
            name(cut.as_bytes(), None);
        }
    }

    #[test]
    fn an_undeclared_encoding_is_detected() {
        let russian = "Она купила новую книгу и долго читала её вечером у открытого окна.";
        let (bytes, _, _) = encoding_rs::WINDOWS_1251.encode(russian);
        assert_eq!(decode(&bytes, None), (russian.into(), "windows-1251"));
        assert_eq!(name(russian.as_bytes(), None), "UTF-8");
    }

    #[test]
    fn a_false_claim_of_utf8_is_not_believed() {
        let greek = "Η κυβέρνηση ανακοίνωσε σήμερα νέα μέτρα για την οικονομία της χώρας.";
        let (bytes, _, _) = encoding_rs::WINDOWS_1253.encode(greek);
        assert_eq!(decode(&bytes, Some("utf-8")).0, greek);
        // One bad byte in UTF-8 is a bad byte.
        let mut cut = greek.as_bytes().to_vec();
        cut.push(0xC3);
        assert_eq!(decode(&cut, Some("utf-8")), (format!("{greek}\u{FFFD}").into(), "UTF-8"));
    }
}
