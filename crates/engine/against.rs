//! Corpora that were cleaned before, known by their signatures alone: what is like a document of theirs is dropped.

use std::path::PathBuf;

use arrow::array::{Array, AsArray};
use arrow::datatypes::UInt64Type;
use dedup::{BANDS, Sketch};
use plan::{Flags, Keep, Near, Plan, Recipe, VerifyBy};
use serde_json::Value;
use shards::{Manifest, hash_bytes, read_table};

use crate::EngineError;
use crate::signatures::{SignatureFile, SignatureRecord, SignatureWriter};
use crate::work::Work;

/// Rows of a table that are held at a time.
const ROWS: usize = 10_000;

/// The tables of all corpora, in the order of the command line.
#[derive(Debug, Default)]
pub(crate) struct Against {
    tables: Vec<PathBuf>,
    /// One value per corpus: the same as long as its signatures are.
    identity: Vec<Value>,
}

impl Against {
    /// # Errors
    /// A folder that holds no finished run, or none with signatures that compare with this recipe's.
    pub fn open(folders: &[PathBuf], plan: &Plan, recipe: &Recipe) -> Result<Against, EngineError> {
        let mut against = Against::default();
        for folder in folders {
            let wrong = |why: String| EngineError::Against { folder: folder.clone(), why };
            let path = folder.join("manifest.json");
            let manifest = Manifest::read(&path).ok().filter(|manifest| manifest.complete);
            let Some(manifest) = manifest else {
                return Err(wrong("it holds no finished run of `corpus clean`".to_owned()));
            };
            let theirs = Recipe::parse("their", &manifest.recipe)
                .map_err(|error| wrong(format!("its recipe is not read by this version: {error}")))?;
            if let Some(what) = unlike(&theirs, recipe) {
                return Err(wrong(format!("its signatures do not compare with this recipe's: {what}")));
            }
            let is_table = |path: &str| path.starts_with("signatures/");
            let tables = manifest.outputs.iter().filter(|output| is_table(&output.path));
            let (mut hashes, before) = (String::new(), against.tables.len());
            for table in tables {
                against.tables.push(folder.join(&table.path));
                hashes.push_str(&table.xxh3_128);
            }
            if against.tables.len() == before {
                return Err(wrong("it has no signatures: clean it again without --no-signatures".to_owned()));
            }
            against.identity.push(hash_bytes(hashes.as_bytes()).into());
        }
        let near = plan.stage("minhash").map(|_| &plan.minhash);
        if let (false, Some(near)) = (folders.is_empty(), near) {
            let what = match (&near.keep, near.verify) {
                (Keep::Datatrove, _) => Some("keep = \"datatrove\" knows one corpus: choose another value"),
                (_, VerifyBy::Text) => {
                    Some("verify = \"text\" needs the other corpus' text: write \"sketch\"")
                }
                _ => None,
            };
            if let (Some(why), Some(folder)) = (what, folders.first()) {
                return Err(EngineError::Against { folder: folder.clone(), why: format!("[minhash] {why}") });
            }
        }
        Ok(against)
    }

    /// For the manifest.
    pub fn identity(&self) -> Value {
        self.identity.clone().into()
    }

    /// The tables as columns.
    pub fn columns(&self, work: &Work) -> Result<Vec<SignatureFile>, EngineError> {
        let mut files = Vec::new();
        for (number, table) in self.tables.iter().enumerate() {
            let path = work.against(number);
            let mut writer = SignatureWriter::create(&path)?;
            let mut row = 0;
            for batch in read_table(table, Some(&["exact", "bands", "sketch"]), ROWS)? {
                let batch = batch?;
                let column = |name: &str| {
                    let error =
                        || EngineError::Against { folder: table.clone(), why: format!("no column `{name}`") };
                    batch.column_by_name(name).ok_or_else(error)
                };
                let exact = column("exact")?.as_fixed_size_binary();
                let (bands, sketches) =
                    (column("bands")?.as_fixed_size_list(), column("sketch")?.as_fixed_size_binary());
                let keys = bands.values().as_primitive::<UInt64Type>().values();
                for at in 0..batch.num_rows() {
                    let hash = exact.value(at).first_chunk().copied().map_or(0, u128::from_le_bytes);
                    let keys = keys.get(at * BANDS..).and_then(|keys| keys.first_chunk());
                    let sketch = if sketches.is_valid(at) { sketches.value(at).first_chunk() } else { None };
                    let near =
                        keys.zip(sketch).map(|(keys, values)| Near { bands: *keys, sketch: Sketch(*values) });
                    writer.push(SignatureRecord {
                        row,
                        flags: Flags(Flags::SURVIVES | Flags::EXACT | Flags::NEAR),
                        is_original: false,
                        rank: 0,
                        exact: hash,
                        near,
                    })?;
                    row += 1;
                }
            }
            writer.commit()?;
            files.push(SignatureFile::open(path, row.into())?);
        }
        Ok(files)
    }

    /// The ids of ascending documents, numbered over all tables.
    pub fn ids(
        &self,
        documents: impl Iterator<Item = u64>,
        mut each: impl FnMut(u64, &str) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let mut documents = documents.peekable();
        let mut first = 0;
        for table in &self.tables {
            if documents.peek().is_none() {
                return Ok(());
            }
            for batch in read_table(table, Some(&["id"]), ROWS)? {
                let batch = batch?;
                let ids = batch.column_by_name("id").and_then(|column| column.as_string_opt::<i32>());
                let end = first + batch.num_rows() as u64;
                while let Some(document) = documents.next_if(|document| *document < end) {
                    each(document, ids.map_or("", |ids| ids.value((document - first) as usize)))?;
                }
                first = end;
            }
        }
        Ok(())
    }
}

/// What makes signatures of two recipes unlike.
fn unlike(theirs: &Recipe, ours: &Recipe) -> Option<String> {
    let settings = |recipe: &Recipe| {
        [
            ("[words] splitter", recipe.text("words", "splitter").to_owned()),
            ("[minhash] hash", recipe.text("minhash", "hash").to_owned()),
            ("[minhash] bits", recipe.number("minhash", "bits").to_string()),
        ]
    };
    let differs = settings(theirs).into_iter().zip(settings(ours)).find(|(there, here)| there != here);
    differs.map(|((key, there), (_, here))| format!("{key} is {there} there and {here} here"))
}
