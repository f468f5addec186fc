//! Language identification by letters and trigrams (whatlang: 70 languages).

use document::Language;

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

/// The language of the whole text; `None` where it has no letters. The time is linear in the text.
///
/// The score is whatlang's confidence: 1 for scripts of one language, else from the lead over the second best.
pub fn identify(text: &str) -> Option<Language> {
    let found = whatlang::detect(text)?;
    let index = LANGUAGES.binary_search_by_key(&found.lang().code(), |&(code, _)| code).ok()?;
    let (code, short) = LANGUAGES[index];
    let score = found.confidence();
    Some(Language { code, short, score: if score.is_finite() { score.clamp(0.0, 1.0) } else { 0.0 } })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

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
