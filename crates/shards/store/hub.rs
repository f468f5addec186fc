//! The Hugging Face hub: a revision is looked up once, so that all reads are of one commit; files come as from the web.
use std::path::PathBuf;

use object_store::ClientOptions;
use object_store::path::Path as Key;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LINK};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{SECOND, Seen, client, failure};
use crate::error::{StoreError, StoreErrorKind};
use crate::location::Scheme;

const REMEDY: &str =
    "check organisation, name and revision: hf://datasets/organisation/name@revision/folder/";

pub(crate) struct Hub {
    client: Client,
    endpoint: String,
    /// `datasets/organisation/name`; a model has no first part.
    repository: String,
    commit: String,
    headers: HeaderMap,
}

#[derive(Deserialize)]
struct Revision {
    sha: String,
}

/// A file or folder of a repository.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    oid: String,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    oid: String,
    size: u64,
}

impl Entry {
    /// A commit never changes, so the address is the version; contents are known by their hash.
    fn seen(self) -> Option<(Key, Seen)> {
        let key = Key::parse(&self.path).ok().filter(|_| self.kind == "file")?;
        Some(match self.lfs {
            Some(lfs) => (key, Seen::pinned(lfs.size, format!("sha256 {}", lfs.oid))),
            None => (key, Seen::pinned(self.size, format!("git {}", self.oid))),
        })
    }
}

impl Hub {
    /// `root`: `hf://datasets/organisation/name@revision`.
    pub async fn open(root: &str) -> Result<Self, StoreError> {
        let path = root.split_once("://").map_or(root, |(_, path)| path);
        let (repository, revision) = path.split_once('@').unwrap_or((path, "main"));
        let parts = repository.split('/').filter(|part| !part.is_empty()).count();
        if parts != if has_kind(repository) { 3 } else { 2 } {
            return Err(StoreError::new(format!("{root} names no repository"), REMEDY));
        }
        let endpoint = std::env::var("HF_ENDPOINT").ok().filter(|url| !url.is_empty());
        let endpoint = endpoint.unwrap_or_else(|| "https://huggingface.co".to_owned());
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        client::check_encrypted(&endpoint)?;
        let mut headers = HeaderMap::new();
        if let Some(token) = token() {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
                StoreError::new("HF_TOKEN is no token".to_owned(), "copy it again from the hub's settings")
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let built = Client::builder()
            .user_agent(concat!("corpus/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers.clone())
            .connect_timeout(10 * SECOND)
            .read_timeout(30 * SECOND)
            .build();
        let client = built.map_err(|error| StoreError::new(error.to_string(), failure::UNREACHABLE))?;
        let (repository, commit) = (repository.to_owned(), String::new());
        let mut hub = Self { client, endpoint, repository, commit, headers };
        let address = hub.api(&format!("revision/{}", revision.replace('/', "%2F")));
        let found: Revision = hub.json(&hub.client.get(address)).await?.1;
        hub.commit = found.sha;
        Ok(hub)
    }

    /// Where files lie.
    pub fn files(&self) -> String {
        format!("{}/{}/resolve/{}", self.endpoint, self.repository, self.commit)
    }

    /// A client for files gets the token, too.
    pub fn headers(&self, options: ClientOptions) -> ClientOptions {
        options.with_default_headers(self.headers.clone())
    }

    fn api(&self, what: &str) -> String {
        let kind = if has_kind(&self.repository) { "" } else { "models/" };
        format!("{}/api/{kind}{}/{what}", self.endpoint, self.repository)
    }

    /// Errors: no such file.
    pub async fn look(&self, key: &Key) -> Result<Seen, StoreError> {
        let address = self.api(&format!("paths-info/{}", self.commit));
        let asked = serde_json::json!({ "paths": [key.as_ref()], "expand": false });
        let request = self.client.post(address).header("content-type", "application/json");
        let entries: Vec<Entry> = self.json(&request.body(asked.to_string())).await?.1;
        let found = entries.into_iter().filter_map(Entry::seen).find(|(found, _)| found == key);
        found.map(|(_, seen)| seen).ok_or_else(|| StoreError {
            kind: StoreErrorKind::Absent,
            ..StoreError::new("there is no such file in the repository".to_owned(), REMEDY)
        })
    }

    /// All files below a folder, in pages.
    pub async fn list(&self, folder: &str) -> Result<Vec<(Key, Seen)>, StoreError> {
        let below = if folder.is_empty() { String::new() } else { format!("/{}", encoded(folder)) };
        let tree = self.api(&format!("tree/{}{below}", self.commit));
        let mut next = Some("recursive=true".to_owned());
        let mut found = Vec::new();
        while let Some(query) = next {
            let address = format!("{tree}?{query}");
            let (headers, entries): (_, Vec<Entry>) = match self.json(&self.client.get(&address)).await {
                Err(error) if error.kind == StoreErrorKind::Absent => break,
                page => page?,
            };
            found.extend(entries.into_iter().filter_map(Entry::seen));
            next = next_page(&headers);
        }
        Ok(found)
    }

    /// Asks until it answers, or not again.
    async fn json<T: DeserializeOwned>(
        &self,
        request: &RequestBuilder,
    ) -> Result<(HeaderMap, T), StoreError> {
        for attempt in 1.. {
            let Some(request) = request.try_clone() else { break };
            match self.ask(request).await {
                Err((_, true)) if attempt <= client::retries() => {
                    tokio::time::sleep(client::pause(attempt)).await;
                }
                Err((error, _)) => return Err(error),
                Ok(found) => return Ok(found),
            }
        }
        Err(StoreError::new("the hub cannot be asked".to_owned(), failure::UNREACHABLE))
    }

    /// An error, and whether it may pass.
    async fn ask<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<(HeaderMap, T), (StoreError, bool)> {
        let broken = |error: reqwest::Error| (StoreError::new(error.to_string(), failure::UNREACHABLE), true);
        let response = request.send().await.map_err(broken)?;
        refused(&response).map_or(Ok(()), Err)?;
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(broken)?;
        let answer = serde_json::from_slice(&body).map_err(|error| {
            (StoreError::new(format!("the hub answers what is not expected ({error})"), REMEDY), false)
        })?;
        Ok((headers, answer))
    }
}

fn refused(response: &Response) -> Option<(StoreError, bool)> {
    let status = response.status();
    let error = |why: &str, remedy| StoreError::new(format!("{why} ({status})"), remedy);
    Some(match status {
        status if status.is_success() => return None,
        StatusCode::NOT_FOUND => {
            let absent = error("the hub has no such repository, revision or folder", REMEDY);
            (StoreError { kind: StoreErrorKind::Absent, ..absent }, false)
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            (error("the hub refuses access", failure::credentials(Scheme::Hub)), false)
        }
        status => {
            let may_pass = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
            (error("the hub does not answer", failure::UNREACHABLE), may_pass)
        }
    })
}

fn has_kind(repository: &str) -> bool {
    repository.starts_with("datasets/") || repository.starts_with("spaces/")
}

/// The query of `<address>; rel="next"` in a header; a mirror may name another host there.
fn next_page(headers: &HeaderMap) -> Option<String> {
    let links = headers.get(LINK)?.to_str().ok()?;
    let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    let address = next.split_once('<')?.1.split_once('>')?.0;
    Some(address.split_once('?')?.1.to_owned())
}

/// A path in an address, with what has a meaning there escaped.
fn encoded(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                out.push(byte as char)
            }
            byte => out += &format!("%{byte:02X}"),
        }
    }
    out
}

/// Of the environment, or where the hub's own tools keep it.
fn token() -> Option<String> {
    let read = |path: PathBuf| std::fs::read_to_string(path).ok();
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let found = std::env::var("HF_TOKEN").ok();
    let found = found.or_else(|| variable("HF_TOKEN_PATH").and_then(read));
    let found = found.or_else(|| variable("HF_HOME").and_then(|home| read(home.join("token"))));
    let found =
        found.or_else(|| variable("HOME").and_then(|home| read(home.join(".cache/huggingface/token"))));
    found.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty())
}
