//! Connects to a store: credentials and endpoints from the usual environment, how often and how long to try.
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::{BackoffConfig, ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};

use super::{SECOND, Store, aws_profile, failure, hub, number_of, wait_for};
use crate::StoreError;
use crate::location::{Location, Scheme};

/// What a client gets unless the environment names it, in the words of `object_store`. A whole request, body included,
/// may take long; silence may not.
const DEFAULTS: [(ClientConfigKey, &str, &str); 3] = [
    (ClientConfigKey::ConnectTimeout, "CONNECT_TIMEOUT", "10 seconds"),
    (ClientConfigKey::ReadTimeout, "READ_TIMEOUT", "30 seconds"),
    (ClientConfigKey::Timeout, "TIMEOUT", "10 minutes"),
];

/// Repetitions of a request that failed in a way that may pass: 429, 5xx, connections that break.
pub(crate) fn retries() -> usize {
    number_of("CORPUS_STORE_RETRIES", 10) as usize
}

fn retry_config() -> RetryConfig {
    let retry_timeout = Duration::from_secs(number_of("CORPUS_STORE_RETRY_SECONDS", 180));
    RetryConfig { backoff: backoff(), max_retries: retries(), retry_timeout }
}

fn backoff() -> BackoffConfig {
    BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: 15 * SECOND, base: 2.0 }
}

/// How long to wait before a repetition: twice as long each time, less up to a half by chance, so that many clients do
/// not come back at the same time.
pub(crate) fn pause(attempt: usize) -> Duration {
    let BackoffConfig { init_backoff, max_backoff, .. } = backoff();
    let longest = init_backoff.saturating_mul(1 << attempt.min(16)).min(max_backoff);
    let chance = RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64;
    longest.mul_f64(1.0 - chance / 2.0)
}

pub(crate) fn connect(location: &Location, query: &str) -> Result<Store, StoreError> {
    let (root, scheme) = (&location.root, location.scheme);
    let mut hub = None;
    let client: Arc<dyn ObjectStore> = match scheme {
        Scheme::S3 => Arc::new(s3(root)?),
        Scheme::Gs => Arc::new(gs(root).map_err(|error| failure::of(scheme, &error))?),
        Scheme::Az => Arc::new(az(root).map_err(|error| failure::of(scheme, &error))?),
        Scheme::Web => {
            let url = if query.is_empty() { root.clone() } else { format!("{root}/?{query}") };
            web(&url, options())?
        }
        Scheme::Hub => {
            let found = wait_for(hub::Hub::open(root))?;
            let client = web(&found.files(), found.headers(options()))?;
            hub = Some(found);
            client
        }
    };
    Ok(Store { scheme, client, hub, seen: Mutex::default() })
}

type Built<T> = object_store::Result<T>;

fn bucket(root: &str) -> &str {
    root.split_once("://").map_or(root, |(_, bucket)| bucket)
}

fn s3(root: &str) -> Result<object_store::aws::AmazonS3, StoreError> {
    let builder = AmazonS3Builder::from_env().with_bucket_name(bucket(root)).with_retry(retry_config());
    let mut builder = aws_profile::apply(builder)?;
    for (key, _, value) in DEFAULTS.into_iter().filter(|(_, name, _)| !is_set("AWS", name)) {
        builder = builder.with_config(AmazonS3ConfigKey::Client(key), value);
    }
    let endpoints = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint];
    let endpoint = endpoints.iter().find_map(|key| builder.get_config_value(key));
    if endpoint.is_some_and(|endpoint| is_this_machine(&endpoint)) {
        builder = builder.with_allow_http(true);
    }
    builder.build().map_err(|error| failure::of(Scheme::S3, &error))
}

fn gs(root: &str) -> Built<object_store::gcp::GoogleCloudStorage> {
    let mut builder =
        GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket(root)).with_retry(retry_config());
    for (key, _, value) in DEFAULTS.into_iter().filter(|(_, name, _)| !is_set("GOOGLE", name)) {
        builder = builder.with_config(GoogleConfigKey::Client(key), value);
    }
    if builder.get_config_value(&GoogleConfigKey::BaseUrl).is_some_and(|url| is_this_machine(&url)) {
        builder = builder.with_config(GoogleConfigKey::Client(ClientConfigKey::AllowHttp), "true");
    }
    builder.build()
}

fn az(root: &str) -> Built<object_store::azure::MicrosoftAzure> {
    let mut builder = MicrosoftAzureBuilder::from_env().with_url(root).with_retry(retry_config());
    for (key, _, value) in DEFAULTS.into_iter().filter(|(_, name, _)| !is_set("AZURE", name)) {
        builder = builder.with_config(AzureConfigKey::Client(key), value);
    }
    if builder.get_config_value(&AzureConfigKey::Endpoint).is_some_and(|url| is_this_machine(&url)) {
        builder = builder.with_allow_http(true);
    }
    builder.build()
}

fn is_set(prefix: &str, name: &str) -> bool {
    std::env::var_os(format!("{prefix}_{name}")).is_some()
}

fn options() -> ClientOptions {
    let options = ClientOptions::new();
    DEFAULTS.into_iter().fold(options, |options, (key, _, value)| options.with_config(key, value))
}

fn web(url: &str, options: ClientOptions) -> Result<Arc<dyn ObjectStore>, StoreError> {
    check_encrypted(url)?;
    let is_plain = url.starts_with("http://");
    let builder = HttpBuilder::new().with_url(url).with_retry(retry_config());
    let built = builder.with_client_options(options.with_allow_http(is_plain)).build();
    Ok(Arc::new(built.map_err(|error| failure::of(Scheme::Web, &error))?))
}

/// Errors: plain HTTP to another machine, unless the environment allows it.
pub(crate) fn check_encrypted(url: &str) -> Result<(), StoreError> {
    let is_allowed = || std::env::var("CORPUS_ALLOW_HTTP").is_ok_and(|flag| flag == "true");
    if !url.starts_with("http://") || is_this_machine(url) || is_allowed() {
        return Ok(());
    }
    Err(StoreError::new(
        format!("{url} is not encrypted"),
        "write https://, or set CORPUS_ALLOW_HTTP=true if the network is to be trusted",
    ))
}

/// True for an endpoint on this machine, which needs no encryption.
pub(crate) fn is_this_machine(endpoint: &str) -> bool {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let host = host.split(['/', '?']).next().unwrap_or(host);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_this_machine() {
        for here in ["http://127.0.0.1:5000", "http://localhost/x", "http://[::1]:80/", "http://127.1.2.3"] {
            assert!(is_this_machine(here), "{here}");
        }
        for other in
            ["http://127.0.0.1.example.org", "http://example.org/127.0.0.1", "http://localhost@example.org"]
        {
            assert!(!is_this_machine(other), "{other}");
        }
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        assert!(pause(1) <= Duration::from_millis(200));
        assert!(pause(9) >= 7 * SECOND && pause(60) <= 15 * SECOND);
    }
}
