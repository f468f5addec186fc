//! Files out: complete under their final name, or not there at all.
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use xxhash_rust::xxh3::Xxh3;

use crate::fingerprint::hex;
use crate::source::Source;
use crate::{OutputFile, ShardError};

const UNFINISHED: &str = ".tmp-";

/// What a committed file leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub path: PathBuf,
    pub rows: u64,
    pub bytes: u64,
    pub xxh3_128: String,
}

impl Receipt {
    /// The manifest's entry, its path relative to the output folder.
    pub fn output_file(&self, folder: &Path) -> OutputFile {
        let path = self.path.strip_prefix(folder).unwrap_or(&self.path);
        let path = path.to_string_lossy().replace('\\', "/");
        OutputFile { path, rows: self.rows, bytes: self.bytes, xxh3_128: self.xxh3_128.clone() }
    }
}

/// A file that gets its name when it is committed. Dropped before that, it is gone.
pub struct AtomicFile {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
    hasher: Box<Xxh3>,
    bytes: u64,
}

impl AtomicFile {
    /// Makes the folder if need be; the unfinished file lies in it as `.tmp-…`.
    pub fn create(path: &Path) -> Result<Self, ShardError> {
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        let file = std::fs::create_dir_all(folder)
            .and_then(|()| unfinished_file(folder))
            .map_err(|source| ShardError::io(path, "create it", source))?;
        let file = BufWriter::with_capacity(1 << 18, file);
        Ok(Self { path: path.to_path_buf(), file, hasher: Box::new(Xxh3::new()), bytes: 0 })
    }

    /// Creates, writes and commits.
    pub fn write_all_of(path: &Path, bytes: &[u8]) -> Result<Receipt, ShardError> {
        let mut file = Self::create(path)?;
        file.write_all(bytes).map_err(|source| ShardError::io(path, "write it", source))?;
        file.commit(0)
    }

    /// Gives the file its name, once its bytes are on the disk; [`sync_folder`] makes the name last, too. `rows` is for
    /// the receipt.
    pub fn commit(self, rows: u64) -> Result<Receipt, ShardError> {
        let Self { path, file, hasher, bytes } = self;
        let error = |source| ShardError::io(&path, "write it", source);
        let file = file.into_inner().map_err(|failed| error(failed.into_error()))?;
        file.as_file().sync_data().map_err(error)?;
        file.persist(&path).map_err(|failed| error(failed.error))?;
        Ok(Receipt { path, rows, bytes, xxh3_128: hex(hasher.digest128()) })
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Puts the names of a folder's files on the disk, so that they outlast a loss of power. File systems that cannot
/// (some network and user-space ones) are left to their ways.
pub fn sync_folder(folder: &Path) -> Result<(), ShardError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    match synced.map_err(|error| (error.kind(), error)) {
        Ok(()) => Ok(()),
        Err((
            io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied,
            _,
        )) => Ok(()),
        Err((_, source)) => Err(ShardError::io(folder, "write its entries", source)),
    }
}

fn unfinished_file(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Removes the unfinished files that a killed run left directly in a folder. An absent folder has none.
pub fn remove_leftovers(folder: &Path) -> Result<(), ShardError> {
    let error = |source| ShardError::io(folder, "clear it of unfinished files", source);
    let entries = match std::fs::read_dir(folder) {
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(error)?,
    };
    for entry in entries {
        let entry = entry.map_err(error)?;
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            std::fs::remove_file(entry.path()).map_err(error)?;
        }
    }
    Ok(())
}

/// How a Parquet file is laid out.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkOptions {
    /// 1 to 22.
    pub zstd_level: i32,
    /// A row group is closed after so many rows.
    pub row_group_rows: usize,
    /// Leaf columns without dictionary and statistics: long or all different, for example `input_ids.list.item`.
    pub plain: Vec<String>,
    /// Key-values of the footer.
    pub footer: Vec<(String, String)>,
}

impl Default for SinkOptions {
    fn default() -> Self {
        let plain = ["text", "id", "url", "metadata"].map(str::to_owned).to_vec();
        Self { zstd_level: 1, row_group_rows: 10_000, plain, footer: Vec::new() }
    }
}

/// A row group is held in memory until it is closed: of long texts fewer rows make one.
const GROUP_BYTES: usize = 64 << 20;

/// Writes one Parquet file. The same batches in the same order give the same bytes.
pub struct ParquetSink {
    path: PathBuf,
    writer: ArrowWriter<AtomicFile>,
    rows: u64,
}

impl ParquetSink {
    /// Errors: the file cannot be created; a level or type that Parquet does not know.
    pub fn create(path: &Path, schema: SchemaRef, options: &SinkOptions) -> Result<Self, ShardError> {
        let error = |source| ShardError::parquet(path, 0, source);
        let level = ZstdLevel::try_new(options.zstd_level).map_err(error)?;
        let footer = options.footer.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        let mut properties = WriterProperties::builder()
            .set_created_by("corpus".to_owned())
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(options.row_group_rows.max(1)))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_statistics_truncate_length(Some(64))
            .set_key_value_metadata(Some(footer.collect()));
        for column in &options.plain {
            let column = ColumnPath::from(column.split('.').map(str::to_owned).collect::<Vec<_>>());
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_statistics_enabled(column, EnabledStatistics::None);
        }
        let file = AtomicFile::create(path)?;
        let writer = ArrowWriter::try_new(file, schema, Some(properties.build()))
            .map_err(|source| unwritten(path, 0, source))?;
        Ok(Self { path: path.to_path_buf(), writer, rows: 0 })
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), ShardError> {
        self.writer.write(batch).map_err(|source| unwritten(&self.path, self.rows, source))?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of the open row group in memory.
    pub fn memory(&self) -> usize {
        self.writer.memory_size()
    }

    pub fn commit(self) -> Result<Receipt, ShardError> {
        let file = self.writer.into_inner().map_err(|source| unwritten(&self.path, self.rows, source))?;
        file.commit(self.rows)
    }
}

/// A full disk is told as such, not as a fault of what is written.
fn unwritten(path: &Path, rows: u64, source: ParquetError) -> ShardError {
    match source {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => ShardError::io(path, "write it", *cause),
            Err(cause) => ShardError::parquet(path, rows, ParquetError::External(cause)),
        },
        source => ShardError::parquet(path, rows, source),
    }
}

/// Opens for reading; here for one wording of the error.
pub(crate) fn open(path: &Path) -> Result<Source, ShardError> {
    Source::open(path).map_err(|source| ShardError::io(path, "open it", source))
}
