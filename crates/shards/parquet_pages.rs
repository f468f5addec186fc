//! The pages of a row group, each looked at before it is decoded: a damaged one may say that it has more values than there is
//! memory, and the decoder makes room for what it is told.
use std::io::{self, Read};
use std::iter::once;
use std::sync::Arc;

use bytes::Bytes;
use parquet::arrow::arrow_reader::RowGroups;
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::schema::types::ColumnDescPtr;

use crate::parquet_lists::{Lists, VALUE_BYTES};
use crate::source::Source;
use crate::thrift::{Compact, I32, variable};
use crate::unpacked::bomb;

/// One row group of a file.
pub(crate) struct Group {
    pub file: Arc<Source>,
    pub metadata: Arc<ParquetMetaData>,
    pub index: usize,
    pub rows_at_once: usize,
}

impl Group {
    fn row_group(&self) -> &RowGroupMetaData {
        self.metadata.row_group(self.index)
    }
}

impl RowGroups for Group {
    fn num_rows(&self) -> usize {
        self.row_group().num_rows().max(0) as usize
    }

    fn column_chunks(&self, column: usize) -> Result<Box<dyn PageIterator>> {
        let chunk = self.row_group().column(column);
        let pages =
            SerializedPageReader::new(Arc::new(Headed(self.file.clone())), chunk, self.num_rows(), None)?;
        let column = chunk.column_descr_ptr();
        let lists = Lists::new(&column, self.rows_at_once, width(&column));
        let pages: Box<dyn PageReader> = Box::new(Pages { pages, column, lists });
        Ok(Box::new(OneChunk(once(Ok(pages)))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(once(self.row_group()))
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

struct OneChunk(std::iter::Once<Result<Box<dyn PageReader>>>);

impl Iterator for OneChunk {
    type Item = Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl PageIterator for OneChunk {}

struct Pages {
    pages: SerializedPageReader<Headed>,
    column: ColumnDescPtr,
    lists: Lists,
}

impl Pages {
    /// Why a page is not to be decoded.
    fn refused(&mut self, page: &Page) -> Option<&'static str> {
        match self.lists.are_too_long(page) {
            true => Some("has lists with more values than are read at once"),
            false => unsound(page, &self.column),
        }
    }
}

/// The decoder makes room for all values, nulls too. What is longer than a megabyte is no number and no key.
const WIDEST: u64 = 1 << 20;

/// Bytes of each value where the schema says how many.
fn width(column: &ColumnDescPtr) -> u64 {
    match column.physical_type() {
        Type::FIXED_LEN_BYTE_ARRAY => column.type_length().max(0) as u64,
        _ => 0,
    }
}

/// Bytes of a row by what the file says, those of its longest lists among them.
///
/// Errors: a column of values that are longer than any.
pub(crate) fn row_bytes(group: &RowGroupMetaData) -> Result<u64> {
    let rows = group.num_rows().max(1) as u64;
    let (mut fixed, mut longest) = (0, 0);
    for chunk in group.columns() {
        let width = width(&chunk.column_descr_ptr());
        if width > WIDEST {
            let column = chunk.column_path();
            let why = format!("the values of {column} have {width} bytes each, more than {WIDEST}");
            return Err(ParquetError::General(why));
        }
        let values = (chunk.num_values().max(0) as u64).div_ceil(rows);
        fixed = values.max(1).saturating_mul(width).saturating_add(fixed);
        longest = longest.max(values.saturating_mul(VALUE_BYTES));
    }
    Ok((group.total_byte_size().max(0) as u64 / rows).max(fixed).max(longest).max(1))
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        match page.as_ref().and_then(|page| self.refused(page)) {
            Some(why) => Err(ParquetError::General(format!("a page of {} {why}", self.column.path()))),
            None => Ok(page),
        }
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.pages.at_record_boundary()
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

/// A file of which nothing is read from a place on but the headers of pages: the decoder makes room for as many bytes as
/// they say that a page unpacks to, before it does.
struct Headed(Arc<Source>);

impl Length for Headed {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for Headed {
    type T = Header;

    fn get_read(&self, start: u64) -> Result<Header> {
        Ok(Header { rest: self.0.get_read(start)?, sizes: None })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.0.get_bytes(start, length)
    }
}

/// A page's header, whose first fields are its type and its sizes.
struct Header {
    rest: <Source as ChunkReader>::T,
    /// What of them was not handed out yet; none: they were not read.
    sizes: Option<io::Cursor<Vec<u8>>>,
}

/// Bytes of three fields at most: one that says which, five of a number of 32 bits.
const SIZES_BYTES: u64 = 3 * 6;

impl Read for Header {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.sizes.is_none() {
            let mut bytes = Vec::new();
            // The end of the file is told to who reads that far.
            let _ = self.rest.by_ref().take(SIZES_BYTES).read_to_end(&mut bytes);
            if let Some((packed, unpacked)) = sizes(&bytes)
                && bomb(unpacked, packed).is_some()
            {
                let why = format!("a page of {packed} bytes says that it unpacks to {unpacked}");
                return Err(io::Error::other(why));
            }
            self.sizes = Some(io::Cursor::new(bytes));
        }
        match self.sizes.as_mut().map_or(Ok(0), |sizes| sizes.read(buffer))? {
            0 => self.rest.read(buffer),
            n => Ok(n),
        }
    }
}

/// Bytes of a page as it is packed and unpacked, by the first three fields of its header.
fn sizes(header: &[u8]) -> Option<(u64, u64)> {
    let (mut header, mut last) = (Compact(header), 0);
    let mut next = || match header.field(&mut last)? {
        Some((_, I32)) => header.number(),
        _ => None,
    };
    let (_, unpacked, packed) = (next()?, next()?, next()?);
    // Signs are in the lowest bit.
    Some((packed / 2, unpacked / 2))
}

/// The decoder makes room for the lengths of all texts of a page; writers end one after 1 MiB or 20,000 rows.
const MOST_VALUES: u64 = 1 << 24;

/// What in a page cannot be.
fn unsound(page: &Page, column: &ColumnDescPtr) -> Option<&'static str> {
    if let Page::DictionaryPage { buf, num_values, .. } = page {
        return (*num_values as usize > buf.len()).then_some("says that it has more values than bytes");
    }
    // Lengths that are packed, before the texts that they are of.
    let runs = match page.encoding() {
        Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
        Encoding::DELTA_BYTE_ARRAY => 2,
        _ => return None,
    };
    let most = u64::from(page.num_values()).min(MOST_VALUES);
    let Some(mut rest) = values(page, column) else { return Some("ends in its levels") };
    for _ in 0..runs {
        let Some((numbers, behind)) = packed_numbers(rest) else { return Some("ends in its lengths") };
        if numbers > most {
            return Some("says that it has more lengths than values, or too many");
        }
        rest = behind;
    }
    None
}

/// What comes behind the levels of a page: <https://parquet.apache.org/docs/file-format/data-pages/>.
fn values<'p>(page: &'p Page, column: &ColumnDescPtr) -> Option<&'p [u8]> {
    match page {
        Page::DataPage { buf, num_values, def_level_encoding, rep_level_encoding, .. } => {
            let levels = [
                (column.max_rep_level(), *rep_level_encoding),
                (column.max_def_level(), *def_level_encoding),
            ];
            levels.into_iter().filter(|(highest, _)| *highest > 0).try_fold(&buf[..], |rest, level| {
                let (highest, encoding) = level;
                #[allow(deprecated)]
                if encoding == Encoding::BIT_PACKED {
                    let bits = u64::from(16 - highest.leading_zeros());
                    return rest.get((u64::from(*num_values) * bits).div_ceil(8) as usize..);
                }
                let (length, rest) = rest.split_first_chunk::<4>()?;
                rest.get(u32::from_le_bytes(*length) as usize..)
            })
        }
        Page::DataPageV2 { buf, rep_levels_byte_len, def_levels_byte_len, .. } => {
            buf.get(*rep_levels_byte_len as usize..)?.get(*def_levels_byte_len as usize..)
        }
        Page::DictionaryPage { .. } => None,
    }
}

/// How many numbers a run of packed differences says that it has, and what comes behind it:
/// <https://parquet.apache.org/docs/file-format/data-pages/encodings/>, `DELTA_BINARY_PACKED`.
fn packed_numbers(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (block, rest) = variable(bytes)?;
    let (miniblocks, rest) = variable(rest)?;
    let (numbers, rest) = variable(rest)?;
    let (_, mut rest) = variable(rest)?;
    if numbers > MOST_VALUES {
        return Some((numbers, rest));
    }
    let in_miniblock = block.checked_div(miniblocks).filter(|numbers| *numbers > 0)?;
    let mut left = numbers.saturating_sub(1);
    while left > 0 {
        let (_, packed) = variable(rest)?;
        let widths = packed.get(..usize::try_from(miniblocks).ok()?)?;
        let mut length = widths.len() as u64;
        for width in widths {
            if left == 0 {
                break;
            }
            length = length.checked_add(u64::from(*width).checked_mul(in_miniblock)? / 8)?;
            left = left.saturating_sub(in_miniblock);
        }
        // Of the last ones nothing may come.
        rest = packed.get(usize::try_from(length).ok()?..).unwrap_or_default();
    }
    Some((numbers, rest))
}
