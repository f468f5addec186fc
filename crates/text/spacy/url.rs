//! Is a chunk a URL, and so one word?
//!
//! The reference's pattern (Diego Perini's, MIT) without backtracking: scheme and user are optional, then comes a host
//! name or an IPv4 address that is not private, then port and path. Time is linear.

use super::classes::{Classes, LOWER};
use crate::characters::{is_decimal, is_word_character};

/// True if the whole of `text`, which has no white space, is a URL.
pub fn is_url(text: &str, classes: Classes) -> bool {
    if memchr::memchr(b'.', text.as_bytes()).is_none() {
        return false;
    }
    if is_host_and_path(text, classes) {
        return true;
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let is_scheme = scheme.chars().all(|c| is_word_character(c) || matches!(c, '+' | '-' | '.'));
        if is_scheme && scheme.chars().nth(1).is_some() && is_host_and_path(rest, classes) {
            return true;
        }
    }
    let mut users = memchr::memchr_iter(b'@', text.as_bytes()).filter(|&at| at > 0);
    users.any(|at| is_host_and_path(&text[at + 1..], classes))
}

/// Nothing that a host is made of is one of these; at the first of them port or path begins.
fn is_border(c: char) -> bool {
    matches!(c, ':' | '/' | '?' | '#')
}

fn is_host_and_path(text: &str, classes: Classes) -> bool {
    let end = text.find(|c| is_border(c) || c == '@').unwrap_or(text.len());
    let (host, rest) = text.split_at(end);
    is_port_and_path(rest) && (is_host_name(host, classes) || is_public_address(host))
}

fn is_port_and_path(rest: &str) -> bool {
    let Some(port) = rest.strip_prefix(':') else { return !rest.starts_with('@') };
    let digits = port.chars().take_while(|&c| is_decimal(c)).count();
    let path = port.trim_start_matches(is_decimal);
    // Of more digits than five no number of them is followed by a path.
    (2..=5).contains(&digits) && (path.is_empty() || path.starts_with(['/', '?', '#']))
}

/// Labels of 1 to 64 characters, each with its full stop, and a top-level domain of 2 to 63 lower-case letters.
fn is_host_name(host: &str, classes: Classes) -> bool {
    let Some((labels, top)) = host.rsplit_once('.') else { return false };
    let mut letters = 0;
    for c in top.chars() {
        letters += 1;
        if letters > 63 || classes.of(c) & LOWER == 0 {
            return false;
        }
    }
    letters >= 2 && labels.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let is_outer = |c: char| c.is_ascii_alphanumeric() || ('\u{A1}'..='\u{FFFF}').contains(&c);
    let mut count = 0;
    let mut last = '-';
    for c in label.chars() {
        count += 1;
        let fits = is_outer(c) || count > 1 && matches!(c, '_' | '-');
        if !fits || count > 64 {
            return false;
        }
        last = c;
    }
    is_outer(last)
}

/// Four octets of a public network; the digits behind a leading one may be those of any script.
fn is_public_address(host: &str) -> bool {
    let mut octets = host.split('.');
    let (Some(a), Some(b), Some(c), Some(d), None) =
        (octets.next(), octets.next(), octets.next(), octets.next(), octets.next())
    else {
        return false;
    };
    let is_private = matches!(a, "10" | "127")
        || matches!((a, b), ("169", "254") | ("192", "168"))
        || a == "172" && is_in_private_half(b);
    let starts = |octet: &str| octet.starts_with(['1', '2', '3', '4', '5', '6', '7', '8', '9']);
    !is_private
        && starts(a)
        && is_octet(a, "22", '3')
        && is_octet(b, "25", '5')
        && is_octet(c, "25", '5')
        && starts(d)
        && is_octet(d, "25", '4')
}

/// 16 to 31, the last digit of 20 to 29 of any script.
fn is_in_private_half(octet: &str) -> bool {
    let mut chars = octet.chars();
    match (chars.next(), chars.next(), chars.next()) {
        (Some('1'), Some('6'..='9'), None) | (Some('3'), Some('0' | '1'), None) => true,
        (Some('2'), Some(c), None) => is_decimal(c),
        _ => false,
    }
}

/// One or two digits, 100 to 199, or from 200 to `top` and `last`.
fn is_octet(octet: &str, top: &str, last: char) -> bool {
    let mut chars = octet.chars();
    let tens = top.chars().next_back().unwrap_or('0');
    match (chars.next(), chars.next(), chars.next(), chars.next()) {
        (Some(a), None, ..) => is_decimal(a),
        (Some(a), Some(b), None, _) => is_decimal(a) && is_decimal(b),
        (Some('1'), Some(b), Some(c), None) => is_decimal(b) && is_decimal(c),
        (Some('2'), Some(b), Some(c), None) => {
            (('0'..tens).contains(&b) && is_decimal(c)) || (b == tens && ('0'..=last).contains(&c))
        }
        _ => false,
    }
}
