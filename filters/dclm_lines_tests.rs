//! Tests of [`super`].

use super::*;
use crate::testing::{drops, keeps, kept_text, limits_are_exact, numbered_words, settings};

/// The kept text where only this rule is on.
fn only(check: usize, text: &str) -> String {
    let mut settings = settings(&FILTER);
    let others = CHECKS.iter().enumerate().filter(|(index, _)| *index != check);
    settings.off.extend(others.map(|(_, check)| check.reason.to_owned()));
    kept_text(&FILTER, &settings, text).0
}

#[test]
fn a_twentieth_of_the_words_may_go() {
    limits_are_exact(&FILTER);
    let page = |words: usize| format!("one\n{}", numbered_words(0, words));
    keeps(&FILTER, &page(19));
    drops(&FILTER, "too_many_removed_words", &page(18));
    // A word of marks counts neither before nor after.
    keeps(&FILTER, &format!("—\n(one\n{}", numbered_words(0, 2)));
    drops(&FILTER, "too_many_removed_words", "— …");
}

#[test]
fn something_must_be_left() {
    drops(&FILTER, "nothing_left", "");
    drops(&FILTER, "nothing_left", "word");
    drops(&FILTER, "nothing_left", "SHOUT\n3 likes\n\n12");
}

#[test]
fn lines_of_capital_letters_go() {
    assert_eq!(only(UPPERCASE, "AB cd\nABcd\nABCde\nÀÉ\nǅ\nⅧ\nx"), "AB cd\nABcd\nǅ\nx");
    assert_eq!(only(UPPERCASE, "\n A\nX"), "A");
    assert_eq!(only(UPPERCASE, "  a\n\nB\n \nC\n"), "a");
}

#[test]
fn lines_of_digits_go() {
    assert_eq!(only(NUMERIC, "2024\n2024.\n٣²①\n½\nⅧ\n 5\nx\n7"), "2024.\n½\nⅧ\n 5\nx");
    // At most one in a million is no digit.
    let long = |digits: usize| format!("a\n{}x", "1".repeat(digits));
    assert_eq!(only(NUMERIC, &long(999_999)).len(), 1_000_002);
    assert_eq!(only(NUMERIC, &long(1_000_001)), "a");
}

#[test]
fn counters_go() {
    for line in [
        "3 likes",
        "— 1,234.5K\u{A0}\tViews!",
        "2m downloads »",
        "٣ followers",
        "5B Comments ...",
        "7 li\u{212A}es",
        "1,,..9 shares",
    ] {
        assert_eq!(only(COUNTER, &format!("a\n{line}\nb")), "a\nb", "{line}");
    }
    for line in [
        "likes",
        "3likes",
        "3 likes a",
        "x 3 likes",
        "3 kk likes",
        "3 t likes",
        "3 likess",
        "½ likes",
        "3 K likes",
    ] {
        assert_eq!(only(COUNTER, &format!("a\n{line}\nb")), format!("a\n{line}\nb"), "{line}");
    }
}

#[test]
fn lines_of_one_word_go_and_empty_ones_stay() {
    assert_eq!(only(TOO_FEW_WORDS, "\n one two \none\n \n\n1 2\n"), "\n one two \n\n1 2\n");
    assert_eq!(only(TOO_FEW_WORDS, "one\n\ntwo\n\nthree"), "\n");
}

#[test]
fn phrases_go_from_lines_of_ten_words() {
    let cart = |text: &str| only(FIRST_PHRASE, text);
    assert_eq!(
        cart("you have 3 Items in cart now\n0 ITEMS IN CART\n items in cart \nx"),
        "you have 3 now\n0\nx"
    );
    assert_eq!(cart("items in cartitems in cart\na\u{A0}\u{130}tem\u{17F} in cartb\n"), "ab");
    assert_eq!(cart("1 2 3 4 5 6 7 items in cart"), "1 2 3 4 5 6 7");
    assert_eq!(cart("1 2 3 4 5 6 7 8 items in cart"), "1 2 3 4 5 6 7 8 items in cart");
    let more = |text: &str| only(FIRST_PHRASE + 1, text);
    assert_eq!(
        more("So it goes. Read more...\nread more>>>\nRead more >>>\nRead more\nx Read more..."),
        "So it goes.\nRead more >>>\nRead more\nx"
    );
    let sign_in = |text: &str| only(FIRST_PHRASE + 2, text);
    assert_eq!(
        sign_in("Sign-in  or sign-in\nSIGN-IN\n\nx sign-in\ns\u{131}gn-in y"),
        "or sign-in\n\nx sign-in\ny"
    );
    // Blank lines go with or without a phrase in the page.
    assert_eq!(cart("a\n \n\nb"), "a\n\nb");
    assert_eq!(cart("a items in cart\n \n\nb"), "a\n\nb");
}

#[test]
fn rules_see_what_the_rules_before_them_left() {
    let all = |text: &str| kept_text(&FILTER, &settings(&FILTER), text);
    // Stripped of the line before it, a line is half of capital letters no more; but that rule is over.
    assert_eq!(all("AB\n  CDef gh\nx y").0, "CDef gh\nx y");
    // The phrase at the end is found when the blank behind it has gone.
    assert_eq!(all("so it goes read more... \n\n").0, "so it goes");
    // Two cuts in one line, and a phrase that a cut puts together.
    assert_eq!(all("Sign-in to see items in cart or read more...\nx y").0, "to see or\nx y");
    assert_eq!(all("x read items in cart more...\nx y").0, "x\nx y");
    let (kept, lines) = all("Home\n\nHOME PAGE\n42\n5 likes\nsign-in here\nIt was late.\n");
    assert_eq!((kept.as_str(), lines), ("here\nIt was late.", vec![1, 1, 1, 1, 0, 0, 1, 0, 0]));
}
