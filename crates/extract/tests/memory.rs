//! Memory of the largest pages, counted by the allocator.
#![allow(clippy::unwrap_used)]

mod hostile_pages;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use extract::{Mode, Options, extract};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is the system allocator's own; numbers are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's layout, unchanged.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's pointer and layout, unchanged.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn memory_is_as_promised() {
    const BYTES: usize = 64 << 20;
    let mut table = Vec::new();
    for (name, make) in hostile_pages::PAGES {
        let page = make(BYTES);
        let before = NOW.load(Ordering::Relaxed);
        MOST.store(before, Ordering::Relaxed);
        extract(page.as_bytes(), Some("utf-8"), &Options { mode: Mode::Balanced });
        table.push((MOST.load(Ordering::Relaxed) - before, *name, page.len()));
    }
    table.sort();
    for (most, name, bytes) in &table {
        eprintln!("{name}: {} MiB for a page of {} MiB", most >> 20, bytes >> 20);
        assert!(*most <= 3 * bytes + (128 << 20), "{name}: {most} bytes for a page of {bytes}");
    }
}
