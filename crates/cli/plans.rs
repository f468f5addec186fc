//! `corpus plan`, and finding a recipe by name or path.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use plan::{Plan, Recipe, Sidecar};
use shards::{NumberField, ReadOptions};

use crate::{Exit, Format, Voice, print};

#[derive(clap::Args)]
pub struct Args {
    /// A recipe that comes with the program, or a path to a TOML file.
    #[arg(default_value = "default")]
    recipe: String,
    /// Print the recipe with every key written out.
    #[arg(long)]
    resolved: bool,
    /// Print the names of the recipes that come with the program.
    #[arg(long, conflicts_with = "resolved")]
    list: bool,
}

pub fn run(args: Args, voice: Voice) -> anyhow::Result<Exit> {
    if args.list {
        let names: Vec<&str> = plan::recipes::EMBEDDED.iter().map(|(name, _)| *name).collect();
        match voice.format {
            Format::Json => print(&format!("{:#}\n", serde_json::json!(names)))?,
            Format::Text => print(&format!("{}\n", names.join("\n")))?,
        }
        return Ok(Exit::Done);
    }
    let (recipe, plan) = load(&args.recipe)?;
    match (voice.format, args.resolved) {
        (Format::Json, _) => {
            let json = serde_json::json!({
                "name": plan.name,
                "hash": plan.hash,
                "stages": plan.stages.iter().map(|stage| stage.name).collect::<Vec<_>>(),
                "reasons": plan.reasons,
                "notes": plan::draw::notes(&recipe),
                "resolved": plan.resolved,
            });
            print(&format!("{json:#}\n"))?;
        }
        (Format::Text, true) => print(&plan.resolved)?,
        (Format::Text, false) => print(&plan::draw::draw(&plan, &recipe))?,
    }
    Ok(Exit::Done)
}

/// A recipe by name or path, with the lists and models that it names, compiled.
pub fn load(name: &str) -> anyhow::Result<(Recipe, Plan)> {
    let is_path = name.ends_with(".toml") || name.contains('/');
    let (text, folder) = match plan::recipes::find(name) {
        Some(text) if !is_path => (text.to_owned(), PathBuf::new()),
        _ if is_path => {
            let text =
                std::fs::read_to_string(name).with_context(|| format!("cannot read the recipe {name}"))?;
            (text, Path::new(name).parent().unwrap_or(Path::new("")).to_path_buf())
        }
        _ => {
            let known: Vec<&str> = plan::recipes::EMBEDDED.iter().map(|(name, _)| *name).collect();
            bail!(
                "there is no recipe `{name}`; known: {}; or give a path that ends in .toml",
                known.join(", ")
            )
        }
    };
    compile(name, &text, &folder)
}

/// A recipe with the lists and models that it names, which lie in a folder, compiled.
pub fn compile(name: &str, text: &str, folder: &Path) -> anyhow::Result<(Recipe, Plan)> {
    let mut recipe = Recipe::parse(name, text)?;
    for path in recipe.list_paths() {
        let found = beside(folder, &path);
        let list = shards::read_list(&found)
            .with_context(|| format!("{name}: cannot read the list {}", found.display()))?;
        recipe.lists.insert(path, list.into());
    }
    for path in recipe.ut1_paths() {
        let found = beside(folder, &path);
        let list = match shards::read_list_lossy(&found) {
            Err(error) if error.kind() == ErrorKind::NotFound && path.ends_with("/urls") => String::new(),
            list => list.with_context(|| {
                format!("{name}: cannot read UT1's list {} or {0}.gz{}", found.display(), categories(&found))
            })?,
        };
        recipe.lists.insert(path, list.into());
    }
    for column in recipe.columns().to_vec() {
        let Some(from) = column.from.filter(|from| !recipe.sidecars.contains_key(from)) else { continue };
        let files =
            sidecar(&beside(folder, &from)).with_context(|| format!("{name}: [column.{}]", column.name))?;
        recipe.sidecars.insert(from, files);
    }
    for (path, line) in recipe.model_paths() {
        let found = beside(folder, &path);
        let model = shards::read_model(&found)
            .with_context(|| format!("{name}:{line}: cannot read the model {}", found.display()))?;
        recipe.models.insert(path, model);
    }
    let plan = Plan::compile(name, &recipe)?;
    // The plan holds what it needs of them, and their hash.
    recipe.lists.clear();
    Ok((recipe, plan))
}

/// How a recipe reads its input.
pub fn read_options(recipe: &Recipe) -> anyhow::Result<ReadOptions> {
    let keep = recipe.list("columns", "keep").iter().map(|column| column.parse());
    let own = recipe.columns().iter().filter(|column| column.from.is_none());
    let numbers = own.map(|column| NumberField { name: column.name.clone(), path: column.field.clone() });
    let html = recipe.text("extract", "column");
    let read = ReadOptions::default();
    Ok(ReadOptions {
        text_column: if html.is_empty() { read.text_column } else { html.to_owned() },
        text_is_html: !html.is_empty(),
        extract: extract::Options { mode: recipe.text("extract", "mode").parse()? },
        keep_truncated: recipe.text("extract", "truncated") == "keep",
        keep: keep.collect::<Result<_, _>>()?,
        numbers: numbers.collect(),
        ..ReadOptions::default()
    })
}

/// The categories that a UT1 folder has, for a message about `<folder>/<category>/domains`.
fn categories(list: &Path) -> String {
    let folder = list.parent().and_then(Path::parent).unwrap_or(Path::new(""));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> =
        folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    match names.is_empty() {
        true => format!("; {} has no folders: unpack the archives there", folder.display()),
        false => format!("; categories there: {}", names.join(", ")),
    }
}

/// What a recipe names lies beside it, unless it is an address in an object store.
fn beside(folder: &Path, path: &str) -> PathBuf {
    if shards::is_remote(Path::new(path)) { PathBuf::from(path) } else { folder.join(path) }
}

/// The files that a column's `from` means, and what identifies them.
fn sidecar(pattern: &Path) -> anyhow::Result<Sidecar> {
    let files = shards::sidecar_files(pattern)?;
    let mut identity = String::new();
    for path in &files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let fingerprint = shards::fingerprint(path)?;
        identity += &format!("{name}\t{}\n", fingerprint.version.unwrap_or(fingerprint.xxh3_128));
    }
    Ok(Sidecar { files, hash: shards::hash_bytes(identity.as_bytes()) })
}
