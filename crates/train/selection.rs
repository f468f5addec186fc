//! Which documents an arm of some stages keeps: by the ledger's reasons, and one of those that are alike. And what the
//! negative control makes of a text.

use crate::arms::Stages;
use crate::data::ControlDocument;
use crate::random::{Random, rehash};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Stages that compare documents with each other.
pub const DEDUP: [&str; 3] = ["url_dedup", "exact_dedup", "minhash"];

const SHUFFLE_SEED: u64 = 0x7368_7566;

/// Of documents by index, ascending, those that these stages keep.
///
/// Where deduplication is one of them, a document goes that the recipe dropped as a duplicate, and of those that are
/// alike in the control sample one stays: what other stages dropped was compared with nothing in the recipe's own run.
pub fn kept_by(
    stages: &Stages,
    documents: &[ControlDocument],
    all: impl Iterator<Item = usize>,
) -> Vec<usize> {
    let is_applied = |stage: &String| stages.applied.contains(stage);
    let passing = all.filter(|&i| !documents[i].failed.iter().any(is_applied)).collect();
    match stages.applied.iter().any(|stage| DEDUP.contains(&stage.as_str())) {
        true => one_of_each(passing, documents, stages.keeps_kept),
        false => passing,
    }
}

/// Of a cluster the document stays that the others name, else the longest, else the first. With `keeps_kept` all stay
/// that the recipe keeps, which compared them as it leaves them, and none beside them.
fn one_of_each(mut passing: Vec<usize>, documents: &[ControlDocument], keeps_kept: bool) -> Vec<usize> {
    let is_kept = |i: usize| keeps_kept && documents[i].kept;
    let rank = |i: usize| {
        let document = &documents[i];
        let is_named = document.cluster == Some((document.shard, document.row));
        (Reverse(is_kept(i)), Reverse(is_named), Reverse(document.original.len()), i)
    };
    let mut chosen: BTreeMap<(i32, i64), usize> = BTreeMap::new();
    for &i in &passing {
        if let Some(cluster) = documents[i].cluster {
            let best = chosen.entry(cluster).or_insert(i);
            if rank(i) < rank(*best) {
                *best = i;
            }
        }
    }
    passing.retain(|&i| is_kept(i) || documents[i].cluster.is_none_or(|cluster| chosen[&cluster] == i));
    passing
}

/// Whether a document's words are shuffled where those of `percent` of all are; what a smaller dose shuffles, a larger
/// does, too.
pub fn is_shuffled(document: &ControlDocument, percent: u32) -> bool {
    let place = u128::from(rehash(SHUFFLE_SEED, document.sampling_key));
    place * 100 < u128::from(percent) << 64
}

/// A document's words in another order. What stands between them stays: without its line breaks and indents a page would
/// have more words in as many tokens, and a model would be the better for it.
pub fn shuffled(document: &ControlDocument) -> String {
    let mut random = Random::new(rehash(SHUFFLE_SEED, document.sampling_key));
    let mut words: Vec<&str> = document.original.split_whitespace().collect();
    for end in (1..words.len()).rev() {
        words.swap(end, random.below(end + 1));
    }
    let mut words = words.into_iter();
    let mut text = String::with_capacity(document.original.len());
    for part in document.original.split_inclusive(char::is_whitespace) {
        let word = part.trim_end_matches(char::is_whitespace);
        if !word.is_empty() {
            text.push_str(words.next().unwrap_or_default());
        }
        text.push_str(&part[word.len()..]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(row: i64, failed: &[&str], cluster: Option<i64>, length: usize) -> ControlDocument {
        ControlDocument {
            row,
            kept: failed.is_empty(),
            failed: failed.iter().map(|stage| (*stage).to_owned()).collect(),
            cluster: cluster.map(|row| (0, row)),
            original: "x".repeat(length),
            ..ControlDocument::default()
        }
    }

    fn kept(applied: &[&str], keeps_kept: bool, documents: &[ControlDocument]) -> Vec<usize> {
        let applied = applied.iter().map(|stage| (*stage).to_owned()).collect();
        let stages = Stages { applied, keeps_kept, is_rewritten: false };
        kept_by(&stages, documents, 0..documents.len())
    }

    #[test]
    fn one_of_those_that_are_alike_stays_whoever_is_there() {
        let documents = [
            document(0, &["quality"], Some(0), 90),
            document(1, &[], Some(0), 80),
            document(2, &["exact_dedup"], Some(0), 80),
            document(3, &["quality"], Some(3), 70),
            document(4, &["quality", "language"], Some(3), 99),
            document(5, &["language"], None, 10),
        ];
        // Without deduplication, reasons alone.
        assert_eq!(kept(&["quality"], false, &documents), [1, 2, 5]);
        // Of each cluster the one that is named.
        assert_eq!(kept(&["exact_dedup", "minhash"], false, &documents), [0, 3, 5]);
        // Without what is named, the longest.
        let none_named =
            documents.clone().map(|d| ControlDocument { cluster: d.cluster.map(|_| (9, 9)), ..d });
        assert_eq!(kept(&["minhash"], false, &none_named[3..5]), [1]);
        // Beside what the recipe keeps nothing comes back, and where it keeps nothing one does.
        assert_eq!(kept(&["language", "exact_dedup", "minhash"], true, &documents), [1, 3]);
        assert_eq!(kept(&["language", "quality"], true, &documents), [1, 2]);
        assert_eq!(kept(&["language", "quality", "exact_dedup"], true, &documents), [1]);
    }

    #[test]
    fn so_many_documents_have_their_words_in_another_order() {
        let text: String = (0..50).map(|word| format!("w{word}\n ")).collect();
        let document =
            |key| ControlDocument { sampling_key: key, original: text.clone(), ..ControlDocument::default() };
        let of = |percent| (0..1_000).map(document).filter(move |document| is_shuffled(document, percent));
        let found: Vec<String> = of(30).map(|document| shuffled(&document)).collect();
        assert!((250..350).contains(&found.len()), "{}", found.len());
        assert_eq!((of(0).count(), of(100).count()), (0, 1_000));
        assert!(of(30).all(|document| is_shuffled(&document, 60)) && of(60).count() > found.len());
        let sorted = |text: &str| {
            let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            words.sort();
            words
        };
        assert!(found.iter().all(|one| sorted(one) == sorted(&text)));
        assert!(found.iter().all(|one| !one.starts_with("w0\n w1\n w2")));
        // What stands between words stays where it is.
        assert!(found.iter().all(|one| one.len() == text.len() && one.matches("\n ").count() == 50));
        assert_eq!(shuffled(&document(7)), shuffled(&document(7)));
    }
}
