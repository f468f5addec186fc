//! What stores answer when they do not give what was asked for, in words and with a remedy.
use std::error::Error;

use crate::error::{NO_ANSWER, StoreError, StoreErrorKind};
use crate::location::Scheme;

/// More of an answer says no more.
const LONGEST: usize = 300;

pub(crate) fn of(scheme: Scheme, error: &object_store::Error) -> StoreError {
    use object_store::Error as E;
    let told = told(error);
    let is_unsigned = told.contains("169.254.169.254") || told.contains("metadata.google.internal");
    let (why, remedy) = match error {
        _ if told.contains("NoSuchBucket") || told.contains("ContainerNotFound") => (
            "there is no such bucket".to_owned(),
            "check its name, and the endpoint if it is not the default one",
        ),
        E::NotFound { .. } => ("there is no such object".to_owned(), "check the address"),
        E::Precondition { .. } | E::NotModified { .. } => return changed(),
        E::PermissionDenied { .. } | E::Unauthenticated { .. } => {
            (format!("the store refuses access ({})", reason(&told)), credentials(scheme))
        }
        _ if told.contains("must be specified") => {
            (format!("something is not set ({})", reason(&told)), credentials(scheme))
        }
        _ if is_unsigned => (format!("no credentials were found ({})", reason(&told)), credentials(scheme)),
        E::NotSupported { .. } => (
            "the server does not give ranges of a file".to_owned(),
            "download it first: this kind of file is read in parts",
        ),
        E::InvalidPath { .. } => (
            format!("a key cannot be read ({})", reason(&told)),
            "name the objects with a pattern that leaves it out, or rename it",
        ),
        _ if told.contains("301 Moved Permanently") || told.contains("PermanentRedirect") => (
            format!("the bucket lies in another region ({})", reason(&told)),
            "set AWS_REGION to that of the bucket",
        ),
        _ if is_outage(&told) => return outage(format!("{NO_ANSWER} ({})", reason(&told))),
        _ => (format!("the store cannot be read or written ({})", reason(&told)), UNREACHABLE),
    };
    let kind = match error {
        _ if told.contains("NoSuchBucket") || told.contains("ContainerNotFound") => StoreErrorKind::Other,
        E::NotFound { .. } => StoreErrorKind::Absent,
        E::NotSupported { .. } => StoreErrorKind::NoRanges,
        _ => StoreErrorKind::Other,
    };
    StoreError { kind, ..StoreError::new(why, remedy) }
}

pub(crate) const UNREACHABLE: &str =
    "check address and network, then run again; with --fresh, if the run has ended without it";

pub(crate) fn outage(why: String) -> StoreError {
    StoreError { kind: StoreErrorKind::Outage, ..StoreError::new(why, "check address and network") }
}

/// True if no answer came, or one that says that the server cannot now.
fn is_outage(told: &str) -> bool {
    ["error sending request", "status code: 429", "status code: 5"].iter().any(|words| told.contains(words))
}

/// True if an answer began well and ended early.
pub(crate) fn breaks_off(error: &object_store::Error) -> bool {
    let told = told(error);
    matches!(error, object_store::Error::Generic { .. })
        && (told.contains(" body") || told.contains("end of file"))
}

pub(crate) fn changed() -> StoreError {
    StoreError::new(
        "the object changed after it was listed".to_owned(),
        "run again when nothing writes to it",
    )
}

pub(crate) fn short(at: u64, end: u64) -> StoreError {
    outage(format!("{NO_ANSWER} behind byte {at}: it breaks off again and again; {end} were promised"))
}

/// What of the environment lets in.
pub(crate) fn credentials(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::S3 => {
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (AWS_SKIP_SIGNATURE=true for a public bucket), AWS_REGION, and AWS_ENDPOINT_URL where it is not Amazon's"
        }
        Scheme::Gs => {
            "set GOOGLE_APPLICATION_CREDENTIALS to the key of a service account (GOOGLE_SKIP_SIGNATURE=true for a public bucket)"
        }
        Scheme::Az => {
            "set AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_KEY (AZURE_SKIP_SIGNATURE=true for a public container)"
        }
        Scheme::Web => "check that the address opens in a browser; a signed one may have expired",
        Scheme::Hub => "set HF_TOKEN, and accept the terms of the data set on its page where it has some",
    }
}

/// An error with its causes, each said once.
pub(crate) fn told(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !told.contains(&text) {
            told += ": ";
            told += &text;
        }
        cause = error.source();
    }
    told
}

/// What matters of it: on one line, without what the retries were.
pub(crate) fn reason(told: &str) -> String {
    let told = told.split_once(" - ").map_or(told, |(_, reason)| reason);
    let line = told.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
