//! Words and sentences of texts at the borders of the rules, as the reference has them.

use super::*;
use proptest::prelude::*;

fn words(text: &str) -> Vec<&str> {
    let mut spans = Vec::new();
    split(text, &mut spans);
    spans.iter().map(|&(start, end)| &text[start as usize..end as usize]).collect()
}

/// Texts and their words, a space between two, as spaCy 3.8.18 has them.
#[rustfmt::skip]
const WORDS: &[(&str, &str)] = &[
    ("", ""),
    (" \n\u{A0} ", ""),
    ("Don't you can't, cannot.", "Do n't you ca n't , can not ."),
    ("\"Hello,\" she said (twice)...", "\" Hello , \" she said ( twice ) ..."),
    ("10km 5m/s 3US$ $5 50% -5 +5 + 5+ 20°C. 7Gb. 9тбكم", "10 km 5 m/s 3 US$ $ 5 50 % -5 +5 + 5 + 20 ° C . 7Gb . 9 тбكم"),
    ("U.S. a.m. 10a.m. Mr. Smith's e.g. foo-a. (a). a . b.", "U.S. a.m. 10 a.m. Mr. Smith 's e.g. foo - a. ( a ) . a . b."),
    ("http://x.y/z?q=1 www.example.com/a,b user@example.org ftp://u:p@host.de:8080/x?y#z", "http://x.y / z?q=1 www.example.com/a,b user@example.org ftp://u:p@host.de:8080/x?y#z"),
    ("8.8.8.8 10.0.0.1 172.20.1.5 192.168.1.1:80 223.1.2.254/x 1.2.3.4.5", "8.8.8.8 10.0.0.1 172.20.1.5 192.168.1.1:80 223.1.2.254/x 1.2.3.4.5"),
    (":-) :) (: well-known and/or 3-4 3--4 a,b 1,000 x=y a--b a---b a----b a~b", ":-) :) (: well - known and/or 3 - 4 3 - -4 a , b 1,000 x = y a -- b a --- b a----b a ~ b"),
    ("…… foo…bar ..a.. .b ……… end……", "… … foo … bar .. a .. .b … …… end ……"),
    ("It's Bob's ’S dogs' 'em rock'n'roll ol' '90s", "It 's Bob 's ’S dogs ' 'em rock'n'roll ol' ' 90s"),
    ("😀hi👍🏽 a😀b ©2024 ½ 5² 100km² naïve—test Ελλάδα.Αθήνα", "😀 hi 👍 🏽 a 😀 b © 2024 ½ 5² 100 km² naïve — test Ελλάδα . Αθήνα"),
    ("lower.Upper a.b.C. US.Gov end.\" \"x.\"y \u{200B} \u{AD}.", "lower . Upper a.b . C. US.Gov end . \" \" x. \"y \u{200B} \u{AD}."),
    ("a:b 1:30 http:x <b>bold</b> a=b/c +1 C++ c++11 #tag @user 50-50 a-1 1-a", "a : b 1:30 http :x < b > bold</b > a = b / c +1 C++ c++11 # tag @user 50 - 50 a-1 1 - a"),
    ("cannot gonna Gonna dont im lemme :'-) >.< ಠ_ಠ (╯°□°）╯︵┻━┻ ;_;", "can not gon na Gon na do nt i m lemme :'-) >.< ಠ_ಠ (╯°□°）╯︵┻━┻ ;_;"),
    (")))))))))) x !!!!!!!!!!!!????? \"\"\"\"\"\"\"\"\"\"a", ") ) ) ) ) ) ) ) ) ) x ! ! ! ! ! ! ! ! ! ! ! ! ? ? ? ? ? \" \" \" \" \" \" \" \" \" \" a"),
    ("…a. A.B. a.B. AB. 1. %. ²., A. é. É. ÉÉ.", "… a. A.B. a. B. AB . 1 . % . ² . , A. é . É. ÉÉ ."),
];

/// Texts and the number of their sentences, as datatrove 0.10 cuts them with spaCy 3.8.18.
#[rustfmt::skip]
const SENTENCES: &[(&str, usize)] = &[
    ("", 1),
    ("  ", 1),
    ("One. Two! Three? four", 4),
    ("At 3.5 km. he said", 2),
    ("Text.  ", 2),
    ("Text. ", 1),
    ("A... b. \"C.\" (D.) e", 1),
    ("Mr. X a. b. c.", 1),
    ("x.\u{A0}\u{A0}. y", 2),
    ("终。 了。好", 2),
    ("He said.) \n Then\n\n left.\n", 3),
];

#[test]
fn words_are_the_references() {
    for (text, expected) in WORDS {
        assert_eq!(words(text).join(" "), *expected, "{text:?}");
    }
}

#[test]
fn sentences_are_the_references() {
    for (text, expected) in SENTENCES {
        assert_eq!(crate::Splitter::Spacy.sentences(text, &mut Vec::new()), *expected, "{text:?}");
    }
}

/// A rule that looked at the whole rest at every step would take minutes.
#[test]
fn time_is_linear_in_a_chunk() {
    for part in ["!", ".", "a.", "a@", ":)", "(", "a-", "-", "x.y@", "😀", "'", "5km", "://", "1.", "…"] {
        let text = part.repeat(400_000);
        assert!(!words(&text).is_empty(), "{part}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn words_tile_the_text_without_its_white_space(text in "[a-zA:.,'’()-/°5 @\n…😀é]{0,40}|\\PC{0,40}") {
        let mut spans = Vec::new();
        split(&text, &mut spans);
        let mut end = 0;
        for (start, next) in spans {
            prop_assert!(next > start && text[end..start as usize].chars().all(is_space));
            prop_assert!(!text[start as usize..next as usize].contains(is_space));
            end = next as usize;
        }
        prop_assert!(text[end..].chars().all(is_space));
    }

    /// Words beside borders of blocks, of special cases and of every ASCII character.
    #[test]
    fn short_cuts_change_no_word(
        parts in prop::collection::vec("[ -~]{1,3}| |[\"(\\['a-z]{1,2}[a-zA-Z]{1,70}[.,!?;:)\"'$%5-]{0,2}|a\\.m|don't|\\(etc\\.|Mr\\.|é|\u{A0}|\n", 0..60)
    ) {
        for text in [parts.concat(), parts.join(" ")] {
            let rules = Rules { classes: Classes::get(), specials: Specials::get() };
            let (mut spans, mut expected) = (Vec::new(), Vec::new());
            split(&text, &mut spans);
            rules.any_chunks(&text, (0, text.len()), &mut expected);
            Patterns::get().apply(&text, &mut expected);
            prop_assert_eq!(spans, expected, "{:?}", text);
        }
    }
}
