//! What holds for any text that is measured, repaired and brought into normal form.

use document::{Signal, Signals};
use text::repair::{Faults, repair};
use text::shingles::{ShingleHash, ShingleScratch, normalized_words, shingle_hashes_by};
use text::{Scanner, Splitter, StopWords, characters, lines, normalize};

/// Bytes that are no UTF-8 count as U+FFFD.
pub fn check(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    for name in Splitter::NAMES {
        let splitter = Splitter::from_name(name).expect("a name of the list");
        words_and_sentences(splitter, text);
        signals(splitter, text);
    }
    spacy_words_both_ways(text);
    let mut at = 0;
    for line in lines::split_lines(text) {
        assert!(line.start >= at && line.end >= line.start && text.get(line.clone()).is_some(), "{line:?}");
        at = line.end;
    }
    repaired(text);
    normal_form(text);
}

/// Words are in order and apart, and leave out white space alone; sentences together are the text.
fn words_and_sentences(splitter: Splitter, text: &str) {
    let mut words = vec![(7, 7)];
    splitter.split(text, &mut words);
    let mut at = 0;
    for &(start, end) in &words {
        let (start, end) = (start as usize, end as usize);
        assert!(at <= start && start < end, "{} {start}..{end} behind {at}", splitter.name());
        assert!(
            text[at..start].chars().all(characters::is_space),
            "{} lost {:?}",
            splitter.name(),
            &text[at..start]
        );
        assert!(!text[start..end].contains(' ') && !text[start..end].starts_with(characters::is_space));
        at = end;
    }
    assert!(text[at..].chars().all(characters::is_space), "{} lost {:?}", splitter.name(), &text[at..]);
    let mut at = 0;
    splitter.each_sentence(text, &mut words, |sentence| {
        assert!(sentence.start == at && text.get(sentence.clone()).is_some(), "{sentence:?} behind {at}");
        at = sentence.end;
    });
    assert_eq!(at, text.len(), "sentences are the text");
    assert!(splitter.sentences(text, &mut words) <= text.len().max(1));
}

/// Chunks between spaces of ASCII take the fast way; between others, and beside anything beyond ASCII, they take the slow one.
fn spacy_words_both_ways(text: &str) {
    let words = |text: &str| {
        let mut words = Vec::new();
        Splitter::Spacy.split(text, &mut words);
        words.iter().map(|&(start, end)| text[start as usize..end as usize].to_owned()).collect::<Vec<_>>()
    };
    // Words that stand one space apart may be looked at together; two such spaces are as good as any other.
    let text = &*text.replace(' ', "  ");
    let slow: String =
        text.chars().map(|c| if c.is_ascii() && characters::is_space(c) { '\u{2003}' } else { c }).collect();
    assert_eq!(words(text), words(&slow), "{text:?}");
}

/// All signals are measured and finite, and are those of a scanner that has seen another text.
fn signals(splitter: Splitter, text: &str) {
    let stop_words = StopWords::new("the\nof\nund");
    let (mut fresh, mut used) = (Scanner::new(), Scanner::new());
    let mut found = [Signals::default(), Signals::default()];
    used.scan("the end\n\nthe end. {x}", used.signals(), &splitter, Some(&stop_words), &mut found[1]);
    found[1].clear();
    for (scanner, signals) in [&mut fresh, &mut used].into_iter().zip(&mut found) {
        scanner.scan(text, scanner.signals(), &splitter, Some(&stop_words), signals);
    }
    for signal in Signal::ALL.iter().filter(|signal| fresh.signals().contains(**signal)) {
        let [one, other] = found.each_ref().map(|signals| signals.get(*signal).map(f64::to_bits));
        assert_eq!(one, other, "{} depends on the text before", signal.name());
        assert!(found[0].get(*signal).is_some_and(f64::is_finite), "{} is not measured", signal.name());
    }
}

/// A repaired text needs no repair.
fn repaired(text: &str) {
    let (mut once, mut twice) = (String::from("left over"), String::from("left over"));
    let Some(counts) = repair(text, Faults::ALL, &mut once) else {
        assert_eq!(once, "left over");
        return;
    };
    assert!(counts.iter().any(|count| *count > 0) && once != text, "{counts:?}");
    let again = repair(&once, Faults::ALL, &mut twice);
    assert_eq!(again, None, "{text:?} is repaired to {once:?}, and that to {twice:?}");
}

fn normal_form(text: &str) {
    let mut form = String::from("left over");
    normalize::simplify_text(text, &mut form);
    let (mut words, mut scratch) = (Vec::new(), ShingleScratch::default());
    normalized_words(&form, &mut words);
    for hash in [ShingleHash::Xxh64, ShingleHash::Xxh32, ShingleHash::Sha1In64, ShingleHash::Sha1In32] {
        for n in [1, 5] {
            let hashes = shingle_hashes_by(hash, &form, &words, n, &mut scratch);
            assert_eq!(hashes.len(), (words.len() + 1).saturating_sub(n));
        }
    }
}
