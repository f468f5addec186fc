//! `corpus inspect`: documents of a finished run, why they were dropped, value against bound, where in the text, and the
//! kept twin.

mod cluster;
mod marked;
#[cfg(feature = "serve")]
mod place;
mod seen;
mod show;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use arrow::array::{Array, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray};
use plan::Recipe;
use shards::{Manifest, read_rows, read_table};
use text::stable_hash::hash_id;

use self::marked::Style;
#[cfg(feature = "serve")]
pub use self::place::as_page;
pub use self::seen::{Seen, seen};
use self::show::Shower;
pub use self::show::bound_of;
use crate::{Exit, Format, Voice, page, print};

#[derive(clap::Args)]
pub struct Args {
    /// The output folder of a finished run.
    #[arg(required_unless_present = "file")]
    out: Option<PathBuf>,
    /// Only documents that were dropped for this first reason (full or bare name), or by this stage.
    #[arg(long)]
    reason: Option<String>,
    /// Only the document of this id, kept or dropped, with all that was measured.
    #[arg(long)]
    id: Option<String>,
    /// The documents that were dropped for the one of this id, or for the one that is kept in its place: beside it, with
    /// what differs marked.
    #[arg(long, value_name = "ID", conflicts_with_all = ["reason", "id"])]
    cluster: Option<String>,
    /// How many documents: those with the smallest hash of their id, so the same ones every time.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    sample: u16,
    /// A page instead of a run: text, HTML, or the first documents of any input; `-` is standard input.
    #[arg(long, conflicts_with_all = ["out", "reason", "id", "cluster"])]
    file: Option<PathBuf>,
    /// Recipes that judge the page, with commas between: names or paths, or all that come with the program.
    #[arg(long, requires = "file", value_delimiter = ',', default_value = "all")]
    recipes: Vec<String>,
}

/// What is looked for.
enum Wanted {
    Id(String),
    /// Any of these first reasons; all of them if empty.
    Reasons(Vec<String>),
}

/// Place of a document: (hash of its id, ledger file, row of that file). Ordered by what is sampled first.
pub type Place = (u64, usize, u64);

/// A document as the ledger and the text files have it.
pub struct Found {
    pub id: String,
    /// Its row of the ledger.
    ledger: RecordBatch,
    text: Option<String>,
    /// Of the document that was kept instead.
    twin_text: Option<String>,
}

pub fn run(args: Args, voice: Voice) -> anyhow::Result<Exit> {
    if let Some(file) = &args.file {
        return page::run(file, &args.recipes, usize::from(args.sample), voice);
    }
    let Some(folder) = &args.out else { bail!("give the output folder of a run, or --file") };
    if let Some(id) = &args.cluster {
        return cluster::run(folder, id, usize::from(args.sample), voice);
    }
    let run = run_of(folder)?;
    let shows_signals = args.id.is_some();
    let wanted = wanted(&args, &run)?;
    let ledger = files(folder, "ledger")?;
    let places = sample(&ledger, &wanted, usize::from(args.sample))?;
    if places.is_empty() {
        match &args.id {
            Some(id) => bail!("{} has no document {id}", folder.display()),
            None => bail!(
                "{} has no document that was dropped for that; `corpus report` counts",
                folder.display()
            ),
        }
    }
    let mut found = read(&ledger, &places)?;
    add_texts(folder, &mut found)?;
    let recipe = Recipe::parse("the run's recipe", &run.recipe_toml).ok();
    let mut plan = None;
    if found.iter().any(|document| document.original().is_some()) {
        // A run does not tell where its recipe lay, so its lists are looked for from here.
        match crate::plans::compile("the run's recipe", &run.recipe_toml, Path::new("")) {
            Ok((_, compiled)) => plan = Some(compiled),
            Err(error) if !voice.quiet => {
                eprintln!(
                    "note: nothing is marked in the texts: {error:#}; lists and models are looked for in this folder"
                );
            }
            Err(_) => {}
        }
    }
    let (recipe, plan) = (recipe.as_ref(), plan.as_ref());
    let shower = Shower { run: &run, recipe, plan, signals: shows_signals, style: Style::of_stdout() };
    let mut out = String::new();
    for document in &found {
        match voice.format {
            Format::Json => writeln!(out, "{}", shower.as_json(document)?)?,
            Format::Text => shower.show(&mut out, document)?,
        }
    }
    print(&out)?;
    Ok(Exit::Done)
}

/// `report.json` of a finished run.
pub fn run_of(out: &Path) -> anyhow::Result<::report::Run> {
    let path = out.join("report.json");
    let json = shards::read_file(&path).with_context(|| {
        format!(
            "{} holds no finished run, `corpus clean raw/ out/` makes one: cannot read {}",
            out.display(),
            path.display()
        )
    })?;
    serde_json::from_slice(&json).with_context(|| format!("{}", path.display()))
}

fn wanted(args: &Args, run: &::report::Run) -> anyhow::Result<Wanted> {
    if let Some(id) = &args.id {
        return Ok(Wanted::Id(id.clone()));
    }
    let Some(name) = &args.reason else { return Ok(Wanted::Reasons(Vec::new())) };
    let all = run.reasons.0.iter().filter(|reason| !reason.is_line);
    let is_meant = |reason: &&document::Reason| {
        reason.full_name() == *name || reason.reason == *name || reason.stage == *name
    };
    let meant: Vec<String> = all.clone().filter(is_meant).map(document::Reason::full_name).collect();
    if meant.is_empty() {
        let names: Vec<String> = all.map(document::Reason::full_name).collect();
        bail!("this run has no reason `{name}`; its reasons are\n  {}", names.join("\n  "));
    }
    Ok(Wanted::Reasons(meant))
}

/// The `n` wanted documents with the smallest hash of their id; holds no more than those.
fn sample(ledger: &[PathBuf], wanted: &Wanted, n: usize) -> anyhow::Result<Vec<Place>> {
    let mut places: std::collections::BinaryHeap<Place> = std::collections::BinaryHeap::new();
    for (file, path) in ledger.iter().enumerate() {
        let mut first = 0;
        for batch in read_table(path, Some(&["id", "reason"]), 50_000)? {
            let batch = batch?;
            let ids: &StringArray = column(&batch, "id")?;
            let reasons: &StringArray = column(&batch, "reason")?;
            for row in 0..batch.num_rows() {
                let is_wanted = match wanted {
                    Wanted::Id(id) => ids.value(row) == id,
                    Wanted::Reasons(meant) => {
                        reasons.is_valid(row)
                            && (meant.is_empty() || meant.iter().any(|reason| reason == reasons.value(row)))
                    }
                };
                if is_wanted {
                    places.push((hash_id(ids.value(row), 0), file, first + row as u64));
                    if places.len() > n {
                        places.pop();
                    }
                }
            }
            first += batch.num_rows() as u64;
        }
    }
    Ok(places.into_sorted_vec())
}

/// The ledger's rows at some places, in the order of the places.
pub fn read(ledger: &[PathBuf], places: &[Place]) -> anyhow::Result<Vec<Found>> {
    let mut found: BTreeMap<Place, Found> = BTreeMap::new();
    for (file, path) in ledger.iter().enumerate() {
        let mut here: Vec<Place> = places.iter().copied().filter(|place| place.1 == file).collect();
        if here.is_empty() {
            continue;
        }
        here.sort_unstable_by_key(|place| place.2);
        let rows: Vec<u64> = here.iter().map(|place| place.2).collect();
        let batches = read_rows(path, None, &rows)?;
        let rows = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|row| batch.slice(row, 1)));
        for (place, ledger) in here.into_iter().zip(rows) {
            let id = column::<StringArray>(&ledger, "id")?.value(0).to_owned();
            found.insert(place, Found { id, ledger, text: None, twin_text: None });
        }
    }
    Ok(found.into_values().collect())
}

/// The Parquet files of a folder of a run, in order.
pub fn files(out: &Path, folder: &str) -> anyhow::Result<Vec<PathBuf>> {
    if shards::is_remote(out) {
        let manifest = Manifest::read(&out.join("manifest.json"))?;
        let listed = manifest.outputs.iter().filter(|output| {
            output.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
                && output.path.ends_with(".parquet")
        });
        return Ok(listed.map(|output| out.join(&output.path)).collect());
    }
    let folder = out.join(folder);
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    files.sort();
    Ok(files)
}

/// A column of a file of a run.
pub fn column<'b, T: Array + 'static>(batch: &'b RecordBatch, name: &str) -> anyhow::Result<&'b T> {
    let column = batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref());
    column.with_context(|| format!("the files of this run have no column `{name}`"))
}

/// Fills in texts from `rejected/`, then from `clean/`; there also those of the kept twins.
fn add_texts(out: &Path, found: &mut [Found]) -> anyhow::Result<()> {
    for folder in ["rejected", "clean"] {
        let mut wanted: BTreeMap<String, Option<String>> = BTreeMap::new();
        for document in found.iter().filter(|document| document.text.is_none()) {
            if document.is_kept() == (folder == "clean") {
                wanted.insert(document.id.clone(), None);
            }
        }
        if folder == "clean" {
            wanted.extend(found.iter().filter_map(|document| Some((document.cell("duplicate_of")?, None))));
        }
        for path in files(out, folder)? {
            texts_of(&path, &mut wanted)?;
        }
        for document in found.iter_mut() {
            if document.is_kept() == (folder == "clean") {
                document.text = wanted.get(&document.id).cloned().flatten();
            }
            if folder == "clean" {
                document.twin_text =
                    document.cell("duplicate_of").and_then(|twin| wanted.get(&twin)?.clone());
            }
        }
    }
    Ok(())
}

/// Texts of the wanted ids of one file; reads texts only where an id is there.
pub fn texts_of(path: &Path, wanted: &mut BTreeMap<String, Option<String>>) -> anyhow::Result<()> {
    for columns in [&["id"][..], &["id", "text"]] {
        if wanted.values().all(Option::is_some) {
            return Ok(());
        }
        let mut is_here = false;
        for batch in read_table(path, Some(columns), 5_000)? {
            let batch = batch?;
            let ids: &StringArray = column(&batch, "id")?;
            for row in 0..batch.num_rows() {
                let Some(text) = wanted.get_mut(ids.value(row)).filter(|text| text.is_none()) else {
                    continue;
                };
                is_here = true;
                if columns.len() > 1 {
                    *text = text_of(&batch, row)?;
                }
            }
        }
        if !is_here {
            return Ok(());
        }
    }
    Ok(())
}

fn text_of(batch: &RecordBatch, row: usize) -> anyhow::Result<Option<String>> {
    let texts: &StringArray = column(batch, "text")?;
    Ok(texts.is_valid(row).then(|| texts.value(row).to_owned()))
}

impl Found {
    pub fn cell(&self, name: &str) -> Option<String> {
        let column: &StringArray = column(&self.ledger, name).ok()?;
        column.is_valid(0).then(|| column.value(0).to_owned())
    }

    pub fn number(&self, name: &str) -> Option<f64> {
        let column: &Float64Array = column(&self.ledger, name).ok()?;
        column.is_valid(0).then(|| column.value(0))
    }

    /// Shard and row of the input.
    pub fn place(&self) -> Option<(i32, i64)> {
        let shards: &Int32Array = column(&self.ledger, "shard").ok()?;
        let rows: &Int64Array = column(&self.ledger, "row").ok()?;
        Some((shards.value(0), rows.value(0)))
    }

    /// Of the document that was kept instead, unless that is of another corpus.
    #[cfg(feature = "serve")]
    fn twin_place(&self) -> Option<(i32, i64)> {
        let shards: &Int32Array = column(&self.ledger, "duplicate_of_shard").ok()?;
        let rows: &Int64Array = column(&self.ledger, "duplicate_of_row").ok()?;
        (shards.is_valid(0) && rows.is_valid(0)).then(|| (shards.value(0), rows.value(0)))
    }

    fn is_kept(&self) -> bool {
        self.cell("reason").is_none()
    }

    fn bytes(&self) -> u64 {
        column::<Int64Array>(&self.ledger, "bytes").map_or(0, |bytes| bytes.value(0) as u64)
    }

    /// The text as it came, if the run wrote it.
    fn original(&self) -> Option<&str> {
        self.text.as_deref().filter(|_| !self.is_kept())
    }

    /// ISO 639-1.
    pub fn language(&self) -> Option<String> {
        let code = self.cell("language")?;
        Some(classify::language::names(&code).map_or(code.clone(), |(_, short)| short.to_owned()))
    }

    /// All reasons, with value and bound where the reason is a bound.
    fn reasons(&self, shower: &Shower<'_>) -> anyhow::Result<Vec<(String, Option<f64>, String)>> {
        let list = column::<ListArray>(&self.ledger, "reasons")?.value(0);
        let names = list.as_any().downcast_ref::<StringArray>().context("reasons")?;
        let language = self.language();
        let reason = |name: &str| {
            let all = &shower.run.reasons;
            let check = all.find(name).map(|id| all.get(id));
            let signal = check.and_then(|check| Some((&check.stage, check.signal.as_ref()?)));
            // The similarity is of the pair and has a column of its own.
            let value = signal.and_then(|(stage, signal)| {
                self.number(&format!("{stage}.{signal}")).or_else(|| self.number(signal))
            });
            let bound = check.map(|check| bound_of(shower.recipe, check, language.as_deref()));
            (name.to_owned(), value, bound.unwrap_or_default())
        };
        Ok(names.iter().flatten().map(reason).collect())
    }

    /// Set and line of the evaluation item that it shares most n-grams with, and how many of how many.
    pub fn evaluation_item(&self, run: &::report::Run) -> Option<String> {
        let number = |signal: &str| self.number(&format!("eval_overlap.{signal}"));
        let (set, line) = (number("eval_set")?, number("eval_item")?);
        let set = run.evaluation_sets.get((set as usize).checked_sub(1)?)?;
        let (ngrams, share) = (number("eval_ngrams")?, number("eval_share")?);
        let all = (ngrams / share).round();
        Some(format!("{}, line {line} ({ngrams} of its {all} n-grams)", visible(&set.path)))
    }

    /// What was measured: `<stage>.<signal>` and value, in the ledger's order.
    fn signals(&self) -> Vec<(String, f64)> {
        let schema = self.ledger.schema();
        let names = schema.fields().iter().map(|field| field.name()).filter(|name| name.contains('.'));
        names.filter_map(|name| Some((name.clone(), self.number(name)?))).collect()
    }
}

/// Text that cannot steer a terminal: control characters, and those that reorder text, become a dot.
pub fn visible(text: &str) -> String {
    let hides = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if hides(c) { '·' } else { c }).collect()
}
