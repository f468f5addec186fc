//! The stages of a plan on one document: measured, judged, rewritten.

use arrow::array::Array;
use document::{Document, Form, LANGUAGE_STAGES, Raised, Signal, Signals, Verdict};
use text::stable_hash::hash128;

use super::{Block, Scratch, SweepOptions};
use crate::plan::{Code, FilterStage, Plan, StageKind};
use crate::recall::Known;
use crate::signer::near_of;
use crate::swept::Near;

impl Plan {
    /// Runs the stages of the plan before an end on one document. Of one that is known, only stages that rewrite its text
    /// read it.
    pub(crate) fn judge(
        &self,
        document: Document<'_>,
        To { position, end, known, rewrites }: To<'_>,
        options: &SweepOptions,
        scratch: &mut Scratch,
        block: &mut Block<'_>,
    ) -> Judged {
        let original = document.text;
        let mut judged = Judged::default();
        // `signals` describe the text as it is; a line filter that changes it starts a new row.
        scratch.signals.clear();
        scratch.scanner.forget();
        let Scratch { scanner, signals, edits, kept, next, buffer, signer, stage_bytes } = scratch;
        for (index, stage) in self.stages[..end].iter().enumerate().skip(1) {
            let start = (block.clock)();
            let text: &str = if judged.is_rewritten { kept } else { original };
            match &stage.kind {
                StageKind::Input => {}
                StageKind::UrlDedup if judged.verdict.is_keep() => {
                    judged.url = self.url_dedup.hash(document.url);
                }
                StageKind::ExactDedup if judged.verdict.is_keep() => {
                    judged.exact = Some(hash128(text.as_bytes()));
                }
                StageKind::Minhash if judged.verdict.is_keep() => {
                    // Those of the original are still there, from its sampling key, unless that was known.
                    if judged.is_rewritten || known.is_some() || signer.is_let_go {
                        scanner.let_go_of_long();
                        signer.shingles(text, &self.splitter);
                    }
                    let signature = signer.sign(&self.minhash, &self.splitter);
                    if let Some(signature) = &signature {
                        judged.carried = signer.carried(&self.minhash, signature);
                    }
                    judged.near = Some(signature.as_ref().map(near_of));
                    signer.let_go_of_long();
                }
                StageKind::UrlDedup | StageKind::ExactDedup | StageKind::Minhash => {}
                StageKind::Columns(columns) => {
                    let row = position as usize;
                    for (at, (column, reason)) in columns.iter().enumerate() {
                        let number = block.numbers[at].filter(|numbers| numbers.is_valid(row));
                        let number = number.map(|numbers| numbers.value(row));
                        block.missing[at] += u64::from(number.is_none());
                        if column.drops(number) {
                            judged.verdict.add(*reason);
                        }
                        block.measured.number(index, at, number);
                    }
                }
                StageKind::Filter(filter) if filter.is_model && !judged.verdict.is_keep() => {}
                StageKind::Filter(filter)
                    if known.is_some() && !(rewrites && filter.code.lines().is_some()) => {}
                StageKind::Filter(filter) => {
                    let mut raised = Raised::default();
                    let repeated = block.repeated.of(index, position);
                    let mut document = Document { text, language: judged.language, repeated, ..document };
                    let language = judged.language.map(|language| language.short);
                    let mut is_cut = false;
                    match (&filter.code, filter.code.lines()) {
                        (Code::Document(code), _) => {
                            code.judge(&mut document, signals, &mut raised, buffer);
                            judged.language = document.language;
                            let mut last = None;
                            code.found_items(&document, signals, &mut |set, line| {
                                let first = self.item_sets().position(|(stage, _)| stage == index);
                                let found = &mut block.found[first.unwrap_or(0) + set as usize];
                                found.documents += u64::from(last.replace(set) != Some(set));
                                *found.items.entry(line).or_default() += 1;
                            });
                        }
                        (_, None) => {
                            let is_missing = |signal: &Signal| signals.get(*signal).is_none();
                            let missing = filter.scan.iter().filter(is_missing).collect();
                            let stop_words = language.map_or(Some("en"), Some);
                            let stop_words = stop_words.and_then(|language| self.stop_words.get(language));
                            scanner.scan_more(text, missing, &self.splitter, stop_words, signals);
                        }
                        (_, Some(code)) => {
                            edits.clear(filter.spec.checks.len());
                            document.words = scanner.known_words();
                            code.judge_lines(&document, edits, signals, &mut raised, buffer);
                            if edits.form != Form::Whole {
                                edits.apply(text, next);
                                is_cut = *next != text;
                            }
                            for (check, lines) in edits.lines.iter().enumerate() {
                                block.lines[stage.first_reason as usize + check] += u64::from(*lines);
                            }
                        }
                    }
                    if known.is_none() {
                        filter.decide(language, signals, raised, &mut judged.verdict);
                    }
                    if let Some(watch) = &mut block.watch {
                        watch(index, filter, &document, edits, judged.verdict);
                    }
                    if known.is_none() {
                        block.measured.signals(index, signals);
                    }
                    if is_cut {
                        std::mem::swap(kept, next);
                        judged.is_rewritten = true;
                        signals.clear();
                        match edits.has_words {
                            true => scanner.begin_with(&mut edits.words),
                            false => scanner.forget(),
                        }
                    }
                }
            }
            if let (Some(known), StageKind::Filter(_)) = (known, &stage.kind) {
                known.judge(stage, &mut judged.verdict, &mut judged.language);
                block.measured.remember(index, &known.values);
            }
            if matches!(&stage.kind, StageKind::Filter(filter) if filter.code.lines().is_some()) {
                stage_bytes.push(if judged.is_rewritten { kept.len() } else { original.len() } as u64);
            }
            block.nanos[index] += (block.clock)() - start;
            let own = judged.verdict.before(stage.first_reason + stage.reasons);
            let is_unwanted =
                LANGUAGE_STAGES.contains(&stage.name) && own != judged.verdict.before(stage.first_reason);
            if is_unwanted || (!options.all_signals && !judged.verdict.is_keep()) {
                break;
            }
        }
        scanner.let_go_of_long();
        judged
    }
}

/// Which document of a block is judged, and by what.
pub(crate) struct To<'b> {
    pub position: u32,
    /// Stages before this one.
    pub end: usize,
    pub known: Option<&'b Known>,
    /// Of a known document: stages that rewrite its text do so.
    pub rewrites: bool,
}

/// What judging one document found.
#[derive(Default)]
pub(crate) struct Judged {
    pub verdict: Verdict,
    pub language: Option<document::Language>,
    /// The text after line filters is in `Scratch::kept`.
    pub is_rewritten: bool,
    /// Hash of the address of a candidate of `url_dedup`.
    pub url: Option<u64>,
    pub exact: Option<u128>,
    /// A candidate of `minhash`; without a signature if it has too few words.
    pub near: Option<Option<Near>>,
    pub carried: Vec<u64>,
}

impl FilterStage {
    /// Adds the reasons of the checks that failed.
    fn decide(&self, language: Option<&str>, signals: &Signals, raised: Raised, verdict: &mut Verdict) {
        for (check, reason) in self.reasons.iter().enumerate() {
            if let Some(reason) = reason
                && raised.contains(check)
            {
                verdict.add(*reason);
            }
        }
        for (signal, bound, reason) in self.bounds(language) {
            if signals.get(*signal).is_some_and(|value| !bound.keeps(value)) {
                verdict.add(*reason);
            }
        }
    }
}
