//! The funnel as a table of at most 80 columns, without colour; and the same numbers as JSON.

use std::fmt::Write;

use document::{CheckTally, Reason, StageTally};

use crate::human::{human_bytes, human_count, percent, short_count, significant, three_digits};
use crate::run::EXTRACT;
use crate::{Ablation, Difference, Extraction, MixSummary, Run, StageInfo, TokenSummary, Training, Verdict};

/// The longest reason (`duplicate_paragraph_chars`) and its indent.
const NAME_WIDTH: usize = 27;
const WIDTH: usize = 80;

/// `report.json`, indented.
pub fn render_json(run: &Run) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(run)
}

/// The funnel, then the tokens, then what training showed, as far as they exist. Ends in a line feed.
pub fn render_table(run: &Run) -> String {
    let mut out = format!(
        "{:NAME_WIDTH$} {:>15} {:>15} {:>7} {:>5} {:>5}\n",
        "", "dropped, first", "by this alone", "reached", "time", "GB/s"
    );
    row(&mut out, "", ["docs", "bytes", "docs", "bytes", "bytes", "share", "core"]);
    let all_nanos: u64 = run.timing.stage_nanos.values().sum();
    for (stage, tally) in run.stages.iter().zip(&run.tally.stages) {
        stage_rows(&mut out, run, stage, tally, all_nanos);
    }
    step_rows(&mut out, run, all_nanos);
    totals(&mut out, run);
    if let Some(tokens) = &run.tokens {
        token_block(&mut out, tokens);
    }
    if let Some(training) = &run.training {
        training_block(&mut out, training);
    }
    for warning in &run.warnings {
        out.push('\n');
        wrapped(&mut out, &format!("warning: {warning}"));
    }
    out
}

fn stage_rows(out: &mut String, run: &Run, stage: &StageInfo, tally: &StageTally, all_nanos: u64) {
    let nanos = run.timing.stage_nanos.get(&stage.name).copied().unwrap_or(0);
    row(
        out,
        &stage.name,
        [
            &short_count(tally.dropped.documents),
            &human_bytes(tally.dropped.bytes),
            "",
            "",
            &human_bytes(tally.reached.bytes),
            &if nanos == 0 { String::new() } else { time_share(nanos, all_nanos) },
            &rate(run.measured_bytes(&stage.name), nanos),
        ],
    );
    let mut idle = Vec::new();
    for (reason, check) in run.reasons.0.iter().zip(&run.tally.checks) {
        if reason.stage != stage.name {
            continue;
        }
        if check.first.documents == 0 && check.alone.documents == 0 && check.lines == 0 {
            idle.push(reason.reason.as_str());
        } else {
            reason_row(out, run.is_early, reason, check);
        }
    }
    listed(out, "  none:", &idle);
    let bytes = human_bytes(tally.cut_bytes.unsigned_abs());
    match tally.cut_bytes {
        1.. => row(out, "  text cut, page kept", ["", &bytes, "", "", "", "", ""]),
        ..0 => row(out, "  text added", ["", &bytes, "", "", "", "", ""]),
        0 => {}
    }
}

/// A sentence in lines of at most [`WIDTH`] columns; a word that is longer has its own.
fn wrapped(out: &mut String, sentence: &str) {
    let mut used = 0;
    for word in sentence.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > WIDTH {
            out.push('\n');
            used = 0;
        }
        if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out.push('\n');
}

/// Names behind a title, in as few lines as they need: the reasons that were nobody's first, for example.
fn listed<S: AsRef<str>>(out: &mut String, title: &str, names: &[S]) {
    let mut line = title.to_owned();
    for (index, name) in names.iter().map(AsRef::as_ref).enumerate() {
        let comma = if index + 1 < names.len() { "," } else { "" };
        if line.chars().count() + 1 + name.chars().count() + comma.len() > WIDTH {
            let _ = writeln!(out, "{line}");
            line = " ".repeat(7);
        }
        let _ = write!(line, " {name}{comma}");
    }
    if !names.is_empty() {
        let _ = writeln!(out, "{line}");
    }
}

fn reason_row(out: &mut String, is_early: bool, reason: &Reason, check: &CheckTally) {
    let name = format!("  {}", reason.reason);
    if reason.is_line || reason.is_edit {
        let unit = if reason.is_line { "lines" } else { "edits" };
        let lines = format!("{} {unit}", human_count(check.lines));
        let _ = writeln!(out, "{} {lines:>15}", fitted(&name));
        return;
    }
    let (alone, alone_bytes) = match is_early {
        true => ("n/a".to_owned(), "n/a".to_owned()),
        false => (short_count(check.alone.documents), human_bytes(check.alone.bytes)),
    };
    let first = [short_count(check.first.documents), human_bytes(check.first.bytes)];
    row(out, &name, [&first[0], &first[1], &alone, &alone_bytes, "", "", ""]);
}

/// Steps that take time but are no stage: parsing, scanning, writing.
fn step_rows(out: &mut String, run: &Run, all_nanos: u64) {
    let is_stage = |name: &str| run.stages.iter().any(|stage| stage.name == name);
    let mut steps: Vec<_> =
        run.timing.stage_nanos.iter().filter(|(name, nanos)| !is_stage(name) && **nanos > 0).collect();
    steps.sort_by_key(|(name, nanos)| (std::cmp::Reverse(**nanos), name.as_str()));
    for (name, nanos) in steps {
        let (bytes, rate) = match run.measured_bytes(name) {
            bytes if name == EXTRACT => (human_bytes(bytes), rate(bytes, *nanos)),
            _ => Default::default(),
        };
        row(out, &format!("({name})"), ["", "", "", "", &bytes, &time_share(*nanos, all_nanos), &rate]);
    }
}

fn totals(out: &mut String, run: &Run) {
    let tally = &run.tally;
    let _ = writeln!(out, "{}", "─".repeat(WIDTH));
    let mut total = |name: &str, documents: Option<u64>, bytes: u64| {
        let share = documents.map(|documents| percent(documents, tally.input.documents)).unwrap_or_default();
        let documents = documents.map(short_count).unwrap_or_default();
        let all = percent(bytes, tally.input.bytes);
        row(out, name, [&documents, &human_bytes(bytes), &share, &all, "", "", ""]);
    };
    let dropped = run.dropped();
    total("input", Some(tally.input.documents), tally.input.bytes);
    total("dropped", Some(dropped.documents), dropped.bytes);
    let (before, after) = (tally.kept_input_bytes, tally.kept.bytes);
    if after < before {
        total("cut from kept documents", None, before - after);
    } else if after > before {
        total("added to kept documents", None, after - before);
    }
    total("kept", Some(tally.kept.documents), tally.kept.bytes);
    crawl(out, run);
    evaluation_sets(out, run);
    out.push_str("\nTime: of the threads, in the first pass. GB/s: of the text a stage measured.\n");
    wall(out, run);
}

/// What the input was, where it was no text to begin with.
fn crawl(out: &mut String, run: &Run) {
    let records = run.inputs.records.iter().map(|(kind, n)| format!("{kind} {}", human_count(*n)));
    let records: Vec<String> = records.collect();
    if !records.is_empty() || run.extraction.is_some() {
        out.push('\n');
    }
    listed(out, "records in the crawl files:", &records);
    if let Some(Extraction { mode, pages, html_bytes, text_bytes }) = &run.extraction {
        let _ = writeln!(
            out,
            "HTML to text ({mode}): {} pages, {} to {}",
            human_count(*pages),
            human_bytes(*html_bytes),
            human_bytes(*text_bytes)
        );
    }
}

/// What of each evaluation set stands in the documents.
fn evaluation_sets(out: &mut String, run: &Run) {
    for (index, set) in run.evaluation_sets.iter().enumerate() {
        if index == 0 {
            let _ =
                writeln!(out, "\n{} {:>17} {:>12}", fitted("evaluation sets"), "items found", "in documents");
        }
        let items = format!("{} of {}", human_count(set.found.items.len() as u64), human_count(set.items));
        let note = match set.too_short {
            0 => String::new(),
            n => format!(", {} too short", human_count(n)),
        };
        let _ =
            writeln!(out, "{} {items:>17} {:>12}{note}", fitted(&set.path), human_count(set.found.documents));
    }
}

/// How long it took, how fast that is, and what it needed.
fn wall(out: &mut String, run: &Run) {
    let timing = &run.timing;
    if timing.wall_seconds <= 0.0 {
        return;
    }
    let _ = write!(
        out,
        "{} of text in {} s on {} {}: {} GB/s",
        human_bytes(run.tally.input.bytes),
        three_digits(timing.wall_seconds),
        timing.threads,
        if timing.threads == 1 { "thread" } else { "threads" },
        significant(run.tally.input.bytes as f64 / timing.wall_seconds / 1e9),
    );
    if let Some(peak) = run.peak_memory_bytes {
        let _ = write!(out, "; peak memory {}", human_bytes(peak));
    }
    let phases: Vec<String> = timing
        .phases
        .iter()
        .map(|phase| format!("{} {} s", phase.name, three_digits(phase.seconds)))
        .collect();
    if !phases.is_empty() {
        let _ = write!(out, "\nof that {}", phases.join(", "));
    }
    out.push('\n');
}

fn token_block(out: &mut String, tokens: &TokenSummary) {
    let share = |fraction: f64| format!("sampled at {:.1}% of the input", 100.0 * fraction);
    let mut rows = vec![
        ("tokens", tokens.n_tokens, format!("{:.2} bytes per token", tokens.bytes_per_token)),
        (
            "sequences",
            tokens.sequences,
            format!(
                "of {} tokens, {:.1}% filled",
                human_count(tokens.sequence_length),
                100.0 * tokens.fill_rate
            ),
        ),
        ("control documents", tokens.control_documents, share(tokens.control_rate)),
        ("held-out documents", tokens.heldout_documents, share(tokens.heldout_rate)),
        ("left out of training", tokens.excluded_documents, "too like a held-out document".to_owned()),
    ];
    if let Some(MixSummary { repeated, copies, left_out }) = tokens.mix {
        let note = format!("packed {} times more, by [mix]", human_count(copies));
        rows.push(("repeated documents", repeated, note));
        rows.push(("not packed", left_out, "by [mix]".to_owned()));
    }
    out.push('\n');
    for (name, n, note) in rows {
        let _ = writeln!(out, "{name:NAME_WIDTH$} {:>15}  {note}", human_count(n));
    }
}

fn training_block(out: &mut String, training: &Training) {
    let _ = writeln!(
        out,
        "\nBits-per-byte on held-out documents: {} tokens, seeds: {}.\nBelow zero, the first arm is better.",
        human_count(training.tokens),
        training.seeds
    );
    if let Some(ablation) = &training.ablation {
        let Ablation { headline, runs, runs_done, .. } = ablation;
        let _ = writeln!(out, "{} of {} runs. {headline}", human_count(*runs_done), human_count(*runs));
    }
    for difference in &training.differences {
        let Difference { a, b, held_out, delta, low, high, mde, verdict, .. } = difference;
        let interval = match (low, high) {
            (Some(low), Some(high)) => format!("[{low:+.3}, {high:+.3}]"),
            _ => "no interval".to_owned(),
        };
        let verdict = match (verdict, mde) {
            (Verdict::Better, _) => "better".to_owned(),
            (Verdict::Worse, _) => "worse".to_owned(),
            (Verdict::NoDifferenceSeen, Some(mde)) => format!("no difference ≥ {mde:.3}"),
            (Verdict::NoDifferenceSeen, None) => "cannot tell".to_owned(),
            (Verdict::NotResolved, _) => "not resolved".to_owned(),
        };
        let name = format!("{a} − {b}");
        let _ = writeln!(out, "{} {held_out:4} {delta:+.3} {interval:16} {verdict}", fitted(&name));
    }
    if !training.note.is_empty() {
        wrapped(out, &training.note);
    }
}

fn row(out: &mut String, name: &str, cells: [&str; 7]) {
    let [documents, bytes, alone, alone_bytes, reached, time, rate] = cells;
    let line = format!(
        "{} {documents:>7} {bytes:>7} {alone:>7} {alone_bytes:>7} {reached:>7} {time:>5} {rate:>5}",
        fitted(name)
    );
    let _ = writeln!(out, "{}", line.trim_end());
}

/// Exactly [`NAME_WIDTH`] characters; a longer name loses its middle.
fn fitted(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAME_WIDTH {
        return format!("{name:NAME_WIDTH$}");
    }
    let tail = 9;
    let head: String = name.chars().take(NAME_WIDTH - tail - 1).collect();
    let end: String = name.chars().skip(length - tail).collect();
    format!("{head}…{end}")
}

/// A share in at most five characters.
fn time_share(part: u64, whole: u64) -> String {
    if part == whole { "100%".to_owned() } else { percent(part, whole) }
}

/// GB/s of one thread; empty without a time.
fn rate(bytes: u64, nanos: u64) -> String {
    if nanos == 0 { String::new() } else { three_digits(bytes as f64 / nanos as f64) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::fixture::run;

    fn line<'t>(table: &'t str, name: &str) -> &'t str {
        table.lines().find(|line| line.trim_start().starts_with(name)).unwrap()
    }

    #[test]
    fn the_table_fits_80_columns() {
        let mut run = run();
        run.stages[1].name = "a_filter_with_a_name_that_nobody_should_give".to_owned();
        let table = render_table(&run);
        for line in table.lines() {
            assert!(line.chars().count() <= 80, "{}: {line}", line.chars().count());
        }
        assert!(!table.contains('\u{1b}'));
    }

    #[test]
    fn every_number_stands_in_its_column() {
        let table = render_table(&run());
        let words: Vec<&str> = line(&table, "too_few_words").split_whitespace().collect();
        assert_eq!(words[..2], ["too_few_words", "1,718"]);
        let words: Vec<&str> = line(&table, "input  ").split_whitespace().collect();
        assert_eq!(words, ["input", "75", "256", "kB", "84.4", "MB"]);
        for reason in &run().reasons.0 {
            assert!(table.contains(&reason.reason), "{} is cut", reason.reason);
        }
        let kept = table.lines().find(|line| line.starts_with("kept")).unwrap();
        assert!(kept.contains('%'));
        assert!(line(&table, "no_terminal").contains("lines"));
    }

    #[test]
    fn what_dropped_nothing_shares_a_line() {
        let mut run = run();
        let is_quality = |reason: &&document::Reason| reason.stage == "gopher_quality";
        let n_quality = run.reasons.0.iter().filter(is_quality).count();
        for (reason, check) in run.reasons.0.iter().zip(&mut run.tally.checks) {
            if reason.stage == "gopher_quality" {
                *check = CheckTally::default();
            }
        }
        let table = render_table(&run);
        let at = table.find("  none: too_few_words, too_many_words").unwrap();
        let block = table[at..].split_once("c4_quality").unwrap().0;
        assert_eq!(block.matches(',').count() + 1, n_quality);
        assert!(block.lines().count() < n_quality);
    }

    #[test]
    fn shares_of_time_add_up() {
        let table = render_table(&run());
        let funnel = table.split_once('─').unwrap().0;
        let shares = funnel.split_whitespace().filter_map(|word| word.strip_suffix('%')?.parse::<f64>().ok());
        assert!((shares.sum::<f64>() - 100.0).abs() < 1.0);
    }

    #[test]
    fn early_mode_does_not_invent_what_it_did_not_measure() {
        let mut run = run();
        run.is_early = true;
        assert_eq!(line(&render_table(&run), "too_few_words").matches("n/a").count(), 2);
    }

    #[test]
    fn json_comes_back_as_it_went() {
        let run = run();
        let json = render_json(&run).unwrap();
        assert_eq!(serde_json::from_str::<Run>(&json).unwrap(), run);
        assert_eq!(serde_json::from_str::<Run>("{}").unwrap(), Run::default());
    }

    #[test]
    fn an_empty_run_is_a_table_too() {
        assert!(render_table(&Run::default()).contains("kept"));
    }
}
