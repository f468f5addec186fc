//! Are there addresses of people: e-mail, public IP, telephone? They are replaced, tagged, or drop the page.
//!
//! What is an address is said by datatrove's two patterns, and an IPv4 address is public where Python 3.11.7's
//! `ipaddress` calls it global; the replacements are datatrove's, too. The choice among them is ours: by the hash of
//! what is replaced. The reference takes them in turn with a counter that lives across documents, so what it writes
//! depends on how the input was cut into shards and on which other documents a shard holds; here the same address
//! becomes the same replacement everywhere. The kept text can be longer than the text was.
//!
//! Telephone numbers (`phones.rs`) and IPv6 addresses are ours, and off unless a recipe sets them: the defaults are
//! datatrove's. Numbers become some that are kept for fiction, addresses of IPv6 those for documentation (RFC 3849);
//! of IPv6 only 2000::/3 is looked at, the unicast space that is in use, without what IANA sets apart in it.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use document::{
    Check, Document, FilterSpec, Form, Found, Judge, LineEdits, LineFilter, OptionSpec, Piece, Raised,
    Settings, Signal, Signals,
};
use memchr::{memchr, memchr_iter};
use regex::Regex;
use text::characters::is_word_character;
use text::stable_hash::hash_id;

use crate::phones::phones;

pub const FILTER: FilterSpec = FilterSpec {
    name: "mask_pii",
    source: "datatrove PIIFormatter, replacements chosen by hash; telephone numbers and IPv6 ours",
    about: "Which e-mail, public IP and telephone addresses does it name? Replaces them.",
    checks: &[
        Check::edit("emails_masked", "E-mail addresses that were replaced."),
        Check::edit("ip_addresses_masked", "Public IP addresses that were replaced."),
        Check::edit("phone_numbers_masked", "Telephone numbers that were replaced."),
        Check::on_demand("emails", "has_email", "It holds an e-mail address."),
        Check::on_demand("ip_addresses", "has_ip_address", "It holds a public IPv4 address."),
        Check::on_demand("ipv6_addresses", "has_ipv6_address", "It holds a public IPv6 address."),
        Check::on_demand("phone_numbers", "has_phone_number", "It holds a telephone number."),
    ],
    signals: &[Signal::MaskedEmails, Signal::MaskedIpAddresses, Signal::PhoneNumbers],
    options: &[
        action(
            "emails",
            r#""mask""#,
            "e-mail addresses: mask, replace them; tag, count them; drop the page; off",
        ),
        action("ip_addresses", r#""mask""#, "public IPv4 addresses, likewise"),
        action("ipv6_addresses", r#""off""#, "public IPv6 addresses, likewise"),
        action("phone_numbers", r#""off""#, "telephone numbers, likewise"),
    ],
    judge: Judge::Lines(build),
};

const fn action(key: &'static str, default: &'static str, why: &'static str) -> OptionSpec {
    OptionSpec { key, default, allowed: &["mask", "tag", "drop", "off"], is_path: false, why }
}

/// What is looked for; the order is that of the options.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Email,
    Ipv4,
    Ipv6,
    Phone,
}

const KINDS: [Kind; 4] = [Kind::Email, Kind::Ipv4, Kind::Ipv6, Kind::Phone];

#[derive(Clone, Copy, PartialEq)]
enum Action {
    Mask,
    /// Count, and let the plan drop the page if its check is on.
    Tag,
    Off,
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

/// Kept for documentation (RFC 3849).
const IPV6_ADDRESSES: [&str; 2] = ["2001:db8::1", "2001:db8::2"];
/// Of the hundred that the North American plan keeps for fiction: 555-0100 to 555-0199.
const PHONE_NUMBERS: [&str; 2] = ["202-555-0114", "202-555-0187"];

struct MaskPii {
    /// By kind.
    actions: [Action; 4],
    domain: Regex,
    ip_address: Regex,
}

fn build(settings: &Settings) -> Result<Box<dyn LineFilter>, String> {
    let regex = |pattern| Regex::new(pattern).map_err(|error| error.to_string());
    let actions = std::array::from_fn(|kind| match settings.text(FILTER.options[kind].key) {
        "mask" => Action::Mask,
        "tag" | "drop" => Action::Tag,
        _ => Action::Off,
    });
    Ok(Box::new(MaskPii { actions, domain: regex(DOMAIN)?, ip_address: regex(IP_ADDRESS)? }))
}

impl LineFilter for MaskPii {
    fn judge_lines(
        &self,
        document: &Document<'_>,
        edits: &mut LineEdits,
        signals: &mut Signals,
        raised: &mut Raised,
        _buffer: &mut String,
    ) {
        let counts = self.write(document.text, edits, &mut |_, _| ());
        for (kind, count) in KINDS.into_iter().zip(counts) {
            if count > 0 {
                raised.raise(FIRST_DROP + kind as usize);
            }
        }
        let [emails, ipv4, ipv6, phones] = counts.map(f64::from);
        signals.set(Signal::MaskedEmails, emails);
        signals.set(Signal::MaskedIpAddresses, ipv4 + ipv6);
        signals.set(Signal::PhoneNumbers, phones);
    }

    fn point(&self, document: &Document<'_>, found: &mut Found<'_>) {
        self.write(document.text, &mut LineEdits::default(), found);
    }
}

/// The check that drops for the first kind; the others follow.
const FIRST_DROP: usize = 3;

impl MaskPii {
    /// Writes what is left of the text, and counts what was found, by kind.
    fn write(&self, text: &str, edits: &mut LineEdits, found: &mut Found<'_>) -> [u32; 4] {
        edits.clear(FILTER.checks.len());
        let mut writer = Writer { filter: self, text, edits, kept: 0, counts: [0; 4], each: found };
        let mut end = 0;
        if self.looks_for(Kind::Email) {
            for at in memchr_iter(b'@', text.as_bytes()) {
                let Some(start) = local_part(text, end, at) else { continue };
                let Some(domain) = self.domain.find(&text[at + 1..]) else { continue };
                self.ip_addresses(text, end..start, &mut writer);
                end = at + 1 + domain.end();
                writer.found(Kind::Email, start..end);
            }
        }
        self.ip_addresses(text, end..text.len(), &mut writer);
        writer.finish()
    }

    fn looks_for(&self, kind: Kind) -> bool {
        self.actions[kind as usize] != Action::Off
    }

    /// IPv4 addresses between e-mail addresses, and between those what is ours.
    fn ip_addresses(&self, text: &str, range: Range<usize>, writer: &mut Writer<'_, '_>) {
        let mut end = range.start;
        let part = &text[range.clone()];
        if self.looks_for(Kind::Ipv4) && memchr(b'.', part.as_bytes()).is_some() {
            for found in self.ip_address.find_iter(part).filter(|found| is_public(found.as_str())) {
                let found = range.start + found.start()..range.start + found.end();
                self.ipv6_addresses(text, end..found.start, writer);
                end = found.end;
                writer.found(Kind::Ipv4, found);
            }
        }
        self.ipv6_addresses(text, end..range.end, writer);
    }

    fn ipv6_addresses(&self, text: &str, range: Range<usize>, writer: &mut Writer<'_, '_>) {
        let mut end = range.start;
        if self.looks_for(Kind::Ipv6) {
            // An address begins with its first group, four digits.
            for at in memchr_iter(b':', &text.as_bytes()[range.clone()]) {
                let start = (range.start + at).saturating_sub(4);
                if start < end || !text.is_char_boundary(start) {
                    continue;
                }
                let Some(found) = ipv6_at(text, start, range.end) else { continue };
                self.phone_numbers(text, end..start, writer);
                end = found.end;
                writer.found(Kind::Ipv6, found);
            }
        }
        self.phone_numbers(text, end..range.end, writer);
    }

    fn phone_numbers(&self, text: &str, range: Range<usize>, writer: &mut Writer<'_, '_>) {
        if self.looks_for(Kind::Phone) {
            let part = &text[range.clone()];
            phones(part, |found| {
                writer.found(Kind::Phone, range.start + found.start..range.start + found.end)
            });
        }
    }
}

/// Writes pieces from left to right.
struct Writer<'a, 'b> {
    filter: &'a MaskPii,
    text: &'b str,
    edits: &'a mut LineEdits,
    /// Up to here there are pieces.
    kept: usize,
    counts: [u32; 4],
    each: &'a mut Found<'b>,
}

impl Writer<'_, '_> {
    fn found(&mut self, kind: Kind, range: Range<usize>) {
        self.counts[kind as usize] += 1;
        if self.filter.actions[kind as usize] != Action::Mask {
            return (self.each)(FIRST_DROP + kind as usize, range);
        }
        let (check, with): (usize, &[&'static str]) = match kind {
            Kind::Email => (0, &EMAILS),
            Kind::Ipv4 => (1, &IP_ADDRESSES),
            Kind::Ipv6 => (1, &IPV6_ADDRESSES),
            Kind::Phone => (2, &PHONE_NUMBERS),
        };
        (self.each)(check, range.clone());
        self.edits.lines[check] += 1;
        self.edits.pieces.push(Piece::kept(self.kept..range.start, false));
        self.kept = range.end;
        let choice = hash_id(&self.text[range.clone()], 0) % with.len() as u64;
        let replacement = Some(with[choice as usize]);
        self.edits.pieces.push(Piece { range, begins_line: false, replacement });
    }

    fn finish(self) -> [u32; 4] {
        if self.kept == 0 {
            self.edits.form = Form::Whole;
        } else {
            self.edits.pieces.push(Piece::kept(self.kept..self.text.len(), false));
        }
        self.counts
    }
}

/// The public address that begins at `start` and ends before `end`.
fn ipv6_at(text: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let is_part = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b':';
    let bytes = text.as_bytes();
    let before = text[..start].chars().next_back();
    if !matches!(bytes[start], b'2' | b'3')
        || before.is_some_and(|c| is_word_character(c) || c == ':' || c == '.')
    {
        return None;
    }
    let length = bytes[start..end].iter().take(40).take_while(|byte| is_part(byte)).count();
    // A colon may end the clause, and not be the address's.
    let whole = &text[start..start + length];
    [whole, whole.trim_end_matches(':')].into_iter().find_map(|address| {
        let found = start..start + address.len();
        let after = text[found.end..].chars().next();
        let is_public = address.parse().is_ok_and(is_public_ipv6);
        (is_public && !after.is_some_and(is_word_character)).then_some(found)
    })
}

/// In 2000::/3, and not in a part that IANA keeps for a purpose: protocols, benchmarks, documentation, 6to4.
fn is_public_ipv6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_special = first == 0x2001 && (second < 0x200 || second == 0xDB8)
        || first == 0x2002
        || first == 0x3FFF && second < 0x1000;
    first >> 13 == 1 && !is_special
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
