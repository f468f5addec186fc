//! The head of a WARC or ARC record: what it is, and how long.
use std::borrow::Cow;

/// How records follow each other in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Warc,
    Arc,
}

/// A record's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Warcinfo,
    Response,
    Resource,
    Request,
    Metadata,
    Revisit,
    Conversion,
    Continuation,
    ArcHeader,
    Other,
}

const KINDS: [(Kind, &str); 10] = [
    (Kind::Warcinfo, "warcinfo"),
    (Kind::Response, "response"),
    (Kind::Resource, "resource"),
    (Kind::Request, "request"),
    (Kind::Metadata, "metadata"),
    (Kind::Revisit, "revisit"),
    (Kind::Conversion, "conversion"),
    (Kind::Continuation, "continuation"),
    (Kind::ArcHeader, "arc_header"),
    (Kind::Other, "other"),
];

impl Kind {
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("other", |(_, name)| name)
    }

    fn named(name: &[u8]) -> Self {
        let found = KINDS[..8].iter().find(|(_, known)| name.eq_ignore_ascii_case(known.as_bytes()));
        found.map_or(Self::Other, |(kind, _)| *kind)
    }

    /// It holds what a server answered, or text: one row.
    pub fn is_document(self) -> bool {
        matches!(self, Self::Response | Self::Resource | Self::Revisit | Self::Conversion)
    }
}

#[derive(Debug, PartialEq)]
pub(crate) struct Head {
    pub kind: Kind,
    /// Of the head itself, with the empty line behind it.
    pub bytes: usize,
    /// Of the content; none where the head does not say, or says no number.
    pub length: Option<u64>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    Head(Head),
    /// A head begins here; its end is not among the bytes.
    Partial,
    Nothing,
}

/// A longer head is none.
const LONGEST_HEAD: usize = 1 << 20;

/// The head at the start of the bytes.
pub(crate) fn head(bytes: &[u8], layout: Layout) -> Found {
    match layout {
        Layout::Warc => warc_head(bytes),
        Layout::Arc => arc_head(bytes),
    }
}

/// So many bytes after a record tell whether another one follows.
pub(crate) fn look_ahead(layout: Layout) -> usize {
    match layout {
        Layout::Warc => 16,
        Layout::Arc => 4 << 10,
    }
}

/// A record, or nothing, follows: the length of the one before was right.
pub(crate) fn follows(rest: &[u8], layout: Layout) -> bool {
    // No more than is always there, or the answer would depend on how much was read.
    let rest = &rest[..rest.len().min(look_ahead(layout))];
    let rest = &rest[line_ends(rest)..];
    rest.is_empty() || head(rest, layout) != Found::Nothing
}

/// Line feeds and carriage returns at the start.
pub(crate) fn line_ends(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
}

/// Where a record begins, at a line's start, from `from` on. No more than the look-ahead behind that place tells.
pub(crate) fn next_start(bytes: &[u8], from: usize, layout: Layout) -> Option<usize> {
    let begins_line = |at: usize| at == 0 || bytes[at - 1] == b'\n';
    let rest = bytes.get(from..)?;
    match layout {
        Layout::Warc => {
            let found = memchr::memmem::find_iter(rest, b"WARC/").map(|at| from + at);
            let is_version = |at: usize| {
                matches!(bytes.get(at + 5..at + 8), Some([major, b'.', minor])
                    if major.is_ascii_digit() && minor.is_ascii_digit())
            };
            found.into_iter().find(|at| begins_line(*at) && is_version(*at))
        }
        Layout::Arc => {
            let lines = memchr::memchr_iter(b'\n', rest).map(|at| from + at + 1);
            let mut starts = std::iter::once(from).filter(|at| begins_line(*at)).chain(lines);
            let shown = |at: usize| &bytes[at..bytes.len().min(at + look_ahead(layout))];
            starts.find(|at| matches!(arc_head(shown(*at)), Found::Head(_)))
        }
    }
}

fn warc_head(bytes: &[u8]) -> Found {
    const VERSION: &[u8] = b"WARC/";
    let known = bytes.len().min(VERSION.len());
    if bytes[..known] != VERSION[..known] {
        return Found::Nothing;
    }
    let (mut kind, mut length) = (Kind::Other, None);
    let mut at = 0;
    for (index, end) in memchr::memchr_iter(b'\n', &bytes[..bytes.len().min(LONGEST_HEAD)]).enumerate() {
        let line = bytes[at..end].trim_ascii_end();
        at = end + 1;
        let is_version = line.starts_with(VERSION) && line.get(VERSION.len()).is_some_and(u8::is_ascii_digit);
        // A second version line is the next record's: a search for its start must not read far at every one.
        if is_version != (index == 0) {
            return Found::Nothing;
        }
        if line.is_empty() {
            return Found::Head(Head { kind, bytes: at, length });
        }
        match line.first() {
            Some(b'C' | b'c') if length.is_none() => {
                length = field(line, b"content-length").and_then(number);
            }
            Some(b'W' | b'w') => {
                kind = field(line, b"warc-type").map_or(kind, Kind::named);
            }
            _ => {}
        }
    }
    if bytes.len() >= LONGEST_HEAD { Found::Nothing } else { Found::Partial }
}

/// The value of a line, if it is that field.
fn field<'b>(line: &'b [u8], name: &[u8]) -> Option<&'b [u8]> {
    let rest = line.get(name.len()..).filter(|_| line[..name.len()].eq_ignore_ascii_case(name))?;
    rest.trim_ascii_start().strip_prefix(b":").map(<[u8]>::trim_ascii)
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

/// The fields of a head, WARC's or HTTP's, without its first line. A line that begins with white space goes on with the
/// one before.
pub(crate) fn fields(head: &[u8]) -> Vec<(&[u8], Cow<'_, [u8]>)> {
    let mut fields: Vec<(&[u8], Cow<'_, [u8]>)> = Vec::new();
    for line in head.split(|byte| *byte == b'\n').skip(1) {
        let text = line.trim_ascii();
        if let (Some(b' ' | b'\t'), Some((_, value)), false) =
            (line.first(), fields.last_mut(), text.is_empty())
        {
            let value = value.to_mut();
            value.push(b' ');
            value.extend(text);
        } else if let Some(colon) = memchr::memchr(b':', text) {
            fields.push((text[..colon].trim_ascii_end(), text[colon + 1..].trim_ascii_start().into()));
        }
    }
    fields
}

/// The first value of a field.
pub(crate) fn value<'f>(fields: &'f [(&[u8], Cow<'_, [u8]>)], name: &str) -> Option<&'f [u8]> {
    let found = fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
    found.map(|(_, value)| value.as_ref())
}

/// The line before a record of an ARC file.
#[derive(Debug, PartialEq)]
pub(crate) struct ArcLine<'b> {
    pub url: &'b [u8],
    pub ip: &'b [u8],
    pub date: &'b [u8],
    pub content_type: &'b [u8],
    pub length: Option<u64>,
}

/// Of either version: `URL IP date type length`, or with five more fields before the length. URLs may hold spaces.
pub(crate) fn arc_line(line: &[u8]) -> Option<ArcLine<'_>> {
    let line = line.trim_ascii();
    let scheme = memchr::memchr(b':', &line[..line.len().min(16)])?;
    if scheme == 0 || !line[..scheme].iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    let is_date = |date: &&[u8]| {
        *date == b"null" || (12..=18).contains(&date.len()) && date.iter().all(u8::is_ascii_digit)
    };
    let parts = |n: usize| -> Option<Vec<&[u8]>> {
        let parts: Vec<&[u8]> = line.rsplitn(n, |byte| *byte == b' ').collect();
        (parts.len() == n).then_some(parts)
    };
    let first = parts(5).filter(|parts| is_date(&parts[2]));
    let (parts, date) = match first {
        Some(parts) => (parts, 2),
        None => (parts(10).filter(|parts| is_date(&parts[7]))?, 7),
    };
    let (url, ip, content_type) = (parts[date + 2], parts[date + 1], parts[date - 1]);
    Some(ArcLine { url, ip, date: parts[date], content_type, length: number(parts[0]) })
}

fn arc_head(bytes: &[u8]) -> Found {
    let longest = bytes.len().min(LONGEST_HEAD);
    let Some(end) = memchr::memchr(b'\n', &bytes[..longest]) else {
        let begins = bytes.first().is_some_and(u8::is_ascii_alphabetic) && bytes.len() < LONGEST_HEAD;
        return if begins { Found::Partial } else { Found::Nothing };
    };
    match arc_line(&bytes[..end]) {
        None => Found::Nothing,
        Some(line) => {
            let kind = if line.url.starts_with(b"filedesc:") { Kind::ArcHeader } else { Kind::Response };
            Found::Head(Head { kind, bytes: end + 1, length: line.length })
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn warc(kind: Kind, bytes: usize, length: Option<u64>) -> Found {
        Found::Head(Head { kind, bytes, length })
    }

    #[test]
    fn heads_as_tools_write_them() {
        let cases: [(&[u8], Found); 10] = [
            (
                b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 7\r\n\r\n1234567",
                warc(Kind::Response, 52, Some(7)),
            ),
            (b"WARC/1.1\nwarc-type:Conversion\ncontent-length :7\n\n", warc(Kind::Conversion, 49, Some(7))),
            (b"WARC/1.0\r\r\nWARC-Type: revisit\r\r\n\r\r\nx", warc(Kind::Revisit, 35, None)),
            (b"WARC/0.18\nContent-Length: -1\nWARC-Type: new\n\n", warc(Kind::Other, 45, None)),
            (
                b"WARC/1.0\nWARC-Type: metadata\nWARC-X: a\n b\nContent-Length: 3\n\n",
                warc(Kind::Metadata, 61, Some(3)),
            ),
            (b"WARC/1.0\r\nContent-Length: 7\r\n", Found::Partial),
            (b"WAR", Found::Partial),
            (b"WARC/1.0\nWARC-Type: response\nWARC/1.0\n\n", Found::Nothing),
            (b"WARCs are files\n\n", Found::Nothing),
            (b"HTTP/1.1 200 OK\r\n\r\n", Found::Nothing),
        ];
        for (bytes, expected) in cases {
            assert_eq!(head(bytes, Layout::Warc), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn arc_lines_of_both_versions() {
        let line = arc_line(b"http://example.com/a b c 10.0.0.1 20140216050221 text/html 1591").unwrap();
        assert_eq!((line.url, line.length), (b"http://example.com/a b c".as_slice(), Some(1591)));
        let two = b"http://a.b/ 10.0.0.1 20140216050221 text/html 200 abc - 12 file.arc 99";
        let line = arc_line(two).unwrap();
        assert_eq!((line.content_type, line.date), (b"text/html".as_slice(), b"20140216050221".as_slice()));
        assert_eq!(line.length, Some(99));
        assert_eq!(arc_line(b"http://a/ 1.2.3.4 201404010000000000 text/html abc").unwrap().length, None);
        for no in [
            b"1 0 LiveWeb Capture".as_slice(),
            b"URL IP-address Archive-date Content-type Archive-length",
            b"",
            b":",
        ] {
            assert_eq!(arc_line(no), None);
        }
    }

    #[test]
    fn fields_are_folded_and_kept_in_order() {
        let fields = fields(b"WARC/1.0\r\nA: 1\r\nB:2\r\n\tand more\r\nno colon\r\na: 3\r\n\r\n");
        let shown: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        assert_eq!(shown, [(b"A".as_slice(), b"1".as_slice()), (b"B", b"2 and more"), (b"a", b"3")]);
        assert_eq!(value(&fields, "b"), Some(b"2 and more".as_slice()));
    }
}
