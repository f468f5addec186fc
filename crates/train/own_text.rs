//! Texts of the user's own: held-out ones to score, and known good ones for the positive control.

use crate::TrainError;
use crate::data::{HeldoutDocument, HeldoutSet};
use std::path::Path;

/// The user's own held-out texts: one JSON object with `text` (and `source`) per line, or plain text,
/// which is cut into documents of at most `document_bytes`.
///
/// # Errors
/// When the file cannot be read or a line of JSONL has no `text`.
pub fn read_own_heldout(path: &Path, document_bytes: usize) -> Result<HeldoutSet, TrainError> {
    let text = std::fs::read_to_string(path).map_err(TrainError::io(path))?;
    let mut documents = Vec::new();
    let mut add = |text: &str, source: Option<String>| {
        documents.push(HeldoutDocument {
            shard: 0,
            row: documents.len() as i64,
            source,
            text: text.to_owned(),
        });
    };
    if text.trim_start().starts_with('{') {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let value: serde_json::Value = serde_json::from_str(line)
                .map_err(|e| TrainError::format(path, format!("line {}: {e}", number + 1)))?;
            let text = value["text"]
                .as_str()
                .ok_or_else(|| TrainError::format(path, format!("line {}: no string `text`", number + 1)))?;
            add(text, value["source"].as_str().map(str::to_owned));
        }
    } else {
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(floor_boundary(rest, document_bytes));
            add(head, None);
            rest = tail;
        }
    }
    Ok(HeldoutSet { name: "own".into(), documents })
}

/// The largest character boundary of `text` at or below `limit`, but at least one character.
pub fn floor_boundary(text: &str, limit: usize) -> usize {
    if text.len() <= limit {
        return text.len();
    }
    let floor = (1..=limit).rev().find(|&at| text.is_char_boundary(at));
    floor.unwrap_or_else(|| text.chars().next().map_or(0, char::len_utf8))
}
