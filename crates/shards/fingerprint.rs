//! The identity of a file: its size and the XXH3-128 hash of its bytes.
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::location::is_remote;
use crate::{Fault, ShardError, store};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Bytes as they lie on disk.
    pub size: u64,
    /// 32 hexadecimal digits: of the bytes, or of `version`.
    pub xxh3_128: String,
    /// What an object's store says of its version, so that nothing need be read: an ETag, a hash, a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Reads the whole file in constant memory; of an object only what its store knows.
pub fn fingerprint(path: &Path) -> Result<Fingerprint, ShardError> {
    if is_remote(path) {
        let found = store::identity(path);
        let (size, version) = found.map_err(|error| ShardError::new(path, None, Fault::Store(error)))?;
        return Ok(Fingerprint { size, xxh3_128: hash_bytes(version.as_bytes()), version: Some(version) });
    }
    let mut file = File::open(path).map_err(|source| ShardError::io(path, "open it", source))?;
    let mut hasher = Xxh3::new();
    let mut buffer = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => {
                return Ok(Fingerprint { size, xxh3_128: hex(hasher.digest128()), version: None });
            }
            Ok(n) => {
                hasher.update(&buffer[..n]);
                size += n as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(source) => return Err(ShardError::io(path, "read it", source)),
        }
    }
}

/// The same hash of bytes in memory, for example of a resolved recipe.
pub fn hash_bytes(bytes: &[u8]) -> String {
    hex(xxh3_128(bytes))
}

pub(crate) fn hex(hash: u128) -> String {
    format!("{hash:032x}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn streaming_equals_hashing_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let bytes: Vec<u8> = (0..2_500_000u32).map(|i| (i * 7 + i / 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(
            fingerprint(&path).unwrap(),
            Fingerprint { size: 2_500_000, xxh3_128: hash_bytes(&bytes), version: None }
        );
        // The published hash of nothing: https://github.com/Cyan4973/xxHash (XXH3 128 bits, no seed).
        assert_eq!(hash_bytes(b""), "99aa06d3014798d86001c324468d497f");
    }
}
