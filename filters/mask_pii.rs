//! Are there addresses of people: e-mail, public IPv4? They are replaced, nothing is dropped.
//!
//! What is an address is said by datatrove's two patterns, and an IPv4 address is public where Python 3.11.7's
//! `ipaddress` calls it global; the replacements are datatrove's, too. The choice among them is ours: by the hash of
//! what is replaced. The reference takes them in turn with a counter that lives across documents, so what it writes
//! depends on how the input was cut into shards and on which other documents a shard holds; here the same address
//! becomes the same replacement everywhere. The kept text can be longer than the text was.

use std::net::Ipv4Addr;

use document::{
    Document, FilterSpec, Judge, LineEdits, LineFilter, OptionSpec, Piece, Raised, Settings, Signal, Signals,
};
use memchr::{memchr, memchr_iter};
use regex::Regex;
use text::characters::is_word_character;
use text::stable_hash::hash_id;

pub const FILTER: FilterSpec = FilterSpec {
    name: "mask_pii",
    source: "datatrove PIIFormatter; replacements chosen by hash",
    about: "Which e-mail and public IPv4 addresses does it name? Replaces them.",
    checks: &[],
    signals: &[Signal::MaskedEmails, Signal::MaskedIpAddresses],
    options: &[
        switch("emails", "replace e-mail addresses"),
        switch("ip_addresses", "replace public IPv4 addresses"),
    ],
    judge: Judge::Lines(build),
};

const fn switch(key: &'static str, why: &'static str) -> OptionSpec {
    OptionSpec { key, default: "true", allowed: &[], is_path: false, why }
}

/// Addresses that belong to nobody (RFC 2606).
const EMAILS: [&str; 2] = ["email@example.com", "firstname.lastname@example.org"];
/// Addresses that did not answer when datatrove's list was made.
const IP_ADDRESSES: [&str; 6] =
    ["22.214.171.124", "126.96.36.199", "188.8.131.52", "184.108.40.206", "220.127.116.11", "18.104.22.168"];

/// What may follow the `@`. The part before it needs Python's word boundary and is read by hand.
const DOMAIN: &str = r"^(?:(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?|\[(?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?|[A-Za-z0-9-]*[A-Za-z0-9]:)\])";
const IP_ADDRESS: &str =
    r"(?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)";

struct MaskPii {
    emails: bool,
    ip_addresses: bool,
    domain: Regex,
    ip_address: Regex,
}

fn build(settings: &Settings) -> Result<Box<dyn LineFilter>, String> {
    let regex = |pattern| Regex::new(pattern).map_err(|error| error.to_string());
    Ok(Box::new(MaskPii {
        emails: settings.bool("emails"),
        ip_addresses: settings.bool("ip_addresses"),
        domain: regex(DOMAIN)?,
        ip_address: regex(IP_ADDRESS)?,
    }))
}

impl LineFilter for MaskPii {
    fn judge_lines(
        &self,
        document: &Document<'_>,
        edits: &mut LineEdits,
        signals: &mut Signals,
        _raised: &mut Raised,
        _buffer: &mut String,
    ) {
        let text = document.text;
        edits.clear(FILTER.checks.len());
        let (mut emails, mut ip_addresses, mut end) = (0, 0, 0);
        if self.emails {
            for at in memchr_iter(b'@', text.as_bytes()) {
                let Some(start) = local_part(text, end, at) else { continue };
                let Some(domain) = self.domain.find(&text[at + 1..]) else { continue };
                ip_addresses += self.mask_ip_addresses(text, end, start, &mut edits.pieces);
                end = at + 1 + domain.end();
                replace(text, start, end, &EMAILS, &mut edits.pieces);
                emails += 1;
            }
        }
        ip_addresses += self.mask_ip_addresses(text, end, text.len(), &mut edits.pieces);
        signals.set(Signal::MaskedEmails, f64::from(emails));
        signals.set(Signal::MaskedIpAddresses, f64::from(ip_addresses));
    }
}

impl MaskPii {
    /// Adds the pieces of `text[start..end]`; returns how many addresses it replaced.
    fn mask_ip_addresses(&self, text: &str, start: usize, end: usize, pieces: &mut Vec<Piece>) -> u32 {
        let (mut kept, mut masked) = (start, 0);
        let part = &text[start..end];
        if self.ip_addresses && memchr(b'.', part.as_bytes()).is_some() {
            for found in self.ip_address.find_iter(part).filter(|found| is_public(found.as_str())) {
                let range = start + found.start()..start + found.end();
                pieces.push(Piece::kept(kept..range.start, false));
                replace(text, range.start, range.end, &IP_ADDRESSES, pieces);
                (kept, masked) = (range.end, masked + 1);
            }
        }
        pieces.push(Piece::kept(kept..end, false));
        masked
    }
}

fn replace(text: &str, start: usize, end: usize, with: &[&'static str], pieces: &mut Vec<Piece>) {
    let choice = hash_id(&text[start..end], 0) % with.len() as u64;
    let replacement = Some(with[choice as usize]);
    pieces.push(Piece { range: start..end, begins_line: false, replacement });
}

/// Where the address whose `@` is at `at` begins, at `from` at the earliest: the first word boundary from which on
/// there are only atoms with single full stops between them.
fn local_part(text: &str, from: usize, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut first = at;
    while first > from {
        let is_stop = bytes[first - 1] == b'.' && is_atom(bytes[first]);
        if !is_stop && !is_atom(bytes[first - 1]) {
            break;
        }
        first -= 1;
    }
    let mut before = text[..first].chars().next_back().is_some_and(is_word_character);
    (first..at).find(|&start| {
        let here = bytes[start].is_ascii_alphanumeric() || bytes[start] == b'_';
        let is_boundary = here != before;
        before = here;
        is_boundary && is_atom(bytes[start])
    })
}

fn is_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte)
}

/// Networks that are not global, by first address and bits.
const NOT_PUBLIC: &[(u32, u32)] = &[
    (0x0000_0000, 8),
    (0x0A00_0000, 8),
    (0x6440_0000, 10),
    (0x7F00_0000, 8),
    (0xA9FE_0000, 16),
    (0xAC10_0000, 12),
    (0xC000_0000, 29),
    (0xC000_00AA, 31),
    (0xC000_0200, 24),
    (0xC0A8_0000, 16),
    (0xC612_0000, 15),
    (0xC633_6400, 24),
    (0xCB00_7100, 24),
    (0xF000_0000, 4),
];

/// False, too, where a number begins with a zero: Python and we alike read no such address.
fn is_public(address: &str) -> bool {
    let Ok(address) = address.parse::<Ipv4Addr>().map(u32::from) else { return false };
    !NOT_PUBLIC.iter().any(|&(first, bits)| (address ^ first) >> (32 - bits) == 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#[path = "mask_pii_tests.rs"]
mod tests;
