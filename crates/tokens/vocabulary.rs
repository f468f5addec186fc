//! What a `tokenizer.json` of a byte-level BPE holds, read and written.
//!
//! Byte-level vocabularies spell each byte as a printable character (Radford et al. 2019, `bytes_to_unicode`).
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// The parts of a byte-level BPE that decide its ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary {
    /// The bytes of every id; empty for special tokens and for ids that are not used.
    pub tokens: Vec<Vec<u8>>,
    /// Pairs in the order in which they are merged, with the id of the result.
    pub merges: Vec<Merge>,
    /// Special tokens, which text never becomes: id and spelling.
    pub specials: Vec<(u32, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merge {
    pub left: u32,
    pub right: u32,
    pub result: u32,
}

impl Vocabulary {
    /// Reads a `tokenizer.json`; None when it is not one that `bpe` encodes itself: byte-level BPE with the
    /// GPT-2 expression, no normaliser, all 256 bytes, no added tokens but special ones.
    pub fn from_json(json: &Value) -> Option<Vocabulary> {
        let pre = &json["pre_tokenizer"];
        let is_gpt2 = json["normalizer"].is_null()
            && pre["type"] == "ByteLevel"
            && pre["add_prefix_space"] == false
            && pre["use_regex"] != false;
        let model = &json["model"];
        let empty = |key: &str| model[key].as_str().unwrap_or("").is_empty();
        let is_plain = model["type"].as_str().unwrap_or("BPE") == "BPE"
            && model["dropout"].as_f64().unwrap_or(0.0) == 0.0
            && model["ignore_merges"] != true
            && empty("continuing_subword_prefix")
            && empty("end_of_word_suffix");
        if !is_gpt2 || !is_plain {
            return None;
        }
        let vocab = model["vocab"].as_object()?;
        let added = json["added_tokens"].as_array().map_or(&[][..], Vec::as_slice);
        let mut specials = Vec::new();
        for token in added {
            if token["special"] != true {
                return None;
            }
            specials.push((id_of(&token["id"])?, token["content"].as_str()?.to_owned()));
        }
        let mut tokens: Vec<Vec<u8>> = Vec::new();
        for (spelling, id) in vocab {
            let id = id_of(id)?;
            if specials.iter().any(|(special, _)| *special == id) {
                continue;
            }
            match spelled_bytes(spelling) {
                Some(bytes) => put(&mut tokens, id, bytes),
                // A token that is spelled outside the alphabet can only be a special one.
                None => specials.push((id, spelling.clone())),
            }
        }
        specials.iter().for_each(|(id, _)| put(&mut tokens, *id, Vec::new()));
        specials.sort();
        let merges: Vec<Merge> =
            model["merges"].as_array()?.iter().map(|m| merge(m, vocab)).collect::<Option<_>>()?;
        if merges.iter().any(|m| tokens[m.result as usize].is_empty()) {
            return None;
        }
        let vocabulary = Vocabulary { tokens, merges, specials };
        vocabulary.byte_ids().map(|_| vocabulary)
    }

    /// The same with `id` as a special token; None if merges lead to it, so that text can become it.
    pub fn with_special(mut self, id: u32, spelling: &str) -> Option<Vocabulary> {
        if self.specials.iter().any(|(special, _)| *special == id) {
            return Some(self);
        }
        if self.merges.iter().any(|m| m.result == id) || self.tokens[id as usize].len() == 1 {
            return None;
        }
        self.tokens[id as usize].clear();
        self.specials.push((id, spelling.to_owned()));
        self.specials.sort();
        Some(self)
    }

    /// The special token first, then the 256 bytes, then the result of each merge, all numbered in order.
    pub fn from_merges(end_of_text: &str, pairs: &[(u32, u32)]) -> Vocabulary {
        let mut tokens = vec![Vec::new()];
        tokens.extend((0..=255u8).map(|byte| vec![byte]));
        let mut merges = Vec::with_capacity(pairs.len());
        for &(left, right) in pairs {
            let merge = Merge { left, right, result: tokens.len() as u32 };
            tokens.push([&tokens[left as usize][..], &tokens[right as usize]].concat());
            merges.push(merge);
        }
        Vocabulary { tokens, merges, specials: vec![(0, end_of_text.to_owned())] }
    }

    /// The id of every byte; None if one is missing.
    pub fn byte_ids(&self) -> Option<[u32; 256]> {
        let mut ids = [u32::MAX; 256];
        for (id, token) in self.tokens.iter().enumerate() {
            if let [byte] = token[..] {
                ids[byte as usize] = id as u32;
            }
        }
        (!ids.contains(&u32::MAX)).then_some(ids)
    }

    /// The first `n` ids. A special token that lies beyond keeps its place by taking the last of the `n`.
    pub fn truncated(&self, n: usize, keep_special: u32) -> Vocabulary {
        let moved = keep_special as usize >= n;
        let limit = n - usize::from(moved);
        let mut tokens = self.tokens[..limit.min(self.tokens.len())].to_vec();
        let mut specials: Vec<_> =
            self.specials.iter().filter(|(id, _)| (*id as usize) < limit).cloned().collect();
        if moved {
            let spelling = self.specials.iter().find(|(id, _)| *id == keep_special).map(|s| s.1.clone());
            specials.push((tokens.len() as u32, spelling.unwrap_or_default()));
            tokens.push(Vec::new());
        }
        let fits = |id: u32| (id as usize) < limit;
        let merges =
            self.merges.iter().filter(|m| fits(m.left) && fits(m.right) && fits(m.result)).copied().collect();
        Vocabulary { tokens, merges, specials }
    }

    /// A Hugging Face `tokenizer.json` that `from_json` reads back as the same vocabulary.
    pub fn to_json(&self) -> String {
        let spell = |id: u32| spelling(&self.tokens[id as usize]);
        let mut vocab: Vec<(u32, String)> = self.specials.clone();
        let regular = self.tokens.iter().enumerate().filter(|(_, bytes)| !bytes.is_empty());
        vocab.extend(regular.map(|(id, bytes)| (id as u32, spelling(bytes))));
        vocab.sort();
        let vocab: Map<String, Value> = vocab.into_iter().map(|(id, spelled)| (spelled, id.into())).collect();
        let merges: Vec<_> =
            self.merges.iter().map(|m| format!("{} {}", spell(m.left), spell(m.right))).collect();
        let added: Vec<_> = self
            .specials
            .iter()
            .map(|(id, content)| {
                json!({"id": id, "content": content, "single_word": false, "lstrip": false,
                       "rstrip": false, "normalized": false, "special": true})
            })
            .collect();
        let byte_level =
            json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
        json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
            "pre_tokenizer": byte_level, "post_processor": null, "decoder": byte_level,
            "model": {
                "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                "vocab": vocab, "merges": merges,
            },
        })
        .to_string()
    }
}

/// The bytes that a byte-level spelling stands for; None if a character is outside the alphabet.
pub fn spelled_bytes(spelling: &str) -> Option<Vec<u8>> {
    spelling.chars().map(|c| spelled_byte(c as u32)).collect()
}

fn spelling(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| byte_char(byte)).collect()
}

/// Bytes that print stand for themselves, the other 68 are U+0100, U+0101, … in order.
fn byte_char(byte: u8) -> char {
    match byte {
        0..=0x20 => char::from_u32(0x100 + u32::from(byte)),
        0x7f..=0xa0 => char::from_u32(0x121 + u32::from(byte - 0x7f)),
        0xad => char::from_u32(0x143),
        _ => Some(char::from(byte)),
    }
    .unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn spelled_byte(scalar: u32) -> Option<u8> {
    match scalar {
        0x100..=0x120 => Some((scalar - 0x100) as u8),
        0x121..=0x142 => Some((scalar - 0x121 + 0x7f) as u8),
        0x143 => Some(0xad),
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => Some(scalar as u8),
        _ => None,
    }
}

fn put(tokens: &mut Vec<Vec<u8>>, id: u32, bytes: Vec<u8>) {
    if tokens.len() <= id as usize {
        tokens.resize(id as usize + 1, Vec::new());
    }
    tokens[id as usize] = bytes;
}

/// Ids above 2^24 are refused: tables are as long as the largest id.
pub fn id_of(value: &Value) -> Option<u32> {
    value.as_u64().filter(|&id| id < 1 << 24).map(|id| id as u32)
}

/// `"a b"` or `["a", "b"]`.
fn merge(value: &Value, vocab: &Map<String, Value>) -> Option<Merge> {
    let (left, right) = match value {
        Value::String(pair) => pair.split_once(' ')?,
        _ => (value[0].as_str()?, value[1].as_str()?),
    };
    let id = |spelling: &str| vocab.get(spelling).and_then(id_of);
    Some(Merge { left: id(left)?, right: id(right)?, result: id(&format!("{left}{right}"))? })
}

/// The id of each special token by its spelling, ordinary tokens included, as any `tokenizer.json` lists them.
pub fn spelled_ids(json: &Value) -> HashMap<&str, u32> {
    let mut ids = HashMap::new();
    match &json["model"]["vocab"] {
        Value::Object(vocab) => ids.extend(vocab.iter().filter_map(|(s, id)| Some((s.as_str(), id_of(id)?)))),
        // Unigram lists its pieces in the order of their ids.
        Value::Array(pieces) => {
            ids.extend(pieces.iter().enumerate().filter_map(|(id, p)| Some((p[0].as_str()?, id as u32))));
        }
        _ => {}
    }
    let added = json["added_tokens"].as_array().map_or(&[][..], Vec::as_slice);
    ids.extend(added.iter().filter_map(|t| Some((t["content"].as_str()?, id_of(&t["id"])?))));
    ids
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_own_character() {
        let all: Vec<u8> = (0..=255).collect();
        let spelled = spelling(&all);
        assert_eq!(spelled_bytes(&spelled).unwrap(), all);
        assert_eq!(spelling(b" \n"), "ĠĊ");
        assert_eq!(spelled_bytes("a b"), None);
    }

    #[test]
    fn json_reads_back() {
        let vocabulary = Vocabulary::from_merges("<|endoftext|>", &[(117, 102), (33, 257)]);
        let json = serde_json::from_str(&vocabulary.to_json()).unwrap();
        assert_eq!(Vocabulary::from_json(&json).unwrap(), vocabulary);
        assert_eq!(vocabulary.tokens[258], b" te");
        assert_eq!(spelled_ids(&json)["Ġte"], 258);
    }

    #[test]
    fn others_are_left_to_the_fallback() {
        let good: Value =
            serde_json::from_str(&Vocabulary::from_merges("<|endoftext|>", &[]).to_json()).unwrap();
        let with = |pointer: &str, value: Value| {
            let mut json = good.clone();
            *json.pointer_mut(pointer).unwrap() = value;
            Vocabulary::from_json(&json)
        };
        assert!(with("/normalizer", Value::Null).is_some());
        assert!(with("/normalizer", json!({"type": "NFC"})).is_none());
        assert!(with("/pre_tokenizer/add_prefix_space", json!(true)).is_none());
        assert!(with("/pre_tokenizer/use_regex", json!(false)).is_none());
        assert!(with("/model/ignore_merges", json!(true)).is_none());
        assert!(with("/added_tokens/0/special", json!(false)).is_none());
        assert!(with("/model/vocab", json!({"a": 0})).is_none());
        assert!(with("/model/merges", json!(["t nosuch"])).is_none());
    }

    #[test]
    fn a_special_token_survives_truncation() {
        let mut vocabulary = Vocabulary::from_merges("<s>", &[(117, 102), (33, 257)]);
        let cut = vocabulary.truncated(258, 0);
        assert_eq!((cut.tokens.len(), cut.merges.len(), cut.specials[0].0), (258, 1, 0));
        vocabulary.specials.push((259, "<|endoftext|>".into()));
        vocabulary.tokens.push(Vec::new());
        let cut = vocabulary.truncated(259, 259);
        assert_eq!((cut.tokens.len(), cut.merges.len()), (259, 1));
        assert_eq!(cut.specials, [(0, "<s>".into()), (258, "<|endoftext|>".into())]);
    }
}
