//! What a page says, in order: one buffer of text, blocks that are ranges of it, containers that are ranges of blocks.

use crate::element::Element;
use crate::hints::Hints;

/// Containers beyond these count as their parents: 28 MiB at most.
pub(crate) const MAX_NODES: usize = 1 << 20;
/// Blocks beyond these become lines of the last one: 80 MiB at most.
const MAX_BLOCKS: usize = 1 << 21;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Paragraph,
    Heading(u8),
    /// First block of a list item: how deep its list lies, and its number (0: a bullet).
    Item(u8, u32),
    Preformatted,
}

/// A paragraph, heading, item, cell: text without a break.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub start: u32,
    pub end: u32,
    /// The innermost container.
    pub node: u32,
    /// Letters, those of wide scripts twice; and how many of them are links.
    pub weight: u32,
    pub link_weight: u32,
    pub kind: Kind,
    /// The table row it lies in, from 1; 0: none. And which cell of it.
    pub row: u32,
    pub column: u16,
}

/// An element that makes blocks, in order of its start tag. Node 0 is the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub parent: u32,
    pub first_block: u32,
    pub end_block: u32,
    pub element: Element,
    pub hints: Hints,
}

/// A table, in order of its first block.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Table {
    pub has_table_inside: bool,
}

#[derive(Debug)]
pub(crate) struct Outline {
    pub text: String,
    pub blocks: Vec<Block>,
    pub nodes: Vec<Node>,
    pub tables: Vec<Table>,
    /// The table of each row.
    pub rows: Vec<u32>,
    pub title: Option<String>,
    pub language: Option<String>,
}

impl Outline {
    pub fn text_of(&self, block: &Block) -> &str {
        &self.text[block.start as usize..block.end as usize]
    }
}

/// Letters of `text` that are not white space; a letter of a script that writes words in one or two counts twice.
pub(crate) fn weight(text: &str) -> u32 {
    let is_start = |byte: &u8| usize::from((*byte & 0xC0) != 0x80) + usize::from(*byte >= 0xE3);
    let spaces = text.bytes().filter(|byte| *byte == b' ' || *byte == b'\n').count();
    (text.as_bytes().iter().map(is_start).sum::<usize>() - spaces) as u32
}

#[derive(Clone, Copy, Default)]
struct OpenTable {
    /// Its number in `tables` plus one, once it has a block.
    number: u32,
    row: u32,
    column: u16,
    has_table_inside: bool,
}

/// Fills an outline.
pub(crate) struct Writer {
    text: String,
    blocks: Vec<Block>,
    nodes: Vec<Node>,
    tables: Vec<Table>,
    rows: Vec<u32>,
    /// The container that text goes to.
    pub node: u32,
    /// How many `<pre>` are open.
    pub preformatted: u32,
    start: usize,
    link_weight: u32,
    wants_space: bool,
    heading: u8,
    /// For each open list: whether it is numbered, and its last number.
    lists: Vec<(bool, u32)>,
    item: Option<(u8, u32)>,
    open_tables: Vec<OpenTable>,
}

impl Writer {
    pub fn new(page_bytes: usize) -> Self {
        let root =
            Node { parent: 0, first_block: 0, end_block: 0, element: Element::Body, hints: Hints::default() };
        Self {
            text: String::with_capacity(page_bytes / 8),
            blocks: Vec::new(),
            nodes: vec![root],
            tables: Vec::new(),
            rows: Vec::new(),
            node: 0,
            preformatted: 0,
            start: 0,
            link_weight: 0,
            wants_space: false,
            heading: 0,
            lists: Vec::new(),
            item: None,
            open_tables: Vec::new(),
        }
    }

    /// Text as it stands between tags: runs of white space are one space, but in `<pre>`.
    pub fn text(&mut self, text: &str, is_link: bool) {
        let from = self.text.len();
        if self.preformatted > 0 {
            self.text.extend(text.chars().filter(|c| matches!(c, '\n' | '\t') || !c.is_control()));
        } else {
            self.collapse(text);
        }
        if is_link {
            self.link_weight = self.link_weight.saturating_add(weight(&self.text[from..]));
        }
    }

    fn collapse(&mut self, text: &str) {
        let mut rest = text;
        loop {
            let trimmed = rest.trim_start_matches(is_space);
            self.wants_space |= trimmed.len() < rest.len();
            if trimmed.is_empty() {
                return;
            }
            let length = word_length(trimmed);
            self.space();
            self.text.push_str(&trimmed[..length]);
            rest = &trimmed[length..];
        }
    }

    /// The space that is due, if it is not at the start of a line.
    fn space(&mut self) {
        if std::mem::take(&mut self.wants_space)
            && self.text.len() > self.start
            && !self.text.ends_with(['\n', ' '])
        {
            self.text.push(' ');
        }
    }

    /// A formula: a word of its own.
    pub fn verbatim(&mut self, text: &str) {
        if !text.is_empty() {
            self.wants_space = true;
            self.space();
            self.text.push_str(text);
            self.wants_space = true;
        }
    }

    /// What stands beside the next or last word.
    pub fn verbatim_in_word(&mut self, text: &str) {
        self.space();
        self.text.push_str(text);
    }

    pub fn line_break(&mut self) {
        if self.preformatted > 0 {
            self.text.push('\n');
        } else if self.text.len() > self.start && self.text.ends_with('\n') {
            self.break_block();
        } else if self.text.len() > self.start {
            self.wants_space = false;
            self.text.push('\n');
        }
    }

    /// Ends the block, if it says anything.
    pub fn break_block(&mut self) {
        self.wants_space = false;
        let is_pre = self.preformatted > 0;
        let written = &self.text[self.start..];
        let kept = if is_pre { written.trim_end() } else { written.trim_end_matches(['\n', ' ']) };
        // The first line of preformatted text keeps its indent.
        let lead = if is_pre { kept.len() - kept.trim_start_matches('\n').len() } else { 0 };
        let (start, end) = (self.start + lead, self.start + kept.len());
        let link_weight = std::mem::take(&mut self.link_weight);
        if start >= end || self.text[start..end].trim().is_empty() {
            self.text.truncate(self.start);
            return;
        }
        self.text.truncate(end);
        let weight = weight(&self.text[start..end]);
        self.start = end;
        if self.blocks.len() == MAX_BLOCKS
            && let Some(last) = self.blocks.last_mut()
        {
            last.end = end as u32;
            last.weight = last.weight.saturating_add(weight);
            last.link_weight = last.link_weight.saturating_add(link_weight);
            self.text.push('\n');
            self.start = self.text.len();
            return;
        }
        let (row, column) = self.cell();
        self.blocks.push(Block {
            start: start as u32,
            end: end as u32,
            node: self.node,
            weight,
            link_weight: link_weight.min(weight),
            kind: match (self.heading, self.item.take()) {
                _ if is_pre => Kind::Preformatted,
                (1.., _) => Kind::Heading(self.heading),
                (_, Some((depth, number))) => Kind::Item(depth, number),
                _ => Kind::Paragraph,
            },
            row,
            column,
        });
    }

    /// Row and column of the innermost table; a table and a row count once they say something.
    fn cell(&mut self) -> (u32, u16) {
        let Some(open) = self.open_tables.last_mut().filter(|table| table.column > 0) else { return (0, 0) };
        if open.number == 0 {
            self.tables.push(Table { has_table_inside: open.has_table_inside });
            open.number = self.tables.len() as u32;
        }
        if open.row == 0 {
            self.rows.push(open.number - 1);
            open.row = self.rows.len() as u32;
        }
        (open.row, open.column)
    }

    pub fn begin_node(&mut self, parent: u32, element: Element, hints: Hints) -> u32 {
        if self.nodes.len() == MAX_NODES {
            self.node = parent;
            return parent;
        }
        let first = self.blocks.len() as u32;
        self.nodes.push(Node { parent, first_block: first, end_block: first, element, hints });
        self.node = self.nodes.len() as u32 - 1;
        self.node
    }

    pub fn end_node(&mut self, node: u32) {
        self.nodes[node as usize].end_block = self.blocks.len() as u32;
    }

    /// A block element begins: what it means to the blocks inside.
    pub fn enter(&mut self, element: Element, start: Option<&[u8]>) {
        match element {
            Element::Pre => self.preformatted += 1,
            Element::Ul | Element::Menu => self.lists.push((false, 0)),
            Element::Ol => {
                let start =
                    start.and_then(|value| std::str::from_utf8(value).ok()?.trim().parse::<u32>().ok());
                self.lists.push((true, start.unwrap_or(1).saturating_sub(1)));
            }
            Element::Li => {
                let depth = self.lists.len().saturating_sub(1).min(15) as u8;
                let number = self.lists.last_mut().map_or(0, |(is_numbered, last)| {
                    *last = last.saturating_add(1);
                    if *is_numbered { *last } else { 0 }
                });
                self.item = Some((depth, number));
            }
            Element::Table => {
                for outer in &mut self.open_tables {
                    outer.has_table_inside = true;
                    if let Some(table) = (outer.number as usize).checked_sub(1) {
                        self.tables[table].has_table_inside = true;
                    }
                }
                self.open_tables.push(OpenTable::default());
            }
            Element::Tr => {
                if let Some(table) = self.open_tables.last_mut() {
                    (table.row, table.column) = (0, 0);
                }
            }
            Element::Td | Element::Th => {
                if let Some(table) = self.open_tables.last_mut() {
                    table.column = table.column.saturating_add(1);
                }
            }
            _ if element.heading() > 0 => self.heading = element.heading(),
            _ => {}
        }
    }

    pub fn leave(&mut self, element: Element) {
        match element {
            Element::Pre => self.preformatted = self.preformatted.saturating_sub(1),
            Element::Ul | Element::Ol | Element::Menu => {
                self.lists.pop();
            }
            Element::Li => self.item = None,
            Element::Table => {
                self.open_tables.pop();
            }
            Element::Tr => {
                if let Some(table) = self.open_tables.last_mut() {
                    (table.row, table.column) = (0, 0);
                }
            }
            _ if element.heading() > 0 => self.heading = 0,
            _ => {}
        }
    }

    pub fn finish(mut self, title: Option<String>, language: Option<String>) -> Outline {
        self.node = 0;
        self.break_block();
        self.end_node(0);
        Outline {
            text: self.text,
            blocks: self.blocks,
            nodes: self.nodes,
            tables: self.tables,
            rows: self.rows,
            title,
            language,
        }
    }
}

fn is_space(character: char) -> bool {
    character.is_whitespace() || character.is_control()
}

/// Bytes up to the next white space or control character.
fn word_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            0..=b' ' | 0x7F => return at,
            // Only characters behind these lead bytes can be white space or control.
            0xC2 | 0xE1 | 0xE2 | 0xE3 => {
                let Some(character) = text[at..].chars().next() else { return at };
                if is_space(character) {
                    return at;
                }
                at += character.len_utf8();
            }
            _ => at += 1,
        }
    }
    at
}
