//! `corpus filters` and `corpus explain`.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use document::{Check, FilterSpec, Problem, Scope, Test};

use crate::{Exit, Format, Voice, print};

#[derive(clap::Args)]
pub struct Args {
    /// A filter (gopher_quality) or a reason (too_few_words, gopher_quality.too_few_words); none: all filters.
    name: Option<String>,
    /// A finished run: also say how often it fired there.
    #[arg(long)]
    out: Option<PathBuf>,
}

pub fn filters(voice: Voice) -> anyhow::Result<Exit> {
    match voice.format {
        Format::Json => {
            let all: Vec<_> = filters::FILTERS.iter().map(|filter| json(filter)).collect();
            print(&format!("{:#}\n", serde_json::Value::from(all)))?;
        }
        Format::Text => {
            let mut out = String::new();
            for filter in filters::FILTERS {
                let _ = writeln!(out, "{:<20} {} checks  {}", filter.name, filter.checks.len(), filter.about);
                let _ = writeln!(out, "{:<20} {}", "", filter.source);
            }
            print(&out)?;
        }
    }
    Ok(Exit::Done)
}

fn json(filter: &FilterSpec) -> serde_json::Value {
    let checks: Vec<_> = filter
        .checks
        .iter()
        .map(|check| {
            let (signal, bound) = bound(check);
            serde_json::json!({ "reason": check.reason, "signal": signal, "bound": bound, "why": check.why })
        })
        .collect();
    serde_json::json!({
        "name": filter.name, "source": filter.source, "about": filter.about, "checks": checks
    })
}

/// Signal and bound of a check; `None`: it is code.
fn bound(check: &Check) -> (Option<&'static str>, Option<String>) {
    match check.test {
        Test::Bound(signal, bound) => (Some(signal.name()), Some(bound.to_string())),
        Test::Own => (None, None),
    }
}

pub fn run(args: Args, voice: Voice) -> anyhow::Result<Exit> {
    let Some(name) = &args.name else { return filters(voice) };
    let mut out = String::new();
    if let Some(filter) = filters::find(name) {
        match voice.format {
            Format::Json => return print(&format!("{:#}\n", json(filter))).map(|()| Exit::Done),
            Format::Text => explain_filter(&mut out, filter),
        }
    } else {
        let found = reasons(name);
        if found.is_empty() {
            bail!("there is no filter and no reason `{name}`{}", suggestion(name));
        }
        for (filter, check) in found {
            explain_check(&mut out, filter, &check);
        }
    }
    if let Some(folder) = &args.out {
        let path = folder.join("report.json");
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let run: ::report::Run =
            serde_json::from_str(&text).with_context(|| format!("{}", path.display()))?;
        for (reason, tally) in run.reasons.0.iter().zip(&run.tally.checks) {
            if reason.full_name() == *name || reason.reason == *name || reason.stage == *name {
                let _ = writeln!(
                    out,
                    "in {}: {} dropped {} documents first, {} alone, {} in all; {} lines",
                    folder.display(),
                    reason.full_name(),
                    tally.first.documents,
                    tally.alone.documents,
                    tally.any.documents,
                    tally.lines
                );
            }
        }
    }
    print(&out)?;
    Ok(Exit::Done)
}

fn explain_filter(out: &mut String, filter: &FilterSpec) {
    let _ = writeln!(out, "{}\n  {}\n  source: {}\n", filter.name, filter.about, filter.source);
    for check in filter.checks {
        let kept = match (check.scope, bound(check)) {
            (Scope::Line, _) => "removes the line".to_owned(),
            (_, (Some(signal), Some(bound))) => format!("{signal} {bound}"),
            _ => "code".to_owned(),
        };
        let _ = writeln!(out, "  {:<30} {kept}\n  {:<30} {}", check.reason, "", check.why);
    }
    for option in filter.options {
        let _ = writeln!(
            out,
            "  option {:<23} default {}\n  {:<30} {}",
            option.key, option.default, "", option.why
        );
    }
}

fn explain_check(out: &mut String, filter: Option<&FilterSpec>, check: &Check) {
    let stage = filter.map_or("input", |filter| filter.name);
    let _ = writeln!(out, "{stage}.{}\n  {}", check.reason, check.why);
    if let Test::Bound(signal, bound) = check.test {
        let _ = writeln!(out, "  kept: {} {bound}\n  {}: {}", signal.name(), signal.name(), signal.about());
    }
    if let Some(filter) = filter {
        let _ =
            writeln!(out, "  source: {}\n  recipe: [{}] {} = …", filter.source, filter.name, check.reason);
    }
}

/// Checks of that name, with the filter where there is one.
fn reasons(name: &str) -> Vec<(Option<&'static FilterSpec>, Check)> {
    let (stage, reason) = name.split_once('.').map_or((None, name), |(stage, reason)| (Some(stage), reason));
    let mut found = Vec::new();
    for filter in filters::FILTERS.iter().filter(|filter| stage.is_none_or(|stage| stage == filter.name)) {
        found.extend(filter.checks.iter().filter(|c| c.reason == reason).map(|c| (Some(*filter), *c)));
    }
    if stage.is_none_or(|stage| stage == "input") {
        let problem = Problem::ALL.into_iter().find(|problem| problem.reason() == reason);
        found.extend(problem.map(|problem| (None, Check::new(problem.reason(), Test::Own, problem.why()))));
    }
    let duplicates = [
        ("exact_dedup", "The same text stands earlier in the input."),
        ("minhash", "A document at least this similar is kept: see [minhash] min_similarity."),
    ];
    for (dedup, why) in duplicates {
        if reason == "duplicate" && stage.is_none_or(|stage| stage == dedup) {
            found.push((None, Check::new("duplicate", Test::Own, why)));
        }
    }
    found
}

fn suggestion(name: &str) -> String {
    let names = filters::FILTERS
        .iter()
        .flat_map(|filter| filter.checks.iter().map(|check| check.reason).chain([filter.name]));
    let bare = name.rsplit('.').next().unwrap_or(name);
    let nearest =
        names.map(|known| (strsim::jaro_winkler(bare, known), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((score, known)) if score > 0.8 => format!("; did you mean `{known}`?"),
        _ => "; `corpus filters` lists them".to_owned(),
    }
}
