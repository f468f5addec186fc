//! Are there lines of symbols alone: rulers, bullets, dots between menu entries?
//!
//! A symbol is datatrove's: its punctuation and its sentence ends. Lines are Python's; blank ones stay. The kept
//! lines are joined by line feeds, so other line ends become one, and a final one is lost, as in the reference.

use document::{Check, Document, FilterSpec, Judge, LineEdits, LineFilter, Piece, Raised, Settings, Signals};
use text::characters::{is_symbol, strip};
use text::lines::split_lines;

pub const FILTER: FilterSpec = FilterSpec {
    name: "symbol_lines",
    source: "datatrove SymbolLinesFormatter",
    about: "Which lines are more than symbols?",
    checks: &[Check::line("only_symbols", "Nothing but punctuation: a ruler, a bullet, decoration.")],
    signals: &[],
    options: &[],
    judge: Judge::Lines(build),
};

fn build(_settings: &Settings) -> Result<Box<dyn LineFilter>, String> {
    Ok(Box::new(SymbolLines))
}

struct SymbolLines;

impl LineFilter for SymbolLines {
    fn judge_lines(
        &self,
        document: &Document<'_>,
        edits: &mut LineEdits,
        _signals: &mut Signals,
        _raised: &mut Raised,
        _buffer: &mut String,
    ) {
        let text = document.text;
        edits.clear(FILTER.checks.len());
        for range in split_lines(text) {
            if is_only_symbols(&text[range.clone()]) {
                edits.lines[0] += 1;
                continue;
            }
            match edits.pieces.last_mut() {
                // The line before, and nothing but a line feed between them: one piece.
                Some(last) if text[last.range.end..range.start] == *"\n" => last.range.end = range.end,
                _ => edits.pieces.push(Piece::kept(range, true)),
            }
        }
    }
}

fn is_only_symbols(line: &str) -> bool {
    line.chars().all(|c| c == ' ' || is_symbol(c)) && !strip(line).is_empty()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn kept(text: &str) -> (String, u32) {
        let filter = build(&Settings::default()).unwrap();
        let (mut edits, mut out) = (LineEdits::default(), String::from("left over"));
        let (mut signals, mut raised) = (Signals::default(), Raised::default());
        filter.judge_lines(&Document::new(text), &mut edits, &mut signals, &mut raised, &mut String::new());
        edits.apply(text, &mut out);
        (out, edits.lines[0])
    }

    #[test]
    fn lines_of_symbols_go_and_blank_lines_stay() {
        assert_eq!(kept("a\n---\n* * *\n\nb …\n|"), ("a\n\nb …".into(), 3));
        assert_eq!(kept("\n \n\t\n"), ("\n \n\t".into(), 0));
        // A tab is no symbol; `‘` and `•` are none of datatrove's.
        assert_eq!(kept("-\t-\n‘\n•\n’\n"), ("-\t-\n‘\n•".into(), 1));
        // U+001C ends a line, U+001F is white space and a symbol.
        assert_eq!(kept("a\u{1C}\u{1F}\n\u{1F}.\nb"), ("a\n\u{1F}\nb".into(), 1));
        assert_eq!(kept("؟ ۔\nx"), ("x".into(), 1));
        assert_eq!(kept(""), (String::new(), 0));
        assert_eq!(kept("..."), (String::new(), 1));
    }

    #[test]
    fn line_ends_become_line_feeds() {
        assert_eq!(kept("a\r\nb\rc\u{2028}\u{85}d\n").0, "a\nb\nc\n\nd");
        // The second line feed is all that is left of the blank line.
        assert_eq!(kept("!\n\nb").0, "\nb");
    }
}
