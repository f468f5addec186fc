//! List files of recipes: text, also compressed by gzip.
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::source::Source;

/// The text of a list: of the file itself or, where there is none, of the one with `.gz` behind its name.
/// Errors: neither is there; not gzip though the name says so; not UTF-8.
pub fn read_list(path: &Path) -> io::Result<String> {
    String::from_utf8(bytes_of(path)?).map_err(|_| {
        io::Error::new(ErrorKind::InvalidData, "it is not UTF-8: convert it, for example with iconv")
    })
}

/// As [`read_list`], with U+FFFD for what is not UTF-8: published lists have a few lines of other encodings.
pub fn read_list_lossy(path: &Path) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&bytes_of(path)?).into_owned())
}

fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut name = path.as_os_str().to_owned();
    name.push(".gz");
    let (file, is_compressed) = match Source::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // The name that was written is the one to tell.
            (Source::open(Path::new(&name)).map_err(|_| error)?, true)
        }
        file => (file?, path.extension().is_some_and(|extension| extension == "gz")),
    };
    let mut bytes = Vec::new();
    match is_compressed {
        true => MultiGzDecoder::new(file).read_to_end(&mut bytes)?,
        false => io::BufReader::new(file).read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Write;

    #[test]
    fn plain_and_compressed_lists_read_alike() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| folder.path().join(name);
        std::fs::write(of("a"), "x.example\n").unwrap();
        let mut gz =
            flate2::write::GzEncoder::new(File::create(of("b.gz")).unwrap(), flate2::Compression::fast());
        gz.write_all(b"y.example\n").unwrap();
        gz.finish().unwrap();
        assert_eq!(read_list(&of("a")).unwrap(), "x.example\n");
        assert_eq!(read_list(&of("b")).unwrap(), "y.example\n");
        assert_eq!(read_list(&of("b.gz")).unwrap(), "y.example\n");
        assert_eq!(read_list(&of("c")).unwrap_err().kind(), ErrorKind::NotFound);
        std::fs::write(of("d"), b"\xFF\n").unwrap();
        assert_eq!(read_list(&of("d")).unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(read_list_lossy(&of("d")).unwrap(), "\u{FFFD}\n");
        std::fs::write(of("e.gz"), "not gzip").unwrap();
        assert!(read_list(&of("e")).is_err());
    }
}
