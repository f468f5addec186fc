//! `corpus forecast out/`: predicts a model before it is trained, and says what to train on the corpus.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::Voice;

#[derive(clap::Args)]
pub struct Args {
    /// The output folder of `corpus clean`.
    out: PathBuf,
    /// What of the control sample is trained on.
    #[arg(long, default_value = "all", value_parser = ["raw", "language_only", "all"])]
    arm: String,
    /// Time to fit into, such as 20m or 2h: chooses the tokens of the models.
    #[arg(long, default_value = "20m")]
    budget: String,
    /// Runs of every model, at least 1; with one the noise is not measured.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,
    /// Passes allowed over the arm's text: up to 4 are nearly as good as new text, more bend the law.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// Texts of your own to score on (.txt, .md, or JSONL with `text`); else held-out pages that the recipe keeps.
    #[arg(long)]
    heldout: Option<PathBuf>,
    /// Worker threads.
    #[arg(long)]
    threads: Option<usize>,
    /// Train again what an identical call has left.
    #[arg(long)]
    fresh: bool,
    /// Sizes of the models.
    #[arg(long, default_value = "small", hide = true, value_parser = scales())]
    scale: String,
}

/// `tiny` is for tests.
fn scales() -> PossibleValuesParser {
    [PossibleValue::new("small"), PossibleValue::new("tiny").hide(true)].into()
}

#[cfg(not(feature = "train"))]
pub fn run(_: Args, _: Voice) -> anyhow::Result<crate::Exit> {
    crate::train::without_trainer()
}

/// The forecast that finished last in this folder, as the report shows it.
#[cfg(not(feature = "train"))]
pub fn newest(_: &std::path::Path) -> anyhow::Result<Option<::report::Forecast>> {
    Ok(None)
}

/// The forecast that finished last in this folder, as the report shows it.
#[cfg(feature = "train")]
pub fn newest(out: &std::path::Path) -> anyhow::Result<Option<::report::Forecast>> {
    let newest = ::train::newest_forecast(out).map(serde_json::to_value).transpose()?;
    Ok(newest.map(serde_json::from_value).transpose()?)
}

#[cfg(feature = "train")]
pub fn run(args: Args, voice: Voice) -> anyhow::Result<crate::Exit> {
    use ::train::{Arm, ForecastOptions, Scale};
    use anyhow::Context;

    use crate::machine::{Stop, threads};
    use crate::progress::{Line, duration};
    use crate::train::parse_duration;

    if shards::is_remote(&args.out) {
        let out = args.out.display();
        anyhow::bail!("{out}: training reads a folder of this machine; fetch it first");
    }
    let budget = parse_duration(&args.budget)
        .with_context(|| format!("--budget {}: write for example 90s, 20m or 2h", args.budget))?;
    let options = ForecastOptions {
        arm: match args.arm.as_str() {
            "raw" => Arm::Raw,
            "language_only" => Arm::LanguageOnly,
            _ => Arm::All,
        },
        scale: if args.scale == "tiny" { Scale::Tiny } else { Scale::Small },
        budget,
        seeds: args.seeds,
        epochs: args.epochs,
        heldout: args.heldout,
        threads: threads(args.threads)?.get(),
        fresh: args.fresh,
        out: args.out,
    };
    // Says so where the folder holds no finished run.
    crate::inspect::run_of(&options.out)?;
    let stop = Stop::listen()?;
    let line = Line::new(voice);
    let progress = |progress: ::train::Progress<'_>| {
        let ::train::Progress { arm, seed, step, steps, loss, seconds_left, .. } = progress;
        line.show("forecast", step as u64, steps as u64, |_| {
            format!("{arm} seed {seed}  loss {loss:.3}  {} left for all models;", duration(seconds_left))
        });
    };
    let result = ::train::forecast(&options, &progress, &stop.flag);
    line.end();
    let shown = |forecast: &::train::Forecast| {
        format!("{} holds what was predicted, and when", options.out.join(&forecast.folder).display())
    };
    let json = serde_json::to_string_pretty;
    crate::train::finish(result, &stop, (&options.out, voice), json, ::train::render_forecast, shown)
}
