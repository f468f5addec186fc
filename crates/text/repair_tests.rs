//! Tests of `repair`.

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::*;

fn repaired(text: &str) -> String {
    let mut out = String::from("left over");
    match repair(text, Faults::ALL, &mut out) {
        Some(counts) => {
            assert!(counts.iter().any(|count| *count > 0));
            out
        }
        None => {
            assert_eq!(out, "left over");
            text.to_owned()
        }
    }
}

fn count(text: &str, fault: Fault) -> u32 {
    repair(text, Faults::ALL, &mut String::new()).map_or(0, |counts| counts[fault as usize])
}

#[test]
fn each_fault_is_put_right_and_counted() {
    for (fault, bad, good, n) in [
        (Fault::Mojibake, "cafÃ© itâ€™s", "café it’s", 2),
        (Fault::C1Control, "don\u{92}t \u{85}", "don’t …", 2),
        (Fault::LineEnding, "a\r\nb\rc\u{2028}d\u{2029}e\r", "a\nb\nc\nd\ne\n", 5),
        (Fault::ControlCharacter, "\0a\x07b\x0B\x7F\u{206A}\u{FFFC}\u{81}", "ab", 7),
        (Fault::ControlCharacter, "\x1B[1;31mred\x1B[0m \x1B[31 \x1B", "red [31 ", 4),
        (Fault::ByteOrderMark, "\u{FEFF}a\u{FEFF}b", "ab", 2),
        (Fault::ZeroWidth, "a\u{200B}b\u{2060}\u{200C}c\u{200D}", "abc", 4),
        (Fault::Composition, "e\u{301}a u\u{308} \u{1100}\u{1161}", "éa ü 가", 3),
    ] {
        assert_eq!(repaired(bad), good, "{bad:?}");
        assert_eq!(count(bad, fault), n, "{bad:?}");
        let mut out = String::new();
        let rest = repair(bad, Faults::ALL.without(fault), &mut out);
        assert!(rest.is_none_or(|counts| counts[fault as usize] == 0), "{bad:?}");
    }
    // One uncovers the other; the five C1 controls without a character go.
    assert_eq!(repaired("donÂ’t Ã\u{200B}© \u{8D}\u{85}"), "don’t é …");
    // A marker character stays as long as its fault is switched off.
    let mut out = String::new();
    assert!(
        repair(
            "a\r\nb\u{FEFF}",
            Faults::ALL.without(Fault::LineEnding).without(Fault::ByteOrderMark),
            &mut out
        )
        .is_none()
    );
}

#[test]
fn what_scripts_and_emoji_need_stays() {
    for text in [
        "می\u{200C}خواهم نامه\u{200C}ای",
        "ക്\u{200D} ന്\u{200D}റെ क्\u{200C}ष क्\u{200D}ष",
        "👩\u{200D}👩\u{200D}👧 👨🏽\u{200D}🚀 🏳\u{FE0F}\u{200D}🌈 ❤\u{FE0F}\u{200D}🔥",
        "ភាសា\u{200B}ខ្មែរ ไทย\u{200B}ไทย",
        "left\u{200E}right\u{200F} \u{202B}x\u{202C} soft\u{AD}hyphen",
        "tab\tfeed\u{C}line\n",
        "日本語、한국어、русский, Ελληνικά, עברית, العربية",
        "é ü ñ ß Å æ ø – — ’ “ ” … • ™ © ® ° ½ € £",
        "",
    ] {
        assert_eq!(repaired(text), text);
    }
    assert_eq!(repaired("می\u{200C}\u{200C}خ x\u{200D}👩\u{200D} y\u{200B}"), "می\u{200C}خ x👩 y");
}

#[test]
fn nested_mojibake_is_repaired_to_the_last_level() {
    let mut text = "ß世".to_owned();
    for _ in 0..12 {
        // As Latin-1, with a zero-width space that hides every level from the one around it.
        let mut characters = text.bytes().map(char::from);
        text = characters.next().into_iter().chain(['\u{200B}']).chain(characters).collect();
    }
    let once = repaired(&text);
    assert_eq!(repaired(&once), once);
    assert!(once.len() < 16, "{once:?}");
}

#[test]
fn clean_text_is_not_copied() {
    let text = "Plain ASCII text, line after line.\n".repeat(100) + "Naïve café, 日本語 😀\n";
    assert_eq!(suspect(&text, 0), None);
    let late = format!("{text}\u{FEFF}");
    assert_eq!(suspect(&late, 0), Some(text.len()));
    assert_eq!(repaired(&late), text);
}

#[test]
fn time_is_linear() {
    for unit in [
        "\u{200B}",
        "\u{200D}",
        "👩\u{200D}",
        "\u{301}",
        "a\u{301}",
        "\r",
        "\x1B[",
        "Ã©",
        "\u{FEFF}\0",
        "\u{85}",
    ] {
        let text = unit.repeat(200_000);
        repaired(&text);
    }
}

proptest! {
    #[test]
    fn a_repaired_text_is_composed_and_needs_no_repair(text in "[ -~éÃ©â€™™\u{80}-\u{9F}\u{200B}-\u{200F}\u{FEFF}\r\n\u{301}\u{308}가가👩ü]{0,40}") {
        let once = repaired(&text);
        prop_assert!(unicode_normalization::is_nfc(&once));
        prop_assert_eq!(repaired(&once), once.clone());
        let is_left = once.chars().any(|c| is_control(c) || c == '\r' || c == '\u{FEFF}');
        prop_assert!(!is_left);
    }

    #[test]
    fn composing_in_stretches_is_composing(text in "[a-zé\u{300}-\u{345}\u{1100}-\u{11FF}가-각\u{AC01}क\u{93C}\u{958}Å\u{212B}]{0,30}") {
        let mut out = String::new();
        compose(&text, &mut out);
        prop_assert_eq!(out, text.nfc().collect::<String>());
    }

    #[test]
    fn nothing_suspect_means_nothing_to_do(text in any::<String>()) {
        if suspect(&text, 0).is_none() {
            let (mut out, mut counts) = (String::new(), Counts::default());
            prop_assert_eq!(lines(&text, &mut out), 0);
            out.clear();
            characters(&text, Faults::ALL, &mut out, &mut counts);
            prop_assert_eq!(counts, Counts::default());
            out.clear();
            prop_assert_eq!(compose(&text, &mut out), 0);
        }
    }
}
