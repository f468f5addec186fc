//! Who works on `out/`: one run alone, or several sweeps that share it.
//!
//! Locks are `flock`s on files under `.work`; the system lets go of them with the process, however it ends. On Linux
//! they hold across the machines of an NFS mount too (unless it says `local_lock` or `nolock`), and on Lustre and other
//! file systems mounted with `flock`. Where a file system has no locks at all, a warning says so and the run goes on.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::EngineError;
use crate::share::Share;

/// Held while a run works on `out/`.
pub(crate) struct Lock {
    work: PathBuf,
    /// Exclusively, or in common with other sweeps.
    run: File,
    /// Of this share.
    _share: Option<File>,
}

impl Lock {
    /// Takes the lock, or says who has it. `prepare` is done while no other run comes or goes; it is told whether this
    /// one is alone.
    pub fn take<T>(
        out: &Path,
        share: Option<Share>,
        prepare: impl FnOnce(bool) -> Result<T, EngineError>,
    ) -> Result<(Lock, T), EngineError> {
        let work = out.join(".work");
        let _door = door(&work)?;
        let path = work.join("lock");
        let run = open(&path).map_err(EngineError::io(&path))?;
        let locked = |path| EngineError::Locked { out: out.to_path_buf(), lock: path };
        let is_alone = is_taken(run.try_lock(), &path)?;
        if !is_alone && (share.is_none() || !is_taken(run.try_lock_shared(), &path)?) {
            return Err(locked(path));
        }
        let own = match share {
            None => None,
            Some(share) => {
                let path = work.join(format!("share-{}.lock", share.number));
                let own = open(&path).map_err(EngineError::io(&path))?;
                if !is_taken(own.try_lock(), &path)? {
                    return Err(locked(path));
                }
                Some(own)
            }
        };
        let prepared = prepare(is_alone)?;
        if own.is_some() {
            // Whoever wants it alone waits at the door.
            is_taken(run.try_lock_shared(), &path)?;
        }
        Ok((Lock { work, run, _share: own }, prepared))
    }

    /// Does something while no other run comes or goes.
    pub fn at_the_door<T>(&self, work: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
        let _door = door(&self.work)?;
        work()
    }

    /// After a sweep: the lock, held alone from now on, if everything is swept and no other sweep is at work. The last
    /// of several sweeps to ask gets it.
    pub fn alone(
        self,
        is_all_swept: impl FnOnce() -> Result<bool, EngineError>,
    ) -> Result<Option<Lock>, EngineError> {
        let _door = door(&self.work)?;
        if is_all_swept()? && is_taken(self.run.try_lock(), &self.work)? {
            return Ok(Some(self));
        }
        // Let go before the door opens, so that the next to ask finds itself alone.
        drop(self);
        Ok(None)
    }

    /// Removes the work folder: the run is complete.
    pub fn remove_work(self) -> Result<(), EngineError> {
        let door = door(&self.work)?;
        let work = self.work.clone();
        for entry in fs::read_dir(&work).map_err(EngineError::io(&work))? {
            let path = entry.map_err(EngineError::io(&work))?.path();
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { Ok(()) };
            removed.map_err(EngineError::io(&path))?;
        }
        // The files last: a run that is killed here leaves the locks to the next one.
        for entry in fs::read_dir(&work).map_err(EngineError::io(&work))? {
            let path = entry.map_err(EngineError::io(&work))?.path();
            fs::remove_file(&path).map_err(EngineError::io(&path))?;
        }
        // Closed first, since NFS keeps open files under another name. Another run may be at the door again: then the
        // folder is its own.
        drop((self, door));
        let _ = fs::remove_dir(&work);
        Ok(())
    }
}

/// Waits until no other run comes or goes.
fn door(work: &Path) -> Result<File, EngineError> {
    let path = work.join("door");
    loop {
        fs::create_dir_all(work).map_err(EngineError::io(work))?;
        let door = match open(&path) {
            // A run that is complete has removed the folder just now.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            door => door.map_err(EngineError::io(&path))?,
        };
        is_taken(door.lock().map_err(TryLockError::Error), &path)?;
        let held = door.metadata().map_err(EngineError::io(&path))?;
        match fs::metadata(&path) {
            Ok(found) if (found.dev(), found.ino()) == (held.dev(), held.ino()) => return Ok(door),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(EngineError::io(path)(error)),
        }
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    // A common lock over NFS wants a file that can be read, one that is held alone a file that can be written.
    OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)
}

/// Whether the lock was given.
fn is_taken(result: Result<(), TryLockError>, path: &Path) -> Result<bool, EngineError> {
    /// "No locks available": the answer of an NFS mount whose server has no lock service.
    const ENOLCK: i32 = 37;
    match result {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error))
            if error.kind() == ErrorKind::Unsupported || error.raw_os_error() == Some(ENOLCK) =>
        {
            let path = path.display();
            tracing::warn!("{path}: this file system has no locks ({error}): see that no other run uses it");
            Ok(true)
        }
        Err(TryLockError::Error(error)) => Err(EngineError::io(path)(error)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn take(out: &Path, share: Option<(u32, u32)>) -> Result<(Lock, bool), EngineError> {
        Lock::take(out, share.map(|(number, of)| Share { number, of }), Ok)
    }

    #[test]
    fn a_run_is_alone_and_sweeps_of_different_shares_are_not() {
        let out = tempfile::tempdir().unwrap();
        let (whole, is_alone) = take(out.path(), None).unwrap();
        assert!(is_alone);
        for share in [None, Some((1, 2))] {
            assert!(matches!(take(out.path(), share), Err(EngineError::Locked { .. })));
        }
        drop(whole);
        let (first, is_alone) = take(out.path(), Some((1, 2))).unwrap();
        assert!(is_alone);
        let (second, is_alone) = take(out.path(), Some((2, 2))).unwrap();
        assert!(!is_alone);
        for share in [None, Some((1, 2)), Some((2, 2))] {
            assert!(matches!(take(out.path(), share), Err(EngineError::Locked { .. })));
        }
        // The first to be done leaves; the last one goes on alone.
        assert!(first.alone(|| Ok(true)).unwrap().is_none());
        let last = second.alone(|| Ok(true)).unwrap().unwrap();
        assert!(matches!(take(out.path(), None), Err(EngineError::Locked { .. })));
        last.remove_work().unwrap();
        assert!(!out.path().join(".work").exists());
    }

    #[test]
    fn what_is_not_swept_keeps_everyone_from_going_on() {
        let out = tempfile::tempdir().unwrap();
        let (only, _) = take(out.path(), Some((1, 2))).unwrap();
        assert!(only.alone(|| Ok(false)).unwrap().is_none());
        assert!(take(out.path(), None).unwrap().1);
    }
}
