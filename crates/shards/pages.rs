//! Records of a crawl and single HTML files as rows: what a server answered becomes text, or a reason why not.
use std::borrow::Cow;
use std::sync::Arc;

use document::Problem;

use crate::ReadOptions;
use crate::columns::{Rows, is_blank};
use crate::http::{self, Body};
use crate::media::{Media, charset, essence, kind_of, media};
use crate::metadata::{Metadata, Places, append};
use crate::record_head::{Kind, Layout, arc_line, fields, value};
use crate::warc::{Flaw, Place, Records};
use crate::warcinfo::dump_of_warcinfo;

/// Appends a row for every record that is a document.
pub(crate) fn parse(records: &Records, first_row: u64, options: &ReadOptions, rows: &mut Rows<'_>) {
    let mut dump = records.dump.clone();
    let mut row = first_row;
    for place in &records.places {
        if place.kind == Kind::Warcinfo {
            let found = dump_of_warcinfo(&records.bytes[place.content..place.end]);
            dump = found.map(Arc::from).or(dump);
        }
        if place.kind.is_document() {
            let record = Record::read(&records.bytes, place, records.layout);
            record.append(row, dump.as_deref(), options, rows);
            row += 1;
        }
    }
}

/// The file as one page.
pub(crate) fn parse_file(html: &[u8], row: u64, rows: &mut Rows<'_>) {
    let page = rows.extract(html, None);
    let mut metadata = Metadata::default();
    metadata.describe(&page);
    let problem = if is_blank(&page.text) { Problem::Empty } else { Problem::None };
    let places = Places { id: None, url: None, date: None, dump: None };
    append(row, (Some(&page.text), page.text.len() as u64), problem, &places, &metadata, rows);
}

/// A record's head, as far as rows need it.
struct Record<'b> {
    place: &'b Place,
    content: &'b [u8],
    layout: Layout,
    id: Option<Cow<'b, str>>,
    url: Option<Cow<'b, str>>,
    date: Option<Cow<'b, str>>,
    content_type: Option<Cow<'b, str>>,
    identified_type: Option<Cow<'b, str>>,
    is_truncated: bool,
    metadata: Metadata<'b>,
}

/// Fields of the head that have a column of their own, or say nothing about the document.
const LEFT_OUT: [&str; 6] = [
    "WARC-Record-ID",
    "WARC-Target-URI",
    "WARC-Date",
    "WARC-Warcinfo-ID",
    "WARC-Concurrent-To",
    "WARC-Block-Digest",
];

fn text(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

impl<'b> Record<'b> {
    fn read(bytes: &'b [u8], place: &'b Place, layout: Layout) -> Self {
        let head = &bytes[place.start..place.content];
        let mut record = Self {
            place,
            content: &bytes[place.content..place.end],
            layout,
            id: None,
            url: None,
            date: None,
            content_type: None,
            identified_type: None,
            is_truncated: place.flaw == Flaw::Torn,
            metadata: Metadata::default(),
        };
        match layout {
            Layout::Warc => record.read_fields(head),
            Layout::Arc => {
                if let Some(line) = arc_line(head) {
                    record.url = Some(text(line.url.into()));
                    record.date = Some(arc_date(line.date));
                    record.content_type = Some(text(line.content_type.into()));
                    record.metadata.text("WARC-IP-Address", text(line.ip.into()));
                }
            }
        }
        record
    }

    fn read_fields(&mut self, head: &'b [u8]) {
        for (name, value) in fields(head) {
            let name = String::from_utf8_lossy(name);
            let value = text(value);
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            if value.is_empty() {
                continue;
            }
            if is("WARC-Truncated") || is("WARC-Segment-Number") {
                self.is_truncated = true;
            }
            if is("WARC-Identified-Payload-Type") {
                self.identified_type = Some(value.clone());
            }
            let column = match () {
                () if is("WARC-Record-ID") => &mut self.id,
                () if is("WARC-Target-URI") => &mut self.url,
                () if is("WARC-Date") => &mut self.date,
                () if is("Content-Type") => &mut self.content_type,
                () => {
                    let is_kept = name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("WARC-"))
                        && !LEFT_OUT.iter().any(|left_out| is(left_out));
                    if is_kept {
                        self.metadata.text_named(name, value);
                    }
                    continue;
                }
            };
            column.get_or_insert(value);
        }
        // Wget once wrote addresses in angle brackets.
        self.url =
            self.url.take().map(|url| match url.strip_prefix('<').and_then(|url| url.strip_suffix('>')) {
                Some(inside) => Cow::Owned(inside.to_owned()),
                None => url,
            });
    }

    fn append(mut self, row: u64, dump: Option<&str>, options: &ReadOptions, rows: &mut Rows<'_>) {
        let raw_bytes = match self.place.flaw {
            Flaw::Skipped(length) => (self.place.content - self.place.start) as u64 + length,
            _ => (self.place.end - self.place.start) as u64,
        };
        let (text, mut problem) = match (self.place.flaw, self.place.kind) {
            (Flaw::Skipped(_), _) => (None, Problem::TooLarge),
            (Flaw::Length, _) => (None, Problem::Malformed),
            (_, Kind::Revisit) => (None, Problem::Revisit),
            _ => self.text(options, rows),
        };
        let text = text.filter(|text| rows.has_room_for(text));
        if problem == Problem::None {
            problem = match &text {
                None => Problem::TooLarge,
                Some(_) if self.is_truncated && !options.keep_truncated => Problem::Truncated,
                Some(text) if is_blank(text) => Problem::Empty,
                Some(_) => Problem::None,
            };
        }
        let bytes = text.as_ref().map_or(raw_bytes, |text| text.len() as u64);
        let places =
            Places { id: self.id.as_deref(), url: self.url.as_deref(), date: self.date.as_deref(), dump };
        append(row, (text.as_deref(), bytes), problem, &places, &self.metadata, rows);
    }

    /// The text of what was fetched. With a problem other than none, there is no text.
    fn text(&mut self, options: &ReadOptions, rows: &mut Rows<'_>) -> (Option<String>, Problem) {
        let content = self.content;
        let record_type = self.content_type.take().unwrap_or_default();
        let is_http = self.place.kind == Kind::Response
            && (self.layout == Layout::Arc && content.starts_with(b"HTTP/")
                || essence(&record_type) == "application/http"
                || record_type.is_empty());
        if !is_http {
            return self.body_text(Cow::Borrowed(content), &record_type, rows);
        }
        let Some(answer) = http::answer(content) else {
            let is_empty = content.iter().all(u8::is_ascii_whitespace);
            return (None, if is_empty { Problem::Empty } else { Problem::Malformed });
        };
        self.metadata.number("http_status", answer.status.into());
        let declared = value(&answer.fields, "content-type").unwrap_or_default();
        let declared = String::from_utf8_lossy(declared).into_owned();
        if !(200..300).contains(&answer.status) {
            self.metadata.text("content_type", declared.into());
            return (None, Problem::HttpStatus);
        }
        // What is no text by its type need not be unpacked.
        let is_other = media(&declared) == Some(Media::Other)
            && self.identified_type.as_deref().and_then(media).is_none_or(|media| media == Media::Other);
        if is_other {
            self.metadata.text("content_type", declared.into());
            return (None, Problem::NotText);
        }
        let body = match answer.unpacked(options.longest_record()) {
            Body::Whole(body) => body,
            Body::Torn(body) => {
                self.is_truncated = true;
                body
            }
            Body::TooLarge => return (None, Problem::TooLarge),
        };
        self.body_text(body, &declared, rows)
    }

    fn body_text(
        &mut self,
        body: Cow<'_, [u8]>,
        declared: &str,
        rows: &mut Rows<'_>,
    ) -> (Option<String>, Problem) {
        if !declared.is_empty() {
            self.metadata.text("content_type", declared.to_owned().into());
        }
        let charset = charset(declared);
        match kind_of(&body, declared, self.identified_type.as_deref()) {
            Media::Other => (None, Problem::NotText),
            Media::Html => {
                let page = rows.extract(&body, charset.as_deref());
                self.metadata.describe(&page);
                (Some(page.text), Problem::None)
            }
            // Conversions are UTF-8 by their makers' word.
            Media::Plain if self.place.kind == Kind::Conversion => match simdutf8::basic::from_utf8(&body) {
                Ok(text) => (Some(text.to_owned()), Problem::None),
                Err(_) => (None, Problem::NotUtf8),
            },
            Media::Plain => {
                let (text, encoding) = extract::decode(&body, charset.as_deref());
                self.metadata.text("charset", encoding.into());
                (Some(text.into_owned()), Problem::None)
            }
        }
    }
}

/// `20140216050221` as WARC writes it.
fn arc_date(date: &[u8]) -> Cow<'_, str> {
    let date = String::from_utf8_lossy(date);
    let part = |range: std::ops::Range<usize>| date.get(range);
    let all = [0..4, 4..6, 6..8, 8..10, 10..12, 12..14].map(part);
    match all {
        [Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)] => {
            Cow::Owned(format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))
        }
        _ => date,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_arc_files() {
        assert_eq!(arc_date(b"20140216050221"), "2014-02-16T05:02:21Z");
        assert_eq!(arc_date(b"201404010000000000"), "2014-04-01T00:00:00Z");
        assert_eq!(arc_date(b"201404010000"), "201404010000");
    }
}
