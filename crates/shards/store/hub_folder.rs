//! A folder in a repository of the Hugging Face hub, written to by commits: large files go to its storage first, where
//! nobody sees them before a commit names them. The protocol is that of `huggingface_hub`.
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde_json::json;

use super::folder::{Created, of_file};
use super::hub::{self, Hub};
use super::lfs::{FILES_AHEAD, Local, Storage};
use super::{SECOND, client, failure, runtime, wait_for};
use crate::Publication;
use crate::error::{StoreError, StoreErrorKind};
use crate::location::Location;

/// Files that are looked at and committed together; the hub takes 256 at once and 128 commits an hour.
const BATCH: usize = 256;
/// Content that lies in a commit itself, at most.
const LARGEST_COMMIT: u64 = 32 << 20;
/// A commit may take the hub long.
const COMMIT_TIME: Duration = Duration::from_secs(300);

pub(crate) struct HubFolder {
    hub: Hub,
    sender: Client,
    storage: Storage,
    /// Empty, or with a slash at the end.
    prefix: String,
}

/// What one commit changes.
#[derive(Default)]
struct Change {
    /// One JSON object a line: what is added.
    added: String,
    files: usize,
    bytes: u64,
    /// Paths that need not be there.
    gone: Vec<String>,
}

impl HubFolder {
    /// Errors: all that would keep a run from being sent, as far as it can be known before.
    pub fn open(location: &Location) -> Result<Self, StoreError> {
        if !location.root.starts_with("hf://datasets/") {
            return Err(StoreError::new(
                "a run is a data set".to_owned(),
                "write to hf://datasets/organisation/name, a folder of it or a branch (name@branch)",
            ));
        }
        runtime()?;
        let hub = Hub::connect(&location.root)?;
        if hub.headers.is_empty() {
            return Err(StoreError::new(
                "there is no token for the hub".to_owned(),
                "set HF_TOKEN to one that may write (huggingface.co/settings/tokens), or log in with `hf auth login`",
            ));
        }
        // What is sent may take long, and the answer comes behind it.
        let built = Client::builder().user_agent(hub::USER_AGENT).connect_timeout(10 * SECOND).build();
        let sender = built.map_err(|error| StoreError::new(error.to_string(), failure::UNREACHABLE))?;
        let storage = Storage::new(&hub, &sender);
        let prefix = match location.key.trim_matches('/') {
            "" => String::new(),
            key => format!("{key}/"),
        };
        let folder = Self { hub, sender, storage, prefix };
        wait_for(folder.check())?;
        Ok(folder)
    }

    async fn check(&self) -> Result<(), StoreError> {
        #[derive(Deserialize)]
        struct References {
            branches: Vec<Branch>,
        }
        #[derive(Deserialize)]
        struct Branch {
            name: String,
        }
        let Hub { client, repository, revision, .. } = &self.hub;
        let found = self.hub.json::<References>(&client.get(self.hub.api("refs"))).await;
        let References { branches } = found.map(|found| found.1).map_err(|error| match error.kind {
            StoreErrorKind::Absent => StoreError::new(
                format!("the hub has no repository {repository}"),
                "make it on huggingface.co/new-dataset, or with `hf repos create organisation/name --repo-type dataset`",
            ),
            StoreErrorKind::Denied => StoreError {
                remedy: "check the name, and that HF_TOKEN is valid: the hub does not tell which of them is wrong",
                ..error
            },
            _ => error,
        })?;
        if !branches.iter().any(|branch| branch.name == *revision) && !revision.starts_with("refs/pr/") {
            return Err(StoreError::new(
                format!("`{revision}` is no branch of {repository}"),
                "write to a branch: tags and commits do not change",
            ));
        }
        // What asks how to upload needs the right to do it.
        self.modes(&[("corpus.lock".to_owned(), 0, Vec::new())]).await.map(drop).map_err(|error| match error
            .kind
        {
            StoreErrorKind::Denied => StoreError {
                why: format!("the token may not write to {repository} ({})", error.why),
                remedy: "set HF_TOKEN to one that may (huggingface.co/settings/tokens)",
                ..error
            },
            _ => error,
        })
    }

    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A small file, as it is now; none if there is none.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        wait_for(async { self.read_at(&self.hub.head().await?, name).await })
    }

    async fn read_at(&self, commit: &str, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.hub.file(commit, &self.path(name)).await?.map(Vec::from))
    }

    /// Commits a file unless there is one: of many that try, one succeeds.
    pub fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        wait_for(async {
            for attempt in 1.. {
                let head = self.hub.head().await?;
                if let Some(found) = self.read_at(&head, name).await? {
                    return Ok(Created::Before(found));
                }
                let mut change = Change::default();
                change.add_file(&self.path(name), bytes);
                match self.commit(&change, "corpus: a run begins", Some(&head)).await {
                    Ok(()) => return Ok(Created::Now),
                    Err(error) if error.kind == StoreErrorKind::Conflict && attempt <= client::retries() => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(Created::Untold)
        })
    }

    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        let change = Change { gone: vec![self.path(name)], ..Change::default() };
        wait_for(self.commit(&change, &format!("corpus: remove {name}"), None))
    }

    /// In one commit if it can be. Of several, the first takes away what makes the old files complete. False if it was
    /// stopped.
    pub fn publish(
        &self,
        what: &Publication<'_>,
        sent: &mut dyn FnMut(&str, u64),
    ) -> Result<bool, StoreError> {
        let Publication { folder, names, gone, lock, stop } = *what;
        let last = names.last().map(|name| self.path(name));
        let stays: HashSet<&String> = names.iter().collect();
        let gone = gone.iter().filter(|name| !stays.contains(name)).map(|name| self.path(name)).collect();
        let mut change = Change { gone, ..Change::default() };
        let mut left = names.len();
        for names in names.chunks(BATCH) {
            let mut files = Vec::new();
            for name in names {
                if stop.load(Ordering::Relaxed) {
                    return Ok(false);
                }
                files.push(Local::of(folder, name, self.path(name))?);
            }
            if !wait_for(self.send(&mut files, stop, sent))? {
                return Ok(false);
            }
            for file in files {
                let is_full = change.files == BATCH || change.bytes + file.inline_bytes() > LARGEST_COMMIT;
                if is_full && change.files > 0 {
                    change.gone.extend(last.clone());
                    wait_for(self.commit(&change, &format!("corpus: all but {left} files of a run"), None))?;
                    change = Change::default();
                }
                left -= 1;
                change.add(&file)?;
            }
        }
        change.gone.push(self.path(lock));
        wait_for(self.commit(&change, "corpus: a run", None))?;
        Ok(true)
    }

    /// Sends what does not go into the commit and is not there already. False if it was stopped.
    async fn send(
        &self,
        files: &mut [Local],
        stop: &AtomicBool,
        sent: &mut dyn FnMut(&str, u64),
    ) -> Result<bool, StoreError> {
        let asked: Vec<_> =
            files.iter().map(|file| (file.path.clone(), file.size, file.sample.clone())).collect();
        for (file, mode) in files.iter_mut().zip(self.modes(&asked).await?) {
            // Storage takes no empty files.
            file.is_stored = mode.upload_mode == "lfs" && file.size > 0;
            file.is_there = file.is_stored && mode.oid.as_deref() == Some(&file.sha256);
            if !file.is_stored || file.is_there {
                sent(&file.name, file.size);
            }
        }
        let wanted: Vec<&Local> = files.iter().filter(|file| file.is_stored && !file.is_there).collect();
        self.storage.send(&wanted, FILES_AHEAD, stop, sent).await
    }

    /// Which files go into the commit, and which into the storage.
    async fn modes(&self, files: &[(String, u64, Vec<u8>)]) -> Result<Vec<Mode>, StoreError> {
        #[derive(Deserialize)]
        struct Modes {
            files: Vec<Mode>,
        }
        let asked: Vec<_> = files
            .iter()
            .map(
                |(path, size, sample)| json!({ "path": path, "size": size, "sample": BASE64.encode(sample) }),
            )
            .collect();
        let address = self.hub.api(&format!("preupload/{}", self.hub.revision()));
        let request = self.hub.client.post(address).header("content-type", "application/json");
        let request = request.body(json!({ "files": asked }).to_string());
        let Modes { files: mut modes } = self.hub.json(&request).await?.1;
        // They come in the order that was asked for, but nothing says so.
        let place = |mode: &Mode| files.iter().position(|(path, ..)| *path == mode.path);
        modes.sort_by_cached_key(place);
        match modes.len() == files.len() && modes.iter().zip(files).all(|(mode, file)| mode.path == file.0) {
            true => Ok(modes),
            false => Err(StoreError::new(
                "the hub does not tell of all files how to send them".to_owned(),
                failure::UNREACHABLE,
            )),
        }
    }

    /// Errors: a conflict if `parent` is no longer the head.
    async fn commit(&self, change: &Change, summary: &str, parent: Option<&str>) -> Result<(), StoreError> {
        for attempt in 1.. {
            // Asked each time: a commit may have been done although its answer was lost.
            let gone = self.hub.present(&change.gone).await?;
            if gone.is_empty() && change.files == 0 {
                return Ok(());
            }
            let mut header = json!({ "summary": summary, "description": "" });
            if let Some(parent) = parent {
                header["parentCommit"] = parent.into();
            }
            let mut lines = format!("{}\n", json!({ "key": "header", "value": header }));
            for path in gone {
                lines += &format!("{}\n", json!({ "key": "deletedFile", "value": { "path": path } }));
            }
            match hub::ask(self.commit_request().body(lines + &change.added)).await {
                Ok(_) => return Ok(()),
                Err((_, true)) if attempt <= client::retries() => {
                    tokio::time::sleep(client::pause(attempt)).await;
                }
                Err((error, _)) => return Err(error),
            }
        }
        Ok(())
    }

    fn commit_request(&self) -> RequestBuilder {
        let address = self.hub.api(&format!("commit/{}", self.hub.revision()));
        let request = self.sender.post(address).headers(self.hub.headers.clone()).timeout(COMMIT_TIME);
        request.header("content-type", "application/x-ndjson")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mode {
    path: String,
    upload_mode: String,
    /// Of the file that is there: if it is in the storage, its hash.
    oid: Option<String>,
}

impl Change {
    fn add(&mut self, file: &Local) -> Result<(), StoreError> {
        if file.is_there {
            return Ok(());
        }
        if !file.is_stored {
            let bytes = std::fs::read(&file.place).map_err(|error| of_file(&file.place, &error))?;
            self.add_file(&file.path, &bytes);
            return Ok(());
        }
        let Local { path, sha256, size, .. } = file;
        let value = json!({ "path": path, "algo": "sha256", "oid": sha256, "size": size });
        self.add_line("lfsFile", value);
        Ok(())
    }

    fn add_file(&mut self, path: &str, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let value = json!({ "content": BASE64.encode(bytes), "path": path, "encoding": "base64" });
        self.add_line("file", value);
    }

    fn add_line(&mut self, key: &str, value: serde_json::Value) {
        self.files += 1;
        self.added += &format!("{}\n", json!({ "key": key, "value": value }));
    }
}
