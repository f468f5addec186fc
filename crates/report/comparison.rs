//! Finished runs on the same input against each other: which documents are treated differently, and why.

use std::fmt::Write;

use document::Counts;
use serde::Serialize;

use crate::human::{human_bytes, human_count, percent};

/// A run as a comparison names it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ComparedRun {
    pub folder: String,
    pub recipe: String,
    pub recipe_hash: String,
}

/// Two runs, document by document. Bytes are of the input text.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    pub a: ComparedRun,
    pub b: ComparedRun,
    /// Documents that both runs judged.
    pub input: Counts,
    pub kept_by_both: Counts,
    pub only_a: Counts,
    pub only_b: Counts,
    pub neither: Counts,
    /// Documents that only one of the runs has: rows that it could not read.
    pub unmatched: u64,
    /// Kept by both, with kept texts of different length.
    pub rewritten: Rewritten,
    /// By what the runs say; those that differ first, the largest first.
    pub cells: Vec<Cell>,
}

/// Documents that both runs keep, with another text each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rewritten {
    pub documents: u64,
    /// Of the kept texts.
    pub bytes_a: u64,
    pub bytes_b: u64,
}

/// Documents about which the runs say the same two things.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cell {
    /// The first reason; `None`: kept.
    pub a: Option<String>,
    pub b: Option<String>,
    pub documents: u64,
    pub bytes: u64,
    /// Those with the smallest hash of their id, so the same ones every time.
    pub samples: Vec<ComparedDocument>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ComparedDocument {
    pub path: String,
    pub row: u64,
    pub id: String,
    /// First words, where one of the runs wrote the text.
    pub text: Option<String>,
}

impl Cell {
    /// One run keeps what the other drops.
    pub fn differs(&self) -> bool {
        self.a.is_some() != self.b.is_some()
    }
}

impl Comparison {
    /// Share of the documents with the same outcome; `None` without documents.
    pub fn agreement(&self) -> Option<f64> {
        let same = self.kept_by_both.documents + self.neither.documents;
        (self.input.documents > 0).then(|| same as f64 / self.input.documents as f64)
    }

    /// Agreement beyond chance (Cohen 1960); `None` where both runs keep all or drop all.
    pub fn kappa(&self) -> Option<f64> {
        let n = self.input.documents as f64;
        let a = (self.kept_by_both.documents + self.only_a.documents) as f64 / n;
        let b = (self.kept_by_both.documents + self.only_b.documents) as f64 / n;
        let by_chance = a * b + (1.0 - a) * (1.0 - b);
        (by_chance < 1.0).then(|| (self.agreement().unwrap_or(0.0) - by_chance) / (1.0 - by_chance))
    }
}

/// Width of a verdict in the table of two runs.
const VERDICT_WIDTH: usize = 29;
/// Rows of the table that hold the same outcome, at most.
const AGREEING_ROWS: usize = 10;
/// Rows that hold different outcomes, at most, and those of them with samples.
const DIFFERING_ROWS: usize = 20;
const SAMPLED_ROWS: usize = 5;

/// Two runs as tables of at most 80 columns. Ends in a line feed.
pub fn render_comparison(comparison: &Comparison) -> String {
    let Comparison { a, b, input, kept_by_both, only_a, only_b, neither, rewritten, .. } = comparison;
    let mut out = String::new();
    for (name, run, kept) in [("A", a, only_a), ("B", b, only_b)] {
        let kept = kept_by_both.documents + kept.documents;
        let _ = writeln!(
            out,
            "{name}  {}: recipe {} kept {} of {} documents",
            run.folder,
            run.recipe,
            human_count(kept),
            human_count(input.documents)
        );
    }
    out.push('\n');
    let rows = [
        ("kept by both", kept_by_both),
        ("A only", only_a),
        ("B only", only_b),
        ("dropped by both", neither),
    ];
    for (name, counts) in rows {
        let _ = writeln!(
            out,
            "{name:18} {:>13} {:>6}  {:>8} {:>6}",
            human_count(counts.documents),
            percent(counts.documents, input.documents),
            human_bytes(counts.bytes),
            percent(counts.bytes, input.bytes)
        );
    }
    if let Some(agreement) = comparison.agreement() {
        let kappa = comparison.kappa().map_or(String::new(), |kappa| format!(" (Cohen's kappa {kappa:.3})"));
        let _ = writeln!(out, "\nThe same outcome for {:.2}% of the documents{kappa}.", 100.0 * agreement);
    }
    if rewritten.documents > 0 {
        let _ = writeln!(
            out,
            "Kept by both with texts of different length: {} documents, {} in A, {} in B.",
            human_count(rewritten.documents),
            human_bytes(rewritten.bytes_a),
            human_bytes(rewritten.bytes_b)
        );
    }
    if comparison.unmatched > 0 {
        let _ = writeln!(out, "Only one run could read {} documents.", human_count(comparison.unmatched));
    }
    let (differing, agreeing): (Vec<&Cell>, Vec<&Cell>) =
        comparison.cells.iter().partition(|cell| cell.differs());
    table(&mut out, "different outcome", &differing, DIFFERING_ROWS);
    table(&mut out, "same outcome", &agreeing, AGREEING_ROWS);
    out
}

fn table(out: &mut String, name: &str, cells: &[&Cell], most: usize) {
    if cells.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "\n{:VERDICT_WIDTH$} {:VERDICT_WIDTH$} {:>9} {:>8}",
        format!("{name}: A"),
        "B",
        "docs",
        "bytes"
    );
    for (index, cell) in cells.iter().take(most).enumerate() {
        let _ = writeln!(
            out,
            "{} {} {:>9} {:>8}",
            verdict(cell.a.as_deref()),
            verdict(cell.b.as_deref()),
            human_count(cell.documents),
            human_bytes(cell.bytes)
        );
        let samples = if cell.differs() && index < SAMPLED_ROWS { cell.samples.as_slice() } else { &[] };
        for sample in samples {
            // The id whole, since `corpus inspect --id` wants it.
            let _ = writeln!(out, "    {}", one_line(&sample.id, usize::MAX));
            let text = sample.text.as_deref().unwrap_or("(its text was not found)");
            let _ = writeln!(out, "    │ {}", one_line(text, 74));
        }
    }
    if let Some(rest) = cells.get(most..).filter(|rest| !rest.is_empty()) {
        let documents = rest.iter().map(|cell| cell.documents).sum();
        let _ = writeln!(out, "and {} more rows with {} documents", rest.len(), human_count(documents));
    }
}

/// Exactly [`VERDICT_WIDTH`] characters; of a long name the end, which says more than its stage.
fn verdict(reason: Option<&str>) -> String {
    let name = reason.unwrap_or("kept");
    match name.chars().count().checked_sub(VERDICT_WIDTH) {
        None | Some(0) => format!("{name:VERDICT_WIDTH$}"),
        Some(over) => format!("…{}", name.chars().skip(over + 1).collect::<String>()),
    }
}

/// At most `width` characters, without what could steer a terminal.
pub(crate) fn one_line(text: &str, width: usize) -> String {
    let hides = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = text.chars().map(|c| if hides(c) { '·' } else { c });
    if text.chars().count() <= width {
        return shown.collect();
    }
    shown.take(width - 1).chain(['…']).collect()
}

/// Several runs, each against each: `pairs` in the order (0, 1), (0, 2), …, (1, 2), … of `names`. A Markdown table.
pub fn render_matrix(names: &[String], pairs: &[Comparison]) -> String {
    let n = names.len();
    let pair = |low: usize, high: usize| pairs.get(low * n - low * (low + 1) / 2 + high - low - 1);
    let kept = |run: usize| -> Option<(u64, u64)> {
        let with = if run == 0 { 1 } else { 0 };
        let comparison = pair(run.min(with), run.max(with))?;
        let own = if run < with { comparison.only_a } else { comparison.only_b };
        Some((comparison.kept_by_both.documents + own.documents, comparison.input.documents))
    };
    let mut out = format!("| | kept | {} |\n| --- | ---: |{}\n", names.join(" | "), " ---: |".repeat(n));
    for (row, name) in names.iter().enumerate() {
        let share = kept(row).map(|(kept, all)| percent(kept, all)).unwrap_or_default();
        let _ = write!(out, "| {name} | {share} |");
        for column in 0..n {
            let cell = match pair(row.min(column), row.max(column)).filter(|_| row != column) {
                None => "–".to_owned(),
                Some(comparison) => {
                    let agreement = comparison.agreement().map_or(f64::NAN, |share| 100.0 * share);
                    match comparison.kappa() {
                        Some(kappa) => format!("{agreement:.1} ({kappa:.2})"),
                        None => format!("{agreement:.1}"),
                    }
                }
            };
            let _ = write!(out, " {cell} |");
        }
        out.push('\n');
    }
    out.push_str("\nShare of the documents with the same outcome, in %, and Cohen's kappa.\n");
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn comparison(both: u64, a: u64, b: u64, neither: u64) -> Comparison {
        let counts = |documents: u64| Counts { documents, bytes: documents * 1_000 };
        Comparison {
            input: counts(both + a + b + neither),
            kept_by_both: counts(both),
            only_a: counts(a),
            only_b: counts(b),
            neither: counts(neither),
            ..Comparison::default()
        }
    }

    #[test]
    fn kappa_is_agreement_beyond_chance() {
        // The worked example of Cohen's kappa: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no.
        let found = comparison(20, 5, 10, 15);
        assert_eq!(found.agreement(), Some(0.7));
        assert!((found.kappa().unwrap() - 0.4).abs() < 1e-12);
        assert_eq!(comparison(9, 0, 0, 0).kappa(), None);
        assert_eq!(comparison(0, 0, 0, 0).agreement(), None);
    }

    #[test]
    fn tables_fit_80_columns_whatever_the_names() {
        let mut found = comparison(20, 5, 10, 15);
        let sample = ComparedDocument {
            id: "x".repeat(30),
            text: Some("A page\u{1b}[31m of many words ".repeat(9)),
            ..ComparedDocument::default()
        };
        let long = Some("gopher_repetition.duplicate_paragraph_chars".to_owned());
        let (b, samples) = (long.clone(), vec![sample]);
        found.cells = vec![
            Cell { a: None, b, documents: 1_234_567, bytes: 9_999_999_999, samples },
            Cell { a: long.clone(), b: long, documents: 3, bytes: 5, samples: Vec::new() },
        ];
        found.rewritten = Rewritten { documents: 7, bytes_a: 10, bytes_b: 11 };
        let table = render_comparison(&found);
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        assert!(!table.contains('\u{1b}') && table.contains("70.00%"), "{table}");
    }

    #[test]
    fn a_matrix_finds_its_pairs() {
        let names = ["x", "y", "z"].map(str::to_owned);
        let pairs = [comparison(1, 1, 0, 0), comparison(2, 0, 1, 1), comparison(1, 0, 3, 0)];
        let table = render_matrix(&names, &pairs);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[2], "| x | 100.0% | – | 50.0 (0.00) | 75.0 (0.50) |");
        assert_eq!(lines[3], "| y | 50.0% | 50.0 (0.00) | – | 25.0 (0.00) |");
        assert!(lines[4].starts_with("| z | 75.0% | 75.0 (0.50) | 25.0 (0.00) | – |"), "{table}");
    }
}
