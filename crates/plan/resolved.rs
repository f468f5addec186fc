//! A recipe written out whole: every key with its value, and the hash of that text.

use std::fmt::Write;

use document::{Bound, OptionValue, Test};
use xxhash_rust::xxh3::Xxh3;

use crate::columns::ColumnRecipe;
use crate::recipe::{FilterRecipe, Recipe, StageRecipeKind};
use crate::sections::SECTIONS;

/// TOML that parses back to the same recipe.
pub fn to_toml(recipe: &Recipe) -> String {
    let mut out = format!("name = {}\npipeline = [", text(&recipe.name));
    let names: Vec<String> = recipe.stages.iter().map(|stage| text(stage.name)).collect();
    let _ = writeln!(out, "{}]", names.join(", "));
    for section in SECTIONS.iter().filter(|section| !section.options.is_empty()) {
        let is_stage = ["minhash", "pack"].contains(&section.name);
        if is_stage && !recipe.has_stage(section.name) {
            continue;
        }
        let _ = writeln!(out, "\n[{}]", section.name);
        for option in section.options {
            if let Some(value) = recipe.sections.get(&(section.name, option.key)) {
                let _ = writeln!(out, "{} = {}", option.key, option_text(value));
            }
        }
    }
    for stage in &recipe.stages {
        match &stage.kind {
            StageRecipeKind::Filter(filter) => write_filter(&mut out, filter),
            StageRecipeKind::Columns(columns) => {
                columns.iter().for_each(|column| write_column(&mut out, column, recipe));
            }
            _ => {}
        }
    }
    out
}

fn write_filter(out: &mut String, filter: &FilterRecipe) {
    let spec = filter.spec;
    if !spec.checks.is_empty() || !spec.options.is_empty() {
        let _ = writeln!(out, "\n[{}]", spec.name);
    }
    for option in spec.options {
        if let Some(value) = filter.options.get(option.key) {
            let _ = writeln!(out, "{} = {}", option.key, option_text(value));
        }
    }
    for (check, bound) in spec.checks.iter().zip(&filter.bounds) {
        let _ = writeln!(out, "{} = {}", check.reason, bound_text(check.test, *bound));
    }
    for (language, changes) in &filter.by_language {
        let _ = writeln!(out, "\n[{}.{language}]", spec.name);
        for (check, bound) in changes {
            let check = &spec.checks[*check];
            let _ = writeln!(out, "{} = {}", check.reason, bound_text(check.test, *bound));
        }
    }
}

/// The comment behind `from` makes the files' content part of the recipe's hash.
fn write_column(out: &mut String, column: &ColumnRecipe, recipe: &Recipe) {
    let _ = writeln!(out, "\n[column.{}]", column.name);
    if let Some(from) = &column.from {
        let found = recipe.sidecars.get(from).map(|files| (files.files.len(), files.hash.as_str()));
        let (n, hash) = found.unwrap_or_default();
        let _ = writeln!(out, "from = {} # files: {n}, xxh3-128: {hash}", text(from));
        let _ = writeln!(out, "id = {}", text(&column.id));
    }
    let _ = writeln!(out, "field = {}", text(&column.field));
    let _ = writeln!(out, "missing = \"{}\"", if column.drops_missing { "drop" } else { "keep" });
    let _ = match column.bound {
        Bound::Off => Ok(()),
        Bound::AtLeast(low) => writeln!(out, "at_least = {low:?}"),
        Bound::Above(low) => writeln!(out, "above = {low:?}"),
        Bound::AtMost(high) => writeln!(out, "at_most = {high:?}"),
        Bound::Below(high) => writeln!(out, "below = {high:?}"),
        Bound::Between(low, high) => writeln!(out, "at_least = {low:?}\nat_most = {high:?}"),
    };
}

/// The bound of a check on documents of a language (short name), if it is in the recipe.
pub fn bound(recipe: &Recipe, stage: &str, check: &str, language: Option<&str>) -> Option<Bound> {
    let filter = recipe.stages.iter().find_map(|found| match &found.kind {
        StageRecipeKind::Filter(filter) if found.name == stage => Some(filter),
        _ => None,
    })?;
    let check = *filter.spec.checks_named(check).first()?;
    let own = filter.by_language.get(language.unwrap_or_default());
    let own = own.and_then(|changes| changes.iter().rfind(|(at, _)| *at == check));
    Some(own.map_or(filter.bounds[check], |(_, bound)| *bound))
}

/// A bound as a recipe writes it.
pub fn bound_text(test: Test, bound: Bound) -> String {
    match (test, bound) {
        (_, Bound::Off) => "\"off\"".to_owned(),
        (Test::Own, _) => "\"on\"".to_owned(),
        (_, Bound::AtLeast(limit) | Bound::Above(limit) | Bound::AtMost(limit) | Bound::Below(limit)) => {
            number_text(limit)
        }
        (_, Bound::Between(low, high)) => format!("[{}, {}]", number_text(low), number_text(high)),
    }
}

/// Written out, large numbers would be integers that TOML has no room for.
fn number_text(number: f64) -> String {
    if number.abs() < 1e15 { number.to_string() } else { format!("{number:?}") }
}

fn option_text(value: &OptionValue) -> String {
    match value {
        OptionValue::Bool(flag) => flag.to_string(),
        OptionValue::Number(number) => number_text(*number),
        OptionValue::Text(word) => text(word),
        OptionValue::List(list) => {
            let items: Vec<String> = list.iter().map(|item| text(item)).collect();
            format!("[{}]", items.join(", "))
        }
    }
}

fn text(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

/// xxh3-128 of the resolved text and of the lists and models that the recipe names.
pub(crate) fn hash(recipe: &Recipe, resolved: &str) -> String {
    let mut hasher = Xxh3::new();
    hasher.update(resolved.as_bytes());
    let lists = recipe.lists.iter().map(|(path, list)| (path, list.as_bytes()));
    let models = recipe.models.iter().map(|(path, model)| (path, &**model));
    for (path, bytes) in lists.chain(models) {
        hasher.update(&(path.len() as u64).to_le_bytes());
        hasher.update(path.as_bytes());
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    format!("{:032x}", hasher.digest128())
}
