//! Reads what `corpus clean` left: control documents put together again from their pieces, their verdicts, held-out texts.

use crate::TrainError;
use crate::own_text::read_own_heldout;
use arrow::array::{
    Array, AsArray, BooleanArray, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, UInt64Array,
};
use arrow::datatypes::{Int32Type, Int64Type};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use tokens::{FOOTER_RECIPE_HASH, Tokenizer, Version, read_heldout, read_sequences};

/// A document of the control sample with its verdict.
#[derive(Clone, Debug, Default)]
pub struct ControlDocument {
    pub shard: i32,
    pub row: i64,
    pub id: String,
    pub sampling_key: u64,
    /// The recipe keeps it.
    pub kept: bool,
    /// It shares a band with a held-out document, or is one: no arm may train on it.
    pub excluded: bool,
    /// No `language.*` or `input.*` reason.
    pub wanted_language: bool,
    /// Stages whose reasons it has, each once.
    pub failed: Vec<String>,
    /// Shard and row of the document that stands for those that are alike in the control sample, if there are some.
    pub cluster: Option<(i32, i64)>,
    /// Of the user's texts for the positive control: no other arm has it.
    pub is_own: bool,
    /// A held-out document, for the arm that leaks: no other arm has it.
    pub is_heldout: bool,
    /// The document that the recipe keeps in its place, by (shard, row).
    pub duplicate_of: Option<(i32, i64)>,
    /// Text as it was read.
    pub original: String,
    /// Text after the line filters, where it differs.
    pub rewritten: Option<String>,
    /// Tokens of `original` and of the kept text in the run's own tokenizer.
    pub original_tokens: u64,
    pub kept_tokens: u64,
}

/// A held-out document.
#[derive(Clone, Debug)]
pub struct HeldoutDocument {
    pub shard: i32,
    pub row: i64,
    pub source: Option<String>,
    pub text: String,
}

/// A named set of held-out documents.
#[derive(Clone, Debug)]
pub struct HeldoutSet {
    pub name: String,
    pub documents: Vec<HeldoutDocument>,
}

/// Everything that training needs of an output folder.
pub struct Corpus {
    /// Sorted by (shard, row).
    pub documents: Vec<ControlDocument>,
    pub heldout: Vec<HeldoutSet>,
    pub tokenizer: Tokenizer,
    pub recipe_hash: String,
    /// The ledger says which control documents are alike, whatever dropped them.
    pub knows_clusters: bool,
}

/// Plain text of the user's is cut into documents of this many bytes.
const OWN_DOCUMENT_BYTES: usize = 8_192;

type Key = (i32, i64);
/// Pieces of a document's text by their first byte, and its tokens.
type Pieces = BTreeMap<Key, (Vec<(i64, Vec<u8>)>, u64)>;

impl Corpus {
    /// Reads `out/`.
    ///
    /// # Errors
    /// When files are missing or not in the format that `corpus clean` writes.
    pub fn read(out: &Path) -> Result<Corpus, TrainError> {
        let tokenizer = read_tokenizer(out)?;
        let control = files(&out.join("tokens"), "control-")?;
        if control.is_empty() {
            return Err(TrainError::Refused(format!(
                "{}: no control sample (tokens/control-*.parquet); run `corpus clean` with a pipeline that ends in \
                 \"tokenize\", \"pack\" and a control sample above 0 bytes",
                out.display()
            )));
        }
        let mut originals = Pieces::new();
        let mut rewritten = Pieces::new();
        let mut recipe_hash = String::new();
        for path in &control {
            recipe_hash = read_control(path, &tokenizer, &mut originals, &mut rewritten)?;
        }
        let mut documents = BTreeMap::new();
        let mut knows_clusters = true;
        for path in files(&out.join("ledger"), "")? {
            knows_clusters &= read_ledger(&path, &mut documents)?;
        }
        let documents = join(documents, originals, rewritten, &out.join("tokens"))?;
        let heldout = ["raw", "kept"].map(|name| read_heldout_set(out, name));
        let [raw, kept] = heldout;
        Ok(Corpus { documents, heldout: vec![raw?, kept?], tokenizer, recipe_hash, knows_clusters })
    }

    /// Adds texts of the user's own for the positive control, in the format of [`read_own_heldout`].
    ///
    /// # Errors
    /// As there.
    pub fn add_own(&mut self, path: &Path) -> Result<(), TrainError> {
        let texts = read_own_heldout(path, OWN_DOCUMENT_BYTES)?.documents;
        self.documents.extend((0..).zip(texts).map(|(row, document)| ControlDocument {
            shard: i32::MAX,
            row,
            id: format!("{}#{row}", path.display()),
            sampling_key: row as u64,
            original: document.text,
            is_own: true,
            ..ControlDocument::default()
        }));
        Ok(())
    }

    /// Adds what was held out of the input, for the arm that trains on it.
    pub fn add_heldout(&mut self) {
        let raw = self.heldout.iter().filter(|set| set.name == "raw").flat_map(|set| &set.documents);
        self.documents.extend(raw.map(|document| ControlDocument {
            shard: document.shard,
            row: document.row,
            id: format!("held out, shard {}, row {}", document.shard, document.row),
            original: document.text.clone(),
            is_heldout: true,
            ..ControlDocument::default()
        }));
    }
}

/// Parquet files of `folder` whose name starts with `prefix`, sorted.
fn files(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>, TrainError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(TrainError::io(folder))? {
        let path = entry.map_err(TrainError::io(folder))?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if name.starts_with(prefix) && name.ends_with(".parquet") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A reader of some or all columns, and the hash of the recipe that made the file.
fn open(path: &Path, columns: Option<&[&str]>) -> Result<(ParquetRecordBatchReader, String), TrainError> {
    let file = File::open(path).map_err(TrainError::io(path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| TrainError::format(path, e))?;
    let recipe_hash = builder
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .and_then(|pairs| pairs.iter().find(|pair| pair.key == FOOTER_RECIPE_HASH))
        .and_then(|pair| pair.value.clone())
        .unwrap_or_default();
    let mask = columns.map_or_else(ProjectionMask::all, |columns| {
        ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied())
    });
    let reader = builder.with_projection(mask).build().map_err(|e| TrainError::format(path, e))?;
    Ok((reader, recipe_hash))
}

fn column<'b, T: Array + 'static>(
    batch: &'b RecordBatch,
    name: &str,
    path: &Path,
) -> Result<&'b T, TrainError> {
    batch.column_by_name(name).and_then(|c| c.as_any().downcast_ref::<T>()).ok_or_else(|| {
        TrainError::format(
            path,
            format!("column `{name}` is missing or of another type; run `corpus clean` again"),
        )
    })
}

/// The tokenizer that a corpus was packed with.
///
/// # Errors
/// When it is missing or not one.
pub fn read_tokenizer(out: &Path) -> Result<Tokenizer, TrainError> {
    let path = out.join("tokenizer.json");
    let json = std::fs::read_to_string(&path).map_err(TrainError::io(&path))?;
    Tokenizer::from_json(&json).map_err(|e| TrainError::format(&path, e))
}

fn read_control(
    path: &Path,
    tokenizer: &Tokenizer,
    originals: &mut Pieces,
    rewritten: &mut Pieces,
) -> Result<String, TrainError> {
    let (reader, recipe_hash) = open(path, None)?;
    for batch in reader {
        let batch = batch.map_err(|e| TrainError::format(path, e))?;
        for sequence in read_sequences(&batch).map_err(|e| TrainError::format(path, e))? {
            let pieces = if sequence.version == Version::Kept { &mut *rewritten } else { &mut *originals };
            for (place, ids) in sequence.pieces() {
                let ids: Vec<u32> = ids.iter().map(|&id| id as u32).collect();
                let document = pieces.entry((place.shard, place.row)).or_default();
                document.0.push((place.byte_start, tokenizer.decode_bytes(&ids)));
                document.1 += ids.len() as u64;
            }
        }
    }
    Ok(recipe_hash)
}

/// Bytes of all clean text that is packed for training.
///
/// # Errors
/// When the files are missing or not in the format that `corpus clean` writes.
pub fn clean_bytes(out: &Path) -> Result<u64, TrainError> {
    let mut n_bytes = 0;
    for path in files(&out.join("tokens"), "train-")? {
        let (reader, _) = open(&path, Some(&["text_bytes"]))?;
        for batch in reader {
            let batch = batch.map_err(|e| TrainError::format(&path, e))?;
            let bytes: &Int64Array = column(&batch, "text_bytes", &path)?;
            n_bytes += bytes.iter().flatten().map(i64::unsigned_abs).sum::<u64>();
        }
    }
    Ok(n_bytes)
}

/// Whether it says which control documents are alike: those of older versions do not.
fn read_ledger(path: &Path, documents: &mut BTreeMap<Key, ControlDocument>) -> Result<bool, TrainError> {
    // `columns` matches a prefix of the path, so "reasons" takes the list whatever its item is called.
    let names = [
        "id",
        "shard",
        "row",
        "kept",
        "reasons",
        "control",
        "heldout",
        "excluded",
        "sampling_key",
        "duplicate_of_shard",
        "duplicate_of_row",
    ];
    let clusters = ["control_duplicate_of_shard", "control_duplicate_of_row", "control_cluster_size"];
    let names = [&names[..], &clusters].concat();
    let mut knows_clusters = true;
    let (reader, _) = open(path, Some(&names))?;
    for batch in reader {
        let batch = batch.map_err(|e| TrainError::format(path, e))?;
        let ids: &StringArray = column(&batch, "id", path)?;
        let shards: &Int32Array = column(&batch, "shard", path)?;
        let rows: &Int64Array = column(&batch, "row", path)?;
        let kept: &BooleanArray = column(&batch, "kept", path)?;
        let reasons: &ListArray = column(&batch, "reasons", path)?;
        let control: &BooleanArray = column(&batch, "control", path)?;
        let heldout: &BooleanArray = column(&batch, "heldout", path)?;
        let excluded: &BooleanArray = column(&batch, "excluded", path)?;
        let keys: &UInt64Array = column(&batch, "sampling_key", path)?;
        let twins = clusters[..2].iter().all(|name| batch.column_by_name(name).is_some());
        knows_clusters &= twins;
        let twins: Option<(&Int32Array, &Int64Array, &Int64Array)> = match twins {
            true => Some((
                column(&batch, clusters[0], path)?,
                column(&batch, clusters[1], path)?,
                column(&batch, clusters[2], path)?,
            )),
            false => None,
        };
        // Not in ledgers of recipes without deduplication.
        let twin_shards =
            batch.column_by_name("duplicate_of_shard").and_then(|c| c.as_primitive_opt::<Int32Type>());
        let twin_rows =
            batch.column_by_name("duplicate_of_row").and_then(|c| c.as_primitive_opt::<Int64Type>());
        let twin = |i: usize| {
            let (shards, rows) = (twin_shards?, twin_rows?);
            (shards.is_valid(i) && rows.is_valid(i)).then(|| (shards.value(i), rows.value(i)))
        };
        for i in (0..batch.num_rows()).filter(|&i| control.value(i)) {
            knows_clusters &= twins.is_none_or(|(_, _, sizes)| sizes.is_valid(i));
            let reasons = if reasons.is_null(i) { None } else { Some(reasons.value(i)) };
            let mut failed: Vec<String> = Vec::new();
            for reason in reasons.iter().filter_map(|r| r.as_string_opt::<i32>()).flatten().flatten() {
                let stage = reason.split('.').next().unwrap_or(reason);
                if !failed.iter().any(|known| known == stage) {
                    failed.push(stage.to_owned());
                }
            }
            let foreign = ["language", "fasttext_language", "input"];
            let foreign = failed.iter().any(|stage| foreign.contains(&stage.as_str()));
            // One that others name stands for itself; one that is alone is in no cluster.
            let cluster = twins.and_then(|(of_shards, of_rows, sizes)| {
                let twin = (of_shards.is_valid(i) && of_rows.is_valid(i))
                    .then(|| (of_shards.value(i), of_rows.value(i)));
                let is_named = sizes.is_valid(i) && sizes.value(i) > 1;
                twin.or_else(|| is_named.then(|| (shards.value(i), rows.value(i))))
            });
            let document = ControlDocument {
                shard: shards.value(i),
                row: rows.value(i),
                id: ids.value(i).to_owned(),
                sampling_key: keys.value(i),
                kept: kept.value(i),
                excluded: excluded.value(i) || heldout.value(i),
                wanted_language: !foreign,
                failed,
                cluster,
                duplicate_of: twin(i),
                ..ControlDocument::default()
            };
            documents.insert((document.shard, document.row), document);
        }
    }
    Ok(knows_clusters)
}

/// Gives every control document of the ledger its text. Documents without text (unreadable input) are left out.
fn join(
    ledger: BTreeMap<Key, ControlDocument>,
    mut originals: Pieces,
    mut rewritten: Pieces,
    folder: &Path,
) -> Result<Vec<ControlDocument>, TrainError> {
    let mut documents = Vec::new();
    for (key, mut document) in ledger {
        let Some((pieces, n_tokens)) = originals.remove(&key) else { continue };
        document.original = assemble(pieces);
        document.original_tokens = n_tokens;
        document.kept_tokens = n_tokens;
        if let Some((pieces, n_tokens)) = rewritten.remove(&key) {
            document.rewritten = Some(assemble(pieces));
            document.kept_tokens = n_tokens;
        }
        documents.push(document);
    }
    match originals.keys().chain(rewritten.keys()).next() {
        Some((shard, row)) => Err(TrainError::format(
            folder,
            format!(
                "shard {shard}, row {row} is packed as control but the ledger does not say so; run `corpus clean` again"
            ),
        )),
        None => Ok(documents),
    }
}

fn assemble(mut pieces: Vec<(i64, Vec<u8>)>) -> String {
    pieces.sort();
    let bytes: Vec<u8> = pieces.into_iter().flat_map(|(_, bytes)| bytes).collect();
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

fn read_heldout_set(out: &Path, name: &str) -> Result<HeldoutSet, TrainError> {
    let mut set = Vec::new();
    for path in files(&out.join("tokens"), &format!("heldout-{name}-"))? {
        let (reader, _) = open(&path, None)?;
        for batch in reader {
            let batch = batch.map_err(|e| TrainError::format(&path, e))?;
            let documents = read_heldout(&batch).map_err(|e| TrainError::format(&path, e))?;
            set.extend(documents.into_iter().map(|document| HeldoutDocument {
                shard: document.shard,
                row: document.row,
                source: document.source.map(str::to_owned),
                text: document.text.to_owned(),
            }));
        }
    }
    Ok(HeldoutSet { name: name.to_owned(), documents: set })
}
