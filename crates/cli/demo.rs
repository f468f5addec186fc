//! `corpus demo`: the whole tool on an embedded raw sample with planted, labelled defects.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::clean::RunArgs;
use crate::{Exit, Voice, clean, train};

#[derive(clap::Args)]
pub struct Args {
    /// Where raw/ and out/ go.
    #[arg(default_value = "corpus-demo")]
    folder: PathBuf,
    /// Only clean; do not train.
    #[arg(long)]
    no_train: bool,
    #[command(flatten)]
    run: RunArgs,
}

/// Path under `raw/` and content. Written by us; `labels.tsv` says what is wrong with which document.
const FILES: [(&str, &[u8]); 4] = [
    ("raw/pages.jsonl", include_bytes!("demo/raw/pages.jsonl")),
    ("raw/more/pages-2.jsonl", include_bytes!("demo/raw/more/pages-2.jsonl")),
    ("raw/notes.md", include_bytes!("demo/raw/notes.md")),
    ("labels.tsv", include_bytes!("demo/labels.tsv")),
];

pub fn run(args: Args, voice: Voice) -> anyhow::Result<Exit> {
    let folder = &args.folder;
    for (name, content) in FILES {
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(found) if found == content => continue,
            Ok(_) => bail!("{} exists and is not the demo's: give another folder", path.display()),
            Err(_) => {}
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let (raw, out) = (folder.join("raw"), folder.join("out"));
    let say = |text: &str| {
        if !voice.quiet {
            eprintln!("{text}");
        }
    };
    say(&format!("$ corpus clean {} {}", raw.display(), out.display()));
    let exit = clean::clean(vec![raw], out.clone(), &args.run, None, voice)?;
    if args.no_train || exit != Exit::Done {
        return Ok(exit);
    }
    say(&format!("\n$ corpus train {} --preset smoke", out.display()));
    let exit = train::run(train::Args::smoke(out.clone(), args.run.threads), voice)?;
    say(&format!(
        "\nwhat was planted: {}\nthe page:         {}\nlook closer:      corpus inspect {} --reason too_few_words",
        folder.join("labels.tsv").display(),
        out.join("report.html").display(),
        out.display()
    ));
    Ok(exit)
}
