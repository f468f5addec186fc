//! Tests of [`super`].

use document::{OptionValue, Settings};

use super::*;
use crate::testing::{drops, drops_with, keeps, kept_text, limits_are_exact, settings};

/// Five sentences.
const PROSE: &str = "It was late. We went home. Nobody spoke. The rain had stopped. Then it began again.";

fn with(key: &str, value: OptionValue) -> Settings {
    let mut settings = settings(&FILTER);
    settings.options.insert(key.to_owned(), value);
    settings
}

#[test]
fn five_sentences_are_enough() {
    limits_are_exact(&FILTER);
    keeps(&FILTER, PROSE);
    drops(&FILTER, "too_few_sentences", &PROSE.replace("home. Nobody", "home, nobody"));
    drops(&FILTER, "too_few_sentences", "");
}

#[test]
fn lines_are_cut_and_counted() {
    let text = format!(
        "  Home | News \r\n{PROSE}\u{2028}Please enable JavaScript now.\nRead our Privacy Policy here.\n\nThis site uses coo\u{212A}ies today.\n{} is too long.\n A last line. ",
        "x".repeat(1001)
    );
    let (kept, lines) = kept_text(&FILTER, &settings(&FILTER), &text);
    assert_eq!(kept, format!("Home | News\n{PROSE}\nA last line."));
    assert_eq!(lines, [0, 0, 0, 1, 0, 1, 1, 2]);
    let (kept, _) = kept_text(&FILTER, &with("min_words_per_line", OptionValue::Number(4.0)), &text);
    assert_eq!(kept, PROSE);
    let (kept, _) = kept_text(&FILTER, &with("max_word_length", OptionValue::Number(-1.0)), &text);
    assert!(kept.contains("is too long."));
}

#[test]
fn words_of_a_thousand_characters_are_kept() {
    let line = |length| format!("{} is long.", "é".repeat(length));
    assert_eq!(kept_text(&FILTER, &settings(&FILTER), &line(1000)).0, line(1000));
    assert_eq!(kept_text(&FILTER, &settings(&FILTER), &line(1001)).0, "");
}

#[test]
fn terminal_punctuation_is_an_option() {
    let strict = with("terminal_punctuation", OptionValue::Bool(true));
    let text = "One two three.\nOne two three\nOne two three...\nOne two three…\n\"One two three.\"\nIs it so?\nIt is so. [1]\nIt is so.[2]";
    // The blank before a citation stays, and hides the full stop.
    assert_eq!(
        kept_text(&FILTER, &strict, text).0,
        "One two three.\n\"One two three.\"\nIs it so?\nIt is so."
    );
    assert_eq!(kept_text(&FILTER, &settings(&FILTER), text).1[NO_TERMINAL_PUNCTUATION], 0);
}

#[test]
fn citations_are_cut_out_of_lines() {
    let text = "[1] One[23] two[] three[x] four. [edit]\nFive six seven [citation needed] [4]\n";
    assert_eq!(kept_text(&FILTER, &settings(&FILTER), text).0, "One two three[x] four. \nFive six seven");
    // Words were counted before; a phrase can come together.
    assert_eq!(kept_text(&FILTER, &settings(&FILTER), "[1] [2] [3]\na b c").0, "a b c");
    assert_eq!(kept_text(&FILTER, &settings(&FILTER), "Turn on java[1]script please.").1[JAVASCRIPT], 1);
    let all = with("min_words_per_line", OptionValue::Number(-1.0));
    assert_eq!(kept_text(&FILTER, &all, "[1]\n\nHome\n\n[2]").0, "Home");
}

#[test]
fn the_first_page_rule_is_the_reason() {
    let lorem = "Lorem IPSUM dolor sit.";
    let code = "function f() { return 1; }";
    drops(&FILTER, "lorem_ipsum", &format!("{PROSE}\n{lorem}\n{code}"));
    drops(&FILTER, "curly_bracket", &format!("{PROSE}\n{code}\n{lorem}"));
    // In a line that is cut before, neither counts; a policy line is cut after.
    keeps(&FILTER, &format!("{PROSE}\n{{ x\njavascript: if {{ }}\n"));
    drops(&FILTER, "lorem_ipsum", &format!("{PROSE}\nlorem ipsum and javascript"));
    drops(&FILTER, "curly_bracket", &format!("{PROSE}\nour privacy policy {{"));
}

#[test]
fn checks_that_are_off_are_skipped() {
    let mut settings = settings(&FILTER);
    settings.off.insert("lorem_ipsum".to_owned());
    settings.off.insert("policy".to_owned());
    let text = format!("{PROSE}\nLorem ipsum dolor sit.\nfn f() {{ }}\nOur privacy policy.");
    drops_with(&FILTER, &settings, "curly_bracket", &text);
    assert_eq!(kept_text(&FILTER, &settings, &text).0, text);
}

// Expected texts are the reference's with `split_paragraph=False` and `filter_no_terminal_punct=False`.
#[test]
fn sentences_can_be_judged_instead_of_lines() {
    let settings = with("split_paragraph", OptionValue::Bool(false));
    let (kept, lines) = kept_text(
        &FILTER,
        &settings,
        "One two\nthree four. Short. Use\njavascript now! Here [1] it is (not) . \n\n Last",
    );
    assert_eq!(kept, "One two\nthree four. Here  it is (not) .");
    assert_eq!(lines[JAVASCRIPT], 1);
    assert_eq!(lines[TOO_FEW_WORDS_IN_LINE], 2);
    let settings = Settings { splitter: "uax29".into(), ..settings };
    assert!(build(&settings).is_err_and(|message| message.contains("spacy")));
}
