//! TOML -> [`Recipe`]: every key is checked, every error names its line and a remedy.

use std::collections::BTreeMap;
use std::ops::Range;

use document::{Bound, FilterSpec, Judge, OptionSpec, OptionValue, Test};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::columns;
use crate::error::{RuleError, suggest};
use crate::keep::Wrong;
use crate::minhash::Minhash;
use crate::mix::Mix;
use crate::recipe::{FilterRecipe, OTHER_STAGES, Recipe, StageRecipe, StageRecipeKind, stage_named};
use crate::sections::{SECTIONS, section};
use crate::url_dedup::UrlDedup;

pub(crate) struct Parser<'a> {
    /// Its name in messages.
    pub file: &'a str,
    pub text: &'a str,
}

pub(crate) type Value<'a> = Spanned<DeValue<'a>>;

impl Parser<'_> {
    pub(crate) fn error(&self, span: Range<usize>, message: String, remedy: String) -> RuleError {
        RuleError { file: self.file.to_owned(), line: self.line(&span), message, remedy }
    }

    fn line(&self, span: &Range<usize>) -> usize {
        self.text.get(..span.start).map_or(0, |before| before.matches('\n').count() + 1)
    }

    pub fn recipe(&self) -> Result<Recipe, RuleError> {
        let table = DeTable::parse(self.text).map_err(|error| {
            self.error(
                error.span().unwrap_or(0..0),
                error.message().to_owned(),
                "recipes are TOML: see rules/README.md".to_owned(),
            )
        })?;
        let table = table.get_ref();
        let pipeline = table.get("pipeline").ok_or_else(|| {
            self.error(
                0..0,
                "`pipeline` is missing".to_owned(),
                "add a line such as pipeline = [\"gopher_quality\"]".to_owned(),
            )
        })?;
        let mut stages = self.pipeline(pipeline)?;
        let mut recipe = Recipe {
            name: self.default_name(),
            stages: Vec::new(),
            sections: defaults(),
            lists: BTreeMap::new(),
            sidecars: BTreeMap::new(),
            models: BTreeMap::new(),
        };
        for (key, value) in table {
            let name: &str = key.get_ref();
            match name {
                "pipeline" => {}
                columns::STAGE => self.columns(key.span(), value, &mut stages)?,
                "name" => {
                    recipe.name = value.get_ref().as_str().map(str::to_owned).ok_or_else(|| {
                        self.error(value.span(), "`name` must be a text".to_owned(), String::new())
                    })?
                }
                _ => self.table(name, key.span(), value, &mut stages, &mut recipe)?,
            }
        }
        recipe.stages = stages;
        if recipe.has_stage(columns::STAGE) && recipe.columns().is_empty() {
            let message = "`column` has nothing to judge".to_owned();
            let remedy = "add a table such as [column.edu_score] with at_least = 3, or remove the stage";
            return Err(self.error(pipeline.span(), message, remedy.to_owned()));
        }
        let written = |name: &str, key: &str| table.get(name)?.get_ref().as_table()?.get(key);
        if recipe.text("minhash", "keep") == "datatrove" && written("minhash", "verify").is_none() {
            // The reference verifies nothing.
            recipe.sections.insert(("minhash", "verify"), OptionValue::Text("none".to_owned()));
        }
        let wrong = Minhash::of(&recipe).err().or_else(|| UrlDedup::of(&recipe).err());
        let wrong = wrong.or_else(|| Mix::of(&recipe).err());
        if let Some(Wrong { table, key, message, remedy }) = wrong {
            let span = written(table, key).map_or(0..0, |value| value.span());
            return Err(self.error(span, message, remedy));
        }
        Ok(recipe)
    }

    fn default_name(&self) -> String {
        let name = self.file.rsplit('/').next().unwrap_or(self.file);
        name.strip_suffix(".toml").unwrap_or(name).to_owned()
    }

    fn pipeline(&self, value: &Value<'_>) -> Result<Vec<StageRecipe>, RuleError> {
        let bad = |span, message: String, remedy: String| Err(self.error(span, message, remedy));
        let Some(names) = value.get_ref().as_array() else {
            return bad(value.span(), "`pipeline` must be a list of stage names".into(), String::new());
        };
        let mut stages: Vec<StageRecipe> = Vec::new();
        for item in names.iter() {
            let Some(name) = item.get_ref().as_str() else {
                return bad(item.span(), "a stage is named by a text".into(), String::new());
            };
            let Some(stage) = stage_named(name) else {
                let known = filters::FILTERS.iter().map(|filter| filter.name).chain(OTHER_STAGES);
                return bad(item.span(), format!("there is no stage `{name}`"), suggest(name, known));
            };
            if stages.iter().any(|earlier| earlier.name == stage.name) {
                return bad(
                    item.span(),
                    format!("`{name}` stands twice in the pipeline"),
                    "remove one".into(),
                );
            }
            let order =
                |name: &str| ["tokenize", "pack"].iter().position(|last| *last == name).map_or(0, |i| i + 1);
            let previous = stages.last().map_or(0, |last| order(last.name));
            if order(name) < previous {
                let remedy = "tokenize, then pack, stand last: all filters and dedup come before them";
                return bad(item.span(), format!("`{name}` comes too late in the pipeline"), remedy.into());
            }
            let is_repeats = filters::find(name).is_some_and(|spec| matches!(spec.judge, Judge::Repeats(_)));
            if let (true, Some(earlier)) = (is_repeats, stages.iter().find(|stage| is_dedup(&stage.kind))) {
                let remedy =
                    format!("put it before `{}`: it runs before the sweep, that one after it", earlier.name);
                return bad(item.span(), format!("`{name}` comes too late in the pipeline"), remedy);
            }
            if name == "pack" && previous != 1 {
                return bad(
                    item.span(),
                    "`pack` needs `tokenize` before it".into(),
                    "add \"tokenize\"".into(),
                );
            }
            stages.push(stage);
        }
        Ok(stages)
    }

    fn table(
        &self,
        name: &str,
        span: Range<usize>,
        value: &Value<'_>,
        stages: &mut [StageRecipe],
        recipe: &mut Recipe,
    ) -> Result<(), RuleError> {
        let filter = stages.iter_mut().find_map(|stage| match &mut stage.kind {
            StageRecipeKind::Filter(filter) if stage.name == name => Some(filter),
            _ => None,
        });
        let known = section(name);
        if filter.is_none() && known.is_none() {
            if filters::find(name).is_some() || OTHER_STAGES.contains(&name) {
                let message = format!("[{name}] sets values of a stage that the pipeline does not have");
                return Err(self.error(
                    span,
                    message,
                    format!("add \"{name}\" to the pipeline, or remove the table"),
                ));
            }
            let names = SECTIONS.iter().map(|s| s.name).chain(stages.iter().map(|s| s.name));
            return Err(self.error(span, format!("unknown table or key `{name}`"), suggest(name, names)));
        }
        let Some(table) = value.get_ref().as_table() else {
            return Err(self.error(
                value.span(),
                format!("`{name}` must be a table: [{name}]"),
                String::new(),
            ));
        };
        if let (None, Some(known)) = (&filter, known) {
            for (key, value) in table {
                let spec = self.find_option(name, key, known.options)?;
                let parsed = self.option(name, spec, value)?;
                let range = known.ranges.iter().find(|range| range.0 == spec.key);
                if let (OptionValue::Number(number), Some((_, low, high))) = (&parsed, range)
                    && !(low..=high).contains(&number)
                {
                    let message = format!("{name}.{} = {number} is out of range", spec.key);
                    return Err(self.error(value.span(), message, format!("allowed: {low} to {high}")));
                }
                recipe.sections.insert((known.name, spec.key), parsed);
            }
        }
        if let Some(filter) = filter {
            self.filter(table, filter)?;
        }
        Ok(())
    }

    fn find_option(
        &self,
        table: &str,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        options: &'static [OptionSpec],
    ) -> Result<&'static OptionSpec, RuleError> {
        let name: &str = key.get_ref();
        options.iter().find(|option| option.key == name).ok_or_else(|| {
            let remedy = match options {
                [] => format!("[{table}] has no keys"),
                _ if table == "columns" => {
                    format!("known: keep; a column to judge by is a table: [column.{name}]")
                }
                _ => suggest(name, options.iter().map(|option| option.key)),
            };
            self.error(key.span(), format!("unknown key `{name}` in [{table}]"), remedy)
        })
    }

    fn filter(&self, table: &DeTable<'_>, filter: &mut FilterRecipe) -> Result<(), RuleError> {
        let spec = filter.spec;
        for (key, value) in table {
            let name: &str = key.get_ref();
            let checks = spec.checks_named(name);
            if !checks.is_empty() {
                for (check, bound) in self.together(spec, &checks, key, value)? {
                    filter.bounds[check] = bound;
                }
            } else if let Some(option) = spec.options.iter().find(|option| option.key == name) {
                filter.options.insert(name.to_owned(), self.option(spec.name, option, value)?);
                filter.lines.insert(name.to_owned(), self.line(&value.span()));
            } else if let (Some(inner), true) = (value.get_ref().as_table(), is_language(name)) {
                let mut bounds = Vec::new();
                for (key, value) in inner {
                    let reason: &str = key.get_ref();
                    let checks = spec.checks_named(reason);
                    if checks.is_empty() {
                        let remedy = suggest(reason, spec.checks.iter().map(|check| check.reason));
                        let message = format!("unknown check `{reason}` in [{}.{name}]", spec.name);
                        return Err(self.error(key.span(), message, remedy));
                    }
                    bounds.extend(self.together(spec, &checks, key, value)?);
                }
                filter.by_language.insert(name.to_owned(), bounds);
            } else {
                let known = spec.checks.iter().map(|check| check.reason);
                let known = known.chain(spec.options.iter().map(|option| option.key));
                let message = format!("unknown key `{name}` in [{}]", spec.name);
                return Err(self.error(key.span(), message, suggest(name, known)));
            }
        }
        for (check, bound) in spec.checks.iter().zip(&mut filter.bounds) {
            let value = check.dropped_by.and_then(|option| filter.options.get(option));
            if value == Some(&OptionValue::Text("drop".to_owned())) {
                *bound = Bound::AtMost(0.0);
            }
        }
        Ok(())
    }

    /// The bounds of checks that one key names. A reference's name may mean several: they are only switched together.
    fn together(
        &self,
        spec: &FilterSpec,
        checks: &[usize],
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Value<'_>,
    ) -> Result<Vec<(usize, Bound)>, RuleError> {
        if checks.len() > 1 && !matches!(value.get_ref().as_str(), Some("on" | "off")) {
            let names: Vec<&str> = checks.iter().map(|&check| spec.checks[check].reason).collect();
            let message = format!("`{}` means {} checks of [{}]", key.get_ref(), checks.len(), spec.name);
            return Err(self.error(value.span(), message, format!("name one: {}", names.join(", "))));
        }
        checks.iter().map(|&check| Ok((check, self.bound(spec, check, value)?))).collect()
    }

    fn bound(&self, spec: &FilterSpec, check: usize, value: &Value<'_>) -> Result<Bound, RuleError> {
        let check = &spec.checks[check];
        if value.get_ref().as_str() == Some("off") {
            return Ok(Bound::Off);
        }
        let shape = match check.test {
            Test::Own => "\"on\" or \"off\"",
            Test::Bound(_, Bound::Between(..)) => "[low, high], or \"off\"",
            Test::Bound(..) => "a number, or \"off\"",
        };
        let wrong = || {
            let message = format!("`{}` takes {shape}", check.reason);
            self.error(value.span(), message, check.why.to_owned())
        };
        let checked = |number: Option<f64>| number.filter(|n| n.is_finite() && *n >= 0.0).ok_or_else(wrong);
        match check.test {
            Test::Own if value.get_ref().as_str() == Some("on") => Ok(Bound::AtMost(0.0)),
            Test::Own | Test::Bound(_, Bound::Off) => Err(wrong()),
            Test::Bound(_, Bound::AtLeast(_)) => Ok(Bound::AtLeast(checked(number(value.get_ref()))?)),
            Test::Bound(_, Bound::Above(_)) => Ok(Bound::Above(checked(number(value.get_ref()))?)),
            Test::Bound(_, Bound::AtMost(_)) => Ok(Bound::AtMost(checked(number(value.get_ref()))?)),
            Test::Bound(_, Bound::Below(_)) => Ok(Bound::Below(checked(number(value.get_ref()))?)),
            Test::Bound(_, Bound::Between(..)) => {
                let limits = value.get_ref().as_array().ok_or_else(wrong)?;
                let [low, high] = limits.iter().collect::<Vec<_>>()[..] else { return Err(wrong()) };
                let (low, high) = (checked(number(low.get_ref()))?, checked(number(high.get_ref()))?);
                if low > high {
                    return Err(wrong());
                }
                Ok(Bound::Between(low, high))
            }
        }
    }

    fn option(&self, table: &str, spec: &OptionSpec, value: &Value<'_>) -> Result<OptionValue, RuleError> {
        let default = default_value(spec);
        let parsed = option_value(value.get_ref());
        let fits =
            parsed.as_ref().is_some_and(|v| std::mem::discriminant(v) == std::mem::discriminant(&default));
        let Some(parsed) = parsed.filter(|_| fits) else {
            let message = format!("{table}.{} has the wrong type", spec.key);
            return Err(self.error(
                value.span(),
                message,
                format!("its default is {}: {}", spec.default, spec.why),
            ));
        };
        let words: Vec<&str> = match &parsed {
            OptionValue::Text(text) => vec![text],
            OptionValue::List(list) => list.iter().map(String::as_str).collect(),
            _ => vec![],
        };
        if let Some(word) = words.iter().find(|w| !spec.allowed.is_empty() && !spec.allowed.contains(w)) {
            let message = format!("{table}.{} cannot be \"{word}\"", spec.key);
            return Err(self.error(value.span(), message, suggest(word, spec.allowed.iter().copied())));
        }
        Ok(parsed)
    }
}

/// It decides when the sweep is over.
fn is_dedup(kind: &StageRecipeKind) -> bool {
    matches!(kind, StageRecipeKind::UrlDedup | StageRecipeKind::ExactDedup | StageRecipeKind::Minhash)
}

fn is_language(key: &str) -> bool {
    (2..=3).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Zero has no sign: written out, it would lose it.
pub(crate) fn number(value: &DeValue<'_>) -> Option<f64> {
    let number: Option<f64> = match value {
        DeValue::Integer(integer) => {
            i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|n| n as f64)
        }
        DeValue::Float(float) => float.as_str().parse().ok(),
        _ => None,
    };
    number.map(|number| if number == 0.0 { 0.0 } else { number })
}

fn option_value(value: &DeValue<'_>) -> Option<OptionValue> {
    match value {
        DeValue::Boolean(flag) => Some(OptionValue::Bool(*flag)),
        DeValue::String(text) => Some(OptionValue::Text(text.clone().into_owned())),
        DeValue::Integer(_) | DeValue::Float(_) => number(value).map(OptionValue::Number),
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>().map(OptionValue::List)
        }
        _ => None,
    }
}

/// The default of an option, which is TOML text in its table.
pub fn default_value(spec: &OptionSpec) -> OptionValue {
    let parsed = DeValue::parse(spec.default).ok().and_then(|value| option_value(value.get_ref()));
    debug_assert!(parsed.is_some(), "default of {} is not TOML", spec.key);
    parsed.unwrap_or(OptionValue::Bool(false))
}

fn defaults() -> BTreeMap<(&'static str, &'static str), OptionValue> {
    SECTIONS
        .iter()
        .flat_map(|s| s.options.iter().map(|option| ((s.name, option.key), default_value(option))))
        .collect()
}
