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
    let mut stricter = HashMap::new();
    for mode in Mode::ALL {
        let once = extract(page, charset, &Options { mode });
        assert_eq!(once, extract(page, charset, &Options { mode }), "twice the same");
        assert!(!once.text.ends_with(['\n', ' ']), "{:?}", once.text);
        assert!(!once.text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')), "{:?}", once.text);
        assert_ne!(once.title.as_deref(), Some(""));
        assert_eq!(decode(page, charset).1, once.encoding);
        // Of a text that stands twice the first is kept, so a wider mode can have it earlier: order is not compared.
        let mut words: HashMap<String, usize> = HashMap::new();
        once.text.split_whitespace().for_each(|word| *words.entry(word.to_owned()).or_default() += 1);
        let missing =
            stricter.iter().find(|(word, count)| words.get(*word).is_none_or(|found| found < *count));
        assert_eq!(missing, None, "{mode} lacks what a stricter mode kept: {:?}", once.text);
        stricter = words;
    }
}
