//! `corpus filters` and `corpus explain`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::bail;
use document::{Check, FilterSpec, Problem, Scope, Test};
use plan::columns;

use crate::{Exit, Format, Voice, inspect, print};

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
    let checks: Vec<_> = filter.checks.iter().map(check_json).collect();
    serde_json::json!({
        "name": filter.name, "source": filter.source, "about": filter.about, "checks": checks
    })
}

fn check_json(check: &Check) -> serde_json::Value {
    let (signal, bound) = bound(check);
    let mut json =
        serde_json::json!({ "reason": check.reason, "signal": signal, "bound": bound, "why": check.why });
    for (reference, alias) in check.aliases {
        json[reference] = match json[reference].take() {
            serde_json::Value::Null => (*alias).into(),
            first @ serde_json::Value::String(_) => vec![first, (*alias).into()].into(),
            serde_json::Value::Array(mut all) => {
                all.push((*alias).into());
                all.into()
            }
            other => other,
        };
    }
    json
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
    let filter = filters::find(name);
    let found = if filter.is_some() { Vec::new() } else { reasons(name) };
    let fired = match &args.out {
        Some(folder) => fired(folder, name)?,
        None => Vec::new(),
    };
    // A recipe's own columns are known to its runs only.
    let is_own = |reason: &str| reason.split_once('.').is_some_and(|(stage, _)| stage == columns::STAGE);
    let own: Vec<_> = fired.iter().filter(|counts| counts["reason"].as_str().is_some_and(is_own)).collect();
    let is_column = name == columns::STAGE || is_own(name) || !own.is_empty();
    if filter.is_none() && found.is_empty() && !is_column {
        bail!("there is no filter and no reason `{name}`{}", suggestion(name));
    }
    let mut out = String::new();
    match (voice.format, filter) {
        (Format::Json, Some(filter)) => {
            let mut json = json(filter);
            if args.out.is_some() {
                json["in_run"] = fired.into();
            }
            let _ = writeln!(out, "{json:#}");
        }
        (Format::Json, None) => {
            let all: Vec<_> = found
                .iter()
                .map(|(stage, filter, check)| {
                    let mut json = check_json(check);
                    json["stage"] = (*stage).into();
                    json["source"] = filter.map(|filter| filter.source).into();
                    let full = format!("{stage}.{}", check.reason);
                    let counts = fired.iter().find(|counts| counts["reason"] == full);
                    if let Some(counts) = counts {
                        json["in_run"] = counts.clone();
                    }
                    json
                })
                .collect();
            let own = own.iter().map(|counts| {
                let why = counts["why"].clone();
                serde_json::json!({ "stage": columns::STAGE, "reason": counts["reason"], "why": why, "in_run": counts })
            });
            let all: Vec<_> = all.into_iter().chain(own).collect();
            let _ = writeln!(out, "{:#}", serde_json::Value::from(all));
        }
        (Format::Text, _) => {
            if let Some(filter) = filter {
                explain_filter(&mut out, filter);
            }
            for (stage, filter, check) in &found {
                explain_check(&mut out, stage, *filter, check);
            }
            if is_column {
                let _ = writeln!(out, "{COLUMN}");
            }
            for counts in &fired {
                let text = |key: &str| counts[key].as_str().unwrap_or_default().to_owned();
                let count = |key: &str| counts[key].as_u64().map_or("n/a".to_owned(), ::report::human_count);
                let bound = if text("bound").is_empty() {
                    String::new()
                } else {
                    format!(" (kept: {})", text("bound"))
                };
                let _ = match counts["lines"].as_u64() {
                    Some(_) => {
                        writeln!(out, "in this run: {}: {} lines removed", text("reason"), count("lines"))
                    }
                    None => writeln!(
                        out,
                        "in this run: {}{bound}: {} documents first, {} for this alone, {} in all",
                        text("reason"),
                        count("first"),
                        count("alone"),
                        count("any")
                    ),
                };
            }
        }
    }
    print(&out)?;
    Ok(Exit::Done)
}

/// How often the reasons of that name, or of the stage of that name, fired in a finished run, and their bound there.
fn fired(folder: &Path, name: &str) -> anyhow::Result<Vec<serde_json::Value>> {
    let run = inspect::run_of(folder)?;
    let all = run.reasons.0.iter().zip(&run.tally.checks);
    let meant =
        all.filter(|(reason, _)| reason.full_name() == name || reason.reason == name || reason.stage == name);
    let counts = meant.map(|(reason, tally)| match reason.is_line {
        true => serde_json::json!({ "reason": reason.full_name(), "lines": tally.lines }),
        false if reason.is_edit => serde_json::json!({ "reason": reason.full_name(), "edits": tally.lines }),
        false => serde_json::json!({
            "reason": reason.full_name(),
            "bound": reason.bound,
            "why": reason.why,
            "first": tally.first.documents,
            // Checks that stop at the first failure know no more.
            "alone": (!run.is_early).then_some(tally.alone.documents),
            "any": (!run.is_early).then_some(tally.any.documents),
        }),
    });
    Ok(counts.collect())
}

/// What `corpus explain column` says.
const COLUMN: &str = "column
  Numbers that come with the documents, such as a classifier's scores, bounded like any signal.
  recipe: \"column\" in the pipeline, and a table for each: [column.edu_score] at_least = 3
    at_least, above, at_most   what is kept; none: measured for the ledger, drops nothing
    field = \"meta.edu\"         where it lies in the input, if not at the column's name
    from = \"scores/*.parquet\"  Parquet files to join by id; id = \"doc_id\" names their id column
    missing = \"drop\"           documents without a number; default: keep
  reason: column.NAME, and a ledger column of that name";

fn explain_filter(out: &mut String, filter: &FilterSpec) {
    let _ = writeln!(out, "{}\n  {}\n  source: {}\n", filter.name, filter.about, filter.source);
    for check in filter.checks {
        let kept = match (check.scope, bound(check)) {
            (Scope::Line, _) => "removes the line".to_owned(),
            (Scope::Edit, _) => "rewrites a part of the text".to_owned(),
            (_, (Some(signal), Some(bound))) => format!("{signal} {bound}"),
            _ => "code".to_owned(),
        };
        let kept = if check.is_off { format!("{kept} (off unless a recipe sets it)") } else { kept };
        let _ = writeln!(out, "  {:<30} {kept}\n  {:<30} {}", check.reason, "", check.why);
        for (reference, alias) in check.aliases {
            let _ = writeln!(out, "  {:<30} {reference}: {alias}", "");
        }
    }
    for option in filter.options {
        let _ = writeln!(
            out,
            "  option {:<23} default {}\n  {:<30} {}",
            option.key, option.default, "", option.why
        );
    }
}

fn explain_check(out: &mut String, stage: &str, filter: Option<&FilterSpec>, check: &Check) {
    let _ = writeln!(out, "{stage}.{}\n  {}", check.reason, check.why);
    if check.scope == Scope::Line {
        let _ = writeln!(out, "  removes the line, not the document");
    }
    if check.scope == Scope::Edit {
        let _ = writeln!(out, "  rewrites a part of the text");
    }
    if let Test::Bound(signal, bound) = check.test {
        let _ = writeln!(out, "  kept: {} {bound}\n  {}: {}", signal.name(), signal.name(), signal.about());
    }
    if let Some(filter) = filter {
        let _ =
            writeln!(out, "  source: {}\n  recipe: [{}] {} = …", filter.source, filter.name, check.reason);
    }
}

/// Stage, its filter where it is one, and check.
type Named = (&'static str, Option<&'static FilterSpec>, Check);

/// Every check: those of the input, of all filters, and of deduplication.
fn all_checks() -> Vec<Named> {
    let problems = Problem::ALL.into_iter();
    let mut all: Vec<Named> = problems
        .map(|problem| ("input", None, Check::new(problem.reason(), Test::Own, problem.why())))
        .collect();
    for filter in filters::FILTERS {
        all.extend(filter.checks.iter().map(|check| (filter.name, Some(*filter), *check)));
    }
    let duplicates = [
        ("url_dedup", "A document of the same address is kept: see [url_dedup] keep and normalize."),
        ("exact_dedup", "The same text stands earlier in the input."),
        ("minhash", "A near-duplicate is kept in its stead: see [minhash] keep, verify and min_similarity."),
    ];
    all.extend(duplicates.map(|(stage, why)| (stage, None, Check::new("duplicate", Test::Own, why))));
    all
}

/// The checks that a full name, a bare name or a stage's name means.
fn reasons(name: &str) -> Vec<Named> {
    let is_meant = |(stage, _, check): &Named| {
        *stage == name
            || check.reason == name
            || check.aliases.iter().any(|(_, alias)| *alias == name)
            || name.split_once('.') == Some((*stage, check.reason))
    };
    all_checks().into_iter().filter(is_meant).collect()
}

fn suggestion(name: &str) -> String {
    let names = all_checks().into_iter().flat_map(|(stage, _, check)| [stage, check.reason]);
    let bare = name.rsplit('.').next().unwrap_or(name);
    let nearest =
        names.map(|known| (strsim::jaro_winkler(bare, known), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((score, known)) if score > 0.8 => format!("; did you mean `{known}`?"),
        _ => "; `corpus filters` lists them".to_owned(),
    }
}
