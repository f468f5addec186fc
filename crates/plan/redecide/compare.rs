//! Two recipes side by side, stage by stage: what of the second one a ledger of the first can tell.

use document::{Bound, Judge, LANGUAGE_STAGES, OptionValue, ReasonId, Scope, Test};

use super::{Decide, MEASURE, Obstacle, Unknown};
use crate::columns::ColumnRecipe;
use crate::recipe::{FilterRecipe, Recipe, StageRecipe, StageRecipeKind};

/// What would change every text, and so every measurement.
pub(super) fn same_text(old: &Recipe, new: &Recipe) -> Vec<Obstacle> {
    let matters = |table: &str| ["extract", "words"].contains(&table);
    let changed =
        old.sections.iter().filter(|(key, value)| matters(key.0) && new.sections.get(key) != Some(*value));
    changed
        .map(|((table, key), _)| Obstacle {
            message: format!("[{table}] {key} changes what all filters measure"),
            remedy: MEASURE.to_owned(),
        })
        .collect()
}

/// What is collected while the stages of two recipes are compared.
#[derive(Default)]
pub(super) struct Building {
    pub columns: Vec<String>,
    /// Stages that identify the language. The ledger has what the last of them found.
    pub languages: usize,
    /// Of the stage at hand.
    pub unknown: Option<(Unknown, Obstacle)>,
}

impl Building {
    fn column(&mut self, stage: &str, signal: &str) -> usize {
        let name = format!("{stage}.{signal}");
        let place = self.columns.iter().position(|column| *column == name);
        place.unwrap_or_else(|| {
            self.columns.push(name);
            self.columns.len() - 1
        })
    }

    fn unknown(&mut self, reach: Unknown, message: String, remedy: impl Into<String>) {
        let is_wider = self.unknown.as_ref().is_none_or(|(before, _)| *before == Unknown::Stage);
        if is_wider {
            self.unknown = Some((reach, Obstacle { message, remedy: remedy.into() }));
        }
    }

    pub fn stage(
        &mut self,
        first: u8,
        old: &StageRecipe,
        new: Option<&StageRecipe>,
        knows_language: bool,
    ) -> Vec<(ReasonId, Decide)> {
        let reason = |check: usize| ReasonId(first + check as u8);
        match (&old.kind, new.map(|new| &new.kind)) {
            (StageRecipeKind::Filter(filter), None) => {
                self.absent(filter);
                (0..filter.spec.checks.len()).map(|check| (reason(check), Decide::Never)).collect()
            }
            (StageRecipeKind::Filter(old), Some(StageRecipeKind::Filter(new))) => {
                let changes = self.options(old, new);
                if knows_language && self.languages > 1 && old.by_language != new.by_language {
                    let message = format!("[{}] more than one stage identifies the language", old.spec.name);
                    self.unknown(Unknown::Stage, message, MEASURE);
                }
                let checks = 0..old.spec.checks.len();
                checks.map(|check| (reason(check), self.check(old, new, check, changes))).collect()
            }
            (StageRecipeKind::Columns(old), new) => {
                let new = match new {
                    Some(StageRecipeKind::Columns(new)) => new.as_slice(),
                    _ => &[],
                };
                for added in new.iter().filter(|new| !old.iter().any(|old| old.name == new.name)) {
                    let message = format!("[column.{}] was not in the run's recipe", added.name);
                    self.unknown(Unknown::Stage, message, MEASURE);
                }
                let columns = old.iter().enumerate();
                columns.map(|(at, old)| (reason(at), self.own_column(old, new))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A filter that the other recipe leaves out.
    fn absent(&mut self, filter: &FilterRecipe) {
        let spec = filter.spec;
        let what = match spec.judge {
            Judge::Lines(_) | Judge::Repeats(_) => "would see another text",
            _ if LANGUAGE_STAGES.contains(&spec.name) => "would not know the language",
            _ => return,
        };
        let documents = spec.checks.iter().filter(|check| check.scope == Scope::Document);
        let names: Vec<String> =
            documents.map(|check| format!("{}.{}=off", spec.name, check.reason)).collect();
        let remedy = match names.is_empty() {
            true => MEASURE.to_owned(),
            false => format!("{MEASURE}, or switch off only what drops documents: {}", names.join(" ")),
        };
        self.unknown(Unknown::Text, format!("without [{}] later stages {what}", spec.name), remedy);
    }

    /// True if the filter's wanted languages differ; any option but these and `action` needs the text.
    fn options(&mut self, old: &FilterRecipe, new: &FilterRecipe) -> bool {
        let is_changed = |key: &&String| old.options.get(*key) != new.options.get(*key);
        let mut languages = false;
        for key in new.options.keys().filter(is_changed) {
            match (old.spec.name, key.as_str()) {
                (_, "action") => {}
                // The ledger has the language that the last such stage found.
                (_, "languages") if self.is_identified(old) => languages = true,
                (name, key) => {
                    let reach = match new.spec.judge {
                        Judge::Document(_) | Judge::Bounds if !LANGUAGE_STAGES.contains(&name) => {
                            Unknown::Stage
                        }
                        _ => Unknown::Text,
                    };
                    let message = format!("[{name}] {key} is an option of the code that reads the text");
                    self.unknown(reach, message, MEASURE);
                }
            }
        }
        languages
    }

    /// It judges the language that the ledger has.
    fn is_identified(&self, filter: &FilterRecipe) -> bool {
        filter.spec.name == "language" && self.languages == 1
    }

    fn check(&mut self, old: &FilterRecipe, new: &FilterRecipe, check: usize, languages: bool) -> Decide {
        let spec = old.spec;
        let tags = |filter: &FilterRecipe| {
            filter.options.get("action") == Some(&OptionValue::Text("tag".to_owned()))
        };
        let (is_off, was_off) = (new.bounds[check] == Bound::Off, old.bounds[check] == Bound::Off);
        let Some(test) = spec.checks.get(check) else { return Decide::Same };
        let own = |filter: &FilterRecipe| -> Vec<(String, Bound)> {
            let languages = filter.by_language.iter();
            let bound =
                |changes: &Vec<(usize, Bound)>| changes.iter().rfind(|(at, _)| *at == check).map(|c| c.1);
            languages.filter_map(|(language, changes)| Some((language.clone(), bound(changes)?))).collect()
        };
        let switches = |filter: &FilterRecipe| -> Vec<bool> {
            let own = spec.checks.iter().zip(&filter.bounds).filter(|(check, _)| check.shown_by.is_some());
            own.map(|(_, bound)| *bound == Bound::Off).collect()
        };
        if test.scope != Scope::Document {
            if is_off != was_off {
                let message = format!("[{}] {} changes the text", spec.name, test.reason);
                self.unknown(Unknown::Text, message, MEASURE);
            }
            return Decide::Same;
        }
        if tags(new) {
            return Decide::Never;
        }
        match test.test {
            Test::Bound(signal, _) => {
                let is_same = !tags(old) && old.bounds[check] == new.bounds[check] && own(old) == own(new);
                match is_same {
                    true => Decide::Same,
                    false => Decide::Bound {
                        column: self.column(spec.name, signal.name()),
                        bound: new.bounds[check],
                        by_language: own(new),
                    },
                }
            }
            Test::Own if is_off => Decide::Never,
            Test::Own if languages || was_off && self.is_identified(old) => {
                let wanted = match new.options.get("languages") {
                    Some(OptionValue::List(names)) => names.clone(),
                    _ => Vec::new(),
                };
                Decide::Languages(wanted)
            }
            Test::Own => match test.shown_by {
                // Only one of them is raised, so another one's switch matters, too.
                Some(signal) if switches(old) != switches(new) => {
                    Decide::Shown { column: self.column(spec.name, signal.name()) }
                }
                None if was_off || tags(old) => {
                    let message = format!(
                        "[{}] {} was off, and no signal tells what it would drop",
                        spec.name, test.reason
                    );
                    self.unknown(Unknown::Stage, message, MEASURE);
                    Decide::Same
                }
                _ => Decide::Same,
            },
        }
    }

    fn own_column(&mut self, old: &ColumnRecipe, new: &[ColumnRecipe]) -> Decide {
        let Some(new) = new.iter().find(|new| new.name == old.name) else { return Decide::Never };
        if (&old.from, &old.field, &old.id) != (&new.from, &new.field, &new.id) {
            self.unknown(Unknown::Stage, format!("[column.{}] comes from elsewhere", old.name), MEASURE);
        }
        let column = self.column(crate::columns::STAGE, &old.name);
        if old == new { Decide::Same } else { Decide::Number { column, rule: new.clone() } }
    }
}
