//! What is measured of each block of a page, for the script that fits the weights (benches/extraction/fit.py).

use crate::features;
use crate::sums::Sums;

/// A block of a page.
#[derive(Clone, Debug)]
pub struct Measured {
    pub text: String,
    /// Numbers in the order of `names`.
    pub features: Vec<f32>,
    /// Its containers, the innermost first, without the page.
    pub containers: Vec<u32>,
}

/// What the features are called.
pub fn names() -> &'static [&'static str] {
    &features::NAMES
}

/// All blocks of a page.
pub fn measure(html: &[u8]) -> Vec<Measured> {
    let (page, _) = crate::decode(html, None);
    let outline = crate::html::read(&page);
    let sums = Sums::of(&outline);
    let around = |node: u32| {
        let up = |node: &u32| Some(outline.nodes[*node as usize].parent);
        std::iter::successors(Some(node), up).take_while(|node| *node > 0).collect()
    };
    let rows = outline.blocks.iter().zip(features::measure(&outline, &sums));
    let measured = rows.map(|(block, row)| Measured {
        text: outline.text_of(block).to_owned(),
        features: row.to_vec(),
        containers: around(block.node),
    });
    measured.collect()
}
