//! HTML to text: a page's encoding, its blocks, and which of them are its main content.
//!
//! **Invariant:** a pure function of the page's bytes. No page makes it fail; time is linear in the page, with a constant
//! that the depth of open elements bounds (512); memory is at most five times the page plus 128 MiB.

mod attributes;
mod context;
mod element;
mod encoding;
mod features;
mod hints;
mod html;
mod main_content;
mod math;
mod outline;
mod render;
mod sums;
mod tokenizer;
mod weights;
mod words;

use std::fmt;
use std::str::FromStr;

pub use encoding::decode;

/// What of a page becomes text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub enum Mode {
    /// Main content; what is doubtful is left out.
    Precision,
    /// Main content.
    #[default]
    Balanced,
    /// Main content; what is doubtful is kept, and comments are.
    Recall,
    /// All that the page shows, menus and all.
    AllText,
}

impl Mode {
    pub const ALL: [Self; 4] = [Self::Precision, Self::Balanced, Self::Recall, Self::AllText];

    pub fn name(self) -> &'static str {
        match self {
            Self::Precision => "precision",
            Self::Balanced => "balanced",
            Self::Recall => "recall",
            Self::AllText => "all-text",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A name that is no mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownMode(pub String);

impl fmt::Display for UnknownMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Mode::ALL.map(Mode::name).join(", ");
        write!(formatter, "`{}` is no way to extract; known are {names}", self.0)
    }
}

impl std::error::Error for UnknownMode {}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(name: &str) -> Result<Self, UnknownMode> {
        Self::ALL.into_iter().find(|mode| mode.name() == name).ok_or_else(|| UnknownMode(name.to_owned()))
    }
}

/// How to extract.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Options {
    pub mode: Mode,
}

/// A page as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// One line per paragraph, heading, list item and table row; lines of `<pre>` and `<br>` as they are.
    pub text: String,
    /// `<title>`.
    pub title: Option<String>,
    /// `<html lang>`, as the page claims it.
    pub language: Option<String>,
    /// The encoding that the page was read in.
    pub encoding: &'static str,
}

/// The text of a page. `charset` is the HTTP header's, if any.
pub fn extract(html: &[u8], charset: Option<&str>, options: &Options) -> Page {
    let (page, encoding) = decode(html, charset);
    let outline = html::read(&page);
    let line = match options.mode {
        Mode::Precision => Some(main_content::PRECISION),
        Mode::Balanced => Some(main_content::BALANCED),
        Mode::Recall => Some(main_content::RECALL),
        Mode::AllText => None,
    };
    let kept = line.map(|line| main_content::select(&outline, line));
    let text = render::render(&outline, |at| kept.as_ref().is_none_or(|kept| kept[at]));
    Page { text, title: outline.title, language: outline.language, encoding }
}

/// What is measured of each block of a page, for those who fit the weights.
#[doc(hidden)]
pub fn measure(html: &[u8]) -> (Vec<&'static str>, Vec<(String, Vec<f32>, Vec<u32>)>) {
    let (page, _) = decode(html, None);
    let outline = html::read(&page);
    let sums = sums::Sums::of(&outline);
    let rows = features::measure(&outline, &sums);
    let nodes = |block: &outline::Block| {
        let mut path = Vec::new();
        let mut at = block.node;
        while at > 0 {
            path.push(at);
            at = outline.nodes[at as usize].parent;
        }
        path
    };
    let blocks = outline.blocks.iter().zip(rows);
    let blocks = blocks.map(|(block, row)| (outline.text_of(block).to_owned(), row.to_vec(), nodes(block)));
    (features::NAMES.to_vec(), blocks.collect())
}
