//! `report.html`: one self-contained page, drawn by its own script from the run's numbers.
//!
//! Text of documents is untrusted: it travels as escaped JSON, is shown with `textContent` only, and a content
//! security policy lets no script run but the one whose hash it names, and nothing load at all.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use document::{Counts, GroupTally, Histogram, Signal};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{Run, render_method};

/// Samples of each reason that travel in the page.
const SAMPLES_PER_REASON: usize = 12;
/// Languages and sources that travel in the page; the rest is one row.
const GROUPS: usize = 100;

const STYLE: &str = concat!(include_str!("assets/uplot.min.css"), include_str!("assets/style.css"));
const SCRIPT: &str = concat!(
    include_str!("assets/uplot.min.js"),
    "(() => {\"use strict\";\n",
    include_str!("assets/elements.js"),
    include_str!("assets/charts.js"),
    include_str!("assets/overview.js"),
    include_str!("assets/filters.js"),
    include_str!("assets/documents.js"),
    include_str!("assets/training.js"),
    include_str!("assets/main.js"),
    "})();\n"
);

/// What the page's script reads.
#[derive(Serialize)]
struct Page<'r> {
    run: &'r Run,
    method: String,
    /// Meaning and bin edges by `<stage>.<signal>`.
    signals: BTreeMap<&'r str, SignalView>,
    length_edges: Vec<f64>,
}

#[derive(Serialize)]
struct SignalView {
    about: &'static str,
    edges: Vec<f64>,
}

/// The whole page.
pub fn render_dashboard(run: &Run) -> Result<String, serde_json::Error> {
    let run = &trimmed(run);
    let signals = run.tally.signals.iter().map(|(name, histogram)| {
        let signal = name.rsplit('.').next().and_then(Signal::from_name);
        (name.as_str(), SignalView { about: signal.map_or("", Signal::about), edges: edges(histogram) })
    });
    let page = Page {
        run,
        method: render_method(run),
        signals: signals.collect(),
        length_edges: run.tally.input_lengths.as_ref().map(edges).unwrap_or_default(),
    };
    let data = escaped(&serde_json::to_string(&page)?);
    let hash = BASE64_STANDARD.encode(Sha256::digest(SCRIPT));
    Ok(format!(include_str!("assets/page.html"), hash = hash, style = STYLE, data = data, script = SCRIPT))
}

/// JSON that cannot end, comment out or be taken for markup, in any parser's state.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + json.len() / 32);
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\u{7f}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    out
}

fn edges(histogram: &Histogram) -> Vec<f64> {
    (0..=histogram.counts.len()).map(|bin| histogram.edge(bin)).collect()
}

/// The run without what a page does not show, so that it opens at once whatever the corpus.
fn trimmed(run: &Run) -> Run {
    let mut run = run.clone();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    run.rejected_samples.retain(|sample| {
        let n = seen.entry(sample.reason.clone()).or_default();
        *n += 1;
        *n <= SAMPLES_PER_REASON
    });
    run.tally.languages = largest(run.tally.languages);
    run.tally.sources = largest(run.tally.sources);
    run
}

fn largest(groups: BTreeMap<String, GroupTally>) -> BTreeMap<String, GroupTally> {
    if groups.len() <= GROUPS {
        return groups;
    }
    let mut sorted: Vec<(String, GroupTally)> = groups.into_iter().collect();
    sorted.sort_by(|a, b| b.1.input.bytes.cmp(&a.1.input.bytes).then_with(|| a.0.cmp(&b.0)));
    let rest = sorted.split_off(GROUPS);
    let sum = |pick: fn(&GroupTally) -> Counts| {
        let counts = rest.iter().map(|(_, group)| pick(group));
        counts.fold(Counts::default(), |sum, one| Counts {
            documents: sum.documents + one.documents,
            bytes: sum.bytes + one.bytes,
        })
    };
    let name = format!("({} others)", rest.len());
    sorted.push((name, GroupTally { input: sum(|group| group.input), kept: sum(|group| group.kept) }));
    sorted.into_iter().collect()
}
