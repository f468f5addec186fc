//! Sums over blocks, so that those of any container are two differences.

use crate::outline::{Block, Outline};

pub(crate) struct Sums {
    ranges: Vec<(usize, usize)>,
    weight: Vec<u64>,
    links: Vec<u64>,
    paragraphs: Vec<u64>,
    /// For each container, the nearest one around it that has more blocks; the page has itself.
    wider: Vec<u32>,
}

impl Sums {
    pub fn of(outline: &Outline) -> Self {
        let running = |of: fn(&Block) -> u64| {
            let mut sum = 0;
            let sums = outline.blocks.iter().map(|block| {
                sum += of(block);
                sum
            });
            std::iter::once(0).chain(sums).collect::<Vec<u64>>()
        };
        let nodes = &outline.nodes;
        let mut wider: Vec<u32> = Vec::with_capacity(nodes.len());
        for (at, node) in nodes.iter().enumerate() {
            let parent = &nodes[node.parent as usize];
            let is_wider = parent.end_block - parent.first_block > node.end_block - node.first_block;
            let next = wider.get(node.parent as usize).copied().unwrap_or(0);
            wider.push(if at == 0 || is_wider { node.parent } else { next });
        }
        Self {
            ranges: nodes.iter().map(|node| (node.first_block as usize, node.end_block as usize)).collect(),
            weight: running(|block| u64::from(block.weight)),
            links: running(|block| u64::from(block.link_weight)),
            paragraphs: running(in_paragraphs),
            wider,
        }
    }

    fn inside(&self, sums: &[u64], node: usize) -> u64 {
        let (first, end) = self.ranges[node];
        sums[end] - sums[first]
    }

    pub fn weight(&self, node: usize) -> u64 {
        self.inside(&self.weight, node)
    }

    pub fn links(&self, node: usize) -> u64 {
        self.inside(&self.links, node)
    }

    pub fn paragraphs(&self, node: usize) -> u64 {
        self.inside(&self.paragraphs, node)
    }

    /// Letters before a block.
    pub fn before(&self, block: usize) -> u64 {
        self.weight[block]
    }

    pub fn wider(&self, node: usize) -> usize {
        self.wider[node] as usize
    }

    pub fn range(&self, node: usize) -> (usize, usize) {
        self.ranges[node]
    }
}

/// Letters of a block that is a paragraph: long, with few links.
fn in_paragraphs(block: &Block) -> u64 {
    match u64::from(block.weight.saturating_sub(block.link_weight.saturating_mul(2))) {
        0..60 => 0,
        plain => plain.min(1000),
    }
}
