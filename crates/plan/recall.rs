//! What the ledger of a finished run knows of its documents under another recipe: those that need not be measured again.

use std::collections::HashMap;

use arrow::array::{Array, Float64Array, ListArray, RecordBatch, StringArray, UInt64Array};
use document::{LANGUAGE_STAGES, Language, Problem, ReasonId, Verdict};

use crate::plan::{Plan, Stage};
use crate::recipe::Recipe;
use crate::redecide::{Facts, MEASURE, Obstacle, Redecide};

/// A document whose verdict, by all filters, a ledger tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub verdict: Verdict,
    pub language: Option<Language>,
    /// `None`: by the other recipe it is another.
    pub sampling_key: Option<u64>,
    /// Of the plan's columns, in their order; none of a stage that the document does not come to.
    pub values: Vec<Option<f64>>,
    /// It is dropped before anything would read a text that a stage has changed: none need change it.
    pub is_gone: bool,
}

impl Known {
    /// What a filter's stage decides of it.
    pub(crate) fn judge(&self, stage: &Stage, verdict: &mut Verdict, language: &mut Option<Language>) {
        let own = stage.first_reason..stage.first_reason + stage.reasons;
        self.verdict.iter().filter(|reason| own.contains(&reason.0)).for_each(|reason| verdict.add(reason));
        if LANGUAGE_STAGES.contains(&stage.name) {
            *language = self.language;
        }
    }
}

/// The known documents of a block, by position.
#[derive(Clone, Debug, Default)]
pub struct Remembered(pub Vec<Option<Known>>);

impl Remembered {
    /// Number of known documents.
    pub fn len(&self) -> u64 {
        self.0.iter().flatten().count() as u64
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn of(&self, position: u32) -> Option<&Known> {
        self.0.get(position as usize)?.as_ref()
    }
}

/// From a run's ledger to another recipe's rows.
#[derive(Debug)]
pub struct Recall {
    rules: Redecide,
    /// The run's reasons by name; absent: of its dedup stages.
    numbers: HashMap<String, ReasonId>,
    /// The plan's number of each of them.
    renumbered: Vec<Option<ReasonId>>,
    /// Of each column of the plan, its name and the place of its stage among the rules. Not of numbers that come with
    /// the documents.
    columns: Vec<(String, Option<usize>)>,
    /// What has a reason before this one is gone before anything looks at other documents or reads a changed text.
    before: u8,
    /// Sampling keys are those of the run.
    same_keys: bool,
    /// Lines that line checks removed are counted as in the run: the same documents come to them.
    pub same_lines: bool,
}

/// Columns of the ledger that every recall wants.
const OWN: [&str; 4] = ["language", "language_score", "reasons", "sampling_key"];

impl Recall {
    /// `old` is the recipe of the run, with its plan, `new` the other one. `is_early`: both stop at a document's first
    /// failure.
    ///
    /// # Errors
    /// What leaves nothing of the ledger to decide by, all of it.
    pub fn new(
        (old, theirs): (&Recipe, &Plan),
        (new, plan): (&Recipe, &Plan),
        is_early: bool,
    ) -> Result<Recall, Vec<Obstacle>> {
        let rules = Redecide::new(old, new, is_early)?;
        let languages = plan.stages.iter().filter(|stage| LANGUAGE_STAGES.contains(&stage.name)).count();
        let message = match plan.item_sets().next() {
            Some(_) => Some("[eval_overlap] counts what it finds in every text"),
            None => (languages > 1).then_some("more than one stage identifies the language"),
        };
        if let Some(message) = message {
            return Err(vec![Obstacle { message: message.to_owned(), remedy: MEASURE.to_owned() }]);
        }
        let same_keys = old.number("sample", "seed") == new.number("sample", "seed");
        let is_dedup = |stage: &str| ["url_dedup", "exact_dedup", "minhash"].contains(&stage);
        let reasons = theirs.reasons.0.iter().enumerate();
        let numbers = reasons
            .filter(|(_, reason)| !is_dedup(&reason.stage))
            .map(|(at, reason)| (reason.full_name(), ReasonId(at as u8)));
        let renumbered = theirs.reasons.0.iter().map(|reason| plan.reasons.find(&reason.full_name()));
        let columns = plan.columns.iter().map(|(name, stage, signal)| {
            let place = rules.place(plan.stages[*stage].name);
            (name.clone(), place.filter(|_| signal.is_some()))
        });
        let lines = plan.line_stages().next();
        let dedup = plan.stages.iter().position(|stage| is_dedup(stage.name));
        let language = plan.stages.iter().rposition(|stage| LANGUAGE_STAGES.contains(&stage.name));
        // Whether a document comes to a line stage, its language alone decides.
        let same_lines = !is_early
            && !rules.is_changed(|name| {
                LANGUAGE_STAGES.contains(&name)
                    || plan.line_stages().any(|stage| plan.stages[stage].name == name)
            });
        let begin = |stage: usize| plan.stages[stage].first_reason;
        let end = |stage: usize| plan.stages[stage].first_reason + plan.stages[stage].reasons;
        let all = plan.reasons.0.len() as u8;
        let before_lines = match lines {
            None => all,
            Some(lines) if same_lines => end(lines),
            Some(lines) if is_early => begin(lines),
            Some(lines) => language.map_or(0, end).min(begin(lines)),
        };
        let (numbers, renumbered, columns) = (numbers.collect(), renumbered.collect(), columns.collect());
        let before = before_lines.min(dedup.map_or(all, begin));
        Ok(Recall { rules, numbers, renumbered, columns, before, same_keys, same_lines })
    }

    /// Columns of the ledger that are wanted.
    pub fn columns(&self) -> Vec<&str> {
        let (ours, rules) = (self.columns.iter().map(|(name, _)| name.as_str()), self.rules.columns().iter());
        OWN.into_iter().chain(ours).chain(rules.map(String::as_str)).collect()
    }

    /// What is known of each row of a ledger batch.
    ///
    /// A batch that lacks a column, or has it of another type, knows nothing.
    pub fn rows(&self, ledger: &RecordBatch) -> Vec<Option<Known>> {
        let rows = || -> Option<Vec<Option<Known>>> {
            let facts = Columns::of(ledger, self)?;
            Some((0..ledger.num_rows()).map(|row| self.row(&facts, row)).collect())
        };
        rows().unwrap_or_else(|| vec![None; ledger.num_rows()])
    }

    fn row(&self, columns: &Columns<'_>, row: usize) -> Option<Known> {
        let mut verdict = Verdict::default();
        let reasons = columns.reasons.value(row);
        for name in reasons.as_any().downcast_ref::<StringArray>()?.iter().flatten() {
            // Of a stage that is no filter: it came after them.
            if let Some(reason) = self.numbers.get(name) {
                verdict.add(*reason);
            }
        }
        // Nothing judges what has no usable text.
        if !verdict.before(Problem::ALL.len() as u8).is_keep() {
            return None;
        }
        let language = columns.language(row);
        let number = |column: &Float64Array| column.is_valid(row).then(|| column.value(row));
        let values: Vec<Option<f64>> = columns.rules.iter().map(|column| number(column)).collect();
        let facts = Facts { verdict, language: language.map(|language| language.short), values: &values };
        let (verdict, came) = self.rules.decide_whole(&facts)?;
        let mut renumbered = Verdict::default();
        for reason in verdict.iter() {
            renumbered.add(self.renumbered[reason.0 as usize]?);
        }
        if columns.has_unknown_language(row) {
            return None;
        }
        let is_gone = !renumbered.before(self.before).is_keep();
        let values = self.columns.iter().zip(&columns.ours).map(|((_, place), column)| {
            place.filter(|place| came >> place & 1 == 1).and_then(|_| number(column))
        });
        let values = values.collect();
        let sampling_key = self.same_keys.then(|| columns.keys.value(row));
        Some(Known { verdict: renumbered, language, sampling_key, values, is_gone })
    }
}

/// The wanted columns of a ledger batch.
struct Columns<'b> {
    languages: &'b StringArray,
    scores: &'b Float64Array,
    reasons: &'b ListArray,
    keys: &'b UInt64Array,
    ours: Vec<&'b Float64Array>,
    rules: Vec<&'b Float64Array>,
}

impl<'b> Columns<'b> {
    fn of(ledger: &'b RecordBatch, recall: &Recall) -> Option<Columns<'b>> {
        fn column<'b, T: 'static>(ledger: &'b RecordBatch, name: &str) -> Option<&'b T> {
            ledger.column_by_name(name)?.as_any().downcast_ref()
        }
        Some(Columns {
            languages: column(ledger, "language")?,
            scores: column(ledger, "language_score")?,
            reasons: column(ledger, "reasons")?,
            keys: column(ledger, "sampling_key")?,
            ours: recall.columns.iter().map(|(name, _)| column(ledger, name)).collect::<Option<_>>()?,
            rules: recall.rules.columns().iter().map(|name| column(ledger, name)).collect::<Option<_>>()?,
        })
    }

    fn language(&self, row: usize) -> Option<Language> {
        let code = self.languages.is_valid(row).then(|| self.languages.value(row))?;
        let (code, short) = classify::language::names(code)?;
        Some(Language { code, short, score: self.scores.value(row) })
    }

    /// One that only a model of the recipe has a name for.
    fn has_unknown_language(&self, row: usize) -> bool {
        self.languages.is_valid(row) && self.language(row).is_none()
    }
}
