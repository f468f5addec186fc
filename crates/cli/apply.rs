//! `corpus apply`: takes documents out of a finished run, or decides it anew.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use engine::{ApplyOptions, RemovalList, Takedown};

use crate::reapply::{self, RecipeArgs};
use crate::{Exit, Format, Voice, machine, print};

#[derive(clap::Args)]
pub struct Args {
    /// The output folder of a finished run.
    out: PathBuf,
    /// A file of what to remove, one a line: id:…, url:https://example.org/page (or a beginning, …/folder/*),
    /// domain:example.org (with its subdomains). Without a prefix a line is an id, and also an address if it holds ://, or
    /// a domain if it can be one. Lines that begin with # are comments.
    #[arg(long, value_name = "FILE", required_unless_present = "recipe")]
    remove: Option<PathBuf>,
    /// Also remove exact and near-copies of what is removed.
    #[arg(long)]
    copies: bool,
    /// Count what would be removed, and write nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    anew: RecipeArgs,
    /// Worker threads [default: the cores of the cgroup, or RAYON_NUM_THREADS].
    #[arg(long)]
    threads: Option<usize>,
}

/// Lines and copies that are named; the rest is counted.
const SHOWN: usize = 20;

pub fn run(args: Args, voice: Voice) -> anyhow::Result<Exit> {
    if let Some(recipe) = &args.anew.recipe {
        return reapply::run(args.out, recipe, &args.anew, args.threads, voice);
    }
    let Some(remove) = &args.remove else { bail!("give --remove or --recipe") };
    let list = remove.display();
    let text = std::fs::read_to_string(remove)
        .with_context(|| format!("cannot read the list {list}; it is a text file in UTF-8"))?;
    let mut removal = RemovalList::parse(&text).with_context(|| format!("{list}"))?;
    if removal.is_empty() {
        bail!("{list} names nothing; write one id, address or domain a line");
    }
    let options = ApplyOptions {
        out: args.out,
        copies: args.copies,
        dry_run: args.dry_run,
        threads: machine::threads(args.threads)?,
    };
    let takedown = engine::apply(&options, &mut removal)?;
    match voice.format {
        Format::Json => print(&format!("{:#}\n", serde_json::to_value(&takedown)?))?,
        Format::Text => print(&table(&takedown, &options.out, options.dry_run))?,
    }
    Ok(Exit::Done)
}

fn table(takedown: &Takedown, out: &Path, dry_run: bool) -> String {
    let verb = if dry_run { "would be removed" } else { "removed" };
    let mut text = format!("{:>12} documents {verb} from {}\n", takedown.documents, out.display());
    for (n, place) in [
        (takedown.clean_rows, "rows of clean/"),
        (takedown.rejected_rows, "rows of rejected/"),
        (takedown.signature_rows, "rows of signatures/"),
        (takedown.train_documents, "documents of tokens/train-*"),
        (takedown.control_documents, "documents of tokens/control-*"),
        (takedown.heldout_documents, "documents of tokens/heldout-*"),
        (takedown.removed_before, "documents that an earlier takedown had removed"),
    ] {
        if n > 0 {
            let _ = writeln!(text, "{n:>12} {place}");
        }
    }
    let unmatched = takedown.unmatched.iter().map(String::as_str);
    listed(&mut text, "lines match no document", unmatched.collect());
    let copies = |is_kept: bool| {
        let copies = takedown.copies.iter().filter(|copy| copy.is_kept == is_kept);
        copies.map(|copy| copy.id.as_str()).collect::<Vec<_>>()
    };
    listed(&mut text, "copies of removed documents stay in clean/; --copies removes them", copies(true));
    listed(
        &mut text,
        "documents dropped as copies of removed ones stay dropped; --copies removes them",
        copies(false),
    );
    text
}

fn listed(text: &mut String, what: &str, names: Vec<&str>) {
    if names.is_empty() {
        return;
    }
    let _ = writeln!(text, "{:>12} {what}:", names.len());
    for name in names.iter().take(SHOWN) {
        let _ = writeln!(text, "{:>14} {name}", "");
    }
    if names.len() > SHOWN {
        let _ = writeln!(text, "{:>14} and {} more; --format json names all", "", names.len() - SHOWN);
    }
}
