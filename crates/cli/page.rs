//! Which recipe would keep this page, and why another would not: `corpus inspect --file page.txt`, and a page of
//! `corpus serve`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};

use ::report::human_number;
use anyhow::{Context, bail};
use document::Batch;
use plan::{PageVerdict, Plan};
use serde_json::json;
use shards::{ReadOptions, ShardReader};

use crate::inspect::visible;
use crate::{Exit, Format, Voice, plans, print};

/// Verdicts of one recipe on all pages.
struct Judged {
    recipe: String,
    pages: Vec<PageVerdict>,
}

/// Judges the first `most` pages of a file (`-`: standard input) by some recipes.
pub fn run(file: &Path, recipes: &[String], most: usize, voice: Voice) -> anyhow::Result<Exit> {
    let recipes = load(recipes)?;
    let judged: Vec<Judged> = match file == Path::new("-") {
        true => {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
            let (_folder, file) = file_of(&bytes)?;
            judge(&file, &recipes, most, &mut |_, _, _| Ok(()))?
        }
        false => judge(file, &recipes, most, &mut |_, _, _| Ok(()))?,
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

/// A page as a file of its own.
pub fn file_of(bytes: &[u8]) -> anyhow::Result<(tempfile::TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let is_html = bytes.trim_ascii_start().first() == Some(&b'<');
    let path = folder.path().join(if is_html { "pasted.html" } else { "pasted.txt" });
    std::fs::write(&path, bytes)?;
    Ok((folder, path))
}

/// A recipe, ready to judge.
pub struct Loaded {
    name: String,
    plan: Plan,
    read: ReadOptions,
}

/// Recipes by name or path, or all that come with the program.
pub fn load(recipes: &[String]) -> anyhow::Result<Vec<Loaded>> {
    let all = recipes.iter().any(|name| name == "all");
    let named = recipes.iter().map(String::as_str);
    let names: Vec<&str> =
        if all { plan::recipes::EMBEDDED.iter().map(|(name, _)| *name).collect() } else { named.collect() };
    names
        .into_iter()
        .map(|name| {
            let (recipe, plan) = plans::load(name)?;
            Ok(Loaded { read: plans::read_options(&recipe)?, name: recipe.name, plan })
        })
        .collect()
}

/// Told of the pages of a block that a recipe has judged.
type Watch<'w> = dyn FnMut(&Loaded, &Batch, &[PageVerdict]) -> anyhow::Result<()> + 'w;

fn judge(file: &Path, recipes: &[Loaded], most: usize, watch: &mut Watch<'_>) -> anyhow::Result<Vec<Judged>> {
    let inputs = shards::discover(&[file.to_path_buf()], &[])?;
    if let Some(bad) = inputs.quarantined.first() {
        bail!("{}: {}; {}", bad.path, bad.why, bad.remedy);
    }
    let mut judged = Vec::new();
    for recipe in recipes {
        let mut pages = Vec::new();
        for shard in &inputs.shards {
            let mut reader = ShardReader::open(shard, &recipe.read)?;
            while let Some(block) = (pages.len() < most).then(|| reader.next_block()).transpose()?.flatten() {
                let records = block.parse(&recipe.read)?.records;
                let wanted = records.num_rows().min(most - pages.len());
                let batch = Batch::try_new(records.slice(0, wanted))?;
                let verdicts = recipe.plan.judge_pages(&batch)?;
                watch(recipe, &batch, &verdicts)?;
                pages.extend(verdicts);
            }
        }
        judged.push(Judged { recipe: recipe.name.clone(), pages });
    }
    Ok(judged)
}

/// What every recipe says of the first document of a file, with the texts that its stages saw and what they mark there.
#[cfg(feature = "serve")]
pub fn as_page(recipes: &[Loaded], file: &Path) -> anyhow::Result<serde_json::Value> {
    use arrow::array::Array;

    let (mut shown, mut more): (Vec<serde_json::Value>, bool) = (Vec::new(), false);
    let watch = &mut |recipe: &Loaded, batch: &Batch, verdicts: &[PageVerdict]| {
        let is_first = shown.last().is_none_or(|last| last["recipe"] != recipe.name);
        more |= verdicts.len() > 1 || !is_first;
        let Some(verdict) = verdicts.first().filter(|_| is_first) else { return Ok(()) };
        let (texts, urls) = (batch.strings("text"), batch.strings("url"));
        let seen = texts.is_valid(0).then(|| {
            let url = urls.is_valid(0).then(|| urls.value(0));
            crate::inspect::seen(
                &recipe.plan,
                document::Document { url, ..document::Document::new(texts.value(0)) },
            )
        });
        let seen = seen.into_iter().flatten().map(|seen| seen.as_json());
        let mut verdict = verdict_json(&recipe.name, verdict);
        verdict["seen"] = seen.collect();
        shown.push(verdict);
        Ok(())
    };
    let judged = judge(file, recipes, 2, watch)?;
    let Some(first) = judged.first().and_then(|judged| judged.pages.first()) else {
        bail!("no document was found in what was given");
    };
    Ok(json!({ "id": first.id, "bytes": first.bytes, "more": more, "recipes": shown }))
}

fn as_json(judged: &[Judged], page: usize) -> serde_json::Value {
    let verdict = |judged: &Judged| verdict_json(&judged.recipe, &judged.pages[page]);
    let PageVerdict { id, bytes, .. } = &judged[0].pages[page];
    json!({ "id": id, "bytes": bytes, "recipes": judged.iter().map(verdict).collect::<Vec<_>>() })
}

fn verdict_json(recipe: &str, verdict: &PageVerdict) -> serde_json::Value {
    let PageVerdict { language, failed, edits, rewritten, bytes, .. } = verdict;
    let failed: Vec<_> = failed
        .iter()
        .map(|check| json!({ "reason": check.reason, "value": check.value, "bound": check.bound, "why": check.why }))
        .collect();
    json!({
        "recipe": recipe,
        "kept": failed.is_empty(),
        "kept_bytes": rewritten.as_ref().map_or(*bytes, |text| text.len() as u64),
        "language": language.as_ref().map(|(code, _)| code),
        "language_score": language.as_ref().map(|(_, score)| score),
        "failed": failed,
        "edits": edits.iter().cloned().collect::<BTreeMap<String, u64>>(),
        "rewritten": rewritten,
    })
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
