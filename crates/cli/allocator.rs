//! Memory of the program: mimalloc, but what is as large as whole documents comes from the system and goes back at once.
//!
//! mimalloc keeps what is freed for a second, in case that it is wanted again. A block's buffers are; those of a document of
//! 64 MB are not, and several of them would stand beside the one that is in use. The system also grows them without a copy.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use mimalloc::MiMalloc;

/// glibc maps what has so many bytes, whatever was freed before.
const LARGE: usize = 32 << 20;

unsafe extern "C" {
    /// mimalloc's own.
    fn mi_collect(force: bool);
}

/// Gives back to the system what mimalloc keeps of what was freed.
pub fn give_back() {
    // SAFETY: any thread may call it at any time; mimalloc is linked, since `BySize` is made of it.
    unsafe { mi_collect(true) };
}

/// As long as it lives, what lies idle goes back before a long document takes its memory.
/// Training, whose tensors are as large, would only pay for it.
#[must_use]
pub struct Sparing;

static IS_SPARING: AtomicBool = AtomicBool::new(false);

impl Sparing {
    pub fn begin() -> Self {
        IS_SPARING.store(true, Ordering::Relaxed);
        Self
    }
}

impl Drop for Sparing {
    fn drop(&mut self) {
        IS_SPARING.store(false, Ordering::Relaxed);
    }
}

/// Not more often is it worth the time.
const EVERY_MILLIS: u64 = 100;

fn make_room() {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    static LAST: AtomicU64 = AtomicU64::new(0);
    if !IS_SPARING.load(Ordering::Relaxed) {
        return;
    }
    let now = BEGUN.get_or_init(Instant::now).elapsed().as_millis() as u64;
    let last = LAST.load(Ordering::Relaxed);
    let is_due = now >= last + EVERY_MILLIS;
    if is_due && LAST.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        give_back();
    }
}

pub struct BySize;

// SAFETY: who gives memory is decided by the size in its layout alone, which is the same when it is taken back.
unsafe impl GlobalAlloc for BySize {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() < LARGE {
            // SAFETY: the caller's promises are passed on, here and below.
            return unsafe { MiMalloc.alloc(layout) };
        }
        make_room();
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() < LARGE {
            // SAFETY: as above.
            return unsafe { MiMalloc.alloc_zeroed(layout) };
        }
        make_room();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe {
            if layout.size() < LARGE {
                MiMalloc.dealloc(memory, layout)
            } else {
                System.dealloc(memory, layout)
            }
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above; where it changes hands, the new memory holds the shorter of both sizes.
        unsafe {
            match (layout.size() < LARGE, size < LARGE) {
                (true, true) => MiMalloc.realloc(memory, layout, size),
                (false, false) => System.realloc(memory, layout, size),
                _ => {
                    let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
                    if !moved.is_null() {
                        moved.copy_from_nonoverlapping(memory, size.min(layout.size()));
                        self.dealloc(memory, layout);
                    }
                    moved
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    /// The tests of the program run on it.
    #[test]
    fn what_grows_and_shrinks_across_the_border_keeps_its_bytes() {
        let mut bytes: Vec<u8> = Vec::new();
        for size in [1, super::LARGE - 1, super::LARGE, 3 * super::LARGE, super::LARGE / 2, super::LARGE + 1]
        {
            let kept = bytes.len().min(size);
            bytes.resize(size, size as u8);
            bytes.shrink_to_fit();
            assert!(bytes[kept..].iter().all(|byte| *byte == size as u8));
            bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_mul(3));
            let expected = bytes.clone();
            bytes.reserve_exact(super::LARGE);
            assert!(bytes == expected);
        }
        assert!(vec![0_u8; super::LARGE].iter().all(|byte| *byte == 0));
    }
}
