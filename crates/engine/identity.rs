//! What makes two runs the same, and what of a folder is not of this run.

use std::path::Path;

use plan::{Plan, Rejected};
use shards::{InputFile, Inputs, Manifest};
use tokens::Tokenizer;

use crate::against::Against;
use crate::error::EngineError;
use crate::options::CleanOptions;

/// The manifest as far as it is known before a run. Hashes of the input are not: a file is read when its sweep begins.
pub(crate) fn identity(
    plan: &Plan,
    options: &CleanOptions,
    inputs: &Inputs,
    tokenizer: Option<&Tokenizer>,
    against: &Against,
) -> Manifest {
    let keep: Vec<String> = options.read.keep.iter().map(|keep| keep.path.clone()).collect();
    let rejected = match options.rejected {
        Rejected::All => "all",
        Rejected::Sample(_) => "sample",
        Rejected::None => "none",
    };
    let settings = [
        ("signals", if options.all_signals { "all" } else { "early" }.into()),
        ("rejected", rejected.into()),
        ("signatures", options.signatures.into()),
        ("text_column", options.read.text_column.clone().into()),
        ("id_column", options.read.id_column.clone().into()),
        ("max_document", options.read.max_document.into()),
        ("keep", keep.into()),
        ("against", against.identity()),
        ("tokenizer", tokenizer.map(|tokenizer| tokenizer.hash()).into()),
        ("segment_bytes", options.segment_bytes.into()),
    ];
    Manifest {
        version: Manifest::VERSION,
        corpus: env!("CARGO_PKG_VERSION").to_owned(),
        recipe: plan.resolved.clone(),
        recipe_hash: plan.hash.clone(),
        inputs: files(inputs),
        skipped: inputs.skipped.clone(),
        quarantined: inputs.quarantined.clone(),
        settings: settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        ..Manifest::default()
    }
}

/// Input files before they are read.
pub(crate) fn files(inputs: &Inputs) -> Vec<InputFile> {
    let file = |shard: &shards::Shard| InputFile {
        path: shard.relative.clone(),
        size: shard.size,
        xxh3_128: String::new(),
        version: None,
    };
    inputs.shards.iter().map(file).collect()
}

/// What of a found manifest is not of this run. A hash that one of them does not know is not compared.
pub(crate) fn difference(found: &Manifest, wanted: &Manifest) -> Option<String> {
    if found.corpus != wanted.corpus || found.version != wanted.version {
        return Some(format!("a run of corpus {}, this is {}", found.corpus, wanted.corpus));
    }
    if found.recipe_hash != wanted.recipe_hash {
        let line = found.recipe.lines().zip(wanted.recipe.lines()).find(|(a, b)| a != b);
        let (a, b) = line.unwrap_or(("…", "…"));
        return Some(format!("a run with another recipe (there `{a}`, here `{b}`)"));
    }
    if let Some(path) = other_file(&found.inputs, &wanted.inputs) {
        return Some(other_input(&path));
    }
    let other = wanted.settings.iter().find(|(key, value)| found.settings.get(*key) != Some(value));
    other.map(|(key, value)| format!("a run with another setting: {key} is {value} here"))
}

/// A file that two lists of inputs do not have in common, or "order".
pub(crate) fn other_file(there: &[InputFile], here: &[InputFile]) -> Option<String> {
    let is_same = |a: &InputFile, b: &InputFile| {
        let is_known = !a.xxh3_128.is_empty() && !b.xxh3_128.is_empty();
        a.path == b.path && a.size == b.size && (!is_known || a.xxh3_128 == b.xxh3_128)
    };
    let at = (0..there.len().max(here.len())).find(|at| match (there.get(*at), here.get(*at)) {
        (Some(a), Some(b)) => !is_same(a, b),
        _ => true,
    })?;
    // The path that only one of them has, where there is one.
    let lacks = |all: &[InputFile], file: &&InputFile| !all.iter().any(|other| other.path == file.path);
    let other = here.iter().find(|file| lacks(there, file)).or(there.iter().find(|file| lacks(here, file)));
    Some(other.or(here.get(at)).map_or("order".to_owned(), |file| file.path.clone()))
}

pub(crate) fn other_input(path: &str) -> String {
    format!("a run on other input ({path} differs)")
}

/// What stands in the output folder.
pub(crate) enum Found {
    Nothing,
    /// This very run, finished.
    This(Box<Manifest>),
    /// A run that `--fresh` replaces.
    Other,
}

/// Errors: another run, and it may not be replaced.
pub(crate) fn look(options: &CleanOptions, inputs: &Inputs, wanted: &Manifest) -> Result<Found, EngineError> {
    let path = options.out.join("manifest.json");
    if !path.exists() {
        return Ok(Found::Nothing);
    }
    if options.fresh {
        return Ok(Found::Other);
    }
    let found = Manifest::read(&path)?;
    let mut what = difference(&found, wanted);
    for shard in options.shards(inputs) {
        if what.is_some() {
            break;
        }
        options.unless_stopped()?;
        what = changed(&inputs.shards[shard as usize].path, &found.inputs[shard as usize])?;
    }
    match what {
        None => Ok(Found::This(Box::new(found))),
        Some(what) => Err(EngineError::OtherRun { path: options.out.clone(), what }),
    }
}

fn changed(path: &Path, found: &InputFile) -> Result<Option<String>, EngineError> {
    let is_same = shards::fingerprint(path).map_err(EngineError::Reading)?.xxh3_128 == found.xxh3_128;
    Ok((!is_same).then(|| other_input(&found.path)))
}
