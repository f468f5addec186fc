//! The dropped documents that the report shows, with what their reasons point at in the text.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::{Array, Float64Array, RecordBatch, StringArray};
use document::{Document, Reason};
use plan::Plan;
use report::Sample;
use text::stable_hash::hash_id;

use crate::finish::excerpt;
use crate::pack_shards::SHOWN_PER_REASON;

/// Texts up to here are looked at once more for what to mark; of longer ones a report shows next to nothing.
const MARKED_BYTES: usize = 1 << 17;

/// Adds the dropped documents of a segment to those that the report shows: of each reason the few with the
/// smallest hash of their id, whatever the order of segments. One that the segments `before` drive out is not looked at.
pub(crate) fn add_samples(plan: &Plan, before: &[Sample], samples: &mut Vec<Sample>, batch: &RecordBatch) {
    let cell = |name: &str, row: usize| -> Option<&str> {
        let column: &StringArray = batch.column_by_name(name)?.as_any().downcast_ref()?;
        column.is_valid(row).then(|| column.value(row))
    };
    let value = |row: usize| -> Option<f64> {
        let column: &Float64Array = batch.column_by_name("reason_value")?.as_any().downcast_ref()?;
        column.is_valid(row).then(|| column.value(row))
    };
    // Hashes of the ids that are shown, where there are enough of a reason.
    let mut shown: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    before.iter().for_each(|sample| shown.entry(&sample.reason).or_default().push(hash_id(&sample.id, 0)));
    shown.retain(|_, hashes| hashes.len() >= SHOWN_PER_REASON);
    for row in 0..batch.num_rows() {
        let (reason, id) = (cell("reason", row).unwrap_or_default(), cell("id", row).unwrap_or_default());
        let hash = hash_id(id, 0);
        if shown.get(reason).is_some_and(|hashes| hashes.iter().all(|&before| before < hash)) {
            continue;
        }
        let text = cell("text", row).unwrap_or_default();
        let shown = excerpt(text);
        let check: Option<&Reason> = plan.reasons.find(reason).map(|id| plan.reasons.get(id));
        samples.push(Sample {
            id: id.to_owned(),
            url: cell("url", row).map(str::to_owned),
            language: cell("language", row).map(str::to_owned),
            marks: marks(plan, reason, text, cell("url", row), &shown),
            text: shown,
            value: value(row),
            signal: check.and_then(|check| check.signal.clone()),
            bound: check.map(|check| check.bound.clone()).unwrap_or_default(),
            reason: reason.to_owned(),
        });
    }
    keep_shown(plan, samples);
}

/// Leaves the few samples of each reason that are shown.
pub(crate) fn keep_shown(plan: &Plan, samples: &mut Vec<Sample>) {
    let place = |sample: &Sample| plan.reasons.find(&sample.reason).map(|id| id.0);
    samples.sort_by_cached_key(|sample| (place(sample), hash_id(&sample.id, 0)));
    let (mut last, mut n) = (None, 0);
    samples.retain(|sample| {
        n = if last == place(sample) { n + 1 } else { 1 };
        last = place(sample);
        n <= SHOWN_PER_REASON
    });
}

/// What a document's first reason points at in the beginning of its text, in UTF-16 code units, ascending and apart.
/// Empty where it points at nothing, or at a text that a stage had changed.
fn marks(plan: &Plan, reason: &str, text: &str, url: Option<&str>, shown: &str) -> Vec<(u32, u32)> {
    let Some(reason) = plan.reasons.find(reason).filter(|_| text.len() <= MARKED_BYTES) else {
        return Vec::new();
    };
    let explained = plan.explain_first(Document { url, ..Document::new(text) }, reason);
    let of_original = explained.iter().filter(|explained| explained.text.is_none());
    let marks = of_original.flat_map(|explained| &explained.marks);
    let ranges = marks.filter(|mark| mark.reason == Some(reason)).map(|mark| mark.range.clone());
    let mut ranges: Vec<Range<usize>> = ranges.filter(|range| range.start < shown.len()).collect();
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let units = |byte: usize| shown[..shown.floor_char_boundary(byte)].encode_utf16().count() as u32;
    let mut joined: Vec<(u32, u32)> = Vec::new();
    for range in ranges {
        let (start, end) = (units(range.start), units(range.end.min(shown.len())));
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use plan::Recipe;

    #[test]
    fn what_a_reason_points_at_is_marked_where_a_script_counts() {
        let recipe = Recipe::parse("test", "pipeline = [\"gopher_repetition\"]").unwrap();
        let plan = Plan::compile("test", &recipe).unwrap();
        let text = "😀 one line\nagain and again\nanother line\nagain and again\nagain and again\n";
        let shown = &text[..text.len() - 20];
        let found = marks(&plan, "gopher_repetition.duplicate_lines", text, None, shown);
        let units: Vec<u16> = shown.encode_utf16().collect();
        let part =
            |&(start, end): &(u32, u32)| String::from_utf16(&units[start as usize..end as usize]).unwrap();
        let parts: Vec<String> = found.iter().map(part).collect();
        assert!(!parts.is_empty() && parts.iter().all(|part| part.contains("again and")), "{parts:?}");
        assert!(marks(&plan, "gopher_repetition.duplicate_lines", "one\ntwo", None, "one\ntwo").is_empty());
        assert!(marks(&plan, "minhash.duplicate", text, None, shown).is_empty());
    }
}
