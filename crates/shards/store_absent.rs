//! In place of `store.rs` where the program is built without object stores: every address is refused.
use std::convert::Infallible;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::error::StoreError;
use crate::{Fault, InputError, Publication, ShardError};

pub(crate) const READ_AHEAD: u64 = 0;

fn absent() -> StoreError {
    StoreError::new(
        "this program was built without object stores".to_owned(),
        "build it with the feature `stores`, or copy the data to this machine",
    )
}

pub(crate) struct Found {
    pub relative: String,
    pub path: PathBuf,
}

pub(crate) fn find(argument: &Path, _: &[PathBuf]) -> Result<Vec<Found>, InputError> {
    Err(InputError::Store { url: argument.to_path_buf(), source: absent() })
}

pub(crate) fn identity(_: &Path) -> Result<(u64, String), StoreError> {
    Err(absent())
}

pub(crate) fn read_in_order<'p>(_: impl Iterator<Item = &'p Path>) {}

pub(crate) struct Heads;

impl Heads {
    pub fn fetch<'p>(_: impl Iterator<Item = &'p Path>, _: u64) -> Heads {
        Heads
    }
}

pub(crate) struct Object(Infallible);

impl Object {
    pub fn open_at(_: &Path, _: u64) -> Result<Self, StoreError> {
        Err(absent())
    }

    pub fn len(&self) -> u64 {
        match self.0 {}
    }

    pub fn again(&self) -> Self {
        match self.0 {}
    }

    pub fn blocks(&self) -> &Arc<Blocks> {
        match self.0 {}
    }
}

impl Read for Object {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match self.0 {}
    }
}

pub(crate) struct Blocks(Infallible);

impl Blocks {
    pub fn failure(&self) -> Option<StoreError> {
        match self.0 {}
    }

    pub fn bytes(&self, _: u64, _: usize) -> Result<Bytes, StoreError> {
        match self.0 {}
    }
}

pub(crate) struct BlockReader {
    pub blocks: Arc<Blocks>,
    pub at: u64,
}

impl Read for BlockReader {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.at += 0;
        match self.blocks.0 {}
    }
}

/// A folder in a store: there is none.
pub struct RemoteFolder(Infallible);

/// What came of taking a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    Now,
    Before(Vec<u8>),
    Untold,
}

impl RemoteFolder {
    pub fn open(url: &Path) -> Result<Self, ShardError> {
        Err(ShardError::new(url, None, Fault::Store(absent())))
    }

    pub fn url(&self) -> &Path {
        match self.0 {}
    }

    pub fn read(&self, _: &str) -> Result<Option<Vec<u8>>, ShardError> {
        match self.0 {}
    }

    pub fn create(&self, _: &str, _: &[u8]) -> Result<Created, ShardError> {
        match self.0 {}
    }

    pub fn remove(&self, _: &str) -> Result<(), ShardError> {
        match self.0 {}
    }

    pub fn takes_commits(&self) -> bool {
        match self.0 {}
    }

    pub fn publish(&self, _: &Publication<'_>, _: &mut dyn FnMut(&str, u64)) -> Result<bool, ShardError> {
        match self.0 {}
    }
}
