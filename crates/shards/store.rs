//! Object stores behind a blocking interface: clients by bucket, what is known of their objects, ranged reads.
//!
//! An object that was looked at once is read in that version or not at all: every request names its ETag.
mod aws_profile;
mod blocks;
mod client;
mod failure;
mod find;
mod folder;
mod hub;
mod hub_folder;
mod lfs;
mod object;

use std::collections::HashMap;
use std::future::Future;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use crate::StoreError;
use crate::location::{Location, Scheme};

pub(crate) use blocks::BlockReader;
pub(crate) use find::find;
pub use folder::{Created, RemoteFolder};
pub(crate) use object::Object;

/// Requests under way at one time, for all stores together.
const CONNECTIONS: usize = 32;

/// Bytes in flight or waiting to be read, at most: what a sweep has to leave free of its memory.
pub(crate) const READ_AHEAD: u64 = object::READ_AHEAD;

/// A bucket, host or repository.
pub(crate) struct Store {
    pub scheme: Scheme,
    client: Arc<dyn ObjectStore>,
    hub: Option<hub::Hub>,
    seen: Mutex<HashMap<Key, Arc<Seen>>>,
}

/// What is known of an object.
pub(crate) struct Seen {
    pub size: u64,
    /// What tells this version from another, for the manifest.
    pub identity: String,
    /// The condition of every read; none where the address itself names the version.
    version: Version,
    head: Mutex<Option<Bytes>>,
    /// The object that is read after this one, and the start of this one if it was fetched for that.
    follower: OnceLock<(Arc<Store>, Key)>,
    early: Mutex<Option<object::Task>>,
}

enum Version {
    ETag(String),
    Modified(ObjectMeta),
    Pinned,
}

impl Seen {
    fn new(meta: &ObjectMeta) -> Self {
        let quoted = |e_tag: &str| match e_tag.starts_with('"') || e_tag.starts_with("W/") {
            true => e_tag.to_owned(),
            // Azure lists them bare.
            false => format!("\"{e_tag}\""),
        };
        let is_dated = meta.last_modified.timestamp() > 0;
        let modified = format!("modified {}", meta.last_modified.to_rfc3339());
        let (version, identity) = match meta.e_tag.as_deref().map(quoted) {
            // A weak one never equals another where equality of bytes is asked for.
            Some(e_tag) if !e_tag.starts_with("W/") => {
                let identity = format!("etag {}", e_tag.trim_matches('"'));
                (Version::ETag(e_tag), identity)
            }
            Some(e_tag) => (Version::Modified(meta.clone()), format!("etag {e_tag}")),
            None if is_dated => (Version::Modified(meta.clone()), modified),
            None => (Version::Pinned, "size alone".to_owned()),
        };
        Self::known(meta.size, identity, version)
    }

    /// Of an address that names the version.
    fn pinned(size: u64, identity: String) -> Self {
        Self::known(size, identity, Version::Pinned)
    }

    fn known(size: u64, identity: String, version: Version) -> Self {
        let (head, follower, early) = (Mutex::default(), OnceLock::new(), Mutex::default());
        Self { size, identity, version, head, follower, early }
    }

    fn options(&self) -> GetOptions {
        let mut options = GetOptions::default();
        match &self.version {
            Version::ETag(e_tag) => options.if_match = Some(e_tag.clone()),
            Version::Modified(meta) if meta.last_modified.timestamp() > 0 => {
                options.if_unmodified_since = Some(meta.last_modified);
            }
            _ => {}
        }
        options
    }

    fn head(&self) -> MutexGuard<'_, Option<Bytes>> {
        locked(&self.head)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Two threads that wait for the network.
fn runtime() -> Result<&'static Runtime, StoreError> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let start = || {
        // Another part of the program may have named a provider before: any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder
            .worker_threads(2)
            .thread_name("stores")
            .enable_all()
            .build()
            .map_err(|error| error.to_string())
    };
    RUNTIME.get_or_init(start).as_ref().map_err(|why| {
        StoreError::new(
            format!("cannot start threads for the network ({why})"),
            "allow this process more threads",
        )
    })
}

fn wait_for<T>(future: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    runtime()?.block_on(future)
}

fn permits() -> &'static Semaphore {
    static PERMITS: Semaphore = Semaphore::const_new(CONNECTIONS);
    &PERMITS
}

impl Store {
    /// Connects, once for each root.
    pub fn of(location: &Location) -> Result<(Arc<Store>, Key), StoreError> {
        static STORES: OnceLock<Mutex<HashMap<String, Arc<Store>>>> = OnceLock::new();
        let (path, query) = match location.scheme {
            Scheme::Web => location.key.split_once('?').unwrap_or((&location.key, "")),
            _ => (location.key.as_str(), ""),
        };
        let key = match location.scheme {
            Scheme::Web => Key::from_url_path(path),
            _ => Key::parse(path.trim_end_matches('/')),
        };
        let key = key.map_err(|error| {
            StoreError::new(
                format!("`{path}` is no key of an object ({error})"),
                "write it without empty parts, `.` and `..`",
            )
        })?;
        let mut stores = locked(STORES.get_or_init(Mutex::default));
        let root = format!("{}?{query}", location.root);
        if let Some(store) = stores.get(&root) {
            return Ok((store.clone(), key));
        }
        // A client needs the provider of TLS that this names.
        runtime()?;
        let store = Arc::new(client::connect(location, query)?);
        stores.insert(root, store.clone());
        Ok((store, key))
    }

    fn seen(&self, key: &Key) -> Option<Arc<Seen>> {
        locked(&self.seen).get(key).cloned()
    }

    fn see(&self, key: &Key, seen: Seen) -> Arc<Seen> {
        locked(&self.seen).entry(key.clone()).or_insert_with(|| Arc::new(seen)).clone()
    }

    /// What is known of an object, asked for if need be.
    async fn look(&self, key: &Key) -> Result<Arc<Seen>, StoreError> {
        if let Some(seen) = self.seen(key) {
            return Ok(seen);
        }
        let _permit = permits().acquire().await;
        if let Some(hub) = &self.hub {
            return Ok(self.see(key, hub.look(key).await?));
        }
        let wrong = |error| failure::of(self.scheme, &error);
        if self.scheme == Scheme::Web {
            // Many addresses are signed for GET alone, so HEAD comes second: for files without a first byte,
            // and for servers that give no ranges.
            let range = Some(GetRange::Bounded(0..1));
            match self.client.get_opts(key, GetOptions { range, ..GetOptions::default() }).await {
                Ok(found) => return Ok(self.see(key, Seen::new(&found.meta))),
                Err(error @ object_store::Error::NotFound { .. }) => return Err(wrong(error)),
                Err(error) => {
                    let head = GetOptions { head: true, ..GetOptions::default() };
                    let found = self.client.get_opts(key, head).await.map_err(|_| wrong(error))?;
                    return Ok(self.see(key, Seen::new(&found.meta)));
                }
            }
        }
        let head = GetOptions { head: true, ..GetOptions::default() };
        let found = self.client.get_opts(key, head).await.map_err(wrong)?;
        Ok(self.see(key, Seen::new(&found.meta)))
    }

    /// A range of an object, whole. What breaks off in the middle goes on where it broke.
    async fn fetch(&self, key: &Key, seen: &Seen, range: Range<u64>) -> Result<Bytes, StoreError> {
        let _permit = permits().acquire().await;
        let mut pieces: Vec<Bytes> = Vec::new();
        let mut at = range.start;
        let mut attempt = 0;
        while at < range.end {
            let wanted = Some(GetRange::Bounded(at..range.end));
            let options = GetOptions { range: wanted, ..seen.options() };
            // Requests are repeated inside, bodies only where the server names their version.
            let found = self.client.get_opts(key, options).await;
            let found = found.map_err(|error| failure::of(self.scheme, &error))?;
            if found.meta.size != seen.size {
                return Err(failure::changed());
            }
            let mut body = found.into_stream();
            let mut broken = None;
            while let Some(piece) = body.next().await {
                match piece {
                    Ok(piece) => {
                        at += piece.len() as u64;
                        pieces.push(piece);
                    }
                    Err(error) => {
                        broken = Some(failure::of(self.scheme, &error));
                        break;
                    }
                }
            }
            if at < range.end {
                attempt += 1;
                if attempt > client::retries() {
                    return Err(broken.unwrap_or_else(|| failure::short(at, range.end)));
                }
                tokio::time::sleep(client::pause(attempt)).await;
            }
        }
        Ok(match pieces.len() {
            1 => pieces.swap_remove(0),
            _ => pieces.concat().into(),
        })
    }
}

/// Size and identity of an object.
pub(crate) fn identity(path: &Path) -> Result<(u64, String), StoreError> {
    let (store, key) = Store::of(&location(path)?)?;
    let seen = wait_for(store.look(&key))?;
    Ok((seen.size, seen.identity.clone()))
}

fn location(path: &Path) -> Result<Location, StoreError> {
    Location::of(path).ok_or_else(|| {
        StoreError::new(
            format!("{} is no address in an object store", path.display()),
            "write for example s3://bucket/raw/",
        )
    })
}

/// Tells in which order objects will be read from their start to their end.
pub(crate) fn read_in_order<'p>(paths: impl Iterator<Item = &'p Path>) {
    let mut last: Option<Arc<Seen>> = None;
    for path in paths {
        let Some((store, key)) = Location::of(path).and_then(|location| Store::of(&location).ok()) else {
            continue;
        };
        let seen = store.seen(&key);
        if let Some(last) = last {
            let _ = last.follower.set((store, key));
        }
        last = seen;
    }
}

/// The first bytes of many objects, fetched side by side and forgotten when this is dropped: what tells their kind.
pub(crate) struct Heads(Vec<Arc<Seen>>);

impl Heads {
    pub fn fetch<'p>(paths: impl Iterator<Item = &'p Path>, length: u64) -> Heads {
        let mut objects = Vec::new();
        for path in paths {
            // What fails here is tried again where it is read, and told there.
            let Some(location) = Location::of(path) else { continue };
            let Ok((store, key)) = Store::of(&location) else { continue };
            let Some(seen) = store.seen(&key).filter(|seen| seen.size > 0) else { continue };
            objects.push((store, key, seen));
        }
        let heads = Heads(objects.iter().map(|(_, _, seen)| seen.clone()).collect());
        let Ok(runtime) = runtime() else { return heads };
        let tasks = objects.into_iter().map(|(store, key, seen)| {
            runtime.spawn(async move {
                let head = store.fetch(&key, &seen, 0..length.min(seen.size)).await;
                *seen.head() = head.ok();
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            let _ = runtime.block_on(task);
        }
        heads
    }
}

impl Drop for Heads {
    fn drop(&mut self) {
        for seen in &self.0 {
            *seen.head() = None;
        }
    }
}

/// Of an environment variable that holds a number.
fn number_of(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(otherwise)
}

const SECOND: Duration = Duration::from_secs(1);
