//! Throughput of each stage and of the whole in bytes of uncompressed UTF-8 text: `cargo bench`.
//!
//! Input: `$CORPUS_BENCH_INPUT` (JSONL, also .zst or .gz), else the real pages of `$CORPUS_TEST_DATA`, else the demo's.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::LazyLock;

use arrow::array::{Array, RecordBatch, StringArray};
use divan::Bencher;
use divan::counter::BytesCount;
use document::{Batch, Document, FileBytes, Judge, LineEdits, Raised, Settings, SignalSet, Signals};
use plan::{Plan, Recipe, Rejected, Remembered, Repeated, Scratch, SweepOptions};
use shards::{Block, ParquetSink, ReadOptions, ShardReader, SinkOptions};
use text::{Scanner, Splitter, StopWords};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    eprintln!("input: {}, {} documents, {} bytes of text", path().display(), INPUT.texts.len(), INPUT.bytes);
    divan::main();
}

struct Input {
    blocks: Vec<Block>,
    batches: Vec<RecordBatch>,
    texts: Vec<String>,
    /// Of all texts.
    bytes: usize,
}

static INPUT: LazyLock<Input> = LazyLock::new(|| {
    let inputs = shards::discover(&[path()], &[]).unwrap();
    let options = ReadOptions::default();
    let mut blocks = Vec::new();
    for shard in &inputs.shards {
        let mut reader = ShardReader::open(shard, &options).unwrap();
        while let Some(block) = reader.next_block().unwrap() {
            blocks.push(block);
        }
    }
    let batches: Vec<RecordBatch> =
        blocks.iter().map(|block| block.parse(&options).unwrap().records).collect();
    let texts: Vec<String> = batches.iter().flat_map(texts).collect();
    let bytes = texts.iter().map(String::len).sum();
    Input { blocks, batches, texts, bytes }
});

fn texts(batch: &RecordBatch) -> Vec<String> {
    let column: &StringArray = batch.column_by_name("text").unwrap().as_any().downcast_ref().unwrap();
    column.iter().flatten().map(str::to_owned).collect()
}

fn path() -> PathBuf {
    let given = std::env::var("CORPUS_BENCH_INPUT").map(PathBuf::from);
    let real = std::env::var("CORPUS_TEST_DATA")
        .map(|data| PathBuf::from(data).join("data/raw/web_pages.jsonl.zst"));
    given.or(real).unwrap_or_else(|_| PathBuf::from("crates/cli/demo/raw/pages.jsonl"))
}

fn counter() -> BytesCount {
    BytesCount::new(INPUT.bytes)
}

fn recipe() -> (Recipe, Plan) {
    let recipe = Recipe::parse("default", plan::recipes::find("default").unwrap()).unwrap();
    let plan = Plan::compile("default", &recipe).unwrap();
    (recipe, plan)
}

#[divan::bench(sample_count = 5)]
fn parse(bencher: Bencher<'_, '_>) {
    let options = ReadOptions::default();
    bencher
        .counter(counter())
        .bench(|| INPUT.blocks.iter().map(|b| b.parse(&options).unwrap().records.num_rows()).sum::<usize>());
}

/// WARC records found in a packed file: bytes are those that come out.
#[divan::bench(sample_count = 3)]
fn find_records(bencher: Bencher<'_, '_>) {
    let Some(crawl) = crawl() else { return };
    bencher
        .counter(BytesCount::new(crawl.iter().map(|block| block.bytes as usize).sum::<usize>()))
        .bench(self::crawl);
}

/// HTTP bodies unpacked and HTML extracted: bytes are those of the records.
#[divan::bench(sample_count = 3)]
fn pages_to_text(bencher: Bencher<'_, '_>) {
    let Some(crawl) = crawl() else { return };
    let options = ReadOptions::default();
    bencher
        .counter(BytesCount::new(crawl.iter().map(|block| block.bytes as usize).sum::<usize>()))
        .bench(|| crawl.iter().map(|b| b.parse(&options).unwrap().records.num_rows()).sum::<usize>());
}

/// The real pages as a crawl; none without `$CORPUS_TEST_DATA`.
fn crawl() -> Option<Vec<Block>> {
    let path = PathBuf::from(std::env::var("CORPUS_TEST_DATA").ok()?).join("data/crawl/web_pages.warc.gz");
    let inputs = shards::discover(&[path], &[]).ok()?;
    let mut reader = ShardReader::open(inputs.shards.first()?, &ReadOptions::default()).ok()?;
    let mut blocks = Vec::new();
    while let Ok(Some(block)) = reader.next_block() {
        blocks.push(block);
    }
    Some(blocks)
}

#[divan::bench(args = Splitter::NAMES, sample_count = 3)]
fn words(bencher: Bencher<'_, '_>, name: &str) {
    let splitter = Splitter::from_name(name).unwrap();
    let mut words = Vec::new();
    bencher.counter(counter()).bench_local(|| {
        INPUT.texts.iter().for_each(|text| splitter.split(text, &mut words));
    });
}

#[divan::bench(args = filters(), sample_count = 3)]
fn filter(bencher: Bencher<'_, '_>, name: &str) {
    let spec = filters::find(name).unwrap();
    let options =
        spec.options.iter().map(|option| (option.key.to_owned(), plan::parser::default_value(option)));
    // Filters with a model have none by default, which is the path "": a small one measures all but its rows.
    let mut model = classify::fasttext::fixture::Parts::two_languages();
    model.labels[1].0 = "__label__hq";
    let settings = Settings {
        options: options.collect(),
        models: [(String::new(), FileBytes::new(model.bytes()))].into(),
        splitter: "spacy".to_owned(),
        ..Settings::default()
    };
    let (mut signals, mut buffer) = (Signals::default(), String::new());
    let bencher = bencher.counter(counter());
    match spec.judge {
        Judge::Bounds => {
            let needs = spec.columns().into_iter().collect();
            bencher.bench_local(|| scan_all(needs));
        }
        Judge::Document(build) => {
            let filter = build(&settings).unwrap();
            bencher.bench_local(|| {
                for text in &INPUT.texts {
                    filter.judge(&mut Document::new(text), &mut signals, &mut Raised::default(), &mut buffer);
                }
            });
        }
        Judge::Repeats(build) => {
            let filter = build(&settings).unwrap();
            let mut anchors = filter.min_bytes().map(|bytes| text::anchors::Anchors::new(bytes as usize));
            bencher.bench_local(|| {
                let mut last = 0;
                for text in &INPUT.texts {
                    if let Some(anchors) = &mut anchors {
                        anchors.each_run(text.as_bytes(), |run| last ^= run.key);
                    }
                    filter.hash_parts(&Document::new(text), &mut buffer, &mut |_, hash| last ^= hash);
                }
                last
            });
        }
        Judge::Lines(build) => {
            let filter = build(&settings).unwrap();
            let (mut edits, mut kept) = (LineEdits::default(), String::new());
            bencher.bench_local(|| {
                for text in &INPUT.texts {
                    edits.clear(spec.checks.len());
                    let document = Document::new(text);
                    filter.judge_lines(
                        &document,
                        &mut edits,
                        &mut signals,
                        &mut Raised::default(),
                        &mut buffer,
                    );
                    edits.apply(text, &mut kept);
                }
            });
        }
    }
}

fn filters() -> Vec<&'static str> {
    filters::FILTERS.iter().map(|filter| filter.name).collect()
}

fn scan_all(needs: SignalSet) {
    let mut scanner = Scanner::new();
    let stop_words = StopWords::new(filters::stop_words("en").unwrap());
    let mut signals = Signals::default();
    for text in &INPUT.texts {
        scanner.scan(text, needs, &Splitter::Spacy, Some(&stop_words), &mut signals);
    }
}

/// DESIGN section 5 (a): one pass for all table filters, against a pass for each.
#[divan::bench(args = ["fused", "one per filter"], sample_count = 3)]
fn scan(bencher: Bencher<'_, '_>, how: &str) {
    let tables =
        ["gopher_repetition", "gopher_quality", "fineweb_quality"].map(|name| filters::find(name).unwrap());
    let needs: Vec<SignalSet> = tables.iter().map(|filter| filter.columns().into_iter().collect()).collect();
    let all = needs.iter().fold(SignalSet::EMPTY, |all, needs| all.union(*needs));
    bencher.counter(counter()).bench(|| match how {
        "fused" => scan_all(all),
        _ => needs.iter().for_each(|needs| scan_all(*needs)),
    });
}

/// DESIGN section 5 (b): how many bytes of text are handed over at a time, in KiB.
#[divan::bench(args = [256, 1024, 4096, 8192, 16384], sample_count = 3)]
fn sweep_by_batch_kib(bencher: Bencher<'_, '_>, kib: usize) {
    let (_, plan) = recipe();
    let whole = arrow::compute::concat_batches(&INPUT.batches[0].schema(), &INPUT.batches).unwrap();
    let rows = (whole.num_rows() * (kib << 10) / INPUT.bytes.max(1)).max(1);
    let starts = (0..whole.num_rows()).step_by(rows);
    let batches: Vec<Batch> = starts
        .map(|start| Batch::try_new(whole.slice(start, rows.min(whole.num_rows() - start))).unwrap())
        .collect();
    let (repeated, remembered) = (Repeated::default(), Remembered::default());
    let mut scratch = Scratch::default();
    bencher.counter(counter()).bench_local(|| {
        for batch in &batches {
            plan.sweep(batch, (&repeated, &remembered), &options(), &mut scratch, &|| 0).unwrap();
        }
    });
}

fn options() -> SweepOptions {
    SweepOptions {
        all_signals: true,
        seed: 0,
        control_below: u64::MAX / 2,
        heldout_from: u64::MAX - u64::MAX / 50,
        rejected: Rejected::Sample(100),
    }
}

/// Gopher, C4 and FineWeb: all checks of every document, or the first that fails ends it. With sampling keys, which cost
/// what `normalize_and_shingle` says.
#[divan::bench(
    args = ["all signals, spacy", "early, spacy", "all signals, whitespace", "early, whitespace"], sample_count = 3
)]
fn chain(bencher: Bencher<'_, '_>, how: &str) {
    let (which, splitter) = how.split_once(", ").unwrap();
    let pipeline = ["gopher_repetition", "gopher_quality", "c4_quality", "fineweb_quality"];
    let recipe =
        Recipe::parse("chain", &format!("pipeline = {pipeline:?}\n[words]\nsplitter = {splitter:?}\n"))
            .unwrap();
    let plan = Plan::compile("chain", &recipe).unwrap();
    let batches: Vec<Batch> =
        INPUT.batches.iter().map(|records| Batch::try_new(records.clone()).unwrap()).collect();
    let options = SweepOptions { all_signals: which == "all signals", control_below: 0, ..options() };
    let (repeated, remembered) = (Repeated::default(), Remembered::default());
    let mut scratch = Scratch::default();
    bencher.counter(counter()).bench_local(|| {
        for batch in &batches {
            plan.sweep(batch, (&repeated, &remembered), &options, &mut scratch, &|| 0).unwrap();
        }
    });
}

#[divan::bench(sample_count = 3)]
fn normalize_and_shingle(bencher: Bencher<'_, '_>) {
    let (mut normalized, mut words) = (String::new(), Vec::new());
    let mut scratch = text::shingles::ShingleScratch::default();
    bencher.counter(counter()).bench_local(|| {
        for text in &INPUT.texts {
            text::normalize::simplify_text(text, &mut normalized);
            Splitter::Spacy.split(&normalized, &mut words);
            divan::black_box(text::shingles::shingle_hashes(&normalized, &words, 5, &mut scratch));
        }
    });
}

#[divan::bench(sample_count = 3)]
fn signature_14x8(bencher: Bencher<'_, '_>) {
    let (mut normalized, mut words) = (String::new(), Vec::new());
    let mut scratch = text::shingles::ShingleScratch::default();
    let hashes: Vec<Vec<u64>> = INPUT
        .texts
        .iter()
        .map(|text| {
            text::normalize::simplify_text(text, &mut normalized);
            Splitter::Spacy.split(&normalized, &mut words);
            text::shingles::shingle_hashes(&normalized, &words, 5, &mut scratch).to_vec()
        })
        .collect();
    bencher.counter(counter()).bench(|| hashes.iter().filter_map(|h| dedup::Signature::of(h)).count());
}

/// With an empty cache, and with what the same texts left in it.
#[divan::bench(args = ["cold", "warm"], sample_count = 3)]
fn bpe(bencher: Bencher<'_, '_>, how: &str) {
    let tokenizer = tokens::Tokenizer::default_32k().unwrap();
    let (mut filled, mut ids) = (tokens::Cache::default(), Vec::new());
    let mut encode = |cache: &mut tokens::Cache| {
        for text in &INPUT.texts {
            ids.clear();
            tokenizer.encode_into(text, cache, &mut ids).unwrap();
        }
    };
    encode(&mut filled);
    bencher.counter(counter()).bench_local(|| match how {
        "warm" => encode(&mut filled),
        _ => encode(&mut tokens::Cache::default()),
    });
}

/// The ids of all texts into sequences and a token shard, in bytes of ids.
#[divan::bench(sample_count = 3)]
fn pack(bencher: Bencher<'_, '_>) {
    const LENGTH: usize = 1024;
    let tokenizer = tokens::Tokenizer::default_32k().unwrap();
    let documents: Vec<Vec<u32>> = INPUT.texts.iter().map(|text| tokenizer.encode(text).unwrap()).collect();
    let sizes = documents.iter().enumerate().map(|(row, ids)| tokens::PackDoc {
        key: tokens::shuffle_key(0, 0, row as u64),
        n_tokens: ids.len() as u32,
    });
    let sizes: Vec<_> = sizes.collect();
    let bytes = BytesCount::new(documents.iter().map(|ids| 4 * ids.len()).sum::<usize>());
    bencher.counter(bytes).bench(|| {
        let folder = tempfile::tempdir().unwrap();
        let options = SinkOptions {
            row_group_rows: tokens::ROWS_PER_GROUP,
            plain: vec!["input_ids.list.item".to_owned()],
            ..SinkOptions::default()
        };
        let path = folder.path().join("train-00000.parquet");
        let mut sink = ParquetSink::create(&path, tokens::sequence_schema(LENGTH), &options).unwrap();
        let mut builder = tokens::SequenceBatchBuilder::new(LENGTH, tokenizer.end_of_text());
        for sequence in tokens::pack(&sizes, LENGTH) {
            let pieces = sequence.pieces.iter().map(|piece| tokens::PieceTokens {
                document: tokens::DocumentRange {
                    shard: 0,
                    row: i64::from(piece.doc),
                    byte_start: 0,
                    byte_end: 0,
                },
                ids: &documents[piece.doc as usize][piece.start as usize..piece.end as usize],
            });
            builder.push(&pieces.collect::<Vec<_>>(), tokens::Version::Kept).unwrap();
            if builder.len() == tokens::ROWS_PER_GROUP {
                sink.write(&builder.finish().unwrap()).unwrap();
            }
        }
        sink.write(&builder.finish().unwrap()).unwrap();
        sink.commit().unwrap().rows
    });
}

/// `corpus clean` from a file to packed tokens: what is read, and by how many threads.
struct Whole {
    file: &'static str,
    threads: usize,
    /// As of an input of which next to nothing is control: this one is small enough to be all of it.
    has_control: bool,
}

impl std::fmt::Display for Whole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let control = if self.has_control { ", all control" } else { "" };
        write!(f, "{}, {} thread(s){control}", self.file, self.threads)
    }
}

const WHOLE: [Whole; 9] = {
    const fn whole(file: &'static str, threads: usize, has_control: bool) -> Whole {
        Whole { file, threads, has_control }
    }
    [
        whole("pages.jsonl", 1, true),
        whole("pages.jsonl", 2, true),
        whole("pages.jsonl", 1, false),
        whole("pages.jsonl", 2, false),
        whole("english.jsonl", 1, false),
        whole("english.jsonl", 2, false),
        whole("english.jsonl", 1, true),
        whole("pages.jsonl.zst", 2, false),
        whole("pages.jsonl.gz", 2, false),
    ]
};

/// The input once more as plain JSONL and as one stream of zstd and of gzip, and of it the pages that are English.
struct Files {
    folder: tempfile::TempDir,
    english_bytes: usize,
}

static FILES: LazyLock<Files> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let mut scratch = classify::IdentifyScratch::default();
    let (mut all, mut english, mut english_bytes) = (Vec::new(), Vec::new(), 0);
    for text in &INPUT.texts {
        let mut line = serde_json::to_vec(&serde_json::json!({ "text": text })).unwrap();
        line.push(b'\n');
        if classify::identify(text, &mut scratch).is_some_and(|found| found.short == "en") {
            english.extend_from_slice(&line);
            english_bytes += text.len();
        }
        all.extend_from_slice(&line);
    }
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("pages.jsonl", &all);
    write("english.jsonl", &english);
    write("pages.jsonl.zst", &zstd::encode_all(&all[..], 3).unwrap());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&all).unwrap();
    write("pages.jsonl.gz", &gzip.finish().unwrap());
    Files { folder, english_bytes }
});

#[divan::bench(args = WHOLE, sample_count = 3, sample_size = 1)]
fn clean(bencher: Bencher<'_, '_>, whole: &Whole) {
    let (mut recipe, _) = recipe();
    if !whole.has_control {
        recipe = Recipe::parse(
            "no control sample",
            &format!("{}\n[sample]\ncontrol_bytes = 0\n", plan::recipes::find("default").unwrap()),
        )
        .unwrap();
    }
    let plan = Plan::compile("default", &recipe).unwrap();
    let bytes = if whole.file == "english.jsonl" { FILES.english_bytes } else { INPUT.bytes };
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        let folder = tempfile::tempdir().unwrap();
        let options = engine::CleanOptions {
            inputs: vec![FILES.folder.path().join(whole.file)],
            out: folder.path().join("out"),
            recipe: recipe.clone(),
            read: ReadOptions::default(),
            threads: NonZeroUsize::new(whole.threads).unwrap(),
            memory: 4 << 30,
            all_signals: true,
            rejected: Rejected::Sample(100),
            signatures: true,
            tokenizer: None,
            fresh: false,
            scratch: None,
            against: Vec::new(),
            share: None,
            memory_of: None,
            segment_bytes: engine::SEGMENT_BYTES,
            stop: Default::default(),
        };
        match engine::clean(&plan, &options, &|_| ()).unwrap() {
            engine::Ended::Finished(outcome) => outcome.manifest.outputs.len(),
            engine::Ended::Swept(_) => unreachable!("it is no share"),
        }
    });
}
