//! `corpus`: cleans, deduplicates and packs web text for pretraining, then trains on it.

mod ablate;
mod allocator;
mod apply;
mod classifier;
mod clean;
mod demo;
mod diff;
mod explain;
mod export;
mod forecast;
mod inspect;
mod ledger;
mod machine;
mod models;
mod page;
mod plans;
mod progress;
mod reapply;
mod report;
mod serve;
mod tokenizer;
mod train;
mod what_if;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

#[global_allocator]
static ALLOCATOR: allocator::BySize = allocator::BySize;

#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    /// What goes to standard output: tables for people, or JSON for programs.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// No progress and no notes on standard error.
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// How a verb talks.
#[derive(Clone, Copy, Debug)]
struct Voice {
    format: Format,
    quiet: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// Clean, deduplicate, tokenise and pack: corpus clean raw/ out/
    Clean(clean::Args),
    /// Train small models on raw and cleaned data at equal cost, and compare them
    Train(train::Args),
    /// Take a recipe apart: models on what each of its parts keeps, alone and left out, with controls
    Ablate(ablate::Args),
    /// Predict what a larger model will score, then train it and see; what the corpus is worth training
    Forecast(forecast::Args),
    /// Let the models of a training write: corpus generate out/ --prompt "The river"
    Generate(models::GenerateArgs),
    /// Write a trained model, or the tokens, as other programs load them: corpus export out/ model/ --model all
    Export(export::Args),
    /// Render report.html and the tables of a finished run again
    Report(report::Args),
    /// Show a run, its documents and which recipes would keep a page, in a browser: corpus serve out/
    Serve(serve::Args),
    /// Show documents of a finished run, and why they were dropped
    Inspect(inspect::Args),
    /// Remove documents from a finished run (--remove ids-or-urls.txt), or decide it anew (--recipe new.toml)
    Apply(apply::Args),
    /// Which documents two finished runs on the same input treat differently, and why
    Diff(diff::Args),
    /// What another setting would keep and drop, from the ledger alone: corpus what-if out/ too_few_words=80
    WhatIf(what_if::Args),
    /// What a filter or a reason means, and where it comes from
    Explain(explain::Args),
    /// List all filters with their checks
    Filters,
    /// Draw the stage graph of a recipe
    Plan(plans::Args),
    /// Run everything on an embedded sample with planted defects
    Demo(demo::Args),
    /// Train a tokenizer
    #[command(subcommand)]
    Tokenizer(tokenizer::Verb),
    /// Train a quality classifier from good and bad examples
    #[command(subcommand)]
    Classifier(classifier::Verb),
    /// Print what a shell needs to complete verbs and flags: corpus completions bash
    Completions { shell: clap_complete::Shell },
}

/// Exit codes. CONTRACT: 0 done, 1 done with more quarantined shards than allowed, 2 could not run,
/// 75 stopped by SIGTERM at a checkpoint, 130 interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Done = 0,
    Quarantined = 1,
    Failed = 2,
    Stopped = 75,
    Interrupted = 130,
}

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal)
        .init();
    let cli = match Cli::try_parse_from(what_if::spelled_out(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::Failed as u8 } else { Exit::Done as u8 });
        }
    };
    let voice = Voice { format: cli.format, quiet: cli.quiet };
    let result = match cli.verb {
        Verb::Clean(args) => clean::run(args, voice),
        Verb::Train(args) => train::run(args, voice),
        Verb::Ablate(args) => ablate::run(args, voice),
        Verb::Forecast(args) => forecast::run(args, voice),
        Verb::Generate(args) => models::generate(args, voice),
        Verb::Export(args) => export::run(args, voice),
        Verb::Report(args) => report::run(args, voice),
        Verb::Serve(args) => serve::run(args, voice),
        Verb::Inspect(args) => inspect::run(args, voice),
        Verb::Apply(args) => apply::run(args, voice),
        Verb::Diff(args) => diff::run(args, voice),
        Verb::WhatIf(args) => what_if::run(args, voice),
        Verb::Explain(args) => explain::run(args, voice),
        Verb::Filters => explain::filters(voice),
        Verb::Plan(args) => plans::run(args, voice),
        Verb::Demo(args) => demo::run(args, voice),
        Verb::Tokenizer(verb) => tokenizer::run(verb, voice),
        Verb::Classifier(verb) => classifier::run(verb, voice),
        Verb::Completions { shell } => completions(shell),
    };
    match result {
        Ok(exit) => ExitCode::from(exit as u8),
        // A reader that has seen enough is no failure.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("corpus: {}", told(&error));
            ExitCode::from(Exit::Failed as u8)
        }
    }
}

fn completions(shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "corpus", &mut script);
    print(&String::from_utf8(script)?)?;
    Ok(Exit::Done)
}

/// An error with its causes, each said once: many messages hold their cause already.
fn told(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |told, cause| match cause.to_string() {
        cause if told.is_empty() => cause,
        cause if told.contains(&cause) => told,
        cause => format!("{told}: {cause}"),
    })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Writes data to standard output.
fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}
