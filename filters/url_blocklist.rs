//! Is the page's address on a block list, or does it hold a listed word?
//!
//! Lists are the user's, as files of the recipe. `hosts` and the categories of a UT1 folder block a host with all its
//! subdomains, and addresses by their beginning (`url_lists.rs`); what `allow` lists in the same way is never dropped.
//! The other lists are datatrove's (`domains`, `urls`, words), and compare as it does: a line
//! that begins with `#` is a comment, addresses are compared as they are written (UT1's, without
//! `https://`, find only addresses without it), hosts and the words of an address in their letter case, and only
//! `banned_subwords` in lower case. A page without an address cannot be looked up: the reference stops at it, here it
//! is dropped as `no_url`, unless that check is off.
//!
//! The registered domain is tldextract's: by the ICANN part of the Public Suffix List, so `x.blogspot.com` belongs to
//! `blogspot.com`. The list is the one that the crate `psl` was built with; the reference fetches today's, or falls back
//! to one of April 2025, of whose 9,753 rules about 25 have changed since. A blank line, or a word without an ASCII letter or digit, is
//! ignored (in the reference it is the empty word, which is in every address that ends in a slash).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use document::{Check, Document, Filter, FilterSpec, Judge, OptionSpec, Raised, Settings, Signals, Test};
use text::characters::strip;

use crate::url_lists::{Hashes, Listed, Sites};

const BLOCKED_DOMAIN: usize = 0;
const BLOCKED_HOST: usize = 1;
const BLOCKED_URL: usize = 2;
const BANNED_WORD: usize = 3;
const SOFT_WORDS: usize = 4;
const BANNED_SUBWORD: usize = 5;
const NO_URL: usize = 6;
const BLOCKED_SITE: usize = 7;
const BLOCKED_PAGE: usize = 8;

pub const FILTER: FilterSpec = FilterSpec {
    name: "url_blocklist",
    source: "Penedo et al. 2023 (RefinedWeb), G.1; datatrove URLFilter",
    about: "Is its address on no block list?",
    checks: &[
        Check::new("blocked_domain", Test::Own, "Its registered domain is listed.")
            .known_as(&[("datatrove", "domain")]),
        Check::new("blocked_host", Test::Own, "Its host is listed.").known_as(&[("datatrove", "subdomain")]),
        Check::new("blocked_url", Test::Own, "Its very address is listed.").known_as(&[("datatrove", "url")]),
        Check::new("banned_word", Test::Own, "A word of its address is listed.")
            .known_as(&[("datatrove", "hard_blacklisted")]),
        Check::new("soft_words", Test::Own, "Several words of its address are listed as suspicious.")
            .known_as(&[("datatrove", "soft_blacklisted")]),
        Check::new("banned_subword", Test::Own, "Its letters and digits, run together, hold a listed word.")
            .known_as(&[("datatrove", "blacklisted_subword")]),
        Check::new("no_url", Test::Own, "Without an address it cannot be looked up."),
        Check::new("blocked_site", Test::Own, "Its host, or a domain that it lies in, is listed."),
        Check::new("blocked_page", Test::Own, "Its address begins with a listed one."),
    ],
    signals: &[],
    options: &[
        list(
            "hosts",
            "hosts files, or lists of one host or address a line (also .gz); a host stands for its subdomains, too",
        ),
        list("allow", "such lists of what is never dropped, whatever other lists say"),
        OptionSpec {
            key: "ut1",
            default: "[]",
            allowed: &[],
            is_path: false,
            why: "folders of UT1's blacklists: each category has a folder with `domains` and `urls` (also .gz)",
        },
        OptionSpec {
            key: "categories",
            default: "[]",
            allowed: &[],
            is_path: false,
            why: "categories of `ut1` to block, such as \"adult\"",
        },
        list("domains", "files of registered domains and hosts, one a line"),
        list("urls", "files of whole addresses, one a line"),
        list("banned_words", "files of words; one in the address is enough"),
        list(
            "soft_banned_words",
            "files of words of which `soft_threshold` different ones must be in the address",
        ),
        list("banned_subwords", "files of words that may stand anywhere in the address, within a word too"),
        OptionSpec {
            key: "soft_threshold",
            default: "2",
            allowed: &[],
            is_path: false,
            why: "so many different soft words drop a page",
        },
    ],
    judge: Judge::Document(build),
};

const fn list(key: &'static str, why: &'static str) -> OptionSpec {
    OptionSpec { key, default: "[]", allowed: &[], is_path: true, why }
}

struct UrlBlocklist {
    blocked: Sites,
    allowed: Sites,
    hosts: Hashes,
    urls: Hashes,
    banned: HashSet<String>,
    soft: HashMap<String, usize>,
    soft_threshold: usize,
    subwords: AhoCorasick,
}

fn build(settings: &Settings) -> Result<Box<dyn Filter>, String> {
    let words = |key| entries(settings, key).map(normalized).filter(|word| !word.is_empty());
    let files = |key| {
        let text = |path: &'_ String| Some((path.clone(), settings.lists.get(path)?.clone()));
        settings.list(key).iter().filter_map(text).collect::<Vec<_>>()
    };
    let mut blocked = files("hosts");
    if settings.list("ut1").is_empty() != settings.list("categories").is_empty() {
        return Err(
            "categories: `ut1` names folders, `categories` what to block of them: give both".to_owned()
        );
    }
    for path in ut1_paths(settings.list("ut1"), settings.list("categories")) {
        let list = settings.lists.get(&path).cloned().unwrap_or_default();
        blocked.push((path, list));
    }
    let sites = |key: &str, files: Vec<(String, Arc<str>)>| {
        let files = files.iter().map(|(path, text)| (path.as_str(), &**text));
        Sites::new(files).map_err(|message| format!("{key}: {message}"))
    };
    Ok(Box::new(UrlBlocklist {
        blocked: sites("hosts", blocked)?,
        allowed: sites("allow", files("allow"))?,
        hosts: Hashes::new(entries(settings, "domains")),
        urls: Hashes::new(entries(settings, "urls")),
        banned: words("banned_words").collect(),
        soft: words("soft_banned_words").zip(0..).collect(),
        soft_threshold: settings.number("soft_threshold").unwrap_or(2.0) as usize,
        subwords: AhoCorasick::new(words("banned_subwords")).map_err(|error| error.to_string())?,
    }))
}

/// The files of UT1's categories, as the recipe writes the folders.
pub fn ut1_paths(folders: &[String], categories: &[String]) -> Vec<String> {
    let of = |folder: &String| {
        let folder = folder.trim_end_matches('/').to_owned();
        categories
            .iter()
            .flat_map(move |category| ["domains", "urls"].map(|list| format!("{folder}/{category}/{list}")))
    };
    folders.iter().flat_map(of).collect()
}

/// ASCII letters and digits alone, in lower case.
fn normalized(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The entries of an option's files, stripped.
fn entries<'a>(settings: &'a Settings, key: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let files = settings.list(key).iter().filter_map(|path| settings.lists.get(path));
    let lines = files.flat_map(|text| text.lines()).filter(|line| !line.starts_with('#'));
    lines.map(strip).filter(|line| !line.is_empty())
}

impl Filter for UrlBlocklist {
    fn judge(
        &self,
        document: &mut Document<'_>,
        _signals: &mut Signals,
        raised: &mut Raised,
        buffer: &mut String,
    ) {
        let Some(url) = document.url.filter(|url| !url.is_empty()) else {
            return raised.raise(NO_URL);
        };
        if self.allowed.find(url).is_some() {
            return;
        }
        match self.blocked.find(url) {
            Some(Listed::Host) => raised.raise(BLOCKED_SITE),
            Some(Listed::Address) => raised.raise(BLOCKED_PAGE),
            None => {}
        }
        if let Some(host) = Host::of(url, buffer) {
            if self.hosts.contains(host.domain) {
                raised.raise(BLOCKED_DOMAIN);
            }
            if host.name != host.domain && self.hosts.contains(host.name) {
                raised.raise(BLOCKED_HOST);
            }
        }
        if self.urls.contains(url) {
            raised.raise(BLOCKED_URL);
        }
        self.judge_words(url, raised);
        buffer.clear();
        buffer.extend(url.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()));
        if self.subwords.is_match(buffer.as_str()) {
            raised.raise(BANNED_SUBWORD);
        }
    }
}

impl UrlBlocklist {
    fn judge_words(&self, url: &str, raised: &mut Raised) {
        // Short: as soon as it holds the threshold, the rest does not matter.
        let mut soft = Vec::new();
        for word in url.split(|c: char| !c.is_ascii_alphanumeric()) {
            if self.banned.contains(word) {
                raised.raise(BANNED_WORD);
            }
            match self.soft.get(word) {
                Some(index) if soft.len() < self.soft_threshold && !soft.contains(index) => soft.push(*index),
                _ => {}
            }
        }
        if soft.len() >= self.soft_threshold {
            raised.raise(SOFT_WORDS);
        }
    }
}

/// Whose page it is; only hosts under a suffix of the list have an owner.
#[derive(Debug, PartialEq)]
struct Host<'a> {
    /// `example.co.uk` of `www.example.co.uk`.
    domain: &'a str,
    name: &'a str,
}

impl<'a> Host<'a> {
    /// As tldextract finds them, in the address's letter case; `buffer` is for a host with Unicode's full stops.
    fn of(url: &'a str, buffer: &'a mut String) -> Option<Host<'a>> {
        let host = host_of(url);
        let host = if host.contains(FULL_STOPS) {
            buffer.clear();
            buffer.extend(host.chars().map(|c| if FULL_STOPS.contains(&c) { '.' } else { c }));
            &*buffer
        } else {
            host
        };
        let is_lower = host.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        let labels = if is_lower { suffixes::labels(host) } else { suffixes::labels(&host.to_lowercase()) };
        let mut dots = host.rmatch_indices('.').map(|(at, _)| at);
        // The suffix begins behind this dot, the domain behind the one before it.
        let suffix = dots.nth(labels.checked_sub(1)?)?;
        let start = dots.next().map_or(0, |dot| dot + 1);
        if start == suffix {
            return None;
        }
        let domain = &host[start..];
        Some(Host { domain, name: if start == 1 { domain } else { host } })
    }
}

/// What Unicode takes for a full stop in a host, beside the ASCII one.
const FULL_STOPS: [char; 3] = ['\u{3002}', '\u{FF0E}', '\u{FF61}'];

/// tldextract's lenient reading of an address, or of something like one.
fn host_of(url: &str) -> &str {
    let is_scheme = |scheme: &str| scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let rest = match url.split_once("//") {
        Some(("", rest)) => rest,
        Some((scheme, rest)) if scheme.len() > 1 && scheme.strip_suffix(':').is_some_and(is_scheme) => rest,
        _ => url,
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    if host.starts_with('[') && host.contains(']') {
        // An IPv6 address, which has no suffix.
        return "";
    }
    let host = strip(host.split(':').next().unwrap_or(host));
    host.trim_end_matches('.').trim_end_matches(|c| c == '.' || FULL_STOPS.contains(&c))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#[path = "url_blocklist_tests.rs"]
mod tests;
