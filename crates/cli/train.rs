//! `corpus train out/`, and what it adds to a report.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::Voice;

#[derive(clap::Args)]
pub struct Args {
    /// The output folder of `corpus clean`.
    out: PathBuf,
    /// smoke: under 3 minutes, shows that it works; quick: about 0.7 M parameters, a quarter of an hour on two cores, resolves 0.06 bits per byte of kept text.
    #[arg(long, default_value = "quick", value_parser = presets())]
    preset: String,
    /// Time to fit into, such as 10m or 1h: chooses tokens and seeds.
    #[arg(long)]
    budget: Option<String>,
    /// Where the arithmetic runs; cuda and wgpu need a build with that feature.
    #[arg(long, default_value = "cpu", value_parser = ["cpu", "cuda", "wgpu"])]
    device: String,
    /// Seeds per arm.
    #[arg(long)]
    seeds: Option<u32>,
    /// How the learning rate goes on after the warm-up: wsd holds it and lets it fall to 0 over the last 40 % of the steps (1 − √x); cosine lets it fall to a tenth by half a wave.
    #[arg(long, default_value = "wsd", value_parser = ["wsd", "cosine"])]
    schedule: String,
    /// Passes over an arm's text; without it no token is seen twice.
    #[arg(long)]
    epochs: Option<u32>,
    /// Texts of your own to score as well (.txt, .md, or JSONL with `text`).
    #[arg(long)]
    heldout: Option<PathBuf>,
    /// Plant made-up texts 1 to 64 times in what every arm reads, up to 3 % of its tokens, to see what models remember.
    #[arg(long)]
    canaries: bool,
    /// Worker threads.
    #[arg(long)]
    threads: Option<usize>,
    /// Train again what an identical call has left.
    #[arg(long)]
    fresh: bool,
}

/// `tiny` is for tests.
pub fn presets() -> PossibleValuesParser {
    ["smoke", "quick"]
        .map(PossibleValue::new)
        .into_iter()
        .chain([PossibleValue::new("tiny").hide(true)])
        .into()
}

impl Args {
    /// The short run that `demo` does.
    pub fn smoke(out: PathBuf, threads: Option<usize>) -> Args {
        Args {
            out,
            preset: "smoke".to_owned(),
            budget: None,
            device: "cpu".to_owned(),
            seeds: None,
            schedule: "wsd".to_owned(),
            epochs: None,
            heldout: None,
            canaries: false,
            threads,
            fresh: false,
        }
    }
}

#[cfg(not(feature = "train"))]
pub fn run(_: Args, _: Voice) -> anyhow::Result<crate::Exit> {
    without_trainer()
}

#[cfg(not(feature = "train"))]
pub fn without_trainer() -> anyhow::Result<crate::Exit> {
    anyhow::bail!("this build has no trainer: build with the cargo feature `train` (it is on by default)")
}

#[cfg(not(feature = "train"))]
pub fn newest(_: &Path) -> anyhow::Result<Option<::report::Training>> {
    Ok(None)
}

#[cfg(feature = "train")]
pub use trainer::{budget, device, finish, newest, parse_duration, preset, refuse_remote, run, show};

#[cfg(feature = "train")]
mod trainer {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use ::train::{DeviceKind, Options, Outcome, Preset, Progress, Rewound, Schedule, TrainError};
    use anyhow::Context;
    use report::{Ablation, ArmInfo, Asks, Control, Difference, Gain, Generated, Rewind, Training, Verdict};
    use serde_json::Value;

    use super::{Args, Path, Voice};
    use crate::machine::{self, Stop};
    use crate::progress::{Line, duration};
    use crate::{Exit, Format, print, report as pages};

    pub fn run(args: Args, voice: Voice) -> anyhow::Result<Exit> {
        refuse_remote(&args.out)?;
        let options = Options {
            preset: preset(&args.preset),
            budget: budget(args.budget.as_deref())?,
            device: device(&args.device),
            seeds: args.seeds,
            schedule: match args.schedule.as_str() {
                "cosine" => Schedule::Cosine,
                _ => Schedule::Wsd,
            },
            epochs: args.epochs,
            heldout: args.heldout.clone(),
            canaries: args.canaries,
            name_language: Some(name_language),
            threads: machine::threads(args.threads)?.get(),
            fresh: args.fresh,
            ..Options::new(&args.out)
        };
        options.device.open()?;
        // Says so where the folder holds no finished run.
        crate::inspect::run_of(&args.out)?;
        let stop = Stop::listen()?;
        let line = Line::new(voice);
        let result = ::train::train(&options, &|progress| show(&line, &progress), &stop.flag);
        line.end();
        let shown = format!("{} shows the curves", args.out.join("report.html").display());
        finish(result, &stop, (&args.out, voice), serde_json::to_string_pretty, ::train::render_text, |_| {
            shown
        })
    }

    /// How every training ends: stopped at a checkpoint, or with the page of `out`, its outcome on stdout, and a word about
    /// where to look.
    pub fn finish<T>(
        result: Result<T, TrainError>,
        stop: &Stop,
        (out, voice): (&Path, Voice),
        json: impl FnOnce(&T) -> serde_json::Result<String>,
        text: impl FnOnce(&T) -> String,
        shown: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<Exit> {
        let outcome = match result {
            Err(error @ TrainError::Stopped(_)) => {
                eprintln!("corpus: {error}");
                return Ok(stop.exit());
            }
            result => result?,
        };
        pages::render(out)?;
        match voice.format {
            Format::Json => print(&format!("{}\n", json(&outcome)?))?,
            Format::Text => print(&text(&outcome))?,
        }
        if !voice.quiet {
            eprintln!("{}", shown(&outcome));
        }
        Ok(Exit::Done)
    }

    /// By whatlang, as the filter `language` does: the scripts of `purity` are the second opinion.
    fn name_language(text: &str) -> Option<&'static str> {
        let named = classify::language::identify(text, &mut classify::language::IdentifyScratch::default());
        named.map(|language| language.short)
    }

    /// Training reads a folder of this machine.
    pub fn refuse_remote(out: &Path) -> anyhow::Result<()> {
        if shards::is_remote(out) {
            let out = out.display();
            anyhow::bail!(
                "{out}: training reads a folder of this machine; fetch it first, for example with `aws s3 sync {out} out/`"
            );
        }
        Ok(())
    }

    pub fn preset(name: &str) -> Preset {
        match name {
            "tiny" => Preset::Tiny,
            "smoke" => Preset::Smoke,
            _ => Preset::Quick,
        }
    }

    pub fn device(name: &str) -> DeviceKind {
        match name {
            "cuda" => DeviceKind::Cuda,
            "wgpu" => DeviceKind::Wgpu,
            _ => DeviceKind::Cpu,
        }
    }

    pub fn budget(text: Option<&str>) -> anyhow::Result<Option<Duration>> {
        let parsed = text.map(|text| {
            parse_duration(text).with_context(|| format!("--budget {text}: write for example 90s, 10m or 1h"))
        });
        parsed.transpose()
    }

    pub fn show(line: &Line, progress: &Progress<'_>) {
        let Progress { arm, seed, step, steps, loss, tokens_per_second, seconds_left } = progress;
        let left = duration(*seconds_left);
        line.show("train", *step as u64, *steps as u64, |_| {
            format!("{arm} seed {seed}  loss {loss:.3}  {tokens_per_second:.0} tokens/s  {left} left for all runs;")
        });
    }

    pub fn parse_duration(text: &str) -> Option<Duration> {
        let unit = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let number: f64 = text[..unit].parse().ok()?;
        let seconds = match &text[unit..] {
            "" | "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        Duration::try_from_secs_f64(number * seconds).ok()
    }

    /// What the two held-out sets can say.
    const HELDOUT_NOTE: &str = "The held-out pages that the recipe keeps were chosen by the filters under test, and \
        those as they came hold the languages and the boilerplate that a cleaned arm never saw, so cleaning looks worse \
        on them: texts of your own (--heldout) are the fairer judge.";

    /// The training that finished last in this folder, as the report shows it.
    pub fn newest(out: &Path) -> anyhow::Result<Option<Training>> {
        let Ok(folders) = std::fs::read_dir(out.join("train")) else { return Ok(None) };
        let finished = folders.filter_map(|folder| {
            let path = folder.ok()?.path();
            let time = path.join("result.json").metadata().ok()?.modified().ok()?;
            Some((time, path))
        });
        let Some((_, folder)) = finished.max() else { return Ok(None) };
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let outcome: Outcome = serde_json::from_str(&read("result.json")?)?;
        let config: Value = serde_json::from_str(&read("config.json")?)?;
        Ok(Some(Training {
            preset: outcome.preset.clone(),
            note: format!("{} {}", outcome.notes.join(" "), HELDOUT_NOTE),
            device: config["device"].as_str().unwrap_or("cpu").to_owned(),
            parameters: outcome.parameters as u64,
            tokens: outcome.tokens_per_run as u64,
            seeds: u64::from(outcome.seeds),
            arms: arms(&outcome),
            curves: report::curves(&read("metrics.jsonl")?)?,
            differences: differences(&outcome),
            rewinds: outcome.rewinds.iter().map(rewind).collect(),
            samples: samples(&serde_json::from_str(&read("samples.json")?)?),
            ablation: outcome.ablation.as_ref().map(|findings| ablation(&outcome, findings)),
            metrics: serde_json::from_value(serde_json::to_value(&outcome.metrics)?)?,
        }))
    }

    fn ablation(outcome: &Outcome, findings: &::train::Findings) -> Ablation {
        let control = |control: &::train::Control| Control {
            a: control.arm.clone(),
            b: control.against.clone(),
            asks: asks(control.asks),
            is_met: control.is_met,
        };
        let gain = |arm: &::train::ArmScore| -> Option<Gain> {
            let gain = arm.heldout.iter().find(|set| set.set == findings.set)?.token_gain?;
            Some(Gain {
                arm: arm.arm.clone(),
                times: gain.times,
                low: gain.interval.map(|interval| interval.0.times),
                high: gain.interval.map(|interval| interval.1.times),
                words: gain.words(),
            })
        };
        Ablation {
            headline: findings.headline.clone(),
            held_out: findings.set.clone(),
            runs: findings.runs as u64,
            runs_done: findings.runs_done as u64,
            controls: findings.controls.iter().map(control).collect(),
            gains: outcome.arms.iter().filter_map(gain).collect(),
        }
    }

    fn asks(asks: ::train::Asks) -> Asks {
        match asks {
            ::train::Asks::Effect => Asks::Effect,
            ::train::Asks::Silence => Asks::Silence,
            ::train::Asks::Better => Asks::Better,
            ::train::Asks::Worse => Asks::Worse,
            ::train::Asks::Dose => Asks::Dose,
            ::train::Asks::Leak => Asks::Leak,
            ::train::Asks::Repeat => Asks::Repeat,
        }
    }

    fn arms(outcome: &Outcome) -> Vec<ArmInfo> {
        let about = |arm: &str| match arm {
            "raw" => "every document of the control sample, as it came",
            "language_only" => "those in a wanted language",
            "random_drop" => "drawn at random from raw, down to the size of all",
            "all" => "those that the whole recipe keeps, as it leaves them",
            _ => "",
        };
        let facts = |arm: &str| outcome.ablation.as_ref()?.arms.iter().find(|facts| facts.arm == arm);
        let arm = |arm: &::train::ArmScore| ArmInfo {
            name: arm.arm.clone(),
            about: facts(&arm.arm).map_or(about(&arm.arm).to_owned(), |facts| facts.about.clone()),
            documents: facts(&arm.arm).map_or(0, |facts| facts.documents as u64),
            tokens: facts(&arm.arm).map_or(0, |facts| facts.tokens as u64),
            bits_per_byte: arm.heldout.iter().map(|set| (set.set.clone(), set.bits_per_byte)).collect(),
        };
        outcome.arms.iter().map(arm).collect()
    }

    fn rewind(Rewound { arm, seed, rewind }: &Rewound) -> Rewind {
        let name =
            |name: &::train::DocumentName| format!("{} (shard {}, row {})", name.id, name.shard, name.row);
        Rewind {
            arm: arm.clone(),
            seed: u64::from(*seed),
            step: rewind.step as u64,
            to_step: rewind.to_step as u64,
            batches: rewind.batches as u64,
            why: rewind.why.words().to_owned(),
            loss: rewind.loss,
            gradient_norm: rewind.gradient_norm,
            documents: rewind.documents.iter().map(name).collect(),
        }
    }

    fn differences(outcome: &Outcome) -> Vec<Difference> {
        let difference = |comparison: &::train::Comparison| Difference {
            a: comparison.arm.clone(),
            b: comparison.against.clone(),
            held_out: comparison.set.clone(),
            delta: comparison.difference,
            low: comparison.interval.map(|interval| interval.0),
            high: comparison.interval.map(|interval| interval.1),
            mde: comparison.smallest_detectable,
            verdict: match comparison.verdict {
                ::train::Verdict::Better => Verdict::Better,
                ::train::Verdict::Worse => Verdict::Worse,
                ::train::Verdict::TooWide if outcome.ablation.is_some() => Verdict::NotResolved,
                ::train::Verdict::NoDifference | ::train::Verdict::TooWide => Verdict::NoDifferenceSeen,
            },
            asks: asks(comparison.asks),
            p_adjusted: comparison.p_adjusted,
            extended: comparison.extended,
        };
        // First what the page's first screen shows: texts of the user's own, else those that the recipe keeps.
        let order = |set: &str| ["own", "kept", "raw"].iter().position(|known| *known == set);
        let mut differences: Vec<Difference> = outcome.comparisons.iter().map(difference).collect();
        // Of an ablation then the whole recipe.
        differences.sort_by_key(|difference| (order(&difference.held_out), difference.a != "all"));
        differences
    }

    fn samples(json: &Value) -> Vec<Generated> {
        let texts = |sample: &Value| -> BTreeMap<String, String> {
            let arms = sample["continuations"].as_object().into_iter().flatten();
            arms.map(|(arm, text)| (arm.clone(), text.as_str().unwrap_or_default().to_owned())).collect()
        };
        let generated = |sample: &Value| Generated {
            prompt: sample["prompt"].as_str().unwrap_or_default().to_owned(),
            texts: texts(sample),
        };
        json.as_array().into_iter().flatten().map(generated).collect()
    }
}
