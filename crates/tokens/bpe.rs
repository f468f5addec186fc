//! Text to token ids and back.
//!
//! Byte-level BPE with the expression of GPT-2 is encoded here; any other `tokenizer.json` by the `tokenizers` crate.
use crate::byte_lengths::ByteLengths;
use crate::merges::Merges;
use crate::pretoken_cache::{BATCH, Cache};
use crate::pretokens::next_ends;
use crate::vocabulary::{Vocabulary, spelled_bytes, spelled_ids};
use serde_json::Value;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

/// Spellings of the token that ends a document, the likeliest first.
const END_OF_TEXT: [&str; 9] = [
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
    "<eos>",
    "<|eos|>",
    "<|im_end|>",
    "<|end▁of▁sentence|>",
    "[SEP]",
    "[EOS]",
];

/// Cheap to clone and to share between threads.
#[derive(Clone)]
pub struct Tokenizer(Arc<Inner>);

struct Inner {
    json: String,
    hash: u128,
    end_of_text: u32,
    is_lossless: bool,
    /// The bytes of all tokens joined, and where each begins.
    token_bytes: Vec<u8>,
    token_starts: Vec<u32>,
    encoder: Encoder,
}

enum Encoder {
    ByteLevel { vocabulary: Vocabulary, merges: Box<Merges> },
    Fallback(Box<tokenizers::Tokenizer>),
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    #[error("the tokenizer is not valid JSON: {0}; give a tokenizer.json in the Hugging Face format")]
    Json(#[from] serde_json::Error),
    #[error("the tokenizer cannot be read: {0}; give a tokenizer.json in the Hugging Face format")]
    Unreadable(String),
    #[error(
        "the tokenizer has no end-of-text token; add one of {END_OF_TEXT:?} to its added_tokens as a special token"
    )]
    NoEndOfText,
    #[error("the text cannot be encoded: {0}")]
    Encode(String),
    #[error("{0} ids are too few: the 256 bytes and the end-of-text token need 257")]
    TooFewIds(usize),
    #[error(
        "only a byte-level BPE with the GPT-2 expression can be cut to its first ids; train one with `corpus tokenizer train`"
    )]
    NotTruncatable,
}

impl Tokenizer {
    /// Reads a Hugging Face `tokenizer.json`.
    pub fn from_json(json: &str) -> Result<Tokenizer, TokenizerError> {
        let value: Value = serde_json::from_str(json)?;
        let ids = spelled_ids(&value);
        let found = END_OF_TEXT.iter().find_map(|&spelling| Some((*ids.get(spelling)?, spelling)));
        let (end_of_text, spelling) = found.ok_or(TokenizerError::NoEndOfText)?;
        match Vocabulary::from_json(&value).and_then(|v| v.with_special(end_of_text, spelling)) {
            Some(vocabulary) => Tokenizer::from_vocabulary(vocabulary, end_of_text, json.to_owned()),
            None => Tokenizer::fallback(json, &value, end_of_text),
        }
    }

    /// The embedded vocabulary of 32,768 ids; `default_32k/README.md` says what it was trained on.
    pub fn default_32k() -> Result<Tokenizer, TokenizerError> {
        let pairs = crate::default_vocabulary::pairs()?;
        let vocabulary = Vocabulary::from_merges(crate::train_bpe::END_OF_TEXT, &pairs);
        let json = vocabulary.to_json();
        Tokenizer::from_vocabulary(vocabulary, 0, json)
    }

    /// Appends the ids of `text`, without any special token: text that spells one is encoded as the text it is.
    /// `cache` belongs to one thread. A text that a foreign tokenizer refuses yields an error and no ids.
    pub fn encode_into(
        &self,
        text: &str,
        cache: &mut Cache,
        ids: &mut Vec<u32>,
    ) -> Result<(), TokenizerError> {
        match &self.0.encoder {
            Encoder::ByteLevel { merges, .. } => {
                cache.prepare(self.0.hash);
                ids.reserve(text.len() / 3);
                let mut at = 0;
                let mut ends = [0; BATCH];
                while at < text.len() {
                    let n = next_ends(text, at, &mut ends);
                    cache.append(merges, text.as_bytes(), at, &ends[..n], ids);
                    at = ends[n - 1];
                }
            }
            Encoder::Fallback(inner) => {
                let encoding =
                    inner.encode_fast(text, false).map_err(|e| TokenizerError::Encode(e.to_string()))?;
                ids.extend_from_slice(encoding.get_ids());
            }
        }
        Ok(())
    }

    /// The ids of one text, for when speed does not matter.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let mut ids = Vec::new();
        self.encode_into(text, &mut Cache::default(), &mut ids)?;
        Ok(ids)
    }

    /// The bytes that the ids stand for; special tokens stand for none. Not always UTF-8: a token can end
    /// within a character. For a lossy tokenizer, its own idea of the text.
    pub fn decode_bytes(&self, ids: &[u32]) -> Vec<u8> {
        match &self.0.encoder {
            Encoder::Fallback(inner) if !self.0.is_lossless => {
                inner.decode(ids, true).unwrap_or_default().into_bytes()
            }
            _ => ids.iter().flat_map(|&id| self.token_bytes(id)).copied().collect(),
        }
    }

    /// The bytes of one token; empty for special tokens and unknown ids.
    pub fn token_bytes(&self, id: u32) -> &[u8] {
        let start = self.0.token_starts.get(id as usize).copied().unwrap_or(0) as usize;
        let end = self.0.token_starts.get(id as usize + 1).copied().unwrap_or(start as u32) as usize;
        &self.0.token_bytes[start..end.max(start)]
    }

    /// The largest id plus one.
    pub fn vocab_size(&self) -> usize {
        self.0.token_starts.len() - 1
    }

    /// The id that stands before every document.
    pub fn end_of_text(&self) -> u32 {
        self.0.end_of_text
    }

    /// Whether decoding what was encoded gives the same bytes for every text.
    pub fn is_lossless(&self) -> bool {
        self.0.is_lossless
    }

    /// Exactly the `tokenizer.json` that was given.
    pub fn to_json(&self) -> &str {
        &self.0.json
    }

    /// xxh3-128 of `to_json`, 32 hexadecimal digits.
    pub fn hash(&self) -> String {
        format!("{:032x}", self.0.hash)
    }

    /// How many bytes of text each id stands for.
    pub fn byte_lengths(&self) -> ByteLengths {
        ByteLengths::new((0..self.vocab_size() as u32).map(|id| self.token_bytes(id).len() as u32).collect())
    }

    /// The same BPE with only its first `n` ids, at least 257. An end-of-text token beyond them becomes id `n - 1`.
    /// With `n` of the vocabulary's size or more, the tokenizer itself.
    pub fn truncated(&self, n: usize) -> Result<Tokenizer, TokenizerError> {
        if n >= self.vocab_size() {
            return Ok(self.clone());
        }
        if n < 257 {
            return Err(TokenizerError::TooFewIds(n));
        }
        let Encoder::ByteLevel { vocabulary, .. } = &self.0.encoder else {
            return Err(TokenizerError::NotTruncatable);
        };
        let cut = vocabulary.truncated(n, self.0.end_of_text);
        let end_of_text = self.0.end_of_text.min(n as u32 - 1);
        let json = cut.to_json();
        Tokenizer::from_vocabulary(cut, end_of_text, json)
    }

    fn from_vocabulary(
        vocabulary: Vocabulary,
        end_of_text: u32,
        json: String,
    ) -> Result<Tokenizer, TokenizerError> {
        let merges = Merges::new(&vocabulary).ok_or(TokenizerError::NotTruncatable)?;
        let tokens = vocabulary.tokens.clone();
        let encoder = Encoder::ByteLevel { vocabulary, merges: Box::new(merges) };
        Ok(Tokenizer::assemble(json, end_of_text, true, &tokens, encoder))
    }

    fn fallback(json: &str, value: &Value, end_of_text: u32) -> Result<Tokenizer, TokenizerError> {
        let unreadable = |e: tokenizers::Error| TokenizerError::Unreadable(e.to_string());
        let mut inner: tokenizers::Tokenizer = json.parse().map_err(unreadable)?;
        inner.with_truncation(None).map_err(unreadable)?;
        inner.with_padding(None);
        inner.set_encode_special_tokens(true);
        let is_byte_level = is_byte_level(value);
        let added = value["added_tokens"].as_array().map_or(&[][..], Vec::as_slice);
        let mut tokens = Vec::new();
        for (spelling, id) in spelled_ids(value) {
            let added = added.iter().find(|t| t["content"] == spelling);
            let bytes = match added {
                Some(token) if token["special"] == true => Vec::new(),
                Some(_) => spelling.as_bytes().to_vec(),
                None => foreign_bytes(spelling, is_byte_level),
            };
            if tokens.len() <= id as usize {
                tokens.resize(id as usize + 1, Vec::new());
            }
            tokens[id as usize] = if id == end_of_text { Vec::new() } else { bytes };
        }
        let mut seen = [false; 256];
        tokens.iter().filter(|t| t.len() == 1).for_each(|t| seen[t[0] as usize] = true);
        let is_lossless = is_byte_level && value["normalizer"].is_null() && seen == [true; 256];
        let encoder = Encoder::Fallback(Box::new(inner));
        Ok(Tokenizer::assemble(json.to_owned(), end_of_text, is_lossless, &tokens, encoder))
    }

    fn assemble(
        json: String,
        end_of_text: u32,
        is_lossless: bool,
        tokens: &[Vec<u8>],
        encoder: Encoder,
    ) -> Tokenizer {
        let mut token_starts = vec![0];
        let mut token_bytes = Vec::new();
        for token in tokens {
            token_bytes.extend_from_slice(token);
            token_starts.push(token_bytes.len() as u32);
        }
        let hash = xxh3_128(json.as_bytes());
        Tokenizer(Arc::new(Inner {
            json,
            hash,
            end_of_text,
            is_lossless,
            token_bytes,
            token_starts,
            encoder,
        }))
    }
}

/// A pre-tokeniser that spells bytes as characters and adds no space, alone or last in a sequence of splits.
fn is_byte_level(json: &Value) -> bool {
    let keeps_text = |pre: &Value| match pre["type"].as_str() {
        Some("ByteLevel") => pre["add_prefix_space"] == false,
        Some("Split") => pre["behavior"] != "Removed",
        Some("Digits") => true,
        _ => false,
    };
    let pre = &json["pre_tokenizer"];
    match pre["pretokenizers"].as_array() {
        Some(all) => all.iter().all(keeps_text) && all.iter().any(|p| p["type"] == "ByteLevel"),
        None => keeps_text(pre) && pre["type"] == "ByteLevel",
    }
}

/// The bytes of a token of a vocabulary that is not ours: byte-level, else SentencePiece's spelling.
fn foreign_bytes(spelling: &str, is_byte_level: bool) -> Vec<u8> {
    if is_byte_level && let Some(bytes) = spelled_bytes(spelling) {
        return bytes;
    }
    let hex = spelling.strip_prefix("<0x").and_then(|s| s.strip_suffix('>'));
    match hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
        Some(byte) => vec![byte],
        None => spelling.replace('▁', " ").into_bytes(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static DEFAULT: LazyLock<Tokenizer> = LazyLock::new(|| Tokenizer::default_32k().unwrap());

    /// The default vocabulary with something changed that `bpe` leaves to the `tokenizers` crate.
    fn foreign(pointer: &str, to: Value) -> Result<Tokenizer, TokenizerError> {
        let mut json: Value = serde_json::from_str(DEFAULT.truncated(600).unwrap().to_json()).unwrap();
        *json.pointer_mut(pointer).unwrap() = to;
        Tokenizer::from_json(&json.to_string())
    }

    #[test]
    fn the_default_is_what_its_readme_says() {
        assert_eq!((DEFAULT.vocab_size(), DEFAULT.end_of_text()), (32_768, 0));
        assert!(DEFAULT.is_lossless());
        for common in [
            "The year and the day, of the world",
            "Das Jahr und der Tag, in der Welt",
            "le temps et la vie, de la ville",
        ] {
            assert_eq!(DEFAULT.encode(common).unwrap().len(), 9, "{common}");
        }
        let again = Tokenizer::from_json(DEFAULT.to_json()).unwrap();
        assert_eq!(
            (again.hash(), again.encode("Übung 42").unwrap()),
            (DEFAULT.hash(), DEFAULT.encode("Übung 42").unwrap())
        );
        for id in 0..32_768 {
            let token = DEFAULT.token_bytes(id);
            assert!(
                token.len() <= 24 && !(token.contains(&b'@') && token.iter().any(u8::is_ascii_alphabetic))
            );
            let digits = token.split(|b| !b.is_ascii_digit()).map(<[u8]>::len).max();
            assert!(digits <= Some(4));
        }
    }

    #[test]
    fn text_never_becomes_a_special_token() {
        for tokenizer in [DEFAULT.clone(), foreign("/model/ignore_merges", true.into()).unwrap()] {
            let ids = tokenizer.encode("a<|endoftext|>b").unwrap();
            assert!(ids.len() > 4 && !ids.contains(&tokenizer.end_of_text()));
            assert_eq!(tokenizer.decode_bytes(&ids), b"a<|endoftext|>b");
            assert_eq!(tokenizer.decode_bytes(&[tokenizer.end_of_text(), 99_999]), b"");
        }
    }

    #[test]
    fn truncation_keeps_the_first_ids() {
        let small = DEFAULT.truncated(4096).unwrap();
        assert_eq!((small.vocab_size(), small.end_of_text()), (4096, 0));
        assert!((0..4096).all(|id| small.token_bytes(id) == DEFAULT.token_bytes(id)));
        assert_ne!(small.hash(), DEFAULT.hash());
        assert_eq!(Tokenizer::from_json(small.to_json()).unwrap().hash(), small.hash());
        assert!(matches!(DEFAULT.truncated(256), Err(TokenizerError::TooFewIds(256))));
        assert_eq!(DEFAULT.truncated(257).unwrap().encode("ab").unwrap(), [98, 99]);
        assert_eq!(DEFAULT.truncated(40_000).unwrap().hash(), DEFAULT.hash());
    }

    #[test]
    fn other_tokenizers_are_left_to_the_crate() {
        let same = foreign("/model/ignore_merges", true.into()).unwrap();
        assert!(same.is_lossless() && matches!(same.truncated(300), Err(TokenizerError::NotTruncatable)));
        assert_eq!(same.byte_lengths(), DEFAULT.truncated(600).unwrap().byte_lengths());
        let lossy = foreign("/normalizer", serde_json::json!({"type": "Lowercase"})).unwrap();
        assert!(!lossy.is_lossless());
        assert_eq!(lossy.decode_bytes(&lossy.encode("ABC def").unwrap()), b"abc def");
    }

    #[test]
    fn errors_name_a_remedy() {
        let message = |json: &str| Tokenizer::from_json(json).err().unwrap().to_string();
        assert!(message("{").contains("give a tokenizer.json"));
        assert!(message("{}").contains("added_tokens"));
        assert!(message(r#"{"added_tokens":[{"id":0,"content":"</s>"}]}"#).contains("give a tokenizer.json"));
    }

    #[test]
    fn a_cache_may_move_from_one_tokenizer_to_another() {
        let small = DEFAULT.truncated(300).unwrap();
        let mut cache = Cache::default();
        for tokenizer in [&*DEFAULT, &small, &DEFAULT] {
            let mut ids = Vec::new();
            tokenizer.encode_into(" together with others", &mut cache, &mut ids).unwrap();
            assert_eq!(ids, tokenizer.encode(" together with others").unwrap());
        }
    }

    #[test]
    fn a_cache_forgets_and_stays_right() {
        let mut cache = Cache::default();
        let mut ids = Vec::new();
        for i in 0..200_000u64 {
            let word = format!("{:x} {:040x}", i.wrapping_mul(0x9e37_79b9_7f4a_7c15), i * i);
            ids.clear();
            DEFAULT.encode_into(&word, &mut cache, &mut ids).unwrap();
            if i % 10_000 == 9_999 {
                assert_eq!(ids, DEFAULT.encode(&word).unwrap());
            }
        }
    }

    proptest! {
        #[test]
        fn decoding_gives_the_text_back(text in "\\PC{0,60}|[ a-z0-9'\n\t\r\u{0}é中\u{1f600}]{0,200}") {
            for tokenizer in [&*DEFAULT, &DEFAULT.truncated(257).unwrap()] {
                let ids = tokenizer.encode(&text).unwrap();
                prop_assert_eq!(tokenizer.decode_bytes(&ids), text.as_bytes());
                prop_assert_eq!(tokenizer.byte_lengths().sum(&ids), text.len() as u64);
            }
        }
    }
}
