//! Is a body HTML, plain text or neither?

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Media {
    Html,
    Plain,
    Other,
}

/// Of a content type; none where it says nothing.
pub(crate) fn media(content_type: &str) -> Option<Media> {
    match essence(content_type).as_str() {
        ""
        | "no-type"
        | "unknown"
        | "application/octet-stream"
        | "application/x-unknown-content-type"
        | "unknown/unknown" => None,
        "text/html" | "application/xhtml+xml" | "application/vnd.wap.xhtml+xml" => Some(Media::Html),
        "text/plain" | "text/markdown" | "text/x-markdown" => Some(Media::Plain),
        _ => Some(Media::Other),
    }
}

/// What a body is: what was identified goes before what the server declared, and what is plainly there before both.
pub(crate) fn kind_of(body: &[u8], declared: &str, identified: Option<&str>) -> Media {
    if is_binary(body) {
        return Media::Other;
    }
    let (declared, identified) = (media(declared), identified.and_then(media));
    let named = match (declared, identified) {
        (Some(Media::Html), _) | (_, Some(Media::Html)) => Some(Media::Html),
        (_, Some(identified)) => Some(identified),
        (declared, None) => declared,
    };
    match named {
        Some(Media::Plain) | None if begins_as_html(body) => Media::Html,
        Some(media) => media,
        None => Media::Other,
    }
}

/// PDF, or zeros near the start that are no wide characters.
fn is_binary(body: &[u8]) -> bool {
    let start = &body[..body.len().min(1024)];
    let is_wide = start.starts_with(b"\xFF\xFE") || start.starts_with(b"\xFE\xFF");
    start.starts_with(b"%PDF-") || !is_wide && start.contains(&0)
}

/// A document type or an element of HTML, after white space, declarations and comments.
pub(crate) fn begins_as_html(bytes: &[u8]) -> bool {
    let mut rest = bytes.strip_prefix(crate::stream::BYTE_ORDER_MARK).unwrap_or(bytes);
    loop {
        rest = rest.trim_ascii_start();
        let end = match rest {
            [b'<', b'?', ..] => "?>",
            [b'<', b'!', b'-', b'-', ..] => "-->",
            _ => break,
        };
        let Some(at) = memchr::memmem::find(rest, end.as_bytes()) else { return false };
        rest = &rest[at + end.len()..];
    }
    let begins = |start: &str| {
        let found = rest.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start.as_bytes()));
        found && rest.get(start.len()).is_none_or(|next| !next.is_ascii_alphanumeric())
    };
    begins("<!doctype html") || begins("<html")
}

/// A type without its parameters, in lower case.
pub(crate) fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

pub(crate) fn charset(content_type: &str) -> Option<String> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut charsets = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let charset = charsets.next()?.1.trim().trim_matches(['"', '\'']);
    (!charset.is_empty()).then(|| charset.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_by_what_is_there_what_was_identified_and_what_was_declared() {
        let cases: [(&[u8], &str, Option<&str>, Media); 12] = [
            (b"<p>x", "text/html; charset=x", None, Media::Html),
            (b"<p>x", "TEXT/HTML", Some("application/xml"), Media::Html),
            (b"<p>x", "", Some("application/xhtml+xml"), Media::Html),
            (b"x", "text/plain", None, Media::Plain),
            (b" <!DOCTYPE html><p>", "text/plain", None, Media::Html),
            (b"<?xml version='1.0'?><!-- a --><html>", "", None, Media::Html),
            (b"<htmlx>", "", None, Media::Other),
            (b"x", "", None, Media::Other),
            (b"{}", "application/json", None, Media::Other),
            (b"x", "text/plain", Some("text/calendar"), Media::Other),
            (b"%PDF-1.4", "text/html", None, Media::Other),
            (b"\x89PNG\0", "text/html", None, Media::Other),
        ];
        for (body, declared, identified, expected) in cases {
            let shown = String::from_utf8_lossy(body);
            assert_eq!(kind_of(body, declared, identified), expected, "{shown} {declared} {identified:?}");
        }
    }

    #[test]
    fn charsets_are_parameters() {
        assert_eq!(charset("text/html; Charset=\"EUC-JP\"; x=y").as_deref(), Some("EUC-JP"));
        assert_eq!(charset("text/html;charset="), None);
        assert_eq!(charset("text/html"), None);
    }
}
