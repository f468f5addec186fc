//! The words of a long text a piece at a time, so that nothing grows with their number.

use crate::spacy;

/// Bytes of a piece. Almost every document is one; longer ones are called long.
pub const PIECE_BYTES: usize = 1 << 20;

/// Calls `each` with the words of one piece of `text` after the other, each piece led by the last `overlap` words before it.
///
/// `split` replaces a list by the words of a text, and neither sees nor joins anything across white space; spaCy's special
/// cases, which may hold one space, are known here. Pieces end behind the first white space from `piece_bytes` on where that
/// is so, and the last one at the end: together their words are those of `text`, which is shorter than 4 GiB. `words` is scratch space, and holds all of them
/// if there is one piece.
pub fn each_piece(
    text: &str,
    piece_bytes: usize,
    overlap: usize,
    mut split: impl FnMut(&str, &mut Vec<(u32, u32)>),
    words: &mut Vec<(u32, u32)>,
    mut each: impl FnMut(&[(u32, u32)]),
) {
    let mut end = piece_end(text.as_bytes(), piece_bytes);
    split(&text[..end], words);
    each(words);
    let mut piece = Vec::new();
    while end < text.len() {
        let start = end;
        end = piece_end(text.as_bytes(), start + piece_bytes);
        split(&text[start..end], &mut piece);
        words.drain(..words.len().saturating_sub(overlap));
        words.extend(piece.iter().map(|word| (word.0 + start as u32, word.1 + start as u32)));
        each(words);
    }
}

/// Behind the first white space from `at` on at which words may be cut; else the end.
fn piece_end(bytes: &[u8], at: usize) -> usize {
    let Some(rest) = bytes.get(at.max(1)..) else { return bytes.len() };
    let mut spaces = memchr::memchr3_iter(b' ', b'\n', b'\t', rest).map(|offset| at.max(1) + offset);
    let is_cut = |space: &usize| match bytes.get(space + 1) {
        Some(after) => bytes[*space] != b' ' || !spacy::joins_across_a_space(bytes[space - 1], *after),
        None => false,
    };
    spaces.find(is_cut).map_or(bytes.len(), |space| space + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shingles::normalized_words;
    use crate::words::Splitter;

    /// The words that pieces add to those before them.
    fn by_pieces(
        text: &str,
        piece_bytes: usize,
        overlap: usize,
        split: impl FnMut(&str, &mut Vec<(u32, u32)>),
    ) -> Vec<(u32, u32)> {
        let mut all: Vec<(u32, u32)> = Vec::new();
        each_piece(text, piece_bytes, overlap, split, &mut vec![(7, 7)], |words| {
            let known = all.len().min(overlap);
            assert_eq!(words[..known], all[all.len() - known..]);
            all.extend(&words[known..]);
        });
        all
    }

    #[test]
    fn special_cases_are_not_cut() {
        // `( :` is `(:` with a space, so that the colon is not free for `:D`.
        for text in ["( :D-a", "= (;/o", "[ =)<[*", "x ( :D-a = (;/o y"] {
            let split = |text: &str, words: &mut Vec<(u32, u32)>| Splitter::Spacy.split(text, words);
            let mut whole = Vec::new();
            split(text, &mut whole);
            for piece_bytes in 0..text.len() {
                assert_eq!(by_pieces(text, piece_bytes, 2, split), whole, "{text} by {piece_bytes}");
            }
        }
        assert_eq!(["aa bb", "aa ", "( :D", ""].map(|text| piece_end(text.as_bytes(), 0)), [3, 3, 4, 0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn pieces_have_the_words_of_the_whole(
            text in "([a-cmpDo.:;()'\\-_*=<>^@0 ]|[(=\\[)] [:;=(]|[ .,:] |[ \n\r\t]{1,3}|don't| a\\.m\\.|:\\)|8 D|\\( ;| °C|\u{AD}|\u{301}|é|东|\\PC){0,40}",
            piece_bytes in 0_usize..24,
            overlap in 0_usize..5,
        ) {
            for name in Splitter::NAMES {
                let splitter = Splitter::from_name(name).unwrap_or(Splitter::Spacy);
                let mut whole = Vec::new();
                splitter.split(&text, &mut whole);
                let split = |text: &str, words: &mut Vec<(u32, u32)>| splitter.split(text, words);
                prop_assert_eq!(by_pieces(&text, piece_bytes, overlap, split), whole, "{}", name);
            }
            // In the normal form there is no other white space.
            let (normalized, mut whole) = (text.replace(['\n', '\r', '\t'], " "), Vec::new());
            normalized_words(&normalized, &mut whole);
            prop_assert_eq!(by_pieces(&normalized, piece_bytes, overlap, normalized_words), whole);
        }
    }
}
