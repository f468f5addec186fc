//! A text with parts of it marked: in reverse on a terminal, else in `[[ ]]`.

use std::fmt::Write;
use std::io::IsTerminal;
use std::ops::Range;

use super::visible;

/// How marked parts begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    pub begin: &'static str,
    pub end: &'static str,
}

impl Style {
    pub const PLAIN: Style = Style { begin: "[[", end: "]]" };
    pub const REVERSE: Style = Style { begin: "\x1b[7m", end: "\x1b[27m" };

    /// Of standard output. `NO_COLOR` turns off what only a terminal understands.
    pub fn of_stdout() -> Style {
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if std::io::stdout().is_terminal() && !is_plain { Style::REVERSE } else { Style::PLAIN }
    }
}

/// A part of the text, and what it is marked for.
pub struct Marked {
    pub range: Range<usize>,
    pub label: String,
}

/// Lines with marks that are shown behind the beginning of the text.
const MORE_LINES: usize = 12;
/// Bytes of text around a mark, and of a mark, behind the beginning of the text.
const AROUND: usize = 60;
const LONGEST: usize = 200;
/// Parts of a long line that are shown.
const PARTS: usize = 4;
/// Labels of a line.
const LABELS: usize = 4;

/// The first `head` bytes of the text, and the lines behind them that have marks; how much is left out.
pub fn show(out: &mut String, text: &str, marks: &[Marked], style: Style, head: usize) -> std::fmt::Result {
    let head = text.floor_char_boundary(head);
    let ranges = union(text, marks);
    let (mut start, mut shown, mut lines, mut left) = (0, 0, 0, 0);
    let mut is_gap = false;
    for line in text.split_inclusive('\n') {
        let range = start..start + line.trim_end_matches(['\n', '\r']).len();
        let whole = start..start + line.len();
        start = whole.end;
        if whole.start < head {
            let end = range.end.min(head);
            write!(out, "   │ ")?;
            write(out, text, range.start..end, &ranges, style)?;
            writeln!(out, "{}", labels(marks, range.start..whole.end.min(head)))?;
            shown = head.min(whole.end);
        }
        let rest = range.start.max(head)..range.end;
        let parts = if rest.start < rest.end { parts(text, &rest, &ranges) } else { Vec::new() };
        if parts.is_empty() {
            is_gap |= whole.start >= head;
            continue;
        }
        if lines == MORE_LINES {
            left += 1;
            continue;
        }
        if is_gap {
            writeln!(out, "   ┆")?;
            is_gap = false;
        }
        lines += 1;
        write!(out, "   │ ")?;
        let mut at = rest.start;
        for part in parts.iter().take(PARTS) {
            if part.start > at {
                write!(out, "… ")?;
            }
            write(out, text, part.clone(), &ranges, style)?;
            shown += part.len();
            at = part.end;
            if at < rest.end {
                write!(out, " ")?;
            }
        }
        let end = if at < rest.end { "…" } else { "" };
        writeln!(out, "{end}{}", labels(marks, rest))?;
    }
    if left > 0 {
        writeln!(out, "   │ … {left} more lines with marks")?;
    }
    if shown < text.len() {
        writeln!(out, "   │ … {} more", ::report::human_bytes((text.len() - shown) as u64))?;
    }
    Ok(())
}

/// The marked ranges, none empty, none overlapping, in order.
fn union(text: &str, marks: &[Marked]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = marks.iter().map(|mark| mark.range.clone()).collect();
    ranges.retain(|range| range.start < range.end && text.get(range.clone()).is_some());
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// What is shown of a line: its marked ranges with some text around them.
fn parts(text: &str, line: &Range<usize>, ranges: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let first = ranges.partition_point(|range| range.end <= line.start);
    for range in ranges[first..].iter().take_while(|range| range.start < line.end) {
        let (start, end) = (range.start.max(line.start), range.end.min(line.end).min(range.start + LONGEST));
        let start = text.floor_char_boundary(start.saturating_sub(AROUND)).max(line.start);
        let end = text.ceil_char_boundary((end + AROUND).min(text.len())).min(line.end);
        match parts.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ => parts.push(start..end),
        }
    }
    parts
}

/// A part of the text, marked where the ranges are.
fn write(
    out: &mut String,
    text: &str,
    part: Range<usize>,
    ranges: &[Range<usize>],
    style: Style,
) -> std::fmt::Result {
    let mut at = part.start;
    let first = ranges.partition_point(|range| range.end <= part.start);
    for range in ranges[first..].iter().take_while(|range| range.start < part.end) {
        let (start, end) = (range.start.max(part.start), range.end.min(part.end));
        let marked = visible(&text[start..end]);
        write!(out, "{}{}{marked}{}", visible(&text[at..start]), style.begin, style.end)?;
        at = end;
    }
    write!(out, "{}", visible(&text[at..part.end]))
}

/// `  ← duplicate_lines`: what the marks that touch a part are for.
fn labels(marks: &[Marked], part: Range<usize>) -> String {
    let mut names: Vec<&str> = Vec::new();
    for mark in marks.iter().filter(|mark| mark.range.start < part.end && part.start < mark.range.end) {
        if !names.contains(&mark.label.as_str()) {
            names.push(&mark.label);
        }
    }
    let more = if names.len() > LABELS { ", …" } else { "" };
    names.truncate(LABELS);
    if names.is_empty() { String::new() } else { format!("  ← {}{more}", names.join(", ")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn shown(text: &str, marks: &[(Range<usize>, &str)], head: usize) -> String {
        let mark = |(range, label): &(Range<usize>, &str)| Marked {
            range: range.clone(),
            label: (*label).to_owned(),
        };
        let mut out = String::new();
        show(&mut out, text, &marks.iter().map(mark).collect::<Vec<_>>(), Style::PLAIN, head).unwrap();
        out
    }

    #[test]
    fn marks_are_joined_and_named_at_the_end_of_their_line() {
        let found = shown("one two\nthree\n", &[(4..7, "a"), (5..10, "b"), (5..6, "a")], 1_000);
        assert_eq!(found, "   │ one [[two]]  ← a, b\n   │ [[th]]ree  ← b\n");
        assert_eq!(shown("one\x1b[7m", &[], 1_000), "   │ one·[7m\n");
        assert_eq!(shown("", &[(0..0, "empty")], 1_000), "");
    }

    #[test]
    fn behind_the_beginning_only_marks_are_shown() {
        let text = format!("{}\n{}needle{}\nlast\n", "a\n".repeat(50), "x".repeat(500), "y".repeat(500));
        let at = text.find("needle").unwrap();
        let found = shown(&text, &[(at..at + 6, "found")], 10);
        let (x, y) = ("x".repeat(60), "y".repeat(60));
        assert!(found.starts_with("   │ a\n   │ a\n   │ a\n   │ a\n   │ a\n   ┆\n"), "{found}");
        assert!(found.contains(&format!("   │ … {x}[[needle]]{y} …  ← found\n")), "{found}");
        assert!(found.ends_with("more\n") && !found.contains("last"), "{found}");
    }

    #[test]
    fn a_long_line_that_begins_in_front_goes_on() {
        let text = format!("{}é{}word{}", "x".repeat(99), "y".repeat(300), "z".repeat(300));
        let at = text.find("word").unwrap();
        let found = shown(&text, &[(at..at + 4, "w")], 100);
        assert_eq!(found.lines().count(), 3, "{found}");
        assert!(found.contains("[[word]]"), "{found}");
    }

    #[test]
    fn many_lines_are_counted() {
        let text = "bad\n".repeat(30);
        let marks: Vec<_> = (0..30).map(|line| (line * 4..line * 4 + 3, "bad")).collect();
        let found = shown(&text, &marks, 0);
        assert_eq!(found.matches("[[bad]]").count(), MORE_LINES);
        assert!(found.contains("18 more lines with marks"), "{found}");
    }
}
