//! Languages of real and of generated texts: the answers are whatlang's, without an allocation.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]

#[path = "../../fuzz/properties/language.rs"]
#[allow(dead_code)]
mod property;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use classify::language::names;
use classify::{IdentifyScratch, identify};
use property::same;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// The lines of a file of the test data; none, said aloud, where there is no test data.
fn documents(name: &str) -> impl Iterator<Item = serde_json::Value> {
    let shared = std::env::var_os("CORPUS_TEST_DATA").map(PathBuf::from);
    let is_required = std::env::var("CORPUS_REQUIRE_DATA").is_ok_and(|flag| flag == "1");
    assert!(shared.is_some() || !is_required, "CORPUS_TEST_DATA is not set");
    if shared.is_none() {
        eprintln!("skipped: CORPUS_TEST_DATA names no texts");
    }
    let file = shared.map(|shared| std::fs::File::open(shared.join("data").join(name)).unwrap());
    let lines = file.map(|file| BufReader::new(zstd::Decoder::new(file).unwrap()).lines());
    lines.into_iter().flatten().map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

#[test]
fn sentences_of_many_languages_are_whatlangs() {
    const LENGTHS: [usize; 5] = [0, 20, 50, 100, 200];
    let mut scratch = IdentifyScratch::default();
    for name in ["lid/lingua_sentences.jsonl.zst", "lid/tatoeba_laser.jsonl.zst"] {
        let mut right: BTreeMap<usize, [usize; 2]> = BTreeMap::new();
        for document in documents(name) {
            let text = document["text"].as_str().unwrap();
            same(text, &mut scratch);
            let Some((expected, _)) = names(document["lang"].as_str().unwrap()) else { continue };
            let length = text.chars().count();
            let from = LENGTHS.iter().copied().filter(|from| *from <= length).max().unwrap();
            let [right, all] = right.entry(from).or_default();
            *right += usize::from(identify(text, &mut scratch).is_some_and(|found| found.code == expected));
            *all += 1;
        }
        for (from, [right, all]) in right {
            let share = right as f64 / all as f64;
            println!("{name}, from {from} characters: {share:.4} of {all} in known languages");
        }
    }
}

#[test]
fn pages_are_whatlangs() {
    let mut scratch = IdentifyScratch::default();
    for name in ["raw/web_pages.jsonl.zst", "raw/mixed_sources.jsonl.zst"] {
        documents(name)
            .take(8_000)
            .for_each(|document| same(document["text"].as_str().unwrap(), &mut scratch));
    }
}

/// The languages of the table: their trigrams, the most frequent first.
fn profiles() -> Vec<Vec<String>> {
    let lines = include_str!("../language/profiles.tsv").lines();
    let trigrams = lines.map(|line| line.split('\t').nth(2).unwrap().chars().collect::<Vec<_>>());
    trigrams.map(|all| all.chunks(3).map(|trigram| trigram.iter().collect()).collect()).collect()
}

/// A few characters of a script, of what changes with case or context, or any at all.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z]{1,6}",
        2 => "[a-z]{1,2}[à-ÿĀ-žƀ-ɏạ-ỹḀ-ỿ]{1,3}",
        3 => "[а-яА-ЯёђјљњћџѓќєіїґўҐЁЉ]{1,6}",
        1 => "[\u{621}-\u{64A}پچگہے]{1,5}",
        1 => "[\u{904}-\u{94D}]{1,5}",
        1 => "[\u{591}-\u{5EA}]{1,5}",
        1 => "[一-龥ぁ-んァ-ン가-힣ก-ฮა-ჰ]{1,4}",
        1 => "[Α-ωΣς]{1,3}",
        1 => "[İıΣσKÅΩẞǅ\u{1D2B}\u{1D78}\u{307}ʻ·¡¿]{1,3}",
        4 => "[ \n]{1,3}",
        1 => "[0-9.,!?@\\[\\]^_`{|}~\u{0}\u{7F}\u{80}\u{A0}\u{2019}]{1,3}",
        1 => "[😀-🙏𝐀-𝑧\u{20000}-\u{20100}]{1,3}",
        1 => vec(any::<char>(), 1..3).prop_map(String::from_iter),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn mixtures_of_all_scripts_are_whatlangs(pieces in vec(piece(), 0..40), times in 0_usize..4) {
        let text = pieces.concat();
        let mut scratch = IdentifyScratch::default();
        same(&text, &mut scratch);
        same(&text.repeat([0, 2, 7, 150][times]), &mut scratch);
        // Characters up to the third alone.
        (0..4).for_each(|count| same(&text.chars().take(count).collect::<String>(), &mut scratch));
    }

    /// Two languages of a script at a time: their scores are close, and one wrong rank changes the confidence.
    #[test]
    fn texts_of_the_tables_trigrams_are_whatlangs(
        (first, second) in select(vec![0..37_usize, 37..43, 43..46, 46..49, 49..51])
            .prop_flat_map(|script| (script.clone(), script)),
        ranks in vec((any::<bool>(), 0..300_usize, 0..300_usize, any::<bool>()), 0..400),
    ) {
        static PROFILES: std::sync::LazyLock<Vec<Vec<String>>> = std::sync::LazyLock::new(profiles);
        let mut text = String::new();
        for (is_first, one, other, ends) in ranks {
            text += &PROFILES[if is_first { first } else { second }][one.min(other)];
            text += if ends { "." } else { "" };
        }
        same(&text, &mut IdentifyScratch::default());
    }
}

#[test]
fn long_and_odd_texts_are_whatlangs() {
    let mut scratch = IdentifyScratch::default();
    let all: String = ('\0'..=char::MAX).collect();
    same(&all, &mut scratch);
    same(&("the ".repeat(400_000) + &all), &mut scratch);
    let latin: String = all.chars().filter(|c| ('À'..'\u{250}').contains(c)).collect();
    for text in
        ["", " ", "a", "\u{7F}", "é", "İ", "Σ", "ab", "aΣ", "a b", "  a", "a\u{A0}b", "ß", "ab cd ab", &latin]
    {
        same(text, &mut scratch);
        for times in [60, 126, 127, 128, 129, 5000] {
            same(&text.repeat(times), &mut scratch);
            same(&(text.to_owned() + " z").repeat(times), &mut scratch);
        }
    }
}

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is the system allocator's own; their number is kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's layout, unchanged.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's pointer and layout, unchanged.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_scratch_that_has_seen_such_texts_allocates_no_more() {
    let texts = [
        "The weather in the north was better than we had expected, so we stayed for a week. ",
        "Погода была лучше, чем мы ожидали, и мы остались на неделю. ",
        "天气比我们预期的要好，所以我们待了一个星期。",
        "Thời tiết ở miền bắc tốt hơn chúng tôi mong đợi, nên chúng tôi ở lại một tuần. ĂẮẰẲẴẶÂẤẦẨẪẬ ĐÊẾỀỂỄỆ ÔỐỒỔỖỘ ",
        "وكان الطقس في الشمال أفضل مما توقعنا، فبقينا أسبوعا. ",
        "12345 --- !!!",
    ];
    let texts: Vec<String> = texts.iter().map(|text| text.repeat(20)).collect();
    let mut scratch = IdentifyScratch::default();
    let found: Vec<_> = texts.iter().map(|text| identify(text, &mut scratch)).collect();
    let before = ALLOCATIONS.get();
    for (text, found) in texts.iter().zip(&found) {
        assert_eq!(identify(text, &mut scratch), *found);
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
}
