//! Small output folders in the format of `corpus clean`, for tests.
#![allow(clippy::unwrap_used)]

use crate::random::Random;
use arrow::array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    UInt64Array,
};
use parquet::arrow::ArrowWriter;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use tokens::{
    DocumentRange, HeldoutBatchBuilder, HeldoutDocument, PieceTokens, SequenceBatchBuilder, Tokenizer,
    Version,
};

/// Length of the packed sequences.
const LENGTH: usize = 512;

/// One input document of a made-up corpus.
#[derive(Clone, Default)]
pub struct Row {
    pub text: String,
    pub rewritten: Option<String>,
    pub reasons: Vec<&'static str>,
    pub control: bool,
    pub heldout: bool,
    pub excluded: bool,
    pub source: Option<&'static str>,
    /// The row that stands for those that are alike in the control sample, if it is another one.
    pub twin: Option<usize>,
    /// The row that is kept in its place.
    pub duplicate_of: Option<usize>,
}

/// Sentences of a made-up language with its own words and word order.
pub fn prose(random: &mut Random, n_sentences: usize) -> String {
    const NOUNS: [&str; 8] =
        ["river", "teacher", "garden", "engine", "winter", "letter", "village", "captain"];
    const VERBS: [&str; 6] = ["follows", "remembers", "carries", "describes", "repairs", "leaves"];
    let mut text = String::new();
    for _ in 0..n_sentences {
        let noun = NOUNS[random.below(8)];
        let other = NOUNS[random.below(8)];
        text += &format!(
            "The {noun} {} the {other} of the old {}. ",
            VERBS[random.below(6)],
            NOUNS[random.below(8)]
        );
    }
    text
}

/// Text without any regularity beyond its alphabet.
pub fn noise(random: &mut Random, n_words: usize) -> String {
    let word = |random: &mut Random| -> String {
        (0..3 + random.below(6)).map(|_| (b'a' + random.below(26) as u8) as char).collect()
    };
    (0..n_words).map(|_| word(random) + " ").collect()
}

/// A corpus of `n` control documents, a third each prose, prose under junk lines, and noise in "another language";
/// and `n_heldout` held-out documents of prose.
pub fn mixed_rows(n: usize, n_heldout: usize) -> Vec<Row> {
    let mut random = Random::new(11);
    let control = |i: usize, random: &mut Random| {
        let row = Row { control: true, ..Row::default() };
        let n_sentences = 6 + random.below(12);
        let clean = prose(random, n_sentences);
        match i % 3 {
            0 => Row { text: clean, ..row },
            1 => Row { text: format!("menu | login | menu\n{clean}"), rewritten: Some(clean), ..row },
            _ => Row { text: noise(random, 80), reasons: vec!["language.not_listed"], ..row },
        }
    };
    let mut rows: Vec<Row> = (0..n).map(|i| control(i, &mut random)).collect();
    rows.extend((0..n_heldout).map(|i| Row {
        text: prose(&mut random, 8),
        heldout: true,
        source: Some(if i % 2 == 0 { "book" } else { "news" }),
        ..Row::default()
    }));
    rows
}

/// Writes `out/` with these rows as shard 0.
pub fn write_out(out: &Path, rows: &[Row]) {
    let tokenizer = Tokenizer::default_32k().unwrap();
    std::fs::create_dir_all(out.join("tokens")).unwrap();
    std::fs::create_dir_all(out.join("ledger")).unwrap();
    std::fs::write(out.join("tokenizer.json"), tokenizer.to_json()).unwrap();
    let mut control = SequenceBatchBuilder::new(LENGTH, tokenizer.end_of_text());
    for (i, row) in rows.iter().enumerate().filter(|(_, row)| row.control) {
        push_document(&mut control, &tokenizer, i, &row.text, Version::Original);
        if let Some(text) = &row.rewritten {
            push_document(&mut control, &tokenizer, i, text, Version::Kept);
        }
    }
    write(&out.join("tokens/control-00000.parquet"), &control.finish().unwrap());
    for name in ["raw", "kept"] {
        let mut heldout = HeldoutBatchBuilder::default();
        let keep = |row: &&Row| row.heldout && (name == "raw" || row.reasons.is_empty());
        for (i, row) in rows.iter().enumerate().filter(|(_, row)| keep(row)) {
            let ids = tokenizer.encode(&row.text).unwrap();
            heldout.push(HeldoutDocument {
                shard: 0,
                row: i as i64,
                id: "id",
                url: None,
                source: row.source,
                text: &row.text,
                input_ids: &ids,
            });
        }
        write(&out.join(format!("tokens/heldout-{name}-00000.parquet")), &heldout.finish().unwrap());
    }
    write(&out.join("ledger/00000.parquet"), &ledger(rows));
}

/// One document cut into pieces of the length, one sequence each; the last ones first, as no order is promised.
fn push_document(
    builder: &mut SequenceBatchBuilder,
    tokenizer: &Tokenizer,
    row: usize,
    text: &str,
    version: Version,
) {
    let mut ids = vec![tokenizer.end_of_text()];
    ids.extend(tokenizer.encode(text).unwrap());
    let mut at = 0;
    let mut pieces = Vec::new();
    for ids in ids.chunks(LENGTH) {
        let start = at;
        at += tokenizer.decode_bytes(ids).len() as i64;
        pieces.push(PieceTokens {
            document: DocumentRange { shard: 0, row: row as i64, byte_start: start, byte_end: at },
            ids,
        });
    }
    for piece in pieces.iter().rev() {
        builder.push(&[*piece], version).unwrap();
    }
}

fn ledger(rows: &[Row]) -> RecordBatch {
    let mut reasons = ListBuilder::new(StringBuilder::new());
    for row in rows {
        row.reasons.iter().for_each(|reason| reasons.values().append_value(reason));
        reasons.append(true);
    }
    // Nobody is the twin of a document that has one.
    let size = |i: usize| {
        let named = rows[i].twin.unwrap_or(i);
        1 + rows.iter().filter(|row| row.twin == Some(named)).count() as i64
    };
    let twins = || rows.iter().map(|row| row.twin);
    let flags = |of: fn(&Row) -> bool| Arc::new(rows.iter().map(|r| Some(of(r))).collect::<BooleanArray>());
    let indices = 0..rows.len();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(indices.clone().map(|i| Some(format!("document-{i}"))).collect::<StringArray>())),
        ("shard", Arc::new(Int32Array::from(vec![0; rows.len()]))),
        ("row", Arc::new(indices.clone().map(|i| Some(i as i64)).collect::<Int64Array>())),
        ("kept", flags(|row| row.reasons.is_empty())),
        ("reasons", Arc::new(reasons.finish())),
        ("control", flags(|row| row.control)),
        ("heldout", flags(|row| row.heldout)),
        ("excluded", flags(|row| row.excluded)),
        ("control_duplicate_of_shard", Arc::new(twins().map(|twin| twin.map(|_| 0)).collect::<Int32Array>())),
        (
            "control_duplicate_of_row",
            Arc::new(twins().map(|twin| twin.map(|row| row as i64)).collect::<Int64Array>()),
        ),
        ("control_cluster_size", Arc::new(indices.clone().map(|i| Some(size(i))).collect::<Int64Array>())),
        (
            "duplicate_of_shard",
            Arc::new(rows.iter().map(|row| row.duplicate_of.map(|_| 0)).collect::<Int32Array>()),
        ),
        (
            "duplicate_of_row",
            Arc::new(rows.iter().map(|row| row.duplicate_of.map(|twin| twin as i64)).collect::<Int64Array>()),
        ),
        (
            "sampling_key",
            Arc::new(indices.map(|i| Some(Random::new(i as u64).next())).collect::<UInt64Array>()),
        ),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn write(path: &Path, batch: &RecordBatch) {
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}
