//! Is the address one of a listed host, or does it have listed words in it? As DCLM, RefinedWeb's first step.
//!
//! The lists are the recipe's, one entry a line; without them, and without an address, nothing is dropped. DCLM's own
//! list of hosts is not published; its words are in baselines/mappers/banlists.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;
use document::{Check, Document, Filter, FilterSpec, Judge, OptionSpec, Raised, Settings, Signals, Test};
use text::characters::is_word_character;

const BANNED_HOST: usize = 0;
const STRICT_WORD: usize = 1;
const HARD_WORD: usize = 2;
const SOFT_WORDS: usize = 3;

pub const FILTER: FilterSpec = FilterSpec {
    name: "dclm_url",
    source: "Li et al. 2024 (DCLM); Penedo et al. 2023 (RefinedWeb), G.1",
    about: "Is its address free of listed hosts and words?",
    checks: &[
        Check::new("banned_host", Test::Own, "The host is on the list.")
            .known_as(&[("dclm", "url_substring_filter")]),
        Check::new(
            "banned_strict_word",
            Test::Own,
            "A listed word anywhere, even with hyphens or dots in it.",
        )
        .known_as(&[("dclm", "url_substring_filter")]),
        Check::new("banned_hard_word", Test::Own, "A listed word that stands alone.")
            .known_as(&[("dclm", "url_substring_filter")]),
        Check::new("banned_soft_words", Test::Own, "Two different listed words that stand alone.")
            .known_as(&[("dclm", "url_substring_filter")]),
    ],
    signals: &[],
    options: &[
        list("hosts", "hosts without `www`, compared as a whole"),
        list("strict_words", "words that may stand anywhere"),
        list("hard_words", "words that must stand alone"),
        list("soft_words", "words of which two different ones must stand alone"),
    ],
    judge: Judge::Document(build),
};

const fn list(key: &'static str, why: &'static str) -> OptionSpec {
    OptionSpec { key, default: "[]", allowed: &[], is_path: true, why }
}

struct Url {
    hosts: BTreeSet<String>,
    strict: Option<AhoCorasick>,
    hard: Option<AhoCorasick>,
    soft: Option<AhoCorasick>,
}

fn build(settings: &Settings) -> Result<Box<dyn Filter>, String> {
    let entries = |key: &str| -> BTreeSet<String> {
        let lists = settings.list(key).iter().filter_map(|path| settings.lists.get(path));
        lists.flat_map(|list| list.lines()).filter(|line| !line.is_empty()).map(str::to_lowercase).collect()
    };
    let words = |key: &str| match entries(key) {
        none if none.is_empty() => Ok(None),
        words => AhoCorasick::new(words).map(Some).map_err(|error| error.to_string()),
    };
    Ok(Box::new(Url {
        hosts: entries("hosts"),
        strict: words("strict_words")?,
        hard: words("hard_words")?,
        soft: words("soft_words")?,
    }))
}

impl Filter for Url {
    fn judge(&self, document: &mut Document<'_>, _: &mut Signals, raised: &mut Raised, _: &mut String) {
        let Some(url) = document.url else { return };
        if self.hosts.contains(&host(url).to_lowercase().replace("www", "")) {
            raised.raise(BANNED_HOST);
        }
        let url = url.to_lowercase();
        if self.strict.as_ref().is_some_and(|strict| strict.is_match(&url.replace(['-', '.'], ""))) {
            raised.raise(STRICT_WORD);
        }
        if words_alone(self.hard.as_ref(), &url) > 0 {
            raised.raise(HARD_WORD);
        }
        if words_alone(self.soft.as_ref(), &url) > 1 {
            raised.raise(SOFT_WORDS);
        }
    }
}

/// What Python's `urlparse` calls `netloc`.
fn host(url: &str) -> &str {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    };
    let rest = url.split_once(':').filter(|(scheme, _)| is_scheme(scheme)).map_or(url, |(_, rest)| rest);
    rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or("")
}

/// Number of different listed words that no letter, digit or underscore touches, read from left to right without overlap.
fn words_alone(words: Option<&AhoCorasick>, url: &str) -> usize {
    let Some(words) = words else { return 0 };
    let is_border =
        |at: usize| url[..at].ends_with(is_word_character) != url[at..].starts_with(is_word_character);
    let hits = words.find_overlapping_iter(url).map(|hit| hit.range());
    let mut alone: Vec<_> = hits.filter(|hit| is_border(hit.start) && is_border(hit.end)).collect();
    // The leftmost, and the longest of those.
    alone.sort_unstable_by_key(|hit| (hit.start, std::cmp::Reverse(hit.end)));
    let (mut different, mut end) = (BTreeSet::new(), 0);
    for hit in alone {
        if hit.start >= end {
            end = hit.end;
            different.insert(&url[hit]);
        }
    }
    different.len()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use document::OptionValue;

    use super::*;
    use crate::testing::settings;

    const LISTS: [(&str, &str); 4] = [
        ("hosts", "Bad.example\nwwworse.example\n"),
        ("strict_words", "casino\n2girls\n"),
        ("hard_words", "poker\nadult\n"),
        ("soft_words", "webcam\ns&m\nm\n"),
    ];

    fn reasons(url: Option<&str>) -> Vec<&'static str> {
        let mut settings = settings(&FILTER);
        for (key, list) in LISTS {
            settings.options.insert(key.to_owned(), OptionValue::List(vec![key.to_owned()]));
            settings.lists.insert(key.to_owned(), list.into());
        }
        let mut raised = Raised::default();
        let mut document = Document { url, ..Document::new("") };
        build(&settings).unwrap().judge(
            &mut document,
            &mut Signals::default(),
            &mut raised,
            &mut String::new(),
        );
        let failed = FILTER.checks.iter().enumerate().filter(|(check, _)| raised.contains(*check));
        failed.map(|(_, check)| check.reason).collect()
    }

    #[track_caller]
    fn drops(url: &str, reason: &str) {
        assert_eq!(reasons(Some(url)), [reason], "{url}");
    }

    #[track_caller]
    fn keeps(url: &str) {
        assert_eq!(reasons(Some(url)), [""; 0], "{url}");
    }

    #[test]
    fn hosts_are_compared_as_a_whole() {
        drops("HTTP://BAD.example?x", "banned_host");
        drops("//wwwbad.example/", "banned_host");
        keeps("https://www.bad.example/");
        keeps("https://very.bad.example");
        keeps("https://bad.example:80");
        keeps("bad.example");
        keeps("x y://bad.example");
        // `www` is cut out of the address alone.
        keeps("https://wwworse.example");
    }

    #[test]
    fn words() {
        drops("https://example.org/c-a.s-INO", "banned_strict_word");
        drops("https://example.org/2girls", "banned_strict_word");
        drops("https://example.org/online-poker", "banned_hard_word");
        keeps("https://example.org/pokers/_adult/adult1/épokeré");
        drops("https://example.org/webcam?s&m", "banned_soft_words");
        keeps("https://example.org/webcam/WEBCAM");
        // `m` is a word of `s&m`.
        keeps("https://example.org/s&m");
        drops("https://example.org/s&m/m", "banned_soft_words");
    }

    #[test]
    fn without_an_address_or_lists_nothing_is_dropped() {
        assert_eq!(reasons(None), [""; 0]);
        let (mut raised, settings) = (Raised::default(), settings(&FILTER));
        let mut document = Document { url: Some("https://bad.example/poker"), ..Document::new("") };
        build(&settings).unwrap().judge(
            &mut document,
            &mut Signals::default(),
            &mut raised,
            &mut String::new(),
        );
        assert_eq!(raised, Raised::default());
    }
}
