//! The report of a run after a takedown: what was kept is fewer, and one more stage says why.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use document::{CheckTally, Counts, Reason, StageTally};
use report::{Run, StageInfo, StageKind};

use super::choose::{Chosen, Document};
use super::sequences::Repacked;
use super::{REASON, STAGE, Takedown};

/// The stages before the takedown keep their counts: they happened. What it removed counts as dropped by it if it was
/// kept until then; text that line filters had cut from these documents is no more cut from kept ones, but dropped with
/// them. Which of several line filters had cut it the ledger does not tell: it is taken from the last ones.
pub(super) fn update(run: &mut Run, chosen: &Chosen, takedown: &Takedown, packed: &Repacked) {
    let (stage, check) = places(run);
    let tally = &mut run.tally;
    for document in chosen.documents.values() {
        tally.checks[check].any.add(document.bytes);
        if !document.is_kept {
            continue;
        }
        tally.checks[check].first.add(document.bytes);
        tally.checks[check].alone.add(document.bytes);
        tally.stages[stage].dropped.add(document.bytes);
        subtract(&mut tally.kept, document.kept_bytes);
        tally.kept_input_bytes = tally.kept_input_bytes.saturating_sub(document.bytes);
        tally.tokens = tally.tokens.saturating_sub(document.tokens);
        let language = document.language.as_deref().unwrap_or("unknown");
        if let Some(group) = tally.languages.get_mut(language) {
            subtract(&mut group.kept, document.kept_bytes);
        }
        if let Some(lengths) = &mut tally.kept_lengths {
            lengths.remove(document.kept_bytes as f64);
        }
        take_cut(&mut tally.stages[..stage], document);
    }
    for (source, (documents, bytes)) in &chosen.sources {
        if let Some(group) = tally.sources.get_mut(source) {
            group.kept.documents = group.kept.documents.saturating_sub(*documents);
            group.kept.bytes = group.kept.bytes.saturating_sub(*bytes);
        }
    }
    remove_texts(run, chosen);
    if let Some(tokens) = &mut run.tokens {
        if let Some(train) = packed.train {
            tokens.n_tokens = train.tokens;
            tokens.sequences = train.sequences;
            tokens.fill_rate = train.tokens as f64 / (train.sequences * packed.sequence_length).max(1) as f64;
            tokens.bytes_per_token = train.text_bytes as f64 / train.tokens.max(1) as f64;
        }
        tokens.heldout_documents = tokens.heldout_documents.saturating_sub(takedown.heldout_documents);
        tokens.control_documents = tokens.control_documents.saturating_sub(takedown.control_documents);
    }
    run.warnings.extend(warnings(run, takedown));
}

/// Where the takedown's stage and check are; an earlier takedown's if there was one.
fn places(run: &mut Run) -> (usize, usize) {
    if let Some(stage) = run.stages.iter().position(|stage| stage.name == STAGE)
        && let Some(check) = run.reasons.0.iter().position(|reason| reason.stage == STAGE)
    {
        return (stage, check);
    }
    // Behind all that judge; `tokenize` and `pack` have no tally.
    let stage = run.tally.stages.len();
    let info = StageInfo {
        name: STAGE.to_owned(),
        kind: StageKind::Filter,
        about: "Documents removed on request after the run.".to_owned(),
        ..StageInfo::default()
    };
    run.stages.insert(stage.min(run.stages.len()), info);
    let reached = Counts { documents: run.tally.kept.documents, bytes: run.tally.kept.bytes };
    run.tally.stages.push(StageTally { reached, ..StageTally::default() });
    run.reasons.0.push(Reason {
        stage: STAGE.to_owned(),
        reason: REASON.to_owned(),
        signal: None,
        bound: String::new(),
        low: None,
        high: None,
        is_line: false,
        is_edit: false,
        why: "Removed on request after the run: `takedowns` in manifest.json.".to_owned(),
    });
    run.tally.checks.push(CheckTally::default());
    (stage, run.reasons.0.len() - 1)
}

fn subtract(counts: &mut Counts, bytes: u64) {
    counts.documents = counts.documents.saturating_sub(1);
    counts.bytes = counts.bytes.saturating_sub(bytes);
}

fn take_cut(stages: &mut [StageTally], document: &Document) {
    let mut left = document.bytes as i64 - document.kept_bytes as i64;
    for stage in stages.iter_mut().rev() {
        let part = if left > 0 { left.min(stage.cut_bytes.max(0)) } else { left.max(stage.cut_bytes.min(0)) };
        stage.cut_bytes -= part;
        left -= part;
    }
    // Cut here and added there: the sum still holds.
    if let Some(stage) = stages.iter_mut().rev().find(|_| left != 0) {
        stage.cut_bytes -= left;
    }
}

/// Excerpts in the report are text, too. It knows documents by their ids.
fn remove_texts(run: &mut Run, chosen: &Chosen) {
    let ids: BTreeSet<&str> = chosen.documents.values().map(|document| document.id.as_str()).collect();
    run.rejected_samples.retain(|sample| !ids.contains(sample.id.as_str()));
    for cluster in &mut run.clusters {
        cluster.members.retain(|member| !ids.contains(member.id.as_str()));
        if ids.contains(cluster.kept.id.as_str()) {
            cluster.kept.text.clear();
        }
    }
}

fn warnings(run: &Run, takedown: &Takedown) -> Vec<String> {
    let mut warnings = vec![format!(
        "{} documents were removed on request after the run, {} of them from clean/",
        takedown.documents, takedown.clean_rows
    )];
    let kept = takedown.copies.iter().filter(|copy| copy.is_kept).count();
    let dropped = takedown.copies.len() - kept;
    if kept > 0 {
        warnings.push(format!("copies of removed documents that are still kept: {kept}"));
    }
    if dropped > 0 {
        warnings.push(format!(
            "documents that had been dropped as copies of removed ones, and stay dropped: {dropped}"
        ));
    }
    if run.training.is_some() {
        warnings.push("the models of train/ were trained before documents were removed".to_owned());
    }
    warnings
}

/// The date in UTC, `2026-11-25`.
pub(super) fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    date(seconds / 86_400)
}

/// The Gregorian date of a day since 1970: years are counted from March, so that the leap day comes last.
fn date(days: u64) -> String {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + carry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (19_782, "2024-02-29"),
            (20_782, "2026-11-25"),
        ] {
            assert_eq!(date(days), expected);
        }
    }
}
