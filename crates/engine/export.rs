//! The tokens of a finished run as files of other trainers: whole documents, shuffled, in two splits.
//!
//! `train` is what `tokens/train-*` packs, `val` the held-out documents that the recipe keeps. Documents are put together
//! from their pieces a bucket at a time (the recipe's `bucket_tokens`), in the order of the shuffle.

mod split_files;

use std::path::{Path, PathBuf};

use serde_json::json;
use shards::{AtomicFile, Manifest, Receipt, read_table};
use tokens::{ROWS_PER_GROUP, TokenFormat, Tokenizer, read_heldout, read_sequences, shuffle_key};

use crate::error::EngineError;
use split_files::{Split, SplitFiles};

/// What an export left in a folder.
#[derive(Clone, Debug)]
pub struct Exported {
    pub train: SplitCounts,
    pub val: SplitCounts,
    /// Files, and their bytes together.
    pub files: usize,
    pub bytes: u64,
    /// NumPy's name of the ids' type.
    pub dtype: &'static str,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct SplitCounts {
    pub documents: u64,
    /// With an end-of-text token for each document.
    pub tokens: u64,
}

/// Writes the tokens of the run in `out` into `folder`, which is made and must be empty. `told` hears how many tokens of
/// how many are written.
///
/// Errors: no finished run with packed tokens; ids that the format cannot hold; a folder with something in it.
pub fn export_tokens(
    out: &Path,
    folder: &Path,
    format: TokenFormat,
    told: &dyn Fn(u64, u64),
) -> Result<Exported, EngineError> {
    let refused = |path: &Path, why: String| EngineError::Export { path: path.to_path_buf(), why };
    if let Some(remote) = [out, folder].into_iter().find(|path| shards::is_remote(path)) {
        let why = "tokens are exported from a folder of this machine into another; copy it";
        return Err(refused(remote, why.to_owned()));
    }
    let path = out.join("manifest.json");
    let manifest = if path.exists() { Some(Manifest::read(&path)?) } else { None };
    let manifest = manifest.filter(|manifest| manifest.complete);
    let manifest = manifest.ok_or_else(|| EngineError::NotFinished { path: out.to_path_buf() })?;
    let files = |prefix: &str| -> Vec<PathBuf> {
        let paths = manifest.outputs.iter().map(|output| output.path.as_str());
        paths.filter(|path| path.starts_with(prefix)).map(|path| out.join(path)).collect()
    };
    let train = files("tokens/train-");
    if train.is_empty() {
        let why = "no packed tokens; clean with a pipeline that ends in \"tokenize\", \"pack\"";
        return Err(refused(out, why.to_owned()));
    }
    let path = out.join("tokenizer.json");
    let tokenizer = Tokenizer::from_json(&std::fs::read_to_string(&path).map_err(EngineError::io(&path))?)?;
    let width = format.width(tokenizer.vocab_size()).map_err(|why| refused(out, why))?;
    std::fs::create_dir_all(folder).map_err(EngineError::io(folder))?;
    shards::remove_leftovers(folder)?;
    if std::fs::read_dir(folder).map_err(EngineError::io(folder))?.next().is_some() {
        return Err(refused(folder, "not empty; name a new folder".to_owned()));
    }

    let mut counts = Vec::new();
    for path in &train {
        counts.push(n_tokens(path)?);
    }
    let total: u64 = counts.iter().sum();
    let files_of =
        |name, total| SplitFiles::new(Split { folder, name, format, width, tokenizer: &tokenizer, total });
    let mut written = files_of("train", total);
    for path in &train {
        each_document(path, &mut |ids| written.add(ids))?;
        told(written.counts.tokens, total);
    }
    let train_counts = written.counts;
    let mut receipts = written.finish()?;

    let heldout = files("tokens/heldout-kept-");
    let mut total = 0;
    for path in &heldout {
        each_heldout(path, &mut |ids| {
            total += ids.len() as u64 + 1;
            Ok(())
        })?;
    }
    let mut written = files_of("val", total);
    for path in &heldout {
        each_heldout(path, &mut |ids| written.add(ids))?;
    }
    let val_counts = written.counts;
    receipts.extend(written.finish()?);

    receipts.push(AtomicFile::write_all_of(&folder.join("tokenizer.json"), tokenizer.to_json().as_bytes())?);
    let exported = Exported {
        train: train_counts,
        val: val_counts,
        files: receipts.len() + 1,
        bytes: receipts.iter().map(|receipt| receipt.bytes).sum(),
        dtype: width.dtype(format),
    };
    // Last: a folder with it is whole.
    let card = card(&exported, format, &tokenizer, &manifest, folder, &receipts);
    AtomicFile::write_all_of(&folder.join("export.json"), card.as_bytes())?;
    shards::sync_folder(folder)?;
    Ok(exported)
}

fn card(
    exported: &Exported,
    format: TokenFormat,
    tokenizer: &Tokenizer,
    manifest: &Manifest,
    folder: &Path,
    receipts: &[Receipt],
) -> String {
    let counts = |counts: SplitCounts| json!({ "documents": counts.documents, "tokens": counts.tokens });
    let files: Vec<_> = receipts.iter().map(|receipt| receipt.output_file(folder)).collect();
    let place = if format.begins_with_end_of_text() { "before" } else { "behind" };
    let json = json!({
        "format": format.as_str(),
        "dtype": exported.dtype,
        "end_of_text": tokenizer.end_of_text(),
        "end_of_text_stands": format!("{place} each document"),
        "vocab_size": tokenizer.vocab_size(),
        "recipe_hash": manifest.recipe_hash,
        "train": counts(exported.train),
        "val": counts(exported.val),
        "files": files,
    });
    format!("{json:#}\n")
}

/// Tokens in a file of sequences, end-of-text tokens that begin documents included.
fn n_tokens(path: &Path) -> Result<u64, EngineError> {
    let mut total = 0;
    for batch in read_table(path, Some(&["n_tokens"]), 1 << 16)? {
        let batch = batch?;
        let column = batch.column(0).as_any().downcast_ref::<arrow::array::Int32Array>();
        total += column.into_iter().flatten().flatten().map(|n| n as u64).sum::<u64>();
    }
    Ok(total)
}

/// A piece of a document, by its place in the shuffle and in the text.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    key: u64,
    document: (i32, i64),
    /// Of a document that is packed several times: which of them.
    copy: usize,
    bytes: (i64, i64),
    /// Where its ids stand in the bucket's.
    start: usize,
    end: usize,
}

/// The documents of a bucket, whole, without the end-of-text token that begins them.
fn each_document(
    path: &Path,
    take: &mut dyn FnMut(&[u32]) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let (mut ids, mut pieces) = (Vec::new(), Vec::new());
    for batch in read_table(path, None, ROWS_PER_GROUP)? {
        for sequence in read_sequences(&batch?)? {
            for (range, piece) in sequence.pieces() {
                let start = ids.len();
                ids.extend(piece.iter().map(|id| *id as u32));
                pieces.push(Piece {
                    key: shuffle_key(0, range.shard as u32, range.row as u64),
                    document: (range.shard, range.row),
                    copy: 0,
                    bytes: (range.byte_start, range.byte_end),
                    start,
                    end: ids.len(),
                });
            }
        }
    }
    pieces.sort_unstable();
    let is_again = |a: &Piece, b: &Piece| {
        // A document may have several pieces without text.
        (a.document, a.bytes) == (b.document, b.bytes) && a.bytes.0 < a.bytes.1
    };
    for same in pieces.chunk_by_mut(is_again) {
        same.iter_mut().enumerate().for_each(|(copy, piece)| piece.copy = copy);
    }
    pieces.sort_unstable();
    let mut whole = Vec::new();
    for document in pieces.chunk_by(|a, b| (a.document, a.copy) == (b.document, b.copy)) {
        whole.clear();
        document.iter().for_each(|piece| whole.extend_from_slice(&ids[piece.start..piece.end]));
        take(whole.get(1..).unwrap_or_default())?;
    }
    Ok(())
}

/// The held-out documents of a file, likewise.
fn each_heldout(
    path: &Path,
    take: &mut dyn FnMut(&[u32]) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let mut whole = Vec::new();
    for batch in read_table(path, None, ROWS_PER_GROUP)? {
        for document in read_heldout(&batch?)? {
            whole.clear();
            whole.extend(document.input_ids.iter().skip(1).map(|id| *id as u32));
            take(&whole)?;
        }
    }
    Ok(())
}
