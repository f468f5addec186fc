//! A sweep allocates for its blocks, not for their documents: what a worker needs for one it has from those before.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::PathBuf;

use arrow::compute::concat_batches;
use document::Batch;
use plan::{Plan, Recipe, Rejected, Remembered, Repeated, Scratch, SweepOptions};
use shards::{ReadOptions, ShardReader};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is the system allocator's own; their number is kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's layout, unchanged.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's pointer and layout, unchanged.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_document_costs_no_allocation() {
    let recipe = Recipe::parse("default", plan::recipes::find("default").unwrap()).unwrap();
    let plan = Plan::compile("default", &recipe).unwrap();
    let read = ReadOptions::default();
    let inputs = shards::discover(&[PathBuf::from("crates/cli/demo/raw/pages.jsonl")], &[]).unwrap();
    let block = ShardReader::open(&inputs.shards[0], &read).unwrap().next_block().unwrap().unwrap();
    let pages = block.parse(&read).unwrap().records;
    let schema = pages.schema();
    let four_times = concat_batches(&schema, [&pages; 4]).unwrap();
    let sixteen_times = concat_batches(&schema, [&pages; 16]).unwrap();
    // Every check of every document; a third is in the control sample and some are held out, so that they are signed twice.
    let options = SweepOptions {
        all_signals: true,
        seed: 0,
        control_below: u64::MAX / 3,
        heldout_from: u64::MAX - u64::MAX / 20,
        rejected: Rejected::All,
    };
    let (repeated, remembered) = (Repeated::default(), Remembered::default());
    let mut scratch = Scratch::default();
    let mut allocations = |records| {
        let batch = Batch::try_new(records).unwrap();
        let before = ALLOCATIONS.get();
        let swept = plan.sweep(&batch, (&repeated, &remembered), &options, &mut scratch, &|| 0).unwrap();
        (ALLOCATIONS.get() - before, swept.records.num_rows(), swept.signed.len())
    };
    allocations(sixteen_times.clone());
    let (of_some, documents, signed) = allocations(four_times);
    let (of_many, many_documents, many_signed) = allocations(sixteen_times);
    assert!(documents > 700 && signed > 100 && many_documents == 4 * documents && many_signed == 4 * signed);
    // Columns that grow are made anew about twice.
    let more = of_many - of_some;
    assert!(more < documents / 4, "{more} more allocations of {} more documents", 3 * documents);
}
