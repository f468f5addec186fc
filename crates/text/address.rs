//! Addresses of pages as lists compare them: host, domain and its subdomains, path.

use std::borrow::Cow;

/// Host and the rest of an address, or of something like one: without scheme, user, port, fragment. The host is in
/// lower case and without a final full stop; the rest begins with `/` or `?`, or is empty.
pub fn split(address: &str) -> (Cow<'_, str>, &str) {
    let rest = match address.split_once("//") {
        Some(("", rest)) => rest,
        Some((scheme, rest)) if is_scheme(scheme) => rest,
        _ => address,
    };
    let rest = rest.split('#').next().unwrap_or(rest);
    let (authority, path) = rest.split_at(rest.find(['/', '?', '\\']).unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((host, _)) => host,
        None => host.split(':').next().unwrap_or(host),
    };
    let host = host.trim().trim_end_matches('.');
    match host.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
        true => (Cow::Owned(host.to_lowercase()), path),
        false => (Cow::Borrowed(host), path),
    }
}

fn is_scheme(scheme: &str) -> bool {
    let Some(name) = scheme.strip_suffix(':') else { return false };
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// The form in which two addresses are the same page: `example.org/a?b` of `HTTPS://www.Example.org:443/a/?b#c`
/// without the final slash of a path that has no query. Paths keep their letter case.
pub fn normal(address: &str) -> String {
    let (host, path) = split(address);
    let host = host.strip_prefix("www.").unwrap_or(&host);
    let path = if path.contains('?') { path } else { path.trim_end_matches('/') };
    format!("{host}{path}")
}

/// The host, then each domain it lies in: `a.b.org`, `b.org`, `org`.
pub fn domains(host: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(host).filter(|host| !host.is_empty());
    std::iter::from_fn(move || {
        let domain = rest?;
        rest = domain.split_once('.').map(|(_, parent)| parent).filter(|parent| !parent.is_empty());
        Some(domain)
    })
}

/// Bytes of a name, as the system of names has it.
pub const LONGEST_HOST: usize = 253;

/// True if this could be the name of a host: labels of letters, digits, hyphens and underscores.
pub fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    text.len() <= LONGEST_HOST && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_leniently() {
        for (address, host, path) in [
            ("https://user:pw@www.Example.org.:8080/a/B?c#d", "www.example.org", "/a/B?c"),
            ("//example.org?x", "example.org", "?x"),
            ("example.org/a//b", "example.org", "/a//b"),
            ("http://[2001:DB8::1]:80/", "2001:db8::1", "/"),
            ("mailto:me", "mailto", ""),
            ("", "", ""),
            ("http://", "", ""),
            ("http://ÉXAMPLE.org/É", "éxample.org", "/É"),
        ] {
            let (found, rest) = split(address);
            assert_eq!((&*found, rest), (host, path), "{address}");
        }
    }

    #[test]
    fn the_same_page_has_one_form() {
        let same = ["http://example.org/a/", "https://WWW.example.org:443/a#top", "example.org/a"];
        assert!(same.iter().all(|address| normal(address) == "example.org/a"));
        assert_eq!(normal("https://example.org/"), "example.org");
        assert_eq!(normal("https://example.org/A/?b=/"), "example.org/A/?b=/");
    }

    #[test]
    fn a_host_lies_in_its_domains() {
        assert_eq!(domains("a.b.co.uk").collect::<Vec<_>>(), ["a.b.co.uk", "b.co.uk", "co.uk", "uk"]);
        assert_eq!(domains("").count(), 0);
        assert_eq!(domains("a.").collect::<Vec<_>>(), ["a."]);
        assert!(
            is_host("sub-1.example.org")
                && is_host("127.0.0.1")
                && is_host("bücher.de")
                && is_host("localhost")
        );
        assert!(
            !is_host("") && !is_host("a..b") && !is_host("a b") && !is_host("raw.jsonl#3") && !is_host("a/b")
        );
    }
}
