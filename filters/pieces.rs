//! What line filters share: a text in pieces, read and cut as if it were whole.

use std::ops::Range;

use document::{LineEdits, Piece, Signal, Signals};
use text::Splitter;
use text::characters::is_space;

/// The text that the pieces of a line make; in `buffer` if they are several.
pub fn join<'a>(text: &'a str, pieces: &[Piece], buffer: &'a mut String) -> &'a str {
    if let [only] = pieces {
        return &text[only.range.clone()];
    }
    buffer.clear();
    pieces.iter().for_each(|piece| buffer.push_str(&text[piece.range.clone()]));
    buffer
}

/// Appends what is left of the pieces of `line` without `cuts`: ranges of the text they make, in order.
pub fn push_without(pieces: &mut Vec<Piece>, line: Range<usize>, cuts: &[Range<usize>]) {
    let mut cuts = cuts.iter().peekable();
    let mut begins_line = true;
    let mut end = 0;
    for index in line {
        let source = pieces[index].range.clone();
        let mut at = end;
        end += source.len();
        while at < end {
            while cuts.next_if(|cut| cut.end <= at).is_some() {}
            let cut = cuts.peek().map_or(end..end, |cut| cut.start.min(end)..cut.end.min(end));
            if at < cut.start {
                let start = source.end - (end - at);
                pieces.push(Piece::kept(start..start + (cut.start - at), begins_line));
                begins_line = false;
            }
            at = cut.end;
        }
    }
}

/// Cuts ranges out of the text that all pieces make without line feeds between them.
pub fn cut(pieces: &mut Vec<Piece>, cuts: &[Range<usize>]) {
    if !cuts.is_empty() {
        let whole = 0..pieces.len();
        push_without(pieces, whole.clone(), cuts);
        pieces.drain(whole);
    }
}

/// Python's `str.strip` of the kept text.
pub fn strip(text: &str, pieces: &mut Vec<Piece>) {
    while let Some(last) = pieces.last_mut() {
        let kept = text[last.range.clone()].trim_end_matches(is_space);
        last.range.end = last.range.start + kept.len();
        if !kept.is_empty() {
            break;
        }
        pieces.pop();
    }
    trim_start(text, pieces);
}

/// Python's `str.lstrip` of the kept text.
pub fn trim_start(text: &str, pieces: &mut Vec<Piece>) {
    let is_blank = |piece: &Piece| text[piece.range.clone()].trim_start_matches(is_space).is_empty();
    let blank = pieces.iter().take_while(|piece| is_blank(piece)).count();
    pieces.drain(..blank);
    if let Some(first) = pieces.first_mut() {
        first.range.start = first.range.end - text[first.range.clone()].trim_start_matches(is_space).len();
    }
}

/// Measures what a filter has left of a text that it took so many parts from; the kept text is in `buffer` then.
pub fn measure_left(
    text: &str,
    (edits, parts): (&LineEdits, u32),
    splitter: Splitter,
    words: &mut Vec<(u32, u32)>,
    signals: &mut Signals,
    buffer: &mut String,
) {
    edits.apply(text, buffer);
    signals.set(Signal::RepeatedParts, f64::from(parts));
    signals.set(Signal::RepeatedBytes, (text.len() - buffer.len()) as f64);
    signals.set(Signal::SentencesLeft, splitter.sentences(buffer, words) as f64);
    signals.set(Signal::WordsLeft, splitter.count(buffer, words) as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(range: Range<usize>, begins_line: bool) -> Piece {
        Piece::kept(range, begins_line)
    }

    fn applied(text: &str, pieces: Vec<Piece>) -> String {
        let mut kept = String::new();
        LineEdits { pieces, ..LineEdits::default() }.apply(text, &mut kept);
        kept
    }

    /// Every pair of cuts of every way to write seven letters in three pieces, against cutting a string.
    #[test]
    fn cuts_are_those_of_the_joined_text() {
        let text = "0123456789";
        for (a, b) in (0..8).flat_map(|a| (a..8).map(move |b| (a, b))) {
            // One letter is left out before each further piece.
            let pieces = vec![piece(0..a, true), piece(a + 1..b + 1, false), piece(b + 2..9, false)];
            let mut buffer = String::new();
            let whole = join(text, &pieces, &mut buffer).to_owned();
            assert_eq!(whole.len(), 7);
            for cuts in (0..7).flat_map(|i| (i..7).flat_map(move |j| (j..7).map(move |k| [i..j, k..7]))) {
                let mut kept = pieces.clone();
                cut(&mut kept, &cuts);
                let expected = format!("{}{}", &whole[..cuts[0].start], &whole[cuts[0].end..cuts[1].start]);
                assert_eq!(applied(text, kept), expected, "{pieces:?} {cuts:?}");
            }
        }
    }

    #[test]
    fn only_the_first_piece_of_a_line_begins_it() {
        let mut pieces = vec![piece(0..5, true)];
        push_without(&mut pieces, 0..1, &[0..1, 2..3]);
        assert_eq!(pieces[1..], [piece(1..2, true), piece(3..5, false)]);
    }

    #[test]
    fn blanks_at_the_ends_go() {
        let text = " \n a\u{A0}\n b \n\n";
        let lines = |text: &str| {
            let start = |line: &str| line.as_ptr() as usize - text.as_ptr() as usize;
            let pieces = text.split('\n').map(|line| piece(start(line)..start(line) + line.len(), true));
            pieces.collect::<Vec<_>>()
        };
        let mut pieces = lines(text);
        strip(text, &mut pieces);
        assert_eq!(applied(text, pieces), "a\u{A0}\n b");
        let mut pieces = lines(" \n\n");
        strip(" \n\n", &mut pieces);
        assert!(pieces.is_empty());
    }
}
