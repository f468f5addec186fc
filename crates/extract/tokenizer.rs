//! A page's text and tags, in the HTML standard's reading of broken markup, in one pass.

use crate::attributes::Attributes;
use crate::element::Element;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// Text with character references in it.
    Text(&'a str),
    /// A start tag; its attributes are the tokenizer's.
    Open(Element),
    Close(Element),
    /// All that stands between the tags of a raw text element.
    Raw(Element, &'a str),
}

/// Splits a page. Every byte is looked at a bounded number of times.
pub(crate) struct Tokenizer<'a> {
    page: &'a str,
    at: usize,
    pub attributes: Attributes,
    /// The name of the last start tag that is `Other`.
    pub name: &'a str,
    raw: Option<Element>,
    /// In `<svg>` and `<math>`, where `<![CDATA[` is text and no element is raw.
    pub is_foreign: bool,
}

impl<'a> Tokenizer<'a> {
    pub fn new(page: &'a str) -> Self {
        Self { page, at: 0, attributes: Attributes::default(), name: "", raw: None, is_foreign: false }
    }

    pub fn page(&self) -> &'a [u8] {
        self.page.as_bytes()
    }

    /// Text up to the next tag or comment.
    fn text(&mut self) -> Token<'a> {
        let page = self.page;
        let bytes = page.as_bytes();
        let start = self.at;
        self.at += 1;
        loop {
            self.at = memchr::memchr(b'<', &bytes[self.at..]).map_or(bytes.len(), |offset| self.at + offset);
            if self.at == bytes.len() || markup_at(bytes, self.at).is_some() {
                return Token::Text(&page[start..self.at]);
            }
            self.at += 1;
        }
    }

    fn raw_text(&mut self, element: Element) -> Token<'a> {
        let start = self.at;
        let (end, behind) = match element {
            Element::Plaintext => (self.page.len(), self.page.len()),
            _ => self.end_of_raw(),
        };
        self.at = behind;
        Token::Raw(element, &self.page[start..end])
    }

    /// Where the end tag of the raw element whose name was read last begins and ends.
    fn end_of_raw(&mut self) -> (usize, usize) {
        let bytes = self.page.as_bytes();
        let mut at = self.at;
        while let Some(offset) = memchr::memchr(b'<', &bytes[at..]) {
            at += offset;
            let rest = &bytes[at..];
            let name = self.name.as_bytes();
            if rest.len() >= name.len() + 2
                && rest[1] == b'/'
                && rest[2..2 + name.len()].eq_ignore_ascii_case(name)
                && rest
                    .get(2 + name.len())
                    .is_none_or(|b| b.is_ascii_whitespace() || matches!(b, b'/' | b'>'))
            {
                return (at, Attributes::default().read(bytes, at + 2 + name.len()));
            }
            at += 1;
        }
        (bytes.len(), bytes.len())
    }

    /// Passes over `<!…>` and `<?…>`; returns text where it is a CDATA section.
    fn markup_declaration(&mut self) -> Option<Token<'a>> {
        let rest = &self.page.as_bytes()[self.at..];
        let to = |end: Option<usize>, length: usize| end.map_or(rest.len(), |end| end + length);
        if rest.starts_with(b"<!--") {
            let inside = &rest[4..];
            let length = if inside.starts_with(b">") {
                5
            } else if inside.starts_with(b"->") {
                6
            } else {
                4 + end_of_comment(inside)
            };
            self.at += length;
            None
        } else if self.is_foreign && rest.starts_with(b"<![CDATA[") {
            let end = to(memchr::memmem::find(rest, b"]]>"), 3);
            let text = self.page[self.at + 9..self.at + end.max(9)].trim_end_matches("]]>");
            self.at += end;
            Some(Token::Text(text))
        } else {
            self.at += to(memchr::memchr(b'>', rest), 1);
            None
        }
    }

    fn tag(&mut self, is_end: bool) -> Token<'a> {
        let page = self.page;
        let bytes = page.as_bytes();
        let start = self.at + 1 + usize::from(is_end);
        let length = bytes[start..]
            .iter()
            .position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'))
            .unwrap_or(bytes.len() - start);
        let name = &page[start..start + length];
        let element = Element::of(name.as_bytes());
        self.at = self.attributes.read(bytes, start + length);
        if is_end {
            return Token::Close(element);
        }
        self.name = name;
        if element.is_raw() && !self.is_foreign {
            self.raw = Some(element);
        }
        Token::Open(element)
    }
}

/// How far it is to the end of a comment, behind `<!--`: `-->` or `--!>`, else the whole page.
fn end_of_comment(inside: &[u8]) -> usize {
    let mut at = 0;
    while let Some(offset) = memchr::memmem::find(&inside[at..], b"--") {
        at += offset + 2;
        let rest = &inside[at..];
        if rest.starts_with(b">") {
            return at + 1;
        }
        if rest.starts_with(b"!>") {
            return at + 2;
        }
        at -= 1;
    }
    inside.len()
}

/// What a `<` begins.
enum Markup {
    Start,
    End,
    Declaration,
    /// `</3>`: no tag, and not shown either.
    Nothing,
}

fn markup_at(bytes: &[u8], at: usize) -> Option<Markup> {
    match *bytes.get(at + 1)? {
        b'!' | b'?' => Some(Markup::Declaration),
        b'/' => match *bytes.get(at + 2)? {
            byte if byte.is_ascii_alphabetic() => Some(Markup::End),
            _ => Some(Markup::Nothing),
        },
        byte => byte.is_ascii_alphabetic().then_some(Markup::Start),
    }
}

impl<'a> Iterator for Tokenizer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if let Some(element) = self.raw.take() {
            return Some(self.raw_text(element));
        }
        let bytes = self.page.as_bytes();
        loop {
            let markup = if *bytes.get(self.at)? == b'<' { markup_at(bytes, self.at) } else { None };
            match markup {
                Some(Markup::Start) => return Some(self.tag(false)),
                Some(Markup::End) => return Some(self.tag(true)),
                Some(Markup::Declaration) => {
                    if let Some(text) = self.markup_declaration() {
                        return Some(text);
                    }
                }
                Some(Markup::Nothing) => {
                    let end = memchr::memchr(b'>', &bytes[self.at..]);
                    self.at = end.map_or(bytes.len(), |end| self.at + end + 1);
                }
                None => return Some(self.text()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Token, Tokenizer};

    fn tokens(page: &str) -> Vec<String> {
        Tokenizer::new(page)
            .map(|token| match token {
                Token::Text(text) => text.to_owned(),
                Token::Open(element) => format!("<{element:?}>"),
                Token::Close(element) => format!("</{element:?}>"),
                Token::Raw(element, text) => format!("{element:?}={text}"),
            })
            .collect()
    }

    #[test]
    fn tags_and_text() {
        assert_eq!(tokens("a<P class='x>y'>b</p >c"), ["a", "<P>", "b", "</P>", "c"]);
        assert_eq!(tokens("1 < 2 <3 <> a<b"), ["1 < 2 <3 <> a", "<Inline>"]);
        assert_eq!(tokens("a</>b</3 x>c<?php x ?>d<!x>e<!-->f<!--->g"), ["a", "b", "c", "d", "e", "f", "g"]);
        assert_eq!(tokens("a<!-- <p> --! -- --!>b<!-- c"), ["a", "b"]);
        assert_eq!(tokens("<![CDATA[x]]>y<"), ["y<"]);
        assert_eq!(tokens(""), [""; 0]);
    }

    #[test]
    fn raw_text_ends_with_its_own_end_tag_only() {
        assert_eq!(
            tokens("<script>a</p></scripts></SCRIPT x='>'>b"),
            ["<Script>", "Script=a</p></scripts>", "b"]
        );
        assert_eq!(tokens("<title>a<b>"), ["<Title>", "Title=a<b>"]);
        assert_eq!(tokens("<noembed></iframe></noembed>a"), ["<Iframe>", "Iframe=</iframe>", "a"]);
    }

    #[test]
    fn a_million_comments_are_no_recursion() {
        assert_eq!(tokens(&"<!---->".repeat(1_000_000)), [""; 0]);
    }
}
