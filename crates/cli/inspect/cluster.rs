//! `corpus inspect --cluster`: the documents that one stands for, beside it, with what differs marked.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::bail;
use arrow::array::{Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use serde_json::json;
use shards::read_table;
use similar::{ChangeTag, DiffTag, TextDiff};
use unicode_width::UnicodeWidthChar;

use super::marked::Style;
use super::{column, files, texts_of, visible};
use crate::{Exit, Format, Voice, print};

/// A document that was dropped for another.
struct Member {
    place: (i32, i64),
    id: String,
    reason: String,
    similarity: Option<f64>,
}

/// The kept document.
#[derive(Clone, PartialEq)]
struct Kept {
    /// `None`: of another corpus.
    place: Option<(i32, i64)>,
    id: String,
}

pub fn run(out: &Path, id: &str, most: usize, voice: Voice) -> anyhow::Result<Exit> {
    let Some(kept) = kept(out, id)? else { bail!("{} has no document {id}", out.display()) };
    let members = members(out, &kept)?;
    if members.is_empty() {
        bail!("no document of {} was dropped for {id}: it is in no cluster", out.display());
    }
    let shown = &members[..members.len().min(most)];
    let mut texts: BTreeMap<String, Option<String>> = BTreeMap::from([(kept.id.clone(), None)]);
    for path in files(out, "clean")? {
        texts_of(&path, &mut texts)?;
    }
    let kept_text = texts.remove(&kept.id).flatten();
    let mut texts: BTreeMap<String, Option<String>> =
        shown.iter().map(|member| (member.id.clone(), None)).collect();
    for path in files(out, "rejected")? {
        texts_of(&path, &mut texts)?;
    }
    let text = |member: &Member| texts.get(&member.id).and_then(Option::as_deref);
    let page = match voice.format {
        Format::Json => {
            let dropped = members.len();
            let shown = shown.iter().map(|member| {
                json!({
                    "id": member.id, "shard": member.place.0, "row": member.place.1, "reason": member.reason,
                    "similarity": member.similarity, "text": text(member),
                })
            });
            let shown: Vec<_> = shown.collect();
            let all = json!({ "kept": kept.id, "text": kept_text, "dropped": dropped, "members": shown });
            format!("{all:#}\n")
        }
        Format::Text => {
            let mut page = String::new();
            let n = members.len();
            writeln!(page, "── {} ── kept of {} documents", visible(&kept.id), n + 1)?;
            for member in shown {
                let similarity =
                    member.similarity.map_or("same text".to_owned(), |s| format!("similarity {s:.2}"));
                writeln!(page, "\n── {} ── {}, {similarity}", visible(&member.id), member.reason)?;
                match (&kept_text, text(member)) {
                    (Some(left), Some(right)) => {
                        side_by_side(&mut page, left, right, width(), Style::of_stdout())?;
                    }
                    (None, _) if kept.place.is_none() => {
                        writeln!(page, "   (the kept document is of another corpus)")?
                    }
                    (None, _) => writeln!(page, "   (the kept document's text is not in clean/)")?,
                    (_, None) => writeln!(
                        page,
                        "   (its text was not written: rejected/ holds a sample, corpus clean --rejected all writes every one)"
                    )?,
                }
            }
            if n > shown.len() {
                writeln!(page, "\n… {} more: --sample shows so many", n - shown.len())?;
            }
            page
        }
    };
    print(&page)?;
    Ok(Exit::Done)
}

const PLACES: [&str; 4] = ["id", "duplicate_of", "duplicate_of_shard", "duplicate_of_row"];

/// The document that is kept for the one of this id: itself, if it is no duplicate.
fn kept(out: &Path, id: &str) -> anyhow::Result<Option<Kept>> {
    for path in files(out, "ledger")? {
        for batch in read_table(&path, Some(&[&PLACES[..], &["shard", "row"]].concat()), 50_000)? {
            let batch = batch?;
            let ids: &StringArray = column(&batch, "id")?;
            let Some(row) = (0..ids.len()).find(|row| ids.value(*row) == id) else { continue };
            return Ok(Some(match twin(&batch, row)? {
                Some(twin) => twin,
                None => Kept { place: Some(place(&batch, row, ["shard", "row"])?), id: id.to_owned() },
            }));
        }
    }
    Ok(None)
}

fn place(batch: &RecordBatch, row: usize, [shard, at]: [&str; 2]) -> anyhow::Result<(i32, i64)> {
    Ok((column::<Int32Array>(batch, shard)?.value(row), column::<Int64Array>(batch, at)?.value(row)))
}

/// The document that a row names as the kept one.
fn twin(batch: &RecordBatch, row: usize) -> anyhow::Result<Option<Kept>> {
    let ids: &StringArray = column(batch, "duplicate_of")?;
    if ids.is_null(row) {
        return Ok(None);
    }
    let is_own = column::<Int32Array>(batch, "duplicate_of_shard")?.is_valid(row);
    let place = match is_own {
        true => Some(place(batch, row, ["duplicate_of_shard", "duplicate_of_row"])?),
        false => None,
    };
    Ok(Some(Kept { place, id: ids.value(row).to_owned() }))
}

/// What was dropped for a document, in input order.
fn members(out: &Path, kept: &Kept) -> anyhow::Result<Vec<Member>> {
    let mut members = Vec::new();
    for path in files(out, "ledger")? {
        let columns = [&PLACES[..], &["shard", "row", "reason", "similarity"]].concat();
        for batch in read_table(&path, Some(&columns), 50_000)? {
            let batch = batch?;
            let ids: &StringArray = column(&batch, "id")?;
            let reasons: &StringArray = column(&batch, "reason")?;
            let similarities: &Float64Array = column(&batch, "similarity")?;
            for row in 0..batch.num_rows() {
                if twin(&batch, row)?.as_ref() == Some(kept) {
                    members.push(Member {
                        place: place(&batch, row, ["shard", "row"])?,
                        id: ids.value(row).to_owned(),
                        reason: reasons.value(row).to_owned(),
                        similarity: similarities.is_valid(row).then(|| similarities.value(row)),
                    });
                }
            }
        }
    }
    members.sort_by_key(|member| member.place);
    Ok(members)
}

/// Columns of the terminal, of which each text has almost half.
fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    columns.or_else(terminal).unwrap_or(120).clamp(40, 400)
}

/// Of each text, so many bytes are compared.
const COMPARED: usize = 50_000;
/// Equal lines that are shown before and after others, and characters of equal text in a long line.
const LINES: usize = 2;
const CHARACTERS: usize = 80;
/// Rows of the two columns.
const ROWS: usize = 120;

/// A side of a line: text, and whether it differs.
type Side = Vec<(String, bool)>;

/// Two texts in two columns, equal parts shortened.
pub fn side_by_side(
    out: &mut String,
    left: &str,
    right: &str,
    width: usize,
    style: Style,
) -> std::fmt::Result {
    let cut = |text: &str| text[..text.floor_char_boundary(COMPARED)].to_owned();
    let (left, right) = (cut(left), cut(right));
    let diff = TextDiff::from_lines(&left, &right);
    let (old, new) = (diff.old_slices(), diff.new_slices());
    let mut rows: Vec<Option<(Side, Side)>> = Vec::new();
    for op in diff.ops() {
        let (a, b) = (op.old_range(), op.new_range());
        if op.tag() == DiffTag::Equal {
            for (at, line) in old[a.clone()].iter().enumerate() {
                let is_shown = at < LINES || at + LINES >= a.len();
                match is_shown {
                    true => {
                        let side = vec![(shorten(line.trim_end()), false)];
                        rows.push(Some((side.clone(), side)));
                    }
                    false if at == LINES => rows.push(None),
                    false => {}
                }
            }
            continue;
        }
        for at in 0..a.len().max(b.len()) {
            let line = |lines: &[&str], range: std::ops::Range<usize>| {
                lines[range].get(at).map_or(String::new(), |line| line.trim_end().to_owned())
            };
            rows.push(Some(words(&line(old, a.clone()), &line(new, b.clone()))));
        }
    }
    let column = (width.saturating_sub(9)) / 2;
    let mut printed = 0;
    for row in rows {
        if printed >= ROWS {
            return writeln!(out, "   │ …");
        }
        let Some((left, right)) = row else {
            writeln!(out, "   ┆")?;
            continue;
        };
        let (left, right) = (wrap(&left, column, style), wrap(&right, column, style));
        for at in 0..left.len().max(right.len()) {
            let blank = (String::new(), 0);
            let (text, used) = left.get(at).unwrap_or(&blank);
            let other = right.get(at).map_or("", |line| &line.0);
            writeln!(out, "   │ {text}{} │ {other}", " ".repeat(column - used))?;
            printed += 1;
        }
    }
    Ok(())
}

/// Two lines, word by word.
fn words(left: &str, right: &str) -> (Side, Side) {
    let diff = TextDiff::from_words(left, right);
    let (mut a, mut b) = (Side::new(), Side::new());
    let add = |side: &mut Side, text: &str, differs: bool| match side.last_mut() {
        Some((last, last_differs)) if *last_differs == differs => last.push_str(text),
        _ => side.push((text.to_owned(), differs)),
    };
    for change in diff.iter_all_changes() {
        match change.tag() {
            ChangeTag::Equal => {
                add(&mut a, change.value(), false);
                add(&mut b, change.value(), false);
            }
            ChangeTag::Delete => add(&mut a, change.value(), true),
            ChangeTag::Insert => add(&mut b, change.value(), true),
        }
    }
    for (text, differs) in a.iter_mut().chain(&mut b) {
        if !*differs {
            *text = shorten(text);
        }
    }
    (a, b)
}

/// The beginning and the end of a long text.
fn shorten(text: &str) -> String {
    let n = text.chars().count();
    if n <= 2 * CHARACTERS {
        return text.to_owned();
    }
    let begin: String = text.chars().take(CHARACTERS).collect();
    let end: String = text.chars().skip(n - CHARACTERS).collect();
    format!("{begin} … {end}")
}

/// Lines of at most so many columns, with their columns; a mark ends with its line.
fn wrap(side: &Side, columns: usize, style: Style) -> Vec<(String, usize)> {
    // Brackets take columns, what turns a terminal's colours does not.
    let mark = |mark: &str| if style == Style::PLAIN { mark.len() } else { 0 };
    let (begin, end) = (mark(style.begin), mark(style.end));
    let mut lines = vec![(String::new(), 0)];
    let mut is_open = false;
    for (text, differs) in side {
        for c in visible(text).chars() {
            let own = c.width().unwrap_or(0);
            let (line, used) = match lines.last() {
                Some((_, used)) => (lines.len() - 1, *used),
                None => continue,
            };
            let opens = usize::from(*differs && !is_open) * begin;
            let closes = usize::from(*differs || is_open) * end;
            if used + opens + own + closes > columns {
                if is_open {
                    close(&mut lines[line], style, end);
                    is_open = false;
                }
                lines.push((String::new(), 0));
            }
            let Some((line, used)) = lines.last_mut() else { continue };
            if *differs && !is_open {
                line.push_str(style.begin);
                *used += begin;
                is_open = true;
            }
            line.push(c);
            *used += own;
        }
        if let Some(line) = lines.last_mut().filter(|_| is_open) {
            close(line, style, end);
            is_open = false;
        }
    }
    lines
}

fn close((line, used): &mut (String, usize), style: Style, columns: usize) {
    line.push_str(style.end);
    *used += columns;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn compared(left: &str, right: &str, width: usize) -> String {
        let mut out = String::new();
        side_by_side(&mut out, left, right, width, Style::PLAIN).unwrap();
        out
    }

    #[test]
    fn words_that_differ_are_marked_on_both_sides() {
        let found =
            compared("Same line.\nThe price is 10 euros.\n", "Same line.\nThe price is 12 euros.\n", 80);
        let lines: Vec<&str> = found.lines().collect();
        let halves =
            |line: &str| -> Vec<String> { line.split('│').map(|part| part.trim().to_owned()).collect() };
        assert_eq!(halves(lines[0]), ["", "Same line.", "Same line."]);
        assert_eq!(halves(lines[1]), ["", "The price is [[10]] euros.", "The price is [[12]] euros."]);
    }

    #[test]
    fn columns_keep_their_width_whatever_the_script() {
        let found = compared(&"日本語のテキスト ".repeat(20), &"Füße und Schuhe \x1b[7m".repeat(9), 60);
        let columns = |line: &str| line.chars().map(|c| c.width().unwrap_or(0)).sum::<usize>();
        assert!(found.lines().all(|line| columns(line) <= 60), "{found}");
        let bars: Vec<usize> = found.lines().map(|line| columns(&line[..line.rfind('│').unwrap()])).collect();
        assert!(bars.windows(2).all(|pair| pair[0] == pair[1]) && !found.contains('\x1b'), "{found}");
        assert!(found.lines().count() > 3);
    }

    #[test]
    fn equal_parts_are_shortened() {
        let lines: String = (0..60).map(|line| format!("line {line}\n")).collect();
        let found = compared(&lines, &format!("{lines}one more\n"), 80);
        assert!(
            found.lines().count() < 10 && found.contains('┆') && found.contains("[[one more]]"),
            "{found}"
        );
        let long = "word ".repeat(500);
        let found = compared(&format!("{long}end"), &format!("{long}finish"), 80);
        assert!(found.lines().count() < 12 && found.contains("[[finish]]"), "{found}");
    }
}
