//! What a run remembers of its own training text, by how many copies of a document the control sample holds.
//!
//! Bits per byte of documents that the run read, minus that of documents of the same arm that it did not come to: below
//! 0 it knows them. An arm that was read to its end is held against held-out text, if that was cleaned as it was. Pages
//! with many copies are also easier than others, so the differences between arms say more than the values.

use crate::arms::{PIECE_START, Stream};
use crate::data::ControlDocument;
use crate::eval::{EvalDocument, EvalSet};
use crate::metrics::{Measure, Subject};
use crate::random::rehash;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::f64::consts::LN_2;
use tokens::Tokenizer;

/// Least number of documents in a cluster of each bin, and the bin's name.
const BINS: [(usize, &str); 4] = [(1, "1"), (2, "2-3"), (4, "4-15"), (16, "16+")];
/// Documents that are asked of each bin, and of those that were not read; fewer of the latter say nothing.
const MOST: usize = 32;
const UNREAD: usize = 64;
const FEWEST_UNREAD: usize = 16;
const SEED: u64 = 0x6d65_6d6f;

/// How many copies there are of every control document, and beginnings of held-out ones that the recipe keeps.
pub struct Clusters {
    sizes: HashMap<(i32, i64), usize>,
    kept: Vec<Vec<u32>>,
}

impl Clusters {
    pub fn new(documents: &[ControlDocument], sets: &[EvalSet], length: usize) -> Self {
        let kept = sets.iter().filter(|set| set.name == "kept").flat_map(|set| &set.documents).take(UNREAD);
        let beginning = |document: &EvalDocument| document.ids[..document.ids.len().min(length)].to_vec();
        Clusters { sizes: sizes(documents), kept: kept.map(beginning).collect() }
    }

    /// By bin: trained minus not read, on first pieces of documents. `is_kept`: the arm holds nothing that the recipe
    /// drops.
    pub(crate) fn measure(
        &self,
        subject: &Subject<'_>,
        stream: &Stream,
        read: usize,
        is_kept: bool,
        tokenizer: &Tokenizer,
    ) -> Vec<(String, Option<Measure>)> {
        let documents = |pieces: Vec<Vec<u32>>| -> Vec<EvalDocument> {
            let document = |ids: Vec<u32>| {
                let bytes = ids.iter().map(|&id| tokenizer.token_bytes(id).len()).sum();
                EvalDocument { ids, bytes, source: None }
            };
            pieces.into_iter().map(document).filter(|document| document.bytes > 0).collect()
        };
        let (trained, unread) = self.first_pieces(stream, read, subject.setting.end_of_text);
        let unread = match unread.len() {
            n if n >= FEWEST_UNREAD => documents(unread),
            _ if is_kept => documents(self.kept.clone()),
            _ => return Vec::new(),
        };
        let bytes: usize = unread.iter().map(|document| document.bytes).sum();
        let usual = subject.nats(&unread).iter().sum::<f64>() / LN_2 / bytes.max(1) as f64;
        let bin = |(pieces, (_, name)): (Vec<Vec<u32>>, (usize, &str))| {
            let documents = documents(pieces);
            let nats = subject.nats(&documents);
            let below = |(nats, document): (&f64, &EvalDocument)| {
                (nats / LN_2 - usual * document.bytes as f64, document.bytes as f64)
            };
            let pairs: Vec<(f64, f64)> = nats.iter().zip(&documents).map(below).collect();
            (name.to_owned(), Measure::ratio(&pairs))
        };
        trained.into_iter().zip(BINS).map(bin).collect()
    }

    /// First pieces of documents, drawn alike: of each bin those that the run read, and those of documents without
    /// copies of which it read nothing.
    fn first_pieces(
        &self,
        stream: &Stream,
        read: usize,
        end_of_text: u32,
    ) -> (Vec<Vec<Vec<u32>>>, Vec<Vec<u32>>) {
        let mut bins = BINS.map(|_| BTreeMap::new());
        let mut unread = BTreeMap::new();
        let mut seen = HashSet::new();
        let ends = stream.pieces.iter().skip(1).map(|piece| piece.0).chain([stream.ids.len()]);
        for ((start, name), end) in stream.pieces.iter().zip(ends) {
            let place = (name.shard, name.row);
            let is_read = end <= read;
            let is_new = if *start < read { seen.insert(place) } else { !seen.contains(&place) };
            let Some(&size) = self.sizes.get(&place) else { continue };
            if stream.ids[*start] & !PIECE_START != end_of_text || end - start < 2 {
                continue;
            }
            let key = (rehash(SEED, rehash(name.shard as u64, name.row as u64)), place);
            let ids = &stream.ids[*start..end];
            if is_read {
                bins[bin_of(size)].entry(key).or_insert(ids);
            } else if is_new && size == 1 {
                unread.entry(key).or_insert(ids);
            }
        }
        let plain = |ids: &[u32]| ids.iter().map(|id| id & !PIECE_START).collect();
        let of =
            |pieces: BTreeMap<_, &[u32]>, most: usize| pieces.into_values().take(most).map(plain).collect();
        (bins.into_iter().map(|pieces| of(pieces, MOST)).collect(), of(unread, UNREAD))
    }
}

fn bin_of(size: usize) -> usize {
    BINS.iter().rposition(|(least, _)| size >= *least).unwrap_or(0)
}

/// Control documents that are the same by text, or by the ledger's word, by (shard, row). What another filter dropped
/// was no candidate of the recipe's deduplication, so that the ledger alone would miss its copies.
fn sizes(documents: &[ControlDocument]) -> HashMap<(i32, i64), usize> {
    let mut by_text: HashMap<&str, (i32, i64)> = HashMap::new();
    let mut kept_as: HashMap<(i32, i64), (i32, i64)> = HashMap::new();
    for document in documents {
        let own = (document.shard, document.row);
        let first = *by_text.entry(&document.original).or_insert(own);
        kept_as.insert(own, document.duplicate_of.unwrap_or(first));
    }
    // Of a text's first document the ledger may know another that is kept; ten steps are more than any chain has.
    let root = |mut place: (i32, i64)| {
        for _ in 0..10 {
            match kept_as.get(&place) {
                Some(next) if *next != place => place = *next,
                _ => break,
            }
        }
        place
    };
    let mut counts: HashMap<(i32, i64), usize> = HashMap::new();
    for document in documents {
        *counts.entry(root((document.shard, document.row))).or_default() += 1;
    }
    documents
        .iter()
        .map(|d| ((d.shard, d.row), counts.get(&root((d.shard, d.row))).copied().unwrap_or(1)))
        .collect()
}

/// Whether the control sample has duplicates by the ledger's word, and an arm none of them.
pub fn drops_duplicates(in_arm: &[usize], documents: &[ControlDocument]) -> bool {
    let in_arm: BTreeSet<usize> = in_arm.iter().copied().collect();
    let mut duplicates = (0..documents.len())
        .filter(|&i| documents[i].duplicate_of.is_some() && !documents[i].excluded)
        .peekable();
    duplicates.peek().is_some() && duplicates.all(|i| !in_arm.contains(&i))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_counted_by_text_and_by_the_ledger() {
        let document = |row: i64, text: &str, duplicate_of: Option<i64>| ControlDocument {
            row,
            original: text.to_owned(),
            duplicate_of: duplicate_of.map(|row| (0, row)),
            ..ControlDocument::default()
        };
        let documents = [
            document(0, "a", Some(2)),
            document(1, "a", None),
            document(2, "a!", None),
            document(3, "b", None),
            document(4, "c", Some(9)),
        ];
        let sizes = sizes(&documents);
        let of = |row: i64| sizes[&(0, row)];
        assert_eq!([of(0), of(1), of(2), of(3), of(4)], [3, 3, 3, 1, 1]);
        assert!(drops_duplicates(&[1, 2, 3], &documents) && !drops_duplicates(&[0, 3], &documents));
        assert!(!drops_duplicates(&[0], &documents[3..4]), "a sample without duplicates shows nothing");
        assert_eq!([1, 2, 3, 4, 15, 16, 99].map(bin_of), [0, 1, 1, 2, 2, 3, 3]);
    }
}
