//! A folder in a store, written to: objects that are complete or absent, and names that only one can take.
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use object_store::path::Path as Key;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use tokio::task::JoinSet;

use super::hub_folder::HubFolder;
use super::{Store, failure, location, locked, permits, runtime, wait_for};
use crate::error::{StoreError, StoreErrorKind};
use crate::location::{Location, Scheme};
use crate::{Fault, Publication, ShardError};

/// Larger files are sent in parts.
const PART: u64 = 16 << 20;
/// Parts of one file under way at one time, and files.
const PARTS_AHEAD: usize = 4;
const FILES_AHEAD: usize = 2;
/// S3 takes 10,000 parts of an object.
const MOST_PARTS: u64 = 9_000;
/// A manifest or a report is not longer.
const LONGEST_READ: u64 = 1 << 30;

pub struct RemoteFolder {
    url: PathBuf,
    place: Place,
}

enum Place {
    Objects(Objects),
    Repository(Box<HubFolder>),
}

/// A folder of objects that are written one by one.
struct Objects {
    store: Arc<Store>,
    location: Location,
}

/// What came of taking a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    Now,
    /// Somebody took it before and wrote this.
    Before(Vec<u8>),
    /// The store cannot tell who was first.
    Untold,
}

impl RemoteFolder {
    /// Errors: an address that cannot be written to, or reached.
    pub fn open(url: &Path) -> Result<Self, ShardError> {
        let open = || {
            let location = location(url)?;
            Ok(match location.scheme {
                Scheme::Web => {
                    return Err(StoreError::new(
                        "nothing can be written over the web".to_owned(),
                        "give an s3://, gs://, az:// or hf:// address, or a folder of this machine",
                    ));
                }
                Scheme::Hub => Place::Repository(Box::new(HubFolder::open(&location)?)),
                _ => Place::Objects(Objects { store: Store::of(&location)?.0, location }),
            })
        };
        let place = open().map_err(|error| ShardError::new(url, None, Fault::Store(error)))?;
        Ok(Self { url: url.to_path_buf(), place })
    }

    pub fn url(&self) -> &Path {
        &self.url
    }

    fn wrong(&self, name: &str) -> impl Fn(StoreError) -> ShardError {
        let path = self.url.join(name);
        move |error| ShardError::new(&path, None, Fault::Store(error))
    }

    /// A small object, whole, as it is now; none if there is none.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, ShardError> {
        let found = match &self.place {
            Place::Objects(objects) => objects.read(name),
            Place::Repository(folder) => folder.read(name),
        };
        found.map_err(self.wrong(name))
    }

    /// Writes an object unless there is one: of many that try, one succeeds.
    pub fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, ShardError> {
        let created = match &self.place {
            Place::Objects(objects) => objects.create(name, bytes),
            Place::Repository(folder) => folder.create(name, bytes),
        };
        created.map_err(self.wrong(name))
    }

    /// Removes an object; one that is not there need not be removed.
    pub fn remove(&self, name: &str) -> Result<(), ShardError> {
        let removed = match &self.place {
            Place::Objects(objects) => objects.remove(name),
            Place::Repository(folder) => folder.remove(name),
        };
        removed.map_err(self.wrong(name))
    }

    /// True if the store itself knows what it was sent, and shows it by commits.
    pub fn takes_commits(&self) -> bool {
        matches!(self.place, Place::Repository(_))
    }

    /// Puts files in place of others, each whole or not at all; `sent` is told of each. True if all were sent.
    pub fn publish(
        &self,
        what: &Publication<'_>,
        sent: &mut dyn FnMut(&str, u64),
    ) -> Result<bool, ShardError> {
        match &self.place {
            Place::Objects(objects) => self.put_in_place(objects, what, sent),
            Place::Repository(folder) => folder.publish(what, sent).map_err(self.wrong("")),
        }
    }

    /// What is gone goes first, from the manifest on: from then on the folder is no finished run.
    fn put_in_place(
        &self,
        objects: &Objects,
        what: &Publication<'_>,
        sent: &mut dyn FnMut(&str, u64),
    ) -> Result<bool, ShardError> {
        let Publication { folder, names, gone, stop, .. } = *what;
        let runtime = runtime().map_err(self.wrong(""))?;
        for name in gone {
            objects.remove(name).map_err(self.wrong(name))?;
        }
        let Some((last, names)) = names.split_last() else { return Ok(true) };
        let mut under_way = JoinSet::new();
        let mut names = names.iter();
        loop {
            let is_stopped = stop.load(Ordering::Relaxed);
            while !is_stopped && under_way.len() < FILES_AHEAD {
                let Some(name) = names.next() else { break };
                let (store, name, path) = (objects.store.clone(), name.clone(), folder.join(name));
                let key = objects.key(&name).map_err(self.wrong(&name))?;
                let send = async move {
                    let sent = store.send(&key, &path).await;
                    (name, sent)
                };
                under_way.spawn_on(send, runtime.handle());
            }
            match runtime.block_on(under_way.join_next()) {
                None if is_stopped && names.len() > 0 => return Ok(false),
                None => break,
                Some(Ok((name, result))) => sent(&name, result.map_err(self.wrong(&name))?),
                Some(Err(error)) => {
                    return Err(self.wrong("")(StoreError::new(error.to_string(), failure::UNREACHABLE)));
                }
            }
        }
        let send = || wait_for(objects.store.send(&objects.key(last)?, &folder.join(last)));
        sent(last, send().map_err(self.wrong(last))?);
        Ok(true)
    }
}

impl Objects {
    fn key(&self, name: &str) -> Result<Key, StoreError> {
        let folder = self.location.key.trim_end_matches('/');
        let key = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        Key::parse(key).map_err(|error| failure::of(self.store.scheme, &error.into()))
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        wait_for(self.store.read_now(&self.key(name)?))
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        let key = self.key(name)?;
        match wait_for(self.store.put(&key, bytes.to_vec(), PutMode::Create))? {
            Created::Before(_) => {
                Ok(Created::Before(wait_for(self.store.read_now(&key))?.unwrap_or_default()))
            }
            created => Ok(created),
        }
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        wait_for(self.store.remove(&self.key(name)?))
    }
}

impl Store {
    async fn read_now(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        let _permit = permits().acquire().await;
        let wrong = |error| failure::of(self.scheme, &error);
        let found = match self.client.get(key).await.map_err(wrong) {
            Err(error) if error.kind == StoreErrorKind::Absent => return Ok(None),
            found => found?,
        };
        if found.meta.size > LONGEST_READ {
            return Err(StoreError::new(format!("{} bytes are too many", found.meta.size), "look at it"));
        }
        Ok(Some(found.bytes().await.map_err(wrong)?.to_vec()))
    }

    async fn put(&self, key: &Key, bytes: Vec<u8>, mode: PutMode) -> Result<Created, StoreError> {
        let _permit = permits().acquire().await;
        locked(&self.seen).remove(key);
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.client.put_opts(key, bytes.into(), options).await {
            Ok(_) => Ok(Created::Now),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(Created::Before(Vec::new())),
            Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => Ok(Created::Untold),
            Err(error) => Err(failure::of(self.scheme, &error)),
        }
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        let _permit = permits().acquire().await;
        locked(&self.seen).remove(key);
        match self.client.delete(key).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failure::of(self.scheme, &error)),
        }
    }

    /// Sends a file; returns its size.
    async fn send(&self, key: &Key, path: &Path) -> Result<u64, StoreError> {
        let mut file = File::open(path).map_err(|error| of_file(path, &error))?;
        let size = file.metadata().map_err(|error| of_file(path, &error))?.len();
        if size <= PART {
            self.put(key, read_part(&mut file, path, size)?, PutMode::Overwrite).await?;
            return Ok(size);
        }
        locked(&self.seen).remove(key);
        let wrong = |error| failure::of(self.scheme, &error);
        let mut upload = self.client.put_multipart(key).await.map_err(wrong)?;
        let part = PART.max(size.div_ceil(MOST_PARTS));
        let mut under_way = JoinSet::new();
        let mut at = 0;
        let mut result = Ok(());
        while result.is_ok() && (at < size || !under_way.is_empty()) {
            if at < size && under_way.len() < PARTS_AHEAD {
                let length = part.min(size - at);
                match read_part(&mut file, path, length) {
                    Err(error) => result = Err(error),
                    Ok(bytes) => {
                        let sending = upload.put_part(PutPayload::from(bytes));
                        under_way.spawn(async move {
                            let _permit = permits().acquire().await;
                            sending.await
                        });
                    }
                }
                at += length;
                continue;
            }
            result = match under_way.join_next().await {
                None | Some(Ok(Ok(()))) => Ok(()),
                Some(Ok(Err(error))) => Err(wrong(error)),
                Some(Err(error)) => Err(wrong(error.into())),
            };
        }
        if let Err(error) = result {
            // What was sent would be paid for; that it may stay there is no second error.
            let _ = upload.abort().await;
            return Err(error);
        }
        upload.complete().await.map_err(wrong)?;
        Ok(size)
    }
}

fn read_part(file: &mut File, path: &Path, length: u64) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![0; length as usize];
    file.read_exact(&mut bytes).map_err(|error| of_file(path, &error))?;
    Ok(bytes)
}

pub(super) fn of_file(path: &Path, error: &std::io::Error) -> StoreError {
    let why = format!("{} cannot be read ({error})", path.display());
    StoreError::new(why, "run the same command again")
}
