//! Counts of a finished block, from the verdicts alone: neither stages nor filters know that they are counted.

use std::collections::BTreeMap;

use arrow::array::{Array, Float64Array, StringArray, UInt8Array, UInt64Array};
use document::{LANGUAGE_STAGES, ReasonId, Scale, Signal, Tally, Verdict, steps};
use plan::{FilterStage, Flags, Plan, StageKind};

use crate::error::EngineError;
use crate::finish::Block;
use crate::resolve::URL_DEDUP;

/// An empty tally of a plan.
pub(crate) fn empty(plan: &Plan) -> Tally {
    let signals: Vec<_> =
        plan.columns.iter().map(|(name, _, signal)| (name.clone(), scale(*signal))).collect();
    Tally::new(plan.stages.len(), plan.reasons.0.len(), &signals)
}

fn scale(signal: Option<Signal>) -> Scale {
    signal.map_or(Scale::Signed, Signal::scale)
}

/// A bound that could stand elsewhere: what it would do there can be told from what was measured. That of a language stage
/// cannot, since nothing behind it was measured of the documents that it drops.
struct Movable<'p> {
    reason: ReasonId,
    column: String,
    steps: Vec<f64>,
    filter: Option<&'p FilterStage>,
}

fn movable(plan: &Plan) -> Vec<Movable<'_>> {
    let mut all = Vec::new();
    for stage in plan.stages.iter().filter(|stage| !LANGUAGE_STAGES.contains(&stage.name)) {
        let mut add = |reason: ReasonId, signal: Option<Signal>, name: &str, filter| {
            let known = plan.reasons.get(reason);
            let column = format!("{}.{name}", stage.name);
            all.push(Movable {
                reason,
                column,
                steps: steps(scale(signal), [known.low, known.high]),
                filter,
            });
        };
        match &stage.kind {
            StageKind::Filter(filter) => {
                for (signal, _, reason) in filter.bounds(None) {
                    add(*reason, Some(*signal), signal.name(), Some(filter.as_ref()));
                }
            }
            StageKind::Columns(columns) => {
                let bounded = |reason: &ReasonId| {
                    let reason = plan.reasons.get(*reason);
                    reason.low.is_some() || reason.high.is_some()
                };
                for (column, reason) in columns.iter().filter(|(_, reason)| bounded(reason)) {
                    add(*reason, None, &column.name, None);
                }
            }
            StageKind::Input | StageKind::UrlDedup | StageKind::ExactDedup | StageKind::Minhash => {}
        }
    }
    all
}

/// The block's tally, and candidates and duplicates by source.
#[allow(clippy::type_complexity)]
pub(crate) fn count(
    plan: &Plan,
    block: Block<'_>,
    verdicts: &[Verdict],
    tokens: &[Option<i64>],
) -> Result<(Tally, BTreeMap<String, (u64, u64)>), EngineError> {
    let (mut tally, by_source) = count_documents(plan, block, verdicts, tokens)?;
    count_moves(plan, block, verdicts, &mut tally)?;
    Ok((tally, by_source))
}

/// The same of a block that was just swept, for whoever watches: no duplicates are known yet, and no tokens.
pub(crate) fn count_swept(plan: &Plan, block: Block<'_>, lines: &[u64]) -> Result<Tally, EngineError> {
    let verdicts = block.verdicts()?;
    let (mut tally, _) = count_documents(plan, block, &verdicts, &[])?;
    tally.checks.iter_mut().zip(lines).for_each(|(check, lines)| check.lines += lines);
    Ok(tally)
}

#[allow(clippy::type_complexity)]
fn count_documents(
    plan: &Plan,
    block: Block<'_>,
    verdicts: &[Verdict],
    tokens: &[Option<i64>],
) -> Result<(Tally, BTreeMap<String, (u64, u64)>), EngineError> {
    let mut tally = empty(plan);
    let mut by_source: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let bytes: &UInt64Array = block.column("bytes")?;
    let kept_bytes: &UInt64Array = block.column("kept_bytes")?;
    let languages: &StringArray = block.column("language")?;
    let sources: &StringArray = block.column("source")?;
    let flags: &UInt8Array = block.column("flags")?;
    let mut cuts: Vec<(usize, &UInt64Array)> = Vec::new();
    for stage in plan.line_stages() {
        cuts.push((stage, block.column(&format!("bytes_after.{}", plan.stages[stage].name))?));
    }
    let duplicates = [URL_DEDUP, "exact_dedup", "minhash"].map(|stage| plan.duplicate_reason(stage));
    for (row, verdict) in verdicts.iter().enumerate() {
        let size = bytes.value(row);
        let is_kept = verdict.is_keep();
        tally.input.add(size);
        if let Some(lengths) = &mut tally.input_lengths {
            lengths.add(size as f64);
        }
        let last = verdict.first().map_or(plan.stages.len(), |first| stage_of(plan, first.0));
        let mut reached = size;
        for (stage, counts) in tally.stages.iter_mut().enumerate() {
            if stage > last {
                break;
            }
            counts.reached.add(reached);
            if stage == last {
                counts.dropped.add(size);
            }
            if let Some((_, after)) = cuts.iter().find(|(cut, _)| *cut == stage) {
                let after = after.value(row);
                if is_kept {
                    counts.cut_bytes += reached as i64 - after as i64;
                }
                reached = after;
            }
        }
        for reason in verdict.iter() {
            let check = &mut tally.checks[reason.0 as usize];
            check.any.add(size);
            if verdict.first() == Some(reason) {
                check.first.add(size);
            }
            if verdict.len() == 1 {
                check.alone.add(size);
            }
        }
        for (at, reason) in verdict.iter().enumerate() {
            for other in verdict.iter().skip(at + 1) {
                *tally.overlap.entry(reason.0).or_default().entry(other.0).or_default() += 1;
            }
        }
        if is_kept {
            tally.kept.add(kept_bytes.value(row));
            tally.kept_input_bytes += size;
            tally.tokens += tokens.get(row).copied().flatten().unwrap_or(0) as u64;
            if let Some(lengths) = &mut tally.kept_lengths {
                lengths.add(kept_bytes.value(row) as f64);
            }
        }
        let language = if languages.is_valid(row) { languages.value(row) } else { "unknown" };
        let source = if sources.is_valid(row) { sources.value(row) } else { "" };
        for (groups, name) in [(&mut tally.languages, language), (&mut tally.sources, source)] {
            let group = match groups.get_mut(name) {
                Some(group) => group,
                None => groups.entry(name.to_owned()).or_default(),
            };
            group.input.add(size);
            if is_kept {
                group.kept.add(kept_bytes.value(row));
            }
        }
        if Flags(flags.value(row)).has(Flags::URL | Flags::EXACT | Flags::NEAR) {
            let count = by_source.entry(source.to_owned()).or_default();
            count.0 += 1;
            let is_duplicate = duplicates.iter().flatten().any(|reason| verdict.contains(*reason));
            count.1 += u64::from(is_duplicate);
        }
    }
    for (name, _, _) in &plan.columns {
        let values: &Float64Array = block.column(name)?;
        if let Some(histogram) = tally.signals.get_mut(name) {
            values.iter().flatten().for_each(|value| histogram.add(value));
        }
    }
    Ok((tally, by_source))
}

/// What would change side if a bound stood elsewhere.
fn count_moves(
    plan: &Plan,
    block: Block<'_>,
    verdicts: &[Verdict],
    tally: &mut Tally,
) -> Result<(), EngineError> {
    let bytes: &UInt64Array = block.column("bytes")?;
    let languages: &StringArray = block.column("language")?;
    let flags: &UInt8Array = block.column("flags")?;
    for Movable { reason, column, steps, filter } in movable(plan) {
        let moves = tally.moves.entry(plan.reasons.get(reason).full_name()).or_default();
        let values: &Float64Array = block.column(&column)?;
        for (row, verdict) in verdicts.iter().enumerate().filter(|(row, _)| values.is_valid(*row)) {
            let passes = Flags(flags.value(row)).has(Flags::SURVIVES);
            let has_own = || {
                filter.is_some_and(|filter| {
                    languages.is_valid(row) && filter.has_own_bounds(languages.value(row))
                })
            };
            if (passes || (verdict.len() == 1 && verdict.first() == Some(reason))) && !has_own() {
                moves.add(&steps, values.value(row), bytes.value(row), passes);
            }
        }
    }
    Ok(())
}

fn stage_of(plan: &Plan, reason: u8) -> usize {
    let holds =
        |stage: &plan::Stage| (stage.first_reason..stage.first_reason + stage.reasons).contains(&reason);
    plan.stages.iter().position(holds).unwrap_or(0)
}
