//! `corpus diff`: which documents finished runs on the same input treat differently, and why.

use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};

use ::report::{Cell, ComparedDocument, ComparedRun, Comparison, render_comparison, render_matrix};
use anyhow::{Context, bail};
use serde_json::json;
use shards::{AtomicFile, Manifest};
use text::stable_hash::hash_id;

use crate::inspect::{files, run_of, texts_of};
use crate::ledger::{Ledger, Row};
use crate::{Exit, Format, Voice, print};

#[derive(clap::Args)]
pub struct Args {
    /// Output folders of two finished runs on the same input; with more, how much each agrees with each.
    #[arg(required = true, num_args = 2.., value_names = ["OUT_A", "OUT_B"])]
    outs: Vec<PathBuf>,
    /// Write every document that only one run keeps, or of which they keep another text, as JSON lines.
    #[arg(long, value_name = "FILE")]
    ids: Option<PathBuf>,
    /// Leave out the documents that one of the runs drops first for this stage or reason, such as `language`.
    #[arg(long, value_name = "REASON")]
    without: Vec<String>,
    /// How many documents are shown of each of the largest differences.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(0..=1_000))]
    samples: u16,
}

/// Of a sample's text, in characters.
const FIRST_WORDS: usize = 100;

pub fn run(args: Args, voice: Voice) -> anyhow::Result<Exit> {
    let runs = args.outs.iter().map(|out| Compared::open(out)).collect::<anyhow::Result<Vec<_>>>()?;
    for other in &runs[1..] {
        check_inputs(&runs[0], other)?;
    }
    check_reasons(&runs, &args.without)?;
    let [a, b] = &runs[..] else { return matrix(&args, &runs, voice) };
    let ids = args.ids.as_ref().map(|path| AtomicFile::create(path)).transpose()?;
    let mut pair = [Comparing::new(&runs, (0, 1), usize::from(args.samples), ids)];
    read(&runs, &mut pair, &args.without)?;
    let [pair] = pair;
    let mut comparison = pair.finish()?;
    add_texts(a, b, &mut comparison)?;
    match voice.format {
        Format::Text => print(&render_comparison(&comparison))?,
        Format::Json => print(&format!("{:#}\n", as_json(&comparison)?))?,
    }
    Ok(Exit::Done)
}

fn matrix(args: &Args, runs: &[Compared], voice: Voice) -> anyhow::Result<Exit> {
    if args.ids.is_some() {
        bail!("--ids lists the differences of two runs: give two folders");
    }
    let places = (0..runs.len()).flat_map(|a| (a + 1..runs.len()).map(move |b| (a, b)));
    let mut pairs: Vec<Comparing<'_>> = places.map(|pair| Comparing::new(runs, pair, 0, None)).collect();
    read(runs, &mut pairs, &args.without)?;
    let pairs = pairs.into_iter().map(Comparing::finish).collect::<anyhow::Result<Vec<_>>>()?;
    let recipes: Vec<String> = runs.iter().map(|run| run.name.recipe.clone()).collect();
    let is_unique = |name: &String| recipes.iter().filter(|other| *other == name).count() == 1;
    let names = match recipes.iter().all(is_unique) {
        true => recipes,
        false => runs.iter().map(|run| run.name.folder.clone()).collect(),
    };
    match voice.format {
        Format::Text => print(&render_matrix(&names, &pairs))?,
        Format::Json => {
            let all = pairs.iter().map(as_json).collect::<anyhow::Result<Vec<_>>>()?;
            print(&format!("{:#}\n", serde_json::Value::from(all)))?;
        }
    }
    Ok(Exit::Done)
}

fn as_json(comparison: &Comparison) -> anyhow::Result<serde_json::Value> {
    let mut json = serde_json::to_value(comparison)?;
    json["agreement"] = comparison.agreement().into();
    json["kappa"] = comparison.kappa().into();
    Ok(json)
}

/// A finished run.
struct Compared {
    out: PathBuf,
    name: ComparedRun,
    reasons: document::Reasons,
    manifest: Manifest,
}

impl Compared {
    fn open(out: &Path) -> anyhow::Result<Compared> {
        let run = run_of(out)?;
        let manifest = Manifest::read(&out.join("manifest.json"))?;
        let name = ComparedRun {
            folder: out.display().to_string(),
            recipe: run.recipe_name,
            recipe_hash: run.recipe_hash,
        };
        Ok(Compared { out: out.to_path_buf(), name, reasons: run.reasons, manifest })
    }
}

/// Runs are joined by shard and row, which means nothing unless both read the same files in the same way.
fn check_inputs(a: &Compared, b: &Compared) -> anyhow::Result<()> {
    let remedy = "run both recipes on the same input, with the same --text-column";
    let (one, other) = (&a.manifest.inputs, &b.manifest.inputs);
    if one != other {
        let lacks = one.iter().find(|file| !other.contains(file));
        let lacks = lacks.or_else(|| other.iter().find(|file| !one.contains(file)));
        let what = lacks.map_or("the order of files".to_owned(), |file| format!("`{}`", file.path));
        bail!("{} and {} are of other input: {what} differs; {remedy}", a.name.folder, b.name.folder);
    }
    if let Some(key) = ["text_column", "max_document"]
        .iter()
        .find(|key| a.manifest.settings.get(**key) != b.manifest.settings.get(**key))
    {
        bail!("{} and {} read their input with another {key}; {remedy}", a.name.folder, b.name.folder);
    }
    Ok(())
}

/// True if a first reason is of the named stage, or the named reason.
fn is_named(reason: &str, name: &str) -> bool {
    reason.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn check_reasons(runs: &[Compared], names: &[String]) -> anyhow::Result<()> {
    let all: Vec<String> =
        runs.iter().flat_map(|run| run.reasons.0.iter().map(document::Reason::full_name)).collect();
    match names.iter().find(|name| !all.iter().any(|reason| is_named(reason, name))) {
        Some(name) => bail!(
            "--without {name}: no run has such a stage or reason; write for example language or input.empty"
        ),
        None => Ok(()),
    }
}

/// Reads the ledgers of all runs side by side, once.
fn read(runs: &[Compared], pairs: &mut [Comparing<'_>], without: &[String]) -> anyhow::Result<()> {
    let mut ledgers =
        runs.iter().map(|run| Ledger::open(&run.out)).collect::<anyhow::Result<Vec<Ledger>>>()?;
    while let Some(place) = ledgers.iter().filter_map(|ledger| Some(ledger.row()?.place)).min() {
        let rows: Vec<Option<Row<'_>>> =
            ledgers.iter().map(|ledger| ledger.row().filter(|row| row.place == place)).collect();
        let mut reasons = rows.iter().flatten().filter_map(|row| row.reason);
        if !reasons.any(|reason| without.iter().any(|name| is_named(reason, name))) {
            for pair in pairs.iter_mut() {
                match (&rows[pair.places.0], &rows[pair.places.1]) {
                    (Some(a), Some(b)) => pair.add(a, b)?,
                    (None, None) => {}
                    _ => pair.found.unmatched += 1,
                }
            }
        }
        for ledger in &mut ledgers {
            if ledger.row().is_some_and(|row| row.place == place) {
                ledger.advance()?;
            }
        }
    }
    Ok(())
}

/// Sampled documents: (hash of the id, place, id), those with the smallest hash.
type Samples = BinaryHeap<(u64, (i32, i64), String)>;

#[derive(Default)]
struct Counted {
    documents: u64,
    bytes: u64,
    samples: Samples,
}

/// The comparison of two runs while their ledgers are read.
struct Comparing<'r> {
    manifest: &'r Manifest,
    /// Which of the runs.
    places: (usize, usize),
    n_samples: usize,
    ids: Option<AtomicFile>,
    n_listed: u64,
    /// Reasons by number; 0: kept.
    names: Vec<String>,
    numbers: HashMap<String, usize>,
    cells: BTreeMap<(usize, usize), Counted>,
    found: Comparison,
}

impl<'r> Comparing<'r> {
    fn new(
        runs: &'r [Compared],
        places: (usize, usize),
        n_samples: usize,
        ids: Option<AtomicFile>,
    ) -> Comparing<'r> {
        let (a, b) = (runs[places.0].name.clone(), runs[places.1].name.clone());
        Comparing {
            manifest: &runs[places.0].manifest,
            places,
            n_samples,
            ids,
            n_listed: 0,
            names: vec![String::new()],
            numbers: HashMap::new(),
            cells: BTreeMap::new(),
            found: Comparison { a, b, ..Comparison::default() },
        }
    }

    fn finish(mut self) -> anyhow::Result<Comparison> {
        if let Some(ids) = self.ids.take() {
            ids.commit(self.n_listed)?;
        }
        self.found.cells = self.cells();
        Ok(self.found)
    }

    /// Counts a document, and lists it if it is treated differently.
    fn add(&mut self, a: &Row<'_>, b: &Row<'_>) -> anyhow::Result<()> {
        self.found.input.add(a.bytes);
        let counts = match (a.reason, b.reason) {
            (None, None) => &mut self.found.kept_by_both,
            (None, Some(_)) => &mut self.found.only_a,
            (Some(_), None) => &mut self.found.only_b,
            (Some(_), Some(_)) => &mut self.found.neither,
        };
        counts.add(a.bytes);
        let is_kept = a.reason.is_none() && b.reason.is_none();
        let is_rewritten = is_kept && a.kept_bytes != b.kept_bytes;
        if is_rewritten {
            self.found.rewritten.documents += 1;
            self.found.rewritten.bytes_a += a.kept_bytes;
            self.found.rewritten.bytes_b += b.kept_bytes;
        }
        let differs = a.reason.is_some() != b.reason.is_some();
        let key = (self.number(a.reason), self.number(b.reason));
        let cell = self.cells.entry(key).or_default();
        cell.documents += 1;
        cell.bytes += a.bytes;
        if differs && self.n_samples > 0 {
            let hash = hash_id(a.id, 0);
            let is_full = cell.samples.len() == self.n_samples;
            if !is_full || cell.samples.peek().is_some_and(|largest| (hash, a.place) < (largest.0, largest.1))
            {
                if is_full {
                    cell.samples.pop();
                }
                cell.samples.push((hash, a.place, a.id.to_owned()));
            }
        }
        let Some(ids) = self.ids.as_mut().filter(|_| differs || is_rewritten) else { return Ok(()) };
        let line = json!({
            "path": path_of(self.manifest, a.place.0), "row": a.place.1, "id": a.id, "bytes": a.bytes,
            "reason_a": a.reason, "reason_b": b.reason,
            "kept_bytes_a": a.kept_bytes, "kept_bytes_b": b.kept_bytes,
        });
        writeln!(ids, "{line}").context("cannot write the list of --ids")?;
        self.n_listed += 1;
        Ok(())
    }

    fn number(&mut self, reason: Option<&str>) -> usize {
        let Some(reason) = reason else { return 0 };
        if let Some(number) = self.numbers.get(reason) {
            return *number;
        }
        self.names.push(reason.to_owned());
        self.numbers.insert(reason.to_owned(), self.names.len() - 1);
        self.names.len() - 1
    }

    fn cells(&mut self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for ((a, b), counted) in std::mem::take(&mut self.cells) {
            let name = |number: usize| (number > 0).then(|| self.names[number].clone());
            let samples = counted.samples.into_sorted_vec().into_iter();
            let samples = samples.map(|(_, place, id)| ComparedDocument {
                path: path_of(self.manifest, place.0).to_owned(),
                row: place.1 as u64,
                id,
                text: None,
            });
            cells.push(Cell {
                a: name(a),
                b: name(b),
                documents: counted.documents,
                bytes: counted.bytes,
                samples: samples.collect(),
            });
        }
        cells.sort_by(|one, other| {
            let key = |cell: &Cell| (!cell.differs(), std::cmp::Reverse(cell.documents));
            key(one).cmp(&key(other)).then_with(|| (&one.a, &one.b).cmp(&(&other.a, &other.b)))
        });
        cells
    }
}

fn path_of(manifest: &Manifest, shard: i32) -> &str {
    manifest.inputs.get(shard as usize).map_or("", |file| file.path.as_str())
}

/// Fills in the first words of the samples, from `clean/` of the run that keeps the document.
fn add_texts(a: &Compared, b: &Compared, comparison: &mut Comparison) -> anyhow::Result<()> {
    for (run, is_a) in [(a, true), (b, false)] {
        let is_here = |cell: &Cell| cell.differs() && cell.a.is_none() == is_a;
        let mut wanted: BTreeMap<String, Option<String>> = BTreeMap::new();
        for cell in comparison.cells.iter().filter(|cell| is_here(cell)) {
            wanted.extend(cell.samples.iter().map(|sample| (sample.id.clone(), None)));
        }
        if wanted.is_empty() {
            continue;
        }
        for path in files(&run.out, "clean")? {
            texts_of(&path, &mut wanted)?;
        }
        for cell in comparison.cells.iter_mut().filter(|cell| is_here(cell)) {
            for sample in &mut cell.samples {
                sample.text = wanted.get(&sample.id).cloned().flatten().map(|text| first_words(&text));
            }
        }
    }
    Ok(())
}

pub fn first_words(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        if let Some((end, _)) = out.char_indices().nth(FIRST_WORDS) {
            out.truncate(end);
            break;
        }
    }
    out
}
