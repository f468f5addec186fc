//! Tests of `mask_pii`. Expected texts are datatrove's under CPython 3.11.7, with one replacement each.

use document::OptionValue::Text;

use super::*;

fn edits(text: &str, emails: bool, ip_addresses: bool) -> (LineEdits, [f64; 2]) {
    let mut settings = Settings::default();
    let action = |is_on: bool| Text(if is_on { "mask" } else { "off" }.into());
    settings.options.insert("emails".into(), action(emails));
    settings.options.insert("ip_addresses".into(), action(ip_addresses));
    let filter = build(&settings).unwrap();
    let (mut edits, mut signals) = (LineEdits::default(), Signals::default());
    let document = Document::new(text);
    filter.judge_lines(&document, &mut edits, &mut signals, &mut Raised::default(), &mut String::new());
    (edits, [Signal::MaskedEmails, Signal::MaskedIpAddresses].map(|signal| signals.get(signal).unwrap()))
}

/// With `<E>` and `<I>` for the replacements.
fn masked(text: &str) -> String {
    let (mut edits, counts) = edits(text, true, true);
    for piece in &mut edits.pieces {
        piece.replacement = piece.replacement.map(|it| if EMAILS.contains(&it) { "<E>" } else { "<I>" });
    }
    let mut out = String::from("left over");
    edits.apply(text, &mut out);
    assert_eq!(counts, ["<E>", "<I>"].map(|mark| out.matches(mark).count() as f64), "{text}");
    out
}

#[test]
fn emails_are_the_references() {
    for (text, expected) in [
        ("Write to joe.doe@example.co.uk, please.", "Write to <E>, please."),
        ("a@b.c a@b", "<E> a@b"),
        ("mailto:me@b.cd?x=1", "mailto:<E>?x=1"),
        ("a@b.cd:80 http://u:p@w.xyz/", "<E>:80 http://u:<E>/"),
        ("a'b*c@d.ef \"q\"@b.cd", "<E> \"q\"@b.cd"),
        // An address begins at a word boundary, as Python sees words.
        ("!!!x@y.zz ==@b.cd", "!!!<E> ==@b.cd"),
        ("x!y@z.org a==@b.cd -a@b.cd", "<E> <E> -<E>"),
        ("é!x@y.zz ²+a@b.cd", "é<E> ²<E>"),
        ("\u{301}!a@b.cd \u{1C8A}!a@b.cd", "\u{301}!<E> \u{1C8A}!<E>"),
        ("٣a@b.cd á@b.cd ÿa@b.cd", "٣a@b.cd á@b.cd ÿa@b.cd"),
        // Full stops and hyphens.
        ("..a..b.c@d.ef a.@b.cd .@a.bc", "..a..<E> a.@b.cd .@a.bc"),
        ("_a@b.cd- a@b-.cd a@-b.cd a@b.c-d.e- a@b.c_d", "<E>- a@b-.cd a@-b.cd <E>- <E>_d"),
        // One after the other.
        ("a@b.cd.@e.fg a@b.cd@e.fg. a@b.cd!x@e.fg a@@b.cd", "<E>.@e.fg <E>@e.fg. <E><E> a@@b.cd"),
        ("a@[1.2.3.4] a@[1.2.3.x:] a@[1.2.3.]", "<E> <E> a@[1.2.3.]"),
        ("", ""),
        ("@", "@"),
    ] {
        assert_eq!(masked(text), expected);
    }
}

#[test]
fn public_ip_addresses_are_the_references() {
    for (text, expected) in [
        ("8.8.8.8 10.0.0.1 127.0.0.1", "<I> 10.0.0.1 127.0.0.1"),
        ("256.1.1.1 1.2.3.456 v1.2.3.4-beta", "2<I> <I>6 v<I>-beta"),
        ("01.2.3.4 8.8.8.08 00.1.1.1", "01.2.3.4 8.8.8.08 00.1.1.1"),
        ("1.2.3.4.5.6.7.8 1.2.3", "<I>.<I> 1.2.3"),
        ("100.64.0.1 100.128.0.1", "100.64.0.1 <I>"),
        ("172.15.0.1 172.16.0.1 172.31.255.255 172.32.0.1", "<I> 172.16.0.1 172.31.255.255 <I>"),
        (
            "192.0.0.7 192.0.0.8 192.0.0.170 192.0.0.171 192.0.0.172",
            "192.0.0.7 <I> 192.0.0.170 192.0.0.171 <I>",
        ),
        (
            "192.0.2.1 192.0.3.1 192.168.1.1 169.254.3.4 0.1.2.3",
            "192.0.2.1 <I> 192.168.1.1 169.254.3.4 0.1.2.3",
        ),
        ("198.17.0.1 198.18.0.1 198.19.255.255 198.20.0.1", "<I> 198.18.0.1 198.19.255.255 <I>"),
        ("198.51.100.7 203.0.113.9 224.0.0.1", "198.51.100.7 203.0.113.9 <I>"),
        ("240.0.0.1 255.255.255.255", "240.0.0.1 255.255.255.255"),
        ("a@[8.8.8.8 x@y.8.8.8.8", "a@[<I> <E>"),
    ] {
        assert_eq!(masked(text), expected);
    }
}

#[test]
fn the_replacement_depends_on_what_is_replaced_alone() {
    let text = "From a@b.cd and 8.8.8.8 to e@f.gh and 9.9.9.9.";
    let (first, _) = edits(text, true, true);
    let (second, _) = edits(&format!("z@y.xw 1.1.1.1 {text}"), true, true);
    let replacements =
        |edits: &LineEdits| edits.pieces.iter().filter_map(|p| p.replacement).collect::<Vec<_>>();
    assert_eq!(replacements(&first).len(), 4);
    assert_eq!(replacements(&first), replacements(&second)[2..]);
    // Every replacement is chosen by something.
    let many: String = (0..200).map(|i| format!("u{i}@b.cd 9.8.7.{i} ")).collect();
    let mut chosen = replacements(&edits(&many, true, true).0);
    chosen.sort_unstable();
    chosen.dedup();
    assert_eq!(chosen.len(), EMAILS.len() + IP_ADDRESSES.len());
}

#[test]
fn each_kind_can_be_left_alone() {
    let text = "a@b.cd, 8.8.8.8, a@[8.8.4.4]";
    assert_eq!(edits(text, true, false).1, [2.0, 0.0]);
    assert_eq!(edits(text, false, true).1, [0.0, 2.0]);
    let (edits, counts) = edits(text, false, false);
    let mut out = String::new();
    edits.apply(text, &mut out);
    assert_eq!((out.as_str(), counts), (text, [0.0, 0.0]));
}

#[test]
fn time_is_linear() {
    for unit in ["a@", "a.", "@", "a-", "1.", "a@b.", "!@", "a@[1."] {
        let text = unit.repeat(1_000_000 / unit.len());
        assert!(edits(&text, true, true).0.pieces.len() <= text.len());
    }
}

fn acted(text: &str, key: &str, action: &str) -> (String, f64, u64, u32) {
    let mut settings = Settings::default();
    settings.options.insert(key.into(), Text(action.into()));
    let filter = build(&settings).unwrap();
    let (mut edits, mut signals, mut raised) = (LineEdits::default(), Signals::default(), Raised::default());
    filter.judge_lines(&Document::new(text), &mut edits, &mut signals, &mut raised, &mut String::new());
    let mut out = String::new();
    edits.apply(text, &mut out);
    let found = FILTER.signals.iter().map(|signal| signals.get(*signal).unwrap()).sum();
    (out, found, raised.0, edits.lines.iter().sum())
}

#[test]
fn each_kind_is_masked_tagged_or_drops() {
    let text = "To a@b.cd, 8.8.8.8, 2a00:1450:4001::200e or (415) 555-2671.";
    for (index, key) in ["emails", "ip_addresses", "ipv6_addresses", "phone_numbers"].into_iter().enumerate()
    {
        let (masked, found, raised, edits) = acted(text, key, "mask");
        assert!(masked != text && found == 1.0 && edits == 1, "{masked}");
        for action in ["tag", "drop"] {
            assert_eq!(acted(text, key, action), (text.to_owned(), 1.0, raised, 0));
        }
        assert_eq!(raised, 1 << (FIRST_DROP + index));
        assert_eq!(FILTER.checks[FIRST_DROP + index].dropped_by, Some(key));
        assert_eq!(acted(text, key, "off"), (text.to_owned(), 0.0, 0, 0));
    }
}

#[test]
fn ipv6_addresses_are_public_and_whole() {
    for (text, found) in [
        ("2a00:1450:4001:81b::200e", 1.0),
        ("[2606:4700::1111]:443 and 2001:4860:4860::8888.", 2.0),
        ("2001:db8::1 2002:c000:204::1 fe80::1 ::1 fc00::1 2001::1", 0.0),
        ("20:30:15 2014:05:06 2000:1 std::abs a2606:4700::1111 2606:4700::1111g é2606:4700::1111", 0.0),
        ("2606:4700::, 2606:4700::1: é:2606:4700::1111 2606:4700::1:2:3:4:5:6:7:8:9", 2.0),
    ] {
        assert_eq!(acted(text, "ipv6_addresses", "tag").1, found, "{text}");
    }
    for unit in [":", "2606:", "2606::", "é:", "2:::"] {
        acted(&unit.repeat(200_000), "ipv6_addresses", "mask");
    }
}

#[test]
fn kinds_do_not_overlap() {
    let mut settings = Settings::default();
    for option in FILTER.options {
        settings.options.insert(option.key.into(), Text("mask".into()));
    }
    let text = "+44 20 7946 0958 a@[8.8.8.8] 9.9.9.9 2606:4700::1111, tel 5552671 b@c.de 415-555-2671";
    let filter = build(&settings).unwrap();
    let (mut edits, mut signals) = (LineEdits::default(), Signals::default());
    filter.judge_lines(
        &Document::new(text),
        &mut edits,
        &mut signals,
        &mut Raised::default(),
        &mut String::new(),
    );
    let counts = FILTER.signals.iter().map(|signal| signals.get(*signal).unwrap()).collect::<Vec<_>>();
    assert_eq!(counts, [2.0, 2.0, 3.0]);
    assert_eq!(edits.lines[..3], [2, 2, 3]);
    let mut end = 0;
    for piece in &edits.pieces {
        assert_eq!(piece.range.start, end);
        end = piece.range.end;
    }
    assert_eq!(end, text.len());
}
