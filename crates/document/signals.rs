//! Everything one scan can measure, and one row of measurements.

/// How a signal's histogram is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// 0..=1, in 50 equal bins.
    Fraction,
    /// 0.., in bins of a quarter power of two.
    Log,
    /// 0..=25, in half units.
    Linear,
}

macro_rules! signals {
    ($($variant:ident $name:literal $scale:ident $about:literal;)*) => {
        /// A number measured on a document. The name is the ledger's column name behind `<stage>.`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Signal { $(#[doc = $about] $variant,)* }

        impl Signal {
            pub const ALL: &'static [Signal] = &[$(Signal::$variant,)*];
            pub const COUNT: usize = Self::ALL.len();

            pub fn name(self) -> &'static str {
                match self { $(Signal::$variant => $name,)* }
            }

            pub fn about(self) -> &'static str {
                match self { $(Signal::$variant => $about,)* }
            }

            pub fn scale(self) -> Scale {
                match self { $(Signal::$variant => Scale::$scale,)* }
            }
        }
    };
}

// Lengths are Unicode code points. "Duplicate" means second and later occurrences.
signals! {
    DuplicateParagraphs "duplicate_paragraphs" Fraction "Share of paragraphs (text.strip() split at \\n{2,}) that are duplicates.";
    DuplicateParagraphChars "duplicate_paragraph_chars" Fraction "Characters in duplicate paragraphs / characters of the text.";
    DuplicateLines "duplicate_lines" Fraction "Share of lines (split at \\n+) that are duplicates.";
    DuplicateLineChars "duplicate_line_chars" Fraction "Characters in duplicate lines / characters of the text.";
    Top2Gram "top_2_gram" Fraction "Characters of the most frequent word 2-gram times its count / characters of the text.";
    Top3Gram "top_3_gram" Fraction "As top_2_gram, for 3-grams.";
    Top4Gram "top_4_gram" Fraction "As top_2_gram, for 4-grams.";
    Duplicate5Grams "duplicate_5_grams" Fraction "Characters in word 5-grams seen before (a hit jumps 5 words) / characters of the text.";
    Duplicate6Grams "duplicate_6_grams" Fraction "As duplicate_5_grams, for 6-grams.";
    Duplicate7Grams "duplicate_7_grams" Fraction "As duplicate_5_grams, for 7-grams.";
    Duplicate8Grams "duplicate_8_grams" Fraction "As duplicate_5_grams, for 8-grams.";
    Duplicate9Grams "duplicate_9_grams" Fraction "As duplicate_5_grams, for 9-grams.";
    Duplicate10Grams "duplicate_10_grams" Fraction "As duplicate_5_grams, for 10-grams.";
    AllWords "all_words" Log "Words of the recipe's splitter, symbols included.";
    Words "words" Log "Words with at least one character that is not a symbol.";
    MeanWordLength "mean_word_length" Linear "Mean length of those words; 0 where there are none.";
    HashesPerWord "hashes_per_word" Fraction "Hash signs / all words.";
    EllipsesPerWord "ellipses_per_word" Fraction "Ellipses (... and the single character) / all words.";
    BulletLines "bullet_lines" Fraction "Share of lines that begin with a bullet or a hyphen.";
    EllipsisLines "ellipsis_lines" Fraction "Share of lines that end with an ellipsis.";
    AlphabeticWords "alphabetic_words" Fraction "Share of all words with at least one letter.";
    StopWords "stop_words" Linear "Distinct stop words of the document's language, case-sensitive.";
    Sentences "sentences" Log "Sentences in the lines that survived the line rules.";
    LoremIpsum "lorem_ipsum" Linear "1 if a surviving line contains 'lorem ipsum', else 0.";
    CurlyBrackets "curly_brackets" Linear "1 if a surviving line contains an opening curly bracket, else 0.";
    CutLines "cut_lines" Fraction "Share of lines that the line rules removed.";
    NonBlankLines "non_blank_lines" Log "Lines that are not blank.";
    PunctuatedLines "punctuated_lines" Fraction "Share of non-blank lines that end with terminal punctuation.";
    ShortLines "short_lines" Fraction "Share of non-blank lines of at most 30 characters.";
    DuplicateNonBlankLineChars "duplicate_non_blank_line_chars" Fraction "Characters in duplicate non-blank lines / characters without line feeds.";
    NewlinesPerWord "newlines_per_word" Fraction "Line feeds / all words.";
    LanguageScore "language_score" Fraction "Confidence of the language identifier.";
    BadWordsMild "bad_words_mild" Linear "Distinct listed words of severity 1 (mild or ambiguous).";
    BadWordsObscene "bad_words_obscene" Linear "Distinct listed words of severity 2 (obscene).";
    BadWordsSevere "bad_words_severe" Linear "Distinct listed words of severity 3 (slur or abuse).";
    // Models by path.
    WantedLanguageScore "wanted_language_score" Fraction "fastText's highest score of a listed language; of any, where none is listed.";
    QualityScore "quality_score" Fraction "Probability of the quality model's label.";
}

impl Signal {
    pub fn from_name(name: &str) -> Option<Signal> {
        Self::ALL.iter().copied().find(|signal| signal.name() == name)
    }
}

/// A set of signals: what a stage needs measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignalSet([u64; SignalSet::WORDS]);

impl SignalSet {
    const WORDS: usize = Signal::COUNT.div_ceil(64);
    pub const EMPTY: SignalSet = SignalSet([0; Self::WORDS]);

    pub fn insert(&mut self, signal: Signal) {
        self.0[signal as usize / 64] |= 1 << (signal as usize % 64);
    }

    pub fn contains(self, signal: Signal) -> bool {
        self.0[signal as usize / 64] >> (signal as usize % 64) & 1 == 1
    }

    pub fn intersects(self, other: SignalSet) -> bool {
        self.0.iter().zip(other.0).any(|(a, b)| a & b != 0)
    }

    pub fn union(mut self, other: SignalSet) -> SignalSet {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a |= b);
        self
    }

    pub fn is_empty(self) -> bool {
        self == SignalSet::EMPTY
    }
}

impl FromIterator<Signal> for SignalSet {
    fn from_iter<I: IntoIterator<Item = Signal>>(signals: I) -> Self {
        let mut set = SignalSet::EMPTY;
        signals.into_iter().for_each(|signal| set.insert(signal));
        set
    }
}

/// One row of measurements. What was not measured is `None`; what was is finite, for the empty text too.
#[derive(Clone, Debug)]
pub struct Signals([f64; Signal::COUNT]);

impl Default for Signals {
    fn default() -> Self {
        Signals([f64::NAN; Signal::COUNT])
    }
}

impl Signals {
    pub fn clear(&mut self) {
        self.0.fill(f64::NAN);
    }

    pub fn set(&mut self, signal: Signal, value: f64) {
        debug_assert!(value.is_finite(), "{} is not finite", signal.name());
        self.0[signal as usize] = value;
    }

    /// Sets a ratio of counts; 0 where the denominator is 0.
    pub fn set_ratio(&mut self, signal: Signal, numerator: usize, denominator: usize) {
        self.set(signal, if denominator == 0 { 0.0 } else { numerator as f64 / denominator as f64 });
    }

    pub fn get(&self, signal: Signal) -> Option<f64> {
        let value = self.0[signal as usize];
        (!value.is_nan()).then_some(value)
    }
}
