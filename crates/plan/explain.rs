//! Where in its text a document fails: what the checks of each stage point at.

use std::ops::Range;

use document::{Document, Form, LineEdits, ReasonId, Scope, Test, Verdict};
use text::scan::Scanner;

use crate::plan::{Code, FilterStage, Plan};
use crate::repeated::Repeated;
use crate::sweep::{Block, Scratch, SweepOptions, To};

/// What one stage says of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explained {
    /// Place in the plan.
    pub stage: usize,
    /// The text as the stage saw it; `None`: as it came.
    pub text: Option<String>,
    /// In the order of the text; they may overlap.
    pub marks: Vec<Mark>,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// What it fails, or is removed or rewritten for; `None`: the stage removes it, and does not say for what.
    pub reason: Option<ReasonId>,
    pub range: Range<usize>,
}

/// Told of every filter of a document that is judged: place, filter, document, what it leaves of the text, verdict so far.
pub(crate) type Watch<'w> = dyn FnMut(usize, &FilterStage, &Document<'_>, &LineEdits, Verdict) + 'w;

impl Plan {
    /// Judges a document once more, and says where the failed checks of its filters come from: for those that count or
    /// find parts of the text. Stages that leave nothing to point at are left out. What stands in other documents, and
    /// numbers that came with the document, are not known here.
    pub fn explain(&self, document: Document<'_>) -> Vec<Explained> {
        self.explain_stages(document, 0..self.stages.len(), &SweepOptions::EVERY_CHECK)
    }

    /// Of that, what the stage of a document's first reason says; nothing behind it is judged.
    pub fn explain_first(&self, document: Document<'_>, reason: ReasonId) -> Option<Explained> {
        let mut stages = self.stages.iter();
        let stage = stages.position(|stage| reason.0.wrapping_sub(stage.first_reason) < stage.reasons)?;
        let options = SweepOptions { all_signals: false, ..SweepOptions::EVERY_CHECK };
        self.explain_stages(document, stage..stage + 1, &options).pop()
    }

    fn explain_stages(
        &self,
        document: Document<'_>,
        stages: Range<usize>,
        options: &SweepOptions,
    ) -> Vec<Explained> {
        let (mut all, mut scanner) = (Vec::new(), Scanner::new());
        let original = document.text;
        let watch = |stage: usize, filter: &FilterStage, seen: &Document<'_>, edits: &LineEdits, verdict| {
            if !stages.contains(&stage) {
                return;
            }
            let mut marks = self.marks(stage, filter, seen, verdict, &mut scanner);
            if marks.is_empty() && filter.code.lines().is_some() {
                marks = removed(seen.text, edits);
            }
            marks.sort_by_key(|mark| (mark.range.start, mark.range.end, mark.reason));
            if !marks.is_empty() {
                let text = (seen.text != original).then(|| seen.text.to_owned());
                all.push(Explained { stage, text, marks });
            }
        };
        let repeated = Repeated::default();
        let mut block = Block::new(self, 1, &repeated, &|| 0);
        block.watch = Some(Box::new(watch));
        let to = To { position: 0, end: stages.end, known: None, rewrites: true };
        self.judge(document, to, options, &mut Scratch::default(), &mut block);
        drop(block);
        all
    }

    fn marks(
        &self,
        stage: usize,
        filter: &FilterStage,
        seen: &Document<'_>,
        verdict: Verdict,
        scanner: &mut Scanner,
    ) -> Vec<Mark> {
        let (checks, first) = (filter.spec.checks, self.stages[stage].first_reason);
        let reason = |check: usize| ReasonId(first + check as u8);
        // Rules for lines and edits are never a document's reason.
        let counts = |check: usize| checks[check].scope != Scope::Document || verdict.contains(reason(check));
        let mut marks = Vec::new();
        let mut found = |check: usize, range: Range<usize>| {
            // A blank line is nothing to look at.
            if !range.is_empty() && counts(check) {
                marks.push(Mark { reason: Some(reason(check)), range });
            }
        };
        match &filter.code {
            Code::Document(code) => code.point(seen, &mut found),
            Code::Lines(code) => code.point(seen, &mut found),
            Code::Repeats(code) => code.point(seen, &mut found),
            Code::Table => {
                for (check, test) in checks.iter().enumerate().filter(|(check, _)| counts(*check)) {
                    if let Test::Bound(signal, _) = test.test {
                        scanner.marks(seen.text, signal, &self.splitter, |range| found(check, range));
                    }
                }
            }
        }
        marks
    }
}

/// What lies between the pieces that a filter keeps.
fn removed(text: &str, edits: &LineEdits) -> Vec<Mark> {
    if edits.form != Form::Pieces {
        return Vec::new();
    }
    let mut at = 0;
    let mut gaps = Vec::new();
    for piece in &edits.pieces {
        gaps.push(at..piece.range.start);
        if piece.replacement.is_some() {
            gaps.push(piece.range.clone());
        }
        at = piece.range.end;
    }
    gaps.push(at..text.len());
    gaps.retain(|gap| !gap.is_empty() && !text[gap.clone()].trim().is_empty());
    gaps.into_iter().map(|range| Mark { reason: None, range }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;

    fn explained(recipe: &str, text: &str) -> Vec<(String, Vec<String>)> {
        let plan = Plan::compile("test.toml", &Recipe::parse("test.toml", recipe).unwrap()).unwrap();
        let name =
            |mark: &Mark| mark.reason.map_or("cut".to_owned(), |id| plan.reasons.get(id).reason.clone());
        let all = plan.explain(Document::new(text)).into_iter().map(|found| {
            let seen = found.text.as_deref().unwrap_or(text);
            let marks =
                found.marks.iter().map(|mark| format!("{}: {}", name(mark), &seen[mark.range.clone()]));
            (plan.stages[found.stage].name.to_owned(), marks.collect())
        });
        all.collect()
    }

    #[test]
    fn failed_checks_point_at_the_text_that_their_stage_saw() {
        let line = "This line is long enough to stay here.";
        let text = format!("one two\n{line}\nPlease enable JavaScript to read on.\n{line}");
        let recipe = "pipeline = [\"c4_quality\", \"gopher_repetition\"]\n";
        let found = explained(recipe, &text);
        assert_eq!(found[0].0, "c4_quality");
        assert_eq!(found[0].1, ["too_few_words_in_line: one two", "javascript: JavaScript"]);
        assert_eq!(found[1].0, "gopher_repetition");
        let lines: Vec<_> = found[1].1.iter().filter(|mark| mark.starts_with("duplicate_lines: ")).collect();
        assert_eq!(lines, ["duplicate_lines: This line is long enough to stay here."]);
        // What is kept is not pointed at.
        let kept = "[gopher_repetition]\nduplicate_lines = 0.9\n";
        let found = explained(&format!("{recipe}{kept}"), &text);
        assert!(found[1].1.iter().all(|mark| !mark.starts_with("duplicate_lines: ")), "{found:?}");
    }

    #[test]
    fn what_a_filter_cuts_without_saying_why_is_pointed_at() {
        let found = explained("pipeline = [\"symbol_lines\"]\n", "A line.\n-----\nAnother one.\n");
        assert_eq!(found, [("symbol_lines".to_owned(), vec!["cut: \n-----\n".to_owned()])]);
        assert!(explained("pipeline = [\"symbol_lines\"]\n", "A line.\n").is_empty());
    }

    #[test]
    fn masks_and_words_are_pointed_at() {
        let recipe = "pipeline = [\"mask_pii\", \"bad_words\"]\n";
        let found = explained(recipe, "Write to anna@web.de, you NIGGER, or to 8.8.4.4.");
        assert_eq!(found[0].1, ["emails_masked: anna@web.de", "ip_addresses_masked: 8.8.4.4"]);
        assert_eq!(found[1].1, ["severe: NIGGER"]);
    }
}
