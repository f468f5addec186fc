//! Token sequences without the removed documents: taken apart, and packed again as `clean` packs.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use plan::Recipe;
use shards::{Manifest, Receipt, footer, read_table};
use tokens::{ROWS_PER_GROUP, Tokenizer, Version, documents, read_sequences};

use super::choose::Chosen;
use super::{ApplyOptions, Staging, Takedown};
use crate::error::EngineError;
use crate::finish::DocumentTokens;
use crate::mixer::Mixer;
use crate::sequences::{Packer, Sequences};
use crate::spool::{Spool, SpoolPoint};
use crate::steps::Steps;

/// What packing again left.
#[derive(Default)]
pub(super) struct Repacked {
    pub receipts: Vec<Receipt>,
    /// Files of `tokens/` that there are no more: fewer tokens need fewer buckets.
    pub gone: BTreeSet<String>,
    /// `None`: `train-*` stayed as it was.
    pub train: Option<Sequences>,
    pub sequence_length: u64,
}

/// The sequences are those of a run on the documents that stay: bucket, order and cut of a document depend on its key
/// and on how many tokens there are, and ids come from the old sequences. Takes memory for one bucket at a time.
pub(super) fn repack(
    options: &ApplyOptions,
    manifest: &Manifest,
    chosen: &Chosen,
    staging: &Staging,
    takedown: &mut Takedown,
) -> Result<Repacked, EngineError> {
    let never = AtomicBool::new(false);
    let mut repacked = Repacked::default();
    let files = |prefix: &str| -> Vec<String> {
        let outputs = manifest.outputs.iter().map(|output| output.path.clone());
        outputs.filter(|path| path.starts_with(prefix)).collect()
    };
    let trained = chosen.documents.values().filter(|document| document.is_trained()).count() as u64;
    let control = chosen
        .documents
        .values()
        .filter(|document| document.is_control && !document.is_heldout && !document.is_excluded);
    let counts = [("tokens/train-", trained), ("tokens/control-", control.count() as u64)];
    for (prefix, count) in counts {
        let paths = files(prefix);
        if paths.is_empty() || count == 0 {
            continue;
        }
        let is_control = prefix == "tokens/control-";
        match is_control {
            true => takedown.control_documents = count,
            false => takedown.train_documents = count,
        }
        if staging.dry_run {
            continue;
        }
        let recipe = Recipe::parse("manifest.json", &manifest.recipe).map_err(|error| {
            EngineError::BadManifest { path: staging.out.clone(), why: error.to_string() }
        })?;
        let path = staging.out.join("tokenizer.json");
        let json = std::fs::read_to_string(&path).map_err(EngineError::io(&path))?;
        let tokenizer = Tokenizer::from_json(&json)?;
        let mut packer = Packer::new(&tokenizer, &recipe, &manifest.recipe_hash, (options.threads, &never));
        let (mut pairs, _) = footer(&staging.out.join(&paths[0]))?;
        pairs.retain(|(key, _)| key != "ARROW:schema");
        packer.footer = pairs;
        let work = super::work(&staging.out);
        let mut spool = Spool::open(&work, SpoolPoint::default())?;
        let mut known = (!is_control && Mixer::of(&recipe).is_some()).then(HashMap::new);
        for path in &paths {
            unpack(&staging.out.join(path), is_control, chosen, &mut spool, &mut known)?;
        }
        let steps = Steps::new(&work, &staging.folder);
        let (receipts, packed) =
            packer.pack(&spool.finish()?, is_control, &staging.folder.join("tokens"), &steps)?;
        let written: BTreeSet<String> =
            receipts.iter().map(|receipt| receipt.output_file(&staging.folder).path).collect();
        repacked.gone.extend(paths.into_iter().filter(|path| !written.contains(path)));
        repacked.receipts.extend(receipts);
        if !is_control {
            repacked.train = Some(packed);
            repacked.sequence_length = packer.length as u64;
        }
    }
    Ok(repacked)
}

/// Spools the documents of a token shard that stay. A document lies in one file, but for those of a mix, of which `known`
/// has the places in the spool: they are found as often as they were packed.
fn unpack(
    path: &Path,
    is_control: bool,
    chosen: &Chosen,
    spool: &mut Spool,
    known: &mut Option<HashMap<(i32, i64), usize>>,
) -> Result<(), EngineError> {
    let batches: Vec<_> = read_table(path, None, ROWS_PER_GROUP)?.collect::<Result<_, _>>()?;
    let mut views = Vec::new();
    for batch in &batches {
        views.extend(read_sequences(batch)?);
    }
    for document in documents(views) {
        if chosen.documents.contains_key(&(document.shard, document.row)) {
            continue;
        }
        if let Some(known) = known {
            let at = spool.len();
            let first = *known.entry((document.shard, document.row)).or_insert(at);
            if first < at {
                spool.repeat(first);
                continue;
            }
        }
        let control: Option<Version> = is_control.then_some(document.version);
        spool.add(&DocumentTokens {
            shard: document.shard as u32,
            row: document.row as u64,
            control,
            text_bytes: document.text_bytes as u64,
            copies: 1,
            ids: document.ids,
        })?;
    }
    Ok(())
}
