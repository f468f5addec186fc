//! `gopher_quality.too_few_words=80`: a recipe with some of its values changed.

use document::FilterSpec;
use toml::{Table, Value};

use crate::error::{RuleError, suggest};
use crate::recipe::{Recipe, StageRecipeKind};
use crate::resolved;

/// A value that was changed, as a recipe writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjusted {
    /// `gopher_quality.too_few_words`, or a whole stage.
    pub name: String,
    pub before: String,
    pub after: String,
}

/// The recipe with settings applied in order, each `filter.check=value`, `filter.language.check=value`,
/// `check=value` where only one filter has it, or `filter=off` and `filter=on`.
///
/// # Errors
/// The first setting that cannot be applied.
pub fn adjusted(recipe: &Recipe, settings: &[String]) -> Result<(Recipe, Vec<Adjusted>), RuleError> {
    let (mut recipe, mut all) = (recipe.clone(), Vec::new());
    for setting in settings {
        let wrong =
            |message: String, remedy: String| RuleError { file: setting.clone(), line: 0, message, remedy };
        let Some((name, value)) = setting.split_once('=').filter(|(name, _)| !name.trim().is_empty()) else {
            let remedy = "write filter.check=value, such as gopher_quality.too_few_words=80, or filter=off";
            return Err(wrong("it sets nothing".to_owned(), remedy.to_owned()));
        };
        let (name, value) = (name.trim(), parsed(value.trim()));
        let text = resolved::to_toml(&recipe);
        let mut table: Table = text
            .parse()
            .map_err(|error: toml::de::Error| wrong(error.message().to_owned(), String::new()))?;
        let path: Vec<&str> = name.split('.').collect();
        let places = match places(&recipe, &path) {
            Ok(places) => places,
            Err((message, remedy)) => return Err(wrong(message, remedy)),
        };
        for place in places {
            let found = match place.as_slice() {
                [stage] => switch(&recipe, &mut table, stage, &value),
                place => Ok(set(&mut table, place, value.clone())),
            };
            let before = found.map_err(|(message, remedy)| wrong(message, remedy))?;
            all.push(Adjusted { name: place.join("."), before, after: shown(&value) });
        }
        // What the recipe's own rules say of it, without the line of a text that nobody wrote.
        recipe = Recipe::parse(&recipe.name, &table.to_string()).map_err(|error| RuleError {
            file: setting.clone(),
            line: 0,
            ..error
        })?;
    }
    Ok((recipe, all))
}

/// What is wrong, and how to put it right.
type Refused = (String, String);

/// `off` and `0.5` as TOML has them.
fn parsed(value: &str) -> Value {
    let table: Result<Table, _> = format!("value = {value}").parse();
    let found = table.ok().and_then(|mut table| table.remove("value"));
    found.unwrap_or_else(|| Value::String(value.to_owned()))
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn filters_of(recipe: &Recipe) -> impl Iterator<Item = &'static FilterSpec> {
    recipe.stages.iter().filter_map(|stage| match &stage.kind {
        StageRecipeKind::Filter(filter) => Some(filter.spec),
        _ => None,
    })
}

/// The tables and keys that a name means, by the names that the house has for them.
fn places(recipe: &Recipe, path: &[&str]) -> Result<Vec<Vec<String>>, Refused> {
    let own = |parts: &[&str]| vec![parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>()];
    let found = filters_of(recipe).find(|filter| filter.name == path[0]);
    match (path, found) {
        ([_], _) if recipe.has_stage(path[0]) => Ok(own(path)),
        ([check], None) if filters::find(check).is_none() => {
            let all = || {
                filters_of(recipe)
                    .flat_map(|filter| filter.checks_named(check).into_iter().map(move |at| (filter, at)))
            };
            let mut filters: Vec<&str> = all().map(|(filter, _)| filter.name).collect();
            filters.dedup();
            match filters[..] {
                [] => {
                    let checks =
                        filters_of(recipe).flat_map(|filter| filter.checks.iter().map(|check| check.reason));
                    let known = checks.chain(recipe.stages.iter().map(|stage| stage.name));
                    Err((format!("the run has no filter and no check `{check}`"), suggest(check, known)))
                }
                [_] => Ok(all()
                    .map(|(filter, at)| vec![filter.name.to_owned(), filter.checks[at].reason.to_owned()])
                    .collect()),
                _ => {
                    let names: Vec<String> =
                        filters.iter().map(|filter| format!("{filter}.{check}")).collect();
                    Err((
                        format!("several filters have a check `{check}`"),
                        format!("name one: {}", names.join(", ")),
                    ))
                }
            }
        }
        ([before @ .., check], Some(filter)) if !before.is_empty() => {
            let checks = filter.checks_named(check);
            let named = |at: usize| [before, &[filter.checks[at].reason]].concat();
            match checks.is_empty() {
                true => Ok(own(path)),
                false => Ok(checks.into_iter().flat_map(|at| own(&named(at))).collect()),
            }
        }
        _ if found.is_none() && filters::find(path[0]).is_some() => {
            let remedy =
                "what no stage measured, no ledger knows: add it to the recipe and run `corpus clean` again";
            Err((format!("the run's pipeline has no `{}`", path[0]), remedy.to_owned()))
        }
        ([_], _) => Err((format!("`{}` is no stage", path[0]), "write table.key=value".to_owned())),
        _ => Ok(own(path)),
    }
}

/// Takes a stage out of the pipeline, or sets it to work. Gives what it was.
fn switch(recipe: &Recipe, table: &mut Table, stage: &str, value: &Value) -> Result<String, Refused> {
    match value.as_str() {
        Some("off") => {
            table.remove(stage);
            if let Some(Value::Array(pipeline)) = table.get_mut("pipeline") {
                pipeline.retain(|name| name.as_str() != Some(stage));
            }
            Ok("on".to_owned())
        }
        Some("on") => {
            let spec = filters_of(recipe).find(|filter| filter.name == stage);
            if let (Some(spec), Some(Value::Table(keys))) = (spec, table.get_mut(stage)) {
                let is_off = |key: &str, value: &Value| {
                    let is_check = spec.checks.iter().any(|check| check.reason == key);
                    value.as_str() == Some(if is_check { "off" } else { "tag" })
                        && (is_check || key == "action")
                };
                // Without the key the default holds.
                keys.retain(|key, value| !is_off(key, value));
            }
            Ok("as it was".to_owned())
        }
        _ => Err((
            format!("a stage is on or off, not {}", shown(value)),
            format!("write {stage}=off, or {stage}.check=value"),
        )),
    }
}

/// Sets a value in nested tables. Gives what it was.
fn set(table: &mut Table, place: &[String], value: Value) -> String {
    let [tables @ .., key] = place else { return String::new() };
    let mut at = table;
    for name in tables {
        let entry = at.entry(name.clone()).or_insert_with(|| Value::Table(Table::new()));
        if !entry.is_table() {
            *entry = Value::Table(Table::new());
        }
        match entry {
            Value::Table(inner) => at = inner,
            _ => return String::new(),
        }
    }
    at.insert(key.clone(), value).map_or_else(|| "not set".to_owned(), |before| shown(&before))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use document::Bound;

    use super::*;

    const RECIPE: &str = "pipeline = [\"language\", \"bad_words\", \"gopher_quality\", \"fineweb_quality\", \"minhash\"]\n\
                          [bad_words]\naction = \"tag\"\n[gopher_quality]\ntoo_few_words = \"off\"\n";

    fn apply(settings: &[&str]) -> Result<(Recipe, Vec<Adjusted>), RuleError> {
        let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        adjusted(&Recipe::parse("test.toml", RECIPE).unwrap(), &settings)
    }

    fn bound(recipe: &Recipe, stage: &str, check: &str) -> Bound {
        let filter = recipe.stages.iter().find_map(|found| match &found.kind {
            StageRecipeKind::Filter(filter) if found.name == stage => Some(filter),
            _ => None,
        });
        let filter = filter.unwrap();
        filter.bounds[filter.spec.checks_named(check)[0]]
    }

    #[test]
    fn settings_change_the_recipe_in_order() {
        let (recipe, all) = apply(&["too_many_bullets=0.5", "gopher_quality.too_few_words=80"]).unwrap();
        assert_eq!(bound(&recipe, "gopher_quality", "too_few_words"), Bound::AtLeast(80.0));
        assert_eq!(bound(&recipe, "gopher_quality", "too_many_bullets"), Bound::AtMost(0.5));
        assert_eq!(
            all[1],
            Adjusted {
                name: "gopher_quality.too_few_words".to_owned(),
                before: "off".to_owned(),
                after: "80".to_owned()
            }
        );
        let (recipe, _) = apply(&["gopher_quality.de.odd_word_length=[2, 12]", "language=off"]).unwrap();
        assert!(!recipe.has_stage("language"));
        assert!(resolved::to_toml(&recipe).contains("[gopher_quality.de]\nodd_word_length = [2, 12]"));
    }

    #[test]
    fn a_filter_that_only_measured_is_set_to_work() {
        let (recipe, _) = apply(&["gopher_quality=on", "bad_words=on"]).unwrap();
        assert_eq!(bound(&recipe, "gopher_quality", "too_few_words"), Bound::AtLeast(50.0));
        assert!(resolved::to_toml(&recipe).contains("action = \"drop\""));
    }

    #[test]
    fn mistakes_are_named_with_the_remedy() {
        for (setting, message, remedy) in [
            (
                "gopher_quality.too_few_word=80",
                "unknown key `too_few_word` in [gopher_quality]",
                "did you mean `too_few_words`?",
            ),
            (
                "gopher_qality.too_few_words=80",
                "unknown table or key `gopher_qality`",
                "did you mean `gopher_quality`?",
            ),
            ("too_few_word=80", "no check `too_few_word`", "did you mean `too_few_words`?"),
            ("gopher_quality.too_few_words=many", "takes a number", ""),
            ("gopher_quality=5", "on or off", "gopher_quality=off"),
            (
                "c4_quality.too_few_sentences=3",
                "the run's pipeline has no `c4_quality`",
                "run `corpus clean` again",
            ),
            ("gopher_quality.too_few_words", "sets nothing", "filter.check=value"),
            ("words.splitter=spacey", "cannot be \"spacey\"", "did you mean `spacy`?"),
        ] {
            let error = apply(&["minhash=off", setting]).unwrap_err();
            assert_eq!(error.file, setting);
            assert!(error.message.contains(message), "{setting}: {}", error.message);
            assert!(error.remedy.contains(remedy), "{setting}: {}", error.remedy);
        }
    }
}
