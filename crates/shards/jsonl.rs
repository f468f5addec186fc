//! One JSON object a line: parses the records of a block into columns.
use std::fmt::Write;

use document::Problem;

use crate::columns::{Kept, Rows, SOURCE, STRING_FIELDS, is_blank};
use crate::options::ReadOptions;
use crate::raw_json::{Field, read_object, string_inside, unescape, write_compact, write_key};

/// The records of some bytes: lines that are not blank, without their line feed.
pub(crate) fn records(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = &rest[..end];
            rest = rest.get(end + 1..).unwrap_or_default();
            if !is_blank_line(line) {
                return Some(line);
            }
        }
        None
    })
}

fn is_blank_line(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

/// Appends a row for every record.
pub(crate) fn parse(bytes: &[u8], first_row: u64, options: &ReadOptions, rows: &mut Rows<'_>) {
    let mut fields = Vec::new();
    let mut taken = Vec::new();
    for (line, row) in records(bytes).zip(first_row..) {
        let length = line.len() as u64;
        if line.len() > options.longest_record() {
            rows.bare_row(row, length, Problem::TooLarge);
            continue;
        }
        let Ok(record) = simdutf8::basic::from_utf8(line) else {
            rows.bare_row(row, length, Problem::NotUtf8);
            continue;
        };
        if read_object(record, &mut fields).is_err() {
            rows.bare_row(row, length, Problem::Malformed);
            continue;
        }
        taken.clear();
        let (bytes, problem) = take_text(&fields, length, options, rows, &mut taken);
        take_id(&fields, row, options, rows, &mut taken);
        take_strings(&fields, rows, &mut taken);
        take_kept(&fields, options, rows, &mut taken);
        read_numbers(&fields, options, rows);
        write_metadata(&fields, &mut taken, rows);
        rows.finish_row(row, bytes, problem);
    }
}

/// A value that went into a column: the field, and the path below it where the value was nested.
struct Taken<'o> {
    field: usize,
    below: Option<&'o str>,
}

struct Found<'b, 'o> {
    value: &'b str,
    place: Taken<'o>,
}

/// Finds the field of that very name, else follows the dots.
fn find<'b, 'o>(fields: &[Field<'b>], path: &'o str) -> Option<Found<'b, 'o>> {
    if let Some(field) = fields.iter().position(|field| field.key == path) {
        return Some(Found { value: fields[field].value, place: Taken { field, below: None } });
    }
    let (head, below) = path.split_once('.')?;
    let field = fields.iter().position(|field| field.key == head)?;
    let mut inner = Vec::new();
    read_object(fields[field].value, &mut inner).ok()?;
    let value = find(&inner, below)?.value;
    Some(Found { value, place: Taken { field, below: Some(below) } })
}

fn take_text<'o>(
    fields: &[Field<'_>],
    length: u64,
    options: &'o ReadOptions,
    rows: &mut Rows<'_>,
    taken: &mut Vec<Taken<'o>>,
) -> (u64, Problem) {
    let found = find(fields, &options.text_column);
    let Some((inside, found)) = found.and_then(|found| Some((string_inside(found.value)?, found))) else {
        rows.text.append_null();
        return (length, Problem::NoText);
    };
    let before = rows.text.values_slice().len();
    if options.text_is_html {
        let mut html = String::new();
        if unescape(inside, &mut html).is_err() {
            rows.text.append_null();
            return (length, Problem::NotUtf8);
        }
        let page = rows.extract(html.as_bytes(), Some("utf-8"));
        if !rows.has_room_for(&page.text) {
            rows.text.append_null();
            return (length, Problem::TooLarge);
        }
        rows.text.write_str(&page.text).unwrap_or_default();
    } else if unescape(inside, &mut rows.text).is_err() {
        rows.text.append_null();
        return (length, Problem::NotUtf8);
    }
    taken.push(found.place);
    let text = &rows.text.values_slice()[before..];
    let bytes = text.len() as u64;
    let visible = text.iter().take(256).any(u8::is_ascii_graphic);
    let empty = !visible && std::str::from_utf8(text).is_ok_and(is_blank);
    rows.text.append_value("");
    (bytes, if empty { Problem::Empty } else { Problem::None })
}

fn take_id<'o>(
    fields: &[Field<'_>],
    row: u64,
    options: &'o ReadOptions,
    rows: &mut Rows<'_>,
    taken: &mut Vec<Taken<'o>>,
) {
    let mut id = String::new();
    if let Some(found) = find(fields, &options.id_column) {
        let usable = match string_inside(found.value) {
            Some(inside) => unescape(inside, &mut id).is_ok(),
            None if found.value.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                id.push_str(found.value);
                true
            }
            None => found.value == "null",
        };
        if usable {
            taken.push(found.place);
        } else {
            id.clear();
        }
    }
    match id.is_empty() {
        true => rows.default_id(row),
        false => rows.id.append_value(&id),
    }
}

fn take_strings(fields: &[Field<'_>], rows: &mut Rows<'_>, taken: &mut Vec<Taken<'_>>) {
    for (index, name) in STRING_FIELDS.iter().enumerate() {
        let column = &mut rows.strings[index];
        let field = fields.iter().position(|field| field.key == *name);
        let value = field.map(|field| fields[field].value);
        let written = value.and_then(string_inside).is_some_and(|inside| unescape(inside, column).is_ok());
        if written {
            column.append_value("");
        } else {
            column.append_null();
        }
        if let Some(field) = field
            && index != SOURCE
            && (written || value == Some("null"))
        {
            taken.push(Taken { field, below: None });
        }
    }
}

fn take_kept<'o>(
    fields: &[Field<'_>],
    options: &'o ReadOptions,
    rows: &mut Rows<'_>,
    taken: &mut Vec<Taken<'o>>,
) {
    for (keep, column) in options.keep.iter().zip(&mut rows.kept) {
        match find(fields, &keep.path) {
            Some(found) if append(found.value, column) => taken.push(found.place),
            _ => column.append_null(),
        }
    }
}

/// Appends a value of the column's type; false, and nothing appended, for every other value.
fn append(value: &str, column: &mut Kept) -> bool {
    match column {
        Kept::Utf8(column) => {
            let mut text = String::new();
            let fits = string_inside(value).is_some_and(|inside| unescape(inside, &mut text).is_ok());
            if fits {
                column.append_value(&text);
            }
            fits
        }
        Kept::Float64(column) => value.parse().map(|value| column.append_value(value)).is_ok(),
        Kept::Int64(column) => value.parse().map(|value| column.append_value(value)).is_ok(),
        Kept::Bool(column) => value.parse().map(|value| column.append_value(value)).is_ok(),
    }
}

/// Numbers are read, not taken: they stay in `metadata`.
fn read_numbers(fields: &[Field<'_>], options: &ReadOptions, rows: &mut Rows<'_>) {
    for (number, column) in options.numbers.iter().zip(&mut rows.numbers) {
        let value = find(fields, &number.path).and_then(|found| found.value.parse().ok());
        column.append_option(value.filter(|value: &f64| value.is_finite()));
    }
}

/// The fields that went into no column, in their order; null where none is left.
fn write_metadata(fields: &[Field<'_>], taken: &mut [Taken<'_>], rows: &mut Rows<'_>) {
    let out = &mut rows.metadata;
    let before = out.values_slice().len();
    let paths = |field: usize| taken.iter().filter(move |taken| taken.field == field);
    for (index, field) in fields.iter().enumerate() {
        if paths(index).any(|taken| taken.below.is_none()) {
            continue;
        }
        let below: Vec<&str> = paths(index).filter_map(|taken| taken.below).collect();
        separate(before, out);
        write_key(field, out);
        write_without(field.value, &below, out);
    }
    if out.values_slice().len() == before {
        out.append_null();
    } else {
        out.append_value("}");
    }
}

fn separate(before: usize, out: &mut arrow::array::StringBuilder) {
    use std::fmt::Write;
    let _ = out.write_str(if out.values_slice().len() == before { "{" } else { "," });
}

/// Writes a value, less the nested fields at `paths`.
fn write_without(value: &str, paths: &[&str], out: &mut arrow::array::StringBuilder) {
    use std::fmt::Write;
    let mut fields = Vec::new();
    if paths.is_empty() || read_object(value, &mut fields).is_err() {
        return write_compact(value, out);
    }
    let _ = out.write_str("{");
    let mut first = true;
    for field in &fields {
        if paths.contains(&field.key.as_ref()) {
            continue;
        }
        let below: Vec<&str> = paths
            .iter()
            .filter_map(|path| path.strip_prefix(field.key.as_ref())?.strip_prefix('.'))
            .collect();
        let _ = out.write_str(if first { "" } else { "," });
        first = false;
        write_key(field, out);
        write_without(field.value, &below, out);
    }
    let _ = out.write_str("}");
}
