//! What a line filter leaves of a text.
use std::ops::Range;

/// A part of the text that a line filter keeps, or names another text for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub range: Range<usize>,
    /// The piece begins a new line of the kept text.
    pub begins_line: bool,
    /// Written instead of the range.
    pub replacement: Option<&'static str>,
}

impl Piece {
    /// This part of the text as it is.
    pub fn kept(range: Range<usize>, begins_line: bool) -> Piece {
        Piece { range, begins_line, replacement: None }
    }
}

/// What a line filter leaves of a text: pieces in order, and how many lines each check removed or parts it rewrote.
/// The kept text is the pieces joined, with the separator before each that begins a line but the first.
#[derive(Clone, Debug, Default)]
pub struct LineEdits {
    pub form: Form,
    pub pieces: Vec<Piece>,
    /// A line feed, unless the filter says otherwise.
    pub separator: Separator,
    /// By index in [`FilterSpec::checks`].
    pub lines: Vec<u32>,
    /// The kept text, if [`Form::Written`].
    pub written: String,
    /// Scratch space of the filter for byte ranges, which keeps its allocation between documents.
    pub spans: Vec<(u32, u32)>,
    /// Byte ranges of the words of the kept text by the recipe's splitter, if the filter knows them.
    pub words: Vec<(u32, u32)>,
    pub has_words: bool,
}

/// How a line filter says what it leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    #[default]
    Pieces,
    /// The text as it is; there are no pieces.
    Whole,
    /// [`LineEdits::written`], where too much changes to name pieces.
    Written,
}

/// What stands between the lines of a kept text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Separator {
    #[default]
    LineFeed,
    Space,
}

impl LineEdits {
    pub fn clear(&mut self, checks: usize) {
        self.form = Form::Pieces;
        self.pieces.clear();
        self.words.clear();
        self.has_words = false;
        self.separator = Separator::LineFeed;
        self.lines.clear();
        self.lines.resize(checks, 0);
    }

    /// Words of the kept text out of those of the whole, where every piece begins and ends at white space or the end.
    pub fn keep_words(&mut self, words: &[(u32, u32)]) {
        self.words.clear();
        self.has_words = true;
        let (mut next, mut offset) = (0, 0);
        for (index, piece) in self.pieces.iter().enumerate() {
            offset += usize::from(piece.begins_line && index > 0);
            let Range { start, end } = piece.range;
            while words.get(next).is_some_and(|word| (word.0 as usize) < start) {
                next += 1;
            }
            let moved = |at: u32| (at as usize - start + offset) as u32;
            while let Some(&word) = words.get(next).filter(|word| word.1 as usize <= end) {
                self.words.push((moved(word.0), moved(word.1)));
                next += 1;
            }
            offset += end - start;
        }
    }

    /// Writes the kept text into `out`.
    pub fn apply(&self, text: &str, out: &mut String) {
        out.clear();
        match self.form {
            Form::Pieces => {}
            Form::Whole => return out.push_str(text),
            Form::Written => return out.push_str(&self.written),
        }
        let separator = if self.separator == Separator::Space { ' ' } else { '\n' };
        for (index, piece) in self.pieces.iter().enumerate() {
            if piece.begins_line && index > 0 {
                out.push(separator);
            }
            out.push_str(piece.replacement.unwrap_or(&text[piece.range.clone()]));
        }
    }
}
