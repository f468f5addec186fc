//! `corpus ablate out/`: what each part of a recipe is worth to a model.

use std::path::PathBuf;

use crate::Voice;

#[derive(clap::Args)]
pub struct Args {
    /// The output folder of `corpus clean`.
    out: PathBuf,
    /// Time to fit into, such as 60m or 3h: chooses arms, the most telling first, then seeds.
    #[arg(long)]
    budget: Option<String>,
    /// Model and tokens of a run, as `corpus train` has them.
    #[arg(long, default_value = "quick", value_parser = crate::train::presets())]
    preset: String,
    /// Seeds per arm; 2, or what the budget allows.
    #[arg(long)]
    seeds: Option<u32>,
    /// Seeds more, once, for arms that the others leave open, and for what they are measured against; 0 for none.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=8))]
    extra_seeds: u32,
    /// Only these arms, such as all,only:dedup,all-heuristics, and what they are measured against. Asked for by name alone:
    /// neg:PERCENT, another dose of the control whose words are shuffled, and raw+leak, which trains on the held-out pages, too.
    #[arg(long, value_delimiter = ',')]
    arms: Option<Vec<String>>,
    /// What is taken out at a time: a family of stages (language, heuristics, toxicity, dedup), or a stage.
    #[arg(long, default_value = "family", value_parser = ["family", "stage"])]
    by: String,
    /// Text that is known to be good (.txt, .md, or JSONL with `text`), for the positive control; else that is raw text on
    /// twice the tokens.
    #[arg(long)]
    positive: Option<PathBuf>,
    /// Texts of your own to score as well (.txt, .md, or JSONL with `text`).
    #[arg(long)]
    heldout: Option<PathBuf>,
    /// Only print the plan.
    #[arg(long)]
    dry_run: bool,
    /// Where the arithmetic runs; cuda and wgpu need a build with that feature.
    #[arg(long, default_value = "cpu", value_parser = ["cpu", "cuda", "wgpu"])]
    device: String,
    /// Passes over an arm's text; without it no token is seen twice.
    #[arg(long)]
    epochs: Option<u32>,
    /// Worker threads.
    #[arg(long)]
    threads: Option<usize>,
    /// Train again what an identical call has left.
    #[arg(long)]
    fresh: bool,
}

#[cfg(not(feature = "train"))]
pub fn run(_: Args, _: Voice) -> anyhow::Result<crate::Exit> {
    crate::train::without_trainer()
}

#[cfg(feature = "train")]
pub use trainer::run;

#[cfg(feature = "train")]
mod trainer {
    use ::train::{Ablation, By, Options, Stage, render_ablation, render_plan};
    use document::LANGUAGE_STAGES;
    use report::{Run, StageKind};

    use super::{Args, Voice};
    use crate::machine::{self, Stop};
    use crate::progress::Line;
    use crate::{Exit, Format, print, report as pages, train};

    pub fn run(args: Args, voice: Voice) -> anyhow::Result<Exit> {
        train::refuse_remote(&args.out)?;
        // Says so where the folder holds no finished run.
        let run = crate::inspect::run_of(&args.out)?;
        if run.is_early {
            anyhow::bail!(
                "{out} was cleaned with --signals early: of a dropped document only the first reason is known, so nobody \
                 can say what a part of the recipe would keep; clean again with `--signals all`, the default",
                out = args.out.display()
            );
        }
        let training = Options {
            preset: train::preset(&args.preset),
            budget: train::budget(args.budget.as_deref())?,
            device: train::device(&args.device),
            seeds: args.seeds,
            epochs: args.epochs,
            heldout: args.heldout.clone(),
            threads: machine::threads(args.threads)?.get(),
            fresh: args.fresh,
            ..Options::new(&args.out)
        };
        let ablation = Ablation {
            training,
            stages: stages(&run),
            by: if args.by == "stage" { By::Stage } else { By::Family },
            arms: args.arms,
            positive: args.positive,
            extra_seeds: args.extra_seeds,
            dry_run: args.dry_run,
        };
        let stop = Stop::listen()?;
        let line = Line::new(voice);
        let plan = |plan: &::train::Planned| {
            let told = match (voice.format, args.dry_run) {
                (Format::Text, _) => print(&render_plan(plan)),
                (Format::Json, true) => serde_json::to_string_pretty(plan)
                    .map_err(Into::into)
                    .and_then(|json| print(&format!("{json}\n"))),
                (Format::Json, false) => Ok(()),
            };
            // Who does not listen to the plan hears of the outcome.
            drop(told);
        };
        // What a page lacks after one run it has after the next.
        let told = |_: &::train::Outcome| drop(pages::render(&args.out));
        let show = |progress: ::train::Progress<'_>| train::show(&line, &progress);
        let result = ::train::ablate(&ablation, &plan, &told, &show, &stop.flag);
        line.end();
        let Some(result) = result.transpose() else { return Ok(Exit::Done) };
        let text = |outcome: &::train::Outcome| format!("\n{}", render_ablation(outcome));
        let shown = format!("{} shows the differences", args.out.join("report.html").display());
        train::finish(result, &stop, (&args.out, voice), serde_json::to_string_pretty, text, |_| shown)
    }

    /// The stages of the run's recipe that drop documents or change their text.
    fn stages(run: &Run) -> Vec<Stage> {
        let is_language = |name: &str| LANGUAGE_STAGES.contains(&name);
        let language = run.stages.iter().position(|stage| is_language(&stage.name));
        let stages = run.stages.iter().enumerate().filter(|(_, stage)| {
            !matches!(stage.kind, StageKind::Input | StageKind::Tokenize | StageKind::Pack)
        });
        let stage = |(at, stage): (usize, &report::StageInfo)| {
            let cuts = run.tally.stages.get(at).is_some_and(|counts| counts.cut_bytes != 0);
            let removes_lines =
                run.reasons.0.iter().any(|reason| reason.stage == stage.name && reason.is_line);
            Stage {
                name: stage.name.clone(),
                rewrites: cuts || removes_lines,
                judges_all: stage.kind != StageKind::Filter || language.is_none_or(|language| at <= language),
            }
        };
        stages.map(stage).collect()
    }
}
