//! `corpus clean raw/ out/`.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use clap::ValueEnum;
use engine::{CleanOptions, Ended, EngineError, Event, GoesOn, Outcome, Phase, Progress, SweptShare};
use shards::ReadOptions;
use tokens::Tokenizer;

use crate::allocator::{self, Sparing};
use crate::machine::{self, Stop, parse_bytes};
use crate::progress::Line;
use crate::{Exit, Format, Voice, plans, print};

#[derive(clap::Args)]
pub struct Args {
    /// Folders (recursive), files or patterns, then the output folder; also s3://, gs://, az://, https://, hf://.
    #[arg(required = true, num_args = 2.., value_names = ["RAW", "OUT"])]
    paths: Vec<PathBuf>,
    /// Sweep only a share of the input files, such as 2/8 (counted from 1), into an output folder that all machines see;
    /// the share that is last to be swept goes on to the end. slurm: SLURM_ARRAY_TASK_ID and _COUNT say which.
    #[arg(long, value_name = "I/N|slurm")]
    shard: Option<String>,
    #[command(flatten)]
    pub run: RunArgs,
}

/// Flags that `demo` shares.
#[derive(clap::Args)]
pub struct RunArgs {
    /// A recipe that comes with the program, or a path to a TOML file.
    #[arg(long, default_value = "default")]
    recipe: String,
    /// Input field that holds the text; dots reach into nested fields.
    #[arg(long, default_value = "text")]
    text_column: String,
    /// Input field that holds the id; dots reach into nested fields.
    #[arg(long, default_value = "id")]
    id_column: String,
    /// Longest record; longer ones are skipped as input.too_large.
    #[arg(long, default_value = "64MiB")]
    max_document: String,
    /// Read plain files instead of mapping them (for files that may shrink meanwhile).
    #[arg(long)]
    no_mmap: bool,
    /// A tokenizer.json instead of the embedded 32,768-token BPE.
    #[arg(long)]
    tokenizer: Option<PathBuf>,
    /// Evaluate every check on every document, or stop at the first failure.
    #[arg(long, value_enum, default_value_t = Signals::All)]
    signals: Signals,
    /// Which dropped documents are written with their text.
    #[arg(long, value_enum, default_value_t = Rejected::Sample)]
    rejected: Rejected,
    /// Where a run into an object store keeps its unfinished files [default: TMPDIR].
    #[arg(long, value_name = "FOLDER")]
    scratch: Option<PathBuf>,
    /// Do not write signatures/.
    #[arg(long)]
    no_signatures: bool,
    /// Replace a finished run, of which only what its manifest lists is removed, or another run that is not finished.
    #[arg(long)]
    fresh: bool,
    /// Shards that may be quarantined before the exit code becomes 1.
    #[arg(long, default_value_t = 0)]
    max_quarantined: usize,
    /// A finished output folder; what is like a document that it keeps is dropped, by its signatures alone. Repeatable.
    #[arg(long, value_name = "OUT")]
    against: Vec<PathBuf>,
    /// Uncompressed input of a segment, the unit of restart; for tests.
    #[arg(long, hide = true)]
    segment_bytes: Option<String>,
    /// Worker threads [default: the cores of the cgroup, or RAYON_NUM_THREADS].
    #[arg(long)]
    pub threads: Option<usize>,
    /// Anonymous memory, such as 8GiB [default: half of what the cgroup allows].
    #[arg(long)]
    memory: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Signals {
    All,
    Early,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Rejected {
    All,
    Sample,
    None,
}

/// Rejected documents per reason and segment under `--rejected sample`.
pub const SAMPLE: usize = 100;

pub fn run(mut args: Args, voice: Voice) -> anyhow::Result<Exit> {
    let Some(out) = args.paths.pop() else { bail!("give the input, then the output folder") };
    clean(args.paths, out, &args.run, args.shard.as_deref(), voice)
}

/// Cleans and prints the funnel.
pub fn clean(
    inputs: Vec<PathBuf>,
    out: PathBuf,
    args: &RunArgs,
    shard: Option<&str>,
    voice: Voice,
) -> anyhow::Result<Exit> {
    let (recipe, plan) = plans::load(&args.recipe)?;
    let share = shard.map(machine::share).transpose()?;
    if share.is_some() && args.fresh {
        bail!(
            "--fresh with --shard would remove what others have swept: give another folder, or remove it first"
        );
    }
    let segment_bytes = args.segment_bytes.as_deref().map(|text| {
        parse_bytes(text)
            .filter(|bytes| *bytes > 0)
            .with_context(|| format!("--segment-bytes {text}: such as 64KiB"))
    });
    let segment_bytes = segment_bytes.transpose()?.unwrap_or(engine::SEGMENT_BYTES);
    let column = recipe.text("extract", "column");
    if !column.is_empty() && ![column, "text"].contains(&args.text_column.as_str()) {
        bail!(
            "--text-column {} and [extract] column = \"{column}\" of the recipe name two fields: give one of them",
            args.text_column
        );
    }
    let read = plans::read_options(&recipe)?;
    let read = ReadOptions {
        text_column: if column.is_empty() { args.text_column.clone() } else { read.text_column },
        id_column: args.id_column.clone(),
        max_document: parse_bytes(&args.max_document)
            .filter(|bytes| (1..=ReadOptions::LARGEST_DOCUMENT).contains(bytes))
            .with_context(|| {
                format!("--max-document {}: 1 byte to 1GiB, such as 64MiB", args.max_document)
            })?,
        no_mmap: args.no_mmap,
        // A segment ends with a block.
        block_bytes: ReadOptions::BLOCK_BYTES.min(segment_bytes as usize),
        ..read
    };
    let tokenizer = args.tokenizer.as_ref().map(|path| {
        let json =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Tokenizer::from_json(&json).with_context(|| format!("{}", path.display()))
    });
    let stop = Stop::listen()?;
    Stop::tell_of_lost_pages()?;
    let options = CleanOptions {
        inputs,
        out,
        scratch: args.scratch.clone(),
        recipe,
        read,
        against: args.against.clone(),
        threads: machine::threads(args.threads)?,
        memory: machine::memory(args.memory.as_deref())?,
        all_signals: matches!(args.signals, Signals::All),
        rejected: match args.rejected {
            Rejected::All => plan::Rejected::All,
            Rejected::Sample => plan::Rejected::Sample(SAMPLE),
            Rejected::None => plan::Rejected::None,
        },
        signatures: !args.no_signatures,
        tokenizer: tokenizer.transpose()?,
        fresh: args.fresh,
        memory_of: None,
        share,
        segment_bytes,
        stop: stop.flag.clone(),
    };
    if !voice.quiet {
        plan::draw::notes(&options.recipe).iter().for_each(|note| eprintln!("note: {note}"));
    }
    if !voice.quiet && share.is_none() {
        machine::array_task().iter().for_each(|note| eprintln!("note: {note}"));
    }
    if let (Some((busy, needed)), false) = (options.idle(), voice.quiet) {
        let (threads, memory) = (options.threads, options.memory >> 20);
        let needed = needed >> 20;
        eprintln!(
            "note: --memory {memory}MiB keeps {busy} of {threads} threads at work, {needed}MiB would keep all"
        );
    }
    let line = Line::new(voice);
    let result = engine::clean(&plan, &options, &told_by(&line, voice));
    line.end();
    let outcome = match result {
        Err(error @ EngineError::Stopped) => {
            eprintln!("corpus: {error}");
            return Ok(stop.exit());
        }
        Ok(Ended::Finished(outcome)) => outcome,
        Ok(Ended::Swept(swept)) => return tell_swept(swept, &options, voice),
        Err(error) => return Err(error.into()),
    };
    tell(&outcome, &options, voice)?;
    let quarantined = outcome.manifest.quarantined.len();
    Ok(if quarantined > args.max_quarantined { Exit::Quarantined } else { Exit::Done })
}

/// What a run tells goes to the line of progress.
pub fn told_by(line: &Line, voice: Voice) -> impl Fn(Event) + Sync {
    let phase = Mutex::new(None);
    let sparing = Sparing::begin();
    move |event| match event {
        Event::Progress(progress) => {
            let _ = &sparing;
            let before = phase.lock().unwrap_or_else(PoisonError::into_inner).replace(progress.phase);
            if before.is_some_and(|before| before != progress.phase) {
                allocator::give_back();
            }
            show(line, progress);
        }
        Event::GoesOn(goes_on) if !voice.quiet => line.note(&told(&goes_on)),
        Event::NotRemembered(obstacles) if !voice.quiet => {
            let told = obstacles.iter().map(|found| found.message.as_str()).collect::<Vec<_>>().join("; ");
            line.note(&format!("note: every document is measured again: {told}"));
        }
        Event::GoesOn(_) | Event::NotRemembered(_) => {}
    }
}

/// What an earlier run has done.
fn told(goes_on: &GoesOn) -> String {
    let GoesOn { phase, segments, bytes, next } = goes_on;
    let gigabytes = *bytes as f64 / 1e9;
    match (phase, next) {
        (Phase::Pack, _) => format!("going on: segments packed before: {segments}, of {gigabytes:.1} GB"),
        (_, None) => {
            format!("going on: everything was swept before, {segments} segments of {gigabytes:.1} GB")
        }
        (_, Some(next)) => {
            format!("going on after segment {segments}: {gigabytes:.1} GB were swept before; {next} is next")
        }
    }
}

/// A share is swept, and something is left for others.
fn tell_swept(swept: SweptShare, options: &CleanOptions, voice: Voice) -> anyhow::Result<Exit> {
    let SweptShare { files, documents, bytes, files_left, is_pass } = swept;
    let share = options.share.map(|share| share.to_string()).unwrap_or_default();
    match voice.format {
        Format::Json => print(&format!(
            "{{\"shard\":\"{share}\",\"files\":{files},\"documents\":{documents},\"bytes\":{bytes},\"files_left\":{files_left}}}\n"
        ))?,
        Format::Text => {
            let gigabytes = bytes as f64 / 1e9;
            print(&format!(
                "share {share}: {files} files, {documents} documents, {gigabytes:.3} GB swept\n"
            ))?;
        }
    }
    if !voice.quiet {
        let n = options.share.map_or(1, |share| share.of);
        if files == 0 {
            eprintln!("there are fewer files than {n}: nothing to do for this share");
        }
        if is_pass {
            eprintln!(
                "{files_left} files are left to other shares of the pass for repeated parts; when all are done, the same \
                 command goes on"
            );
            return Ok(Exit::Done);
        }
        match files_left {
            0 => eprintln!("another share is at work still: it goes on to the end"),
            left => eprintln!("{left} files are left to other shares; the last of them goes on to the end"),
        }
        eprintln!("should no share be left, the same command without --shard does what is missing");
    }
    Ok(Exit::Done)
}

fn show(line: &Line, progress: Progress) {
    let Progress { phase, done_bytes, total_bytes, documents, kept } = progress;
    line.show(phase.name(), done_bytes, total_bytes, |seconds| {
        if documents == 0 {
            return String::new();
        }
        let share = 100.0 * kept as f64 / documents as f64;
        format!("{:.3} GB/s  {share:.0} % kept", done_bytes as f64 / seconds / 1e9)
    });
}

/// The funnel, and what was left out.
pub fn tell(outcome: &Outcome, options: &CleanOptions, voice: Voice) -> anyhow::Result<()> {
    let Outcome { run, manifest, was_done } = outcome;
    match voice.format {
        Format::Json => print(&format!("{}\n", ::report::render_json(run)?))?,
        Format::Text => print(&::report::render_table(run))?,
    }
    if voice.quiet {
        return Ok(());
    }
    let out = options.out.display();
    for file in &manifest.skipped {
        eprintln!("skipped: {}: {}", file.path, file.why);
    }
    for file in &manifest.quarantined {
        eprintln!("quarantined: {}: {}; {}", file.path, file.why, file.remedy);
    }
    if voice.format == Format::Json {
        run.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    }
    if *was_done {
        eprintln!("{out} already holds this very run: nothing was done");
    } else {
        eprintln!("{out}/report.html shows all this; next: corpus train {out}");
    }
    Ok(())
}
