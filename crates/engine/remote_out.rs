//! A run whose output is an object store: it works in a folder of this machine, then sends what is finished, the
//! manifest last.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use plan::Plan;
use shards::{AtomicFile, Created, Manifest, Publication, RemoteFolder};

use crate::clean::clean_folder;
use crate::error::EngineError;
use crate::events::{Ended, Event, Outcome, Phase, Progress};
use crate::options::CleanOptions;

/// Its place in the store says that a run works on it.
const LOCK: &str = "corpus.lock";
const MANIFEST: &str = "manifest.json";
const REPORT: &str = "report.json";

pub(crate) fn clean(
    plan: &Plan,
    options: &CleanOptions,
    tell: &(dyn Fn(Event) + Sync),
) -> Result<Ended, EngineError> {
    if options.share.is_some() {
        return Err(EngineError::ShareRemote(options.out.clone()));
    }
    let remote = RemoteFolder::open(&options.out)?;
    let scratch = Scratch::open(options)?;
    let run = |out: PathBuf| {
        let inner = CleanOptions { out: out.clone(), ..options.clone() };
        let exclude = [options.out.clone(), scratch.folder.clone()];
        clean_folder(plan, &inner, &exclude, tell).map_err(|error| match error {
            EngineError::OtherRun { path, what } if path == out => {
                EngineError::OtherRun { path: options.out.clone(), what }
            }
            EngineError::OtherUnfinished { path, what } if path == out => {
                EngineError::OtherUnfinished { path: options.out.clone(), what }
            }
            other => other,
        })
    };
    let mut found = finished(&remote)?;
    if found.is_none() || options.fresh {
        let lock = Lock::take(&remote, &scratch)?;
        // Another run may have ended just before.
        found = finished(&remote)?;
        if found.is_none() || options.fresh {
            let outcome = match run(scratch.out()) {
                Err(error) => {
                    let has = |name: &str| scratch.out().join(name).exists();
                    if !has(".work") && !has(MANIFEST) {
                        // Nothing was begun.
                        lock.release()?;
                        scratch.remove()?;
                    }
                    return Err(error);
                }
                Ok(Ended::Finished(outcome)) => outcome,
                Ok(swept) => return Ok(swept),
            };
            publish(&remote, &scratch, found.as_ref(), &outcome.manifest, options, tell)?;
            lock.release()?;
            scratch.remove()?;
            return Ok(Ended::Finished(Box::new(Outcome { was_done: false, ..*outcome })));
        }
        lock.release()?;
    }
    // The run that stands in the store is compared as if it stood here.
    let stand_in = scratch.stand_in(&remote)?;
    let outcome = run(stand_in.clone());
    fs::remove_dir_all(&stand_in).map_err(EngineError::io(&stand_in))?;
    if !scratch.out().exists() {
        scratch.remove()?;
    }
    outcome
}

/// The manifest of a finished run.
fn finished(remote: &RemoteFolder) -> Result<Option<Manifest>, EngineError> {
    let found = remote.read(MANIFEST)?;
    let found: Option<Manifest> = found.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Ok(found.filter(|manifest| manifest.complete))
}

/// Replaces what an older manifest lists by what the new one lists. Until the new manifest is there, nothing is finished.
fn publish(
    remote: &RemoteFolder,
    scratch: &Scratch,
    old: Option<&Manifest>,
    new: &Manifest,
    options: &CleanOptions,
    tell: &(dyn Fn(Event) + Sync),
) -> Result<(), EngineError> {
    let mut sent = scratch.sent()?;
    let wanted: HashMap<&str, &str> =
        (new.outputs.iter()).map(|output| (output.path.as_str(), output.xxh3_128.as_str())).collect();
    let mut gone = Vec::new();
    if let Some(old) = old {
        gone.push(MANIFEST.to_owned());
        gone.extend(old.outputs.iter().map(|output| output.path.clone()));
    }
    if old.is_some() || remote.takes_commits() {
        sent.clear();
    }
    gone.extend(sent.keys().filter(|name| !wanted.contains_key(name.as_str())).cloned());
    // Files without a hash hold times: those of this run belong to its manifest.
    sent.retain(|name, hash| !hash.is_empty() && wanted.get(name.as_str()) == Some(&hash.as_str()));
    let mut list = scratch.sent_list(&sent)?;
    let size = |name: &str| fs::metadata(scratch.out().join(name)).map_or(0, |metadata| metadata.len());
    let total_bytes = wanted.keys().map(|name| size(name)).sum::<u64>() + size(MANIFEST);
    let mut done_bytes = sent.keys().map(|name| size(name)).sum();
    let left = new.outputs.iter().map(|output| output.path.clone());
    let mut left: Vec<String> = left.filter(|name| !sent.contains_key(name)).collect();
    left.push(MANIFEST.to_owned());
    let show = |done_bytes| {
        let progress = Progress { phase: Phase::Upload, done_bytes, total_bytes, documents: 0, kept: 0 };
        tell(Event::Progress(progress));
    };
    show(done_bytes);
    let mut failed = None;
    let (folder, stop) = (&scratch.out(), &*options.stop);
    let what = Publication { folder, names: &left, gone: &gone, lock: LOCK, stop };
    let is_whole = remote.publish(&what, &mut |name, bytes| {
        // Lost, this line only costs the time to send the file again.
        let line = writeln!(list, "{}\t{name}", wanted.get(name).unwrap_or(&""));
        failed = failed.take().or(line.err());
        done_bytes += bytes;
        show(done_bytes);
    })?;
    match failed {
        Some(error) => Err(EngineError::io(scratch.list_path())(error)),
        None if is_whole => Ok(()),
        None => Err(EngineError::Stopped),
    }
}

/// The folder of this machine where a run works until it is sent. The same address finds the same folder, so that a
/// stopped run goes on.
struct Scratch {
    folder: PathBuf,
    /// Held: the system releases it with the process.
    _lock: File,
}

impl Scratch {
    fn open(options: &CleanOptions) -> Result<Scratch, EngineError> {
        let url = options.out.to_string_lossy();
        let url = url.trim_end_matches('/');
        let base = options.scratch.clone().unwrap_or_else(std::env::temp_dir);
        let folder = base.join(format!("corpus-{}", &shards::hash_bytes(url.as_bytes())[..16]));
        let private = {
            use std::os::unix::fs::DirBuilderExt;
            fs::create_dir_all(&base).and_then(|()| fs::DirBuilder::new().mode(0o700).create(&folder))
        };
        match private {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(EngineError::io(&folder)(error)),
            _ => Ok(()),
        }?;
        let path = folder.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = file.map_err(EngineError::io(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Scratch { folder, _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => {
                Err(EngineError::Locked { out: options.out.clone(), lock: path })
            }
            Err(fs::TryLockError::Error(error)) => Err(EngineError::io(path)(error)),
        }
    }

    fn out(&self) -> PathBuf {
        self.folder.join("out")
    }

    /// A folder with manifest and report of the run that stands in the store.
    fn stand_in(&self, remote: &RemoteFolder) -> Result<PathBuf, EngineError> {
        let folder = self.folder.join("found");
        for name in [MANIFEST, REPORT] {
            if let Some(bytes) = remote.read(name)? {
                AtomicFile::write_all_of(&folder.join(name), &bytes)?;
            }
        }
        Ok(folder)
    }

    /// Who holds the lock in the store: the same for every run from this folder.
    fn owner(&self, is_public: bool) -> Result<String, EngineError> {
        let path = self.folder.join("owner");
        match fs::read_to_string(&path) {
            Ok(owner) if !owner.is_empty() => return Ok(owner),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(EngineError::io(path)(error)),
            _ => {}
        }
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let mut owner = format!(
            "process {} on {} at {seconds} s of Unix time, working in {}",
            std::process::id(),
            host.trim(),
            self.folder.display()
        );
        if is_public {
            let hash = shards::hash_bytes(owner.as_bytes());
            owner = format!("run {} of another machine or folder, at {seconds} s of Unix time", &hash[..16]);
        }
        AtomicFile::write_all_of(&path, owner.as_bytes())?;
        Ok(owner)
    }

    fn list_path(&self) -> PathBuf {
        self.folder.join("sent")
    }

    /// Files that an earlier, interrupted run has sent already, with their hashes.
    fn sent(&self) -> Result<HashMap<String, String>, EngineError> {
        let path = self.list_path();
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            text => text.map_err(EngineError::io(path))?,
        };
        // Of a killed run the last line may lack its end.
        let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        let pairs = whole.filter_map(|line| line.split_once('\t'));
        Ok(pairs.map(|(hash, name)| (name.to_owned(), hash.to_owned())).collect())
    }

    /// The list of what is sent, begun again with what stays.
    fn sent_list(&self, sent: &HashMap<String, String>) -> Result<File, EngineError> {
        let lines: String = sent.iter().map(|(name, hash)| format!("{hash}\t{name}\n")).collect();
        let path = self.list_path();
        AtomicFile::write_all_of(&path, lines.as_bytes())?;
        OpenOptions::new().append(true).open(&path).map_err(EngineError::io(path))
    }

    /// All was sent.
    fn remove(&self) -> Result<(), EngineError> {
        fs::remove_dir_all(&self.folder).map_err(EngineError::io(&self.folder))
    }
}

/// Keeps runs of other machines away. It outlives a killed run, so that nothing gets between that and the run that goes
/// on; only a run from the same folder passes it.
struct Lock<'a> {
    remote: &'a RemoteFolder,
}

impl<'a> Lock<'a> {
    fn take(remote: &'a RemoteFolder, scratch: &Scratch) -> Result<Lock<'a>, EngineError> {
        // History keeps what was committed, and anybody may read it.
        let owner = scratch.owner(remote.takes_commits())?;
        match remote.create(LOCK, owner.as_bytes())? {
            Created::Now => {}
            Created::Before(found) if found == owner.as_bytes() => {}
            Created::Before(found) => {
                return Err(EngineError::LockedRemote {
                    out: remote.url().to_path_buf(),
                    lock: remote.url().join(LOCK),
                    owner: String::from_utf8_lossy(&found).into_owned(),
                });
            }
            Created::Untold => tracing::warn!(
                "{} cannot tell who comes first: take care that no other machine writes there",
                remote.url().display()
            ),
        }
        Ok(Lock { remote })
    }

    fn release(self) -> Result<(), EngineError> {
        Ok(self.remote.remove(LOCK)?)
    }
}
