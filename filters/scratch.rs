//! Scratch space of filters that measure with more than a buffer.

use std::sync::{Mutex, PoisonError};

/// Lends a `T` for the time of one document, so that its allocations are kept between documents.
/// What is in it says nothing about earlier documents: whoever takes it begins anew.
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T: Default> Pool<T> {
    pub(crate) fn new() -> Pool<T> {
        Pool(Mutex::new(Vec::new()))
    }

    pub(crate) fn lend<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let mut lent = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let result = work(&mut lent);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(lent);
        result
    }
}
