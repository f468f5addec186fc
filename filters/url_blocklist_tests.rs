//! Tests of `url_blocklist`. Expected hosts are what tldextract 5.4 finds.

use document::OptionValue::List;

use super::*;

/// Address, registered domain, host; both empty where there is no known suffix.
const HOSTS: &[(&str, &str, &str)] = &[
    ("https://www.example.co.uk/a?b#c", "example.co.uk", "www.example.co.uk"),
    ("HTTP://Sub.Example.COM:80/", "Example.COM", "Sub.Example.COM"),
    ("http://user:p@w@forums.bbc.co.uk:8080", "bbc.co.uk", "forums.bbc.co.uk"),
    ("http://localhost:8080/x", "", ""),
    ("http://127.0.0.1/", "", ""),
    ("http://[::1]/x", "", ""),
    ("http://[example.com]/", "", ""),
    ("http://ex[am]ple.com", "ex[am]ple.com", "ex[am]ple.com"),
    // Private suffixes do not count.
    ("http://x.blogspot.com/", "blogspot.com", "x.blogspot.com"),
    ("http://user.github.io/", "github.io", "user.github.io"),
    ("https://s3.amazonaws.com/b/k", "amazonaws.com", "s3.amazonaws.com"),
    ("x.compute.amazonaws.com.cn", "amazonaws.com.cn", "x.compute.amazonaws.com.cn"),
    // Wildcards and their exceptions.
    ("http://www.kawasaki.jp", "", ""),
    ("http://a.b.city.kawasaki.jp", "city.kawasaki.jp", "a.b.city.kawasaki.jp"),
    ("http://a.b.kawasaki.jp/", "a.b.kawasaki.jp", "a.b.kawasaki.jp"),
    ("http://www.ck/", "www.ck", "www.ck"),
    ("http://foo.www.ck/", "www.ck", "foo.www.ck"),
    ("http://x.y.ck/", "x.y.ck", "x.y.ck"),
    // What is hardly an address.
    ("//example.org/x", "example.org", "example.org"),
    ("example.org/x//y", "example.org", "example.org"),
    ("mailto:joe@example.org", "example.org", "example.org"),
    ("http:/example.org", "", ""),
    ("a://example.com", "example.com", "example.com"),
    ("1://example.com/", "example.com", "example.com"),
    ("ht_tp://foo.example.com/", "", ""),
    ("://foo.com", "", ""),
    ("http:// example.com /x", "example.com", "example.com"),
    ("/science/x", "", ""),
    ("com", "", ""),
    ("http://co.uk", "", ""),
    ("http://example.unknowntld/", "", ""),
    ("", "", ""),
    // Full stops.
    ("http://a..com", "", ""),
    ("http://.example.com", "example.com", "example.com"),
    ("http://..example.com", "example.com", "..example.com"),
    ("http://example.com.:80", "example.com", "example.com"),
    ("http://www。example．com｡", "example.com", "www.example.com"),
    // Beyond ASCII.
    ("http://пример.рф/", "пример.рф", "пример.рф"),
    ("http://ПРИМЕР.РФ", "ПРИМЕР.РФ", "ПРИМЕР.РФ"),
    ("http://xn--e1afmkfd.xn--p1ai/", "xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai"),
    ("http://a.b.xn--55qx5d.cn", "b.xn--55qx5d.cn", "a.b.xn--55qx5d.cn"),
    ("http://İx.com", "İx.com", "İx.com"),
];

#[test]
fn hosts_are_tldextracts() {
    for (url, domain, name) in HOSTS {
        let mut buffer = String::new();
        let found = Host::of(url, &mut buffer).map_or(("", ""), |host| (host.domain, host.name));
        assert_eq!(found, (*domain, *name), "{url}");
    }
}

fn reasons(lists: &[(&str, &str)], url: Option<&str>) -> Vec<&'static str> {
    let mut settings = Settings::default();
    for (key, text) in lists {
        settings.options.insert((*key).into(), List(vec![format!("{key}.txt")]));
        settings.lists.insert(format!("{key}.txt"), (*text).into());
    }
    let filter = build(&settings).unwrap();
    let mut raised = Raised::default();
    let mut document = Document { url, ..Document::new("text") };
    filter.judge(&mut document, &mut Signals::default(), &mut raised, &mut String::from("left over"));
    let checks = FILTER.checks.iter().enumerate();
    checks.filter(|(index, _)| raised.contains(*index)).map(|(_, check)| check.reason).collect()
}

#[test]
fn domains_and_hosts() {
    let lists: &[_] = &[("domains", "# UT1\nexample.com\r\n\n  sub.example.org \nx.blogspot.com\n")];
    let of = |url| reasons(lists, Some(url));
    assert_eq!(of("https://a.b.example.com/"), ["blocked_domain"]);
    assert_eq!(of("https://example.com/"), ["blocked_domain"]);
    assert_eq!(of("https://sub.example.org:8000/x"), ["blocked_host"]);
    assert_eq!(of("https://x.blogspot.com/"), ["blocked_host"]);
    // Parents and children of a listed host are not listed; nor is it in another letter case.
    for url in
        ["https://a.sub.example.org/", "https://example.org/", "https://EXAMPLE.com/", "http://1.2.3.4/"]
    {
        assert_eq!(of(url), [""; 0], "{url}");
    }
    assert_eq!(reasons(lists, None), ["no_url"]);
    assert_eq!(reasons(lists, Some("")), ["no_url"]);
}

#[test]
fn whole_addresses_are_compared_as_written() {
    let lists: &[_] = &[("urls", "example.com/a\nhttps://example.com/b\n")];
    assert_eq!(reasons(lists, Some("https://example.com/b")), ["blocked_url"]);
    assert_eq!(reasons(lists, Some("https://example.com/b/")), [""; 0]);
    assert_eq!(reasons(lists, Some("https://example.com/a")), [""; 0]);
}

#[test]
fn words_keep_the_case_of_the_address_and_subwords_do_not() {
    let lists: &[_] = &[
        ("banned_words", "Foo-Bar\nпорно\n#comment\n"),
        ("soft_banned_words", "red\nblue\ngreen"),
        ("banned_subwords", "big black\n"),
    ];
    let of = |url| reasons(lists, Some(url));
    assert_eq!(of("https://e.com/a_foobar/"), ["banned_word"]);
    // The list is in lower case, the address is not made so.
    assert_eq!(of("https://e.com/FOOBAR/"), [""; 0]);
    assert_eq!(of("https://e.com/foo-bar/"), [""; 0]);
    assert_eq!(of("https://e.com/red-red.red"), [""; 0]);
    assert_eq!(of("https://e.com/red-BLUE"), [""; 0]);
    assert_eq!(of("https://blue.com/red"), ["soft_words"]);
    assert_eq!(of("https://e.com/_BIG_bl%ackberry"), ["banned_subword"]);
    assert_eq!(of("https://red.com/green/foobar?bigblack"), ["banned_word", "soft_words", "banned_subword"]);
    // A word without ASCII letters would be in every address that ends in a slash.
    assert_eq!(of("https://e.com/порно/"), [""; 0]);
}

#[test]
fn names_of_the_reference_are_known() {
    let names = ["domain", "subdomain", "url", "hard_blacklisted", "soft_blacklisted", "blacklisted_subword"];
    assert_eq!(names.map(|name| FILTER.checks_named(name)), [0, 1, 2, 3, 4, 5].map(|check| vec![check]));
}
