//! The attributes of a tag, as the HTML standard's tokenizer splits them.

use std::ops::Range;

/// A tag's attributes beyond these are passed over: no page needs them, and a hostile one has a million.
const MAX_ATTRIBUTES: usize = 48;

/// Where names and values lie in the page. Reused from tag to tag.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    found: Vec<(Range<usize>, Range<usize>)>,
    pub is_self_closing: bool,
}

impl Attributes {
    /// Reads from behind a tag's name; returns where the tag ends (behind `>`, or the end of the page).
    pub fn read(&mut self, page: &[u8], mut at: usize) -> usize {
        self.found.clear();
        self.is_self_closing = false;
        let skip = |mut at: usize, is_part: fn(u8) -> bool| {
            while at < page.len() && is_part(page[at]) {
                at += 1;
            }
            at
        };
        loop {
            at = skip(at, |byte| byte.is_ascii_whitespace());
            match page.get(at) {
                None => return at,
                Some(b'>') => return at + 1,
                Some(b'/') => {
                    at += 1;
                    self.is_self_closing = page.get(at) == Some(&b'>');
                    continue;
                }
                Some(_) => {}
            }
            let start = at;
            // A name may begin with `=`.
            at = skip(at + 1, |byte| !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'>' | b'='));
            let name = start..at;
            at = skip(at, |byte| byte.is_ascii_whitespace());
            let mut value = at..at;
            if page.get(at) == Some(&b'=') {
                at = skip(at + 1, |byte| byte.is_ascii_whitespace());
                match page.get(at) {
                    Some(quote @ (b'"' | b'\'')) => {
                        let length = memchr::memchr(*quote, &page[at + 1..]);
                        let end = length.map_or(page.len(), |length| at + 1 + length);
                        value = at + 1..end;
                        at = (end + 1).min(page.len());
                    }
                    Some(b'>') | None => {}
                    Some(_) => {
                        let start = at;
                        at = skip(at, |byte| !byte.is_ascii_whitespace() && byte != b'>');
                        value = start..at;
                    }
                }
            }
            if self.found.len() < MAX_ATTRIBUTES {
                self.found.push((name, value));
            }
        }
    }

    /// The value of the first attribute of that (lower-case) name; character references stand as they are.
    pub fn get<'a>(&self, page: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
        self.found
            .iter()
            .find(|(found, _)| page[found.clone()].eq_ignore_ascii_case(name))
            .map(|(_, value)| &page[value.clone()])
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Attributes;

    #[test]
    fn attributes_are_split_as_browsers_do() {
        let page = br#"  class="a > b"id='x'HIDDEN data-a=1/2 lang = de =x /y class=second />rest"#;
        let mut attributes = Attributes::default();
        let end = attributes.read(page, 0);
        assert_eq!(&page[end..], b"rest");
        assert!(attributes.is_self_closing);
        for (name, value) in [
            ("class", Some("a > b")),
            ("id", Some("x")),
            ("hidden", Some("")),
            ("data-a", Some("1/2")),
            ("lang", Some("de")),
            ("=x", Some("")),
            ("y", Some("")),
            ("z", None),
        ] {
            assert_eq!(attributes.get(page, name.as_bytes()), value.map(str::as_bytes), "{name}");
        }
    }

    #[test]
    fn what_is_cut_off_ends_with_the_page() {
        for page in ["", " ", " a", " a=", " a='", " a='b", " a=b", " /", " a / "] {
            assert_eq!(Attributes::default().read(page.as_bytes(), 0), page.len(), "{page:?}");
        }
    }
}
