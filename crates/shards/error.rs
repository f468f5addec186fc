//! What can go wrong with arguments and with a shard: what is wrong, where, and how to put it right.
use std::path::{Path, PathBuf};

use arrow::error::ArrowError;
use parquet::errors::ParquetError;

use crate::{Quarantined, Skipped};

/// What an object store answers instead of bytes. It travels inside of I/O errors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct StoreError {
    pub why: String,
    /// How to put it right, as a sentence without a full stop.
    pub remedy: &'static str,
    pub(crate) kind: StoreErrorKind,
}

/// How the words of an outage begin.
pub(crate) const NO_ANSWER: &str = "the store does not answer";

#[cfg_attr(not(feature = "stores"), allow(dead_code))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreErrorKind {
    Absent,
    /// Only whole files are given.
    NoRanges,
    /// The token does not let in.
    Denied,
    /// Somebody else was first.
    Conflict,
    /// Nobody answers, or only that it cannot now: another attempt may read it.
    Outage,
    Other,
}

impl StoreError {
    pub(crate) fn new(why: String, remedy: &'static str) -> Self {
        Self { why, remedy, kind: StoreErrorKind::Other }
    }

    fn inside(error: &std::io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref::<Self>().cloned()
    }
}

impl From<StoreError> for std::io::Error {
    fn from(error: StoreError) -> Self {
        Self::other(error)
    }
}

/// The input cannot be used at all; nothing was read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    #[error("{}: no such file or folder; check the path, or quote a pattern so that the shell leaves it alone", .0.display())]
    NotFound(PathBuf),
    #[error("{}: no such object, nothing below it; check the address, a pattern matches whole names between slashes", .0.display())]
    NoObject(PathBuf),
    #[error("{}: {source}; {}", .url.display(), .source.remedy)]
    Store { url: PathBuf, source: StoreError },
    #[error("`{pattern}` is not a pattern: {source}; write for example 'raw/**/*.jsonl.gz'")]
    Pattern { pattern: String, source: globset::Error },
    #[error("nothing readable in the input{}; WARC, ARC, JSONL (also inside .gz, .zst or .lz4), Parquet, .html, .txt and .md are read", listed(.skipped, .quarantined))]
    NothingReadable { skipped: Vec<Skipped>, quarantined: Vec<Quarantined> },
    #[error(
        "`{text}` is not a column to keep: {why}; write `name:type` with type utf8, float64, int64 or bool"
    )]
    Keep { text: String, why: &'static str },
    #[error("{}: not a Parquet file; scores to be joined lie in Parquet, with an id and a number per row", .0.display())]
    Sidecar(PathBuf),
}

/// A shard that cannot be read to its end. What was delivered before stays valid.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: {fault}; {}", .path.display(), place(*.offset), .fault.remedy())]
pub struct ShardError {
    pub path: PathBuf,
    /// Bytes of uncompressed input before the fault, where that is known.
    pub offset: Option<u64>,
    pub fault: Fault,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    #[error("cannot {action}: {source}")]
    Io { action: &'static str, source: std::io::Error },
    #[error("the {kind} stream breaks off or is damaged ({source})")]
    Broken { kind: &'static str, source: std::io::Error },
    #[error("the gzip member at byte {start} {what}; {lost} bytes of the file lost")]
    Member { start: u64, what: &'static str, lost: u64 },
    #[error("{lost} bytes are no records")]
    NoRecords { lost: u64 },
    #[error("{0}")]
    Store(StoreError),
    #[error("{given} bytes came out of {read} compressed bytes, more than 1,000 to 1")]
    Bomb { read: u64, given: u64 },
    #[error("the file shrank from {expected} to {found} bytes while it was read")]
    Shrunk { expected: u64, found: u64 },
    #[error("there is no column `{column}`; the columns are {}", .found.join(", "))]
    MissingColumn { column: String, found: Vec<String> },
    #[error("the column `{column}` holds {found}, not text")]
    ColumnType { column: String, found: String },
    #[error("there is no column `{column}`; the columns are {}", .found.join(", "))]
    SidecarColumn { column: String, found: Vec<String> },
    #[error("the column `{column}` holds {found}, not {wanted}")]
    SidecarType { column: String, found: String, wanted: &'static str },
    #[error("damaged Parquet at row {row}: {source}")]
    Parquet { row: u64, source: ParquetError },
    #[error("damaged Parquet: its decoder panicked")]
    Undecodable,
    #[error("columns do not fit together: {source}")]
    Arrow { source: ArrowError },
    #[error("not the JSON that was expected: {source}")]
    Json { source: serde_json::Error },
}

impl ShardError {
    pub(crate) fn new(path: &Path, offset: Option<u64>, fault: Fault) -> Self {
        Self { path: path.to_path_buf(), offset, fault }
    }

    pub(crate) fn io(path: &Path, action: &'static str, source: std::io::Error) -> Self {
        Self::new(path, None, Fault::io(action, source))
    }

    pub(crate) fn parquet(path: &Path, row: u64, source: ParquetError) -> Self {
        Self::new(path, None, Fault::Parquet { row, source })
    }

    /// What reading a batch of a Parquet file answers.
    pub(crate) fn batch(path: &Path, row: u64, source: ArrowError) -> Self {
        let source = match source {
            ArrowError::ParquetError(what) => ParquetError::General(what),
            other => ParquetError::from(other),
        };
        Self::parquet(path, row, source)
    }

    pub(crate) fn arrow(path: &Path, source: ArrowError) -> Self {
        Self::new(path, None, Fault::Arrow { source })
    }

    /// The system did not give the bytes, or they changed meanwhile: another attempt may read them. Everything else lies
    /// in the bytes themselves.
    pub fn is_of_the_system(&self) -> bool {
        let is_outage = |error: &StoreError| error.kind == StoreErrorKind::Outage;
        let told = |error: &std::io::Error| {
            error.raw_os_error().is_some() || StoreError::inside(error).is_some_and(|error| is_outage(&error))
        };
        match &self.fault {
            Fault::Io { .. } | Fault::Shrunk { .. } => true,
            Fault::Store(error) => is_outage(error),
            Fault::Broken { source, .. } => told(source),
            Fault::Parquet { source: ParquetError::External(cause), .. } => {
                cause.downcast_ref::<std::io::Error>().is_some_and(told)
            }
            // Arrow hands on the words alone.
            Fault::Parquet { source: ParquetError::General(words), .. } => {
                words.contains("(os error ") || words.contains(NO_ANSWER)
            }
            _ => false,
        }
    }

    /// The manifest's entry for this shard.
    pub fn quarantined(&self) -> Quarantined {
        Quarantined {
            path: self.path.to_string_lossy().into_owned(),
            why: self.fault.to_string(),
            offset: self.offset,
            remedy: self.fault.remedy().to_owned(),
        }
    }
}

impl Fault {
    pub(crate) fn io(action: &'static str, source: std::io::Error) -> Self {
        match StoreError::inside(&source) {
            Some(error) => Self::Store(error),
            None => Self::Io { action, source },
        }
    }

    /// Of a compressed stream: damage, unless its store failed.
    pub(crate) fn broken(kind: &'static str, source: std::io::Error) -> Self {
        match StoreError::inside(&source) {
            Some(error) => Self::Store(error),
            None => Self::Broken { kind, source },
        }
    }

    /// How to put it right, as a sentence without a full stop.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Io { .. } => {
                "check that the file exists, that it may be read or written, and that the disk has room"
            }
            Self::Broken { .. } => "fetch or compress the file again; what came before the break was read",
            Self::Member { .. } => "fetch the file again; records before and after the damage were read",
            Self::NoRecords { .. } => "look at the file there; what lies before and after was read",
            Self::Store(error) => error.remedy,
            Self::Bomb { .. } => "unpack it and look at it; an unpacked file is read whatever its content",
            Self::Shrunk { .. } => "run again when nothing writes to the file, or pass --no-mmap",
            Self::MissingColumn { .. } | Self::ColumnType { .. } => {
                "name the text column with --text-column (dots reach into nested columns)"
            }
            Self::SidecarColumn { .. } | Self::SidecarType { .. } => {
                "name the right ones in the recipe: `id` the column of ids, `field` that of the numbers"
            }
            Self::Parquet { .. } | Self::Undecodable => {
                "write the file again; rows before the damage were read"
            }
            Self::Arrow { .. } => "write the odd column as text, or leave it out",
            Self::Json { .. } => "restore the file, or start over with --fresh",
        }
    }
}

fn place(offset: Option<u64>) -> String {
    offset.map(|bytes| format!(", after {bytes} bytes of text")).unwrap_or_default()
}

fn listed(skipped: &[Skipped], quarantined: &[Quarantined]) -> String {
    let skipped = skipped.iter().map(|file| (&file.path, &file.why));
    let all: Vec<_> = quarantined.iter().map(|file| (&file.path, &file.why)).chain(skipped).collect();
    let mut text = String::new();
    for (path, why) in all.iter().take(3) {
        text += &format!("\n  {path}: {why}");
    }
    match all.len() {
        0 => " (there is no file at all)".to_owned(),
        1..=3 => format!(":{text}\n"),
        n => format!(":{text}\n  and {} more\n", n - 3),
    }
}
