//! One process at a time trains in a folder.

use crate::TrainError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Held while a process trains; the system lets go of it with the process, however that ends.
pub struct Lock {
    folder: PathBuf,
    _file: File,
}

const NAME: &str = ".lock";

impl Lock {
    /// Makes the folder if need be.
    ///
    /// # Errors
    /// When another process trains there, or the system refuses.
    pub fn take(folder: &Path) -> Result<Lock, TrainError> {
        let path = folder.join(NAME);
        let open = || {
            std::fs::create_dir_all(folder)?;
            OpenOptions::new().create(true).truncate(false).write(true).open(&path)
        };
        let file = open().map_err(TrainError::io(&path))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(TrainError::Refused(format!(
                "another process trains in {}: wait for it",
                folder.display()
            ))),
            // A file system without locks does not keep anyone from training.
            Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => {
                Err(TrainError::io(&path)(error))
            }
            _ => Ok(Lock { folder: folder.to_path_buf(), _file: file }),
        }
    }

    /// Empties the folder.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn clear(&self) -> Result<(), TrainError> {
        for entry in std::fs::read_dir(&self.folder).map_err(TrainError::io(&self.folder))? {
            let path = entry.map_err(TrainError::io(&self.folder))?.path();
            let removed = match path.is_dir() {
                true => std::fs::remove_dir_all(&path),
                false if path.ends_with(NAME) => Ok(()),
                false => std::fs::remove_file(&path),
            };
            removed.map_err(TrainError::io(&path))?;
        }
        Ok(())
    }

    /// The work is done: takes the lock's file away.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn remove(self) -> Result<(), TrainError> {
        let path = self.folder.join(NAME);
        match std::fs::remove_file(&path) {
            // Two that found it finished remove it both.
            Err(error) if error.kind() != ErrorKind::NotFound => Err(TrainError::io(&path)(error)),
            _ => Ok(()),
        }
    }
}
