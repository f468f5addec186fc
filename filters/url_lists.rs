//! Lists of hosts and addresses as they are published: hosts files, plain lines, UT1's `domains` and `urls`.
//!
//! A list of millions is a sorted set of 64-bit hashes: 8 bytes an entry. Among n entries another text is taken for one of
//! them with probability n / 2^64: with ten million, once in 10^12 lookups.

use text::address::{LONGEST_HOST, domains, is_host, normal, split};
use text::stable_hash::hash_id;

/// A set of texts.
#[derive(Debug, Default)]
pub(crate) struct Hashes(Vec<u64>);

impl Hashes {
    pub(crate) fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Hashes {
        Hashes::of(texts.map(hash).collect())
    }

    fn of(mut hashes: Vec<u64>) -> Hashes {
        hashes.sort_unstable();
        hashes.dedup();
        hashes.shrink_to_fit();
        Hashes(hashes)
    }

    pub(crate) fn contains(&self, text: &str) -> bool {
        self.0.binary_search(&hash(text)).is_ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn hash(text: &str) -> u64 {
    hash_id(text, 0)
}

/// Hosts, each with what lies below it, and beginnings of addresses.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    hosts: Hashes,
    beginnings: Hashes,
}

/// What an address is on a list for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    Host,
    Address,
}

/// Ends of folders and of queries that are looked at in an address; none has more in earnest.
const MOST_BEGINNINGS: usize = 32;

impl Sites {
    /// From the texts of files, each with its name for messages. A line holds one entry, or an address of the net and the
    /// hosts that are sent there, as hosts files do; a `#` begins a comment. An entry with a path is an address.
    pub(crate) fn new<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Sites, String> {
        let (mut hosts, mut beginnings) = (Vec::new(), Vec::new());
        for (name, text) in files {
            let (mut entries, mut wrong, mut first_wrong) = (0_u64, 0_u64, None);
            for (number, line) in text.trim_start_matches('\u{FEFF}').lines().enumerate() {
                for entry in entries_of(line) {
                    entries += 1;
                    match read(entry) {
                        Some(Entry::Host(host)) => hosts.push(hash(&host)),
                        Some(Entry::Address(address)) => beginnings.push(hash(&address)),
                        Some(Entry::Nobodys) => {}
                        None => {
                            wrong += 1;
                            first_wrong.get_or_insert((number + 1, entry));
                        }
                    }
                }
            }
            // Published lists have a few odd lines; a page of HTML or an archive is nothing else.
            if let Some((line, entry)) = first_wrong.filter(|_| 10 * wrong > entries) {
                let entry: String = entry.chars().take(60).collect();
                return Err(format!(
                    "{name}, line {line}: `{entry}` is neither a host nor an address, nor are {wrong} of {entries} entries; \
                     a list is plain text with one of them a line"
                ));
            }
        }
        Ok(Sites { hosts: Hashes::of(hosts), beginnings: Hashes::of(beginnings) })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.beginnings.is_empty()
    }

    pub(crate) fn find(&self, url: &str) -> Option<Listed> {
        if self.is_empty() {
            return None;
        }
        let (host, _) = split(url);
        // Longer ones are no hosts; to hash what lies in them would take the square of their length.
        if domains(&host)
            .filter(|domain| domain.len() <= LONGEST_HOST)
            .any(|domain| self.hosts.contains(domain))
        {
            return Some(Listed::Host);
        }
        if self.beginnings.is_empty() {
            return None;
        }
        let address = normal(url);
        let ends = address.match_indices(['/', '?', '&']).map(|(at, _)| at).skip(1).take(MOST_BEGINNINGS);
        let ends = ends.chain([address.len()]);
        ends.map(|end| &address[..end])
            .any(|start| self.beginnings.contains(start))
            .then_some(Listed::Address)
    }
}

enum Entry {
    Host(String),
    Address(String),
    /// A public suffix: it would block everybody below it.
    Nobodys,
}

/// The entries of a line: none if it is a comment or says where this machine is.
fn entries_of(line: &str) -> impl Iterator<Item = &str> {
    let is_comment = |text: &str| text.starts_with('#') || text.starts_with('!');
    let line = line.split_once(" #").map_or(line, |(entry, _)| entry).trim();
    let line = if is_comment(line) { "" } else { line };
    let mut words = line.split_whitespace();
    let first = words.clone().next();
    let is_hosts_file =
        first.is_some_and(|first| first.parse::<std::net::IpAddr>().is_ok()) && words.clone().count() > 1;
    if is_hosts_file {
        words.next();
    }
    words.take_while(move |word| !word.starts_with('#')).filter(move |word| !is_hosts_file || !is_local(word))
}

/// Names that hosts files give to the machine itself.
fn is_local(name: &str) -> bool {
    matches!(name, "localhost" | "localhost.localdomain" | "local" | "broadcasthost" | "0.0.0.0")
        || name.starts_with("ip6-")
}

fn read(entry: &str) -> Option<Entry> {
    let (host, path) = split(entry.trim_start_matches("*.").trim_start_matches('.'));
    if !is_host(&host) {
        return None;
    }
    if !matches!(path, "" | "/") {
        return Some(Entry::Address(normal(entry)));
    }
    let is_nobodys = suffixes::labels(&host) == host.split('.').count();
    Some(if is_nobodys { Entry::Nobodys } else { Entry::Host(host.into_owned()) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sites(text: &str) -> Sites {
        Sites::new([("list", text)].into_iter()).unwrap()
    }

    #[test]
    fn published_forms_are_read() {
        let text = "\u{FEFF}# Title: hosts\n127.0.0.1 localhost\n::1 ip6-localhost\n0.0.0.0 0.0.0.0\n\
                    0.0.0.0 ads.example.com tracker.example.net # both\r\n0.0.0.0\tx.example.org\n\
                    ! also a comment\nexample.edu\n*.wild.example\n.dot.example\n10.1.2.3\n\nBÜCHER.example\n";
        let sites = sites(text);
        for (url, listed) in [
            ("https://ads.example.com/x", true),
            ("https://a.ads.example.com", true),
            ("https://example.com", false),
            ("http://tracker.example.net:80/", true),
            ("http://x.example.org", true),
            ("http://www.EXAMPLE.edu./", true),
            ("http://notexample.edu", false),
            ("http://wild.example", true),
            ("http://a.b.dot.example", true),
            ("http://10.1.2.3/x", true),
            ("http://110.1.2.3/x", false),
            ("http://bücher.example/", true),
            ("http://localhost/", false),
            ("both", false),
            ("", false),
        ] {
            assert_eq!(sites.find(url).is_some(), listed, "{url}");
        }
    }

    #[test]
    fn addresses_match_by_their_beginning() {
        let sites = sites("example.org/a\nhttps://www.example.net/~joe/\nexample.com/page?id=7\n");
        for (url, listed) in [
            ("http://www.example.org/a", true),
            ("https://example.org/a/b?c", true),
            ("https://example.org/a?b", true),
            ("https://example.org/ab", false),
            ("https://sub.example.org/a", false),
            ("https://example.org/", false),
            ("http://example.net/~joe", true),
            ("http://example.net/~joe/x.html#y", true),
            ("http://example.com/page?id=7", true),
            ("http://example.com/page?id=7&x=1", true),
            ("http://example.com/page?id=70", false),
        ] {
            assert_eq!(sites.find(url), listed.then_some(Listed::Address), "{url}");
        }
        let long = format!("http://example.org/{}", "x/".repeat(100_000));
        assert_eq!(sites.find(&long), None);
    }

    #[test]
    fn a_public_suffix_blocks_nobody() {
        let sites = sites("com\nco.uk\nblogspot.com\n");
        assert_eq!(sites.find("https://example.com"), None);
        assert_eq!(sites.find("https://example.co.uk"), None);
        assert_eq!(sites.find("https://x.blogspot.com"), Some(Listed::Host));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let html = "<html>\n<body class=x>\n404 Not Found\n</body>\n";
        let error = Sites::new([("ut1/adult/domains", html)].into_iter()).unwrap_err();
        assert!(error.contains("ut1/adult/domains, line 1: `<html>`"), "{error}");
        // A few odd lines are no reason.
        let text = "a.example\n".repeat(20) + "<odd>\n";
        assert!(Sites::new([("list", text.as_str())].into_iter()).is_ok());
    }

    #[test]
    fn an_entry_takes_eight_bytes() {
        let text: String = (0..10_000).map(|i| format!("host{i}.example\n")).collect();
        let sites = sites(&text);
        assert_eq!(sites.hosts.0.capacity(), 10_000);
        assert!((0..10_000).all(|i| sites.find(&format!("http://www.host{i}.example/")).is_some()));
    }
}
