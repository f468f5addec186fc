//! A page's outline: its visible text in blocks, and the containers they lie in.
//!
//! No tree of nodes is built. Text goes into one buffer; a block is a range of it, a container a range of blocks. In line
//! elements leave no trace but in their block. The open elements are a stack of bounded depth.

use crate::element::{ELEMENTS, Element};
use crate::hints::{Hints, is_hidden};
use crate::math::Math;
use crate::outline::{Outline, Writer};
use crate::tokenizer::{Token, Tokenizer};

/// Elements deeper than this are laid beside each other, as browsers do.
const MAX_DEPTH: usize = 512;
/// How far an end tag of an element in line looks for its start.
const REACH: usize = 32;
/// Pages are read this far.
const MAX_PAGE: usize = 1 << 29;

/// Reads a page.
pub(crate) fn read(page: &str) -> Outline {
    let page = &page[..page.floor_char_boundary(MAX_PAGE)];
    let mut reader = Reader {
        tokens: Tokenizer::new(page),
        writer: Writer::new(page.len()),
        stack: Vec::new(),
        open: [0; ELEMENTS],
        links: 0,
        hidden_at: None,
        math: None,
        title: None,
        language: None,
    };
    reader.run();
    reader.writer.finish(reader.title, reader.language)
}

struct Open {
    element: Element,
    /// The container that text here belongs to.
    node: u32,
    is_link: bool,
    /// It is a block, and shown.
    is_block: bool,
}

struct Reader<'a> {
    tokens: Tokenizer<'a>,
    writer: Writer,
    stack: Vec<Open>,
    /// How many of each element are open.
    open: [u32; ELEMENTS],
    links: u32,
    /// The length of the stack below the outermost element that is not shown.
    hidden_at: Option<usize>,
    math: Option<Math>,
    title: Option<String>,
    language: Option<String>,
}

impl Reader<'_> {
    fn run(&mut self) {
        while let Some(token) = self.tokens.next() {
            match token {
                Token::Text(text) => self.text(text),
                Token::Raw(element, text) => self.raw(element, text),
                Token::Open(element) => self.open_tag(element),
                Token::Close(element) => self.close_tag(element),
            }
        }
        self.truncate(0);
    }

    fn text(&mut self, text: &str) {
        if let Some(math) = &mut self.math {
            math.text(&htmlize::unescape(text));
        } else if self.hidden_at.is_none() {
            let is_link = self.links > 0;
            if memchr::memchr(b'&', text.as_bytes()).is_some() {
                self.writer.text(&htmlize::unescape(text), is_link);
            } else {
                self.writer.text(text, is_link);
            }
        }
    }

    fn raw(&mut self, element: Element, text: &str) {
        match element {
            Element::Title if self.title.is_none() && self.hidden_at.is_none() => {
                let title = htmlize::unescape(text);
                let words: Vec<&str> = title.split_whitespace().collect();
                self.title = (!words.is_empty()).then(|| words.join(" "));
            }
            // Source of a formula that MathJax sets on the reader's machine.
            Element::Script => {
                let kind = self.tokens.attributes.get(self.tokens.page(), b"type").unwrap_or_default();
                if kind.starts_with(b"math/tex") && self.hidden_at.is_none() {
                    let fence = if kind.ends_with(b"mode=display") { "$$" } else { "$" };
                    self.writer.verbatim(&format!("{fence}{}{fence}", text.trim()));
                }
            }
            Element::Xmp | Element::Plaintext if self.hidden_at.is_none() => {
                self.writer.break_block();
                self.writer.preformatted += 1;
                self.writer.text(text, false);
                self.writer.break_block();
                self.writer.preformatted -= 1;
            }
            _ => {}
        }
    }

    fn open_tag(&mut self, element: Element) {
        if self.math.is_some() && !element.is_block() {
            let name = self.tokens.name;
            if let Some(math) = &mut self.math {
                let is_void = self.tokens.attributes.is_self_closing;
                let encoding = self.tokens.attributes.get(self.tokens.page(), b"encoding");
                math.open(name, encoding, is_void);
            }
            return;
        }
        match element {
            Element::Html => {
                let value = self.tokens.attributes.get(self.tokens.page(), b"lang");
                let value = value.and_then(|value| std::str::from_utf8(value).ok()).map(str::trim);
                if self.language.is_none() {
                    self.language = value.filter(|v| !v.is_empty() && v.len() <= 35).map(str::to_owned);
                }
                return;
            }
            Element::Head | Element::Body => return,
            Element::Br if self.hidden_at.is_none() => return self.writer.line_break(),
            Element::Hr => return self.writer.break_block(),
            Element::Img => return self.image(),
            Element::Input if self.open[Element::Select as usize] > 0 => {
                return self.close_tag(Element::Select);
            }
            _ if element.is_void() || element.is_raw() => return,
            _ if self.tokens.is_foreign && self.tokens.attributes.is_self_closing => return,
            _ => {}
        }
        self.end_what_ends_here(element);
        if self.stack.len() == MAX_DEPTH {
            self.truncate(MAX_DEPTH - 1);
        }
        self.push(element);
    }

    /// The end tags that a start tag implies.
    fn end_what_ends_here(&mut self, element: Element) {
        if element.is_block() {
            for unfinished in [Element::Svg, Element::Math, Element::Select] {
                if self.open[unfinished as usize] > 0 {
                    self.close_tag(unfinished);
                }
            }
            if self.open[Element::P as usize] > 0 {
                let found =
                    self.stack.iter().rposition(|open| open.element.is_block() || open.element.is_scope());
                if let Some(at) = found.filter(|at| self.stack[*at].element == Element::P) {
                    self.truncate(at);
                }
            }
            if element.heading() > 0 && self.stack.last().is_some_and(|open| open.element.heading() > 0) {
                self.truncate(self.stack.len() - 1);
            }
        }
        if element == Element::A && self.open[Element::A as usize] > 0 {
            self.end_link();
        }
        let first = match element {
            Element::Li | Element::Option | Element::Button => self.open[element as usize] > 0,
            Element::Dt | Element::Dd => {
                self.open[Element::Dt as usize] + self.open[Element::Dd as usize] > 0
            }
            Element::Td
            | Element::Th
            | Element::Tr
            | Element::Thead
            | Element::Tbody
            | Element::Tfoot
            | Element::Caption => self.open[Element::Table as usize] > 0,
            _ => false,
        };
        if first {
            let mut outermost = None;
            for (at, open) in self.stack.iter().enumerate().rev() {
                if open.element.is_ended_by(element) {
                    outermost = Some(at);
                    if matches!(element, Element::Li | Element::Option | Element::Button) {
                        break;
                    }
                } else if open.element.bounds(element) {
                    break;
                }
            }
            if let Some(at) = outermost {
                self.truncate(at);
            }
        }
    }

    fn push(&mut self, element: Element) {
        let page = self.tokens.page();
        let attributes = &self.tokens.attributes;
        let parent = self.stack.last().map_or(0, |open| open.node);
        let mut node = parent;
        let (mut is_hidden_now, mut hints) = (element.is_unshown(), Hints::default());
        if !attributes.is_empty() {
            is_hidden_now |= is_hidden(attributes, page);
            hints = Hints::of(attributes, page);
            is_hidden_now |= hints.is_formula_twin();
            if hints.is_formula() {
                is_hidden_now = false;
            }
        }
        if is_hidden_now && self.hidden_at.is_none() {
            self.hidden_at = Some(self.stack.len());
        }
        let is_block = element.is_block() && self.hidden_at.is_none();
        if is_block {
            self.writer.break_block();
            node = self.writer.begin_node(parent, element, hints);
            self.writer.enter(element, attributes.get(page, b"start"));
        }
        if element == Element::Math && self.hidden_at.is_none() {
            self.math = Some(Math::new(attributes.get(page, b"alttext"), attributes.get(page, b"display")));
        }
        if element == Element::Q && self.hidden_at.is_none() {
            self.writer.verbatim_in_word("\"");
        }
        let is_link = element == Element::A && attributes.get(page, b"href").is_some();
        self.links += u32::from(is_link);
        self.open[element as usize] += 1;
        self.stack.push(Open { element, node, is_link, is_block });
        self.tokens.is_foreign = self.open[Element::Svg as usize] + self.open[Element::Math as usize] > 0;
    }

    fn close_tag(&mut self, element: Element) {
        if let Some(math) = &mut self.math
            && element != Element::Math
        {
            return math.close();
        }
        match element {
            Element::P if self.open[Element::P as usize] == 0 => return self.writer.break_block(),
            Element::Br if self.hidden_at.is_none() => return self.writer.line_break(),
            Element::A => return self.end_link(),
            _ => {}
        }
        let is_same =
            |open: &Open| open.element == element || element.heading() > 0 && open.element.heading() > 0;
        if element.heading() == 0 && self.open[element as usize] == 0 {
            return;
        }
        let mut found = None;
        if element.is_block() || element.is_unshown() || element == Element::Math {
            let is_table_part = matches!(
                element,
                Element::Td | Element::Th | Element::Tr | Element::Thead | Element::Tbody | Element::Tfoot
            );
            for (at, open) in self.stack.iter().enumerate().rev() {
                if is_same(open) {
                    found = Some(at);
                    break;
                }
                let is_bound = match element {
                    Element::Table => open.element == Element::Template,
                    _ if is_table_part => matches!(open.element, Element::Table | Element::Template),
                    _ => open.element.is_scope(),
                };
                if is_bound {
                    break;
                }
            }
        } else {
            for (at, open) in self.stack.iter().enumerate().rev().take(REACH) {
                if is_same(open) {
                    found = Some(at);
                    break;
                }
                if open.element.is_block() || open.element.is_scope() {
                    break;
                }
            }
        }
        if let Some(at) = found {
            self.truncate(at);
        }
    }

    /// Ends the innermost link. Blocks that were opened in it stay open.
    fn end_link(&mut self) {
        let mut is_plain = true;
        for at in (0..self.stack.len()).rev().take(REACH) {
            if self.stack[at].element == Element::A {
                if is_plain {
                    self.truncate(at);
                } else {
                    self.open[Element::A as usize] -= 1;
                    self.open[Element::Inline as usize] += 1;
                    self.links -= u32::from(std::mem::take(&mut self.stack[at].is_link));
                    self.stack[at].element = Element::Inline;
                }
                return;
            }
            if self.stack[at].element.is_scope() {
                return;
            }
            is_plain &= !self.stack[at].element.is_block();
        }
    }

    fn truncate(&mut self, length: usize) {
        while self.stack.len() > length {
            let Some(open) = self.stack.pop() else { return };
            self.open[open.element as usize] -= 1;
            self.links -= u32::from(open.is_link);
            if open.element == Element::Math
                && let Some(math) = self.math.take()
            {
                self.writer.verbatim(&math.finish());
            }
            if open.element == Element::Q && self.hidden_at.is_none() {
                self.writer.verbatim_in_word("\"");
            }
            if open.is_block {
                self.writer.break_block();
                self.writer.end_node(open.node);
                self.writer.leave(open.element);
                let below = self.stack.last().map_or(0, |open| open.node);
                self.writer.node = below;
            }
            if self.hidden_at == Some(self.stack.len()) {
                self.hidden_at = None;
            }
        }
        self.tokens.is_foreign = self.open[Element::Svg as usize] + self.open[Element::Math as usize] > 0;
    }

    /// Formulas that are pictures carry their TeX as `alt`.
    fn image(&mut self) {
        let page = self.tokens.page();
        let class = self.tokens.attributes.get(page, b"class").unwrap_or_default();
        let is_formula = class.split(u8::is_ascii_whitespace).any(|name| matches!(name, b"latex" | b"tex"));
        let alt = self.tokens.attributes.get(page, b"alt").unwrap_or_default();
        if is_formula
            && self.hidden_at.is_none()
            && let Ok(alt) = std::str::from_utf8(alt)
            && !alt.trim().is_empty()
        {
            self.writer.verbatim(&format!("${}$", htmlize::unescape_attribute(alt.trim())));
        }
    }
}

#[cfg(test)]
#[path = "html_tests.rs"]
mod tests;
