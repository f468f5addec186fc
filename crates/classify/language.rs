//! Language identification by letters and trigrams (whatlang: 70 languages).
//!
//! Language and confidence are whatlang's to the last bit, in a seventh of its time: letters and trigrams are counted in
//! two passes without an allocation, and the 600 trigrams that count are looked up once for all languages.

mod characters;
mod profiles;
mod script;
mod trigrams;

use std::cmp::{Ordering, Reverse};

use document::Language;
use whatlang::Lang;

use characters::Characters;
use profiles::{PROFILES, TRIGRAMS};
use script::Script;
use trigrams::Trigrams;

macro_rules! languages {
    ($($code:literal $short:literal,)*) => {
        /// ISO 639-3 and ISO 639-1 names of all languages that can be identified, by ISO 639-3 name.
        pub const LANGUAGES: &[(&str, &str)] = &[$(($code, $short),)*];
        /// Their ISO 639-1 names, as written in recipes.
        pub const SHORT_NAMES: &[&str] = &[$($short,)*];
    };
}

languages! {
    "afr" "af", "aka" "ak", "amh" "am", "ara" "ar", "aze" "az", "bel" "be", "ben" "bn", "bul" "bg", "cat" "ca",
    "ces" "cs", "cmn" "zh", "cym" "cy", "dan" "da", "deu" "de", "ell" "el", "eng" "en", "epo" "eo", "est" "et",
    "fin" "fi", "fra" "fr", "guj" "gu", "heb" "he", "hin" "hi", "hrv" "hr", "hun" "hu", "hye" "hy", "ind" "id",
    "ita" "it", "jav" "jv", "jpn" "ja", "kan" "kn", "kat" "ka", "khm" "km", "kor" "ko", "lat" "la", "lav" "lv",
    "lit" "lt", "mal" "ml", "mar" "mr", "mkd" "mk", "mya" "my", "nep" "ne", "nld" "nl", "nob" "nb", "ori" "or",
    "pan" "pa", "pes" "fa", "pol" "pl", "por" "pt", "ron" "ro", "rus" "ru", "sin" "si", "slk" "sk", "slv" "sl",
    "sna" "sn", "spa" "es", "srp" "sr", "swe" "sv", "tam" "ta", "tel" "te", "tgl" "tl", "tha" "th", "tuk" "tk",
    "tur" "tr", "ukr" "uk", "urd" "ur", "uzb" "uz", "vie" "vi", "yid" "yi", "zul" "zu",
}

/// Languages that other identifiers name more closely than [`LANGUAGES`] does: the standard form of each.
const CLOSER: &[(&str, &str)] = &[
    ("arb", "ar"),
    ("azj", "az"),
    ("ekk", "et"),
    ("fas", "fa"),
    ("lvs", "lv"),
    ("npi", "ne"),
    ("ory", "or"),
    ("twi", "ak"),
    ("uzn", "uz"),
    ("ydd", "yi"),
];

/// ISO 639-3 and ISO 639-1 name of a known language, by either.
pub fn names(code: &str) -> Option<(&'static str, &'static str)> {
    let known = LANGUAGES.iter().chain(CLOSER);
    known.copied().find(|(long, short)| *long == code || *short == code)
}

/// What identification works with. Keeps its allocations: 7 MB of address space, of which a text uses what its characters
/// need.
#[derive(Default)]
pub struct IdentifyScratch {
    characters: Characters,
    trigrams: Trigrams,
    likeness: Vec<usize>,
    distances: Vec<u32>,
}

/// The language of the whole text; `None` where it has no letters. The time is linear in the text.
///
/// The score is whatlang's confidence: 1 for scripts of one language, else from the lead over the second best.
pub fn identify(text: &str, scratch: &mut IdentifyScratch) -> Option<Language> {
    scratch.characters.count(text);
    let (code, score) = match script::main_script(scratch.characters.seen().iter().copied()) {
        Script::None => return None,
        Script::One(code, confidence) => (code, confidence),
        Script::Shared(script) => among(script, text, scratch),
        Script::Unclear => {
            let found = whatlang::detect(text)?;
            (found.lang().code(), found.confidence())
        }
    };
    let index = LANGUAGES.binary_search_by_key(&code, |&(code, _)| code).ok()?;
    let (code, short) = LANGUAGES[index];
    Some(Language { code, short, score: if score.is_finite() { score.clamp(0.0, 1.0) } else { 0.0 } })
}

/// The likeliest language of a script, and the confidence in it. The order of operations is whatlang's, as it decides
/// the last bits.
fn among(script: usize, text: &str, scratch: &mut IdentifyScratch) -> (&'static str, f64) {
    let lowered = scratch.characters.is_special().then(|| text.to_lowercase());
    let text = lowered.as_deref().unwrap_or(text);
    if lowered.is_some() {
        scratch.characters.count(text);
    }
    let IdentifyScratch { characters, trigrams, likeness, distances } = scratch;
    characters.lower();
    let trigrams = trigrams.rank(text, characters);
    PROFILES.distances(script, trigrams, distances);
    let letters = PROFILES.likeness(script, characters.letters(), likeness);

    let letters_weight = (-(letters.unwrap_or(1) as f64 / 300.0) + 2.0 / 3.0).clamp(1.0 / 3.0, 2.0 / 3.0);
    let trigrams_weight = 1.0 - letters_weight;
    let farthest = trigrams.len() as u32 * TRIGRAMS;
    let score = |language: usize| {
        let letters_score = letters.map_or(1.0, |letters| likeness[language] as f64 / letters as f64);
        let trigrams_score = f64::from(farthest - distances[language]) / f64::from(farthest);
        letters_score * letters_weight + trigrams_score * trigrams_weight
    };
    let languages = PROFILES.languages(script);
    let (mut best, mut first, mut second) = (0, score(0), 0.0);
    for language in 1..languages.len() {
        let score = score(language);
        if score > first {
            (best, first, second) = (language, score, first);
        } else if score > second {
            second = score;
        }
    }
    let code = match first == second {
        true => first_of_equals(languages, letters.map(|_| &likeness[..]), score).code(),
        false => languages[best].code(),
    };
    (code, confidence(first, second, trigrams.len()))
}

/// Of languages with the same score, the one that whatlang's two unstable sorts leave first: that depends on the order
/// of all and on the type of what is sorted.
#[cold]
fn first_of_equals(languages: &[Lang], likeness: Option<&[usize]>, score: impl Fn(usize) -> f64) -> Lang {
    let mut order: Vec<(Lang, usize)> = languages.iter().copied().zip(0..).collect();
    if let Some(likeness) = likeness {
        order.iter_mut().for_each(|(_, at)| *at = likeness[*at]);
        order.sort_unstable_by_key(|(_, likeness)| Reverse(*likeness));
    }
    let at = |lang: Lang| languages.iter().position(|other| *other == lang).unwrap_or(0);
    let mut scores: Vec<(Lang, f64)> = order.iter().map(|&(lang, _)| (lang, score(at(lang)))).collect();
    scores.sort_unstable_by(|one, other| other.1.partial_cmp(&one.1).unwrap_or(Ordering::Less));
    scores[0].0
}

/// Certain, where the best score leads the second by more than a share that falls with the number of trigrams.
fn confidence(best: f64, second: f64, trigrams: usize) -> f64 {
    if best == 0.0 {
        return 0.0;
    }
    if second == 0.0 {
        return best;
    }
    let certain = 3.0 / trigrams as f64 + 0.015;
    let lead = (best - second) / second;
    if lead > certain { 1.0 } else { lead / certain }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn identify(text: &str) -> Option<Language> {
        super::identify(text, &mut IdentifyScratch::default())
    }

    #[test]
    fn every_language_of_whatlang_is_listed_once() {
        assert!(LANGUAGES.is_sorted() && LANGUAGES.len() == whatlang::Lang::all().len());
        for lang in whatlang::Lang::all() {
            assert!(LANGUAGES.binary_search_by_key(&lang.code(), |&(code, _)| code).is_ok(), "{lang}");
        }
    }

    #[test]
    fn a_language_is_found_by_either_name() {
        assert_eq!((names("en"), names("eng")), (Some(("eng", "en")), Some(("eng", "en"))));
        assert_eq!((names("ar"), names("arb")), (Some(("ara", "ar")), Some(("arb", "ar"))));
        assert_eq!(names("gsw"), None);
    }

    #[test]
    fn sentences_are_identified() {
        let english =
            identify("The weather in the north was better than we had expected, so we stayed for a week.")
                .unwrap();
        assert_eq!((english.code, english.short), ("eng", "en"));
        assert!(english.score > 0.5);
        assert_eq!(
            identify("Das Wetter im Norden war besser, als wir erwartet hatten.").unwrap().short,
            "de"
        );
        assert_eq!(identify("Погода была лучше, чем мы ожидали.").unwrap().short, "ru");
        assert_eq!(identify("天气比我们预期的要好。").unwrap().short, "zh");
    }

    #[test]
    fn a_text_without_letters_has_no_language() {
        for text in ["", " \n", "12345 --- !!!"] {
            assert_eq!(identify(text), None, "{text:?}");
        }
    }
}
