//! The list of a takedown: ids, addresses and domains, one a line.

use std::collections::HashMap;

use text::address::{self, domains, is_host};

/// What is to be removed. Every line counts the documents that it matched.
#[derive(Debug, Default)]
pub struct RemovalList {
    lines: Vec<Line>,
    /// Index of the line, by what it names.
    ids: HashMap<String, usize>,
    addresses: HashMap<String, usize>,
    /// Beginnings of addresses, by their host.
    prefixes: HashMap<String, Vec<(String, usize)>>,
    domains: HashMap<String, usize>,
}

#[derive(Debug)]
struct Line {
    text: String,
    documents: u64,
}

/// A line that names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line}: `{text}` names no {kind}; write id:…, url:https://example.org/page, url:https://example.org/folder/*, \
     domain:example.org, or one of these without its prefix"
)]
pub struct ListError {
    /// From 1.
    pub line: usize,
    pub text: String,
    pub kind: &'static str,
}

impl RemovalList {
    /// A line is `id:`, `url:` or `domain:` and what it names. Without a prefix it is an id, and also an address if it
    /// holds `://`, or a domain if it could be one. Blank lines, and lines that begin with `#`, are nothing.
    ///
    /// An address is compared without scheme, `www.`, port, fragment and final slash; with a final `*` it stands for all
    /// that begin so. A domain stands for itself and its subdomains.
    pub fn parse(text: &str) -> Result<RemovalList, ListError> {
        let mut list = RemovalList::default();
        for (number, written) in text.trim_start_matches('\u{FEFF}').lines().enumerate() {
            let line = written.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let index = list.lines.len();
            let wrong = |kind| ListError { line: number + 1, text: line.to_owned(), kind };
            if let Some(id) = line.strip_prefix("id:") {
                list.ids.entry(id.to_owned()).or_insert(index);
            } else if let Some(address) = line.strip_prefix("url:") {
                list.add_address(address, index).ok_or_else(|| wrong("address"))?;
            } else if let Some(domain) = line.strip_prefix("domain:") {
                list.add_domain(domain, index).ok_or_else(|| wrong("domain"))?;
            } else {
                list.ids.entry(line.to_owned()).or_insert(index);
                if line.contains("://") {
                    list.add_address(line, index).ok_or_else(|| wrong("address"))?;
                } else if line.contains('.') && !line.contains('#') {
                    list.add_domain(line, index);
                }
            }
            list.lines.push(Line { text: line.to_owned(), documents: 0 });
        }
        Ok(list)
    }

    fn add_address(&mut self, address: &str, index: usize) -> Option<()> {
        let (host, _) = address::split(address);
        let host = host.strip_prefix("www.").unwrap_or(&host).to_owned();
        if host.is_empty() {
            return None;
        }
        match address.strip_suffix('*') {
            // A final slash means the folder, so it stays.
            Some(beginning) => {
                let slash = if beginning.ends_with('/') { "/" } else { "" };
                let beginning = address::normal(beginning) + slash;
                self.prefixes.entry(host).or_default().push((beginning, index));
            }
            None => drop(self.addresses.entry(address::normal(address)).or_insert(index)),
        }
        Some(())
    }

    fn add_domain(&mut self, domain: &str, index: usize) -> Option<()> {
        let (host, rest) = address::split(domain.trim_start_matches("*."));
        if !is_host(&host) || !matches!(rest, "" | "/") {
            return None;
        }
        self.domains.entry(host.into_owned()).or_insert(index);
        Some(())
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub fn n_lines(&self) -> usize {
        self.lines.len()
    }

    /// True if some line can only be matched by an address.
    pub fn needs_addresses(&self) -> bool {
        !self.addresses.is_empty() || !self.prefixes.is_empty() || !self.domains.is_empty()
    }

    /// True if a line names this document; all that do count it.
    pub fn removes(&mut self, id: &str, url: Option<&str>) -> bool {
        let mut matched: Vec<usize> = self.ids.get(id).copied().into_iter().collect();
        if let Some(url) = url.filter(|_| self.needs_addresses()) {
            let (host, _) = address::split(url);
            matched.extend(domains(&host).filter_map(|domain| self.domains.get(domain)));
            if !self.addresses.is_empty() || !self.prefixes.is_empty() {
                let normal = address::normal(url);
                matched.extend(self.addresses.get(&normal));
                // The folder's own page is named with its slash, too.
                let begins = |beginning: &str| {
                    normal.starts_with(beginning) || beginning.strip_suffix('/') == Some(normal.as_str())
                };
                let host = host.strip_prefix("www.").unwrap_or(&host);
                let prefixes = self.prefixes.get(host).into_iter().flatten();
                matched.extend(prefixes.filter(|(beginning, _)| begins(beginning)).map(|(_, index)| *index));
            }
        }
        matched.sort_unstable();
        matched.dedup();
        matched.iter().for_each(|index| self.lines[*index].documents += 1);
        !matched.is_empty()
    }

    /// Every line with the documents that it matched.
    pub fn matched(&self) -> impl Iterator<Item = (&str, u64)> {
        self.lines.iter().map(|line| (line.text.as_str(), line.documents))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_ids_addresses_and_domains() {
        let text = "\u{FEFF}# a comment\n\nid:example.org\nurl:https://www.a.org/x/\nhttps://b.org/p/*\ndomain:c.org\r\nd.org\ndoc-7\n";
        let mut list = RemovalList::parse(text).unwrap();
        assert_eq!(list.n_lines(), 6);
        for (id, url, removed) in [
            ("example.org", None, true),
            ("1", Some("https://example.org/"), false),
            ("2", Some("http://a.org/x#y"), true),
            ("3", Some("http://a.org/x/y"), false),
            ("4", Some("http://sub.a.org/x"), false),
            ("5", Some("https://b.org/p/q"), true),
            ("6", Some("https://b.org/p"), true),
            ("7", Some("https://b.org/pq"), false),
            ("8", Some("https://c.org"), true),
            ("9", Some("https://Sub.C.org:8080/x"), true),
            ("10", Some("https://xc.org/"), false),
            ("11", Some("https://d.org/"), true),
            ("d.org", None, true),
            ("doc-7", Some("https://e.org"), true),
            ("doc-70", None, false),
            ("https://b.org/p/*", None, true),
        ] {
            assert_eq!(list.removes(id, url), removed, "{id} {url:?}");
        }
        let counts: Vec<u64> = list.matched().map(|(_, n)| n).collect();
        assert_eq!(counts, [1, 1, 3, 2, 2, 1]);
    }

    #[test]
    fn a_line_that_names_nothing_is_refused() {
        for (text, line, kind) in [
            ("ok\nurl:\n", 2, "address"),
            ("domain:a b\n", 1, "domain"),
            ("domain:a.org/x", 1, "domain"),
            ("http:///x", 1, "address"),
        ] {
            let error = RemovalList::parse(text).unwrap_err();
            assert_eq!((error.line, error.kind), (line, kind));
        }
        assert!(RemovalList::parse("# nothing\n").unwrap().is_empty());
    }
}
