//! What holds for any documents on their whole way through a plan.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt8Array, UInt64Array, new_null_array};
use arrow::datatypes::{DataType, Schema};
use document::{Batch, Problem, input_schema};
use plan::{Part, Plan, Recipe, Rejected, Remembered, Repeated, Scratch, SweepOptions, Swept};

/// Every stage that needs no model and no list. Documents are short, so that the stages before dedup must not ask for more.
const RECIPE: &str = r#"
pipeline = ["repair", "mask_pii", "paragraph_dedup", "sentence_dedup", "c4_quality", "gopher_repetition",
            "gopher_quality", "fineweb_quality", "url_dedup", "exact_dedup", "minhash"]
[paragraph_dedup]
too_few_words = "off"
[sentence_dedup]
sentences = 2
too_few_words = "off"
too_few_sentences = "off"
[mask_pii]
[url_dedup]
normalize = true
"#;

static PLAN: LazyLock<Plan> = LazyLock::new(|| {
    let recipe = Recipe::parse("sweep.toml", RECIPE).unwrap_or_else(|error| unreachable!("{error}"));
    Plan::compile("sweep.toml", &recipe).unwrap_or_else(|error| unreachable!("{error}"))
});

/// Documents are parted by a form feed; the first line of each is its address.
pub fn check(bytes: &[u8]) {
    let pages = String::from_utf8_lossy(bytes);
    let documents: Vec<(&str, &str)> =
        pages.split('\u{c}').take(8).map(|page| page.split_once('\n').unwrap_or(("", page))).collect();
    let mut scratch = Scratch::default();
    for all_signals in [true, false] {
        let options = SweepOptions {
            all_signals,
            seed: 7,
            control_below: u64::MAX / 2,
            heldout_from: u64::MAX / 4 * 3,
            rejected: Rejected::All,
        };
        let whole = swept(&documents, 0, &options, &mut scratch);
        // Cutting a batch changes nothing: neither what is looked for elsewhere, nor what becomes of a document.
        for at in [1, documents.len() / 2] {
            let (left, right) = documents.split_at(at.min(documents.len()));
            let left = swept(left, 0, &options, &mut scratch);
            let right = swept(right, at as u64, &options, &mut Scratch::default());
            let schema = whole.rows.schema();
            let both = arrow::compute::concat_batches(&schema, [&left.rows, &right.rows]);
            assert_eq!(both.ok().as_ref(), Some(&whole.rows));
            assert_eq!([left.signed, right.signed].concat(), whole.signed);
        }
    }
}

struct Whole {
    rows: RecordBatch,
    signed: Vec<String>,
}

/// Passes and sweep. That of each part every second copy is repeated stands for what a whole corpus would hold.
fn swept(documents: &[(&str, &str)], first: u64, options: &SweepOptions, scratch: &mut Scratch) -> Whole {
    let batch = batch(documents, first);
    let mut repeated = Repeated::default();
    for (stage, _) in PLAN.repeat_stages() {
        let parts = PLAN.parts(stage, &batch, &repeated, options, scratch);
        assert!(parts.is_sorted_by_key(|part| (part.position, part.part)));
        let gone = |part: &&Part| part.hash.is_multiple_of(2);
        let gone: Vec<(u32, u32)> =
            parts.iter().filter(gone).map(|part| (part.position, part.part)).collect();
        repeated.add(stage, batch.len(), &gone);
    }
    let Swept { records, signed, near, .. } = PLAN
        .sweep(&batch, (&repeated, &Remembered::default()), options, scratch, &|| 0)
        .unwrap_or_else(|error| unreachable!("{error}"));
    assert_eq!(records.num_rows(), documents.len());
    let signed = signed.iter().map(|one| {
        let row = one.position as u64 + first;
        let near = one.near.map(|place| &near[place as usize]);
        format!("{row} {} {:x} {near:?} {:?} {:?}", one.is_original, one.exact, one.url, one.carried)
    });
    Whole { rows: records, signed: signed.collect() }
}

fn batch(documents: &[(&str, &str)], first: u64) -> Batch {
    let rows = documents.len();
    let texts = |of: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new((0..rows).map(|row| Some(of(row))).collect::<StringArray>())
    };
    let column = |name: &str, kind: &DataType| -> ArrayRef {
        match name {
            "row" => Arc::new((first..first + rows as u64).collect::<UInt64Array>()),
            "bytes" => Arc::new(documents.iter().map(|(_, text)| text.len() as u64).collect::<UInt64Array>()),
            "text" => texts(&|row| documents[row].1.to_owned()),
            "id" => texts(&|row| format!("d{}", first + row as u64)),
            "url" => texts(&|row| documents[row].0.to_owned()),
            "problem" => {
                let problem = |(_, text): &(&str, &str)| {
                    if text.trim().is_empty() { Problem::Empty } else { Problem::None }
                };
                Arc::new(documents.iter().map(|one| problem(one) as u8).collect::<UInt8Array>())
            }
            _ => new_null_array(kind, rows),
        }
    };
    let schema = Arc::new(Schema::new(input_schema()));
    let columns = schema.fields().iter().map(|field| column(field.name(), field.data_type())).collect();
    let records = RecordBatch::try_new(schema, columns).unwrap_or_else(|error| unreachable!("{error}"));
    Batch::try_new(records).unwrap_or_else(|error| unreachable!("{error}"))
}
