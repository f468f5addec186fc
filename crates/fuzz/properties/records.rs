//! What holds for any bytes read as a JSON record, and as the head of a WARC or ARC record.

use serde_json::Value;

use crate::raw_json::{read_object, string_inside, unescape, write_compact, write_key};
use crate::record_head::{Found, Layout, fields, follows, head, next_start, value};

pub fn check(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        json(text);
    }
    heads(bytes, Layout::Warc);
    heads(bytes, Layout::Arc);
}

/// What serde_json reads whole, we read in fields to the same values. We take more: a number or an escape within a
/// field is looked at only where the field is.
fn json(text: &str) {
    let whole = serde_json::from_str::<Value>(text);
    let mut fields = Vec::new();
    if read_object(text, &mut fields).is_err() {
        assert!(whole.is_err() || !text.trim_start().starts_with('{'), "{text:?} is an object");
        return;
    }
    let mut written = String::from("{");
    for (at, field) in fields.iter().enumerate() {
        written.push_str(if at > 0 { "," } else { "" });
        write_key(field, &mut written);
        write_compact(field.value, &mut written);
    }
    written.push('}');
    let mut again = Vec::new();
    assert!(read_object(&written, &mut again).is_ok() && again.len() == fields.len(), "{written}");
    let Ok(whole) = whole else { return };
    assert_eq!(serde_json::from_str::<Value>(&written).ok().as_ref(), Some(&whole), "{written}");
    for field in &fields {
        let Some(inside) = string_inside(field.value) else { continue };
        let mut text = String::new();
        assert!(unescape(inside, &mut text).is_ok(), "{inside}");
        assert_eq!(whole[field.key.as_ref()].as_str(), Some(text.as_str()));
    }
}

/// A head lies in the bytes and depends on itself alone; a search finds the start of a line.
fn heads(bytes: &[u8], layout: Layout) {
    if let Found::Head(found) = head(bytes, layout) {
        assert!(found.bytes > 0 && found.bytes <= bytes.len(), "{found:?}");
        assert_eq!(head(&bytes[..found.bytes], layout), Found::Head(found));
    }
    let fields = fields(bytes);
    assert!(
        fields
            .iter()
            .all(|(name, _)| value(&fields, &String::from_utf8_lossy(name)).is_some() || !name.is_ascii())
    );
    let mut from = 0;
    while let Some(start) = next_start(bytes, from, layout) {
        assert!(start >= from && start < bytes.len() && (start == 0 || bytes[start - 1] == b'\n'), "{start}");
        follows(&bytes[start..], layout);
        from = start + 1;
    }
}
