//! What a crawl knows of a page besides its text: columns of their own, and `metadata` as JSON.
use std::borrow::Cow;

use document::Problem;

use crate::ReadOptions;
use crate::columns::{Kept, Rows};

/// What of a row goes into columns of its own.
pub(crate) struct Places<'b> {
    pub id: Option<&'b str>,
    pub url: Option<&'b str>,
    pub date: Option<&'b str>,
    pub dump: Option<&'b str>,
}

/// What else is known of a page, in order.
#[derive(Default)]
pub(crate) struct Metadata<'b>(Vec<(Cow<'b, str>, Value<'b>)>);

enum Value<'b> {
    Text(Cow<'b, str>),
    Number(i64),
}

impl<'b> Metadata<'b> {
    pub fn text(&mut self, name: &'static str, value: Cow<'b, str>) {
        self.text_named(Cow::Borrowed(name), value);
    }

    pub fn text_named(&mut self, name: Cow<'b, str>, value: Cow<'b, str>) {
        self.0.push((name, Value::Text(value)));
    }

    pub fn number(&mut self, name: &'static str, value: i64) {
        self.0.push((Cow::Borrowed(name), Value::Number(value)));
    }

    pub fn describe(&mut self, page: &extract::Page) {
        self.text("charset", page.encoding.into());
        for (name, value) in [("title", &page.title), ("html_language", &page.language)] {
            if let Some(value) = value {
                self.text(name, value.clone().into());
            }
        }
    }

    fn find(&self, name: &str) -> Option<&Value<'b>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Compact JSON of all but the kept ones.
    fn json(&self, options: &ReadOptions) -> Option<String> {
        let mut object = serde_json::Map::new();
        for (name, value) in &self.0 {
            if !options.keep.iter().any(|keep| keep.path == *name && keep.kind.takes(value.is_number())) {
                object.entry(name.as_ref()).or_insert_with(|| value.json());
            }
        }
        (!object.is_empty()).then(|| serde_json::Value::Object(object).to_string())
    }
}

impl Value<'_> {
    fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }

    fn json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.as_ref().into(),
            Self::Number(number) => (*number).into(),
        }
    }
}

/// Appends one row.
pub(crate) fn append(
    row: u64,
    (text, bytes): (Option<&str>, u64),
    problem: Problem,
    places: &Places<'_>,
    metadata: &Metadata<'_>,
    rows: &mut Rows<'_>,
) {
    rows.text.append_option(text);
    match places.id.filter(|id| !id.is_empty()) {
        Some(id) => rows.id.append_value(id),
        None => rows.default_id(row),
    }
    let file_path = rows.relative;
    let strings = [places.url, places.date, places.dump, Some(file_path), None];
    for (column, value) in rows.strings.iter_mut().zip(strings) {
        column.append_option(value);
    }
    let options = rows.options;
    rows.metadata.append_option(metadata.json(options));
    for (keep, column) in options.keep.iter().zip(&mut rows.kept) {
        match (metadata.find(&keep.path), column) {
            (Some(Value::Text(text)), Kept::Utf8(column)) => column.append_value(text),
            (Some(Value::Number(number)), Kept::Int64(column)) => column.append_value(*number),
            (Some(Value::Number(number)), Kept::Float64(column)) => column.append_value(*number as f64),
            (_, column) => column.append_null(),
        }
    }
    for (number, column) in options.numbers.iter().zip(&mut rows.numbers) {
        let value = match metadata.find(&number.path) {
            Some(Value::Number(number)) => Some(*number as f64),
            _ => None,
        };
        column.append_option(value);
    }
    rows.finish_row(row, bytes, problem);
}
