//! The last look at a block: applies what resolve decided, counts tokens, and makes the final rows.

use std::collections::BTreeMap;

use arrow::array::{Array, RecordBatch, StringArray, UInt8Array, UInt64Array};
use arrow::compute::take_record_batch;
use dedup::By;
use document::{Tally, Verdict};
use plan::{Flags, Plan};
use serde::{Deserialize, Serialize};
use text::stable_hash::hash_id;
use tokens::{Cache, Tokenizer, TokenizerError, Version};

use crate::counting;
use crate::error::EngineError;
use crate::mixer::Mixer;
use crate::names::Names;
use crate::resolve::{Resolution, Twin, URL_DEDUP};
use crate::rows::{self, Rows};
use crate::sampling::Sampled;

/// Everything a run knows that finishing a block needs.
pub(crate) struct Finisher<'a> {
    pub plan: &'a Plan,
    pub resolution: &'a Resolution,
    pub names: &'a Names,
    pub tokenizer: Option<&'a Tokenizer>,
    /// Sequences will be packed: token ids are wanted, not only their number.
    pub packs: bool,
    pub mix: Option<Mixer>,
}

/// Token ids of one document, without the end-of-text token.
pub(crate) struct DocumentTokens {
    pub shard: u32,
    pub row: u64,
    /// `None`: of `train-*`; else of `control-*`.
    pub control: Option<Version>,
    pub text_bytes: u64,
    /// Times that it is packed.
    pub copies: u8,
    pub ids: Vec<u32>,
}

/// A held-out document, once for each form of its text.
#[derive(Serialize, Deserialize)]
pub(crate) struct Heldout {
    pub shard: u32,
    pub row: u64,
    pub id: String,
    pub url: Option<String>,
    pub source: Option<String>,
    pub text: String,
    pub ids: Vec<u32>,
    pub is_kept_text: bool,
}

/// A finished block.
pub(crate) struct Finished {
    pub clean: RecordBatch,
    /// Dropped documents whose text was carried on.
    pub rejected: Sampled,
    pub ledger: RecordBatch,
    pub tokens: Vec<DocumentTokens>,
    pub heldout: Vec<Heldout>,
    pub tally: Tally,
    /// Candidates and duplicates by source.
    pub sources: BTreeMap<String, (u64, u64)>,
    /// Excerpts of documents in the clusters that are shown.
    pub excerpts: Vec<(u64, String, String)>,
}

/// A swept block with its columns found.
#[derive(Clone, Copy)]
pub(crate) struct Block<'b> {
    pub records: &'b RecordBatch,
    pub shard: u32,
    /// Number of its first document over all segments.
    pub first: u64,
}

impl<'b> Block<'b> {
    pub fn column<T: Array + 'static>(&self, name: &str) -> Result<&'b T, EngineError> {
        let column = self.records.column_by_name(name).and_then(|column| column.as_any().downcast_ref());
        column.ok_or_else(|| arrow::error::ArrowError::SchemaError(format!("swept block: {name}")).into())
    }

    pub fn verdicts(&self) -> Result<Vec<Verdict>, EngineError> {
        let low: &UInt64Array = self.column("verdict_low")?;
        let high: &UInt64Array = self.column("verdict_high")?;
        Ok(low.values().iter().zip(high.values()).map(|(l, h)| Verdict::from_words([*l, *h])).collect())
    }
}

/// What encoding looks at: texts where they were carried on, and what a row is.
struct Texts<'b> {
    rows: &'b UInt64Array,
    flags: &'b UInt8Array,
    kept: &'b StringArray,
    original: &'b StringArray,
}

impl<'b> Texts<'b> {
    /// After line filters; of survivors, and of control documents that they changed.
    fn kept(&self, row: usize) -> Option<&'b str> {
        self.kept.is_valid(row).then(|| self.kept.value(row))
    }

    /// Before line filters.
    fn original(&self, row: usize) -> Option<&'b str> {
        if self.original.is_valid(row) { Some(self.original.value(row)) } else { self.kept(row) }
    }
}

impl Finisher<'_> {
    /// `shown`: documents whose excerpts are wanted, ascending.
    pub fn finish(
        &self,
        block: Block<'_>,
        shown: &[u64],
        cache: &mut Cache,
    ) -> Result<Finished, EngineError> {
        let n = block.records.num_rows();
        let texts = Texts {
            rows: block.column("row")?,
            flags: block.column("flags")?,
            kept: block.column("text")?,
            original: block.column("original")?,
        };
        let ids: &StringArray = block.column("id")?;
        let mut verdicts = block.verdicts()?;
        let twins = self.twins(block, &mut verdicts);
        let mut out = TokenOutput::default();
        for (row, verdict) in verdicts.iter().enumerate() {
            self.encode(block, row, &texts, *verdict, cache, &mut out)?;
        }
        let rows = Rows { plan: self.plan, resolution: self.resolution, names: self.names };
        let keep: UInt64Array = (0..n as u64).filter(|row| verdicts[*row as usize].is_keep()).collect();
        let clean = take_record_batch(&rows::clean(block, &out.counts)?, &keep)?;
        let dropped: Vec<u64> = (0..n)
            .filter(|row| !verdicts[*row].is_keep() && texts.original(*row).is_some())
            .map(|r| r as u64)
            .collect();
        let key = |row: &u64| (verdicts[*row as usize], hash_id(ids.value(*row as usize), 0));
        let keys = dropped.iter().map(key).collect();
        let rejected =
            take_record_batch(&rows.rejected(block, &verdicts, &twins)?, &UInt64Array::from(dropped))?;
        let start = shown.partition_point(|document| *document < block.first);
        let excerpts = shown[start..].iter().take_while(|document| **document < block.first + n as u64);
        let excerpts = excerpts.map(|document| {
            let row = (document - block.first) as usize;
            (*document, ids.value(row).to_owned(), excerpt(texts.original(row).unwrap_or("")))
        });
        let (tally, sources) = counting::count(self.plan, block, &verdicts, &out.counts)?;
        Ok(Finished {
            clean,
            rejected: Sampled::of(rejected, keys),
            ledger: rows.ledger(block, &verdicts, &twins, &out.counts)?,
            tokens: out.tokens,
            heldout: out.heldout,
            tally,
            sources,
            excerpts: excerpts.collect(),
        })
    }

    /// The twin of each row; adds the dedup stage's reason to its verdict.
    fn twins(&self, block: Block<'_>, verdicts: &mut [Verdict]) -> Vec<Option<Twin>> {
        let mut twins = vec![None; verdicts.len()];
        for (document, twin) in self.resolution.twins(block.first, verdicts.len() as u64) {
            let row = (document - block.first) as usize;
            let stage = match twin.by {
                By::Url => URL_DEDUP,
                By::Exact => "exact_dedup",
                By::Near => "minhash",
            };
            if let Some(reason) = self.plan.duplicate_reason(stage) {
                verdicts[row].add(reason);
            }
            twins[row] = Some(twin);
        }
        twins
    }

    fn encode(
        &self,
        block: Block<'_>,
        row: usize,
        texts: &Texts<'_>,
        verdict: Verdict,
        cache: &mut Cache,
        out: &mut TokenOutput,
    ) -> Result<(), EngineError> {
        let Some(tokenizer) = self.tokenizer else {
            out.counts.push(None);
            return Ok(());
        };
        let mut ids_of = |text: &str| -> Result<Vec<u32>, TokenizerError> {
            let mut ids = Vec::new();
            tokenizer.encode_into(text, cache, &mut ids)?;
            Ok(ids)
        };
        let flags = Flags(texts.flags.value(row));
        let kept = texts.kept(row).filter(|_| verdict.is_keep());
        let kept_ids = kept.map(&mut ids_of).transpose()?;
        out.counts.push(kept_ids.as_ref().map(|ids| ids.len() as i64));
        if !self.packs {
            return Ok(());
        }
        let is_rewritten = texts.original.is_valid(row);
        let is_trained = !flags.has(Flags::HELDOUT) && !self.resolution.is_excluded(block.first + row as u64);
        let tokens = |control: Option<Version>, text: &str, ids: Vec<u32>| DocumentTokens {
            shard: block.shard,
            row: texts.rows.value(row),
            control,
            text_bytes: text.len() as u64,
            copies: 1,
            ids,
        };
        let is_heldout = flags.has(Flags::HELDOUT);
        let wants_original = is_heldout || (flags.has(Flags::CONTROL) && is_trained);
        if let Some(original) = texts.original(row).filter(|_| wants_original) {
            let ids = match &kept_ids {
                Some(ids) if !is_rewritten => ids.clone(),
                _ => ids_of(original)?,
            };
            if is_heldout {
                out.heldout.push(heldout(block, row, original, ids, false)?);
            } else {
                out.tokens.push(tokens(Some(Version::Original), original, ids));
            }
        }
        // A control document that was dropped as the line filters leave it, for arms without what dropped it.
        if let (Some(text), None, false, true) =
            (texts.kept(row), kept, is_heldout, wants_original && is_rewritten)
        {
            out.tokens.push(tokens(Some(Version::Kept), text, ids_of(text)?));
        }
        if let (Some(kept), Some(ids)) = (kept, &kept_ids) {
            if is_heldout {
                out.heldout.push(heldout(block, row, kept, ids.clone(), true)?);
            } else if wants_original && is_rewritten {
                out.tokens.push(tokens(Some(Version::Kept), kept, ids.clone()));
            }
        }
        if let (Some(kept), Some(ids), true) = (kept, kept_ids, is_trained) {
            let copies = match &self.mix {
                Some(mixer) => mixer.copies(block, row, texts.rows.value(row))?,
                None => 1,
            };
            out.tokens.push(DocumentTokens { copies, ..tokens(None, kept, ids) });
        }
        Ok(())
    }
}

#[derive(Default)]
struct TokenOutput {
    /// Tokens of each kept document.
    counts: Vec<Option<i64>>,
    tokens: Vec<DocumentTokens>,
    heldout: Vec<Heldout>,
}

fn heldout(
    block: Block<'_>,
    row: usize,
    text: &str,
    ids: Vec<u32>,
    is_kept_text: bool,
) -> Result<Heldout, EngineError> {
    let cell = |name: &str| -> Result<Option<String>, EngineError> {
        let column: &StringArray = block.column(name)?;
        Ok(column.is_valid(row).then(|| column.value(row).to_owned()))
    };
    Ok(Heldout {
        shard: block.shard,
        row: block.column::<UInt64Array>("row")?.value(row),
        id: cell("id")?.unwrap_or_default(),
        url: cell("url")?,
        source: cell("source")?,
        text: text.to_owned(),
        ids,
        is_kept_text,
    })
}

/// At most 2,000 bytes of a text, cut between characters.
pub(crate) fn excerpt(text: &str) -> String {
    text[..text.floor_char_boundary(2000)].to_owned()
}
