//! Model files: read whole, into memory of large pages where the system has them.
use std::io::{self, Read};
use std::path::Path;

use document::FileBytes;
use memmap2::MmapMut;

use crate::source::Source;

/// Reads a model. Its rows are met in no order, so that with small pages looking up addresses takes as long as
/// reading does.
pub fn read_model(path: &Path) -> io::Result<FileBytes> {
    let mut file = Source::open(path)?;
    let size = usize::try_from(file.size()?).map_err(io::Error::other)?;
    if size == 0 {
        return Ok(FileBytes::new(Vec::new()));
    }
    let mut memory = MmapMut::map_anon(size)?;
    // What the system does not grant only costs time.
    #[cfg(target_os = "linux")]
    let _ = memory.advise(memmap2::Advice::HugePage);
    file.read_exact(&mut memory)?;
    Ok(FileBytes::new(memory))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        for size in [0, 1, 5_000_000] {
            let content: Vec<u8> = (0..size).map(|i| (i * i / 7) as u8).collect();
            let path = folder.path().join("model");
            std::fs::write(&path, &content).unwrap();
            assert!(*read_model(&path).unwrap() == *content);
        }
        assert!(read_model(folder.path()).is_err() && read_model(&folder.path().join("none")).is_err());
    }
}
