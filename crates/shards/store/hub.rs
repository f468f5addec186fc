//! The Hugging Face hub: a revision is looked up once, so that all reads are of one commit; files come as from the web.
use std::path::PathBuf;

use bytes::Bytes;
use object_store::ClientOptions;
use object_store::path::Path as Key;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LINK};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{SECOND, Seen, client, failure};
use crate::error::{NO_ANSWER, StoreError, StoreErrorKind};
use crate::location::Scheme;

pub(super) const THE_HUB: &str = "https://huggingface.co";
pub(super) const USER_AGENT: &str = concat!("corpus/", env!("CARGO_PKG_VERSION"));
const REMEDY: &str =
    "check organisation, name and revision: hf://datasets/organisation/name@revision/folder/";

pub(crate) struct Hub {
    pub client: Client,
    pub endpoint: String,
    /// `datasets/organisation/name`; a model has no first part.
    pub repository: String,
    /// A branch, a tag or a commit.
    pub revision: String,
    /// What the revision was when it was looked up.
    commit: String,
    /// With the token, if there is one.
    pub headers: HeaderMap,
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
        let mut hub = Self::connect(root)?;
        hub.commit = hub.head().await?;
        Ok(hub)
    }

    /// Nothing is asked yet.
    pub fn connect(root: &str) -> Result<Self, StoreError> {
        let path = root.split_once("://").map_or(root, |(_, path)| path);
        let (repository, revision) = path.split_once('@').unwrap_or((path, "main"));
        let parts = repository.split('/').filter(|part| !part.is_empty()).count();
        if parts != if has_kind(repository) { 3 } else { 2 } {
            return Err(StoreError::new(format!("{root} names no repository"), REMEDY));
        }
        let endpoint = std::env::var("HF_ENDPOINT").ok().filter(|url| !url.is_empty());
        let endpoint = endpoint.unwrap_or_else(|| THE_HUB.to_owned());
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
            .user_agent(USER_AGENT)
            .default_headers(headers.clone())
            .connect_timeout(10 * SECOND)
            .read_timeout(30 * SECOND)
            .build();
        let client = built.map_err(|error| StoreError::new(error.to_string(), failure::UNREACHABLE))?;
        // A slash of a branch's name is written so, since the others end the name of the repository.
        let (repository, revision) = (repository.to_owned(), revision.replace("%2F", "/"));
        Ok(Self { client, endpoint, repository, revision, commit: String::new(), headers })
    }

    /// The commit that the revision names now.
    pub async fn head(&self) -> Result<String, StoreError> {
        let address = self.api(&format!("revision/{}", self.revision()));
        let found: Revision = self.json(&self.client.get(address)).await?.1;
        Ok(found.sha)
    }

    /// As a part of an address.
    pub fn revision(&self) -> String {
        encoded(&self.revision).replace('/', "%2F")
    }

    /// A file of a commit; none if there is none.
    pub async fn file(&self, commit: &str, path: &str) -> Result<Option<Bytes>, StoreError> {
        let address = format!("{}/{}/resolve/{commit}/{}", self.endpoint, self.repository, encoded(path));
        match repeated(|| Some(self.client.get(&address))).await {
            Ok((_, bytes)) => Ok(Some(bytes)),
            Err(error) if error.kind == StoreErrorKind::Absent => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where files lie.
    pub fn files(&self) -> String {
        format!("{}/{}/resolve/{}", self.endpoint, self.repository, self.commit)
    }

    /// A client for files gets the token, too.
    pub fn headers(&self, options: ClientOptions) -> ClientOptions {
        options.with_default_headers(self.headers.clone())
    }

    pub fn api(&self, what: &str) -> String {
        let kind = if has_kind(&self.repository) { "" } else { "models/" };
        format!("{}/api/{kind}{}/{what}", self.endpoint, self.repository)
    }

    /// Errors: no such file.
    pub async fn look(&self, key: &Key) -> Result<Seen, StoreError> {
        let entries = self.entries(&self.commit, &[key.as_ref()]).await?;
        let found = entries.into_iter().filter_map(Entry::seen).find(|(found, _)| found == key);
        found.map(|(_, seen)| seen).ok_or_else(|| StoreError {
            kind: StoreErrorKind::Absent,
            ..StoreError::new("there is no such file in the repository".to_owned(), REMEDY)
        })
    }

    /// Those of some paths that are there.
    async fn entries(&self, revision: &str, paths: &[&str]) -> Result<Vec<Entry>, StoreError> {
        let asked = serde_json::json!({ "paths": paths, "expand": false });
        let request = self.client.post(self.api(&format!("paths-info/{revision}")));
        let request = request.header("content-type", "application/json").body(asked.to_string());
        Ok(self.json(&request).await?.1)
    }

    /// Those of some files that are there now.
    pub async fn present(&self, paths: &[String]) -> Result<Vec<String>, StoreError> {
        // It takes no more at once.
        const MOST_PATHS: usize = 500;
        let (mut found, revision) = (Vec::new(), self.revision());
        for paths in paths.chunks(MOST_PATHS) {
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            let entries = self.entries(&revision, &paths).await?;
            found.extend(entries.into_iter().filter(|entry| entry.kind == "file").map(|entry| entry.path));
        }
        Ok(found)
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

    /// What it answers to a request.
    pub async fn json<T: DeserializeOwned>(
        &self,
        request: &RequestBuilder,
    ) -> Result<(HeaderMap, T), StoreError> {
        let (headers, body) = repeated(|| request.try_clone()).await?;
        Ok((headers, parsed(&body)?))
    }
}

/// Asks until it answers, or not again; `request` makes the question each time.
pub(super) async fn repeated(
    request: impl Fn() -> Option<RequestBuilder>,
) -> Result<(HeaderMap, Bytes), StoreError> {
    for attempt in 1.. {
        let Some(request) = request() else { break };
        match ask(request).await {
            Err((_, true)) if attempt <= client::retries() => {
                tokio::time::sleep(client::pause(attempt)).await;
            }
            Err((error, _)) => return Err(error),
            Ok(found) => return Ok(found),
        }
    }
    Err(StoreError::new("the hub cannot be asked".to_owned(), failure::UNREACHABLE))
}

pub(super) fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(body)
        .map_err(|error| StoreError::new(format!("the hub answers what is not expected ({error})"), REMEDY))
}

/// One request. An error, and whether it may pass.
pub(super) async fn ask(request: RequestBuilder) -> Result<(HeaderMap, Bytes), (StoreError, bool)> {
    let broken = |error: reqwest::Error| {
        let why = failure::told(&error.without_url());
        (failure::outage(format!("{NO_ANSWER} ({why})")), true)
    };
    let response = request.send().await.map_err(broken)?;
    if !response.status().is_success() {
        return Err(refused(response).await);
    }
    let headers = response.headers().clone();
    Ok((headers, response.bytes().await.map_err(broken)?))
}

async fn refused(response: Response) -> (StoreError, bool) {
    let status = response.status();
    let header = |name: &str| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let (code, mut told) = (header("x-error-code"), header("x-error-message"));
    if told.is_empty() {
        let body = response.bytes().await.unwrap_or_default();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        told = body["error"].as_str().unwrap_or_default().to_owned();
    }
    let told =
        if told.is_empty() { status.to_string() } else { format!("{status}: {}", failure::reason(&told)) };
    let error =
        |kind, why: &str, remedy| StoreError { kind, ..StoreError::new(format!("{why} ({told})"), remedy) };
    let may_pass = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    let error = match status {
        StatusCode::NOT_FOUND if code == "RevisionNotFound" => {
            error(StoreErrorKind::Absent, "the repository has no such revision", REMEDY)
        }
        StatusCode::NOT_FOUND => {
            error(StoreErrorKind::Absent, "the hub has no such repository, revision or folder", REMEDY)
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            error(StoreErrorKind::Denied, "the hub refuses access", failure::credentials(Scheme::Hub))
        }
        StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT => {
            error(StoreErrorKind::Conflict, "another commit came between", "run the same command again")
        }
        _ if may_pass => error(StoreErrorKind::Outage, NO_ANSWER, failure::UNREACHABLE),
        _ => error(StoreErrorKind::Other, "the hub refuses what it was asked", failure::UNREACHABLE),
    };
    (error, may_pass)
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
pub(super) fn encoded(path: &str) -> String {
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
    let caches = || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let home = || variable("HF_HOME").or_else(|| Some(caches()?.join("huggingface")));
    let found = found.or_else(|| read(home()?.join("token")));
    found.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty())
}
