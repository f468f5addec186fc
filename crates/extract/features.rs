//! What is measured of a block to tell whether it is main content: itself, its neighbours, the containers around it.

use std::collections::HashSet;

use crate::element::Element;
use crate::hints::{HINTS, Hints};
use crate::outline::{Block, Kind, Outline};
use crate::sums::Sums;
use crate::words::{hash_text, hash_words};

/// Measured of the block itself.
const OWN: usize = 18;
/// The kinds of elements that say something about all text in them.
#[rustfmt::skip]
const AROUND: [Element; 11] = [
    Element::Nav, Element::Footer, Element::Header, Element::Aside, Element::Form, Element::Article, Element::Main,
    Element::Figure, Element::Figcaption, Element::Ul, Element::Blockquote,
];

/// How many numbers describe a block.
pub(crate) const FEATURES: usize = NAMES.len();

/// What they are called.
#[rustfmt::skip]
pub(crate) const NAMES: [&str; 56 + 2 * HINTS] = [
    "log_weight", "link_share", "ends_sentence", "log_commas", "log_sentences", "h1", "h2_h3", "h4_h5_h6", "item", "cell", "preformatted",
    "words_in_title", "title_in_words", "before", "behind", "digits", "capitals", "log_lines",
    "previous_log_weight", "previous_link_share", "previous_ends_sentence", "next_log_weight", "next_link_share", "next_ends_sentence",
    "second_previous_log_weight", "second_previous_link_share", "second_next_log_weight", "second_next_link_share",
    "container_log_plain", "container_link_share", "container_log_mean", "container_share",
    "second_container_log_plain", "second_container_link_share", "second_container_log_mean", "second_container_share",
    "third_container_log_plain", "third_container_link_share", "third_container_log_mean", "third_container_share",
    "in_nav", "in_footer", "in_header", "in_aside", "in_form", "in_article", "in_main", "in_figure", "in_figcaption", "in_list", "in_blockquote",
    "is_p", "is_div", "beside_core", "at_core", "repeated",
    "around_navigation", "around_footer", "around_header", "around_sidebar", "around_comment", "around_related", "around_share", "around_ad", "around_meta",
    "around_picture", "around_dialog", "around_content", "around_article", "around_text", "around_title", "around_lead", "around_list", "around_forum",
    "near_navigation", "near_footer", "near_header", "near_sidebar", "near_comment", "near_related", "near_share", "near_ad", "near_meta",
    "near_picture", "near_dialog", "near_content", "near_article", "near_text", "near_title", "near_lead", "near_list", "near_forum",
];

/// A row that is filled from the left.
struct Row {
    values: [f32; FEATURES],
    filled: usize,
}

impl Row {
    fn push(&mut self, values: &[f32]) {
        if let Some(place) = self.values.get_mut(self.filled..self.filled + values.len()) {
            place.copy_from_slice(values);
        }
        self.filled += values.len();
    }

    fn push_bits(&mut self, hints: Hints) {
        for bit in 0..HINTS {
            self.push(&[flag(hints.bits() >> bit & 1 == 1)]);
        }
    }
}

/// One row per block.
pub(crate) fn measure(outline: &Outline, sums: &Sums) -> Vec<[f32; FEATURES]> {
    let title = hash_words(outline.title.as_deref().unwrap_or_default());
    let own: Vec<[f32; OWN]> = (0..outline.blocks.len()).map(|at| own(outline, at, &title, sums)).collect();
    let containers = containers(outline, sums);
    let core = core(outline, sums);
    let mut seen = HashSet::new();
    let rows = outline.blocks.iter().enumerate().map(|(at, block)| {
        let node = block.node as usize;
        let mut row = Row { values: [0.0; FEATURES], filled: 0 };
        row.push(&own[at]);
        for (offset, width) in [(-1, 3), (1, 3), (-2, 2), (2, 2)] {
            let other = at.checked_add_signed(offset).and_then(|at| own.get(at)).unwrap_or(&[0.0; OWN]);
            row.push(&other[..width]);
        }
        let container = &containers[node];
        let second = sums.wider(node);
        for level in [node, second, sums.wider(second)] {
            row.push(&containers[level].level);
        }
        row.push(&container.around);
        let element = outline.nodes[node].element;
        let (this, core_node) = (&outline.nodes[node], &outline.nodes[core]);
        let beside = if this.first_block >= core_node.first_block && this.end_block <= core_node.end_block {
            0.0
        } else if this.end_block <= core_node.first_block {
            1.0
        } else {
            2.0
        };
        row.push(&[
            flag(element == Element::P),
            flag(element == Element::Div),
            beside,
            flag(this.parent as usize == core || node == core),
            flag(!seen.insert(hash_text(outline.text_of(block)))),
        ]);
        row.push_bits(container.inherited);
        row.push_bits(container.near);
        row.values
    });
    rows.collect()
}

/// The innermost container with most of what the page has in paragraphs.
fn core(outline: &Outline, sums: &Sums) -> usize {
    let all = sums.paragraphs(0);
    let mut core = 0;
    for (at, node) in outline.nodes.iter().enumerate() {
        let (first, end) = (outline.nodes[core].first_block, outline.nodes[core].end_block);
        let inside = sums.paragraphs(at);
        if node.first_block >= first && node.end_block <= end && inside > 0 && inside * 10 >= all * 6 {
            core = at;
        }
    }
    core
}

struct Container {
    /// Letters that are no links, share of links, letters per block, share of the page.
    level: [f32; 4],
    around: [f32; AROUND.len()],
    inherited: Hints,
    near: Hints,
}

fn containers(outline: &Outline, sums: &Sums) -> Vec<Container> {
    let page_plain = (sums.weight(0) - sums.links(0)).max(1) as f32;
    let all = sums.paragraphs(0);
    // A container that holds most of the page's paragraphs is no sidebar, whatever its name.
    let said = |at: usize| {
        let hints = outline.nodes[at].hints;
        if sums.paragraphs(at) * 10 > all * 7 { hints.without_doubt() } else { hints }
    };
    let mut containers: Vec<Container> = Vec::with_capacity(outline.nodes.len());
    for (at, node) in outline.nodes.iter().enumerate() {
        let (weight, links) = (sums.weight(at) as f32, sums.links(at) as f32);
        let plain = weight - links;
        let count = (node.end_block - node.first_block).max(1) as f32;
        let parent = node.parent as usize;
        let (mut around, inherited) = match containers.get(parent) {
            Some(parent) => (parent.around, parent.inherited),
            None => ([0.0; AROUND.len()], Hints::default()),
        };
        let element = if node.element == Element::Ol { Element::Ul } else { node.element };
        if let Some(place) = AROUND.iter().position(|around| *around == element) {
            around[place] = 1.0;
        }
        containers.push(Container {
            level: [plain.ln_1p(), links / weight.max(1.0), (plain / count).ln_1p(), plain / page_plain],
            around,
            inherited: inherited.with(said(at)),
            near: said(at).with(said(parent)).with(said(outline.nodes[parent].parent as usize)),
        });
    }
    containers
}

fn flag(is: bool) -> f32 {
    f32::from(u8::from(is))
}

/// Titles are compared with blocks that can be one.
const LONGEST_TITLE: u32 = 300;

fn own(outline: &Outline, at: usize, title: &[u64], sums: &Sums) -> [f32; OWN] {
    let block: &Block = &outline.blocks[at];
    let text = outline.text_of(block);
    let ends = text.trim_end_matches(['"', '\'', '”', '»', '’', ')', '」', '』', ' ']);
    let ends_sentence = ends.ends_with(['.', '!', '?', '…', '。', '！', '？', ';', ':', '：', '；']);
    let (mut commas, mut sentences, mut digits, mut capitals, mut lines) = (0u32, 0u32, 0u32, 0u32, 1u32);
    for character in text.chars() {
        match character {
            'a'..='z' | ' ' => {}
            'A'..='Z' => capitals += 1,
            '0'..='9' => digits += 1,
            ',' | '，' | '、' | ';' | '；' => commas += 1,
            '.' | '!' | '?' | '。' | '！' | '？' => sentences += 1,
            '\n' => lines += 1,
            _ => capitals += u32::from(character.is_uppercase()),
        }
    }
    let (mut words_in_title, mut title_in_words) = (0.0, 0.0);
    if !title.is_empty() && block.weight <= LONGEST_TITLE {
        let words = hash_words(text);
        let share = |of: &[u64], other: &[u64]| {
            of.iter().filter(|word| other.contains(word)).count() as f32 / of.len().max(1) as f32
        };
        words_in_title = share(&words, title);
        title_in_words = share(title, &words);
    }
    let letters = block.weight.max(1) as f32;
    let page = sums.weight(0).max(1) as f32;
    [
        letters.ln(),
        block.link_weight as f32 / letters,
        flag(ends_sentence),
        (commas as f32).ln_1p(),
        (sentences as f32).ln_1p(),
        flag(block.kind == Kind::Heading(1)),
        flag(matches!(block.kind, Kind::Heading(2 | 3))),
        flag(matches!(block.kind, Kind::Heading(4..))),
        flag(matches!(block.kind, Kind::Item(..))),
        flag(block.row > 0),
        flag(block.kind == Kind::Preformatted),
        words_in_title,
        title_in_words,
        sums.before(at) as f32 / page,
        1.0 - sums.before(at + 1) as f32 / page,
        digits as f32 / letters,
        capitals as f32 / letters,
        (lines as f32).ln_1p(),
    ]
}
