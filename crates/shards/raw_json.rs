//! Small steps on JSON that serde_json has checked: fields of an object, unescaped strings, compact copies.
use std::borrow::Cow;
use std::fmt::{self, Write};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Deeper records are malformed, as in serde_json: whoever reads `metadata` must not overflow a stack.
const DEEPEST: usize = 128;

/// A field of an object with its value as written, borrowed from the record.
pub(crate) struct Field<'b> {
    pub key: Cow<'b, str>,
    pub value: &'b str,
}

/// Reads the fields of one object; of a repeated key the last value wins, at the place of the first.
///
/// Errors: not exactly one object, or nested too deeply. `fields` is cleared first.
pub(crate) fn read_object<'b>(record: &'b str, fields: &mut Vec<Field<'b>>) -> Result<(), ()> {
    fields.clear();
    let mut parser = serde_json::Deserializer::from_str(record);
    Fields(fields).deserialize(&mut parser).map_err(drop)?;
    parser.end().map_err(drop)?;
    if fields.iter().any(|field| too_deep(field.value)) {
        return Err(());
    }
    drop_repeated(fields);
    Ok(())
}

struct Fields<'f, 'b>(&'f mut Vec<Field<'b>>);

impl<'b> DeserializeSeed<'b> for Fields<'_, 'b> {
    type Value = ();
    fn deserialize<D: Deserializer<'b>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_map(self)
    }
}

impl<'b> Visitor<'b> for Fields<'_, 'b> {
    type Value = ();
    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }
    fn visit_map<A: MapAccess<'b>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Key)? {
            self.0.push(Field { key, value: map.next_value::<&'b RawValue>()?.get() });
        }
        Ok(())
    }
}

struct Key;

impl<'b> DeserializeSeed<'b> for Key {
    type Value = Cow<'b, str>;
    fn deserialize<D: Deserializer<'b>>(self, parser: D) -> Result<Self::Value, D::Error> {
        parser.deserialize_str(self)
    }
}

impl<'b> Visitor<'b> for Key {
    type Value = Cow<'b, str>;
    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a key")
    }
    fn visit_borrowed_str<E>(self, key: &'b str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }
    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

fn drop_repeated(fields: &mut Vec<Field<'_>>) {
    let mut order: Vec<usize> = (0..fields.len()).collect();
    order.sort_unstable_by(|&a, &b| fields[a].key.cmp(&fields[b].key).then(a.cmp(&b)));
    let mut repeated = Vec::new();
    let mut first = 0;
    for pair in 1..order.len() {
        if fields[order[pair]].key != fields[order[first]].key {
            first = pair;
            continue;
        }
        fields[order[first]].value = fields[order[pair]].value;
        repeated.push(order[pair]);
    }
    repeated.sort_unstable();
    for index in repeated.into_iter().rev() {
        fields.remove(index);
    }
}

/// The inside of a JSON string, without its quotes; none for every other value.
pub(crate) fn string_inside(value: &str) -> Option<&str> {
    value.strip_prefix('"')?.strip_suffix('"')
}

/// Writes what the inside of a JSON string stands for. Error: a lone surrogate; `out` may hold a part then.
pub(crate) fn unescape(inside: &str, out: &mut impl Write) -> Result<(), fmt::Error> {
    let mut rest = inside;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.write_str(&rest[..at])?;
        let (character, length) = escape(&rest[at..])?;
        out.write_char(character)?;
        rest = &rest[at + length..];
    }
    out.write_str(rest)
}

/// The character that an escape stands for, and the length of the escape.
fn escape(text: &str) -> Result<(char, usize), fmt::Error> {
    let character = match text.as_bytes().get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return unicode_escape(text),
        Some(&same) => char::from(same),
        None => return Err(fmt::Error),
    };
    Ok((character, 2))
}

fn unicode_escape(text: &str) -> Result<(char, usize), fmt::Error> {
    let high = four_digits(text, 2)?;
    if let Some(character) = char::from_u32(high) {
        return Ok((character, 6));
    }
    if high >= 0xDC00 || text.get(6..8) != Some("\\u") {
        return Err(fmt::Error);
    }
    let low = four_digits(text, 8)?;
    if !(0xDC00..0xE000).contains(&low) {
        return Err(fmt::Error);
    }
    let character = char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
    character.map(|character| (character, 12)).ok_or(fmt::Error)
}

fn four_digits(text: &str, at: usize) -> Result<u32, fmt::Error> {
    let digits = text.get(at..at + 4).ok_or(fmt::Error)?;
    u32::from_str_radix(digits, 16).map_err(|_| fmt::Error)
}

/// Copies a value without the white space between its parts.
pub(crate) fn write_compact(value: &str, out: &mut impl Write) {
    let mut from = 0;
    let mut in_string = false;
    let mut bytes = value.bytes().enumerate();
    if is_nested(value) {
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'"' => in_string = !in_string,
                b'\\' => drop(bytes.next()),
                b' ' | b'\t' | b'\r' | b'\n' if !in_string => {
                    let _ = out.write_str(&value[from..at]);
                    from = at + 1;
                }
                _ => {}
            }
        }
    }
    let _ = out.write_str(&value[from..]);
}

/// Writes `"key":`.
pub(crate) fn write_key(field: &Field<'_>, out: &mut impl Write) {
    let _ = match &field.key {
        // A borrowed key was written without escapes, and needs none.
        Cow::Borrowed(key) => write!(out, "\"{key}\":"),
        Cow::Owned(key) => write!(out, "{}:", serde_json::Value::from(key.as_str())),
    };
}

pub(crate) fn is_nested(value: &str) -> bool {
    value.starts_with(['{', '['])
}

fn too_deep(value: &str) -> bool {
    if !is_nested(value) {
        return false;
    }
    // The record's own braces are the first level.
    let (mut depth, mut in_string) = (1, false);
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' => drop(bytes.next()),
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth -= 1,
            _ => {}
        }
        if depth > DEEPEST {
            return true;
        }
    }
    false
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unescaped(inside: &str) -> Result<String, fmt::Error> {
        let mut out = String::new();
        unescape(inside, &mut out).map(|()| out)
    }

    #[test]
    fn surrogates_come_in_pairs() {
        assert_eq!(unescaped(r"a\ud83d\ude00b"), Ok("a😀b".to_owned()));
        for lone in [r"\ud83d", r"\ud83dx", r"\ude00", r"\ud83d\n", r"\ud83dA", r"\ud83d\ud83d", r"\ud83d\u"]
        {
            assert!(unescaped(lone).is_err(), "{lone}");
        }
    }

    #[test]
    fn a_repeated_key_keeps_its_first_place_and_last_value() {
        let mut fields = Vec::new();
        read_object(r#"{"a":1,"b":2,"a":3,"c":4,"b":5}"#, &mut fields).unwrap();
        let seen: Vec<_> = fields.iter().map(|field| (field.key.as_ref(), field.value)).collect();
        assert_eq!(seen, [("a", "3"), ("b", "5"), ("c", "4")]);
    }

    #[test]
    fn deep_nesting_is_refused_without_a_deep_stack() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(read_object(&nested(127), &mut Vec::new()).is_ok());
        assert!(read_object(&nested(128), &mut Vec::new()).is_err());
        assert!(read_object(&nested(1_000_000), &mut Vec::new()).is_err());
        assert!(read_object(&"[".repeat(1_000_000), &mut Vec::new()).is_err());
    }

    #[test]
    fn compact_leaves_strings_alone() {
        let mut out = String::new();
        write_compact(r#"{ "a b" : [ 1 , " \" x " ] ,	"c":null }"#, &mut out);
        assert_eq!(out, r#"{"a b":[1," \" x "],"c":null}"#);
    }

    proptest! {
        #[test]
        fn unescaping_equals_serde_json(text in ".*", ascii in any::<bool>()) {
            let mut json = serde_json::to_string(&text).unwrap();
            if ascii {
                let escaped = |unit: u16| if unit < 128 { char::from(unit as u8).to_string() } else { format!("\\u{unit:04X}") };
                json = json.encode_utf16().map(escaped).collect();
            }
            prop_assert_eq!(unescaped(string_inside(&json).unwrap()).unwrap(), text);
        }
    }
}
