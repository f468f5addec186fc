//! The end of a run: what is read by people, then the manifest.

use std::path::PathBuf;

use report::Run;
use shards::{AtomicFile, Inputs, Manifest, Receipt};

use crate::error::EngineError;
use crate::options::CleanOptions;
use crate::prepare::FOLDERS;
use crate::summary;
use crate::work::SegmentReceipt;

/// Writes what is read by people, then the manifest, which makes the run complete.
pub(crate) fn complete(
    manifest: &mut Manifest,
    options: &CleanOptions,
    inputs: &Inputs,
    receipts: &[SegmentReceipt],
    mut outputs: Vec<Receipt>,
    run: &Run,
) -> Result<(), EngineError> {
    let out = &options.out;
    let listed: Vec<String> = outputs.iter().map(|receipt| receipt.output_file(out).path).collect();
    let card = report::render_card(run, &listed);
    outputs.push(AtomicFile::write_all_of(&out.join("README.md"), card.as_bytes())?);
    manifest.outputs = outputs.iter().map(|receipt| receipt.output_file(out)).collect();
    // Their bytes hold times, so that their hashes would differ from run to run.
    for (name, text) in
        [("report.json", report::render_json(run)), ("report.html", report::render_dashboard(run))]
    {
        let text = text.map_err(|error| EngineError::io(out.join(name))(error.into()))?;
        let mut output = AtomicFile::write_all_of(&out.join(name), text.as_bytes())?.output_file(out);
        (output.bytes, output.xxh3_128) = (0, String::new());
        manifest.outputs.push(output);
    }
    manifest.outputs.sort_by(|a, b| a.path.cmp(&b.path));
    manifest.quarantined = summary::quarantined(inputs, receipts);
    manifest.records = summary::records(inputs, receipts);
    manifest.timing.insert("seconds".to_owned(), run.timing.wall_seconds.into());
    manifest.timing.insert("threads".to_owned(), run.timing.threads.into());
    manifest.timing.insert("input".to_owned(), places(&options.inputs).into());
    let remembered: u64 = receipts.iter().map(|receipt| receipt.remembered).sum();
    if options.memory_of.is_some() {
        manifest.timing.insert("remembered".to_owned(), remembered.into());
    }
    manifest.complete = true;
    // What it lists lasts before it does.
    for folder in FOLDERS.map(|folder| out.join(folder)).iter().filter(|folder| folder.is_dir()) {
        shards::sync_folder(folder)?;
    }
    shards::sync_folder(out)?;
    manifest.write(&out.join("manifest.json"))?;
    shards::sync_folder(out)?;
    Ok(())
}

/// Where the input lies, for whoever decides anew. Patterns stay patterns.
fn places(inputs: &[PathBuf]) -> Vec<String> {
    let place = |path: &PathBuf| match shards::is_remote(path) {
        true => path.clone(),
        false => std::path::absolute(path).unwrap_or_else(|_| path.clone()),
    };
    inputs.iter().map(|path| place(path).display().to_string()).collect()
}
