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
    /// Any number, in bins of a quarter power of two of 1 + 64 times its size: for columns of the user's.
    Signed,
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
    // DCLM, which cuts words at white space, counts every copy as a duplicate, the first too, and strips lines.
    DclmWords "dclm_words" Log "Words between ASCII blanks that begin with a letter or digit.";
    DclmMeanWordLength "dclm_mean_word_length" Linear "Mean length of the words between white space; 0 where there are none.";
    DclmSymbolsPerWord "dclm_symbols_per_word" Fraction "Hash signs and ellipses (..., . . . and the single character) / words between white space; 1 where there are none.";
    DclmBulletLines "dclm_bullet_lines" Fraction "Share of lines that are not blank and begin with ●, •, * or -.";
    DclmEllipsisLines "dclm_ellipsis_lines" Fraction "Share of lines that are not blank and end with an ellipsis.";
    DclmUnalphabeticWords "dclm_unalphabetic_words" Fraction "Share of words between white space without a letter; 1 where there are none.";
    DclmStopWords "dclm_stop_words" Log "How often the, be, to, of, and, that, have and with occur between white space, in any case.";
    DclmDuplicateLines "dclm_duplicate_lines" Fraction "Share of lines that are not blank and have a copy; 0 of one line, 1 of none.";
    DclmDuplicateParagraphs "dclm_duplicate_paragraphs" Fraction "As dclm_duplicate_lines, for paragraphs (split at \\n\\n).";
    DclmDuplicateLineChars "dclm_duplicate_line_chars" Fraction "Share of the characters of such lines that is in lines which have a copy.";
    DclmDuplicateParagraphChars "dclm_duplicate_paragraph_chars" Fraction "As dclm_duplicate_line_chars, for paragraphs.";
    DclmTop2Gram "dclm_top_2_gram" Fraction "Characters of the most frequent 2-gram (the longest of several) times its count / characters of all words; words are UAX 29's that begin with a letter or digit. 0 where none comes again.";
    DclmTop3Gram "dclm_top_3_gram" Fraction "As dclm_top_2_gram, for 3-grams.";
    DclmTop4Gram "dclm_top_4_gram" Fraction "As dclm_top_2_gram, for 4-grams.";
    DclmRepeated5Grams "dclm_repeated_5_grams" Fraction "Characters of words in 5-grams that occur more than once, each word once / characters of all words.";
    DclmRepeated6Grams "dclm_repeated_6_grams" Fraction "As dclm_repeated_5_grams, for 6-grams.";
    DclmRepeated7Grams "dclm_repeated_7_grams" Fraction "As dclm_repeated_5_grams, for 7-grams.";
    DclmRepeated8Grams "dclm_repeated_8_grams" Fraction "As dclm_repeated_5_grams, for 8-grams.";
    DclmRepeated9Grams "dclm_repeated_9_grams" Fraction "As dclm_repeated_5_grams, for 9-grams.";
    DclmRepeated10Grams "dclm_repeated_10_grams" Fraction "As dclm_repeated_5_grams, for 10-grams.";
    DclmRemovedWords "dclm_removed_words" Fraction "Share of dclm_words that the line rules removed; 1 where there were none.";
    // RedPajama-V2, whose names these are; rounded to 8 decimals.
    RpsWords "rps_doc_word_count" Log "Normalised words: without ASCII punctuation, in lower case, NFD.";
    RpsMeanWordLength "rps_doc_mean_word_length" Linear "Mean length of the normalised words.";
    RpsUniqueWords "rps_doc_frac_unique_words" Fraction "Distinct normalised words / normalised words.";
    RpsUnigramEntropy "rps_doc_unigram_entropy" Linear "Entropy of the normalised words, in nats.";
    RpsTop2Gram "rps_doc_frac_chars_top_2gram" Fraction "Characters of the most frequent 2-gram of normalised words times its count / characters of the words; 0 if it stands once.";
    RpsTop3Gram "rps_doc_frac_chars_top_3gram" Fraction "As rps_doc_frac_chars_top_2gram, for 3-grams.";
    RpsTop4Gram "rps_doc_frac_chars_top_4gram" Fraction "As rps_doc_frac_chars_top_2gram, for 4-grams.";
    RpsDuplicate5Grams "rps_doc_frac_chars_dupe_5grams" Fraction "Characters of the normalised words in any 5-gram that comes again, each counted once / characters of the words.";
    RpsDuplicate6Grams "rps_doc_frac_chars_dupe_6grams" Fraction "As rps_doc_frac_chars_dupe_5grams, for 6-grams.";
    RpsDuplicate7Grams "rps_doc_frac_chars_dupe_7grams" Fraction "As rps_doc_frac_chars_dupe_5grams, for 7-grams.";
    RpsDuplicate8Grams "rps_doc_frac_chars_dupe_8grams" Fraction "As rps_doc_frac_chars_dupe_5grams, for 8-grams.";
    RpsDuplicate9Grams "rps_doc_frac_chars_dupe_9grams" Fraction "As rps_doc_frac_chars_dupe_5grams, for 9-grams.";
    RpsDuplicate10Grams "rps_doc_frac_chars_dupe_10grams" Fraction "As rps_doc_frac_chars_dupe_5grams, for 10-grams.";
    RpsLoremIpsum "rps_doc_lorem_ipsum" Fraction "Occurrences of 'lorem ipsum' / characters of the normalised text.";
    RpsBadWords "rps_doc_ldnoobw_words" Linear "Occurrences of entries of LDNOOBW's list among the normalised words; English only.";
    RpsStopWords "rps_doc_stop_word_fraction" Fraction "Stop words of the language (stopwords-json) / raw words: runs of word characters, and of other marks.";
    RpsAllCapsWords "rps_doc_frac_all_caps_words" Fraction "Raw words in capitals / raw words.";
    RpsNoAlphaWords "rps_doc_frac_no_alph_words" Fraction "Raw words without a to z / raw words.";
    RpsSymbolsPerWord "rps_doc_symbol_to_word_ratio" Fraction "Hash signs and ellipses (... and the single character) / raw words.";
    RpsSentences "rps_doc_num_sentences" Log "Stretches that begin with a word and end in full stops, exclamation or question marks.";
    RpsCurlyBrackets "rps_doc_curly_bracket" Fraction "Curly brackets / characters of the text.";
    RpsEllipsisLines "rps_doc_frac_lines_end_with_ellipsis" Fraction "Share of lines that end with an ellipsis.";
    RpsLineWords "rps_lines_num_words" Log "Normalised words per line, mean.";
    RpsPunctuatedLines "rps_lines_ending_with_terminal_punctution_mark" Fraction "Share of lines that end in . ! ? or a closing quote. (The misspelling is the reference's.)";
    RpsBulletLines "rps_lines_start_with_bulletpoint" Fraction "Share of lines that begin with one of ten bullets.";
    RpsLineCapitals "rps_lines_uppercase_letter_fraction" Fraction "Capitals / characters of a line, mean over lines.";
    RpsLineNumbers "rps_lines_numerical_chars_fraction" Fraction "Numbers / characters of a normalised line, mean over lines.";
    RpsLineJavascript "rps_lines_javascript_counts" Linear "Words 'javascript' per line, mean.";
    RepeatedParts "repeated_parts" Log "Sentences or paragraphs that were removed because they stand elsewhere, too; null where none was, as below.";
    RepeatedBytes "repeated_bytes" Log "Bytes of the text that went with them.";
    WordsLeft "words_left" Log "Words of the recipe's splitter that were left.";
    SentencesLeft "sentences_left" Log "Sentences that were left.";
    // Dolma's gopher_v1 and gopher_v2, rounded to 5 decimals.
    DolmaWords "word_count" Log "Words between white space.";
    DolmaCharacters "character_count" Log "Characters of the text.";
    DolmaMedianWordLength "median_word_length" Linear "Median length of the words.";
    DolmaSymbolsPerWord "symbol_to_word_ratio" Fraction "Share of words that hold a hash sign or the ellipsis character.";
    DolmaAlphaWords "fraction_of_words_with_alpha_character" Fraction "Share of words that hold a letter.";
    DolmaRequiredWords "required_word_count" Log "Occurrences of Gopher's eight stop words, case-sensitive.";
    DolmaBulletLines "fraction_of_lines_starting_with_bullet_point" Fraction "Share of lines that begin with * or -.";
    DolmaEllipsisLines "fraction_of_lines_ending_with_ellipsis" Fraction "Share of lines that end with the ellipsis character.";
    DolmaDuplicateLines "fraction_of_duplicate_lines" Fraction "Share of lines that stand more than once, all copies counted.";
    DolmaDuplicateLineChars "fraction_of_characters_in_duplicate_lines" Fraction "Characters in those lines / characters of the words; may exceed 1.";
    DolmaTop2Gram "fraction_of_characters_in_most_common_2grams" Fraction "Characters of the most frequent word 2-gram times its count / characters of the words.";
    DolmaTop3Gram "fraction_of_characters_in_most_common_3grams" Fraction "As fraction_of_characters_in_most_common_2grams, for 3-grams.";
    DolmaTop4Gram "fraction_of_characters_in_most_common_4grams" Fraction "As fraction_of_characters_in_most_common_2grams, for 4-grams.";
    DolmaDuplicate5Grams "fraction_of_characters_in_duplicate_5grams" Fraction "Characters of all occurrences of word 5-grams that come again / characters of all 5-grams.";
    DolmaDuplicate6Grams "fraction_of_characters_in_duplicate_6grams" Fraction "As fraction_of_characters_in_duplicate_5grams, for 6-grams.";
    DolmaDuplicate7Grams "fraction_of_characters_in_duplicate_7grams" Fraction "As fraction_of_characters_in_duplicate_5grams, for 7-grams.";
    DolmaDuplicate8Grams "fraction_of_characters_in_duplicate_8grams" Fraction "As fraction_of_characters_in_duplicate_5grams, for 8-grams.";
    DolmaDuplicate9Grams "fraction_of_characters_in_duplicate_9grams" Fraction "As fraction_of_characters_in_duplicate_5grams, for 9-grams.";
    DolmaDuplicate10Grams "fraction_of_characters_in_duplicate_10grams" Fraction "As fraction_of_characters_in_duplicate_5grams, for 10-grams.";
    // Dolma's c4_v1 and c4_v2.
    DolmaLines "line_count" Log "Lines between line feeds, blank ones too.";
    DolmaUnpunctuatedLines "lines_with_no_ending_punctuation" Log "Lines that do not end in . ? ! or a quotation mark.";
    DolmaUnpunctuatedChars "characters_in_lines_with_no_ending_punctuation" Log "Characters of those lines, line feeds too.";
    DolmaShortLines "lines_with_too_few_words" Log "Lines of fewer than 3 words.";
    DolmaShortLineChars "characters_in_lines_with_too_few_words" Log "Characters of those lines, line feeds too.";
    DolmaHasNaughtyWord "has_naughty_word" Linear "1 if a word is an entry of LDNOOBW's list, or the text contains one of its phrases, else 0.";
    DolmaHasJavascript "has_javascript" Linear "1 if a word is 'javascript' (v2: the text contains it), else 0.";
    DolmaHasLoremIpsum "has_lorem_ipsum" Linear "1 if the text contains 'lorem ipsum', else 0.";
    DolmaHasCurlyBrace "has_curly_brace" Linear "1 if the text contains an opening curly brace, else 0.";
    // Text repair.
    Repairs "repairs" Log "Repairs of the text: characters, line breaks and runs of mojibake.";
    // Personal data: mask_pii.
    MaskedEmails "masked_emails" Log "E-mail addresses that were replaced, or found and only tagged.";
    MaskedIpAddresses "masked_ip_addresses" Log "Public IP addresses, likewise.";
    PhoneNumbers "phone_numbers" Log "Telephone numbers, likewise.";
    // Evaluation sets.
    EvalNgrams "eval_ngrams" Log "Distinct n-grams of the evaluation item that shares most of them with the text.";
    EvalShare "eval_share" Fraction "Those / all n-grams of that item.";
    EvalSet "eval_set" Linear "Its set: place in `sets`, from 1 on; 0: none is shared.";
    EvalItem "eval_item" Log "The item: line of the set's file, from 1 on; 0: none.";
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

    /// In the order of [`Signal::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Signal> {
        (0..).zip(self.0).flat_map(|(word, bits)| {
            let rests = std::iter::successors(Some(bits), |bits| Some(bits & bits.wrapping_sub(1)));
            let bits = rests.take_while(|bits| *bits != 0);
            bits.map(move |bits: u64| Signal::ALL[64 * word + bits.trailing_zeros() as usize])
        })
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
