//! `corpus apply`: removes documents from a finished `out/`, wherever their text lies, or decides it anew.
//!
//! New files are made beside the old ones, in `.work/takedown/`; a journal then says which of them take whose place.
//! Before the journal stands, `out/` is the old one; afterwards every opener of the folder completes the exchange.

mod choose;
mod list;
mod recipe;
mod rows;
mod sequences;
mod summary;

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shards::{AtomicFile, Manifest, Receipt, TakedownRecord};

use crate::error::EngineError;
use crate::lock::Lock;
use crate::prepare::unless_absent;
use crate::work::Work;

pub use list::{ListError, RemovalList};
pub use recipe::apply_recipe;

/// A takedown, fully described.
#[derive(Debug)]
pub struct ApplyOptions {
    pub out: PathBuf,
    /// Also remove the copies of what is removed: kept twins and duplicates.
    pub copies: bool,
    /// Only count.
    pub dry_run: bool,
    pub threads: NonZeroUsize,
}

/// The reason of what was removed, as `stage.reason`.
pub const STAGE: &str = "takedown";
pub const REASON: &str = "removed";
pub(crate) const FULL_REASON: &str = "takedown.removed";

/// What was removed, where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Takedown {
    /// Entries of the list.
    pub lines: u64,
    /// Those that no document matches.
    pub unmatched: Vec<String>,
    /// Documents that were there and are now marked as removed.
    pub documents: u64,
    /// Documents that an earlier takedown had removed.
    pub removed_before: u64,
    /// Rows by folder or kind of file.
    pub clean_rows: u64,
    pub rejected_rows: u64,
    pub signature_rows: u64,
    pub train_documents: u64,
    pub control_documents: u64,
    pub heldout_documents: u64,
    /// Near or exact copies of removed documents that stay: kept twins, whose text is in `clean/`, and dropped
    /// duplicates, which do not come back.
    pub copies: Vec<Copy>,
    /// Files that were written anew, and files that are gone.
    pub rewritten: Vec<String>,
    pub gone: Vec<String>,
}

/// A document that is a copy of a removed one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Copy {
    pub id: String,
    pub is_kept: bool,
}

/// Removes what the list names. Nothing is written if nothing is to be removed.
pub fn apply(options: &ApplyOptions, list: &mut RemovalList) -> Result<Takedown, EngineError> {
    let out = &options.out;
    let manifest_path = out.join("manifest.json");
    if !manifest_path.exists() {
        return Err(EngineError::NotFinished { path: out.clone() });
    }
    let lock = if options.dry_run { None } else { Some(Lock::take(out, None, |_| Ok(()))?.0) };
    if !options.dry_run {
        complete_exchange(out)?;
    } else if journal_path(out).exists() {
        return Err(EngineError::TakedownPending { path: out.clone() });
    }
    let manifest = Manifest::read(&manifest_path)?;
    if !manifest.complete {
        return Err(EngineError::NotFinished { path: out.clone() });
    }
    let files = choose::Files::of(out, &manifest);
    let mut chosen = choose::choose(&files, list, options.copies)?;
    let mut takedown = Takedown {
        lines: list.n_lines() as u64,
        unmatched: list.matched().filter(|(_, n)| *n == 0).map(|(line, _)| line.to_owned()).collect(),
        documents: chosen.documents.len() as u64,
        removed_before: chosen.removed_before,
        copies: chosen.copies.clone(),
        ..Takedown::default()
    };
    if chosen.documents.is_empty() {
        lock.map_or(Ok(()), Lock::remove_work)?;
        return Ok(takedown);
    }
    let staging = Staging::new(out, options.dry_run)?;
    let mut receipts = rows::rewrite(&files, &mut chosen, &staging, &mut takedown)?;
    let packed = sequences::repack(options, &manifest, &chosen, &staging, &mut takedown)?;
    receipts.extend(packed.receipts.iter().cloned());
    takedown.gone = packed.gone.iter().cloned().collect();
    takedown.rewritten = receipts.iter().map(|receipt| receipt.output_file(&staging.folder).path).collect();
    if !options.dry_run {
        let record = record(list, &takedown);
        finish(out, manifest, &staging, (receipts, packed), (&chosen, &takedown, record))?;
    }
    // A finished run has no `.work/`.
    lock.map_or(Ok(()), Lock::remove_work)?;
    Ok(takedown)
}

/// Where new files are made.
pub(crate) struct Staging {
    pub folder: PathBuf,
    pub out: PathBuf,
    pub dry_run: bool,
}

impl Staging {
    fn new(out: &Path, dry_run: bool) -> Result<Staging, EngineError> {
        let folder = takedown_folder(out).join("new");
        if !dry_run {
            // What an interrupted takedown left before its journal stood.
            let before = takedown_folder(out);
            unless_absent(fs::remove_dir_all(&before)).map_err(EngineError::io(&before))?;
            fs::create_dir_all(&folder).map_err(EngineError::io(&folder))?;
        }
        Ok(Staging { folder, out: out.to_path_buf(), dry_run })
    }
}

fn takedown_folder(out: &Path) -> PathBuf {
    out.join(".work").join("takedown")
}

/// Where token ids and receipts of packing lie meanwhile.
fn work(out: &Path) -> Work {
    Work { folder: takedown_folder(out) }
}

fn journal_path(out: &Path) -> PathBuf {
    takedown_folder(out).join("journal.json")
}

/// What takes whose place, the manifest last.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Journal {
    moved: Vec<String>,
    gone: Vec<String>,
}

impl Journal {
    /// From now on the new files count.
    fn write(&self, out: &Path) -> Result<(), EngineError> {
        let path = journal_path(out);
        let json = serde_json::to_vec(self).map_err(std::io::Error::other);
        AtomicFile::write_all_of(&path, &json.map_err(EngineError::io(&path))?)?;
        Ok(())
    }
}

/// What the manifest keeps of a takedown: hashes instead of lines, which may name people.
fn record(list: &RemovalList, takedown: &Takedown) -> TakedownRecord {
    let all: Vec<&str> = list.matched().map(|(line, _)| line).collect();
    let matched = list.matched().filter(|(_, n)| *n > 0);
    TakedownRecord {
        list_xxh3_128: shards::hash_bytes(all.join("\n").as_bytes()),
        lines: takedown.lines,
        matched: matched.map(|(line, n)| (shards::hash_bytes(line.as_bytes()), n)).collect(),
        documents: takedown.documents,
        clean_rows: takedown.clean_rows,
        rejected_rows: takedown.rejected_rows,
        signature_rows: takedown.signature_rows,
        train_documents: takedown.train_documents,
        control_documents: takedown.control_documents,
        heldout_documents: takedown.heldout_documents,
        copies_left: takedown.copies.len() as u64,
    }
}

/// Stages what people read and the manifest, then exchanges the files.
fn finish(
    out: &Path,
    mut manifest: Manifest,
    staging: &Staging,
    (mut receipts, packed): (Vec<Receipt>, sequences::Repacked),
    (chosen, takedown, record): (&choose::Chosen, &Takedown, TakedownRecord),
) -> Result<(), EngineError> {
    let path = out.join("report.json");
    let bytes = fs::read(&path).map_err(EngineError::io(&path))?;
    let mut run = serde_json::from_slice(&bytes).map_err(|error| EngineError::io(&path)(error.into()))?;
    summary::update(&mut run, chosen, takedown, &packed);
    let gone: BTreeSet<&str> = packed.gone.iter().map(String::as_str).collect();
    let listed: Vec<String> = manifest.outputs.iter().map(|output| output.path.clone()).collect();
    let listed: Vec<String> = listed.into_iter().filter(|path| !gone.contains(path.as_str())).collect();
    let mut untimed = Vec::new();
    let card = report::render_card(&run, &listed);
    receipts.push(AtomicFile::write_all_of(&staging.folder.join("README.md"), card.as_bytes())?);
    for (name, text) in
        [("report.json", report::render_json(&run)), ("report.html", report::render_dashboard(&run))]
    {
        let text = text.map_err(|error| EngineError::io(out.join(name))(error.into()))?;
        AtomicFile::write_all_of(&staging.folder.join(name), text.as_bytes())?;
        untimed.push(name.to_owned());
    }
    let written: Vec<_> = receipts.iter().map(|receipt| receipt.output_file(&staging.folder)).collect();
    manifest.outputs.retain(|output| {
        !gone.contains(output.path.as_str()) && !written.iter().any(|new| new.path == output.path)
    });
    manifest.outputs.extend(written.iter().cloned());
    manifest.outputs.sort_by(|a, b| a.path.cmp(&b.path));
    manifest.takedowns.push(record);
    let dates = manifest.timing.entry("takedowns".to_owned()).or_insert_with(|| serde_json::json!([]));
    if let Some(dates) = dates.as_array_mut() {
        dates.push(summary::today().into());
    }
    manifest.write(&staging.folder.join("manifest.json"))?;
    let mut moved: Vec<String> = written.into_iter().map(|output| output.path).collect();
    moved.extend(untimed);
    moved.push("manifest.json".to_owned());
    Journal { moved, gone: packed.gone.iter().cloned().collect() }.write(out)?;
    complete_exchange(out)
}

/// Completes a takedown that was interrupted after its journal stood; does nothing where there is none.
fn complete_exchange(out: &Path) -> Result<(), EngineError> {
    let path = journal_path(out);
    let Some(bytes) = unless_absent(fs::read(&path)).map_err(EngineError::io(&path))? else {
        return Ok(());
    };
    let journal: Journal =
        serde_json::from_slice(&bytes).map_err(|error| EngineError::io(&path)(error.into()))?;
    for name in &journal.gone {
        let path = out.join(name);
        unless_absent(fs::remove_file(&path)).map_err(EngineError::io(path))?;
    }
    let folder = takedown_folder(out).join("new");
    for name in &journal.moved {
        // Absent: it was moved before the interruption.
        let (from, to) = (folder.join(name), out.join(name));
        unless_absent(fs::rename(&from, &to)).map_err(EngineError::io(to))?;
    }
    let folder = takedown_folder(out);
    fs::remove_dir_all(&folder).map_err(EngineError::io(&folder))
}

/// The manifest of a finished run, of which an exchange of files that was interrupted is completed first.
///
/// # Errors
/// When there is no finished run.
pub fn finished(out: &Path) -> Result<Manifest, EngineError> {
    recover(out)?;
    let path = out.join("manifest.json");
    let manifest = if path.exists() { Some(Manifest::read(&path)?) } else { None };
    manifest
        .filter(|manifest| manifest.complete)
        .ok_or_else(|| EngineError::NotFinished { path: out.to_path_buf() })
}

/// For whoever opens a run: completes a takedown that was interrupted while files were exchanged.
pub(crate) fn recover(out: &Path) -> Result<(), EngineError> {
    if !journal_path(out).exists() {
        return Ok(());
    }
    let (lock, ()) = Lock::take(out, None, |_| complete_exchange(out))?;
    lock.remove_work()
}
