//! Sentences as spaCy's `sentencizer` has them: one begins behind each mark that ends the one before.

use super::Span;
use crate::characters::is_punctuation;

/// The default marks of the reference. Three dots are no mark.
const MARKS: &str = "!.?։؟۔܀܁܂߹।॥၊။።፧፨᙮᜵᜶᠃᠉᥄᥅᪨᪩᪪᪫᭚᭛᭞᭟᰻᰼᱾᱿‼‽⁇⁈⁉⸮⸼꓿꘎꘏꛳꛷꡶꡷꣎꣏꤯꧈꧉꩝꩞꩟꫰꫱꯫﹒﹖﹗！．？𐩖𐩗𑁇𑁈𑂾𑂿𑃀𑃁𑅁𑅂𑅃𑇅𑇆𑇍𑇞𑇟𑈸𑈹𑈻𑈼𑊩𑑋𑑌𑗂𑗃𑗉𑗊𑗋𑗌𑗍𑗎𑗏𑗐𑗑𑗒𑗓𑗔𑗕𑗖𑗗𑙁𑙂𑜼𑜽𑜾𑩂𑩃𑪛𑪜𑱁𑱂𖩮𖩯𖫵𖬷𖬸𖭄𛲟𝪈｡。";

/// Number of sentences of `text`, at least 1, as datatrove's `split_into_sentences` cuts it.
pub fn count_sentences(text: &str, words: &[Span], offset: usize) -> usize {
    let mut count = 1;
    each_start(text, words, offset, |_| count += 1);
    count
}

/// Calls `each` with the byte where a sentence begins, for every one but the first, in order.
/// The words are byte ranges that count from `offset` on.
pub fn each_start(text: &str, words: &[Span], offset: usize, mut each: impl FnMut(usize)) {
    let mut is_over = false;
    let mut end = 0;
    for &(start, next) in words {
        let (start, next) = (start as usize - offset, next as usize - offset);
        // White space beyond one space is a word of the reference's, and may begin a sentence.
        if is_over && is_word_of_its_own(&text[end..start], end == 0) {
            each(end);
            is_over = false;
        }
        let word = &text[start..next];
        end = next;
        if is_mark(word) {
            is_over = true;
        } else if is_over && !word.chars().all(is_punctuation) {
            each(start);
            is_over = false;
        }
    }
    if is_over && is_word_of_its_own(&text[end..], end == 0) {
        each(end);
    }
}

fn is_word_of_its_own(gap: &str, is_at_start: bool) -> bool {
    !gap.is_empty() && (is_at_start || gap != " ")
}

fn is_mark(word: &str) -> bool {
    match word.as_bytes() {
        [byte] => matches!(byte, b'!' | b'.' | b'?'),
        // Marks beyond ASCII have 2 to 4 bytes.
        [first, ..] if word.len() <= 4 && !first.is_ascii() => {
            let mut chars = word.chars();
            chars.next().is_some_and(|c| MARKS.contains(c)) && chars.next().is_none()
        }
        _ => false,
    }
}
