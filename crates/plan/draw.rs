//! `corpus plan`: a recipe's stage graph as text.

use std::fmt::Write;

use crate::plan::{Code, Plan, StageKind};
use crate::recipe::Recipe;

/// The graph with its one barrier, then what every stage checks.
pub fn draw(plan: &Plan, recipe: &Recipe) -> String {
    let mut out = format!(
        "recipe {} ({}), words by {}\n\n",
        plan.name,
        &plan.hash[..12],
        recipe.text("words", "splitter")
    );
    let filters: Vec<&str> = plan.stages.iter().map(|stage| stage.name).collect();
    for (stage, code) in plan.repeat_stages() {
        let before = if stage > 1 { ", as the stages before it leave them" } else { "" };
        let name = plan.stages[stage].name;
        let what = if code.min_bytes().is_some() { "all texts" } else { "hashes of all texts' parts" };
        let _ = writeln!(out, "  raw/ ─▶ repeats  for {name}: {what}{before}");
    }
    let _ = writeln!(out, "  raw/ ─▶ sweep    {}", wrap(&filters, " ▶ ", 19));
    let _ = writeln!(out, "            ├─▶ rejected/    what was dropped, with its reasons");
    let _ = writeln!(out, "            ├─▶ control, held-out sample    whatever the verdict");
    let _ = writeln!(out, "            └─▶ signatures   exact hash, 14 x 8 MinHash");
    let _ = writeln!(out, "        ─▶ resolve  ══ barrier: duplicates among all survivors; reads no text");
    let last: Vec<&str> =
        recipe.stages.iter().map(|stage| stage.name).filter(|n| ["tokenize", "pack"].contains(n)).collect();
    let tokens = if last.is_empty() { "" } else { ", tokens/" };
    let _ = writeln!(out, "        ─▶ pack     clean/, ledger/{tokens}   {}\n", last.join(" ▶ "));
    for stage in plan.stages.iter() {
        let range = stage.first_reason as usize..stage.first_reason as usize + stage.reasons as usize;
        match &stage.kind {
            StageKind::Filter(filter) => {
                let kind = match filter.code {
                    Code::Lines(_) => "; rewrites the text",
                    Code::Repeats(_) => "; rewrites the text, after a pass over all documents",
                    _ => "",
                };
                let _ = writeln!(out, "{}: {}{kind}", stage.name, filter.spec.source);
            }
            StageKind::Columns(_) => {
                let _ = writeln!(out, "{}: numbers that come with the documents", stage.name);
            }
            StageKind::Input => {
                let (mode, column) = (recipe.text("extract", "mode"), recipe.text("extract", "column"));
                let from =
                    if column.is_empty() { String::new() } else { format!(", also of the field `{column}`") };
                let _ = writeln!(out, "extract: HTML to text, mode {mode}{from}");
                out.push_str("input: records without usable text\n");
            }
            StageKind::Minhash => {
                let _ = writeln!(out, "{}: {}", stage.name, plan.minhash);
            }
            StageKind::UrlDedup => {
                let _ = writeln!(out, "{}: {}", stage.name, plan.url_dedup);
            }
            StageKind::ExactDedup => {
                let _ = writeln!(out, "{}", stage.name);
            }
        }
        for reason in &plan.reasons.0[range] {
            let kept = match (&reason.signal, reason.is_line) {
                (_, true) => "drops lines".to_owned(),
                _ if reason.is_edit => {
                    "rewrites".to_owned() + if reason.bound == "off" { "; off" } else { "" }
                }
                (Some(signal), _) => format!("{signal} {}", reason.bound),
                (None, _) => reason.bound.clone(),
            };
            let _ = writeln!(out, "    {:<32} {}", reason.reason, kept.trim_end());
            if matches!(stage.kind, StageKind::Columns(_)) {
                let _ = writeln!(out, "    {:<32} {}", "", reason.why);
            }
        }
    }
    for note in notes(recipe) {
        let _ = writeln!(out, "note: {note}");
    }
    out
}

/// What a user should know before a run.
pub fn notes(recipe: &Recipe) -> Vec<String> {
    let mut notes = Vec::new();
    let languages = recipe.stages.iter().find_map(|stage| match &stage.kind {
        crate::StageRecipeKind::Filter(filter) if stage.name == "language" => filter.options.get("languages"),
        _ => None,
    });
    if let Some(document::OptionValue::List(languages)) = languages {
        for language in languages.iter().filter(|language| filters::stop_words(language).is_none()) {
            notes.push(format!("there are no stop words for `{language}`: its stop-word check is off"));
        }
        notes.push(
            "language is whatlang's judgement with a confidence above 0.5; this is not fastText's 0.65"
                .to_owned(),
        );
    }
    notes
}

fn wrap(names: &[&str], joiner: &str, indent: usize) -> String {
    let mut out = String::new();
    let mut width = indent;
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            out.push_str(joiner);
            width += joiner.chars().count();
            if width + name.len() > 78 {
                let _ = write!(out, "\n{:indent$}", "");
                width = indent;
            }
        }
        out.push_str(name);
        width += name.len();
    }
    out
}
