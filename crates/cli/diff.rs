//! `corpus diff`: which documents finished runs on the same input treat differently, and why.

use std::cmp::Ordering;
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
    let [a, b] = &runs[..] else { return matrix(&args, &runs, voice) };
    let ids = args.ids.as_ref().map(|path| AtomicFile::create(path)).transpose()?;
    let mut comparison = Comparing::new(a, b, usize::from(args.samples), ids).compare()?;
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
    let mut pairs = Vec::new();
    for (index, a) in runs.iter().enumerate() {
        for b in &runs[index + 1..] {
            pairs.push(Comparing::new(a, b, 0, None).compare()?);
        }
    }
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
        Ok(Compared { out: out.to_path_buf(), name, manifest })
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

/// Sampled documents: (hash of the id, place, id), those with the smallest hash.
type Samples = BinaryHeap<(u64, (i32, i64), String)>;

#[derive(Default)]
struct Counted {
    documents: u64,
    bytes: u64,
    samples: Samples,
}

/// The comparison of two runs while their ledgers are read side by side.
struct Comparing<'r> {
    a: &'r Compared,
    b: &'r Compared,
    n_samples: usize,
    ids: Option<AtomicFile>,
    /// Reasons by number; 0: kept.
    names: Vec<String>,
    numbers: HashMap<String, usize>,
    cells: BTreeMap<(usize, usize), Counted>,
    found: Comparison,
}

impl<'r> Comparing<'r> {
    fn new(a: &'r Compared, b: &'r Compared, n_samples: usize, ids: Option<AtomicFile>) -> Comparing<'r> {
        let found = Comparison { a: a.name.clone(), b: b.name.clone(), ..Comparison::default() };
        Comparing {
            a,
            b,
            n_samples,
            ids,
            names: vec![String::new()],
            numbers: HashMap::new(),
            cells: BTreeMap::new(),
            found,
        }
    }

    fn compare(mut self) -> anyhow::Result<Comparison> {
        let (mut a, mut b) = (Ledger::open(&self.a.out)?, Ledger::open(&self.b.out)?);
        let mut n_listed = 0;
        loop {
            let order = match (a.row(), b.row()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(one), Some(other)) => {
                    let order = one.place.cmp(&other.place);
                    if order == Ordering::Equal {
                        n_listed += u64::from(self.add(&one, &other)?);
                    }
                    order
                }
            };
            self.found.unmatched += u64::from(order != Ordering::Equal);
            if order != Ordering::Greater {
                a.advance()?;
            }
            if order != Ordering::Less {
                b.advance()?;
            }
        }
        if let Some(ids) = self.ids.take() {
            ids.commit(n_listed)?;
        }
        self.found.cells = self.cells();
        Ok(self.found)
    }

    /// Counts a document; true if it was listed as different.
    fn add(&mut self, a: &Row<'_>, b: &Row<'_>) -> anyhow::Result<bool> {
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
        let Some(ids) = self.ids.as_mut().filter(|_| differs || is_rewritten) else { return Ok(false) };
        let line = json!({
            "path": path_of(&self.a.manifest, a.place.0), "row": a.place.1, "id": a.id, "bytes": a.bytes,
            "reason_a": a.reason, "reason_b": b.reason,
            "kept_bytes_a": a.kept_bytes, "kept_bytes_b": b.kept_bytes,
        });
        writeln!(ids, "{line}").context("cannot write the list of --ids")?;
        Ok(true)
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
                path: path_of(&self.a.manifest, place.0).to_owned(),
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

fn first_words(text: &str) -> String {
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
