//! Which lines are prose, and do they make up the page? RefinedWeb's line rules as DCLM writes them.
//!
//! The rules run one after the other, each on the page that the one before left, and the page is stripped after each of
//! them but the one on few words: so its first and last line may be another line, or a shorter one, for the next rule.

use document::{
    Check, Document, FilterSpec, Judge, LineEdits, LineFilter, Piece, Raised, Settings, Signal, Signals,
    Test, at_most,
};
use regex::Regex;
use text::characters::{count_chars, is_decimal, is_digit, is_space, is_word_character};
use text::words::count_fasttext_words;

use crate::pieces::{join, push_without, strip};

const UPPERCASE: usize = 0;
const NUMERIC: usize = 1;
const COUNTER: usize = 2;
const TOO_FEW_WORDS: usize = 3;
const FIRST_PHRASE: usize = 4;
const NOTHING_LEFT: usize = 7;

const CHECKS: &[Check] = &[
    Check::line("uppercase_line", "Most of its characters are capital letters: a heading or a button.")
        .known_as(&[("dclm", "uppercase_ratio_line_modifier")]),
    Check::line("numeric_line", "Nothing but digits.").known_as(&[("dclm", "numeric_ratio_line_modifier")]),
    Check::line("counter_line", "A counter, such as `3 likes`.")
        .known_as(&[("dclm", "counter_line_modifier")]),
    Check::line("too_few_words_in_line", "One word: a menu entry or a button.")
        .known_as(&[("dclm", "line_length_modifier")]),
    Check::line("items_in_cart", "A shop's cart; only the phrase goes, of lines of at most ten words.")
        .known_as(&[("dclm", "substring_line_modifier")]),
    Check::line("read_more", "A teaser's end; only the phrase goes, of lines of at most ten words.")
        .known_as(&[("dclm", "substring_line_modifier")]),
    Check::line("sign_in", "A menu's beginning; only the phrase goes, of lines of at most ten words.")
        .known_as(&[("dclm", "substring_line_modifier")]),
    Check::new("nothing_left", Test::Own, "No line is prose.").known_as(&[("dclm", "line_length_modifier")]),
    Check::new(
        "too_many_removed_words",
        at_most(Signal::DclmRemovedWords, 0.05),
        "Too much of the page is no prose.",
    )
    .known_as(&[("dclm", "word_removal_ratio_filter")]),
];

pub const FILTER: FilterSpec = FilterSpec {
    name: "dclm_lines",
    source: "Li et al. 2024 (DCLM); Penedo et al. 2023 (RefinedWeb), G.2",
    about: "Are nearly all of its lines prose?",
    checks: CHECKS,
    signals: &[],
    options: &[],
    judge: Judge::Lines(build),
};

/// Lines of fewer words go.
const MIN_WORDS: usize = 2;
/// Phrases are cut from lines of at most so many words.
const MAX_WORDS: usize = 10;
/// Lines with a greater share of digits go.
const MAX_DIGITS: f64 = 0.999_999;

/// What counters count.
const COUNTED: [&str; 12] = [
    "likes",
    "shares",
    "comments",
    "retweets",
    "reposts",
    "quotes",
    "bookmarks",
    "upvotes",
    "downvotes",
    "downloads",
    "views",
    "followers",
];

/// `items in cart`, `Read more...` at the end (the dots are any characters), `Sign-in` at the beginning, with a blank.
/// In Python's `re.IGNORECASE` a dotted capital and a dotless small i are an i.
const PHRASES: [&str; 3] = [
    r"(?i)[\s\x1C-\x1F]?[iİı]tems [iİı]n cart",
    r"(?i)[\s\x1C-\x1F]?read more[^\n]{3}$",
    r"(?i)^s[iİı]gn-[iİı]n[\s\x1C-\x1F]?",
];
const ANY_PHRASE: &str = r"(?i)[iİı]tems [iİı]n cart|read more|s[iİı]gn-[iİı]n";

struct Lines {
    phrases: [Regex; 3],
    any_phrase: Regex,
    is_off: Vec<bool>,
}

fn build(settings: &Settings) -> Result<Box<dyn LineFilter>, String> {
    let regex = |pattern: &str| Regex::new(pattern).map_err(|error| error.to_string());
    let [cart, more, sign_in] = PHRASES;
    Ok(Box::new(Lines {
        phrases: [regex(cart)?, regex(more)?, regex(sign_in)?],
        any_phrase: regex(ANY_PHRASE)?,
        is_off: CHECKS.iter().map(|check| settings.off.contains(check.reason)).collect(),
    }))
}

impl LineFilter for Lines {
    fn judge_lines(
        &self,
        document: &Document<'_>,
        edits: &mut LineEdits,
        signals: &mut Signals,
        raised: &mut Raised,
        buffer: &mut String,
    ) {
        let text = document.text;
        edits.clear(CHECKS.len());
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]) {
            edits.pieces.push(Piece::kept(start..end, true));
            start = end + 1;
        }
        self.drop_lines(UPPERCASE, is_uppercase, text, edits);
        self.drop_lines(NUMERIC, is_numeric, text, edits);
        self.drop_lines(COUNTER, is_counter, text, edits);
        self.drop_lines(TOO_FEW_WORDS, has_few_words, text, edits);
        let has_phrases = self.any_phrase.is_match(text);
        for (check, phrase) in (FIRST_PHRASE..).zip(&self.phrases) {
            if has_phrases && !self.is_off[check] {
                cut_phrase(check, phrase, text, edits, buffer);
                strip(text, &mut edits.pieces);
            } else {
                self.drop_lines(check, is_blank, text, edits);
            }
        }
        // Two empty lines are a line feed.
        if edits.pieces.len() < 2 && edits.pieces.iter().all(|piece| piece.range.is_empty()) {
            raised.raise(NOTHING_LEFT);
        }
        let before = count_fasttext_words(text);
        let lines = edits.pieces.chunk_by(|_, next| !next.begins_line);
        let after: usize = lines.map(|line| count_fasttext_words(join(text, line, buffer))).sum();
        let removed = if before == 0 { 1.0 } else { (before as f64 - after as f64) / before as f64 };
        signals.set(Signal::DclmRemovedWords, removed);
    }
}

impl Lines {
    /// Lines are whole as long as no phrase was cut from one.
    fn drop_lines(&self, check: usize, fails: fn(&str) -> bool, text: &str, edits: &mut LineEdits) {
        if self.is_off[check] {
            return;
        }
        let lines = edits.pieces.len();
        edits.pieces.retain(|piece| !fails(&text[piece.range.clone()]));
        edits.lines[check] += (lines - edits.pieces.len()) as u32;
        if check != TOO_FEW_WORDS {
            strip(text, &mut edits.pieces);
        }
    }
}

/// Cuts the phrase, and drops lines that then are blank.
fn cut_phrase(check: usize, phrase: &Regex, text: &str, edits: &mut LineEdits, buffer: &mut String) {
    let LineEdits { pieces, lines, .. } = edits;
    let (old, mut at) = (pieces.len(), 0);
    let mut cuts = Vec::new();
    while at < old {
        let end = (at + 1..old).find(|&next| pieces[next].begins_line).unwrap_or(old);
        let line = join(text, &pieces[at..end], buffer);
        cuts.clear();
        if line.split(is_space).filter(|word| !word.is_empty()).nth(MAX_WORDS).is_none() {
            cuts.extend(phrase.find_iter(line).map(|hit| hit.range()));
        }
        let left = pieces.len();
        if line.is_empty() {
            pieces.push(pieces[at].clone());
        } else {
            push_without(pieces, at..end, &cuts);
        }
        let is_blank = |piece: &Piece| is_blank(&text[piece.range.clone()]);
        if pieces[left..].iter().all(is_blank) {
            pieces.truncate(left);
        }
        let is_cut = !cuts.is_empty() || pieces.len() == left;
        lines[check] += is_cut as u32;
        at = end;
    }
    pieces.drain(..old);
}

/// More than half of the characters are capital letters.
fn is_uppercase(line: &str) -> bool {
    let uppercase = if line.is_ascii() {
        line.bytes().filter(u8::is_ascii_uppercase).count()
    } else {
        line.chars().filter(|c| c.is_uppercase()).count()
    };
    uppercase * 2 > count_chars(line)
}

fn is_numeric(line: &str) -> bool {
    // In a line of a million characters some need not be digits.
    if line.len() < 1_000_000 {
        return !line.is_empty() && line.chars().all(is_digit);
    }
    let digits = line.chars().filter(|&c| is_digit(c)).count();
    digits as f64 / count_chars(line) as f64 > MAX_DIGITS
}

/// `^\W*\d[,.\d]*[kmb]?\s+(likes|shares|…)\W*$`, of the line in lower case.
fn is_counter(line: &str) -> bool {
    let lower = line.chars().flat_map(char::to_lowercase);
    let mut rest = lower.skip_while(|&c| !is_word_character(c)).peekable();
    if rest.next_if(|&c| is_decimal(c)).is_none() {
        return false;
    }
    while rest.next_if(|&c| matches!(c, ',' | '.') || is_decimal(c)).is_some() {}
    rest.next_if(|c| matches!(c, 'k' | 'm' | 'b'));
    if rest.next_if(|&c| is_space(c)).is_none() {
        return false;
    }
    while rest.next_if(|&c| is_space(c)).is_some() {}
    COUNTED.iter().any(|counted| {
        let mut rest = rest.clone();
        counted.chars().all(|c| rest.next() == Some(c)) && !rest.any(is_word_character)
    })
}

/// Empty lines stay.
fn has_few_words(line: &str) -> bool {
    let words = line.split(is_space).filter(|word| !word.is_empty());
    !line.is_empty() && words.take(MIN_WORDS).count() < MIN_WORDS
}

/// Blank, but not empty.
fn is_blank(line: &str) -> bool {
    !line.is_empty() && line.trim_start_matches(is_space).is_empty()
}

#[cfg(test)]
#[allow(clippy::panic)]
#[path = "dclm_lines_tests.rs"]
mod tests;
