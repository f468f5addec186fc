//! Cuts web addresses out of the text, and line feeds beyond two in a row; as DCLM does before it judges a page.
//!
//! A quirk of the reference is kept: names of hosts are looked for only on pages that begin with the letters of a
//! top-level domain, in any case ("The …" does: `th`). IPv4 addresses, and version numbers of four parts, always are.

use std::ops::Range;
use std::sync::LazyLock;

use document::{
    Check, Document, FilterSpec, Judge, LineEdits, LineFilter, Piece, Raised, Settings, Signals, Test,
};
use memchr::{memchr_iter, memmem};
use text::characters::{is_space, is_word_character};

use crate::pieces::{cut, join};

const ADDRESS: usize = 0;
const LINE_FEEDS: usize = 1;
const NOTHING_LEFT: usize = 2;

const CHECKS: &[Check] = &[
    Check::line("address", "A web address: no part of a sentence.")
        .known_as(&[("dclm", "url_removal_modifier")]),
    Check::line("line_feeds", "One blank line separates paragraphs as well as many.")
        .known_as(&[("dclm", "newline_removal_modifier")]),
    Check::new("nothing_left", Test::Own, "Nothing but web addresses.")
        .known_as(&[("dclm", "url_removal_modifier")]),
];

pub const FILTER: FilterSpec = FilterSpec {
    name: "dclm_text",
    source: "Li et al. 2024 (DCLM), baselines/mappers/modifiers.py",
    about: "Is there text besides web addresses?",
    checks: CHECKS,
    signals: &[],
    options: &[],
    judge: Judge::Lines(build),
};

/// Adds the ranges to cut, in order and apart from each other.
type Find = fn(&str, &mut Vec<Range<usize>>);

/// In the reference's order.
const STEPS: [(usize, Find); 3] = [(ADDRESS, host_names), (ADDRESS, ip_addresses), (LINE_FEEDS, line_feeds)];

struct Text {
    is_off: [bool; CHECKS.len()],
}

fn build(settings: &Settings) -> Result<Box<dyn LineFilter>, String> {
    Ok(Box::new(Text { is_off: [0, 1, 2].map(|check| settings.off.contains(CHECKS[check].reason)) }))
}

impl LineFilter for Text {
    fn judge_lines(
        &self,
        document: &Document<'_>,
        edits: &mut LineEdits,
        _: &mut Signals,
        raised: &mut Raised,
        buffer: &mut String,
    ) {
        let text = document.text;
        edits.clear(CHECKS.len());
        edits.pieces.push(Piece::kept(0..text.len(), true));
        let mut cuts = Vec::new();
        for (check, find) in STEPS {
            if !self.is_off[check] {
                find(join(text, &edits.pieces, buffer), &mut cuts);
                cut(&mut edits.pieces, &cuts);
                edits.lines[check] += cuts.len() as u32;
                cuts.clear();
            }
        }
        if edits.pieces.iter().all(|piece| piece.range.is_empty()) {
            raised.raise(NOTHING_LEFT);
        }
    }
}

/// Sorted.
static DOMAINS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let list = include_str!("../rules/lists/top_level_domains.txt");
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    let mut domains: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    domains.sort_unstable();
    domains
});

/// In characters.
const LONGEST_DOMAIN: usize = 18;

fn is_domain(name: &str) -> bool {
    DOMAINS.binary_search(&name).is_ok()
}

/// A host's name has at most so many characters before the top-level domain.
const LONGEST_HOST: usize = 256;

/// So many blanks before an address go with it.
const MOST_BLANKS: usize = 10;

/// `\s{0,10}((https?|ftp)://)?[-a-zA-Z0-9@:%._+~#=]{1,256}\.DOMAIN\b[-a-zA-Z0-9()@:%_+.~#?&/=]*`
///
/// The leftmost start and, from there, the last domain that the host's name can reach, as backtracking finds them.
fn host_names(text: &str, cuts: &mut Vec<Range<usize>>) {
    if !begins_with_domain(text) {
        return;
    }
    let bytes = text.as_bytes();
    let mut done = 0;
    for dot in memchr_iter(b'.', bytes) {
        if dot <= done || !is_host(bytes[dot - 1]) {
            continue;
        }
        let Some(mut end) = end_of_domain(text, dot + 1) else { continue };
        let reach = &bytes[done.max(dot.saturating_sub(LONGEST_HOST))..dot];
        let host = dot - reach.iter().rev().take_while(|&&byte| is_host(byte)).count();
        let further = &bytes[dot..bytes.len().min(host + LONGEST_HOST + 1)];
        let further = further.iter().take_while(|&&byte| is_host(byte)).count();
        let last = memchr::memrchr_iter(b'.', &bytes[dot + 1..dot + further]);
        if let Some(later) = last.filter_map(|at| end_of_domain(text, dot + 1 + at + 1)).next() {
            end = later;
        }
        // Within a longer name, neither a scheme nor a blank comes before.
        let start = if host > done && is_host(bytes[host - 1]) {
            host
        } else {
            without_blanks(text, done, host - scheme(&text[done..host]))
        };
        done = end + tail(&bytes[end..]);
        cuts.push(start..done);
    }
}

/// Case counts as little as for `re.IGNORECASE`.
fn begins_with_domain(text: &str) -> bool {
    let lower = |c: char| match c {
        '\u{17F}' => 's',
        '\u{131}' => 'i',
        c => c.to_lowercase().next().unwrap_or(c),
    };
    let start: String = text.chars().take(LONGEST_DOMAIN).map(lower).collect();
    start.char_indices().any(|(at, c)| is_domain(&start[..at + c.len_utf8()]))
}

/// The end of the longest top-level domain at `at` that ends at a border of a word.
fn end_of_domain(text: &str, at: usize) -> Option<usize> {
    let mut longest = None;
    let mut rest = text[at..].char_indices().take(LONGEST_DOMAIN).peekable();
    while let Some((start, c)) = rest.next_if(|(_, c)| c.is_ascii_lowercase() || !c.is_ascii()) {
        let end = at + start + c.len_utf8();
        let next = text[end..].chars().next();
        if is_word_character(c) != next.is_some_and(is_word_character) && is_domain(&text[at..end]) {
            longest = Some(end);
        }
    }
    longest
}

/// Length of the scheme that ends the text.
fn scheme(text: &str) -> usize {
    ["https://", "http://", "ftp://"].iter().find(|scheme| text.ends_with(**scheme)).map_or(0, |it| it.len())
}

/// The start of the blanks before `at`, at most so many and not before `done`.
fn without_blanks(text: &str, done: usize, at: usize) -> usize {
    let blanks = text[done..at].chars().rev().take(MOST_BLANKS).take_while(|&c| is_space(c));
    at - blanks.map(char::len_utf8).sum::<usize>()
}

fn is_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'@' | b':' | b'%' | b'.' | b'_' | b'+' | b'~' | b'#' | b'=')
}

/// Length of the rest of an address.
fn tail(bytes: &[u8]) -> usize {
    let is_tail = |byte: u8| is_host(byte) || matches!(byte, b'(' | b')' | b'?' | b'&' | b'/');
    bytes.iter().take_while(|&&byte| is_tail(byte)).count()
}

/// `\s{0,10}\b((https?|ftp)://)?([0-2]?[0-9]{1,2}\.){3}[0-2]?[0-9]{1,2}[-a-zA-Z0-9()@:%_+.~#?&/=]*`
fn ip_addresses(text: &str, cuts: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let begins_word = |at: usize| !text[..at].ends_with(is_word_character);
    let mut done = 0;
    for dot in memchr_iter(b'.', bytes) {
        if dot <= done {
            continue;
        }
        let reach = &bytes[done.max(dot.saturating_sub(4))..dot];
        let host = dot - reach.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        if !begins_word(host) || !is_ip_address(&bytes[host..]) {
            continue;
        }
        let start = host - scheme(&text[done..host]);
        let start = if begins_word(start) { without_blanks(text, done, start) } else { host };
        done = host + tail(&bytes[host..]);
        cuts.push(start..done);
    }
}

/// Begins with four numbers between dots; one of three digits begins with at most 2.
fn is_ip_address(mut bytes: &[u8]) -> bool {
    for _ in 0..3 {
        bytes = match bytes {
            [b'0'..=b'9', b'.', rest @ ..] => rest,
            [b'0'..=b'9', b'0'..=b'9', b'.', rest @ ..] => rest,
            [b'0'..=b'2', b'0'..=b'9', b'0'..=b'9', b'.', rest @ ..] => rest,
            _ => return false,
        };
    }
    bytes.first().is_some_and(u8::is_ascii_digit)
}

/// All but two of each run.
fn line_feeds(text: &str, cuts: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let mut done = 0;
    for start in memmem::find_iter(bytes, b"\n\n\n") {
        if start >= done {
            done = start + bytes[start..].iter().take_while(|&&byte| byte == b'\n').count();
            cuts.push(start + 2..done);
        }
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;
    use crate::testing::{drops, keeps, kept_text, settings};

    #[track_caller]
    fn leaves(text: &str, kept: &str) {
        assert_eq!(kept_text(&FILTER, &settings(&FILTER), text).0, kept);
    }

    #[test]
    fn there_is_text_besides_addresses() {
        keeps(&FILTER, "The end of example.com");
        drops(&FILTER, "nothing_left", "com.example.com");
        drops(&FILTER, "nothing_left", "1.2.3.4");
        drops(&FILTER, "nothing_left", "");
        keeps(&FILTER, "\n\n\n");
    }

    // Expected texts are those that Python's `re` leaves.
    #[test]
    fn names_of_hosts_go_where_the_page_begins_like_a_domain() {
        leaves("The page (see www.example.com/a?b=c#d, or not).", "The page (see, or not).");
        leaves("xx: see www.example.com", "xx: see www.example.com");
        leaves("THE https://example.org/x_(y) end", "THE end");
        leaves("the xhttps://example.org end", "the x end");
        leaves("the://example.org end", "the:// end");
        leaves("the mail me@example.co.uk, example.com.", "the mail,");
        leaves(
            "the Example.Com example.comm example.com2 example.com_ example.comé",
            "the Example.Com example.comm example.com2 example.com_ example.comé",
        );
        leaves("the a.b.com.zzz.org-x.zzz é.com .com ..com", "the é.com .com");
        leaves("the a.测试x a.测试 end", "the a.测试x end");
        leaves("\u{17F}a a.com", "\u{17F}a");
        leaves("\u{130}t a.com", "\u{130}t");
    }

    #[test]
    fn ten_blanks_and_256_characters_belong_to_an_address() {
        leaves(&format!("the{}a.com", " ".repeat(12)), "the  ");
        leaves("the\u{A0}\u{1F}\n\u{2003}a.com\n", "the\n");
        let long = |n: usize| format!("the {}.com", "a".repeat(n));
        leaves(&long(256), "the");
        leaves(&long(257), "the a");
        // The first domain is out of reach from the start of the name, the second one from where the match begins.
        leaves(&format!("the {}.com.org é", "a".repeat(300)), &format!("the {} é", "a".repeat(44)));
        leaves(&format!("the a.com.{}.org é", "b".repeat(300)), "the é");
    }

    #[test]
    fn ip_addresses_always_go() {
        leaves("xx 1.2.3.4:80/x, 1.2.3 299.299.299.299 300.1.2.3 end", "xx, 1.2.3 300.1.2.3 end");
        leaves("xx x1.2.3.4 1.2.3.4.5 end", "xx x1.2.3.4 end");
        leaves("xx 999.1.2.3.4 end", "xx 999. end");
        leaves("xx http://1.2.3.4 xhttp://1.2.3.4 1.2.3.9999 end", "xx xhttp:// end");
        leaves("xx é1.2.3.4 _1.2.3.4 -1.2.3.4", "xx é1.2.3.4 _1.2.3.4 -");
    }

    #[test]
    fn cuts_see_the_text_that_cuts_before_them_left() {
        leaves(&format!("the{}a.com{}1.2.3.4", " ".repeat(12), " ".repeat(8)), "the");
        leaves(&format!("the{}a.com{}1.2.3.4", " ".repeat(12), " ".repeat(9)), "the ");
        leaves("the 1.2.3a.com,.4 1.2½b.com.3.4 a.com\u{301}", "the,.4 1.2½\u{301}");
        leaves("xx\n\n1.2.3.4\n\n\n\ny\n\n\n", "xx\n\ny\n\n");
        leaves("\n\n1.2.3.4\n", "\n");
    }

    #[test]
    fn domains_are_found_by_halving() {
        assert_eq!(DOMAINS.len(), 1552);
        assert!(DOMAINS.windows(2).all(|pair| pair[0] < pair[1]));
        let longest = DOMAINS.iter().map(|domain| domain.chars().count()).max();
        assert_eq!(longest, Some(LONGEST_DOMAIN));
    }

    #[test]
    fn steps_can_be_off() {
        let without = |reason: &str| {
            let mut settings = settings(&FILTER);
            settings.off.insert(reason.to_owned());
            kept_text(&FILTER, &settings, "xx 1.2.3.4\n\n\n1.2.3.4!\n\n\n\n")
        };
        assert_eq!(without("address"), ("xx 1.2.3.4\n\n1.2.3.4!\n\n".to_owned(), vec![0, 2, 0]));
        assert_eq!(without("line_feeds"), ("xx!\n\n\n\n".to_owned(), vec![2, 0, 0]));
    }
}
