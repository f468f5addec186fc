//! Which crawl a record is of: FineWeb's `dump`, such as `CC-MAIN-2024-22`.

/// Of a `warcinfo` record: the field `isPartOf`.
pub(crate) fn dump_of_warcinfo(content: &[u8]) -> Option<String> {
    let lines = content.split(|byte| *byte == b'\n');
    let value = lines.filter_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        line[..colon].trim_ascii().eq_ignore_ascii_case(b"isPartOf").then(|| line[colon + 1..].trim_ascii())
    });
    let value = value.into_iter().find(|value| !value.is_empty())?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// Of a path: Common Crawl's folders are named after the crawl.
pub(crate) fn dump_of_name(path: &str) -> Option<String> {
    const START: &str = "CC-MAIN-";
    const LENGTH: usize = START.len() + "2024-22".len();
    path.match_indices(START).find_map(|(at, _)| {
        let name = path.get(at..at + LENGTH)?;
        let digits = name.as_bytes()[START.len()..].iter().enumerate();
        let is_week = digits.into_iter().all(|(at, byte)| match at {
            4 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        let ends = !path.as_bytes().get(at + LENGTH).is_some_and(u8::is_ascii_alphanumeric);
        (is_week && ends).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crawl_is_named_by_warcinfo_or_path() {
        let info = b"software: x\r\nIsPartOf:  CC-MAIN-2024-22 \r\n";
        assert_eq!(dump_of_warcinfo(info).as_deref(), Some("CC-MAIN-2024-22"));
        assert_eq!(dump_of_warcinfo(b"isPartOf:\r\nformat: WARC"), None);
        let path =
            "crawl-data/CC-MAIN-2024-10/segments/1/warc/CC-MAIN-20240220211055-20240221001055-00000.warc.gz";
        assert_eq!(dump_of_name(path).as_deref(), Some("CC-MAIN-2024-10"));
        assert_eq!(dump_of_name("CC-MAIN-20240220211055-00000.warc.gz"), None);
        assert_eq!(dump_of_name("CC-MAIN-2024"), None);
    }
}
