//! Bytes from a file of this machine or an object of a store, by the path that names them.
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

use crate::location::is_remote;
use crate::store::{BlockReader, Object};
use crate::{Fault, ShardError};

pub(crate) enum Source {
    File(File),
    Object(Box<Object>),
}

impl Source {
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_at(path, 0)
    }

    /// To be read from a place on.
    pub fn open_at(path: &Path, at: u64) -> io::Result<Self> {
        if is_remote(path) {
            return Ok(Self::Object(Box::new(Object::open_at(path, at)?)));
        }
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(at))?;
        Ok(Self::File(file))
    }

    /// Its size now; of an object, when it was first seen.
    pub fn size(&self) -> io::Result<u64> {
        match self {
            Self::File(file) => Ok(file.metadata()?.len()),
            Self::Object(object) => Ok(object.len()),
        }
    }

    /// The same bytes, once more.
    pub fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::File(file) => Ok(Self::File(file.try_clone()?)),
            Self::Object(object) => Ok(Self::Object(Box::new(object.again()))),
        }
    }

    /// Why the store did not give a block of it.
    pub fn failure(&self, path: &Path) -> Option<ShardError> {
        match self {
            Self::File(_) => None,
            Self::Object(object) => {
                object.blocks().failure().map(|error| ShardError::new(path, None, Fault::Store(error)))
            }
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Object(object) => object.read(buffer),
        }
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        self.size().unwrap_or(0)
    }
}

impl ChunkReader for Source {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        match self {
            Self::File(file) => Ok(Box::new(Within(file.get_read(start)?))),
            Self::Object(object) => {
                Ok(Box::new(Within(BlockReader { blocks: object.blocks().clone(), at: start })))
            }
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        match self {
            Self::File(file) => file.get_bytes(start, length),
            Self::Object(object) => {
                let bytes = object.blocks().bytes(start, length);
                let bytes = bytes.map_err(|error| ParquetError::External(Box::new(error)))?;
                match bytes.len() == length {
                    true => Ok(bytes),
                    false => Err(ParquetError::EOF(format!("{length} bytes wanted, {} there", bytes.len()))),
                }
            }
        }
    }
}

/// No end is a place to read from: a damaged page header may name millions of values to be passed over, each of which
/// would be nothing behind the end, and no error.
struct Within<R>(R);

impl<R: Read> Read for Within<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 if !buffer.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            n => Ok(n),
        }
    }
}

/// A small file or object, whole.
pub fn read_file(path: &Path) -> Result<Vec<u8>, ShardError> {
    let mut bytes = Vec::new();
    Source::open(path)
        .and_then(|mut source| source.read_to_end(&mut bytes))
        .map_err(|error| ShardError::io(path, "read it", error))?;
    Ok(bytes)
}
