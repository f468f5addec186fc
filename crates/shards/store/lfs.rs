//! Large files of the hub: they go to its storage by their hashes, in one piece or in parts, as git's LFS does it.
//! What is there already is not sent again.
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap};
use reqwest::{Body, Client, RequestBuilder};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::folder::of_file;
use super::hub::{self, Hub};
use super::{client, failure, permits};
use crate::StoreError;

/// Files under way at one time, and parts of one.
pub(super) const FILES_AHEAD: usize = 3;
const PARTS_AHEAD: usize = 4;
/// The hub looks at so many bytes of a file.
const SAMPLE: usize = 512;
/// Read and sent at once.
const PIECE: u64 = 256 << 10;
/// The slowest line that is waited for: a second for so many bytes, and some for the answer.
const BYTES_A_SECOND: u64 = 100 << 10;
const ANSWER_TIME: Duration = Duration::from_secs(120);
const LFS_JSON: &str = "application/vnd.git-lfs+json";

/// A file of this machine that goes to the hub.
pub(super) struct Local {
    /// Below the folder of the run.
    pub name: String,
    /// In the repository.
    pub path: String,
    pub place: PathBuf,
    pub size: u64,
    pub sha256: String,
    pub sample: Vec<u8>,
    /// It does not go into the commit itself.
    pub is_stored: bool,
    /// The repository has it at that very path.
    pub is_there: bool,
}

impl Local {
    /// Reads the whole file for its hash.
    pub fn of(folder: &Path, name: &str, path: String) -> Result<Local, StoreError> {
        let place = folder.join(name);
        let wrong = |error| of_file(&place, &error);
        let mut file = File::open(&place).map_err(wrong)?;
        let (mut hash, mut sample, mut size) = (Sha256::new(), Vec::new(), 0);
        let mut buffer = vec![0; PIECE as usize];
        loop {
            let n = file.read(&mut buffer).map_err(wrong)?;
            if n == 0 {
                break;
            }
            let more = SAMPLE.saturating_sub(sample.len()).min(n);
            sample.extend_from_slice(&buffer[..more]);
            hash.update(&buffer[..n]);
            size += n as u64;
        }
        let sha256 = format!("{:x}", hash.finalize());
        Ok(Local {
            name: name.to_owned(),
            path,
            place,
            size,
            sha256,
            sample,
            is_stored: false,
            is_there: false,
        })
    }

    pub fn inline_bytes(&self) -> u64 {
        if self.is_stored { 0 } else { self.size }
    }

    fn object(&self) -> Object {
        Object { place: self.place.clone(), size: self.size, oid: self.sha256.clone() }
    }
}

#[derive(Clone)]
struct Object {
    place: PathBuf,
    size: u64,
    oid: String,
}

/// The storage of one repository.
#[derive(Clone)]
pub(super) struct Storage {
    client: Client,
    sender: Client,
    endpoint: String,
    batch: String,
    branch: String,
    headers: HeaderMap,
}

#[derive(Deserialize)]
struct Answer {
    objects: Vec<Told>,
}

#[derive(Deserialize)]
struct Told {
    oid: String,
    /// None: it has the object.
    actions: Option<Actions>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

#[derive(Deserialize, Clone)]
struct Actions {
    upload: Option<Action>,
    verify: Option<Action>,
}

#[derive(Deserialize, Clone)]
struct Action {
    href: String,
    #[serde(default)]
    header: HashMap<String, serde_json::Value>,
}

impl Storage {
    pub fn new(hub: &Hub, sender: &Client) -> Self {
        Self {
            client: hub.client.clone(),
            sender: sender.clone(),
            endpoint: hub.endpoint.clone(),
            batch: format!("{}/{}.git/info/lfs/objects/batch", hub.endpoint, hub.repository),
            branch: hub.revision.clone(),
            headers: hub.headers.clone(),
        }
    }

    /// Sends files that it does not have, some at a time. False if `stop` ended it between two.
    pub async fn send(
        &self,
        files: &[&Local],
        at_a_time: usize,
        stop: &AtomicBool,
        sent: &mut dyn FnMut(&str, u64),
    ) -> Result<bool, StoreError> {
        let objects: Vec<Object> = files.iter().map(|file| file.object()).collect();
        let mut actions = if objects.is_empty() { HashMap::new() } else { self.actions(&objects).await? };
        let mut waiting = files.iter().zip(objects);
        let mut under_way = JoinSet::new();
        loop {
            let is_stopped = stop.load(Ordering::Relaxed);
            while !is_stopped && under_way.len() < at_a_time {
                let Some((file, object)) = waiting.next() else { break };
                let (storage, name, size) = (self.clone(), file.name.clone(), file.size);
                // Of two files of the same content, one is sent.
                let actions = actions.remove(&object.oid).flatten();
                under_way.spawn(async move {
                    let sent = match actions {
                        Some(actions) => storage.send_one(&object, actions).await,
                        None => Ok(()),
                    };
                    (name, size, sent)
                });
            }
            match under_way.join_next().await {
                None => return Ok(waiting.len() == 0),
                Some(Ok((name, size, result))) => {
                    result?;
                    sent(&name, size);
                }
                Some(Err(error)) => return Err(StoreError::new(error.to_string(), failure::UNREACHABLE)),
            }
        }
    }

    /// What to do for each object, by its hash.
    async fn actions(&self, objects: &[Object]) -> Result<HashMap<String, Option<Actions>>, StoreError> {
        let listed: Vec<_> =
            objects.iter().map(|object| json!({ "oid": object.oid, "size": object.size })).collect();
        let asked = json!({
            "operation": "upload",
            "transfers": ["basic", "multipart"],
            "hash_algo": "sha256",
            "ref": { "name": self.branch },
            "objects": listed,
        });
        let request = self.client.post(&self.batch).header(CONTENT_TYPE, LFS_JSON).header("accept", LFS_JSON);
        let request = request.body(asked.to_string());
        let body = hub::repeated(|| request.try_clone()).await?.1;
        let Answer { objects } = hub::parsed(&body)?;
        let told = objects.into_iter().map(|Told { oid, actions, error }| match error {
            None => Ok((oid, actions)),
            Some(Refusal { message }) => Err(StoreError::new(
                format!("the hub's storage refuses a file ({message})"),
                "check the limits of the repository",
            )),
        });
        told.collect()
    }

    /// Addresses expire: what fails is tried once more with new ones.
    async fn send_one(&self, object: &Object, actions: Actions) -> Result<(), StoreError> {
        if self.transfer(object, &actions).await.is_ok() {
            return Ok(());
        }
        match self.actions(std::slice::from_ref(object)).await?.remove(&object.oid).flatten() {
            Some(actions) => self.transfer(object, &actions).await,
            None => Ok(()),
        }
    }

    async fn transfer(&self, object: &Object, actions: &Actions) -> Result<(), StoreError> {
        let Some(upload) = &actions.upload else { return Ok(()) };
        let file = Arc::new(File::open(&object.place).map_err(|error| of_file(&object.place, &error))?);
        let href = self.address(&upload.href)?;
        match upload.part_bytes() {
            None => {
                let headers = upload.header.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
                let request =
                    headers.fold(self.sender.put(href), |request, (name, value)| request.header(name, value));
                self.put(&request, &file, 0, object.size).await?;
            }
            Some(part) => self.send_parts(object, &file, upload, part, &href).await?,
        }
        let Some(verify) = &actions.verify else { return Ok(()) };
        let href = self.address(&verify.href)?;
        // The token is for the hub alone.
        let headers = if href.starts_with(&self.endpoint) { self.headers.clone() } else { HeaderMap::new() };
        let body = json!({ "oid": object.oid, "size": object.size }).to_string();
        let request = self.sender.post(href).headers(headers).header(CONTENT_TYPE, LFS_JSON).body(body);
        let request = request.timeout(ANSWER_TIME);
        hub::repeated(|| request.try_clone()).await.map(drop)
    }

    async fn send_parts(
        &self,
        object: &Object,
        file: &Arc<File>,
        upload: &Action,
        part: u64,
        complete: &str,
    ) -> Result<(), StoreError> {
        let count = object.size.div_ceil(part);
        let address = |number: u64| upload.header.get(&number.to_string())?.as_str().map(str::to_owned);
        let addresses: Option<Vec<String>> = (1..=count).map(address).collect();
        let Some(addresses) = addresses.filter(|_| upload.parts() == count) else {
            let why =
                format!("the hub's storage wants {} parts of {part} bytes, not {count}", upload.parts());
            return Err(StoreError::new(why, failure::UNREACHABLE));
        };
        let sent = stream::iter(addresses.into_iter().zip(0..)).map(|(address, index)| async move {
            let start = index * part;
            let length = part.min(object.size - start);
            let request = self.sender.put(self.address(&address)?);
            let headers = self.put(&request, file, start, length).await?;
            let e_tag = headers.get(ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned);
            let e_tag = e_tag.ok_or_else(|| {
                StoreError::new("the hub's storage gives a part no ETag".to_owned(), failure::UNREACHABLE)
            })?;
            Ok::<_, StoreError>(json!({ "partNumber": index + 1, "etag": e_tag }))
        });
        let parts: Vec<_> = sent.buffered(PARTS_AHEAD).try_collect().await?;
        let body = json!({ "oid": object.oid, "parts": parts }).to_string();
        let request = self.sender.post(complete).header(CONTENT_TYPE, LFS_JSON).header("accept", LFS_JSON);
        let request = request.body(body).timeout(ANSWER_TIME);
        hub::repeated(|| request.try_clone()).await.map(drop)
    }

    /// Sends a range of a file until it is taken.
    async fn put(
        &self,
        request: &RequestBuilder,
        file: &Arc<File>,
        start: u64,
        length: u64,
    ) -> Result<HeaderMap, StoreError> {
        let _permit = permits().acquire().await;
        let time = ANSWER_TIME + Duration::from_secs(length / BYTES_A_SECOND);
        let send = || {
            let request = request.try_clone()?.timeout(time).header(CONTENT_LENGTH, length);
            Some(request.body(range(file, start, length)))
        };
        Ok(hub::repeated(send).await?.0)
    }

    /// A mirror passes on what the hub itself answers, its addresses too.
    fn address(&self, href: &str) -> Result<String, StoreError> {
        let href = match href.strip_prefix(hub::THE_HUB) {
            Some(rest) => format!("{}{rest}", self.endpoint),
            None => href.to_owned(),
        };
        client::check_encrypted(&href).map(|()| href)
    }
}

impl Action {
    /// In parts of that length; none: as a whole.
    fn part_bytes(&self) -> Option<u64> {
        let told = self.header.get("chunk_size")?;
        told.as_u64().or_else(|| told.as_str()?.parse().ok()).filter(|bytes| *bytes > 0)
    }

    fn parts(&self) -> u64 {
        self.header.keys().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).count() as u64
    }
}

/// A body that is read as it is sent.
fn range(file: &Arc<File>, start: u64, length: u64) -> Body {
    let state = (file.clone(), start, start + length);
    Body::wrap_stream(stream::try_unfold(state, |(file, at, end)| async move {
        if at == end {
            return Ok::<_, std::io::Error>(None);
        }
        let mut piece = vec![0; PIECE.min(end - at) as usize];
        file.read_exact_at(&mut piece, at)?;
        let next = at + piece.len() as u64;
        Ok(Some((Bytes::from(piece), (file, next, end))))
    }))
}
