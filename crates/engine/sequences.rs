//! Documents to sequences: shuffle buckets, best-fit packing, `tokens/train-*` and `tokens/control-*`.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use plan::Recipe;
use serde::{Deserialize, Serialize};
use shards::{ParquetSink, Receipt, SinkOptions};
use tokens::{
    DocumentRange, HeldoutBatchBuilder, HeldoutDocument, PackDoc, PieceTokens, ROWS_PER_GROUP,
    SequenceBatchBuilder, Tokenizer, Version, bucket, heldout_schema, pack, sequence_schema, shuffle_key,
};

use crate::error::EngineError;
use crate::finish::Heldout;
use crate::ordered::{Room, ordered};
use crate::spool::{Entry, Spooled};
use crate::steps::Steps;

/// How sequences are made, and what their files' footers say.
pub(crate) struct Packer<'a> {
    pub tokenizer: &'a Tokenizer,
    pub length: usize,
    pub seed: u64,
    /// Tokens per shuffle bucket.
    pub bucket_tokens: u64,
    pub footer: Vec<(String, String)>,
    threads: NonZeroUsize,
    stop: &'a AtomicBool,
}

/// Of a long document's ids, pieces that are looked at together.
const PIECES_AT_ONCE: usize = 256;

/// Byte offsets by document; most have one piece and are not there.
type Cuts = BTreeMap<usize, Vec<u64>>;

/// Totals of one kind of file, or of one file.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sequences {
    pub documents: u64,
    pub tokens: u64,
    pub sequences: u64,
    pub text_bytes: u64,
}

impl<'a> Packer<'a> {
    pub fn new(
        tokenizer: &'a Tokenizer,
        recipe: &Recipe,
        recipe_hash: &str,
        (threads, stop): (NonZeroUsize, &'a AtomicBool),
    ) -> Packer<'a> {
        let length = recipe.number("pack", "length") as usize;
        let footer = [
            (tokens::FOOTER_RECIPE_HASH, recipe_hash.to_owned()),
            (tokens::FOOTER_TOKENIZER_HASH, tokenizer.hash()),
            (tokens::FOOTER_SEQUENCE_LENGTH, length.to_string()),
            (tokens::FOOTER_END_OF_TEXT, tokenizer.end_of_text().to_string()),
        ];
        Packer {
            tokenizer,
            length,
            seed: recipe.number("pack", "seed") as u64,
            bucket_tokens: recipe.number("pack", "bucket_tokens") as u64,
            footer: footer.map(|(key, value)| (key.to_owned(), value)).to_vec(),
            threads,
            stop,
        }
    }

    /// Packs `train-*` (`is_control` false) or `control-*`. One file per bucket, at least one.
    pub fn pack(
        &self,
        spooled: &Spooled,
        is_control: bool,
        folder: &Path,
        steps: &Steps<'_>,
    ) -> Result<(Vec<Receipt>, Sequences), EngineError> {
        let entries: Vec<&Entry> =
            spooled.entries.iter().filter(|entry| entry.control.is_some() == is_control).collect();
        let total: u64 =
            entries.iter().map(|entry| (u64::from(entry.ids) + 1) * u64::from(entry.copies)).sum();
        let n_buckets = total.div_ceil(self.bucket_tokens).max(1) as usize;
        let name = if is_control { "control" } else { "train" };
        let mut buckets = 0..n_buckets;
        let mut receipts = Vec::new();
        let mut totals = Sequences::default();
        ordered(
            Room { threads: self.threads, bytes: u64::MAX },
            || match self.stop.load(Ordering::Relaxed) {
                true => Err(EngineError::Stopped),
                false => Ok(buckets.next().map(|bucket| (0, bucket))),
            },
            || (),
            |number, ()| {
                let name = format!("{name}-{number:05}");
                let path = folder.join(format!("{name}.parquet"));
                steps.once(&name, || self.bucket(spooled, &entries, (number, n_buckets), is_control, &path))
            },
            |(files, packed): (Vec<Receipt>, Sequences)| {
                receipts.extend(files);
                totals.documents += packed.documents;
                totals.tokens += packed.tokens;
                totals.sequences += packed.sequences;
                totals.text_bytes += packed.text_bytes;
                Ok::<(), EngineError>(())
            },
        )?;
        Ok((receipts, totals))
    }

    fn bucket(
        &self,
        spooled: &Spooled,
        entries: &[&Entry],
        (number, n_buckets): (usize, usize),
        is_control: bool,
        path: &Path,
    ) -> Result<(Vec<Receipt>, Sequences), EngineError> {
        let mut sink =
            ParquetSink::create(path, sequence_schema(self.length), &self.sink_options(ROWS_PER_GROUP))?;
        let mut packed = Sequences::default();
        let mut builder = SequenceBatchBuilder::new(self.length, self.tokenizer.end_of_text());
        // Sequences hold one form of the text each: what was packed before filtering, then what line filters left.
        let versions: &[Version] =
            if is_control { &[Version::Original, Version::Kept] } else { &[Version::Kept] };
        for version in versions {
            let mut documents: Vec<(u64, &Entry)> = (entries.iter())
                .filter(|entry| entry.control.is_none_or(|control| control == *version))
                .flat_map(|entry| (0..entry.copies).map(|copy| (self.key(entry, copy), *entry)))
                .filter(|(key, _)| bucket(*key, n_buckets) == number)
                .collect();
            documents.sort_unstable_by_key(|(key, entry)| (*key, entry.shard, entry.row));
            let sizes: Vec<PackDoc> =
                documents.iter().map(|(key, entry)| PackDoc { key: *key, n_tokens: entry.ids + 1 }).collect();
            packed.documents += documents.len() as u64;
            packed.text_bytes += documents.iter().map(|(_, entry)| entry.text_bytes).sum::<u64>();
            let cuts = self.cuts(spooled, &documents)?;
            for sequence in pack(&sizes, self.length) {
                let pieces = self.pieces(spooled, &documents, &cuts, &sequence)?;
                let pieces: Vec<PieceTokens<'_>> =
                    pieces.iter().map(|(document, ids)| PieceTokens { document: *document, ids }).collect();
                builder.push(&pieces, *version)?;
                packed.sequences += 1;
                packed.tokens += u64::from(sequence.n_tokens());
                if builder.len() == ROWS_PER_GROUP {
                    sink.write(&builder.finish()?)?;
                }
            }
        }
        if !builder.is_empty() {
            sink.write(&builder.finish()?)?;
        }
        Ok((vec![sink.commit()?], packed))
    }

    /// Each copy of a document has a place of its own in the shuffle.
    fn key(&self, entry: &Entry, copy: u8) -> u64 {
        // Seeds of recipes are below 2^53.
        shuffle_key(self.seed ^ (u64::from(copy) << 56), entry.shard, entry.row)
    }

    /// Where the text of each document of several pieces is cut: byte offsets at multiples of the length, 0 and the end included.
    fn cuts(&self, spooled: &Spooled, documents: &[(u64, &Entry)]) -> Result<Cuts, EngineError> {
        let lengths = self.tokenizer.byte_lengths();
        let part = PIECES_AT_ONCE * self.length;
        let mut ids = Vec::new();
        let mut all = Cuts::new();
        for (index, (_, entry)) in documents.iter().enumerate() {
            let tokens = entry.ids + 1;
            if tokens as usize <= self.length {
                continue;
            }
            let mut cuts = vec![0];
            for start in (0..tokens).step_by(part) {
                let end = tokens.min(start.saturating_add(part as u32));
                spooled.tokens(entry, self.tokenizer.end_of_text(), start..end, &mut ids)?;
                lengths.cut_on(&ids, self.length, entry.text_bytes, &mut cuts);
            }
            if let Some(last) = cuts.last_mut() {
                *last = entry.text_bytes;
            }
            all.insert(index, cuts);
        }
        Ok(all)
    }

    fn pieces(
        &self,
        spooled: &Spooled,
        documents: &[(u64, &Entry)],
        cuts: &Cuts,
        sequence: &tokens::Sequence,
    ) -> Result<Vec<(DocumentRange, Vec<u32>)>, EngineError> {
        let piece = |piece: &tokens::Piece| {
            let entry = documents[piece.doc as usize].1;
            let part = piece.start as usize / self.length;
            let (byte_start, byte_end) = match cuts.get(&(piece.doc as usize)) {
                Some(cuts) => (cuts[part], cuts[part + 1]),
                None => (0, entry.text_bytes),
            };
            let range = DocumentRange {
                shard: entry.shard as i32,
                row: entry.row as i64,
                byte_start: byte_start as i64,
                byte_end: byte_end as i64,
            };
            let mut ids = Vec::new();
            spooled.tokens(entry, self.tokenizer.end_of_text(), piece.start..piece.end, &mut ids)?;
            Ok((range, ids))
        };
        sequence.pieces.iter().map(piece).collect()
    }

    /// Writes `heldout-raw-*` and `heldout-kept-*`.
    pub fn heldout(&self, documents: &[Heldout], folder: &Path) -> Result<Vec<Receipt>, EngineError> {
        let mut receipts = Vec::new();
        for (name, is_kept_text) in [("raw", false), ("kept", true)] {
            let path = folder.join(format!("heldout-{name}-00000.parquet"));
            let mut sink = ParquetSink::create(&path, heldout_schema(), &self.sink_options(1000))?;
            let mut builder = HeldoutBatchBuilder::default();
            for document in documents.iter().filter(|document| document.is_kept_text == is_kept_text) {
                let mut ids = vec![self.tokenizer.end_of_text()];
                ids.extend_from_slice(&document.ids);
                builder.push(HeldoutDocument {
                    shard: document.shard as i32,
                    row: document.row as i64,
                    id: &document.id,
                    url: document.url.as_deref(),
                    source: document.source.as_deref(),
                    text: &document.text,
                    input_ids: &ids,
                });
            }
            sink.write(&builder.finish()?)?;
            receipts.push(sink.commit()?);
        }
        Ok(receipts)
    }

    fn sink_options(&self, row_group_rows: usize) -> SinkOptions {
        let plain = ["input_ids.list.item", "text", "id", "url"].map(str::to_owned).to_vec();
        SinkOptions { row_group_rows, plain, footer: self.footer.clone(), ..SinkOptions::default() }
    }
}
