//! What an address names: one object, all below a folder, or those that match a pattern.
use std::path::{Path, PathBuf};

use futures_util::TryStreamExt;
use object_store::path::Path as Key;

use super::{Seen, Store, client, failure, location, wait_for};
use crate::InputError;
use crate::error::{StoreError, StoreErrorKind};
use crate::inputs::{matches_below, split_pattern};
use crate::location::{Location, Scheme};

/// An object, as an argument names it.
pub(crate) struct Found {
    /// Below the argument, as of a file in a folder.
    pub relative: String,
    /// The address, with the key as it is.
    pub path: PathBuf,
}

/// Errors: no such object or folder; a store that cannot be reached or refuses.
pub(crate) fn find(argument: &Path, exclude: &[PathBuf]) -> Result<Vec<Found>, InputError> {
    let wrong = |source| InputError::Store { url: argument.to_path_buf(), source };
    let found = location(argument).and_then(|location| Ok((Store::of(&location)?, location)));
    let ((store, key), location) = found.map_err(wrong)?;
    let is_folder = location.key.is_empty() || location.key.ends_with('/');
    if location.scheme == Scheme::Web && is_folder {
        return Err(wrong(StoreError::new(
            "a folder cannot be listed over the web".to_owned(),
            "name the files, or give the s3://, gs://, az:// or hf:// address of the folder",
        )));
    }
    if !is_folder {
        match wait_for(store.look(&key)) {
            Ok(_) => {
                let relative = key.filename().unwrap_or_default().to_owned();
                return Ok(vec![Found { relative, path: argument.to_path_buf() }]);
            }
            Err(error) if error.kind == StoreErrorKind::Absent && location.scheme != Scheme::Web => {}
            Err(error) => return Err(wrong(error)),
        }
    }
    let exclude = exclude.iter().filter_map(|path| Location::of(path));
    let exclude: Vec<String> =
        exclude.filter(|other| other.root == location.root).map(|other| folder_of(&other.key)).collect();
    let list = |folder: &str| wait_for(store.list(folder)).map_err(wrong);
    let mut found = below(&list(&folder_of(&location.key))?, &location, &folder_of(&location.key), &exclude);
    if found.is_empty()
        && let Some((root, pattern)) = split_pattern(argument)
        && let Some(root) = Location::of(&root)
    {
        let pattern = pattern?;
        found = below(&list(&root.key)?, &location, &root.key, &exclude);
        found.retain(|object| matches_below(&pattern, Path::new(&object.relative)));
    }
    match found.is_empty() {
        true => Err(InputError::NoObject(argument.to_path_buf())),
        false => Ok(found),
    }
}

/// A prefix of keys: empty for all, else with a slash at the end.
fn folder_of(key: &str) -> String {
    match key.trim_end_matches('/') {
        "" => String::new(),
        key => format!("{key}/"),
    }
}

/// What lies in a folder, less hidden and excluded objects, and those that only stand for a folder.
fn below(keys: &[(Key, u64)], location: &Location, folder: &str, exclude: &[String]) -> Vec<Found> {
    let mut found = Vec::new();
    for (index, (key, size)) in keys.iter().enumerate() {
        let key = key.as_ref();
        let Some(relative) = key.strip_prefix(folder).filter(|relative| !relative.is_empty()) else {
            continue;
        };
        let is_hidden = relative.split('/').any(|part| part.starts_with('.'));
        let stands_for_folder = *size == 0
            && keys[index + 1..]
                .iter()
                .map(|(next, _)| next.as_ref())
                .take_while(|next| next.starts_with(key))
                .any(|next| next[key.len()..].starts_with('/'));
        let is_excluded = exclude.iter().any(|folder| key.starts_with(folder.as_str()));
        if !(is_hidden || stands_for_folder || is_excluded) {
            found.push(Found { relative: relative.to_owned(), path: location.url(key).into() });
        }
    }
    found
}

impl Store {
    /// Keys and sizes below a folder, sorted; what was listed is known from then on.
    async fn list(&self, folder: &str) -> Result<Vec<(Key, u64)>, StoreError> {
        let folder = folder.trim_end_matches('/');
        let mut keys = Vec::new();
        if let Some(hub) = &self.hub {
            for (key, seen) in hub.list(folder).await? {
                keys.push((key.clone(), self.see(&key, seen).size));
            }
        } else {
            let prefix = Key::parse(folder).map_err(|error| failure::of(self.scheme, &error.into()))?;
            let prefix = (!folder.is_empty()).then_some(prefix);
            let mut attempt = 0;
            while let Err(error) = self.list_on(prefix.as_ref(), &mut keys).await {
                attempt += 1;
                // Requests are repeated inside, answers that break off are not.
                if attempt > client::retries() || !failure::breaks_off(&error) {
                    return Err(failure::of(self.scheme, &error));
                }
                tokio::time::sleep(client::pause(attempt)).await;
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }

    /// Lists what lies behind the keys that are there already.
    async fn list_on(
        &self,
        prefix: Option<&Key>,
        keys: &mut Vec<(Key, u64)>,
    ) -> Result<(), object_store::Error> {
        // Stores list in order of keys.
        let mut listed = match keys.iter().map(|(key, _)| key).max() {
            Some(last) => self.client.list_with_offset(prefix, last),
            None => self.client.list(prefix),
        };
        while let Some(meta) = listed.try_next().await? {
            let seen = self.see(&meta.location, Seen::new(&meta));
            keys.push((meta.location, seen.size));
        }
        Ok(())
    }
}
