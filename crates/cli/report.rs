//! `corpus report out/`: renders what a run left behind again; reads no text.

use std::path::{Path, PathBuf};

use shards::AtomicFile;

use crate::{Exit, Format, Voice, forecast, inspect, print, train};

#[derive(clap::Args)]
pub struct Args {
    /// The output folder of a finished run.
    out: PathBuf,
}

pub fn run(args: Args, voice: Voice) -> anyhow::Result<Exit> {
    let is_remote = shards::is_remote(&args.out);
    let run = if is_remote { inspect::run_of(&args.out)? } else { render(&args.out)? };
    match voice.format {
        Format::Json => print(&format!("{}\n", ::report::render_json(&run)?))?,
        Format::Text => print(&::report::render_table(&run))?,
    }
    // What lies in an object store is not written again: nothing here is newer than it.
    if !voice.quiet && !is_remote {
        eprintln!("{}", args.out.join("report.html").display());
    }
    Ok(Exit::Done)
}

/// Writes report.json and report.html, with the newest training and forecast where there are.
pub fn render(out: &Path) -> anyhow::Result<::report::Run> {
    let mut run = inspect::run_of(out)?;
    if let Some(training) = train::newest(out)? {
        run.training = Some(training);
    }
    if let Some(forecast) = forecast::newest(out)? {
        run.forecast = Some(forecast);
    }
    AtomicFile::write_all_of(&out.join("report.json"), ::report::render_json(&run)?.as_bytes())?;
    AtomicFile::write_all_of(&out.join("report.html"), ::report::render_dashboard(&run)?.as_bytes())?;
    Ok(run)
}
