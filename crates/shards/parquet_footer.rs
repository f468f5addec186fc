//! The end of a Parquet file, which says what is in it: looked at before it is decoded, since the decoder makes room for as
//! much as a list says that it has, and goes into groups of columns by recursion. Either would end the process.
use std::path::Path;

use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::FOOTER_SIZE;
use parquet::file::metadata::FooterTail;
use parquet::file::reader::{ChunkReader, Length};

use crate::ShardError;
use crate::parquet_pages::variable;
use crate::sink::open;
use crate::source::Source;

/// Groups of columns within each other.
const DEEPEST: usize = 100;

/// Errors: what the decoder says of damage; too many groups within each other; lists that the file is too short for.
pub(crate) fn read_footer(file: &Source) -> Result<ArrowReaderMetadata> {
    let length = file.len();
    let tail = length.saturating_sub(FOOTER_SIZE as u64);
    // What is no footer at all the decoder tells.
    if let Ok(footer) = <[u8; FOOTER_SIZE]>::try_from(&*file.get_bytes(tail, (length - tail) as usize)?)
        && let Ok(footer) = FooterTail::try_new(&footer)
        && let Some(start) = tail.checked_sub(footer.metadata_length() as u64)
        && !footer.is_encrypted_footer()
        && !is_sound(&file.get_bytes(start, footer.metadata_length())?)
    {
        let why = format!(
            "its footer is damaged, or has lists longer than the file, or columns in more than {DEEPEST} groups within each other"
        );
        return Err(ParquetError::General(why));
    }
    ArrowReaderMetadata::load(file, ArrowReaderOptions::new())
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

/// Thrift's compact protocol: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.
struct Compact<'a>(&'a [u8]);

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn number(&mut self) -> Option<u64> {
        let (number, rest) = variable(self.0)?;
        self.0 = rest;
        Some(number)
    }

    fn pass(&mut self, bytes: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }

    /// Number and type of the next field behind the one numbered `last`; none at the end of the struct.
    fn field(&mut self, last: &mut u64) -> Option<Option<(u64, u8)>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        *last = match head >> 4 {
            0 => self.number()? >> 1,
            more => *last + u64::from(more),
        };
        Some(Some((*last, head & 0x0F)))
    }

    /// Length of a list and type of what is in it.
    fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let length = match head >> 4 {
            15 => self.number()?,
            length => u64::from(length),
        };
        // Whatever it is of, an element takes a byte.
        (length <= self.0.len() as u64).then_some((length, head & 0x0F))
    }

    /// Passes over a field of this type, in so many structs and lists.
    fn skip(&mut self, kind: u8, within: usize) -> Option<()> {
        match kind {
            // The type says it.
            TRUE | FALSE => Some(()),
            _ => self.skip_value(kind, within),
        }
    }

    fn skip_value(&mut self, kind: u8, within: usize) -> Option<()> {
        match kind {
            TRUE | FALSE | 3 => self.pass(1),
            4..=6 => self.number().map(|_| ()),
            7 => self.pass(8),
            8 => {
                let length = self.number()?;
                self.pass(length)
            }
            LIST | 10 if within < DEEPEST => {
                let (length, kind) = self.list()?;
                (0..length).try_for_each(|_| self.skip_value(kind, within + 1))
            }
            STRUCT if within < DEEPEST => {
                let mut last = 0;
                while let Some((_, kind)) = self.field(&mut last)? {
                    self.skip(kind, within + 1)?;
                }
                Some(())
            }
            _ => None,
        }
    }
}
