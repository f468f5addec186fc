//! `report.html`: one self-contained page, drawn by its own script from the run's numbers.
//!
//! Text of documents is untrusted: it travels as escaped JSON, is shown with `textContent` only, and a content
//! security policy lets no script run but the one whose hash it names, and nothing load at all.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use document::{Counts, GroupTally, Histogram, Signal, steps};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{Run, render_method};

/// Samples of each reason that travel in the page.
const SAMPLES_PER_REASON: usize = 12;
/// Clusters that travel in the page, and members of each.
const CLUSTERS: usize = 30;
const MEMBERS: usize = 8;
/// Languages and sources that travel in the page; the rest is one row.
const GROUPS: usize = 100;

const STYLE: &str = concat!(include_str!("assets/uplot.min.css"), include_str!("assets/style.css"));
/// A charting library, then what pages are made of.
const LIBRARY: &str = include_str!("assets/uplot.min.js");
const PARTS: &str = concat!(
    include_str!("assets/elements.js"),
    include_str!("assets/charts.js"),
    include_str!("assets/overview.js"),
    include_str!("assets/filters.js"),
    include_str!("assets/documents.js"),
    include_str!("assets/metrics.js"),
    include_str!("assets/training.js"),
    include_str!("assets/ablation.js"),
);
/// The script that draws the report from the parts, chapter by chapter.
pub const CHAPTERS: &str = include_str!("assets/main.js");

/// What the page's script reads.
#[derive(Serialize)]
struct Page<'r> {
    run: &'r Run,
    method: String,
    /// Meaning and bin edges by `<stage>.<signal>`.
    signals: BTreeMap<&'r str, SignalView<'r>>,
    /// Text that each stage or step worked on, in bytes.
    measured: BTreeMap<&'r str, u64>,
    length_edges: Vec<f64>,
    /// Where the bounds of `tally.moves` can be moved to.
    steps: BTreeMap<&'r str, Vec<f64>>,
}

#[derive(Serialize)]
struct SignalView<'r> {
    about: &'r str,
    edges: Vec<f64>,
}

/// The whole page.
pub fn render_dashboard(run: &Run) -> Result<String, serde_json::Error> {
    Ok(page(&page_numbers(run)?, "", &[CHAPTERS], "").0)
}

/// A page for a server: the report's parts and numbers, with a style and scripts that use them, and that may ask the server
/// for more. Also its content security policy, which the page holds, too.
pub fn render_served(
    run: &Run,
    style: &str,
    scripts: &[&str],
) -> Result<(String, String), serde_json::Error> {
    Ok(page(&page_numbers(run)?, style, scripts, "; connect-src 'self'"))
}

fn page(numbers: &str, style: &str, scripts: &[&str], more: &str) -> (String, String) {
    let script = format!("{LIBRARY}(() => {{\"use strict\";\n{PARTS}{}}})();\n", scripts.concat());
    let hash = BASE64_STANDARD.encode(Sha256::digest(&script));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; img-src data: blob:{more}; \
         base-uri 'none'; form-action 'none'"
    );
    let (style, data) = (format!("{STYLE}{style}"), escaped(numbers));
    let page = format!(
        include_str!("assets/page.html"),
        policy = policy,
        style = style,
        data = data,
        script = script
    );
    (page, policy)
}

/// What the page's script reads, as JSON.
pub fn page_numbers(run: &Run) -> Result<String, serde_json::Error> {
    let run = &trimmed(run);
    let signals = run.tally.signals.iter().map(|(name, histogram)| {
        // A number of the user's may have a signal's name; only its reason says what it is.
        let own = run.reasons.0.iter().find(|reason| reason.stage == "column" && reason.full_name() == *name);
        let signal = name.rsplit('.').next().and_then(Signal::from_name);
        let about = own.map_or(signal.map_or("", Signal::about), |reason| &reason.why);
        (name.as_str(), SignalView { about, edges: edges(histogram) })
    });
    let page = Page {
        run,
        method: render_method(run),
        signals: signals.collect(),
        measured: run
            .timing
            .stage_nanos
            .keys()
            .map(|name| (name.as_str(), run.measured_bytes(name)))
            .collect(),
        steps: run
            .tally
            .moves
            .keys()
            .filter_map(|name| Some((name.as_str(), steps_of(run, name)?)))
            .collect(),
        length_edges: run.tally.input_lengths.as_ref().map(edges).unwrap_or_default(),
    };
    serde_json::to_string(&page)
}

/// Where the bound of a reason can be moved to, as it was counted.
fn steps_of(run: &Run, name: &str) -> Option<Vec<f64>> {
    let reason = run.reasons.get(run.reasons.find(name)?);
    let histogram = run.tally.signals.get(&format!("{}.{}", reason.stage, reason.signal.as_ref()?))?;
    Some(steps(histogram.scale, [reason.low, reason.high]))
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
    run.clusters.truncate(CLUSTERS);
    run.clusters.iter_mut().for_each(|cluster| cluster.members.truncate(MEMBERS));
    run.evaluation_sets.clear();
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods)]
mod tests {
    use super::*;
    use crate::fixture::{HOSTILE, run};
    use crate::fixture_training::ablation;

    /// The page between two marks.
    fn between<'p>(page: &'p str, start: &str, end: &str) -> &'p str {
        let (_, rest) = page.split_once(start).unwrap();
        rest.split_once(end).unwrap().0
    }

    #[test]
    fn hostile_text_stays_data() {
        let mut run = run();
        run.recipe_name = HOSTILE.to_owned();
        run.tally.sources.insert(HOSTILE.to_owned(), GroupTally::default());
        let page = render_dashboard(&run).unwrap();
        assert_eq!(page.matches("</script").count(), 2, "the data and the script end once each");
        assert_eq!(page.matches("<script").count(), 2);
        let data = between(&page, "id=\"run\">", "</script>");
        assert!(!data.contains(['<', '>', '&', '\u{2028}', '\u{2029}', '\0']));
        let back: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(back["run"]["recipe_name"], HOSTILE);
    }

    #[test]
    fn the_policy_names_the_script_that_is_there() {
        let page = render_dashboard(&run()).unwrap();
        let script = page.rsplit_once("<script>").unwrap().1.split_once("</script>").unwrap().0;
        assert_eq!(
            between(&page, "script-src 'sha256-", "'"),
            BASE64_STANDARD.encode(Sha256::digest(script))
        );
        assert!(page.contains("default-src 'none'"));
        for unsafe_call in [".innerHTML", ".outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(![PARTS, CHAPTERS].concat().contains(unsafe_call), "{unsafe_call}");
        }
        let (served, policy) = render_served(&run(), "", &["draw();"]).unwrap();
        assert!(policy.contains("connect-src 'self'") && served.contains(&policy));
        assert!(!page.contains("connect-src"), "a page from a file asks nobody");
    }

    #[test]
    fn a_page_does_not_grow_with_the_corpus() {
        let mut run = run();
        let sample = run.rejected_samples[0].clone();
        run.rejected_samples = vec![sample; 1_000];
        for n in 0..5_000 {
            let group = GroupTally { input: Counts { documents: 1, bytes: n }, kept: Counts::default() };
            run.tally.sources.insert(format!("source {n}"), group);
        }
        let trimmed = trimmed(&run);
        assert_eq!(trimmed.rejected_samples.len(), SAMPLES_PER_REASON);
        assert_eq!(trimmed.tally.sources.len(), GROUPS + 1);
        let documents =
            |run: &Run| run.tally.sources.values().map(|group| group.input.documents).sum::<u64>();
        assert_eq!(documents(&trimmed), documents(&run));
    }

    /// Writes pages to look at into `$CORPUS_REPORT_HTML`, a folder, if it is set.
    #[test]
    fn pages_are_drawn_for_whatever_a_run_has() {
        let mut bare = run();
        (bare.training, bare.tokens, bare.is_early) = (None, None, true);
        bare.rejected_samples.clear();
        bare.clusters.clear();
        let mut single = run();
        if let Some(training) = &mut single.training {
            training.curves.retain(|curve| curve.seed == 0);
            for difference in &mut training.differences {
                (difference.low, difference.high, difference.mde) = (None, None, None);
            }
        }
        let folder = std::env::var_os("CORPUS_REPORT_HTML");
        let mut ablated = run();
        ablated.training = ablated.training.map(ablation);
        for (name, run) in [
            ("full", run()),
            ("bare", bare),
            ("single_seed", single),
            ("ablated", ablated),
            ("empty", Run::default()),
        ] {
            let page = render_dashboard(&run).unwrap();
            assert!(page.len() < 400_000, "{name}: {} bytes", page.len());
            if let Some(folder) = &folder {
                std::fs::write(std::path::Path::new(folder).join(format!("{name}.html")), page).unwrap();
            }
        }
    }
}
