//! Other decisions from what a ledger knows: the verdict of a changed recipe, without reading text again.

use document::{Bound, Judge, LANGUAGE_STAGES, OptionValue, Problem, ReasonId, Scope, Test, Verdict};

use crate::columns::ColumnRecipe;
use crate::recipe::{FilterRecipe, Recipe, StageRecipe, StageRecipeKind};

/// What a ledger cannot tell of a changed recipe, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    pub message: String,
    pub remedy: String,
}

/// The stages of a finished run, with what another recipe would decide in each. Reasons are numbered as in that run.
#[derive(Debug)]
pub struct Redecide {
    rules: Vec<Rule>,
    inputs: u8,
    is_early: bool,
    /// Ledger columns that [`Redecide::decide`] wants values of.
    columns: Vec<String>,
}

/// One stage that judges documents.
#[derive(Debug)]
struct Rule {
    name: &'static str,
    /// The other recipe has it, too.
    stays: bool,
    is_model: bool,
    is_language: bool,
    /// It runs behind the stage that identifies the language.
    knows_language: bool,
    tests: Vec<(ReasonId, Decide)>,
    /// What the ledger does not know of it, under the other recipe.
    unknown: Option<(Unknown, Obstacle)>,
}

/// How far it reaches that a stage is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unknown {
    /// Its own decisions.
    Stage,
    /// What it leaves of the text, or the language: whatever comes behind it, too.
    Text,
}

#[derive(Debug)]
enum Decide {
    /// As the run did.
    Same,
    /// The check is switched off, or its filter only tags.
    Never,
    Bound {
        column: usize,
        bound: Bound,
        by_language: Vec<(String, Bound)>,
    },
    /// Code, which raises it where the signal is above 0.
    Shown {
        column: usize,
    },
    /// The language is not among these.
    Languages(Vec<String>),
    Number {
        column: usize,
        rule: ColumnRecipe,
    },
}

/// What a document's row of the ledger says.
pub struct Facts<'a> {
    /// The filters' and the input's reasons; those of dedup do not count.
    pub verdict: Verdict,
    /// ISO 639-1 name.
    pub language: Option<&'a str>,
    /// Of the columns that are asked for, by place.
    pub values: &'a [Option<f64>],
}

/// What another recipe decides about a document, before dedup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redecided {
    /// The reasons that are known; the first is the first of a new run, unless `open` says otherwise.
    pub verdict: Verdict,
    /// No known reason drops it, and this stage (by place in the recipe) was not measured.
    pub open: Option<usize>,
}

const MEASURE: &str = "run `corpus clean` with the changed recipe into another folder";

impl Redecide {
    /// Compares the recipe of a run with another. `is_early`: the run stopped at the first failure of a document.
    ///
    /// # Errors
    /// What leaves nothing of the ledger to decide by, all of it.
    pub fn new(old: &Recipe, new: &Recipe, is_early: bool) -> Result<Redecide, Vec<Obstacle>> {
        let mut obstacles = same_text(old, new);
        let judges = |recipe: &Recipe| -> Vec<StageRecipe> {
            let is_judge = |kind: &StageRecipeKind| {
                matches!(kind, StageRecipeKind::Filter(_) | StageRecipeKind::Columns(_))
            };
            recipe.stages.iter().filter(|stage| is_judge(&stage.kind)).cloned().collect()
        };
        let (judges, mut wanted) = (judges(old), judges(new).into_iter().peekable());
        let inputs = Problem::ALL.len() as u8;
        let languages = judges.iter().filter(|judge| LANGUAGE_STAGES.contains(&judge.name)).count();
        let mut building = Building { languages, ..Building::default() };
        let mut rules: Vec<Rule> = Vec::new();
        let mut knows_language = false;
        // Reasons are numbered over all stages, dedup's too.
        let mut first = inputs;
        for stage in &old.stages {
            let count = match &stage.kind {
                StageRecipeKind::Filter(filter) => filter.spec.checks.len(),
                StageRecipeKind::Columns(columns) => columns.len(),
                StageRecipeKind::UrlDedup | StageRecipeKind::ExactDedup | StageRecipeKind::Minhash => 1,
                StageRecipeKind::Tokenize | StageRecipeKind::Pack => 0,
            };
            if judges.iter().any(|judge| judge.name == stage.name) {
                let other = wanted.next_if(|other| other.name == stage.name);
                let is_language = LANGUAGE_STAGES.contains(&stage.name);
                let filter = match &stage.kind {
                    StageRecipeKind::Filter(filter) => Some(filter),
                    _ => None,
                };
                let tests = building.stage(first, stage, other.as_ref(), knows_language);
                let mut unknown = building.unknown.take();
                let is_repeats = filter.is_some_and(|filter| matches!(filter.spec.judge, Judge::Repeats(_)));
                if is_repeats && other.is_some() && rules.iter().any(Rule::is_changed) {
                    let message = format!(
                        "[{}] cuts what stands in other documents, too, and other ones come to it",
                        stage.name
                    );
                    unknown = Some((Unknown::Text, Obstacle { message, remedy: MEASURE.to_owned() }));
                }
                rules.push(Rule {
                    name: stage.name,
                    stays: other.is_some(),
                    is_model: filter.is_some_and(|filter| filter.is_model()),
                    is_language,
                    knows_language,
                    tests,
                    unknown,
                });
                knows_language |= is_language;
            }
            first += count as u8;
        }
        for stage in wanted {
            let is_there = judges.iter().any(|judge| judge.name == stage.name);
            obstacles.push(match is_there {
                true => Obstacle {
                    message: format!("[{}] stands at another place of the pipeline", stage.name),
                    remedy: "keep the order of the run's filters".to_owned(),
                },
                false => Obstacle {
                    message: format!(
                        "[{}] was not in the run's pipeline, so nothing was measured for it",
                        stage.name
                    ),
                    remedy: format!(
                        "{MEASURE}; with every check \"off\" a filter is measured and drops nothing"
                    ),
                },
            });
        }
        match obstacles.is_empty() {
            true => Ok(Redecide { rules, inputs, is_early, columns: building.columns }),
            false => Err(obstacles),
        }
    }

    /// Ledger columns whose values [`Redecide::decide`] wants, in this order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// [`Redecide::decide`] wants the language of documents, too.
    pub fn wants_language(&self) -> bool {
        let mut tests = self.rules.iter().flat_map(|rule| &rule.tests);
        tests.any(|(_, decide)| match decide {
            Decide::Languages(_) => true,
            Decide::Bound { by_language, .. } => !by_language.is_empty(),
            _ => false,
        })
    }

    /// The name of the stage that [`Redecided::open`] means.
    pub fn stage(&self, place: usize) -> &'static str {
        self.rules.get(place).map_or("", |rule| rule.name)
    }

    /// What the ledger cannot tell, stage by stage: documents that come there are open, unless they are dropped anyway.
    pub fn unknown(&self) -> impl Iterator<Item = &Obstacle> {
        self.rules.iter().filter_map(|rule| Some(&rule.unknown.as_ref()?.1))
    }

    /// The verdict of the other recipe.
    pub fn decide(&self, facts: &Facts<'_>) -> Redecided {
        let input = facts.verdict.before(self.inputs);
        if !input.is_keep() {
            return Redecided { verdict: input, open: None };
        }
        let (mut verdict, mut open) = (Verdict::default(), None);
        // Whether the run came to the stage at hand, with what its earlier stages found.
        let (mut came, mut found) = (true, false);
        for (place, rule) in self.rules.iter().enumerate() {
            let ran = came && !(rule.is_model && found);
            let fired = rule.tests.iter().any(|(reason, _)| facts.verdict.contains(*reason));
            found |= fired;
            came &= !(rule.is_language && fired || self.is_early && found);
            let is_unknown = rule.unknown.as_ref().map(|(reach, _)| *reach);
            if is_unknown == Some(Unknown::Text) {
                open = open.or(Some(place));
                break;
            }
            if !rule.stays || rule.is_model && !verdict.is_keep() {
                continue;
            }
            if !ran || is_unknown.is_some() {
                open = open.or(Some(place));
                // What later stages measured, they measured without knowing the language.
                if rule.is_language {
                    break;
                }
                continue;
            }
            let before = verdict;
            rule.decide(facts, &mut verdict);
            if (rule.is_language && verdict != before) || (self.is_early && !verdict.is_keep()) {
                break;
            }
        }
        Redecided { verdict, open: open.filter(|_| verdict.is_keep()) }
    }
}

impl Rule {
    fn is_changed(&self) -> bool {
        let is_same = |(_, decide): &(ReasonId, Decide)| matches!(decide, Decide::Same);
        !self.stays || self.unknown.is_some() || !self.tests.iter().all(is_same)
    }

    fn decide(&self, facts: &Facts<'_>, verdict: &mut Verdict) {
        let language = facts.language.filter(|_| self.knows_language);
        let value = |column: usize| facts.values.get(column).copied().flatten();
        let is_raised = |(reason, decide): &(ReasonId, Decide)| {
            matches!(decide, Decide::Shown { .. }) && facts.verdict.contains(*reason)
        };
        // Of the checks that a signal shows, a filter raises one alone.
        let is_shown = self.tests.iter().any(is_raised);
        for (reason, decide) in &self.tests {
            let drops = match decide {
                Decide::Same => facts.verdict.contains(*reason),
                Decide::Never => false,
                Decide::Bound { column, bound, by_language } => {
                    let own = by_language.iter().find(|(name, _)| language == Some(name));
                    let bound = own.map_or(*bound, |(_, bound)| *bound);
                    value(*column).is_some_and(|value| !bound.keeps(value))
                }
                Decide::Shown { .. } if is_shown => facts.verdict.contains(*reason),
                Decide::Shown { column } => value(*column).is_some_and(|value| value > 0.0),
                Decide::Languages(wanted) => {
                    !facts.language.is_some_and(|language| wanted.iter().any(|name| name == language))
                }
                Decide::Number { column, rule } => rule.drops(value(*column)),
            };
            if drops {
                verdict.add(*reason);
            }
        }
    }
}

/// What would change every text, and so every measurement.
fn same_text(old: &Recipe, new: &Recipe) -> Vec<Obstacle> {
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
struct Building {
    columns: Vec<String>,
    /// Stages that identify the language. The ledger has what the last of them found.
    languages: usize,
    /// Of the stage at hand.
    unknown: Option<(Unknown, Obstacle)>,
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

    fn stage(
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "redecide_tests.rs"]
mod tests;
