//! Tests of `bad_words`: boundaries, folding, lists, and the regular expression of C4.

use super::*;

fn lexicon(words: &[(&str, u8)], whole_words: bool) -> Lexicon {
    let words = words.iter().map(|(word, severity)| (word.to_lowercase(), *severity)).collect();
    Lexicon::new(&words, whole_words).unwrap()
}

fn count(words: &[(&str, u8)], text: &str) -> [u32; 3] {
    lexicon(words, true).count(text, &mut String::new())
}

fn measure(settings: &Settings, language: Option<&'static str>, text: &str) -> [f64; 3] {
    let filter = build(settings).unwrap();
    let mut document = Document::new(text);
    document.language = language.map(|short| document::Language { code: short, short, score: 1.0 });
    let mut signals = Signals::default();
    filter.judge(&mut document, &mut signals, &mut Raised::default(), &mut String::new());
    [Signal::BadWordsMild, Signal::BadWordsObscene, Signal::BadWordsSevere].map(|s| signals.get(s).unwrap())
}

fn settings(builtin: bool, lists: &[(&str, &str)]) -> Settings {
    use document::OptionValue::{Bool, List};
    let mut settings = Settings::default();
    settings.options.insert("builtin".into(), Bool(builtin));
    settings.options.insert("lists".into(), List(lists.iter().map(|(path, _)| (*path).to_owned()).collect()));
    settings.lists = lists.iter().map(|(path, list)| ((*path).to_owned(), (*list).into())).collect();
    settings
}

#[test]
fn entries_count_once_and_only_as_whole_words() {
    let words = [("tit", 1), ("ass", 2), ("piece of ass", 2), ("été", 3)];
    assert_eq!(count(&words, "Ass, ass; ASS!"), [0, 1, 0]);
    assert_eq!(count(&words, "classic bass_ass ass1 title éass assé"), [0; 3]);
    assert_eq!(count(&words, "(tit)\u{A0}piece of ass"), [1, 2, 0]);
    assert_eq!(count(&words, "L'ÉTÉ"), [0, 0, 1]);
    assert_eq!(count(&words, "ÉTÉS"), [0; 3]);
    assert_eq!(count(&words, ""), [0; 3]);
    // A combining vowel sign is no letter for Python's \w.
    assert_eq!(count(&[("चूत", 2)], "चूत\u{93E}"), [0, 1, 0]);
}

#[test]
fn where_words_are_not_separated_the_longest_substring_counts() {
    let lexicon = lexicon(&[("他妈", 1), ("他妈的", 2), ("sm", 1)], false);
    assert_eq!(lexicon.count("是他妈的天气SMS", &mut String::new()), [1, 1, 0]);
}

#[test]
fn folding_equals_the_standard_library() {
    let mut buffer = String::new();
    for text in
        ["", "abc", "Straße", "ÉTÉ à Orléans Ünd", "ПРИВЕТ мир", "ΟΔΟΣ", "İstanbul", "中文 Ω 漢字", "ǅ K"]
    {
        let folded = fold(text, &mut buffer).to_ascii_lowercase();
        assert_eq!(folded, text.to_lowercase(), "{text}");
    }
    for c in ('\u{80}'..=char::MAX).filter(|c| *c != 'Σ') {
        let text = format!("A{c}b");
        assert_eq!(fold(&text, &mut buffer).to_ascii_lowercase(), text.to_lowercase());
    }
}

#[test]
fn agrees_with_c4s_regular_expression() {
    let words = ["ass", "big tits", "🖕", "s&m", "été", "on", "ось"];
    let pattern = words.map(regex::escape).join("|");
    // One regular expression per word, since an alternation reports one of them.
    let patterns =
        words.map(|w| regex::Regex::new(&format!(r"(?:\W|^)({})(?:\W|$)", regex::escape(w))).unwrap());
    assert!(!pattern.is_empty());
    let lexicon = lexicon(&words.map(|w| (w, 2)), true);
    let pieces =
        ["ass", "Big Tits", "🖕", "S&M", " ", "-", "_", "é", "ÉTÉ", "on", "x", "\n", "Ось", "9", "、"];
    let mut state = 1_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..6 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            text += pieces[(state >> 33) as usize % pieces.len()];
        }
        let lower = text.to_lowercase();
        let expected = patterns.iter().filter(|p| p.is_match(&lower)).count() as u32;
        assert_eq!(lexicon.count(&text, &mut String::new()), [0, expected, 0], "{text:?}");
        assert_eq!(lexicon.occurs(&text, &mut String::new()), expected > 0, "{text:?}");
    }
}

#[test]
fn the_language_chooses_the_list_and_english_stands_in() {
    let builtin = settings(true, &[]);
    let text = "ein Arschloch, so ein Wichser und Hurensohn";
    assert_eq!(measure(&builtin, Some("de"), text), [0.0, 3.0, 0.0]);
    assert_eq!(measure(&builtin, Some("en"), text), [0.0; 3]);
    assert_eq!(measure(&builtin, None, "an asshole and an idiot"), [1.0, 1.0, 0.0]);
    assert_eq!(measure(&builtin, Some("el"), "an asshole"), [0.0, 1.0, 0.0]);
    assert_eq!(measure(&builtin, Some("nb"), "drittsekk"), [0.0, 1.0, 0.0]);
    assert_eq!(measure(&builtin, Some("fr"), "les Pédés"), [0.0, 0.0, 1.0]);
}

#[test]
fn own_lists_extend_or_replace() {
    let own = [("lists/en-own.txt", "# mine\n1\tasshole\nfrobnicator\n#hashtag\n")];
    let text = "asshole bitch Frobnicator #hashtag";
    assert_eq!(measure(&settings(true, &own), Some("en"), text), [1.0, 1.0, 2.0]);
    assert_eq!(measure(&settings(false, &own), Some("en"), text), [1.0, 0.0, 2.0]);
    assert_eq!(measure(&settings(false, &own), Some("de"), text), [1.0, 0.0, 2.0]);
    assert_eq!(measure(&settings(false, &[]), Some("en"), text), [0.0; 3]);
}

#[test]
fn a_bad_list_is_refused_with_its_place() {
    let error = |path, list| build(&settings(false, &[(path, list)])).err().unwrap();
    assert!(error("en.txt", "1\ta\nbad\tb\n").starts_with("en.txt:2: severity \"bad\""));
    assert!(error("my words.txt", "a").contains("name the file after the language"));
}

#[test]
fn built_in_lists_are_clean() {
    for (language, list) in BUILTIN {
        let entries = parse(language, list).unwrap();
        let mut words: Vec<&str> = entries.iter().map(|entry| entry.word).collect();
        assert!(words.len() > 10, "{language}");
        assert!(entries.iter().all(|entry| entry.word.to_lowercase() == entry.word), "{language}");
        words.sort_unstable();
        assert!(words.windows(2).all(|pair| pair[0] != pair[1]), "{language}: an entry twice");
    }
}

#[test]
fn for_words_of_ascii_only_two_letters_need_folding() {
    for letter in ('\u{80}'..=char::MAX).filter(|letter| !FOLD_TO_ASCII.contains(&&*letter.to_string())) {
        assert!(letter.to_lowercase().count() == 1 && letter.to_lowercase().all(|lower| !lower.is_ascii()));
    }
    assert_eq!(
        count(&[("kike", 3), ("ass", 2), ("tit", 1)], "Kİke \u{212A}ike T\u{130}t ÉASS ass\u{130}"),
        [0, 0, 1]
    );
}
