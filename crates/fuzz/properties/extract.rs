//! What holds for any bytes read as a page.

use std::collections::HashMap;

use extract::{Mode, Options, decode, extract};

/// What an HTTP header may say; none of them is true of random bytes.
const CHARSETS: [Option<&str>; 8] = [
    None,
    Some("utf-8"),
    Some("gbk"),
    Some("shift_jis"),
    Some("utf-16le"),
    Some("iso-2022-jp"),
    Some("x"),
    Some(""),
];

/// The first byte chooses the header's charset, the rest is the page.
pub fn check(bytes: &[u8]) {
    let Some((choice, page)) = bytes.split_first() else { return };
    check_page(page, CHARSETS[*choice as usize % CHARSETS.len()]);
}

pub fn check_page(page: &[u8], charset: Option<&str>) {
    let mut stricter = String::new();
    for mode in Mode::ALL {
        let once = extract(page, charset, &Options { mode });
        assert_eq!(once, extract(page, charset, &Options { mode }), "twice the same");
        assert!(!once.text.ends_with(['\n', ' ']), "{:?}", once.text);
        assert!(!once.text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')), "{:?}", once.text);
        assert_ne!(once.title.as_deref(), Some(""));
        assert_eq!(decode(page, charset).1, once.encoding);
        assert_eq!(
            missing(&stricter, &once.text),
            None,
            "{mode} lacks what {stricter:?} has: {:?}",
            once.text
        );
        stricter = once.text;
    }
}

/// A word that the wider text lacks. Of a text that stands twice the first is kept, so a wider mode can have it earlier,
/// and there it may be no item or cell: order is not compared, nor the marks of lines that the wider text has otherwise.
fn missing<'t>(stricter: &'t str, wider: &'t str) -> Option<&'t str> {
    let mut lines = counted(wider.lines());
    let (same, moved): (Vec<&str>, Vec<&str>) = stricter.lines().partition(|line| take(line, &mut lines));
    let mut wanted =
        same.into_iter().flat_map(str::split_whitespace).chain(moved.into_iter().flat_map(unmarked));
    let mut words = counted(wider.split_whitespace());
    wanted.find(|word| !take(word, &mut words))
}

fn counted<'t>(parts: impl Iterator<Item = &'t str>) -> HashMap<&'t str, usize> {
    let mut counts = HashMap::new();
    parts.for_each(|part| *counts.entry(part).or_default() += 1);
    counts
}

/// One of those that are left; false if none is.
fn take(part: &str, left: &mut HashMap<&str, usize>) -> bool {
    left.get_mut(part).is_some_and(|count| {
        let is_left = *count > 0;
        *count -= usize::from(is_left);
        is_left
    })
}

/// The words of a line without the mark of an item before it, or the bars of a row between them.
fn unmarked(line: &str) -> impl Iterator<Item = &str> {
    let is_number = |word: &str| word.strip_suffix('.').is_some_and(|n| n.parse::<u32>().is_ok());
    let is_row = line.starts_with("| ");
    let words = line.split_whitespace().skip_while(move |word| *word == "-" || is_number(word));
    words.filter(move |word| !is_row || *word != "|")
}
