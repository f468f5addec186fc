//! `corpus apply --recipe`: decides a finished run anew; what its ledger knows is not measured again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use engine::{CleanOptions, EngineError};
use plan::{Plan, Recipe};
use serde_json::Value;
use shards::{Manifest, ReadOptions};
use tokens::Tokenizer;

use crate::clean::{SAMPLE, tell, told_by};
use crate::machine::{self, Stop};
use crate::progress::Line;
use crate::{Exit, Voice, plans};

#[derive(clap::Args)]
pub struct RecipeArgs {
    /// Decide anew by this recipe, a name or a path to a TOML file. What the ledger knows is not measured again; the bytes
    /// are those of `corpus clean` with this recipe.
    #[arg(long, value_name = "RECIPE", conflicts_with_all = ["remove", "copies", "dry_run"])]
    pub recipe: Option<String>,
    /// With --recipe: the input of the run, if it lies elsewhere by now. Repeatable.
    #[arg(long, value_name = "RAW", requires = "recipe")]
    raw: Vec<PathBuf>,
    /// With --recipe: anonymous memory, such as 8GiB [default: half of what the cgroup allows].
    #[arg(long, requires = "recipe")]
    memory: Option<String>,
}

pub fn run(
    out: PathBuf,
    name: &str,
    args: &RecipeArgs,
    threads: Option<usize>,
    voice: Voice,
) -> anyhow::Result<Exit> {
    if shards::is_remote(&out) {
        bail!("{} is in an object store: clean with the recipe into another folder of it", out.display());
    }
    let (recipe, plan) = plans::load(name)?;
    let manifest = engine::finished(&out)?;
    if plan.hash == manifest.recipe_hash {
        if !voice.quiet {
            eprintln!("{} was decided by this very recipe: nothing was done", out.display());
        }
        return Ok(Exit::Done);
    }
    let theirs = theirs(name, &manifest);
    if let (Err(why), false) = (&theirs, voice.quiet) {
        eprintln!("note: every document is measured again: {why:#}");
    }
    let theirs = theirs.ok();
    let stop = Stop::listen()?;
    Stop::tell_of_lost_pages()?;
    let options = CleanOptions {
        inputs: inputs(args, &manifest)?,
        memory: machine::memory(args.memory.as_deref())?,
        threads: machine::threads(threads)?,
        stop: stop.flag.clone(),
        ..as_before(&out, recipe, &manifest)?
    };
    let line = Line::new(voice);
    let result = engine::apply_recipe(
        &plan,
        &options,
        theirs.as_ref().map(|(recipe, plan)| (recipe, plan)),
        &told_by(&line, voice),
    );
    line.end();
    match result {
        Err(error @ EngineError::Stopped) => {
            eprintln!("corpus: {error}; until then {} is as it was", out.display());
            Ok(stop.exit())
        }
        Err(error) => Err(error.into()),
        Ok(outcome) => {
            tell(&outcome, &options, voice)?;
            let remembered = outcome.manifest.timing.get("remembered").and_then(Value::as_u64).unwrap_or(0);
            if !voice.quiet {
                let documents = outcome.run.tally.input.documents;
                eprintln!("{remembered} of {documents} documents were decided by the ledger alone");
            }
            Ok(if outcome.manifest.quarantined.is_empty() { Exit::Done } else { Exit::Quarantined })
        }
    }
}

/// The recipe that the run was made with, and its plan, if its lists and models are still what they were.
fn theirs(name: &str, manifest: &Manifest) -> anyhow::Result<(Recipe, Plan)> {
    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
    let (recipe, plan) = plans::compile("the run's recipe", &manifest.recipe, folder)?;
    if plan.hash != manifest.recipe_hash {
        bail!("lists or models of the run's recipe have changed");
    }
    Ok((recipe, plan))
}

fn inputs(args: &RecipeArgs, manifest: &Manifest) -> anyhow::Result<Vec<PathBuf>> {
    if !args.raw.is_empty() {
        return Ok(args.raw.clone());
    }
    let named = manifest.timing.get("input").and_then(Value::as_array);
    let named: Vec<PathBuf> =
        named.into_iter().flatten().filter_map(Value::as_str).map(PathBuf::from).collect();
    match named.iter().find(|path| !shards::is_remote(path) && !path.exists()) {
        _ if named.is_empty() => bail!("the run does not say where its input lies; give it with --raw"),
        Some(gone) => bail!("{} is gone; say with --raw where the input lies now", gone.display()),
        None => Ok(named),
    }
}

/// What the run was told to do, as its manifest has it.
fn as_before(out: &Path, recipe: Recipe, manifest: &Manifest) -> anyhow::Result<CleanOptions> {
    let setting = |name: &str| manifest.settings.get(name).unwrap_or(&Value::Null);
    let text = |name: &str| setting(name).as_str().unwrap_or_default().to_owned();
    if setting("against").as_array().is_some_and(|all| !all.is_empty()) {
        bail!(
            "the run was made --against another corpus: clean with the recipe and --against into another folder"
        );
    }
    let read = plans::read_options(&recipe)?;
    let segment_bytes = setting("segment_bytes").as_u64().unwrap_or(engine::SEGMENT_BYTES);
    let read = ReadOptions {
        text_column: if recipe.text("extract", "column").is_empty() {
            text("text_column")
        } else {
            read.text_column
        },
        id_column: text("id_column"),
        max_document: setting("max_document").as_u64().unwrap_or(read.max_document),
        block_bytes: ReadOptions::BLOCK_BYTES.min(segment_bytes as usize),
        ..read
    };
    // The embedded one is written as it is, too.
    let tokenizer = match setting("tokenizer") {
        Value::Null => None,
        _ => {
            let path = out.join("tokenizer.json");
            let json =
                std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Some(Tokenizer::from_json(&json).with_context(|| format!("{}", path.display()))?)
        }
    };
    Ok(CleanOptions {
        inputs: Vec::new(),
        out: out.to_path_buf(),
        scratch: None,
        recipe,
        read,
        against: Vec::new(),
        threads: std::num::NonZeroUsize::MIN,
        memory: 0,
        all_signals: text("signals") == "all",
        rejected: match text("rejected").as_str() {
            "all" => plan::Rejected::All,
            "none" => plan::Rejected::None,
            _ => plan::Rejected::Sample(SAMPLE),
        },
        signatures: setting("signatures").as_bool().unwrap_or(true),
        tokenizer,
        fresh: false,
        memory_of: None,
        share: None,
        segment_bytes,
        stop: Arc::default(),
    })
}
