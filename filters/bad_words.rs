//! Is the page abusive or obscene, by listed words?
//!
//! Words and boundaries are C4's: an entry counts where no letter, digit or underscore touches it, in
//! lower case; in Japanese, Thai and Chinese anywhere. Severities are ours: `rules/lists/bad_words/README.md`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use document::{
    Check, Document, Filter, FilterSpec, Found, Judge, OptionSpec, Raised, Settings, Signal, Signals, at_most,
};

use crate::word_starts::{WordStarts, stands_alone};

const SEVERE: usize = 0;
const OBSCENE: usize = 1;

pub const FILTER: FilterSpec = FilterSpec {
    name: "bad_words",
    source: "LDNOOBW (CC-BY-4.0) and own entries; severities by corpus",
    about: "Is it free of slurs and of piled-up obscenity?",
    checks: &[
        Check::new("severe", at_most(Signal::BadWordsSevere, 0.0), "One slur or abuse is enough."),
        Check::new("obscene", at_most(Signal::BadWordsObscene, 2.0), "Three different obscene words."),
    ],
    signals: &[Signal::BadWordsMild],
    options: &[
        ACTION,
        LISTS,
        OptionSpec {
            key: "builtin",
            default: "true",
            allowed: &[],
            is_path: false,
            why: "false: only the files of `lists`, without the built-in entries",
        },
    ],
    judge: Judge::Document(build),
};

/// For filters that may measure only.
pub(crate) const ACTION: OptionSpec = OptionSpec {
    key: "action",
    default: r#""drop""#,
    allowed: &["drop", "tag"],
    is_path: false,
    why: "tag: measure for the ledger, drop nothing",
};

/// Own word lists, for both filters of words.
pub(crate) const LISTS: OptionSpec = OptionSpec {
    key: "lists",
    default: "[]",
    allowed: &[],
    is_path: true,
    why: "own lists named after their language (`en.txt`); a line is `severity<TAB>entry` or an entry (severity 3)",
};

/// The language of documents whose own has no list.
const FALLBACK: &str = "en";

fn build(settings: &Settings) -> Result<Box<dyn Filter>, String> {
    Ok(Box::new(BadWords(Lexicons::new(settings, settings.bool("builtin"), |_, _| true)?)))
}

struct BadWords(Lexicons);

impl BadWords {
    fn lexicon(&self, document: &Document<'_>) -> Option<&Lexicon> {
        self.0.of(document).or_else(|| self.0.get(FALLBACK))
    }
}

impl Filter for BadWords {
    fn judge(
        &self,
        document: &mut Document<'_>,
        signals: &mut Signals,
        _raised: &mut Raised,
        buffer: &mut String,
    ) {
        let lexicon = self.lexicon(document);
        let [mild, obscene, severe] = lexicon.map_or([0; 3], |lexicon| lexicon.count(document.text, buffer));
        signals.set(Signal::BadWordsMild, f64::from(mild));
        signals.set(Signal::BadWordsObscene, f64::from(obscene));
        signals.set(Signal::BadWordsSevere, f64::from(severe));
    }

    fn point(&self, document: &Document<'_>, found: &mut Found<'_>) {
        let Some(lexicon) = self.lexicon(document) else { return };
        lexicon.point(document.text, |severity, range| match severity {
            3 => found(SEVERE, range),
            2 => found(OBSCENE, range),
            _ => {}
        });
    }
}

macro_rules! builtin {
    ($($language:literal)*) => {
        /// Language (ISO 639-1 where there is one) and text of every built-in list.
        const BUILTIN: &[(&str, &str)] =
            &[$(($language, include_str!(concat!("../rules/lists/bad_words/", $language, ".txt"))),)*];
    };
}

builtin! { "ar" "cs" "da" "de" "en" "eo" "es" "fa" "fi" "fr" "hi" "hu" "it" "ja" "kab" "ko" "nl" "no" "pl" "pt"
"ru" "sv" "th" "tl" "tr" "zh" }

/// The built-in entries of a language that are LDNOOBW's, in lower case (as all of its English ones are).
pub(crate) fn imported(language: &str) -> Result<Vec<&'static str>, String> {
    let list = BUILTIN.iter().find(|(known, _)| *known == language).map_or("", |(_, list)| list);
    Ok(parse(language, list)?.into_iter().filter(|entry| !entry.is_not_c4s).map(|entry| entry.word).collect())
}

/// One lexicon per language, each built when its first document comes.
pub(crate) struct Lexicons(BTreeMap<String, (Words, OnceLock<Option<Lexicon>>)>);

/// Severity by entry in lower case.
type Words = BTreeMap<String, u8>;

impl Lexicons {
    /// The built-in entries for which `wanted(language, line)` holds, then the user's own, which win.
    pub(crate) fn new(
        settings: &Settings,
        builtin: bool,
        wanted: impl Fn(&str, Entry<'_>) -> bool,
    ) -> Result<Lexicons, String> {
        let mut entries: BTreeMap<String, Words> = BTreeMap::new();
        for (language, list) in BUILTIN.iter().filter(|_| builtin) {
            let parsed = parse(language, list)?;
            let wanted = parsed.into_iter().filter(|entry| wanted(language, *entry));
            entries
                .entry((*language).to_owned())
                .or_default()
                .extend(wanted.map(|e| (e.word.to_lowercase(), e.severity)));
        }
        for path in settings.list("lists") {
            let list = settings.lists.get(path).map_or("", |list| &**list);
            let parsed = parse(path, list)?.into_iter().map(|e| (e.word.to_lowercase(), e.severity));
            entries.entry(language_of(path)?).or_default().extend(parsed);
        }
        Ok(Lexicons(
            entries.into_iter().map(|(language, words)| (language, (words, OnceLock::new()))).collect(),
        ))
    }

    /// The lexicon of the document's language, English if that is unknown.
    pub(crate) fn of(&self, document: &Document<'_>) -> Option<&Lexicon> {
        self.get(match document.language.map_or(FALLBACK, |language| language.short) {
            "nb" | "nn" => "no",
            language => language,
        })
    }

    pub(crate) fn get(&self, language: &str) -> Option<&Lexicon> {
        let (words, lexicon) = self.0.get(language)?;
        lexicon.get_or_init(|| Lexicon::new(words, !matches!(language, "ja" | "th" | "zh"))).as_ref()
    }
}

/// A line of a list.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) word: &'a str,
    /// 1..=3.
    pub(crate) severity: u8,
    /// Not a word that C4's pattern finds: ours (`added`), or LDNOOBW's with capital letters (`capital`), which the
    /// pattern has as they are and looks for in lower-case text.
    pub(crate) is_not_c4s: bool,
}

/// `severity<TAB>entry[<TAB>added or capital]` or a bare entry; `#` and a blank begin a comment.
fn parse<'a>(file: &str, list: &'a str) -> Result<Vec<Entry<'a>>, String> {
    let mut entries = Vec::new();
    for (number, line) in list.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line == "#" || line.starts_with("# ") {
            continue;
        }
        let mut fields = line.split('\t');
        let (first, second) = (fields.next().unwrap_or(line), fields.next());
        let (severity, word) = match (first, second) {
            ("1", Some(word)) => (1, word),
            ("2", Some(word)) => (2, word),
            ("3", Some(word)) => (3, word),
            (word, None) => (3, word),
            (other, Some(_)) => {
                return Err(format!(
                    "{file}:{}: severity {other:?}; write 1, 2 or 3, a tab and the entry",
                    number + 1
                ));
            }
        };
        entries.push(Entry { word: word.trim(), severity, is_not_c4s: fields.next().is_some() });
    }
    Ok(entries)
}

/// `de` for `lists/de.txt` and `de-own.txt`.
fn language_of(path: &str) -> Result<String, String> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let language = name.split(['.', '-', '_']).next().unwrap_or(name);
    let is_code = matches!(language.len(), 2 | 3) && language.bytes().all(|byte| byte.is_ascii_lowercase());
    if is_code {
        return Ok(language.to_owned());
    }
    Err(format!(
        "list {path:?}: name the file after the language of its words, for example `en.txt` or `de-own.txt`"
    ))
}

/// The words of one language.
pub(crate) struct Lexicon {
    finder: Finder,
    severities: Vec<u8>,
    is_ascii: bool,
}

enum Finder {
    /// Whole words may overlap ("piece of shit").
    Whole(Box<WordStarts>),
    /// The same for words that begin alike.
    WholeByAutomaton(AhoCorasick),
    /// Of substrings only the longest counts, as they nest.
    Substrings(AhoCorasick),
}

impl Lexicon {
    /// `None` if there are no words, or far too many for an automaton.
    fn new(words: &Words, whole_words: bool) -> Option<Lexicon> {
        let automaton = |kind| {
            let mut builder = AhoCorasick::builder();
            builder.match_kind(kind).kind(Some(AhoCorasickKind::DFA)).ascii_case_insensitive(true);
            builder.build(words.keys()).ok()
        };
        let finder = match WordStarts::new(words.keys().map(String::as_str)).filter(|_| whole_words) {
            Some(starts) => Finder::Whole(Box::new(starts)),
            None if whole_words => Finder::WholeByAutomaton(automaton(MatchKind::Standard)?),
            None => Finder::Substrings(automaton(MatchKind::LeftmostLongest)?),
        };
        let severities = words.values().copied().collect();
        let is_ascii = words.keys().all(|word| word.is_ascii());
        (!words.is_empty()).then_some(Lexicon { finder, severities, is_ascii })
    }

    /// Distinct entries found, by severity 1, 2, 3.
    pub(crate) fn count(&self, text: &str, buffer: &mut String) -> [u32; 3] {
        let blocks = self.severities.len().div_ceil(64);
        let (mut few, mut many) = ([0_u64; 64], Vec::new());
        let seen: &mut [u64] = if blocks <= few.len() {
            &mut few[..blocks]
        } else {
            many.resize(blocks, 0);
            &mut many
        };
        let mut counts = [0; 3];
        self.each(text, buffer, |entry, _| {
            let (block, bit) = (entry / 64, 1 << (entry % 64));
            if seen[block] & bit == 0 {
                seen[block] |= bit;
                counts[usize::from(self.severities[entry]) - 1] += 1;
            }
            false
        });
        counts
    }

    /// True if any entry occurs.
    pub(crate) fn occurs(&self, text: &str, buffer: &mut String) -> bool {
        let mut found = false;
        self.each(text, buffer, |_, _| {
            found = true;
            true
        });
        found
    }

    /// Calls `found` with the severity and the place of every entry that occurs.
    pub(crate) fn point(&self, text: &str, mut found: impl FnMut(u8, Range<usize>)) {
        // Lower case may be longer: where each of its bytes comes from.
        let mut origins = Vec::new();
        if !self.reads_as_it_is(text) {
            for (at, c) in text.char_indices() {
                let bytes = if c.is_ascii() { 1 } else { c.to_lowercase().map(char::len_utf8).sum() };
                origins.resize(origins.len() + bytes, at);
            }
            origins.push(text.len());
        }
        let origin = |at: usize| if origins.is_empty() { Some(at) } else { origins.get(at).copied() };
        self.each(text, &mut String::new(), |entry, range| {
            if let (Some(start), Some(end)) = (origin(range.start), origin(range.end)) {
                found(self.severities[entry], start..end);
            }
            false
        });
    }

    /// No letter of the text needs to be in lower case for its entries to be found.
    fn reads_as_it_is(&self, text: &str) -> bool {
        self.is_ascii && !folds_to_ascii(text)
    }

    /// Calls `found` with the index of every entry found and its range in lower case, until it returns true.
    fn each(&self, text: &str, buffer: &mut String, mut found: impl FnMut(usize, Range<usize>) -> bool) {
        let text = if self.reads_as_it_is(text) { text } else { fold(text, buffer) };
        match &self.finder {
            Finder::Whole(starts) => starts.each(text, found),
            Finder::WholeByAutomaton(automaton) => {
                for hit in automaton.find_overlapping_iter(text) {
                    if stands_alone(text, hit.start(), hit.end())
                        && found(hit.pattern().as_usize(), hit.range())
                    {
                        return;
                    }
                }
            }
            Finder::Substrings(automaton) => {
                for hit in automaton.find_iter(text) {
                    if found(hit.pattern().as_usize(), hit.range()) {
                        return;
                    }
                }
            }
        }
    }
}

/// Whether a letter beyond ASCII becomes one of ASCII in lower case: only these two do.
fn folds_to_ascii(text: &str) -> bool {
    FOLD_TO_ASCII.iter().any(|letter| memchr::memmem::find(text.as_bytes(), letter.as_bytes()).is_some())
}

/// The Kelvin sign and the capital I with a dot.
const FOLD_TO_ASCII: [&str; 2] = ["\u{212A}", "\u{130}"];

/// The text with letters beyond ASCII in lower case; the automaton folds ASCII itself. Copies only
/// where there is something to fold, from the first such letter on.
pub(crate) fn fold<'a>(text: &'a str, buffer: &'a mut String) -> &'a str {
    if text.is_ascii() {
        return text;
    }
    let mut upper = characters_beyond_ascii(text).filter(|(_, c)| is_upper(*c)).peekable();
    if upper.peek().is_none() {
        return text;
    }
    // A final sigma depends on its neighbours, which only the standard library's folding looks at.
    if text.contains('Σ') {
        *buffer = text.to_lowercase();
        return buffer;
    }
    buffer.clear();
    let mut copied = 0;
    for (at, c) in upper {
        buffer.push_str(&text[copied..at]);
        buffer.extend(c.to_lowercase());
        copied = at + c.len_utf8();
    }
    buffer.push_str(&text[copied..]);
    buffer
}

fn characters_beyond_ascii(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let at = next + text.as_bytes()[next..].iter().position(|byte| !byte.is_ascii())?;
        let c = text[at..].chars().next()?;
        next = at + c.len_utf8();
        Some((at, c))
    })
}

/// Changes in lower case and is not ASCII. Nothing does of Latin-1's signs, of general punctuation to letter-like
/// signs before the Ohm sign, and from U+2E80 to U+A63F (CJK, Yi).
fn is_upper(c: char) -> bool {
    !matches!(c, '\0'..='\u{BF}' | '\u{2000}'..='\u{2125}' | '\u{2E80}'..='\u{A63F}')
        && !c.is_lowercase()
        && c.to_lowercase().next() != Some(c)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#[path = "bad_words_tests.rs"]
mod tests;
