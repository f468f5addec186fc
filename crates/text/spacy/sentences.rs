//! Sentences as spaCy's `sentencizer` has them: one begins behind each mark that ends the one before.

use super::Span;
use crate::characters::is_punctuation;

/// The default marks of the reference. Three dots are no mark.
const MARKS: &str = "!.?։؟۔܀܁܂߹।॥၊။።፧፨᙮᜵᜶᠃᠉᥄᥅᪨᪩᪪᪫᭚᭛᭞᭟᰻᰼᱾᱿‼‽⁇⁈⁉⸮⸼꓿꘎꘏꛳꛷꡶꡷꣎꣏꤯꧈꧉꩝꩞꩟꫰꫱꯫﹒﹖﹗！．？𐩖𐩗𑁇𑁈𑂾𑂿𑃀𑃁𑅁𑅂𑅃𑇅𑇆𑇍𑇞𑇟𑈸𑈹𑈻𑈼𑊩𑑋𑑌𑗂𑗃𑗉𑗊𑗋𑗌𑗍𑗎𑗏𑗐𑗑𑗒𑗓𑗔𑗕𑗖𑗗𑙁𑙂𑜼𑜽𑜾𑩂𑩃𑪛𑪜𑱁𑱂𖩮𖩯𖫵𖬷𖬸𖭄𛲟𝪈｡。";

/// Number of sentences of `text`, at least 1, as datatrove's `split_into_sentences` cuts it.
/// The words are byte ranges that count from `offset` on.
pub fn count_sentences(text: &str, words: &[Span], offset: usize) -> usize {
    let (mut starts, mut count) = (SentenceStarts::default(), 1);
    starts.read(text, words, offset, |_| count += 1);
    starts.finish(text, |_| count += 1);
    count
}

/// Where sentences begin but for the first, in order, of a text whose words come in pieces.
#[derive(Default)]
pub struct SentenceStarts {
    /// A mark ended the last sentence.
    is_over: bool,
    /// Of the last word.
    end: usize,
}

impl SentenceStarts {
    /// Calls `each` with the byte where a sentence begins. More words of the same text: byte ranges that count from `offset`.
    pub fn read(&mut self, text: &str, words: &[Span], offset: usize, mut each: impl FnMut(usize)) {
        for &(start, next) in words {
            let (start, next) = (start as usize - offset, next as usize - offset);
            // White space beyond one space is a word of the reference's, and may begin a sentence.
            if self.is_over && is_word_of_its_own(&text[self.end..start], self.end == 0) {
                each(self.end);
                self.is_over = false;
            }
            let word = &text[start..next];
            self.end = next;
            if is_mark(word) {
                self.is_over = true;
            } else if self.is_over && !word.chars().all(is_punctuation) {
                each(start);
                self.is_over = false;
            }
        }
    }

    /// No words follow.
    pub fn finish(self, text: &str, mut each: impl FnMut(usize)) {
        if self.is_over && is_word_of_its_own(&text[self.end..], self.end == 0) {
            each(self.end);
        }
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
