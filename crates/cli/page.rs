//! `corpus inspect --file page.txt`: which recipe would keep this page, and why another would not.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};

use ::report::human_number;
use anyhow::{Context, bail};
use document::Batch;
use plan::PageVerdict;
use serde_json::json;
use shards::ShardReader;

use crate::inspect::visible;
use crate::{Exit, Format, Voice, plans, print};

/// Verdicts of one recipe on all pages.
struct Judged {
    recipe: String,
    pages: Vec<PageVerdict>,
}

/// Judges the first `most` pages of a file (`-`: standard input) by some recipes.
pub fn run(file: &Path, recipes: &[String], most: usize, voice: Voice) -> anyhow::Result<Exit> {
    let judged: Vec<Judged> = match file == Path::new("-") {
        true => {
            let (_folder, file) = pasted()?;
            judge(&file, recipes, most)?
        }
        false => judge(file, recipes, most)?,
    };
    let n = judged.first().map_or(0, |judged| judged.pages.len());
    let mut out = String::new();
    match voice.format {
        Format::Json => (0..n).try_for_each(|page| writeln!(out, "{}", as_json(&judged, page)))?,
        Format::Text => {
            (0..n).try_for_each(|page| show(&mut out, &judged, page))?;
            writeln!(out, "Duplicates are not judged: a page alone has no twin.")?;
        }
    }
    print(&out)?;
    Ok(Exit::Done)
}

/// Standard input as a file of its own.
fn pasted() -> anyhow::Result<(tempfile::TempDir, PathBuf)> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
    let folder = tempfile::tempdir()?;
    let is_html = bytes.trim_ascii_start().first() == Some(&b'<');
    let path = folder.path().join(if is_html { "pasted.html" } else { "pasted.txt" });
    std::fs::write(&path, bytes)?;
    Ok((folder, path))
}

fn judge(file: &Path, recipes: &[String], most: usize) -> anyhow::Result<Vec<Judged>> {
    let inputs = shards::discover(&[file.to_path_buf()], &[])?;
    if let Some(bad) = inputs.quarantined.first() {
        bail!("{}: {}; {}", bad.path, bad.why, bad.remedy);
    }
    let all = recipes.iter().any(|name| name == "all");
    let named = recipes.iter().map(String::as_str);
    let names: Vec<&str> =
        if all { plan::recipes::EMBEDDED.iter().map(|(name, _)| *name).collect() } else { named.collect() };
    names
        .into_iter()
        .map(|name| {
            let (recipe, plan) = plans::load(name)?;
            let options = plans::read_options(&recipe)?;
            let mut pages = Vec::new();
            for shard in &inputs.shards {
                let mut reader = ShardReader::open(shard, &options)?;
                while let Some(block) =
                    (pages.len() < most).then(|| reader.next_block()).transpose()?.flatten()
                {
                    let records = block.parse(&options)?.records;
                    let wanted = records.num_rows().min(most - pages.len());
                    pages.extend(plan.judge_pages(&Batch::try_new(records.slice(0, wanted))?)?);
                }
            }
            Ok(Judged { recipe: recipe.name.clone(), pages })
        })
        .collect()
}

fn as_json(judged: &[Judged], page: usize) -> serde_json::Value {
    let verdict = |Judged { recipe, pages }: &Judged| {
        let PageVerdict { language, failed, edits, rewritten, .. } = &pages[page];
        let failed: Vec<_> = failed
            .iter()
            .map(|check| json!({ "reason": check.reason, "value": check.value, "bound": check.bound, "why": check.why }))
            .collect();
        json!({
            "recipe": recipe,
            "kept": failed.is_empty(),
            "language": language.as_ref().map(|(code, _)| code),
            "language_score": language.as_ref().map(|(_, score)| score),
            "failed": failed,
            "edits": edits.iter().cloned().collect::<BTreeMap<String, u64>>(),
            "rewritten": rewritten,
        })
    };
    let PageVerdict { id, bytes, .. } = &judged[0].pages[page];
    json!({ "id": id, "bytes": bytes, "recipes": judged.iter().map(verdict).collect::<Vec<_>>() })
}

fn show(out: &mut String, judged: &[Judged], page: usize) -> std::fmt::Result {
    let PageVerdict { id, bytes, .. } = &judged[0].pages[page];
    writeln!(out, "── {} ── {}", visible(id), ::report::human_bytes(*bytes))?;
    for Judged { recipe, pages } in judged {
        let PageVerdict { failed, edits, rewritten, bytes, .. } = &pages[page];
        if failed.is_empty() {
            let cut = rewritten.as_ref().map_or(String::new(), |text| {
                format!(", {} of {}", ::report::human_bytes(text.len() as u64), ::report::human_bytes(*bytes))
            });
            writeln!(out, "   {recipe:<14} keeps it{cut}")?;
        }
        for (index, check) in failed.iter().enumerate() {
            let (recipe, word) = if index == 0 { (recipe.as_str(), "drops it:") } else { ("", "also:") };
            write!(out, "   {recipe:<14} {word:<9} {}", check.reason)?;
            match check.value {
                Some(value) => writeln!(out, ": {}, kept would be {}", human_number(value), check.bound)?,
                None => writeln!(out)?,
            }
        }
        let edits: Vec<String> = edits.iter().map(|(check, n)| format!("{check} × {n}")).collect();
        if !edits.is_empty() {
            writeln!(out, "   {:<14} lines:    {}", "", edits.join(", "))?;
        }
    }
    writeln!(out)
}
