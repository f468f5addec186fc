//! Other decisions from what a ledger knows: the verdict of a changed recipe, without reading text again.

mod compare;

use document::{Bound, Judge, LANGUAGE_STAGES, Problem, ReasonId, Verdict};

use crate::columns::ColumnRecipe;
use crate::recipe::{Recipe, StageRecipe, StageRecipeKind};
use compare::{Building, same_text};

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

pub(crate) const MEASURE: &str = "run `corpus clean` with the changed recipe into another folder";

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
        let Walk { verdict, open, .. } = self.walk(facts);
        Redecided { verdict, open: open.filter(|_| verdict.is_keep()) }
    }

    /// The whole verdict and the stages that come to the document, a bit each by place, if the ledger knows all of it.
    pub(crate) fn decide_whole(&self, facts: &Facts<'_>) -> Option<(Verdict, u128)> {
        let Walk { verdict, open, came } = self.walk(facts);
        open.is_none().then_some((verdict, came))
    }

    /// The place of a stage of that name.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.rules.iter().position(|rule| rule.name == name)
    }

    /// Whether a stage of such a name decides otherwise than in the run.
    pub(crate) fn is_changed(&self, is_asked: impl Fn(&str) -> bool) -> bool {
        self.rules.iter().any(|rule| is_asked(rule.name) && rule.is_changed())
    }

    /// Goes through the stages as a run with the other recipe would.
    fn walk(&self, facts: &Facts<'_>) -> Walk {
        let input = facts.verdict.before(self.inputs);
        if !input.is_keep() {
            return Walk { verdict: input, open: None, came: 0 };
        }
        let mut walk = Walk::default();
        // Whether the run came to the stage at hand, with what its earlier stages found.
        let (mut came, mut found) = (true, false);
        for (place, rule) in self.rules.iter().enumerate() {
            let ran = came && !(rule.is_model && found);
            let fired = rule.tests.iter().any(|(reason, _)| facts.verdict.contains(*reason));
            found |= fired;
            came &= !(rule.is_language && fired || self.is_early && found);
            let is_unknown = rule.unknown.as_ref().map(|(reach, _)| *reach);
            if is_unknown == Some(Unknown::Text) {
                walk.open = walk.open.or(Some(place));
                break;
            }
            if !rule.stays || rule.is_model && !walk.verdict.is_keep() {
                continue;
            }
            if !ran || is_unknown.is_some() {
                walk.open = walk.open.or(Some(place));
                // What later stages measured, they measured without knowing the language.
                if rule.is_language {
                    break;
                }
                continue;
            }
            walk.came |= 1 << place;
            let before = walk.verdict;
            rule.decide(facts, &mut walk.verdict);
            let is_unwanted = rule.is_language && walk.verdict != before;
            if is_unwanted || (self.is_early && !walk.verdict.is_keep()) {
                break;
            }
        }
        walk
    }
}

/// What going through the stages found.
#[derive(Default)]
struct Walk {
    /// The reasons that are known.
    verdict: Verdict,
    /// The first stage that is not.
    open: Option<usize>,
    /// Stages that judged the document, by place.
    came: u128,
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "redecide_tests.rs"]
mod tests;
