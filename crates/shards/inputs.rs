//! Finds the shards: what the arguments name, in an order that does not depend on the machine.
use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use walkdir::WalkDir;

use crate::detect::{HEAD_BYTES, Kind, detect};
use crate::location::is_remote;
use crate::source::Source;
use crate::store::{self, Heads};
use crate::{InputError, Quarantined, Skipped};

/// A file of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Its place in [`Inputs::shards`].
    pub index: u32,
    pub path: PathBuf,
    /// Relative to the argument that named it, with `/`: its place in the order, and the start of default ids.
    pub relative: String,
    pub format: Format,
    pub compression: Option<Compression>,
    /// Bytes on disk.
    pub size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    Parquet,
    /// The file is one document.
    Text,
    /// The file is one page.
    Html,
    /// WARC, WET.
    Warc,
    /// What crawlers wrote before WARC.
    Arc,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    Gzip,
    Zstd,
    Lz4,
}

impl Compression {
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        }
    }
}

/// What the arguments name. Every file of it is in exactly one list, except hidden ones.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inputs {
    /// Sorted bytewise by relative path, then in the order of the arguments.
    pub shards: Vec<Shard>,
    pub skipped: Vec<Skipped>,
    pub quarantined: Vec<Quarantined>,
}

impl Inputs {
    /// Memory that reading them takes ahead of the workers: nothing, unless some lie in object stores.
    pub fn read_ahead(&self) -> u64 {
        let is_remote = self.shards.iter().any(|shard| is_remote(&shard.path));
        if is_remote { 2 * store::READ_AHEAD } else { 0 }
    }

    /// Takes out the files that hold scores of documents and no documents; they are listed as skipped.
    ///
    /// Errors: nothing is left to read.
    pub fn without_sidecars<'a>(
        mut self,
        files: impl Iterator<Item = &'a Path>,
    ) -> Result<Inputs, InputError> {
        let place = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let files: HashSet<PathBuf> = files.map(place).collect();
        let (sidecars, shards): (Vec<_>, Vec<_>) = self
            .shards
            .into_iter()
            .partition(|shard| !files.is_empty() && files.contains(&place(&shard.path)));
        self.skipped.extend(sidecars.into_iter().map(|shard| Skipped {
            path: shard.path.to_string_lossy().into_owned(),
            why: "side-car: scores that the recipe joins to the documents".to_owned(),
        }));
        self.shards = shards;
        self.shards.iter_mut().zip(0..).for_each(|(shard, index)| shard.index = index);
        self.unless_empty()
    }

    fn unless_empty(self) -> Result<Inputs, InputError> {
        let Inputs { shards, skipped, quarantined } = self;
        match shards.is_empty() {
            true => Err(InputError::NothingReadable { skipped, quarantined }),
            false => Ok(Inputs { shards, skipped, quarantined }),
        }
    }

    /// Bytes on disk of all shards.
    pub fn size(&self) -> u64 {
        self.shards.iter().map(|shard| shard.size).sum()
    }
}

/// Objects whose first bytes are asked for side by side.
const HEADS: usize = 64;

/// Folders (recursive), files and patterns, also of object stores. Hidden files, and all below `exclude` (the output), are left out.
///
/// Errors: an argument names nothing; nothing readable at all.
pub fn discover<P: AsRef<Path>>(args: &[P], exclude: &[PathBuf]) -> Result<Inputs, InputError> {
    let remote: Vec<PathBuf> = exclude.iter().filter(|path| is_remote(path)).cloned().collect();
    let exclude: Vec<PathBuf> = exclude.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let mut inputs = Inputs::default();
    let mut found = Vec::new();
    for (argument, path) in args.iter().enumerate() {
        let path = path.as_ref();
        let search = Search { argument, exclude: &exclude };
        if is_remote(path) {
            let objects = store::find(path, &remote)?.into_iter();
            found.extend(objects.map(|object| Candidate {
                relative: object.relative,
                argument,
                path: object.path,
            }));
        } else if path.is_dir() {
            search.walk(path, None, &mut found, &mut inputs.quarantined);
        } else if path.symlink_metadata().is_ok() {
            let relative = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.push(Candidate { relative, argument, path: path.to_path_buf() });
        } else {
            let (root, pattern) =
                split_pattern(path).ok_or_else(|| InputError::NotFound(path.to_path_buf()))?;
            let before = found.len();
            search.walk(&root, Some(&pattern?), &mut found, &mut inputs.quarantined);
            if found.len() == before {
                return Err(InputError::NotFound(path.to_path_buf()));
            }
        }
    }
    found.sort_by(|a, b| a.relative.as_bytes().cmp(b.relative.as_bytes()).then(a.argument.cmp(&b.argument)));
    let mut seen = HashSet::new();
    let mut found = found.into_iter();
    while !found.as_slice().is_empty() {
        let some = found.as_slice().iter().take(HEADS).map(|candidate| candidate.path.as_path());
        let _heads = Heads::fetch(some.filter(|path| is_remote(path)), HEAD_BYTES);
        for candidate in found.by_ref().take(HEADS) {
            let same = match is_remote(&candidate.path) {
                true => !seen.insert(candidate.path.clone()),
                false => candidate.path.canonicalize().is_ok_and(|path| !seen.insert(path)),
            };
            inputs.add(candidate, same);
        }
    }
    let streams = inputs.shards.iter().filter(|shard| shard.format != Format::Parquet);
    store::read_in_order(streams.map(|shard| shard.path.as_path()).filter(|path| is_remote(path)));
    inputs.quarantined.sort_by(|a, b| a.path.cmp(&b.path));
    inputs.unless_empty()
}

struct Candidate {
    relative: String,
    argument: usize,
    path: PathBuf,
}

impl Inputs {
    fn add(&mut self, candidate: Candidate, same: bool) {
        let Candidate { relative, path, .. } = candidate;
        let shown = path.to_string_lossy().into_owned();
        if same {
            return self.skipped.push(Skipped { path: shown, why: "named twice".to_owned() });
        }
        let found = size_of(&path).and_then(|size| Ok((size, detect(&path)?)));
        match found {
            Ok((size, Kind::Shard(format, compression))) => {
                let index = self.shards.len() as u32;
                self.shards.push(Shard { index, path, relative, format, compression, size });
            }
            Ok((_, Kind::Skipped(why))) => self.skipped.push(Skipped { path: shown, why }),
            Ok((_, Kind::Quarantined { why, remedy })) => self.quarantine(shown, why, remedy),
            Err(error) => {
                self.quarantine(shown, error.to_string(), "check that the file exists and may be read")
            }
        }
    }

    fn quarantine(&mut self, path: String, why: String, remedy: &str) {
        self.quarantined.push(Quarantined { path, why, offset: None, remedy: remedy.to_owned() });
    }
}

struct Search<'a> {
    argument: usize,
    exclude: &'a [PathBuf],
}

impl Search<'_> {
    fn walk(
        &self,
        root: &Path,
        pattern: Option<&GlobMatcher>,
        found: &mut Vec<Candidate>,
        quarantined: &mut Vec<Quarantined>,
    ) {
        let wanted = |entry: &walkdir::DirEntry| {
            entry.depth() == 0
                || !(is_hidden(entry.file_name())
                    || entry.file_type().is_dir() && self.is_excluded(entry.path()))
        };
        let entries = WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter();
        for entry in entries.filter_entry(wanted) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => {
                    let below = entry.path().strip_prefix(root).unwrap_or(entry.path());
                    if pattern.is_none_or(|pattern| matches_below(pattern, below)) {
                        let relative = with_slashes(below);
                        found.push(Candidate { relative, argument: self.argument, path: entry.into_path() });
                    }
                }
                Err(error) => quarantined.push(Quarantined {
                    path: error.path().unwrap_or(root).to_string_lossy().into_owned(),
                    why: error.to_string(),
                    offset: None,
                    remedy: "check that the file or folder exists and may be read".to_owned(),
                }),
            }
        }
    }

    fn is_excluded(&self, folder: &Path) -> bool {
        !self.exclude.is_empty() && folder.canonicalize().is_ok_and(|folder| self.exclude.contains(&folder))
    }
}

fn size_of(path: &Path) -> std::io::Result<u64> {
    match is_remote(path) {
        true => Source::open(path)?.size(),
        false => Ok(path.metadata()?.len()),
    }
}

/// A pattern that matches a folder means all in it.
pub(crate) fn matches_below(pattern: &GlobMatcher, below: &Path) -> bool {
    below.ancestors().any(|path| path != Path::new("") && pattern.is_match(path))
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn with_slashes(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// The folder before the first special character, and the pattern below it; none if there is no such character.
pub(crate) fn split_pattern(path: &Path) -> Option<(PathBuf, Result<GlobMatcher, InputError>)> {
    let whole = path.to_str()?;
    let special = whole.find(['*', '?', '[', '{'])?;
    let cut = whole[..special].rfind('/').map_or(0, |slash| slash + 1);
    let root = if cut == 0 { PathBuf::from(".") } else { PathBuf::from(&whole[..cut]) };
    let pattern = GlobBuilder::new(&whole[cut..]).literal_separator(true).build();
    let matcher = pattern
        .map(|glob| glob.compile_matcher())
        .map_err(|source| InputError::Pattern { pattern: whole.to_owned(), source });
    Some((root, matcher))
}
