//! What a person wrote, checked: stages with their numbers, and what they read beside documents.

use std::collections::BTreeMap;
use std::sync::Arc;

use document::{Bound, FileBytes, FilterSpec, OptionValue, Test};

use crate::columns::{self, ColumnRecipe, Sidecar};
use crate::error::RuleError;
use crate::parser::{Parser, default_value};

/// What a person wrote, checked, with defaults filled in.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub name: String,
    pub stages: Vec<StageRecipe>,
    /// Values of the tables in [`SECTIONS`], by `(table, key)`.
    pub sections: BTreeMap<(&'static str, &'static str), OptionValue>,
    /// Path as written -> text of the list file; filled by the caller, see [`Recipe::list_paths`].
    pub lists: BTreeMap<String, Arc<str>>,
    /// A column's `from` as written -> its files; filled by the caller, see [`Recipe::columns`].
    pub sidecars: BTreeMap<String, Sidecar>,
    /// Path as written -> the model; filled by the caller, see [`Recipe::model_paths`].
    pub models: BTreeMap<String, FileBytes>,
}

#[derive(Clone, Debug)]
pub struct StageRecipe {
    pub name: &'static str,
    pub kind: StageRecipeKind,
}

#[derive(Clone, Debug)]
pub enum StageRecipeKind {
    Filter(Box<FilterRecipe>),
    Columns(Vec<ColumnRecipe>),
    UrlDedup,
    ExactDedup,
    Minhash,
    Tokenize,
    Pack,
}

/// A filter with its numbers.
#[derive(Clone)]
pub struct FilterRecipe {
    pub spec: &'static FilterSpec,
    /// By check; `Off` also switches off a check that is code.
    pub bounds: Vec<Bound>,
    /// What differs by language (short code): `(check, bound)`.
    pub by_language: BTreeMap<String, Vec<(usize, Bound)>>,
    pub options: BTreeMap<String, OptionValue>,
    /// Lines of the options that are written, for errors that show when the filter is built.
    pub(crate) lines: BTreeMap<String, usize>,
}

impl FilterRecipe {
    /// It judges by a model, and so only what is still kept.
    pub(crate) fn is_model(&self) -> bool {
        self.spec.options.iter().any(|option| option.is_path && option.key == "model")
    }

    /// The line of the option with whose key a message begins; 0 where it begins with none.
    pub(crate) fn line_of(&self, message: &str) -> usize {
        let key = message.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        self.lines.get(key).copied().unwrap_or(0)
    }

    /// Paths that the options name, of the one kind or the other, with their keys.
    fn paths(&self, are_models: bool) -> impl Iterator<Item = (&'static str, &String)> {
        let options = self.spec.options.iter().filter(|option| option.is_path);
        options.flat_map(move |option| {
            let paths = match self.options.get(option.key) {
                Some(OptionValue::List(list)) if !are_models => list.as_slice(),
                Some(OptionValue::Text(path)) if are_models => std::slice::from_ref(path),
                _ => &[],
            };
            paths.iter().filter(|path| !path.is_empty()).map(|path| (option.key, path))
        })
    }
}

impl std::fmt::Debug for FilterRecipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {:?}", self.spec.name, self.bounds, self.options)
    }
}

/// Stages that are not filters.
pub(crate) const OTHER_STAGES: [&str; 6] =
    [columns::STAGE, "url_dedup", "exact_dedup", "minhash", "tokenize", "pack"];

impl Recipe {
    /// Parses TOML text. `file` is its name for error messages.
    pub fn parse(file: &str, text: &str) -> Result<Recipe, RuleError> {
        Parser { file, text }.recipe()
    }

    /// Paths of the list files that the recipe names.
    pub fn list_paths(&self) -> Vec<String> {
        self.filters().flat_map(|filter| filter.paths(false)).map(|(_, path)| path.clone()).collect()
    }

    /// Lists of the categories of UT1 folders; a category may lack its `urls`.
    pub fn ut1_paths(&self) -> Vec<String> {
        let of = |filter: &FilterRecipe| match (filter.options.get("ut1"), filter.options.get("categories")) {
            (Some(OptionValue::List(folders)), Some(OptionValue::List(categories))) => {
                filters::ut1_paths(folders, categories)
            }
            _ => Vec::new(),
        };
        self.filters().flat_map(of).collect()
    }

    /// Paths of the models that the recipe names, with their lines in it.
    pub fn model_paths(&self) -> Vec<(String, usize)> {
        let of = |filter: &FilterRecipe| -> Vec<(String, usize)> {
            filter.paths(true).map(|(key, path)| (path.clone(), filter.line_of(key))).collect()
        };
        self.filters().flat_map(of).collect()
    }

    fn filters(&self) -> impl Iterator<Item = &FilterRecipe> {
        self.stages.iter().filter_map(|stage| match &stage.kind {
            StageRecipeKind::Filter(filter) => Some(filter.as_ref()),
            _ => None,
        })
    }

    /// Numbers that come with the documents.
    pub fn columns(&self) -> &[ColumnRecipe] {
        let columns = self.stages.iter().find_map(|stage| match &stage.kind {
            StageRecipeKind::Columns(columns) => Some(columns.as_slice()),
            _ => None,
        });
        columns.unwrap_or_default()
    }

    pub fn has_stage(&self, name: &str) -> bool {
        self.stages.iter().any(|stage| stage.name == name)
    }

    pub fn number(&self, table: &'static str, key: &'static str) -> f64 {
        match self.sections.get(&(table, key)) {
            Some(OptionValue::Number(number)) => *number,
            _ => unreachable!("{table}.{key} is a number with a default"),
        }
    }

    pub fn text(&self, table: &'static str, key: &'static str) -> &str {
        match self.sections.get(&(table, key)) {
            Some(OptionValue::Text(text)) => text,
            _ => unreachable!("{table}.{key} is a text with a default"),
        }
    }

    pub fn list(&self, table: &'static str, key: &'static str) -> &[String] {
        match self.sections.get(&(table, key)) {
            Some(OptionValue::List(list)) => list,
            _ => unreachable!("{table}.{key} is a list with a default"),
        }
    }
}

/// A stage with its published numbers; `None` if there is none of the name.
pub(crate) fn stage_named(name: &str) -> Option<StageRecipe> {
    if let Some(spec) = filters::find(name) {
        let bounds = spec.checks.iter().map(|check| match check.test {
            _ if check.is_off => Bound::Off,
            Test::Bound(_, bound) => bound,
            Test::Own => Bound::AtMost(0.0),
        });
        let options = spec.options.iter().map(|option| (option.key.to_owned(), default_value(option)));
        let filter = FilterRecipe {
            spec,
            bounds: bounds.collect(),
            by_language: BTreeMap::new(),
            options: options.collect(),
            lines: BTreeMap::new(),
        };
        return Some(StageRecipe { name: spec.name, kind: StageRecipeKind::Filter(Box::new(filter)) });
    }
    let (name, kind) = match name {
        columns::STAGE => (columns::STAGE, StageRecipeKind::Columns(Vec::new())),
        "url_dedup" => ("url_dedup", StageRecipeKind::UrlDedup),
        "exact_dedup" => ("exact_dedup", StageRecipeKind::ExactDedup),
        "minhash" => ("minhash", StageRecipeKind::Minhash),
        "tokenize" => ("tokenize", StageRecipeKind::Tokenize),
        "pack" => ("pack", StageRecipeKind::Pack),
        _ => return None,
    };
    Some(StageRecipe { name, kind })
}
