//! Tests of `mask_pii`. Expected texts are datatrove's under CPython 3.11.7, with one replacement each.

use document::OptionValue::Bool;

use super::*;

fn edits(text: &str, emails: bool, ip_addresses: bool) -> (LineEdits, [f64; 2]) {
    let mut settings = Settings::default();
    settings.options.insert("emails".into(), Bool(emails));
    settings.options.insert("ip_addresses".into(), Bool(ip_addresses));
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
