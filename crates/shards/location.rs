//! Addresses in object stores: `s3://bucket/key` and its kin. They travel as paths, like those of files.
use std::path::Path;

/// Where objects lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `s3://bucket/key`
    S3,
    /// `gs://bucket/key`
    Gs,
    /// `az://container/key`, `abfss://container@account.dfs.core.windows.net/key`
    Az,
    /// `https://host/path`, and `http://` of this machine
    Web,
    /// `hf://datasets/organisation/name@revision/path`
    Hub,
}

const SCHEMES: [(&str, Scheme); 9] = [
    ("s3", Scheme::S3),
    ("s3a", Scheme::S3),
    ("gs", Scheme::Gs),
    ("gcs", Scheme::Gs),
    ("az", Scheme::Az),
    ("abfss", Scheme::Az),
    ("https", Scheme::Web),
    ("http", Scheme::Web),
    ("hf", Scheme::Hub),
];

/// An address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub scheme: Scheme,
    /// What is connected to once: scheme and bucket, host or repository, without a slash at the end.
    pub root: String,
    /// Below it, without a slash at the start; one at the end says that a folder is meant.
    pub key: String,
}

impl Location {
    /// None: a path of this machine.
    pub fn of(path: &Path) -> Option<Self> {
        let text = path.to_str()?;
        let (name, rest) = text.split_once("://")?;
        let scheme = SCHEMES.iter().find(|(known, _)| *known == name)?.1;
        // A repository is a kind (left out for models), an organisation and a name.
        let parts = match scheme {
            Scheme::Hub if rest.starts_with("datasets/") || rest.starts_with("spaces/") => 3,
            Scheme::Hub => 2,
            _ => 1,
        };
        let cut = rest.match_indices('/').nth(parts - 1).map_or(rest.len(), |(slash, _)| slash);
        let key = rest[cut..].trim_start_matches('/').to_owned();
        Some(Self { scheme, root: format!("{name}://{}", &rest[..cut]), key })
    }

    /// The address of a key below the same root.
    #[cfg_attr(not(feature = "stores"), allow(dead_code))]
    pub fn url(&self, key: &str) -> String {
        format!("{}/{key}", self.root)
    }
}

/// True for an address in an object store.
pub fn is_remote(path: &Path) -> bool {
    Location::of(path).is_some()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_root_and_a_key() {
        let cases = [
            ("s3://bucket/raw/a.jsonl", Scheme::S3, "s3://bucket", "raw/a.jsonl"),
            ("s3://bucket", Scheme::S3, "s3://bucket", ""),
            ("gs://bucket/", Scheme::Gs, "gs://bucket", ""),
            ("az://container/raw/", Scheme::Az, "az://container", "raw/"),
            ("https://host:8443/a/b.gz?x=/1", Scheme::Web, "https://host:8443", "a/b.gz?x=/1"),
            (
                "hf://datasets/org/name@v1/data/x.parquet",
                Scheme::Hub,
                "hf://datasets/org/name@v1",
                "data/x.parquet",
            ),
            ("hf://org/model/file", Scheme::Hub, "hf://org/model", "file"),
            ("hf://datasets/org/name", Scheme::Hub, "hf://datasets/org/name", ""),
        ];
        for (text, scheme, root, key) in cases {
            let found = Location::of(Path::new(text)).unwrap();
            assert_eq!(found, Location { scheme, root: root.to_owned(), key: key.to_owned() });
        }
        for path in ["raw/", "/raw/s3:/x", "C://x", "s3:/bucket/key", "file:///raw"] {
            assert!(!is_remote(Path::new(path)), "{path}");
        }
    }
}
