//! The end of a Parquet file, which says what is in it: looked at before it is decoded, since the decoder makes room for as
//! much as a list says that it has, and goes into groups of columns by recursion. Either would end the process.
use std::path::Path;
use std::sync::Arc;

use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::FOOTER_SIZE;
use parquet::file::metadata::{FooterTail, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};

use crate::ShardError;
use crate::sink::open;
use crate::source::Source;
use crate::thrift::{Compact, LIST};

/// Groups of columns within each other.
const DEEPEST: usize = 100;

/// Errors: what the decoder says of damage; too many groups within each other; lists that the file is too short for.
pub(crate) fn read_footer(file: &Source) -> Result<ArrowReaderMetadata> {
    let length = file.len();
    let tail = length.saturating_sub(FOOTER_SIZE as u64);
    let footer = file.get_bytes(tail, (length - tail) as usize)?;
    let footer = footer.first_chunk().and_then(|footer| FooterTail::try_new(footer).ok());
    let Some((start, footer)) = footer
        .filter(|footer| !footer.is_encrypted_footer())
        .and_then(|footer| Some((tail.checked_sub(footer.metadata_length() as u64)?, footer)))
    else {
        // What is no footer that can be read the decoder tells.
        return ArrowReaderMetadata::load(file, ArrowReaderOptions::new());
    };
    let metadata = file.get_bytes(start, footer.metadata_length())?;
    if !is_sound(&metadata) {
        let why = format!(
            "its footer is damaged, or has lists longer than the file, or columns in more than {DEEPEST} groups within each other"
        );
        return Err(ParquetError::General(why));
    }
    let metadata = ParquetMetaDataReader::decode_metadata(&metadata)?;
    ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new())
}

/// To read a file without [`crate::parquet_pages`].
pub(crate) fn parquet_builder(
    path: &Path,
) -> std::result::Result<ParquetRecordBatchReaderBuilder<Source>, ShardError> {
    let file = open(path)?;
    let footer = read_footer(&file).map_err(|source| ShardError::parquet(path, 0, source))?;
    Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer))
}

/// Whether what a file's metadata says of itself can be believed.
fn is_sound(metadata: &[u8]) -> bool {
    let mut metadata = Compact(metadata);
    let mut last = 0;
    let mut fields = || {
        while let Some((id, kind)) = metadata.field(&mut last)? {
            match (id, kind) {
                (2, LIST) => schema(&mut metadata)?,
                _ => metadata.skip(kind, 0)?,
            }
        }
        Some(())
    };
    fields().is_some()
}

/// Passes over groups and columns, each before those that lie in it; of each, field 5 says how many these are.
fn schema(metadata: &mut Compact<'_>) -> Option<()> {
    // How many are still to come in each open group.
    let mut open = Vec::new();
    for _ in 0..metadata.list()?.0 {
        let (mut last, mut children) = (0, 0);
        while let Some((id, kind)) = metadata.field(&mut last)? {
            match id {
                5 => children = metadata.number()? >> 1,
                _ => metadata.skip(kind, 0)?,
            }
        }
        if children > 0 {
            open.push(children);
        } else {
            // A column ends the groups that it is the last of.
            while let Some(left) = open.last_mut() {
                *left -= 1;
                if *left > 0 {
                    break;
                }
                open.pop();
            }
        }
        if open.len() > DEEPEST || children > metadata.0.len() as u64 {
            return None;
        }
    }
    Some(())
}
