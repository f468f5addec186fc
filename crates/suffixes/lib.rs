//! The Public Suffix List: behind which dots of a host its owner's own labels begin.
//!
//! A crate of its own, since `psl` is the list as code, 10,000 rules of it, compiled where it is called:
//! so neither a change of a filter compiles them again nor do fuzz targets take them for their own branches.
//!
//! **Invariant:** an answer depends on the host and the list that the crate `psl` was built with alone.

use psl::{Psl, Type};

/// Number of labels of the longest suffix of a host that is ICANN's, as tldextract counts: 2 of `www.example.co.uk`, 1 of
/// `x.blogspot.com`, since companies' own suffixes do not count. The host is in lower case and without a dot at its end.
/// 0: none that is listed.
#[inline(never)]
pub fn labels(host: &str) -> usize {
    let mut limit = usize::MAX;
    loop {
        let found = psl::List.find(host.as_bytes().rsplit(|byte| *byte == b'.').take(limit));
        let labels = host[host.len() - found.len..].matches('.').count() + 1;
        match found.typ {
            Some(Type::Icann) => return labels,
            // Shorter ones may be ICANN's.
            Some(Type::Private) if labels > 1 => limit = labels - 1,
            _ => return 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::labels;

    #[test]
    fn the_longest_suffix_of_icann_counts() {
        let hosts = [
            ("www.example.co.uk", 2),
            ("x.blogspot.com", 1),
            ("s3.amazonaws.com", 1),
            ("com", 1),
            // A wildcard and its exception.
            ("www.kawasaki.jp", 3),
            ("city.kawasaki.jp", 2),
            ("localhost", 0),
            ("127.0.0.1", 0),
            ("", 0),
        ];
        for (host, expected) in hosts {
            assert_eq!(labels(host), expected, "{host}");
        }
    }
}
