//! Recipe -> [`Plan`]: built filters, bounds by language, and a bit for every reason.

use std::collections::{BTreeMap, BTreeSet};

use document::{
    Bound, Filter, FilterSpec, ItemSet, Judge, LineFilter, OptionValue, Problem, Reason, ReasonId, Reasons,
    RepeatFilter, Scope, Settings, Signal, SignalSet, Test, Verdict,
};
use text::StopWords;
use text::words::Splitter;

use crate::columns::ColumnRecipe;
use crate::error::RuleError;
use crate::keep::Wrong;
use crate::minhash::{Minhash, VerifyBy};
use crate::recipe::{FilterRecipe, Recipe, StageRecipeKind};
use crate::resolved;
use crate::url_dedup::UrlDedup;

/// A bound as the sweep evaluates it.
pub type BoundTest = (Signal, Bound, ReasonId);

pub enum StageKind {
    /// Records without usable text.
    Input,
    Filter(Box<FilterStage>),
    Columns(Vec<(ColumnRecipe, ReasonId)>),
    UrlDedup,
    ExactDedup,
    Minhash,
}

/// A filter ready to run.
pub struct FilterStage {
    pub spec: &'static FilterSpec,
    pub(crate) code: Code,
    /// A model: it judges only what is still kept.
    pub(crate) is_model: bool,
    bounds: Vec<BoundTest>,
    by_language: BTreeMap<String, Vec<BoundTest>>,
    /// Signals that the common scan measures for it.
    pub(crate) scan: SignalSet,
    /// Reason of each check; `None`: off, or a line check.
    pub(crate) reasons: Vec<Option<ReasonId>>,
}

pub(crate) enum Code {
    Table,
    Document(Box<dyn Filter>),
    Lines(Box<dyn LineFilter>),
    Repeats(Box<dyn RepeatFilter>),
}

impl Code {
    /// What rewrites the text.
    pub fn lines(&self) -> Option<&dyn LineFilter> {
        match self {
            Code::Lines(code) => Some(code.as_ref()),
            Code::Repeats(code) => Some(code.as_ref()),
            Code::Table | Code::Document(_) => None,
        }
    }
}

impl FilterStage {
    /// Bounds that hold for a language (short code).
    pub fn bounds(&self, language: Option<&str>) -> &[BoundTest] {
        language.and_then(|language| self.by_language.get(language)).unwrap_or(&self.bounds)
    }

    /// Whether a language (ISO 639-3) has bounds of its own.
    pub fn has_own_bounds(&self, language: &str) -> bool {
        classify::language::names(language).is_some_and(|(_, short)| self.by_language.contains_key(short))
    }
}

/// One stage of a plan. `first..first + len` are its reasons' bits.
pub struct Stage {
    pub name: &'static str,
    pub first_reason: u8,
    pub reasons: u8,
    pub kind: StageKind,
}

/// What a machine runs. Immutable and shared by all workers.
pub struct Plan {
    pub name: String,
    /// The fully resolved recipe, TOML.
    pub resolved: String,
    /// xxh3-128 of [`Plan::resolved`] and the lists it names, in hexadecimal.
    pub hash: String,
    pub stages: Vec<Stage>,
    pub reasons: Reasons,
    /// `<stage>.<signal>`, stage, signal: the ledger's measured columns. `None`: a number that came with the document.
    pub columns: Vec<(String, usize, Option<Signal>)>,
    pub splitter: Splitter,
    pub minhash: Minhash,
    pub url_dedup: UrlDedup,
    pub(crate) stop_words: BTreeMap<&'static str, StopWords>,
}

impl Plan {
    /// Builds the filters and numbers the reasons.
    pub fn compile(file: &str, recipe: &Recipe) -> Result<Plan, RuleError> {
        let error = |message: String, remedy: &str| RuleError {
            file: file.to_owned(),
            line: 0,
            message,
            remedy: remedy.to_owned(),
        };
        let splitter_name = recipe.text("words", "splitter");
        let splitter = Splitter::from_name(splitter_name)
            .ok_or_else(|| error(format!("unknown splitter `{splitter_name}`"), "see rules/README.md"))?;
        let wrong = |wrong: Wrong| error(wrong.message, &wrong.remedy);
        let (minhash, url_dedup) =
            (Minhash::of(recipe).map_err(wrong)?, UrlDedup::of(recipe).map_err(wrong)?);
        let mut reasons: Vec<Reason> = Vec::new();
        let mut stages = vec![input_stage(&mut reasons)];
        let mut columns = Vec::new();
        for stage in &recipe.stages {
            let first_reason = reasons.len();
            let kind = match &stage.kind {
                StageRecipeKind::Filter(filter) => {
                    for signal in filter.spec.columns() {
                        columns.push((
                            format!("{}.{}", stage.name, signal.name()),
                            stages.len(),
                            Some(signal),
                        ));
                    }
                    let built = build(filter, recipe, splitter_name, &mut reasons).map_err(|message| {
                        let line = filter.line_of(&message);
                        RuleError { line, ..error(format!("[{}] {message}", stage.name), "") }
                    })?;
                    StageKind::Filter(Box::new(built))
                }
                StageRecipeKind::Columns(own) => {
                    let mut judged = Vec::new();
                    for column in own {
                        columns.push((format!("{}.{}", stage.name, column.name), stages.len(), None));
                        judged.push((column.clone(), ReasonId(reasons.len() as u8)));
                        reasons.push(column.reason());
                    }
                    StageKind::Columns(judged)
                }
                StageRecipeKind::UrlDedup => {
                    reasons.push(unbounded(
                        stage.name,
                        "duplicate",
                        "A document of the same address is kept.",
                    ));
                    StageKind::UrlDedup
                }
                StageRecipeKind::ExactDedup => {
                    reasons.push(unbounded(
                        stage.name,
                        "duplicate",
                        "The same text stands earlier in the input.",
                    ));
                    StageKind::ExactDedup
                }
                StageRecipeKind::Minhash => {
                    let bound = (minhash.verify != VerifyBy::Nothing).then_some(minhash.min_similarity);
                    reasons.push(Reason {
                        signal: Some("similarity".to_owned()),
                        bound: bound.map_or(String::new(), |limit| format!("< {limit}")),
                        high: bound,
                        ..unbounded(stage.name, "duplicate", minhash.why())
                    });
                    StageKind::Minhash
                }
                StageRecipeKind::Tokenize | StageRecipeKind::Pack => continue,
            };
            let count = reasons.len() - first_reason;
            stages.push(Stage {
                name: stage.name,
                first_reason: first_reason as u8,
                reasons: count as u8,
                kind,
            });
        }
        if reasons.len() > Verdict::MAX_REASONS {
            let message = format!("{} checks; a plan holds at most {}", reasons.len(), Verdict::MAX_REASONS);
            return Err(error(message, "use fewer filters"));
        }
        let resolved = resolved::to_toml(recipe);
        let hash = resolved::hash(recipe, &resolved);
        let languages = filters::STOP_WORD_LANGUAGES.iter();
        let stop_words = languages
            .filter_map(|language| Some((*language, StopWords::new(filters::stop_words(language)?))))
            .collect();
        let name = recipe.name.clone();
        let reasons = Reasons(reasons);
        Ok(Plan { name, resolved, hash, stages, reasons, columns, splitter, minhash, url_dedup, stop_words })
    }

    /// The sets of items that filters look for, each with its stage.
    pub fn item_sets(&self) -> impl Iterator<Item = (usize, &ItemSet)> {
        self.stages.iter().enumerate().flat_map(|(index, stage)| {
            let sets = match &stage.kind {
                StageKind::Filter(filter) => match &filter.code {
                    Code::Document(code) => code.sets(),
                    _ => &[],
                },
                _ => &[],
            };
            sets.iter().map(move |set| (index, set))
        })
    }

    /// Numbers that come with the documents, in recipe order, each with its reason.
    pub fn own_columns(&self) -> &[(ColumnRecipe, ReasonId)] {
        let columns = self.stages.iter().find_map(|stage| match &stage.kind {
            StageKind::Columns(columns) => Some(columns.as_slice()),
            _ => None,
        });
        columns.unwrap_or_default()
    }

    /// Position of the first stage of that name.
    pub fn stage(&self, name: &str) -> Option<usize> {
        self.stages.iter().position(|stage| stage.name == name)
    }

    /// The bit of a dedup stage's `duplicate` reason.
    pub fn duplicate_reason(&self, stage: &str) -> Option<ReasonId> {
        self.stage(stage).map(|index| ReasonId(self.stages[index].first_reason))
    }

    /// The reason for a record without usable text: the input stage comes first, in the order of [`Problem::ALL`].
    pub(crate) fn input_reason(problem: Problem) -> ReasonId {
        ReasonId(problem as u8 - 1)
    }

    /// Stages that rewrite the text, in order.
    pub fn line_stages(&self) -> impl Iterator<Item = usize> + '_ {
        self.stages.iter().enumerate().filter_map(|(index, stage)| match &stage.kind {
            StageKind::Filter(filter) => filter.code.lines().map(|_| index),
            _ => None,
        })
    }
}

fn input_stage(reasons: &mut Vec<Reason>) -> Stage {
    reasons.extend(Problem::ALL.map(|problem| unbounded("input", problem.reason(), problem.why())));
    Stage { name: "input", first_reason: 0, reasons: reasons.len() as u8, kind: StageKind::Input }
}

/// A reason that bounds no signal.
fn unbounded(stage: &str, reason: &str, why: &str) -> Reason {
    Reason {
        stage: stage.to_owned(),
        reason: reason.to_owned(),
        signal: None,
        bound: String::new(),
        low: None,
        high: None,
        is_line: false,
        is_edit: false,
        why: why.to_owned(),
    }
}

fn build(
    filter: &FilterRecipe,
    recipe: &Recipe,
    splitter: &str,
    reasons: &mut Vec<Reason>,
) -> Result<FilterStage, String> {
    let spec = filter.spec;
    let off: BTreeSet<String> = spec
        .checks
        .iter()
        .zip(&filter.bounds)
        .filter(|(_, bound)| **bound == Bound::Off)
        .map(|(check, _)| check.reason.to_owned())
        .collect();
    let settings = Settings {
        options: filter.options.clone(),
        lists: recipe.lists.clone(),
        models: recipe.models.clone(),
        splitter: splitter.to_owned(),
        off,
    };
    let code = match spec.judge {
        Judge::Bounds => Code::Table,
        Judge::Document(build) => Code::Document(build(&settings)?),
        Judge::Lines(build) => Code::Lines(build(&settings)?),
        Judge::Repeats(build) => Code::Repeats(build(&settings)?),
    };
    let first = reasons.len();
    reasons.extend(spec.checks.iter().zip(&filter.bounds).map(|(check, bound)| reason(spec, check, *bound)));
    let tests = |bounds: &[Bound]| -> Vec<BoundTest> {
        let all = spec.checks.iter().zip(bounds).enumerate();
        all.filter_map(|(index, (check, bound))| match check.test {
            Test::Bound(signal, _) if *bound != Bound::Off => {
                Some((signal, *bound, ReasonId((first + index) as u8)))
            }
            _ => None,
        })
        .collect()
    };
    // A filter that only tags measures for the ledger and drops nothing.
    let tags = filter.options.get("action") == Some(&OptionValue::Text("tag".to_owned()));
    let tests = |bounds: &[Bound]| if tags { Vec::new() } else { tests(bounds) };
    let by_language = filter.by_language.iter().map(|(language, changes)| {
        let mut bounds = filter.bounds.clone();
        changes.iter().for_each(|(check, bound)| bounds[*check] = *bound);
        (language.clone(), tests(&bounds))
    });
    let raised = spec.checks.iter().zip(&filter.bounds).enumerate().map(|(index, (check, bound))| {
        let counts = check.scope == Scope::Document && *bound != Bound::Off && !tags;
        counts.then_some(ReasonId((first + index) as u8))
    });
    let scan = match spec.judge {
        Judge::Bounds => spec.columns().into_iter().collect(),
        Judge::Document(_) | Judge::Lines(_) | Judge::Repeats(_) => SignalSet::EMPTY,
    };
    Ok(FilterStage {
        spec,
        is_model: filter.is_model(),
        bounds: tests(&filter.bounds),
        by_language: by_language.collect(),
        reasons: raised.collect(),
        scan,
        code,
    })
}

fn reason(spec: &FilterSpec, check: &document::Check, bound: Bound) -> Reason {
    let (low, high) = bound.limits();
    let signal = match check.test {
        Test::Bound(signal, _) => Some(signal.name().to_owned()),
        Test::Own => None,
    };
    let is_bound = signal.is_some();
    Reason {
        stage: spec.name.to_owned(),
        reason: check.reason.to_owned(),
        signal,
        bound: if is_bound || bound == Bound::Off { bound.to_string() } else { String::new() },
        low: low.filter(|_| is_bound),
        high: high.filter(|_| is_bound),
        is_line: check.scope == Scope::Line,
        is_edit: check.scope == Scope::Edit,
        why: check.why.to_owned(),
    }
}
