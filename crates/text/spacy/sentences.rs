//! Sentences as spaCy's `sentencizer` has them: one begins behind each mark that ends the one before.

use super::Span;
use crate::characters::is_punctuation;

/// The default marks of the reference. Three dots are no mark.
const MARKS: &str = "!.?։؟۔܀܁܂߹।॥၊။።፧፨᙮᜵᜶᠃᠉᥄᥅᪨᪩᪪᪫᭚᭛᭞᭟᰻᰼᱾᱿‼‽⁇⁈⁉⸮⸼꓿꘎꘏꛳꛷꡶꡷꣎꣏꤯꧈꧉꩝꩞꩟꫰꫱꯫﹒﹖﹗！．？𐩖𐩗𑁇𑁈𑂾𑂿𑃀𑃁𑅁𑅂𑅃𑇅𑇆𑇍𑇞𑇟𑈸𑈹𑈻𑈼𑊩𑑋𑑌𑗂𑗃𑗉𑗊𑗋𑗌𑗍𑗎𑗏𑗐𑗑𑗒𑗓𑗔𑗕𑗖𑗗𑙁𑙂𑜼𑜽𑜾𑩂𑩃𑪛𑪜𑱁𑱂𖩮𖩯𖫵𖬷𖬸𖭄𛲟𝪈｡。";

/// Number of sentences of `text`, at least 1, as datatrove's `split_into_sentences` cuts it. `words` is scratch space.
pub fn count_sentences(text: &str, words: &mut Vec<Span>) -> usize {
    let mut count = 1;
    each_start(text, words, |_| count += 1);
    count
}

/// Calls `each` with the byte where a sentence begins, for every one but the first, in order.
pub fn each_start(text: &str, words: &mut Vec<Span>, mut each: impl FnMut(usize)) {
    words.clear();
    super::split(text, words);
    let mut is_over = false;
    let mut end = 0;
    for &(start, next) in words.iter() {
        // White space beyond one space is a word of the reference's, and may begin a sentence.
        if is_over && is_word_of_its_own(&text[end..start as usize], end == 0) {
            each(end);
            is_over = false;
        }
        let word = &text[start as usize..next as usize];
        end = next as usize;
        if is_mark(word) {
            is_over = true;
        } else if is_over && !word.chars().all(is_punctuation) {
            each(start as usize);
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
    let mut chars = word.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if c.is_ascii() => matches!(c, '!' | '.' | '?'),
        (Some(c), None) => MARKS.contains(c),
        _ => false,
    }
}
