//! What holds for any text that is encoded, and any documents that are packed.

use std::sync::LazyLock;

use tokens::{Cache, PackDoc, Tokenizer, pack, pretokens};

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| Tokenizer::default_32k().expect("the built-in one"));

pub fn check(bytes: &[u8]) {
    encoded(&String::from_utf8_lossy(bytes));
    packed(bytes);
}

/// The ids are those of the text, whatever was encoded before it.
fn encoded(text: &str) {
    let ids = TOKENIZER.encode(text).expect("a byte-level tokenizer refuses nothing");
    assert_eq!(TOKENIZER.decode_bytes(&ids), text.as_bytes());
    assert!(ids.iter().all(|id| (*id as usize) < TOKENIZER.vocab_size() && *id != TOKENIZER.end_of_text()));
    assert_eq!(pretokens(text).collect::<String>(), text);
    let (mut cache, mut again) = (Cache::default(), Vec::new());
    for _ in 0..2 {
        again.clear();
        TOKENIZER.encode_into(text, &mut cache, &mut again).expect("as above");
        assert_eq!(again, ids, "with and without what the cache knows");
    }
}

/// The first byte says how long sequences are; every three more are a document. All tokens lie in one sequence, once.
fn packed(bytes: &[u8]) {
    let Some((length, documents)) = bytes.split_first() else { return };
    let length = usize::from(*length);
    let document = |bytes: &[u8; 3]| PackDoc {
        key: u64::from(bytes[0]),
        n_tokens: u32::from(u16::from_le_bytes([bytes[1], bytes[2]])) >> 4,
    };
    let documents: Vec<PackDoc> = documents.as_chunks().0.iter().map(document).collect();
    let sequences = pack(&documents, length);
    assert_eq!(sequences, pack(&documents, length), "twice the same");
    let mut ranges: Vec<Vec<(u32, u32)>> = vec![Vec::new(); documents.len()];
    for sequence in &sequences {
        assert!(!sequence.pieces.is_empty() && sequence.n_tokens() as usize <= length, "{sequence:?}");
        for piece in &sequence.pieces {
            ranges[piece.doc as usize].push((piece.start, piece.end));
        }
    }
    for (document, ranges) in documents.iter().zip(&mut ranges) {
        ranges.sort_unstable();
        let end = ranges.iter().fold(0, |at, &(start, end)| {
            assert!(start == at && end > start, "{ranges:?}");
            end
        });
        assert_eq!(end, if length == 0 { 0 } else { document.n_tokens });
    }
}
